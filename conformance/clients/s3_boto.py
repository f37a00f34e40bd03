"""boto3 and the AWS command line against repositories: python s3_boto.py <server-url>

Prints `ok <what>` or `not ok <what>: <why>` for each check and exits non-zero if any failed. Expects a fresh server.
"""

import base64
import datetime
import hashlib
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import botocore.exceptions
import requests
from _checks import check, run_checks
from _s3 import URL, boto, branch, code_of, commit, new_repository

REPO = new_repository("data")
s3 = boto()
MIB = 1 << 20


def put(key, body=b"x", **more):
    return s3.put_object(Bucket=REPO, Key=key, Body=body, **more)


def get(key, **more):
    return s3.get_object(Bucket=REPO, Key=key, **more)["Body"].read()


def keys(**more):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=REPO, **more)
    return [c["Key"] for page in pages for c in page.get("Contents", [])]


def folders(**more):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=REPO, **more)
    return [p["Prefix"] for page in pages for p in page.get("CommonPrefixes", [])]


@check
def buckets_are_repositories():
    assert [b["Name"] for b in s3.list_buckets()["Buckets"]] == [REPO]
    s3.head_bucket(Bucket=REPO)
    assert s3.get_bucket_location(Bucket=REPO)["LocationConstraint"] is None
    assert "Status" not in s3.get_bucket_versioning(Bucket=REPO)
    assert code_of(s3.head_bucket, Bucket="nobody") == ("404", 404)
    assert code_of(s3.list_objects_v2, Bucket="nobody") == ("NoSuchBucket", 404)
    assert code_of(s3.create_bucket, Bucket=REPO) == ("BucketAlreadyOwnedByYou", 409)
    assert code_of(s3.create_bucket, Bucket="another") == ("NotImplemented", 501)
    for call in (s3.get_bucket_acl, s3.get_bucket_policy, s3.get_bucket_tagging, s3.get_bucket_cors):
        assert code_of(call, Bucket=REPO) == ("NotImplemented", 501)


@check
def objects_come_back_with_what_was_said_about_them():
    made = put("main/a.txt", b"hello", ContentType="text/plain", Metadata={"Owner": "ada", "empty": ""})
    assert made["ETag"] == '"5d41402abc4b2a76b9719d911017c592"' and made["ChecksumCRC32"] == "NhCmhg==", made
    found = s3.get_object(Bucket=REPO, Key="main/a.txt", ChecksumMode="ENABLED")
    assert found["Body"].read() == b"hello" and found["ETag"] == made["ETag"]
    assert (found["ContentType"], found["Metadata"]) == ("text/plain", {"owner": "ada", "empty": ""}), found
    assert found["ChecksumCRC32"] == "NhCmhg==" and found["ContentLength"] == 5
    head = s3.head_object(Bucket=REPO, Key="main/a.txt")
    assert head["ContentLength"] == 5 and head["LastModified"] == found["LastModified"]
    put("main/empty", b"")
    assert get("main/empty") == b"" and s3.head_object(Bucket=REPO, Key="main/empty")["ContentLength"] == 0
    assert s3.head_object(Bucket=REPO, Key="main/empty")["ContentType"] == "binary/octet-stream"
    for key in ("main/none", "none/a.txt", "main", "none"):
        assert code_of(s3.get_object, Bucket=REPO, Key=key) == ("NoSuchKey", 404), key
        assert code_of(s3.head_object, Bucket=REPO, Key=key) == ("404", 404), key
    assert code_of(s3.get_object, Bucket="nobody", Key="main/a") == ("NoSuchBucket", 404)


@check
def any_key_is_taken():
    odd = ["a b+c", "ü/日本/\U0001f4a9", "a//b", "/lead", "..", "../x", "a/./b", "%41%2f", "q?x=1&y", "'\"<>&;", "tail/",
           "~-_.!*()", "x" * 1024, "é" * 512, "col:on@,$=", "a\\b", "new\nline"]
    for number, key in enumerate(odd):
        put(f"main/odd/{key}"[: 5 + 1024].encode()[: 5 + 1024].decode("utf-8", "ignore"), str(number).encode())
    found = keys(Prefix="main/odd/")
    assert len(found) == len(odd), (len(found), len(odd), found)
    for key in found:
        assert s3.head_object(Bucket=REPO, Key=key)["ContentLength"] > 0, key
    listed = s3.list_objects_v2(Bucket=REPO, Prefix="main/odd/ü/")["Contents"]
    assert get(listed[0]["Key"]) == b"1"
    assert code_of(put, "main/" + "x" * 1025) == ("KeyTooLongError", 400)
    s3.delete_objects(Bucket=REPO, Delete={"Objects": [{"Key": key} for key in found]})
    assert keys(Prefix="main/odd/") == []


