"""History by the unmodified lakefs, lakefs-sdk and lakefs-spec packages: python lakefs_history.py <server-url>

MLWRIGHT_IMPORT_DIR is a folder below the server's `repositories.local_roots`.
Prints `ok <what>` or `not ok <what>: <why>` for each check and exits non-zero if any failed.
"""

import hashlib
import os
import sys
import tempfile
import threading
import uuid

import lakefs
from _checks import check, run_checks
from _lakefs import KEY, NAME, SECRET, URL, refused, refused_with, repo, sdk
from lakefs.client import Client
from lakefs.exceptions import (
    BadRequestException,
    ConflictException,
    ForbiddenException,
    NotFoundException,
    TransactionException,
)
from lakefs_sdk import models
from lakefs_spec import LakeFSFileSystem

repo().create(storage_namespace=f"local://{NAME}", default_branch="main")


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
    root = os.path.join(os.environ["MLWRIGHT_IMPORT_DIR"], uuid.uuid4().hex)
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


if __name__ == "__main__":
    sys.exit(1 if run_checks() else 0)
