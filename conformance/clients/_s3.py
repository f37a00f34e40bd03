"""What the S3 client scripts share: the server, its access key, repositories, and requests signed by hand."""

import datetime
import hashlib
import hmac
import os
import socket
import sys
from urllib.parse import quote, urlsplit

import requests

URL = sys.argv[1].rstrip("/") if len(sys.argv) > 1 else "http://127.0.0.1:5000"
HOST = urlsplit(URL).netloc
KEY = os.environ.setdefault("AWS_ACCESS_KEY_ID", "AKIAIOSFOLQUICKSTART")
SECRET = os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
REGION = "us-east-1"
for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
    os.environ[name] = REGION
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull

EMPTY = hashlib.sha256(b"").hexdigest()


def lakefs(method, path, **kwargs):
    """A call of lakeFS's API, for what S3 has no words for."""
    answer = requests.request(method, f"{URL}/api/v1{path}", auth=(KEY, SECRET), timeout=60, **kwargs)
    assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer.json() if "json" in answer.headers.get("content-type", "") else None


def new_repository(name):
    lakefs("POST", "/repositories", json={"name": name, "storage_namespace": f"local://{name}"})
    return name


def branch(repository, name, source="main"):
    lakefs("POST", f"/repositories/{repository}/branches", json={"name": name, "source": source})


def commit(repository, name, message="a change"):
    return lakefs("POST", f"/repositories/{repository}/branches/{name}/commits", json={"message": message})["id"]


def boto(**options):
    """boto3's client; options are those of botocore's Config."""
    import boto3
    from botocore.config import Config

    options.setdefault("retries", {"max_attempts": 1})
    return boto3.client("s3", endpoint_url=URL, config=Config(**options))


def code_of(function, *args, **kwargs):
    """The error code and status that a call of boto3 ends with."""
    from botocore.exceptions import ClientError

    try:
        function(*args, **kwargs)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    return None


def sign(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class Signed:
    """A request signed by version 4, so that every part of it can be made wrong."""

    def __init__(self, method, path, query="", headers=None, kind="UNSIGNED-PAYLOAD", at=None, secret=SECRET, key=KEY,
                 host=HOST):
        at = at or datetime.datetime.now(datetime.timezone.utc)
        self.date = at.strftime("%Y%m%dT%H%M%SZ")
        self.scope = f"{self.date[:8]}/{REGION}/s3/aws4_request"
        self.headers = {"host": host, "x-amz-date": self.date, "x-amz-content-sha256": kind}
        self.headers |= {name.lower(): value for name, value in (headers or {}).items()}
        self.method, self.path, self.query = method, quote(path, safe="/-_.~"), query
        names = sorted(self.headers)
        canonical = "\n".join([
            method, self.path, "&".join(sorted(p if "=" in p else p + "=" for p in query.split("&") if p)),
            *(f"{name}:{self.headers[name]}" for name in names), "", ";".join(names), kind,
        ])
        self.secret = sign(sign(sign(sign(b"AWS4" + secret.encode(), self.date[:8]), REGION), "s3"), "aws4_request")
        self.signature = self.sign("AWS4-HMAC-SHA256", hashlib.sha256(canonical.encode()).hexdigest(), previous=None)
        self.headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={key}/{self.scope}, SignedHeaders={';'.join(names)}, "
            f"Signature={self.signature}"
        )

    def sign(self, algorithm, what, previous):
        lines = [algorithm, self.date, self.scope, *([previous] if previous else []), what]
        return sign(self.secret, "\n".join(lines)).hex()

    def chunks(self, content, size=65536, trailer=None):
        """A body in chunks that are signed one after the other."""
        body, previous = b"", self.signature
        pieces = [content[i:i + size] for i in range(0, len(content), size)] + [b""]
        for piece in pieces:
            what = f"{EMPTY}\n{hashlib.sha256(piece).hexdigest()}"
            previous = self.sign("AWS4-HMAC-SHA256-PAYLOAD", what, previous)
            body += f"{len(piece):x};chunk-signature={previous}\r\n".encode() + piece + (b"\r\n" if piece else b"")
        if trailer:
            name, value = trailer
            what = hashlib.sha256(f"{name}:{value}\n".encode()).hexdigest()
            previous = self.sign("AWS4-HMAC-SHA256-TRAILER", what, previous)
            body += f"{name}:{value}\r\nx-amz-trailer-signature:{previous}\r\n".encode()
        return body + b"\r\n"

    def send(self, body=b"", more=None):
        """Sends it over a connection of its own; status, headers, body."""
        headers = self.headers | {"content-length": str(len(body)), "connection": "close"} | (more or {})
        target = self.path + (f"?{self.query}" if self.query else "")
        head = f"{self.method} {target} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n"
        host, port = HOST.split(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            try:
                connection.sendall(head.encode() + body)
            except ConnectionError:
                pass  # refused before all was sent
            said = b""
            while piece := connection.recv(65536):
                said += piece
        head, _, rest = said.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines[1:])
        return int(lines[0].split()[1]), {k.lower(): v for k, v in fields.items()}, rest

    def code(self, body=b"", more=None):
        """The error code, or the status if it is none."""
        status, _, said = self.send(body, more)
        if b"<Code>" in said:
            return said.split(b"<Code>")[1].split(b"<")[0].decode()
        return status
