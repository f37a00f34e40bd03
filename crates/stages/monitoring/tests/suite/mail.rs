//! E-mails to a mail server that is a socket of this test.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ledger::Ledger;
use mlwright_monitoring as monitoring;
use monitoring::{MailSettings, Mails, MonitorSpec, Rules};
use outbound::{MailSecurity, MailServer};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use types::Actor;
use vault::Vault;

use crate::house::{COMPONENTS, House, spec};

/// What was handed in: recipient and message.
type Letters = Arc<Mutex<Vec<(String, String)>>>;

/// Speaks as much of SMTP as it takes to be handed a letter. `refuses` is the answer to recipients, if they are refused.
struct Post {
    port: u16,
    letters: Letters,
    serving: tokio::task::JoinSet<()>,
}

impl Drop for Post {
    fn drop(&mut self) {
        self.serving.abort_all();
    }
}

async fn post(refuses: Option<&'static str>) -> Post {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let letters = Letters::default();
    let kept = Arc::clone(&letters);
    let mut serving = tokio::task::JoinSet::new();
    serving.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufReader::new(stream);
            stream.write_all(b"220 test\r\n").await.unwrap();
            let (mut recipient, mut line) = (String::new(), String::new());
            while stream.read_line(&mut line).await.unwrap_or(0) > 0 {
                let said = line.trim_end().to_owned();
                line.clear();
                let word = said.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
                let answer = match word.as_str() {
                    "EHLO" => "250-test\r\n250-AUTH PLAIN\r\n250 8BITMIME",
                    "AUTH" => {
                        kept.lock().unwrap().push(("login".into(), said.clone()));
                        "235 welcome"
                    }
                    "RCPT" => {
                        recipient = said.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                        refuses.unwrap_or("250 ok")
                    }
                    "DATA" => {
                        stream.write_all(b"354 go on\r\n").await.unwrap();
                        let mut message = String::new();
                        while stream.read_line(&mut line).await.unwrap() > 0 && line != ".\r\n" {
                            message.push_str(&line);
                            line.clear();
                        }
                        line.clear();
                        kept.lock().unwrap().push((recipient.clone(), message));
                        "250 taken"
                    }
                    "QUIT" => "221 bye",
                    _ => "250 ok",
                };
                stream.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
            }
        }
    });
    Post { port, letters, serving }
}

fn settings(port: u16, security: MailSecurity, every: i64) -> MailSettings {
    let server = MailServer {
        host: "127.0.0.1".into(),
        port,
        security,
        login: None,
        timeout: Duration::from_secs(10),
        authorities: Vec::new(),
    };
    let page = "http://127.0.0.1:5000".to_owned();
    MailSettings { server, login: None, from: "mlwright <ml@example.org>".into(), page, every }
}

/// A monitor of which these people are told.
async fn house(ledger: Ledger, to: &[&str]) -> (House, Vault) {
    let house = House::new(ledger).await;
    let rules = Rules { email: to.iter().map(|to| (*to).to_owned()).collect(), ..Rules::default() };
    let watched = MonitorSpec { rules, ..spec(house.baseline().await) };
    monitoring::define(&house.ledger, &house.actor, watched).await.unwrap();
    let vault = Vault::open(house.dir.path(), None).unwrap();
    (house, vault)
}

async fn tell(house: &House, kind: &'static str, payload: Value) {
    house
        .ledger
        .write(&Actor::system("monitoring"), move |tx: &mut ledger::Tx<'_>| {
            tx.event(kind, "monitor:drift", payload.clone())
        })
        .await
        .unwrap();
    ledger::testing::events(&house.ledger).await;
}

async fn drift(house: &House) {
    let payload =
        json!({ "monitor": "drift", "endpoint": "e", "number": 3, "features": ["x0"], "share": 0.2 });
    tell(house, "drift.detected", payload).await;
}

/// As if the time had passed, also that of the server that told last.
async fn later(house: &House) {
    for due in ["UPDATE monitor_mail SET due_at = 0", "UPDATE lease SET until = 0"] {
        house.ledger.record(&house.actor, move |tx| tx.execute(due, &[])).await.unwrap();
    }
}

