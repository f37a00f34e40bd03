//! Monitors over real prediction logs.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod house;
mod judge;
mod watch;
