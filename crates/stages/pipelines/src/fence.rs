//! The right to end an attempt.

use std::fmt;
use std::str::FromStr;

use ledger::Ledger;
use serde::{Deserialize, Serialize};
use types::{Actor, Uid};

use crate::{Error, StepRun, store};

/// The right to say how one attempt of a task ended, as its owner got it. Every claim of the task and every takeover
/// by another server raises the token: who comes with an older one is refused, whatever the attempt did. It proves no
/// identity; whoever shows it must be let in by other means.
///
/// As text: `<task>.<attempt>.<token>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fence {
    pub task: Uid,
    /// Counts from 1.
    pub attempt: i64,
    pub token: i64,
}

impl StepRun {
    /// Of the attempt as it was read.
    pub fn fence(&self) -> Fence {
        Fence { task: self.uid, attempt: self.attempt, token: self.token }
    }
}

/// Whether the attempt runs and nobody was given a newer right to end it.
pub async fn holds(ledger: &Ledger, actor: &Actor, fence: Fence) -> Result<bool, Error> {
    ledger.read(actor.workspace, move |rx| Ok(store::steps::holds(rx, fence)?)).await
}

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.task, self.attempt, self.token)
    }
}

impl FromStr for Fence {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::Refused(format!("`{text}` is no fencing token: <task>.<attempt>.<token>"));
        let mut parts = text.splitn(3, '.');
        let mut next = || parts.next().ok_or_else(wrong);
        let (task, attempt, token) = (next()?, next()?, next()?);
        Ok(Self {
            task: task.parse().map_err(|_| wrong())?,
            attempt: attempt.parse().map_err(|_| wrong())?,
            token: token.parse().map_err(|_| wrong())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_reads_back_as_it_was_written() {
        let uid = types::new_id(types::Timestamp(1_700_000_000_000_000));
        let fence = Fence { task: uid, attempt: 3, token: 7 };
        assert_eq!(fence.to_string().parse::<Fence>().unwrap(), fence);
        for wrong in ["", "x.1.1", "1.2", &format!("{uid}.a.1"), &format!("{uid}.1.1.1")] {
            assert!(wrong.parse::<Fence>().is_err(), "{wrong}");
        }
    }
}
