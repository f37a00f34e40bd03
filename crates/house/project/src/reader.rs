//! Reading typed values out of the tree. A mistake is noted and reading goes on with a neutral value.

use std::collections::{BTreeMap, HashMap};

use crate::node::{Entry, Node, Value};
use crate::{Diagnostic, Duration, Span};

pub(crate) struct Reader {
    found: Vec<Diagnostic>,
    /// Where the value of a path such as `pipelines.train.dataset` stands, for the checks that come after reading.
    values: HashMap<String, Span>,
}

/// A mapping whose keys have been checked.
pub(crate) struct Fields<'n> {
    pub path: String,
    /// Where its name stands: what a missing key is reported at.
    at: Span,
    entries: &'n [Entry],
    /// It was no mapping at all, which is reported already.
    broken: bool,
}

impl Reader {
    pub fn new() -> Self {
        Self { found: Vec::new(), values: HashMap::new() }
    }

    pub fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.found
    }

    pub fn error(&mut self, at: Span, message: impl Into<String>, hint: Option<String>) {
        self.found.push(Diagnostic { at, message: message.into(), hint });
    }

    /// Reports at the value of `path`; at its nearest known ancestor if it was left out.
    pub fn error_at(&mut self, path: &str, message: impl Into<String>, hint: Option<String>) {
        let mut known = path;
        let at = loop {
            match (self.values.get(known), known.rfind(['.', '['])) {
                (Some(at), _) => break *at,
                (None, Some(cut)) => known = &known[..cut],
                (None, None) => break Span { line: 1, column: 1, length: 0 },
            }
        };
        self.error(at, message, hint);
    }

    fn expected(&mut self, what: &str, node: &Node, hint: Option<String>) {
        self.error(node.at, format!("expected {what}, found {}", node.value.describe()), hint);
    }

    /// A mapping with known keys. `at` is where its name stands.
    pub fn fields<'n>(&mut self, path: &str, at: Span, node: &'n Node, known: &[&str]) -> Fields<'n> {
        self.values.insert(path.to_owned(), at);
        let Value::Map(entries) = &node.value else {
            let keys = known.join(", ");
            self.expected("a mapping", node, Some(format!("its keys are: {keys}")));
            return Fields { path: path.to_owned(), at, entries: &[], broken: true };
        };
        self.repeated(entries);
        for entry in entries.iter().filter(|e| !known.contains(&e.key.as_str())) {
            let message = match path {
                "" => format!("unknown key `{}`", entry.key),
                path => format!("unknown key `{}` in `{path}`", entry.key),
            };
            let hint = did_you_mean(&entry.key, known)
                .unwrap_or_else(|| format!("its keys are: {}", known.join(", ")));
            self.error(entry.at, message, Some(hint));
        }
        Fields { path: path.to_owned(), at, entries, broken: false }
    }

    fn repeated(&mut self, entries: &[Entry]) {
        let mut first = HashMap::new();
        for entry in entries {
            if let Some(line) = first.insert(entry.key.as_str(), entry.at.line) {
                self.error(
                    entry.at,
                    format!("the key `{}` stands here twice", entry.key),
                    Some(format!("it is on line {line} already; remove one or give it another name")),
                );
            }
        }
    }

    pub fn optional<T>(
        &mut self,
        fields: &Fields<'_>,
        key: &str,
        read: impl FnOnce(&mut Self, &str, &Node) -> Option<T>,
    ) -> Option<T> {
        let entry = fields.entries.iter().find(|e| e.key == key)?;
        let path = if fields.path.is_empty() { key.to_owned() } else { format!("{}.{key}", fields.path) };
        self.values.insert(path.clone(), entry.value.at);
        if matches!(entry.value.value, Value::Null) {
            let hint = format!("give it a value or remove `{key}`");
            self.error(entry.at, format!("`{path}` has no value"), Some(hint));
            return None;
        }
        read(self, &path, &entry.value)
    }

    pub fn required<T>(
        &mut self,
        fields: &Fields<'_>,
        key: &str,
        example: &str,
        read: impl FnOnce(&mut Self, &str, &Node) -> Option<T>,
    ) -> Option<T> {
        if fields.broken {
            return None;
        }
        if !fields.entries.iter().any(|e| e.key == key) {
            let message = match fields.path.as_str() {
                "" => format!("the key `{key}` is missing"),
                path => format!("`{path}` lacks the key `{key}`"),
            };
            self.error(fields.at, message, Some(format!("add `{key}: {example}`")));
            return None;
        }
        self.optional(fields, key, read)
    }

    pub fn has(&self, fields: &Fields<'_>, key: &str) -> bool {
        fields.entries.iter().any(|e| e.key == key)
    }

    /// Where the key itself stands, for nested mappings.
    pub fn key_at(&self, fields: &Fields<'_>, key: &str) -> Span {
        fields.entries.iter().find(|e| e.key == key).map_or(fields.at, |e| e.at)
    }

    /// A mapping from names that the file defines.
    pub fn named<T>(
        &mut self,
        path: &str,
        node: &Node,
        read: impl FnMut(&mut Self, &str, Span, &Node) -> T,
    ) -> BTreeMap<String, T> {
        if let Value::Map(entries) = &node.value {
            for entry in entries {
                self.name(entry.at, &entry.key);
            }
        }
        self.keyed(path, node, read)
    }

    /// A mapping from names that the data or the model brings: any text.
    pub fn keyed<T>(
        &mut self,
        path: &str,
        node: &Node,
        mut read: impl FnMut(&mut Self, &str, Span, &Node) -> T,
    ) -> BTreeMap<String, T> {
        let Value::Map(entries) = &node.value else {
            self.expected(
                "a mapping from names",
                node,
                Some(format!("write {path}: then an indented <name>: …")),
            );
            return BTreeMap::new();
        };
        self.repeated(entries);
        let mut all = BTreeMap::new();
        for entry in entries {
            let path = format!("{path}.{}", entry.key);
            let value = read(self, &path, entry.at, &entry.value);
            all.entry(entry.key.clone()).or_insert(value);
        }
        all
    }

    fn name(&mut self, at: Span, name: &str) {
        if !is_name(name) {
            self.error(at, format!("`{name}` cannot be a name"), Some(NAME_RULE.into()));
        }
    }

    pub fn list<T>(
        &mut self,
        path: &str,
        node: &Node,
        mut read: impl FnMut(&mut Self, &str, &Node) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Value::List(items) = &node.value else {
            self.expected("a list", node, Some("write it as [a, b] or as lines that start with `- `".into()));
            return None;
        };
        let mut all = Vec::with_capacity(items.len());
        for (i, item) in items.iter().enumerate() {
            let path = format!("{path}[{i}]");
            self.values.insert(path.clone(), item.at);
            all.extend(read(self, &path, item));
        }
        Some(all)
    }

    pub fn text(&mut self, _path: &str, node: &Node) -> Option<String> {
        match &node.value {
            Value::Text(text) if !text.trim().is_empty() => Some(text.clone()),
            Value::Text(_) => {
                self.error(node.at, "this text is empty", None);
                None
            }
            Value::Integer(_) | Value::Float(_) | Value::Boolean(_) => {
                self.expected("a text", node, Some("put it in quotes".into()));
                None
            }
            _ => {
                self.expected("a text", node, None);
                None
            }
        }
    }

    /// A name that the file defines here.
    pub fn new_name(&mut self, path: &str, node: &Node) -> Option<String> {
        let name = self.text(path, node)?;
        self.name(node.at, &name);
        Some(name)
    }

    /// A relative path that stays inside the project's directory.
    pub fn file(&mut self, path: &str, node: &Node) -> Option<String> {
        let file = self.text(path, node)?;
        let inside = !file.starts_with(['/', '~', '\\']) && !file.split(['/', '\\']).any(|part| part == "..");
        if !inside {
            let hint = "write it relative to this file; copy it into the project if it stands elsewhere";
            self.error(
                node.at,
                format!("the path `{file}` leaves the project's directory"),
                Some(hint.into()),
            );
            return None;
        }
        Some(file.strip_prefix("./").unwrap_or(&file).to_owned())
    }

    pub fn boolean(&mut self, _path: &str, node: &Node) -> Option<bool> {
        let Value::Boolean(value) = node.value else {
            self.expected("true or false", node, None);
            return None;
        };
        Some(value)
    }

    pub fn integer(&mut self, node: &Node, least: i64, most: i64) -> Option<i64> {
        let Value::Integer(value) = node.value else {
            self.expected("a whole number", node, None);
            return None;
        };
        if value < least || value > most {
            let range = if most == i64::MAX {
                format!("at least {least}")
            } else {
                format!("between {least} and {most}")
            };
            self.error(node.at, format!("{value} is out of range"), Some(format!("it must be {range}")));
            return None;
        }
        Some(value)
    }

    pub fn number(&mut self, _path: &str, node: &Node) -> Option<f64> {
        match node.value {
            Value::Float(value) if value.is_finite() => Some(value),
            Value::Integer(value) => Some(value as f64),
            _ => {
                self.expected("a number", node, None);
                None
            }
        }
    }

    /// A number that is at least `least` (or above it, if `above`) and at most `most`.
    pub fn number_in(&mut self, path: &str, node: &Node, least: f64, above: bool, most: f64) -> Option<f64> {
        let value = self.number(path, node)?;
        let fits = value <= most && if above { value > least } else { value >= least };
        if !fits {
            let low = if above { format!("above {least}") } else { format!("at least {least}") };
            let range = if most.is_infinite() { low } else { format!("{low} and at most {most}") };
            self.error(node.at, format!("{value} is out of range"), Some(format!("it must be {range}")));
            return None;
        }
        Some(value)
    }

    pub fn duration(&mut self, path: &str, node: &Node) -> Option<Duration> {
        let hint = Some("write a number and a unit: 30s, 10m, 1h or 2d".to_owned());
        match &node.value {
            Value::Text(text) => match text.parse() {
                Ok(duration) => Some(duration),
                Err(message) => {
                    self.error(node.at, message, hint);
                    None
                }
            },
            Value::Integer(0) => Some(Duration::from_seconds(0)),
            _ => {
                let _ = path;
                self.expected("a length of time", node, hint);
                None
            }
        }
    }

    /// One word of a fixed list.
    pub fn word<T: Copy>(&mut self, node: &Node, words: &[(&str, T)]) -> Option<T> {
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        let one_of = format!("it must be one of: {}", names.join(", "));
        let Value::Text(text) = &node.value else {
            self.expected("a word", node, Some(one_of));
            return None;
        };
        let found = words.iter().find(|(name, _)| name == text).map(|(_, value)| *value);
        if found.is_none() {
            let hint = did_you_mean(text, &names).unwrap_or(one_of);
            self.error(node.at, format!("`{text}` is not known here"), Some(hint));
        }
        found
    }
}

pub(crate) const NAME_RULE: &str =
    "a name starts with a letter or digit and holds letters, digits, `-`, `_` and `.`, at most 64";

pub(crate) fn is_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// The nearest of `known`, if one is near enough to be meant.
pub(crate) fn did_you_mean<S: AsRef<str>>(given: &str, known: &[S]) -> Option<String> {
    known
        .iter()
        .map(|k| (strsim::normalized_damerau_levenshtein(given, k.as_ref()), k.as_ref()))
        .filter(|(likeness, _)| *likeness >= 0.5)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, k)| format!("did you mean `{k}`?"))
}
