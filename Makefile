# The targets say what they do: make help.
SHELL := /bin/bash
TOOL  := go tool -modfile=tools.mod

.PHONY: help run test test-all lint golden bench-quick fuzz build clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

run: build ## Build and start a node for trying out (idpool serve --dev)
	@exec bin/idpool serve --dev

build: ## Build bin/idpool, static
	@echo "building bin/idpool; the first time it takes some minutes"
	@CGO_ENABLED=0 go build -trimpath -ldflags=-s -o bin/idpool ./cmd/idpool

test: ## Run every test; installs what it lacks as root, else says what to install
	./scripts/need.sh
	IDPOOL_TEST_ROUNDS=20 go test -race -timeout 20m ./...
	go test -timeout 20m -run 'TestRaces$$' ./cognito
	./scripts/fuzz.sh 15s
	cd e2e && go vet ./... && go test -count=1 -timeout 20m -skip '^TestPatroni$$' ./...

# make test runs 200 rounds of each race (IDPOOL_TEST_ROUNDS), fewer where the race detector makes them slow, and looks at plans among
# 200,000 identities (IDPOOL_TEST_ROWS).
test-all: test ## Also what takes long: 1,000 rounds a race, 10 million identities, 10 minutes of every fuzz target, 5 losses of a primary of each kind
	IDPOOL_TEST_ROUNDS=1000 go test -count=1 -timeout 60m -run 'TestRaces$$' ./cognito
	IDPOOL_TEST_ROWS=10000000 go test -count=1 -timeout 90m -v -run 'TestPlans$$' ./store
	./scripts/fuzz.sh 10m
	./scripts/need.sh all
	cd e2e && go test -count=1 -timeout 60m -v -run '^(TestFailover|TestPatroni)$$' . -failovers 5

fuzz: ## Run every fuzz target for 15 seconds
	./scripts/fuzz.sh 15s

lint: ## Format, vet, staticcheck, known vulnerabilities, module files
	./scripts/lint.sh

golden: ## Rewrite the replies in cognito/testdata, the events in server/testdata; read the diff
	go test ./cognito ./server -run Golden -update

bench-quick: ## Requests per second of the hot calls, beside a bare handler's
	go test ./server -run '^$$' -bench Quick -benchtime 1x -timeout 10m

clean: ## Remove what was built
	rm -rf bin
