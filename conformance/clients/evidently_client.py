"""Evidently's workspace by the unmodified evidently package: python evidently_client.py <server-url>

Runs in the environment of conformance/upstream/evidently_requirements.txt. Prints `ok <what>` or `not ok <what>: <why>` for each check
and exits non-zero if any failed.
"""

import datetime
import json
import os
import sys
import warnings

warnings.filterwarnings("ignore")
os.environ.setdefault("DO_NOT_TRACK", "1")

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import requests  # noqa: E402
from _checks import check, run_checks  # noqa: E402
from evidently import DataDefinition, Dataset, Report  # noqa: E402
from evidently.errors import EvidentlyError  # noqa: E402
from evidently.metrics import MeanValue, ValueDrift  # noqa: E402
from evidently.presets import DataDriftPreset, DataSummaryPreset  # noqa: E402
from evidently.sdk.models import PanelMetric  # noqa: E402
from evidently.sdk.panels import DashboardPanelPlot  # noqa: E402
from evidently.ui.workspace import RemoteWorkspace  # noqa: E402

URL = sys.argv[1].rstrip("/")
workspace = RemoteWorkspace(URL)
made = {}
rng = np.random.default_rng(11)


def frame(shift, rows=300):
    return pd.DataFrame({"x": rng.normal(shift, 1, rows), "y": rng.integers(0, 9, rows), "c": rng.choice(["a", "b", "d"], rows)})


def dataset(shift):
    return Dataset.from_pandas(frame(shift), DataDefinition(numerical_columns=["x", "y"], categorical_columns=["c"]))


def api(path, **query):
    answer = requests.get(f"{URL}/api/{path}", params=query, timeout=30)
    answer.raise_for_status()
    return answer


def assert_missing(project):
    """0.7.23 raises where it means to give None: its own error is not the HTTP error that it catches."""
    try:
        assert workspace.get_project(project) is None
    except EvidentlyError as error:
        assert "project not found" in str(error), error


@check
def a_project_is_created_found_listed_and_changed():
    project = workspace.create_project("drift of x")
    made["project"] = project
    assert workspace.get_project(project.id).name == "drift of x"
    assert project.id in [p.id for p in workspace.list_projects()]
    assert [p.id for p in workspace.search_project("drift of x")] == [project.id]
    assert list(workspace.search_project("no such name")) == []
    project.description = "watched"
    project.save()
    assert workspace.get_project(project.id).description == "watched"
    assert_missing("00000000-0000-0000-0000-000000000001")


@check
def runs_are_kept_with_their_values():
    reference = dataset(0)
    for day, shift in enumerate((0, 0.1, 2)):
        report = Report([DataDriftPreset(), MeanValue(column="x")], include_tests=True, tags=[f"day{day}"], metadata={"day": str(day)})
        run = report.run(dataset(shift), reference, timestamp=datetime.datetime(2026, 1, 1 + day))
        made.setdefault("runs", []).append((workspace.add_run(made["project"].id, run).id, run))
    project = made["project"].id
    listed = api(f"projects/{project}/snapshots").json()
    assert [s["id"] for s in listed] == [str(i) for i, _ in made["runs"]], listed
    assert listed[2]["tags"] == ["day2"] and listed[2]["metadata"] == {"day": "2"}
    assert listed[2]["timestamp"].startswith("2026-01-03T00:00:00")


@check
def a_run_comes_back_as_the_package_itself_writes_it():
    project = made["project"].id
    identity, run = made["runs"][2]
    ours = api(f"projects/{project}/{identity}/download", report_format="json").json()
    theirs = json.loads(run.json())
    assert [m["id"] for m in ours["metrics"]] == [m["id"] for m in theirs["metrics"]]
    for a, b in zip(ours["metrics"], theirs["metrics"]):
        assert a["value"] == b["value"], (a, b)
        assert a["config"] == b["config"], (a["config"], b["config"])
    assert len(ours["tests"]) == len(theirs["tests"])
    page = api(f"projects/{project}/{identity}/download").text
    assert page.startswith("<!doctype html>") and len(page) < 50_000
    widgets = json.loads(api(f"projects/{project}/{identity}/data").text)["widgets"]
    assert widgets
    assert api(f"projects/{project}/{identity}/metadata").json()["id"] == str(identity)


