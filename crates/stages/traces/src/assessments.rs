use std::collections::BTreeMap;

use ledger::{Ledger, Tx};
use serde_json::{Value, json};
use types::Actor;

use crate::error::Error;
use crate::model::{Assessment, AssessmentKind};
use crate::store::{Reads, assessments as store, traces};

/// The assessment as it is kept. One that overrides another makes that one invalid.
///
/// Errors: `TraceNotFound`, `AssessmentNotFound` if there is none to override, `AssessmentExists`.
pub async fn create_assessment(
    ledger: &Ledger,
    actor: &Actor,
    given: Assessment,
) -> Result<Assessment, Error> {
    ledger
        .write(actor, move |tx| {
            let trace = find_trace(tx, &given.trace)?;
            if let Some(old) = &given.overrides
                && store::set_valid(tx, trace, old, false)? == 0
            {
                return Err(Error::AssessmentNotFound { trace: given.trace.clone(), uid: old.clone() });
            }
            let made = put(tx, trace, given.clone())?;
            event(tx, "assessment.created", &made, json!({ "kind": made.kind.name() }))?;
            Ok(made)
        })
        .await
}

/// Stores an assessment, with an id if it has none; it is valid.
pub(crate) fn put(tx: &mut Tx<'_>, trace: i64, mut given: Assessment) -> Result<Assessment, Error> {
    if given.uid.is_empty() {
        given.uid = format!("a-{}", tx.new_id());
    }
    given.valid = true;
    if !store::insert(tx, trace, &given)? {
        return Err(Error::AssessmentExists { uid: given.uid });
    }
    Ok(given)
}

/// Errors: `TraceNotFound`, `AssessmentNotFound`.
pub async fn assessment(
    ledger: &Ledger,
    actor: &Actor,
    trace: String,
    uid: String,
) -> Result<Assessment, Error> {
    ledger.read(actor.workspace, move |rx| Ok(find(rx, &trace, &uid)?.1)).await
}

/// What changes; `None` leaves a field as it is. Who said it and of which span never change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UpdateAssessment {
    pub name: Option<String>,
    /// The new value with its error, and which kind of assessment it is for.
    pub value: Option<(AssessmentKind, Value, Option<Value>)>,
    pub rationale: Option<String>,
    /// Added to what is there.
    pub metadata: BTreeMap<String, String>,
}

/// The assessment as it is then. Errors: `TraceNotFound`, `AssessmentNotFound`, `WrongKind`.
pub async fn update_assessment(
    ledger: &Ledger,
    actor: &Actor,
    trace: String,
    uid: String,
    change: UpdateAssessment,
) -> Result<Assessment, Error> {
    ledger
        .write(actor, move |tx| {
            let (id, mut found) = find(tx, &trace, &uid)?;
            if let Some(name) = &change.name {
                found.name.clone_from(name);
            }
            if let Some((kind, value, error)) = &change.value {
                if *kind != found.kind {
                    return Err(Error::WrongKind {
                        uid: uid.clone(),
                        found: found.kind.name(),
                        given: kind.name(),
                    });
                }
                found.value = value.clone();
                found.error.clone_from(error);
            }
            if let Some(rationale) = &change.rationale {
                found.rationale = Some(rationale.clone());
            }
            found.metadata.extend(change.metadata.clone());
            found.updated_at = tx.now();
            store::update(tx, id, &found)?;
            event(tx, "assessment.updated", &found, json!({ "kind": found.kind.name() }))?;
            Ok(found)
        })
        .await
}

/// What it overrode becomes valid again. Deleting one that is not there is no error.
///
/// Errors: `TraceNotFound`.
pub async fn delete_assessment(
    ledger: &Ledger,
    actor: &Actor,
    trace: String,
    uid: String,
) -> Result<(), Error> {
    ledger
        .write(actor, move |tx| {
            let id = find_trace(tx, &trace)?;
            let Some(found) = store::find(tx, id, &uid)? else { return Ok(()) };
            if let Some(old) = &found.overrides {
                store::set_valid(tx, id, old, true)?;
            }
            store::delete(tx, id, &uid)?;
            event(tx, "assessment.deleted", &found, json!({ "kind": found.kind.name() }))
        })
        .await
}

fn find_trace(on: &mut impl Reads, uid: &str) -> Result<i64, Error> {
    Ok(traces::find_one(on, uid)?.ok_or_else(|| Error::TraceNotFound(uid.to_owned()))?.id)
}

fn find(on: &mut impl Reads, trace: &str, uid: &str) -> Result<(i64, Assessment), Error> {
    let id = find_trace(on, trace)?;
    match store::find(on, id, uid)? {
        Some(found) => Ok((id, found)),
        None => Err(Error::AssessmentNotFound { trace: trace.to_owned(), uid: uid.to_owned() }),
    }
}

fn event(tx: &mut Tx<'_>, kind: &str, assessment: &Assessment, mut payload: Value) -> Result<(), Error> {
    payload["trace"] = assessment.trace.as_str().into();
    payload["assessment"] = assessment.uid.as_str().into();
    Ok(tx.event(kind, &format!("trace:{}", assessment.trace), payload)?)
}
