use mlwright_ledger as ledger;

use ledger::{Component, Direction, Error, Insert, Ledger, Migration, Value, params};
use serde_json::json;
use types::{Actor, Permission, Role, WorkspaceId};

const NOTES: Component = Component {
    name: "notes",
    migrations: &[Migration {
        version: 1,
        sql: "CREATE TABLE note (id @id@, workspace_id BIGINT NOT NULL, name TEXT NOT NULL, size DOUBLE PRECISION, \
              done BOOLEAN NOT NULL, UNIQUE (workspace_id, name)); \
              CREATE TABLE fact (workspace_id BIGINT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (workspace_id, at));",
    }],
    facts: &["fact"],
};

const NOTE: Insert<'_> = Insert {
    table: "note",
    columns: &[
        ("workspace_id", "BIGINT"),
        ("name", "TEXT"),
        ("size", "DOUBLE PRECISION"),
        ("done", "BOOLEAN"),
    ],
    tail: "",
};

async fn add(ledger: &Ledger, name: &str) -> Result<i64, Error> {
    let name = name.to_owned();
    ledger
        .write(&Actor::local(), move |tx| {
            let workspace = tx.workspace();
            let row = tx.query_one(
                "INSERT INTO note (workspace_id, name, size, done) VALUES ($1, $2, $3, $4) RETURNING id",
                &params![workspace, &name, 1.5, true],
            )?;
            let id: i64 = row.get("id")?;
            tx.event("note.added", &format!("note:{id}"), json!({ "name": name }))?;
            Ok(id)
        })
        .await
}

async fn sealed(ledger: &Ledger, position: i64) {
    let mut watch = ledger.watch();
    while *watch.borrow_and_update() < position {
        tokio::time::timeout(std::time::Duration::from_secs(10), watch.changed()).await.unwrap().unwrap();
    }
}

