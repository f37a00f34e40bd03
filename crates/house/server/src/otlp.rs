//! Spans to a collector: OTLP as protobuf, over HTTP or gRPC (<https://opentelemetry.io/docs/specs/otlp/>), in batches, beside
//! the requests. A collector that is slow or gone costs spans, which are counted, and never a request.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use outbound::{Body, Call, Client, GrpcClient, Method, Policy, percent_decoded};
use spans::{Span, TraceContext, Tracer, Value};
use tasks::{CancellationToken, OnStop, Supervisor};
use tokio::sync::{Mutex, mpsc};
use types::SystemClock;
use wire_otlp::{
    AnyValue, ExportTraceServiceRequest, ExportTraceServiceResponse, KeyValue, Resource, ResourceSpans,
    Scope, ScopeSpans, Status,
};

use crate::config::{OtlpProtocol, Telemetry};
use crate::{Error, VERSION};

/// Spans that wait to be sent; more are lost.
const ROOM: usize = 8192;
/// Spans of one request to the collector, and how long the first of them waits for others.
const BATCH: usize = 512;
const WAIT: Duration = Duration::from_secs(1);
/// Pauses before a batch is sent again; after the last it is lost.
const PAUSES: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];
/// How long the end of the server waits for the last spans.
const LAST: Duration = Duration::from_secs(5);

/// Nothing where nobody asked for spans. Cheap to clone.
#[derive(Clone, Default)]
pub struct Exporter(Option<Arc<Inner>>);

/// How spans travel.
enum Way {
    Http(Client),
    Grpc(GrpcClient),
}

struct Inner {
    way: Way,
    url: String,
    headers: Vec<(String, String)>,
    resource: Resource,
    spans: Mutex<mpsc::Receiver<Span>>,
    /// Whether the last batch was lost: one line in the log for all that follow.
    failing: AtomicBool,
}

impl Exporter {
    /// Errors: `Telemetry`.
    pub fn start(config: &Telemetry) -> Result<(Option<Tracer>, Self), Error> {
        match wanted(config, |name| std::env::var(name).ok())? {
            Some(wanted) => Self::to(wanted).map(|(tracer, exporter)| (Some(tracer), exporter)),
            None => Ok((None, Self::default())),
        }
    }

    fn to(wanted: Wanted) -> Result<(Tracer, Self), Error> {
        // Whoever sets the server up says where the collector is.
        let policy = Policy {
            private_addresses: true,
            timeout: Duration::from_secs(10),
            largest_answer: 1 << 20,
            ..Policy::default()
        };
        let way = match wanted.protocol {
            OtlpProtocol::Http => Client::new(policy).map(Way::Http),
            OtlpProtocol::Grpc => GrpcClient::new(policy).map(Way::Grpc),
        };
        let way = way.map_err(|e| Error::Telemetry(e.to_string()))?;
        let (tracer, spans) = Tracer::new(Arc::new(SystemClock), wanted.share, ROOM);
        tracing::info!(collector = wanted.url, share = wanted.share, "spans of requests are exported");
        let inner = Inner {
            way,
            url: wanted.url,
            headers: wanted.headers,
            resource: Resource {
                attributes: wanted.resource.into_iter().map(|(k, v)| pair(k, v.into())).collect(),
            },
            spans: Mutex::new(spans),
            failing: AtomicBool::new(false),
        };
        Ok((tracer, Self(Some(Arc::new(inner)))))
    }

    /// Sends until the server stops.
    pub fn run(&self, supervisor: &Supervisor) {
        let Some(inner) = self.0.clone() else { return };
        let token = supervisor.token();
        supervisor.spawn_restarting("telemetry.spans", OnStop::Wait, move || {
            let (inner, token) = (Arc::clone(&inner), token.clone());
            async move { inner.run(token).await }
        });
    }

