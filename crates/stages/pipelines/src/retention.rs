//! What is removed from a server's disk: folders of runs that are gone or ended long ago, and code that nobody used.

use std::path::{Path, PathBuf};
use std::time::Duration;

use types::{Actor, Timestamp, Uid, WorkspaceId, io};

use crate::error::blocking;
use crate::{Engine, Error, delete_run, engine, shim, store};

/// How often a server looks.
pub(crate) const EVERY: Duration = Duration::from_secs(3600);
/// Code of steps of the Python SDK, unpacked.
pub(crate) const CODE: &str = "code";

impl Engine {
    /// [`delete_run`], with its folder on this server. Other servers that hold one remove it in time.
    pub async fn delete_run(&self, actor: &Actor, run: Uid) -> Result<(), Error> {
        delete_run(&self.0.ledger, actor, run).await?;
        let folder = self.0.config.attempts().join(run.hex());
        blocking(move || Ok(remove(&folder)?)).await
    }

    /// Removes the folders of runs that are gone, or that ended before the retention and have their logs in the blob
    /// store, and unpacked code that was not used since.
    pub async fn prune(&self) -> Result<(), Error> {
        let root = self.0.config.attempts();
        let there = blocking(move || Ok(runs_in(&root))).await?;
        let Some(keep) = self.0.config.keep else { return self.prune_gone(there, None).await };
        let now = self.0.ledger.clock().now();
        let before = Timestamp(now.0.saturating_sub(i64::try_from(keep.as_micros()).unwrap_or(i64::MAX)));
        self.prune_gone(there, Some(before)).await?;
        let code = self.0.config.data_dir.join(CODE);
        blocking(move || {
            prune_code(&code, keep);
            Ok(())
        })
        .await
    }

    async fn prune_gone(&self, there: Vec<(Uid, PathBuf)>, before: Option<Timestamp>) -> Result<(), Error> {
        for piece in there.chunks(200) {
            let runs: Vec<Uid> = piece.iter().map(|(run, _)| *run).collect();
            let (known, unkept) = self
                .0
                .ledger
                .read(WorkspaceId::DEFAULT, move |rx| {
                    let known = store::runs::ends(rx, &runs)?;
                    Ok::<_, ledger::Error>((known, store::runs::without_log(rx, &runs)?))
                })
                .await?;
            for (run, folder) in piece {
                let goes = match (known.get(run), before) {
                    (None, _) => true,
                    (Some(Some(ended)), Some(before)) => *ended < before,
                    _ => false,
                };
                if !goes {
                    continue;
                }
                let own = self.0.config.attempts();
                let logs = unkept.iter().filter(|left| left.run == *run).map(|left| {
                    engine::attempt_dir(&own, left.run, left.step, &left.name, left.attempt).join(shim::LOG)
                });
                // Its log lies here alone: it could not be stored.
                if logs.into_iter().any(|log| log.metadata().is_ok_and(|meta| meta.len() > 0)) {
                    continue;
                }
                let folder = folder.clone();
                blocking(move || {
                    if !is_at_work(&folder) {
                        remove(&folder)?;
                    }
                    Ok(())
                })
                .await?;
            }
        }
        Ok(())
    }
}

fn below(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder)
        .map(|entries| entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect())
        .unwrap_or_default()
}

fn runs_in(root: &Path) -> Vec<(Uid, PathBuf)> {
    let named = |path: &Path| path.file_name()?.to_str()?.parse().ok();
    below(root).into_iter().filter_map(|path| Some((named(&path)?, path))).collect()
}

/// Whether a shim attends to an attempt in the folder of a run.
fn is_at_work(run: &Path) -> bool {
    below(run).iter().flat_map(|task| below(task)).any(|dir| shim::is_alive(&dir))
}

fn prune_code(code: &Path, keep: Duration) {
    for folder in below(code) {
        let used = folder.metadata().and_then(|meta| meta.modified());
        if used.is_ok_and(|used| used.elapsed().is_ok_and(|age| age > keep))
            && let Err(error) = remove(&folder)
        {
            tracing::warn!(%error, "cannot remove unpacked code");
        }
    }
}

/// Files in it may be protected against writing.
fn remove(folder: &Path) -> Result<(), io::Error> {
    match std::fs::remove_dir_all(folder) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(_) => {
            allow(folder);
            std::fs::remove_dir_all(folder).map_err(|e| io::Error::new("remove", folder, e))
        }
    }
}

fn allow(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let Ok(meta) = folder.symlink_metadata() else { return };
    if !meta.is_dir() {
        return;
    }
    let _ = std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700));
    for path in below(folder) {
        allow(&path);
    }
}
