//! The `MLmodel` file that MLflow writes beside a model: which file to load, and the signature.
//! Format: mlflow/models/model.py and mlflow/types/schema.py of MLflow 3.17.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Error, ParamSchema};

/// A column's type in MLflow's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    Boolean,
    /// 32-bit signed.
    Integer,
    /// 64-bit signed.
    Long,
    /// 32-bit.
    Float,
    /// 64-bit.
    Double,
    String,
    Binary,
    Datetime,
}

impl ColumnType {
    pub fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::String => "string",
            Self::Binary => "binary",
            Self::Datetime => "datetime",
        }
    }

    pub(crate) fn of_name(name: &str) -> Option<Self> {
        const ALL: [ColumnType; 8] = [
            ColumnType::Boolean,
            ColumnType::Integer,
            ColumnType::Long,
            ColumnType::Float,
            ColumnType::Double,
            ColumnType::String,
            ColumnType::Binary,
            ColumnType::Datetime,
        ];
        ALL.into_iter().find(|kind| kind.name() == name)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnSpec {
    pub name: String,
    pub column_type: ColumnType,
    /// An absent optional column reads as missing values.
    pub required: bool,
}

/// What the signature says of the inputs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputSchema {
    /// No signature, or one of types that have no column form (arrays, objects).
    #[default]
    Unknown,
    Columns(Vec<ColumnSpec>),
    /// Columns without names: only their types and number count.
    Unnamed(Vec<ColumnType>),
    /// numpy dtype and shape by tensor name (empty for a single unnamed one).
    Tensors(Vec<(String, String, Vec<i64>)>),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct MlModel {
    pub flavors: Vec<String>,
    /// Every flavor with all that it says, as JSON.
    pub raw_flavors: serde_json::Value,
    /// The ONNX file, relative to the directory of the `MLmodel` file; only with flavor `onnx`.
    pub onnx: Option<String>,
    pub inputs: InputSchema,
    /// What a caller may say beside the inputs.
    pub params: ParamSchema,
    /// The request body of the saved input example, relative like `onnx`.
    pub serving_example: Option<String>,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    flavors: BTreeMap<String, serde_json::Value>,
    signature: Option<RawSignature>,
    saved_input_example_info: Option<BTreeMap<String, serde_json::Value>>,
}

/// The values are JSON texts inside the YAML.
#[derive(Deserialize)]
struct RawSignature {
    inputs: Option<String>,
    params: Option<String>,
}

#[derive(Deserialize)]
struct RawColumn {
    #[serde(rename = "type")]
    type_name: String,
    name: Option<String>,
    required: Option<bool>,
    #[serde(rename = "tensor-spec")]
    tensor: Option<RawTensor>,
}

#[derive(Deserialize)]
struct RawTensor {
    dtype: String,
    shape: Vec<i64>,
}

impl MlModel {
    pub fn parse(text: &str) -> Result<Self, Error> {
        let raw: Raw = serde_saphyr::from_str(text).map_err(|e| Error::MlModel(e.to_string()))?;
        let onnx = raw
            .flavors
            .get("onnx")
            .map(|flavor| flavor.get("data").and_then(|d| d.as_str()).unwrap_or("model.onnx").to_owned());
        let (inputs, params) = raw.signature.map(|s| (s.inputs, s.params)).unwrap_or_default();
        let inputs = match inputs {
            Some(text) => input_schema(&text)?,
            None => InputSchema::Unknown,
        };
        let params = match params {
            Some(text) => ParamSchema::parse(&text)?,
            None => ParamSchema::default(),
        };
        let serving_example = raw
            .saved_input_example_info
            .as_ref()
            .and_then(|info| info.get("serving_input_path"))
            .and_then(|path| path.as_str())
            .map(str::to_owned);
        let raw_flavors = raw.flavors.clone().into_iter().collect();
        let flavors = raw.flavors.into_keys().collect();
        Ok(Self { flavors, raw_flavors, onnx, inputs, params, serving_example })
    }
}

fn input_schema(text: &str) -> Result<InputSchema, Error> {
    let bad = |e: serde_json::Error| Error::MlModel(format!("signature.inputs: {e}"));
    // Rich types (arrays, objects, maps, any) have fields that `RawColumn` does not know; they are no columns.
    let items: Vec<serde_json::Value> = serde_json::from_str(text).map_err(bad)?;
    let mut columns = Vec::new();
    let mut tensors = Vec::new();
    for item in items {
        let column: RawColumn = serde_json::from_value(item).map_err(bad)?;
        if let Some(tensor) = column.tensor {
            tensors.push((column.name.unwrap_or_default(), tensor.dtype, tensor.shape));
            continue;
        }
        let Ok(column_type) = serde_json::from_value(serde_json::Value::String(column.type_name)) else {
            return Ok(InputSchema::Unknown);
        };
        columns.push((column.name, column_type, column.required.unwrap_or(true)));
    }
    if !tensors.is_empty() {
        return Ok(InputSchema::Tensors(tensors));
    }
    if columns.iter().any(|(name, ..)| name.is_none()) {
        return Ok(InputSchema::Unnamed(columns.into_iter().map(|(_, t, _)| t).collect()));
    }
    let named = columns.into_iter().map(|(name, column_type, required)| ColumnSpec {
        name: name.unwrap_or_default(),
        column_type,
        required,
    });
    Ok(InputSchema::Columns(named.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn column_signature_and_onnx_file_are_read() {
        let text = r#"
flavors:
  onnx:
    data: model.onnx
    onnx_version: 1.23.2
  python_function:
    loader_module: mlflow.onnx
saved_input_example_info:
  serving_input_path: serving_input_example.json
signature:
  inputs: '[{"type": "double", "name": "age", "required": true}, {"type": "long", "name":
    "sex", "required": false}]'
  outputs: null
  params: null
"#;
        let model = MlModel::parse(text).unwrap();
        assert_eq!(model.onnx.as_deref(), Some("model.onnx"));
        assert_eq!(model.serving_example.as_deref(), Some("serving_input_example.json"));
        let column =
            |name: &str, column_type, required| ColumnSpec { name: name.into(), column_type, required };
        assert_eq!(
            model.inputs,
            InputSchema::Columns(vec![
                column("age", ColumnType::Double, true),
                column("sex", ColumnType::Long, false)
            ])
        );
    }

    #[test]
    fn tensor_signature_keeps_dtype_and_shape() {
        let text = "signature:\n  inputs: '[{\"type\": \"tensor\", \"tensor-spec\": {\"dtype\": \"float32\", \"shape\": [-1, 4]}}]'\n";
        let model = MlModel::parse(text).unwrap();
        assert_eq!(model.inputs, InputSchema::Tensors(vec![(String::new(), "float32".into(), vec![-1, 4])]));
        assert_eq!(model.onnx, None);
    }

    #[test]
    fn nested_types_have_no_column_form() {
        let text = "signature:\n  inputs: '[{\"type\": \"array\", \"items\": {\"type\": \"string\"}, \"name\": \"a\", \"required\": true}]'\n";
        assert_eq!(MlModel::parse(text).unwrap().inputs, InputSchema::Unknown);
    }

    #[test]
    fn a_broken_file_is_an_error_that_says_where() {
        assert!(MlModel::parse("flavors: [1").unwrap_err().to_string().contains("MLmodel"));
        let bad = MlModel::parse("signature:\n  inputs: '[{'\n").unwrap_err();
        assert!(bad.to_string().contains("signature.inputs"), "{bad}");
    }

    #[test]
    fn params_are_read_by_their_names() {
        let text = r#"
flavors: {}
signature:
  inputs: '[{"type": "string", "name": "text"}]'
  outputs: null
  params: '[{"name": "temperature", "default": 0.1, "shape": null, "type": "double"}]'
"#;
        assert_eq!(MlModel::parse(text).unwrap().params.specs()[0].name, "temperature");
    }
}
