"""Gives a server what MLflow's own web page shows, with the unmodified client: fill.py URL MADE.json writes what it made."""

import json
import os
import struct
import sys
import tempfile
import zlib

os.environ["MLFLOW_TRACKING_URI"] = sys.argv[1]

import mlflow  # noqa: E402
from mlflow.entities import Metric, Param  # noqa: E402


def png(side=16):
    """A small red square."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"\xff\0\0" * side for _ in range(side))
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def main():
    client = mlflow.MlflowClient()
    experiment = client.create_experiment("page-check", tags={"mlflow.note.content": "made by a test"})
    mlflow.set_experiment("page-check")
    runs = []
    for index in range(3):
        with mlflow.start_run(run_name=f"page-run-{index}") as run:
            runs.append(run.info.run_id)
            loss = [Metric("loss", 1 / (step + 1 + index), 1_700_000_000_000 + step * 1000, step) for step in range(200)]
            client.log_batch(run.info.run_id, metrics=loss, params=[Param("lr", str(0.1 * (index + 1)))])
            mlflow.log_metrics({"accuracy": 0.8 + index / 100, "nothing": float("nan")})
            mlflow.set_tag("team", f"blue-{index}")
            data = mlflow.data.from_numpy(__import__("numpy").zeros((3, 2)), name="page-data")
            mlflow.log_input(data, context="training")
            mlflow.log_text("hello from a file", "notes/read me.txt")
            mlflow.log_dict({"answer": 42}, "notes/answer.json")
            mlflow.log_text("a,b\n1,2\n3,4\n", "table.csv")
            with tempfile.TemporaryDirectory() as folder:
                place = os.path.join(folder, "square.png")
                with open(place, "wb") as file:
                    file.write(png())
                mlflow.log_artifact(place)
    mlflow.set_experiment("page-check")
    client.create_registered_model("page-model", description="A model for the page")
    for run in runs[:2]:
        client.create_model_version("page-model", f"runs:/{run}/notes", run_id=run)
    client.set_registered_model_alias("page-model", "champion", "2")
    client.set_model_version_tag("page-model", "1", "stage", "old")
    client.create_prompt("page-prompt")
    client.create_prompt_version("page-prompt", template="Say hello to {{name}}.", tags={"kind": "greeting"})
    traced = None
    try:

        @mlflow.trace(name="page-span")
        def add(a, b):
            return a + b

        add(1, 2)
        mlflow.flush_trace_async_logging()
        traced = mlflow.get_last_active_trace_id()
    except Exception as error:  # traces are not what this is about
        print(error, file=sys.stderr)
    made = {"experiment": experiment, "runs": runs, "model": "page-model", "prompt": "page-prompt", "trace": traced}
    with open(sys.argv[2], "w") as file:
        json.dump(made, file)


if __name__ == "__main__":
    main()
