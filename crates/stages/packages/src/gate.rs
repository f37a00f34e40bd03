//! What a version passes before, or soon after, it is deployed.

use blobs::Blobs;
use ledger::Ledger;
use serde::{Deserialize, Serialize};
use types::{Actor, Permission, Uid, io};
use workers::environment::{self, Requirements};

use crate::open::{Engine, Engines, engines_of};
use crate::{Error, Kind, Trials, Verdict, directory, judge_parity, trial, verdicts};

/// How strictly a deployment asks for a verdict. A verdict that failed counts in any case where it is about parity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// Judged before it is deployed; without a verdict that passed it is not deployed.
    Required,
    /// Judged when it is deployed, which does not wait for the verdict.
    Recorded,
    /// Nobody judges it unasked.
    #[default]
    Off,
}

/// What the verdicts on a version say about its runtimes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Those that may serve it, best first.
    pub allowed: Vec<Engine>,
    /// Those among them that have a Python original and were not compared with it.
    pub unjudged: Vec<Engine>,
    /// Whether its package was started by one of `allowed` and answered; `None` if it was not tried.
    pub tried: Option<bool>,
}

/// See [`Standing`]. Errors: `NoFiles`.
pub async fn standing(
    ledger: &Ledger,
    blobs: &Blobs,
    engines: &Engines,
    actor: &Actor,
    version: Uid,
) -> Result<Standing, Error> {
    let folder = directory(ledger, blobs, engines, actor, version).await?;
    let (_, choices) = engines_of(&folder)?;
    let found = verdicts(ledger, actor, version).await?;
    Ok(standing_of(&choices, &found))
}

fn standing_of(choices: &[Engine], found: &[Verdict]) -> Standing {
    let newest = |kind: Kind, engine: Engine| {
        found.iter().find(|v| v.kind == kind && v.engine == engine.name()).map(|v| v.passed)
    };
    let has_original = choices.contains(&Engine::Python);
    let mut standing = Standing::default();
    for engine in choices.iter().copied() {
        let parity = newest(Kind::Parity, engine);
        if engine != Engine::Python && parity == Some(false) {
            continue;
        }
        if engine != Engine::Python && has_original && parity.is_none() {
            standing.unjudged.push(engine);
        }
        standing.allowed.push(engine);
    }
    let mut trials = found.iter().filter(|v| v.kind == Kind::Infrastructure);
    standing.tried =
        trials.find(|v| standing.allowed.iter().any(|engine| engine.name() == v.engine)).map(|v| v.passed);
    standing
}

/// Whether the Python original of a version could be opened without building an environment first.
pub async fn is_at_hand(
    ledger: &Ledger,
    blobs: &Blobs,
    engines: &Engines,
    actor: &Actor,
    version: Uid,
) -> Result<bool, Error> {
    if !actor.may(Permission::RunCode) || engines.workers.check().is_err() {
        return Ok(false);
    }
    if engines.interpreter.is_some() {
        return Ok(true);
    }
    let folder = directory(ledger, blobs, engines, actor, version).await?;
    let text = |name: &str| io::read_to_string(folder.join(name)).ok();
    Ok(text("requirements.txt").is_some_and(|asked| {
        let wanted = Requirements::parse(&asked, text("python_env.yaml").as_deref());
        environment::lock_of(&engines.environments, &wanted).is_some()
    }))
}

/// Has every runtime that may serve the version compared with its Python original, unless that is known.
///
/// Errors: `NotJudged`, with what kept it from being compared.
pub async fn require_parity(
    ledger: &Ledger,
    blobs: &Blobs,
    engines: &Engines,
    actor: &Actor,
    version: Uid,
) -> Result<(), Error> {
    let standing = standing(ledger, blobs, engines, actor, version).await?;
    let Some(engine) = standing.unjudged.first() else { return Ok(()) };
    match judge_parity(ledger, blobs, engines, actor, version).await {
        Ok(_) => Ok(()),
        Err(error) => {
            let about = models::get_version(ledger, actor, version).await?;
            Err(Error::NotJudged {
                model: about.model,
                number: about.number,
                engine: engine.name(),
                reason: Box::new(error),
            })
        }
    }
}

/// Has the package of the version tried, unless it passed before. One that failed is tried again.
///
/// Errors: `TrialFailed`, with what it said.
pub async fn require_trial(
    ledger: &Ledger,
    blobs: &Blobs,
    engines: &Engines,
    trials: &Trials,
    actor: &Actor,
    version: Uid,
) -> Result<(), Error> {
    if standing(ledger, blobs, engines, actor, version).await?.tried == Some(true) {
        return Ok(());
    }
    let verdict = trial(ledger, blobs, engines, trials, actor, version).await?;
    if verdict.passed {
        return Ok(());
    }
    let about = models::get_version(ledger, actor, version).await?;
    let reason = verdict.detail["reason"].as_str().unwrap_or("it said nothing").to_owned();
    Err(Error::TrialFailed { model: about.model, number: about.number, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(kind: Kind, engine: &str, passed: bool) -> Verdict {
        Verdict {
            uid: types::new_id(types::Timestamp(1)),
            version: types::new_id(types::Timestamp(2)),
            digest: None,
            kind,
            engine: engine.into(),
            passed,
            detail: serde_json::Value::Null,
            created_at: types::Timestamp(0),
            created_by: "user:ann".into(),
        }
    }

    #[test]
    fn the_newest_verdict_counts_and_a_runtime_that_failed_parity_is_out() {
        let choices = [Engine::Native, Engine::Python];
        let nothing = standing_of(&choices, &[]);
        assert_eq!(
            (nothing.allowed.as_slice(), nothing.unjudged.as_slice()),
            (&choices[..], &[Engine::Native][..])
        );
        let failed = [verdict(Kind::Parity, "native", false), verdict(Kind::Parity, "native", true)];
        assert_eq!(standing_of(&choices, &failed).allowed, [Engine::Python]);
        let mended = [verdict(Kind::Parity, "native", true), verdict(Kind::Parity, "native", false)];
        assert_eq!(standing_of(&choices, &mended).allowed, choices);
        assert!(standing_of(&choices, &mended).unjudged.is_empty());
    }

    #[test]
    fn without_an_original_there_is_nothing_to_compare_with() {
        assert!(standing_of(&[Engine::Onnx], &[]).unjudged.is_empty());
    }

    #[test]
    fn the_trial_of_a_runtime_that_may_not_serve_counts_for_nothing() {
        let choices = [Engine::Native, Engine::Python];
        let tried = verdict(Kind::Infrastructure, "native", true);
        assert_eq!(standing_of(&choices, std::slice::from_ref(&tried)).tried, Some(true));
        assert_eq!(standing_of(&choices, &[tried, verdict(Kind::Parity, "native", false)]).tried, None);
    }
}
