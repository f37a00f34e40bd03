"""MLflow's own clients against a server with users: python mlflow_auth.py <server-url>

Prints `ok <what>` or `not ok <what>: <why>` for each check and exits non-zero if any failed. Expects a fresh server,
whose first user becomes its administrator.
"""

import logging
import os
import sys
import tempfile
import time
import traceback
import types
import warnings

warnings.filterwarnings("ignore")
os.environ.setdefault("MLFLOW_ENABLE_ASYNC_LOGGING", "false")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")

# MLflow's server wants Flask-WTF for its sign-up form; the client beside it does not, but is in the same package.
csrf = types.ModuleType("flask_wtf.csrf")
csrf.CSRFProtect = object
sys.modules["flask_wtf"], sys.modules["flask_wtf.csrf"] = types.ModuleType("flask_wtf"), csrf

import requests  # noqa: E402
from mlflow import MlflowClient  # noqa: E402
from mlflow.entities import Metric  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402
from mlflow.server.auth.client import AuthServiceClient  # noqa: E402

logging.getLogger("mlflow").setLevel(logging.ERROR)

URL = sys.argv[1].rstrip("/")
API = f"{URL}/api/2.0/mlflow"
CHECKS = []
PASSWORDS = {"root": "correct horse battery", "ada": "ada has a password", "bob": "bob has a password"}
state = {}


def check(function):
    CHECKS.append((function.__name__.replace("_", " "), function))
    return function


class As:
    """Who the clients are while this lasts."""

    def __init__(self, name, password=None):
        self.name, self.password = name, password or PASSWORDS[name]

    def __enter__(self):
        os.environ["MLFLOW_TRACKING_USERNAME"] = self.name
        os.environ["MLFLOW_TRACKING_PASSWORD"] = self.password

    def __exit__(self, *_):
        os.environ.pop("MLFLOW_TRACKING_USERNAME")
        os.environ.pop("MLFLOW_TRACKING_PASSWORD")


client = MlflowClient(URL)
auth = AuthServiceClient(URL)


def refused(code, function, *args, text="", **kwargs):
    try:
        function(*args, **kwargs)
    except MlflowException as error:
        assert error.error_code == code, f"{error.error_code}: {error.message}"
        assert text in error.message, f"{text!r} is not in {error.message!r}"
        return
    raise AssertionError(f"not refused: expected {code}")


@check
def with_the_first_user_everybody_signs_in():
    client.search_experiments()
    auth.create_user("root", PASSWORDS["root"])
    refused("UNAUTHENTICATED", client.search_experiments, text="You are not authenticated")
    answer = requests.get(f"{API}/experiments/get?experiment_id=0")
    assert answer.status_code == 401 and answer.headers["WWW-Authenticate"].startswith("Basic"), answer.headers
    assert requests.get(f"{URL}/health").status_code == 200
    assert requests.get(f"{URL}/api/3.0/mlflow/server-info").status_code == 200
    with As("root", "wrong password"):
        refused("UNAUTHENTICATED", client.search_experiments)
    with As("root"):
        client.search_experiments()
        assert auth.get_user("root").is_admin


@check
def the_admin_makes_users_and_nobody_else_does():
    with As("root"):
        for name in ["ada", "bob"]:
            user = auth.create_user(name, PASSWORDS[name])
            assert user.username == name and not user.is_admin
        refused("RESOURCE_ALREADY_EXISTS", auth.create_user, "ada", PASSWORDS["ada"], text="User (username=ada)")
        refused("INVALID_PARAMETER_VALUE", auth.create_user, "eve", "short", text="at least 12 characters")
    with As("ada"):
        refused("PERMISSION_DENIED", auth.create_user, "eve", "eve has a password")
        refused("PERMISSION_DENIED", auth.get_user, "bob")
        assert auth.get_user("ada").username == "ada"
        refused("PERMISSION_DENIED", auth.update_user_admin, "ada", True)


