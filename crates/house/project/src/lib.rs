//! mlwright.yaml: parse, check, plan
