"""The unmodified lakefs, lakefs-sdk and lakefs-spec packages: python lakefs_client.py <server-url>

The key pair is taken from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
Prints `ok <what>` or `not ok <what>: <why>` for each check and exits non-zero if any failed.
"""

import hashlib
import os
import sys
import tempfile
import threading
import time
import traceback
import uuid

import lakefs
import lakefs_sdk
import requests
from lakefs.client import Client
from lakefs.exceptions import (
    BadRequestException,
    ConflictException,
    ForbiddenException,
    NotAuthorizedException,
    NotFoundException,
    ObjectExistsException,
    ObjectNotFoundException,
    TransactionException,
)
from lakefs_sdk import models
from lakefs_spec import LakeFSFileSystem

URL = sys.argv[1].rstrip("/")
KEY = os.environ["AWS_ACCESS_KEY_ID"]
SECRET = os.environ["AWS_SECRET_ACCESS_KEY"]
CHECKS = []
state = {}

client = Client(host=URL, username=KEY, password=SECRET)
sdk = client.sdk_client
NAME = f"conformance-{uuid.uuid4().hex[:8]}"


def check(function):
    CHECKS.append((function.__name__.replace("_", " "), function))
    return function


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


# ---- the server


@check
def the_server_says_what_it_is_under_both_paths():
    for base in ("/api/v1", "/lakefs/api/v1"):
        assert requests.get(f"{URL}{base}/healthcheck", timeout=30).status_code == 204
        assert get(f"{base}/config").json()["version_config"]["version"] == "1.84.0"
        assert requests.get(f"{URL}{base}/setup_lakefs", timeout=30).json()["state"] == "initialized"
    assert client.version == "1.84.0"
    assert client.storage_config.blockstore_type == "local"
    assert client.storage_config.default_namespace_prefix == "local://"
    assert sdk.auth_api.get_current_user().user.id
    answer = get("/lakefs/api/v1/no/such/operation")
    assert answer.status_code == 400 and answer.json()["message"] == "no matching operation was found"
    assert sdk.internal_api.get_garbage_collection_config().grace_period > 0
    event = models.StatsEvent(var_class="client", name="conformance", count=1)
    sdk.internal_api.post_stats_events(models.StatsEventsList(events=[event]))


@check
def a_wrong_secret_is_refused():
    wrong = Client(host=URL, username=KEY, password="not the secret at all")
    error = refused(NotAuthorizedException, lambda: list(lakefs.repositories(client=wrong)))
    assert error.body["message"] == "error authenticating request", error.body
    unknown = Client(host=URL, username="AKIAUNKNOWN", password=SECRET)
    refused(NotAuthorizedException, lambda: list(lakefs.repositories(client=unknown)))


@check
def a_login_gives_a_token_and_a_cookie():
    for base in ("/api/v1", "/lakefs/api/v1"):
        body = {"access_key_id": KEY, "secret_access_key": SECRET}
        answer = requests.post(f"{URL}{base}/auth/login", json=body, timeout=30)
        assert answer.status_code == 200, answer.text
        assert answer.json()["token_expiration"] > time.time() + 3600
        bearer = {"Authorization": f"Bearer {answer.json()['token']}"}
        assert requests.get(f"{URL}{base}/user", headers=bearer, timeout=30).status_code == 200
        cookies = {"internal_auth_session": answer.cookies["internal_auth_session"]}
        assert requests.get(f"{URL}{base}/user", cookies=cookies, timeout=30).status_code == 200
        bearer = {"Authorization": f"Bearer {answer.json()['token'][:-4]}AAAA"}
        assert requests.get(f"{URL}{base}/user", headers=bearer, timeout=30).status_code == 401
        body["secret_access_key"] = "wrong"
        assert requests.post(f"{URL}{base}/auth/login", json=body, timeout=30).status_code == 401


# ---- repositories


@check
def a_repository_is_made_once():
    made = repo().create(storage_namespace=f"local://{NAME}", default_branch="main")
    assert made.properties.id == NAME and made.properties.default_branch == "main"
    assert made.properties.storage_namespace == f"local://{NAME}"
    assert abs(made.properties.creation_date - time.time()) < 60
    refused(ConflictException, repo().create, storage_namespace=f"local://{NAME}-2")
    again = repo().create(storage_namespace=f"local://{NAME}", exist_ok=True)
    assert again.properties == made.properties
    used = lakefs.Repository(f"{NAME}-other", client)
    refused(BadRequestException, used.create, storage_namespace=f"local://{NAME}")
    for name, space in (("Ab", "local://x"), ("a", "local://x"), ("-abc", "local://x"), ("good", "ftp://x")):
        # The SDK would refuse these by itself.
        body = {"name": name, "storage_namespace": space}
        answer = requests.post(f"{URL}/api/v1/repositories", json=body, auth=(KEY, SECRET), timeout=30)
        assert answer.status_code == 400 and answer.json()["message"], answer.text
    refused(BadRequestException, used.create, storage_namespace=f"local://{NAME}-3", storage_id="none")