@check
def ranges_and_conditions_hold():
    put("main/r", b"0123456789")
    for spec, expected in {"bytes=0-3": b"0123", "bytes=5-": b"56789", "bytes=-3": b"789", "bytes=8-99": b"89"}.items():
        found = s3.get_object(Bucket=REPO, Key="main/r", Range=spec)
        assert found["Body"].read() == expected and found["ResponseMetadata"]["HTTPStatusCode"] == 206, spec
    assert s3.get_object(Bucket=REPO, Key="main/r", Range="bytes=-3")["ContentRange"] == "bytes 7-9/10"
    assert code_of(s3.get_object, Bucket=REPO, Key="main/r", Range="bytes=10-") == ("InvalidRange", 416)
    etag = s3.head_object(Bucket=REPO, Key="main/r")["ETag"]
    assert get("main/r", IfMatch=etag) == b"0123456789"
    assert code_of(s3.get_object, Bucket=REPO, Key="main/r", IfMatch='"x"') == ("PreconditionFailed", 412)
    assert code_of(s3.get_object, Bucket=REPO, Key="main/r", IfNoneMatch=etag) == ("304", 304)
    try:
        s3.get_object(Bucket=REPO, Key="main/r", IfNoneMatch=etag)
    except botocore.exceptions.ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPHeaders"]["etag"] == etag
    later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    assert code_of(s3.get_object, Bucket=REPO, Key="main/r", IfModifiedSince=later) == ("304", 304)
    assert code_of(s3.get_object, Bucket=REPO, Key="main/r", IfUnmodifiedSince=datetime.datetime(2020, 1, 1)) == (
        "PreconditionFailed", 412)
    shown = s3.get_object(Bucket=REPO, Key="main/r", ResponseContentType="text/x", ResponseCacheControl="no-store",
                          ResponseContentDisposition='attachment; filename="a b.txt"')
    assert (shown["ContentType"], shown["CacheControl"]) == ("text/x", "no-store"), shown
    assert shown["ContentDisposition"] == 'attachment; filename="a b.txt"'


@check
def writes_are_conditional():
    put("main/c", b"1", IfNoneMatch="*")
    assert code_of(put, "main/c", b"2", IfNoneMatch="*") == ("PreconditionFailed", 412)
    etag = s3.head_object(Bucket=REPO, Key="main/c")["ETag"]
    put("main/c", b"3", IfMatch=etag)
    assert code_of(put, "main/c", b"4", IfMatch=etag) == ("PreconditionFailed", 412)
    assert code_of(put, "main/not-there", b"4", IfMatch=etag) == ("NoSuchKey", 404)
    assert get("main/c") == b"3"
    now = s3.head_object(Bucket=REPO, Key="main/c")
    delete = lambda **asked: s3.delete_object(Bucket=REPO, Key="main/c", **asked)
    assert code_of(delete, IfMatch=etag) == ("PreconditionFailed", 412)
    assert code_of(delete, IfMatchSize=2) == ("PreconditionFailed", 412)
    assert code_of(delete, IfMatchLastModifiedTime=datetime.datetime(2020, 1, 1)) == ("PreconditionFailed", 412)
    many = lambda **asked: s3.delete_objects(Bucket=REPO, Delete={"Objects": [{"Key": "main/c", **asked}, {"Key": "main/none"}]})
    refused = many(ETag=etag)
    assert [e["Code"] for e in refused["Errors"]] == ["PreconditionFailed"] and len(refused["Deleted"]) == 1, refused
    assert get("main/c") == b"3"
    delete(IfMatch=now["ETag"], IfMatchSize=1, IfMatchLastModifiedTime=now["LastModified"])
    assert code_of(s3.head_object, Bucket=REPO, Key="main/c") == ("404", 404)
    delete(IfMatch=now["ETag"])
    put("main/c", b"3")
    assert "Errors" not in many(ETag=now["ETag"])
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda n: code_of(put, "main/race", str(n).encode(), IfNoneMatch="*"), range(16)))
    assert made.count(None) == 1 and made.count(("PreconditionFailed", 412)) == 15, made


