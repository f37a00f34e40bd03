use std::sync::Arc;

use runtimes::{Error, Model, ParamSchema, Params, Tensor, TensorSpec};

use super::combine::{Combined, combined, run};
use super::link::{Feed, feed, link};
use super::{Combine, Graph};
use crate::load::Loaded;

/// A graph as one model.
pub(crate) struct GraphModel {
    steps: Vec<Linked>,
    inputs: Vec<TensorSpec>,
    outputs: Vec<TensorSpec>,
}

struct Linked {
    members: Vec<LinkedMember>,
    /// Empty for a step of one model.
    combined: Vec<Combined>,
    combine: Combine,
    weights: Vec<f64>,
}

struct LinkedMember {
    model: Arc<dyn Model>,
    params: ParamSchema,
    inputs: Vec<TensorSpec>,
    /// One an input.
    feeds: Vec<Feed>,
}

impl GraphModel {
    /// `loaded`: the models of all steps, in order.
    /// Errors: which step does not fit, and why.
    pub fn new(graph: &Graph, loaded: &[Arc<Loaded>]) -> Result<Self, String> {
        let mut rest = loaded.iter();
        let mut inputs: Vec<TensorSpec> = Vec::new();
        let mut given: Vec<TensorSpec> = Vec::new();
        let mut answer: Option<String> = None;
        let mut steps = Vec::with_capacity(graph.0.len());
        for (at, step) in graph.0.iter().enumerate() {
            let models: Vec<&Arc<Loaded>> = rest.by_ref().take(step.members.len()).collect();
            let Some(first) = models.first() else { return Err("a model of the graph is missing".into()) };
            if at == 0 {
                inputs = first.model.inputs().to_vec();
            }
            let mut members = Vec::with_capacity(models.len());
            for loaded in &models {
                let specs = loaded.model.inputs().to_vec();
                let why =
                    |reason| format!("step {}, {} {}: {reason}", at + 1, loaded.model_name, loaded.number);
                let feeds = match at {
                    0 => link(&specs, &inputs, None, &[]).map_err(why)?,
                    _ => link(&specs, &given, answer.as_deref(), &inputs).map_err(why)?,
                };
                let (model, params) = (Arc::clone(&loaded.model), loaded.params.clone());
                members.push(LinkedMember { model, params, inputs: specs, feeds });
            }
            let found = match step.combine {
                Some(combine) => {
                    let outputs: Vec<&[TensorSpec]> = models.iter().map(|m| m.model.outputs()).collect();
                    combined(combine, &outputs).map_err(|reason| format!("step {}: {reason}", at + 1))?
                }
                None => Vec::new(),
            };
            (given, answer) = if found.is_empty() {
                (first.model.outputs().to_vec(), first.model.prediction().map(str::to_owned))
            } else {
                (found.iter().map(|of| of.spec.clone()).collect(), None)
            };
            steps.push(Linked {
                members,
                combined: found,
                combine: step.combine.unwrap_or(Combine::Mean),
                weights: step.members.iter().map(|member| member.weight).collect(),
            });
        }
        Ok(Self { steps, inputs, outputs: given })
    }
}

impl Model for GraphModel {
    fn inputs(&self) -> &[TensorSpec] {
        &self.inputs
    }

    fn outputs(&self) -> &[TensorSpec] {
        &self.outputs
    }

    fn run(&self, inputs: &[Tensor], wanted: &[&str]) -> Result<Vec<Tensor>, Error> {
        self.run_with(inputs, &Params::default(), wanted)
    }

