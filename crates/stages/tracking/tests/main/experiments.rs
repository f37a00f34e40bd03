use tracking::search::{Clause, Comparison, ExperimentField, Test};
use tracking::{Error, ExperimentQuery, ExperimentRef};

use crate::{kinds, me, new_run};

ledger::db_test! {
    components: [tracking::COMPONENT];

    async fn default_exists_from_the_first_start(ledger: ledger::Ledger) {
        let found = tracking::experiment(&ledger, &me(), ExperimentRef::Number(0)).await.unwrap();
        assert_eq!((found.name.as_str(), found.created_at), ("Default", None));
    }

    async fn numbers_count_up_and_names_stay_taken(ledger: ledger::Ledger) {
        let me = me();
        let make = |name: &str| tracking::create_experiment(&ledger, &me, name.to_owned(), tracking::Location::Own, vec![]);
        assert_eq!((make("a").await.unwrap(), make("b").await.unwrap()), (1, 2));
        tracking::delete_experiment(&ledger, &me, 1).await.unwrap();
        assert!(matches!(make("a").await, Err(Error::ExperimentExists { .. })));
        let again = tracking::ensure_experiment(&ledger, &me, "a").await.unwrap();
        assert_eq!((again.number, again.deleted), (1, false));
    }

    async fn deleting_takes_the_runs_and_restoring_brings_them_back(ledger: ledger::Ledger) {
        let run = new_run(&ledger, 1).await;
        tracking::delete_experiment(&ledger, &me(), 0).await.unwrap();
        assert!(tracking::run(&ledger, &me(), run.uid).await.unwrap().deleted);
        assert!(matches!(
            tracking::delete_experiment(&ledger, &me(), 0).await,
            Err(Error::ExperimentState { deleted: true, .. })
        ));
        tracking::restore_experiment(&ledger, &me(), 0).await.unwrap();
        assert!(!tracking::run(&ledger, &me(), run.uid).await.unwrap().deleted);
        assert_eq!(kinds(&ledger).await, ["run.created", "experiment.deleted", "experiment.restored"]);
    }

    async fn searches_go_by_name_and_tag(ledger: ledger::Ledger) {
        for name in ["one", "two", "three"] {
            let tags = vec![("first".to_owned(), name[..1].to_owned())];
            tracking::create_experiment(&ledger, &me(), name.into(), tracking::Location::Own, tags).await.unwrap();
        }
        let clause = Clause {
            field: ExperimentField::Tag("first".into()),
            test: Test::Text(Comparison::Equal, "t".into()),
        };
        let query = ExperimentQuery { filter: vec![clause], limit: 1, ..Default::default() };
        let page = tracking::search_experiments(&ledger, &me(), query.clone()).await.unwrap();
        assert_eq!((page.items[0].name.as_str(), page.next.is_some()), ("three", true));
        let page = tracking::search_experiments(&ledger, &me(), ExperimentQuery { after: page.next, ..query }).await.unwrap();
        assert_eq!((page.items[0].name.as_str(), page.next), ("two", None));
    }
}
