//! The gates that repositories declare in their data: the files that changed are held against expectations, and
//! pipelines look at the frozen candidate. Whatever cannot be checked is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use blobs::Blobs;
use bytes::Bytes;
use futures::TryStreamExt as _;
use ledger::Ledger;
use pipelines::{PipelineRun, RunState, Submit};
use repositories::{
    Candidate, DiffOptions, Difference, Entry, Gate, GateError, Listing, Object, Paging, Repositories,
    Verdict, WeakRepositories,
};
use serde_json::json;
use types::{Actor, Fault as _, Uid};

use crate::apply::checked;
use crate::data_gate_file::{DataGateFile, FOLDER, parse_data_gate};

/// Bytes of the largest file that is checked: it is read into memory.
const LARGEST: u64 = 512 << 20;
/// Bytes of the longest gate file, and most of them.
const LONGEST_GATE: u64 = 1 << 20;
const MOST_GATES: usize = 200;
/// The parameter that gets the candidate's ref: a pipeline without it is no gate.
const PARAMETER: &str = "candidate";
/// How often a run is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Checks the gates below `_mlwright/gates/` of each candidate.
pub struct DataGate {
    repositories: WeakRepositories,
    ledger: Ledger,
    /// Of the pipelines' code.
    blobs: Blobs,
}

impl DataGate {
    pub fn new(repositories: &Repositories, ledger: &Ledger, blobs: &Blobs) -> Self {
        Self { repositories: repositories.weak(), ledger: ledger.clone(), blobs: blobs.clone() }
    }
}

#[async_trait::async_trait]
impl Gate for DataGate {
    fn name(&self) -> &str {
        "data gate"
    }

    fn concerns(&self, _: &str, _: &str) -> bool {
        true
    }

    fn folder(&self) -> Option<&str> {
        Some(FOLDER)
    }

    /// Each pipeline has its own limit.
    fn timeout(&self) -> Duration {
        Duration::from_secs(24 * 3_600)
    }

    async fn check(&self, actor: &Actor, candidate: &Candidate) -> Result<Verdict, GateError> {
        let stage = self.repositories.upgrade().ok_or("the server is stopping")?;
        let look = Look { stage, actor, candidate };
        let mut report = Report::default();
        for rules in look.gates(&mut report).await? {
            self.judge(&look, &rules, &mut report).await?;
        }
        Ok(report.verdict())
    }
}

/// The gate of one file, and why all that it is about is checked, not only what changed.
struct Rules {
    path: String,
    gate: DataGateFile,
    is_new: bool,
}

impl DataGate {
    async fn judge(&self, look: &Look<'_>, rules: &Rules, report: &mut Report) -> Result<(), GateError> {
        let gate = &rules.gate;
        report.section(&gate.name, &rules.path);
        if let Some(declared) = &gate.expectations {
            let expectations = checked("gate", &gate.name, declared)?;
            let files = look.files(gate, rules.is_new).await?;
            if files.is_empty() {
                report.line("No file that it is about has changed.");
            }
            for (path, object) in files {
                let checked = look.check_file(&path, &object, &expectations).await?;
                report.file(&path, checked);
            }
        }
        if let Some(pipeline) = &gate.pipeline {
            let outcome = self.run(look, gate, pipeline).await;
            report.outcome(&gate.name, outcome.map_err(|error| error.to_string()));
        }
        Ok(())
    }

    /// Runs a pipeline on the candidate, with the code of its newest run. Errors: why that is no success.
    async fn run(&self, look: &Look<'_>, gate: &DataGateFile, pipeline: &str) -> Result<String, GateError> {
        let candidate = look.candidate;
        // The operator who gave the pipeline this parameter made it a gate; whoever commits need not run code.
        let system = Actor { workspace: look.actor.workspace, ..Actor::system("data-gate") };
        let spec = pipelines::get(&self.ledger, &system, pipeline).await?.spec;
        if !spec.params.contains_key(PARAMETER) {
            return Err(format!(
                "the pipeline `{pipeline}` has no parameter `{PARAMETER}`; add it to its params to let repositories \
                 start it"
            )
            .into());
        }
        let newest = pipelines::list_runs(&self.ledger, &system, Some(pipeline.to_owned()), 1).await?;
        let code = newest.into_iter().find_map(|run| run.code).ok_or_else(|| {
            format!("the pipeline `{pipeline}` has never run, so that its code is not known; run it once")
        })?;
        let given = [
            (PARAMETER, &candidate.reference),
            ("repository", &candidate.repository),
            ("branch", &candidate.branch),
        ];
        let params: BTreeMap<_, _> = given
            .into_iter()
            .filter(|(name, _)| spec.params.contains_key(*name))
            .map(|(name, value)| (name.to_owned(), json!(value)))
            .collect();
        let submit = Submit {
            pipeline: pipeline.to_owned(),
            params,
            dataset_version: None,
            code,
            trigger: json!({
                "gate": gate.name, "repository": candidate.repository, "branch": candidate.branch,
                "by": look.actor.to_string(),
            }),
            use_cache: false,
            executor: None,
        };
        let run = pipelines::submit(&self.ledger, &self.blobs, &system, submit).await?.uid;
        let limit = Duration::from_secs(gate.timeout.seconds());
        let Ok(ended) = tokio::time::timeout(limit, self.ended(&system, run)).await else {
            pipelines::cancel(&self.ledger, &system, run).await?;
            return Err(
                format!("pipeline run {run} of `{pipeline}` did not end within {}", gate.timeout).into()
            );
        };
        let ended = ended?;
        let said = ended.message.map(|message| format!(": {message}")).unwrap_or_default();
        let text = format!("pipeline run {run} of `{pipeline}` {}{said}", ended.state.name());
        if ended.state == RunState::Succeeded { Ok(text) } else { Err(text.into()) }
    }

