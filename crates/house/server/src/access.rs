//! Who is calling. Loopback is not trust: a web page can make a browser post to it, so `Host` and `Origin` are
//! checked before anything else. Without users, whoever reaches a loopback address from this machine may work;
//! from the first user on, everybody signs in.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use axum::extract::Request;
use base64::Engine as _;
use http::{HeaderMap, StatusCode, header};
use kit::{AccessKeys, KeyError};
use ledger::Ledger;
use types::{Actor, Digest, Fault, Role};

use crate::credentials::{Credential, Credentials};

/// What the check needs to know.
#[derive(Clone)]
pub struct Access(Arc<Inner>);

struct Inner {
    ledger: Ledger,
    credentials: Credentials,
    keys: AccessKeys,
    hosts: Vec<String>,
    origins: Vec<String>,
    /// What this server's own pipeline steps say.
    step_token: String,
    /// Knows the tokens of tasks that run on clusters.
    tasks: OnceLock<pipelines::Engine>,
}

impl Access {
    pub async fn new(
        ledger: Ledger,
        keys: AccessKeys,
        config: &crate::config::Access,
        step_token: String,
    ) -> Result<Self, ledger::Error> {
        ledger.set_member_level(config.member_level);
        Ok(Self(Arc::new(Inner {
            credentials: Credentials::new(ledger.clone()).await?,
            ledger,
            keys,
            hosts: config.allowed_hosts.iter().map(|h| h.to_ascii_lowercase()).collect(),
            origins: config.allowed_origins.iter().map(|o| o.to_ascii_lowercase()).collect(),
            step_token,
            tasks: OnceLock::new(),
        })))
    }

    /// From here on tasks that run on clusters are let in.
    pub fn let_tasks_in(&self, engine: pipelines::Engine) {
        let _ = self.0.tasks.set(engine);
    }

    /// Whether anybody can sign in, so that everybody must.
    pub async fn login_required(&self) -> Result<bool, ledger::Error> {
        self.0.credentials.login_required().await
    }

    async fn verify(&self, credential: Credential<'_>) -> Result<Actor, ledger::Error> {
        if let Credential::Token(token) = credential
            // Digests are compared, so that timing tells nothing about the token.
            && Digest::of(token) == Digest::of(&self.0.step_token)
        {
            return Ok(step());
        }
        if let Credential::Token(token) = credential
            && token.starts_with(STEP_TOKEN)
            && pipelines::is_step_token(&self.0.ledger, Digest::of(token)).await?
        {
            return Ok(step());
        }
        if let Credential::Token(token) = credential
            && token.starts_with(TASK_TOKEN)
            && let Some(tasks) = self.0.tasks.get()
            && let Some(actor) = tasks.actor_of_task(token).await
        {
            return Ok(actor);
        }
        self.0.credentials.verify(credential).await
    }
}

fn step() -> Actor {
    Actor { role: Role::Editor, ..Actor::system("pipeline-step") }
}

/// The token of this data directory's pipeline steps, made at the first start. It is a file, so that steps that
/// outlive a crash of the server are still let in by the next one.
pub fn step_token(data_dir: &Path) -> Result<String, types::io::Error> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let path = data_dir.join("step-token");
    if path.exists() {
        return types::io::read_to_string(&path);
    }
    let bytes: [u8; 32] = rand::random();
    let token = format!("{STEP_TOKEN}{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes));
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(|e| types::io::Error::new("create", &path, e))?;
    std::io::Write::write_all(&mut file, token.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|e| types::io::Error::new("write", &path, e))?;
    Ok(token)
}

/// Checks `Host` and `Origin`, finds the actor and puts it where `kit::Caller` looks for it. A request without credentials
/// passes without an actor: doors answer health checks and pages to anybody. The error is the answer.
pub async fn check(access: &Access, peer: SocketAddr, request: &mut Request) -> Result<(), kit::Answer> {
    let local = request.extensions().get::<LocalAddress>().map(|l| l.0);
    check_addresses(&access.0.hosts, &access.0.origins, request.headers(), request.uri().host(), local)?;
    match sign_in(access, request.headers(), peer).await {
        Ok(Some(actor)) => {
            request.extensions_mut().insert(actor);
            Ok(())
        }
        Ok(None) => Ok(()),
        Err(error) => Err(kit::Answer::from(&error)),
    }
}

/// Whoever shows a wrong credential is nobody, like whoever shows none: each door refuses both in its own words.
async fn sign_in(access: &Access, headers: &HeaderMap, peer: SocketAddr) -> Result<Option<Actor>, KeyError> {
    let shown = shown(headers);
    if let Some(Shown::Basic(id, secret)) = &shown
        && let Some(actor) = access.0.keys.check(id, secret).await?
    {
        return Ok(Some(actor));
    }
    match shown {
        Some(shown) => match access.verify(shown.credential()).await {
            Ok(actor) => Ok(Some(actor)),
            Err(error) if error.class() == types::Class::Unauthenticated => Ok(None),
            Err(error) => Err(error.into()),
        },
        None if peer.ip().to_canonical().is_loopback() && !access.login_required().await? => {
            Ok(Some(Actor::local()))
        }
        None => Ok(None),
    }
}

