use std::sync::atomic::AtomicUsize;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use spans::Kind;
use tokio::net::TcpListener;

use super::*;

fn config() -> Telemetry {
    crate::config::Config::default().telemetry
}

fn of(config: &Telemetry, env: &[(&str, &str)]) -> Result<Option<Wanted>, Error> {
    wanted(config, |name| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
}

fn header<'w>(wanted: &'w Wanted, name: &str) -> Option<&'w str> {
    wanted.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

#[test]
fn nobody_is_told_anything_unless_somebody_asked() {
    assert_eq!(of(&config(), &[]).unwrap(), None);
    let off = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"), ("OTEL_SDK_DISABLED", "true")];
    assert_eq!(of(&config(), &off).unwrap(), None);
}

#[test]
fn the_configuration_wins_over_the_environment() {
    let given = Telemetry {
        otlp_endpoint: "http://collector:4318/".into(),
        otlp_protocol: OtlpProtocol::Http,
        otlp_headers: BTreeMap::from([("x-key".into(), "k".into())]),
        sample: 0.5,
        service_name: "visits".into(),
    };
    let env = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://other:4318"),
        ("OTEL_SERVICE_NAME", "other"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test%20one,service.name=third"),
    ];
    let found = of(&given, &env).unwrap().unwrap();
    assert_eq!((found.url.as_str(), found.share), ("http://collector:4318/v1/traces", 0.5));
    assert_eq!(header(&found, "x-key"), Some("k"));
    let resource = |key: &str| found.resource.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str());
    assert_eq!(resource("service.name"), Some("visits"));
    assert_eq!(resource("deployment.environment"), Some("test one"));
}

