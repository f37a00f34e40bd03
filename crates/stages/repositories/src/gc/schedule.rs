//! Passes that nobody asks for, and sweeps of what was staged and is not any more.

use std::time::Duration;

use tasks::CancellationToken;
use types::{Actor, WorkspaceId};

use super::{Collected, GRACE};
use crate::advance::KEPT;
use crate::store::gc as rows;
use crate::{Error, Repositories};

/// How often it is looked whether there is something to do.
const LOOK: Duration = Duration::from_secs(60);

impl Repositories {
    /// One pass after the other until the stop, `every` so long after the last one. One that was cut is made again at the
    /// next look, after a crash when the lease has run out.
    pub async fn follow_garbage(self, every: Duration, stop: CancellationToken) {
        let mut wait = LOOK;
        while goes_on(wait, &stop).await {
            wait = match self.collect_if_due(every, &stop).await {
                Ok(_) => LOOK,
                Err(_) if stop.is_cancelled() => return,
                Err(error) => {
                    // It may have read all there is before it failed.
                    let next = (2 * wait).min(every.max(LOOK));
                    tracing::error!(%error, again_in = ?next, "garbage was not collected");
                    next
                }
            };
        }
    }

    /// A pass, if none ended within `every`; the first one comes so long after the first look. `None` if it is not due, or
    /// if another server is at it.
    /// Errors: as [`Repositories::collect_garbage`]; `Stopped` at the stop, and the lease is free.
    pub async fn collect_if_due(
        &self,
        every: Duration,
        stop: &CancellationToken,
    ) -> Result<Option<Collected>, Error> {
        if !self.is_due(every).await? {
            return Ok(None);
        }
        let pass = async {
            // Another server may have ended one just before.
            if self.is_due(every).await? { self.pass(GRACE).await.map(Some) } else { Ok(None) }
        };
        Ok(self.alone(stop, pass).await?.flatten())
    }

    async fn is_due(&self, every: Duration) -> Result<bool, Error> {
        let Some(last) = self.ledger().read(WorkspaceId::DEFAULT, rows::last_pass).await? else {
            self.ledger().record(&Actor::system("repositories"), |tx| rows::passed(tx)).await?;
            return Ok(false);
        };
        let every = i64::try_from(every.as_secs()).unwrap_or(i64::MAX);
        Ok(last.plus_seconds(every) <= self.ledger().clock().now())
    }

    /// Sweeps what is staged in every workspace, again and again until the stop.
    pub async fn follow_staging(self, stop: CancellationToken) {
        while goes_on(LOOK, &stop).await {
            if let Err(error) = self.sweep_all_staging().await {
                tracing::warn!(%error, "dropped layers of staged changes were not swept; it is tried again");
            }
        }
    }

    /// Removes all entries of layers that were dropped a while ago, in every workspace.
    pub async fn sweep_all_staging(&self) -> Result<(), Error> {
        let until = self.ledger().clock().now().plus_seconds(-KEPT);
        let workspaces = self.ledger().read(WorkspaceId::DEFAULT, move |rx| rows::swept(rx, until)).await?;
        for workspace in workspaces {
            let actor = Actor { workspace, ..Actor::system("repositories") };
            while self.sweep_staging(&actor).await? {}
        }
        Ok(())
    }
}

/// Waits. Whether the work goes on then.
async fn goes_on(wait: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tokio::time::sleep(wait) => true,
    }
}

#[cfg(test)]
mod tests {
    use ledger::Ledger;
    use serde_json::json;

    use super::super::LEASE;
    use super::super::tests::{house, me, object, put};
    use super::*;
    use crate::{COMPONENT, Metadata, NewRepository, Options, Reset, store};

    const DAY: Duration = Duration::from_secs(86_400);

    /// Something that the next passes remove.
    async fn litter(stage: &Repositories) {
        put(stage, "main", "litter", &[0; 70_000]).await;
        stage.reset(&me(), "repo", "main", Reset::Object("litter".into())).await.unwrap();
    }

