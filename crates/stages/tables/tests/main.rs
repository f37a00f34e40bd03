//! Tables of a real repository, with real SQL.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

extern crate mlwright_tables as tables;

use std::sync::Arc;

use blobs::{BlobConfig, Blobs};
use bytes::Bytes;
use columns::{ChangeKind, Table, column};
use futures::StreamExt as _;
use ledger::Ledger;
use query::DataFusion;
use repositories::{Condition, NewCommit, NewRepository, Object, Repositories};
use serde_json::{Value, json};
use tables::{Config, DiffRequest, Error, Name, QueryRequest, Tables};
use types::{Actor, Fault as _};

struct House {
    repositories: Repositories,
    tables: Tables,
    actor: Actor,
    _home: tempfile::TempDir,
}

impl House {
    async fn new(ledger: Ledger) -> Self {
        let home = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&BlobConfig::Local(home.path().to_owned())).await.unwrap();
        let repositories = Repositories::open(ledger, blobs, repositories::Options::default());
        let engine = Arc::new(DataFusion::new(2, 2).unwrap());
        let tables = Tables::new(repositories.clone(), engine, Config::default());
        let house = Self { repositories, tables, actor: Actor::local(), _home: home };
        let new = NewRepository {
            name: "sales".into(),
            storage_namespace: "local://sales".into(),
            default_branch: "main".into(),
            read_only: false,
            metadata: Default::default(),
        };
        house.repositories.create_repository(&house.actor, new).await.unwrap();
        house
    }

    async fn put(&self, path: &str, content: impl Into<Bytes>) {
        let content = content.into();
        let body = futures::stream::once(async move { Ok(content) }).boxed();
        let received = self.repositories.receive(body, &[]).await.unwrap();
        let object = Object {
            etag: received.etag(),
            physical: received.physical,
            size: received.size,
            modified_at: self.repositories.ledger().clock().now(),
            content_type: None,
            metadata: Default::default(),
            checksums: Default::default(),
            headers: Default::default(),
        };
        let (actor, any) = (&self.actor, Condition::default());
        self.repositories.stage(actor, "sales", "main", path, object, any).await.unwrap();
    }

    async fn commit(&self) -> String {
        let new = NewCommit { message: "more".into(), ..NewCommit::default() };
        self.repositories.commit(&self.actor, "sales", "main", new).await.unwrap().id.hex()
    }

    async fn sql(&self, sql: &str) -> Result<Vec<Vec<Value>>, Error> {
        let request = QueryRequest { sql: sql.into(), rows: None };
        Ok(self.tables.query(&self.actor, request).await?.rows)
    }
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn parquet(ids: std::ops::Range<i64>) -> Vec<u8> {
    let columns = vec![
        ("id".into(), column::integers(ids.clone().map(Some))),
        ("score".into(), column::floats(ids.map(|i| Some(i as f64 / 2.0)))),
    ];
    Table::new(columns).unwrap().to_parquet().unwrap()
}

