"""What S3 keeps with an object beside its bytes, through boto3: python s3_kept.py <server-url>

Checksums, of whole objects and of parts, and headers. Prints `ok <what>` or `not ok <what>: <why>` for each check and
exits non-zero if any failed. Expects a fresh server.
"""

import base64
import datetime
import gzip
import hashlib
import os
import sys
import tempfile
import zlib

from _checks import check, run_checks
from _s3 import boto, code_of, commit, lakefs, new_repository
from boto3.exceptions import S3UploadFailedError

REPO = new_repository("kept")
s3 = boto()
MIB = 1 << 20


def put(key, body=b"x", **more):
    return s3.put_object(Bucket=REPO, Key=key, Body=body, **more)


def get(key):
    return s3.get_object(Bucket=REPO, Key=key)["Body"].read()


def sum_of(name, content):
    """The checksum of some bytes in base64, of the algorithms that botocore knows without its C library."""
    found = {"CRC32": lambda c: zlib.crc32(c).to_bytes(4, "big"), "SHA1": lambda c: hashlib.sha1(c).digest(),
             "SHA256": lambda c: hashlib.sha256(c).digest()}[name](content)
    return base64.b64encode(found).decode()


@check
def files_in_parts_have_the_checksum_that_boto_says_or_asks_for():
    body = os.urandom(9 * MIB + 3)
    right, place = sum_of("CRC32", body), {"Bucket": REPO, "Key": "main/summed"}
    parts = [base64.b64decode(sum_of("CRC32", body[at:at + 8 * MIB])) for at in (0, 8 * MIB)]
    with tempfile.NamedTemporaryFile() as file:
        file.write(body), file.flush()
        more = {"ChecksumCRC32": sum_of("CRC32", b"other"), "MpuObjectSize": len(body)}
        try:
            s3.upload_file(file.name, REPO, "main/summed", ExtraArgs=more)
            raise AssertionError("a wrong checksum was taken")
        except S3UploadFailedError as error:
            assert "BadDigest" in str(error), error
        assert code_of(s3.head_object, **place) == ("404", 404)
        s3.upload_file(file.name, REPO, "main/summed", ExtraArgs={"ChecksumCRC32": right, "MpuObjectSize": len(body)})
        head = s3.head_object(**place, ChecksumMode="ENABLED")
        assert (head["ChecksumCRC32"], head["ChecksumType"]) == (right, "FULL_OBJECT"), head
        assert head["ETag"].endswith('-2"')
        # botocore verifies what it reads.
        assert s3.get_object(**place, ChecksumMode="ENABLED")["Body"].read() == body
        s3.upload_file(file.name, REPO, "main/summed")
        head = s3.head_object(**place, ChecksumMode="ENABLED")
        assert (head["ChecksumCRC32"], head["ChecksumType"]) == (sum_of("CRC32", b"".join(parts)) + "-2", "COMPOSITE")
        for name in ("SHA1", "SHA256"):
            s3.upload_file(file.name, REPO, "main/summed", ExtraArgs={"ChecksumAlgorithm": name})
            head = s3.head_object(**place, ChecksumMode="ENABLED")
            assert head[f"Checksum{name}"].endswith("=-2") and head["ChecksumType"] == "COMPOSITE", head
    assert get("main/summed") == body and "ChecksumSHA256" not in s3.head_object(**place)
    copied = s3.copy_object(Bucket=REPO, Key="main/summed2", CopySource=f"{REPO}/main/summed")["CopyObjectResult"]
    assert (copied["ChecksumSHA256"], copied["ChecksumType"]) == (head["ChecksumSHA256"], "COMPOSITE"), copied


