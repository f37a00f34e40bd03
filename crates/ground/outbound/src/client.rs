use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use serde::de::DeserializeOwned;
use tokio::io::AsyncWriteExt as _;

use crate::trace::Traced;
use crate::{Error, Policy, is_public};

/// Bytes of a file that are read at once.
const READ: usize = 512 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    /// Doing it twice is the same as doing it once.
    fn may_repeat(self) -> bool {
        !matches!(self, Self::Post | Self::Patch)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    fn wire(self) -> reqwest::Method {
        match self {
            Self::Get => reqwest::Method::GET,
            Self::Head => reqwest::Method::HEAD,
            Self::Post => reqwest::Method::POST,
            Self::Put => reqwest::Method::PUT,
            Self::Patch => reqwest::Method::PATCH,
            Self::Delete => reqwest::Method::DELETE,
        }
    }
}

/// What a call carries.
#[derive(Clone, Debug)]
pub enum Body {
    Empty,
    Json(serde_json::Value),
    Bytes(Bytes),
    /// Streamed from the disk.
    File(PathBuf),
}

/// One request.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: Method,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Body,
}

/// A whole answer, of any status.
#[derive(Clone, Debug)]
pub struct Answer {
    pub url: String,
    pub status: u16,
    /// The `Location` header, where there is one.
    pub location: Option<String>,
    pub body: Bytes,
}

impl Answer {
    /// Errors: `NoJson`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body)
            .map_err(|e| Error::NoJson { url: self.url.clone(), reason: e.to_string() })
    }
}

/// The version of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// The newest that both sides have, as TLS settles it; 1.1 in the clear.
    Agreed,
    Two,
}

/// Cheap to clone; connections are shared and kept open.
#[derive(Clone, Debug)]
pub struct Client {
    inner: reqwest::Client,
    policy: Arc<Policy>,
}

impl Client {
    /// Errors: `Start`.
    pub fn new(policy: Policy) -> Result<Self, Error> {
        Self::speaking(policy, Version::Agreed)
    }

