//! What a replay says: bit-identical, metric-equal, or diverged, and where first.

use std::collections::{BTreeMap, HashMap};

use ledger::Tx;
use serde_json::{Value, json};
use types::{Actor, Uid};

use crate::{
    Datum, Difference, Engine, Error, PipelineRun, Replay, ReplayState, RunState, Shape, StepRun, Verdict,
    get_replay, get_run, steps, store,
};

/// Metrics within this of each other, relative to the larger, are equal.
const TOLERANCE: f64 = 1e-9;

/// Characters of a value that a difference shows.
const LONGEST_SHOWN: usize = 200;

/// These name the run and the time, so they differ whenever a model is logged.
const RUN_FILES: [&str; 2] = ["MLmodel", "registered_model_meta"];

struct Comparison {
    outputs: usize,
    first_output: Option<Difference>,
    metrics: usize,
    first_metric: Option<Difference>,
}

impl Engine {
    /// Compares a replay whose run has ended with the original, and writes the verdict.
    pub(crate) async fn judge(&self, actor: &Actor, uid: Uid) -> Result<(), Error> {
        let ledger = &self.0.ledger;
        let mut replay = get_replay(ledger, actor, uid).await?;
        let again = get_run(ledger, actor, replay.replay_run).await?;
        if again.state == RunState::Succeeded {
            let comparison = self.compare(actor, &again, replay.run).await?;
            conclude(&mut replay, comparison);
        } else {
            replay.state = ReplayState::Failed;
            let why = again.message.unwrap_or_else(|| again.state.name().to_owned());
            replay.message = Some(format!("the run could not be repeated: {why}"));
        }
        ledger
            .write(actor, move |tx: &mut Tx<'_>| {
                if !store::replays::judge(tx, &replay)? {
                    return Ok(());
                }
                let payload = json!({
                    "replay": uid, "run": replay.run, "replay_run": replay.replay_run, "state": replay.state.name(),
                    "verdict": replay.verdict, "first": replay.first,
                });
                Ok(tx.event("replay.finished", &format!("replay:{uid}"), payload)?)
            })
            .await
    }

    async fn compare(&self, actor: &Actor, again: &PipelineRun, original: Uid) -> Result<Comparison, Error> {
        let ledger = &self.0.ledger;
        let before = steps(ledger, actor, original).await?;
        let after = steps(ledger, actor, again.uid).await?;
        let mut comparison = Comparison { outputs: 0, first_output: None, metrics: 0, first_metric: None };
        let again_by_name: HashMap<&str, &StepRun> =
            after.iter().map(|step| (step.name.as_str(), step)).collect();
        for old in before.iter().filter(|step| step.shape == Shape::Work) {
            let Some(new) = again_by_name.get(old.name.as_str()).copied() else {
                comparison.output(&old.name, "task", old.state.name().to_owned(), "absent".to_owned());
                continue;
            };
            if old.state != new.state {
                comparison.output(
                    &old.name,
                    "task",
                    old.state.name().to_owned(),
                    new.state.name().to_owned(),
                );
                continue;
            }
            for a in &old.outputs {
                let b = new.outputs.iter().find(|b| b.name == a.name);
                let b = b.map_or_else(|| "absent".to_owned(), |b| b.digest.to_string());
                comparison.output(&old.name, &a.name, a.digest.to_string(), b);
            }
            comparison.values(old, new);
            let spec = again.declared(&old.name);
            if let Some(model) = spec.and_then(|spec| spec.registers.as_ref()) {
                self.compare_models(actor, model, old, new, &mut comparison).await?;
            }
            if let (Some(a), Some(b)) = (old.tracking_run, new.tracking_run) {
                let (a, b) = (self.metrics(actor, a).await?, self.metrics(actor, b).await?);
                comparison.metrics(&old.name, &a, &b);
            }
        }
        Ok(comparison)
    }

    /// Compares the registered files where both runs registered; a program may leave it out in a replay.
    async fn compare_models(
        &self,
        actor: &Actor,
        model: &str,
        old: &StepRun,
        new: &StepRun,
        comparison: &mut Comparison,
    ) -> Result<(), Error> {
        let (Some(a), Some(b)) = (old.tracking_run, new.tracking_run) else { return Ok(()) };
        let (Some(a), Some(b)) =
            (self.model_files(actor, model, a).await?, self.model_files(actor, model, b).await?)
        else {
            return Ok(());
        };
        let absent = || "absent".to_owned();
        let names: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
        for name in names {
            let (x, y) =
                (a.get(name).cloned().unwrap_or_else(absent), b.get(name).cloned().unwrap_or_else(absent));
            comparison.output(&old.name, &format!("model:{name}"), x, y);
        }
        Ok(())
    }

    async fn model_files(
        &self,
        actor: &Actor,
        model: &str,
        run: Uid,
    ) -> Result<Option<BTreeMap<String, String>>, Error> {
        let versions = models::versions_of_run(&self.0.ledger, actor, run).await?;
        let Some(version) = versions.into_iter().rfind(|version| version.model == model) else {
            return Ok(None);
        };
        let files = models::files(&self.0.ledger, actor, version.uid).await?;
        let own = |path: &str| RUN_FILES.iter().any(|name| path.rsplit('/').next() == Some(*name));
        let files = files.into_iter().filter(|file| !own(&file.path));
        Ok(Some(files.map(|file| (file.path, file.digest.to_string())).collect()))
    }

    /// Every logged value with its step; time stamps and figures about the machine do not count.
    async fn metrics(&self, actor: &Actor, run: Uid) -> Result<BTreeMap<String, Vec<(i64, f64)>>, Error> {
        let series = match tracking::series(&self.0.ledger, actor, run, Vec::new(), i64::from(i32::MAX)).await
        {
            Ok(series) => series,
            Err(tracking::Error::RunNotFound(_)) => return Ok(BTreeMap::new()),
            Err(error) => return Err(error.into()),
        };
        let logged = series.into_iter().filter(|(key, _)| !key.starts_with("system/"));
        Ok(logged.map(|(key, points)| (key, points.iter().map(|p| (p.step, p.value)).collect())).collect())
    }
}

