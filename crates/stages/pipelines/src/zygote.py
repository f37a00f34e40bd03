"""A warm Python: it has imported what steps begin with, and forks a child for each step that asks.

    python zygote.py SOCKET [MODULE ...]

It imports the modules, listens on the Unix socket, and ends when nobody has asked for `IDLE` seconds. One connection is one
step. The asking side sends a length (4 bytes, big-endian) and a JSON object of that length; `output` is the path of the pipe
that becomes the step's standard output and error, such as `/proc/<its process id>/fd/7`:

    {"module": "…", "arguments": ["…"], "directory": "/…", "env": {"…": "…"}, "output": "/…"}

and reads JSON lines: `{"pid": 2, "parent": 1}` when the child runs, in a session of its own, then `{"code": 0}` or `{"signal": 9}` when it
has ended. `{"refused": "why"}` means that nothing was started and the step has to start by itself. When the asking side goes
away, its child is killed.

A fork takes milliseconds, most of them for the tables of memory. So there is always one child that waits already, and the
next one is forked while the step runs.

A fork copies one thread only. So nothing is forked while this process has a second thread: a module that starts one (a numeric
library, a GPU runtime) makes the zygote refuse, which costs time and never an answer.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import struct
import sys
import threading
import time
import traceback

IDLE = 600
PR_SET_CHILD_SUBREAPER = 36


def main():
    path, modules = sys.argv[1], sys.argv[2:]
    refused = warm(modules)
    adopt_orphans()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    beside = f"{path}.{os.getpid()}"
    listener.bind(beside)
    os.chmod(beside, 0o600)
    listener.listen(128)
    # The name appears when it can be connected to.
    os.rename(beside, path)
    identity = os.stat(path).st_ino
    wake_in, wake_out = socket.socketpair()
    for end in (listener, wake_in, wake_out):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_out.fileno(), warn_on_full_buffer=False)
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    selector.register(wake_in, selectors.EVENT_READ)
    children, connections = {}, {}
    mine = (listener, wake_in, wake_out, selector)
    spare = Spare()
    last = time.monotonic()
    while True:
        if last > spare.since and not refused:
            spare.make(mine, connections)
        for key, _ in selector.select(5):
            if key.fileobj is listener:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    continue
                last = time.monotonic()
                pid = start(connection, refused, spare, mine, connections)
                if pid is None:
                    connection.close()
                    continue
                connection.setblocking(False)
                children[pid] = connection
                connections[connection] = pid
                selector.register(connection, selectors.EVENT_READ)
            elif key.fileobj is wake_in:
                drain(wake_in)
            else:
                # Nothing is said after the request: the other side is gone.
                gone(key.fileobj, selector, connections)
        reap(children, selector, connections)
        try:
            found = os.stat(path).st_ino == identity
        except OSError:
            found = False
        if not children and (not found or time.monotonic() - last > IDLE):
            if found:
                os.unlink(path)
            return


def warm(modules):
    """Why nothing may be forked, if it is so."""
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception as error:  # what it cannot import, a step may not need
            print(f"zygote: cannot import {name}: {error}", file=sys.stderr, flush=True)
    # What is here now is never looked at again by the collector of a child, which would copy its memory to do so.
    gc.collect()
    gc.freeze()
    return crowded()


def crowded():
    try:
        threads = len(os.listdir("/proc/self/task"))
    except OSError:
        threads = threading.active_count()
    return "" if threads == 1 else f"{threads} threads run in the warm process"


def adopt_orphans():
    """What a step leaves behind stays below this process, which reaps it."""
    try:
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    except Exception:
        pass


def drain(end):
    try:
        while end.recv(4096):
            pass
    except BlockingIOError:
        pass


def gone(connection, selector, connections):
    try:
        if connection.recv(4096):
            return
    except BlockingIOError:
        return
    except OSError:
        pass
    pid = connections.pop(connection, None)
    selector.unregister(connection)
    connection.close()
    if pid:
        end_session(pid)


def end_session(pid):
    try:
        os.killpg(pid, signal.SIGKILL)
    except OSError:
        pass


def reap(children, selector, connections):
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        connection = children.pop(pid, None)
        if connection is None or connections.pop(connection, None) is None:
            continue
        if os.WIFSIGNALED(status):
            say(connection, {"signal": os.WTERMSIG(status)})
        else:
            say(connection, {"code": os.WEXITSTATUS(status)})
        selector.unregister(connection)
        connection.close()


def say(connection, what):
    try:
        connection.sendall(json.dumps(what).encode() + b"\n")
    except OSError:
        pass


class Spare:
    """A child that waits for the next request on a socket of its own, and ends when this process does."""

    def __init__(self):
        self.pid, self.end, self.since = None, None, -1.0

    def make(self, mine, connections):
        """Forks it, if nothing speaks against it."""
        self.since = time.monotonic()
        if self.pid is not None or crowded():
            return
        here, there = socket.socketpair()
        try:
            pid = os.fork()
        except OSError:
            here.close()
            there.close()
            return
        if pid == 0:
            become(lambda: self.wait(here, there), mine, connections)
        there.close()
        self.pid, self.end = pid, here

    def wait(self, here, there):
        here.close()
        length, passed, _, _ = there.recvmsg(4, socket.CMSG_SPACE(4))
        if not length:
            return 0
        output = struct.unpack("i", passed[0][2][:4])[0]
        request = json.loads(whole(there, length))
        there.close()
        return child(request, output)

    def take(self, data, output):
        """Its process id, once it has the request and the pipe; `None` if there is none."""
        pid, end, self.pid, self.end = self.pid, self.end, None, None
        if pid is None:
            return None
        passed = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", output))]
        try:
            end.sendmsg([struct.pack(">I", len(data))], passed)
            end.sendall(data)
        except OSError:
            pid = None
        end.close()
        return pid


def whole(connection, data=b""):
    """What follows the length, of which `data` came already."""
    while len(data) < 4 or len(data) < 4 + struct.unpack(">I", data[:4])[0]:
        part = connection.recv(1 << 16)
        if not part:
            raise ValueError("the request is cut")
        data += part
    return data[4:]


def start(connection, refused, spare, mine, connections):
    """The child's process id, or `None`."""
    output = None
    try:
        connection.settimeout(5)
        data = whole(connection)
        request = json.loads(data)
        output = os.open(request["output"], os.O_WRONLY)
        refused = refused or crowded()
        if refused:
            raise OSError(refused)
        pid = spare.take(data, output)
        if pid is None:
            pid = os.fork()
    except (OSError, ValueError, KeyError, struct.error) as error:
        if output is not None:
            os.close(output)
        say(connection, {"refused": str(error)})
        return None
    if pid == 0:
        become(lambda: child(request, output), mine, [connection, *connections])
    os.close(output)
    say(connection, {"pid": pid, "parent": os.getpid()})
    return pid


