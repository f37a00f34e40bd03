//! E-mails: who is named by a monitor's rules is told when its alarm or a signal begins and ends. What comes close together is
//! one letter; what cannot be sent is tried again, and given up with an event.

mod compose;

use std::time::Duration;

use ledger::{Cursor, Event, Ledger, Place, Tx};
use outbound::{MailServer, send_mail};
use serde_json::{Value, json};
use tasks::CancellationToken;
use types::{Actor, Timestamp, WorkspaceId};
use vault::Vault;

use crate::store::mail::Address;
use crate::{Error, store};

/// How letters leave this server.
#[derive(Clone, Debug)]
pub struct MailSettings {
    /// Without a password.
    pub server: MailServer,
    /// The user, and the secret of the default workspace that is the password.
    pub login: Option<(String, String)>,
    pub from: String,
    /// The address of the web app, for links.
    pub page: String,
    /// Seconds between two letters to one person about one monitor; what happens in between is in the next one.
    pub every: i64,
}

/// An event that somebody is told of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Notice {
    pub position: i64,
    pub kind: String,
    pub at: Timestamp,
    pub payload: Value,
}

const KINDS: [&str; 4] = ["drift.detected", "drift.cleared", "monitor.signal", "monitor.signal_cleared"];
const CURSOR: &str = "monitoring.mail";
/// How long this server is the one that tells, unless it says so again.
const LEASE: Duration = Duration::from_secs(120);
const EVERY: Duration = Duration::from_secs(5);
const EVENTS: i64 = 200;
/// What is older than this when it is read (seconds) is no news.
const OLD: i64 = 3_600;
/// Seconds in which more of the same window may come.
const GATHER: i64 = 2;
/// Seconds before each further attempt; after the last one it is given up.
const PAUSES: [i64; 6] = [10, 60, 300, 900, 3_600, 7_200];

/// Tells people of monitors. Cheap to clone.
#[derive(Clone)]
pub struct Mails {
    ledger: Ledger,
    vault: Vault,
    /// `None`: whoever is named is told nothing, which is an event.
    settings: Option<MailSettings>,
    cursor: Cursor,
    /// Names this server in the lease.
    holder: String,
}

impl Mails {
    pub fn new(ledger: &Ledger, vault: &Vault, settings: Option<MailSettings>) -> Self {
        let holder = types::new_id(ledger.clock().now()).hex();
        let cursor = Cursor::new(ledger, CURSOR);
        Self { ledger: ledger.clone(), vault: vault.clone(), settings, cursor, holder }
    }

