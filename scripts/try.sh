#!/usr/bin/env bash
# Does what a newcomer does with the last commit: clones it, types make run, signs in as a guest, presses Ctrl-C, and gets
# ready for make test. Whoever develops has warm caches and files that were never committed; a fresh clone with empty caches
# shows what only they have.
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
# -modcacherw, so that finish may remove the modules. No variable of this terminal may change what make does.
GOFLAGS="$(go env GOFLAGS) -modcacherw"
export GOFLAGS GOMODCACHE="$dir/mod" GOCACHE="$dir/build"
unset "${!AWS_@}" "${!IDPOOL_@}"

# make starts the node: a process group of their own is what Ctrl-C reaches, and what is left is easy to find. What a script
# starts beside itself ignores Ctrl-C, unless told otherwise.
(cd "$dir/idpool" && exec setsid env --default-signal=INT make run) </dev/null >"$dir/out" 2>"$dir/log" &
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

# Ctrl-C reaches make and the node. The node ends in order, and make complains of nothing.
kill -INT -- "-$group"
ended() { ! pgrep -g "$group" >/dev/null; }
within $stopWithin ended || { show; fail "of make run is left $stopWithin seconds after Ctrl-C: $(pgrep -a -g "$group")"; }
group=
grep -q '"msg":"stopped"' "$dir/log" || { show; fail "the node has not stopped in order"; }
if grep -F '***' "$dir/out" "$dir/log"; then fail "make complains of Ctrl-C"; fi
echo "Ctrl-C ended it in order, and nothing is left"

# make test takes long and is not run here. But all that it needs of Go is in the clone and what the clone names: every package
# of every test is found, and its module fetched.
for file in $(git -C "$dir/idpool" ls-files go.mod '*/go.mod'); do
  module=$dir/idpool/$(dirname "$file")
  (cd "$module" && go list -test -deps ./... >/dev/null) || fail "what make test needs of $file is not to be had in a fresh clone"
done
changed=$(git -C "$dir/idpool" status --porcelain)
[ -z "$changed" ] || fail "the clone is no longer as it was: $changed"
echo "every package of the tests is there, $SECONDS seconds from the start"
