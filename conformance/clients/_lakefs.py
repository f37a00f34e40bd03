"""What the scripts of lakeFS clients share: clients of one server, and a repository of the script's own.

The server's address is the first argument; the key pair is taken from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
"""

import os
import sys
import uuid

import lakefs
import lakefs_sdk
import requests
from lakefs.client import Client

URL = sys.argv[1].rstrip("/")
KEY = os.environ["AWS_ACCESS_KEY_ID"]
SECRET = os.environ["AWS_SECRET_ACCESS_KEY"]

client = Client(host=URL, username=KEY, password=SECRET)
sdk = client.sdk_client
NAME = f"conformance-{uuid.uuid4().hex[:8]}"


def refused(error, function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except error as found:
        return found
    raise AssertionError(f"not refused: expected {error.__name__}")


def refused_with(status, function, *args, **kwargs):
    error = refused(lakefs_sdk.ApiException, function, *args, **kwargs)
    assert error.status == status, f"{error.status}: {error.body}"
    return error


def repo():
    return lakefs.Repository(NAME, client)


def get(path, **kwargs):
    return requests.get(URL + path, auth=(KEY, SECRET), timeout=30, **kwargs)