    /// Until the token is cancelled. What cannot be done now is tried again.
    pub async fn run(&self, token: CancellationToken) -> Result<(), Error> {
        let mut sealed = self.ledger.watch();
        loop {
            let wait = match self.turn().await {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::warn!(%error, "e-mails cannot go on; it is tried again");
                    EVERY
                }
            };
            tokio::select! {
                () = token.cancelled() => return Ok(self.cursor.close().await?),
                () = tokio::time::sleep(wait) => {}
                is_open = Cursor::woken(&mut sealed) => if !is_open { return Ok(()) },
            }
        }
    }

    /// Reads every event that is there and sends what is due; how long there is nothing to do.
    pub async fn turn(&self) -> Result<Duration, Error> {
        if !matches!(self.ledger.place(), Place::Sqlite(_))
            && self.ledger.lease(CURSOR, &self.holder, LEASE).await?.is_none()
        {
            self.cursor.forget();
            return Ok(EVERY);
        }
        self.hear().await?;
        self.tell().await?;
        let next = self.ledger.read(WorkspaceId::DEFAULT, store::mail::next_due).await?;
        let now = self.ledger.clock().now();
        let until = next.map_or(EVERY, |due| Duration::from_micros((due.0 - now.0).max(0) as u64));
        Ok(until.clamp(Duration::from_millis(100), EVERY))
    }

    async fn hear(&self) -> Result<(), Error> {
        loop {
            let position = self.cursor.position().await?;
            let events = self.ledger.events_after(position, EVENTS).await?;
            let Some(last) = events.last().map(|e| e.position) else {
                return Ok(self.cursor.settle().await?);
            };
            let mut heard = false;
            for event in &events {
                heard |= self.take(event).await?;
            }
            if heard {
                // A letter that was sent leaves no row: it would be written again.
                self.cursor.keep(last).await?;
            } else {
                self.cursor.pass(last);
            }
        }
    }

    /// Whether somebody is to be told.
    async fn take(&self, event: &Event) -> Result<bool, Error> {
        let now = self.ledger.clock().now();
        if !KINDS.contains(&event.kind.as_str()) || event.at < now.plus_seconds(-OLD) {
            return Ok(false);
        }
        let Some(monitor) = event.payload["monitor"].as_str().map(str::to_owned) else { return Ok(false) };
        let name = monitor.clone();
        let spec = self.ledger.read(event.workspace, move |rx| store::spec(rx, &name)).await?;
        let recipients = spec.map(|spec| spec.rules.email).unwrap_or_default();
        if recipients.is_empty() {
            return Ok(false);
        }
        let notice = Notice {
            position: event.position,
            kind: event.kind.clone(),
            at: event.at,
            payload: event.payload.clone(),
        };
        let due = now.plus_seconds(GATHER);
        self.ledger
            .record(&system(event.workspace), move |tx| {
                store::mail::enqueue(tx, &monitor, &recipients, &notice, due)
            })
            .await?;
        Ok(true)
    }

    async fn tell(&self) -> Result<(), Error> {
        let now = self.ledger.clock().now();
        let due = self.ledger.read(WorkspaceId::DEFAULT, move |rx| store::mail::due(rx, now)).await?;
        for (to, attempts, told) in due {
            let every = self.settings.as_ref().map_or(0, |s| s.every);
            let until = told.map(|told| told.plus_seconds(every)).filter(|until| *until > now);
            match until {
                Some(until) => {
                    self.ledger
                        .record(&system(to.workspace), move |tx| store::mail::wait(tx, &to, until))
                        .await?;
                }
                None => self.tell_one(to, attempts).await?,
            }
        }
        Ok(())
    }

    async fn tell_one(&self, to: Address, attempts: i64) -> Result<(), Error> {
        let asked = to.clone();
        let notices = self.ledger.read(to.workspace, move |rx| store::mail::waiting(rx, &asked)).await?;
        let Some(last) = notices.last().map(|n| n.position) else { return Ok(()) };
        let system = system(to.workspace);
        let failed = self.send(&to, &notices).await.err();
        if let Some(Failed { reason, for_good: false }) = &failed
            && let Some(pause) = PAUSES.get(attempts.max(0) as usize)
        {
            tracing::warn!(
                monitor = to.monitor,
                reason,
                attempts = attempts + 1,
                "an e-mail could not be sent"
            );
            let due = self.ledger.clock().now().plus_seconds(*pause);
            return Ok(self.ledger.record(&system, move |tx| store::mail::again(tx, &to, last, due)).await?);
        }
        let positions: Vec<i64> = notices.iter().map(|n| n.position).collect();
        self.ledger
            .write(&system, move |tx: &mut Tx<'_>| {
                store::mail::done(tx, &to, last, failed.is_none())?;
                let mut payload = json!({
                    "monitor": to.monitor, "to": to.recipient, "events": positions, "attempts": attempts + 1,
                });
                let kind = match &failed {
                    None => "monitor.mailed",
                    Some(failed) => {
                        payload["reason"] = json!(failed.reason);
                        "monitor.mail_failed"
                    }
                };
                Ok::<_, Error>(tx.event(kind, &format!("monitor:{}", to.monitor), payload)?)
            })
            .await
    }

    async fn send(&self, to: &Address, notices: &[Notice]) -> Result<(), Failed> {
        let Some(settings) = &self.settings else {
            let reason = "this server has no mail server: set `host` and `from` below `[email]`".to_owned();
            return Err(Failed { reason, for_good: true });
        };
        let mut server = settings.server.clone();
        if let Some((user, secret)) = &settings.login {
            let actor = Actor::system("monitoring");
            let password = pipelines::open_secret(&self.ledger, &self.vault, &actor, secret).await;
            let password = password.map_err(|error| Failed { reason: error.to_string(), for_good: false })?;
            server.login = Some((user.clone(), password));
        }
        let letter = compose::letter(settings, to, notices);
        send_mail(&server, &letter).await.map_err(|error| {
            let for_good = match &error {
                outbound::Error::Mail { for_good, .. } => *for_good,
                _ => true,
            };
            Failed { reason: error.to_string(), for_good }
        })
    }
}

struct Failed {
    reason: String,
    /// Trying again changes nothing.
    for_good: bool,
}

fn system(workspace: WorkspaceId) -> Actor {
    Actor { workspace, ..Actor::system("monitoring") }
}
