//! Applying: what reaches the stages, on both databases.

use automation::State;
use blobs::{BlobConfig, Blobs};
use ledger::{Component, Ledger};
use mlwright_project as project;
use predictions::{Log, LogConfig};
use project::{Action, Code, Context, Request, SourceFile, apply, plan, status};
use runtimes::{Runtime, RuntimeConfig};
use serving::{Serving, ServingConfig};
use types::{Actor, Class, Digest, Fault as _};

const COMPONENTS: [Component; 10] = [
    datasets::COMPONENT,
    curation::COMPONENT,
    tracking::COMPONENT,
    models::COMPONENT,
    pipelines::COMPONENT,
    predictions::COMPONENT,
    evaluation::COMPONENT,
    serving::COMPONENT,
    monitoring::COMPONENT,
    automation::COMPONENT,
];

const TEXT: &str = include_str!("cases/complete.yaml");

struct Bench {
    context: Context,
    actor: Actor,
    _dir: tempfile::TempDir,
}

fn rows(count: usize) -> String {
    let line = |i: usize| format!("{i},{}.5,{},{}\n", 20 + i % 60, i % 2, i % 2);
    format!("id,age,sex,any_visit\n{}", (0..count).map(line).collect::<String>())
}

impl Bench {
    async fn new(ledger: Ledger) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&BlobConfig::Local(dir.path().join("blobs"))).await.unwrap();
        let config = LogConfig { dir: dir.path().join("log"), ..Default::default() };
        let log = Log::open(config, &ledger, &blobs).await.unwrap();
        let runtime = Runtime::new(RuntimeConfig::default());
        let serving = Serving::start(ServingConfig::default(), &ledger, &blobs, runtime, log).await.unwrap();
        Self { context: Context { ledger, blobs, serving }, actor: Actor::local(), _dir: dir }
    }

    /// The file with `any_visit` allowed, and its data; `sent` puts the blobs there first.
    async fn request(&self, text: &str, data: &str, sent: bool) -> Request {
        let text = text.replace("unknown_columns: reject", "unknown_columns: allow");
        let contents = [("data/train.csv", data), ("requirements.lock", "lock"), ("code", "code")];
        if sent {
            for (_, content) in contents {
                self.context.blobs.put_bytes(content.to_owned()).await.unwrap();
            }
        }
        let files = contents[..2].iter().map(|(path, content)| SourceFile {
            path: (*path).to_owned(),
            digest: Digest::of(content),
            bytes: content.len() as u64,
        });
        let code = Code { digest: Digest::of("code"), git_commit: None, git_diff_digest: None };
        Request { text, dir: String::new(), files: files.collect(), code }
    }
}

