"""The unmodified mlflow client's GenAI surface against a server: python mlflow_genai.py <server-url>

Prints `ok <what>` or `not ok <what>: <why>` for each check and exits non-zero if any failed. Expects a fresh server.
"""

import logging
import os
import sys
import warnings

warnings.filterwarnings("ignore")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")

import mlflow  # noqa: E402
import requests  # noqa: E402
from mlflow import MlflowClient  # noqa: E402
from mlflow.entities import (  # noqa: E402
    FallbackConfig,
    GatewayEndpointModelConfig,
    GatewayModelLinkageType,
    RoutingStrategy,
)
from mlflow.genai import datasets  # noqa: E402
from mlflow.genai.judges import make_judge  # noqa: E402
from mlflow.genai.scorers import delete_scorer, get_scorer, list_scorers  # noqa: E402
from _checks import check, refused, run_checks  # noqa: E402

logging.getLogger("mlflow").setLevel(logging.ERROR)

URL = sys.argv[1].rstrip("/")
state = {}


mlflow.set_tracking_uri(URL)
client = MlflowClient()
store = client._tracking_client.store


@check
def datasets_hold_records_and_merge_them():
    experiment = mlflow.set_experiment("genai").experiment_id
    state["experiment"] = experiment
    made = datasets.create_dataset(name="qa", experiment_id=experiment, tags={"team": "ml"})
    made.merge_records(
        [
            {"inputs": {"question": "a"}, "expectations": {"answer": "1"}},
            {"inputs": {"question": "b"}, "expectations": {"answer": "2"}},
        ]
    )
    made.merge_records([{"inputs": {"question": "a"}, "expectations": {"source": "x"}}])
    again = datasets.get_dataset(dataset_id=made.dataset_id)
    rows = again.to_df()
    assert len(rows) == 2 and again.experiment_ids == [experiment], rows
    first = next(r for r in rows["expectations"] if r.get("source"))
    assert first == {"answer": "1", "source": "x"}, first
    assert again.digest != made.digest or again.last_update_time >= made.created_time


@check
def datasets_are_found_by_tag_and_leave_experiments():
    found = datasets.search_datasets(filter_string="tags.team = 'ml'")
    assert [d.name for d in found] == ["qa"]
    dataset = found[0].dataset_id
    datasets.set_dataset_tags(dataset_id=dataset, tags={"team": "data"})
    assert not datasets.search_datasets(filter_string="tags.team = 'ml'")
    other = client.create_experiment("other")
    added = datasets.add_dataset_to_experiments(dataset_id=dataset, experiment_ids=[other])
    assert len(added.experiment_ids) == 2
    left = datasets.remove_dataset_from_experiments(dataset_id=dataset, experiment_ids=[other])
    assert left.experiment_ids == [state["experiment"]]
    datasets.delete_dataset(dataset_id=dataset)
    refused("RESOURCE_DOES_NOT_EXIST", "not found", datasets.get_dataset, dataset_id=dataset)


@check
def gateway_secrets_are_masked():
    secret = store.create_gateway_secret(
        secret_name="key", secret_value={"api_key": "sk-0123456789"}, provider="openai"
    )
    assert secret.masked_values == {"api_key": "sk-...6789"}, secret.masked_values
    updated = store.update_gateway_secret(secret.secret_id, secret_value={"api_key": "sk-9876543210"})
    assert updated.masked_values == {"api_key": "sk-...3210"}
    assert [s.secret_id for s in store.list_secret_infos(provider="openai")] == [secret.secret_id]
    state["secret"] = secret.secret_id


