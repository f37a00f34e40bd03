//! Deliveries as a receiver on this machine sees them, on both databases.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

extern crate mlwright_webhooks as webhooks;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use ledger::{Event, Ledger};
use outbound::{Client, Policy};
use serde_json::json;
use types::Actor;
use webhooks::{Compose, Error, NewWebhook, Notice, Style, Tried, Webhooks};

const STYLE: Style = Style { delivery: "X-Delivery", timestamp: "X-Time", signature: "X-Signature" };

/// Says of every `thing.*` event what it holds.
struct Things;

#[async_trait]
impl Compose for Things {
    async fn notices(&self, event: &Event) -> Result<Vec<Notice>, Error> {
        let said = event.kind.starts_with("thing.");
        Ok(said
            .then(|| Notice { topic: event.kind.clone(), body: event.payload.clone() })
            .into_iter()
            .collect())
    }
}

struct Heard {
    headers: String,
    body: String,
}

impl Heard {
    fn header(&self, name: &str) -> &str {
        let line = self.headers.lines().find(|l| l.to_lowercase().starts_with(&name.to_lowercase()));
        line.unwrap_or_else(|| panic!("no {name} in {}", self.headers)).split_once(": ").unwrap().1
    }
}

/// Answers one request with each of `statuses`.
fn receiver(statuses: &'static [u16]) -> (String, Receiver<Heard>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (heard, requests) = channel();
    std::thread::spawn(move || {
        for status in statuses {
            let (mut stream, _) = listener.accept().unwrap();
            let mut text = String::new();
            let mut buffer = [0; 4096];
            loop {
                let read = stream.read(&mut buffer).unwrap();
                text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
                let Some((headers, body)) = text.split_once("\r\n\r\n") else { continue };
                let length = headers
                    .lines()
                    .find_map(|l| l.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
                if body.len() >= length.unwrap().parse().unwrap() {
                    heard.send(Heard { headers: headers.to_owned(), body: body.to_owned() }).unwrap();
                    break;
                }
            }
            let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (url, requests)
}

struct House {
    ledger: Ledger,
    vault: vault::Vault,
    _home: tempfile::TempDir,
}

impl House {
    fn new(ledger: Ledger) -> Self {
        let home = tempfile::tempdir().unwrap();
        Self { ledger, vault: vault::Vault::open(home.path(), None).unwrap(), _home: home }
    }

    fn webhooks(&self, policy: Policy) -> Webhooks {
        Webhooks::new(&self.ledger, &self.vault, Client::new(policy).unwrap(), STYLE, Arc::new(Things))
    }

    fn local(&self) -> Webhooks {
        self.webhooks(Policy { timeout: Duration::from_secs(5), ..Policy::local() })
    }

    async fn listen(&self, url: &str, secret: Option<&str>) -> webhooks::Webhook {
        let new = NewWebhook {
            name: "w".into(),
            description: None,
            url: url.into(),
            topics: vec!["thing.made".into()],
            active: true,
            secret: secret.map(str::to_owned),
        };
        webhooks::create(&self.ledger, &self.vault, &Actor::local(), new).await.unwrap()
    }

    /// Something happens, and is sealed.
    async fn happens(&self, kind: &'static str, n: i64) {
        self.ledger
            .write(&Actor::local(), move |tx| tx.event(kind, "thing:1", json!({ "n": n })))
            .await
            .map_err(|e: ledger::Error| e)
            .unwrap();
        ledger::testing::events(&self.ledger).await;
    }
}

fn next(requests: &Receiver<Heard>) -> Heard {
    requests.recv_timeout(Duration::from_secs(5)).unwrap()
}

ledger::db_test! {
    components: [webhooks::COMPONENT];

    async fn what_happened_is_told_signed_to_whoever_listens(ledger: ledger::Ledger) {
        let house = House::new(ledger);
        let (url, requests) = receiver(&[200]);
        let webhook = house.listen(&url, Some("s3cret")).await;
        house.happens("thing.lost", 1).await;
        house.happens("thing.made", 2).await;
        let hooks = house.local();
        hooks.turn().await.unwrap();
        let heard = next(&requests);
        assert_eq!(heard.body, r#"{"n":2}"#);
        let signed = format!("{}.{}.{}", heard.header("x-delivery"), heard.header("x-time"), heard.body);
        let expected = vault::hmac_sha256(b"s3cret", signed.as_bytes());
        let expected = format!("v1,{}", base64::engine::general_purpose::STANDARD.encode(expected));
        assert_eq!(heard.header("x-signature"), expected);
        assert_eq!(hooks.next_due().await.unwrap(), None, "told once");
        // The secret is not in the database in the clear.
        let kept = house.ledger.read(webhook.workspace, |rx| rx.query_one("SELECT secret FROM webhook", &[])).await.unwrap();
        let kept: Vec<u8> = kept.get("secret").unwrap();
        assert!(!kept.windows(6).any(|w| w == b"s3cret"));
    }

    async fn a_receiver_that_is_down_hears_it_later_with_the_same_delivery_id(ledger: ledger::Ledger) {
        let house = House::new(ledger);
        let (url, requests) = receiver(&[503, 200]);
        house.listen(&url, None).await;
        house.happens("thing.made", 1).await;
        let one = house.local();
        one.turn().await.unwrap();
        let first = next(&requests).header("x-delivery").to_owned();
        // As after a crash: another process goes on with what is in the database.
        let other = house.local();
        other.turn().await.unwrap();
        assert!(requests.try_recv().is_err(), "not before the pause is over");
        let mut again = None;
        for _ in 0..200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            // On PostgreSQL the first one still has the lease, and goes on itself.
            one.turn().await.unwrap();
            other.turn().await.unwrap();
            again = requests.try_recv().ok();
            if again.is_some() {
                break;
            }
        }
        assert_eq!(again.unwrap().header("x-delivery"), first);
        assert_eq!(other.next_due().await.unwrap(), None);
    }

    async fn a_private_address_is_never_called_unless_allowed(ledger: ledger::Ledger) {
        let house = House::new(ledger);
        let (url, requests) = receiver(&[200]);
        let webhook = house.listen(&url, None).await;
        house.happens("thing.made", 1).await;
        let hooks = house.webhooks(Policy::default());
        assert!(matches!(hooks.check_url(&url).await, Err(Error::Outbound(outbound::Error::Private { .. }))));
        assert!(matches!(hooks.check_url("http://localhost/x").await, Err(Error::Outbound(outbound::Error::Private { .. }))));
        hooks.turn().await.unwrap();
        assert_eq!(hooks.next_due().await.unwrap(), None, "given up at once");
        let tried = hooks.try_out(&Actor::local(), webhook.uid, &json!({})).await.unwrap();
        assert!(matches!(tried, Tried::Failed { .. }), "{tried:?}");
        assert!(requests.try_recv().is_err());
        let tried = house.local().try_out(&Actor::local(), webhook.uid, &json!({})).await.unwrap();
        assert_eq!(tried, Tried::Answered { status: 200, body: "ok".into() });
    }

    async fn a_webhook_that_is_switched_off_or_gone_hears_nothing(ledger: ledger::Ledger) {
        let house = House::new(ledger);
        let me = Actor::local();
        let webhook = house.listen("http://127.0.0.1:1/", None).await;
        let off = webhooks::Change { active: Some(false), ..Default::default() };
        let changed = webhooks::update(&house.ledger, &house.vault, &me, webhook.uid, off).await.unwrap();
        assert!(!changed.active && changed.topics == ["thing.made"]);
        house.happens("thing.made", 1).await;
        let hooks = house.local();
        hooks.turn().await.unwrap();
        assert_eq!(hooks.next_due().await.unwrap(), None);
        let on = webhooks::Change { active: Some(true), ..Default::default() };
        webhooks::update(&house.ledger, &house.vault, &me, webhook.uid, on).await.unwrap();
        house.happens("thing.made", 2).await;
        hooks.turn().await.unwrap();
        assert!(hooks.next_due().await.unwrap().is_some(), "nobody answers there: tried again later");
        webhooks::delete(&house.ledger, &me, webhook.uid).await.unwrap();
        assert_eq!(hooks.next_due().await.unwrap(), None);
        assert!(matches!(webhooks::get(&house.ledger, &me, webhook.uid).await, Err(Error::NotFound(_))));
    }
}
