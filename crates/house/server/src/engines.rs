//! The runtimes of models, as the configuration has them.

use std::path::Path;
use std::time::Duration;

use packages::Gate;
use runtimes::Runtime;
use vault::Vault;

use crate::Error;
use crate::config::{Config, Serving};

/// The time in which a package must have started and answered.
const TRIAL: Duration = Duration::from_secs(300);

/// The runtimes of models. What this machine offers for a sandbox is tried out.
pub async fn engines(
    config: &Config,
    data_dir: &Path,
    runtime: &Runtime,
) -> Result<packages::Engines, Error> {
    let of = &config.workers;
    let entry = vec![program()?.into_os_string(), workers::sandbox::COMMAND.into()];
    let folder = data_dir.join("workers");
    let mut settings = tokio::task::spawn_blocking(move || workers::Settings::new(entry, folder))
        .await
        .map_err(|e| Error::Task(e.to_string()))?;
    settings.processes = of.processes.max(1);
    settings.allow_unsandboxed = of.allow_unsandboxed;
    settings.devices = workers::devices::find(&of.devices);
    settings.limits = workers::Limits {
        memory: of.memory_mib << 20,
        scratch: of.scratch_mib << 20,
        load: Duration::from_secs(of.load_seconds),
        request: Duration::from_secs(of.request_seconds),
        ..workers::Limits::default()
    };
    if !settings.protection.suffices() {
        let allowed = of.allow_unsandboxed;
        tracing::warn!(
            reason = settings.protection.reason,
            allowed,
            "no sandbox for Python models on this machine"
        );
    }
    let given = |path: &Path| Some(path.to_owned()).filter(|p| !p.as_os_str().is_empty());
    Ok(packages::Engines {
        runtime: runtime.clone(),
        workers: settings,
        environments: environments(config, data_dir),
        folder: data_dir.join("models"),
        uv: given(&of.uv),
        interpreter: given(&of.python),
    })
}

/// Where the environments of Python models are.
fn environments(config: &Config, data_dir: &Path) -> std::path::PathBuf {
    let given = Some(config.workers.environments.clone()).filter(|path| !path.as_os_str().is_empty());
    given.unwrap_or_else(|| data_dir.join("environments/models"))
}

/// How packages are tried: by this program, with the runtimes of this server, and what it may need to be told of them.
pub fn trials(config: &Config, data_dir: &Path, vault: &Vault) -> Result<packages::Trials, Error> {
    let mut of = Config::default();
    of.runtimes.clone_from(&config.runtimes);
    of.workers.clone_from(&config.workers);
    of.workers.environments = environments(config, data_dir);
    of.serving = Serving { parity: Gate::Off, trial: Gate::Off, ..Serving::default() };
    let text = toml::to_string(&of).map_err(|e| Error::Task(e.to_string()))?;
    let path = data_dir.join("trial.toml");
    types::io::write_atomic(&path, text)?;
    Ok(packages::Trials { vault: vault.clone(), program: program()?, config: Some(path), patience: TRIAL })
}

pub fn program() -> Result<std::path::PathBuf, Error> {
    Ok(std::env::current_exe().map_err(|e| types::io::Error::new("find", "this program", e))?)
}
