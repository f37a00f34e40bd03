"""S3 requests made by hand, right and wrong: python s3_wire.py <server-url>

Prints `ok <what>` or `not ok <what>: <why>` for each check and exits non-zero if any failed. Expects a fresh server.
"""

import base64
import datetime
import hashlib
import hmac
import socket
import sys
import zlib
from urllib.parse import quote

import requests
from _checks import check, run_checks
from _s3 import HOST, KEY, SECRET, URL, Signed, boto, code_of, lakefs, new_repository

REPO = new_repository("wire")
s3 = boto()
CRC = base64.b64encode(zlib.crc32(b"hello").to_bytes(4, "big")).decode()
WRONG = base64.b64encode(b"0000").decode()
SIGNED, TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


def is_there(path):
    return code_of(s3.head_object, Bucket=REPO, Key=f"main/{path}") is None


def put(path, **more):
    return Signed("PUT", f"/{REPO}/main/{path}", **more)


@check
def signatures_are_proven():
    assert put("a").code(b"hello") == 200 and is_there("a")
    assert put("no", secret=SECRET + "x").code(b"hello") == "SignatureDoesNotMatch"
    assert put("no", key="AKIANOBODY0000000000").code(b"hello") == "InvalidAccessKeyId"
    request = put("no")
    request.path = request.path.replace("no", "yes")
    assert request.code(b"hello") == "SignatureDoesNotMatch"
    assert put("no").code(b"hello", more={"x-amz-meta-a": "1"}) == "AccessDenied"
    assert put("no", host="another.example").code(b"hello", more={"host": HOST}) == "SignatureDoesNotMatch"
    request = put("no")
    request.headers["authorization"] = request.headers["authorization"].replace("s3/aws4", "ec2/aws4")
    assert request.code(b"hello") == "AuthorizationHeaderMalformed"
    request.headers["authorization"] = "AWS4-HMAC-SHA512 x"
    assert request.code(b"hello") == "InvalidRequest"
    request.headers["authorization"] = "AWS x:y"
    assert request.code(b"hello") == "InvalidAccessKeyId"
    answer = requests.get(f"http://{HOST}/{REPO}", headers={"Host": f"s3.localhost:{HOST.split(':')[1]}"})
    assert answer.status_code == 403 and "AccessDenied" in answer.text and answer.headers["x-amz-request-id"]
    for path in ("no", "yes"):
        assert not is_there(path)


@check
def clocks_may_be_a_quarter_of_an_hour_apart():
    for minutes, expected in ((14, 200), (-14, 200), (16, "RequestTimeTooSkewed"), (-16, "RequestTimeTooSkewed")):
        at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)
        assert put("skew", at=at).code(b"hello") == expected, minutes


@check
def bodies_are_what_was_signed():
    kind = hashlib.sha256(b"hello").hexdigest()
    assert put("whole", kind=kind).code(b"hello") == 200
    assert put("hash", kind=kind).code(b"hullo") == "XAmzContentSHA256Mismatch"
    assert put("hash", kind="nonsense").code(b"hello") == "InvalidArgument"
    assert not is_there("hash")


@check
def signed_chunks_are_proven_one_by_one():
    body = bytes(range(256)) * 600

    def of(path, **more):
        headers = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": str(len(body)), **more}
        return put(path, kind=SIGNED, headers=headers)

    request = of("chunks")
    assert request.code(request.chunks(body)) == 200
    assert s3.get_object(Bucket=REPO, Key="main/chunks")["Body"].read() == body
    for place in (200, 70_000, -100):
        request = of("broken")
        chunks = bytearray(request.chunks(body))
        chunks[place] ^= 1
        assert request.code(bytes(chunks)) in ("SignatureDoesNotMatch", "IncompleteBody"), place
    request = of("broken")
    assert request.code(request.chunks(body)[:-90]) == "IncompleteBody"
    request = of("broken", **{"x-amz-decoded-content-length": str(len(body) + 1)})
    assert request.code(request.chunks(body)) == "IncompleteBody"
    request = put("broken", kind=SIGNED)
    assert request.code(request.chunks(body)) == "MissingContentLength"
    trailer = {"x-amz-trailer": "x-amz-checksum-crc32", "content-encoding": "aws-chunked",
               "x-amz-decoded-content-length": "5"}
    request = put("trailer", kind=f"{SIGNED}-TRAILER", headers=trailer)
    assert request.code(request.chunks(b"hello", trailer=("x-amz-checksum-crc32", CRC))) == 200
    request = put("broken", kind=f"{SIGNED}-TRAILER", headers=trailer)
    assert request.code(request.chunks(b"hello", trailer=("x-amz-checksum-crc32", WRONG))) == "BadDigest"
    request = put("broken", kind=f"{SIGNED}-TRAILER", headers=trailer)
    forged = request.chunks(b"hello", trailer=("x-amz-checksum-crc32", CRC)).replace(CRC.encode(), WRONG.encode())
    assert request.code(forged) == "SignatureDoesNotMatch"
    assert not is_there("broken") and is_there("trailer")


