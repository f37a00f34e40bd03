//! What AWS protocols share: signatures (versions 4 and 2, in headers and in addresses), streaming payloads, XML bodies.
//!
//! A request is taken apart in three steps: [`Signature::of`] says which key signed it, [`Signature::verify`] holds it
//! against that key's secret, and [`Payload::open`] gives the body without its wrapping. What the signature or a trailer
//! promises about the body is known to be true only when [`Arrived::finish`] says so.

mod chunked;
mod encode;
mod error;
mod payload;
mod query;
mod signature;
mod v2;
mod v4;
mod xml;

pub use encode::{decode, encode, encode_path};
pub use error::Error;
pub use payload::{Arrived, Opened, Payload};
pub use query::Query;
pub use signature::{Signature, host};
pub use xml::{Node, Xml};
