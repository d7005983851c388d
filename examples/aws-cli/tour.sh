#!/usr/bin/env bash
# A tour of idpool with the AWS CLI: a pool that takes guests, from nothing to credentials that work and a token that
# anybody can check. README.md, beside this file, says how to run it.
set -euo pipefail

: "${AWS_ENDPOINT_URL:?set it to the URL of a running idpool, such as http://127.0.0.1:7400}"
: "${AWS_ACCESS_KEY_ID:?set it and AWS_SECRET_ACCESS_KEY to root keys; a node of --dev has test and test}"
export AWS_DEFAULT_REGION=${AWS_DEFAULT_REGION:-us-east-1} AWS_PAGER=

# CLIs before 2.13 know no AWS_ENDPOINT_URL, so it is a flag here.
idpool() { aws --endpoint-url "$AWS_ENDPOINT_URL" --output text "$@"; }
# Of a JSON document on standard input, the string behind a name.
field() { grep -o "\"$1\":\"[^\"]*\"" | cut -d '"' -f 4; }

echo "== A pool that takes guests"
pool=$(idpool cognito-identity create-identity-pool --identity-pool-name tour \
  --allow-unauthenticated-identities --query IdentityPoolId)
echo "pool        $pool"

echo "== A role, which nobody but guests of this pool may take"
role=$(idpool iam create-role --role-name "Guest-${pool#*:}" --query Role.Arn --assume-role-policy-document '{
  "Version": "2012-10-17",
  "Statement": [{
    "Effect": "Allow",
    "Principal": {"Federated": "cognito-identity.amazonaws.com"},
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {
      "StringEquals": {"cognito-identity.amazonaws.com:aud": "'"$pool"'"},
      "ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": "unauthenticated"}
    }
  }]
}')
echo "role        $role"
idpool cognito-identity set-identity-pool-roles --identity-pool-id "$pool" --roles "unauthenticated=$role"

echo "== A guest comes: these calls need no key"
identity=$(idpool cognito-identity get-id --identity-pool-id "$pool" --query IdentityId)
echo "identity    $identity"
read -r key secret session < <(idpool cognito-identity get-credentials-for-identity --identity-id "$identity" \
  --query 'Credentials.[AccessKeyId, SecretKey, SessionToken]')
echo "credentials $key, good for an hour"

echo "== Whose credentials are these?"
caller=$(AWS_ACCESS_KEY_ID=$key AWS_SECRET_ACCESS_KEY=$secret AWS_SESSION_TOKEN=$session \
  idpool sts get-caller-identity --query Arn)
echo "caller      $caller"

echo "== A token for those who know OpenID Connect, and the keys that they check it with"
token=$(idpool cognito-identity get-open-id-token --identity-id "$identity" --query Token)
echo "token       ${token:0:20}..."
discovery=$(curl -sSf "$AWS_ENDPOINT_URL/.well-known/openid-configuration")
keys=$(curl -sSf "$(field jwks_uri <<<"$discovery")")
# A token is three parts of base64url, without padding: header, claims, signature. The header names the key.
header=$(cut -d . -f 1 <<<"$token" | tr '_-' '/+')
while [ $((${#header} % 4)) -ne 0 ]; do header+='='; done
kid=$(base64 -d <<<"$header" | field kid)
echo "issuer      $(field issuer <<<"$discovery")"
echo "key         $kid"
grep -qF "\"$kid\"" <<<"$keys" || { echo "the issuer does not publish that key" >&2; exit 1; }
