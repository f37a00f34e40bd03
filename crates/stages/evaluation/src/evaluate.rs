use blobs::Blobs;
use columns::{Table, read_parquet};
use ledger::{Ledger, Tx};
use runtimes::Runtime;
use serde_json::json;
use types::{Actor, Digest, Uid};

use crate::judge::{self, Truth};
use crate::model::{Bound, Champion, ChampionResult, Check, Evaluation, Outcome, Request, Slice};
use crate::{Error, report as pages, score, store};

/// Runs the model version, and the champion if one is named, over the labelled rows of a Parquet blob, judges, and
/// keeps the answer: event `evaluation.finished`, edges to the model version, the data and the champion.
///
/// A model that misses a threshold is no error: the verdict says so. Errors are for questions that cannot be
/// answered: no such version or blob, a model that does not run, a missing column, an unknown metric.
pub async fn evaluate(
    ledger: &Ledger,
    blobs: &Blobs,
    runtime: &Runtime,
    actor: &Actor,
    request: Request,
) -> Result<Evaluation, Error> {
    let candidate = score::load(ledger, blobs, runtime, actor, request.model_version).await?;
    let bytes = blobs.get_bytes(&request.data).await?;
    let (name, label) = (request.data.to_string(), request.label.clone());
    let (table, unlabelled) = score::blocking(move || {
        let table = read_parquet(&name, bytes, None)?;
        labelled(&table, &label)
    })
    .await?;
    if table.rows() == 0 {
        return Err(Error::NoLabels { digest: request.data, label: request.label });
    }
    let truth = Truth::read(&table, &request)?;
    truth.check_request(&request)?;
    let predicted = truth.predicted(&candidate.predict(&table).await?, &request)?;

    let all: Vec<usize> = (0..table.rows()).collect();
    let n = table.rows() as u64;
    let metrics = truth.metrics(&predicted, &all, request.threshold);
    let mut checks: Vec<Check> = request
        .metrics
        .iter()
        .map(|(metric, bound)| judge::check(metric, None, metrics.get(metric).copied(), *bound, n, ""))
        .collect();
    let mut slices = Vec::new();
    for column in &request.slices {
        for (value, rows) in judge::slices(&table, column)? {
            slices.push(Slice {
                column: column.clone(),
                value,
                n: rows.len() as u64,
                judged: rows.len() as u64 >= request.min_slice_rows,
                metrics: truth.metrics(&predicted, &rows, request.threshold),
            });
        }
    }
    checks.extend(judge::slice_checks(&slices, &request));
    let champion = match &request.champion {
        // The first version, or the champion itself, has nobody to fall behind.
        Some(champion) if champion.model_version != request.model_version => {
            let other = score::load(ledger, blobs, runtime, actor, champion.model_version).await?;
            let predicted = truth.predicted(&other.predict(&table).await?, &request)?;
            let theirs = truth.metrics(&predicted, &all, request.threshold);
            let ours = metrics.get(&champion.metric).copied();
            checks.push(compare(champion, ours, theirs.get(&champion.metric).copied(), n));
            let number = other.about.number;
            Some(ChampionResult { model_version: champion.model_version, number, metrics: theirs })
        }
        _ => None,
    };

    let mut evaluation = Evaluation {
        uid: types::new_id(ledger.clock().now()),
        gate: request.gate,
        model: candidate.about.model.clone(),
        number: candidate.about.number,
        model_version: request.model_version,
        data: request.data,
        label: request.label,
        task: truth.task(),
        verdict: judge::verdict(&checks),
        n,
        unlabelled,
        metrics,
        slices,
        champion,
        checks,
        report: Digest::of(b""),
        created_at: ledger.clock().now(),
        created_by: actor.to_string(),
    };
    evaluation.report = blobs.put_bytes(pages::markdown(&evaluation)).await?;
    let kept = evaluation.clone();
    ledger.write(actor, move |tx| keep(tx, &kept)).await?;
    Ok(evaluation)
}

/// Errors: `NotFound`.
pub async fn get(ledger: &Ledger, actor: &Actor, uid: Uid) -> Result<Evaluation, Error> {
    ledger.read(actor.workspace, move |rx| store::find(rx, uid)?.ok_or(Error::NotFound(uid))).await
}

