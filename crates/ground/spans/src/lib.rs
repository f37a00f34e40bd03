//! What requests did, as OpenTelemetry's spans. A request that is recorded carries its span in the task that answers it; whatever
//! it calls adds spans below it. Nothing here waits: spans go into a bounded queue, and what finds no room is counted.
//! Where nobody set a [`Tracer`] up, or the request is not in the sample, all that is left is to look and find nothing.

mod context;
mod open;
mod span;
mod tracer;

pub use context::TraceContext;
pub use open::{Current, Open, child, current, within};
pub use span::{Kind, Span, Value};
pub use tracer::Tracer;
