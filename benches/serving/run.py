"""Serving, side by side: one forest behind mlwright and its peers from PyPI, and a bare axum echo as the floor.

    python3 benches/serving/run.py --mlwright target/bench-fast/mlwright --python <venv>/bin/python [--echo target/bench-fast/examples/echo] \\
        [--bento <venv>] [--mlserver <venv>] [--mlflow <venv>] [--ray <venv>] [--triton <venv>] [--seconds 10] [--rounds 3]

A side whose environment is not named is left out. `--python` has mlflow, scikit-learn, skops and skl2onnx: it makes the forest, and
logs it to mlwright. The environments: `bentoml onnxruntime`, `mlserver mlserver-sklearn "uvloop<0.22"`, `mlflow scikit-learn skops`,
`ray[serve] onnxruntime`, `nvidia-pytriton onnxruntime` (its Triton needs the system's libpython of the same version).

Every server has one worker, one thread for the model, and processor 0; the load has processor 1. Sides take turns, `--rounds` times,
each after a warm-up; the figure is the median of the rounds. Closed loop: 1 and 32 connections, 1, 64 and 1,024 rows. Open loop: one row
at 80 % of the rate that the side reached with 32 connections, times counted from the moment a request was due.
"""

import argparse
import contextlib
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
FEATURES = [f"f{i}" for i in range(20)]


def oip(rows):
    return {"inputs": [{"name": "X", "shape": [len(rows), 20], "datatype": "FP32", "data": rows}]}


def split(rows):
    return {"dataframe_split": {"columns": FEATURES, "data": rows}}


