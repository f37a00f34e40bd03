//! automation: event to retrain to gate to swap, with cool-down and budget
