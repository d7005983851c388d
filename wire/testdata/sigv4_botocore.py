"""Signs requests with botocore, an implementation independent of this package, at a fixed time with fixed keys.

    python3 sigv4_botocore.py > sigv4_botocore.txt

Each request: "== NAME SERVICE", then the request as it would stand on the wire.
"""

import datetime
import random
import uuid
from urllib.parse import urlsplit

import botocore.auth
import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.config import Config

KEY = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SESSION = "IQoJb3JpZ2luX2VjEXAMPLE//////////wEaCXVzLWVhc3QtMSJGMEQCIA+/=="
NOW = datetime.datetime(2015, 8, 30, 12, 36, tzinfo=datetime.timezone.utc)

# Invocation ids are signed and random; with them fixed the output repeats.
rng = random.Random(1)
uuid.uuid4 = lambda: uuid.UUID(int=rng.getrandbits(128), version=4)
botocore.auth.get_current_datetime = lambda remove_tzinfo=True: NOW.replace(tzinfo=None) if remove_tzinfo else NOW


def client(service, session=None, region="eu-west-1", endpoint="http://127.0.0.1:7400"):
    return botocore.session.Session().create_client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id=KEY[0],
        aws_secret_access_key=KEY[1],
        aws_session_token=session,
        # Else the user agent names the machine.
        config=Config(retries={"total_max_attempts": 1}, user_agent="botocore"),
    )


def show(name, service, method, url, headers, body=b""):
    parts = urlsplit(url)
    body = body.encode() if isinstance(body, str) else body or b""
    print(f"== {name} {service}")
    print(f"{method} {parts.path or '/'}{'?' + parts.query if parts.query else ''} HTTP/1.1")
    default = {"http": ":80", "https": ":443"}[parts.scheme]
    print(f"Host: {parts.netloc.removesuffix(default)}")  # as http.client sends it
    for header, value in headers.items():
        print(f"{header}: {value.decode() if isinstance(value, bytes) else value}")
    if body and "Content-Length" not in headers:
        print(f"Content-Length: {len(body)}")
    print(f"\n{body.decode()}\n" if body else "")


def call(name, made, operation, **params):
    service = made.meta.service_model.signing_name

    def send(request, **_):
        show(name, service, request.method, request.url, request.headers, request.body)
        return AWSResponse(request.url, 200, {}, None)

    made.meta.events.register_first("before-send", send)
    try:
        getattr(made, operation)(**params)
    except Exception:  # there is no reply to parse
        pass
    made.meta.events.unregister("before-send", send)


def presign(name, made, operation, expires=3600, method=None, **params):
    service = made.meta.service_model.signing_name
    url = made.generate_presigned_url(operation, Params=params, ExpiresIn=expires, HttpMethod=method)
    model = made.meta.service_model.operation_model(made.meta.method_to_api_mapping[operation])
    headers = {}
    if made.meta.service_model.protocol == "json":
        # A presigned JSON call is a POST without a body: these are the headers that its URL names as signed.
        target = f"{made.meta.service_model.metadata['targetPrefix']}.{model.name}"
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
    show(name, service, method or model.http["method"], url, headers)


pools, iam, sts = client("cognito-identity"), client("iam"), client("sts")
call("json", pools, "list_identity_pools", MaxResults=10)
call("json-session", client("cognito-identity", SESSION), "create_identity_pool",
     IdentityPoolName="Pool  é", AllowUnauthenticatedIdentities=True, IdentityPoolTags={"a b": "c+d&e=f"})
call("json-long-session", client("cognito-identity", "T" * 4096), "list_identity_pools", MaxResults=1)
call("json-path", client("cognito-identity", endpoint="https://pools.example.com/a%20b//c/../%C3%A9/"),
     "list_identity_pools", MaxResults=10)
call("json-default-port", client("cognito-identity", endpoint="https://pools.example.com:443/"),
     "list_identity_pools", MaxResults=10)
call("query", iam, "create_role", RoleName="r", Path="/a b+c/~/",
     AssumeRolePolicyDocument='{"Version": "2012-10-17", "é": "a+b c"}', Tags=[{"Key": "k", "Value": ""}])
call("query-session", client("sts", SESSION, region="us-gov-west-1"), "get_caller_identity")
presign("presigned-query", sts, "get_caller_identity", method="GET")
presign("presigned-query-post", sts, "get_caller_identity")
presign("presigned-query-session", client("sts", SESSION), "assume_role", expires=60,
        RoleArn="arn:aws:iam::000000000000:role/r", RoleSessionName="s@example.com",
        Policy='{"Statement": [{"Effect": "Allow", "Action": "*; +", "Resource": "é"}]}')
presign("presigned-json", pools, "list_identity_pools", expires=604800, MaxResults=10)
presign("presigned-json-session", client("cognito-identity", SESSION), "list_identity_pools", MaxResults=10)
presign("presigned-json-members", pools, "list_identities", IdentityPoolId="eu-west-1:00000000-0000-4000-8000-000000000000",
        MaxResults=5, NextToken="a+b/c==", HideDisabled=True)
presign("presigned-json-list", pools, "delete_identities", IdentityIdsToDelete=["eu-west-1:0"])
presign("presigned-json-map", pools, "tag_resource", ResourceArn="arn:aws:cognito-identity:eu-west-1:000000000000:identitypool/x",
        Tags={"a": "b"})
