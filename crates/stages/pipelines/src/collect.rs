//! What an attempt left, and the state that its step ends in.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use ledger::Tx;
use serde_json::json;
use tokio::runtime::Handle;
use types::{Actor, Uid};

use crate::attempt::{Attempt, clear_lost};
use crate::declared::STEP;
use crate::error::blocking;
use crate::finish::{Ended, Ending, Uses, finish_step};
use crate::shim::{self, Cause, Exit};
use crate::{
    Artifact, Datum, Engine, Error, SECRETS, Span, StepOutput, StepRun, StepSpec, StepState, executors,
    prepare, snapshot, store, tracked, work,
};

/// In the attempt's directory: folders that stand for volumes which end with it.
const VOLUMES: &str = "volumes";
/// A file in the attempt's directory: what the process says about its failure.
const MESSAGE: &str = "message";
const LONGEST_MESSAGE: usize = 2_048;
/// Bytes of the log's last line that are told where the process says nothing of its own.
const LONGEST_LINE: usize = 300;

impl Engine {
    /// Ends an attempt as its exit tells. Gives the task that this server took in its place.
    pub(crate) async fn collect(
        &self,
        actor: &Actor,
        mut attempt: Attempt,
        exit: Option<Exit>,
    ) -> Result<Option<Uid>, Error> {
        let dir = attempt.dir.clone();
        let fence = attempt.step.fence();
        if self.0.membership.is_shared && !crate::holds(&self.0.ledger, actor, fence).await? {
            return Err(Error::Fenced(fence));
        }
        if exit.is_none() {
            clear_lost(&dir, prepare::mark(&attempt.step)).await?;
        }
        let task = shim::task_of(&dir);
        let mask = task.as_ref().map(|task| task.mask.clone()).unwrap_or_default();
        let note = task.map(|task| task.note);
        let uses: Uses = note.and_then(|note| serde_json::from_value(note).ok()).unwrap_or_default();
        let step = &mut attempt.step;
        step.cache_key = uses.cache_key;
        step.environment = uses.environment.as_ref().map(|environment| environment.0);
        (step.state, step.message) = judge(exit.as_ref(), attempt.task.timeout_ms, step.attempt);
        if let Some(exit) = &exit {
            step.exit_code = exit.code.map(i64::from);
            step.signal = exit.signal.map(i64::from);
        }
        if step.state == StepState::Succeeded
            && let Err(message) = self.take(actor, &mut attempt).await?
        {
            attempt.step.outputs.clear();
            (attempt.step.state, attempt.step.message) = (StepState::Failed, Some(message));
        }
        if attempt.step.state == StepState::Failed {
            if let Some(said) = said(&dir) {
                attempt.step.message = Some(shim::Mask::text(&mask, &said));
            } else if attempt.step.exit_code.is_some_and(|code| code != 0)
                && let (Some(message), Some(line)) =
                    (&mut attempt.step.message, shim::last_line(&dir, LONGEST_LINE))
            {
                *message = format!("{message}; the last line of its log: {}", shim::Mask::text(&mask, &line));
            }
        }
        if let Some(exit) = &exit {
            note_log(&mut attempt.step, exit, self.0.config.log_limit);
        }
        self.end(actor, attempt, true, Some(uses)).await
    }

