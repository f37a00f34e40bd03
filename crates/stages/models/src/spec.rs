use blobs::Blobs;
use ledger::Ledger;
use serde_json::Value;
use types::{Actor, DataType, Field, Schema, Signature, Uid};

use crate::error::Error;
use crate::files::{ModelFile, files};
use crate::versions::get_version;

/// What a version's `MLmodel` file says about it.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelSpec {
    /// In alphabetical order, such as `onnx`, `python_function`, `sklearn`.
    pub flavors: Vec<String>,
    /// The ONNX graph, if there is one.
    pub onnx: Option<ModelFile>,
    /// Columns in and out; `None` if the model was logged without, or with tensors.
    pub signature: Option<Signature>,
    /// The whole file.
    pub mlmodel: Value,
}

/// Reads the `MLmodel` file of a version.
///
/// Errors: `VersionNotFound`, `NoFiles` if the files are elsewhere, `FileNotFound` if there is no `MLmodel` file or
/// it names an ONNX file that is not there, `BadSpec` if it cannot be read.
pub async fn load_spec(
    ledger: &Ledger,
    blobs: &Blobs,
    actor: &Actor,
    version: Uid,
) -> Result<ModelSpec, Error> {
    let about = get_version(ledger, actor, version).await?;
    let (model, number) = (about.model, about.number);
    let files = files(ledger, actor, version).await?;
    if files.is_empty() {
        return Err(Error::NoFiles { model, number, source_text: about.source });
    }
    let find = |path: &str| {
        let missing = || Error::FileNotFound { model: model.clone(), number, path: path.to_owned() };
        files.iter().find(|f| f.path == path).cloned().ok_or_else(missing)
    };
    let bytes = blobs.get_bytes(&find("MLmodel")?.digest).await?;
    let bad = |reason: String| Error::BadSpec { model: model.clone(), number, reason };
    let text = std::str::from_utf8(&bytes).map_err(|e| bad(e.to_string()))?;
    let mlmodel: Value = serde_saphyr::from_str(text).map_err(|e| bad(e.to_string()))?;
    let flavors: Vec<String> =
        mlmodel["flavors"].as_object().map(|f| f.keys().cloned().collect()).unwrap_or_default();
    let onnx = match mlmodel["flavors"].get("onnx") {
        Some(flavor) => Some(find(flavor["data"].as_str().unwrap_or("model.onnx"))?),
        None => None,
    };
    let signature = signature(&mlmodel["signature"]);
    Ok(ModelSpec { flavors, onnx, signature, mlmodel })
}

/// MLflow writes inputs and outputs as JSON texts: lists of columns `{"type", "name", "required"}`, or tensors.
fn signature(value: &Value) -> Option<Signature> {
    let side = |name: &str| -> Option<Schema> {
        let columns: Vec<Value> = serde_json::from_str(value.get(name)?.as_str()?).ok()?;
        let fields =
            columns.iter().enumerate().map(|(place, column)| field(place, column)).collect::<Option<_>>()?;
        Some(Schema { fields })
    };
    Some(Signature { inputs: side("inputs")?, outputs: side("outputs").unwrap_or_default() })
}

fn field(place: usize, column: &Value) -> Option<Field> {
    let data_type = match column["type"].as_str()? {
        "boolean" => DataType::Boolean,
        "integer" | "long" => DataType::Integer,
        "float" | "double" => DataType::Float,
        "string" => DataType::String,
        "binary" => DataType::Binary,
        "datetime" => DataType::Timestamp,
        _ => return None,
    };
    let name = column["name"].as_str().map_or_else(|| place.to_string(), str::to_owned);
    Some(Field { name, data_type, nullable: column["required"].as_bool() == Some(false) })
}
