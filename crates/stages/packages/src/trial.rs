//! Infrastructure validation: the package of a version, started in a process of its own, asked and timed.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use blobs::Blobs;
use ledger::Ledger;
use serde_json::json;
use types::{Actor, Uid, io};
use vault::Vault;

use crate::judge::keep;
use crate::open::Engines;
use crate::{Error, Extras, Kind, Verdict, write};

/// How packages are tried.
#[derive(Clone, Debug)]
pub struct Trials {
    pub vault: Vault,
    /// This program, which serves a package too.
    pub program: PathBuf,
    /// The runtimes of this server, for the process; its defaults if `None`.
    pub config: Option<PathBuf>,
    /// How long one may take.
    pub patience: Duration,
}

/// A file that goes when it is dropped.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Tells the trial that nobody waits for it any more.
struct Leave(Arc<AtomicBool>);

impl Drop for Leave {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Tries the package of a version and keeps the verdict: whether it started and answered its input example, the time to load,
/// p50 and p99 of its answers, resident memory. The process ends with this future.
///
/// Errors: `NoFiles`, `NoRuntime`. That it fails is a verdict and no error.
pub async fn trial(
    ledger: &Ledger,
    blobs: &Blobs,
    engines: &Engines,
    trials: &Trials,
    actor: &Actor,
    version: Uid,
) -> Result<Verdict, Error> {
    let folder = engines.folder.join("packages");
    io::create_dir_all(&folder)?;
    let scratch = Scratch(folder.join(format!("{}.tar", types::new_id(ledger.clock().now()))));
    let extras = Extras::default();
    let manifest = write(ledger, blobs, &trials.vault, engines, actor, version, extras, &scratch.0).await?;
    let file = scratch.0.to_string_lossy().into_owned();
    let stop = Arc::new(AtomicBool::new(false));
    let _leave = Leave(Arc::clone(&stop));
    let trials = trials.clone();
    let outcome = tokio::task::spawn_blocking(move || {
        let mut words = vec!["serve", "--package", &file, "--check"];
        let config = trials.config.as_ref().map(|path| path.to_string_lossy().into_owned());
        if let Some(config) = &config {
            words.extend(["--config", config]);
        }
        workers::trial::run(&trials.program, &words, trials.patience, &stop)
    })
    .await
    .map_err(|_| Error::Interrupted)?;
    drop(scratch);
    let (passed, report) = match outcome {
        Ok(report) => (report["passed"] == true, report),
        Err(error) => (false, json!({ "reason": error.to_string() })),
    };
    // What served it there: a native runtime may have given way to Python.
    let engine = report["engine"].as_str().unwrap_or(&manifest.engine).to_owned();
    keep(ledger, actor, version, Kind::Infrastructure, &engine, passed, report).await
}
