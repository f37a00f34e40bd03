use std::sync::Arc;

use mlwright_serving::{Batching, CacheSettings, Settings};
use spans::{Kind, Span, Tracer, Value};
use types::SystemClock;

use crate::house::{COMPONENTS, House, rows};

/// What a request that is recorded leaves, the last span first.
async fn asked(house: &House, endpoint: &str) -> Vec<Span> {
    let (tracer, mut spans) = Tracer::new(Arc::new(SystemClock), 1.0, 100);
    let request = tracer.begin(None, "POST /x", Kind::Server);
    let above = request.context().span;
    // What is not there fails, and is a span all the same.
    let _ = spans::within(request.current(), house.ask_with(endpoint, None, None, rows(3))).await;
    drop(request);
    let found: Vec<Span> = std::iter::from_fn(|| spans.try_recv().ok()).collect();
    assert!(found.iter().filter(|span| span.name.starts_with("predict ")).all(|s| s.parent == above));
    found.into_iter().rev().collect()
}

fn named<'s>(spans: &'s [Span], name: &str) -> &'s Span {
    let found = spans.iter().find(|span| span.name == name);
    assert!(found.is_some(), "no {name} in {spans:?}");
    found.unwrap()
}

fn of(span: &Span, key: &str) -> Option<Value> {
    span.attributes.iter().find(|(known, _)| *known == key).map(|(_, value)| value.clone())
}

ledger::db_test! {
    components: COMPONENTS;

    async fn a_predictions_span_says_who_answered_and_where_its_time_went(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let one = house.version("cancer", "cancer_logreg.onnx").await;
        house.deploy("e", &[(one, 1.0)]).await.unwrap();
        let spans = asked(&house, "e").await;
        let predict = named(&spans, "predict e");
        assert_eq!(of(predict, "mlwright.model.name"), Some(Value::Text("cancer".into())));
        assert_eq!(of(predict, "mlwright.model.version"), Some(Value::Integer(1)));
        assert_eq!(of(predict, "mlwright.rows"), Some(Value::Integer(3)));
        assert!(matches!(of(predict, "mlwright.queue.duration_ms"), Some(Value::Float(waited)) if waited >= 0.0));
        for part in ["compute", "record"] {
            let part = named(&spans, part);
            assert_eq!(part.parent, predict.span);
            assert!(predict.start <= part.start && part.end <= predict.end, "{part:?} {predict:?}");
        }
        let id = of(predict, "mlwright.prediction.id");
        house.log.flush().await.unwrap();
        let kept = house.log.window(&house.actor, "e", predictions::Window::Last(3)).await.unwrap();
        assert_eq!(id, Some(Value::Text(kept.ids[0].hex().into())));

        let batching = Some(Batching { most_rows: 8, longest_wait_ms: 1 });
        let settings = Settings { batching, ..Settings::default() };
        house.serving.change_settings(&house.actor, "e", settings).await.unwrap();
        let spans = asked(&house, "e").await;
        let (predict, queue) = (named(&spans, "predict e"), named(&spans, "queue"));
        assert_eq!(queue.parent, predict.span);
        assert!(queue.end <= named(&spans, "compute").start);
        assert_eq!(of(predict, "mlwright.batch.requests"), Some(Value::Integer(1)));

        let cache = Some(CacheSettings { seconds: 60, entries: 10 });
        let settings = Settings { cache, ..Settings::default() };
        house.serving.change_settings(&house.actor, "e", settings).await.unwrap();
        asked(&house, "e").await;
        let spans = asked(&house, "e").await;
        assert_eq!(of(named(&spans, "predict e"), "mlwright.cache.hit"), Some(Value::Flag(true)));
        assert!(spans.iter().all(|span| span.name != "compute"));
    }

    async fn a_prediction_that_fails_says_why(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let one = house.version("cancer", "cancer_logreg.onnx").await;
        house.deploy("e", &[(one, 1.0)]).await.unwrap();
        let settings = Settings { callers: vec!["user:ann".into()], ..Settings::default() };
        house.serving.change_settings(&house.actor, "e", settings).await.unwrap();
        let spans = asked(&house, "e").await;
        let predict = named(&spans, "predict e");
        assert_eq!(of(predict, "error.type"), Some(Value::Text("forbidden".into())));
        assert!(predict.error.as_ref().unwrap().contains("`e`"), "{:?}", predict.error);
    }
}
