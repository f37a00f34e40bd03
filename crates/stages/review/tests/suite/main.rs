//! Predictions that people judge, on both databases.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod predictions;