    /// What the last requests left, within five seconds.
    pub async fn flush(&self) {
        let Some(inner) = &self.0 else { return };
        let all = async {
            let mut spans = inner.spans.lock().await;
            loop {
                let batch: Vec<Span> = std::iter::from_fn(|| spans.try_recv().ok()).take(BATCH).collect();
                if batch.is_empty() {
                    return;
                }
                inner.send(batch, &[]).await;
            }
        };
        if tokio::time::timeout(LAST, all).await.is_err() {
            tracing::warn!("the last spans were not taken in time");
        }
    }
}

impl Inner {
    async fn run(&self, token: CancellationToken) {
        let mut spans = self.spans.lock().await;
        loop {
            let mut batch = Vec::with_capacity(BATCH);
            let gathered = async {
                if spans.recv_many(&mut batch, BATCH).await == 0 {
                    std::future::pending::<()>().await;
                }
                let until = tokio::time::Instant::now() + WAIT;
                while batch.len() < BATCH {
                    let room = BATCH - batch.len();
                    match tokio::time::timeout_at(until, spans.recv_many(&mut batch, room)).await {
                        Ok(1..) => {}
                        _ => return,
                    }
                }
            };
            let stopped = tokio::select! {
                () = gathered => false,
                () = token.cancelled() => true,
            };
            let pauses: &[Duration] = if stopped { &[] } else { &PAUSES };
            if !batch.is_empty() {
                tokio::select! {
                    () = self.send(batch, pauses) => {}
                    () = stopping(&token, stopped) => {}
                }
            }
            if stopped || token.is_cancelled() {
                return;
            }
        }
    }

    /// Again after each of `pauses`, while the collector may take it later.
    async fn send(&self, batch: Vec<Span>, pauses: &[Duration]) {
        let count = batch.len() as u64;
        let message: bytes::Bytes = self.request(batch).to_bytes().into();
        let mut pauses = pauses.iter();
        let why = loop {
            let (why, later) = match self.once(message.clone()).await {
                Ok(answer) => return self.taken(count, &answer),
                Err(failed) => failed,
            };
            match pauses.next().filter(|_| later) {
                Some(pause) => tokio::time::sleep(*pause).await,
                None => break why,
            }
        };
        metrics::counter!("mlwright_spans_dropped_total", "reason" => "export").increment(count);
        if !self.failing.swap(true, Ordering::Relaxed) {
            tracing::warn!(collector = self.url, why, "spans are lost");
        }
    }

    /// What the collector answered, or why it did not take them and whether it may later.
    async fn once(&self, message: bytes::Bytes) -> Result<bytes::Bytes, (String, bool)> {
        match &self.way {
            Way::Http(client) => {
                let call = Call {
                    method: Method::Post,
                    url: self.url.clone(),
                    headers: self.headers.clone(),
                    body: Body::Bytes(message),
                };
                let answer = client.send(&call).await.map_err(|e| (e.to_string(), true))?;
                match answer.status {
                    200..300 => Ok(answer.body),
                    status => Err((format!("it answered {status}"), matches!(status, 429 | 502..=504))),
                }
            }
            Way::Grpc(client) => {
                let answer = client.call(&self.url, &self.headers, &message).await;
                let answer = answer.map_err(|e| (e.to_string(), true))?;
                match answer.code {
                    0 => Ok(answer.body),
                    code => {
                        let why = format!("it answered with the gRPC status {code}: {}", answer.message);
                        // CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS.
                        Err((why, matches!(code, 1 | 4 | 10 | 11 | 14 | 15)))
                    }
                }
            }
        }
    }

    fn taken(&self, count: u64, answer: &[u8]) {
        // Collectors may say so in JSON, or say nothing.
        let partial = ExportTraceServiceResponse::from_bytes(answer).and_then(|r| r.partial_success);
        let refused = partial.as_ref().map_or(0, |p| u64::try_from(p.rejected_spans).unwrap_or(0)).min(count);
        metrics::counter!("mlwright_spans_exported_total").increment(count - refused);
        if let Some(partial) = partial.filter(|_| refused > 0) {
            metrics::counter!("mlwright_spans_dropped_total", "reason" => "refused").increment(refused);
            tracing::warn!(refused, why = partial.error_message, "the collector refused spans");
        }
        if self.failing.swap(false, Ordering::Relaxed) {
            tracing::info!(collector = self.url, "spans are taken again");
        }
    }