impl Comparison {
    /// Outputs that are values. Numbers are metrics as well: they may differ by what rounding does.
    fn values(&mut self, old: &StepRun, new: &StepRun) {
        for (port, datum) in &old.results {
            let Datum::Value(a) = datum else { continue };
            let b = match new.results.get(port) {
                Some(Datum::Value(b)) => Some(b),
                _ => None,
            };
            let shown = |value: &Value| value.to_string().chars().take(LONGEST_SHOWN).collect::<String>();
            let differs = b != Some(a);
            let other = b.map_or_else(|| "absent".to_owned(), shown);
            let other = if differs && other == shown(a) { format!("{other}…") } else { other };
            self.output(&old.name, port, shown(a), other);
            if let (Some(x), Some(y)) = (a.as_f64(), b.and_then(Value::as_f64)) {
                let point = |value: f64| BTreeMap::from([(port.clone(), vec![(0, value)])]);
                self.metrics(&old.name, &point(x), &point(y));
            }
        }
    }

    fn output(&mut self, step: &str, output: &str, expected: String, actual: String) {
        self.outputs += 1;
        if expected != actual && self.first_output.is_none() {
            let (step, output) = (step.to_owned(), output.to_owned());
            self.first_output = Some(Difference { step, output, expected, actual });
        }
    }

    fn metrics(
        &mut self,
        step: &str,
        a: &BTreeMap<String, Vec<(i64, f64)>>,
        b: &BTreeMap<String, Vec<(i64, f64)>>,
    ) {
        let names: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
        for name in names {
            self.metrics += 1;
            let none = Vec::new();
            let (x, y) = (a.get(name).unwrap_or(&none), b.get(name).unwrap_or(&none));
            let equal = x.len() == y.len() && x.iter().zip(y).all(|(x, y)| x.0 == y.0 && close(x.1, y.1));
            if equal || self.first_metric.is_some() {
                continue;
            }
            let place = x.iter().zip(y).position(|(x, y)| x.0 != y.0 || !close(x.1, y.1));
            let said = |points: &[(i64, f64)]| match place.and_then(|place| points.get(place)) {
                Some((step, value)) => format!("{value} at step {step}"),
                None => format!("{} values", points.len()),
            };
            let (step, output) = (step.to_owned(), format!("metric:{name}"));
            self.first_metric = Some(Difference { step, output, expected: said(x), actual: said(y) });
        }
    }
}

fn close(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= TOLERANCE * a.abs().max(b.abs())
}

fn conclude(replay: &mut Replay, found: Comparison) {
    replay.state = ReplayState::Finished;
    if found.outputs == 0 && found.metrics == 0 {
        replay.state = ReplayState::Failed;
        replay.message =
            Some("nothing can be compared: the run declares no outputs and logged no metrics".into());
        return;
    }
    let same_metrics = format!("{} metrics are equal", found.metrics);
    let (verdict, message) = match (&found.first_output, &found.first_metric) {
        (None, None) if found.outputs > 0 => {
            (Verdict::BitIdentical, format!("{} outputs are the same bytes; {same_metrics}", found.outputs))
        }
        (None, Some(metric)) if found.outputs > 0 => (
            Verdict::BitIdentical,
            format!("{} outputs are the same bytes; {} differs", found.outputs, metric.output),
        ),
        (_, None) if found.metrics > 0 => (Verdict::MetricEqual, same_metrics),
        _ => (Verdict::Diverged, "outputs or metrics differ".to_owned()),
    };
    replay.verdict = Some(verdict);
    replay.message = Some(message);
    replay.first = found.first_output.or(found.first_metric);
}
