//! Every score of the recorded Evidently reports, from the same Parquet files.

use std::path::PathBuf;

use mlwright_columns as columns;

use columns::{Table, drift};
use serde_json::Value;
use types::DataType;

fn vectors() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../conformance/vectors/drift")
}

fn table(name: &str) -> Table {
    columns::read_file(vectors().join(name), None).unwrap()
}

/// Whether numbers are kept in 32 bits in the file, where Evidently computes some steps in 32 bits too.
fn is_single(values: &[f64]) -> bool {
    values.iter().all(|v| f64::from(*v as f32) == *v) && values.iter().any(|v| v.fract() != 0.0)
}

struct Pair {
    numeric: bool,
    integers: bool,
    x: Vec<f64>,
    y: Vec<f64>,
    texts: (Vec<u64>, Vec<u64>),
}

impl Pair {
    fn read(reference: &Table, current: &Table, column: &str) -> Self {
        let types = [reference, current].map(|t| t.field(column).unwrap().data_type);
        let numeric = types.iter().all(|t| *t != DataType::String);
        let finite = |t: &Table| -> Vec<f64> {
            if !numeric {
                return Vec::new();
            }
            t.numbers(column).unwrap().into_iter().flatten().filter(|v| v.is_finite()).collect()
        };
        let texts = |t: &Table| t.texts(column).unwrap().into_iter().flatten().collect::<Vec<_>>();
        // pandas makes floats of integers with missing values.
        let integers = types.iter().all(|t| *t == DataType::Integer)
            && [reference, current].iter().all(|t| t.numbers(column).unwrap().iter().all(Option::is_some));
        let texts = drift::by_value(texts(reference), texts(current));
        Self { numeric, integers, x: finite(reference), y: finite(current), texts }
    }

    /// Counts over the bins that Evidently takes for a column of this kind.
    fn counts(&self, kind: &str) -> (Vec<u64>, Vec<u64>) {
        match (self.numeric, kind) {
            (true, "num") => drift::binned_numbers(&self.x, &self.y, self.integers),
            (true, _) => self.by_value(),
            (false, _) => self.texts.clone(),
        }
    }

    fn by_value(&self) -> (Vec<u64>, Vec<u64>) {
        if !self.numeric {
            return self.texts.clone();
        }
        let mut all: Vec<f64> = self.x.iter().chain(&self.y).map(|v| v + 0.0).collect();
        all.sort_by(f64::total_cmp);
        all.dedup();
        let place = |v: &f64| all.partition_point(|a| a < v);
        drift::by_value(self.x.iter().map(place), self.y.iter().map(place))
    }

    fn score(&self, method: &str, kind: &str) -> Option<f64> {
        let found = match method {
            "ks" => drift::kolmogorov_smirnov(&self.x, &self.y).map(|(_, p)| p),
            "wasserstein" => drift::wasserstein(&self.x, &self.y),
            binned => {
                let (e, a) = self.counts(kind);
                match binned {
                    "psi" => drift::psi(&e, &a),
                    "kl_div" => drift::kl_divergence(&e, &a),
                    "jensenshannon" => drift::jensen_shannon(&e, &a),
                    "chisquare" => {
                        let (e, a) = self.by_value();
                        drift::chi_square(&e, &a)
                    }
                    "z" => {
                        let (e, a) = self.by_value();
                        drift::z_test(&e, &a)
                    }
                    _ => return None,
                }
            }
        };
        found.ok()
    }
}

fn number(value: &Value) -> f64 {
    match value.as_str() {
        Some("Infinity") => f64::INFINITY,
        Some("-Infinity") => f64::NEG_INFINITY,
        Some(_) => f64::NAN,
        None => value.as_f64().unwrap_or(f64::NAN),
    }
}

#[test]
fn every_recorded_score_is_met() {
    let path = vectors().join("evidently.json");
    let groups: Value = serde_json::from_slice(&types::io::read(path).unwrap()).unwrap();
    let (mut met, mut missed) = (0, Vec::new());
    for (group, expected) in groups.as_object().unwrap() {
        let (reference, current) =
            (table(&format!("{group}.ref.parquet")), table(&format!("{group}.cur.parquet")));
        for (column, expected) in expected.as_object().unwrap() {
            let pair = Pair::read(&reference, &current, column);
            let kind = expected["type"].as_str().unwrap();
            let single = is_single(&pair.x) && is_single(&pair.y);
            let mut check = |what: &str, found: Option<f64>, wanted: &Value| {
                let wanted = number(wanted);
                let tolerance = 1e-9 + if single { 1e-4 } else { 1e-7 } * wanted.abs();
                let same = match found {
                    // What Evidently refuses, or answers with NaN, is not computable here or has an answer.
                    _ if wanted.is_nan() => true,
                    Some(found) => (found - wanted).abs() <= tolerance || found == wanted,
                    None => false,
                };
                met += usize::from(same && !wanted.is_nan());
                if !same {
                    missed.push(format!("{group}/{column} {what}: {found:?}, wanted {wanted}"));
                }
            };
            for (method, wanted) in expected["scores"].as_object().unwrap() {
                check(method, pair.score(method, kind), wanted);
            }
            if let Some(wanted) = expected.get("ks_asymptotic") {
                let found = drift::kolmogorov_smirnov_asymptotic(&pair.x, &pair.y).ok().map(|(_, p)| p);
                check("ks_asymptotic", found, wanted);
            }
        }
    }
    assert!(missed.is_empty(), "{met} met, {} missed:\n{}", missed.len(), missed.join("\n"));
    assert!(met >= 500, "{met}");
}
