//! `mlwright verify`.

use std::process::ExitCode;

use columns::Table;
use curation::verify::{Kind, Plan, Threshold, Verdict, Verification, verify};
use serde_json::json;

use crate::args::{Connection, Verify};
use crate::failure::Failure;
use crate::frames::pair;
use crate::screen::{self, say};
use crate::tables;

/// 0 if nothing failed, 1 if a check failed, 2 after an error.
pub async fn run(connection: &Connection, asked: Verify) -> ExitCode {
    match verified(connection, &asked).await {
        Ok(found) => {
            if asked.json {
                say(json!(found).to_string());
            } else {
                say(found.text(&asked.data).trim_end());
            }
            ExitCode::from(u8::from(found.verdict == Verdict::Fail))
        }
        Err(failure) => {
            screen::error(&failure);
            ExitCode::from(2)
        }
    }
}

async fn verified(connection: &Connection, asked: &Verify) -> Result<Verification, Failure> {
    let mut plan = plan(asked)?;
    if let Some(population) = &asked.population {
        shares(&tables::open(connection, population).await?, &mut plan)?;
    }
    plan.validate()?;
    let table = tables::open(connection, &asked.data).await?;
    let test = match &asked.test {
        Some(test) => Some(tables::open(connection, test).await?),
        None => None,
    };
    named(&table, &plan)?;
    let work = move || verify(&table, test.as_ref(), &plan);
    Ok(tokio::task::spawn_blocking(work).await.map_err(|e| Failure::new(e.to_string()))??)
}

fn plan(asked: &Verify) -> Result<Plan, Failure> {
    let mut plan = Plan {
        checks: asked.checks.clone(),
        label: asked.label.clone(),
        probabilities: asked.probabilities.clone(),
        activations: asked.activations.clone(),
        annotators: asked.annotators.clone(),
        protected: asked.protected.clone(),
        ignore: asked.ignore.clone(),
        key: asked.key.clone(),
        time: asked.time.clone(),
        level: asked.level,
        min_group: asked.min_group,
        evidence: asked.evidence,
        seed: asked.seed,
        ..Plan::default()
    };
    for text in &asked.thresholds {
        let form = "CHECK=WARN:FAIL";
        let (name, limits) = pair(text, form)?;
        let bad = || Failure::new(format!("`{text}` is not {form}"));
        let (warn, fail) = limits.split_once(':').ok_or_else(bad)?;
        let number = |text: &str| text.parse::<f64>().ok().filter(|v| v.is_finite()).ok_or_else(bad);
        let threshold = Threshold { warn: number(warn)?, fail: number(fail)? };
        let kinds = Kind::named(name).ok_or_else(|| Failure::new(format!("there is no check `{name}`")))?;
        kinds.into_iter().for_each(|kind| {
            plan.thresholds.insert(kind, threshold);
        });
    }
    Ok(plan)
}

/// A column that a flag names is there: a typing error is not a check that cannot be computed.
fn named(table: &Table, plan: &Plan) -> Result<(), Failure> {
    let lists = [&plan.probabilities, &plan.activations, &plan.annotators, &plan.protected, &plan.ignore];
    let single = plan.label.iter().chain(&plan.key).chain(&plan.time).chain(plan.population.keys());
    let names = lists.into_iter().flatten().filter(|name| !name.ends_with('*')).chain(single);
    for name in names {
        table.field(name)?;
    }
    Ok(())
}

fn shares(table: &Table, plan: &mut Plan) -> Result<(), Failure> {
    let hint = "give a table with the columns column, value and share";
    let of = |name: &str| table.texts(name).map_err(|e| Failure::of(&e).hint(hint));
    let shares = table.numbers("share").map_err(|e| Failure::of(&e).hint(hint))?;
    for ((column, value), share) in of("column")?.into_iter().zip(of("value")?).zip(shares) {
        let (Some(column), Some(value), Some(share)) = (column, value, share) else {
            return Err(Failure::new("a row of the population lacks a column, a value or a share").hint(hint));
        };
        plan.population.entry(column).or_default().insert(value, share);
    }
    Ok(())
}
