//! The project file: messages, plans, and applying with real stages.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail by panicking")]

mod applying;
mod data_gates;
mod messages;
mod planning;
