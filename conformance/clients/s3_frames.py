"""s3fs, pyarrow, polars, DuckDB and object_store (as obstore) against repositories: python s3_frames.py <server-url>

Prints `ok <what>` or `not ok <what>: <why>` for each check and exits non-zero if any failed. Expects a fresh server.
"""

import glob
import os
import sys
import sysconfig

import duckdb
import obstore
import polars
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import s3fs
from _checks import check, run_checks
from _s3 import HOST, KEY, REGION, SECRET, URL, boto, branch, commit, new_repository
from obstore.exceptions import AlreadyExistsError, PreconditionError
from obstore.store import S3Store

REPO = new_repository("tables")
MIB = 1 << 20
TABLE = pa.table({"a": list(range(1000)), "b": [f"g{n % 3}" for n in range(1000)]})


def fails(kind, function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except kind:
        return
    raise AssertionError(f"did not end with {kind}")


@check
def s3fs_reads_and_writes_files_and_folders():
    fs = s3fs.S3FileSystem(client_kwargs={"endpoint_url": URL}, skip_instance_cache=True)
    assert fs.ls("") == [REPO] or REPO in fs.ls("")
    assert fs.ls(REPO) == [f"{REPO}/main"]
    fs.pipe(f"{REPO}/main/f/x.txt", b"hello")
    with fs.open(f"{REPO}/main/f/big", "wb") as file:
        for _ in range(3):
            file.write(b"a" * 8 * MIB)
    fs.invalidate_cache()
    assert sorted(fs.ls(f"{REPO}/main/f")) == [f"{REPO}/main/f/big", f"{REPO}/main/f/x.txt"]
    assert fs.info(f"{REPO}/main/f")["type"] == "directory"
    assert fs.find(f"{REPO}/main") == [f"{REPO}/main/f/big", f"{REPO}/main/f/x.txt"]
    assert fs.cat(f"{REPO}/main/f/x.txt") == b"hello"
    fs.cp(f"{REPO}/main/f/x.txt", f"{REPO}/main/f/y.txt")
    fs.mv(f"{REPO}/main/f/y.txt", f"{REPO}/main/f/z.txt")
    with fs.open(f"{REPO}/main/f/big", "rb") as file:
        file.seek(8 * MIB - 5)
        assert file.read(10) == b"a" * 10
    assert fs.size(f"{REPO}/main/f/big") == 24 * MIB
    fs.touch(f"{REPO}/main/f/touched")
    fs.rm(f"{REPO}/main/f", recursive=True)
    fs.invalidate_cache()
    assert not fs.exists(f"{REPO}/main/f") and fs.exists(REPO)
    fails(FileNotFoundError, fs.cat, f"{REPO}/main/none")
    # Some versions of aiobotocore have s3fs answer an empty list where others have it raise.
    try:
        assert fs.ls(f"{REPO}/nobranch/x") == []
    except FileNotFoundError:
        pass


@check
def pyarrow_reads_and_writes_datasets():
    fs = pafs.S3FileSystem(access_key=KEY, secret_key=SECRET, endpoint_override=HOST, scheme="http", region=REGION)
    pq.write_table(TABLE, f"{REPO}/main/t/p.parquet", filesystem=fs)
    assert pq.read_table(f"{REPO}/main/t/p.parquet", filesystem=fs).equals(TABLE)
    pq.write_to_dataset(TABLE, f"{REPO}/main/ds", partition_cols=["b"], filesystem=fs)
    found = pads.dataset(f"{REPO}/main/ds", filesystem=fs, partitioning="hive").to_table()
    assert found.num_rows == 1000 and set(found["b"].to_pylist()) == {"g0", "g1", "g2"}
    every = fs.get_file_info(pafs.FileSelector(f"{REPO}/main", recursive=True))
    assert sum(info.is_file for info in every) == 4, every
    fs.copy_file(f"{REPO}/main/t/p.parquet", f"{REPO}/main/t/q.parquet")
    fs.move(f"{REPO}/main/t/q.parquet", f"{REPO}/main/t/r.parquet")
    fs.create_dir(f"{REPO}/main/empty/dir")
    fs.delete_dir(f"{REPO}/main/t")
    assert fs.get_file_info(f"{REPO}/main/t/p.parquet").type == pafs.FileType.NotFound
    with fs.open_output_stream(f"{REPO}/main/big") as stream:
        for _ in range(3):
            stream.write(b"z" * 9 * MIB)
    info = fs.get_file_info(f"{REPO}/main/big")
    assert info.size == 27 * MIB and info.type == pafs.FileType.File
    with fs.open_input_file(f"{REPO}/main/big") as file:
        file.seek(10 * MIB - 2)
        assert file.read(4) == b"zzzz"
    assert fs.get_file_info(f"{REPO}/main/none").type == pafs.FileType.NotFound
    fails(FileNotFoundError, fs.open_input_file, f"{REPO}/main/none")


@check
def polars_scans_what_it_wrote():
    options = {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET, "aws_endpoint_url": URL,
               "aws_region": REGION, "aws_allow_http": "true"}
    frame = polars.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]})
    frame.write_parquet(f"s3://{REPO}/main/pl/x.parquet", storage_options=options)
    frame.lazy().sink_parquet(f"s3://{REPO}/main/pl/y.parquet", storage_options=options)
    frame.write_csv(f"s3://{REPO}/main/pl/z.csv", storage_options=options)
    found = polars.scan_parquet(f"s3://{REPO}/main/pl/*.parquet", storage_options=options).collect()
    assert found.shape == (6, 2), found
    found = polars.scan_parquet(f"s3://{REPO}/main/pl/x.parquet", storage_options=options)
    assert found.filter(polars.col("a") > 1).select("b").collect()["b"].to_list() == ["y", "z"]
    assert polars.scan_csv(f"s3://{REPO}/main/pl/z.csv", storage_options=options).collect().equals(frame)


