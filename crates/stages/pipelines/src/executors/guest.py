"""Runs one attempt of a pipeline task on a machine of a cluster.

The cluster starts it with the address of the server and a token of this attempt. It asks for what to do, fetches the code
and the data, runs the process while it sends what that prints, and gives back what was made and how it ended. Whoever comes
second for the same attempt is sent away. `guest_output.py` and `guest_image.py` stand before this. For Python 3.8 or newer with its
standard library.
"""

import ctypes
import fcntl
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid

SERVER = os.environ.pop("MLWRIGHT_REMOTE", "").rstrip("/")
TOKEN = os.environ.pop("MLWRIGHT_REMOTE_TOKEN", "")
FOLDER = os.environ.pop("MLWRIGHT_REMOTE_FOLDER", "") or tempfile.gettempdir()
PART = os.environ.pop("MLWRIGHT_REMOTE_PART", "")
MARK = os.environ.pop("MLWRIGHT_REMOTE_MARK", "") or uuid.uuid4().hex
# Between two signs of life, and between two looks at what was printed, in seconds.
BEAT = 2.0
LOOK = 0.4
# How long the server may be away: at the start, and once there is a result, in seconds.
PATIENCE = 600
PATIENCE_WITH_RESULT = 6 * 3600


class Sent(Exception):
    """The server does not want this process: another one runs the attempt, or it has ended."""


def say(text):
    print("[mlwright] " + text, file=sys.stderr, flush=True)


def ask(method, path, body=None, file=None, into=None, patience=PATIENCE, timeout=60):
    """Calls the server until it answers. `file` is sent and `into` written without being held in memory."""
    until = time.monotonic() + patience
    pause = 0.5
    while True:
        opened = None
        try:
            headers = {"Authorization": "Bearer " + TOKEN, "X-Mlwright-Mark": MARK}
            data = body
            if file is not None:
                opened = data = open(file, "rb")
                headers["Content-Length"] = str(os.path.getsize(file))
            if data is not None:
                headers["Content-Type"] = "application/octet-stream"
            request = urllib.request.Request(SERVER + path, data=data, headers=headers, method=method)
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                if into is None:
                    return answer.read()
                with open(into, "wb") as out:
                    shutil.copyfileobj(answer, out, 1 << 20)
                wanted = answer.headers.get("Content-Length")
                if wanted is not None and int(wanted) != os.path.getsize(into):
                    raise OSError("the answer broke off")
                return None
        except urllib.error.HTTPError as error:
            text = error.read(2000).decode("utf-8", "replace")
            if error.code in (404, 409, 410):
                raise Sent(text)
            reason = "%s: %s" % (error.code, text)
            if 400 <= error.code < 500 and error.code not in (401, 408, 429):
                raise RuntimeError("the server refused %s %s: %s" % (method, path, reason))
        except (OSError, http.client.HTTPException) as error:
            reason = str(error)
        finally:
            if opened is not None:
                opened.close()
        if time.monotonic() > until:
            raise RuntimeError("the server at %s does not answer: %s" % (SERVER, reason))
        time.sleep(pause)
        pause = min(pause * 2, 15)


def tell(offset, part, patience):
    return json.loads(ask("POST", "/log?offset=%d" % offset, body=part, patience=patience, timeout=15))


def unpack(path, root, moved):
    """Takes a tar of this server apart. Links follow the folders that moved."""
    real = os.path.realpath(root)
    with tarfile.open(path) as archive:
        for member in archive:
            place = os.path.normpath(os.path.join(root, member.name))
            if not (place + os.sep).startswith(os.path.normpath(root) + os.sep):
                raise RuntimeError("%s leads outside" % member.name)
            parent = os.path.dirname(place)
            os.makedirs(parent, exist_ok=True)
            if not (os.path.realpath(parent) + os.sep).startswith(real + os.sep):
                raise RuntimeError("%s leads outside" % member.name)
            if member.isdir():
                os.makedirs(place, exist_ok=True)
            elif member.issym():
                os.symlink(moved(member.linkname), place)
            elif member.isfile():
                with archive.extractfile(member) as content, open(place, "wb") as out:
                    shutil.copyfileobj(content, out, 1 << 20)
                os.chmod(place, 0o644 | (member.mode & 0o111))


