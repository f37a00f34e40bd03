"""Requests signed by botocore: python make_botocore.py > botocore.json

Each has what goes over the wire and the time at which it was signed; a request target is path and query.
"""

import datetime
import json
from urllib.parse import quote

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

NOW = datetime.datetime(2026, 3, 1, 12, 0, 0)
botocore.auth.get_current_datetime = lambda **_: NOW
KEY = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")

KEYS = ["", "a.txt", "a b+c.txt", "ü/日本.bin", "a//b/../c", "p=1/x&y=2;z", "~_-.!*'()", "%41%2f", "dir/", "tail \t\u00a0", "$x:@,"]
QUERIES = [
    {},
    {"uploads": ""},
    {"uploadId": "a+b/c=", "partNumber": "7"},
    {"list-type": "2", "prefix": "main/ü b+c&d", "delimiter": "/", "encoding-type": "url", "continuation-token": "1/=="},
    {"response-content-disposition": 'attachment; filename="a b.txt"', "response-content-type": "text/x+y"},
]
HEADERS = [
    {},
    {"x-amz-meta-a": "  two   words ", "Content-Type": "text/plain; charset=utf-8", "Range": "bytes=0-9"},
    {"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg==", "x-amz-copy-source": "repo/main/a%20b"},
]


def cases():
    for place, key in enumerate(KEYS):
        for number, query in enumerate(QUERIES):
            method, bucket_in_host = [("GET", False), ("PUT", True), ("DELETE", False)][(place + number) % 3]
            yield method, bucket_in_host, key, query, HEADERS[(len(key) + number) % len(HEADERS)]


def request_of(method, bucket_in_host, key, query, headers):
    path = "/" + quote(key, safe="/~")
    host = "repo.s3.localhost:9000" if bucket_in_host else "127.0.0.1:9000"
    if not bucket_in_host:
        path = "/repo" + path if key else "/repo"
    url = f"http://{host}{path}"
    pairs = "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in query.items())
    pairs = "uploads" if pairs == "uploads=" and method == "PUT" else pairs
    request = AWSRequest(method=method, url=url + (f"?{pairs}" if pairs else ""), headers=dict(headers))
    # As botocore's own handlers set it.
    request.auth_path = "/repo" + path if bucket_in_host else path if key else "/repo/"
    return request


SIGNERS = {
    "v4": lambda: botocore.auth.S3SigV4Auth(KEY, "s3", "eu-west-3"),
    "v4-address": lambda: botocore.auth.S3SigV4QueryAuth(KEY, "s3", "eu-west-3", expires=600),
    "v2": lambda: botocore.auth.HmacV1Auth(KEY),
    "v2-address": lambda: botocore.auth.HmacV1QueryAuth(KEY, expires=600),
}
# The versions that read the clock in other ways.
botocore.auth.formatdate = lambda **_: "Sun, 01 Mar 2026 12:00:00 GMT"
SECONDS = int(NOW.replace(tzinfo=datetime.timezone.utc).timestamp())
botocore.auth.time.time = lambda: SECONDS

made = []
for signer, make in SIGNERS.items():
    for case in cases():
        request = request_of(*case)
        if signer == "v4":
            request.context["payload_signing_enabled"] = True
        make().add_auth(request)
        sent = request.prepare()
        rest = sent.url.split("://", 1)[1]
        host, _, target = rest.partition("/")
        headers = {**dict(sent.headers.items()), "Host": host}
        headers = {k: v.decode() if isinstance(v, bytes) else v for k, v in headers.items()}
        made.append({"signer": signer, "method": sent.method, "target": "/" + target, "headers": headers,
                     "bucket": "repo" if case[1] else None})
lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in made)
print(f'{{"now": {SECONDS}, "key_id": "{KEY.access_key}", "secret": "{KEY.secret_key}", "requests": [\n{lines}\n]}}')
