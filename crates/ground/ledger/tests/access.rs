use mlwright_ledger as ledger;

use ledger::{Error, Ledger};
use serde_json::json;
use types::{ANY, Actor, Grant, Level, ResourceKind, Role, WorkspaceId};

const MODEL: ResourceKind = ResourceKind::Model;

fn rule(kind: ResourceKind, pattern: &str, level: Option<Level>) -> Grant {
    Grant { kind, pattern: pattern.to_owned(), level }
}

async fn own(ledger: &Ledger, actor: &Actor, id: &str) {
    let id = id.to_owned();
    ledger.write(actor, move |tx| tx.own(MODEL, &id)).await.unwrap();
}

async fn level(ledger: &Ledger, name: &str, id: &str) -> Option<Level> {
    ledger.act_as(name).await.unwrap().level([(MODEL, id)])
}

ledger::db_test! {
    components: [];

    async fn whoever_makes_a_thing_manages_it_until_it_is_gone(ledger: ledger::Ledger) {
        let admin = Actor::system("test");
        for name in ["ada", "bob"] {
            ledger.create_account(&admin, name, Role::Member, "correct horse").await.unwrap();
        }
        let ada = ledger.act_as("ada").await.unwrap();
        own(&ledger, &ada, "churn").await;
        assert_eq!(level(&ledger, "ada", "churn").await, Some(Level::Manage));
        assert_eq!(level(&ledger, "bob", "churn").await, Some(Level::Read));
        ledger.write(&ada, |tx| tx.rename_grants(MODEL, "churn", "leave")).await.unwrap();
        assert_eq!(level(&ledger, "ada", "churn").await, Some(Level::Read));
        assert_eq!(level(&ledger, "ada", "leave").await, Some(Level::Manage));
        ledger.write(&ada, |tx| tx.disown(MODEL, "leave")).await.unwrap();
        assert_eq!(level(&ledger, "ada", "leave").await, Some(Level::Read));
        // The server itself owns nothing.
        own(&ledger, &admin, "x").await;
        ledger.delete_account(&admin, "ada").await.unwrap();
        assert!(matches!(ledger.act_as("ada").await, Err(Error::Missing(_))));
    }

    async fn grants_of_an_account_and_of_its_groups_count_together(ledger: ledger::Ledger) {
        let admin = Actor::system("test");
        ledger.create_account(&admin, "ada", Role::Member, "correct horse").await.unwrap();
        ledger.grant(&admin, "ada", rule(MODEL, "a", Some(Level::Use)), false).await.unwrap();
        let again = ledger.grant(&admin, "ada", rule(MODEL, "a", Some(Level::Edit)), false).await;
        assert!(matches!(again, Err(Error::Exists(_))), "{again:?}");
        assert_eq!(level(&ledger, "ada", "a").await, Some(Level::Use));

        let group = ledger.create_group(&admin, "editors", None).await.unwrap();
        let grant = ledger.add_group_grant(&admin, group.id, rule(MODEL, ANY, Some(Level::Edit))).await.unwrap();
        assert_eq!(level(&ledger, "ada", "a").await, Some(Level::Use), "not a member yet");
        ledger.join_group(&admin, "ada", group.id).await.unwrap();
        assert_eq!(level(&ledger, "ada", "a").await, Some(Level::Edit));
        ledger.set_group_grant(&admin, grant.id, Some(None)).await.unwrap();
        assert_eq!(level(&ledger, "ada", "a").await, None, "a denial wins");
        ledger.leave_group(&admin, "ada", group.id).await.unwrap();
        ledger.revoke_grant(&admin, "ada", MODEL, "a").await.unwrap();
        assert_eq!(level(&ledger, "ada", "a").await, Some(Level::Read));
        ledger.set_member_level(Level::None);
        assert_eq!(level(&ledger, "ada", "a").await, Some(Level::None));
        assert!(matches!(ledger.create_group(&admin, "@7", None).await, Err(Error::Reserved { .. })));
        assert_eq!(ledger.groups(None, false).await.unwrap().len(), 1);
        ledger.delete_group(&admin, group.id).await.unwrap();
        assert!(matches!(ledger.group(group.id).await, Err(Error::Missing(_))));
    }

    async fn every_change_of_access_moves_the_generation_and_the_version(ledger: ledger::Ledger) {
        let admin = Actor::system("test");
        let mut last = (ledger.access_generation(), ledger.access_version().await.unwrap());
        ledger.create_account(&admin, "ada", Role::Member, "correct horse").await.unwrap();
        let ada = ledger.act_as("ada").await.unwrap();
        for step in 0..5 {
            match step {
                0 => ledger.set_role(&admin, "ada", Role::Editor).await.unwrap(),
                1 => ledger.set_password(&admin, "ada", "another one").await.unwrap(),
                2 => own(&ledger, &ada, "churn").await,
                3 => ledger.revoke_grant(&admin, "ada", MODEL, "churn").await.unwrap(),
                _ => ledger.delete_account(&admin, "ada").await.unwrap(),
            }
            let now = (ledger.access_generation(), ledger.access_version().await.unwrap());
            assert!(now.0 > last.0 && now.1 > last.1, "step {step}: {last:?} {now:?}");
            last = now;
        }
        // Other events do not.
        ledger.write(&admin, |tx| tx.event("note.added", "note:1", json!({}))).await.map_err(|e: Error| e).unwrap();
        assert_eq!(ledger.access_generation(), last.0);
    }

    async fn a_workspace_is_shut_to_whoever_was_granted_nothing_there(ledger: ledger::Ledger) {
        let admin = Actor::system("test");
        ledger.create_account(&admin, "ada", Role::Editor, "correct horse").await.unwrap();
        let ada = ledger.act_as("ada").await.unwrap();
        let other = WorkspaceId(2);
        assert!(matches!(ledger.enter(&ada, other, "w").await, Err(Error::Missing(_))));
        let there = ledger.enter(&admin, other, "w").await.unwrap();
        ledger.grant(&there, "ada", rule(MODEL, "m", Some(Level::Edit)), false).await.unwrap();
        let guest = ledger.enter(&ada, other, "w").await.unwrap();
        assert_eq!(guest.level([(MODEL, "m")]), Some(Level::Edit));
        assert_eq!(guest.level([(MODEL, "n")]), Some(Level::None));
        assert!(!guest.creates() && guest.role == Role::Member);
        let whole = rule(ResourceKind::Workspace, ANY, Some(Level::Use));
        ledger.grant(&there, "ada", whole, false).await.unwrap();
        let member = ledger.enter(&ada, other, "w").await.unwrap();
        assert!(member.creates());
        assert_eq!(member.level([(MODEL, "n")]), Some(Level::Read));
    }

    async fn weak_passwords_and_taken_names_are_refused(ledger: ledger::Ledger) {
        let admin = Actor::system("test");
        let weak = ledger.create_account(&admin, "ada", Role::Member, "short").await;
        assert!(matches!(weak, Err(Error::WeakPassword { .. })), "{weak:?}");
        ledger.create_account(&admin, "ada", Role::Member, "correct horse").await.unwrap();
        let taken = ledger.create_account(&admin, "ada", Role::Admin, "correct horse").await;
        assert!(matches!(taken, Err(Error::Exists(_))), "{taken:?}");
        assert!(ledger.check_password("ada", "correct horse").await.is_ok());
        assert!(ledger.check_password("ada", "wrong horse").await.is_err());
    }
}
