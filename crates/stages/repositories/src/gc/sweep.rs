//! Removing what was not marked: condemned in one pass, removed in a later one that finds it unneeded again.

use std::collections::{HashMap, HashSet};

use types::{Actor, Digest, Timestamp};

use super::Collected;
use super::mark::Marks;
use crate::nodes::WORKSPACE;
use crate::store::gc as store;
use crate::{Error, Repositories};

/// Rows that one transaction changes.
const BATCH: usize = 500;

#[derive(Clone, Copy)]
pub(crate) struct Times {
    pub now: Timestamp,
    /// What is younger is left alone; what was condemned before may go.
    pub until: Timestamp,
}

impl Repositories {
    pub(super) async fn sweep_nodes(
        &self,
        marked: &HashSet<Digest>,
        first: u8,
        times: Times,
        collected: &mut Collected,
    ) -> Result<(), Error> {
        let rows = self.ledger().read(WORKSPACE, move |rx| store::nodes(rx, first)).await?;
        let (mut condemned, mut spared, mut removed) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows {
            match (marked.contains(&row.id), row.condemned_at) {
                (true, Some(_)) => spared.push(row.id),
                (false, None) if row.kept_at < times.until => condemned.push(row.id),
                (false, Some(at)) if at <= times.until => removed.push((row.id, at)),
                _ => {}
            }
        }
        let actor = Actor::system("repositories");
        for ids in condemned.chunks(BATCH).map(<[_]>::to_vec) {
            self.ledger().record(&actor, move |tx| store::condemn_nodes(tx, &ids, times.until)).await?;
        }
        for ids in spared.chunks(BATCH).map(<[_]>::to_vec) {
            self.ledger().record(&actor, move |tx| store::spare_nodes(tx, &ids)).await?;
        }
        for rows in removed.chunks(BATCH).map(<[_]>::to_vec) {
            collected.nodes += self.ledger().record(&actor, move |tx| store::remove_nodes(tx, &rows)).await?;
        }
        Ok(())
    }

    pub(super) async fn sweep_blobs(
        &self,
        marks: &mut Marks,
        first: u8,
        times: Times,
        collected: &mut Collected,
    ) -> Result<(), Error> {
        let mut needed = marks.blobs(first)?;
        let (packs, condemned) = self
            .ledger()
            .read(WORKSPACE, move |rx| {
                Ok::<_, ledger::Error>((store::packs(rx, first)?, store::condemned(rx, first)?))
            })
            .await?;
        needed.extend(packs);
        let mut condemned: HashMap<Digest, Timestamp> = condemned.into_iter().collect();
        let (mut added, mut forgotten) = (Vec::new(), Vec::new());
        for object in self.blobs().list_objects(first).await? {
            let before = condemned.remove(&object.digest);
            let is_garbage = !needed.contains(&object.digest) && object.renewed_at < times.until;
            match before {
                None if is_garbage => added.push(object.digest),
                None => {}
                // Put again after it was condemned.
                Some(at) if !is_garbage || object.renewed_at >= at => forgotten.push(object.digest),
                Some(at) if at <= times.until => {
                    if self.blobs().remove_old(&object.digest, at).await? {
                        collected.blobs += 1;
                        collected.bytes += object.size;
                    }
                    forgotten.push(object.digest);
                }
                Some(_) => {}
            }
        }
        // Of those that are gone.
        forgotten.extend(condemned.into_keys());
        collected.condemned += added.len() as u64;
        let actor = Actor::system("repositories");
        for digests in added.chunks(BATCH).map(<[_]>::to_vec) {
            self.ledger().record(&actor, move |tx| store::condemn_blobs(tx, &digests, times.now)).await?;
        }
        for digests in forgotten.chunks(BATCH).map(<[_]>::to_vec) {
            self.ledger().record(&actor, move |tx| store::forget_blobs(tx, &digests)).await?;
        }
        Ok(())
    }
}
