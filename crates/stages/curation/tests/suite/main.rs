//! Expectations against data, and as the gate of an import.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail by panicking")]

mod cases;
mod format;
mod gate;
mod gx;
mod poisoned;
mod readings;
mod verify;
