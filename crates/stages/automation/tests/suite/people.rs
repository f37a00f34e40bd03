//! People and the calendar between gate and swap.

use automation::{ApprovalRule, Freeze, RolloutRule, State};
use mlwright_automation as automation;
use types::{Actor, ActorKind, Class, Fault as _};

use crate::house::{COMPONENTS, House, has_onnxruntime};

fn approval(within: i64, by: &[&str]) -> RolloutRule {
    let by = by.iter().map(|name| (*name).to_owned()).collect();
    RolloutRule { approval: Some(ApprovalRule { within, by }), ..Default::default() }
}

fn freeze(days: &[&str]) -> Freeze {
    let days = days.iter().map(|day| (*day).to_owned()).collect();
    Freeze { days, from: None, to: None, first: None, last: None, zone: "UTC".into() }
}

fn person(name: &str) -> Actor {
    Actor { kind: ActorKind::User, name: name.into(), ..Actor::local() }
}

const EVERY_DAY: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

ledger::db_test! {
    components: COMPONENTS;

    async fn a_candidate_waits_for_a_persons_word_and_keeps_it(ledger: ledger::Ledger) {
        if !has_onnxruntime() {
            return;
        }
        let house = House::new(ledger, false).await;
        house.rolling_out(approval(3600, &["user:ann"])).await;
        let uid = house.trained("cancer_logreg.onnx").await;
        let decide = async |actor: Actor, reason: &str| {
            automation::decide(&house.ledger, &actor, uid, true, reason).await
        };
        let early = decide(person("ann"), "fine").await.unwrap_err();
        assert_eq!(early.class(), Class::Conflict, "nobody asked yet: {early}");
        house.until(uid, State::Approval).await;
        let asked = house.automation().step(&house.actor, uid).await.unwrap();
        assert_eq!(asked, State::Approval);
        // Another server, which remembers nothing, goes on waiting.
        assert_eq!(house.automation().step(&house.actor, uid).await.unwrap(), State::Approval);
        for (actor, reason, class) in [
            (person("ann"), "  ", Class::Conflict),
            (person("bob"), "fine", Class::Forbidden),
            (Actor { name: "ann".into(), ..Actor::system("ann") }, "fine", Class::Forbidden),
        ] {
            let error = decide(actor, reason).await.unwrap_err();
            assert_eq!(error.class(), class, "{error}");
        }
        let decided = decide(person("ann"), "looked at the slices").await.unwrap();
        assert_eq!(decided.decision.unwrap().by, "user:ann");
        let twice = decide(person("ann"), "again").await.unwrap_err();
        assert!(twice.to_string().ends_with("user:ann has decided already"), "{twice}");
        let ended = house.until(uid, State::Done).await;
        assert_eq!(ended.state, State::Done, "{:?}", ended.reason);
        let said = ended.history.iter().find(|s| s.state == State::Promoting).unwrap();
        assert_eq!(said.detail.as_deref(), Some("approved by user:ann: looked at the slices"));
        let events = ledger::testing::events(&house.ledger).await;
        let approved = events.iter().find(|e| e.kind == "retraining.approved").unwrap();
        assert_eq!(approved.actor, "user:ann");
    }

    async fn a_rejected_candidate_and_a_forgotten_one_change_nothing(ledger: ledger::Ledger) {
        if !has_onnxruntime() {
            return;
        }
        let house = House::new(ledger, false).await;
        house.rolling_out(approval(3600, &[])).await;
        let uid = house.trained("cancer_logreg.onnx").await;
        house.until(uid, State::Approval).await;
        house.automation().step(&house.actor, uid).await.unwrap();
        automation::decide(&house.ledger, &person("bob"), uid, false, "too few women").await.unwrap();
        let ended = house.until(uid, State::Refused).await;
        assert_eq!(ended.reason.as_deref(), Some("rejected by user:bob: too few women"));

        house.rolling_out(approval(1, &[])).await;
        let uid = house.trained("cancer_logreg_2.onnx").await;
        house.until(uid, State::Approval).await;
        let ended = house.until(uid, State::Refused).await;
        assert_eq!(ended.reason.as_deref(), Some("nobody approved it within 1 s"));
        assert!(house.serving.get(&house.actor, "cancer").is_err());
        assert_eq!(house.champion().await, None);
    }

    async fn nothing_is_deployed_while_a_freeze_holds(ledger: ledger::Ledger) {
        if !has_onnxruntime() {
            return;
        }
        let house = House::new(ledger, false).await;
        let rule = RolloutRule { freeze: vec![freeze(&EVERY_DAY)], ..Default::default() };
        house.rolling_out(rule).await;
        let uid = house.trained("cancer_logreg.onnx").await;
        for _ in 0..3 {
            assert_eq!(house.automation().step(&house.actor, uid).await.unwrap(), State::Frozen);
        }
        assert!(house.serving.get(&house.actor, "cancer").is_err());
        assert_eq!(house.champion().await, None);

        // As if the time had passed.
        let recipe = automation::Recipe { rollout: None, ..house.get(uid).await.recipe };
        let text = serde_json::to_string(&recipe).unwrap();
        house
            .ledger
            .write(&house.actor, move |tx: &mut ledger::Tx<'_>| {
                tx.execute("UPDATE retraining SET recipe = $1 WHERE uid = $2", &ledger::params![&text, uid])?;
                tx.event("test.thawed", "test:thawed", serde_json::Value::Null)
            })
            .await
            .unwrap();
        let ended = house.until(uid, State::Done).await;
        assert_eq!(ended.state, State::Done, "{:?}", ended.reason);
    }
}