@check
def repositories_are_listed_in_pages_and_found():
    for number in range(5):
        lakefs.Repository(f"{NAME}-l{number}", client).create(storage_namespace=f"local://{NAME}-l{number}")
    found = [one.id for one in lakefs.repositories(prefix=f"{NAME}-l", client=client)]
    assert found == [f"{NAME}-l{number}" for number in range(5)]
    page = sdk.repositories_api.list_repositories(prefix=f"{NAME}-l", amount=2)
    assert page.pagination.has_more and page.pagination.next_offset == f"{NAME}-l1"
    assert page.pagination.results == 2 and page.pagination.max_per_page == 1000
    page = sdk.repositories_api.list_repositories(prefix=f"{NAME}-l", amount=2, after=f"{NAME}-l3")
    assert [one.id for one in page.results] == [f"{NAME}-l4"] and not page.pagination.has_more
    found = sdk.repositories_api.list_repositories(search="-l3").results
    assert [one.id for one in found] == [f"{NAME}-l3"]
    refused_with(400, lambda: get_amount(1001))
    for number in range(5):
        lakefs.Repository(f"{NAME}-l{number}", client).delete()
    assert not list(lakefs.repositories(prefix=f"{NAME}-l", client=client))
    refused(NotFoundException, lakefs.Repository(f"{NAME}-l0", client).delete)


def get_amount(amount):
    answer = get("/api/v1/repositories", params={"amount": amount})
    if answer.status_code != 200:
        raise lakefs_sdk.ApiException(status=answer.status_code, reason=answer.text)


@check
def a_repository_has_metadata():
    assert repo().metadata == {}
    pairs = models.RepositoryMetadataSet(metadata={"team": "vision", "tier": "gold"})
    sdk.internal_api.set_repository_metadata(NAME, pairs)
    assert repo().metadata == {"team": "vision", "tier": "gold"}
    keys = models.RepositoryMetadataKeys(keys=["tier"])
    sdk.internal_api.delete_repository_metadata(NAME, keys)
    assert sdk.repositories_api.get_repository_metadata(NAME) == {"team": "vision"}


@check
def a_read_only_repository_takes_no_changes():
    name = f"{NAME}-ro"
    body = models.RepositoryCreation(name=name, storage_namespace=f"local://{name}", read_only=True)
    assert sdk.repositories_api.create_repository(body).read_only
    main = lakefs.Repository(name, client).branch("main")
    refused(Exception, main.object("a").upload, b"x")
    refused_with(403, sdk.branches_api.create_branch, name, models.BranchCreation(name="b", source="main"))
    refused_with(403, sdk.repositories_api.delete_repository, name)
    sdk.repositories_api.delete_repository(name, force=True)


@check
def sample_data_can_be_had():
    name = f"{NAME}-sample"
    made = lakefs.Repository(name, client).create(storage_namespace=f"local://{name}", include_samples=True)
    paths = [one.path for one in made.ref("main").objects()]
    assert paths[:3] == ["README.md", "data/lakes.source.md", "images/depths-01.png"], paths
    assert len(paths) == 32 and paths[-1] == "lakes.parquet", paths
    assert name in made.ref("main").object("README.md").reader("r").read()
    refused(Exception, made.branch("main").object("x").upload, b"x")
    made.delete()


# ---- branches, tags, refs


@check
def branches_are_made_listed_and_deleted():
    main = repo().branch("main")
    branch = repo().branch("one").create("main")
    assert branch.head.id == main.head.id
    refused(ConflictException, repo().branch("one").create, "main")
    assert repo().branch("one").create("main", exist_ok=True).id == "one"
    refused(NotFoundException, repo().branch("two").create, "nowhere")
    refused(BadRequestException, repo().branch("a/b").create, "main")
    repo().branch("hidden-one").create("main", hidden=True)
    assert [one.id for one in repo().branches()] == ["main", "one"]
    shown = sdk.branches_api.list_branches(NAME, show_hidden=True).results
    assert [one.id for one in shown] == ["hidden-one", "main", "one"]
    branch.delete()
    refused(NotFoundException, lambda: branch.head)
    refused(NotFoundException, branch.delete)
    repo().branch("hidden-one").delete()
    refused_with(403, sdk.branches_api.delete_branch, NAME, "main")


@check
def tags_stay_where_they_are():
    main = repo().branch("main")
    commit = main.get_commit()
    tag = repo().tag("v1").create(commit)
    assert tag.get_commit().id == commit.id
    refused(ConflictException, repo().tag("v1").create, commit.id)
    for name in ("v1.1", "v1.2"):
        repo().tag(name).create("main")
    assert [one.id for one in repo().tags()] == ["v1", "v1.1", "v1.2"]
    assert [one.id for one in repo().tags(prefix="v1.")] == ["v1.1", "v1.2"]
    assert [one.id for one in repo().tags(after="v1.1")] == ["v1.2"]
    refused(BadRequestException, repo().tag("bad tag").create, "main")
    refused(NotFoundException, repo().tag("v9").create, "nowhere")
    for name in ("v1", "v1.1", "v1.2"):
        repo().tag(name).delete()
    refused(NotFoundException, repo().tag("v1").delete)
    refused(NotFoundException, repo().tag("v1").get_commit)


