"""Lists identity pools with boto3, or makes URLs that do.

usage: python3 pools.py ENDPOINT pages SIZE
       python3 pools.py ENDPOINT url OPERATION SECONDS PARAMETERS
  pages  reads all pools by pages, with the SDK's paginator; prints the names on each: [["a", "b"], ["c"]]
  url    prints a URL that calls OPERATION, such as list_identity_pools, for so many seconds; PARAMETERS are JSON

Keys and region are read from the environment.
"""

import json
import sys

import boto3

endpoint, what, *args = sys.argv[1:]
pools = boto3.client("cognito-identity", endpoint_url=endpoint)
if what == "pages":
    pages = pools.get_paginator("list_identity_pools").paginate(PaginationConfig={"PageSize": int(args[0])})
    print(json.dumps([[pool["IdentityPoolName"] for pool in page["IdentityPools"]] for page in pages]))
else:
    operation, seconds, parameters = args
    print(pools.generate_presigned_url(operation, Params=json.loads(parameters), ExpiresIn=int(seconds)))