    pub(crate) fn speaking(policy: Policy, version: Version) -> Result<Self, Error> {
        // Fails if a provider is installed already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder();
        for pem in &policy.authorities {
            let found = reqwest::Certificate::from_pem_bundle(pem).map_err(|e| Error::Start(reason(&e)))?;
            builder = found.into_iter().fold(builder, reqwest::ClientBuilder::add_root_certificate);
        }
        if version == Version::Two {
            builder = builder.http2_prior_knowledge();
        }
        let inner = builder
            .connect_timeout(policy.connect_timeout)
            .timeout(policy.timeout)
            // A redirect could lead where the policy forbids; callers see it as the answer.
            .redirect(reqwest::redirect::Policy::none())
            .dns_resolver(Arc::new(Checked { private_addresses: policy.private_addresses }))
            .no_proxy()
            .user_agent(concat!("mlwright/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| Error::Start(reason(&e)))?;
        Ok(Self { inner, policy: Arc::new(policy) })
    }

    /// Sends the call, again where it may be repeated, and reads the whole answer. An error status is an answer. Inside of a
    /// request that has a trace, the trace goes with it.
    ///
    /// Errors: `BadUrl`, `Private`, `Unreachable`, `TimedOut`, `TooLarge`, `Io` for a file to send.
    pub async fn send(&self, call: &Call) -> Result<Answer, Error> {
        self.check(&call.url)?;
        let mut traced = Traced::begin(call);
        let result = self.repeated(call, &mut traced).await;
        traced.end(result.as_ref().map(|answer| answer.status));
        result
    }

    async fn repeated(&self, call: &Call, traced: &mut Traced) -> Result<Answer, Error> {
        let tries = if call.method.may_repeat() { self.policy.retries + 1 } else { 1 };
        let mut pause = Duration::from_millis(200);
        for last in (0..tries).map(|n| n + 1 == tries) {
            match self.once(call, traced).await {
                Ok(answer) if !last && matches!(answer.status, 502..=504) => {}
                Err(Error::Unreachable { .. }) if !last => {}
                result => return result,
            }
            traced.again();
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        self.once(call, traced).await
    }

    /// Sends the call once and writes the answer's body to a file, whatever its length. The answer's status; a body
    /// that is not of a 200 is not written.
    ///
    /// Errors: as [`Client::send`], and `Io` for the file.
    pub async fn download(&self, call: &Call, to: &Path) -> Result<u16, Error> {
        self.check(&call.url)?;
        let traced = Traced::begin(call);
        let result = self.downloaded(call, to, &traced).await;
        traced.end(result.as_ref().copied());
        result
    }

    async fn downloaded(&self, call: &Call, to: &Path, traced: &Traced) -> Result<u16, Error> {
        let request = self.request(call, traced).await?;
        let mut answer = request.send().await.map_err(|e| failed(call, &e, &self.policy))?;
        let status = answer.status().as_u16();
        if status != 200 {
            return Ok(status);
        }
        let mut file =
            tokio::fs::File::create(to).await.map_err(|e| types::io::Error::new("create", to, e))?;
        while let Some(chunk) = answer.chunk().await.map_err(|e| failed(call, &e, &self.policy))? {
            file.write_all(&chunk).await.map_err(|e| types::io::Error::new("write", to, e))?;
        }
        file.flush().await.map_err(|e| types::io::Error::new("write", to, e))?;
        Ok(status)
    }

    /// Whether the policy lets a call to this address leave, names resolved; a call asks again when it is made.
    ///
    /// Errors: `BadUrl`, `Private`, `Resolve`.
    pub async fn allows(&self, url: &str) -> Result<(), Error> {
        self.check(url)?;
        let bad = |reason: String| Error::BadUrl { url: url.to_owned(), reason };
        let parsed = reqwest::Url::parse(url).map_err(|e| bad(e.to_string()))?;
        let host = parsed.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        if self.policy.private_addresses || host.parse::<IpAddr>().is_ok() {
            return Ok(());
        }
        let found = tokio::net::lookup_host((host.clone(), 0)).await;
        let mut found: Vec<IpAddr> = match found {
            Ok(found) => found.map(|address| address.ip()).collect(),
            Err(e) => return Err(Error::Resolve { host, reason: e.to_string() }),
        };
        found.retain(|address| !is_public(*address));
        match found.pop() {
            Some(address) => Err(Error::Private { host, address }),
            None => Ok(()),
        }
    }

    async fn once(&self, call: &Call, traced: &Traced) -> Result<Answer, Error> {
        let request = self.request(call, traced).await?;
        let mut answer = request.send().await.map_err(|e| failed(call, &e, &self.policy))?;
        let status = answer.status().as_u16();
        let location = answer.headers().get("location").and_then(|v| v.to_str().ok()).map(str::to_owned);
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|e| failed(call, &e, &self.policy))? {
            if (body.len() + chunk.len()) as u64 > self.policy.largest_answer {
                return Err(Error::TooLarge { url: call.url.clone(), limit: self.policy.largest_answer });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { url: call.url.clone(), status, location, body: body.into() })
    }

    pub(crate) async fn request(
        &self,
        call: &Call,
        traced: &Traced,
    ) -> Result<reqwest::RequestBuilder, Error> {
        let mut request = self.inner.request(call.method.wire(), &call.url);
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        for (name, value) in traced.headers(call) {
            request = request.header(name, value);
        }
        request = match &call.body {
            Body::Empty => request,
            Body::Json(value) => request.json(value),
            Body::Bytes(bytes) => request.body(bytes.clone()),
            Body::File(path) => {
                let mut file =
                    tokio::fs::File::open(path).await.map_err(|e| types::io::Error::new("open", path, e))?;
                let length =
                    file.metadata().await.map_err(|e| types::io::Error::new("look at", path, e))?.len();
                // Each read is a turn of another thread: few large ones.
                file.set_max_buf_size(READ);
                let pieces = tokio_util::io::ReaderStream::with_capacity(file, READ);
                request.header("content-length", length).body(reqwest::Body::wrap_stream(pieces))
            }
        };
        Ok(request)
    }

    /// A literal address never passes the resolver, so it is looked at here.
    pub(crate) fn check(&self, url: &str) -> Result<(), Error> {
        let bad = |reason: &str| Error::BadUrl { url: url.to_owned(), reason: reason.to_owned() };
        let parsed = reqwest::Url::parse(url).map_err(|e| bad(&e.to_string()))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(bad("it does not begin with http:// or https://"));
        }
        let host = parsed.host_str().ok_or_else(|| bad("it has no host"))?;
        let literal: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
        match literal {
            Some(address) if !self.policy.private_addresses && !is_public(address) => {
                Err(Error::Private { host: host.to_owned(), address })
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }
}

/// Why a call has no answer.
pub(crate) fn failed(call: &Call, error: &reqwest::Error, policy: &Policy) -> Error {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = source {
        if let Some(Refused(host, address)) = current.downcast_ref() {
            return Error::Private { host: host.clone(), address: *address };
        }
        source = current.source();
    }
    let url = call.url.clone();
    if error.is_timeout() {
        return Error::TimedOut { url, seconds: policy.timeout.as_secs() };
    }
    Error::Unreachable { url, reason: reason(error) }
}

/// The innermost reason: the outer ones repeat the URL.
fn reason(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// Resolves names and hands on only addresses that the policy allows: the address that was checked is the one that is
/// connected to, so a name cannot change its meaning in between.
#[derive(Debug)]
struct Checked {
    private_addresses: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("`{0}` leads to {1}, which is not on the public internet")]
struct Refused(String, IpAddr);

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = self.private_addresses;
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            if !allowed && let Some(private) = found.iter().find(|address| !is_public(address.ip())) {
                return Err(Box::new(Refused(host, private.ip())) as Box<dyn std::error::Error + Send + Sync>);
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;

    fn get(url: String) -> Call {
        Call { method: Method::Get, url, headers: Vec::new(), body: Body::Empty }
    }

    /// Answers each connection with the next of `answers`.
    async fn server(answers: Vec<&'static str>) -> (SocketAddr, std::pin::Pin<Box<dyn Future<Output = ()>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serve = async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await.unwrap();
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            std::future::pending::<()>().await;
        };
        (address, Box::pin(serve))
    }

    const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 7\r\nconnection: close\r\n\r\n{\"a\":1}";
    const BUSY: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

    #[tokio::test]
    async fn a_private_address_is_refused_also_behind_a_name() {
        let client = Client::new(Policy::default()).unwrap();
        for url in ["http://127.0.0.1:1/x", "http://[::1]:1/x", "http://localhost:1/x", "http://2130706433/"]
        {
            let refused = client.send(&get(url.to_owned())).await;
            assert!(matches!(refused, Err(Error::Private { .. })), "{url}: {refused:?}");
        }
    }

    #[tokio::test]
    async fn a_get_is_repeated_while_the_server_is_busy_and_a_post_is_not() {
        let client = Client::new(Policy::local()).unwrap();
        let (address, serve) = server(vec![BUSY, OK, BUSY]).await;
        let calls = async {
            let answer = client.send(&get(format!("http://{address}/"))).await.unwrap();
            assert_eq!(answer.json::<serde_json::Value>().unwrap(), serde_json::json!({"a": 1}));
            let post = Call { method: Method::Post, ..get(format!("http://{address}/")) };
            assert_eq!(client.send(&post).await.unwrap().status, 503);
        };
        tokio::select! { () = calls => {}, () = serve => {} }
    }

    #[tokio::test]
    async fn an_answer_without_end_is_refused() {
        let client = Client::new(Policy { largest_answer: 3, ..Policy::local() }).unwrap();
        let (address, serve) = server(vec![OK]).await;
        let call = get(format!("http://{address}/"));
        let answer = tokio::select! { answer = client.send(&call) => answer, () = serve => return };
        assert!(matches!(answer, Err(Error::TooLarge { limit: 3, .. })), "{answer:?}");
    }

    #[tokio::test]
    async fn nobody_there_says_so() {
        let client = Client::new(Policy { retries: 0, ..Policy::local() }).unwrap();
        let answer = client.send(&get("http://127.0.0.1:1/".into())).await;
        assert!(matches!(answer, Err(Error::Unreachable { .. })), "{answer:?}");
    }
}
