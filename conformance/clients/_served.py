"""A server of one's own for a script that has to choose its configuration."""

import os
import shutil
import subprocess
import time

import requests

PROGRAM = os.environ.get("MLWRIGHT_BIN") or shutil.which("mlwright")


class Served:
    """`mlwright serve` with these lines as its configuration, on a folder that may have been used before.

    `scratch` holds configuration and data, the latter in `folder`; `env` is its environment beside this one's.
    """

    def __init__(self, scratch, port, settings, folder="data", env=None):
        self.url = f"http://127.0.0.1:{port}"
        config = os.path.join(scratch, f"{folder}.toml")
        with open(config, "w") as file:
            file.write(settings)
        data = os.path.join(scratch, folder)
        words = [PROGRAM, "serve", "--config", config, "--port", str(port), "--data-dir", data]
        self.process = subprocess.Popen(words, stderr=subprocess.DEVNULL, env={**os.environ, **(env or {})})
        until = time.time() + 60
        while True:
            try:
                if requests.get(f"{self.url}/readyz", timeout=2).ok:
                    return
            # A busy machine may take its time for the first answer.
            except (requests.ConnectionError, requests.Timeout):
                pass
            assert self.process.poll() is None and time.time() < until, "it does not start"
            time.sleep(0.1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)