def become(work, mine, connections):
    """In the child: nothing of the parent's stays open, and it never returns."""
    code = 1
    try:
        listener, wake_in, wake_out, selector = mine
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        selector.close()
        for end in (listener, wake_in, wake_out, *connections):
            end.close()
        code = work()
    finally:
        os._exit(code)


def child(request, output):
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    for descriptor in (nothing, output):
        if descriptor > 2:
            os.close(descriptor)
    os.chdir(request["directory"])
    os.environ.clear()
    os.environ.update(request["env"])
    if hasattr(time, "tzset"):
        time.tzset()
    # Children would share one state, and with it their "random" names.
    if "random" in sys.modules:
        sys.modules["random"].seed()
    sys.argv = [request["module"], *request["arguments"]]
    own = os.path.dirname(os.path.abspath(__file__))
    paths = [request["directory"], *request["env"].get("PYTHONPATH", "").split(os.pathsep)]
    sys.path[:] = [p for p in paths if p] + [p for p in sys.path if p and os.path.abspath(p) != own]
    return run(request["module"])


def run(module):
    """The exit code that the interpreter would end with."""
    code = 0
    # What is run as `__main__` must not be there as itself already.
    sys.modules.pop(module, None)
    sys.modules.pop("__main__", None)
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code
        if code is None:
            code = 0
        elif not isinstance(code, int):
            print(code, file=sys.stderr)
            code = 1
    except KeyboardInterrupt:
        traceback.print_exc()
        code = 130
    except BaseException:
        traceback.print_exc()
        code = 1
    try:
        threading._shutdown()
        atexit._run_exitfuncs()
    except BaseException:
        traceback.print_exc()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            code = code or 120
    return code & 0xFF


if __name__ == "__main__":
    main()
