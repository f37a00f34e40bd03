//! Small graphs: several registered versions that answer as one model. Its steps run one after the other; a step is one model,
//! or an ensemble of some on the same input.

mod combine;
mod link;
mod model;

use serde::{Deserialize, Serialize};
use types::{Digest, Uid};

pub(crate) use model::GraphModel;

/// Steps of a graph, members of a step.
const MOST_STEPS: usize = 8;
const MOST_MEMBERS: usize = 16;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Graph(pub Vec<Step>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// How the answers of several members become one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub combine: Option<Combine>,
    pub members: Vec<Member>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    pub model: String,
    pub version: i64,
    pub model_version: Uid,
    /// Its say in a weighted mean or a vote.
    #[serde(default = "one")]
    pub weight: f64,
}

fn one() -> f64 {
    1.0
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Combine {
    /// The mean of each output of numbers that all members have (probabilities, regressions); labels are left out.
    Mean,
    /// The same by the members' weights.
    Weighted,
    /// The label that most of the weight is for, the smallest one of equals; other outputs are left out.
    Vote,
}

impl Combine {
    pub fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Weighted => "weighted",
            Self::Vote => "vote",
        }
    }
}

impl Graph {
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.0.iter().flat_map(|step| &step.members)
    }

    /// Whose version the graph's predictions are logged under: the first member of the last step.
    pub fn main(&self) -> Option<&Member> {
        self.0.last()?.members.first()
    }

    /// Of what it is made of.
    pub fn digest(&self) -> Digest {
        // A structure of names and numbers always becomes JSON.
        Digest::of(serde_json::to_vec(self).unwrap_or_default())
    }

    /// `scale 1 → mean(a 1, b 2)`
    pub fn shown(&self) -> String {
        let name = |m: &Member| format!("{} {}", m.model, m.version);
        let step = |step: &Step| match step.combine {
            Some(combine) => {
                format!(
                    "{}({})",
                    combine.name(),
                    step.members.iter().map(name).collect::<Vec<_>>().join(", ")
                )
            }
            None => step.members.first().map(name).unwrap_or_default(),
        };
        self.0.iter().map(step).collect::<Vec<_>>().join(" → ")
    }

    /// Whether it has a form that makes sense, whatever its models are.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.0.is_empty() || self.0.len() > MOST_STEPS {
            return Err(format!("a graph has 1 to {MOST_STEPS} steps, this one has {}", self.0.len()));
        }
        for (at, step) in self.0.iter().enumerate() {
            let at = at + 1;
            let members = step.members.len();
            match step.combine {
                None if members != 1 => {
                    return Err(format!(
                        "step {at} has {members} members: say how they are combined (mean, weighted or vote)"
                    ));
                }
                Some(_) if !(2..=MOST_MEMBERS).contains(&members) => {
                    return Err(format!("step {at} combines {members} members; 2 to {MOST_MEMBERS} can be"));
                }
                _ => {}
            }
            if step.members.iter().any(|m| !m.weight.is_finite() || m.weight <= 0.0) {
                return Err(format!("step {at}: the weight of a member is a number above 0"));
            }
            if step.combine == Some(Combine::Mean) && step.members.iter().any(|m| m.weight != 1.0) {
                return Err(format!("step {at}: a mean knows no weights; `weighted` does"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(model: &str, weight: f64) -> Member {
        Member { model: model.into(), version: 1, model_version: types::new_id(types::Timestamp(1)), weight }
    }

    #[test]
    fn a_graph_without_sense_is_told_why() {
        let step = |combine, members: Vec<Member>| Step { combine, members };
        let two = || vec![member("a", 1.0), member("b", 2.0)];
        for (steps, why) in [
            (vec![], "1 to 8 steps"),
            (vec![step(None, two())], "say how they are combined"),
            (vec![step(Some(Combine::Vote), vec![member("a", 1.0)])], "2 to 16"),
            (vec![step(Some(Combine::Mean), two())], "`weighted` does"),
            (vec![step(Some(Combine::Vote), vec![member("a", 0.0), member("b", 1.0)])], "above 0"),
        ] {
            let said = Graph(steps).check().unwrap_err();
            assert!(said.contains(why), "{said}");
        }
        let good = Graph(vec![step(None, vec![member("scale", 1.0)]), step(Some(Combine::Weighted), two())]);
        good.check().unwrap();
        assert_eq!(good.shown(), "scale 1 → weighted(a 1, b 1)");
        assert_eq!(good.main().unwrap().model, "a");
    }
}
