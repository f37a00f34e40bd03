//! `create-promptlab-run`: upstream's page keeps a prompt, its inputs and a model's answer as a finished run
//! (`mlflow/utils/promptlab_utils.py`, `mlflow/prompt/promptlab_model.py`).

use serde_json::{Map, Value, json};
use tracking::artifacts::{self, ArtifactPath};
use tracking::{CreateRun, ExperimentRef, LogBatch, RunStatus};
use types::Timestamp;

use crate::EMULATED;
use crate::call::{Answer, Cx, reply};
use crate::convert::{self, RUN_NAME, experiment_number, own_folder, python_json};
use crate::errors::Failure;
use crate::request::Fields;
use crate::wire::service as ws;

/// The Python that the model's environment names.
const PYTHON: &str = "3.11";

/// A field that must be there and not be empty.
fn needed(f: &Fields, name: &str) -> Result<Value, Failure> {
    let empty = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    f.raw(name)
        .filter(|value| !empty(value))
        .cloned()
        .ok_or_else(|| Failure::invalid(format!("CreatePromptlabRun request must specify {name}.")))
}

/// Python's `str` of a value.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        other => python_json(other),
    }
}

/// `{key, value}` messages; values become texts.
fn pairs(f: &Fields, name: &str) -> Vec<(String, String)> {
    let items = f.raw(name).and_then(Value::as_array).cloned().unwrap_or_default();
    items.iter().map(|item| (text(&item["key"]), text(&item["value"]))).collect()
}

fn object(pairs: &[(String, String)]) -> Value {
    Value::Object(pairs.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect::<Map<_, _>>())
}

/// One row: what was filled in, the prompt that came of it, the answer, and what is known about the answer.
fn results_table(
    inputs: &[(String, String)],
    outputs: &[(String, String)],
    prompt: &Value,
    answer: &Value,
) -> Value {
    let mut columns: Vec<Value> = inputs.iter().map(|(key, _)| key.clone().into()).collect();
    let mut row: Vec<Value> = inputs.iter().map(|(_, value)| value.clone().into()).collect();
    columns.push("prompt".into());
    columns.push("output".into());
    row.extend([prompt.clone(), answer.clone()]);
    for (key, value) in outputs {
        columns.push(key.clone().into());
        row.push(value.clone().into());
    }
    json!({ "columns": columns, "data": [row] })
}

