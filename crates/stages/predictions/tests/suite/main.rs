//! The prediction log, on both databases.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod house;
mod kill;
mod labels;
mod rows;
