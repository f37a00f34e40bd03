//! `mlwright evaluate`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use evaluation::assess::{AgainstChampion, Assessment, Plan, assess};
use evaluation::{Bound, Task, Verdict};
use serde_json::json;

use crate::args::{Connection, Evaluate, TaskName};
use crate::failure::Failure;
use crate::frames::pair;
use crate::screen::{self, say};
use crate::tables;

/// 0 if blessed, 1 if not, 2 after an error.
pub async fn run(connection: &Connection, asked: Evaluate) -> ExitCode {
    match evaluated(connection, &asked).await {
        Ok(found) => {
            if asked.json {
                say(json!(found).to_string());
            } else {
                say(found.text(&asked.data).trim_end());
            }
            ExitCode::from(u8::from(found.verdict != Verdict::Blessed))
        }
        Err(failure) => {
            screen::error(&failure);
            ExitCode::from(2)
        }
    }
}

async fn evaluated(connection: &Connection, asked: &Evaluate) -> Result<Assessment, Failure> {
    let plan = plan(asked)?;
    let table = tables::open(connection, &asked.data).await?;
    let mut others = [None, None];
    for (slot, data) in others.iter_mut().zip([&asked.champion, &asked.reference]) {
        if let Some(data) = data {
            *slot = Some(tables::open(connection, data).await?);
        }
    }
    let [champion, reference] = others;
    let work = move || assess(&table, champion.as_ref(), reference.as_ref(), &plan).map_err(Failure::from);
    tokio::task::spawn_blocking(work).await.map_err(|e| Failure::new(e.to_string()))?
}

fn plan(asked: &Evaluate) -> Result<Plan, Failure> {
    // What is about fairness goes to the comparison of groups, whichever flag it came by.
    let (mut metrics, mut fairness) = (BTreeMap::new(), BTreeMap::new());
    for (name, bound) in bounds(&asked.least, &asked.most)? {
        let between = ["_difference", "_ratio", "_index"].iter().any(|end| name.ends_with(end));
        if between {
            fairness.insert(name, bound)
        } else {
            metrics.insert(name, bound)
        };
    }
    if !fairness.is_empty() && asked.groups.is_empty() {
        return Err(Failure::new("a limit on fairness needs groups").hint("name their column with --group"));
    }
    let champion = match &asked.max_drop {
        Some(text) => {
            let (metric, drop) = number(text)?;
            Some(AgainstChampion { metric, max_drop: drop })
        }
        None => None,
    };
    Ok(Plan {
        label: asked.label.clone(),
        prediction: asked.prediction.clone(),
        score: asked.score.clone(),
        task: match asked.task {
            None => Task::Auto,
            Some(TaskName::Binary) => Task::Binary,
            Some(TaskName::Multiclass) => Task::Multiclass,
            Some(TaskName::Regression) => Task::Regression,
        },
        positive: asked.positive.clone(),
        threshold: asked.at,
        query: asked.query.clone(),
        top: asked.top,
        metrics,
        slices: asked.slices.clone(),
        cross: asked.cross,
        slice_metrics: bounds(&asked.slice_min, &asked.slice_max)?,
        groups: asked.groups.clone(),
        fairness,
        min_rows: asked.min_rows,
        champion,
        rounds: asked.rounds,
        seed: asked.seed,
        chunk: asked.chunk,
        features: asked.features.clone(),
        ..Plan::default()
    })
}

fn number(text: &str) -> Result<(String, f64), Failure> {
    let form = "METRIC=NUMBER";
    let (name, value) = pair(text, form)?;
    let value = value.parse::<f64>().ok().filter(|v| v.is_finite());
    let value = value.ok_or_else(|| Failure::new(format!("`{text}` is not {form}")))?;
    Ok((name.to_owned(), value))
}

fn bounds(least: &[String], most: &[String]) -> Result<BTreeMap<String, Bound>, Failure> {
    let mut found: BTreeMap<String, Bound> = BTreeMap::new();
    for text in least {
        let (name, value) = number(text)?;
        found.entry(name).or_default().min = Some(value);
    }
    for text in most {
        let (name, value) = number(text)?;
        found.entry(name).or_default().max = Some(value);
    }
    Ok(found)
}
