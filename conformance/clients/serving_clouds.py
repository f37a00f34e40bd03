"""The unmodified clients of the clouds: boto3 (SageMaker), databricks-sdk, mlflow.deployments, google-cloud-aiplatform (REST)
and bentoml, against endpoints of this server: python serving_clouds.py <url>"""

import json
import os
import sys

from _checks import check, run_checks
from _serving import URL, close, deploy, put

import numpy as np
import requests

made = deploy("cloud", versions=2)
put("cloud", [{"model": made.model, "version": 1, "name": "blue"}, {"model": made.model, "version": 2, "name": "green", "weight": 0}])
records = made.frame.iloc[:3].to_dict(orient="records")
KEY, SECRET = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]


def aws(service="sagemaker-runtime", secret=SECRET):
    import boto3
    from botocore.config import Config

    return boto3.client(
        service, endpoint_url=URL, region_name="us-east-1", aws_access_key_id=KEY, aws_secret_access_key=secret,
        config=Config(retries={"max_attempts": 1}),
    )


def refused(name, text, function):
    from botocore.exceptions import ClientError

    try:
        function()
    except ClientError as error:
        assert error.response["Error"]["Code"] == name, error.response
        assert text in str(error), error
        return error.response
    raise AssertionError(f"not refused: {name}")


@check
def sagemaker_invokes_with_csv_and_json():
    client = aws()
    lines = "\n".join(",".join(str(x) for x in row) for row in made.frame.iloc[:3].values) + "\n"
    answer = client.invoke_endpoint(
        EndpointName="cloud", ContentType="text/csv", Accept="application/json", Body=lines.encode(), CustomAttributes="x=1",
    )
    assert answer["InvokedProductionVariant"] == "blue" and answer["CustomAttributes"] == "x=1", answer
    predictions = json.loads(answer["Body"].read())["predictions"]
    assert [p["label"] for p in predictions] == made.label[:3].tolist()
    with_header = made.frame.iloc[:3].to_csv(index=False)
    answer = client.invoke_endpoint(EndpointName="cloud", ContentType="text/csv", Accept="text/csv", Body=with_header)
    rows = [line.split(",") for line in answer["Body"].read().decode().split()]
    assert [int(row[0]) for row in rows] == made.label[:3].tolist(), rows
    close([[float(x) for x in row[1:]] for row in rows], made.probabilities[:3])
    for body in [{"dataframe_records": records}, {"instances": records}, made.rows[:3].tolist()]:
        answer = client.invoke_endpoint(EndpointName="cloud", ContentType="application/json", Body=json.dumps(body))
        assert len(json.loads(answer["Body"].read())["predictions"]) in (2, 3)


@check
def sagemaker_picks_a_variant():
    body = json.dumps({"dataframe_records": records})
    answer = aws().invoke_endpoint(EndpointName="cloud", ContentType="application/json", Body=body, TargetVariant="green")
    assert answer["InvokedProductionVariant"] == "green", answer
    refused("ValidationError", "no variant", lambda: aws().invoke_endpoint(EndpointName="cloud", Body=b"[]", TargetVariant="red"))


@check
def sagemaker_streams_the_answer():
    answer = aws().invoke_endpoint_with_response_stream(
        EndpointName="cloud", ContentType="application/json", Body=json.dumps({"dataframe_records": records})
    )
    whole = b"".join(event["PayloadPart"]["Bytes"] for event in answer["Body"])
    assert [p["label"] for p in json.loads(whole)["predictions"]] == made.label[:3].tolist()
    assert answer["InvokedProductionVariant"] == "blue"


@check
def sagemaker_answers_later_into_a_bucket():
    s3 = aws("s3")
    made_it = requests.post(
        f"{URL}/api/v1/repositories", json={"name": "async-data", "storage_namespace": "local://async-data"}, auth=(KEY, SECRET)
    )
    assert made_it.ok, made_it.text
    s3.put_object(Bucket="async-data", Key="main/in/rows.csv", Body=made.frame.iloc[:5].to_csv(index=False).encode())
    answer = aws().invoke_endpoint_async(
        EndpointName="cloud", InputLocation="s3://async-data/main/in/rows.csv", ContentType="text/csv", InferenceId="mine"
    )
    assert answer["InferenceId"] == "mine", answer
    key = answer["OutputLocation"].split("async-data/", 1)[1]
    got = json.loads(s3.get_object(Bucket="async-data", Key=key)["Body"].read())
    assert [p["label"] for p in got["predictions"]] == made.label[:5].tolist()
    refused("ValidationError", "absent", lambda: aws().invoke_endpoint_async(
        EndpointName="cloud", InputLocation="s3://async-data/main/absent.csv", ContentType="text/csv"))


