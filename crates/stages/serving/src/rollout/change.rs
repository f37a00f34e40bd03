use types::{Actor, Class, Fault as _, Timestamp};

use super::model::StableVariant;
use super::{Moment, NewRollout, Rollout, RolloutState};
use crate::deploy::Change;
use crate::endpoint::{CANDIDATE, STABLE};
use crate::{Deploy, Error, Graph, NewVariant, Serving, VariantView, store};

impl Serving {
    /// Loads the candidate and gives it the first share of the traffic.
    ///
    /// Errors: `NoEndpoint`; `BadRollout` if one is active or the steps make no sense; a candidate that cannot be loaded.
    pub async fn start_rollout(&self, actor: &Actor, new: NewRollout) -> Result<Rollout, Error> {
        let bad = |message: String| Error::BadRollout { endpoint: new.endpoint.clone(), message };
        // Only looked at: whoever holds an endpoint keeps the deployment that replaces it waiting.
        let before_it = self.endpoint(actor.workspace, &new.endpoint)?.revision.variants.clone();
        if let Some(active) = self.rollout(actor, &new.endpoint).await?
            && active.state.is_active()
        {
            return Err(bad(format!(
                "`{}` is taking over already; abort or promote it first",
                active.candidate
            )));
        }
        let growing = new.steps.windows(2).all(|pair| pair[0] < pair[1]);
        if new.steps.is_empty() || !growing || !new.steps.iter().all(|s| *s > 0.0 && *s <= 1.0) {
            return Err(bad(
                "its steps must be shares above 0 and up to 1, each larger than the one before".into()
            ));
        }
        if !(0..=30 * 86_400).contains(&new.bake_seconds) {
            return Err(bad("bake_seconds must be between 0 and 30 days".into()));
        }
        if !(0..=30 * 86_400).contains(&new.guards.patience_seconds) {
            return Err(bad("patience_seconds must be between 0 (for ever) and 30 days".into()));
        }
        let version = models::get_version(&self.0.ledger, actor, new.model_version).await?;
        // A candidate that had copies of the requests needs them no more.
        let same = |graph: &Option<Graph>, version| match &new.graph {
            Some(_) => *graph == new.graph,
            None => graph.is_none() && version == new.model_version,
        };
        let own_shadow = |v: &&VariantView| v.shadow && same(&v.graph, v.model_version);
        let stable: Vec<StableVariant> = before_it.iter().filter(|v| !own_shadow(v)).map(before).collect();
        let candidate = match (&new.name, &new.graph) {
            (Some(name), _) => name.clone(),
            (None, None) => format!("{}-{}", version.model, version.number),
            (None, Some(_)) => free_name(&stable),
        };
        if stable.iter().any(|v| v.name == candidate || same(&v.graph, v.model_version)) {
            return Err(bad(format!("`{candidate}` serves already")));
        }
        let now = self.0.ledger.clock().now();
        let mut steps = new.steps;
        steps.retain(|share| *share < 1.0);
        let mut rollout = Rollout {
            uid: types::new_id(now),
            endpoint: new.endpoint,
            candidate,
            candidate_version: new.model_version,
            candidate_graph: new.graph,
            stable,
            steps,
            bake_seconds: new.bake_seconds,
            guards: new.guards,
            step: 0,
            step_since: now,
            state: RolloutState::Running,
            reason: None,
            timeline: Vec::new(),
            created_at: now,
            created_by: actor.to_string(),
            causes: new.causes,
        };
        if rollout.steps.is_empty() {
            rollout.state = RolloutState::Promoted;
        }
        note(&mut rollout, actor, now, "started");
        self.apply(actor, rollout, "rollout.started").await
    }

    /// The next step, or the end: by the watch, when its time has come.
    pub(super) async fn advance(&self, actor: &Actor, mut rollout: Rollout) -> Result<Rollout, Error> {
        let now = self.0.ledger.clock().now();
        rollout.step += 1;
        rollout.step_since = now;
        if rollout.step >= rollout.steps.len() {
            return self.end(actor, rollout, RolloutState::Promoted, "every step went well").await;
        }
        note(&mut rollout, actor, now, "advanced");
        self.apply(actor, rollout, "rollout.advanced").await
    }