@check
def digests_must_hold():
    right = hashlib.md5(b"x").digest()
    put("main/md5", b"x", ContentMD5=base64.b64encode(right).decode())
    wrong = base64.b64encode(hashlib.md5(b"y").digest()).decode()
    assert code_of(put, "main/bad", b"x", ContentMD5=wrong) == ("BadDigest", 400)
    assert code_of(put, "main/bad", b"x", ContentMD5="AAAA") == ("InvalidDigest", 400)
    for name, value in {"CRC32": "AAAAAA==", "CRC32C": "AAAAAA==", "SHA1": base64.b64encode(b"0" * 20).decode(),
                        "SHA256": base64.b64encode(b"0" * 32).decode(), "CRC64NVME": base64.b64encode(b"0" * 8).decode()}.items():
        assert code_of(put, "main/bad", b"x", **{f"Checksum{name}": value}) == ("BadDigest", 400), name
    assert code_of(s3.head_object, Bucket=REPO, Key="main/bad") == ("404", 404)
    for name, value in {"SHA1": hashlib.sha1(b"x").digest(), "SHA256": hashlib.sha256(b"x").digest()}.items():
        value = base64.b64encode(value).decode()
        assert put("main/good", b"x", **{f"Checksum{name}": value})[f"Checksum{name}"] == value
        found = s3.head_object(Bucket=REPO, Key="main/good", ChecksumMode="ENABLED")
        assert found[f"Checksum{name}"] == value, found
    big = {"Metadata": {"a": "x" * 2049}}
    assert code_of(put, "main/bad", b"x", **big) == ("MetadataTooLarge", 400)


@check
def listings_fold_and_page():
    for key in ("l/a/1", "l/a/2", "l/b", "l/c/d/e", "l/ü x/f", "l-x"):
        put(f"main/{key}")
    assert keys(Prefix="main/l/") == ["main/l/a/1", "main/l/a/2", "main/l/b", "main/l/c/d/e", "main/l/ü x/f"]
    assert folders(Prefix="main/l/", Delimiter="/") == ["main/l/a/", "main/l/c/", "main/l/ü x/"]
    assert keys(Prefix="main/l/", Delimiter="/") == ["main/l/b"]
    assert folders(Prefix="main/l", Delimiter="/") == ["main/l/"] and keys(Prefix="main/l", Delimiter="/") == ["main/l-x"]
    assert folders(Prefix="main/l/", Delimiter="d/") == ["main/l/c/d/"]
    assert keys(Prefix="main/l/", StartAfter="main/l/a/1") == ["main/l/a/2", "main/l/b", "main/l/c/d/e", "main/l/ü x/f"]
    for size in (1, 2, 3):
        paged = {"PaginationConfig": {"PageSize": size}}
        assert keys(Prefix="main/l/", **paged) == keys(Prefix="main/l/")
        assert folders(Prefix="main/l/", Delimiter="/", **paged) == folders(Prefix="main/l/", Delimiter="/")
        pages = s3.get_paginator("list_objects").paginate(Bucket=REPO, Prefix="main/l/", Delimiter="/", **paged)
        lines = [x for p in pages for x in [c["Key"] for c in p.get("Contents", [])]
                 + [c["Prefix"] for c in p.get("CommonPrefixes", [])]]
        assert sorted(lines) == ["main/l/a/", "main/l/b", "main/l/c/", "main/l/ü x/"], (size, lines)
    first = s3.list_objects_v2(Bucket=REPO, Prefix="main/l/", MaxKeys=2)
    assert (first["KeyCount"], first["MaxKeys"], first["IsTruncated"]) == (2, 2, True)
    none = s3.list_objects_v2(Bucket=REPO, Prefix="main/l/", MaxKeys=0)
    assert none["KeyCount"] == 0 and not none["IsTruncated"]
    assert keys(Prefix="main/nothing/") == [] and keys(Prefix="nobranch/") == []
    assert code_of(s3.list_objects_v2, Bucket=REPO, ContinuationToken="%") == ("InvalidArgument", 400)
    one = s3.list_objects_v2(Bucket=REPO, Prefix="main/l/b", FetchOwner=True)["Contents"][0]
    assert one["Owner"]["ID"] and one["Size"] == 1 and one["ETag"] == s3.head_object(Bucket=REPO, Key="main/l/b")["ETag"]
    assert one["LastModified"] == s3.head_object(Bucket=REPO, Key="main/l/b")["LastModified"]


