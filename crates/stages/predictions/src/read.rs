use std::sync::Arc;

use columns::Table;
use runtimes::Params;
use types::{Actor, Timestamp, Uid};

use crate::rows::integers;
use crate::seal::blocking;
use crate::store::{self, Segment};
use crate::table::{
    self, AT, FLAGS, ID, LATENCY, MODEL, MODEL_DIGEST, MODEL_VERSION, ORDINAL, PARAMS, PRINCIPAL, REVISION,
    VARIANT, VERSION,
};
use crate::tail::Part;
use crate::{Error, Found, Log, Rows, Window};

impl Log {
    /// The ordinal that the endpoint's next prediction will get: how many there were.
    pub async fn total(&self, actor: &Actor, endpoint: &str) -> Result<i64, Error> {
        self.flush().await?;
        let tail = self.0.tail.read();
        Ok(tail.endpoints.get(&(actor.workspace, endpoint.to_owned())).map_or(0, |e| e.next_ordinal))
    }

    /// Rows of an endpoint's log, sealed or not, in order.
    pub async fn window(&self, actor: &Actor, endpoint: &str, window: Window) -> Result<Rows, Error> {
        let total = self.total(actor, endpoint).await?;
        let (from, to) = match window {
            Window::Last(n) => (total.saturating_sub_unsigned(n as u64).max(0), total),
            Window::From { ordinal, limit } => (ordinal, ordinal.saturating_add_unsigned(limit as u64)),
            Window::Between { .. } => (0, i64::MAX),
        };
        // The tail first: a part that is sealed meanwhile is then found twice, never not at all.
        let parts = self.parts(actor, endpoint);
        let name = endpoint.to_owned();
        let segments = match window {
            Window::Between { from, to } => {
                let read = move |rx: &mut ledger::Rx<'_>| store::segments_by_time(rx, &name, from, to);
                self.0.ledger.read(actor.workspace, read).await?
            }
            _ => {
                let read = move |rx: &mut ledger::Rx<'_>| store::segments_by_ordinal(rx, &name, from, to);
                self.0.ledger.read(actor.workspace, read).await?
            }
        };
        let mut pieces: Vec<(i64, Table)> = Vec::new();
        for segment in &segments {
            pieces.push((segment.first_ordinal, self.segment(segment).await?.as_ref().clone()));
        }
        let sealed: Vec<Uid> = segments.iter().map(|s| s.uid).collect();
        let open: Vec<Part> = parts
            .into_iter()
            .filter(|p| {
                p.rows > 0
                    && !sealed.contains(&p.segment)
                    && p.first_ordinal < to
                    && p.first_ordinal + p.rows as i64 > from
            })
            .collect();
        blocking(move || {
            for part in open {
                pieces.push((part.first_ordinal, table::build(&part.chunks, part.first_ordinal)?));
            }
            pieces.sort_by_key(|(first, _)| *first);
            let cut = pieces
                .into_iter()
                .map(|(first, piece)| match window {
                    Window::Between { from, to } => between(&piece, from, to),
                    _ => {
                        let skip = usize::try_from(from - first).unwrap_or(0);
                        let end = usize::try_from(to - first).unwrap_or(usize::MAX).min(piece.rows());
                        Ok(piece.slice(skip, end.saturating_sub(skip)))
                    }
                })
                .collect::<Result<Vec<_>, Error>>()?;
            Rows::from_tables(&cut, sealed)
        })
        .await
    }

    /// One prediction by its id.
    pub async fn find(&self, actor: &Actor, id: Uid) -> Result<Option<Found>, Error> {
        self.flush().await?;
        let Some((endpoint, table, row, segment)) = self.locate(actor, id).await? else { return Ok(None) };
        let label = self.0.ledger.read(actor.workspace, move |rx| store::label(rx, id)).await?;
        let text = |name: &str| -> Result<String, Error> {
            Ok(table.texts(name)?.into_iter().nth(row).flatten().unwrap_or_default())
        };
        let uid = |name: &str| -> Result<Uid, Error> { Ok(text(name)?.parse().unwrap_or(Uid::from_u128(0))) };
        let later = |name: &str| -> Result<Option<String>, Error> {
            Ok(table::added_later(&table, name)?.into_iter().nth(row).flatten())
        };
        let integer = |name: &str| -> Result<i64, Error> {
            Ok(integers(&table, name)?.get(row).copied().unwrap_or_default())
        };
        Ok(Some(Found {
            id,
            at: table::times(&table, AT)?.get(row).copied().unwrap_or_default(),
            endpoint,
            revision: uid(REVISION)?,
            variant: text(VARIANT)?,
            model: text(MODEL)?,
            version: integer(VERSION)?,
            model_version: uid(MODEL_VERSION)?,
            model_digest: text(MODEL_DIGEST)?.parse().ok(),
            latency_us: integer(LATENCY)?,
            ordinal: integer(ORDINAL)?,
            principal: later(PRINCIPAL)?.unwrap_or_default(),
            flags: table::read_flags(later(FLAGS)?.as_deref()),
            params: later(PARAMS)?.as_deref().map(params_json),
            inputs: table::part(&table, table::INPUT)?.row_json(row)?,
            outputs: table::part(&table, table::OUTPUT)?.row_json(row)?,
            segment,
            label,
        }))
    }

