"""A warm Python: it has imported what steps begin with, and forks a child for each step that asks.

    python zygote.py SOCKET [MODULE ...]

It imports the modules, listens on the Unix socket, and ends when nobody has asked for `IDLE` seconds. One connection is one
step. The asking side sends a length (4 bytes, big-endian) and a JSON object of that length; `output` is the path of the pipe
that becomes the step's standard output and error, such as `/proc/<its process id>/fd/7`:

    {"module": "…", "arguments": ["…"], "directory": "/…", "env": {"…": "…"}, "output": "/…"}

and reads JSON lines: `{"pid": 2, "parent": 1}` when the child runs, in a session of its own, then `{"code": 0}` or `{"signal": 9}` when it
has ended. `{"refused": "why"}` means that nothing was started and the step has to start by itself. When the asking side goes
away, its child is killed.

A fork copies one thread only. So nothing is forked while this process has a second thread: a module that starts one (a numeric
library, a GPU runtime) makes the zygote refuse, which costs time and never an answer.
"""

import atexit
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
    last = time.monotonic()
    while True:
        for key, _ in selector.select(5):
            if key.fileobj is listener:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    continue
                last = time.monotonic()
                pid = start(connection, refused, (listener, wake_in, wake_out, selector), connections)
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
            mine = os.stat(path).st_ino == identity
        except OSError:
            mine = False
        if not children and (not mine or time.monotonic() - last > IDLE):
            if mine:
                os.unlink(path)
            return


def warm(modules):
    """Why nothing may be forked, if it is so."""
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception as error:  # what it cannot import, a step may not need
            print(f"zygote: cannot import {name}: {error}", file=sys.stderr, flush=True)
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


def receive(connection):
    """The request, and the descriptor of its output."""
    connection.settimeout(5)
    data = b""
    while len(data) < 4 or len(data) < 4 + struct.unpack(">I", data[:4])[0]:
        part = connection.recv(1 << 16)
        if not part:
            raise ValueError("the request is cut")
        data += part
    request = json.loads(data[4:])
    return request, os.open(request["output"], os.O_WRONLY)


def start(connection, refused, mine, connections):
    """The child's process id, or `None`."""
    output = None
    try:
        request, output = receive(connection)
        refused = refused or crowded()
        if refused:
            raise OSError(refused)
        pid = os.fork()
    except (OSError, ValueError, KeyError, struct.error) as error:
        if output is not None:
            os.close(output)
        say(connection, {"refused": str(error)})
        return None
    if pid == 0:
        code = 1
        try:
            listener, wake_in, wake_out, selector = mine
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            selector.close()
            for end in (listener, wake_in, wake_out, connection, *connections):
                end.close()
            code = child(request, output)
        finally:
            os._exit(code)
    os.close(output)
    say(connection, {"pid": pid, "parent": os.getpid()})
    return pid


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
