//! Predictions and labels that people judge, and issues, on both databases.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod issues;
mod labels;
mod predictions;