@check
def values_are_drawn_over_time():
    project = made["project"].id
    everything = {"tags": "[]", "metadata": "{}"}
    kinds = api(f"v2/snapshots/{project}/metrics", **everything).json()["metrics"]
    drift = "evidently:metric_v2:ValueDrift"
    assert drift in kinds and "evidently:metric_v2:MeanValue" in kinds, kinds
    labels = api(f"v2/snapshots/{project}/labels", metric_type=drift, **everything).json()["labels"]
    assert "column" in labels
    values = api(f"v2/snapshots/{project}/label_values", metric_type=drift, label="column", **everything).json()
    assert sorted(values["label_values"]) == ["c", "x", "y"], values
    query = {"series_filter": [{"tags": [], "metadata": {}, "metric": drift, "metric_labels": {"column": "x"}}]}
    answer = requests.post(f"{URL}/api/v2/snapshots/{project}/data_series_batch", json=query, timeout=30).json()
    assert len(answer["sources"]) == 3
    points = answer["series"][0]["values"]
    assert len(points) == 3 and points[2] < 0.05 <= points[0], points


@check
def a_dashboard_is_kept():
    project = made["project"]
    panel = DashboardPanelPlot(
        title="drift",
        subtitle=None,
        size="full",
        values=[PanelMetric(metric="ValueDrift", metric_labels={"column": "x"})],
        plot_params={"plot_type": "line"},
    )
    project.dashboard.add_panel(panel, tab="Main", create_if_not_exists=True)
    again = workspace.get_project(project.id).dashboard.model()
    assert [p.title for p in again.panels] == ["drift"], again
    try:
        project.dashboard.add_tab("Second")
        raise AssertionError("a second tab was taken")
    except Exception as error:  # noqa: BLE001
        assert "Multiple tabs" in str(error), error
    project.dashboard.clear_dashboard()
    assert workspace.get_project(project.id).dashboard.model().panels == []


@check
def datasets_come_back_as_they_were():
    project = made["project"].id
    sent = dataset(1)
    identity = workspace.add_dataset(project, sent, "first", "of the check")
    loaded = workspace.load_dataset(identity)
    pd.testing.assert_frame_equal(loaded.as_dataframe(), sent.as_dataframe())
    assert loaded.data_definition.numerical_columns == ["x", "y"]
    listed = workspace.list_datasets(project)
    assert [d.name for d in listed.datasets] == ["first"], listed
    page = api(f"datasets/{identity}", page_size=7, current_page=2, sort_by_column="x").json()
    assert len(page["items"]) == 7 and page["total_pages"] == 43
    xs = sorted(sent.as_dataframe()["x"])[7:14]
    assert [row[0] for row in page["items"]] == xs


@check
def a_run_takes_its_data_along():
    project = made["project"].id
    run = Report([ValueDrift(column="x")]).run(dataset(0), dataset(0))
    identity = workspace.add_run(project, run, include_data=True).id
    links = next(s for s in api(f"projects/{project}/snapshots").json() if s["id"] == str(identity))["links"]["datasets"]
    assert links["output"]["current"] and links["output"]["reference"], links


@check
def numbers_that_json_lacks_are_taken():
    data = frame(0, 40)
    data["empty"] = np.nan
    definition = DataDefinition(numerical_columns=["x", "empty"])
    run = Report([DataSummaryPreset()]).run(Dataset.from_pandas(data, definition), None)
    assert workspace.add_run(made["project"].id, run).id


@check
def artifacts_and_prompts_have_versions():
    project = made["project"].id
    prompt = workspace.prompts.create_prompt(project, "greeting")
    assert workspace.prompts.get_prompt(project, "greeting").id == prompt.id
    first = workspace.prompts.bump_prompt_version(prompt.id, "Hello {name}")
    second = workspace.prompts.bump_prompt_version(prompt.id, "Good day {name}")
    assert (first.version, second.version) == (1, 2)
    assert workspace.prompts.get_version(prompt.id, "latest").version == 2
    assert len(workspace.prompts.list_versions(prompt.id)) == 2
    workspace.prompts.delete_prompt(prompt.id)
    assert workspace.prompts.list_prompts(project) == []


@check
def a_project_goes_with_everything_in_it():
    project = made["project"].id
    workspace.delete_project(project)
    assert_missing(project)
    assert requests.get(f"{URL}/api/projects/{project}/snapshots", timeout=30).status_code == 404


sys.exit(1 if run_checks() else 0)
