"""pytest plugin: ceph's s3-tests against a server whose buckets are repositories and whose keys begin with a branch.

Every key, prefix and marker of a call gets `main/` in front, and what comes back loses it; a bucket is made and removed through
lakeFS's API. Nothing else of a test is changed. `S3_URL`, `S3_KEY` and `S3_SECRET` name the server and its first key pair.
"""

import base64
import json
import os
import urllib.error
import urllib.request

import botocore.client
import botocore.signers
from botocore.exceptions import ClientError

BRANCH = "main/"
URL, KEY, SECRET = os.environ["S3_URL"], os.environ["S3_KEY"], os.environ["S3_SECRET"]
LISTINGS = ("ListObjects", "ListObjectsV2", "ListMultipartUploads", "ListObjectVersions")
MARKERS = ("Marker", "StartAfter", "KeyMarker")
TOLD = ("Key", "Prefix", "NextMarker", "NextKeyMarker", *MARKERS)
ROWS = ("Contents", "CommonPrefixes", "Uploads", "Deleted", "Errors")


def lakefs(method, path, body=None):
    """The status of a call of lakeFS's API."""
    request = urllib.request.Request(f"{URL}/api/v1/{path}", method=method, data=json.dumps(body).encode() if body else None)
    request.add_header("Content-Type", "application/json")
    request.add_header("Authorization", "Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode()).decode())
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def inward(operation, params):
    params = dict(params)
    if params.get("Key"):
        params["Key"] = BRANCH + params["Key"]
    source = params.get("CopySource")
    if isinstance(source, dict):
        params["CopySource"] = {**source, "Key": BRANCH + source["Key"]}
    elif isinstance(source, str):
        bucket, _, key = source.lstrip("/").partition("/")
        params["CopySource"] = f"{bucket}/{BRANCH}{key}"
    if operation in LISTINGS:
        params["Prefix"] = BRANCH + (params.get("Prefix") or "")
        for name in MARKERS:
            if params.get(name):
                params[name] = BRANCH + params[name]
    if operation == "DeleteObjects":
        objects = [{**one, "Key": BRANCH + one["Key"]} for one in params["Delete"]["Objects"]]
        params["Delete"] = {**params["Delete"], "Objects": objects}
    return params


def outward(answer):
    if isinstance(answer, dict):
        for name in TOLD:
            if isinstance(answer.get(name), str):
                answer[name] = answer[name].removeprefix(BRANCH)
        for rows in ROWS:
            for row in answer.get(rows) or []:
                outward(row)
    return answer


def refused(operation, code, status):
    metadata = {"HTTPStatusCode": status, "HTTPHeaders": {}}
    return ClientError({"Error": {"Code": code, "Message": ""}, "ResponseMetadata": metadata}, operation)


call = botocore.client.BaseClient._make_api_call


def patched(self, operation, params):
    if self.meta.service_model.service_name != "s3":
        return call(self, operation, params)
    if operation == "CreateBucket":
        bucket = params["Bucket"]
        new = {"name": bucket, "storage_namespace": f"local://{bucket}", "default_branch": "main"}
        status = lakefs("POST", "repositories", new)
        if status == 409:
            raise refused(operation, "BucketAlreadyExists", 409)
        if status != 201:
            raise refused(operation, "InvalidBucketName", 400)
        return {"ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": {}}, "Location": f"/{bucket}"}
    if operation == "DeleteBucket":
        if lakefs("DELETE", f"repositories/{params['Bucket']}") != 204:
            raise refused(operation, "NoSuchBucket", 404)
        return {"ResponseMetadata": {"HTTPStatusCode": 204, "HTTPHeaders": {}}}
    try:
        return outward(call(self, operation, inward(operation, params)))
    except ClientError as error:
        outward(error.response.get("Error"))
        raise


botocore.client.BaseClient._make_api_call = patched
sign = botocore.signers.generate_presigned_url


def signed(self, ClientMethod, Params=None, **rest):
    operation = self._PY_TO_OP_NAME.get(ClientMethod, ClientMethod)
    return sign(self, ClientMethod, inward(operation, Params or {}), **rest)


botocore.signers.generate_presigned_url = signed


def pytest_configure(config):
    import s3tests.functional

    # Each server is fresh: there is nothing to remove.
    s3tests.functional.setup = s3tests.functional.teardown = lambda: None
