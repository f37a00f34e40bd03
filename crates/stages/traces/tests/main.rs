//! What the stage promises, on both databases.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

// Under the name that the rest of the house knows it by.
extern crate mlwright_traces as traces;

use std::collections::BTreeMap;

use ledger::Ledger;
use serde_json::json;
use traces::{
    Aggregation, Arrival, Assessment, AssessmentKind, Cost, DeleteTraces, Dimension, Error, Measure,
    MetricFilter, MetricsQuery, Span, SpanStatus, StartTrace, Trace, TraceClause, TraceField, TraceQuery,
    TraceState, UpdateAssessment, Usage,
};
use tracking::search::{Clause, Comparison, Order, Test};
use types::{Actor, Timestamp};

const NAME: &str = "name";
/// Milliseconds since the epoch: when the first span of a trace starts.
const START: i64 = 1_700_000_000_000;

fn me() -> Actor {
    Actor::local()
}

fn total(tokens: i64) -> Option<Usage> {
    Some(Usage { total: Some(tokens), ..Usage::default() })
}

fn span(uid: &str, parent: Option<&str>, from: i64, until: i64) -> Span {
    Span {
        uid: uid.into(),
        parent: parent.map(Into::into),
        name: format!("span {uid}"),
        kind: Some("LLM".into()),
        status: SpanStatus::Ok,
        started_ns: (START + from) * 1_000_000 + 7,
        ended_ns: Some((START + until) * 1_000_000),
        model: None,
        provider: None,
        usage: None,
        cost: None,
        document: json!({ "span": uid }).to_string(),
    }
}

fn arrival(trace: &str, spans: Vec<Span>) -> Arrival {
    let root = spans.iter().any(|s| s.parent.is_none());
    Arrival {
        trace: trace.into(),
        state: root.then_some(TraceState::Ok),
        request_preview: root.then(|| "in".to_owned()),
        spans,
        ..Arrival::default()
    }
}

async fn log(ledger: &Ledger, arrivals: Vec<Arrival>) {
    traces::log_spans(ledger, &me(), 0, arrivals).await.unwrap();
}

async fn get(ledger: &Ledger, uid: &str) -> Trace {
    traces::trace(ledger, &me(), uid.into()).await.unwrap()
}

fn start(uid: &str) -> StartTrace {
    StartTrace {
        uid: uid.into(),
        experiment: 0,
        name: None,
        state: TraceState::Ok,
        started_at: Timestamp::from_millis(START),
        ended_at: Some(Timestamp::from_millis(START + 50)),
        session: None,
        client_request: None,
        request_preview: None,
        response_preview: None,
        declared: true,
        usage: Usage::default(),
        cost: Cost::default(),
        tags: BTreeMap::new(),
        metadata: BTreeMap::new(),
        assessments: Vec::new(),
    }
}

fn feedback(trace: &str, name: &str, value: serde_json::Value) -> Assessment {
    Assessment {
        uid: String::new(),
        trace: trace.into(),
        kind: AssessmentKind::Feedback,
        name: name.into(),
        value,
        error: None,
        source_kind: "HUMAN".into(),
        source: Some("me".into()),
        run: None,
        span: None,
        rationale: None,
        metadata: BTreeMap::new(),
        of_session: false,
        overrides: None,
        valid: true,
        created_at: Timestamp::from_millis(START),
        updated_at: Timestamp::from_millis(START),
    }
}

async fn found(ledger: &Ledger, filter: Vec<TraceClause>) -> Vec<String> {
    let query = TraceQuery { experiments: vec![0], filter, limit: 100, ..TraceQuery::default() };
    traces::search_traces(ledger, &me(), query).await.unwrap().into_iter().map(|t| t.uid).collect()
}

async fn matching(ledger: &Ledger, field: TraceField, test: Test) -> Vec<String> {
    found(ledger, vec![TraceClause::new(field, test)]).await
}

fn equal(text: &str) -> Test {
    Test::Text(Comparison::Equal, text.into())
}

