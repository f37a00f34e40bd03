//! Predictions and labels that people judge, on both databases.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod labels;
mod predictions;