class Side:
    """One server and how it is asked."""

    def __init__(self, name, path, body, ready, start, env=None, prepare=None):
        self.name, self.path, self.body, self.ready = name, path, body, ready
        self.start_command, self.env, self.prepare = start, env or {}, prepare
        self.process = None

    def start(self, bench, port):
        self.port = port
        self.log = open(bench.folder / f"{self.name}.log", "wb")
        command = ["taskset", "-c", "0", *self.start_command(port)]
        began = time.monotonic()
        env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **self.env}
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, env=env, cwd=bench.folder, start_new_session=True)
        for _ in range(6000):
            if self.process.poll() is not None:
                raise SystemExit(f"{self.name} ended:\n" + Path(self.log.name).read_text(errors="replace")[-3000:])
            with contextlib.suppress(OSError):
                if urllib.request.urlopen(f"http://127.0.0.1:{port}{self.ready}", timeout=2).status == 200:
                    break
            time.sleep(0.02)
        else:
            raise SystemExit(f"{self.name} does not answer on {self.ready}: see {self.log.name}")
        if self.prepare:
            self.prepare(port)
        self.check(bench)
        self.cold = time.monotonic() - began

    def check(self, bench):
        """The first answer, with the probability of the first row: every side must give the same."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{self.path}", bench.bodies[self.body.__name__, 1].read_bytes())
        request.add_header("Content-Type", "application/json")
        for attempt in range(100):
            try:
                answer = urllib.request.urlopen(request, timeout=60).read()
                break
            except urllib.error.HTTPError as error:
                if attempt == 99:
                    raise SystemExit(f"{self.name}: {error.code} {error.read()[:500]!r}") from None
                time.sleep(0.2)
        bench.answers[self.name] = answer[:160].decode(errors="replace")

    def memory(self):
        """Resident, MB, of all its processes; shared pages are counted once for each."""
        total = 0
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    if int((entry / "stat").read_text().rsplit(")", 1)[1].split()[3]) == self.process.pid:
                        total += int((entry / "statm").read_text().split()[1]) * 4096
        return total / 1e6

    def stop(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)


class Bench:
    def __init__(self, args):
        self.args, self.answers, self.bodies = args, {}, {}
        self.folder = Path(tempfile.mkdtemp(prefix="bench-serving-"))
        self.forest = self.folder / "forest"
        self.load_binary = self.folder / "load"
        subprocess.run(["rustc", "--edition", "2024", "-O", "-o", self.load_binary, HERE / "load.rs"], check=True)
        subprocess.run([args.python, HERE / "forest.py", self.forest], check=True, stderr=subprocess.DEVNULL)
        rows = json.loads((self.forest / "rows.json").read_text())
        for make in (oip, split, bento):
            for count in (1, 64, 1024):
                path = self.folder / f"{make.__name__}-{count}.json"
                path.write_text(json.dumps(make(rows[:count])))
                self.bodies[make.__name__, count] = path

    def load(self, side, rows, connections, seconds, rate=None):
        command = ["taskset", "-c", "1", self.load_binary, f"127.0.0.1:{side.port}", side.path, "application/json"]
        command += [self.bodies[side.body.__name__, rows], connections, seconds, *([rate] if rate else [])]
        return json.loads(subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True).stdout)


def bento(rows):
    return {"x": rows}


def sides(bench):
    args, forest = bench.args, bench.forest
    found = []

    def mlwright(name, flavour, path, body):
        def start(port):
            folder = bench.folder / f"{name}-data"
            return [args.mlwright, "serve", "--port", str(port), "--data-dir", str(folder)]

        def prepare(port):
            subprocess.run([args.python, HERE / "deploy.py", f"http://127.0.0.1:{port}", flavour, forest], check=True, stderr=subprocess.DEVNULL)

        env = {"MLWRIGHT_ONNXRUNTIME": args.onnxruntime} if args.onnxruntime else {}
        return Side(name, path, body, "/readyz", start, env, prepare)

    if args.echo:
        found.append(Side("axum echo", "/echo", oip, "/", lambda port: [args.echo, str(port)]))
    found.append(mlwright("mlwright, native, OIP", "sklearn", "/v2/models/forest/infer", oip))
    found.append(mlwright("mlwright, native, MLflow", "sklearn", "/invocations", split))
    if args.onnxruntime:
        found.append(mlwright("mlwright, ONNX, OIP", "onnx", "/v2/models/forest/infer", oip))
    of = {"FOREST": str(forest / "forest.onnx")}
    if args.triton:
        packages = next(Path(args.triton).glob("lib/python*/site-packages"))
        triton = packages / "pytriton/tritonserver"
        models = bench.folder / "triton/forest"
        (models / "1").mkdir(parents=True)
        shutil.copy(HERE / "peers/triton/config.pbtxt", models)
        shutil.copy(HERE / "peers/triton/model.py", models / "1")
        # The wheel has a stub for each Python; Triton looks for one beside its backend.
        backends = bench.folder / "backends"
        shutil.copytree(triton / "backends", backends)
        shutil.copy(triton / f"python_backend_stubs/{packages.parent.name.removeprefix('python')}/triton_python_backend_stub", backends / "python")
        env = {**of, "FOREST_SITE_PACKAGES": str(packages), "LD_LIBRARY_PATH": f"{packages}/nvidia_pytriton.libs:{triton}/lib"}
        command = lambda port: [
            str(triton / "bin/tritonserver"), f"--model-repository={models.parent}", f"--backend-directory={backends}",
            f"--http-port={port}", "--allow-grpc=false", "--allow-metrics=false", "--http-address=127.0.0.1",
        ]  # fmt: skip
        found.append(Side("Triton", "/v2/models/forest/infer", oip, "/v2/health/ready", command, env))
    if args.bento:
        command = lambda port: [f"{args.bento}/bin/bentoml", "serve", "bento_service:Forest", "--port", str(port), "--host", "127.0.0.1", "--working-dir", str(HERE / "peers")]
        found.append(Side("BentoML", "/predict", bento, "/readyz", command, {**of, "BENTOML_DO_NOT_TRACK": "True", "PATH": f"{args.bento}/bin:{os.environ['PATH']}"}))
    if args.mlserver:
        folder = bench.folder / "mlserver"
        subprocess.run([f"{args.mlserver}/bin/python", HERE / "forest.py", folder, "joblib"], check=True)
        model = {"name": "forest", "implementation": "mlserver_sklearn.SKLearnModel", "parameters": {"uri": "./forest.joblib", "version": "1"}}
        (folder / "model-settings.json").write_text(json.dumps(model))

        def command(port):
            settings = {"debug": False, "host": "127.0.0.1", "http_port": port, "grpc_port": port + 1, "metrics_port": port + 2, "parallel_workers": 0}
            (folder / "settings.json").write_text(json.dumps(settings))
            return [f"{args.mlserver}/bin/mlserver", "start", str(folder)]

        found.append(Side("MLServer", "/v2/models/forest/infer", oip, "/v2/health/ready", command, {"PATH": f"{args.mlserver}/bin:{os.environ['PATH']}"}))
    if args.ray:
        def command(port):
            text = f"import time, ray\nfrom ray import serve\nray.init(num_cpus=2, include_dashboard=False)\nserve.start(http_options={{'host': '127.0.0.1', 'port': {port}}})\nfrom ray_app import app\nserve.run(app)\ntime.sleep(1e6)\n"
            return [f"{args.ray}/bin/python", "-c", text]

        found.append(Side("Ray Serve", "/", bento, "/-/healthz", command, {**of, "PYTHONPATH": str(HERE / "peers"), "RAY_USAGE_STATS_ENABLED": "0"}))
    if args.mlflow:
        command = lambda port: [f"{args.mlflow}/bin/mlflow", "models", "serve", "-m", str(forest / "mlflow"), "--env-manager", "local", "-p", str(port), "-h", "127.0.0.1", "-w", "1"]
        found.append(Side("mlflow models serve", "/invocations", split, "/ping", command, {"PATH": f"{args.mlflow}/bin:{os.environ['PATH']}"}))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mlwright", required=True)
    parser.add_argument("--python", required=True)
    for peer in ("echo", "onnxruntime", "bento", "mlserver", "mlflow", "ray", "triton"):
        parser.add_argument(f"--{peer}")
    parser.add_argument("--only", help="sides whose names hold this")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--warm-up", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--port", type=int, default=6500)
    args = parser.parse_args()
    args.mlwright = str(Path(args.mlwright).resolve())
    args.echo = args.echo and str(Path(args.echo).resolve())
    bench = Bench(args)
    shapes = [(1, 1), (1, 32), (64, 1), (1024, 1)]
    found = {}
    try:
        for place, side in enumerate(s for s in sides(bench) if not args.only or args.only in s.name):
            side.port = args.port + 10 * place
            found[side.name] = side, {}
        for round_ in range(args.rounds):
            for name, (side, rows) in found.items():
                side.start(bench, side.port)
                try:
                    rows.setdefault("cold", []).append(side.cold)
                    bench.load(side, 1, 1, args.warm_up)
                    for count, connections in shapes:
                        rows.setdefault((count, connections), []).append(bench.load(side, count, connections, args.seconds))
                    rate = rows[1, 32][-1]["rate"] * 0.8
                    rows.setdefault("open", []).append(bench.load(side, 1, 32, args.seconds, max(rate, 1)))
                    rows.setdefault("memory", []).append(side.memory())
                finally:
                    side.stop()
                print(f"round {round_ + 1}: {name}: {rows[1, 1][-1]['rate']:,.0f}/s, first answer {bench.answers[name]}", flush=True)
        report(found, shapes)
    finally:
        shutil.rmtree(bench.folder, ignore_errors=True)


def report(found, shapes):
    middle = lambda results, key: statistics.median(r[key] for r in results)
    print(f"\n{os.cpu_count()} processors, {platform.processor() or platform.machine()}; one for the server, one for the load\n")
    heads = [f"{rows:,} row{'s' * (rows > 1)}, {c} connection{'s' * (c > 1)}" for rows, c in shapes]
    print("| Side | " + " | ".join(f"{head}: /s (p50, p99 µs)" for head in heads) + " | open loop at 80 %: /s, p99 µs | errors | memory MB | start to first answer s |")
    print("|---" * (len(heads) + 5) + "|")
    for name, (_, rows) in found.items():
        cells = []
        for shape in shapes:
            results = rows[shape]
            cells.append(f"{middle(results, 'rate'):,.0f} ({middle(results, 'p50'):,.0f}, {middle(results, 'p99'):,.0f})")
        errors = sum(r["errors"] for key, results in rows.items() if key not in ("cold", "memory") for r in results)
        opened = rows["open"]
        cells.append(f"{middle(opened, 'rate'):,.0f}, {middle(opened, 'p99'):,.0f}")
        print(f"| {name} | " + " | ".join(cells) + f" | {errors} | {statistics.median(rows['memory']):,.0f} | {statistics.median(rows['cold']):.2f} |")
    ours = [name for name in found if name.startswith("mlwright")]
    print("\n| Ratio of rates | " + " | ".join(heads) + " |")
    print("|---" * (len(heads) + 1) + "|")
    for mine in ours:
        for other in found:
            if other not in ours:
                ratios = [middle(found[mine][1][shape], "rate") / max(middle(found[other][1][shape], "rate"), 1e-9) for shape in shapes]
                print(f"| {mine} to {other} | " + " | ".join(f"{ratio:,.2f}" for ratio in ratios) + " |")


if __name__ == "__main__":
    main()