@check
def members_work_in_their_own_experiments_and_read_the_others():
    with As("ada"):
        state["experiment"] = client.create_experiment("ada's")
        run = state["run"] = client.create_run(state["experiment"]).info.run_id
        client.log_metric(run, "m", 1.0)
        client.log_batch(run, metrics=[Metric("m", 2.0, 1, 1)])
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a.txt")
            with open(path, "w") as file:
                file.write("mine")
            client.log_artifact(run, path)
        client.create_registered_model("ada's model")
    with As("bob"):
        assert client.get_run(state["run"]).data.metrics["m"] == 2.0
        assert [f.path for f in client.list_artifacts(state["run"])] == ["a.txt"]
        refused("PERMISSION_DENIED", client.log_metric, state["run"], "m", 3.0)
        refused("PERMISSION_DENIED", client.log_batch, state["run"], metrics=[Metric("m", 2.0, 1, 1)])
        refused("PERMISSION_DENIED", client.create_run, state["experiment"])
        refused("PERMISSION_DENIED", client.delete_experiment, state["experiment"])
        refused("PERMISSION_DENIED", client.set_registered_model_tag, "ada's model", "k", "v")
        refused("PERMISSION_DENIED", client.delete_registered_model, "ada's model")


@check
def grants_open_and_shut_at_once():
    experiment = state["experiment"]
    with As("bob"):
        refused("PERMISSION_DENIED", auth.grant_user_permission, "bob", "experiment", experiment, "EDIT")
    with As("ada"):
        auth.grant_user_permission("bob", "experiment", experiment, "EDIT")
        refused("RESOURCE_ALREADY_EXISTS", auth.grant_user_permission, "bob", "experiment", experiment, "EDIT")
    with As("bob"):
        client.log_metric(state["run"], "m", 3.0)
        refused("PERMISSION_DENIED", client.delete_experiment, experiment)
        found = auth.get_user_permission("bob", "experiment", experiment)
        assert found.allowed and found.permission == "EDIT", found
    with As("ada"):
        auth.revoke_user_permission("bob", "experiment", experiment)
    with As("bob"):
        refused("PERMISSION_DENIED", client.log_metric, state["run"], "m", 3.0)


@check
def roles_gather_grants():
    with As("root"):
        role = auth.create_role("default", "editors")
        assert (role.name, role.workspace) == ("editors", "default")
        grant = auth.add_role_permission(role.id, "registered_model", "*", "EDIT")
        auth.assign_role("bob", role.id)
        assert [r.name for r in auth.list_user_roles("bob") if not r.name.startswith("__")] == ["editors"]
        assert [u.role_id for u in auth.list_role_users(role.id)] == [role.id]
    with As("bob"):
        client.set_registered_model_tag("ada's model", "k", "v")
    with As("root"):
        assert auth.update_role_permission(grant.id, "DENY").permission == "DENY"
    with As("bob"):
        refused("PERMISSION_DENIED", client.get_registered_model, "ada's model")
        assert client.search_registered_models() == []
    with As("root"):
        auth.delete_role(role.id)
        refused("RESOURCE_DOES_NOT_EXIST", auth.get_role, role.id)
    with As("bob"):
        assert [m.name for m in client.search_registered_models()] == ["ada's model"]


@check
def passwords_and_admins_change_at_once():
    with As("root"):
        auth.update_user_password("bob", "bob has a new one")
    with As("bob"):
        refused("UNAUTHENTICATED", client.search_experiments)
    PASSWORDS["bob"] = "bob has a new one"
    with As("root"):
        auth.update_user_admin("bob", True)
    with As("bob"):
        client.log_metric(state["run"], "m", 4.0)
        auth.delete_user("ada")
        refused("BAD_REQUEST", auth.delete_user, "bob")
    with As("ada"):
        refused("UNAUTHENTICATED", client.search_experiments)


@check
def the_event_log_names_the_user():
    answer = requests.get(f"{URL}/api/v1/events?limit=500", auth=("root", PASSWORDS["root"]))
    events = answer.json()["events"]
    assert {e["actor"] for e in events if e["kind"] == "run.created"} == {"user:ada"}, events[:3]


@check
def a_remembered_password_costs_next_to_nothing():
    def seconds(count):
        started = time.perf_counter()
        with requests.Session() as session:
            for _ in range(count):
                session.get(f"{API}/experiments/get?experiment_id=0", auth=("root", PASSWORDS["root"]))
        return time.perf_counter() - started

    seconds(5)
    # An unremembered one would take some 20 ms of hashing each time.
    assert seconds(200) < 4


failed = 0
for name, function in CHECKS:
    try:
        function()
        print(f"ok {name}", flush=True)
    except Exception as error:
        failed += 1
        print(f"not ok {name}: {type(error).__name__}: {error}", flush=True)
        traceback.print_exc()
sys.exit(1 if failed else 0)
