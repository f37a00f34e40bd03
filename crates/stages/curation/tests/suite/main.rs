//! Expectations against data, and as the gate of an import.

mod cases;
mod format;
mod gate;
