//! Gates: what must hold before a commit or merge counts.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use types::{Actor, Digest};

use crate::advance::Prepared;
use crate::hooks::{Event, Hooked, Ran};
use crate::store;
use crate::{Commit, Error, Repositories, refs};

/// What asks to become the head of a branch. It is frozen: `reference` shows it until the gates have answered.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub repository: String,
    pub branch: String,
    /// A ref expression that shows exactly what would be published; diff it with `head` for what changed.
    pub reference: String,
    /// The commit that the branch points to.
    pub head: Digest,
    pub commit: Commit,
    pub event: Event,
}

/// What a gate answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub passed: bool,
    /// One line: what was wrong, or how much was checked.
    pub summary: String,
    /// For people (Markdown); kept with the run.
    pub report: String,
}

/// Any error of a gate.
pub type GateError = Box<dyn std::error::Error + Send + Sync>;

/// Asked before a commit or merge, outside any transaction. An error, and no answer in time, count as a refusal.
#[async_trait::async_trait]
pub trait Gate: Send + Sync {
    fn name(&self) -> &str;

    /// Whether it has a say here.
    fn concerns(&self, repository: &str, branch: &str) -> bool;

    /// Where its rules lie, if they lie in the data themselves: it is asked only where the candidate or the head has
    /// something below this prefix.
    fn folder(&self) -> Option<&str> {
        None
    }

    /// How long it may take.
    fn timeout(&self) -> Duration {
        Duration::from_secs(600)
    }

    async fn check(&self, actor: &Actor, candidate: &Candidate) -> Result<Verdict, GateError>;
}

#[derive(Default)]
pub(crate) struct Gates(RwLock<Vec<Arc<dyn Gate>>>);

impl Repositories {
    /// From now on, commits and merges that it concerns ask this gate as well.
    pub fn add_gate(&self, gate: Arc<dyn Gate>) {
        self.0.gates.0.write().unwrap_or_else(PoisonError::into_inner).push(gate);
    }

    fn gates_of(&self, repository: &str, branch: &str) -> Vec<Arc<dyn Gate>> {
        let gates = self.0.gates.0.read().unwrap_or_else(PoisonError::into_inner);
        gates.iter().filter(|gate| gate.concerns(repository, branch)).cloned().collect()
    }

    /// Those whose rules lie elsewhere, or in one of the trees.
    async fn with_rules(
        &self,
        gates: Vec<Arc<dyn Gate>>,
        head: &Digest,
        candidate: &Digest,
    ) -> Result<Vec<Arc<dyn Gate>>, Error> {
        if gates.iter().all(|gate| gate.folder().is_none()) {
            return Ok(gates);
        }
        let roots = [*head, *candidate];
        self.blocking(move |stage, _| {
            let mut asked = Vec::with_capacity(gates.len());
            for gate in gates {
                let has_rules = match gate.folder() {
                    None => true,
                    Some(folder) => {
                        let count = |root| {
                            Ok::<_, Error>(tree::totals(stage.nodes(), root, folder.as_bytes())?.count)
                        };
                        count(&roots[1])? > 0 || count(&roots[0])? > 0
                    }
                };
                if has_rules {
                    asked.push(gate);
                }
            }
            Ok(asked)
        })
        .await
    }

    /// Asks gates and actions about a commit whose tree is kept. Errors: `Refused`.
    pub(crate) async fn gated(
        &self,
        actor: &Actor,
        from: &Prepared,
        commit: Commit,
        event: Event,
        source: &str,
    ) -> Result<Commit, Error> {
        let repository = &from.repository.repository;
        let gates = match event {
            Event::PreCommit | Event::PreMerge | Event::PreRevert | Event::PreCherryPick => {
                self.with_rules(self.gates_of(&repository.name, &from.name), &from.head.root, &commit.root)
                    .await?
            }
            _ => Vec::new(),
        };
        let hooked = Hooked::commit(event, from, &commit, source);
        let actions = self.actions_for(actor, &hooked, repository.read_only, &commit.root).await;
        if gates.is_empty() && actions.as_ref().is_ok_and(Vec::is_empty) {
            return Ok(commit);
        }
        let id = types::new_id(self.ledger().clock().now()).hex();
        let (key, number, head, root) = (id.clone(), from.repository.id, from.head.id, commit.root);
        self.ledger()
            .record(actor, move |tx| store::refs::insert_candidate(tx, number, &key, &head, &root))
            .await?;
        let candidate = Candidate {
            repository: repository.name.clone(),
            branch: from.name.clone(),
            reference: format!("{}{id}", refs::CANDIDATE),
            head: from.head.id,
            commit: commit.clone(),
            event,
        };
        let mut ran = Ran::begin(self.ledger().clock().now());
        for (index, gate) in gates.iter().enumerate() {
            self.ask(actor, &candidate, gate.as_ref(), index, &mut ran).await;
        }
        match actions {
            Ok(actions) => self.run_actions(&hooked, &candidate.reference, &actions, &mut ran).await,
            Err(error) => ran.failed(self.ledger().clock().now(), "actions", "load", &error.to_string()),
        }
        self.ledger().record(actor, move |tx| store::refs::delete_candidate(tx, &id)).await?;
        self.judge(actor, &hooked, ran).await?;
        Ok(commit)
    }

    async fn ask(&self, actor: &Actor, candidate: &Candidate, gate: &dyn Gate, index: usize, ran: &mut Ran) {
        let started = self.ledger().clock().now();
        let asked = tokio::time::timeout(gate.timeout(), gate.check(actor, candidate)).await;
        let (passed, output) = match asked {
            Ok(Ok(verdict)) => (verdict.passed, format!("{}\n\n{}", verdict.summary, verdict.report)),
            Ok(Err(error)) => (false, format!("the gate failed: {error}")),
            Err(_) => (false, format!("the gate did not answer within {:?}", gate.timeout())),
        };
        ran.add(
            format!("gate_{index:04}"),
            "gate",
            gate.name(),
            started,
            self.ledger().clock().now(),
            passed,
            output,
        );
    }
}