def duck():
    packages = sysconfig.get_paths()["purelib"]
    extension = glob.glob(f"{packages}/duckdb_extension_httpfs/extensions/*/httpfs.duckdb_extension")[0]
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    connection.execute(f"LOAD '{extension}'")
    connection.execute(
        f"CREATE SECRET (TYPE s3, KEY_ID '{KEY}', SECRET '{SECRET}', ENDPOINT '{HOST}', USE_SSL false, "
        f"URL_STYLE 'path', REGION '{REGION}')")
    return connection


@check
def duckdb_queries_any_ref():
    db = duck()
    db.execute(f"COPY (SELECT range a FROM range(100000)) TO 's3://{REPO}/main/duck/x.parquet'")
    total = f"SELECT sum(a) FROM 's3://{REPO}/{{}}/duck/*.parquet'"
    assert db.execute(total.format("main")).fetchall() == [(4999950000,)]
    first = commit(REPO, "main")
    db.execute(f"COPY (SELECT range a FROM range(10)) TO 's3://{REPO}/main/duck/y.parquet'")
    assert db.execute(total.format("main")).fetchall() == [(4999950045,)]
    assert duck().execute(total.format(first)).fetchall() == [(4999950000,)]
    db.execute(f"COPY (SELECT range a, range%3 p FROM range(1000)) TO 's3://{REPO}/main/duckp' "
               "(FORMAT parquet, PARTITION_BY (p))")
    counted = f"SELECT p, count(*) FROM read_parquet('s3://{REPO}/main/duckp/**/*.parquet', hive_partitioning=true) GROUP BY p ORDER BY p"
    assert db.execute(counted).fetchall() == [(0, 334), (1, 333), (2, 333)]
    db.execute(f"COPY (SELECT range a, repeat('x', 200) t FROM range(200000)) TO 's3://{REPO}/main/duck.csv'")
    assert db.execute(f"SELECT count(*) FROM 's3://{REPO}/main/duck.csv'").fetchall() == [(200000,)]
    fails(duckdb.Error, db.execute, f"SELECT * FROM 's3://{REPO}/main/none.parquet'")


@check
def object_store_puts_gets_and_lists():
    for style in (False, True):
        options = {"allow_http": True}
        store = S3Store(REPO, endpoint=URL, access_key_id=KEY, secret_access_key=SECRET, region=REGION,
                        client_options=options, prefix="main/store" if style else None)
        at = "" if style else "main/o/"
        obstore.put(store, f"{at}x", b"abc")
        obstore.put(store, f"{at}big", b"q" * 20 * MIB)
        fails((AlreadyExistsError, PreconditionError), obstore.put, store, f"{at}x", b"abc", mode="create")
        assert obstore.get(store, f"{at}x").bytes() == b"abc"
        head = obstore.head(store, f"{at}x")
        assert head["size"] == 3
        obstore.put(store, f"{at}x", b"abcd", mode={"e_tag": head["e_tag"]})
        fails(PreconditionError, obstore.put, store, f"{at}x", b"abcd", mode={"e_tag": head["e_tag"]})
        found = [item["path"] for batch in obstore.list(store, at or None) for item in batch]
        assert sorted(found) == [f"{at}big", f"{at}x"], found
        obstore.copy(store, f"{at}x", f"{at}y")
        obstore.rename(store, f"{at}y", f"{at}odd ü+%41")
        assert bytes(obstore.get_range(store, f"{at}big", start=5, length=10)) == b"q" * 10
        assert [bytes(b) for b in obstore.get_ranges(store, f"{at}x", starts=[0, 2], lengths=[1, 2])] == [b"a", b"cd"]
        listed = obstore.list_with_delimiter(store, None if style else "main")
        assert listed["objects"] or listed["common_prefixes"]
        obstore.delete(store, [f"{at}x", f"{at}big", f"{at}odd ü+%41"])
        assert not [item for batch in obstore.list(store, at or None) for item in batch]
        fails(FileNotFoundError, obstore.get, store, f"{at}x")


@check
def every_client_sees_the_same_branch():
    branch(REPO, "shared")
    boto().put_object(Bucket=REPO, Key="shared/t.csv", Body=b"a,b\n1,x\n")
    fs = s3fs.S3FileSystem(client_kwargs={"endpoint_url": URL})
    assert fs.cat(f"{REPO}/shared/t.csv") == b"a,b\n1,x\n"
    assert duck().execute(f"SELECT a, b FROM 's3://{REPO}/shared/t.csv'").fetchall() == [(1, "x")]
    fails(FileNotFoundError, fs.cat, f"{REPO}/main/t.csv")


if __name__ == "__main__":
    failed = run_checks()
    # pyarrow's S3 keeps threads that may hang at exit.
    pafs.finalize_s3()
    sys.stdout.flush()
    os._exit(1 if failed else 0)
