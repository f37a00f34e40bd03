use std::io::Read as _;
use std::path::{Path, PathBuf};

use outbound::{Body, Method};
use serde_json::{Value, json};

use crate::api::{Api, segment};
use crate::args::Predict;
use crate::failure::Failure;
use crate::screen::say;
use crate::table::cell;

/// One prediction a line, as JSON.
pub async fn run(api: &Api, wanted: Predict) -> Result<(), Failure> {
    let Some(input) = wanted.input.clone() else { return dataset(api, &wanted).await };
    let query = wanted.variant.as_deref().map(|v| format!("?variant={}", segment(v))).unwrap_or_default();
    let path = format!("endpoints/{}/predict{query}", segment(&wanted.endpoint));
    let answer = match rows(&input)? {
        Rows::Typed(kind, bytes) => sent(api, &path, kind, bytes).await?,
        Rows::Json(body) => api.ask(Method::Post, &path, Body::Json(body)).await?,
    };
    show(&answer);
    Ok(())
}

/// Whether what is asked is the file of a package.
pub fn is_package(wanted: &Predict) -> bool {
    let path = Path::new(&wanted.endpoint);
    path.extension().is_some_and(|end| end == "tar") && path.is_file()
}

/// Serves the package in this process, for this one request.
pub async fn from_package(wanted: Predict) -> Result<(), Failure> {
    let Some(input) = wanted.input.filter(|_| wanted.variant.is_none()) else {
        return Err(Failure::new("a package has no data sets and no variants: name a file of rows"));
    };
    let (content_type, body) = match rows(&input)? {
        Rows::Typed(kind, bytes) => (kind.to_owned(), bytes),
        Rows::Json(json) => ("application/json".to_owned(), json.to_string().into_bytes()),
    };
    let once = server::Once::Predict { content_type, body };
    let package = server::PackageOptions {
        package: PathBuf::from(&wanted.endpoint),
        once: Some(once),
        ..server::PackageOptions::default()
    };
    let mut config = server::Options::default().resolve().map_err(|e| Failure::of(&e))?;
    // Nothing of it is kept, and nobody reads a log.
    config.server.data_dir = PathBuf::new();
    config.log.filter = "error".into();
    let answer = server::run_package(config, package).await.map_err(|e| Failure::of(&e))?;
    show(&answer.unwrap_or_default());
    Ok(())
}

fn show(answer: &Value) {
    match &answer["predictions"] {
        Value::Array(predictions) => predictions.iter().for_each(|p| say(p.to_string())),
        other => say(other.to_string()),
    }
}

enum Rows {
    Typed(&'static str, Vec<u8>),
    Json(Value),
}

/// A file of rows as a body of MLflow's scoring protocol.
fn rows(input: &Path) -> Result<Rows, Failure> {
    Ok(match input.extension().and_then(|end| end.to_str()) {
        Some("csv") => Rows::Typed("text/csv", types::io::read(input)?),
        Some("parquet") => Rows::Typed("application/vnd.apache.parquet", types::io::read(input)?),
        _ => {
            let text = if input.as_os_str() == "-" {
                let mut text = String::new();
                let read = std::io::stdin().read_to_string(&mut text);
                read.map_err(|e| Failure::new(format!("standard input cannot be read: {e}")))?;
                text
            } else {
                types::io::read_to_string(input)?
            };
            let json: Value = serde_json::from_str(&text)
                .map_err(|e| Failure::new(format!("the rows are no JSON: {e}")))?;
            Rows::Json(match json {
                Value::Array(rows) if rows.iter().all(Value::is_object) => {
                    json!({ "dataframe_records": rows })
                }
                Value::Array(rows) => json!({ "instances": rows }),
                other => other,
            })
        }
    })
}

async fn sent(api: &Api, path: &str, kind: &'static str, bytes: Vec<u8>) -> Result<Value, Failure> {
    let answer = api.post_typed(path, kind, bytes).await?;
    serde_json::from_slice(&answer).map_err(|e| Failure::new(format!("the answer is no JSON: {e}")))
}

/// All rows of a data set; says where the predictions are.
async fn dataset(api: &Api, wanted: &Predict) -> Result<(), Failure> {
    let name = wanted.dataset.as_deref().unwrap_or_default();
    let (name, version) = match name.rsplit_once('/').map(|(name, number)| (name, number.parse::<i64>())) {
        Some((name, Ok(number))) => (name, Some(number)),
        _ => (name, None),
    };
    let wish = json!({ "dataset": name, "version": version, "variant": wanted.variant, "into": wanted.into });
    let made = api.post(&format!("endpoints/{}/batch", segment(&wanted.endpoint)), wish).await?;
    say(format!(
        "{} rows predicted, now {}/{}",
        cell(&made, "rows"),
        cell(&made, "dataset"),
        cell(&made, "version")
    ));
    Ok(())
}