    ledger::db_test! {
        components: [COMPONENT];

        async fn a_pass_is_due_a_while_after_the_last_one_that_ended_also_after_a_restart(ledger: Ledger) {
            let house = house(ledger).await;
            let (stage, go) = (&house.stage, CancellationToken::new());
            let due = async || stage.collect_if_due(DAY, &go).await.unwrap();
            assert!(due().await.is_none());
            let mut made = Vec::new();
            for round in 0..3 {
                house.clock.advance_seconds(23 * 3600);
                assert!(due().await.is_none());
                house.clock.advance_seconds(2 * 3600);
                made.push(due().await.unwrap());
                if round == 0 {
                    litter(stage).await;
                }
            }
            assert_eq!(made[0], Collected::default());
            assert!(house.stored().await.is_empty());
            // The first pass found nothing to tell, the next one condemned, the last one removed.
            let mut told = ledger::testing::events(stage.ledger()).await;
            told.retain(|event| event.kind == "garbage.collected");
            assert_eq!(told.len(), 2, "{told:?}");
            assert_eq!((&told[0].payload["condemned"], &told[1].payload["blobs"]), (&json!(1), &json!(1)));
            let again = Repositories::open(stage.ledger().clone(), stage.blobs().clone(), Options::default());
            house.clock.advance_seconds(3600);
            assert!(again.collect_if_due(DAY, &go).await.unwrap().is_none());
        }

        async fn a_pass_that_was_cut_is_made_again_and_never_beside_another(ledger: Ledger) {
            let house = house(ledger).await;
            let (stage, go, stop) = (&house.stage, CancellationToken::new(), CancellationToken::new());
            litter(stage).await;
            assert!(stage.collect_if_due(DAY, &go).await.unwrap().is_none());
            house.clock.advance_seconds(25 * 3600);
            // The stop lets go of the lease.
            stop.cancel();
            let cut = stage.collect_if_due(DAY, &stop).await;
            assert!(matches!(cut, Err(Error::Stopped(_))), "{cut:?}");
            house.clock.advance_seconds(1);
            // A server that crashes does not: the others wait until it has run out.
            stage.ledger().lease(LEASE, "crashed", Duration::from_secs(900)).await.unwrap().unwrap();
            house.clock.advance_seconds(600);
            assert!(stage.collect_if_due(DAY, &go).await.unwrap().is_none());
            assert!(stage.collect_garbage(GRACE).await.unwrap().is_none());
            house.clock.advance_seconds(600);
            assert!(stage.collect_if_due(DAY, &go).await.unwrap().is_some());
            // Two that find a pass due at the same time make one.
            house.clock.advance_seconds(25 * 3600);
            let (a, b) = tokio::join!(stage.collect_if_due(DAY, &go), stage.collect_if_due(DAY, &go));
            assert_eq!([a.unwrap(), b.unwrap()].iter().flatten().count(), 1);
        }

        async fn what_follows_the_schedule_ends_with_the_server(ledger: Ledger) {
            let house = house(ledger).await;
            let supervisor = tasks::Supervisor::new();
            let (stage, token) = (house.stage.clone(), supervisor.token());
            supervisor.spawn_restarting("garbage", tasks::OnStop::Wait, move || {
                stage.clone().follow_garbage(DAY, token.clone())
            });
            let (stage, token) = (house.stage.clone(), supervisor.token());
            supervisor.spawn_restarting("staging", tasks::OnStop::Wait, move || {
                stage.clone().follow_staging(token.clone())
            });
            let stopped = supervisor.shutdown(Duration::from_secs(10)).await;
            assert!(stopped.aborted.is_empty() && stopped.failed.is_none(), "{stopped:?}");
        }

        async fn staging_is_swept_in_every_workspace_also_where_no_repository_is_left(ledger: Ledger) {
            let house = house(ledger).await;
            let stage = &house.stage;
            let other = Actor { workspace: WorkspaceId(7), ..me() };
            let new = NewRepository {
                name: "theirs".into(),
                storage_namespace: "local://theirs".into(),
                default_branch: "main".into(),
                read_only: false,
                metadata: Metadata::new(),
            };
            stage.create_repository(&other, new).await.unwrap();
            let body = object(stage, b"x").await;
            let many = (0..2_500).map(|n| (format!("p{n}"), body.clone())).collect();
            stage.stage_many(&other, "theirs", "main", many).await.unwrap();
            put(stage, "main", "a", b"x").await;
            stage.delete_repository(&other, "theirs", false).await.unwrap();
            stage.reset(&me(), "repo", "main", Reset::Everything).await.unwrap();
            let left = async |workspace| {
                let rows = stage.ledger().read(workspace, |rx| store::gc::staged(rx, &(0, Vec::new()), 10_000));
                rows.await.unwrap().len()
            };
            stage.sweep_all_staging().await.unwrap();
            assert_eq!((left(me().workspace).await, left(other.workspace).await), (1, 2_500));
            house.clock.advance_seconds(120);
            stage.sweep_all_staging().await.unwrap();
            assert_eq!((left(me().workspace).await, left(other.workspace).await), (0, 0));
        }
    }
}
