//! The results of other packages, reproduced: `conformance/vectors/verify`, or another folder of the same shape that
//! `MLWRIGHT_VERIFY_VECTORS` names.

mod agreement;
mod attribution;
mod detectors;
mod estimated;
mod fairness;
mod labels;
mod losses;
mod outliers;
mod poison;
mod representation;
mod streams;

use std::path::PathBuf;

use mlwright_statistics::Matrix;
use serde_json::Value;

/// Closed forms agree to this.
pub const EXACT: f64 = 1e-9;

pub fn folder() -> PathBuf {
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../conformance/vectors/verify");
    std::env::var_os("MLWRIGHT_VERIFY_VECTORS").map_or_else(|| kept.into(), PathBuf::from)
}

pub fn vectors(name: &str) -> Value {
    let path = folder().join(format!("{name}.json"));
    let text = types::io::read_to_string(&path).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A number; null and the names of what is not finite as what they are.
pub fn number(value: &Value) -> f64 {
    match value {
        Value::Null => f64::NAN,
        Value::Bool(b) => f64::from(u8::from(*b)),
        Value::String(text) if text.trim_start_matches('-') == "Infinity" => {
            if text.starts_with('-') {
                f64::NEG_INFINITY
            } else {
                f64::INFINITY
            }
        }
        Value::String(text) => text.parse().unwrap_or(f64::NAN),
        other => other.as_f64().unwrap_or_else(|| panic!("{other} is no number")),
    }
}

pub fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

pub fn rows(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().unwrap().iter().map(numbers).collect()
}

pub fn matrix(value: &Value) -> Matrix {
    Matrix::of_rows(&rows(value)).unwrap()
}

pub fn places(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|v| number(v) as usize).collect()
}

pub fn texts(value: &Value) -> Vec<String> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned))
        .collect()
}

pub fn flags(value: &Value) -> Vec<bool> {
    value.as_array().unwrap().iter().map(|v| number(v) == 1.0).collect()
}

/// Equal within `tolerance`, absolute below 1 and relative above.
#[track_caller]
pub fn close(what: &str, found: f64, wanted: f64, tolerance: f64) {
    if found.is_nan() && wanted.is_nan() || found == wanted {
        return;
    }
    let apart = (found - wanted).abs();
    assert!(apart <= tolerance * wanted.abs().max(1.0), "{what}: {found} is not {wanted} (apart {apart:e})");
}

#[track_caller]
pub fn all_close(what: &str, found: &[f64], wanted: &[f64], tolerance: f64) {
    assert_eq!(found.len(), wanted.len(), "{what}");
    for (i, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        close(&format!("{what}[{i}]"), *found, *wanted, tolerance);
    }
}