@check
def branches_are_folders_at_the_root():
    for name in ("dev", "dev-2", "main-2"):
        branch(REPO, name)
    assert folders(Delimiter="/") == ["dev/", "dev-2/", "main/", "main-2/"], folders(Delimiter="/")
    assert folders(Delimiter="/", PaginationConfig={"PageSize": 1}) == ["dev/", "dev-2/", "main/", "main-2/"]
    assert folders(Prefix="ma", Delimiter="/") == ["main/", "main-2/"]
    put("dev/only-there")
    every = keys()
    assert "dev/only-there" in every and "main/a.txt" in every
    assert keys(PaginationConfig={"PageSize": 3}) == every
    assert keys(Prefix="de") == [key for key in every if key.startswith("de")]


@check
def commits_and_tags_are_read_and_not_written():
    put("main/v", b"1")
    first = commit(REPO, "main")
    put("main/v", b"2")
    assert (get("main/v"), get(f"{first}/v"), get("main@/v")) == (b"2", b"1", b"1")
    second = commit(REPO, "main")
    assert (get(f"{second}/v"), get("main~1/v")) == (b"2", b"1")
    status = code_of(put, f"{first}/v", b"3")
    assert status is not None and status[1] in (400, 404), status
    assert code_of(put, "nobranch/v", b"3") == ("NoSuchBucket", 404)
    assert code_of(put, "v", b"3") == ("InvalidArgument", 400)


@check
def copies_copy_from_any_ref():
    put("main/src dir/ü+1", b"copied", Metadata={"a": "1"}, ContentType="text/x")
    made = s3.copy_object(Bucket=REPO, Key="dev/copy", CopySource={"Bucket": REPO, "Key": "main/src dir/ü+1"})
    found = s3.get_object(Bucket=REPO, Key="dev/copy")
    assert found["Body"].read() == b"copied" and found["Metadata"] == {"a": "1"} and found["ContentType"] == "text/x"
    assert made["CopyObjectResult"]["ETag"] == found["ETag"]
    s3.copy_object(Bucket=REPO, Key="dev/copy", CopySource=f"{REPO}/dev/copy", MetadataDirective="REPLACE",
                   Metadata={"b": "2"}, ContentType="text/y")
    head = s3.head_object(Bucket=REPO, Key="dev/copy")
    assert head["Metadata"] == {"b": "2"} and head["ContentType"] == "text/y"
    same = {"Bucket": REPO, "Key": "dev/copy", "CopySource": f"{REPO}/dev/copy"}
    assert code_of(s3.copy_object, **same) == ("InvalidRequest", 400)
    missing = {"Bucket": REPO, "Key": "dev/copy", "CopySource": f"{REPO}/dev/none"}
    assert code_of(s3.copy_object, **missing) == ("NoSuchKey", 404)
    other = {"Bucket": REPO, "Key": "dev/c2", "CopySource": f"{REPO}/dev/copy"}
    assert code_of(s3.copy_object, **other, CopySourceIfMatch='"x"') == ("PreconditionFailed", 412)
    # To another repository: what is copied stays when the source is gone.
    new_repository("other")
    s3.copy_object(Bucket="other", Key="main/c", CopySource=f"{REPO}/dev/copy")
    s3.delete_object(Bucket=REPO, Key="dev/copy")
    assert s3.get_object(Bucket="other", Key="main/c")["Body"].read() == b"copied"