ledger::db_test! {
    components: [repositories::COMPONENT];

    async fn a_query_reads_tables_at_the_refs_that_it_names(ledger: Ledger) {
        let house = House::new(ledger).await;
        house.put("orders.csv", "id,amount\n1,10\n2,20\n").await;
        let first = house.commit().await;
        house.put("orders.csv", "id,amount\n1,10\n2,25\n3,30\n").await;
        house.commit().await;
        house.put("orders.csv", "id,amount\n1,1\n").await;
        let sum = async |at: &str| {
            house.sql(&format!("select sum(amount) from sales@{at}:orders.csv")).await.unwrap()
        };
        assert_eq!(sum("main").await, [[json!(1)]]);
        assert_eq!(sum("main@").await, [[json!(65)]]);
        assert_eq!(sum("main~1").await, [[json!(30)]]);
        assert_eq!(sum(&first).await, [[json!(30)]]);
        let join = format!(
            "select n.id, n.amount - coalesce(o.amount, 0) as more from sales@main@:orders.csv n \
             left join \"sales@{first}:orders.csv\" o on o.id = n.id order by n.id"
        );
        assert_eq!(house.sql(&join).await.unwrap(), [[json!(1), json!(0)], [json!(2), json!(5)], [json!(3), json!(30)]]);
        for (sql, class) in [
            ("select * from orders", types::Class::Invalid),
            ("select * from sales@nothing:orders.csv", types::Class::NotFound),
            ("select * from sales@main:nothing.csv", types::Class::NotFound),
            ("select * from other@main:orders.csv", types::Class::NotFound),
            ("drop table sales@main:orders.csv", types::Class::Invalid),
        ] {
            let error = house.sql(sql).await.unwrap_err();
            assert_eq!(error.class(), class, "{sql}: {error}");
        }
    }

    async fn a_folder_of_files_is_one_table(ledger: Ledger) {
        let house = House::new(ledger).await;
        for part in 0..3 {
            house.put(&format!("t/day={part}/p.parquet"), parquet(part * 100..part * 100 + 100)).await;
        }
        house.put("t/_SUCCESS", "").await;
        house.put("t/README.md", "what this is").await;
        for path in ["sales@main:t", "sales@main:t/"] {
            let opened = house.tables.open(&house.actor, &name(path)).await.unwrap();
            assert_eq!((opened.source.parts.len(), opened.source.rows()), (3, 300));
        }
        let found = house.sql("select count(*), max(score) from sales@main:t/").await.unwrap();
        assert_eq!(found, [[json!(300), json!(149.5)]]);
        let page = house.tables.preview(&house.actor, &name("sales@main:t"), 199, 2, &["id".into()]).await.unwrap();
        assert_eq!(page.rows, [[json!(199)], [json!(200)]]);
        let (_, profile) = house.tables.profile(&house.actor, &name("sales@main:t")).await.unwrap();
        assert_eq!((profile.rows, profile.column("id").unwrap().max), (300, Some(299.0)));
        house.put("t/x.csv", "id\n1\n").await;
        let error = house.tables.open(&house.actor, &name("sales@main:t")).await.unwrap_err();
        assert!(error.to_string().contains("different formats"), "{error}");
        let error = house.tables.open(&house.actor, &name("sales@main:nothing/")).await.unwrap_err();
        assert_eq!((error.class(), error.to_string().contains("sales@main:nothing/")), (types::Class::NotFound, true));
    }

    async fn a_table_says_where_it_was_found(ledger: Ledger) {
        let house = House::new(ledger).await;
        house.put("t/1.csv", "id\n1\n").await;
        let commit = house.commit().await;
        house.put("t/2.csv", "id\n2\n").await;
        let seen = async |path: &str| house.tables.open(&house.actor, &name(path)).await.unwrap().seen;
        let (_, file) = house.repositories.look(&house.actor, "sales", "main", "t/1.csv").await.unwrap();
        assert_eq!(seen("sales@main:t/1.csv").await, file);
        let folder = house.repositories.see(&house.actor, "sales", "main", "t/").await.unwrap();
        assert_eq!((&seen("sales@main:t").await, &seen("sales@main:t/").await), (&folder, &folder));
        // Of the folder as it is committed, the file is of the same data.
        assert_eq!(seen(&format!("sales@{commit}:t/")).await, file);
        assert_ne!(folder, file);
    }

    async fn two_versions_of_a_table_are_compared_row_by_row_page_by_page(ledger: Ledger) {
        let house = House::new(ledger).await;
        house.put("t.csv", "id,v\n1,a\n2,b\n3,c\n4,d\n").await;
        house.put("same.parquet", parquet(0..10)).await;
        house.commit().await;
        house.put("t.csv", "id,v\n5,e\n4,D\n3,c\n2,B\n").await;
        house.commit().await;
        let ask = async |path: &str, key: &str, kinds: Vec<ChangeKind>, offset: usize, limit: usize| {
            let request = DiffRequest {
                left: name(&format!("sales@main~1:{path}")),
                right: name(&format!("sales@main:{path}")),
                key: vec![key.into()],
                kinds,
                offset,
                limit,
            };
            house.tables.diff(&house.actor, request).await
        };
        let page = ask("t.csv", "id", Vec::new(), 0, 2).await.unwrap();
        let diff = &page.diff;
        assert_eq!((diff.added, diff.removed, diff.changed, diff.unchanged), (1, 1, 2, 1));
        assert_eq!(page.next, Some(2));
        let shown = serde_json::to_value(&page.changes).unwrap();
        assert_eq!(shown[0], json!({
            "kind": "added", "key": {"id": 5}, "changed": [], "left": null, "right": {"id": 5, "v": "e"},
        }));
        assert_eq!(shown[1], json!({
            "kind": "changed", "key": {"id": 4}, "changed": ["v"],
            "left": {"id": 4, "v": "d"}, "right": {"id": 4, "v": "D"},
        }));
        let page = ask("t.csv", "id", Vec::new(), 2, 2).await.unwrap();
        let kinds: Vec<&str> = page.changes.iter().map(|c| c.kind).collect();
        assert_eq!((kinds.as_slice(), page.next), (["changed", "removed"].as_slice(), None));
        let page = ask("t.csv", "id", vec![ChangeKind::Removed], 0, 10).await.unwrap();
        assert_eq!(serde_json::to_value(&page.changes).unwrap()[0]["key"], json!({"id": 1}));
        let page = ask("same.parquet", "id", Vec::new(), 0, 10).await.unwrap();
        assert_eq!((page.diff.unchanged, page.changes.len()), (10, 0));
        let error = ask("t.csv", "uid", Vec::new(), 0, 10).await.unwrap_err();
        assert!(error.to_string().contains("`uid`") && error.hint().is_some(), "{error}");
    }

    async fn a_broken_file_is_told_by_its_full_name_and_line(ledger: Ledger) {
        let house = House::new(ledger).await;
        house.put("d/bad.csv", "id,v\n1,a\n2\n").await;
        let error = house.sql("select * from sales@main:d/bad.csv").await.unwrap_err();
        assert_eq!(error.to_string(), "`sales@main:d/bad.csv`, line 3: 1 fields where the header has 2");
        house.put("d/picture.png", "x").await;
        let error = house.sql("select * from sales@main:d/picture.png").await.unwrap_err();
        assert!(error.to_string().contains("cannot be told from its name"), "{error}");
    }
}
