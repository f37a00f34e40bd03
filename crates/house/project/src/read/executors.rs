//! The section `executors`: clusters that steps may run on.

use std::collections::BTreeMap;

use pipelines::{ExecutorKind, ExecutorSpec, Resources};

use crate::Span;
use crate::node::Node;
use crate::reader::Reader;

const KEYS: [&str; 17] = [
    "kind",
    "url",
    "default",
    "advertise",
    "python",
    "folder",
    "token_env",
    "token_file",
    "ca_file",
    "user",
    "partition",
    "api",
    "namespace",
    "image",
    "resources",
    "env",
    "options",
];
const UNREACHABLE: &str = "unreachable";
const KINDS: [(&str, ExecutorKind); 3] =
    [("ray", ExecutorKind::Ray), ("kubernetes", ExecutorKind::Kubernetes), ("slurm", ExecutorKind::Slurm)];
/// MiB of a machine that there is not.
const MOST_MEMORY: i64 = 1 << 30;

pub(super) fn executor(reader: &mut Reader, path: &str, at: Span, node: &Node) -> ExecutorSpec {
    let known: Vec<&str> = KEYS.into_iter().chain([UNREACHABLE]).collect();
    let fields = reader.fields(path, at, node, &known);
    let name = path.rsplit('.').next().unwrap_or_default().to_owned();
    let unreachable = reader.optional(&fields, UNREACHABLE, Reader::duration);
    let text = |reader: &mut Reader, key: &str| reader.optional(&fields, key, Reader::text);
    let spec = ExecutorSpec {
        name: path.strip_prefix("executors.").map_or(name, str::to_owned),
        kind: reader
            .required(&fields, "kind", "ray", |r, _, n| r.word(n, &KINDS))
            .unwrap_or(ExecutorKind::Ray),
        url: reader.required(&fields, "url", "http://head:8265", Reader::text).unwrap_or_default(),
        default: reader.optional(&fields, "default", Reader::boolean).unwrap_or_default(),
        advertise: text(reader, "advertise"),
        python: text(reader, "python"),
        folder: text(reader, "folder"),
        token_env: text(reader, "token_env"),
        token_file: text(reader, "token_file"),
        ca_file: text(reader, "ca_file"),
        user: text(reader, "user"),
        partition: text(reader, "partition"),
        api: text(reader, "api"),
        namespace: text(reader, "namespace"),
        image: text(reader, "image"),
        resources: reader.optional(&fields, "resources", resources).unwrap_or_default(),
        env: reader.optional(&fields, "env", variables).unwrap_or_default(),
        unreachable: unreachable.map(|d| pipelines::Span(std::time::Duration::from_secs(d.seconds()))),
        options: reader.optional(&fields, "options", |_, _, n| Some(n.value.to_json())).unwrap_or_default(),
    };
    // Without its address or kind it was reported already.
    if !spec.url.is_empty()
        && let Err(pipelines::Error::Executor { what, .. }) = spec.check()
    {
        reader.error(at, format!("executor `{}` cannot be used: {what}", spec.name), None);
    }
    spec
}

fn variables(reader: &mut Reader, path: &str, node: &Node) -> Option<BTreeMap<String, String>> {
    Some(reader.keyed(path, node, |r, p, _, n| r.text(p, n).unwrap_or_default()))
}

pub(super) fn resources(reader: &mut Reader, path: &str, node: &Node) -> Option<Resources> {
    let fields = reader.fields(path, node.at, node, &["cpus", "gpus", "memory_mib"]);
    let amount = |r: &mut Reader, p: &str, n: &Node| r.number_in(p, n, 0.0, false, f64::INFINITY);
    Some(Resources {
        cpus: reader.optional(&fields, "cpus", amount),
        gpus: reader.optional(&fields, "gpus", amount),
        memory_mib: reader
            .optional(&fields, "memory_mib", |r, _, n| r.integer(n, 1, MOST_MEMORY))
            .map(i64::unsigned_abs),
    })
}