@check
def refs_are_read_with_their_modifiers():
    branch = repo().branch("modifiers").create("main")
    ids = [branch.head.id]
    for number in range(3):
        branch.object("n").upload(str(number))
        ids.append(branch.commit(f"commit {number}").id)
    read = lambda ref: repo().ref(ref).object("n").reader("r").read()
    assert [read(f"modifiers~{n}") for n in range(3)] == ["2", "1", "0"]
    assert repo().ref("modifiers^").get_commit().id == ids[2]
    assert repo().ref(ids[1][:12]).get_commit().id == ids[1]
    branch.object("n").upload("staged")
    assert read("modifiers") == "staged" and read("modifiers@") == "2"
    refused(BadRequestException, repo().ref("modifiers$").get_commit)
    refused(NotFoundException, repo().ref("modifiers~9").get_commit)
    refused(NotFoundException, repo().ref("0123456789abcdef").get_commit)
    branch.reset_changes()
    assert read("modifiers") == "2"


# ---- objects


@check
def objects_are_written_and_read_in_every_mode():
    main = repo().branch("main")
    data = b"0123456789" * 10
    for pre_sign in (False, True):
        path = f"objects/{pre_sign}"
        main.object(path).upload(data, pre_sign=pre_sign, content_type="text/csv", metadata={"k": "v"})
        with main.object(path).reader(pre_sign=pre_sign) as reader:
            assert reader.read(10) == data[:10]
            reader.seek(50)
            assert reader.read() == data[50:]
            reader.seek(-3, os.SEEK_END)
            assert reader.read() == b"789"
        stat = main.object(path).stat()
        assert (stat.size_bytes, stat.content_type, stat.metadata) == (100, "text/csv", {"k": "v"})
        assert stat.checksum == hashlib.md5(data).hexdigest()
        assert stat.physical_address.startswith(f"local://{NAME}/data/")
        refused(ObjectExistsException, main.object(path).upload, b"x", mode="xb", pre_sign=pre_sign)
        assert main.object(path).reader().read() == data
        signed = sdk.objects_api.stat_object(NAME, "main", path, presign=True)
        assert signed.physical_address.startswith("http") and signed.physical_address_expiry > time.time()
        assert requests.get(signed.physical_address, timeout=30).content == data
    with main.object("objects/text").writer("w", content_type="text/plain") as writer:
        writer.write("grüße\nzwei\n")
    assert main.object("objects/text").reader("r").readline() == "grüße\n"
    refused(ObjectNotFoundException, main.object("objects/none").stat)
    refused(ObjectNotFoundException, main.object("objects/none").reader().read)
    refused(NotFoundException, repo().branch("nowhere").object("a").upload, b"x", pre_sign=False)
    refused_with(404, sdk.staging_api.get_physical_address, NAME, "nowhere", "a")
    assert not main.object("objects/none").exists() and main.object("objects/text").exists()


@check
def an_upload_may_be_a_form():
    path = "objects/form"
    url = f"{URL}/lakefs/api/v1/repositories/{NAME}/branches/main/objects"
    files = {"content": ("a.csv", b"a,b\n1,2\n", "text/csv")}
    answer = requests.post(url, params={"path": path}, files=files, auth=(KEY, SECRET), timeout=30)
    assert answer.status_code == 201, answer.text
    assert answer.json()["content_type"] == "text/csv" and answer.json()["size_bytes"] == 8
    assert repo().branch("main").object(path).reader().read() == b"a,b\n1,2\n"
    answer = requests.post(url, params={"path": path}, files={"other": b"x"}, auth=(KEY, SECRET), timeout=30)
    assert "missing key 'content'" in answer.json()["message"], answer.text
    done = sdk.objects_api.upload_object(NAME, "main", "objects/sdk", content=b"sdk")
    assert done.size_bytes == 3 and done.path_type == "object"


