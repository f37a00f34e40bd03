"""What the differential scripts share: running the program, comparing numbers, counting."""

import argparse
import collections
import json
import math
import subprocess
import sys
import tempfile
import time


def arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("binary", help="the program `mlwright`")
    parser.add_argument("--seed", type=int, help="of the first round; the time if left out")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", metavar="FOLDER", help="where data stay, to look at what differs")
    options = parser.parse_args()
    options.seed = options.seed if options.seed is not None else int(time.time()) % 100_000
    options.folder = options.keep or tempfile.mkdtemp(prefix="mlwright-statistics-")
    print(f"seed {options.seed}, {options.rounds} rounds, data in {options.folder}")
    return options


def run(binary, *flags):
    """The JSON on standard output and the exit code; an error of the program (2) or a panic ends the script."""
    done = subprocess.run([binary, *map(str, flags)], capture_output=True, text=True)
    if done.returncode not in (0, 1):
        return {"failed": done.stderr.strip()[:400]}, done.returncode
    return json.loads(done.stdout), done.returncode


def number(value):
    return float(value.replace("Infinity", "inf")) if isinstance(value, str) else float("nan") if value is None else float(value)


def near(a, b, absolute=1e-9, relative=1e-7):
    a, b = number(a), number(b)
    return a == b or math.isnan(a) and math.isnan(b) or abs(a - b) <= absolute + relative * abs(b)


class Tally:
    def __init__(self):
        self.same, self.known, self.missed = collections.Counter(), collections.Counter(), []

    def note(self, what, agrees, said):
        if agrees:
            self.same[what] += 1
        else:
            self.missed.append(f"{what}: {said}")

    def exception(self, why):
        """Differs for a reason that docs/conformance/statistics.md gives."""
        self.known[why] += 1

    def end(self, most=60):
        for title, counts in (("agree", self.same), ("differ as documented", self.known)):
            print(f"{sum(counts.values())} {title}: " + ", ".join(f"{k} {v}" for k, v in sorted(counts.items())))
        print("\n".join(self.missed[:most]))
        agreed = sum(self.same.values())
        print(f"{agreed} of {agreed + len(self.missed)} checks hold")
        sys.exit(bool(self.missed))
