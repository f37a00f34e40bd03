//! `mlwright profile`.

use std::process::ExitCode;

use columns::Facts;
use columns::drift::{Frame, Tier, parallel};
use columns::state::{ColumnState, Summary};
use serde_json::{Value, json};

use crate::args::{Connection, Profile};
use crate::failure::Failure;
use crate::frames;
use crate::screen::{self, note, say};
use crate::table::table;

/// A column with its summary, or why there is none.
type Found = Vec<(String, Result<Summary, String>)>;

/// 0, or 2 after an error. A column that cannot be read says why and does not stop the others.
pub async fn run(connection: &Connection, asked: Profile) -> ExitCode {
    match profiled(connection, &asked).await {
        Ok((frame, found, facts)) => {
            if asked.json {
                say(frames::json(&answer(&frame, &found, facts.as_ref())));
            } else {
                show(&frame, &found, facts.as_ref());
            }
            ExitCode::SUCCESS
        }
        Err(failure) => {
            screen::error(&failure);
            ExitCode::from(2)
        }
    }
}

async fn profiled(
    connection: &Connection,
    asked: &Profile,
) -> Result<(Frame, Found, Option<Facts>), Failure> {
    let frame = frames::open(connection, &asked.data).await?;
    let tier = if asked.streaming { Tier::Streaming } else { Tier::Exact };
    let work = move || {
        let names = frame.columns();
        let found = parallel(&names, |name| {
            let state = frame.coded_series(name).and_then(|series| ColumnState::of(&series, tier));
            (name.to_owned(), state.map(|state| Summary::of(&state)).map_err(|error| error.to_string()))
        });
        // They need every row at once.
        let facts = if tier == Tier::Exact { Facts::of(&frame).ok() } else { None };
        (frame, found, facts)
    };
    tokio::task::spawn_blocking(work).await.map_err(|e| Failure::new(e.to_string()))
}

fn answer(frame: &Frame, found: &Found, facts: Option<&Facts>) -> Value {
    let columns: Vec<Value> = found
        .iter()
        .map(|(name, summary)| match summary {
            Ok(summary) => {
                let mut fields = summary.to_json();
                fields["column"] = json!(name);
                fields
            }
            Err(why) => json!({ "column": name, "not_computable": why }),
        })
        .collect();
    json!({ "rows": frame.rows(), "columns": columns, "facts": facts })
}

fn show(frame: &Frame, found: &Found, facts: Option<&Facts>) {
    let rows: Vec<Vec<String>> = found.iter().map(|(name, summary)| row(name, summary)).collect();
    say(table(
        &["column", "type", "nulls", "distinct", "min", "mean", "median", "max", "std", "most frequent"],
        &rows,
    ));
    note(format!("{} rows", frame.rows()));
    let Some(facts) = facts else { return };
    if facts.duplicated_rows > 0 {
        note(format!("{} rows are equal to earlier ones", facts.duplicated_rows));
    }
    for (what, columns) in [("no values", &facts.empty_columns), ("one value", &facts.constant_columns)] {
        if !columns.is_empty() {
            note(format!("{what} in {}", columns.join(", ")));
        }
    }
    for (first, second) in &facts.duplicated_columns {
        note(format!("{first} and {second} are equal"));
    }
}

fn row(name: &str, summary: &Result<Summary, String>) -> Vec<String> {
    let summary = match summary {
        Ok(summary) => summary,
        Err(why) => return vec![name.to_owned(), "-".into(), format!("not readable: {why}")],
    };
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), short);
    let moments = summary.moments.as_ref();
    let share = 100.0 * summary.nulls as f64 / summary.rows.max(1) as f64;
    let nulls = if summary.nulls == 0 { "0".into() } else { format!("{} ({share:.1} %)", summary.nulls) };
    let estimated = if summary.tier == Tier::Streaming && summary.kind != "boolean" { "~" } else { "" };
    vec![
        name.to_owned(),
        summary.kind.to_owned(),
        nulls,
        summary.distinct.map_or_else(|| "-".into(), |d| format!("{estimated}{d}")),
        number(moments.and_then(|m| m.min)),
        number(moments.and_then(|m| m.mean())),
        number(summary.quantiles.as_ref().and_then(|q| q.get(3)).copied()),
        number(moments.and_then(|m| m.max)),
        number(moments.and_then(|m| m.std())),
        summary.top.first().map_or_else(String::new, |(value, count)| {
            let cut: String = value.chars().take(30).collect();
            format!("{cut} ({count})")
        }),
    ]
}

fn short(value: f64) -> String {
    match value.abs() {
        size if size > 0.0 && !(1e-4..1e7).contains(&size) => format!("{value:.3e}"),
        _ if value.fract() == 0.0 => format!("{value:.0}"),
        _ => format!("{value:.4}"),
    }
}