    fn request(&self, batch: Vec<Span>) -> ExportTraceServiceRequest {
        let scope = Scope { name: "mlwright".into(), version: VERSION.into() };
        let spans = batch.into_iter().map(wire).collect();
        let resource = Some(self.resource.clone());
        let scope_spans = vec![ScopeSpans { scope: Some(scope), spans }];
        ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { resource, scope_spans }] }
    }
}

/// When a batch is given up for the stop: one that is the last itself never is.
async fn stopping(token: &CancellationToken, last: bool) {
    if last {
        tokio::time::sleep(LAST).await;
    } else {
        token.cancelled().await;
        // A send that runs may end; pauses and repetitions may not.
        tokio::time::sleep(WAIT).await;
    }
}

fn pair(key: String, value: Value) -> KeyValue {
    use wire_otlp::Value as Wire;
    let value = match value {
        Value::Text(text) => Wire::String(text.into_owned()),
        Value::Integer(number) => Wire::Int(number),
        Value::Float(number) => Wire::Double(number),
        Value::Flag(flag) => Wire::Bool(flag),
    };
    KeyValue { key, value: Some(AnyValue { value: Some(value) }) }
}

fn wire(span: Span) -> wire_otlp::Span {
    let above = |id: u64| if id == 0 { Vec::new() } else { id.to_be_bytes().to_vec() };
    wire_otlp::Span {
        trace_id: span.trace.to_be_bytes().to_vec(),
        span_id: span.span.to_be_bytes().to_vec(),
        parent_span_id: above(span.parent),
        trace_state: span.state.map(|state| state.to_string()).unwrap_or_default(),
        name: span.name.into_owned(),
        kind: span.kind as i32,
        start_time_unix_nano: span.start,
        end_time_unix_nano: span.end,
        attributes: span.attributes.into_iter().map(|(k, v)| pair(k.to_owned(), v)).collect(),
        status: span.error.map(|message| Status { message, code: 2 }),
        ..wire_otlp::Span::default()
    }
}

/// What to send where.
#[derive(Debug, PartialEq)]
struct Wanted {
    protocol: OtlpProtocol,
    /// With the path of the protocol.
    url: String,
    headers: Vec<(String, String)>,
    resource: Vec<(String, String)>,
    share: f64,
}

