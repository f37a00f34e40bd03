//! Rows that carry a flag, in the order in which they were predicted.

use types::{Actor, Timestamp, Uid, WorkspaceId};

use crate::rows::integers;
use crate::seal::blocking;
use crate::table::{self, AT, FLAGS, ID, ORDINAL};
use crate::{Error, Log, store};

/// Sealed segments that one call reads at most.
const SEGMENTS: usize = 8;

/// A row that carries a flag.
#[derive(Clone, Debug, PartialEq)]
pub struct Marked {
    pub id: Uid,
    pub at: Timestamp,
    /// All of its flags.
    pub flags: Vec<String>,
}

impl Log {
    /// Every endpoint that has a record here.
    pub fn endpoints(&self) -> Vec<(WorkspaceId, String)> {
        let tail = self.0.tail.read();
        let mut all: Vec<_> = tail.endpoints.keys().cloned().collect();
        all.sort();
        all
    }

    /// The ordinal of the first row of an endpoint that is not sealed; of the next one where all are.
    pub fn first_unsealed(&self, actor: &Actor, endpoint: &str) -> i64 {
        let tail = self.0.tail.read();
        let found = tail.endpoints.get(&(actor.workspace, endpoint.to_owned()));
        found.map_or(0, |e| e.parts.first().map_or(e.next_ordinal, |p| p.first_ordinal))
    }

    /// Rows from `ordinal` on that carry `flag`, in order, and the ordinal to go on from: there may be more behind it. Rows that
    /// are not sealed cost next to nothing, so that a reader that keeps up reads no segment.
    pub async fn marked(
        &self,
        actor: &Actor,
        endpoint: &str,
        ordinal: i64,
        flag: &'static str,
    ) -> Result<(Vec<Marked>, i64), Error> {
        // The parts first: one that is sealed meanwhile is then found here.
        let parts = self.parts(actor, endpoint);
        let unsealed = parts.first().map(|p| p.first_ordinal);
        let (mut found, mut next) = (Vec::new(), ordinal);
        if unsealed.is_none_or(|first| ordinal < first) {
            let (name, to) = (endpoint.to_owned(), unsealed.unwrap_or(i64::MAX));
            let read = move |rx: &mut ledger::Rx<'_>| store::segments_by_ordinal(rx, &name, ordinal, to);
            let segments = self.0.ledger.read(actor.workspace, read).await?;
            let all = segments.len() <= SEGMENTS;
            for segment in segments.iter().take(SEGMENTS) {
                let table = self.segment(segment).await?;
                found.extend(blocking(move || of_segment(&table, ordinal, flag)).await?);
                next = next.max(segment.first_ordinal + segment.rows);
            }
            if !all {
                return Ok((found, next));
            }
        }
        for part in &parts {
            let mut at = part.first_ordinal;
            for chunk in &part.chunks {
                for (row, flags) in &chunk.flags {
                    if at + *row as i64 >= next && flags.iter().any(|f| f == flag) {
                        let made = chunk.times().nth(*row).unwrap_or_default();
                        found.push(Marked { id: chunk.ids[*row], at: made, flags: flags.clone() });
                    }
                }
                at += chunk.ids.len() as i64;
            }
            next = next.max(at);
        }
        Ok((found, next))
    }
}

fn of_segment(table: &columns::Table, from: i64, flag: &str) -> Result<Vec<Marked>, Error> {
    let flags = table::added_later(table, FLAGS)?;
    if flags.iter().all(Option::is_none) {
        return Ok(Vec::new());
    }
    let (ordinals, ids, times) = (integers(table, ORDINAL)?, table.texts(ID)?, table::times(table, AT)?);
    let mut found = Vec::new();
    for (row, cell) in flags.iter().enumerate() {
        let Some(id) = ids[row].as_deref().and_then(|id| id.parse().ok()) else { continue };
        let flags = table::read_flags(cell.as_deref());
        if ordinals[row] >= from && flags.iter().any(|f| f == flag) {
            found.push(Marked { id, at: times[row], flags });
        }
    }
    Ok(found)
}
