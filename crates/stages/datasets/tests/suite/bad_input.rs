//! Every case of `bad_input.json` is refused with its message and hint, and leaves nothing behind.

use std::collections::BTreeMap;

use base64::Engine as _;
use mlwright_datasets as datasets;
use mlwright_datasets::{COMPONENT, Import, NonFinite};
use serde::Deserialize;
use types::{Class, DataType, Digest, Fault as _, Schema};

use crate::{bench, file, visits};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// Name and content; a content that starts with `base64:` is binary.
    files: Vec<(String, String)>,
    key: Option<String>,
    #[serde(default)]
    types: BTreeMap<String, DataType>,
    schema: Option<Schema>,
    /// Declared for the first file.
    expected: Option<Digest>,
    error: String,
    hint: String,
}

fn bytes(content: &str) -> Vec<u8> {
    match content.strip_prefix("base64:") {
        Some(text) => base64::engine::general_purpose::STANDARD.decode(text).unwrap(),
        None => content.as_bytes().to_vec(),
    }
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("bad_input.json")).unwrap()
}

ledger::db_test! {
    components: [COMPONENT];

    async fn bad_input_is_refused_with_file_line_column_and_what_to_do(ledger: ledger::Ledger) {
        let b = bench().await;
        let mut wrong = Vec::new();
        for case in cases() {
            let mut files: Vec<_> = case.files.iter().map(|(name, content)| file(name, bytes(content))).collect();
            if let Some(first) = files.first_mut() {
                first.expected = case.expected;
            }
            let import = Import { key: case.key, types: case.types, schema: case.schema, ..visits(files) };
            let error = match datasets::import(&ledger, &b.blobs, &b.actor, import).await {
                Err(error) => error,
                Ok(_) => {
                    wrong.push(format!("{}: was imported", case.name));
                    continue;
                }
            };
            let (said, hint) = (error.to_string(), error.hint().unwrap_or_default());
            if said != case.error || !hint.contains(&case.hint) || error.class() != Class::Invalid {
                wrong.push(format!("{}: {:?}\n  error: {said}\n  hint: {hint}", case.name, error.class()));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(datasets::list(&ledger, &b.actor).await.unwrap().is_empty());
        assert!(ledger::testing::events(&ledger).await.is_empty());
    }

    async fn nan_and_infinity_are_kept_where_they_are_allowed(ledger: ledger::Ledger) {
        let b = bench().await;
        let import = Import {
            non_finite: NonFinite::Allow,
            ..visits(vec![file("a.csv", "x\n1.5\nNaN\ninf\n\n")])
        };
        let v = datasets::import(&ledger, &b.blobs, &b.actor, import).await.unwrap();
        let x = datasets::table(&b.blobs, &v).await.unwrap().numbers("x").unwrap();
        assert_eq!(x[0], Some(1.5));
        assert!(x[1].unwrap().is_nan());
        assert_eq!(x[2], Some(f64::INFINITY));
    }

    async fn a_file_that_is_gone_is_named(ledger: ledger::Ledger) {
        let b = bench().await;
        let path = b.dir.path().join("gone.csv");
        let source = datasets::Source::Path(path.clone());
        let import = visits(vec![datasets::SourceFile::new("gone.csv", source)]);
        let error = datasets::import(&ledger, &b.blobs, &b.actor, import).await.unwrap_err();
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        assert_eq!(error.class(), Class::NotFound);
    }
}