/// From the configuration; without an endpoint there, from the variables that every program with OpenTelemetry reads
/// (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>), which is how containers are told.
fn wanted(config: &Telemetry, env: impl Fn(&str) -> Option<String>) -> Result<Option<Wanted>, Error> {
    let env = |name: &str| env(name).filter(|value| !value.trim().is_empty());
    let (mut url, mut share) = (config.otlp_endpoint.trim().to_owned(), config.sample);
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    let (mut service, mut protocol) = (config.service_name.clone(), config.otlp_protocol);
    if url.is_empty() {
        if env("OTEL_SDK_DISABLED").is_some_and(|off| off.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let given = env("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL").or_else(|| env("OTEL_EXPORTER_OTLP_PROTOCOL"));
        protocol = match given.as_deref().map(str::trim) {
            None => protocol,
            Some("http/protobuf") => OtlpProtocol::Http,
            Some("grpc") => OtlpProtocol::Grpc,
            Some(other) => {
                return Err(Error::Telemetry(format!(
                    "spans cannot go by the protocol `{other}`, only by http/protobuf or grpc"
                )));
            }
        };
        // That of traces alone is taken as it is; gRPC has a path of its own.
        url = match (env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), env("OTEL_EXPORTER_OTLP_ENDPOINT")) {
            (Some(whole), _) if protocol == OtlpProtocol::Http => whole,
            (Some(base), _) | (None, Some(base)) => place(&base, protocol),
            (None, None) => return Ok(None),
        };
        let given = env("OTEL_EXPORTER_OTLP_TRACES_HEADERS").or_else(|| env("OTEL_EXPORTER_OTLP_HEADERS"));
        headers.extend(given.iter().flat_map(|text| pairs(text)));
        let sampler = env("OTEL_TRACES_SAMPLER").unwrap_or_default();
        if sampler.ends_with("traceidratio") {
            share = env("OTEL_TRACES_SAMPLER_ARG").and_then(|arg| arg.trim().parse().ok()).unwrap_or(1.0);
        } else if sampler.ends_with("always_off") {
            share = 0.0;
        }
        service = env("OTEL_SERVICE_NAME").unwrap_or(service);
    } else {
        url = place(&url, protocol);
    }
    headers.extend(config.otlp_headers.clone());
    if !(0.0..=1.0).contains(&share) {
        return Err(Error::Telemetry(format!("a sample of {share} is no share from 0 to 1")));
    }
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(Error::Telemetry(format!("`{url}` does not begin with http:// or https://")));
    }
    for (name, value) in &headers {
        if http::HeaderName::try_from(name).is_err() || http::HeaderValue::try_from(value).is_err() {
            return Err(Error::Telemetry(format!("`{name}` or its value is no header")));
        }
    }
    if protocol == OtlpProtocol::Http {
        headers.insert("content-type".into(), "application/x-protobuf".into());
    }
    // A collector that records its own requests, this server perhaps, must not record these: each would lead to the next.
    let unrecorded =
        TraceContext { trace: rand::random::<u128>().max(1), span: 1, sampled: false, state: None };
    headers.insert("traceparent".into(), unrecorded.parent());
    let given = env("OTEL_RESOURCE_ATTRIBUTES").iter().flat_map(|text| pairs(text)).collect::<Vec<_>>();
    Ok(Some(Wanted {
        protocol,
        url,
        headers: headers.into_iter().collect(),
        resource: resource(service, given),
        share,
    }))
}

/// Where a collector takes spans.
fn place(base: &str, protocol: OtlpProtocol) -> String {
    let base = base.trim().trim_end_matches('/');
    let path = match protocol {
        OtlpProtocol::Http => "/v1/traces",
        OtlpProtocol::Grpc => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    };
    if base.ends_with(path) { base.to_owned() } else { format!("{base}{path}") }
}

/// Who this is: the first of equal names counts.
fn resource(service: String, given: Vec<(String, String)>) -> Vec<(String, String)> {
    let instance = types::new_id(types::Clock::now(&SystemClock)).hex();
    let own = [
        ("service.name", service),
        ("service.version", VERSION.to_owned()),
        ("service.instance.id", instance),
        ("telemetry.sdk.name", "mlwright".to_owned()),
        ("telemetry.sdk.language", "rust".to_owned()),
        ("telemetry.sdk.version", VERSION.to_owned()),
        ("process.pid", std::process::id().to_string()),
    ];
    let mut all: Vec<(String, String)> = own.map(|(key, value)| (key.to_owned(), value)).into();
    if let Ok(name) = types::io::read_to_string(std::path::Path::new("/proc/sys/kernel/hostname")) {
        all.push(("host.name".into(), name.trim().to_owned()));
    }
    for (key, value) in given {
        if all.iter().all(|(known, _)| *known != key) {
            all.push((key, value));
        }
    }
    all
}

/// `key=value,key=value`, values as in URLs.
fn pairs(text: &str) -> Vec<(String, String)> {
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=')?;
        Some((key.trim().to_owned(), percent_decoded(value.trim())))
    };
    text.split(',').filter_map(pair).filter(|(key, _)| !key.is_empty()).collect()
}

#[cfg(test)]
mod tests;
