//! How e-mails leave this server, as the configuration has it.

use std::time::Duration;

use monitoring::MailSettings;
use outbound::{MailSecurity, MailServer};

use crate::Error;
use crate::config::{Email, Security};

/// `None` if there is no mail server. `url` is where this server listens. Errors: an address that is none.
pub fn settings(of: &Email, url: &str) -> Result<Option<MailSettings>, Error> {
    if of.host.is_empty() {
        return Ok(None);
    }
    outbound::check_mail_address(&of.from).map_err(Error::stage)?;
    let login = (!of.user.is_empty()).then(|| (of.user.clone(), of.password_secret.clone()));
    let server = MailServer {
        host: of.host.clone(),
        port: of.port,
        security: match of.security {
            Security::Starttls => MailSecurity::Starttls,
            Security::Tls => MailSecurity::Tls,
            Security::None => MailSecurity::None,
        },
        login: None,
        timeout: Duration::from_secs(of.timeout_seconds.max(1)),
        authorities: Vec::new(),
    };
    let page = if of.url.is_empty() { url.to_owned() } else { of.url.clone() };
    let every = i64::try_from(of.every_seconds).unwrap_or(i64::MAX);
    Ok(Some(MailSettings { server, login, from: of.from.clone(), page, every }))
}
