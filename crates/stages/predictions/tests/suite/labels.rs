use mlwright_predictions as predictions;
use predictions::{Labelling, NewLabel};
use serde_json::{Value, json};
use types::{Timestamp, Uid};

use crate::house::{House, batch, now};

fn label(id: Uid, label: Value) -> NewLabel {
    NewLabel { prediction_id: id, label, at: Some(Timestamp(5)) }
}

ledger::db_test! {
    components: [predictions::COMPONENT];

    async fn late_labels_join_sealed_and_unsealed_rows(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        let since = now();
        let (one, two) = (batch("e", &[1.0, 2.0]), batch("e", &[3.0]));
        let ids: Vec<Uid> = one.ids.iter().chain(&two.ids).copied().collect();
        house.log.record(one);
        house.log.seal(&house.actor, "e").await.unwrap();
        house.log.record(two);

        let nobody = Uid::from_u128(77);
        let told = vec![label(ids[0], json!(1)), label(ids[2], json!(0)), label(nobody, json!(1))];
        let outcome = house.log.label(&house.actor, told.clone()).await.unwrap();
        assert_eq!(outcome, Labelling { accepted: 2, unknown: vec![nobody], ..Labelling::default() });
        let outcome = house.log.label(&house.actor, told).await.unwrap();
        assert_eq!(outcome, Labelling { unchanged: 2, unknown: vec![nobody], ..Labelling::default() });
        let outcome = house.log.label(&house.actor, vec![label(ids[2], json!(1))]).await.unwrap();
        assert_eq!(outcome, Labelling { replaced: 1, ..Labelling::default() });

        assert_eq!(house.log.label_count(&house.actor, "e", since).await.unwrap(), 2);
        assert_eq!(house.log.label_count(&house.actor, "other", since).await.unwrap(), 0);
        let labelled = house.log.labelled(&house.actor, "e", since).await.unwrap();
        assert_eq!(labelled.rows.ids, [ids[0], ids[2]]);
        let table = labelled.table("target").unwrap();
        assert_eq!(table.schema().names().collect::<Vec<_>>(), ["x", "kind", "target"]);
        assert_eq!(table.numbers("target").unwrap(), [Some(1.0), Some(1.0)]);
        assert_eq!(table.numbers("x").unwrap(), [Some(1.0), Some(3.0)]);
        let found = house.log.find(&house.actor, ids[2]).await.unwrap().unwrap();
        let label = found.label.unwrap();
        assert_eq!((label.label, label.at, label.recorded_by.as_str()), (json!(1), Timestamp(5), "system:test"));
    }

    async fn a_label_that_is_no_value_refuses_all_of_them(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        let one = batch("e", &[1.0]);
        let id = one.ids[0];
        house.log.record(one);
        for bad in [json!(null), json!([1]), json!({"a": 1})] {
            let error = house.log.label(&house.actor, vec![label(id, json!(1)), label(id, bad)]).await.unwrap_err();
            assert!(error.to_string().starts_with("label 1: the label is"), "{error}");
        }
        assert_eq!(house.log.label_count(&house.actor, "e", Timestamp(0)).await.unwrap(), 0);
    }
}