    /// Each member is told the params that it declares itself.
    fn run_with(&self, inputs: &[Tensor], params: &Params, wanted: &[&str]) -> Result<Vec<Tensor>, Error> {
        runtimes::check_inputs(&self.inputs, inputs)?;
        let mut given: Vec<Tensor> = Vec::new();
        for (at, step) in self.steps.iter().enumerate() {
            let there: &[&[Tensor]] = if at == 0 { &[inputs] } else { &[&given, inputs] };
            let mut answers = Vec::with_capacity(step.members.len());
            for member in &step.members {
                let fed = member
                    .feeds
                    .iter()
                    .zip(&member.inputs)
                    .map(|(from, taken)| feed(from, taken, there))
                    .collect::<Result<Vec<_>, _>>()?;
                answers.push(member.model.run_with(&fed, &member.params.narrowed(params)?, &[])?);
            }
            given = if step.combined.is_empty() {
                answers.pop().unwrap_or_default()
            } else {
                let one = |of: &Combined| run(step.combine, of, &answers, &step.weights);
                step.combined.iter().map(one).collect::<Result<Vec<_>, _>>()?
            };
        }
        if wanted.is_empty() {
            return Ok(given);
        }
        wanted
            .iter()
            .map(|name| {
                let found = given.iter().find(|output| output.name == *name).cloned();
                found.ok_or_else(|| Error::UnknownOutput {
                    name: (*name).to_owned(),
                    known: given.iter().map(|o| format!("`{}`", o.name)).collect::<Vec<_>>().join(", "),
                })
            })
            .collect()
    }

    fn takes_missing_text(&self) -> bool {
        self.steps.first().is_some_and(|step| step.members.iter().all(|m| m.model.takes_missing_text()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;

    use runtimes::{ElementType, InputSchema, TensorData};
    use types::{Timestamp, Uid};

    use super::super::{Member, Step};
    use super::*;
    use crate::cost::Cost;
    use crate::nap::{Again, Napping, Shape};

    /// Gives its only input back, doubled.
    struct Doubled([TensorSpec; 1], [TensorSpec; 1]);

    impl Model for Doubled {
        fn inputs(&self) -> &[TensorSpec] {
            &self.0
        }

        fn outputs(&self) -> &[TensorSpec] {
            &self.1
        }

        fn run(&self, inputs: &[Tensor], _: &[&str]) -> Result<Vec<Tensor>, Error> {
            let doubled = inputs[0].data.to_f64().unwrap().into_iter().map(|x| x * 2.0).collect();
            Ok(vec![Tensor::new("out", inputs[0].shape.clone(), TensorData::F64(doubled))])
        }
    }

    fn loaded(name: &str, version: Uid) -> Arc<Loaded> {
        let spec =
            |name: &str| TensorSpec { name: name.into(), element: ElementType::F64, shape: vec![-1, 2] };
        let model: Arc<dyn Model> = Arc::new(Doubled([spec("X")], [spec("out")]));
        let again: Again = Box::new(|| Err(Error::Busy("it does not sleep".into())));
        let shape = Shape::of(model.as_ref(), 0);
        let nap = Arc::new(Napping::new(shape, Some(Arc::clone(&model)), again, Arc::default()));
        Arc::new(Loaded {
            version,
            model_name: name.into(),
            number: 1,
            digest: None,
            model,
            tabular: None,
            schema: InputSchema::Unknown,
            params: ParamSchema::default(),
            pyfunc_output: None,
            engine: "native",
            graph: None,
            fed: None,
            example: None,
            cost: Arc::new(Cost::unknown()),
            nap,
            lane: OnceLock::new(),
        })
    }

    #[test]
    fn a_graph_is_logged_as_its_last_step_and_its_rows_are_those_of_its_first() {
        let versions = [types::new_id(Timestamp(1)), types::new_id(Timestamp(2))];
        let member = |model: &str, at: usize| Member {
            model: model.into(),
            version: 1,
            model_version: versions[at],
            weight: 1.0,
        };
        let step = |model: &str, at: usize| Step { combine: None, members: vec![member(model, at)] };
        let graph = Graph(vec![step("scale", 0), step("predict", 1)]);
        let parts = vec![loaded("scale", versions[0]), loaded("predict", versions[1])];
        let Ok(made) = Loaded::of_graph(graph, parts) else { panic!() };
        assert_eq!((made.version, made.checked_version()), (versions[1], versions[0]));
        let sent = Tensor::new("X", [1, 2], TensorData::F64(vec![1.0, 3.0]));
        let answer = made.model.run(&[sent], &[]).unwrap();
        assert_eq!(answer[0].data, TensorData::F64(vec![4.0, 12.0]));
        let alone = loaded("predict", versions[1]);
        assert_eq!(alone.checked_version(), versions[1]);
    }
}