@check
def trailers_must_hold():
    headers = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": "5",
               "x-amz-trailer": "x-amz-checksum-crc32"}

    def send(path, body, **more):
        return put(path, kind=TRAILER, headers=headers | more).code(body)

    good = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:" + CRC.encode() + b"\r\n\r\n"
    assert send("t1", good) == 200
    head = s3.head_object(Bucket=REPO, Key="main/t1", ChecksumMode="ENABLED")
    assert head["ChecksumCRC32"] == CRC and head.get("ContentEncoding") is None
    assert send("t2", good.replace(CRC.encode(), WRONG.encode())) == "BadDigest"
    assert send("t2", b"5\r\nhello\r\n0\r\n\r\n") == "MalformedTrailerError"
    assert send("t2", good.replace(CRC.encode(), b"?")) == "InvalidRequest"
    assert send("t2", good.replace(b"hello", b"hell")) in ("IncompleteBody", "BadDigest")
    assert send("t2", good, **{"x-amz-decoded-content-length": "6"}) == "IncompleteBody"
    assert send("t2", good[:-10]) == "IncompleteBody"
    assert send("t2", b"zz\r\n") == "IncompleteBody"
    assert send("t2", good, **{"x-amz-trailer": "x-amz-checksum-md9"}) == "InvalidRequest"
    small = b"".join(b"1\r\n%c\r\n" % byte for byte in b"hello")
    assert send("t3", small + b"0\r\nx-amz-checksum-crc32:" + CRC.encode() + b"\r\n\r\n") == 200
    assert s3.get_object(Bucket=REPO, Key="main/t3")["Body"].read() == b"hello" and not is_there("t2")


@check
def transfers_may_be_chunked_twice():
    headers = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": "5",
               "x-amz-trailer": "x-amz-checksum-crc32"}
    request = put("twice", kind=TRAILER, headers=headers)
    body = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:" + CRC.encode() + b"\r\n\r\n"
    answer = requests.put(f"{URL}{request.path}", data=iter([body[:4], body[4:]]), headers=request.headers)
    assert answer.status_code == 200, answer.text
    assert s3.get_object(Bucket=REPO, Key="main/twice")["Body"].read() == b"hello"


@check
def a_body_that_breaks_off_leaves_nothing():
    request = put("cut")
    host, port = HOST.split(":")
    head = f"PUT {request.path} HTTP/1.1\r\ncontent-length: 100000\r\n"
    head += "".join(f"{k}: {v}\r\n" for k, v in request.headers.items())
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode() + b"\r\n" + b"x" * 5000)
    assert not is_there("cut")


@check
def who_waits_hears_before_it_sends():
    request = put("wait")
    host, port = HOST.split(":")
    for secret, first in ((SECRET, b"HTTP/1.1 100"), ("x" * 40, b"HTTP/1.1 403")):
        request = put("wait", secret=secret)
        head = f"PUT {request.path} HTTP/1.1\r\ncontent-length: 5\r\nexpect: 100-continue\r\n"
        head += "".join(f"{k}: {v}\r\n" for k, v in request.headers.items())
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(head.encode() + b"\r\n")
            said = connection.recv(65536)
            assert said.startswith(first), said
            if secret == SECRET:
                connection.sendall(b"hello")
                assert b"200 OK" in connection.recv(65536)
    assert is_there("wait")
    # Who was never told to go on gets a new connection.
    _, headers, _ = put("nothing", headers={"expect": "100-continue"}).send(more={"connection": "keep-alive"})
    assert headers.get("connection") == "close" and is_there("nothing"), headers


@check
def folders_of_branches_are_there():
    headers = {"content-type": "application/x-directory"}
    assert Signed("PUT", f"/{REPO}/main/", headers=headers).code() == 200
    assert Signed("HEAD", f"/{REPO}/main/").code() == 200
    assert Signed("DELETE", f"/{REPO}/main/").code() == 204
    assert Signed("PUT", f"/{REPO}/nobranch/", headers=headers).code() == "NoSuchBucket"
    assert Signed("HEAD", f"/{REPO}/nobranch/").code() == 404
    assert Signed("PUT", f"/{REPO}/main/").code(b"hello") == "InvalidArgument"
    assert Signed("HEAD", "/$extremelyunlikelytoexist$").code() == 404
    assert Signed("GET", f"/{REPO}/", query="list-type=2").code() == 200


