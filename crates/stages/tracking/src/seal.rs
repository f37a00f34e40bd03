//! Compacting what ended runs logged, beside the requests. Long tails of running ones are sealed as points come.

use std::time::Duration;

use ledger::{FactTx, Ledger};
use tasks::CancellationToken;
use types::Actor;

use crate::error::Error;
use crate::store::metrics as store;

/// How long it rests between two looks.
const REST: Duration = Duration::from_secs(10);
/// Runs that one look asks about.
const RUNS: usize = 500;
/// Metrics that one transaction seals: it takes milliseconds, and others wait for it.
const SERIES: usize = 64;

/// Seals the tails of ended runs until `token` is cancelled. Each piece is a transaction: a crash loses nothing.
pub async fn run(ledger: Ledger, token: CancellationToken) -> Result<(), Error> {
    let mut after = Vec::new();
    loop {
        let workspaces = ledger
            .read(Actor::system("tracking").workspace, |rx| Ok::<_, Error>(crate::store::workspaces(rx)?));
        for (place, workspace) in workspaces.await?.into_iter().enumerate() {
            after.resize(after.len().max(place + 1), 0);
            let actor = Actor { workspace, ..Actor::system("tracking") };
            after[place] = seal_some(&ledger, &actor, after[place]).await?;
        }
        tokio::select! {
            () = token.cancelled() => return Ok(()),
            () = tokio::time::sleep(REST) => {}
        }
    }
}

/// Seals the tails of the ended runs among the next ones after the row `after`; where to go on.
async fn seal_some(ledger: &Ledger, actor: &Actor, after: i64) -> Result<i64, Error> {
    let (runs, next) =
        ledger.read(actor.workspace, move |rx| Ok::<_, Error>(store::runs_to_seal(rx, after, RUNS)?)).await?;
    for run in runs {
        seal_row(ledger, actor, run).await?;
    }
    Ok(next.unwrap_or(0))
}

async fn seal_row(ledger: &Ledger, actor: &Actor, run: i64) -> Result<(), Error> {
    loop {
        let more = ledger
            .record(actor, move |tx: &mut FactTx<'_>| Ok::<_, Error>(store::seal_run(tx, run, SERIES)?))
            .await?;
        if !more {
            return Ok(());
        }
    }
}

/// Moves every point of a run into full chunks. Errors: `RunNotFound`.
pub async fn seal_run(ledger: &Ledger, actor: &Actor, uid: types::Uid) -> Result<(), Error> {
    let found = ledger
        .read(actor.workspace, move |rx| Ok::<_, Error>(crate::store::runs::find(rx, &uid)?))
        .await?
        .ok_or_else(|| Error::RunNotFound(uid.to_string()))?;
    seal_row(ledger, actor, found.id).await
}
