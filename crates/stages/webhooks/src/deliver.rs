//! Telling: from events to rows, and from rows to receivers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt as _;
use ledger::{Cursor, Event, Ledger, Place};
use outbound::{Answer, Body, Call, Client, Method};
use serde_json::Value;
use tasks::CancellationToken;
use types::{Actor, Timestamp, Uid, WorkspaceId};
use vault::Vault;

use crate::define::context;
use crate::error::Error;
use crate::model::Tried;
use crate::store::{self, Delivery, NewDelivery};

const CURSOR: &str = "webhooks";
/// How long this server is the one that tells, unless it says so again.
const LEASE: Duration = Duration::from_secs(120);
/// How often it looks without being woken.
const EVERY: Duration = Duration::from_secs(5);
/// Most events that are read at once.
const EVENTS: i64 = 200;
/// Most deliveries on their way at the same time, and of them to one webhook: a receiver that hangs holds up its own
/// deliveries first.
const AT_ONCE: usize = 8;
const EACH: i64 = 4;
/// Most deliveries that are looked up at once.
const ROUND: i64 = 64;
/// How long to wait before each further attempt; after the last one the delivery is given up.
const PAUSES: [i64; 6] = [1, 4, 16, 64, 256, 1024];

/// One thing to say about an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// What webhooks subscribe to.
    pub topic: String,
    /// The message.
    pub body: Value,
}

/// What the door knows whose protocol it is: what an event means to receivers, and in which form.
#[async_trait]
pub trait Compose: Send + Sync {
    /// Errors: what time alone may mend; the event is read again then.
    async fn notices(&self, event: &Event) -> Result<Vec<Notice>, Error>;
}

/// The names of the headers that go with a message.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    pub delivery: &'static str,
    pub timestamp: &'static str,
    /// Holds `v1,<base64>` of the HMAC-SHA256 over `<delivery>.<timestamp>.<body>`.
    pub signature: &'static str,
}

/// Tells webhooks what happened. Cheap to clone.
#[derive(Clone)]
pub struct Webhooks {
    ledger: Ledger,
    vault: Vault,
    client: Client,
    composer: Arc<dyn Compose>,
    style: Style,
    cursor: Cursor,
    /// Names this server in the lease.
    holder: String,
}

impl Webhooks {
    pub fn new(
        ledger: &Ledger,
        vault: &Vault,
        client: Client,
        style: Style,
        composer: Arc<dyn Compose>,
    ) -> Self {
        let holder = types::new_id(ledger.clock().now()).hex();
        let cursor = Cursor::new(ledger, CURSOR);
        Self { ledger: ledger.clone(), vault: vault.clone(), client, composer, style, cursor, holder }
    }

