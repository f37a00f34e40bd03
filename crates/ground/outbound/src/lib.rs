//! the only HTTP client: egress policy, limits, retries
