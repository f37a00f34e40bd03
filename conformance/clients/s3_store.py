"""Rust's object_store crate: a second server that keeps its objects in a branch of the first: python s3_store.py <server-url>

Prints `ok <what>` or `not ok <what>: <why>` for each check and exits non-zero if any failed. Expects a fresh server, and the
program in MLWRIGHT_BIN.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time

import boto3
import requests
from _checks import check, run_checks
from _s3 import KEY, SECRET, URL, boto, commit, new_repository
from botocore.config import Config

MIB = 1 << 20
new_repository("store")


class Second:
    """The second server, on a free port, while this lasts."""

    def __init__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        self.folder = tempfile.TemporaryDirectory()

    def __enter__(self):
        blobs = f"s3://store/main/of second?endpoint={URL}&region=us-east-1"
        command = [os.environ["MLWRIGHT_BIN"], "serve", "--port", self.url.rsplit(":", 1)[1], "--blob-url", blobs,
                   "--data-dir", f"{self.folder.name}/data"]
        keys = {"MLWRIGHT_ROOT_ACCESS_KEY_ID": KEY, "MLWRIGHT_ROOT_SECRET_ACCESS_KEY": SECRET}
        with open(f"{self.folder.name}/log", "w") as log:
            self.process = subprocess.Popen(command, env=os.environ | keys, stdout=log, stderr=log)
        for _ in range(300):
            try:
                if requests.get(f"{self.url}/readyz", timeout=5).ok:
                    break
            except requests.ConnectionError:
                time.sleep(0.1)
        made = {"name": "outer", "storage_namespace": "local://outer"}
        requests.post(f"{self.url}/api/v1/repositories", json=made, auth=(KEY, SECRET), timeout=60).raise_for_status()
        return boto3.client("s3", endpoint_url=self.url, config=Config(retries={"max_attempts": 1}))

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


@check
def another_server_keeps_its_objects_here():
    with Second() as s3:
        body = os.urandom(20 * MIB)
        s3.put_object(Bucket="outer", Key="main/small", Body=b"small")
        s3.put_object(Bucket="outer", Key="main/big", Body=body)
        assert s3.get_object(Bucket="outer", Key="main/small")["Body"].read() == b"small"
        assert s3.get_object(Bucket="outer", Key="main/big")["Body"].read() == body
        part = s3.get_object(Bucket="outer", Key="main/big", Range="bytes=1000-1999")["Body"].read()
        assert part == body[1000:2000]
        here = boto().list_objects_v2(Bucket="store", Prefix="main/of second/")["Contents"]
        assert any(found["Size"] == len(body) for found in here), here
        commit("store", "main", "what the second server wrote")
        assert s3.get_object(Bucket="outer", Key="main/big")["Body"].read() == body


if __name__ == "__main__":
    sys.exit(1 if run_checks() else 0)
