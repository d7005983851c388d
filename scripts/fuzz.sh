#!/usr/bin/env bash
# Runs every fuzz target for the given time each: fuzz.sh 15s
set -euo pipefail
time=${1:?how long, such as 15s}

# fuzz DIR TARGET. The go command sometimes fails a run for its own deadline at the end of the time, without any input that
# fails; that is no finding.
fuzz() {
  local log
  log=$(mktemp)
  echo "== $1 $2"
  if ! go test "$1" -run '^$' -fuzz "^$2\$" -fuzztime "$time" -fuzzminimizetime 1x </dev/null >"$log" 2>&1; then
    if grep -q 'context deadline exceeded' "$log" && ! grep -q 'Failing input written' "$log"; then
      echo "the time was over in the middle of an input"
    else
      cat "$log"
      rm -f "$log"
      return 1
    fi
  fi
  tail -n 2 "$log"
  rm -f "$log"
}

for dir in $(grep -rl --include='*_test.go' --exclude-dir=e2e --exclude-dir=node_modules '^func Fuzz' . | xargs -n1 dirname | sort -u); do
  for target in $(grep -ho '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go | sed 's/^func //'); do
    fuzz "$dir" "$target"
  done
done