    async fn ended(&self, actor: &Actor, run: Uid) -> Result<PipelineRun, GateError> {
        loop {
            let now = pipelines::get_run(&self.ledger, actor, run).await?;
            if now.state.is_final() {
                return Ok(now);
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// A candidate, as somebody sees it.
struct Look<'a> {
    stage: Repositories,
    actor: &'a Actor,
    candidate: &'a Candidate,
}

impl Look<'_> {
    /// The gates that concern the branch. Those of the head count as well where the candidate removes them; a gate that
    /// the candidate brings or changes looks at every file.
    async fn gates(&self, report: &mut Report) -> Result<Vec<Rules>, GateError> {
        let wanted = self.gate_files(&self.candidate.reference).await?;
        let head = self.candidate.head.hex();
        let before = self.gate_files(&head).await?;
        let mut rules = Vec::new();
        for (path, object) in &wanted {
            let is_new = before.get(path).is_none_or(|known| known.etag != object.etag);
            match self.gate(path, object).await? {
                Ok(gate) if gate.is_about_branch(&self.candidate.branch) => {
                    rules.push(Rules { path: path.clone(), gate, is_new });
                }
                Ok(_) => {}
                Err(mistakes) => report.broken(path, &mistakes),
            }
        }
        for (path, object) in before.iter().filter(|(path, _)| !wanted.contains_key(*path)) {
            // One that cannot be read is best removed.
            if let Ok(gate) = self.gate(path, object).await?
                && gate.is_about_branch(&self.candidate.branch)
            {
                rules.push(Rules { path: path.clone(), gate, is_new: false });
            }
        }
        Ok(rules)
    }

    async fn gate_files(&self, reference: &str) -> Result<BTreeMap<String, Object>, GateError> {
        let listing = Listing { prefix: FOLDER.to_owned(), limit: MOST_GATES + 1, ..Listing::default() };
        let page = self.stage.list(self.actor, &self.candidate.repository, reference, listing).await?;
        if page.items.len() > MOST_GATES {
            return Err(format!("there are more than {MOST_GATES} files below {FOLDER}").into());
        }
        let is_yaml = |path: &str| path.ends_with(".yaml") || path.ends_with(".yml");
        let files = page.items.into_iter().filter_map(|entry| match entry {
            Entry::Object { path, object } if is_yaml(&path) => Some((path, object)),
            _ => None,
        });
        Ok(files.collect())
    }

    /// Inner errors: the mistakes in the file.
    async fn gate(&self, path: &str, object: &Object) -> Result<Result<DataGateFile, String>, GateError> {
        if object.size > LONGEST_GATE {
            return Ok(Err(format!("`{path}` is longer than 1 MiB")));
        }
        let Ok(text) = String::from_utf8(self.bytes(object).await?.to_vec()) else {
            return Ok(Err(format!("`{path}` is no UTF-8 text")));
        };
        Ok(parse_data_gate(path, &text).map_err(|mistakes| mistakes.to_string()))
    }

    async fn bytes(&self, object: &Object) -> Result<Bytes, GateError> {
        let chunks: Vec<Bytes> = self.stage.read(object, None).await?.body.try_collect().await?;
        Ok(match <[Bytes; 1]>::try_from(chunks) {
            Ok([one]) => one,
            Err(many) => many.concat().into(),
        })
    }

    /// The files of the candidate that a gate is about: all of them, or those that differ from the head.
    async fn files(&self, gate: &DataGateFile, all: bool) -> Result<Vec<(String, Object)>, GateError> {
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let (page, next) = self.page(&gate.prefix(), after, all).await?;
            found.extend(page.into_iter().filter(|(path, _)| gate.is_about_file(path)));
            match next {
                Some(next) => after = next,
                None => return Ok(found),
            }
        }
    }

    async fn page(
        &self,
        prefix: &str,
        after: String,
        all: bool,
    ) -> Result<(Vec<(String, Object)>, Option<String>), GateError> {
        let Candidate { repository, reference, head, .. } = self.candidate;
        let limit = repositories::LONGEST_PAGE;
        if all {
            let listing = Listing { prefix: prefix.to_owned(), after, limit, ..Listing::default() };
            let page = self.stage.list(self.actor, repository, reference, listing).await?;
            let files = page.items.into_iter().filter_map(|entry| match entry {
                Entry::Object { path, object } => Some((path, object)),
                Entry::Prefix(_) => None,
            });
            return Ok((files.collect(), page.next));
        }
        let paging = Paging { prefix: prefix.to_owned(), after, limit };
        let options = DiffOptions { paging, ..DiffOptions::default() };
        let page = self.stage.diff(self.actor, repository, &head.hex(), reference, false, options).await?;
        let changed = |Difference { path, right, .. }| Some((path, right?));
        Ok((page.items.into_iter().filter_map(changed).collect(), page.next))
    }

    /// Inner errors: why the file cannot be checked.
    async fn check_file(
        &self,
        path: &str,
        object: &Object,
        expectations: &curation::Expectations,
    ) -> Result<Result<curation::Report, String>, GateError> {
        if object.size > LARGEST {
            let text = format!(
                "`{path}` has {} bytes, and a gate reads at most {LARGEST}: split it, or check it with a pipeline",
                object.size
            );
            return Ok(Err(text));
        }
        let (name, bytes, expectations) = (path.to_owned(), self.bytes(object).await?, expectations.clone());
        let checked =
            tokio::task::spawn_blocking(move || curation::check_file(&name, bytes, &expectations)).await?;
        Ok(checked.map_err(|error| match error.hint() {
            Some(hint) => format!("{error} ({hint})"),
            None => error.to_string(),
        }))
    }
}

/// What is found, for people.
#[derive(Default)]
struct Report {
    text: String,
    gates: BTreeSet<String>,
    files: usize,
    refusals: Vec<String>,
}

impl Report {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push_str("\n\n");
    }

