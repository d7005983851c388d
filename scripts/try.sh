#!/usr/bin/env bash
# Does what a newcomer does with the last commit: clones it, types make run, and signs in as a guest. Whoever develops has
# warm caches and files that were never committed; a fresh clone with empty caches shows what only they have.
set -euo pipefail
cd "$(dirname "$0")/.."
endpoint=http://127.0.0.1:7400
readonly readyWithin=600 stopWithin=40 # seconds; the first build of everything takes most of the former

fail() { echo "try.sh: $*" >&2; exit 1; }
if (: </dev/tcp/127.0.0.1/7400) 2>/dev/null; then
  fail "port 7400 is in use, and make run listens there: stop what does, then run this again"
fi

dir=$(mktemp -d)
group=
finish() {
  if [ -n "$group" ]; then kill -KILL -- "-$group" 2>/dev/null || true; fi
  rm -rf "$dir"
}
trap finish EXIT

git clone -q . "$dir/idpool"
# -modcacherw, so that finish may remove the modules. No variable of this terminal may change what make run does.
GOFLAGS="$(go env GOFLAGS) -modcacherw"
export GOFLAGS GOMODCACHE="$dir/mod" GOCACHE="$dir/build"
unset "${!AWS_@}" "${!IDPOOL_@}"

# make starts go, and go starts the node: a process group of their own makes them easy to find, and to end together.
(cd "$dir/idpool" && exec setsid make run) </dev/null >"$dir/out" 2>"$dir/log" &
group=$!

show() { tail -n 20 "$dir/out" "$dir/log" >&2; }
runs() { kill -0 "$group" 2>/dev/null; }
# within SECONDS COMMAND...: waits until the command succeeds.
within() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.2
  done
}
curl() { command curl -sf --noproxy '*' --max-time 10 "$@"; }
ready() { ! runs || { curl -o "$dir/ready" "$endpoint/readyz" && grep -q identity-pool-id "$dir/out"; }; }
within $readyWithin ready || { show; fail "no node is ready after $readyWithin seconds"; }
runs || { show; fail "make run ended by itself"; }
echo "ready after $SECONDS seconds"

# call OPERATION INPUT: as the guest of a browser would, without keys.
call() {
  curl -H 'Content-Type: application/x-amz-json-1.1' -H "X-Amz-Target: AWSCognitoIdentityService.$1" -d "$2" "$endpoint" ||
    { show; fail "$1 $2 is refused"; }
}
pool=$(sed -n 's/.*--identity-pool-id \([^ ]*\).*/\1/p' "$dir/out")
id=$(call GetId "{\"IdentityPoolId\": \"$pool\"}" | jq -er .IdentityId)
call GetCredentialsForIdentity "{\"IdentityId\": \"$id\"}" | jq -e .Credentials.SessionToken >"$dir/token"
echo "a guest of $pool has credentials"

# The signal is for the node alone: go and make would die of it, and hide how the node ends.
node=$(pgrep -g "$group" -x idpool) || { show; fail "make run has started no process idpool"; }
kill -TERM "$node"
ended() { ! runs; }
within $stopWithin ended || { show; fail "make run has not ended $stopWithin seconds after SIGTERM to the node"; }
code=0
wait "$group" || code=$?
[ "$code" -eq 0 ] || { show; fail "make run ended with $code after SIGTERM to the node"; }
if left=$(pgrep -a -g "$group"); then fail "processes are left: $left"; fi
group=
echo "it ended with 0, and nothing is left"
