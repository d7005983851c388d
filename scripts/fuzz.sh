#!/usr/bin/env bash
# Runs every fuzz target for the given time each: fuzz.sh 15s
set -euo pipefail
time=${1:?how long, such as 15s}
grep -rl --include='*_test.go' --exclude-dir=e2e --exclude-dir=node_modules '^func Fuzz' . | xargs -n1 dirname | sort -u | while read -r dir; do
  grep -ho '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go | sed 's/^func //' | while read -r target; do
    echo "== $dir $target"
    go test "$dir" -run '^$' -fuzz "^$target\$" -fuzztime "$time" </dev/null
  done
done
