"""Around a task that is an image of its own, in the same pod and with a folder that all of them share: `fetch` runs before it and
puts there what it reads, `bring_back` beside it, and gives back what it made once the server says that it has ended. Stands before
`guest.py` in the one file that runs on a cluster's machine.
"""

import os
import signal
import tarfile
import tempfile
import time

# Between two questions whether the image has ended, in seconds.
ENDED = 0.7


def give_back(root, before, ended):
    with tempfile.TemporaryDirectory() as folder:
        result = os.path.join(folder, "result.tar")
        pack(root, before, ended, result)
        ask("PUT", "/result", file=result, patience=PATIENCE_WITH_RESULT, timeout=3600)


def give_back_nothing(ended, why):
    say(why)
    with tempfile.TemporaryDirectory() as empty:
        give_back(empty, {}, {**ended, "code": None, "signal": None, "error": why})


def fetch():
    """0 if the image may start."""
    job = claim()
    try:
        root, there = folders(job, FOLDER)
        bring(FOLDER, mover(there))
        # The image may run as anybody.
        for place, _, _ in os.walk(root):
            os.chmod(place, 0o777)
        return 0
    except (OSError, RuntimeError, tarfile.TarError) as error:
        give_back_nothing({"cause": "not_started"}, str(error))
        return 1


def bring_back():
    """It is asked to end when the image is, and may have something to give back then, too."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    job = claim()
    root, there = folders(job, FOLDER)
    while True:
        told = tell(0, b"", PATIENCE_WITH_RESULT)
        if told.get("ended"):
            break
        if told["cancel"]:
            return 0
        time.sleep(ENDED)
    try:
        rewrite(root, job["paths_in"], mover([(b, a) for a, b in there]))
        # Beside its outputs, an image leaves nothing that counts.
        give_back(root, files_of(root), told["ended"])
    except (OSError, tarfile.TarError) as error:
        give_back_nothing({**told["ended"], "cause": "exited"}, "what it made cannot be read: %s" % error)
    return 0
