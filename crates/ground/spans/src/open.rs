use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use types::Timestamp;

use crate::tracer::{Tracer, new_span};
use crate::{Kind, Span, TraceContext, Value};

tokio::task_local! {
    static CURRENT: Current;
}

/// What all spans of one request share.
pub(crate) struct Recording {
    pub tracer: Tracer,
    /// The same moment by both clocks.
    pub at: Timestamp,
    pub began: Instant,
}

impl Recording {
    /// Nanoseconds since 1970.
    fn nanos(&self, moment: Instant) -> u64 {
        let start = u64::try_from(self.at.0).unwrap_or(0).saturating_mul(1_000);
        let nanos = |from: Instant, to: Instant| {
            u64::try_from(to.saturating_duration_since(from).as_nanos()).unwrap_or(u64::MAX)
        };
        start.saturating_add(nanos(self.began, moment)).saturating_sub(nanos(moment, self.began))
    }
}

/// The span under which what happens now stands.
#[derive(Clone)]
pub struct Current {
    context: TraceContext,
    recording: Option<Arc<Recording>>,
}

impl Current {
    /// To be passed on to other programs.
    pub fn context(&self) -> &TraceContext {
        &self.context
    }

    /// A span below this one; `None` if the request is not recorded.
    pub fn child(&self, name: impl Into<Cow<'static, str>>, kind: Kind) -> Option<Open> {
        let recording = Arc::clone(self.recording.as_ref()?);
        let context = TraceContext { span: new_span(), ..self.context.clone() };
        Some(Open::new(context, self.context.span, Some(recording), name.into(), kind, Instant::now()))
    }
}

/// Runs `future` with `current` as what [`current`] finds. Tasks that it starts find nothing.
pub async fn within<F: Future>(current: Current, future: F) -> F::Output {
    CURRENT.scope(current, future).await
}

/// The span that this task works under, recorded or not.
pub fn current() -> Option<Current> {
    CURRENT.try_with(Clone::clone).ok()
}

/// A span below the current one; `None` unless there is one that is recorded.
pub fn child(name: impl Into<Cow<'static, str>>, kind: Kind) -> Option<Open> {
    CURRENT.try_with(|current| current.child(name, kind)).ok().flatten()
}

/// A span that has not ended. It ends when it is dropped.
pub struct Open {
    context: TraceContext,
    parent: u64,
    recording: Option<Arc<Recording>>,
    name: Cow<'static, str>,
    kind: Kind,
    start: Instant,
    attributes: Vec<(&'static str, Value)>,
    error: Option<String>,
}

impl Open {
    pub(crate) fn new(
        context: TraceContext,
        parent: u64,
        recording: Option<Arc<Recording>>,
        name: Cow<'static, str>,
        kind: Kind,
        start: Instant,
    ) -> Self {
        Self { context, parent, recording, name, kind, start, attributes: Vec::new(), error: None }
    }

    /// Whether anybody will see it: attributes of others need not be made.
    pub fn is_recorded(&self) -> bool {
        self.recording.is_some()
    }

    pub fn context(&self) -> &TraceContext {
        &self.context
    }

    /// Itself as what others stand under.
    pub fn current(&self) -> Current {
        Current { context: self.context.clone(), recording: self.recording.clone() }
    }

    pub fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        if self.recording.is_some() {
            self.attributes.push((key, value.into()));
        }
    }

    /// It ends as one that failed; `kind` is a word of few (`error.type`).
    pub fn fail(&mut self, kind: impl Into<Cow<'static, str>>, message: String) {
        if self.recording.is_some() {
            self.attributes.push(("error.type", Value::Text(kind.into())));
            self.error = Some(message);
        }
    }

    /// A span below it that has ended already.
    pub fn past(
        &self,
        name: &'static str,
        start: Instant,
        end: Instant,
        attributes: Vec<(&'static str, Value)>,
    ) {
        let Some(recording) = &self.recording else { return };
        recording.tracer.take(Span {
            trace: self.context.trace,
            span: new_span(),
            parent: self.context.span,
            state: self.context.state.clone(),
            name: Cow::Borrowed(name),
            kind: Kind::Internal,
            start: recording.nanos(start),
            end: recording.nanos(end),
            attributes,
            error: None,
        });
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let Some(recording) = &self.recording else { return };
        recording.tracer.take(Span {
            trace: self.context.trace,
            span: self.context.span,
            parent: self.parent,
            state: self.context.state.clone(),
            name: std::mem::take(&mut self.name),
            kind: self.kind,
            start: recording.nanos(self.start),
            end: recording.nanos(Instant::now()),
            attributes: std::mem::take(&mut self.attributes),
            error: self.error.take(),
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use types::TestClock;

    use super::*;

    #[tokio::test]
    async fn spans_of_a_request_stand_below_it_and_know_their_times() {
        let clock = TestClock::at(Timestamp(1_000_000));
        let (tracer, mut spans) = Tracer::new(clock, 1.0, 10);
        assert!(child("nobody's", Kind::Internal).is_none() && current().is_none());
        let mut request = tracer.begin(None, "GET /x", Kind::Server);
        request.set("http.request.method", "GET");
        let began = Instant::now();
        within(request.current(), async {
            let mut inner = child("inner", Kind::Internal).unwrap();
            inner.past(
                "queue",
                began,
                began + Duration::from_millis(3),
                vec![("mlwright.rows", 4_usize.into())],
            );
            inner.fail("busy", "too many wait".into());
            assert_eq!(current().unwrap().context().trace, inner.context().trace);
        })
        .await;
        drop(request);
        let found: Vec<Span> = std::iter::from_fn(|| spans.try_recv().ok()).collect();
        let names: Vec<&str> = found.iter().map(|span| span.name.as_ref()).collect();
        assert_eq!(names, ["queue", "inner", "GET /x"]);
        let [queue, inner, request] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((queue.parent, inner.parent, request.parent), (inner.span, request.span, 0));
        assert!(found.iter().all(|span| span.trace == request.trace));
        assert_eq!((request.start, queue.end - queue.start), (1_000_000_000, 3_000_000));
        assert!(request.start <= inner.start && inner.end <= request.end);
        assert_eq!(inner.error.as_deref(), Some("too many wait"));
        assert_eq!(inner.attributes, [("error.type", Value::Text("busy".into()))]);
        assert_eq!(request.attributes, [("http.request.method", Value::Text("GET".into()))]);
    }

    #[tokio::test]
    async fn a_request_outside_the_sample_passes_its_context_on_and_records_nothing() {
        let (tracer, mut spans) = Tracer::new(TestClock::at(Timestamp(0)), 0.0, 10);
        let mut request = tracer.begin(None, "GET /x", Kind::Server);
        request.set("http.request.method", "GET");
        within(request.current(), async {
            assert!(child("inner", Kind::Internal).is_none());
            assert!(current().unwrap().context().parent().ends_with("-00"));
        })
        .await;
        request.past("queue", Instant::now(), Instant::now(), Vec::new());
        drop(request);
        assert!(spans.try_recv().is_err());
    }
}