/// The address that a connection came in on.
#[derive(Clone, Copy, Debug)]
pub struct LocalAddress(pub SocketAddr);

fn refuse(code: &'static str, message: String, hint: &str) -> kit::Answer {
    kit::Answer { status: StatusCode::FORBIDDEN, code, message, hint: Some(hint.to_owned()) }
}

fn check_addresses(
    hosts: &[String],
    origins: &[String],
    headers: &HeaderMap,
    uri_host: Option<&str>,
    local: Option<SocketAddr>,
) -> Result<(), kit::Answer> {
    let host = headers.get(header::HOST).and_then(|h| h.to_str().ok()).or(uri_host).unwrap_or_default();
    let host = host.to_ascii_lowercase();
    let name = host_name(&host);
    let known = is_loopback(name)
        || hosts.iter().any(|h| h == name || *h == host)
        // On an address beyond loopback, the address itself is a good name, too.
        || local.is_some_and(|l| name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip == l.ip()));
    if !known && !host.is_empty() {
        return Err(refuse(
            "host_refused",
            format!("this server does not answer to the host `{host}`"),
            "add it to access.allowed_hosts if it is a name of this server",
        ));
    }
    let Some(origin) = headers.get(header::ORIGIN).and_then(|o| o.to_str().ok()) else { return Ok(()) };
    let origin = origin.to_ascii_lowercase();
    let own = origin.split_once("://").is_some_and(|(_, rest)| rest == host);
    if own || origins.contains(&origin) {
        return Ok(());
    }
    Err(refuse(
        "origin_refused",
        format!("a page of `{origin}` may not call this server"),
        "add it to access.allowed_origins if you trust it",
    ))
}

pub(crate) fn host_name(host: &str) -> &str {
    match host.rfind(']') {
        Some(end) => &host[..=end],
        None => host.split(':').next().unwrap_or_default(),
    }
}

pub(crate) fn is_loopback(name: &str) -> bool {
    name == "localhost"
        || name.ends_with(".localhost")
        || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// What an `Authorization` header holds.
enum Shown {
    Bearer(String),
    Basic(String, String),
}

impl Shown {
    /// Basic carries a token, too, as the password; the name is of no matter then. It also carries access keys, which have
    /// been looked at before.
    fn credential(&self) -> Credential<'_> {
        match self {
            Self::Bearer(token) => Credential::Token(token),
            Self::Basic(_, token) if TOKENS.iter().any(|prefix| token.starts_with(prefix)) => {
                Credential::Token(token)
            }
            Self::Basic(name, password) => Credential::Password { name, password },
        }
    }
}

/// How tokens of accounts, of pipeline steps and of tasks on clusters begin.
const TOKENS: [&str; 3] = ["mlw_", STEP_TOKEN, TASK_TOKEN];
const TASK_TOKEN: &str = "mlw-task-";
const STEP_TOKEN: &str = "mlw-step-";

/// Where Evidently's clients put their secret: an access token here.
const EVIDENTLY: &str = "evidently-secret";

fn shown(headers: &HeaderMap) -> Option<Shown> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        let secret = headers.get(EVIDENTLY)?.to_str().ok()?;
        return Some(Shown::Bearer(secret.trim().to_owned()));
    };
    let value = value.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(Shown::Bearer(rest.trim().to_owned()));
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let bytes = base64::engine::general_purpose::STANDARD.decode(rest.trim()).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (name, password) = text.split_once(':')?;
        return Some(Shown::Basic(name.to_owned(), password.to_owned()));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(host: &str, origin: Option<&str>) -> Result<(), &'static str> {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        let (hosts, origins) = (["ml.example".to_owned()], ["https://pages.example".to_owned()]);
        check_addresses(&hosts, &origins, &headers, None, None).map_err(|answer| answer.code)
    }

    #[test]
    fn a_page_of_another_origin_may_not_call() {
        assert_eq!(check("localhost:5000", Some("http://localhost:5000")), Ok(()));
        assert_eq!(check("localhost:5000", Some("http://localhost:8080")), Err("origin_refused"));
        assert_eq!(check("127.0.0.1:5000", Some("http://evil.example")), Err("origin_refused"));
        assert_eq!(check("127.0.0.1:5000", Some("null")), Err("origin_refused"));
        assert_eq!(check("127.0.0.1:5000", Some("https://pages.example")), Ok(()));
    }

    #[test]
    fn a_name_that_was_rebound_to_loopback_is_refused() {
        assert_eq!(check("evil.example:5000", None), Err("host_refused"));
        assert_eq!(check("ML.example:5000", None), Ok(()));
        assert_eq!(check("[::1]:5000", None), Ok(()));
    }

    #[test]
    fn host_names_lose_their_port_and_keep_their_brackets() {
        assert_eq!(host_name("localhost:5000"), "localhost");
        assert_eq!(host_name("[::1]:5000"), "[::1]");
        assert!(is_loopback("127.0.0.9") && is_loopback("[::1]") && !is_loopback("evil.example"));
    }
}