    /// Holds the weights as they are. Errors: `NoRollout`, and so of all that follow.
    pub async fn pause_rollout(&self, actor: &Actor, endpoint: &str) -> Result<Rollout, Error> {
        self.hold(actor, endpoint, RolloutState::Paused, "paused", None).await
    }

    /// As [`Serving::pause_rollout`], by the watch.
    pub(super) async fn give_up(&self, actor: &Actor, endpoint: &str, why: String) -> Result<Rollout, Error> {
        self.hold(actor, endpoint, RolloutState::Paused, "paused", Some(why)).await
    }

    /// Goes on; the step's time starts again.
    pub async fn resume_rollout(&self, actor: &Actor, endpoint: &str) -> Result<Rollout, Error> {
        self.hold(actor, endpoint, RolloutState::Running, "resumed", None).await
    }

    /// The candidate answers everything from now on.
    pub async fn promote_rollout(&self, actor: &Actor, endpoint: &str) -> Result<Rollout, Error> {
        let rollout = self.active(actor, endpoint).await?;
        self.end(actor, rollout, RolloutState::Promoted, "promoted by hand").await
    }

    /// What served before answers everything again.
    pub async fn abort_rollout(&self, actor: &Actor, endpoint: &str, why: &str) -> Result<Rollout, Error> {
        let rollout = self.active(actor, endpoint).await?;
        let why = if why.is_empty() { "aborted by hand" } else { why };
        self.end(actor, rollout, RolloutState::Aborted, why).await
    }

    /// The newest one of an endpoint.
    pub async fn rollout(&self, actor: &Actor, endpoint: &str) -> Result<Option<Rollout>, Error> {
        Ok(self.rollouts(actor, endpoint, 1).await?.into_iter().next())
    }

    /// Newest first.
    pub async fn rollouts(&self, actor: &Actor, endpoint: &str, limit: i64) -> Result<Vec<Rollout>, Error> {
        let name = endpoint.to_owned();
        Ok(self.0.ledger.read(actor.workspace, move |rx| store::rollouts(rx, &name, limit)).await?)
    }

    async fn active(&self, actor: &Actor, endpoint: &str) -> Result<Rollout, Error> {
        let found = self.rollout(actor, endpoint).await?.filter(|r| r.state.is_active());
        found.ok_or_else(|| Error::NoRollout { endpoint: endpoint.to_owned() })
    }

    async fn hold(
        &self,
        actor: &Actor,
        endpoint: &str,
        state: RolloutState,
        what: &'static str,
        why: Option<String>,
    ) -> Result<Rollout, Error> {
        let mut rollout = self.active(actor, endpoint).await?;
        let now = self.0.ledger.clock().now();
        (rollout.state, rollout.step_since, rollout.reason) = (state, now, why);
        note(&mut rollout, actor, now, what);
        let kind = if state == RolloutState::Paused { "rollout.paused" } else { "rollout.resumed" };
        let kept = rollout.clone();
        self.0
            .ledger
            .write(actor, move |tx| {
                store::save_rollout(tx, &kept)?;
                tx.event(kind, &format!("endpoint:{}", kept.endpoint), told(&kept))?;
                Ok::<_, Error>(())
            })
            .await?;
        self.watch(actor.workspace, rollout.clone());
        Ok(rollout)
    }

    pub(super) async fn end(
        &self,
        actor: &Actor,
        mut rollout: Rollout,
        state: RolloutState,
        why: &str,
    ) -> Result<Rollout, Error> {
        rollout.state = state;
        rollout.reason = Some(why.to_owned());
        if state == RolloutState::Promoted {
            rollout.step = rollout.steps.len();
        }
        let now = self.0.ledger.clock().now();
        note(&mut rollout, actor, now, state.name());
        let kind = match state {
            RolloutState::Promoted => "rollout.promoted",
            RolloutState::RolledBack => "rollout.rolled_back",
            _ => "rollout.aborted",
        };
        self.apply(actor, rollout, kind).await
    }