def mover(pairs):
    """Replaces the longest of the paths first, so that one below another is not cut in two."""
    pairs = sorted(pairs, key=lambda pair: -len(pair[0]))

    def moved(text):
        for here, there in pairs:
            text = text.replace(here, there)
        return text

    return moved


def rewrite(root, names, moved):
    """Paths in these files, and in those right below the attempt, become those of the other machine."""
    found = [os.path.join(root, name) for name in os.listdir(root)]
    for name in names:
        place = os.path.join(root, name)
        if os.path.isdir(place):
            found.extend(os.path.join(place, below) for below in os.listdir(place))
        else:
            found.append(place)
    for path in found:
        if not os.path.isfile(path) or os.path.islink(path):
            continue
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            text = file.read()
        changed = moved(text)
        if changed != text:
            with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
                file.write(changed)


def environment(wanted):
    """The folder of an environment with these requirements, built once on this machine."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    try:
        os.makedirs(base, exist_ok=True)
    except OSError:
        base = FOLDER
    base = os.path.join(base, "mlwright", "environments")
    os.makedirs(base, exist_ok=True)
    key = wanted["key"].split(":")[-1]
    home = os.path.join(base, key)
    done = os.path.join(home, ".mlwright-complete")
    if os.path.exists(done):
        return home
    with open(os.path.join(base, key + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(done):
            return home
        shutil.rmtree(home, ignore_errors=True)
        say("building an environment: " + (", ".join(wanted["requirements"][:8]) or "empty"))
        uv = shutil.which("uv")
        lines = wanted["requirements"]
        if uv:
            venv = [uv, "venv", "-q", "--no-project"]
            version = ["--python", wanted["version"]] if wanted["version"] else ["--python", sys.executable]
            # A version that this machine does not have and cannot get is a wish: another one does.
            if subprocess.call(venv + version + [home]) != 0:
                run(venv + ["--python", sys.executable, home])
            install = [uv, "pip", "install", "-q", "--python", os.path.join(home, "bin", "python")]
        else:
            run([sys.executable, "-m", "venv", home])
            install = [os.path.join(home, "bin", "python"), "-m", "pip", "install", "-q"]
        if wanted["locked"]:
            install.append("--require-hashes")
            groups = [(lines, [])]
        else:
            options = [line for line in lines if line.startswith("--") and not line.startswith("--no-deps ")]
            alone = [line[len("--no-deps "):] for line in lines if line.startswith("--no-deps ")]
            whole = [line for line in lines if not line.startswith("--")]
            groups = [(options + whole, []) if whole else ([], []), (options + alone, ["--no-deps"]) if alone else ([], [])]
        for group, options in groups:
            if not any(line.strip() for line in group):
                continue
            path = os.path.join(base, key + ".txt")
            with open(path, "w") as file:
                file.write("\n".join(group) + "\n")
            run(install + options + ["-r", path])
        with open(done, "w") as file:
            file.write(wanted["key"] + "\n")
    return home


def run(argv):
    made = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if made.returncode != 0:
        text = made.stdout.decode("utf-8", "replace")[-4000:]
        raise RuntimeError("`%s` failed: %s" % (" ".join(argv), text.strip()))


def die_with_parent():
    """Should this process be killed, the one that it started does not stay behind."""
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    except Exception:
        pass


def surroundings(job, moved):
    env = dict(os.environ)
    own = os.path.dirname(sys.executable)
    path = [own, env.get("PATH", "")]
    if job["python"]:
        home = environment(job["python"])
        path.insert(0, os.path.join(home, "bin"))
        env["VIRTUAL_ENV"] = home
    given = {name: moved(value) for name, value in job["env"].items()}
    if "PATH" in given:
        path.insert(0, given.pop("PATH"))
    env.update(given)
    env["PATH"] = os.pathsep.join(part for part in path if part)
    env["MLWRIGHT_STEP_ATTEMPT"] = job["mark"]
    return env


class Process:
    """The process of the attempt, in a group of its own."""

    def __init__(self, argv, folder, env, log, mask):
        self.log, self.mask = log, mask
        self.child = subprocess.Popen(
            argv,
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        pipe = self.child.stdout.fileno()
        while True:
            read = os.read(pipe, 1 << 16)
            data = self.mask.show(read, last=not read)
            self.log.add(data)
            try:
                # For who looks at the cluster.
                sys.stdout.buffer.write(data)
                sys.stdout.buffer.flush()
            except (OSError, ValueError):
                pass
            if not read:
                return

    def signal(self, number):
        try:
            os.killpg(self.child.pid, number)
        except (ProcessLookupError, PermissionError):
            pass

    def end(self):
        """What was left behind goes, too."""
        self.signal(signal.SIGKILL)
        self.reader.join(2)


class Watch:
    """Ends the process at its timeout, on request of the server, and when the cluster wants this one to end."""

    def __init__(self, job, process, log):
        self.process = process
        self.log = log
        self.timeout = job["timeout_ms"]
        self.grace = job["grace_ms"] / 1000
        self.started = time.monotonic()
        self.cause = "exited"
        self.kill_at = None
        self.asked = threading.Event()
        self.gone = None
        signal.signal(signal.SIGTERM, lambda *_: self.asked.set())
        signal.signal(signal.SIGINT, lambda *_: self.asked.set())

    def speak(self, stop):
        """Beside the process: sends what it prints, and hears whether it should end."""
        last = 0.0
        while not stop.wait(LOOK):
            news = self.log.head > self.log.sent
            if not news and time.monotonic() - last < BEAT:
                continue
            try:
                if self.log.send(BEAT):
                    self.asked.set()
            except Sent as error:
                self.gone = error
                self.asked.set()
                return
            except Exception as error:
                say("the server is away: %s" % error)
            last = time.monotonic()

    def wait(self):
        child = self.process.child
        while True:
            code = child.poll()
            if code is not None:
                # Some clusters signal both at once, and this one may learn of it last.
                if code < 0 and self.cause == "exited" and self.asked.wait(0.5):
                    self.cause = "cancelled"
                return code
            now = time.monotonic()
            if self.kill_at is None:
                if self.timeout is not None and now - self.started >= self.timeout / 1000:
                    self.cause = "timed_out"
                elif self.asked.is_set():
                    self.cause = "cancelled"
                if self.cause != "exited":
                    # Clusters that ask end this process themselves a few seconds later.
                    grace = min(self.grace, 2) if self.cause == "cancelled" else self.grace
                    self.kill_at = now + grace
                    self.process.signal(signal.SIGTERM)
            elif now >= self.kill_at:
                self.process.signal(signal.SIGKILL)
            try:
                child.wait(0.1)
            except subprocess.TimeoutExpired:
                pass


def pack(root, before, ended, path):
    """What the attempt made: its outputs, and the files that it left beside them."""
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        exit_file = path + ".exit"
        with open(exit_file, "w") as file:
            json.dump(ended, file)
        archive.add(exit_file, "exit.json")
        if ended["cause"] != "not_started" and os.path.isdir(os.path.join(root, "outputs")):

            def each(member):
                # A file with two names is two files.
                archive.inodes.clear()
                return plain(member)

            archive.add(os.path.join(root, "outputs"), "outputs", filter=each)
        for name in sorted(os.listdir(root)):
            place = os.path.join(root, name)
            if name != "exit.json" and os.path.isfile(place) and not os.path.islink(place):
                if before.get(name) != (os.path.getsize(place), os.stat(place).st_mtime_ns):
                    archive.add(place, name)


def plain(member):
    """Sockets and the like stay, and links that lead out."""
    if member.issym():
        to = os.path.normpath(os.path.join(os.path.dirname(member.name), member.linkname))
        return member if not os.path.isabs(member.linkname) and to.startswith("outputs/") else None
    return member if member.isfile() or member.isdir() else None


def files_of(root):
    found = [(name, os.path.join(root, name)) for name in os.listdir(root)]
    return {n: (os.path.getsize(p), os.stat(p).st_mtime_ns) for n, p in found if os.path.isfile(p)}


def folders(job, base):
    """The attempt's folder, and where each folder of the server's machine is here."""
    return os.path.join(base, job["attempt"]), [(here, os.path.join(base, name)) for name, here in job["folders"]]


def bring(base, moved):
    """Fetches what the attempt reads."""
    bundle = os.path.join(base, "bundle.tar")
    ask("GET", "/bundle", into=bundle, timeout=300)
    unpack(bundle, base, moved)
    os.remove(bundle)


def attend(job, base):
    """Runs the attempt. Gives how it ended, and the folder and list of what was there before it started."""
    root, there = folders(job, base)
    moved = mover(there)
    bring(base, moved)
    rewrite(root, job["paths_in"], moved)
    before = files_of(root)
    log = Log(os.path.join(base, "log"), job["log_limit"], tell)
    ended = {"cause": "not_started", "code": None, "signal": None, "error": None}
    stop = threading.Event()
    speaker = None
    watch = None
    try:
        env = surroundings(job, moved)
        argv = [moved(word) for word in job["argv"]]
        for note in job["notes"]:
            log.add(("[mlwright] %s\n" % note).encode())
        process = Process(argv, os.path.join(base, job["directory"]), env, log, Mask(job["mask"]))
        watch = Watch(job, process, log)
        speaker = threading.Thread(target=watch.speak, args=(stop,), daemon=True)
        speaker.start()
        code = watch.wait()
        process.end()
        ended.update(cause=watch.cause, code=code if code >= 0 else None, signal=-code if code < 0 else None)
    except (OSError, RuntimeError) as error:
        ended["error"] = str(error)
    stop.set()
    if speaker is not None:
        speaker.join(20)
        if watch.gone is not None:
            raise watch.gone
    ended["cut_bytes"], ended["output_bytes"] = log.finish(), log.seen
    try:
        log.send(60)
    except RuntimeError as error:
        say("what was printed stays here: %s" % error)
    rewrite(root, job["paths_in"], mover([(b, a) for a, b in there]))
    return ended, root, before


def claim():
    mine = {"mark": MARK, "host": socket.gethostname(), "pid": os.getpid()}
    return json.loads(ask("POST", "/claim", body=json.dumps(mine).encode()))


def main():
    job = claim()
    os.makedirs(FOLDER, exist_ok=True)
    base = os.path.realpath(tempfile.mkdtemp(prefix="mlwright-", dir=FOLDER))
    try:
        try:
            ended, root, before = attend(job, base)
        except (OSError, RuntimeError, tarfile.TarError) as error:
            # Code and data did not get here: that is an end, too.
            ended = {"cause": "not_started", "code": None, "signal": None, "error": str(error)}
            root, before = base, files_of(base)
        result = os.path.join(base, "result.tar")
        pack(root, before, ended, result)
        ask("PUT", "/result", file=result, patience=PATIENCE_WITH_RESULT, timeout=3600)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    if ended["cause"] == "exited" and ended["code"] is not None:
        return ended["code"]
    return 1


if __name__ == "__main__":
    try:
        sys.exit({"fetch": fetch, "return": bring_back}.get(PART, main)())
    except Sent as gone:
        say("nothing to do here: %s" % gone)
        # An image whose attempt is another's must not start.
        sys.exit(1 if PART == "fetch" else 0)
