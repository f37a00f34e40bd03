"""Logging: acknowledged writes of 20 clients, each with a run of its own."""

import threading

TITLE = "Logging, 20 clients"
CLIENTS = 20

SHAPES = [
    ("log-batch, 10 metrics", ("batch", 10, 1)),
    ("log-batch, 1,000 metrics: 10 keys × 100 steps", ("batch", 10, 100)),
    ("log-batch, 1,000 metrics: 1,000 keys × 1 step", ("batch", 1000, 1)),
    ("log-metric", ("single",)),
]


class Memory(threading.Thread):
    """The most memory that a server had while this ran."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.most, self.stopping = server, (0, 0), threading.Event()
        self.start()

    def run(self):
        while not self.stopping.wait(0.5):
            self.most = max(self.most, self.server.memory())

    def stop(self):
        self.stopping.set()
        self.join()
        return self.most


def measure(bench):
    rates = {name: {} for name, _ in SHAPES}
    slow = {name: {} for name, _ in SHAPES}
    points, memory = {name: {} for name, _ in SHAPES[1:3]}, {}
    for kind in bench.kinds:
        with bench.server(kind) as server:
            watch = Memory(server)
            for name, (what, *shape) in SHAPES:
                # The first seconds warm caches and connections.
                bench.load(server, what, CLIENTS, 1, *shape)
                found = bench.load(server, what, CLIENTS, bench.seconds, *shape)
                rates[name][kind], slow[name][kind] = found["rate"], found["p95"]
                if name in points:
                    points[name][kind] = found["points"] / found["seconds"]
            memory[kind] = watch.stop()
    rows = []
    for name, _ in SHAPES:
        rows.append((name, "/s", "more", rates[name]))
        rows.append((f"{name}: 95th percentile", "ms", "less", slow[name]))
        if name in points:
            rows.append((f"{name}: points", "/s", "more", points[name]))
    rows.append(("most memory while logging, all processes, RSS", "MB", "less", {k: m[0] for k, m in memory.items()}))
    rows.append(("the same, shared pages once (PSS)", "MB", "less", {k: m[1] for k, m in memory.items()}))
    return rows