    /// Puts the log of an ended attempt into the blob store. Until then it lies on this server only.
    async fn keep_log(&self, actor: &Actor, step: Uid, attempt: i64, dir: &Path) -> Result<(), Error> {
        let log = dir.join(shim::LOG);
        if log.metadata().map_or(0, |meta| meta.len()) == 0 {
            return Ok(());
        }
        let digest = self.0.blobs.put_file(&log).await?.0;
        self.0
            .ledger
            .write(actor, move |tx: &mut Tx<'_>| {
                if store::steps::set_log(tx, step, attempt, digest)? {
                    let payload = json!({ "step_run": step, "attempt": attempt, "log": digest });
                    tx.event("step.log_kept", &format!("step_run:{step}"), payload)?;
                }
                Ok(())
            })
            .await
    }

    /// What an attempt that ended well has made. The inner error says what is missing of it.
    async fn take(&self, actor: &Actor, attempt: &mut Attempt) -> Result<Result<(), String>, Error> {
        if attempt.work.kind != STEP {
            return self.take_results(attempt).await;
        }
        let missing = || Error::StepNotFound { run: attempt.run.uid, step: attempt.step.name.clone() };
        let spec = attempt.run.declared(&attempt.step.task).ok_or_else(missing)?.clone();
        match self.take_outputs(&spec, &attempt.dir).await? {
            Ok(outputs) => attempt.step.outputs = outputs,
            Err(message) => return Ok(Err(message)),
        }
        if attempt.run.replay_of.is_none()
            && let Some(message) = self.broken_promise(actor, &spec, &attempt.step).await?
        {
            return Ok(Err(message));
        }
        let results = attempt.step.outputs.iter().map(|output| {
            let artifact = Artifact {
                name: output.name.clone(),
                schema: "system.Artifact".into(),
                uri: work::address(&attempt.step, &output.name),
                metadata: BTreeMap::new(),
                digest: Some(output.digest),
                bytes: output.bytes as u64,
                is_dir: output.is_dir,
            };
            (output.name.clone(), Datum::Artifact(artifact))
        });
        attempt.step.results = results.collect();
        Ok(Ok(()))
    }

    /// Commits the end of an attempt, then removes what is not needed any more. Gives the task that this server took
    /// in its place.
    pub(crate) async fn end(
        &self,
        actor: &Actor,
        attempt: Attempt,
        may_retry: bool,
        uses: Option<Uses>,
    ) -> Result<Option<Uid>, Error> {
        let ending = Ending {
            metrics: tracked::metrics(&attempt),
            step: attempt.step,
            may_retry,
            uses: uses.filter(|uses| !uses.noted),
            owner: self.0.membership.own.uid.clone(),
            // A place on a cluster that has become free is none here.
            claim: self.0.membership.generation().is_some() && !executors::is_remote(&attempt.dir),
            pools: self.0.config.pools.clone(),
        };
        let (step, number) = (ending.step.uid, ending.step.attempt);
        let (ended, taken) =
            self.0.ledger.write(actor, move |tx: &mut Tx<'_>| finish_step(tx, &ending)).await?;
        if ended != Ended::Before {
            // Nobody waits for it.
            let (engine, actor, runtime) = (self.clone(), actor.clone(), Handle::current());
            drop(tokio::task::spawn_blocking(move || {
                let kept = runtime.block_on(engine.keep_log(&actor, step, number, &attempt.dir));
                if let Err(error) = kept {
                    tracing::warn!(step_run = %step, %error, "the log of a step stays on this server");
                }
                clean(&attempt.dir);
            }));
        }
        Ok(taken)
    }

    /// Stores every declared output; the inner error says which one is missing.
    async fn take_outputs(
        &self,
        spec: &StepSpec,
        dir: &Path,
    ) -> Result<Result<Vec<StepOutput>, String>, Error> {
        let mut outputs = Vec::with_capacity(spec.outputs.len());
        for name in &spec.outputs {
            let path = dir.join("outputs").join(name);
            let Ok(meta) = path.symlink_metadata() else {
                return Ok(Err(format!(
                    "it ended well but did not write its output `{name}` · hint: write it to $MLWRIGHT_OUTPUTS/{name}"
                )));
            };
            let (digest, bytes) = if meta.is_dir() {
                let tar = blocking(move || snapshot::pack_tree(&path)).await?;
                let bytes = tar.len() as u64;
                (self.0.blobs.put_bytes(tar).await?, bytes)
            } else if meta.is_file() {
                self.0.blobs.put_file(&path).await?
            } else {
                return Ok(Err(format!("its output `{name}` is neither a file nor a directory")));
            };
            outputs.push(StepOutput {
                name: name.clone(),
                digest,
                bytes: bytes as i64,
                is_dir: meta.is_dir(),
            });
        }
        Ok(Ok(outputs))
    }

    /// What is missing of `registers`, if something is.
    async fn broken_promise(
        &self,
        actor: &Actor,
        spec: &StepSpec,
        step: &StepRun,
    ) -> Result<Option<String>, Error> {
        let (Some(model), Some(run)) = (&spec.registers, step.tracking_run) else { return Ok(None) };
        let versions = models::versions_of_run(&self.0.ledger, actor, run).await?;
        if versions.iter().any(|version| version.model == *model) {
            return Ok(None);
        }
        Ok(Some(format!(
            "it ended well but registered no version of model `{model}` from its run {run} · hint: log the model with \
             registered_model_name=\"{model}\", or take `registers` out of the step"
        )))
    }
}

