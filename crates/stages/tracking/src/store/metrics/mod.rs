//! Points of metrics: recent ones are rows of a tail, older ones stand in compressed chunks, and one summary row
//! a series says what searches and most writes need to know.

mod chunks;
mod ingest;
mod models;
mod read;
mod seal;
mod segments;
mod summaries;
mod tail;

pub(crate) use ingest::{Batch, ingest};
pub(crate) use models::insert_for_models;
pub(crate) use read::{Start, drawn, history, history_of_runs, sample};
pub(crate) use seal::{runs_to_seal, seal_run};
pub(crate) use summaries::counts;

use ledger::Error;

use crate::chunk::Damaged;

/// One metric of one run, by row ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Series {
    pub run: i64,
    pub key: i64,
}

fn damaged(what: Damaged, series: Series, seq: i64) -> Error {
    let Series { run, key } = series;
    Error::Database {
        message: format!("chunk {seq} of metric {key} of run {run} cannot be read: {}", what.0),
    }
}