ledger::db_test! {
    components: [NOTES];

    async fn rows_and_events_commit_together_and_the_chain_verifies(ledger: ledger::Ledger) {
        for i in 0..20 {
            add(&ledger, &format!("n{i}")).await.unwrap();
        }
        sealed(&ledger, 20).await;
        let events = ledger.events_after(0, 100).await.unwrap();
        assert_eq!(events.iter().map(|e| e.position).collect::<Vec<_>>(), (1..=20).collect::<Vec<_>>());
        assert_eq!(events[3].kind, "note.added");
        assert_eq!(events[3].payload["name"], "n3");
        assert_eq!(ledger.verify_chain().await.unwrap().events, 20);
    }

    async fn a_checkpoint_folds_the_log_into_the_file_and_writing_goes_on(ledger: ledger::Ledger) {
        for i in 0..50 {
            add(&ledger, &format!("n{i}")).await.unwrap();
        }
        ledger.checkpoint().unwrap();
        if let ledger::Place::Sqlite(path) = ledger.place() {
            let log = format!("{}-wal", path.display());
            assert_eq!(std::fs::metadata(log).map_or(0, |m| m.len()), 0);
        }
        add(&ledger, "after").await.unwrap();
        sealed(&ledger, 51).await;
        assert_eq!(ledger.verify_chain().await.unwrap().events, 51);
    }

    async fn many_rows_go_in_together_with_nulls_and_are_merged_and_told_as_the_tail_says(ledger: ledger::Ledger) {
        let into = |tail| Insert { tail, ..NOTE };
        let rows = |count: usize, size: f64| -> Vec<Value> {
            let row = |i: usize| params![1_i64, format!("n{i:05}"), (!i.is_multiple_of(3)).then_some(size + i as f64), i.is_multiple_of(2)];
            (0..count).flat_map(row).collect()
        };
        // More than any statement holds, and a rest of every size.
        const COUNT: usize = 4_096 + 256 + 32 + 4 + 2;
        let ids = ledger
            .write::<_, Error, _>(&Actor::local(), move |tx| {
                let made = tx.insert_returning(&into(" RETURNING id"), &rows(COUNT, 0.0))?;
                tx.event("note.added", "note:many", json!({}))?;
                made.iter().map(|row| row.get("id")).collect::<Result<Vec<i64>, _>>()
            })
            .await
            .unwrap();
        assert_eq!(ids.len(), COUNT);
        let merged = ledger
            .write::<_, Error, _>(&Actor::local(), move |tx| {
                tx.event("note.added", "note:many", json!({}))?;
                let tail = " ON CONFLICT (workspace_id, name) DO UPDATE SET size = excluded.size";
                tx.insert(&into(tail), &rows(COUNT + 1, 0.5))
            })
            .await
            .unwrap();
        assert_eq!(merged, COUNT as u64 + 1);
        let read = ledger
            .read::<_, Error, _>(WorkspaceId::DEFAULT, |rx| {
                rx.query("SELECT name, size, done FROM note ORDER BY name", &[])
            })
            .await
            .unwrap();
        assert_eq!(read.len(), COUNT + 1);
        for (i, row) in read.iter().enumerate() {
            assert_eq!(row.get::<String>("name").unwrap(), format!("n{i:05}"));
            assert_eq!(row.get::<Option<f64>>("size").unwrap(), (!i.is_multiple_of(3)).then_some(0.5 + i as f64));
            assert_eq!(row.get::<bool>("done").unwrap(), i % 2 == 0);
        }
        // Facts are no way round the event of a change.
        let refused = ledger
            .record::<_, Error, _>(&Actor::local(), move |tx| tx.insert(&into(""), &rows(1, 0.0)))
            .await;
        assert!(matches!(refused, Err(Error::NotAFactTable { table }) if table == "note"));
        let silent = ledger
            .write::<_, Error, _>(&Actor::local(), move |tx| {
                tx.insert(&into(" ON CONFLICT (workspace_id, name) DO UPDATE SET done = excluded.done"), &rows(1, 0.0))
            })
            .await;
        assert!(matches!(silent, Err(Error::NoEvent { rows: 1 })));
    }

    async fn a_read_that_panics_takes_no_other_read_with_it(ledger: ledger::Ledger) {
        for _ in 0..6 {
            let panicked = ledger.read::<(), Error, _>(WorkspaceId::DEFAULT, |_| panic!("a bug")).await;
            assert!(matches!(panicked, Err(Error::Closed)));
        }
        add(&ledger, "after").await.unwrap();
        let mut many = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let ledger = ledger.clone();
            many.spawn(async move {
                ledger
                    .read::<i64, Error, _>(WorkspaceId::DEFAULT, |rx| {
                        rx.query_one("SELECT count(*) AS n FROM note", &[])?.get("n")
                    })
                    .await
            });
        }
        assert!(many.join_all().await.into_iter().all(|n| n.unwrap() == 1));
    }

    async fn a_subscriber_that_waits_is_woken_once_for_events_that_come_together(ledger: ledger::Ledger) {
        let mut watch = ledger.watch();
        let mut waiting = tokio::task::JoinSet::new();
        waiting.spawn(async move {
            let is_open = ledger::Cursor::woken(&mut watch).await;
            (is_open, *watch.borrow())
        });
        for i in 0..5 {
            add(&ledger, &format!("n{i}")).await.unwrap();
        }
        let (is_open, position) =
            tokio::time::timeout(std::time::Duration::from_secs(10), waiting.join_next()).await.unwrap().unwrap().unwrap();
        assert!(is_open && position >= 1);
        let mut watch = ledger.watch();
        sealed(&ledger, 5).await;
        // Facts alone wake nobody. The first one comes after all that was told of the events.
        for at in 0..2 {
            watch.mark_unchanged();
            ledger
                .record::<_, Error, _>(&Actor::local(), move |tx| {
                    tx.execute("INSERT INTO fact (workspace_id, at) VALUES (1, $1)", &params![at])
                })
                .await
                .unwrap();
        }
        assert!(!watch.has_changed().unwrap());
        assert_eq!(*watch.borrow(), 5);
    }

    async fn a_pattern_is_found_anywhere_in_a_text_on_both_databases(ledger: ledger::Ledger) {
        for name in ["gpt-4o", "claude", "GPT"] {
            add(&ledger, name).await.unwrap();
        }
        let names = |pattern: &'static str| {
            ledger.read::<_, Error, _>(WorkspaceId::DEFAULT, move |rx| {
                let sql = "SELECT count(*) AS n FROM note WHERE regexp_like(name, $1)";
                rx.query_one(sql, &params![pattern])?.get::<i64>("n")
            })
        };
        assert_eq!(names("pt-[0-9]").await.unwrap(), 1);
        assert_eq!(names("^c.*e$").await.unwrap(), 1);
        assert_eq!(names("(?i)gpt").await.unwrap(), 2);
        assert!(names("(").await.is_err());
    }

    async fn a_change_without_an_event_is_refused(ledger: ledger::Ledger) {
        let refused = ledger
            .write(&Actor::local(), |tx| {
                tx.execute("INSERT INTO note (workspace_id, name, done) VALUES (1, 'x', $1)", &params![false])
            })
            .await;
        assert!(matches!(refused, Err(Error::NoEvent { rows: 1 })), "{refused:?}");
        let rows = ledger
            .read(WorkspaceId::DEFAULT, |rx| rx.query("SELECT id FROM note", &[]))
            .await
            .unwrap();
        assert!(rows.is_empty());
    }

    async fn facts_need_no_event_but_stay_in_their_tables(ledger: ledger::Ledger) {
        let actor = Actor::local();
        ledger
            .record(&actor, |tx| tx.execute("INSERT INTO fact (workspace_id, at) VALUES (1, 5)", &[]))
            .await
            .unwrap();
        let refused = ledger
            .record(&actor, |tx| tx.execute("DELETE FROM note WHERE id = 1", &[]))
            .await;
        assert!(matches!(refused, Err(Error::NotAFactTable { .. })), "{refused:?}");
    }

    async fn one_failed_change_leaves_its_companions_whole(ledger: ledger::Ledger) {
        let changes = (0..200).map(|i| {
            let ledger = ledger.clone();
            async move { add(&ledger, &format!("n{}", i % 150)).await }
        });
        let results = futures_join(changes.collect()).await;
        assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 150);
        assert!(results.iter().filter_map(|r| r.as_ref().err()).all(|e| matches!(e, Error::Constraint { .. })));
        sealed(&ledger, 150).await;
        assert_eq!(ledger.verify_chain().await.unwrap().events, 150);
    }

    async fn changes_that_fail_late_or_early_leave_nothing_among_those_that_stand(ledger: ledger::Ledger) {
        const CHANGES: usize = 200;
        let changes = (0..CHANGES).map(|i| {
            let ledger = ledger.clone();
            async move {
                match i % 5 {
                    // It has written, and says that it happened, when it fails.
                    1 => ledger
                        .write::<(), Error, _>(&Actor::local(), move |tx| {
                            tx.insert(&NOTE, &params![1_i64, format!("late{i}"), 1.0, true])?;
                            tx.event("note.added", "note:late", json!({}))?;
                            Err(Error::NotOneRow { found: i })
                        })
                        .await
                        .is_err_and(|e| matches!(e, Error::NotOneRow { found } if found == i)),
                    // Its statement fails.
                    2 => matches!(add(&ledger, "kept0").await, Ok(_) | Err(Error::Constraint { .. })),
                    // It fails before it does anything.
                    3 => ledger
                        .write::<(), Error, _>(&Actor::local(), move |_| Err(Error::NotOneRow { found: i }))
                        .await
                        .is_err(),
                    _ => add(&ledger, &format!("kept{i}")).await.is_ok() || i == 0,
                }
            }
        });
        assert!(futures_join(changes.collect()).await.into_iter().all(|fine| fine));
        let kept = CHANGES / 5 * 2;
        let names = ledger
            .read::<_, Error, _>(WorkspaceId::DEFAULT, |rx| rx.query("SELECT name FROM note", &[]))
            .await
            .unwrap();
        assert_eq!(names.len(), kept);
        assert!(names.iter().all(|row| row.get::<String>("name").unwrap().starts_with("kept")));
        sealed(&ledger, kept as i64).await;
        assert_eq!(ledger.verify_chain().await.unwrap().events, kept as i64);
    }

    async fn a_panicking_change_harms_nobody_else(ledger: ledger::Ledger) {
        let panicked: Result<(), Error> = ledger.write(&Actor::local(), |_| panic!("oops")).await;
        assert!(panicked.is_err());
        add(&ledger, "after").await.unwrap();
    }

    async fn lineage_follows_edges_both_ways(ledger: ledger::Ledger) {
        ledger
            .write(&Actor::local(), |tx| {
                let data = tx.node("dataset_version", "d", json!({}))?;
                let run = tx.node("run", "r", json!({ "name": "first" }))?;
                let model = tx.node("model_version", "m", json!({}))?;
                tx.edge(run, "used", data)?;
                tx.edge(model, "produced_by", run)?;
                tx.edge(model, "produced_by", run)?;
                tx.event("test.made", "run:r", json!({}))
            })
            .await
            .unwrap();
        let causes =
            ledger.lineage(WorkspaceId::DEFAULT, "model_version", "m", Direction::Causes, 5).await.unwrap();
        assert_eq!(causes.nodes.iter().map(|n| n.key.as_str()).collect::<Vec<_>>(), ["m", "r", "d"]);
        assert_eq!(causes.edges.len(), 2);
        let effects =
            ledger.lineage(WorkspaceId::DEFAULT, "dataset_version", "d", Direction::Effects, 1).await.unwrap();
        assert_eq!(effects.nodes.len(), 2);
    }

    async fn effects_of_several_nodes_come_nearest_first_and_not_by_way_of_edges_that_are_left_out(ledger: ledger::Ledger) {
        ledger
            .write(&Actor::local(), |tx| {
                let [a, b] = [tx.node("data", "a", json!({}))?, tx.node("data", "b", json!({}))?];
                let (later, run) = (tx.node("commit", "later", json!({}))?, tx.node("run", "r", json!({}))?);
                let (other, model) = (tx.node("run", "other", json!({}))?, tx.node("model_version", "m", json!({}))?);
                for (from, kind, to) in
                    [(later, "holds", a), (other, "read", later), (run, "used", a), (run, "used", b), (model, "produced_by", run)]
                {
                    tx.edge(from, kind, to)?;
                }
                tx.event("test.made", "run:r", json!({}))
            })
            .await
            .unwrap();
        let effects = async |but, depth| {
            let starts = ["b", "none", "a", "b"].map(|key| ("data".to_owned(), key.to_owned())).to_vec();
            let graph = ledger.effects(WorkspaceId::DEFAULT, starts, but, depth).await.unwrap();
            assert!(!graph.truncated);
            (graph.nodes.into_iter().map(|n| n.key).collect::<Vec<_>>(), graph.edges.len())
        };
        let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
        assert_eq!(effects(&["holds"], 9).await, (keys(&["b", "a", "r", "m"]), 3));
        assert_eq!(effects(&["holds"], 1).await, (keys(&["b", "a", "r"]), 2));
        assert_eq!(effects(&[], 9).await, (keys(&["b", "a", "later", "r", "other", "m"]), 5));
    }

    async fn tokens_prove_who_calls_until_they_are_revoked(ledger: ledger::Ledger) {
        let admin = Actor::system("test");
        assert!(!ledger.has_accounts().await.unwrap());
        ledger.set_account(&admin, "ada", Role::Editor).await.unwrap();
        let (token, id) =
            ledger.create_token(&admin, "ada", ledger::NewToken::default()).await.unwrap();
        let actor = ledger.authenticate(&token).await.unwrap();
        assert!(actor.may(Permission::Write) && !actor.may(Permission::Deploy));
        assert!(ledger.authenticate(&format!("{token}x")).await.is_err());
        ledger.revoke_token(&admin, id).await.unwrap();
        assert!(ledger.authenticate(&token).await.is_err());
    }

    async fn guards_hold_back_named_transitions(ledger: ledger::Ledger) {
        ledger.set_guard(&Actor::system("test"), "note.added", "*", Role::Admin).await.unwrap();
        let editor = Actor { role: Role::Editor, ..Actor::local() };
        let refused: Result<(), Error> =
            ledger.write(&editor, |tx| tx.event("note.added", "note:1", json!({}))).await;
        assert!(matches!(refused, Err(Error::Guarded { .. })), "{refused:?}");
    }

    async fn a_lease_has_one_holder_and_a_growing_fence(ledger: ledger::Ledger) {
        let minute = std::time::Duration::from_secs(60);
        let first = ledger.lease("sweep", "a", minute).await.unwrap().unwrap();
        assert_eq!(ledger.lease("sweep", "b", minute).await.unwrap(), None);
        assert_eq!(ledger.lease("sweep", "a", minute).await.unwrap().unwrap().fence, first.fence);
        ledger.lease("sweep", "a", std::time::Duration::ZERO).await.unwrap().unwrap();
        let second = ledger.lease("sweep", "b", minute).await.unwrap().unwrap();
        assert!(second.fence > first.fence);
    }

    async fn cursors_only_move_forward(ledger: ledger::Ledger) {
        ledger.advance_cursor("c", 7).await.unwrap();
        ledger.advance_cursor("c", 3).await.unwrap();
        assert_eq!(ledger.cursor("c").await.unwrap(), 7);
    }
}

