//! A call as part of the trace of the request that makes it.

use spans::{Current, Kind, Open};

use crate::{Call, Error};

/// The span of a call, and what the other side is told of it. Nothing of both where no request with a trace makes the call.
pub(crate) struct Traced {
    current: Option<Current>,
    span: Option<Open>,
    resent: i64,
}

impl Traced {
    pub fn begin(call: &Call) -> Self {
        let current = spans::current();
        let mut span = current.as_ref().and_then(|current| current.child(call.method.name(), Kind::Client));
        if let Some(span) = &mut span {
            span.set("http.request.method", call.method.name());
            if let Ok(url) = reqwest::Url::parse(&call.url) {
                if let Some(host) = url.host_str() {
                    span.set("server.address", host.to_owned());
                }
                if let Some(port) = url.port_or_known_default() {
                    span.set("server.port", port);
                }
                span.set("url.full", shown(url));
            }
        }
        Self { current, span, resent: 0 }
    }

    /// `traceparent` and `tracestate`, unless the call has its own.
    pub fn headers(&self, call: &Call) -> Vec<(&'static str, String)> {
        let own = call.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("traceparent"));
        let context = match (&self.span, &self.current) {
            _ if own => return Vec::new(),
            (Some(span), _) => span.context(),
            (None, Some(current)) => current.context(),
            (None, None) => return Vec::new(),
        };
        let state = context.state.as_ref().map(|state| ("tracestate", state.to_string()));
        std::iter::once(("traceparent", context.parent())).chain(state).collect()
    }

    /// It is sent once more.
    pub fn again(&mut self) {
        self.resent += 1;
    }

    /// With the answer's status, or why there is none.
    pub fn end(mut self, result: Result<u16, &Error>) {
        let Some(span) = &mut self.span else { return };
        if self.resent > 0 {
            span.set("http.request.resend_count", self.resent);
        }
        match result {
            Ok(status) => {
                span.set("http.response.status_code", status);
                if status >= 400 {
                    span.fail(status.to_string(), String::new());
                }
            }
            Err(error) => span.fail(word(error), error.to_string()),
        }
    }
}

/// Without what is often secret: names, passwords and queries.
fn shown(mut url: reqwest::Url) -> String {
    // Errors: URLs that can have neither.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

fn word(error: &Error) -> &'static str {
    match error {
        Error::BadUrl { .. } => "bad_url",
        Error::Private { .. } => "private_address",
        Error::Resolve { .. } | Error::Unreachable { .. } => "unreachable",
        Error::TimedOut { .. } => "timeout",
        Error::TooLarge { .. } => "too_large",
        Error::NoJson { .. }
        | Error::Start(_)
        | Error::BadMail { .. }
        | Error::Mail { .. }
        | Error::Io(_) => "_OTHER",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use spans::{Tracer, Value};
    use types::SystemClock;

    use super::*;
    use crate::{Body, Method};

    fn call(headers: &[(&str, &str)]) -> Call {
        Call {
            method: Method::Post,
            url: "https://ann:secret@example.org:8443/a?token=secret".into(),
            headers: headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
            body: Body::Empty,
        }
    }

    #[tokio::test]
    async fn the_other_side_is_told_the_calls_own_span_and_no_secret_is_in_it() {
        let (tracer, mut spans) = Tracer::new(Arc::new(SystemClock), 1.0, 10);
        let request = tracer.begin(None, "GET /x", Kind::Server);
        let (told, kept) = spans::within(request.current(), async {
            let traced = Traced::begin(&call(&[]));
            let told = traced.headers(&call(&[]));
            let kept = traced.headers(&call(&[("TraceParent", "00-1-2-00")]));
            traced.end(Ok(503));
            (told, kept)
        })
        .await;
        let span = spans.try_recv().unwrap();
        assert_eq!(told, [("traceparent", format!("00-{:032x}-{:016x}-01", span.trace, span.span))]);
        assert_eq!(kept, []);
        assert_eq!(span.parent, request.context().span);
        let of = |key: &str| span.attributes.iter().find(|(k, _)| *k == key).map(|(_, v)| v.clone());
        assert_eq!(of("url.full"), Some(Value::Text("https://example.org:8443/a".into())));
        assert_eq!(of("server.port"), Some(Value::Integer(8443)));
        assert_eq!(of("error.type"), Some(Value::Text("503".into())));
    }

    #[test]
    fn outside_of_requests_nothing_is_told() {
        assert_eq!(Traced::begin(&call(&[])).headers(&call(&[])), []);
    }
}
