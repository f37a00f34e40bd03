use crate::reader::Reader;
use crate::{Diagnostics, Duration, Expectations, node, read};

/// Where the gates of a repository lie: YAML files of the data themselves, versioned with them.
pub const FOLDER: &str = "_mlwright/gates/";

/// What must hold for files of a repository before a commit or merge counts.
#[derive(Clone, Debug, PartialEq)]
pub struct DataGateFile {
    pub name: String,
    /// Patterns; empty: every branch.
    pub branches: Vec<String>,
    /// Patterns of paths that the expectations are about. `*` stands for any characters, also `/`.
    pub files: Vec<String>,
    pub expectations: Option<Expectations>,
    /// Run with the candidate's ref as the parameter `candidate`; the gate passes if it succeeds.
    pub pipeline: Option<String>,
    /// For the pipeline.
    pub timeout: Duration,
}

impl DataGateFile {
    pub fn is_about_branch(&self, branch: &str) -> bool {
        self.branches.is_empty() || self.branches.iter().any(|pattern| repositories::matches(pattern, branch))
    }

    pub fn is_about_file(&self, path: &str) -> bool {
        self.files.iter().any(|pattern| repositories::matches(pattern, path))
    }

    /// What every path that it is about begins with.
    pub fn prefix(&self) -> String {
        let plain = |pattern: &String| {
            pattern.split(['*', '?', '[', '{', '\\']).next().unwrap_or_default().to_owned()
        };
        let shared = |a: String, b: String| {
            let length: usize =
                a.chars().zip(b.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
            a[..length].to_owned()
        };
        self.files.iter().map(plain).reduce(shared).unwrap_or_default()
    }
}

/// Reads the file of a gate. `name` is what the messages call it. Errors: every mistake in the text, with its line.
pub fn parse_data_gate(name: &str, text: &str) -> Result<DataGateFile, Diagnostics> {
    let root = node::parse(text).map_err(|mistake| Diagnostics::new(name, text, vec![mistake]))?;
    let mut reader = Reader::new();
    let gate = read::data_gate(&mut reader, &root);
    let found = reader.into_diagnostics();
    if found.is_empty() { Ok(gate) } else { Err(Diagnostics::new(name, text, found)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_says_which_files_of_which_branches_it_is_about() {
        let text = "name: clean\nbranches: [main, release-*]\nfiles: [visits/2*.csv, visits/old.csv]\n\
            expectations:\n  columns: {age: {type: integer, between: [0, 120]}}\n";
        let gate = parse_data_gate("gate.yaml", text).unwrap();
        assert!(gate.is_about_branch("release-1") && !gate.is_about_branch("dev"));
        assert!(gate.is_about_file("visits/2026/a.csv") && !gate.is_about_file("visits/new.csv"));
        assert_eq!(gate.prefix(), "visits/");
        assert_eq!(gate.timeout.seconds(), 1_800);
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        for (text, said) in [
            ("name: x\nfiles: a.csv\nexpectation: {}\n", "gate.yaml:3:1"),
            ("name: x\n", "this gate checks nothing"),
            ("name: x\nexpectations: {}\n", "no file is named"),
            (
                "files: a.csv\nexpectations: {columns: {age: {between: [3, 1]}}}\n",
                "nothing lies between 3 and 1",
            ),
            ("name: [\n", "this is not YAML"),
        ] {
            let mistakes = parse_data_gate("gate.yaml", text).unwrap_err().to_string();
            assert!(mistakes.contains(said), "{mistakes}");
        }
    }
}