    async fn locate(
        &self,
        actor: &Actor,
        id: Uid,
    ) -> Result<Option<(String, Table, usize, Option<Uid>)>, Error> {
        let unsealed = {
            let tail = self.0.tail.read();
            tail.endpoints.iter().filter(|(key, _)| key.0 == actor.workspace).find_map(|(key, endpoint)| {
                endpoint.parts.iter().find_map(|part| {
                    let mut ordinal = part.first_ordinal;
                    for chunk in &part.chunks {
                        if let Some(row) = chunk.ids.iter().position(|i| *i == id) {
                            return Some((key.1.clone(), chunk.row(row), ordinal + row as i64));
                        }
                        ordinal += chunk.ids.len() as i64;
                    }
                    None
                })
            })
        };
        if let Some((endpoint, chunk, ordinal)) = unsealed {
            return Ok(Some((endpoint, table::build(&[Arc::new(chunk)], ordinal)?, 0, None)));
        }
        let segments =
            self.0.ledger.read(actor.workspace, move |rx| store::segments_by_id(rx, id, id)).await?;
        let wanted = id.hex();
        for segment in segments {
            let table = self.segment(&segment).await?;
            let ids = table.texts(ID)?;
            if let Some(row) = ids.iter().position(|i| i.as_deref() == Some(&wanted)) {
                return Ok(Some((segment.endpoint, table.as_ref().clone(), row, Some(segment.uid))));
            }
        }
        Ok(None)
    }

    pub(crate) fn parts(&self, actor: &Actor, endpoint: &str) -> Vec<Part> {
        let tail = self.0.tail.read();
        tail.endpoints
            .get(&(actor.workspace, endpoint.to_owned()))
            .map(|e| e.parts.clone())
            .unwrap_or_default()
    }

    /// Endpoint and time of each of these predictions that exists.
    pub(crate) async fn locate_all(
        &self,
        actor: &Actor,
        ids: &[Uid],
    ) -> Result<std::collections::HashMap<Uid, (String, Timestamp)>, Error> {
        self.flush().await?;
        let mut missing: std::collections::HashSet<Uid> = ids.iter().copied().collect();
        let mut found = std::collections::HashMap::with_capacity(ids.len());
        {
            let tail = self.0.tail.read();
            for (key, endpoint) in tail.endpoints.iter().filter(|(key, _)| key.0 == actor.workspace) {
                for chunk in endpoint.parts.iter().flat_map(|p| &p.chunks) {
                    for (id, at) in chunk.ids.iter().zip(chunk.times()) {
                        if missing.remove(id) {
                            found.insert(*id, (key.1.clone(), at));
                        }
                    }
                }
            }
        }
        let (Some(first), Some(last)) = (missing.iter().min().copied(), missing.iter().max().copied()) else {
            return Ok(found);
        };
        let segments: Vec<Segment> =
            self.0.ledger.read(actor.workspace, move |rx| store::segments_by_id(rx, first, last)).await?;
        for segment in segments {
            if !missing.iter().any(|id| (segment.first_id..=segment.last_id).contains(id)) {
                continue;
            }
            let table = self.segment(&segment).await?;
            let times = table::times(&table, AT)?;
            for (text, at) in table.texts(ID)?.into_iter().zip(times) {
                if let Some(id) = text.and_then(|t| t.parse().ok())
                    && missing.remove(&id)
                {
                    found.insert(id, (segment.endpoint.clone(), at));
                }
            }
            if missing.is_empty() {
                break;
            }
        }
        Ok(found)
    }
}

/// What [`Rows::params`] says of a row, as JSON; with NaN among it, which is no JSON of anybody else's, as the text that it is.
pub fn params_json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

/// What [`params_json`] wrote.
pub fn params_of(json: &serde_json::Value) -> Option<Params> {
    json.as_str().map_or_else(|| Params::parse(&json.to_string()), Params::parse)
}

fn between(table: &Table, from: Timestamp, to: Timestamp) -> Result<Table, Error> {
    let keep: Vec<bool> = table::times(table, AT)?.into_iter().map(|at| at >= from && at < to).collect();
    Ok(table.filter(&keep)?)
}
