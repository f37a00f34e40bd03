"""The same for Airflow: read by its DAG processor."""

import os
from datetime import datetime

from airflow.sdk import DAG, task


def make(name, count, chained):
    with DAG(dag_id=name, schedule=None, start_date=datetime(2023, 1, 1), catchup=False, max_active_tasks=64) as dag:
        last = None
        for i in range(count):

            @task(task_id=f"task_{i}")
            def noop():
                return 1

            now = noop()
            if chained and last is not None:
                last >> now
            last = now
    return dag


one = make("one", 1, True)
chain = make("chain", 40, True)
fan = make("fan", int(os.environ.get("AIRFLOW_FAN", "40")), False)