@check
def reads_keep_to_their_ranges_and_conditions():
    url = f"/api/v1/repositories/{NAME}/refs/main/objects"
    path = {"path": "objects/False"}
    whole = get(url, params=path)
    assert whole.headers["ETag"].strip('"') == hashlib.md5(whole.content).hexdigest()
    assert whole.headers["Content-Length"] == "100" and whole.headers["Last-Modified"].endswith("GMT")
    for header, expected in (("bytes=0-3", 4), ("bytes=90-", 10), ("bytes=-7", 7), ("bytes=95-200", 5)):
        part = get(url, params=path, headers={"Range": header})
        assert part.status_code == 206 and len(part.content) == expected, (header, part.status_code)
    for header in ("bytes=100-", "bytes=5-1", "items=0-1", "bytes=0-1,4-5"):
        assert get(url, params=path, headers={"Range": header}).status_code == 416, header
    assert get(url, params=path, headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
    assert get(url, params=path, headers={"If-None-Match": '"x"'}).status_code == 200
    moved = get(url, params={**path, "presign": "true"}, allow_redirects=False)
    assert moved.status_code == 302, moved.status_code
    assert requests.get(moved.headers["Location"], headers={"Range": "bytes=0-1"}, timeout=30).content == b"01"
    assert requests.get(moved.headers["Location"][:-3] + "xyz", timeout=30).status_code == 403
    head = requests.head(URL + url, params=path, auth=(KEY, SECRET), timeout=30)
    assert head.status_code == 200 and head.headers["Content-Length"] == "100" and not head.content
    head = requests.head(URL + url, params={"path": "none"}, auth=(KEY, SECRET), timeout=30)
    assert head.status_code == 404
    assert get(url).status_code == 400 and get(url, params={"path": ""}).status_code == 400


@check
def any_path_comes_back_as_it_was():
    branch = repo().branch("paths").create("main")
    paths = ["a b+c&d=e%20f", "ünïcödé/文件/🙂", "dots/../up", "double//slash", "trailing/", "q?x#y", "x" * 1024]
    for path in paths:
        branch.object(path).upload(path)
    for path in paths:
        assert branch.object(path).reader("r").read() == path, path
    listed = [one.path for one in branch.objects()]
    assert set(paths) <= set(listed) and listed == sorted(listed, key=lambda p: p.encode()), listed
    branch.commit("paths")
    listed = [one.path for one in branch.objects()]
    assert set(paths) <= set(listed)
    for path in paths:
        assert branch.object(path).reader("r").read() == path, path


@check
def objects_are_listed_by_prefix_and_folded():
    branch = repo().branch("listing").create("main")
    paths = [f"l/{letter}/{number}" for letter in "abc" for number in range(3)] + ["l/z"]
    for path in paths:
        branch.object(path).upload(path, metadata={"path": path})
    for committed in (False, True):
        assert [one.path for one in branch.objects(prefix="l/")] == paths
        folded = list(branch.objects(prefix="l/", delimiter="/"))
        assert [one.path for one in folded] == ["l/a/", "l/b/", "l/c/", "l/z"], folded
        assert [type(one).__name__ for one in folded] == ["CommonPrefix"] * 3 + ["ObjectInfo"]
        assert [one.path for one in branch.objects(prefix="l/", after="l/b/1")] == paths[5:]
        assert [one.path for one in branch.objects(prefix="l/", delimiter="/", after="l/b/")] == ["l/c/", "l/z"]
        page = sdk.objects_api.list_objects(NAME, "listing", prefix="l/", delimiter="/", amount=2)
        assert page.pagination.has_more and page.pagination.next_offset == "l/b/"
        one = sdk.objects_api.list_objects(NAME, "listing", prefix="l/z").results[0]
        assert one.metadata == {"path": "l/z"} and one.path_type == "object"
        one = sdk.objects_api.list_objects(NAME, "listing", prefix="l/z", user_metadata=False).results[0]
        assert not one.metadata
        one = sdk.objects_api.list_objects(NAME, "listing", prefix="l/z", presign=True).results[0]
        assert requests.get(one.physical_address, timeout=30).text == "l/z"
        if not committed:
            branch.commit("listed")


@check
def objects_are_copied_described_and_deleted():
    branch = repo().branch("copies").create("main")
    branch.object("a").upload(b"copy me", content_type="text/plain", metadata={"k": "v"})
    before = branch.object("a").stat()
    branch.object("a").copy("copies", "b")
    copy = branch.object("b").stat()
    assert (copy.checksum, copy.metadata, copy.content_type) == (before.checksum, before.metadata, "text/plain")
    branch.commit("copies")
    repo().ref("copies").object("a").copy("main", "copied/a")
    assert repo().branch("main").object("copied/a").reader().read() == b"copy me"
    refused(NotFoundException, branch.object("none").copy, "copies", "c")
    refused(NotFoundException, branch.object("a").copy, "nowhere", "c")
    update = models.UpdateObjectUserMetadata(set={"new": "one"})
    sdk.experimental_api.update_object_user_metadata(NAME, "copies", "a", update)
    assert sdk.objects_api.stat_object(NAME, "copies", "a").metadata == {"new": "one"}
    assert sdk.objects_api.get_underlying_properties(NAME, "copies", "a").storage_class is None
    branch.object("a").delete()
    branch.object("a").delete()
    assert not branch.object("a").exists()
    branch.delete_objects(["b", "none"])
    assert [one.path for one in branch.uncommitted()] == ["a", "b"]
    answer = sdk.objects_api.delete_objects(NAME, "copies", models.PathList(paths=["x", ""]))
    assert answer.errors == []
    too_many = models.PathList(paths=[str(n) for n in range(1001)])
    refused_with(400, sdk.objects_api.delete_objects, NAME, "copies", too_many)


@check
def bytes_are_linked_once_they_are_brought():
    api = sdk.staging_api
    place = api.get_physical_address(NAME, "main", "linked", presign=True)
    assert place.physical_address.startswith(f"local://{NAME}/data/")
    about = models.StagingMetadata(staging=place, checksum="x", size_bytes=5)
    refused_with(400, api.link_physical_address, NAME, "main", "linked", staging_metadata=about)
    etag = requests.put(place.presigned_url, data=b"hello", timeout=30).headers["ETag"].strip('"')
    assert etag == hashlib.md5(b"hello").hexdigest()
    about = models.StagingMetadata(
        staging=place, checksum=etag, size_bytes=5, content_type="text/plain", user_metadata={"a": "b"}
    )
    refused_with(400, api.link_physical_address, NAME, "main", "other", staging_metadata=about)
    done = api.link_physical_address(NAME, "main", "linked", staging_metadata=about)
    assert (done.checksum, done.size_bytes, done.metadata) == (etag, 5, {"a": "b"})
    assert repo().branch("main").object("linked").reader().read() == b"hello"
    refused_with(412, api.link_physical_address, NAME, "main", "linked", staging_metadata=about, if_none_match="*")
    assert requests.put(place.presigned_url + "x", data=b"no", timeout=30).status_code == 403
    kept = repo().branch("main").object("linked").stat().physical_address
    stage = models.ObjectStageCreation(physical_address=kept, checksum="x", size_bytes=5)
    refused_with(400, sdk.internal_api.stage_object, NAME, "main", "stolen", object_stage_creation=stage)


@check
def a_large_object_is_brought_in_parts():
    api = sdk.experimental_api
    made = api.create_presign_multipart_upload(NAME, "main", "parts", parts=2)
    assert len(made.presigned_urls) == 2
    first, second = os.urandom(5 << 20), b"the end"
    parts = []
    for number, (url, data) in enumerate(zip(made.presigned_urls, (first, second)), 1):
        answer = requests.put(url, data=data, timeout=60)
        assert answer.status_code == 200, answer.text
        parts.append(models.UploadPart(part_number=number, etag=answer.headers["ETag"]))
    body = models.CompletePresignMultipartUpload(
        physical_address=made.physical_address, parts=parts, content_type="x/y", user_metadata={"a": "b"}
    )
    wrong = models.CompletePresignMultipartUpload(physical_address=made.physical_address + "x", parts=parts)
    refused_with(400, api.complete_presign_multipart_upload, NAME, "main", made.upload_id, "parts", complete_presign_multipart_upload=wrong)
    done = api.complete_presign_multipart_upload(
        NAME, "main", made.upload_id, "parts", complete_presign_multipart_upload=body
    )
    assert done.size_bytes == len(first) + len(second) and done.checksum.endswith("-2")
    stat = repo().branch("main").object("parts").stat()
    assert (stat.content_type, stat.metadata) == ("x/y", {"a": "b"})
    assert repo().branch("main").object("parts").reader().read() == first + second
    made = api.create_presign_multipart_upload(NAME, "main", "aborted")
    one = api.upload_part(
        NAME, "main", made.upload_id, "aborted", 1, models.UploadPartFrom(physical_address=made.physical_address)
    )
    assert requests.put(one.presigned_url, data=b"x", timeout=30).status_code == 200
    source = models.CopyPartSource(repository=NAME, ref="main", path="parts", range="bytes=0-5242879")
    copy = models.UploadPartCopyFrom(physical_address=made.physical_address, copy_source=source)
    api.upload_part_copy(NAME, "main", made.upload_id, "aborted", 2, copy)
    abort = models.AbortPresignMultipartUpload(physical_address=made.physical_address)
    api.abort_presign_multipart_upload(
        NAME, "main", made.upload_id, "aborted", abort_presign_multipart_upload=abort
    )
    assert not repo().branch("main").object("aborted").exists()


# ---- commits and merges


@check
def commits_tell_what_they_are():
    branch = repo().branch("commits").create("main")
    refused(BadRequestException, branch.commit, "nothing")
    branch.object("a").upload(b"1")
    ref = branch.commit("first", metadata={"k": "v"}, date=1_700_000_000)
    commit = ref.get_commit()
    assert (commit.message, commit.metadata, commit.creation_date) == ("first", {"k": "v"}, 1_700_000_000)
    assert commit.parents == [repo().branch("main").head.id] and len(commit.id) == 64
    assert commit.committer and commit.meta_range_id
    assert sdk.commits_api.get_commit(NAME, commit.id).generation > 1
    empty = branch.commit("empty", allow_empty=True).get_commit()
    assert empty.meta_range_id == commit.meta_range_id
    refused(NotFoundException, repo().branch("nowhere").commit, "x")
    assert sdk.commits_api.get_commit(NAME, commit.id).id == commit.id
    assert sdk.metadata_api.get_meta_range(NAME, commit.meta_range_id).location.startswith("local://")
    assert sdk.internal_api.get_metadata_object(NAME, object_id=commit.meta_range_id, type="meta_range")
    refused_with(404, sdk.metadata_api.get_range, NAME, "0" * 64)


@check
def the_log_is_read_in_pages_and_by_path():
    branch = repo().branch("log").create("main")
    for number in range(12):
        branch.object(f"dir{number % 2}/{number}").upload(str(number))
        branch.commit(f"c{number}")
    messages = [one.message for one in branch.log(max_amount=12)]
    assert messages == [f"c{number}" for number in reversed(range(12))]
    page = sdk.refs_api.log_commits(NAME, "log", amount=5)
    assert page.pagination.has_more and page.pagination.next_offset == page.results[-1].id
    page = sdk.refs_api.log_commits(NAME, "log", amount=5, after=page.pagination.next_offset)
    assert [one.message for one in page.results] == ["c6", "c5", "c4", "c3", "c2"]
    limited = sdk.refs_api.log_commits(NAME, "log", amount=5, limit=True)
    assert not limited.pagination.has_more
    found = sdk.refs_api.log_commits(NAME, "log", objects=["dir1/3"]).results
    assert [one.message for one in found] == ["c3"]
    found = sdk.refs_api.log_commits(NAME, "log", prefixes=["dir0/"]).results
    assert [one.message for one in found] == ["c10", "c8", "c6", "c4", "c2", "c0"]
    stop = sdk.refs_api.log_commits(NAME, "log", stop_at=sdk.refs_api.log_commits(NAME, "log").results[3].id)
    assert [one.message for one in stop.results] == ["c11", "c10", "c9", "c8"]


@check
def differences_have_two_dots_or_three():
    left = repo().branch("left").create("main")
    left.object("same").upload(b"1")
    left.object("gone").upload(b"12")
    left.object("d/x").upload(b"1")
    base = left.commit("base")
    right = repo().branch("right").create("left")
    right.object("same").upload(b"222")
    right.object("gone").delete()
    right.object("d/y").upload(b"1234")
    staged = [(one.type, one.path) for one in right.uncommitted()]
    assert staged == [("added", "d/y"), ("removed", "gone"), ("changed", "same")], staged
    right.commit("changes")
    left.object("left-only").upload(b"1")
    left.commit("left only")
    three = [(one.type, one.path) for one in left.diff(right)]
    assert three == [("added", "d/y"), ("removed", "gone"), ("changed", "same")], three
    two = [(one.type, one.path) for one in left.diff(right, type="two_dot")]
    assert two == [("added", "d/y"), ("removed", "gone"), ("removed", "left-only"), ("changed", "same")], two
    folded = [(one.type, one.path, one.path_type) for one in left.diff(right, delimiter="/")]
    assert folded[0] == ("prefix_changed", "d/", "common_prefix"), folded
    assert [one.path for one in left.diff(right, prefix="d/")] == ["d/y"]
    assert [one.path for one in left.diff(right, after="gone")] == ["same"]
    page = sdk.refs_api.diff_refs(NAME, "left", "right", amount=1)
    assert page.pagination.has_more and page.pagination.next_offset == "d/y" and page.results[0].size_bytes == 4
    stats = sdk.refs_api.diff_refs(NAME, "left", "right", include_right_stats=True).results[0].right
    assert stats.checksum == hashlib.md5(b"1234").hexdigest()
    found = sdk.refs_api.find_merge_base(NAME, "right", "left")
    assert found.base_commit_id == base.id
    assert (found.source_commit_id, found.destination_commit_id) == (right.head.id, left.head.id)


@check
def merges_take_strategies():
    main = repo().branch("merge-main").create("main")
    main.object("shared").upload(b"base")
    main.commit("base")
    side = repo().branch("merge-side").create("merge-main")
    side.object("shared").upload(b"side")
    side.object("new").upload(b"new")
    side.commit("side")
    main.object("shared").upload(b"main")
    refused(BadRequestException, side.merge_into, main)
    main.commit("main")
    refused(ConflictException, side.merge_into, main)
    conflicts = [(one.type, one.path) for one in main.diff(side)]
    assert ("conflict", "shared") in conflicts, conflicts
    refused(BadRequestException, side.merge_into, main, strategy="newest")
    merged = side.merge_into(main, message="take theirs", metadata={"a": "b"}, strategy="source-wins")
    commit = repo().ref(merged).get_commit()
    assert commit.message == "take theirs" and len(commit.parents) == 2
    assert commit.metadata == {"a": "b", ".lakefs.merge.strategy": "source-wins"}, commit.metadata
    assert main.object("shared").reader().read() == b"side"
    refused(BadRequestException, side.merge_into, main)
    empty = side.merge_into(main, allow_empty=True)
    assert repo().ref(empty).get_commit().message == "Merge 'merge-side' into 'merge-main'"
    side.object("later").upload(b"1")
    side.commit("later")
    squashed = repo().ref(side.merge_into(main, squash_merge=True)).get_commit()
    assert len(squashed.parents) == 1
    refused(BadRequestException, main.revert, commit.id, parent_number=3)
    error = refused(ConflictException, main.revert, commit.id)
    assert "parent" in error.body["message"], error.body


@check
def commits_are_reverted_and_picked():
    branch = repo().branch("revert").create("main")
    branch.object("a").upload(b"1")
    first = branch.commit("one")
    branch.object("a").upload(b"2")
    second = branch.commit("two", metadata={"k": "v"})
    reverted = branch.revert(second)
    assert reverted.message == f"Revert {second.id}"
    assert branch.object("a").reader().read() == b"1"
    other = repo().branch("pick").create(first)
    picked = other.cherry_pick(second)
    assert picked.message == "two" and picked.metadata["cherry-pick-origin"] == second.id
    assert picked.metadata["k"] == "v" and other.object("a").reader().read() == b"2"
    sdk.experimental_api.hard_reset_branch(NAME, "pick", first.id)
    assert repo().branch("pick").head.id == first.id
    other.object("dirty").upload(b"1")
    refused(BadRequestException, other.cherry_pick, second)
    refused_with(400, sdk.experimental_api.hard_reset_branch, NAME, "pick", second.id)


@check
def changes_are_reset_whole_or_in_part():
    branch = repo().branch("reset").create("main")
    for path in ("a", "d/x", "d/y", "e"):
        branch.object(path).upload(b"1")
    branch.reset_changes("object", "a")
    assert [one.path for one in branch.uncommitted()] == ["d/x", "d/y", "e"]
    branch.reset_changes("common_prefix", "d/")
    assert [one.path for one in branch.uncommitted()] == ["e"]
    branch.reset_changes()
    assert not list(branch.uncommitted())


@check
def a_transaction_is_all_or_nothing():
    branch = repo().branch("transactions").create("main")
    with branch.transact(commit_message="together", commit_metadata={"a": "b"}, tag="together") as tx:
        tx.object("one").upload(b"1")
        tx.object("two").upload(b"2")
        assert not branch.object("one").exists()
    assert branch.object("one").exists() and branch.object("two").exists()
    assert repo().tag("together").get_commit().id == branch.head.id
    try:
        with branch.transact(commit_message="broken") as tx:
            tx.object("three").upload(b"3")
            raise ValueError("stop")
    except ValueError:
        pass
    assert not branch.object("three").exists()
    try:
        with branch.transact(commit_message="nothing"):
            pass
        raise AssertionError("not refused")
    except TransactionException as error:
        assert "no changes" in str(error), error


@check
def a_hundred_commits_at_once_lose_nothing():
    branch = repo().branch("busy").create("main")
    failures = []

    def work(number):
        try:
            own = lakefs.Repository(NAME, Client(host=URL, username=KEY, password=SECRET)).branch("busy")
            for turn in range(5):
                own.object(f"busy/{number}/{turn}").upload(f"{number} {turn}")
                try:
                    own.commit(f"{number} {turn}")
                except BadRequestException as error:
                    # Somebody else's commit took it along.
                    assert "no changes" in str(error), error
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[:3]
    assert not list(branch.uncommitted())
    assert len(list(branch.objects(prefix="busy/"))) == 100


# ---- rules, imports, pull requests


@check
def protected_branches_take_merges_only():
    branch = repo().branch("protected").create("main")
    branch.object("before").upload(b"1")
    rules, _, headers = sdk.repositories_api.get_branch_protection_rules_with_http_info(NAME).data, None, None
    assert rules == [] or rules is None, rules
    rule = models.BranchProtectionRule(pattern="prot*")
    sdk.repositories_api.set_branch_protection_rules(NAME, [rule])
    shown = sdk.repositories_api.get_branch_protection_rules_with_http_info(NAME)
    assert [one.pattern for one in shown.data] == ["prot*"]
    refused(Exception, branch.object("x").upload, b"x")
    refused(ForbiddenException, branch.commit, "x")
    refused_with(412, sdk.repositories_api.set_branch_protection_rules, NAME, [], if_match="stale")
    sdk.repositories_api.set_branch_protection_rules(NAME, [], if_match=shown.headers["ETag"])
    branch.commit("allowed again")


@check
def retention_rules_are_kept():
    api = sdk.repositories_api
    refused_with(404, api.get_gc_rules, NAME)
    rule = models.GarbageCollectionRule(branch_id="main", retention_days=30)
    api.set_gc_rules(NAME, models.GarbageCollectionRules(default_retention_days=7, branches=[rule]))
    rules = api.get_gc_rules(NAME)
    assert rules.default_retention_days == 7 and rules.branches[0].retention_days == 30
    api.delete_gc_rules(NAME)
    refused_with(404, api.get_gc_rules, NAME)


@check
def an_import_leaves_objects_where_they_are():
    folder = os.environ.get("MLWRIGHT_IMPORT_DIR")
    if not folder:
        return
    root = os.path.join(folder, uuid.uuid4().hex)
    os.makedirs(os.path.join(root, "deep"))
    for name in ("a", "b", "deep/c"):
        with open(os.path.join(root, name), "w", encoding="utf-8") as file:
            file.write(f"content of {name}")
    branch = repo().branch("imported").create("main")
    manager = branch.import_data("imported", metadata={"a": "b"})
    manager.prefix(f"local://{root}/", destination="in/").object(f"local://{root}/a", destination="single")
    result = manager.run()
    assert result.completed and result.error is None and result.ingested_objects == 4, result
    assert result.commit.id == branch.head.id and result.commit.metadata["a"] == "b"
    paths = [one.path for one in branch.objects() if one.path.startswith(("in/", "single"))]
    assert paths == ["in/a", "in/b", "in/deep/c", "single"], paths
    assert branch.object("in/deep/c").reader("r").read() == "content of deep/c"
    refused(ConflictException, manager.cancel)
    refused_with(404, sdk.import_api.import_status, NAME, "imported", "nothing")
    elsewhere = branch.import_data("not allowed").prefix("local:///etc/", destination="etc/")
    try:
        result = elsewhere.run()
        assert result.error is not None, "the server's own files were imported"
    except (BadRequestException, ForbiddenException):
        pass
    assert not branch.object("etc/hostname").exists()


@check
def pull_requests_merge_branches():
    api = sdk.pulls_api
    main = repo().branch("pull-main").create("main")
    side = repo().branch("pull-side").create("pull-main")
    side.object("pulled").upload(b"1")
    side.commit("side")
    body = models.PullRequestCreation(
        title="Take it", description="please", source_branch="pull-side", destination_branch="pull-main"
    )
    made = api.create_pull_request(NAME, body)
    pull = api.get_pull_request(NAME, made.id)
    assert (pull.status, pull.title, pull.description) == ("open", "Take it", "please")
    refused_with(409, api.create_pull_request, NAME, body)
    api.update_pull_request(NAME, made.id, models.PullRequestBasic(title="Take that"))
    assert [one.title for one in api.list_pull_requests(NAME, status="open").results] == ["Take that"]
    merged = api.merge_pull_request(NAME, made.id)
    assert main.head.id == merged.reference
    pull = api.get_pull_request(NAME, made.id)
    assert pull.status == "merged" and pull.merged_commit_id == merged.reference
    refused_with(400, api.merge_pull_request, NAME, made.id)
    assert api.list_pull_requests(NAME, status="open").results == []
    refused_with(404, api.get_pull_request, NAME, "nothing")


@check
def runs_of_hooks_are_listed():
    page = sdk.actions_api.list_repository_runs(NAME)
    assert page.results == [] and not page.pagination.has_more
    refused_with(404, sdk.actions_api.get_run, NAME, "nothing")


# ---- lakefs-spec


@check
def the_file_system_reads_and_writes():
    LakeFSFileSystem.clear_instance_cache()
    fs = LakeFSFileSystem(host=URL, username=KEY, password=SECRET)
    root = f"lakefs://{NAME}/spec"
    repo().branch("spec").create("main")
    with fs.open(f"{root}/dir/a.txt", "w") as file:
        file.write("one\ntwo\n")
    with fs.open(f"{root}/dir/a.txt", "r") as file:
        assert file.read() == "one\ntwo\n"
    fs.pipe(f"{root}/dir/b.bin", b"\x00" * 1000)
    assert fs.info(f"{root}/dir/b.bin")["size"] == 1000
    assert fs.exists(f"{root}/dir") and fs.isdir(f"{root}/dir") and not fs.exists(f"{root}/none")
    names = [fs.unstrip_protocol(one["name"]) for one in fs.ls(f"{root}/dir/", refresh=True)]
    assert names == [f"{root}/dir/a.txt", f"{root}/dir/b.bin"], names
    assert fs.checksum(f"{root}/dir/a.txt") == hashlib.md5(b"one\ntwo\n").hexdigest()
    fs.cp(f"{root}/dir/a.txt", f"{root}/copy.txt")
    assert fs.cat(f"{root}/copy.txt") == b"one\ntwo\n"
    assert fs.cat_file(f"{root}/copy.txt", start=4, end=7) == b"two"
    with tempfile.TemporaryDirectory() as folder:
        fs.get(f"{root}/dir/a.txt", f"{folder}/a.txt")
        with open(f"{folder}/a.txt", encoding="utf-8") as file:
            assert file.read() == "one\ntwo\n"
        fs.put(f"{folder}/a.txt", f"{root}/put.txt")
    assert sorted(fs.glob(f"{root}/*.txt")) == [f"{NAME}/spec/copy.txt", f"{NAME}/spec/put.txt"]
    fs.rm(f"{root}/dir", recursive=True)
    assert not fs.exists(f"{root}/dir/a.txt")
    repo().branch("spec").commit("files")
    with fs.transaction(NAME, "spec") as tx:
        fs.pipe(f"lakefs://{NAME}/{tx.branch.id}/tx.txt", b"in a transaction")
        tx.commit(message="by fsspec")
    assert fs.cat(f"{root}/tx.txt") == b"in a transaction"
    try:
        fs.cat(f"{root}/none")
        raise AssertionError("not refused")
    except FileNotFoundError:
        pass


@check
def data_frames_go_through_the_file_system():
    import pandas as pd

    options = {"host": URL, "username": KEY, "password": SECRET}
    frame = pd.DataFrame({"x": range(1000), "y": [str(n % 7) for n in range(1000)]})
    for ending, write, read in (
        ("parquet", frame.to_parquet, pd.read_parquet),
        ("csv", lambda path, **kw: frame.to_csv(path, index=False, **kw), None),
    ):
        path = f"lakefs://{NAME}/spec/frame.{ending}"
        write(path, storage_options=options)
        if read is None:
            read = lambda path, **kw: pd.read_csv(path, dtype={"y": str}, **kw)  # noqa: E731
        assert read(path, storage_options=options).equals(frame), ending


def main():
    failed = 0
    for name, function in CHECKS:
        try:
            function()
            print(f"ok {name}", flush=True)
        except Exception as error:  # noqa: BLE001
            failed += 1
            print(f"not ok {name}: {type(error).__name__}: {error}", flush=True)
            traceback.print_exc()
    return failed


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
