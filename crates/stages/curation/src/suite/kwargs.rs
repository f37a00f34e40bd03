//! Reading the arguments of an expectation.

use serde_json::{Map, Value};

use super::{Bounds, Divergence, Partition};

pub(super) struct Kwargs<'a>(pub &'a Map<String, Value>);

impl Kwargs<'_> {
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key).filter(|v| !v.is_null())
    }

    pub fn text(&self, key: &str) -> Result<String, String> {
        let value = self.get(key).ok_or_else(|| format!("`{key}` is missing"))?;
        value.as_str().map(str::to_owned).ok_or_else(|| format!("`{key}` is {value}, not a text"))
    }

    pub fn flag(&self, key: &str, default: bool) -> bool {
        self.get(key).map_or(default, |v| v.as_bool().unwrap_or_else(|| v.as_f64() != Some(0.0)))
    }

    pub fn number(&self, key: &str) -> Result<f64, String> {
        let value = self.get(key).ok_or_else(|| format!("`{key}` is missing"))?;
        float(value).ok_or_else(|| format!("`{key}` is {value}, not a number"))
    }

    pub fn list(&self, key: &str) -> Result<Vec<Value>, String> {
        let value = self.get(key).ok_or_else(|| format!("`{key}` is missing"))?;
        value.as_array().cloned().ok_or_else(|| format!("`{key}` is {value}, not a list"))
    }

    pub fn texts(&self, key: &str) -> Result<Vec<String>, String> {
        let text =
            |v: Value| v.as_str().map(str::to_owned).ok_or_else(|| format!("{v} in `{key}` is no text"));
        self.list(key)?.into_iter().map(text).collect()
    }

    pub fn bounds(&self) -> Bounds {
        Bounds {
            min: self.get("min_value").cloned(),
            max: self.get("max_value").cloned(),
            strict_min: self.flag("strict_min", false),
            strict_max: self.flag("strict_max", false),
            typed: false,
        }
    }

    /// [`Kwargs::bounds`] where at least one must be there.
    pub fn needed_bounds(&self) -> Result<Bounds, String> {
        let bounds = self.bounds();
        if bounds.min.is_none() && bounds.max.is_none() {
            return Err("min_value and max_value cannot both be missing".into());
        }
        Ok(bounds)
    }

    pub fn divergence(&self) -> Result<Divergence, String> {
        let holdout = |key: &str| {
            let value = self.get(key).and_then(float).unwrap_or(0.0);
            if (0.0..=1.0).contains(&value) {
                Ok(value)
            } else {
                Err(format!("{key} must be between zero and one"))
            }
        };
        let threshold = self.get("threshold").map(|v| float(v).filter(|t| *t >= 0.0));
        let threshold = match threshold {
            Some(None) => return Err("the threshold must be zero or more".into()),
            Some(some) => some,
            None => None,
        };
        let wanted = Divergence {
            partition: self.get("partition_object").map(partition).transpose()?,
            threshold,
            tail_holdout: holdout("tail_weight_holdout")?,
            internal_holdout: holdout("internal_weight_holdout")?,
            bucketize: self.flag("bucketize_data", true),
        };
        let has_tails = self.get("partition_object").is_some_and(|p| p.get("tail_weights").is_some());
        if wanted.tail_holdout != 0.0 && has_tails {
            return Err("tail_weight_holdout must be 0 when the partition has tail_weights".into());
        }
        Ok(wanted)
    }
}

/// Also the infinities, as JSON writers of Python and of this program write them.
pub(super) fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Number(n) => n.as_f64(),
        Value::Bool(b) => Some(f64::from(u8::from(*b))),
        Value::String(s) => match s.as_str() {
            "Infinity" | "inf" => Some(f64::INFINITY),
            "-Infinity" | "-inf" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

fn partition(value: &Value) -> Result<Partition, String> {
    const INVALID: &str = "the partition object is invalid: it has `weights` that sum to one and either `values`, as many, or increasing `bins`, one more";
    let invalid = || INVALID.to_owned();
    let floats = |key: &str| -> Result<Vec<f64>, String> {
        let list = value.get(key).and_then(Value::as_array).ok_or_else(invalid)?;
        list.iter().map(|v| float(v).ok_or_else(invalid)).collect()
    };
    let weights = floats("weights")?;
    let close = |sum: f64| (sum - 1.0).abs() <= 1e-8 + 1e-5;
    if value.get("bins").is_some() {
        let bins = floats("bins")?;
        let tails = match value.get("tail_weights") {
            None => None,
            Some(_) => Some(<[f64; 2]>::try_from(floats("tail_weights")?).map_err(|_| invalid())?),
        };
        let sum: f64 = weights.iter().sum::<f64>() + tails.iter().flatten().sum::<f64>();
        let rising = bins.windows(2).all(|w| w[1] > w[0]);
        if bins.len() != weights.len() + 1 || !rising || !close(sum) {
            return Err(invalid());
        }
        return Ok(Partition::Bins { bins, weights, tails });
    }
    let values = value.get("values").and_then(Value::as_array).cloned().ok_or_else(invalid)?;
    if values.len() != weights.len() || !close(weights.iter().sum()) {
        return Err(invalid());
    }
    Ok(Partition::Values { values, weights })
}
