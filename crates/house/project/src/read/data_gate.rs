use super::data::expectations;
use crate::data_gate_file::DataGateFile;
use crate::node::{Node, Value};
use crate::reader::Reader;
use crate::{Duration, Span};

const KEYS: [&str; 6] = ["name", "branches", "files", "expectations", "pipeline", "timeout"];
/// Pipelines that check data read much of it.
const DEFAULT_TIMEOUT: Duration = Duration::from_seconds(1_800);

/// A gate of a repository.
pub(crate) fn data_gate(reader: &mut Reader, root: &Node) -> DataGateFile {
    let fields = reader.fields("", root.at, root, &KEYS);
    let expectations_at = reader.key_at(&fields, "expectations");
    let name = reader.required(&fields, "name", "clean visits", Reader::text).unwrap_or_default();
    let gate = DataGateFile {
        name,
        branches: reader.optional(&fields, "branches", globs).unwrap_or_default(),
        files: reader.optional(&fields, "files", globs).unwrap_or_default(),
        expectations: reader
            .optional(&fields, "expectations", |r, p, n| Some(expectations(r, p, expectations_at, n))),
        pipeline: reader.optional(&fields, "pipeline", Reader::text),
        timeout: reader.optional(&fields, "timeout", Reader::duration).unwrap_or(DEFAULT_TIMEOUT),
    };
    let has = |key: &str| matches!(&root.value, Value::Map(entries) if entries.iter().any(|e| e.key == key));
    if has("expectations") && !has("files") {
        let hint = "add `files: \"visits/*.csv\"`; `*` stands for any characters, also `/`";
        reader.error(
            expectations_at,
            "expectations are about files, and no file is named",
            Some(hint.into()),
        );
    }
    // A key that is not known is told already, and may be one of them.
    let knows_all =
        matches!(&root.value, Value::Map(entries) if entries.iter().all(|e| KEYS.contains(&e.key.as_str())));
    if knows_all && !has("expectations") && !has("pipeline") {
        let at = Span { line: 1, column: 1, length: 0 };
        let hint = "add `expectations:` with rules for rows and columns, or `pipeline:` with the name of one";
        reader.error(at, "this gate checks nothing", Some(hint.into()));
    }
    gate
}

/// One pattern, or a list of them.
fn globs(reader: &mut Reader, path: &str, node: &Node) -> Option<Vec<String>> {
    match node.value {
        Value::Text(_) => reader.text(path, node).map(|one| vec![one]),
        _ => reader.list(path, node, Reader::text),
    }
}