ledger::db_test! {
    components: COMPONENTS;

    async fn applying_reaches_every_stage_and_applying_again_changes_nothing(ledger: ledger::Ledger) {
        let bench = Bench::new(ledger).await;
        let (context, actor) = (&bench.context, &bench.actor);
        let unsent = bench.request(TEXT, &rows(1200), false).await;
        let first = plan(context, actor, unsent.clone()).await.unwrap();
        assert_eq!((first.missing.len(), first.first_training.as_slice()), (3, &["visits".to_owned()][..]));
        assert!(first.changes.iter().all(|c| c.action == Action::Create));
        assert_eq!(apply(context, actor, unsent).await.unwrap_err().class(), Class::Conflict);

        let request = bench.request(TEXT, &rows(1200), true).await;
        let applied = apply(context, actor, request.clone()).await.unwrap();
        assert_eq!((applied.datasets[0].version, applied.retrainings.len()), (1, 1));
        let training = automation::get(&context.ledger, actor, applied.retrainings[0].id).await.unwrap();
        assert_eq!((training.state, training.policy.as_str()), (State::Triggered, "visits-retrain"));
        assert_eq!(pipelines::list(&context.ledger, actor).await.unwrap().len(), 1);
        assert_eq!(monitoring::list(&context.ledger, actor).await.unwrap().len(), 1);
        assert_eq!(automation::policies(&context.ledger, actor).await.unwrap().len(), 1);

        let second = plan(context, actor, request.clone()).await.unwrap();
        assert!(second.changes.iter().all(|c| c.action == Action::Unchanged) && second.missing.is_empty());
        let again = apply(context, actor, request).await.unwrap();
        assert_eq!(again.retrainings[0].id, training.uid, "the training that runs is not started twice");
        assert_eq!(again.datasets[0].uid, applied.datasets[0].uid);
        let said = status(context, actor, None).await.unwrap();
        assert_eq!(said.resources.len(), 7);
    }

    async fn data_that_breaks_its_expectations_is_refused_before_anything_is_declared(ledger: ledger::Ledger) {
        let bench = Bench::new(ledger).await;
        let request = bench.request(TEXT, &rows(10), true).await;
        let refused = apply(&bench.context, &bench.actor, request).await.unwrap_err();
        assert_eq!(refused.class(), Class::Rejected, "{refused}");
        assert!(automation::declarations(&bench.context.ledger, &bench.actor).await.unwrap().is_empty());
    }

    async fn a_name_belongs_to_one_project_and_is_free_when_that_lets_it_go(ledger: ledger::Ledger) {
        let bench = Bench::new(ledger).await;
        let (context, actor) = (&bench.context, &bench.actor);
        apply(context, actor, bench.request(TEXT, &rows(1200), true).await).await.unwrap();
        let other = TEXT.replace("project: visits", "project: other");
        let taken = plan(context, actor, bench.request(&other, &rows(1200), true).await).await.unwrap_err();
        assert_eq!(taken.to_string(), "the dataset `visits` belongs to the project `visits`");

        let data_only = TEXT.split("environments:").next().unwrap();
        let smaller = apply(context, actor, bench.request(data_only, &rows(1200), true).await).await.unwrap();
        let removed = smaller.changes.iter().filter(|c| c.action == Action::Remove).count();
        assert_eq!(removed, 6);
        assert!(pipelines::list(&context.ledger, actor).await.unwrap().is_empty());
        assert!(automation::policies(&context.ledger, actor).await.unwrap().is_empty());
    }

    async fn every_mistake_in_the_file_reaches_the_caller(ledger: ledger::Ledger) {
        let bench = Bench::new(ledger).await;
        let wrong = TEXT.replace("dataset: visits", "dataset: visit").replace("method: psi", "method: psy");
        let refused =
            plan(&bench.context, &bench.actor, bench.request(&wrong, "", false).await).await.unwrap_err();
        assert_eq!(refused.class(), Class::Invalid);
        let text = refused.to_string();
        assert!(text.contains("mlwright.yaml:17:14") && text.contains("did you mean `psi`?"), "{text}");
    }

    async fn checks_of_an_endpoint_stand_before_it_is_deployed_and_go_with_their_lines(ledger: ledger::Ledger) {
        let bench = Bench::new(ledger).await;
        let (context, actor) = (&bench.context, &bench.actor);
        let usual = "visits: {model: visits, alias: champion}";
        let checks = "visits: {model: visits, alias: champion, checks: {range: refuse, novelty: review, ignore: [age]}}";
        let with = TEXT.replace(usual, checks);
        assert_ne!(with, TEXT);
        apply(context, actor, bench.request(&with, &rows(1200), true).await).await.unwrap();
        let kept = context.serving.settings(actor.workspace, "visits").checks;
        assert_eq!((kept.range, kept.novelty), (serving::Action::Refuse, serving::Action::Review));
        assert_eq!((kept.category, kept.ignore.as_slice()), (serving::Action::Flag, &["age".to_owned()][..]));
        apply(context, actor, bench.request(TEXT, &rows(1200), true).await).await.unwrap();
        assert_eq!(context.serving.settings(actor.workspace, "visits").checks, serving::Checks::default());
        let wrong = TEXT.replace(usual, "visits: {model: visits, alias: champion, checks: {range: refus}}");
        let error = plan(context, actor, bench.request(&wrong, "", false).await).await.unwrap_err().to_string();
        assert!(error.contains("did you mean `refuse`?"), "{error}");
    }

    async fn features_of_an_endpoint_are_those_of_the_newest_data_when_it_is_applied(ledger: ledger::Ledger) {
        let bench = Bench::new(ledger).await;
        let (context, actor) = (&bench.context, &bench.actor);
        let usual = "visits: {model: visits, alias: champion}";
        let fed = "visits: {model: visits, alias: champion, features: {key: id, dataset: visits, missing: default, \
                   defaults: {age: 40, sex: 0}}}";
        let with = TEXT.replace(usual, fed);
        assert_ne!(with, TEXT);
        let kept = || context.serving.settings(actor.workspace, "visits").features;
        apply(context, actor, bench.request(&with, &rows(1200), true).await).await.unwrap();
        let first = kept().unwrap();
        assert_eq!((first.key.as_str(), first.version), ("id", Some(1)));
        assert_eq!(first.defaults["age"], 40);
        apply(context, actor, bench.request(&with, &rows(1300), true).await).await.unwrap();
        assert_eq!(kept().unwrap().version, Some(2));
        apply(context, actor, bench.request(&with, &rows(1300), true).await).await.unwrap();
        assert_eq!(kept().unwrap().version, Some(2));
        apply(context, actor, bench.request(TEXT, &rows(1300), true).await).await.unwrap();
        assert_eq!(kept(), None);
        for (wrong, why) in [
            ("features: {key: sex, dataset: visits}", "stands there twice"),
            ("features: {key: age, dataset: visits}", "`age` is no key"),
            ("features: {key: nope, dataset: visits}", "no column `nope`"),
            ("features: {key: id, dataset: elsewhere}", "no data set `elsewhere`"),
            ("features: {key: id, dataset: visits, missing: zero}", "it must be one of: error, null, default"),
            ("features: {key: id, dataset: visits, defaults: {age: 1}}", "say `missing: default`"),
        ] {
            let text = TEXT.replace(usual, &format!("visits: {{model: visits, alias: champion, {wrong}}}"));
            let error = apply(context, actor, bench.request(&text, &rows(1300), true).await).await.unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
        }
    }
}
