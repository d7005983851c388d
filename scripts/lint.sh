#!/usr/bin/env bash
# Format, vet, staticcheck, known vulnerabilities, module files. Prints what is wrong and fails.
set -euo pipefail
tools=$PWD/tools.mod
tool() { go tool -modfile="$tools" "$@"; }

unformatted=$(tool gofumpt -l $(git ls-files '*.go'))
[ -z "$unformatted" ] || { echo "gofumpt would change:"; echo "$unformatted"; exit 1; }
# Reports of the vulnerability database: beside the checkout where there is no network, else the database's own site.
database=()
[ -d ../shared/vulndb ] && database=(-db "file://$(cd ../shared/vulndb && pwd)")

# lint MODULE: ./... ends where another module begins.
lint() (
  echo "== module $1"
  cd "$1"
  go vet ./...
  tool staticcheck ./...
  tool govulncheck "${database[@]}" ./...
  go mod verify
  go mod tidy -diff
)
for file in $(git ls-files go.mod '*/go.mod'); do
  lint "$(dirname "$file")"
done
bash -n $(git ls-files '*.sh') .ci/run