async fn futures_join<T: Send + 'static>(futures: Vec<impl Future<Output = T> + Send + 'static>) -> Vec<T> {
    let mut set = tokio::task::JoinSet::new();
    for future in futures {
        set.spawn(future);
    }
    set.join_all().await
}

#[test]
fn a_second_server_on_one_sqlite_file_is_refused() {
    let scratch = ledger::testing::scratch(ledger::testing::Engine::Sqlite).unwrap().unwrap();
    let first = scratch.open(&[NOTES]).unwrap();
    assert!(matches!(scratch.open(&[NOTES]), Err(Error::InUse { .. })));
    drop(first);
    scratch.open(&[NOTES]).unwrap();
}

#[test]
fn a_database_from_a_newer_version_is_refused() {
    for engine in [ledger::testing::Engine::Sqlite, ledger::testing::Engine::Postgres] {
        let Some(scratch) = ledger::testing::scratch(engine).unwrap() else { continue };
        const NEWER: Component = Component {
            name: "notes",
            migrations: &[
                NOTES.migrations[0],
                Migration { version: 2, sql: "CREATE TABLE newer (workspace_id BIGINT)" },
            ],
            facts: &[],
        };
        drop(scratch.open(&[NEWER]).unwrap());
        let refused = scratch.open(&[NOTES]).err();
        assert!(matches!(refused, Some(Error::NewerDatabase { found: 2, known: 1, .. })), "{refused:?}");
    }
}
