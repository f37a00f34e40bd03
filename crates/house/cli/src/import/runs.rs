use std::collections::HashSet;

use importer::{Error, Owner, Place, Point, Run, Source};
use serde_json::{Value, json};
use types::Uid;

use super::{Moved, Receiver, Report, Roots, Scratch, files};
use crate::screen::note;

/// Runs between two lines of progress.
const STRIDE: usize = 100;

pub fn all(
    receiver: &Receiver<'_>,
    source: &mut dyn Source,
    experiment: &Moved,
    scratch: &Scratch,
    roots: &mut Roots,
    report: &mut Report,
) -> Result<(), Error> {
    let ids = source.runs(experiment.there.number)?;
    let (total, name) = (ids.len(), &experiment.there.name);
    note(format!("  experiment `{name}`: {total} runs"));
    for (done, id) in ids.iter().enumerate() {
        if id.parse::<Uid>().is_err() {
            report.missing(id, "its id is not of 32 hexadecimal digits");
            continue;
        }
        one(receiver, source, experiment, id, scratch, roots, report)?;
        if (done + 1) % STRIDE == 0 && done + 1 < total {
            note(format!(
                "    {} of {total} runs, {} points, {} files",
                done + 1,
                report.points,
                report.files
            ));
        }
    }
    Ok(())
}

fn one(
    receiver: &Receiver<'_>,
    source: &mut dyn Source,
    experiment: &Moved,
    id: &str,
    scratch: &Scratch,
    roots: &mut Roots,
    report: &mut Report,
) -> Result<(), Error> {
    let run = source.run(id)?;
    let owner = Owner { id, is_run: true, uri: &run.artifact_uri };
    let place = source.place(&owner)?;
    let fingerprint = run.fingerprint();
    let answer = receiver.post("import/runs", started(&run, experiment.here, &place, &fingerprint))?;
    if answer["wanted"] == Value::Bool(false) {
        roots.add(&run.artifact_uri, json!({ "run": id }));
        report.known_runs += 1;
        return Ok(());
    }
    let path = format!("import/runs/{id}/points");
    // MLflow keeps a NaN of a logged model as 0; the run's own point tells.
    let mut nans: HashSet<(String, i64, i64)> = HashSet::new();
    source.points(&run, &mut |mut points| {
        for p in &mut points {
            let place = || (p.key.clone(), p.step, p.at);
            if p.model.is_none() && p.value.is_nan() {
                nans.insert(place());
            } else if p.model.is_some() && p.value == 0.0 && nans.contains(&place()) {
                p.value = f64::NAN;
            }
        }
        let points: Vec<Value> = points.iter().map(point).collect();
        let answer = receiver.post(&path, json!({ "points": points }))?;
        report.points += answer["points"].as_u64().unwrap_or_default();
        Ok(())
    })?;
    let whole = files(receiver, source, &owner, &place, scratch, roots, report)?;
    // A run that misses files is not remembered as taken over, so that the next import tries again.
    let fingerprint = if whole { fingerprint } else { "incomplete".to_owned() };
    let finish = json!({
        "status": run.status, "ended_at_ms": run.ended_at, "deleted": run.deleted, "fingerprint": fingerprint,
    });
    receiver.post(&format!("import/runs/{id}/finish"), finish)?;
    report.runs += 1;
    Ok(())
}

fn started(run: &Run, experiment: i64, place: &Place, fingerprint: &str) -> Value {
    let datasets: Vec<Value> = run
        .datasets
        .iter()
        .map(|d| {
            json!({
                "name": d.name, "digest": d.digest, "source_type": d.source_type, "source": d.source,
                "schema": d.schema, "profile": d.profile, "tags": d.tags,
            })
        })
        .collect();
    json!({
        "id": run.id, "experiment": experiment, "name": run.name, "owner": run.owner,
        "started_at_ms": run.started_at, "fingerprint": fingerprint, "params": run.params, "tags": run.tags,
        "datasets": datasets, "models_in": run.models_in, "models_out": run.models_out,
        "artifact_location": (*place == Place::Elsewhere).then_some(&run.artifact_uri),
    })
}

fn point(point: &Point) -> Value {
    let value = match point.value {
        value if value.is_nan() => json!("NaN"),
        f64::INFINITY => json!("Infinity"),
        f64::NEG_INFINITY => json!("-Infinity"),
        value => json!(value),
    };
    json!({
        "key": point.key, "value": value, "step": point.step, "at_ms": point.at, "model": point.model,
        "dataset": point.dataset,
    })
}

/// The run's files that a source `runs:/<id>/<path>` names.
pub fn named(source: &str) -> Option<Value> {
    let (id, path) = source.strip_prefix("runs:/")?.split_once('/')?;
    id.parse::<Uid>().ok().map(|_| json!([{ "run": id }, path]))
}