@check
def the_whole_is_checked_before_parts_are_joined():
    place, body = {"Bucket": REPO, "Key": "main/whole sum"}, b"hello"
    right, wrong = sum_of("CRC32", body), sum_of("CRC32", b"other")

    def begin(**more):
        made = s3.create_multipart_upload(**place, **more)
        part = s3.upload_part(**place, UploadId=made["UploadId"], PartNumber=1, Body=body)
        return made, {"PartNumber": 1, "ETag": part["ETag"]}

    def complete(upload, part, **more):
        parts = {"Parts": [part]}
        return s3.complete_multipart_upload(**place, UploadId=upload["UploadId"], MultipartUpload=parts, **more)

    upload, part = begin(ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    assert (upload["ChecksumAlgorithm"], upload["ChecksumType"]) == ("CRC32", "FULL_OBJECT"), upload
    for code, named, more in (
        ("BadDigest", part, {"ChecksumCRC32": wrong}),
        ("BadDigest", part, {"ChecksumCRC32": right, "ChecksumType": "COMPOSITE"}),
        ("InvalidRequest", part, {"ChecksumSHA256": sum_of("SHA256", body)}),
        ("InvalidRequest", part, {"ChecksumCRC32": right, "ChecksumSHA256": sum_of("SHA256", body)}),
        ("InvalidRequest", part, {"MpuObjectSize": len(body) - 1}),
        ("InvalidRequest", part, {"ChecksumCRC32": "AAAA"}),
        ("InvalidPart", {**part, "ChecksumCRC32": wrong}, {}),
    ):
        assert code_of(complete, upload, named, **more) == (code, 400), (code, named, more)
        assert code_of(s3.head_object, **place) == ("404", 404), more
    done = complete(upload, {**part, "ChecksumCRC32": right}, ChecksumCRC32=right, MpuObjectSize=len(body))
    assert (done["ChecksumCRC32"], done["ChecksumType"]) == (right, "FULL_OBJECT"), done
    # One that the client did not begin with: S3's default, CRC-64/NVME.
    upload, part = begin()
    assert "ChecksumAlgorithm" not in upload, upload
    done = complete(upload, part)
    assert (done["ChecksumCRC64NVME"], done["ChecksumType"]) == ("M3eFcAZSQlc=", "FULL_OBJECT"), done
    upload = {**place, "UploadId": s3.create_multipart_upload(**place, ChecksumAlgorithm="SHA256")["UploadId"]}
    assert code_of(s3.upload_part, **upload, PartNumber=1, Body=body, ChecksumAlgorithm="SHA1") == ("InvalidRequest", 400)
    s3.upload_part(**upload, PartNumber=1, Body=body, ChecksumAlgorithm="SHA256")
    listed = s3.list_parts(**upload)
    assert (listed["ChecksumAlgorithm"], listed["ChecksumType"]) == ("SHA256", "COMPOSITE"), listed
    assert listed["Parts"][0]["ChecksumSHA256"] == sum_of("SHA256", body), listed
    copied = s3.upload_part_copy(**upload, PartNumber=2, CopySource=f"{REPO}/{place['Key']}")["CopyPartResult"]
    assert copied["ChecksumSHA256"] == sum_of("SHA256", body), copied
    s3.abort_multipart_upload(**upload)
    for more in ({"ChecksumAlgorithm": "SHA256", "ChecksumType": "FULL_OBJECT"}, {"ChecksumType": "COMPOSITE"},
                 {"ChecksumAlgorithm": "CRC64NVME", "ChecksumType": "COMPOSITE"}):
        assert code_of(begin, **more) == ("InvalidRequest", 400), more


@check
def headers_are_kept_with_objects():
    names = {"CacheControl": "max-age=60", "ContentDisposition": 'attachment; filename="a b.txt"',
             "ContentEncoding": "gzip", "ContentLanguage": "de, en",
             "Expires": datetime.datetime(2030, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)}
    body = gzip.compress(b"hello")

    def kept(key, **more):
        found = s3.get_object(Bucket=REPO, Key=key, **more)
        assert found["Body"].read() == body and found["Metadata"] == {}, found
        return {name: found[name] for name in names if name in found}

    put("main/kept", body, **names)
    assert kept("main/kept") == names, kept("main/kept")
    head = s3.head_object(Bucket=REPO, Key="main/kept")
    assert {name: head[name] for name in names} == names, head
    shown = kept("main/kept", ResponseCacheControl="no-store", ResponseContentEncoding="identity")
    assert shown == names | {"CacheControl": "no-store", "ContentEncoding": "identity"}, shown
    commit(REPO, "main")
    assert kept("main@/kept") == names
    source = {"Bucket": REPO, "CopySource": f"{REPO}/main/kept"}
    s3.copy_object(Key="main/kept2", **source, CacheControl="not looked at")
    assert kept("main/kept2") == names
    s3.copy_object(Key="main/kept2", **source, MetadataDirective="REPLACE", ContentLanguage="fr")
    assert kept("main/kept2") == {"ContentLanguage": "fr"}
    place = {"Bucket": REPO, "Key": "main/kept3"}
    upload = s3.create_multipart_upload(**place, **names)["UploadId"]
    tag = s3.upload_part(**place, UploadId=upload, PartNumber=1, Body=body)["ETag"]
    s3.complete_multipart_upload(**place, UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": tag}]})
    assert kept("main/kept3") == names
    stats = lakefs("GET", f"/repositories/{REPO}/refs/main/objects/stat", params={"path": "kept"})
    assert stats.get("metadata", {}) == {}, stats
    put("main/kept", b"x")
    assert "CacheControl" not in s3.head_object(Bucket=REPO, Key="main/kept")
    assert code_of(put, "main/kept", b"x", CacheControl="x" * 2048) == ("MetadataTooLarge", 400)


if __name__ == "__main__":
    sys.exit(1 if run_checks() else 0)
