"""What a task prints, on its way to the server. Stands before `guest.py` in the one file that runs on a cluster's machine."""

import collections
import re
import threading


class Mask:
    """Takes secrets out of what is printed, wherever it is cut."""

    def __init__(self, texts):
        parts = {line.strip().encode() for text in texts for line in [text] + text.splitlines()}
        self.secrets = sorted((part for part in parts if len(part) >= 3), key=len, reverse=True)
        self.pattern = re.compile(b"|".join(re.escape(secret) for secret in self.secrets))
        self.held = b""

    def show(self, data, last=False):
        if not self.secrets:
            return data
        shown, at, text = [], 0, self.held + data
        for found in self.pattern.finditer(text):
            shown += [text[at : found.start()], b"***"]
            at = found.end()
        rest, keep = text[at:], 0
        if not last:
            longest = min(len(rest), len(self.secrets[0]) - 1)
            keep = next((n for n in range(longest, 0, -1) if any(s.startswith(rest[-n:]) for s in self.secrets)), 0)
        self.held = rest[len(rest) - keep :]
        return b"".join(shown) + rest[: len(rest) - keep]


class Log:
    """The first half of the limit goes to the server as it comes, the last half at the end. `tell(offset, bytes, patience)`
    brings it there, and gives what the server has."""

    #: Bytes that are sent at once.
    PART = 1 << 20

    def __init__(self, path, limit, tell):
        self.path, self.tell = path, tell
        self.file = open(path, "wb")
        self.half = max(limit, 1024) // 2
        self.head = 0
        self.tail = collections.deque()
        self.kept = 0
        self.seen = 0
        self.sent = 0
        self.lock = threading.Lock()

    def add(self, data):
        with self.lock:
            self.seen += len(data)
            room = min(max(self.half - self.head, 0), len(data))
            if room:
                self.file.write(data[:room])
                self.file.flush()
                self.head += room
                data = data[room:]
            if data:
                self.tail.append(data)
                self.kept += len(data)
                while self.kept - len(self.tail[0]) >= self.half:
                    self.kept -= len(self.tail.popleft())

    def finish(self):
        """How many bytes were cut."""
        with self.lock:
            cut = self.seen - self.head - self.kept
            tail = b"".join(self.tail)
            over = len(tail) - self.half
            if over > 0:
                tail, cut = tail[over:], cut + over
            if cut > 0:
                line = "\n[mlwright: %d bytes of output were cut here; the beginning and the end are kept]\n" % cut
                self.file.write(line.encode())
            self.file.write(tail)
            self.file.close()
            self.tail.clear()
            return cut

    def send(self, patience):
        """Sends what is new, or a sign of life. True if the attempt should end."""
        while True:
            with open(self.path, "rb") as file:
                file.seek(self.sent)
                part = file.read(self.PART)
            told = self.tell(self.sent, part, patience)
            if told["size"] == self.sent and part:
                return told["cancel"]  # The server takes no more.
            self.sent = told["size"]
            if told["cancel"] or len(part) < self.PART:
                return told["cancel"]
