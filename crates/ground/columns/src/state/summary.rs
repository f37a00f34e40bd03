use serde_json::{Map, Value, json};

use super::{ColumnState, Moments, Values};
use crate::cells::float;
use crate::drift::Tier;
use crate::{Bins, Histogram};

const SHARES: [f64; 7] = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];
const NAMES: [&str; 7] = ["p1", "p5", "p25", "p50", "p75", "p95", "p99"];
const TOP: usize = 10;
const BINS: usize = 20;

/// What people want to know of a column.
#[derive(Clone, Debug)]
pub struct Summary {
    /// `number`, `text`, `boolean`, `time`, `vector` or `other`.
    pub kind: &'static str,
    pub rows: u64,
    pub nulls: u64,
    /// Different values that are there; an estimate in the streaming tier.
    pub distinct: Option<u64>,
    pub moments: Option<Moments>,
    /// At the shares of [`Summary::quantile_names`].
    pub quantiles: Option<Vec<f64>>,
    /// The most frequent values, descending.
    pub top: Vec<(String, u64)>,
    pub histogram: Option<Histogram>,
    pub tier: Tier,
    extra: Map<String, Value>,
}

impl Summary {
    pub fn quantile_names() -> [&'static str; 7] {
        NAMES
    }

    pub fn of(state: &ColumnState) -> Self {
        let mut summary = Self {
            kind: "other",
            rows: state.rows,
            nulls: state.nulls,
            distinct: None,
            moments: None,
            quantiles: None,
            top: Vec::new(),
            histogram: None,
            tier: state.tier(),
            extra: Map::new(),
        };
        match &state.values {
            Values::Number { nan, infinite, zeros, negative, moments, binned, all, sketch } => {
                summary.kind = "number";
                summary.moments = Some(moments.clone());
                summary.note("nan", json!(nan));
                summary.note("infinite", json!(infinite));
                summary.note("zeros", json!(zeros));
                summary.note("negative", json!(negative));
                match sketch {
                    Some(sketch) => {
                        summary.quantiles = sketch.quantiles.at(&SHARES);
                        summary.distinct = Some(sketch.distinct.estimate().round() as u64);
                    }
                    None => summary.exact(all),
                }
                if let Some(binned) = binned {
                    summary.histogram = Some(binned.bins.with_counts(binned.counts.clone()));
                }
            }
            Values::Text { lengths, empty, all, sketch } => {
                summary.kind = "text";
                summary.note("empty", json!(empty));
                summary.note("min_length", lengths.min.map_or(Value::Null, float));
                summary.note("mean_length", lengths.mean().map_or(Value::Null, float));
                summary.note("max_length", lengths.max.map_or(Value::Null, float));
                match sketch {
                    Some(sketch) => {
                        let top = sketch.frequent.top(TOP).into_iter();
                        summary.top = top.map(|(text, count)| (text.to_owned(), count)).collect();
                        summary.note("top_error", json!(sketch.frequent.error()));
                        summary.distinct = Some(match sketch.frequent.error() {
                            0 => sketch.frequent.len() as u64,
                            _ => sketch.distinct.estimate().round() as u64,
                        });
                    }
                    None => {
                        summary.distinct = Some(all.len() as u64);
                        let mut ranked: Vec<(&String, &u64)> = all.iter().collect();
                        ranked.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
                        let top = ranked.into_iter().take(TOP);
                        summary.top = top.map(|(text, count)| (text.clone(), *count)).collect();
                    }
                }
            }
            Values::Boolean { yes, no } => {
                summary.kind = "boolean";
                summary.distinct = Some(u64::from(*yes > 0) + u64::from(*no > 0));
                summary.top = vec![("true".into(), *yes), ("false".into(), *no)];
                summary.top.sort_by_key(|top| std::cmp::Reverse(top.1));
            }
            Values::Time { moments, backwards, all, sketch, .. } => {
                summary.kind = "time";
                let time = |micros: Option<f64>| {
                    micros.map_or(Value::Null, |m| json!(types::Timestamp(m as i64).rfc3339()))
                };
                summary.note("earliest", time(moments.min));
                summary.note("latest", time(moments.max));
                summary.note("backwards", json!(backwards));
                match sketch {
                    Some(sketch) => summary.distinct = Some(sketch.distinct.estimate().round() as u64),
                    None => {
                        summary.exact(all);
                        (summary.quantiles, summary.histogram) = (None, None);
                    }
                }
            }
            Values::Vector { length, odd, norms, .. } => {
                summary.kind = "vector";
                summary.note("length", json!(length));
                summary.note("other_lengths", json!(odd));
                summary.note("mean_norm", norms.mean().map_or(Value::Null, float));
            }
            Values::Other { name } => summary.note("arrow_type", json!(name)),
        }
        summary
    }

    fn note(&mut self, name: &str, value: Value) {
        self.extra.insert(name.to_owned(), value);
    }

    fn exact(&mut self, all: &[f64]) {
        let sorted = crate::sort::sorted(all);
        self.distinct = Some(sorted.chunk_by(|a, b| a == b).count() as u64);
        if sorted.is_empty() {
            return;
        }
        let at = |q: &f64| crate::statistic::percentile(&sorted, q * 100.0);
        self.quantiles = Some(SHARES.iter().map(at).collect());
        self.histogram = Some(Bins::equal_width(&sorted, BINS).histogram(&sorted));
    }

    pub fn to_json(&self) -> Value {
        let mut fields = Map::new();
        fields.insert("kind".into(), json!(self.kind));
        fields.insert("rows".into(), json!(self.rows));
        fields.insert("nulls".into(), json!(self.nulls));
        fields.insert("distinct".into(), json!(self.distinct));
        if let Some(moments) = self.moments.as_ref() {
            for (name, value) in [
                ("min", moments.min),
                ("max", moments.max),
                ("mean", moments.mean()),
                ("std", moments.std()),
                ("skewness", moments.skewness()),
                ("kurtosis", moments.kurtosis()),
            ] {
                fields.insert(name.into(), value.map_or(Value::Null, float));
            }
        }
        if let Some(quantiles) = &self.quantiles {
            let named = NAMES.iter().zip(quantiles).map(|(name, value)| ((*name).to_owned(), float(*value)));
            fields.insert("quantiles".into(), Value::Object(named.collect()));
        }
        if !self.top.is_empty() {
            let top: Vec<Value> =
                self.top.iter().map(|(value, count)| json!({ "value": value, "count": count })).collect();
            fields.insert("top".into(), Value::Array(top));
        }
        if let Some(histogram) = &self.histogram {
            fields.insert("histogram".into(), json!(histogram));
        }
        fields.extend(self.extra.clone());
        fields.insert("tier".into(), json!(self.tier.name()));
        Value::Object(fields)
    }
}