@check
def deleting_is_idempotent():
    put("main/d/1"), put("main/d/2"), put("dev/d/3")
    s3.delete_object(Bucket=REPO, Key="main/d/1")
    s3.delete_object(Bucket=REPO, Key="main/d/1")
    assert code_of(s3.get_object, Bucket=REPO, Key="main/d/1") == ("NoSuchKey", 404)
    wanted = [{"Key": key} for key in ("main/d/1", "main/d/2", "dev/d/3", "nobranch/x")]
    answer = s3.delete_objects(Bucket=REPO, Delete={"Objects": wanted})
    assert {d["Key"] for d in answer["Deleted"]} == {"main/d/1", "main/d/2", "dev/d/3"}, answer
    assert [e["Key"] for e in answer["Errors"]] == ["nobranch/x"], answer
    assert keys(Prefix="main/d/") == [] and keys(Prefix="dev/d/") == []
    quiet = s3.delete_objects(Bucket=REPO, Delete={"Objects": wanted[:1], "Quiet": True})
    assert "Deleted" not in quiet and "Errors" not in quiet


@check
def uploads_in_parts_are_joined():
    body = os.urandom(11 * MIB + 5)
    with tempfile.NamedTemporaryFile() as file:
        file.write(body), file.flush()
        s3.upload_file(file.name, REPO, "main/big", ExtraArgs={"Metadata": {"a": "1"}, "ContentType": "x/y"})
        head = s3.head_object(Bucket=REPO, Key="main/big")
        assert head["ETag"].endswith('-2"') and head["ContentLength"] == len(body), head
        assert head["Metadata"] == {"a": "1"} and head["ContentType"] == "x/y"
        s3.download_file(REPO, "main/big", file.name)
        assert open(file.name, "rb").read() == body
    edge = 8 * MIB
    assert get("main/big", Range=f"bytes={edge - 3}-{edge + 2}") == body[edge - 3:edge + 3]
    part = s3.get_object(Bucket=REPO, Key="main/big", PartNumber=2)
    assert part["Body"].read() == body[edge:] and part["PartsCount"] == 2
    s3.copy_object(Bucket=REPO, Key="main/big2", CopySource=f"{REPO}/main/big")
    assert get("main/big2") == body


@check
def parts_are_checked_before_they_are_joined():
    place = {"Bucket": REPO, "Key": "main/parts"}
    upload = s3.create_multipart_upload(**place)["UploadId"]
    of = {**place, "UploadId": upload}
    big = b"a" * (5 * MIB)
    tags = {n: s3.upload_part(**of, PartNumber=n, Body=body)["ETag"] for n, body in ((3, b"end"), (1, big), (2, b"small"))}
    listed = s3.list_parts(**of)["Parts"]
    assert [(p["PartNumber"], p["Size"]) for p in listed] == [(1, 5 * MIB), (2, 5), (3, 3)]
    paged = s3.list_parts(**of, MaxParts=2)
    assert paged["IsTruncated"] and paged["NextPartNumberMarker"] == 2
    assert [p["PartNumber"] for p in s3.list_parts(**of, PartNumberMarker=2)["Parts"]] == [3]
    uploads = s3.list_multipart_uploads(Bucket=REPO, Prefix="main/")["Uploads"]
    assert [(u["Key"], u["UploadId"]) for u in uploads] == [("main/parts", upload)]

    def complete(*parts):
        parts = [{"PartNumber": n, "ETag": tag} for n, tag in parts]
        return s3.complete_multipart_upload(**of, MultipartUpload={"Parts": parts})

    assert code_of(complete, (3, tags[3]), (1, tags[1])) == ("InvalidPartOrder", 400)
    assert code_of(complete, (1, tags[1]), (4, tags[1])) == ("InvalidPart", 400)
    assert code_of(complete, (1, tags[2])) == ("InvalidPart", 400)
    assert code_of(complete, (1, tags[1]), (2, tags[2]), (3, tags[3])) == ("EntityTooSmall", 400)
    assert code_of(complete) == ("MalformedXML", 400)
    assert code_of(s3.upload_part, **of, PartNumber=0, Body=b"x") == ("InvalidArgument", 400)
    assert code_of(s3.upload_part, **of, PartNumber=10001, Body=b"x") == ("InvalidArgument", 400)
    assert code_of(s3.get_object, **place) == ("NoSuchKey", 404)
    etag = complete((1, tags[1]), (3, tags[3]))["ETag"]
    md5s = hashlib.md5(big).digest() + hashlib.md5(b"end").digest()
    assert etag == f'"{hashlib.md5(md5s).hexdigest()}-2"', etag
    assert get("main/parts") == big + b"end"
    assert code_of(s3.list_parts, **of) == ("NoSuchUpload", 404)
    # Who did not hear of it asks once more.
    assert complete((1, tags[1]), (3, tags[3]))["ETag"] == etag
    assert code_of(complete, (1, tags[1])) == ("NoSuchUpload", 404)
    wanted = ["ETag", "ObjectParts", "ObjectSize", "StorageClass"]
    found = s3.get_object_attributes(**place, ObjectAttributes=wanted, MaxParts=1)
    assert (found["ETag"], found["ObjectSize"], found["StorageClass"]) == (etag.strip('"'), 5 * MIB + 3, "STANDARD")
    parts = found["ObjectParts"]
    assert (parts["TotalPartsCount"], parts["IsTruncated"], parts["NextPartNumberMarker"]) == (2, True, 1), parts
    rest = s3.get_object_attributes(**place, ObjectAttributes=wanted, PartNumberMarker=1)["ObjectParts"]
    assert [(p["PartNumber"], p["Size"]) for p in rest["Parts"]] == [(2, 3)] and not rest["IsTruncated"], rest


