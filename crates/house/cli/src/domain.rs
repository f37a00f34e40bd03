//! `mlwright drift --method domain_classifier`: the data as a whole instead of column by column.

use evaluation::{DomainDrift, DomainPlan, domain_drift};
use serde_json::{Map, Value, json};

use crate::args::{Connection, Drift, DriftMode};
use crate::failure::Failure;
use crate::frames::{self, pair};
use crate::screen::say;
use crate::table::table;
use crate::tables;

pub const METHOD: &str = "domain_classifier";
/// The name of all columns together.
const ALL: &str = "*";

/// Whether there is drift.
pub async fn run(connection: &Connection, asked: &Drift) -> Result<bool, Failure> {
    let plan = plan(asked)?;
    let reference = tables::open(connection, &asked.reference).await?;
    let current = tables::open(connection, &asked.current).await?;
    let work = move || domain_drift(&reference, &current, &plan).map_err(Failure::from);
    let found = tokio::task::spawn_blocking(work).await.map_err(|e| Failure::new(e.to_string()))??;
    if asked.json {
        say(frames::json(&answer(asked, &found)));
    } else {
        show(asked, &found);
    }
    Ok(found.drifted)
}

fn plan(asked: &Drift) -> Result<DomainPlan, Failure> {
    let one_by_one = [&asked.num_method, &asked.cat_method, &asked.text_method];
    if one_by_one.iter().any(|m| m.is_some()) || !asked.columns.is_empty() || !asked.vectors.is_empty() {
        return Err(Failure::new(format!("{METHOD} looks at all columns together"))
            .hint("leave out --column, --vector and the methods of types"));
    }
    if asked.share.is_some() {
        return Err(Failure::new(format!("{METHOD} finds no share of columns")).hint("leave out --share"));
    }
    let mut categories = Vec::new();
    for text in &asked.types {
        let (column, kind) = pair(text, "COLUMN=TYPE")?;
        match kind {
            "cat" => categories.push(column.to_owned()),
            "num" => {}
            other => return Err(Failure::new(format!("{METHOD} takes num and cat, not `{other}`"))),
        }
    }
    let threshold = match asked.thresholds.as_slice() {
        [] => None,
        [one] => Some(one.parse::<f64>().ok().filter(|t| (0.5..=1.0).contains(t)).ok_or_else(|| {
            Failure::new(format!("--threshold {one}: not between 0.5 and 1"))
                .hint("it is held against the area under the ROC curve, such as 0.65")
        })?),
        _ => return Err(Failure::new(format!("{METHOD} has one threshold"))),
    };
    if !(asked.alpha > 0.0 && asked.alpha < 1.0) {
        return Err(Failure::new(format!("--alpha {} is not between 0 and 1", asked.alpha)));
    }
    let alpha = (asked.mode == DriftMode::Calibrated).then_some(asked.alpha);
    Ok(DomainPlan { only: asked.only.clone(), categories, alpha, threshold, seed: 1 })
}

fn answer(asked: &Drift, found: &DomainDrift) -> Value {
    let mut all = Map::new();
    let mut put = |name: &str, value: Value| all.insert(name.to_owned(), value);
    put("column", json!(ALL));
    put("type", json!("rows"));
    put("method", json!(METHOD));
    put("score", json!(found.area));
    put("threshold", json!(found.threshold));
    put("drifted", json!(found.drifted));
    put("mode", json!(if asked.mode == DriftMode::Calibrated { "calibrated" } else { "parity" }));
    put("tier", json!(if found.sampled { "sample" } else { "exact" }));
    put("p_value", json!(found.p_value));
    put("rows", json!([found.rows.0, found.rows.1]));
    put("columns", json!(found.columns));
    let left = found.left_out.iter().map(|(name, why)| json!({ "column": name, "not_computable": why }));
    let columns: Vec<Value> = std::iter::once(Value::Object(all)).chain(left).collect();
    json!({ "columns": columns, "share": f64::from(u8::from(found.drifted)), "drifted": found.drifted })
}

fn show(asked: &Drift, found: &DomainDrift) {
    let held = match asked.mode {
        DriftMode::Calibrated => format!("p {:.4}, at most {}", found.p_value, found.threshold),
        DriftMode::Parity => format!("{}", found.threshold),
    };
    let verdict = if found.drifted { "DRIFT" } else { "no" };
    let mut rows = vec![vec![
        ALL.to_owned(),
        "rows".into(),
        METHOD.into(),
        format!("{:.4}", found.area),
        held,
        verdict.into(),
    ]];
    let left = found.left_out.iter();
    rows.extend(left.map(|(name, why)| vec![name.clone(), "-".into(), format!("not looked at: {why}")]));
    say(table(&["column", "type", "method", "score", "threshold", "drift"], &rows));
    let drawn = if found.sampled { " (drawn)" } else { "" };
    let told = if found.drifted { "the data has drifted" } else { "no drift" };
    say(format!(
        "\n{told}: trees tell {} rows of the reference from {} of the current data{drawn} by {} columns with an area of \
         {:.4} under the ROC curve",
        found.rows.0,
        found.rows.1,
        found.columns.len(),
        found.area
    ));
}
