//! The records of an endpoint that a monitor watches: what callers were answered, or what shadows did beside it.

use std::collections::HashMap;
use std::sync::Arc;

use ledger::Ledger;
use predictions::{Log, Rows, Window};
use types::{Actor, Uid, WorkspaceId};

use crate::Error;
use crate::model::{Monitor, MonitorSpec};
use crate::rules::Records;
use crate::watch::Monitoring;

/// Records that are looked at one by one, to tell how many a window has so far.
const COUNTED: i64 = 20_000;

/// The records that a monitor watches and that are in no window yet. Where variants answer nobody, the first 20,000 are told from
/// theirs one by one; all after these count.
pub async fn pending_rows(
    ledger: &Ledger,
    log: &Log,
    actor: &Actor,
    monitor: &Monitor,
) -> Result<i64, Error> {
    let endpoint = &monitor.endpoint;
    let pending = (log.total(actor, endpoint).await? - monitor.next_ordinal).max(0);
    let wanted = monitor.spec.rules.records == Records::Shadows;
    let shadows = serving::shadows_by_revision(ledger, actor, endpoint).await?;
    if pending == 0 || shadows.is_empty() {
        return Ok(if wanted { 0 } else { pending });
    }
    let limit = pending.min(COUNTED);
    let window = Window::From { ordinal: monitor.next_ordinal, limit: limit as usize };
    let rows = log.window(actor, endpoint, window).await?;
    let is_shadow = |row: usize| {
        shadows.get(&rows.revisions[row]).is_some_and(|names| names.contains(&rows.variants[row]))
    };
    let watched = (0..rows.len()).filter(|row| is_shadow(*row) == wanted).count();
    Ok(watched as i64 + (pending - limit))
}

/// Revisions whose shadows are remembered.
const REVISIONS: usize = 1_000;

/// What is remembered of the log between looks, and can be found again.
#[derive(Default)]
pub(crate) struct Read {
    /// Names of variants that answer nobody, by revision.
    shadows: HashMap<Uid, Arc<[String]>>,
    places: HashMap<(WorkspaceId, String), Place>,
}

/// Where the next window of a monitor lies.
#[derive(Clone, Default)]
struct Place {
    /// What it is about: another spec, or one that began anew, has another.
    endpoint: String,
    records: Records,
    /// The record that was asked for.
    asked: i64,
    /// Nothing between that and this one is watched.
    from: i64,
    /// Records that hold a window's rows, as far as is known.
    reach: usize,
    /// With fewer records in the log there cannot be enough rows.
    least: i64,
}

impl Read {
    fn place(&self, actor: &Actor, spec: &MonitorSpec, from: i64) -> Place {
        let known = self.places.get(&(actor.workspace, spec.name.clone())).cloned().unwrap_or_default();
        let same = known.endpoint == spec.endpoint && known.records == spec.rules.records;
        if same && from >= known.asked { known } else { Place::default() }
    }

    /// Whether the window from this record on may be full, in a log of so many.
    pub fn may_be_full(&self, actor: &Actor, spec: &MonitorSpec, from: i64, total: i64) -> bool {
        let size = i64::try_from(spec.window.rows).unwrap_or(i64::MAX);
        let place = self.place(actor, spec, from);
        total >= place.least && total - from.max(place.from) >= size
    }

    /// Whether records that are not watched lie between the others.
    pub fn is_sparse(&self, actor: &Actor, spec: &MonitorSpec, from: i64) -> bool {
        self.place(actor, spec, from).reach > spec.window.rows as usize
    }
}