    /// Makes the weights those of the rollout, in the transaction that records it.
    async fn apply(&self, actor: &Actor, rollout: Rollout, kind: &'static str) -> Result<Rollout, Error> {
        let deploy = Deploy {
            endpoint: rollout.endpoint.clone(),
            variants: variants(&rollout),
            causes: rollout.causes.clone(),
        };
        let change = Change { rollout: rollout.clone(), kind };
        self.put(actor, deploy, Some(change)).await.inspect_err(|error| {
            if error.class() == Class::Internal {
                tracing::error!(%error, endpoint = rollout.endpoint, "a rollout could not be changed");
            }
        })?;
        self.watch(actor.workspace, rollout.clone());
        Ok(rollout)
    }
}

/// What the endpoint serves at the rollout's point. The candidate comes first: a routing key whose place lies below the
/// candidate's share stays below it while the share grows, so that each caller changes sides at most once.
fn variants(rollout: &Rollout) -> Vec<NewVariant> {
    let candidate = |weight, label: &[&str]| NewVariant {
        name: Some(rollout.candidate.clone()),
        model_version: rollout.candidate_version,
        graph: rollout.candidate_graph.clone(),
        weight,
        labels: label.iter().map(|l| (*l).to_owned()).collect(),
        shadow: false,
    };
    let again = |stable: &StableVariant, factor: f64, label: &[&str]| {
        let mut variant = stable.again();
        variant.weight *= factor;
        variant.labels.extend(label.iter().map(|l| (*l).to_owned()));
        variant
    };
    match rollout.state {
        // Labels that clients know move with the traffic.
        RolloutState::Promoted => {
            let kept: Vec<&str> = rollout
                .stable
                .iter()
                .max_by(|a, b| a.weight.total_cmp(&b.weight))
                .map(|v| v.labels.iter().map(String::as_str).collect())
                .unwrap_or_default();
            vec![candidate(1.0, &kept)]
        }
        RolloutState::RolledBack | RolloutState::Aborted => {
            rollout.stable.iter().map(|v| again(v, 1.0, &[])).collect()
        }
        RolloutState::Running | RolloutState::Paused => {
            let share = rollout.share();
            let total: f64 = rollout.stable.iter().filter(|v| !v.shadow).map(|v| v.weight).sum();
            let rest = if total > 0.0 { (1.0 - share) / total } else { 0.0 };
            let stable = rollout.stable.iter().map(|v| again(v, rest, &[STABLE]));
            std::iter::once(candidate(share, &[CANDIDATE])).chain(stable).collect()
        }
    }
}

/// `graph`, or else `graph-2` and so on.
fn free_name(stable: &[StableVariant]) -> String {
    let free = |name: &String| stable.iter().all(|v| v.name != *name);
    let mut names = std::iter::once("graph".to_owned()).chain((2..).map(|n: u32| format!("graph-{n}")));
    names.find(free).unwrap_or_default()
}

fn before(view: &VariantView) -> StableVariant {
    StableVariant {
        name: view.name.clone(),
        model_version: view.model_version,
        graph: view.graph.clone(),
        weight: view.weight,
        labels: view.labels.clone(),
        shadow: view.shadow,
    }
}

fn note(rollout: &mut Rollout, actor: &Actor, at: Timestamp, what: &str) {
    let share = rollout.share();
    rollout.timeline.push(Moment { at, what: what.to_owned(), share, by: actor.to_string() });
}

/// What the event says.
pub(crate) fn told(rollout: &Rollout) -> serde_json::Value {
    serde_json::json!({
        "endpoint": rollout.endpoint,
        "rollout": rollout.uid,
        "candidate": rollout.candidate,
        "share": rollout.share(),
        "state": rollout.state.name(),
        "reason": rollout.reason,
    })
}
