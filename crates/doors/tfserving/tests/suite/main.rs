//! Requests through the routes, with a real model behind them.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod hostile;
mod house;
mod protocol;