@check
def aborted_uploads_leave_nothing():
    place = {"Bucket": REPO, "Key": "main/aborted"}
    upload = s3.create_multipart_upload(**place)["UploadId"]
    s3.upload_part(**place, UploadId=upload, PartNumber=1, Body=b"x" * MIB)
    assert code_of(s3.abort_multipart_upload, Bucket=REPO, Key="main/another", UploadId=upload) == ("NoSuchUpload", 404)
    s3.abort_multipart_upload(**place, UploadId=upload)
    assert code_of(s3.upload_part, **place, UploadId=upload, PartNumber=2, Body=b"x") == ("NoSuchUpload", 404)
    assert code_of(s3.abort_multipart_upload, **place, UploadId=upload) == ("NoSuchUpload", 404)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=REPO)
    assert code_of(s3.head_object, **place) == ("404", 404)


@check
def parts_are_copied_from_objects():
    put("main/whole", os.urandom(6 * MIB))
    place = {"Bucket": REPO, "Key": "main/joined"}
    upload = s3.create_multipart_upload(**place)["UploadId"]
    source = {"CopySource": f"{REPO}/main/whole"}
    first = s3.upload_part_copy(**place, UploadId=upload, PartNumber=1, **source)["CopyPartResult"]["ETag"]
    second = s3.upload_part_copy(**place, UploadId=upload, PartNumber=2, **source, CopySourceRange="bytes=0-99")
    tags = [first, second["CopyPartResult"]["ETag"]]
    parts = [{"PartNumber": n + 1, "ETag": tag} for n, tag in enumerate(tags)]
    s3.complete_multipart_upload(**place, UploadId=upload, MultipartUpload={"Parts": parts})
    whole = get("main/whole")
    assert get("main/joined") == whole + whole[:100]
    wrong = {**place, "UploadId": upload, "PartNumber": 1, **source, "CopySourceRange": "bytes=0-99999999"}
    assert code_of(s3.upload_part_copy, **wrong)[1] in (400, 404)


@check
def signed_addresses_work_until_they_end():
    for version in ("s3v4", "s3"):
        client = boto(signature_version=version)
        url = client.generate_presigned_url("put_object", {"Bucket": REPO, "Key": "main/signed ü+&"}, 60)
        assert requests.put(url, data=b"by address").status_code == 200, version
        url = client.generate_presigned_url("get_object", {"Bucket": REPO, "Key": "main/signed ü+&"}, 60)
        assert requests.get(url).content == b"by address"
        assert requests.get(url, headers={"Range": "bytes=3-"}).content == b"address"
        assert requests.put(url, data=b"").status_code == 403
        assert requests.get(url.replace("signed", "signe")).status_code == 403
        ended = client.generate_presigned_url("get_object", {"Bucket": REPO, "Key": "main/a.txt"}, -5)
        assert requests.get(ended).status_code in (400, 403)
    long = boto(signature_version="s3v4").generate_presigned_url("get_object", {"Bucket": REPO, "Key": "main/a.txt"}, 604801)
    assert requests.get(long).status_code == 400