@check
def sagemaker_errors_and_signatures():
    client = aws()
    refused("ValidationError", "Endpoint nope", lambda: client.invoke_endpoint(EndpointName="nope", Body=b"{}"))
    error = refused("ModelError", "400", lambda: client.invoke_endpoint(EndpointName="cloud", ContentType="application/json", Body=b"{}"))
    assert error["OriginalStatusCode"] == 400 and "exactly one" in error["OriginalMessage"], error
    wrong = aws(secret="wrong-secret-wrong-secret")
    refused("InvalidSignatureException", "signature", lambda: wrong.invoke_endpoint(EndpointName="cloud", Body=b"{}"))


@check
def databricks_sdk_queries_and_reads():
    """An access key signs in, as a token would; a wrong token is nobody's, also where nobody has to sign in."""
    from databricks.sdk import WorkspaceClient

    w = WorkspaceClient(host=URL, username=KEY, password=SECRET, auth_type="basic")
    answer = w.serving_endpoints.query("cloud", dataframe_records=records)
    assert [p["label"] for p in answer.predictions] == made.label[:3].tolist(), answer
    answer = w.serving_endpoints.query("cloud", inputs={"X": made.rows[:2].tolist()})
    close(answer.predictions["probabilities"], made.probabilities[:2])
    found = w.serving_endpoints.get("cloud")
    assert found.state.ready.value == "READY" and found.config.served_entities[0].entity_version == "1", found
    assert {r.served_model_name: r.traffic_percentage for r in found.config.traffic_config.routes} == {"blue": 100, "green": 0}
    assert "cloud" in [e.name for e in w.serving_endpoints.list()]
    assert w.serving_endpoints.get_open_api("cloud") is not None


@check
def mlflow_deployments_predicts():
    os.environ["DATABRICKS_HOST"] = URL
    os.environ["DATABRICKS_USERNAME"], os.environ["DATABRICKS_PASSWORD"] = KEY, SECRET
    from mlflow.deployments import get_deploy_client

    client = get_deploy_client("databricks")
    answer = client.predict(endpoint="cloud", inputs={"dataframe_records": records})
    assert [p["label"] for p in answer["predictions"]] == made.label[:3].tolist(), answer
    assert client.get_endpoint("cloud")["name"] == "cloud"
    assert "cloud" in [e["name"] for e in client.list_endpoints()]


@check
def vertex_predicts_over_rest():
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import aiplatform

    aiplatform.init(project="p", location="us-central1", api_endpoint=URL, api_transport="rest", credentials=AnonymousCredentials())
    endpoint = aiplatform.Endpoint("projects/p/locations/us-central1/endpoints/cloud")
    answer = endpoint.predict(instances=records)
    assert [int(p["label"]) for p in answer.predictions] == made.label[:3].tolist(), answer
    assert answer.deployed_model_id == "blue" and answer.model_version_id == "1", answer
    answer = endpoint.predict(instances=made.rows[:2].tolist())
    close([p["probabilities"] for p in answer.predictions], made.probabilities[:2])
    assert [m.id for m in endpoint.list_models()] == ["blue", "green"]
    try:
        endpoint.predict(instances=[{"wrong": 1}])
    except Exception as error:
        assert "missing inputs" in str(error), error
    else:
        raise AssertionError("not refused")


@check
def vertex_takes_raw_bodies():
    name = "projects/p/locations/us-central1/endpoints/cloud"
    answer = requests.post(f"{URL}/v1/{name}:rawPredict", json={"dataframe_records": records})
    assert [p["label"] for p in answer.json()["predictions"]] == made.label[:3].tolist(), answer.text
    assert answer.headers["x-vertex-ai-deployed-model-id"] == "blue"


@check
def bentoml_calls_an_endpoint_as_an_api():
    import bentoml

    with bentoml.SyncHTTPClient(URL) as client:
        answer = client.cloud(data=made.frame.iloc[:3])
        assert [int(x) for x in answer["label"]] == made.label[:3].tolist(), answer
        task = client.endpoints["cloud"]
        assert task.route == "/bentoml/cloud"
        assert [int(x) for x in client.predict(data=records)["label"]] == made.label[:3].tolist()


@check
def bentoml_tasks_are_submitted_and_fetched():
    body = {"data": records}
    submitted = requests.post(f"{URL}/bentoml/cloud/submit", json=body).json()
    query = {"task_id": submitted["task_id"]}
    assert requests.get(f"{URL}/bentoml/cloud/status", params=query).json()["status"] == "success"
    got = requests.get(f"{URL}/bentoml/cloud/get", params=query).json()
    assert [p["label"] for p in got] == made.label[:3].tolist()
    again = requests.post(f"{URL}/bentoml/cloud/retry", params=query).json()
    assert again["task_id"] != submitted["task_id"]
    assert requests.get(f"{URL}/bentoml/cloud/get", params={"task_id": "nope"}).status_code == 404
    assert requests.put(f"{URL}/bentoml/cloud/cancel", params=query).status_code == 409
    pickle = {"content-type": "application/vnd.bentoml+pickle"}
    assert requests.post(f"{URL}/bentoml/cloud", data=b"\x80", headers=pickle).status_code == 415


if __name__ == "__main__":
    sys.exit(1 if run_checks() else 0)
