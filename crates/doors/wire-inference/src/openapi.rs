//! OpenAPI 3.1 of one endpoint, from the signature of the model that has most of its traffic.

use runtimes::{ColumnType, ElementType, ParamKind, ParamSpec, TensorSpec};
use serde_json::{Map, Value, json};
use serving::Target;

/// `path` takes MLflow's scoring bodies.
pub fn document(endpoint: &str, path: &str, target: &Target) -> Value {
    let (record, example) = record(target);
    let mut description = format!("{} version {}", target.model.model_name, target.model.number);
    if let Some((key, columns)) = target.model.looked_up() {
        description.push_str(&format!("; looked up by `{key}`: {}", columns.join(", ")));
    }
    let mut forms = forms(&record);
    let params = params(target.model.params.specs());
    if let (Some(forms), Some(params)) = (forms.as_array_mut(), params) {
        for form in forms {
            form["properties"]["params"] = params.clone();
        }
    }
    let prediction = json!({ "type": "object", "properties": outputs(target.model.model.outputs()) });
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": endpoint,
            "version": target.model.number.to_string(),
            "description": description,
        },
        "paths": { path: { "post": {
            "operationId": "predict",
            "requestBody": { "required": true, "content": { "application/json": { "schema": { "oneOf": forms }, "example": { "dataframe_records": [example] } }, "text/csv": {}, "application/vnd.apache.parquet": {} } },
            "responses": {
                "200": { "description": "One prediction a row", "content": { "application/json": { "schema": {
                    "type": "object", "properties": { "predictions": { "type": "array", "items": prediction } } } } } },
                "400": { "description": "The body does not fit the model" },
            },
        } } },
    })
}

/// The bodies that MLflow knows.
fn forms(record: &Value) -> Value {
    json!([
        { "type": "object", "required": ["dataframe_records"], "properties": {
            "dataframe_records": { "type": "array", "items": record } } },
        { "type": "object", "required": ["dataframe_split"], "properties": { "dataframe_split": {
            "type": "object", "required": ["data"], "properties": {
                "columns": { "type": "array", "items": { "type": "string" } },
                "data": { "type": "array", "items": { "type": "array" } } } } } },
        { "type": "object", "required": ["instances"], "properties": { "instances": { "type": "array" } } },
        { "type": "object", "required": ["inputs"], "properties": { "inputs": {} } },
    ])
}

/// What the model can be told beside its rows.
fn params(specs: &[ParamSpec]) -> Option<Value> {
    let each = specs.iter().map(|spec| {
        let mut schema = match &spec.kind {
            ParamKind::Scalar(kind) => of_column(*kind).0,
            ParamKind::List(kind) => json!({ "type": "array", "items": of_column(*kind).0 }),
            ParamKind::Object(_) => json!({ "type": "object" }),
        };
        let mut default = String::new();
        spec.default.write(&mut default);
        // NaN has no place in this document.
        if let Ok(default) = serde_json::from_str::<Value>(&default) {
            schema["default"] = default;
        }
        (spec.name.clone(), schema)
    });
    (!specs.is_empty()).then(|| json!({ "type": "object", "properties": each.collect::<Map<_, _>>() }))
}

/// The schema of a row, and a row.
pub fn record(target: &Target) -> (Value, Value) {
    let (mut properties, mut required, mut example) = (Map::new(), Vec::new(), Map::new());
    match &target.model.tabular {
        Some(tabular) => {
            for column in tabular.columns() {
                let (schema, value) = of_column(column.column_type);
                properties.insert(column.name.clone(), schema);
                example.insert(column.name.clone(), value);
                if column.required {
                    required.push(column.name.clone());
                }
            }
        }
        None => {
            for input in target.model.model.inputs() {
                properties.insert(input.name.clone(), tensor(input));
                required.push(input.name.clone());
            }
        }
    }
    (json!({ "type": "object", "properties": properties, "required": required }), Value::Object(example))
}

fn of_column(kind: ColumnType) -> (Value, Value) {
    match kind {
        ColumnType::Boolean => (json!({ "type": "boolean" }), json!(false)),
        ColumnType::Integer => (json!({ "type": "integer", "format": "int32" }), json!(0)),
        ColumnType::Long => (json!({ "type": "integer", "format": "int64" }), json!(0)),
        ColumnType::Float => (json!({ "type": "number", "format": "float" }), json!(0.0)),
        ColumnType::Double => (json!({ "type": "number", "format": "double" }), json!(0.0)),
        ColumnType::String => (json!({ "type": "string" }), json!("")),
        ColumnType::Binary => (json!({ "type": "string", "contentEncoding": "base64" }), json!("")),
        ColumnType::Datetime => {
            (json!({ "type": "string", "format": "date-time" }), json!("2026-01-01T00:00:00"))
        }
    }
}

fn outputs(specs: &[TensorSpec]) -> Map<String, Value> {
    // One row of an output: without its first dimension.
    let row = |s: &TensorSpec| TensorSpec { shape: s.shape.iter().skip(1).copied().collect(), ..s.clone() };
    specs
        .iter()
        .map(|s| {
            let row = row(s);
            let single = row.shape.is_empty() || row.shape == [1];
            (s.name.clone(), if single { scalar(row.element) } else { tensor(&row) })
        })
        .collect()
}

fn scalar(element: ElementType) -> Value {
    match element {
        ElementType::Bool => json!({ "type": "boolean" }),
        ElementType::Bytes => json!({ "type": "string" }),
        ElementType::F16 | ElementType::Bf16 | ElementType::F32 | ElementType::F64 => {
            json!({ "type": "number" })
        }
        _ => json!({ "type": "integer" }),
    }
}

/// Nested arrays, one level a dimension.
pub fn tensor(spec: &TensorSpec) -> Value {
    spec.shape.iter().rev().fold(scalar(spec.element), |items, length| match length {
        n if *n >= 0 => json!({ "type": "array", "items": items, "minItems": n, "maxItems": n }),
        _ => json!({ "type": "array", "items": items }),
    })
}
