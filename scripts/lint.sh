#!/usr/bin/env bash
# Format, vet, staticcheck, known vulnerabilities, module files. Prints what is wrong and fails.
set -euo pipefail
tool() { go tool -modfile=tools.mod "$@"; }

unformatted=$(git ls-files '*.go' | xargs go tool -modfile=tools.mod gofumpt -l)
[ -z "$unformatted" ] || { echo "gofumpt would change:"; echo "$unformatted"; exit 1; }
go vet ./...
tool staticcheck ./...
# Reports of the vulnerability database: beside the checkout where there is no network, else the database's own site.
database=()
[ -d ../shared/vulndb ] && database=(-db "file://$(cd ../shared/vulndb && pwd)")
tool govulncheck "${database[@]}" ./...
go mod verify
go mod tidy -diff
for module in e2e e2e/parts/zitadel; do
  [ -f "$module/go.mod" ] && (cd "$module" && go mod verify && go mod tidy -diff)
done
bash -n scripts/*.sh .ci/run
