"""One series of a million points: its history, a chart of it, and what it takes on disk.

Upstream's rows are put into its tables by SQL, since logging them would take it minutes; mlwright's are logged.
"""

import sqlite3
import subprocess

TITLE = "One metric of a million points"
POINTS = 1_000_000
START = 1_790_000_000_000
API = "/api/2.0/mlflow/metrics"
COLUMNS = "(run_uuid, key, value, timestamp, step, is_nan)"


def value(step):
    x = (step * 1009 * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
    x ^= x >> 31
    return 1.0 / (1.0 + step / 1000.0) + (x >> 11) / 2**53 / 10.0


def rows(run):
    for step in range(POINTS):
        yield run, "loss", value(step), START + step * 211 + step % 7, step, False


def fill(bench, server, run):
    if server.name == "mlflow-sqlite":
        database = sqlite3.connect(server.folder / "mlflow.db", timeout=60)
        database.executemany(f"INSERT INTO metrics {COLUMNS} VALUES (?, ?, ?, ?, ?, ?)", rows(run))
        database.commit()
        database.close()
    elif server.name == "mlflow-postgres":
        text = "".join("\t".join(map(str, row)) + "\n" for row in rows(run))
        url = f"{bench.args.postgres}/{server.database}"
        copy = f"\\copy metrics {COLUMNS} FROM STDIN"
        subprocess.run(["psql", "-q", "-v", "ON_ERROR_STOP=1", url, "-c", copy], input=text, text=True, check=True)
        bench.psql("ANALYZE metrics", server.database)
    else:
        bench.load(server, "fill", run, POINTS, "loss")


def size(bench, server):
    if server.name.endswith("postgres"):
        bench.psql("VACUUM FULL", server.database)
        return int(bench.psql(f"SELECT pg_database_size('{server.database}')", server.database))
    return sum(p.stat().st_size for p in server.folder.rglob("*.db*")) + sum(
        p.stat().st_size for p in server.folder.rglob("*.sqlite*")
    )


def measure(bench):
    whole, page, chart, window, bytes_, memory = {}, {}, {}, {}, {}, {}
    for kind in bench.kinds:
        with bench.server(kind) as server:
            run = server.new_run()
            before = size(bench, server)
            fill(bench, server, run)
            query = f"run_id={run}&metric_key=loss"
            of_chart = f"{API}/get-history-bulk-interval?run_ids={run}&metric_key=loss&max_results=320"
            asked = {
                "chart": f"/ajax-api{of_chart.removeprefix('/api')}",
                "window": f"/ajax-api{of_chart.removeprefix('/api')}&start_step=400000&end_step=500000",
                "page": f"{API}/get-history?{query}&max_results=25000",
                "whole": f"{API}/get-history?{query}",
            }
            for name, into, most in (("chart", chart, 50), ("window", window, 50), ("page", page, 20), ("whole", whole, 3)):
                bench.load(server, "get", 1, 300, 1, asked[name])
                into[kind] = bench.load(server, "get", 1, bench.seconds, most, asked[name])["p50"]
            memory[kind] = server.memory()[0]
            server.stop()
            bytes_[kind] = (size(bench, server) - before) / POINTS
    return [
        ("chart of 320 points (bulk-interval)", "ms", "less", chart),
        ("chart of 320 points, steps 400,000 to 500,000", "ms", "less", window),
        ("page of 25,000 points of the history", "ms", "less", page),
        ("the whole history", "ms", "less", whole),
        ("bytes a point at rest", "B", "less", bytes_),
        ("memory after, all processes, RSS", "MB", "less", memory),
    ]
