//! Graphs of model versions, as the API has them: steps in order, each a version, or several that are combined.
//! `[{"model": "scale", "version": 1}, {"combine": "weighted", "members": [{"model": "a", "alias": "champion", "weight": 2}, …]}]`

use serde::Deserialize;
use serde_json::{Value, json};
use serving::{Combine, Graph, Member, Step};
use types::Actor;

use crate::endpoints;
use crate::{Failure, State};

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a step is a version ({model, version or alias}) or {combine, members}")]
pub enum WishedStep {
    Ensemble(WishedEnsemble),
    One(WishedMember),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WishedEnsemble {
    combine: Combine,
    members: Vec<WishedMember>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WishedMember {
    model: String,
    version: Option<i64>,
    alias: Option<String>,
    #[serde(default = "one")]
    weight: f64,
}

fn one() -> f64 {
    1.0
}

/// Aliases are versions from then on.
pub async fn resolve(state: &State, actor: &Actor, steps: Vec<WishedStep>) -> Result<Graph, Failure> {
    let mut graph = Vec::with_capacity(steps.len());
    for step in steps {
        let (combine, wished) = match step {
            WishedStep::Ensemble(of) => (Some(of.combine), of.members),
            WishedStep::One(member) => (None, vec![member]),
        };
        let mut members = Vec::with_capacity(wished.len());
        for of in wished {
            let uid = endpoints::resolve(state, actor, &of.model, of.version, of.alias.as_deref()).await?;
            let found = models::get_version(&state.ledger, actor, uid).await?;
            members.push(Member {
                model: found.model,
                version: found.number,
                model_version: uid,
                weight: of.weight,
            });
        }
        graph.push(Step { combine, members });
    }
    Ok(Graph(graph))
}

/// In the form that [`resolve`] takes.
pub fn view(graph: &Graph) -> Value {
    let member = |m: &Member| json!({ "model": m.model, "version": m.version });
    let weighted = |m: &Member| json!({ "model": m.model, "version": m.version, "weight": m.weight });
    let step = |step: &Step| match (step.combine, step.members.as_slice()) {
        (None, [only]) => member(only),
        (combine, members) => {
            json!({ "combine": combine, "members": members.iter().map(weighted).collect::<Vec<_>>() })
        }
    };
    graph.0.iter().map(step).collect()
}
