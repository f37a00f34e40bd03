use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::committing::differences;
use crate::{ALL, House, house, me, message_only};
use repositories::{Candidate, Error, Event, Gate, GateError, MergeOptions, Paging, Repositories, Verdict};
use types::Actor;

/// Refuses candidates whose `data.txt` says `bad`; looks at it through the candidate's ref.
struct Looks {
    stage: Repositories,
    seen: AtomicUsize,
}

#[async_trait::async_trait]
impl Gate for Looks {
    fn name(&self) -> &str {
        "looks"
    }

    fn concerns(&self, repository: &str, branch: &str) -> bool {
        repository == "repo" && branch == "main"
    }

    fn timeout(&self) -> Duration {
        Duration::from_millis(500)
    }

    async fn check(&self, actor: &Actor, candidate: &Candidate) -> Result<Verdict, GateError> {
        self.seen.fetch_add(1, Ordering::SeqCst);
        let changed = self
            .stage
            .diff(actor, "repo", &candidate.head.hex(), &candidate.reference, false, differences(""))
            .await?;
        let object = self.stage.stat(actor, "repo", &candidate.reference, "data.txt").await?;
        if object.size == 4 {
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        let passed = object.size != 3;
        Ok(Verdict { passed, summary: format!("{} changed", changed.items.len()), report: "# Report".into() })
    }
}

async fn gated(house: &House) -> Arc<Looks> {
    let gate = Arc::new(Looks { stage: house.stage.clone(), seen: AtomicUsize::new(0) });
    house.stage.add_gate(gate.clone());
    gate
}

fn some() -> Paging {
    Paging { limit: 100, ..Paging::default() }
}

ledger::db_test! {
    components: ALL;

    async fn a_gate_sees_the_frozen_candidate_and_its_verdict_is_kept(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        let gate = gated(&house).await;
        house.put("main", "data.txt", "bad").await;
        let Err(Error::Refused { summary, run }) =
            house.stage.commit(&me(), "repo", "main", message_only("x")).await
        else {
            panic!("it was not refused")
        };
        assert_eq!(summary, "looks: 1 changed");
        assert_eq!(house.read("main", "data.txt").await.unwrap(), "bad");
        assert!(house.paths("main@", "", "").await.is_empty());
        let kept = house.stage.action_run(&me(), "repo", &run).await.unwrap();
        assert_eq!((kept.passed, kept.event.as_str(), kept.commit.as_str()), (false, "pre-commit", ""));
        let hooks = house.stage.hook_runs(&me(), "repo", &run, some()).await.unwrap().items;
        let said = house.stage.hook_output(&me(), "repo", &run, &hooks[0].id).await.unwrap();
        assert!(said.contains("# Report"));
        house.put("main", "data.txt", "better").await;
        let commit = house.commit("main", "better").await;
        let hex = commit.id.hex();
        let runs = house.stage.action_runs(&me(), "repo", None, Some(&hex), some()).await.unwrap().items;
        assert!(runs.iter().any(|run| run.passed && run.event == "pre-commit"));
        assert_eq!(gate.seen.load(Ordering::SeqCst), 2);
        // Other branches are no concern of it.
        house.branch("dev", "main").await;
        house.put("dev", "data.txt", "bad").await;
        house.commit("dev", "bad").await;
        let merged = house.stage.merge(&me(), "repo", "dev", "main", MergeOptions::default()).await;
        assert!(matches!(merged, Err(Error::Refused { .. })));
        assert_eq!(house.read("main", "data.txt").await.unwrap(), "better");
    }

    async fn no_answer_and_an_error_are_refusals(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        gated(&house).await;
        house.put("main", "other", "x").await;
        let failed = house.stage.commit(&me(), "repo", "main", message_only("x")).await;
        assert!(matches!(failed, Err(Error::Refused { summary, .. }) if summary.contains("failed")));
        house.put("main", "data.txt", "slow").await;
        let late = house.stage.commit(&me(), "repo", "main", message_only("x")).await;
        assert!(matches!(late, Err(Error::Refused { summary, .. }) if summary.contains("did not answer")));
        let gone = house.stage.resolve(&me(), "repo", "candidate:1").await;
        assert!(matches!(gone, Err(Error::RefNotFound(_))));
    }

    async fn an_action_that_cannot_run_refuses_and_can_be_mended(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        let action = "name: check\non:\n  pre-commit:\n    branches: [main]\n  post-create-branch:\nhooks:\n  - id: hook\n    type: webhook\n    properties: {url: \"http://127.0.0.1:1/\"}\n  - id: after\n    type: webhook\n    properties: {url: \"http://127.0.0.1:1/\"}\n";
        house.put("main", "_lakefs_actions/check.yaml", action).await;
        let refused = house.stage.commit(&me(), "repo", "main", message_only("x")).await;
        let Err(Error::Refused { run, .. }) = refused else { panic!("{refused:?}") };
        let hooks = house.stage.hook_runs(&me(), "repo", &run, some()).await.unwrap().items;
        assert_eq!(hooks.iter().map(|h| (h.hook.as_str(), h.passed, h.skipped)).collect::<Vec<_>>(), [("hook", false, false), ("after", false, true)]);
        house.put("main", "_lakefs_actions/check.yaml", "name: ?").await;
        assert!(matches!(house.stage.commit(&me(), "repo", "main", message_only("x")).await, Err(Error::Refused { .. })));
        house.put("main", "_lakefs_actions/check.yaml", &action.replace("pre-commit", "post-commit")).await;
        let commit = house.commit("main", "mended").await;
        let runs = house.stage.action_runs(&me(), "repo", Some("main"), Some(&commit.id.hex()), some()).await;
        // What follows a commit can fail without undoing it.
        assert!(runs.unwrap().items.is_empty());
        let all = house.stage.action_runs(&me(), "repo", Some("main"), None, some()).await.unwrap().items;
        assert_eq!(all.iter().filter(|run| run.event == "post-commit" && !run.passed).count(), 1);
        house.branch("dev", "main").await;
        let told = house.stage.action_runs(&me(), "repo", Some("dev"), None, some()).await.unwrap().items;
        assert_eq!(told[0].event, Event::PostCreateBranch.name());
    }

    async fn an_action_about_new_branches_is_asked_each_time_and_only_of_the_tree_that_has_it(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        house.put("main", "data.txt", "plain").await;
        house.commit("main", "without actions").await;
        house.branch("before", "main").await;
        let action = "name: check\non:\n  pre-create-branch:\n    branches: [risky*]\nhooks:\n  - id: hook\n    type: webhook\n    properties: {url: \"http://127.0.0.1:1/\"}\n";
        house.put("main", "_lakefs_actions/check.yaml", action).await;
        house.commit("main", "with an action").await;
        for attempt in 1..=3 {
            let made = house.stage.create_branch(&me(), "repo", "risky", "main", false, false).await;
            assert!(matches!(made, Err(Error::Refused { .. })), "{made:?}");
            let runs = house.stage.action_runs(&me(), "repo", Some("risky"), None, some()).await.unwrap().items;
            assert_eq!(runs.len(), attempt);
        }
        // Other names, and other trees, are none of its business.
        house.branch("harmless", "main").await;
        house.branch("risky", "main~1").await;
        let branches = house.stage.branches(&me(), "repo", some(), false).await.unwrap().items;
        let names: Vec<_> = branches.iter().map(|branch| branch.name.as_str()).collect();
        assert_eq!(names, ["before", "harmless", "main", "risky"]);
    }

    async fn a_new_branch_is_refused_alike_before_and_after_its_tree_is_known_to_have_no_actions(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        let made = |name: &'static str, source: &'static str| {
            let stage = house.stage.clone();
            async move { stage.create_branch(&me(), "repo", name, source, false, false).await }
        };
        assert!(matches!(made("main", "main").await, Err(Error::BranchExists(_))));
        assert!(matches!(made("dev", "nowhere").await, Err(Error::RefNotFound(_))));
        made("dev", "main").await.unwrap();
        assert!(matches!(made("dev", "main").await, Err(Error::BranchExists(_))));
        assert!(matches!(made("new", "nowhere").await, Err(Error::RefNotFound(_))));
        house.stage.create_tag(&me(), "repo", "v1", "main", false).await.unwrap();
        assert!(matches!(made("v1", "main").await, Err(Error::NameTaken(_, "tag"))));
    }
}

/// Answers one request after the other with these status codes; the requests.
async fn answer(listener: tokio::net::TcpListener, statuses: &[u16]) -> Vec<String> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut requests = Vec::new();
    for status in statuses {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = String::new();
        let mut buffer = [0; 4096];
        loop {
            let count = stream.read(&mut buffer).await.unwrap();
            request.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
            let body = request.split_once("\r\n\r\n").map(|(_, body)| body);
            if count == 0 || body.is_some_and(|body| body.ends_with('}')) {
                break;
            }
        }
        let text = format!("HTTP/1.1 {status} X\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
        stream.write_all(text.as_bytes()).await.unwrap();
        requests.push(request);
    }
    requests
}

ledger::db_test! {
    components: ALL;

    async fn a_webhook_is_told_of_a_commit_and_may_refuse_it(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        let outbound = outbound::Client::new(outbound::Policy::local()).unwrap();
        let options = repositories::Options { outbound: Some(outbound), ..Default::default() };
        let stage = Repositories::open(ledger.clone(), house.stage.blobs().clone(), options);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let action = format!(
            "name: check\non:\n  pre-commit:\nhooks:\n  - id: hook\n    type: webhook\n    properties:\n      url: \"{url}\"\n      query_params: {{q: a b}}\n      headers: {{x-token: secret}}\n"
        );
        house.put("main", "_lakefs_actions/check.yaml", &action).await;
        let work = async {
            let refused = stage.commit(&me(), "repo", "main", message_only("hello")).await;
            (refused, stage.commit(&me(), "repo", "main", message_only("hello")).await)
        };
        let (requests, (refused, made)) = futures::join!(answer(listener, &[418, 200]), work);
        let Err(Error::Refused { summary, run }) = refused else { panic!("{refused:?}") };
        assert!(summary.contains("418"), "{summary}");
        let hooks = stage.hook_runs(&me(), "repo", &run, some()).await.unwrap().items;
        let said = stage.hook_output(&me(), "repo", &run, &hooks[0].id).await.unwrap();
        assert!(said.contains("HTTP 418") && !said.contains("secret"), "{said}");
        assert_eq!(made.unwrap().message, "hello");
        assert!(requests[0].starts_with("POST /hook?q=a%20b "), "{}", requests[0]);
        assert!(requests[0].to_lowercase().contains("x-token: secret"));
        let body: serde_json::Value =
            serde_json::from_str(requests[1].split_once("\r\n\r\n").unwrap().1).unwrap();
        assert_eq!(body["event_type"], "pre-commit");
        assert_eq!((&body["repository_id"], &body["branch_id"]), (&"repo".into(), &"main".into()));
        assert_eq!(body["commit_message"], "hello");
        assert!(body["candidate_ref"].as_str().unwrap().starts_with("candidate:"));
    }
}
