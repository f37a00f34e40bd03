use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ledger::Direction;
use mlwright_datasets as datasets;
use mlwright_datasets::{COMPONENT, Error, Import, ROW_ID, Source, SourceFile};
use types::{Class, DataType, Digest, Fault as _};

use crate::{FixedGate, bench, file, visits};

const JAN: &str = "id,age,sex\na1,40,f\na2,,m\n";
const FEB: &str = "id,age,sex\na3,41.5,f\n";

ledger::db_test! {
    components: [COMPONENT];

    async fn files_become_a_version_with_schema_row_ids_and_digests(ledger: ledger::Ledger) {
        let b = bench().await;
        let import = Import { origin: serde_json::json!({"by": "test"}), ..visits(vec![file("jan.csv", JAN), file("feb.csv", FEB)]) };
        let v = datasets::import(&ledger, &b.blobs, &b.actor, import).await.unwrap();
        assert_eq!((v.dataset.as_str(), v.number, v.rows), ("visits", 1, 3));
        assert_eq!(v.bytes, (JAN.len() + FEB.len()) as i64);
        let columns: Vec<_> = v.schema.fields.iter().map(|f| (f.name.as_str(), f.data_type, f.nullable)).collect();
        assert_eq!(columns, [
            ("id", DataType::String, false),
            ("age", DataType::Float, true),
            ("sex", DataType::String, false),
        ]);
        assert_eq!(v.parts[0].source_digest, Digest::of(JAN));
        assert_eq!(b.blobs.get_bytes(&v.parts[1].source_digest).await.unwrap(), FEB);
        assert_eq!((v.parts[0].rows, v.parts[1].rows), (2, 1));

        let table = datasets::table(&b.blobs, &v).await.unwrap();
        let (jan, feb) = (Digest::of(JAN).short(), Digest::of(FEB).short());
        let ids: Vec<String> = table.texts(ROW_ID).unwrap().into_iter().flatten().collect();
        assert_eq!(ids, [format!("{jan}:1"), format!("{jan}:2"), format!("{feb}:1")]);
        assert_eq!(table.numbers("age").unwrap(), [Some(40.0), None, Some(41.5)]);

        for found in [
            datasets::get(&ledger, &b.actor, v.uid).await.unwrap(),
            datasets::version(&ledger, &b.actor, "visits", 1).await.unwrap(),
            datasets::latest(&ledger, &b.actor, "visits").await.unwrap().unwrap(),
            datasets::list(&ledger, &b.actor).await.unwrap().remove(0).latest.unwrap(),
        ] {
            assert_eq!(found, v);
        }

        let events = ledger::testing::events(&ledger).await;
        let kinds: Vec<_> = events.iter().map(|e| (e.kind.as_str(), e.subject.clone())).collect();
        assert_eq!(kinds, [
            ("dataset.created", "dataset:visits".to_owned()),
            ("dataset.version_created", format!("dataset_version:{}", v.uid)),
        ]);
        let graph = ledger
            .lineage(b.actor.workspace, "dataset_version", &v.uid.hex(), Direction::Causes, 3)
            .await
            .unwrap();
        assert_eq!((graph.nodes.len(), graph.edges.len()), (3, 2));
        assert!(graph.edges.iter().all(|e| e.kind == "used"));
    }

    async fn the_same_content_is_the_same_version_whenever_and_however_it_comes(ledger: ledger::Ledger) {
        let b = bench().await;
        let first = datasets::import(&ledger, &b.blobs, &b.actor, visits(vec![file("jan.csv", JAN)])).await.unwrap();
        let path = b.dir.path().join("renamed.csv");
        types::io::write(&path, JAN).unwrap();
        for source in [Source::Path(path), Source::Blob(first.parts[0].source_digest)] {
            let again = SourceFile { expected: Some(Digest::of(JAN)), ..SourceFile::new("renamed.csv", source) };
            let again = datasets::import(&ledger, &b.blobs, &b.actor, visits(vec![again])).await.unwrap();
            assert_eq!(again, first);
        }
        let keyed = Import { key: Some("id".into()), ..visits(vec![file("jan.csv", JAN)]) };
        let keyed = datasets::import(&ledger, &b.blobs, &b.actor, keyed).await.unwrap();
        assert_eq!(keyed.number, 2);
        assert_ne!(keyed.digest, first.digest);
        let other = Import::new("other", vec![file("jan.csv", JAN)]);
        let other = datasets::import(&ledger, &b.blobs, &b.actor, other).await.unwrap();
        assert_eq!((other.number, other.digest), (1, first.digest));
        assert_eq!(datasets::versions(&ledger, &b.actor, "visits").await.unwrap().len(), 2);
        assert_eq!(ledger::testing::events(&ledger).await.len(), 5);
    }

    async fn a_declared_key_gives_the_row_ids(ledger: ledger::Ledger) {
        let b = bench().await;
        let import = Import { key: Some("id".into()), ..visits(vec![file("a.csv", JAN), file("b.csv", FEB)]) };
        let v = datasets::import(&ledger, &b.blobs, &b.actor, import).await.unwrap();
        let table = datasets::table(&b.blobs, &v).await.unwrap();
        let ids: Vec<String> = table.texts(ROW_ID).unwrap().into_iter().flatten().collect();
        assert_eq!(ids, ["a1", "a2", "a3"]);
    }

    async fn concurrent_imports_of_one_content_make_one_version(ledger: ledger::Ledger) {
        let b = Arc::new(bench().await);
        let imports = (0..8).map(|i| {
            let (b, ledger) = (b.clone(), ledger.clone());
            async move {
                let content = if i % 2 == 0 { JAN } else { FEB };
                datasets::import(&ledger, &b.blobs, &b.actor, visits(vec![file("x.csv", content)])).await.unwrap()
            }
        });
        let versions = futures::future::join_all(imports).await;
        assert!(versions.iter().step_by(2).all(|v| v.uid == versions[0].uid));
        assert!(versions.iter().skip(1).step_by(2).all(|v| v.uid == versions[1].uid));
        let mut numbers: Vec<i64> = datasets::versions(&ledger, &b.actor, "visits").await.unwrap().iter().map(|v| v.number).collect();
        numbers.sort();
        assert_eq!(numbers, [1, 2]);
    }

    async fn a_gate_that_refuses_or_fails_leaves_nothing_visible(ledger: ledger::Ledger) {
        let b = bench().await;
        let asked = Arc::new(AtomicUsize::new(0));
        for (answer, class) in [(Some(false), Class::Rejected), (None, Class::Unavailable)] {
            let gate = FixedGate { answer, asked: asked.clone() };
            let import = Import { gate: Some(&gate), ..visits(vec![file("jan.csv", JAN)]) };
            let error = datasets::import(&ledger, &b.blobs, &b.actor, import).await.unwrap_err();
            assert_eq!(error.class(), class, "{error}");
        }
        assert_eq!(datasets::latest(&ledger, &b.actor, "visits").await.unwrap(), None);
        assert!(datasets::list(&ledger, &b.actor).await.unwrap().is_empty());
        assert!(ledger::testing::events(&ledger).await.is_empty());
        assert!(!b.blobs.exists(&Digest::of(JAN)).await.unwrap());

        let gate = FixedGate { answer: Some(true), asked: asked.clone() };
        let import = Import { gate: Some(&gate), ..visits(vec![file("jan.csv", JAN)]) };
        let v = datasets::import(&ledger, &b.blobs, &b.actor, import).await.unwrap();
        assert_eq!(v.report_digest, Some(Digest::of("report")));
        // Content that is there already is asked about again: expectations may have changed since.
        let gate = FixedGate { answer: Some(false), asked: asked.clone() };
        let import = Import { gate: Some(&gate), ..visits(vec![file("jan.csv", JAN)]) };
        let error = datasets::import(&ledger, &b.blobs, &b.actor, import).await.unwrap_err();
        let id = Digest::of(JAN).short();
        assert_eq!(error.to_string(), format!("the data for `visits` was refused: row {id}:1 in jan.csv at line 2"));
        assert_eq!(asked.load(Ordering::SeqCst), 4);
        assert_eq!(datasets::latest(&ledger, &b.actor, "visits").await.unwrap(), Some(v));
    }

    async fn a_materialised_version_has_its_parquet_parts_and_a_manifest(ledger: ledger::Ledger) {
        let b = bench().await;
        let import = visits(vec![file("jan.csv", JAN), file("feb.csv", FEB)]);
        let v = datasets::import(&ledger, &b.blobs, &b.actor, import).await.unwrap();
        let folder = b.dir.path().join("out/data");
        let manifest = datasets::materialize(&b.blobs, &v, &folder).await.unwrap();
        let text = types::io::read(folder.join("manifest.json")).unwrap();
        assert_eq!(serde_json::from_slice::<datasets::Manifest>(&text).unwrap(), manifest);
        for (part, rows) in manifest.parts.iter().zip([2, 1]) {
            let table = columns::read_file(folder.join(&part.file), None).unwrap();
            assert_eq!(table.rows(), rows);
            assert_eq!(table.schema().names().collect::<Vec<_>>(), ["id", "age", "sex"]);
        }
        let profile = datasets::profile(&b.blobs, &v).await.unwrap();
        assert_eq!(serde_json::to_vec(&profile).unwrap(), b.blobs.get_bytes(&v.profile_digest).await.unwrap());
    }

    async fn a_version_knows_what_it_was_derived_from(ledger: ledger::Ledger) {
        let b = bench().await;
        let base = datasets::import(&ledger, &b.blobs, &b.actor, visits(vec![file("jan.csv", JAN)])).await.unwrap();
        let derived_from = vec![
            ("dataset_version".to_owned(), base.uid.hex()),
            ("prediction_segment".to_owned(), "never heard of".to_owned()),
        ];
        let import = Import { derived_from, ..visits(vec![file("jan.csv", JAN), file("feb.csv", FEB)]) };
        let v = datasets::import(&ledger, &b.blobs, &b.actor, import).await.unwrap();
        let effects = ledger
            .lineage(b.actor.workspace, "dataset_version", &base.uid.hex(), Direction::Effects, 1)
            .await
            .unwrap();
        assert!(effects.nodes.iter().any(|n| n.key == v.uid.hex()));
    }

    async fn what_does_not_exist_is_named(ledger: ledger::Ledger) {
        let b = bench().await;
        let error = datasets::version(&ledger, &b.actor, "visits", 3).await.unwrap_err();
        assert_eq!(error.to_string(), "data set `visits` does not exist");
        datasets::import(&ledger, &b.blobs, &b.actor, visits(vec![file("jan.csv", JAN)])).await.unwrap();
        let error = datasets::version(&ledger, &b.actor, "visits", 3).await.unwrap_err();
        assert_eq!(error.to_string(), "data set `visits` has no version 3");
        let error = datasets::versions(&ledger, &b.actor, "visit").await.unwrap_err();
        assert!(matches!(error, Error::NotFound(_)));
        assert_eq!(error.class(), Class::NotFound);
    }
}
