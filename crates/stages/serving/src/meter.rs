use std::time::Duration;

use metrics::{Counter, Histogram};

use crate::VariantView;

/// One variant's metrics, found once: the names that Triton's dashboards read are kept beside our own.
pub(crate) struct Meter {
    requests: Counter,
    errors: Counter,
    seconds: Histogram,
    rows: Counter,
    success: Counter,
    failure: Counter,
    duration_us: Counter,
}

impl Meter {
    pub fn of(endpoint: &str, variant: &VariantView) -> Self {
        let labels = || {
            [
                ("endpoint", endpoint.to_owned()),
                ("variant", variant.name.clone()),
                ("model", variant.model.clone()),
                ("version", variant.version.to_string()),
            ]
        };
        let triton = || [("model", endpoint.to_owned()), ("version", variant.version.to_string())];
        Self {
            requests: metrics::counter!("mlwright_inference_requests_total", &labels()),
            errors: metrics::counter!("mlwright_inference_errors_total", &labels()),
            seconds: metrics::histogram!("mlwright_inference_seconds", &labels()),
            rows: metrics::counter!("nv_inference_count", &triton()),
            success: metrics::counter!("nv_inference_request_success", &triton()),
            failure: metrics::counter!("nv_inference_request_failure", &triton()),
            duration_us: metrics::counter!("nv_inference_request_duration_us", &triton()),
        }
    }

    pub fn count(&self, rows: usize, took: Duration, failed: bool) {
        self.requests.increment(1);
        self.seconds.record(took.as_secs_f64());
        if failed {
            self.errors.increment(1);
            self.failure.increment(1);
        } else {
            self.success.increment(1);
            self.rows.increment(rows as u64);
        }
        self.duration_us.increment(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }
}
