//! Scorers: versioned judges of an experiment's traces, and the share of new traces that one judges by itself.
//! What a definition says is the protocol's; here it is JSON.

use ledger::{Ledger, Tx};
use serde_json::json;
use types::{Actor, Timestamp, Uid};

use crate::Error;
use crate::store::scorers as store;

#[derive(Clone, Debug, PartialEq)]
pub struct ScorerVersion {
    pub scorer: Uid,
    pub experiment: i64,
    pub name: String,
    pub number: i64,
    pub definition: String,
    pub created_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq)]
pub struct OnlineScoring {
    pub uid: Uid,
    pub scorer: Uid,
    pub experiment: i64,
    /// From 0 to 1.
    pub sample_rate: f64,
    pub filter: Option<String>,
}

fn subject(uid: Uid) -> String {
    format!("scorer:{uid}")
}

/// The next version of the scorer, which is made if there is none of that name.
pub async fn register_scorer(
    ledger: &Ledger,
    actor: &Actor,
    experiment: i64,
    name: String,
    definition: String,
) -> Result<ScorerVersion, Error> {
    ledger
        .write(actor, move |tx| {
            let scorer = match store::find(tx, experiment, &name)? {
                Some(scorer) => scorer,
                None => {
                    let scorer = tx.new_id();
                    store::insert(tx, scorer, experiment, &name)?;
                    scorer
                }
            };
            let number = store::insert_version(tx, scorer, &definition)?;
            tx.event("scorer.registered", &subject(scorer), json!({ "version": number }))?;
            let (name, definition) = (name.clone(), definition.clone());
            Ok(ScorerVersion { scorer, experiment, name, number, definition, created_at: tx.now() })
        })
        .await
}

/// The latest version of every scorer of these experiments, by experiment and name.
pub async fn latest_scorers(
    ledger: &Ledger,
    actor: &Actor,
    experiments: Vec<i64>,
) -> Result<Vec<ScorerVersion>, Error> {
    ledger.read(actor.workspace, move |rx| Ok(store::latest(rx, &experiments)?)).await
}

/// Every version, oldest first. Errors: `ScorerNotFound`.
pub async fn scorer_versions(
    ledger: &Ledger,
    actor: &Actor,
    experiment: i64,
    name: String,
) -> Result<Vec<ScorerVersion>, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            let found = store::versions(rx, experiment, &name)?;
            if found.is_empty() { Err(missing(experiment, &name, None)) } else { Ok(found) }
        })
        .await
}

/// One version, or the latest. Errors: `ScorerNotFound`.
pub async fn scorer(
    ledger: &Ledger,
    actor: &Actor,
    experiment: i64,
    name: String,
    version: Option<i64>,
) -> Result<ScorerVersion, Error> {
    let named = name.clone();
    let mut versions = scorer_versions(ledger, actor, experiment, name).await?;
    let found = match version {
        None => versions.pop(),
        Some(number) => versions.into_iter().find(|v| v.number == number),
    };
    found.ok_or_else(|| missing(experiment, &named, version))
}

fn missing(experiment: i64, name: &str, version: Option<i64>) -> Error {
    Error::ScorerNotFound { experiment, name: name.to_owned(), version }
}

/// Deletes one version, or the scorer with all of them; then its id comes back.
///
/// Errors: `ScorerNotFound`.
pub async fn delete_scorer(
    ledger: &Ledger,
    actor: &Actor,
    experiment: i64,
    name: String,
    version: Option<i64>,
) -> Result<Option<Uid>, Error> {
    ledger
        .write(actor, move |tx| {
            let scorer = need(tx, experiment, &name)?;
            if store::delete_versions(tx, scorer, version)? == 0 {
                return Err(missing(experiment, &name, version));
            }
            if version.is_none() {
                store::delete(tx, scorer)?;
            }
            tx.event("scorer.deleted", &subject(scorer), json!({ "version": version }))?;
            Ok(version.is_none().then_some(scorer))
        })
        .await
}

fn need(tx: &mut Tx<'_>, experiment: i64, name: &str) -> Result<Uid, Error> {
    store::find(tx, experiment, name)?.ok_or_else(|| missing(experiment, name, None))
}

/// Replaces what the scorer does by itself. Errors: `ScorerNotFound`.
pub async fn set_online_scoring(
    ledger: &Ledger,
    actor: &Actor,
    experiment: i64,
    name: String,
    sample_rate: f64,
    filter: Option<String>,
) -> Result<OnlineScoring, Error> {
    ledger
        .write(actor, move |tx| {
            let scorer = need(tx, experiment, &name)?;
            let set =
                OnlineScoring { uid: tx.new_id(), scorer, experiment, sample_rate, filter: filter.clone() };
            store::set_online(tx, &set)?;
            tx.event("scorer.online_scoring_set", &subject(scorer), json!({ "sample_rate": sample_rate }))?;
            Ok(set)
        })
        .await
}

/// Of those scorers that have one.
pub async fn online_scoring(
    ledger: &Ledger,
    actor: &Actor,
    scorers: Vec<Uid>,
) -> Result<Vec<OnlineScoring>, Error> {
    ledger.read(actor.workspace, move |rx| Ok(store::online(rx, &scorers)?)).await
}
