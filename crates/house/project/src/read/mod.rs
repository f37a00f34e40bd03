//! One function for each section of the file: tree in, typed section out.

mod data;
mod data_gate;
mod executors;
mod pipelines;
mod quality;
mod rollout;
mod serving;
mod signals;

use crate::Project;
use crate::node::Node;
use crate::reader::Reader;

pub(crate) use data_gate::data_gate;

const SECTIONS: [&str; 10] = [
    "version",
    "project",
    "datasets",
    "environments",
    "executors",
    "pipelines",
    "gates",
    "endpoints",
    "monitors",
    "retrain",
];

/// The only version of the format so far.
const VERSION: i64 = 1;

pub(crate) fn project(reader: &mut Reader, root: &Node) -> Project {
    let fields = reader.fields("", root.at, root, &SECTIONS);
    let version = reader.required(&fields, "version", "1", |r, _, n| r.integer(n, 0, i64::MAX));
    if let Some(newer) = version.filter(|v| *v != VERSION) {
        let hint = format!(
            "this mlwright reads version {VERSION}; use a newer mlwright or write version: {VERSION}"
        );
        reader.error_at("version", format!("version {newer} of the project file is not known"), Some(hint));
    }
    let name = reader.required(&fields, "project", "<a name>", Reader::new_name);
    macro_rules! section {
        ($name:literal, $read:path) => {
            reader.optional(&fields, $name, |r, p, n| Some(r.named(p, n, $read))).unwrap_or_default()
        };
    }
    Project {
        version: VERSION as u32,
        project: name.unwrap_or_default(),
        datasets: section!("datasets", data::dataset),
        environments: section!("environments", pipelines::environment),
        executors: section!("executors", executors::executor),
        pipelines: section!("pipelines", pipelines::pipeline),
        gates: section!("gates", quality::gate),
        endpoints: section!("endpoints", serving::endpoint),
        monitors: section!("monitors", quality::monitor),
        retrain: section!("retrain", serving::retrain),
    }
}