/// Evaluations of a model version, newest first.
pub async fn evaluations_of(ledger: &Ledger, actor: &Actor, version: Uid) -> Result<Vec<Evaluation>, Error> {
    ledger.read(actor.workspace, move |rx| Ok(store::of_version(rx, version)?)).await
}

/// The report, as Markdown.
pub async fn report(blobs: &Blobs, evaluation: &Evaluation) -> Result<String, Error> {
    let bytes = blobs.get_bytes(&evaluation.report).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn labelled(table: &Table, label: &str) -> Result<(Table, u64), Error> {
    let known: Vec<bool> =
        table.texts(label)?.iter().map(|t| t.as_deref().is_some_and(|t| t != "NaN")).collect();
    let missing = known.iter().filter(|k| !**k).count() as u64;
    Ok((table.filter(&known)?, missing))
}

fn compare(champion: &Champion, ours: Option<f64>, theirs: Option<f64>, n: u64) -> Check {
    let higher = judge::higher_is_better(&champion.metric);
    let bound = match theirs {
        Some(value) if higher => Bound { min: Some(value - champion.max_drop), max: None },
        Some(value) => Bound { min: None, max: Some(value + champion.max_drop) },
        None => Bound::default(),
    };
    let observed = if theirs.is_some() { ours } else { None };
    let mut check = judge::check(&champion.metric, Some("champion".into()), observed, bound, n, "");
    check.text = match (ours, theirs) {
        (Some(ours), Some(theirs)) => {
            let change = if higher { ours - theirs } else { theirs - ours };
            let verb = if check.outcome == Outcome::Passed { "may" } else { "may only" };
            format!(
                "{} = {ours:.4} against the champion's {theirs:.4} on the same {n} rows: {} by {:.4}; it {verb} be \
                 worse by {}",
                champion.metric,
                if change < 0.0 { "worse" } else { "better" },
                change.abs(),
                champion.max_drop
            )
        }
        _ => format!("{} of both versions cannot be computed from {n} rows", champion.metric),
    };
    check
}

fn keep(tx: &mut Tx<'_>, evaluation: &Evaluation) -> Result<(), Error> {
    store::insert(tx, evaluation)?;
    let key = evaluation.uid.hex();
    let props = json!({
        "model": evaluation.model, "number": evaluation.number,
        "gate": evaluation.gate, "verdict": evaluation.verdict, "report": evaluation.report,
    });
    let node = tx.node("evaluation", &key, props)?;
    let version = model_version(tx, evaluation.model_version, &evaluation.model, evaluation.number)?;
    tx.edge(node, "evaluated", version)?;
    let data = evaluation.data.to_string();
    let data = match tx.find_node("artifact", &data)? {
        Some(found) => found,
        None => tx.node("artifact", &data, json!({}))?,
    };
    tx.edge(node, "used", data)?;
    if let Some(champion) = &evaluation.champion {
        let champion = model_version(tx, champion.model_version, &evaluation.model, champion.number)?;
        tx.edge(node, "used", champion)?;
    }
    let payload = json!({
        "evaluation": key,
        "gate": evaluation.gate,
        "model": evaluation.model,
        "number": evaluation.number,
        "model_version": evaluation.model_version,
        "data": evaluation.data,
        "verdict": evaluation.verdict,
        "n": evaluation.n,
        "metrics": evaluation.metrics,
        "champion": evaluation.champion.as_ref().map(|c| c.model_version),
        "failed": evaluation.checks.iter().filter(|c| c.outcome == Outcome::Failed).count(),
        "report": evaluation.report,
    });
    Ok(tx.event("evaluation.finished", &format!("evaluation:{key}"), payload)?)
}

fn model_version(tx: &mut Tx<'_>, uid: Uid, model: &str, number: i64) -> Result<i64, Error> {
    Ok(match tx.find_node("model_version", &uid.hex())? {
        Some(found) => found,
        None => tx.node("model_version", &uid.hex(), json!({ "model": model, "number": number }))?,
    })
}
