"""Images of packages under runc, where that is installed."""

import json
import os
import shutil
import socket
import subprocess
import tarfile
import tempfile
import time

from _checks import check
from _packages import PROGRAM, SCRATCH

import requests


def of_images(function):
    """Layers hold the program itself: packing one of half a gigabyte without optimisation takes many minutes."""
    if os.path.getsize(PROGRAM) > 300 << 20:
        print(f"# {function.__name__}: not with an unoptimised program")
        return function
    return check(function)


def has_runc():
    return shutil.which("runc") is not None and os.geteuid() == 0


def wait(url, process, seconds=60):
    until = time.time() + seconds
    while True:
        try:
            if requests.get(f"{url}/ping", timeout=2).status_code == 200:
                return
        except (requests.ConnectionError, requests.Timeout):
            pass
        assert process.poll() is None, process.stderr.read() if process.stderr else "it ended"
        assert time.time() < until, "it does not answer"
        time.sleep(0.1)


class Contained:
    """An image under runc: a read-only file system, a user without privileges, this machine's network so that it can be asked."""

    def __init__(self, image, seconds=60, **env):
        self.bundle, self.seconds = tempfile.mkdtemp(dir=SCRATCH), seconds
        root = os.path.join(self.bundle, "rootfs")
        blobs = os.path.join(image, "blobs", "sha256")
        read = lambda digest: json.load(open(os.path.join(blobs, digest.split(":")[1])))
        manifest = read(json.load(open(os.path.join(image, "index.json")))["manifests"][0]["digest"])
        self.config = read(manifest["config"]["digest"])["config"]
        for layer in manifest["layers"]:
            with tarfile.open(os.path.join(blobs, layer["digest"].split(":")[1])) as archive:
                archive.extractall(root, filter="fully_trusted")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url, self.name = f"http://127.0.0.1:{port}", f"mlwright-{os.getpid()}-{port}"
        subprocess.run(["runc", "spec", "--bundle", self.bundle], check=True)
        path = os.path.join(self.bundle, "config.json")
        spec = json.load(open(path))
        user, group = map(int, self.config["User"].split(":"))
        spec["process"].update(
            terminal=False,
            args=self.config["Entrypoint"] + ["serve"],
            cwd=self.config["WorkingDir"],
            env=self.config["Env"] + [f"AIP_HTTP_PORT={port}", *(f"{key}={value}" for key, value in env.items())],
            user={"uid": user, "gid": group},
        )
        spec["root"]["readonly"] = True
        spec["mounts"].append({"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777", "size=256m"]})
        spec["linux"]["namespaces"] = [n for n in spec["linux"]["namespaces"] if n["type"] != "network"]
        json.dump(spec, open(path, "w"))

    def __enter__(self):
        self.process = subprocess.Popen(["runc", "run", "--bundle", self.bundle, self.name], stderr=subprocess.PIPE, text=True)
        wait(self.url, self.process, self.seconds)
        return self

    def __exit__(self, failure, *_):
        subprocess.run(["runc", "kill", self.name, "TERM"], capture_output=True)
        code, said = self.process.wait(30), self.process.stderr.read()
        shutil.rmtree(self.bundle, ignore_errors=True)
        if failure:
            print(said)
        else:
            assert code == 0, said
