//! Labels of what callers were answered: what shadows predicted beside it is nothing to learn from twice.

use predictions::Labelled;
use types::{Actor, Timestamp, WorkspaceId};

use crate::{Automation, Error};

/// Counts that are remembered.
const MOST: usize = 1_000;

/// What was counted: the labels of an endpoint since a moment.
pub(crate) type Counted = (WorkspaceId, String, Timestamp);

impl Automation {
    /// How many predictions that answered somebody, made since then, have a label.
    pub(crate) async fn label_count(
        &self,
        actor: &Actor,
        endpoint: &str,
        since: Timestamp,
    ) -> Result<i64, Error> {
        let count = self.log.label_count(actor, endpoint, since).await?;
        if count == 0 || serving::shadows_by_revision(&self.ledger, actor, endpoint).await?.is_empty() {
            return Ok(count);
        }
        let key = (actor.workspace, endpoint.to_owned(), since);
        // It is asked for again and again, and changes with the labels alone.
        if let Some((_, answers)) = self.counts().get(&key).filter(|(all, _)| *all == count) {
            return Ok(*answers);
        }
        let answers = self.labelled(actor, endpoint, since).await?.labels.len() as i64;
        let mut counts = self.counts();
        if counts.len() >= MOST {
            counts.clear();
        }
        counts.insert(key, (count, answers));
        Ok(answers)
    }

    /// The predictions that answered somebody, made since then, whose label is known.
    pub(crate) async fn labelled(
        &self,
        actor: &Actor,
        endpoint: &str,
        since: Timestamp,
    ) -> Result<Labelled, Error> {
        let labelled = self.log.labelled(actor, endpoint, since).await?;
        let shadows = serving::shadows_by_revision(&self.ledger, actor, endpoint).await?;
        if shadows.is_empty() {
            return Ok(labelled);
        }
        let rows = &labelled.rows;
        let is_shadow = |row: usize| {
            shadows.get(&rows.revisions[row]).is_some_and(|names| names.contains(&rows.variants[row]))
        };
        let answers: Vec<usize> = (0..rows.len()).filter(|row| !is_shadow(*row)).collect();
        Ok(labelled.take(&answers)?)
    }
}
