use http::{HeaderMap, Uri, header};

/// Where the client found this server, which is where it finds it again: addresses in answers begin with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base(String);

impl Base {
    /// From `Host`, or what a proxy says that it was: `X-Forwarded-Proto`, `-Host` and `-Prefix`.
    pub fn of(headers: &HeaderMap, uri: &Uri) -> Option<Self> {
        let first = |name: &str| {
            let value = headers.get(name)?.to_str().ok()?.split(',').next()?.trim();
            (!value.is_empty()).then(|| value.to_owned())
        };
        let named = || uri.authority().map(ToString::to_string);
        let host = first("x-forwarded-host").or_else(|| first(header::HOST.as_str())).or_else(named)?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
        let scheme = first("x-forwarded-proto").filter(|p| p == "https").unwrap_or_else(|| "http".to_owned());
        let prefix =
            first("x-forwarded-prefix").filter(|p| p.starts_with('/') && !p.contains(['?', '#', '"']));
        let prefix = prefix.unwrap_or_default();
        host.bytes().all(plain).then(|| Self(format!("{scheme}://{host}{}", prefix.trim_end_matches('/'))))
    }

    /// The address of `path`, which begins with `/`.
    pub fn with(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_built_from_where_the_client_found_the_server() {
        let base = |pairs: &[(&str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
            }
            Base::of(&headers, &Uri::from_static("/x")).map(|b| b.0)
        };
        assert_eq!(base(&[("host", "h:5000")]).as_deref(), Some("http://h:5000"));
        let proxied = [
            ("host", "inner"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "ml.example, inner"),
            ("x-forwarded-prefix", "/track/"),
        ];
        assert_eq!(base(&proxied).as_deref(), Some("https://ml.example/track"));
        assert_eq!(base(&[("host", "h"), ("x-forwarded-proto", "gopher")]).as_deref(), Some("http://h"));
        assert_eq!(base(&[("host", "h/evil?")]), None);
        assert_eq!(base(&[]), None);
    }
}
