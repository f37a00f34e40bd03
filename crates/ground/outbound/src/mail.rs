//! Letters to people, by way of a mail server that the operator names.

use std::time::Duration;

use lettre::message::{Mailbox, header::ContentType};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

use crate::Error;

/// Where letters are handed in.
#[derive(Clone, Debug)]
pub struct MailServer {
    pub host: String,
    pub port: u16,
    pub security: MailSecurity,
    /// User and password.
    pub login: Option<(String, String)>,
    /// Of each answer.
    pub timeout: Duration,
    /// PEM files of authorities that are trusted beside those of the system.
    pub authorities: Vec<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailSecurity {
    /// In the clear until the server is asked for TLS, and refused where it has none.
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// In the clear, also the password.
    None,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// `Name <name@host>` or the address alone.
    pub from: String,
    pub to: String,
    pub subject: String,
    /// Plain text.
    pub text: String,
}

/// Errors: `BadMail` if it is no address that a letter could be sent to.
pub fn check_mail_address(text: &str) -> Result<(), Error> {
    address(text).map(drop)
}

fn address(text: &str) -> Result<Mailbox, Error> {
    text.parse().map_err(|e: lettre::address::AddressError| Error::BadMail {
        address: text.to_owned(),
        reason: e.to_string(),
    })
}

/// Hands a letter in, over a connection of its own.
///
/// Errors: `BadMail`; `Mail`, `for_good` where trying again changes nothing: the server refuses it, has no TLS though it is
/// wanted, or does not take the login.
pub async fn send_mail(server: &MailServer, letter: &Letter) -> Result<(), Error> {
    // Fails if a provider is installed already, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let failed = |reason: String, for_good: bool| Error::Mail {
        server: format!("{}:{}", server.host, server.port),
        reason,
        for_good,
    };
    let message = Message::builder()
        .from(address(&letter.from)?)
        .to(address(&letter.to)?)
        .subject(&letter.subject)
        .header(ContentType::TEXT_PLAIN)
        .body(letter.text.clone())
        .map_err(|e| failed(e.to_string(), true))?;
    let tls = || {
        let mut parameters = TlsParameters::builder(server.host.clone());
        for pem in &server.authorities {
            parameters = parameters.add_root_certificate(Certificate::from_pem(pem)?);
        }
        parameters.build()
    };
    let security = match server.security {
        MailSecurity::None => Tls::None,
        MailSecurity::Starttls => Tls::Required(tls().map_err(|e| failed(told(&e), true))?),
        MailSecurity::Tls => Tls::Wrapper(tls().map_err(|e| failed(told(&e), true))?),
    };
    let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
        .port(server.port)
        .tls(security)
        .timeout(Some(server.timeout));
    if let Some((user, password)) = &server.login {
        transport = transport.credentials(Credentials::new(user.clone(), password.clone()));
    }
    match transport.build().send(message).await {
        Ok(_) => Ok(()),
        Err(error) => {
            let for_good = error.is_permanent() || error.is_client();
            Err(failed(told(&error), for_good))
        }
    }
}

/// With its causes.
fn told(error: &lettre::transport::smtp::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