@check
def what_there_is_not_says_so():
    for query in ("acl", "tagging", "versions", "policy", "lifecycle", "object-lock"):
        assert Signed("GET", f"/{REPO}", query=query).code() == "NotImplemented", query
    for query in ("acl", "tagging", "retention", "legal-hold"):
        assert Signed("GET", f"/{REPO}/main/a", query=query).code() == "NotImplemented", query
    for name in ("x-amz-server-side-encryption", "x-amz-tagging", "x-amz-write-offset-bytes"):
        assert put("no", headers={name: "1"}).code(b"x") == "NotImplemented", name
    assert Signed("GET", f"/{REPO}/main/a", query="versionId=abc").code() == "InvalidArgument"
    assert Signed("GET", f"/{REPO}/main/a", query="versionId=null").code() == 200
    assert Signed("DELETE", f"/{REPO}").code() == "NotImplemented"
    assert Signed("PATCH", f"/{REPO}/main/a").code() == "MethodNotAllowed"
    assert Signed("POST", "/").code() == "MethodNotAllowed"
    assert not is_there("no")


@check
def broken_documents_are_refused():
    for body in (b"", b"<Delete>", b"<Delete></Delete>", b"<Other><Object><Key>a</Key></Object></Other>",
                 b"<Delete><Object></Object></Delete>",
                 b"<Delete>" + b"<Object><Key>main/a</Key></Object>" * 1001 + b"</Delete>",
                 b'<!DOCTYPE x [<!ENTITY y "z">]><Delete><Object><Key>&y;</Key></Object></Delete>'):
        assert Signed("POST", f"/{REPO}", query="delete").code(body) == "MalformedXML", body[:60]
    assert is_there("a")
    for path in (f"/{REPO}/main/%zz", f"/{REPO}/main/%ff"):
        request = Signed("GET", f"/{REPO}/main/x")
        request.path = path
        assert request.code() == "InvalidURI", path


@check
def text_of_metadata_survives():
    word = "=?UTF-8?B?" + base64.b64encode("größe".encode()).decode() + "?="
    assert put("meta", headers={"x-amz-meta-size": word, "x-amz-meta-plain": "a b"}).code(b"x") == 200
    _, headers, _ = Signed("HEAD", f"/{REPO}/main/meta").send()
    assert headers["x-amz-meta-size"] == word, headers


@check
def nobody_reaches_what_they_were_not_granted():
    other = new_repository("secret")
    s3.put_object(Bucket=other, Key="main/x", Body=b"x")
    assert Signed("GET", f"/{REPO}/../{other}/main/x").code() == "NoSuchKey"
    assert Signed("GET", f"/{REPO}/main/../../{other}/main/x").code() == "NoSuchKey"
    assert Signed("GET", f"/{REPO}/main/..").code() == "NoSuchKey"


@check
def old_signatures_are_proven():
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT")

    def old(method, path, date=date, secret=SECRET, query=""):
        text = f"{method}\n\n\n{date}\n{quote(path)}{query}"
        signature = base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()).decode()
        headers = {"Date": date, "Authorization": f"AWS {KEY}:{signature}"}
        return requests.request(method, f"{URL}{quote(path)}{query}", headers=headers)

    assert old("GET", f"/{REPO}/main/a").content == b"hello"
    assert "SignatureDoesNotMatch" in old("GET", f"/{REPO}/main/a", secret="x").text
    assert "RequestTimeTooSkewed" in old("GET", f"/{REPO}/main/a", date="Tue, 27 Mar 2007 19:36:42 GMT").text


@check
def branches_that_are_gone_take_nothing():
    lakefs("POST", f"/repositories/{REPO}/branches", json={"name": "gone", "source": "main"})
    upload = s3.create_multipart_upload(Bucket=REPO, Key="gone/x")["UploadId"]
    part = s3.upload_part(Bucket=REPO, Key="gone/x", UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    lakefs("DELETE", f"/repositories/{REPO}/branches/gone")
    assert Signed("PUT", f"/{REPO}/gone/y").code(b"y") == "NoSuchBucket"
    parts = {"Parts": [{"PartNumber": 1, "ETag": part}]}
    status = code_of(s3.complete_multipart_upload, Bucket=REPO, Key="gone/x", UploadId=upload, MultipartUpload=parts)
    assert status is not None and status[1] == 404, status


if __name__ == "__main__":
    sys.exit(1 if run_checks() else 0)
