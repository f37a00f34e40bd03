"""Objects by the unmodified lakefs, lakefs-sdk and requests packages: python lakefs_client.py <server-url>

Prints `ok <what>` or `not ok <what>: <why>` for each check and exits non-zero if any failed.
"""

import hashlib
import os
import sys
import time

import lakefs
import lakefs_sdk
import requests
from _checks import check, run_checks
from _lakefs import KEY, NAME, SECRET, URL, client, get, refused, refused_with, repo, sdk
from lakefs.client import Client
from lakefs.exceptions import (
    BadRequestException,
    ConflictException,
    NotAuthorizedException,
    NotFoundException,
    ObjectExistsException,
    ObjectNotFoundException,
)
from lakefs_sdk import models

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


if __name__ == "__main__":
    sys.exit(1 if run_checks() else 0)
