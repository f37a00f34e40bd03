use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use blobs::Blobs;
use ledger::{Ledger, Tx};
use predictions::{Log, Rows};
use serde_json::json;
use tasks::CancellationToken;
use types::{Actor, Digest, Timestamp, Uid, WorkspaceId};

use crate::alarm::{History, Seen};
use crate::attribution::Explaining;
use crate::model::{Judgement, MonitorSpec, WindowView};
use crate::records::Read;
use crate::rules::{Against, Level};
use crate::signals::Measured;
use crate::store::Position;
use crate::{Baseline, Error, attribution, bias, clients, judge, performance, resolve, signals, store};

/// How often the logs are looked at.
const EVERY: Duration = Duration::from_millis(500);
/// A new monitor, or one whose server was away for long, looks back over at most this many windows.
const LOOK_BACK: i64 = 50;
/// Baselines kept in memory.
const BASELINES: usize = 16;

/// Judges windows as predictions arrive. Its position is in the ledger, so a restart goes on where it was.
#[derive(Clone)]
pub struct Monitoring {
    pub(crate) ledger: Ledger,
    blobs: Blobs,
    pub(crate) log: Log,
}

/// What is remembered between looks and can be found again.
#[derive(Default)]
pub(crate) struct Memory {
    baselines: HashMap<(Digest, u32), Arc<Baseline>>,
    /// By model version; `None` for models that cannot be taken apart.
    explaining: HashMap<Uid, Option<Arc<Explaining>>>,
    pub read: Read,
    /// Labels seen when performance was last computed, by workspace and monitor.
    pub labels: HashMap<(WorkspaceId, String), (i64, i64)>,
}

impl Monitoring {
    pub fn new(ledger: &Ledger, blobs: &Blobs, log: &Log) -> Self {
        Self { ledger: ledger.clone(), blobs: blobs.clone(), log: log.clone() }
    }

