//! What texts are: patterns, dates and JSON, read as Python reads them.

pub(crate) mod dates;
pub(crate) mod json;
mod lexer;
mod pattern;
mod schema;
mod strftime;
mod ymd;

pub(crate) use pattern::{Pattern, like};
pub(crate) use schema::Schema;
pub(crate) use strftime::Strftime;