@check
def version_2_and_other_styles_are_taken():
    old = boto(signature_version="s3")
    old.put_object(Bucket=REPO, Key="main/old style/ü", Body=b"v2")
    assert old.get_object(Bucket=REPO, Key="main/old style/ü")["Body"].read() == b"v2"
    assert len(old.list_objects_v2(Bucket=REPO, Prefix="main/old style/")["Contents"]) == 1
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"x" * 9 * MIB), file.flush()
        old.upload_file(file.name, REPO, "main/old big")
    streamed = boto(s3={"payload_signing_enabled": False})
    streamed.put_object(Bucket=REPO, Key="main/unsigned", Body=b"u", ChecksumAlgorithm="SHA256")
    assert get("main/unsigned") == b"u"


@check
def hosts_name_buckets():
    from urllib.parse import urlsplit
    port = urlsplit(URL).port
    import boto3
    from botocore.config import Config
    for version in ("s3v4", "s3"):
        client = boto3.client("s3", endpoint_url=f"http://s3.localhost:{port}",
                              config=Config(s3={"addressing_style": "virtual"}, signature_version=version))
        url = client.generate_presigned_url("get_object", {"Bucket": REPO, "Key": "main/a.txt"}, 60)
        parts = urlsplit(url)
        assert parts.netloc == f"{REPO}.s3.localhost:{port}", url
        answer = requests.get(url.replace(parts.netloc, f"127.0.0.1:{port}"), headers={"Host": parts.netloc})
        assert answer.content == b"hello", (version, answer.text)


def aws(*arguments, fails=False):
    command = [sys.executable, "-m", "awscli", "--endpoint-url", URL, *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode != 0) == fails, f"{arguments}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@check
def the_command_line_copies_and_syncs():
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(f"{folder}/in/sub dir")
        files = {"a.txt": b"a", "sub dir/ü.bin": os.urandom(9 * MIB), "empty": b""}
        for name, content in files.items():
            with open(f"{folder}/in/{name}", "wb") as file:
                file.write(content)
        aws("s3", "cp", f"{folder}/in/a.txt", f"s3://{REPO}/main/cli/a.txt", "--cache-control", "no-cache")
        assert s3.head_object(Bucket=REPO, Key="main/cli/a.txt")["CacheControl"] == "no-cache"
        aws("s3", "sync", f"{folder}/in", f"s3://{REPO}/main/cli/")
        again = aws("s3", "sync", f"{folder}/in", f"s3://{REPO}/main/cli/")
        assert "upload:" not in again, again
        aws("s3", "sync", f"s3://{REPO}/main/cli/", f"{folder}/out")
        for name, content in files.items():
            assert open(f"{folder}/out/{name}", "rb").read() == content, name
        listing = aws("s3", "ls", "--recursive", f"s3://{REPO}/main/cli/")
        assert len(listing.strip().splitlines()) == 3, listing
        assert "PRE main/" in aws("s3", "ls", f"s3://{REPO}")
        assert REPO in aws("s3", "ls")
        aws("s3", "mv", f"s3://{REPO}/main/cli/a.txt", f"s3://{REPO}/main/cli/b.txt")
        aws("s3", "rm", "--recursive", f"s3://{REPO}/main/cli/")
        assert keys(Prefix="main/cli/") == []
        aws("s3", "ls", f"s3://{REPO}/main/cli/", fails=True)
        assert "NoSuchBucket" in aws("s3", "ls", "s3://nobody", fails=True)


@check
def buckets_come_in_pages():
    new_repository("pages-a")
    new_repository("pages-b")
    # Other checks have made some, too.
    names = [b["Name"] for b in s3.list_buckets()["Buckets"]]
    assert names == sorted(names) and {REPO, "pages-a", "pages-b"} <= set(names), names
    first = s3.list_buckets(MaxBuckets=2)
    assert [b["Name"] for b in first["Buckets"]] == names[:2], first
    rest = s3.list_buckets(MaxBuckets=len(names), ContinuationToken=first["ContinuationToken"])
    assert [b["Name"] for b in rest["Buckets"]] == names[2:] and "ContinuationToken" not in rest, rest
    pages = s3.get_paginator("list_buckets").paginate(PaginationConfig={"PageSize": 1}, Prefix="pages-")
    assert [b["Name"] for page in pages for b in page["Buckets"]] == ["pages-a", "pages-b"]
    assert code_of(s3.list_buckets, MaxBuckets=2, ContinuationToken="%%") == ("InvalidArgument", 400)


if __name__ == "__main__":
    sys.exit(1 if run_checks() else 0)
