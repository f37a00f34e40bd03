//! The project file, `mlwright.yaml`: one file in the user's repository that declares datasets and expectations,
//! environments, pipelines, gates, endpoints, monitors and retraining.
//!
//! [`parse`] turns the text into a [`Project`] or into every mistake that it holds; [`diff`] says what applying it
//! would change.

mod apply;
mod check;
mod context;
mod data_gate;
mod data_gate_file;
mod diagnostic;
mod duration;
mod model;
mod node;
mod plan;
mod read;
mod reader;
mod render;
mod sources;
mod state;

pub use apply::{Applied, AppliedDataset, Link, Started, apply, plan};
pub use context::{Context, Error};
pub use data_gate::DataGate;
pub use data_gate_file::{DataGateFile, FOLDER as DATA_GATES, parse_data_gate};
pub use diagnostic::{Diagnostic, Diagnostics, Span};
pub use duration::Duration;
pub use model::{
    Bound, Budget, Champion, ColumnExpectation, Dataset, Endpoint, Environment, Expectations, FeatureRule,
    Gate, Labels, Method, Monitor, OutputRef, Pipeline, Project, Promote, Retrain, RowBound, Step,
    UnknownColumns, Window,
};
pub use plan::{Action, Change, FieldChange, Plan, Resource, diff, resources};
pub use render::{render_changes, render_plan};
pub use sources::{Code, Request, SourceFile, collect, paths};
pub use state::{ResourceStatus, Status, status};

/// The name that is looked for when none is given.
pub const FILE_NAME: &str = "mlwright.yaml";

/// Reads a project file. `name` is what the messages call it.
///
/// Errors: every mistake in the text, in the order of the lines. A file that is no YAML has one.
pub fn parse(name: &str, text: &str) -> Result<Project, Diagnostics> {
    let root = match node::parse(text) {
        Ok(root) => root,
        Err(diagnostic) => return Err(Diagnostics::new(name, text, vec![diagnostic])),
    };
    let mut reader = reader::Reader::new();
    let project = read::project(&mut reader, &root);
    check::references(&mut reader, &project);
    let found = reader.into_diagnostics();
    if found.is_empty() { Ok(project) } else { Err(Diagnostics::new(name, text, found)) }
}