#[test]
fn a_container_is_told_by_its_environment() {
    let env = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Basic%20abc"),
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
    ];
    let found = of(&config(), &env).unwrap().unwrap();
    assert_eq!((found.url.as_str(), found.share), ("https://collector/v1/traces", 0.25));
    assert_eq!(header(&found, "authorization"), Some("Basic abc"));
    let whole = [("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c/api/otel")];
    assert_eq!(of(&config(), &whole).unwrap().unwrap().url, "http://c/api/otel");
    let grpc =
        [("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c:4317/"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")];
    let found = of(&config(), &grpc).unwrap().unwrap();
    assert_eq!(
        (found.protocol, found.url.as_str()),
        (OtlpProtocol::Grpc, &*format!("http://c:4317{EXPORT}"))
    );
    let json = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")];
    assert!(of(&config(), &json).unwrap_err().to_string().contains("http/json"));
}

#[test]
fn what_makes_no_sense_is_refused_at_the_start() {
    let base = Telemetry { otlp_endpoint: "http://c".into(), ..config() };
    let far = Telemetry { sample: 1.5, ..base.clone() };
    let scheme = Telemetry { otlp_endpoint: "c:4317".into(), ..base.clone() };
    let headers = Telemetry { otlp_headers: BTreeMap::from([("a b".into(), "c".into())]), ..base };
    for (wrong, why) in [(far, "share"), (scheme, "http://"), (headers, "no header")] {
        let said = of(&wrong, &[]).unwrap_err().to_string();
        assert!(said.contains(why), "{said}");
    }
}

/// What a collector took, and how often it was asked.
#[derive(Clone, Default)]
struct Collector {
    taken: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
    asked: Arc<AtomicUsize>,
    /// Answers so until it was asked this often.
    busy: usize,
}

async fn collect(State(collector): State<Collector>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if collector.asked.fetch_add(1, Ordering::Relaxed) < collector.busy {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    collector.taken.lock().await.push((headers, body));
    StatusCode::OK
}

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

type Exported = Result<ExportTraceServiceResponse, wire_grpc::Status>;

/// The same by gRPC; the first batch that it takes is refused in part.
async fn export(collector: Collector, call: wire_grpc::Call, batch: ExportTraceServiceRequest) -> Exported {
    if collector.asked.fetch_add(1, Ordering::Relaxed) < collector.busy {
        return Err(wire_grpc::Status::unavailable("später %"));
    }
    collector.taken.lock().await.push((call.headers, batch.to_bytes().into()));
    let refused = wire_otlp::PartialSuccess { rejected_spans: 1, error_message: "too old".into() };
    Ok(ExportTraceServiceResponse { partial_success: Some(refused) })
}

async fn with_collector<F: Future<Output = ()>>(
    collector: Collector,
    protocol: OtlpProtocol,
    work: impl FnOnce(Tracer, Exporter) -> F,
) -> Vec<(HeaderMap, Bytes)> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new()
        .route("/v1/traces", post(collect))
        .route(EXPORT, wire_grpc::unary(export))
        .with_state(collector.clone());
    let given = Telemetry { otlp_endpoint: url, otlp_protocol: protocol, ..config() };
    let (tracer, exporter) = Exporter::to(of(&given, &[]).unwrap().unwrap()).unwrap();
    tokio::select! {
        () = work(tracer, exporter) => {}
        served = async { axum::serve(listener, router).await } => panic!("{served:?}"),
    }
    let mut taken = collector.taken.lock().await;
    std::mem::take(&mut *taken)
}

#[tokio::test]
async fn what_is_left_at_the_end_is_sent() {
    let taken = with_collector(Collector::default(), OtlpProtocol::Http, |tracer, exporter| async move {
        let mut span = tracer.begin(None, "POST /x", Kind::Server);
        span.set("mlwright.rows", 3_i64);
        span.fail("500", "broken".into());
        drop(span);
        let supervisor = Supervisor::new();
        exporter.run(&supervisor);
        supervisor.shutdown(Duration::from_secs(5)).await;
        // Ended after the exporter's task did.
        drop(tracer.begin(None, "late", Kind::Server));
        exporter.flush().await;
    })
    .await;
    let names: Vec<String> = taken.iter().flat_map(|(_, body)| spans_of(body)).map(|s| s.name).collect();
    assert_eq!(names, ["POST /x", "late"]);
    let (headers, body) = &taken[0];
    assert_eq!(headers["content-type"], "application/x-protobuf");
    assert!(headers["traceparent"].to_str().unwrap().ends_with("-00"), "it must not be traced itself");
    let span = spans_of(body).remove(0);
    assert_eq!((span.kind, span.trace_id.len(), span.span_id.len()), (2, 16, 8));
    assert_eq!(span.status, Some(Status { message: "broken".into(), code: 2 }));
    assert_eq!(span.attributes[0], pair("mlwright.rows".into(), Value::Integer(3)));
    assert!(span.end_time_unix_nano >= span.start_time_unix_nano && span.start_time_unix_nano > 0);
}

#[tokio::test]
async fn a_collector_that_is_busy_is_asked_again() {
    for protocol in [OtlpProtocol::Http, OtlpProtocol::Grpc] {
        let collector = Collector { busy: 1, ..Collector::default() };
        let asked = Arc::clone(&collector.asked);
        let taken = with_collector(collector, protocol, |tracer, exporter| async move {
            let supervisor = Supervisor::new();
            exporter.run(&supervisor);
            drop(tracer.begin(None, "x", Kind::Server));
            while asked.load(Ordering::Relaxed) < 2 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            supervisor.shutdown(Duration::from_secs(5)).await;
        })
        .await;
        assert_eq!(taken.len(), 1, "{protocol:?}");
    }
}

#[tokio::test]
async fn spans_go_by_grpc_with_what_belongs_to_them() {
    let taken = with_collector(Collector::default(), OtlpProtocol::Grpc, |tracer, exporter| async move {
        drop(tracer.begin(None, "one", Kind::Server));
        drop(tracer.begin(None, "two", Kind::Server));
        exporter.flush().await;
        assert!(!exporter.0.unwrap().failing.load(Ordering::Relaxed));
    })
    .await;
    let [(headers, body)] = taken.as_slice() else { panic!("{taken:?}") };
    assert_eq!(headers["content-type"], "application/grpc");
    assert!(headers["traceparent"].to_str().unwrap().ends_with("-00"), "it must not be traced itself");
    assert_eq!(spans_of(body).into_iter().map(|s| s.name).collect::<Vec<_>>(), ["one", "two"]);
}

#[tokio::test]
async fn a_collector_that_is_gone_costs_spans_and_no_time_of_requests() {
    let given = Telemetry { otlp_endpoint: "http://127.0.0.1:1".into(), ..config() };
    let (tracer, exporter) = Exporter::to(of(&given, &[]).unwrap().unwrap()).unwrap();
    for _ in 0..ROOM * 2 {
        drop(tracer.begin(None, "x", Kind::Server));
    }
    exporter.flush().await;
    let inner = exporter.0.unwrap();
    assert!(inner.failing.load(Ordering::Relaxed) && inner.spans.lock().await.is_empty());
}

fn spans_of(body: &[u8]) -> Vec<wire_otlp::Span> {
    let request = ExportTraceServiceRequest::from_bytes(body).unwrap();
    request.resource_spans.into_iter().flat_map(|r| r.scope_spans).flat_map(|s| s.spans).collect()
}