    /// Until the token is cancelled. A monitor that cannot judge says why in its `problem`; the others go on.
    pub async fn run(&self, token: CancellationToken) -> Result<(), Error> {
        let mut memory = Memory::default();
        loop {
            if let Err(error) = self.look(&mut memory).await {
                tracing::warn!(%error, "the monitors could not be read; it is tried again");
            }
            tokio::select! {
                () = token.cancelled() => return Ok(()),
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    /// Judges every full window that is there, of every monitor. Returns how many.
    pub async fn judge_pending(&self) -> Result<usize, Error> {
        self.look(&mut Memory::default()).await
    }

    async fn look(&self, memory: &mut Memory) -> Result<usize, Error> {
        let monitors = self.ledger.read(WorkspaceId::DEFAULT, store::all).await?;
        let mut judged = 0;
        for (workspace, spec, position) in monitors {
            let actor = Actor { workspace, ..Actor::system("monitoring") };
            let result = self.catch_up(memory, &actor, &spec, position.clone()).await;
            let problem = match result {
                Ok(count) => {
                    judged += count;
                    None
                }
                Err(error) => Some(error.to_string()),
            };
            if problem != position.problem {
                match &problem {
                    Some(problem) => tracing::warn!(monitor = spec.name, problem, "windows cannot be judged"),
                    None => tracing::info!(monitor = spec.name, "windows can be judged again"),
                }
                let name = spec.name.clone();
                self.ledger
                    .record(&actor, move |tx| store::put_problem(tx, &name, problem.as_deref()))
                    .await?;
            }
            if let Err(error) = performance::refresh(self, memory, &actor, &spec).await {
                tracing::warn!(monitor = spec.name, %error, "performance could not be computed");
            }
        }
        Ok(judged)
    }

    async fn catch_up(
        &self,
        memory: &mut Memory,
        actor: &Actor,
        spec: &MonitorSpec,
        mut position: Position,
    ) -> Result<usize, Error> {
        let size = i64::try_from(spec.window.rows).unwrap_or(i64::MAX);
        let total = self.log.total(actor, &spec.endpoint).await?;
        position.next_ordinal = position.next_ordinal.max(total - size.saturating_mul(LOOK_BACK));
        let mut judged = 0;
        while memory.read.may_be_full(actor, spec, position.next_ordinal, total) {
            // Where shadows' records lie between the others, it shows only now whether there are rows enough.
            if memory.read.is_sparse(actor, spec, position.next_ordinal) {
                let rows = self.next_rows(&mut memory.read, actor, spec, position.next_ordinal).await?;
                if is_short(spec, &rows) {
                    break;
                }
            }
            // Sealed first, so that the window can name the segments that its rows are in.
            self.log.seal(actor, &spec.endpoint).await?;
            let rows = self.next_rows(&mut memory.read, actor, spec, position.next_ordinal).await?;
            let Some(&revision) = rows.revisions.last() else { break };
            // A window never mixes deployments: what is left of the old one is too little to judge.
            if let Some(old) = rows.revisions.iter().rposition(|r| *r != revision) {
                position.next_ordinal = rows.ordinals.get(old).copied().unwrap_or(position.next_ordinal) + 1;
                self.move_on(actor, spec, &mut position, revision).await?;
                continue;
            }
            if is_short(spec, &rows) {
                break;
            }
            if position.revision != Some(revision) {
                self.move_on(actor, spec, &mut position, revision).await?;
            }
            let model_version = most_common(&rows.model_versions).unwrap_or(revision);
            let (digest, baseline) = match spec.rules.against {
                Against::Baseline => {
                    let digest = resolve::baseline(&self.ledger, actor, spec, model_version).await?;
                    (Some(digest), self.baseline(memory, digest, spec.bins).await?)
                }
                Against::Previous => match self.previous(memory, actor, spec, &rows, revision).await? {
                    Some(found) => (None, found),
                    None => {
                        // The first window of a deployment has none before it.
                        position.next_ordinal = next_start(spec, &rows, position.next_ordinal);
                        self.move_on(actor, spec, &mut position, revision).await?;
                        continue;
                    }
                },
            };
            let explaining = match spec.rules.attribution {
                Some(_) => self.explaining(memory, actor, model_version).await?,
                None => None,
            };
            let (seen, asked) = (rows.clone(), spec.clone());
            let judging = move || {
                let judgement = judge(&asked, &baseline, &seen.inputs)?;
                Ok((judgement, beside(&asked, &baseline, &seen, explaining.as_deref())?))
            };
            let judged_now = blocking(judging).await?;
            position = self.keep(actor, spec, position, rows, model_version, digest, judged_now).await?;
            judged += 1;
        }
        Ok(judged)
    }

    async fn baseline(&self, memory: &mut Memory, digest: Digest, bins: u32) -> Result<Arc<Baseline>, Error> {
        if let Some(known) = memory.baselines.get(&(digest, bins)) {
            return Ok(Arc::clone(known));
        }
        let bytes = self.blobs.get_bytes(&digest).await?;
        let baseline = blocking(move || {
            let table = columns::read_parquet(&digest.to_string(), bytes, None)?;
            Baseline::of(&table, bins as usize)
        })
        .await?;
        if baseline.rows == 0 {
            return Err(Error::EmptyBaseline(digest));
        }
        if memory.baselines.len() >= BASELINES {
            memory.baselines.clear();
        }
        let baseline = Arc::new(baseline);
        memory.baselines.insert((digest, bins), Arc::clone(&baseline));
        Ok(baseline)
    }

    async fn explaining(
        &self,
        memory: &mut Memory,
        actor: &Actor,
        version: Uid,
    ) -> Result<Option<Arc<Explaining>>, Error> {
        if let Some(known) = memory.explaining.get(&version) {
            return Ok(known.clone());
        }
        let found = attribution::explaining(&self.ledger, &self.blobs, actor, version).await?;
        if found.is_none() {
            tracing::info!(%version, "its predictions are not taken apart: it is not made of trees that are read here");
        }
        if memory.explaining.len() >= BASELINES {
            memory.explaining.clear();
        }
        memory.explaining.insert(version, found.clone());
        Ok(found)
    }

    /// The rows before the window, as many, where the same deployment made them all.
    async fn previous(
        &self,
        memory: &mut Memory,
        actor: &Actor,
        spec: &MonitorSpec,
        rows: &Rows,
        revision: Uid,
    ) -> Result<Option<Arc<Baseline>>, Error> {
        let first = rows.ordinals.first().copied().unwrap_or(0);
        let before = self.rows_before(&mut memory.read, actor, spec, first).await?;
        let Some(before) = before.filter(|rows| rows.revisions.iter().all(|r| *r == revision)) else {
            return Ok(None);
        };
        let bins = spec.bins as usize;
        let baseline = blocking(move || Baseline::of(&before.inputs, bins)).await?;
        Ok(Some(Arc::new(baseline)))
    }

    /// To the first row of another deployment. Its model has another baseline: the streak ends, and so does an
    /// alarm, which the deployment may have been the answer to.
    async fn move_on(
        &self,
        actor: &Actor,
        spec: &MonitorSpec,
        position: &mut Position,
        revision: Uid,
    ) -> Result<(), Error> {
        let cleared = position.alarm && position.revision.is_some_and(|r| r != revision);
        if position.revision != Some(revision) {
            *position = Position {
                streak: 0,
                streak_ordinal: None,
                streak_at: None,
                alarm: position.alarm && !cleared,
                revision: Some(revision),
                history: History { levels: position.history.levels.clone(), ..History::default() },
                ..position.clone()
            };
        }
        let (next, name, endpoint) = (position.clone(), spec.name.clone(), spec.endpoint.clone());
        if !cleared {
            return Ok(self
                .ledger
                .record(actor, move |tx| store::put_position_fact(tx, &name, &next))
                .await?);
        }
        self.ledger
            .write(actor, move |tx: &mut Tx<'_>| {
                store::put_position(tx, &name, &next)?;
                let payload = json!({
                    "monitor": name, "endpoint": endpoint, "reason": "deployed", "revision": revision,
                });
                Ok(tx.event("drift.cleared", &format!("monitor:{name}"), payload)?)
            })
            .await
    }

    #[expect(clippy::too_many_arguments, reason = "what a window is made of")]
    async fn keep(
        &self,
        actor: &Actor,
        spec: &MonitorSpec,
        before: Position,
        rows: Rows,
        model_version: Uid,
        baseline: Option<Digest>,
        (judgement, more): (Judgement, Vec<Measured>),
    ) -> Result<Position, Error> {
        let first_ordinal = rows.ordinals.first().copied().unwrap_or(before.next_ordinal);
        let from = rows.at.iter().min().copied().unwrap_or_default();
        let to = rows.last_at().unwrap_or_default();
        let mut next = Position {
            next_ordinal: next_start(spec, &rows, before.next_ordinal),
            number: before.number + 1,
            problem: None,
            ..before.clone()
        };
        if judgement.drifted {
            next.streak += 1;
            next.streak_ordinal = before.streak_ordinal.or(Some(first_ordinal));
            next.streak_at = before.streak_at.or(Some(from));
        } else {
            (next.streak, next.streak_ordinal, next.streak_at) = (0, None, None);
        }
        let seen = Seen { drifted: judgement.drifted, first_ordinal, from };
        next.alarm = next.history.advance(spec, before.alarm, seen, judgement.share, to);
        if spec.rules.of.is_some() {
            // Drifted windows need not stand in a row.
            let first = next.history.first_drifted();
            (next.streak_ordinal, next.streak_at) = (first.map(|s| s.first_ordinal), first.map(|s| s.from));
        }
        let measured = signals::measure(spec, &rows, &judgement, more, &before.history.levels);
        let changes = changes(&mut next, &measured);
        signals::publish(spec, &judgement, &measured, next.alarm);
        let window = WindowView {
            uid: types::new_id(self.ledger.clock().now()),
            monitor: spec.name.clone(),
            number: next.number,
            from,
            to,
            rows: rows.len() as i64,
            first_ordinal,
            next_ordinal: rows.ordinals.last().map_or(before.next_ordinal, |last| last + 1),
            revision: rows.revisions.last().copied().unwrap_or(model_version),
            model_version,
            // Of a window before there is no blob; its place in the log names it.
            baseline: baseline.unwrap_or_else(|| {
                Digest::of(format!("{} rows before {first_ordinal} of {}", spec.window.rows, spec.endpoint))
            }),
            drifted: judgement.drifted,
            share: judgement.share,
            alarm: next.alarm,
            level: signals::worst(&measured),
            signals: measured,
            features: judgement.features,
        };
        tracing::info!(
            monitor = spec.name,
            window = window.number,
            drifted = window.drifted,
            share = window.share,
            "judged a window"
        );
        let (spec, segments) = (spec.clone(), rows.segments);
        let was = before.alarm;
        self.ledger
            .write(actor, move |tx: &mut Tx<'_>| {
                // Another server may have judged it first.
                if store::position_in(tx, &spec.name)?.is_some_and(|p| p.next_ordinal > window.first_ordinal)
                {
                    return Ok(store::position_in(tx, &spec.name)?.unwrap_or_default());
                }
                store::insert_window(tx, &window)?;
                store::put_position(tx, &spec.name, &next)?;
                edges(tx, &window, &segments, baseline.is_some())?;
                events(tx, &spec, &window, &next, was)?;
                for (signal, level) in &changes {
                    let kind = if *level == Level::Ok { "monitor.signal_cleared" } else { "monitor.signal" };
                    let payload = json!({
                        "monitor": spec.name, "endpoint": spec.endpoint, "window": window.uid,
                        "number": window.number, "signal": signal.name, "feature": signal.feature,
                        "value": signal.value, "limit": signal.limit, "level": level.name(),
                    });
                    tx.event(kind, &format!("monitor:{}", spec.name), payload)?;
                }
                Ok(next.clone())
            })
            .await
    }
}

/// What is measured of a window beside drift where rules ask for it.
fn beside(
    spec: &MonitorSpec,
    baseline: &Baseline,
    rows: &Rows,
    explaining: Option<&Explaining>,
) -> Result<Vec<Measured>, Error> {
    let (rules, output) = (&spec.rules, spec.output.as_deref());
    let mut measured = Vec::new();
    if let Some(rule) = &rules.bias {
        measured.extend(bias::of_window(rule, output, &rows.inputs, &rows.outputs)?);
    }
    if let (Some(limits), Some(model)) = (rules.attribution, explaining) {
        measured.extend(attribution::measure(limits, model, &baseline.sample, &rows.inputs)?);
    }
    if let Some(rule) = &rules.clients {
        measured.extend(clients::measure(rule, output, rows, baseline)?);
    }
    Ok(measured)
}

fn is_short(spec: &MonitorSpec, rows: &Rows) -> bool {
    rows.len() < spec.window.rows as usize
}

/// Where the window after that of these rows may begin; `from` if there are none.
fn next_start(spec: &MonitorSpec, rows: &Rows, from: i64) -> i64 {
    let step = spec.rules.step.unwrap_or(spec.window.rows).max(1) as usize;
    let behind = rows.ordinals.last().map_or(from, |last| last + 1);
    rows.ordinals.get(step).copied().unwrap_or(behind)
}

/// The signals beside drift whose level is another than before, with the new one.
fn changes(next: &mut Position, measured: &[signals::Signal]) -> Vec<(signals::Signal, Level)> {
    let mut changed = Vec::new();
    for signal in measured.iter().filter(|s| s.name != "drift") {
        let before = next.history.levels.get(&signal.name).copied().unwrap_or_default();
        if before != signal.level {
            changed.push((signal.clone(), signal.level));
        }
        match signal.level {
            Level::Ok => next.history.levels.remove(&signal.name),
            level => next.history.levels.insert(signal.name.clone(), level),
        };
    }
    changed
}

fn edges(tx: &mut Tx<'_>, window: &WindowView, segments: &[Uid], has_baseline: bool) -> Result<(), Error> {
    let props = json!({
        "monitor": window.monitor, "number": window.number, "rows": window.rows,
        "drifted": window.drifted, "share": window.share,
    });
    let node = tx.node("monitor_window", &window.uid.hex(), props)?;
    for segment in segments {
        if let Some(segment) = tx.find_node("prediction_segment", &segment.hex())? {
            tx.edge(node, "observed", segment)?;
        }
    }
    if let Some(revision) = tx.find_node("endpoint_revision", &window.revision.hex())? {
        tx.edge(node, "observed", revision)?;
    }
    if !has_baseline {
        return Ok(());
    }
    let key = window.baseline.to_string();
    let baseline = match tx.find_node("artifact", &key)? {
        Some(found) => found,
        None => tx.node("artifact", &key, json!({}))?,
    };
    Ok(tx.edge(node, "used", baseline)?)
}

fn events(
    tx: &mut Tx<'_>,
    spec: &MonitorSpec,
    window: &WindowView,
    next: &Position,
    was: bool,
) -> Result<(), Error> {
    let subject = format!("monitor:{}", spec.name);
    let drifted: Vec<&str> = window.features.iter().filter(|f| f.drifted).map(|f| f.name.as_str()).collect();
    let about = json!({
        "monitor": spec.name,
        "endpoint": spec.endpoint,
        "window": window.uid,
        "number": window.number,
        "rows": window.rows,
        "next_ordinal": window.next_ordinal,
        "drifted": window.drifted,
        "share": window.share,
        "features": drifted,
        "revision": window.revision,
        "model_version": window.model_version,
        "baseline": window.baseline,
    });
    let with = |first: i64, from: Timestamp, reason: Option<&str>| {
        let mut payload = about.clone();
        payload["first_ordinal"] = json!(first);
        payload["from"] = json!(from);
        if let Some(reason) = reason {
            payload["reason"] = json!(reason);
        }
        payload
    };
    tx.event("monitor.window", &subject, with(window.first_ordinal, window.from, None))?;
    if next.alarm && !was {
        // From the first drifted window of the row.
        let (first, from) = (next.streak_ordinal, next.streak_at);
        let payload = with(first.unwrap_or(window.first_ordinal), from.unwrap_or(window.from), None);
        tx.event("drift.detected", &subject, payload)?;
    }
    if was && !next.alarm {
        tx.event("drift.cleared", &subject, with(window.first_ordinal, window.from, Some("no drift")))?;
    }
    Ok(())
}

fn most_common(uids: &[Uid]) -> Option<Uid> {
    let mut counts: HashMap<Uid, usize> = HashMap::new();
    for uid in uids {
        *counts.entry(*uid).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(uid, count)| (*count, *uid)).map(|(uid, _)| uid)
}

/// Computing gives way to the requests whose windows it judges.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tasks::in_background("monitoring-judge", work).await.ok_or(Error::Stopped)?
}