/// Removes what an ended attempt left, but for its log. Blocks.
fn clean(dir: &Path) {
    for part in ["work", "inputs", "outputs", "dataset", SECRETS, VOLUMES] {
        let path = dir.join(part);
        if path.exists()
            && let Err(error) = std::fs::remove_dir_all(&path)
        {
            tracing::warn!(path = %path.display(), %error, "cannot remove what a step left");
        }
    }
    // They hold the step's token, and what went to a cluster.
    for name in [shim::TASK, executors::REMOTE, executors::BUNDLE] {
        let _ = std::fs::remove_file(dir.join(name));
    }
}

/// Why it failed, in the words of the process itself.
fn said(dir: &Path) -> Option<String> {
    let bytes = types::io::read(dir.join(MESSAGE)).ok()?;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST_MESSAGE)]).trim().to_owned();
    (!text.is_empty()).then_some(text)
}

fn judge(exit: Option<&Exit>, timeout_ms: Option<u64>, attempt: i64) -> (StepState, Option<String>) {
    let Some(exit) = exit else {
        let message = format!(
            "lost: the process that watched attempt {attempt} is gone without a word (killed, or the machine went down); \
             what it had started was ended"
        );
        return (StepState::Failed, Some(message));
    };
    let message = match exit.cause {
        Cause::Exited if exit.code == Some(0) => return (StepState::Succeeded, None),
        Cause::Cancelled => return (StepState::Cancelled, Some("the run was cancelled".into())),
        Cause::TimedOut => match timeout_ms {
            Some(ms) => format!("it was ended at its timeout of {}", Span(Duration::from_millis(ms))),
            None => "it was ended at its timeout".into(),
        },
        Cause::NotStarted => {
            format!("it could not be started: {}", exit.error.as_deref().unwrap_or("no reason known"))
        }
        Cause::Exited => match (exit.code, exit.signal) {
            (Some(code), _) => match &exit.error {
                Some(why) => format!("it ended with exit code {code} ({why})"),
                None => format!("it ended with exit code {code}"),
            },
            (None, Some(signal)) => format!("it was ended by signal {signal}{}", signal_name(signal)),
            (None, None) => exit.error.clone().unwrap_or_else(|| "how it ended is not known".into()),
        },
    };
    (StepState::Failed, Some(message))
}

fn signal_name(signal: i32) -> &'static str {
    match signal {
        6 => " (SIGABRT)",
        7 => " (SIGBUS)",
        8 => " (SIGFPE)",
        9 => " (SIGKILL; out of memory?)",
        11 => " (SIGSEGV)",
        15 => " (SIGTERM)",
        _ => "",
    }
}

fn note_log(step: &mut StepRun, exit: &Exit, limit: u64) {
    let mut notes = Vec::new();
    if exit.cut_bytes > 0 {
        notes.push(format!(
            "it printed {} bytes; {} of them were cut from the middle of its log (limit {limit} bytes)",
            exit.output_bytes, exit.cut_bytes
        ));
    }
    if let Some(error) = &exit.log_error {
        notes.push(format!("its log is incomplete: {error}"));
    }
    for note in notes {
        step.message = Some(match step.message.take() {
            Some(message) => format!("{message}; {note}"),
            None => note,
        });
    }
}