impl Monitoring {
    /// The rows of the window that begins at this record or later: fewer than the window's where the log has no more yet.
    pub(crate) async fn next_rows(
        &self,
        read: &mut Read,
        actor: &Actor,
        spec: &MonitorSpec,
        from: i64,
    ) -> Result<Rows, Error> {
        let size = spec.window.rows as usize;
        let known = read.place(actor, spec, from);
        let (asked, mut from, mut reach) = (from, from.max(known.from), known.reach.max(size));
        loop {
            let window = Window::From { ordinal: from, limit: reach };
            let rows = self.log.window(actor, &spec.endpoint, window).await?;
            let (count, end) = (rows.len(), rows.ordinals.last().map_or(from, |last| last + 1));
            let rows = self.watched(read, actor, spec, rows).await?;
            from = rows.ordinals.first().copied().unwrap_or(end);
            let missing = size.saturating_sub(rows.len());
            if missing == 0 || count < reach {
                let (endpoint, records) = (spec.endpoint.clone(), spec.rules.records);
                let place = Place { endpoint, records, asked, from, reach, least: end + missing as i64 };
                read.places.insert((actor.workspace, spec.name.clone()), place);
                let over = rows.len() > size;
                return if over { Ok(rows.take(&(0..size).collect::<Vec<_>>())?) } else { Ok(rows) };
            }
            // Only what is watched and not enough is read again, with more behind it.
            if !rows.is_empty() {
                reach = reach.saturating_mul(2);
            }
        }
    }

    /// As many rows as a window has, right before a record; `None` if there are not so many.
    pub(crate) async fn rows_before(
        &self,
        read: &mut Read,
        actor: &Actor,
        spec: &MonitorSpec,
        first: i64,
    ) -> Result<Option<Rows>, Error> {
        let size = spec.window.rows as usize;
        let mut reach = read.place(actor, spec, first).reach.max(size);
        loop {
            let ordinal = first.saturating_sub_unsigned(reach as u64).max(0);
            let limit = usize::try_from(first - ordinal).unwrap_or_default();
            let rows = self.log.window(actor, &spec.endpoint, Window::From { ordinal, limit }).await?;
            let rows = self.watched(read, actor, spec, rows).await?;
            if let Some(over) = rows.len().checked_sub(size) {
                return Ok(Some(rows.take(&(over..rows.len()).collect::<Vec<_>>())?));
            }
            if ordinal == 0 {
                return Ok(None);
            }
            reach = reach.saturating_mul(2);
        }
    }

    /// Those of the rows that the monitor watches.
    async fn watched(
        &self,
        read: &mut Read,
        actor: &Actor,
        spec: &MonitorSpec,
        rows: Rows,
    ) -> Result<Rows, Error> {
        match self.places(read, actor, spec, &rows).await? {
            Some(places) => Ok(rows.take(&places)?),
            None => Ok(rows),
        }
    }

    /// Their places among the rows; `None`: all of them.
    pub(crate) async fn places(
        &self,
        read: &mut Read,
        actor: &Actor,
        spec: &MonitorSpec,
        rows: &Rows,
    ) -> Result<Option<Vec<usize>>, Error> {
        let mut known: HashMap<Uid, Arc<[String]>> = HashMap::new();
        for revision in &rows.revisions {
            if !known.contains_key(revision) {
                known.insert(*revision, self.shadows(read, actor, *revision).await?);
            }
        }
        let wanted = spec.rules.records == Records::Shadows;
        if !wanted && known.values().all(|names| names.is_empty()) {
            return Ok(None);
        }
        let is_shadow = |row: usize| known[&rows.revisions[row]].contains(&rows.variants[row]);
        Ok(Some((0..rows.len()).filter(|row| is_shadow(*row) == wanted).collect()))
    }

    async fn shadows(&self, read: &mut Read, actor: &Actor, revision: Uid) -> Result<Arc<[String]>, Error> {
        if let Some(known) = read.shadows.get(&revision) {
            return Ok(Arc::clone(known));
        }
        let found: Arc<[String]> = serving::shadows_of(&self.ledger, actor, revision).await?.into();
        if read.shadows.len() >= REVISIONS {
            read.shadows.clear();
        }
        read.shadows.insert(revision, Arc::clone(&found));
        Ok(found)
    }
}