ledger::db_test! {
    components: [tracking::COMPONENT, traces::COMPONENT];

    async fn a_trace_follows_from_its_spans_in_whatever_order_they_come(ledger: ledger::Ledger) {
        let child = Span { usage: total(4), ..span("c", Some("r"), 10, 90) };
        log(&ledger, vec![arrival("t", vec![child.clone()])]).await;
        let early = get(&ledger, "t").await;
        assert_eq!((early.state, early.usage.total), (TraceState::InProgress, Some(4)));
        // The parent sums its children, so it counts alone; a span that comes again counts once.
        let root = Span { usage: total(10), ..span("r", None, 0, 80) };
        log(&ledger, vec![arrival("t", vec![root, child])]).await;
        let whole = get(&ledger, "t").await;
        assert_eq!(whole.state, TraceState::Ok);
        assert_eq!(whole.started_at, Timestamp::from_millis(START));
        assert_eq!(whole.ended_at, Some(Timestamp::from_millis(START + 90)));
        assert_eq!((whole.usage.total, whole.usage.input), (Some(10), Some(0)));
        assert_eq!(whole.request_preview.as_deref(), Some("in"));
        let spans = traces::spans(&ledger, &me(), vec!["t".into(), "none".into()]).await.unwrap();
        let uids: Vec<_> = spans[0].1.iter().map(|s| s.uid.as_str()).collect();
        assert_eq!((spans.len(), uids), (1, vec!["r", "c"]));
    }

    async fn what_a_client_declares_stands_against_spans(ledger: ledger::Ledger) {
        log(&ledger, vec![arrival("t", vec![Span { usage: total(1), ..span("c", Some("r"), -5, 500) }])]).await;
        let mut declared = StartTrace { usage: total(7).unwrap(), session: Some("s".into()), ..start("t") };
        declared.tags.insert("a".into(), "1".into());
        let trace = traces::start_trace(&ledger, &me(), declared).await.unwrap();
        assert!(trace.declared && trace.has_spans);
        log(&ledger, vec![arrival("t", vec![Span { usage: total(100), ..span("r", None, -9, 900) }])]).await;
        let trace = get(&ledger, "t").await;
        assert_eq!(trace.ended_at, Some(Timestamp::from_millis(START + 50)));
        assert_eq!((trace.usage.total, trace.session.as_deref()), (Some(7), Some("s")));
        assert_eq!(trace.tags["a"], "1");
    }

    async fn many_spans_and_traces_arrive_at_once(ledger: ledger::Ledger) {
        let of = |i: usize| {
            let mut spans = vec![span("r", None, 0, 10)];
            spans.extend((0..i % 7).map(|c| span(&format!("c{c}"), Some("r"), 1, 2)));
            arrival(&format!("t{i:03}"), spans)
        };
        let batches = (0..4).map(|b| log(&ledger, (0..100).filter(|i| i % 4 == b || i % 5 == 0).map(of).collect()));
        futures::future::join_all(batches).await;
        let all = found(&ledger, Vec::new()).await;
        assert_eq!((all.len(), all[0].as_str(), all[99].as_str()), (100, "t000", "t099"));
        let spans = traces::spans(&ledger, &me(), all).await.unwrap();
        assert_eq!(spans.iter().map(|(_, s)| s.len()).sum::<usize>(), 100 + (0..100).map(|i| i % 7).sum::<usize>());
        let missing = traces::log_spans(&ledger, &me(), 77, vec![arrival("x", vec![span("r", None, 0, 1)])]).await;
        assert!(matches!(missing, Err(Error::Tracking(tracking::Error::ExperimentNotFound(_)))));
    }

    async fn an_override_makes_the_old_assessment_invalid_until_it_is_deleted(ledger: ledger::Ledger) {
        traces::start_trace(&ledger, &me(), start("t")).await.unwrap();
        let old = traces::create_assessment(&ledger, &me(), feedback("t", "good", json!("no"))).await.unwrap();
        let new = Assessment { overrides: Some(old.uid.clone()), ..feedback("t", "good", json!(0.5)) };
        let new = traces::create_assessment(&ledger, &me(), new).await.unwrap();
        let valid = |t: Trace| t.assessments.iter().map(|a| a.valid).collect::<Vec<_>>();
        assert_eq!(valid(get(&ledger, "t").await), [false, true]);
        let change = UpdateAssessment {
            value: Some((AssessmentKind::Feedback, json!(0.75), None)),
            metadata: BTreeMap::from([("k".into(), "v".into())]),
            ..UpdateAssessment::default()
        };
        let changed = traces::update_assessment(&ledger, &me(), "t".into(), new.uid.clone(), change.clone()).await.unwrap();
        assert_eq!((changed.value, changed.metadata["k"].as_str()), (json!(0.75), "v"));
        let wrong = UpdateAssessment { value: Some((AssessmentKind::Expectation, json!(1), None)), ..change };
        let wrong = traces::update_assessment(&ledger, &me(), "t".into(), new.uid.clone(), wrong).await;
        assert!(matches!(wrong, Err(Error::WrongKind { .. })));
        traces::delete_assessment(&ledger, &me(), "t".into(), new.uid.clone()).await.unwrap();
        traces::delete_assessment(&ledger, &me(), "t".into(), new.uid).await.unwrap();
        assert_eq!(valid(get(&ledger, "t").await), [true]);
        let none = Assessment { overrides: Some("a-none".into()), ..feedback("t", "good", json!(1)) };
        let none = traces::create_assessment(&ledger, &me(), none).await;
        assert!(matches!(none, Err(Error::AssessmentNotFound { .. })));
    }

    async fn searches_look_into_everything_that_hangs_on_a_trace(ledger: ledger::Ledger) {
        let mut tool = Span { kind: Some("TOOL".into()), status: SpanStatus::Error, ..span("b", Some("a"), 5, 6) };
        tool.document = json!({ "attributes": { "q": "\"50% é\"" } }).to_string();
        let mut first = arrival("t1", vec![span("a", None, 0, 30), tool]);
        first.tags = vec![("env".into(), "prod".into()), ("team".into(), "x".repeat(300))];
        first.metadata = vec![("user".into(), "ann".into())];
        first.session = Some("s1".into());
        first.run = Some("run1".into());
        let mut second = arrival("t2", vec![span("a", None, 100, 200)]);
        second.tags = vec![("env".into(), "dev".into())];
        second.session = Some("s1".into());
        log(&ledger, vec![first, second, arrival("t3", vec![span("a", None, 50, 55)])]).await;
        traces::link_to_prompts(&ledger, &me(), "t3".into(), vec!["greet/2".into()]).await.unwrap();
        traces::link_to_run(&ledger, &me(), vec!["t2".into(), "gone".into()], "run1".into()).await.unwrap();

        use TraceField as F;
        assert_eq!(matching(&ledger, F::Tag("env".into()), equal("prod")).await, ["t1"]);
        assert_eq!(matching(&ledger, F::Tag("team".into()), equal(&"x".repeat(300))).await, ["t1"]);
        assert_eq!(matching(&ledger, F::Tag("env".into()), Test::Missing).await, ["t3"]);
        assert_eq!(matching(&ledger, F::Tag("env".into()), Test::Matches("^p.*d$".into())).await, ["t1"]);
        assert_eq!(matching(&ledger, F::Metadata("user".into()), Test::Present).await, ["t1"]);
        assert_eq!(matching(&ledger, F::Run { metadata: "source" }, equal("run1")).await, ["t2", "t1"]);
        assert_eq!(matching(&ledger, F::Prompt, equal("greet/2")).await, ["t3"]);
        assert_eq!(matching(&ledger, F::Duration, Test::Integer(Comparison::GreaterOrEqual, 30)).await, ["t2", "t1"]);
        assert_eq!(matching(&ledger, F::Duration, Test::Number(Comparison::Less, 5.5)).await, ["t3"]);
        let at = Test::Integer(Comparison::Equal, (START + 50) * 1_000);
        assert_eq!(matching(&ledger, F::StartedAt, at).await, ["t3"]);
        let like = Test::Like { pattern: "%50\\% É%".into(), ignore_case: true };
        assert!(matching(&ledger, F::SpanDocument, like).await.is_empty(), "backslashes are literal");
        let like = Test::Like { pattern: "%50% é%".into(), ignore_case: false };
        assert_eq!(matching(&ledger, F::SpanDocument, like).await, ["t1"]);
        // One span must satisfy both.
        let both = |status: &str| {
            found(&ledger, vec![
                TraceClause::new(F::SpanKind, equal("TOOL")),
                TraceClause::new(F::SpanStatus, equal(status)),
            ])
        };
        assert_eq!((both("ERROR").await.len(), both("OK").await.len()), (1, 0));
        let no_tool = TraceClause::NotAll(vec![Clause { field: F::SpanKind, test: equal("TOOL") }]);
        assert_eq!(found(&ledger, vec![no_tool]).await, ["t2", "t3"]);
        let bad = TraceQuery {
            experiments: vec![0],
            filter: vec![TraceClause::new(F::Name, Test::Matches("(".into()))],
            limit: 1,
            ..TraceQuery::default()
        };
        assert!(matches!(traces::search_traces(&ledger, &me(), bad).await, Err(Error::BadPattern { .. })));

        let order = vec![
            Order { field: F::Tag("env".into()), descending: false },
            Order { field: F::StartedAt, descending: false },
        ];
        let query = TraceQuery { experiments: vec![0], order, limit: 2, offset: 1, ..TraceQuery::default() };
        let page: Vec<_> = traces::search_traces(&ledger, &me(), query).await.unwrap().into_iter().map(|t| t.uid).collect();
        assert_eq!(page, ["t1", "t3"]);
        let first = vec![TraceClause::new(F::Session, equal("s1"))];
        let second = vec![TraceClause::new(F::Tag("env".into()), equal("dev"))];
        let counts = traces::correlate(&ledger, &me(), vec![0], Vec::new(), first, second).await.unwrap();
        assert_eq!((counts.total, counts.first, counts.second, counts.both), (3, 2, 1, 1));
    }

    async fn assessments_are_found_by_value_and_across_a_session(ledger: ledger::Ledger) {
        for (uid, session) in [("t1", Some("s")), ("t2", Some("s")), ("t3", None)] {
            traces::start_trace(&ledger, &me(), StartTrace { session: session.map(Into::into), ..start(uid) }).await.unwrap();
        }
        let of_session = Assessment { of_session: true, ..feedback("t1", "whole", json!("yes")) };
        for given in [feedback("t1", "score", json!(0.9)), feedback("t3", "score", json!("0.9")), of_session] {
            traces::create_assessment(&ledger, &me(), given).await.unwrap();
        }
        let field = |name: &str| TraceField::Feedback(name.into());
        assert_eq!(matching(&ledger, field("score"), Test::Number(Comparison::Greater, 0.5)).await, ["t1"]);
        assert_eq!(matching(&ledger, field("score"), equal("0.9")).await, ["t1", "t3"]);
        assert_eq!(matching(&ledger, field("whole"), equal("yes")).await, ["t1", "t2"]);
        assert_eq!(matching(&ledger, field("whole"), Test::Missing).await, ["t3"]);
        assert_eq!(matching(&ledger, TraceField::Expectation("score".into()), Test::Present).await.len(), 0);
    }

    async fn deleting_takes_all_that_hangs_on_a_trace(ledger: ledger::Ledger) {
        log(&ledger, (0..5).map(|i| arrival(&format!("t{i}"), vec![span("r", None, i, i + 1)])).collect()).await;
        traces::set_tag(&ledger, &me(), "t4".into(), "k".into(), "v".into(), NAME).await.unwrap();
        traces::set_tag(&ledger, &me(), "t4".into(), NAME.into(), "called".into(), NAME).await.unwrap();
        let named = get(&ledger, "t4").await;
        assert_eq!((named.name.as_deref(), named.tags.len()), (Some("called"), 1));
        traces::delete_tag(&ledger, &me(), "t4".into(), NAME.into(), NAME).await.unwrap();
        let again = traces::delete_tag(&ledger, &me(), "t4".into(), NAME.into(), NAME).await;
        assert!(matches!(again, Err(Error::TagNotFound { .. })));
        let actor = me();
        let delete = |which| traces::delete_traces(&ledger, &actor, 0, which);
        let until = Timestamp::from_millis(START + 3);
        let delete_all = [
            (DeleteTraces::Until(until, Some(1)), 1),
            (DeleteTraces::These(vec!["t0".into(), "t4".into()]), 1),
            (DeleteTraces::Until(until, None), 3),
        ];
        for (which, count) in delete_all {
            let all = traces::delete_traces(&ledger, &me(), 7, which.clone()).await.unwrap();
            assert_eq!((all, delete(which).await.unwrap()), (0, count));
        }
        assert!(matches!(traces::trace(&ledger, &me(), "t4".into()).await, Err(Error::TraceNotFound(_))));
        log(&ledger, vec![arrival("t4", vec![span("x", None, 0, 1)])]).await;
        let spans = traces::spans(&ledger, &me(), vec!["t4".into()]).await.unwrap();
        assert_eq!((spans[0].0.tags.len(), spans[0].1.len()), (0, 1));
    }

    async fn metrics_are_grouped_bucketed_and_ranked(ledger: ledger::Ledger) {
        let priced = |uid: &str, model: &str, cost: f64, at: i64| Span {
            model: Some(model.into()),
            cost: Some(Cost { total: Some(cost), ..Cost::default() }),
            ..span(uid, None, at, at + 10)
        };
        let mut traces_of: Vec<Arrival> = [("a", 0), ("b", 1_000), ("c", 61_000)]
            .into_iter()
            .map(|(uid, at)| arrival(uid, vec![priced("r", if uid == "b" { "big" } else { "small" }, 0.5 + at as f64, at)]))
            .collect();
        traces_of[0].spans.push(Span { kind: None, ..span("x", Some("r"), 0, 40) });
        log(&ledger, traces_of).await;
        let query = |measure, aggregations| MetricsQuery {
            experiments: vec![0],
            measure,
            aggregations,
            dimensions: Vec::new(),
            filters: Vec::new(),
            bucket: None,
            from: None,
            until: None,
            limit: 100,
        };
        let actor = me();
        let ask = |query| traces::metrics(&ledger, &actor, query);
        let all = ask(query(Measure::Traces, vec![Aggregation::Count])).await.unwrap();
        assert_eq!(all[0].values, [Some(3.0)]);
        let latency = vec![Aggregation::Average, Aggregation::Percentile(50.0), Aggregation::Max];
        let latency = ask(query(Measure::TraceLatency, latency)).await.unwrap();
        assert_eq!(latency[0].values, [Some(20.0), Some(10.0), Some(40.0)]);
        let mut by_model = query(Measure::TotalCost, vec![Aggregation::Sum, Aggregation::Percentile(100.0)]);
        by_model.dimensions = vec![Dimension::Model];
        let by_model = ask(by_model).await.unwrap();
        assert_eq!(by_model.iter().map(|p| p.dimensions[0].as_str()).collect::<Vec<_>>(), ["big", "small"]);
        assert_eq!(by_model[1].values, [Some(61_001.0), Some(61_000.5)]);
        let mut by_minute = query(Measure::Spans, vec![Aggregation::Count]);
        by_minute.bucket = Some(60);
        by_minute.until = Some(START + 61_000);
        by_minute.filters = vec![MetricFilter::Trace(TraceClause::new(TraceField::State, equal("OK")))];
        let by_minute = ask(by_minute).await.unwrap();
        let minute = |ms: i64| Some(ms / 60_000 * 60_000);
        assert_eq!(by_minute.iter().map(|p| p.bucket).collect::<Vec<_>>(), [minute(START), minute(START + 61_000)]);
        assert_eq!(by_minute[0].values, [Some(3.0)]);
        for given in [feedback("a", "f", json!(true)), feedback("b", "f", json!("no")), feedback("b", "g", json!([1]))] {
            traces::create_assessment(&ledger, &me(), given).await.unwrap();
        }
        let mut judged = query(Measure::AssessmentValue, vec![Aggregation::Average]);
        judged.dimensions = vec![Dimension::AssessmentName];
        let judged = ask(judged).await.unwrap();
        assert_eq!((judged.len(), judged[0].values[0]), (1, Some(0.5)));
        assert!(ask(query(Measure::Sessions, vec![Aggregation::Count])).await.unwrap()[0].values == [Some(0.0)]);
    }
}
