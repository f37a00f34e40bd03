use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;
use types::Clock;

use crate::open::Recording;
use crate::{Kind, Open, Span, TraceContext};

/// Begins spans of requests. Cheap to clone.
#[derive(Clone)]
pub struct Tracer(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    share: f64,
    queue: mpsc::Sender<Span>,
}

impl Tracer {
    /// `share` (0 to 1) of the traces that begin here are recorded; of others, what whoever began them says. What has ended comes
    /// out of the receiver, which holds up to `room` spans.
    pub fn new(clock: Arc<dyn Clock>, share: f64, room: usize) -> (Self, mpsc::Receiver<Span>) {
        let (queue, spans) = mpsc::channel(room.max(1));
        (Self(Arc::new(Inner { clock, share, queue })), spans)
    }

    /// A request's span; it ends when it is dropped.
    pub fn begin(
        &self,
        parent: Option<TraceContext>,
        name: impl Into<Cow<'static, str>>,
        kind: Kind,
    ) -> Open {
        let (above, context) = match parent {
            Some(parent) => (parent.span, TraceContext { span: new_span(), ..parent }),
            None => {
                let trace = rand::random::<u128>().max(1);
                let sampled = is_in(self.0.share, trace);
                (0, TraceContext { trace, span: new_span(), sampled, state: None })
            }
        };
        let began = Instant::now();
        let recording =
            context.sampled.then(|| Recording { tracer: self.clone(), at: self.0.clock.now(), began });
        Open::new(context, above, recording.map(Arc::new), name.into(), kind, began)
    }

    /// Never waits: what finds no room is counted.
    pub(crate) fn take(&self, span: Span) {
        if self.0.queue.try_send(span).is_err() {
            metrics::counter!("mlwright_spans_dropped_total", "reason" => "queue").increment(1);
        }
    }
}

pub(crate) fn new_span() -> u64 {
    rand::random::<u64>().max(1)
}

/// Whether a trace is in the sample: by its id, so that servers that see the same trace agree
/// (<https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/>: the lower 56 bits).
fn is_in(share: f64, trace: u128) -> bool {
    const BITS: u32 = 56;
    let point = (trace & ((1 << BITS) - 1)) as f64 / (1_u64 << BITS) as f64;
    share > 0.0 && point >= 1.0 - share
}

#[cfg(test)]
mod tests {
    use types::SystemClock;

    use super::*;

    fn tracer(share: f64, room: usize) -> (Tracer, mpsc::Receiver<Span>) {
        Tracer::new(Arc::new(SystemClock), share, room)
    }

    fn parent(sampled: bool) -> Option<TraceContext> {
        Some(TraceContext { trace: 7, span: 9, sampled, state: Some("a=b".into()) })
    }

    #[test]
    fn a_share_of_new_traces_is_recorded_and_of_others_what_their_beginner_says() {
        let (tracer, mut spans) = tracer(0.25, 10_000);
        for _ in 0..4000 {
            drop(tracer.begin(None, "x", Kind::Server));
        }
        let kept = std::iter::from_fn(|| spans.try_recv().ok()).count();
        assert!((800..1200).contains(&kept), "{kept} of 4000 are a quarter");
        drop(tracer.begin(parent(false), "x", Kind::Server));
        assert!(spans.try_recv().is_err());
        drop(tracer.begin(parent(true), "x", Kind::Server));
        let span = spans.try_recv().unwrap();
        assert_eq!((span.trace, span.parent, span.state.as_deref()), (7, 9, Some("a=b")));
        assert_ne!(span.span, 9);
    }

    #[test]
    fn none_and_all_are_shares_too() {
        for (share, kept) in [(0.0, 0), (1.0, 100)] {
            let (tracer, mut spans) = tracer(share, 200);
            for _ in 0..100 {
                drop(tracer.begin(None, "x", Kind::Server));
            }
            assert_eq!(std::iter::from_fn(|| spans.try_recv().ok()).count(), kept);
        }
    }

    #[test]
    fn a_full_queue_loses_spans_and_holds_nobody_up() {
        let (tracer, mut spans) = tracer(1.0, 2);
        for _ in 0..50 {
            drop(tracer.begin(None, "x", Kind::Server));
        }
        assert_eq!(std::iter::from_fn(|| spans.try_recv().ok()).count(), 2);
        drop(spans);
        drop(tracer.begin(None, "x", Kind::Server));
    }
}