@check
def gateway_endpoints_send_to_models():
    make = store.create_gateway_model_definition
    names = ["first", "second"]
    models = [make(name=n, secret_id=state["secret"], provider="openai", model_name="gpt-4") for n in names]
    kinds = [GatewayModelLinkageType.PRIMARY, GatewayModelLinkageType.FALLBACK]
    configs = [
        GatewayEndpointModelConfig(model_definition_id=m.model_definition_id, linkage_type=k)
        for m, k in zip(models, kinds)
    ]
    endpoint = store.create_gateway_endpoint(
        name="chat",
        model_configs=configs,
        routing_strategy=RoutingStrategy.REQUEST_BASED_TRAFFIC_SPLIT,
        fallback_config=FallbackConfig(max_attempts=2),
    )
    found = store.get_gateway_endpoint(endpoint_id=endpoint.endpoint_id)
    assert [m.model_definition.name for m in found.model_mappings] == names
    assert found.fallback_config.max_attempts == 2 and found.usage_tracking
    assert client.get_experiment(found.experiment_id).name == "gateway/chat"
    refused("RESOURCE_ALREADY_EXISTS", "already", store.attach_model_to_endpoint, found.endpoint_id, configs[0])
    state["endpoint"] = endpoint.endpoint_id


@check
def judges_are_registered_in_versions():
    judge = make_judge(
        name="polite", instructions="Is {{ outputs }} polite?", model="gateway:/chat", feedback_value_type=str
    )
    experiment = state["experiment"]
    judge.register(experiment_id=experiment)
    judge.register(experiment_id=experiment)
    assert [s.name for s in list_scorers(experiment_id=experiment)] == ["polite"]
    assert get_scorer(name="polite", experiment_id=experiment).model == "gateway:/chat"
    bound = store.list_endpoint_bindings(endpoint_id=state["endpoint"])
    assert len(bound) == 1 and bound[0].display_name == "polite", bound
    delete_scorer(name="polite", experiment_id=experiment, version="all")
    assert not list_scorers(experiment_id=experiment)
    assert not store.list_endpoint_bindings(endpoint_id=state["endpoint"])


@check
def code_is_not_kept():
    code = '{"name": "s", "call_source": "import os", "original_func_name": "s"}'
    text = "Custom scorer registration"
    refused("INVALID_PARAMETER_VALUE", text, store.register_scorer, state["experiment"], "s", code)


@check
def prompts_have_versions_and_aliases():
    mlflow.genai.register_prompt(name="greet", template="Hello {{ name }}")
    second = mlflow.genai.register_prompt(name="greet", template="Hi {{ name }}")
    mlflow.genai.set_prompt_alias("greet", alias="live", version=second.version)
    loaded = mlflow.genai.load_prompt("prompts:/greet@live")
    assert loaded.version == 2 and loaded.format(name="Ann") == "Hi Ann"


@check
def issues_are_kept():
    run = mlflow.MlflowClient().create_run(state["experiment"]).info.run_id
    issue = store.create_issue(state["experiment"], "slow", "answers take long", source_run_id=run)
    assert store.get_issue(issue.issue_id).description == "answers take long"
    found = store.search_issues(experiment_id=state["experiment"], filter_string="status = 'pending'")
    assert [(i.issue_id, i.trace_count) for i in found] == [(issue.issue_id, None)]
    counted = store.search_issues(experiment_id=state["experiment"], include_trace_count=True)
    assert [(i.issue_id, i.trace_count) for i in counted] == [(issue.issue_id, 0)]
    refused("RESOURCE_DOES_NOT_EXIST", "not found", store.create_issue, state["experiment"], "x", "y", source_run_id="r")


@check
def the_page_gets_its_answers():
    get = lambda path, **query: requests.get(f"{URL}/ajax-api/3.0/mlflow/{path}", params=query)  # noqa: E731
    assert get("ui-telemetry").json()["disable_ui_telemetry"] is True
    assert get("gateway/secrets/config").json()["secrets_available"] is True
    assert "openai" in get("gateway/supported-providers").json()["providers"]
    modes = get("gateway/provider-config", provider="bedrock").json()
    assert modes["default_mode"] == "api_key" and len(modes["auth_modes"]) == 4
    assert get("gateway/provider-config").status_code == 400


failed = run_checks()
sys.exit(1 if failed else 0)
