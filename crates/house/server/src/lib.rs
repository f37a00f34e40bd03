//! composition: configuration, roles, listeners, telemetry
