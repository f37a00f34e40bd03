//! The mlwright program.
fn main() {}
