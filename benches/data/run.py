"""Versioned data, side by side: mlwright, DVC from PyPI, and a plain copy as the floor, in one run.

    python3 benches/data/run.py --mlwright target/bench-fast/mlwright --python <venv>/bin/python \\
        [--only files,large,index,growth] [--files 100000] [--gib 5] [--objects 1000000] [--plot growth.svg]

Needs: rustc (for the load generator); an environment with `dvc` and `boto3` (which signs addresses); git; and disk for four
copies of the large files. Every client is the real one: the `mlwright` command, the `dvc` command, HTTP for the rest.
"""

import argparse
import base64
import contextlib
import http.client
import json
import os
import platform
import random
import re
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
API = "/api/v1"
# Merges of a size, of which the median counts.
MERGES = 9


class Server:
    """mlwright on a fresh directory, and one connection to it."""

    def __init__(self, binary, port, folder):
        self.port, self.folder, self.binary = port, folder, binary
        folder.mkdir(parents=True)
        self.env = {
            **os.environ,
            "MLWRIGHT_ROOT_ACCESS_KEY_ID": KEY,
            "MLWRIGHT_ROOT_SECRET_ACCESS_KEY": SECRET,
            "MLWRIGHT_URL": f"http://127.0.0.1:{port}",
        }
        self.log = open(folder / "server.log", "wb")
        command = [binary, "serve", "--port", str(port), "--data-dir", folder / "data"]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, env=self.env, cwd=folder)
        for _ in range(300):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1).read()
                break
            time.sleep(0.1)
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.basic = "Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()

    def ask(self, method, path, body=None, headers=()):
        """The answer's JSON and the milliseconds until its last byte."""
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        kind = "application/json" if isinstance(body, dict) else "application/octet-stream"
        began = time.perf_counter()
        self.connection.request(method, path, data, {"Authorization": self.basic, "Content-Type": kind, **dict(headers)})
        answer = self.connection.getresponse()
        text = answer.read()
        took = (time.perf_counter() - began) * 1000
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {text[:300]!r}")
        return (json.loads(text) if text[:1] in b"{[" else text), took

    def quick(self, method, path, body):
        """Milliseconds of a small request and its small answer, each one packet: as the client sees it, and what the server says."""
        text = json.dumps(body)
        request = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAuthorization: {self.basic}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n{text}"
        ).encode()
        began = time.perf_counter()
        self.socket.sendall(request)
        answer = self.socket.recv(65536)
        took = (time.perf_counter() - began) * 1000
        if not answer.startswith(b"HTTP/1.1 20"):
            raise SystemExit(f"{method} {path}: {answer[:300]!r}")
        stated = re.search(rb"(?i)server-timing: *total;dur=([0-9.]+)", answer)
        return took, float(stated[1])

    def cli(self, *arguments):
        command = [self.binary, "data", *map(str, arguments)]
        return timed(command, env=self.env)

    def create(self, name):
        body = {"name": name, "storage_namespace": f"local://{name}", "default_branch": "main"}
        self.ask("POST", f"{API}/repositories", body)

    def commit(self, repository, branch, message):
        return self.ask("POST", f"{API}/repositories/{repository}/branches/{branch}/commits", {"message": message})

    def put_many(self, repository, branch, objects):
        """Objects (path, content) in one request."""
        parts = []
        for path, content in objects:
            name = path.encode()
            parts += [struct.pack(">I", len(name)), name, struct.pack(">Q", len(content)), content]
        parts.append(struct.pack(">I", 0))
        return self.ask("POST", f"{API}/data/repositories/{repository}/branches/{branch}/upload", b"".join(parts))

    def settle(self):
        """Waits until the server has nothing left to do of what came before."""
        for _ in range(60):
            before = self.cpu()
            time.sleep(0.5)
            if self.cpu() - before < 0.02:
                return

    def cpu(self):
        """Seconds of processor time that the server has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.log.close()


def timed(command, **more):
    """Seconds of a command that must succeed."""
    began = time.perf_counter()
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, **more)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}: {done.stdout[-500:]} {done.stderr[-1500:]}")
    return time.perf_counter() - began


def copy(source, target):
    """A plain copy, one process a core. Seconds."""
    shutil.copytree(source, target, ignore=lambda folder, names: [n for n in names if (Path(folder) / n).is_file()])
    command = f"cd {source} && find . -type f -print0 | xargs -0 -P {os.cpu_count()} -n 500 cp --parents -t {target}"
    took = timed(["bash", "-c", command])
    return took + timed(["sync", "-f", target])


def drop(path):
    subprocess.run(["rm", "-rf", path], check=True)


def small(folder, count):
    """Files of 1 KiB, 1,000 a folder."""
    for i in range(count):
        place = folder / f"d{i // 1000:04}"
        if i % 1000 == 0:
            place.mkdir(parents=True)
        (place / f"f{i:07}.bin").write_bytes(random.randbytes(1024))


def large(folder, gib):
    folder.mkdir(parents=True)
    for i in range(gib * 2):
        with open(folder / f"part{i:02}.bin", "wb") as file:
            for _ in range(512):
                file.write(random.randbytes(1 << 20))


def files(bench, title, make, remove):
    """Upload and commit of a folder, and its check-out elsewhere: a copy, DVC with a remote on the same disk, mlwright; each until
    all of it is on the disk.

    `remove`: what was copied goes before the next one starts. Only for few, large files: ext4 passes over inodes that were
    freed in the last minutes one by one, so that whoever makes files after many were removed is slow by no fault of theirs.
    """
    top = bench.folder / title.split()[0]
    source = top / "source"
    make(source)
    seconds = {}
    seconds["copy"] = (copy(source, top / "copy"), copy(top / "copy", top / "copy2"))
    if remove:
        drop(top / "copy")
        drop(top / "copy2")

    repository = top / "dvc"
    repository.mkdir()
    env = {**os.environ, "DVC_NO_ANALYTICS": "1", "HOME": str(top), "DVC_SITE_CACHE_DIR": str(top / "site")}
    dvc = Path(bench.args.python).parent / "dvc"
    for line in (
        "git init -q", "git config user.email bench@example.com", "git config user.name bench", f"{dvc} init -q",
        f"{dvc} remote add -q -d store {top}/remote",
    ):  # fmt: skip
        timed(line.split(), cwd=repository, env=env)
    timed(["cp", "-r", source, repository / "data"])
    up = timed([dvc, "add", "-q", "data"], cwd=repository, env=env)
    up += timed([dvc, "push", "-q"], cwd=repository, env=env)
    up += timed(["git", "add", "."], cwd=repository, env=env) + timed(["git", "commit", "-qm", "data"], cwd=repository, env=env)
    timed(["git", "clone", "-q", repository, top / "clone"], env=env)
    up += timed(["sync", "-f", repository])
    down = timed([dvc, "pull", "-q"], cwd=top / "clone", env=env)
    seconds["dvc"] = (up, down + timed(["sync", "-f", repository]))
    for name in ("dvc", "clone", "remote", "site") if remove else ():
        drop(top / name)

    with bench.server() as server:
        server.create("bench")
        up = server.cli("upload", source, "bench@main:data")
        up += server.cli("commit", "bench@main", "-m", "data")
        down = server.cli("download", "bench@main:data", top / "checkout") + timed(["sync", "-f", top])
        seconds["mlwright"] = (up, down)
        timed(["diff", "-r", source, top / "checkout"])
    drop(top)
    rows = []
    for place, figure in enumerate(("upload and commit", "check-out")):
        of = {name: pair[place] for name, pair in seconds.items()}
        rows.append((figure, f"{of['copy']:.2f} s", f"{of['dvc']:.2f} s", f"{of['mlwright']:.2f} s",
                     f"**{of['dvc'] / of['mlwright']:.1f}×**", f"{of['mlwright'] / of['copy']:.2f}"))  # fmt: skip
    table(title, ("Figure", "copy", "DVC", "mlwright", "mlwright to DVC", "of a copy's time"), rows)


def fill(server, repository, count, batch=20_000):
    """`count` objects of 100 bytes in folders of 1,000, committed."""
    server.create(repository)
    content = b"x" * 100
    for first in range(0, count, batch):
        numbers = range(first, min(first + batch, count))
        server.put_many(repository, "main", [(path_of(i), content) for i in numbers])
    server.commit(repository, "main", "all")


def path_of(i):
    return f"folder {i // 1000:05}/object {i:08}.bin"


def change(server, repository, branch, numbers):
    """Changes objects and commits; milliseconds of the commit."""
    content = os.urandom(32)
    server.put_many(repository, branch, [(path_of(i), content) for i in sorted(numbers)])
    return server.commit(repository, branch, "change")[1]


def branch(server, repository, name):
    body = {"name": name, "source": "main"}
    return server.quick("POST", f"{API}/repositories/{repository}/branches", body)


def diff(server, repository, left, right):
    place = f"{API}/repositories/{repository}/refs/{left}/diff/{right}?amount=1000&type=two_dot"
    return server.ask("GET", place)[1]


def merge(server, repository, source, destination):
    return server.ask("POST", f"{API}/repositories/{repository}/refs/{source}/merge/{destination}", {"strategy": "source-wins"})[1]


def fsync(folder):
    """Milliseconds to append 4 KiB to a file and have them on the disk: the floor of whatever is acknowledged as durable."""
    with open(folder / "floor", "ab", buffering=0) as file:
        began = time.perf_counter()
        file.write(b"x" * 4096)
        os.fdatasync(file.fileno())
        return (time.perf_counter() - began) * 1000


def median(times):
    return f"{statistics.median(times):.2f} ms"


def index(bench):
    """A repository of many objects."""
    count, rows = bench.args.objects, []
    with bench.server() as server:
        began = time.perf_counter()
        fill(server, "many", count)
        rows.append((f"upload and commit {count:,} objects of 100 bytes", f"{time.perf_counter() - began:.1f} s", ""))
        server.settle()
        creates, inside, floors = [], [], []
        for i in range(100):
            seen, stated = branch(server, "many", f"b{i}")
            creates.append(seen)
            inside.append(stated)
            floors.append(fsync(server.folder))
        rows.append(("create a branch, in the server (`Server-Timing`)", median(inside), "< 1 ms"))
        rows.append(("the same, seen from the client", median(creates), ""))
        rows.append(("append 4 KiB to a file and wait for the disk, in turns with it", median(floors), ""))
        pick = random.Random(1)
        few = [change(server, "many", "b0", pick.sample(range(count), 10)) for _ in range(20)]
        rows.append(("commit of 10 scattered changes", median(few), "< 20 ms"))
        rows.append(("commit of 10,000 scattered changes", median([change(server, "many", "b1", pick.sample(range(count), 10_000))]), ""))
        rows.append(("diff, 200 changes", median([diff(server, "many", "main", "b0") for _ in range(10)]), ""))
        rows.append(("diff, first 1,000 of 10,000 changes", median([diff(server, "many", "main", "b1") for _ in range(10)]), ""))
        rows.append(("merge of 200 changes", median([merge(server, "many", "b0", "main")]), ""))
        rows.append(("merge of 10,000 changes into a changed branch", median([merge(server, "many", "b1", "main")]), ""))
        listing = f"{API}/repositories/many/refs/main/objects/ls?amount=1000&after={urllib.parse.quote(path_of(count // 2))}"
        rows.append(("listing, 1,000 objects from the middle", median([server.ask("GET", listing)[1] for _ in range(20)]), ""))
        folders = f"{API}/repositories/many/refs/main/objects/ls?amount=1000&delimiter=/"
        rows.append(("listing, 1,000 folders", median([server.ask("GET", folders)[1] for _ in range(20)]), ""))
        for clients in (1, 8):
            found = bench.reads(server, "many", [path_of(pick.randrange(count)) for _ in range(20_000)], clients)
            if found["errors"]:
                raise SystemExit(f"reads fail: {found['first_error']}")
            figure = f"random reads through S3, {clients} client{'s' * (clients > 1)}"
            rows.append((figure, f"{found['rate']:,.0f}/s, p95 {found['p95']:.2f} ms", ""))
            rows.append(("the same, a second of the server's processor time", f"{found['per_cpu']:,.0f}", "≥ 3,000"))
    table(f"A repository of {count:,} objects", ("Figure", "mlwright", "aim"), rows)


def growth(bench):
    """What a diff and a merge of 100 changes cost in repositories of growing size."""
    sizes = [n for n in (1_000, 10_000, 100_000, 1_000_000, 4_000_000) if n <= 4 * bench.args.objects]
    rows, points = [], []
    with bench.server() as server:
        for count in sizes:
            name, pick = f"size-{count}", random.Random(2)
            fill(server, name, count)
            # Each merge brings changes of its own into changes of main: none makes what an earlier one made.
            for i in range(MERGES):
                branch(server, name, f"s{i}")
                change(server, name, f"s{i}", pick.sample(range(count), 100))
            change(server, name, "main", pick.sample(range(count), 100))
            diffs = statistics.median(diff(server, name, "main", "s0") for _ in range(15))
            merges = []
            for i in range(MERGES):
                branch(server, name, f"m{i}")
                merges.append(merge(server, name, f"s{i}", f"m{i}"))
            points.append((count, diffs, statistics.median(merges)))
            rows.append((f"{count:,}", f"{diffs:.2f} ms", f"{points[-1][2]:.2f} ms"))
    table("Cost of 100 changes against the size of the repository", ("objects", "diff", "merge"), rows)
    if bench.args.plot:
        Path(bench.args.plot).write_text(plot(points))


def plot(points):
    """Milliseconds over objects (log scale) as SVG."""
    import math

    top = max(max(d, m) for _, d, m in points) * 1.2
    x = lambda n: 60 + (math.log10(n) - 3) / max(1, math.log10(points[-1][0]) - 3) * 380
    y = lambda ms: 200 - ms / top * 170
    lines = ['<svg xmlns="http://www.w3.org/2000/svg" width="480" height="250" font-family="sans-serif" font-size="11">',
             '<rect width="480" height="250" fill="white"/>', '<path d="M60 30V200H450" fill="none" stroke="#888"/>']  # fmt: skip
    for i in range(5):
        lines.append(f'<text x="52" y="{y(top * i / 4) + 4:.0f}" text-anchor="end">{top * i / 4:.1f}</text>')
    for n, *_ in points:
        lines.append(f'<text x="{x(n):.0f}" y="216" text-anchor="middle">{n:,}</text>')
    for place, (name, colour) in enumerate((("diff", "#2563eb"), ("merge", "#d97706"))):
        path = " ".join(f"{'ML'[i > 0]}{x(p[0]):.1f} {y(p[place + 1]):.1f}" for i, p in enumerate(points))
        lines.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        lines.append(f'<text x="{380 + place * 40}" y="20" fill="{colour}">{name}</text>')
    lines.append('<text x="255" y="240" text-anchor="middle">objects in the repository</text>')
    lines.append('<text x="60" y="20">ms for 100 changes</text></svg>')
    return "\n".join(lines) + "\n"


class Bench:
    def __init__(self, args):
        self.args = args
        self.folder = Path(tempfile.mkdtemp(prefix="bench-data-", dir=args.folder))
        self.load = self.folder / "load"
        self.starts = 0

    @contextlib.contextmanager
    def server(self):
        self.starts += 1
        folder = self.folder / f"server{self.starts}"
        server = Server(self.args.mlwright, self.args.port + self.starts, folder)
        try:
            yield server
        finally:
            server.stop()
            drop(folder)

    def reads(self, server, repository, paths, clients):
        """GETs through S3 by signed addresses; what the load generator says."""
        if not self.load.exists():
            subprocess.run(["rustc", "--edition", "2024", "-O", "-o", self.load, HERE.parent / "load.rs"], check=True)
        asked = self.folder / "paths"
        sign = (
            "import sys, boto3, botocore.config, urllib.parse\n"
            "url, key, secret, bucket = sys.argv[1:]\n"
            "style = botocore.config.Config(signature_version='s3v4', s3={'addressing_style': 'path'})\n"
            "s3 = boto3.client('s3', endpoint_url=url, aws_access_key_id=key, aws_secret_access_key=secret,\n"
            "                  region_name='us-east-1', config=style)\n"
            "for line in sys.stdin:\n"
            "    at = s3.generate_presigned_url('get_object', {'Bucket': bucket, 'Key': 'main/' + line.rstrip('\\n')}, 7200)\n"
            "    parts = urllib.parse.urlsplit(at)\n"
            "    print(parts.path + '?' + parts.query)\n"
        )
        command = [self.args.python, "-c", sign, f"http://127.0.0.1:{server.port}", KEY, SECRET, repository]
        lines = "".join(f"{path}\n" for path in paths)
        asked.write_text(subprocess.run(command, check=True, capture_output=True, text=True, input=lines).stdout)
        host = f"127.0.0.1:{server.port}"
        run = lambda seconds: subprocess.run(
            [self.load, host, "gets", str(clients), str(seconds), asked], check=True, capture_output=True, text=True
        ).stdout
        run(2)
        before = server.cpu()
        found = json.loads(run(8))
        found["per_cpu"] = found["rate"] * 8 / (server.cpu() - before)
        return found


def table(title, head, rows):
    print(f"\n### {title}\n")
    print("| " + " | ".join(head) + " |")
    print("|---" * len(head) + "|")
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mlwright", required=True)
    parser.add_argument("--python", required=True)
    parser.add_argument("--only", default="files,large,index,growth")
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--gib", type=int, default=5)
    parser.add_argument("--objects", type=int, default=1_000_000)
    parser.add_argument("--port", type=int, default=6300)
    parser.add_argument("--folder", help="where to work; a temporary folder")
    parser.add_argument("--plot", help="an SVG file to write")
    args = parser.parse_args()
    args.mlwright = str(Path(args.mlwright).resolve())
    bench = Bench(args)
    model = next((l.split(":", 1)[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "?")
    version = subprocess.run([Path(args.python).parent / "dvc", "--version"], capture_output=True, text=True).stdout.strip()
    print(f"machine: {os.cpu_count()} cores, {model}, load {os.getloadavg()[0]:.1f}, {platform.system()}")
    print(f"date: {time.strftime('%Y-%m-%d')}; DVC {version}")
    wanted = args.only.split(",")
    try:
        # Nothing was removed yet.
        if "files" in wanted:
            files(bench, f"{args.files:,} files of 1 KiB", lambda folder: small(folder, args.files), False)
        if "large" in wanted:
            files(bench, f"{args.gib} GiB in files of 512 MiB", lambda folder: large(folder, args.gib), True)
        if "index" in wanted:
            index(bench)
        if "growth" in wanted:
            growth(bench)
    finally:
        drop(bench.folder)


if __name__ == "__main__":
    main()