    fn section(&mut self, name: &str, path: &str) {
        self.gates.insert(path.to_owned());
        // Writing to a string cannot fail.
        let _ = write!(self.text, "# Gate `{name}` (`{path}`)\n\n");
    }

    fn refuse(&mut self, why: String) {
        self.line(&format!("✗ {why}"));
        self.refusals.push(why);
    }

    fn broken(&mut self, path: &str, mistakes: &str) {
        self.gates.insert(path.to_owned());
        // Writing to a string cannot fail.
        let _ = write!(self.text, "# Gate `{path}`\n\n");
        let first = mistakes.lines().next().unwrap_or_default();
        let at = mistakes.lines().find_map(|line| line.trim().strip_prefix("--> ")).unwrap_or(path);
        self.refusals
            .push(format!("the gate cannot be read: {} ({at})", first.trim_start_matches("error: ")));
        self.line(&format!("✗ The gate cannot be read.\n\n```\n{mistakes}\n```"));
    }

    fn file(&mut self, path: &str, checked: Result<curation::Report, String>) {
        self.files += 1;
        match checked {
            Ok(checked) => {
                if !checked.passed {
                    self.refusals.push(checked.summary());
                }
                let text = checked.text(&format!("`{path}`"));
                // Below the heading of the gate.
                let text = text
                    .lines()
                    .map(|line| if line.starts_with('#') { format!("#{line}") } else { line.to_owned() });
                let text = text.collect::<Vec<_>>().join("\n");
                self.line(&text);
            }
            Err(why) => {
                let _ = write!(self.text, "## `{path}`: refused\n\n");
                self.refuse(why);
            }
        }
    }

    fn outcome(&mut self, gate: &str, outcome: Result<String, String>) {
        match outcome {
            Ok(text) => self.line(&format!("✓ {text}")),
            Err(why) => self.refuse(format!("gate `{gate}`: {why}")),
        }
    }

    fn verdict(self) -> Verdict {
        let summary = match self.refusals.as_slice() {
            [] => format!("{} gates hold; {} files were checked", self.gates.len(), self.files),
            [one] => one.clone(),
            [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
        };
        Verdict { passed: self.refusals.is_empty(), summary, report: self.text.trim_end().to_owned() }
    }
}