    /// Until the token is cancelled. What cannot be done now is tried again.
    pub async fn run(&self, token: CancellationToken) -> Result<(), Error> {
        let mut sealed = self.ledger.watch();
        loop {
            let wait = match self.turn().await {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::warn!(%error, "webhooks cannot go on; it is tried again");
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

    /// Reads every event that is there and makes one round of deliveries; how long there is nothing to do.
    pub async fn turn(&self) -> Result<Duration, Error> {
        if !matches!(self.ledger.place(), Place::Sqlite(_))
            && self.ledger.lease(CURSOR, &self.holder, LEASE).await?.is_none()
        {
            self.cursor.forget();
            return Ok(EVERY);
        }
        self.hear().await?;
        let told = self.tell().await?;
        if told as i64 == ROUND {
            return Ok(Duration::ZERO);
        }
        let next = self.ledger.read(WorkspaceId::DEFAULT, |rx| store::next_due(rx)).await?;
        let now = self.ledger.clock().now();
        let until = next.map_or(EVERY, |due| Duration::from_micros((due.0 - now.0).max(0) as u64));
        Ok(until.min(EVERY))
    }

    async fn hear(&self) -> Result<(), Error> {
        loop {
            let position = self.cursor.position().await?;
            let events = self.ledger.events_after(position, EVENTS).await?;
            let Some(last) = events.last().map(|e| e.position) else {
                return Ok(self.cursor.settle().await?);
            };
            let mut new = Vec::new();
            if self.ledger.read(WorkspaceId::DEFAULT, |rx| store::any(rx)).await? {
                for event in &events {
                    new.extend(self.deliveries(event).await?);
                }
            }
            if new.is_empty() {
                self.cursor.pass(last);
            } else {
                let new = Arc::new(new);
                let system = Actor::system("webhooks");
                self.ledger
                    .record(&system, move |tx| Ok::<_, Error>(store::enqueue(tx, &new).map(drop)?))
                    .await?;
                // A delivery that is done leaves no row: it would be made again.
                self.cursor.keep(last).await?;
            }
        }
    }

    async fn deliveries(&self, event: &Event) -> Result<Vec<NewDelivery>, Error> {
        let mut new = Vec::new();
        for (ordinal, notice) in (0..).zip(self.composer.notices(event).await?) {
            let topic = notice.topic.clone();
            let listeners = self.ledger.read(event.workspace, move |rx| store::listeners(rx, &topic)).await?;
            new.extend(listeners.into_iter().map(|webhook| NewDelivery {
                workspace: event.workspace,
                webhook,
                position: event.position,
                topic: notice.topic.clone(),
                ordinal,
                uid: types::new_id(self.ledger.clock().now()),
                body: notice.body.to_string(),
            }));
        }
        Ok(new)
    }

    /// One round; how many it had.
    async fn tell(&self) -> Result<usize, Error> {
        let now = self.ledger.clock().now();
        let due = self.ledger.read(WorkspaceId::DEFAULT, move |rx| store::due(rx, now, ROUND, EACH)).await?;
        let count = due.len();
        // One after the other to each webhook: what happened first is told first while all goes well.
        let mut queues: HashMap<i64, Vec<Delivery>> = HashMap::new();
        for delivery in due {
            queues.entry(delivery.webhook).or_default().push(delivery);
        }
        let mut rounds = futures::stream::iter(queues.into_values().map(|queue| self.tell_one(queue)))
            .buffer_unordered(AT_ONCE);
        while let Some(result) = rounds.next().await {
            result?;
        }
        Ok(count)
    }

    async fn tell_one(&self, queue: Vec<Delivery>) -> Result<(), Error> {
        for delivery in queue {
            let sent = self.send(&delivery.url, &delivery).await;
            let (workspace, id) = (delivery.workspace, delivery.id);
            let system = Actor { workspace, ..Actor::system("webhooks") };
            let verdict = judge(&sent);
            match (verdict, PAUSES.get(delivery.attempts.max(0) as usize)) {
                (Verdict::Again, Some(pause)) => {
                    let due = self.ledger.clock().now().plus_seconds(*pause);
                    self.ledger
                        .record(&system, move |tx| {
                            Ok::<_, Error>(store::again(tx, workspace, id, due).map(drop)?)
                        })
                        .await?;
                    // The others of this webhook wait, too.
                    return Ok(());
                }
                (verdict, _) => {
                    if verdict != Verdict::Told {
                        let why = reason(&sent);
                        tracing::warn!(webhook = %delivery.webhook_uid, attempts = delivery.attempts + 1, why, "gave a delivery up");
                    }
                    self.ledger
                        .record(&system, move |tx| Ok::<_, Error>(store::done(tx, workspace, id).map(drop)?))
                        .await?;
                }
            }
        }
        Ok(())
    }

    async fn send(&self, url: &str, delivery: &Delivery) -> Result<Answer, Error> {
        let secret = match &delivery.secret {
            Some(sealed) => Some(self.vault.open_sealed(&context(&delivery.webhook_uid), sealed)?),
            None => None,
        };
        self.post(url, &delivery.uid, secret.as_deref(), &delivery.body).await
    }

    async fn post(
        &self,
        url: &str,
        delivery: &Uid,
        secret: Option<&[u8]>,
        body: &str,
    ) -> Result<Answer, Error> {
        let timestamp = self.ledger.clock().now().0.div_euclid(1_000_000).to_string();
        let header = |name: &str, value: String| (name.to_owned(), value);
        let mut headers = vec![
            header("content-type", "application/json".to_owned()),
            header(self.style.delivery, delivery.to_string()),
            header(self.style.timestamp, timestamp.clone()),
        ];
        if let Some(secret) = secret {
            let signature = vault::hmac_sha256(secret, format!("{delivery}.{timestamp}.{body}").as_bytes());
            headers.push(header(self.style.signature, format!("v1,{}", STANDARD.encode(signature))));
        }
        let body = Body::Bytes(body.to_owned().into());
        Ok(self.client.send(&Call { method: Method::Post, url: url.to_owned(), headers, body }).await?)
    }

    /// Sends a message at once, whatever the webhook listens to. Errors: `NotFound`.
    pub async fn try_out(&self, actor: &Actor, uid: Uid, body: &Value) -> Result<Tried, Error> {
        let stored = self.ledger.read(actor.workspace, move |rx| store::find(rx, &uid)).await?;
        let stored = stored.ok_or_else(|| Error::NotFound(uid.to_string()))?;
        let secret = match &stored.secret {
            Some(sealed) => Some(self.vault.open_sealed(&context(&uid), sealed)?),
            None => None,
        };
        let delivery = types::new_id(self.ledger.clock().now());
        let sent = self.post(&stored.webhook.url, &delivery, secret.as_deref(), &body.to_string()).await;
        Ok(match sent {
            Ok(answer) => Tried::Answered {
                status: answer.status,
                body: String::from_utf8_lossy(&answer.body).into_owned(),
            },
            Err(error) => Tried::Failed { reason: error.to_string() },
        })
    }

    /// Whether deliveries to this address would be allowed to leave. Errors: what speaks against it.
    pub async fn check_url(&self, url: &str) -> Result<(), Error> {
        Ok(self.client.allows(url).await?)
    }

    /// When the next delivery is due; for tests.
    #[doc(hidden)]
    pub async fn next_due(&self) -> Result<Option<Timestamp>, Error> {
        Ok(self.ledger.read(WorkspaceId::DEFAULT, |rx| store::next_due(rx)).await?)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Told,
    /// Time may mend it.
    Again,
    Never,
}

fn judge(sent: &Result<Answer, Error>) -> Verdict {
    match sent {
        Ok(answer) => match answer.status {
            200..=299 => Verdict::Told,
            429 | 500..=599 => Verdict::Again,
            _ => Verdict::Never,
        },
        Err(Error::Outbound(outbound::Error::Private { .. } | outbound::Error::BadUrl { .. })) => {
            Verdict::Never
        }
        // An answer that is too large was an answer.
        Err(Error::Outbound(outbound::Error::TooLarge { .. })) => Verdict::Told,
        Err(_) => Verdict::Again,
    }
}

fn reason(sent: &Result<Answer, Error>) -> String {
    match sent {
        Ok(answer) => format!("it answered with {}", answer.status),
        Err(error) => error.to_string(),
    }
}