/// The model's files but for `MLmodel`. JSON is YAML.
fn model_files(parameters: &Value) -> [(&'static str, String); 4] {
    let requirement = format!("mlflow[gateway]=={EMULATED}");
    let conda = json!({
        "name": "mlflow-env",
        "channels": ["conda-forge"],
        "dependencies": [format!("python={PYTHON}"), "pip", { "pip": [requirement] }],
    });
    let python =
        json!({ "python": PYTHON, "build_dependencies": ["pip"], "dependencies": ["-r requirements.txt"] });
    [
        ("model/parameters.yaml", format!("{parameters:#}\n")),
        ("model/conda.yaml", format!("{conda:#}\n")),
        ("model/python_env.yaml", format!("{python:#}\n")),
        ("model/requirements.txt", requirement),
    ]
}

pub(crate) async fn create(cx: Cx, f: Fields) -> Answer {
    let experiment_id = needed(&f, "experiment_id")?;
    let template = needed(&f, "prompt_template")?;
    needed(&f, "prompt_parameters")?;
    let route = needed(&f, "model_route")?;
    let prompt = needed(&f, "model_input")?;
    needed(&f, "mlflow_version")?;
    let inputs = pairs(&f, "prompt_parameters");
    let model_parameters = pairs(&f, "model_parameters");
    let outputs = pairs(&f, "model_output_parameters");
    let answer = f.raw("model_output").cloned().unwrap_or(Value::Null);

    let number = experiment_number(&text(&experiment_id))?;
    let ledger = &cx.state.ledger;
    let request = CreateRun {
        name: f.text("run_name")?.filter(|n| !n.is_empty()),
        owner: f.text("user_id")?.unwrap_or_else(|| "unknown".into()),
        started_at: f.integer("start_time")?.map(Timestamp::from_millis),
        tags: f.pairs("tags")?,
        name_tag: Some(RUN_NAME),
        ..CreateRun::in_experiment(ExperimentRef::Number(number))
    };
    let run = tracking::create_run(ledger, &cx.actor, request).await?;

    let mut files =
        vec![("eval_results_table.json", results_table(&inputs, &outputs, &prompt, &answer).to_string())];
    let parameters = json!({
        "prompt_template": text(&template),
        "prompt_parameters": object(&inputs),
        "model_parameters": object(&model_parameters),
        "model_route": text(&route),
    });
    files.extend(model_files(&parameters));
    let model = model(&cx, &run, &inputs);
    files.push(("model/MLmodel", format!("{model:#}\n")));

    let mut params = model_parameters;
    params.push(("model_route".to_owned(), text(&route)));
    params.push(("prompt_template".to_owned(), text(&template)));
    let tags = vec![
        ("mlflow.loggedArtifacts".into(), r#"[{"path": "eval_results_table.json", "type": "table"}]"#.into()),
        ("mlflow.runSourceType".into(), "PROMPT_ENGINEERING".into()),
        ("mlflow.log-model.history".into(), python_json(&json!([model]))),
    ];
    let batch = LogBatch { params, tags, ..Default::default() };
    let kept = async {
        tracking::log_batch(ledger, &cx.actor, run.uid, batch).await?;
        keep(&cx, &run, files).await
    };
    // Upstream keeps the run of an attempt that failed, and says so in its status.
    let status = match kept.await {
        Ok(()) => RunStatus::Finished,
        Err(failure) => {
            tracing::warn!(run = %run.uid, reason = %failure.message, "a prompt-lab run could not be kept whole");
            RunStatus::Failed
        }
    };
    tracking::finish_run(ledger, &cx.actor, run.uid, status).await?;
    let run = tracking::run(ledger, &cx.actor, run.uid).await?;
    reply(&ws::RunResponse { run: convert::run(run) })
}

/// `MLmodel`: a pyfunc that asks the gateway.
fn model(cx: &Cx, run: &tracking::Run, inputs: &[(String, String)]) -> Value {
    let now = cx.state.ledger.clock().now();
    let column = |name: &str| json!({ "type": "string", "name": name, "required": true });
    let columns: Vec<Value> = inputs.iter().map(|(name, _)| column(name)).collect();
    json!({
        "artifact_path": "model",
        "run_id": run.uid,
        "utc_time_created": now.rfc3339().replace('T', " ").trim_end_matches('Z'),
        "model_uuid": types::new_id(now),
        "mlflow_version": EMULATED,
        "signature": {
            "inputs": python_json(&Value::Array(columns)),
            "outputs": python_json(&json!([column("output")])),
            "params": null,
        },
        "flavors": {
            "python_function": {
                "loader_module": "mlflow.prompt.promptlab_model",
                "parameters_path": "parameters.yaml",
                "python_version": PYTHON,
                "env": { "conda": "conda.yaml", "virtualenv": "python_env.yaml" },
            },
        },
    })
}

async fn keep(cx: &Cx, run: &tracking::Run, files: Vec<(&str, String)>) -> Result<(), Failure> {
    let uri = convert::run_uri(run);
    let folder = own_folder(&uri)
        .ok_or_else(|| Failure::invalid(format!("The artifacts at '{uri}' are not kept by this server.")))?;
    for (path, content) in files {
        let bytes = i64::try_from(content.len()).unwrap_or(i64::MAX);
        let digest = cx.state.blobs.put_bytes(content).await?;
        let path = ArtifactPath::parse(&format!("{}/{path}", folder.as_str()))?;
        artifacts::put(&cx.state.ledger, &cx.actor, path, digest, bytes).await?;
    }
    Ok(())
}
