use ledger::params;
use mlwright_review as review;
use review::{Issue, IssueQuery, NewIssue};
use types::Actor;

const COMPONENTS: [ledger::Component; 3] = [tracking::COMPONENT, traces::COMPONENT, review::COMPONENT];

async fn issue(ledger: &ledger::Ledger, name: &str, severity: Option<i64>) -> Issue {
    let new = NewIssue {
        experiment: 0,
        name: name.to_owned(),
        description: name.to_owned(),
        status: "pending".into(),
        severity,
        root_causes: Vec::new(),
        categories: Vec::new(),
        source_run: None,
        created_by: None,
    };
    review::create_issue(ledger, &Actor::local(), new).await.unwrap()
}

/// Says of traces that they have an issue, as the traces' stage stores it; twice of the first.
async fn seen(ledger: &ledger::Ledger, kind: &'static str, of: &Issue, traces: i64) {
    let name = format!("iss-{}", of.uid);
    ledger
        .write::<_, ledger::Error, _>(&Actor::local(), move |tx| {
            for trace in (0..traces).chain([0]) {
                let id = tx.new_id();
                tx.execute(
                    "INSERT INTO assessment (workspace_id, uid, trace_id, kind, name, value, is_number, source_kind, of_session, \
                     valid, created_at, updated_at) VALUES (1, $1, $2, $3, $4, '{}', FALSE, 'HUMAN', FALSE, TRUE, 0, 0)",
                    &params![id, trace, kind, &name],
                )?;
            }
            tx.event("trace.assessed", "trace:1", serde_json::json!({}))
        })
        .await
        .unwrap();
}

ledger::db_test! {
    components: COMPONENTS;

    async fn issues_that_more_traces_have_come_first_among_equally_severe_ones(ledger: ledger::Ledger) {
        let few = issue(&ledger, "few", Some(3)).await;
        let many = issue(&ledger, "many", Some(3)).await;
        let newest = issue(&ledger, "newest", Some(3)).await;
        let mild = issue(&ledger, "mild", None).await;
        seen(&ledger, "issue", &few, 1).await;
        seen(&ledger, "issue", &many, 3).await;
        seen(&ledger, "issue", &mild, 9).await;
        seen(&ledger, "feedback", &newest, 5).await;
        let asked = |count_traces| IssueQuery { count_traces, limit: 10, ..IssueQuery::default() };
        let found = |query| {
            let ledger = ledger.clone();
            async move {
                let page = review::search_issues(&ledger, &Actor::local(), query).await.unwrap();
                page.items.into_iter().map(|i| (i.name, i.traces)).collect::<Vec<_>>()
            }
        };
        let with = |name: &str, traces| (name.to_owned(), traces);
        assert_eq!(
            found(asked(Some("iss-"))).await,
            [with("many", Some(3)), with("few", Some(1)), with("newest", Some(0)), with("mild", Some(9))]
        );
        assert_eq!(
            found(asked(None)).await,
            [with("newest", None), with("many", None), with("few", None), with("mild", None)]
        );
    }
}