ledger::db_test! {
    components: COMPONENTS;

    async fn everybody_who_is_named_gets_one_letter_about_what_came_together(ledger: ledger::Ledger) {
        let (house, vault) = house(ledger, &["ann@example.org", "bob@example.org"]).await;
        let post = post(None).await;
        let mails = Mails::new(&house.ledger, &vault, Some(settings(post.port, MailSecurity::None, 0)));
        drift(&house).await;
        let signal = json!({ "monitor": "drift", "signal": "missing", "feature": "x1", "value": 0.5, "level": "warn" });
        tell(&house, "monitor.signal", signal).await;
        tell(&house, "monitor.signal", json!({ "monitor": "another", "signal": "missing" })).await;
        mails.turn().await.unwrap();
        assert!(post.letters.lock().unwrap().is_empty(), "more of the same window may come");
        later(&house).await;
        // A server that died before its cursor was kept reads the events again.
        let mails = Mails::new(&house.ledger, &vault, Some(settings(post.port, MailSecurity::None, 0)));
        mails.turn().await.unwrap();
        let letters = post.letters.lock().unwrap().clone();
        let to: Vec<&str> = letters.iter().map(|(to, _)| to.as_str()).collect();
        assert_eq!(to, ["ann@example.org", "bob@example.org"]);
        let message = &letters[0].1;
        for part in [
            "From: mlwright <ml@example.org>",
            "Subject: [mlwright] drift: drift in 1 features (20 %) (and 1 more)",
            "missing of x1 is at the level warn",
            "http://127.0.0.1:5000/monitors/drift",
        ] {
            assert!(message.contains(part), "{part}: {message}");
        }
        mails.turn().await.unwrap();
        assert_eq!(post.letters.lock().unwrap().len(), 2, "nothing is told twice");
        let told = house.events("monitor.mailed").await;
        assert_eq!((told.len(), told[0]["to"].clone()), (2, json!("ann@example.org")));
    }

    async fn a_person_is_not_told_more_often_than_is_said_and_misses_nothing(ledger: ledger::Ledger) {
        let (house, vault) = house(ledger, &["ann@example.org"]).await;
        let post = post(None).await;
        let mails = Mails::new(&house.ledger, &vault, Some(settings(post.port, MailSecurity::None, 3600)));
        drift(&house).await;
        mails.turn().await.unwrap();
        later(&house).await;
        mails.turn().await.unwrap();
        for _ in 0..3 {
            drift(&house).await;
            mails.turn().await.unwrap();
            later(&house).await;
            mails.turn().await.unwrap();
        }
        assert_eq!(post.letters.lock().unwrap().len(), 1);
        let hasty = Mails::new(&house.ledger, &vault, Some(settings(post.port, MailSecurity::None, 0)));
        later(&house).await;
        hasty.turn().await.unwrap();
        let letters = post.letters.lock().unwrap().clone();
        assert_eq!(letters.len(), 2);
        assert!(letters[1].1.contains("(and 2 more)"), "{}", letters[1].1);
    }

    async fn a_server_that_is_away_is_asked_again_and_given_up_with_an_event(ledger: ledger::Ledger) {
        let (house, vault) = house(ledger, &["ann@example.org"]).await;
        let port = post(None).await.port;
        let mails = Mails::new(&house.ledger, &vault, Some(settings(port, MailSecurity::None, 0)));
        drift(&house).await;
        mails.turn().await.unwrap();
        for attempt in 1..=7 {
            assert!(house.events("monitor.mail_failed").await.is_empty(), "attempt {attempt}");
            later(&house).await;
            mails.turn().await.unwrap();
        }
        let failed = house.events("monitor.mail_failed").await;
        assert_eq!((failed.len(), failed[0]["attempts"].clone()), (1, json!(7)));
        assert!(failed[0]["reason"].as_str().unwrap().contains(&format!("127.0.0.1:{port} did not take a letter")));
        later(&house).await;
        mails.turn().await.unwrap();
        assert_eq!(house.events("monitor.mail_failed").await.len(), 1);
    }

    async fn what_trying_again_would_not_mend_is_given_up_at_once_and_says_why(ledger: ledger::Ledger) {
        let (house, vault) = house(ledger, &["ann@example.org"]).await;
        let (open, strict) = (post(None).await, post(Some("550 no such person")).await);
        let cases = [
            (Some(settings(open.port, MailSecurity::Starttls, 0)), "STARTTLS is not supported"),
            (Some(settings(strict.port, MailSecurity::None, 0)), "550"),
            (None, "this server has no mail server"),
        ];
        for (count, (settings, why)) in (1..).zip(cases) {
            later(&house).await;
            let mails = Mails::new(&house.ledger, &vault, settings);
            drift(&house).await;
            mails.turn().await.unwrap();
            later(&house).await;
            mails.turn().await.unwrap();
            let failed = house.events("monitor.mail_failed").await;
            assert_eq!(failed.len(), count, "{why}");
            let reason = failed[count - 1]["reason"].as_str().unwrap();
            assert!(reason.contains(why), "{reason}");
        }
        assert!(open.letters.lock().unwrap().is_empty(), "nothing went in the clear");
    }

    async fn the_password_is_a_secret_that_is_opened_when_it_is_needed(ledger: ledger::Ledger) {
        let (house, vault) = house(ledger, &["ann@example.org"]).await;
        let post = post(None).await;
        let mut with_login = settings(post.port, MailSecurity::None, 0);
        with_login.login = Some(("ml".into(), "smtp".into()));
        let mails = Mails::new(&house.ledger, &vault, Some(with_login));
        drift(&house).await;
        mails.turn().await.unwrap();
        later(&house).await;
        mails.turn().await.unwrap();
        assert!(post.letters.lock().unwrap().is_empty(), "there is no secret yet, which can be mended");
        let actor = Actor::local();
        pipelines::set_secret(&house.ledger, &vault, &actor, "smtp".into(), "open sesame".into()).await.unwrap();
        later(&house).await;
        mails.turn().await.unwrap();
        let letters = post.letters.lock().unwrap().clone();
        // "\0ml\0open sesame" in base64.
        assert_eq!(letters[0], ("login".to_owned(), "AUTH PLAIN AG1sAG9wZW4gc2VzYW1l".to_owned()));
        assert_eq!(letters[1].0, "ann@example.org");
    }

    async fn an_address_that_is_none_is_refused_where_it_is_declared(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        let rules = Rules { email: vec!["ann at example".into()], ..Rules::default() };
        let watched = MonitorSpec { rules, ..spec(house.baseline().await) };
        let error = monitoring::define(&house.ledger, &house.actor, watched).await.unwrap_err();
        assert!(error.to_string().contains("`ann at example` is no e-mail address"), "{error}");
    }
}
