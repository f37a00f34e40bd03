//! Runs from before there were plans: their rows become a tree of one graph.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger::Tx;
use serde_json::json;
use types::Uid;

use crate::compiled::Compiled;
use crate::store::{anew, children, tree};
use crate::{Error, StepState, declared, store};

/// Gives the run its plan and its root. Errors: `RunNotFound` if it has no declaration either.
pub(crate) fn adopt(tx: &mut Tx<'_>, uid: Uid) -> Result<Arc<Compiled>, Error> {
    let missing = || Error::RunNotFound(uid.to_string());
    let run = store::runs::find(tx, uid)?.ok_or_else(missing)?;
    let plan = Compiled::new(declared::plan(&run.spec.ok_or_else(missing)?))?;
    store::runs::put_plan(tx, plan.digest, &plan.text)?;
    store::runs::set_plan(tx, uid, plan.digest)?;
    let steps = tree::all(tx, uid)?;
    let root = tree::Node::root(uid);
    tree::insert(tx, uid, &[tree::New { node: &root, needs: &[], inputs: Some(&BTreeMap::new()) }])?;
    anew::adopt(tx, uid)?;
    tree::begin(tx, uid, None, Some(steps.len()), None)?;
    let count = |state: StepState| steps.iter().filter(|step| step.state == state).count() as i64;
    let all = steps.iter().filter(|step| step.state.is_final()).count() as i64;
    let ends =
        children::Ends { all, failed: count(StepState::Failed), cancelled: count(StepState::Cancelled) };
    let failed = steps.iter().find(|step| step.state == StepState::Failed);
    let message = failed.map(|step| {
        format!("step `{}` failed: {}", step.name, step.message.as_deref().unwrap_or("no reason known"))
    });
    children::count(tx, uid, ends)?;
    if let Some(message) = message {
        tree::keep_message(tx, uid, &message)?;
    }
    if run.state.is_final() {
        let state = match run.state {
            crate::RunState::Succeeded => StepState::Succeeded,
            crate::RunState::Cancelled => StepState::Cancelled,
            _ => StepState::Failed,
        };
        tree::end(tx, uid, state, run.message.as_deref(), None)?;
    }
    let payload = json!({ "run": uid, "plan": plan.digest });
    tx.event("pipeline.run_adopted", &format!("pipeline_run:{uid}"), payload)?;
    Ok(Arc::new(plan))
}
