//! `constraints.json` of SageMaker Model Monitor (docs.aws.amazon.com/sagemaker: "Schema for Constraints").

use serde_json::{Value, json};

use super::{Expectation, Suite};
use crate::Error;

pub(super) fn suite(value: &Value) -> Result<Suite, Error> {
    let features = value.get("features").and_then(Value::as_array);
    let features = features.ok_or_else(|| Error::BadSuite {
        format: "SageMaker",
        reason: "there is no list `features`".into(),
    })?;
    let config = &value["monitoring_config"];
    let enabled = |key: &str| config[key] != "Disabled";
    let share = |key: &str| config[key].as_f64().unwrap_or(1.0);
    let mut suite = Suite { name: "constraints".into(), ..Suite::default() };
    let mut names = Vec::new();
    for feature in features {
        let Some(name) = feature["name"].as_str() else { continue };
        names.push(name);
        let mut add = |kind: &str, kwargs: Value, note: &str| {
            let mut kwargs = kwargs;
            if let Some(map) = kwargs.as_object_mut() {
                map.insert("column".into(), name.into());
            }
            suite.expectations.push(Expectation::new(kind, kwargs).noted(note));
        };
        add("expect_column_to_exist", json!({}), "missing_column_check");
        let types: &[&str] = match feature["inferred_type"].as_str() {
            Some("Integral") => {
                &["int", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool"]
            }
            Some("Fractional") => &["float", "float32", "float64", "int", "int32", "int64"],
            Some("String") => &["str"],
            _ => &[],
        };
        if !types.is_empty() && enabled("evaluate_constraints") {
            let kwargs = json!({ "type_list": types, "mostly": share("domain_content_threshold").min(1.0) });
            add("expect_column_values_to_be_in_type_list", kwargs, "data_type_check");
        }
        if let Some(completeness) = feature["completeness"].as_f64() {
            add(
                "expect_column_values_to_not_be_null",
                json!({ "mostly": completeness }),
                "completeness_check",
            );
        }
        if feature["num_constraints"]["is_non_negative"] == true {
            add("expect_column_values_to_be_between", json!({ "min_value": 0 }), "is_non_negative");
        }
        if let Some(domain) = feature["string_constraints"]["domains"].as_array() {
            let kwargs = json!({ "value_set": domain, "mostly": share("domain_content_threshold").min(1.0) });
            add("expect_column_values_to_be_in_set", kwargs, "categorical_values_check");
        }
    }
    if !names.is_empty() {
        let kwargs = json!({ "column_set": names });
        suite
            .expectations
            .push(Expectation::new("expect_table_columns_to_match_set", kwargs).noted("extra_column_check"));
    }
    if config["distribution_constraints"]["perform_comparison"] == "Enabled" {
        suite.notes.push(
            "baseline_drift_check is not evaluated here: it needs the baseline (`mlwright drift`)".into(),
        );
    }
    Ok(suite)
}
