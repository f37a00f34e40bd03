//! evaluation: metrics by slice, thresholds, champion comparison
