"""Code and calls that leave this process: snapshots, sources, the worker."""

import json
import os
import subprocess
import sys
import tarfile
import tempfile
import unittest
from io import BytesIO
from pathlib import Path

from mlwright import DefinitionError, step
from mlwright.code import attach, origin_of, snapshot
from mlwright.source import source_of

from . import steps as s
from .test_local import Here

PYTHON = Path(__file__).resolve().parents[1]
FACTOR = 3


def scaled(x):
    return x * FACTOR


def work_file(spec, inputs, folder):
    call = {
        "spec": spec,
        "inputs": inputs,
        "outputs": os.path.join(folder, "outputs"),
        "result": os.path.join(folder, "result.json"),
        "message": os.path.join(folder, "message"),
        "paths": [str(PYTHON)],
    }
    with open(os.path.join(folder, "call.json"), "w") as file:
        json.dump(call, file)
    environment = {**os.environ, "PYTHONPATH": str(PYTHON)}
    done = subprocess.run(
        [sys.executable, "-m", "mlwright._worker", os.path.join(folder, "call.json")],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
    )
    return done


class Snapshots(Here):
    def names(self, taken):
        with tarfile.open(fileobj=BytesIO(taken.content)) as tar:
            return {member.name: member for member in tar.getmembers()}

    def test_without_git_everything_but_what_is_made_travels(self):
        for name in ("main.py", "pkg/a.py", ".venv/x.py", "__pycache__/m.pyc", ".mlwright/runs/1"):
            path = Path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
        os.chmod("main.py", 0o700)
        os.symlink("/etc/passwd", "out")
        os.symlink("main.py", "in")
        found = self.names(snapshot(Path(".")))
        self.assertEqual(sorted(found), ["in", "main.py", "pkg/a.py"])
        self.assertEqual((found["main.py"].mode, found["pkg/a.py"].mode), (0o755, 0o644))

    def test_with_git_what_it_ignores_stays_and_the_commit_is_known(self):
        git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
        Path("main.py").write_text("1")
        Path("data.bin").write_text("2")
        Path(".gitignore").write_text("*.bin\n")
        subprocess.run(["git", "init", "-q"], check=True)
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-qm", "first"], check=True)
        clean = snapshot(Path("."))
        Path("main.py").write_text("3")
        Path("new.py").write_text("4")
        changed = snapshot(Path("."))
        self.assertEqual(sorted(self.names(changed)), [".gitignore", "main.py", "new.py"])
        self.assertEqual(len(clean.git_commit), 40)
        self.assertFalse(clean.git_diff)
        self.assertIn(b"+3", changed.git_diff)
        self.assertNotEqual(clean.digest, changed.digest)

    def test_the_same_files_give_the_same_digest(self):
        Path("a.py").write_text("1")
        first = snapshot(Path(".")).digest
        os.utime("a.py", (1, 1))
        self.assertEqual(first, snapshot(Path(".")).digest)


class Origins(unittest.TestCase):
    def test_a_step_of_a_module_is_found_by_its_name_below_the_folder_of_its_package(self):
        origin = origin_of(s.double)
        self.assertEqual((origin.module.split(".")[-1], origin.function), ("steps", "double"))
        depth = origin.module.count(".") + 1
        self.assertEqual(origin.folder, Path(s.__file__).resolve().parents[depth - 1])

    def test_the_folder_travels_once_for_all_its_steps(self):
        specs = [{}, {}]
        taken = attach([(s.double, specs[0]), (s.keep, specs[1])])
        self.assertEqual(len(taken), 1)
        self.assertEqual(specs[0]["code"]["digest"], taken[0].digest)
        self.assertEqual(specs[0]["code"], specs[1]["code"])

    def test_a_step_inside_of_a_function_travels_as_its_source_with_what_it_names(self):
        offset = 10

        @step
        def shifted(x: int, where: str = os.sep) -> int:
            return scaled(x) + offset + len(json.dumps([]))

        self.assertIsNone(origin_of(shifted))
        text = source_of(shifted)
        for part in ("import json", "offset = 10", "def shifted(", "scaled"):
            self.assertIn(part, text)
        self.assertNotIn("@step", text)

    def test_a_value_that_cannot_travel_is_named(self):
        handle = open(os.devnull)
        self.addCleanup(handle.close)

        @step
        def reads() -> str:
            return handle.read()

        with self.assertRaises(DefinitionError) as caught:
            source_of(reads)
        self.assertIn("`handle`, a TextIOWrapper", str(caught.exception))


class Worker(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def result(self):
        return json.loads(Path(self.folder, "result.json").read_text())

    def test_a_step_of_a_module_reads_its_inputs_and_leaves_its_outputs(self):
        Path(self.folder, "data").write_text("xxxx")
        inputs = {
            "data": {
                "artifact": {"name": "data", "schema": "system.Dataset", "uri": os.path.join(self.folder, "data")}
            },
            "depth": {"value": 2.0},
        }
        done = work_file({"module": "tests.steps", "function": "train"}, inputs, self.folder)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        made = self.result()
        self.assertEqual((made["score"], made["depth"]), ({"value": 0.5}, {"value": 2}))
        self.assertEqual(made["model"]["artifact"]["schema"], "system.Model")
        self.assertEqual(Path(made["model"]["artifact"]["uri"]).read_text(), "2 on 4")

    def test_a_step_travels_as_source(self):
        @step
        def shifted(x: int) -> int:
            return scaled(x) + 1

        spec = {"source": source_of(shifted), "function": "shifted"}
        done = work_file(spec, {"x": {"value": 5}}, self.folder)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.result(), {"output": {"value": 16}})

    def test_a_failure_is_told_in_one_line_and_in_full_without_frames_of_the_worker(self):
        done = work_file({"module": "tests.steps", "function": "fail"}, {"why": {"value": "disk full"}}, self.folder)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(Path(self.folder, "message").read_text(), "RuntimeError: disk full")
        self.assertIn("in fail", done.stderr)
        self.assertNotIn("_worker.py", done.stderr)
        self.assertFalse(Path(self.folder, "result.json").exists())

    def test_a_missing_function_is_named(self):
        done = work_file({"module": "tests.steps", "function": "gone"}, {}, self.folder)
        self.assertEqual(done.returncode, 1)
        self.assertIn("`gone` of module `tests.steps` is no step", Path(self.folder, "message").read_text())
