#!/usr/bin/env bash
# Installs what the tests need and this machine lacks: as root by apt-get, else it says what to install and fails. With the
# argument all, what make test-all needs too.
set -euo pipefail

missing=()
need() { # need COMMAND PACKAGE: the command may also stand where Debian hides it
  command -v "$1" >/dev/null || compgen -G "/usr/lib/postgresql/*/bin/$1" >/dev/null || missing+=("$2")
}
need gcc gcc            # the race detector
need aws awscli
need node nodejs
need npm npm
need initdb postgresql
[ -x /usr/sbin/pgbouncer ] || need pgbouncer pgbouncer # not in everybody's path
need haproxy haproxy
need strace strace
need curl curl
need jq jq
need pgrep procps
need openssl openssl
need xmlsec1 xmlsec1    # a second opinion on signatures of SAML
if [ "${1:-}" = all ]; then
  need etcd etcd-server
  need patroni patroni
fi
[ -e /usr/include/stdlib.h ] || missing+=(libc6-dev)
# The first python3 in the path may be somebody's own, without it.
python3 -c 'import boto3' 2>/dev/null || /usr/bin/python3 -c 'import boto3' 2>/dev/null || missing+=(python3-boto3)
# A SAML identity provider, and what it needs of PHP. It brings a web server along, which nothing uses. Not every release has it:
# where apt does not know it, the tests do without.
if [ ! -e /usr/share/simplesamlphp/www ] ||
  ! php -r 'exit(extension_loaded("dom") && extension_loaded("mbstring") ? 0 : 1);' 2>/dev/null; then
  if [ "$(id -u)" -eq 0 ] && ! compgen -G '/var/lib/apt/lists/*Packages*' >/dev/null; then
    apt-get update -q # else apt knows nothing at all
  fi
  if apt-cache show simplesamlphp >/dev/null 2>&1; then
    missing+=(simplesamlphp php-cli php-xml php-mbstring)
  fi
fi
python3 -c 'import ensurepip' 2>/dev/null || /usr/bin/python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv) # for moto

[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -ne 0 ]; then
  echo "The tests need: ${missing[*]}. Install them, on Debian and Ubuntu by: sudo apt-get install ${missing[*]}" >&2
  exit 1
fi
echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# The tests start their own servers: no package may start one.
if [ ! -e /usr/sbin/policy-rc.d ]; then
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod +x /usr/sbin/policy-rc.d
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
fi
apt-get update -q
# Ubuntu 24.04 has no awscli package; there it comes from Python's index, into a place of its own.
if [[ " ${missing[*]} " == *" awscli "* ]] && ! apt-cache show awscli >/dev/null 2>&1; then
  missing=("${missing[@]/awscli/python3-venv}")
  apt-get install -q -y --no-install-recommends "${missing[@]}"
  python3 -m venv /opt/idpool-awscli
  /opt/idpool-awscli/bin/pip install -q awscli==1.45.11
  ln -sf /opt/idpool-awscli/bin/aws /usr/local/bin/aws
  exit 0
fi
apt-get install -q -y --no-install-recommends "${missing[@]}"
