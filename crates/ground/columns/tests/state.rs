//! Column states: merging parts is the whole, in any cut and order; what is stored is read back.

use std::sync::Arc;

use arrow::array::{Float64Array, StringArray};
use arrow::datatypes::DataType;
use columns::ArrayRef;
use columns::Bins;
use columns::drift::Tier;
use columns::state::{ColumnState, Moments, Quantiles, Summary, Values};
use mlwright_columns as columns;
use proptest::prelude::*;

fn numbers(values: &[Option<f64>]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

fn texts(values: &[Option<String>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn state(array: &ArrayRef, tier: Tier) -> ColumnState {
    let bins =
        array.data_type().is_numeric().then(|| Bins::Intervals { edges: vec![-50.0, 0.0, 10.0, 50.0] });
    let mut state = ColumnState::new(array.data_type(), tier, bins);
    state.update(array).unwrap();
    state
}

fn parts(array: &ArrayRef, cuts: &[usize], tier: Tier) -> ColumnState {
    let mut ends: Vec<usize> = cuts.iter().map(|c| c % (array.len() + 1)).collect();
    ends.push(array.len());
    ends.sort_unstable();
    let (mut from, mut merged): (usize, Option<ColumnState>) = (0, None);
    for end in ends {
        let part = state(&array.slice(from, end - from), tier);
        from = end;
        match &mut merged {
            Some(merged) => merged.merge(&part).unwrap(),
            None => merged = Some(part),
        }
    }
    merged.unwrap()
}

fn near(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-6 * (1.0 + b.abs()),
        (a, b) => a.is_some() == b.is_some(),
    }
}

fn alike(a: &Moments, b: &Moments) -> bool {
    (a.count, a.min, a.max) == (b.count, b.min, b.max)
        && near(a.mean(), b.mean())
        && near(a.std(), b.std())
        && near(a.skewness(), b.skewness())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn merged_parts_of_numbers_are_the_whole(
        values in prop::collection::vec(prop::option::weighted(0.9, -100.0..100.0_f64), 1..400),
        cuts in prop::collection::vec(any::<usize>(), 0..6),
        exact in any::<bool>(),
    ) {
        let tier = if exact { Tier::Exact } else { Tier::Streaming };
        let array = numbers(&values);
        let (whole, merged) = (state(&array, tier), parts(&array, &cuts, tier));
        prop_assert_eq!((whole.rows, whole.nulls), (merged.rows, merged.nulls));
        let (Values::Number { moments: a, binned: x, all: v, sketch: s, .. },
             Values::Number { moments: b, binned: y, all: w, sketch: t, .. }) = (&whole.values, &merged.values)
        else { panic!() };
        prop_assert!(alike(b, a), "{:?} {:?}", a, b);
        prop_assert_eq!(x, y);
        prop_assert_eq!(v, w);
        if let (Some(s), Some(t)) = (s, t) {
            prop_assert_eq!(&s.distinct, &t.distinct);
            prop_assert_eq!(s.quantiles.count(), t.quantiles.count());
        }
        prop_assert_eq!(&ColumnState::decode(&merged.encode()).unwrap(), &merged);
    }

    #[test]
    fn merged_parts_of_texts_are_the_whole(
        values in prop::collection::vec(prop::option::weighted(0.9, "[a-d]{0,3}"), 1..300),
        cuts in prop::collection::vec(any::<usize>(), 0..6),
        exact in any::<bool>(),
    ) {
        let tier = if exact { Tier::Exact } else { Tier::Streaming };
        let array = texts(&values);
        let (whole, merged) = (state(&array, tier), parts(&array, &cuts, tier));
        let (a, b) = (Summary::of(&whole), Summary::of(&merged));
        prop_assert_eq!((a.distinct, &a.top, a.nulls), (b.distinct, &b.top, b.nulls));
        // A dictionary counts its texts where they stand.
        let coded = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let coded = state(&arrow::compute::cast(&array, &coded).unwrap(), tier);
        let c = Summary::of(&coded);
        prop_assert_eq!((c.distinct, &c.top, c.nulls), (a.distinct, &a.top, a.nulls));
        let (Values::Text { lengths: x, empty: v, .. }, Values::Text { lengths: y, empty: w, .. }) =
            (&whole.values, &coded.values) else { panic!() };
        prop_assert!(alike(x, y) && v == w, "{:?} {:?}", x, y);
        prop_assert_eq!(&ColumnState::decode(&merged.encode()).unwrap(), &merged);
    }
}

#[test]
fn sketches_of_a_million_values_keep_their_errors_in_whole_and_in_parts() {
    let values: Vec<f64> =
        (0..1_000_000_u64).map(|i| (i.wrapping_mul(2_654_435_761) % 1_000_003) as f64).collect();
    let mut whole = Quantiles::default();
    whole.add(&values);
    let mut merged = Quantiles::default();
    for part in values.chunks(77_777) {
        let mut sketch = Quantiles::default();
        sketch.add(part);
        merged.merge(&sketch);
    }
    let mut sorted = values.clone();
    sorted.sort_by(f64::total_cmp);
    for sketch in [&whole, &merged] {
        assert_eq!(sketch.count(), 1_000_000);
        for q in [0.01, 0.1, 0.5, 0.9, 0.99] {
            let found = sketch.at(&[q]).unwrap()[0];
            let rank = sorted.partition_point(|v| *v <= found) as f64 / 1e6;
            assert!((rank - q).abs() < 0.005, "{q}: {rank}");
        }
    }
    let array: ArrayRef = Arc::new(Float64Array::from(values));
    let summary = Summary::of(&state(&array, Tier::Streaming));
    let distinct = summary.distinct.unwrap() as f64;
    assert!((distinct / 1e6 - 1.0).abs() < 0.06, "{distinct}");
    assert_eq!(summary.tier, Tier::Streaming);
}

#[test]
fn states_of_other_tiers_bins_or_types_do_not_merge() {
    let array = numbers(&[Some(1.0)]);
    let mut exact = state(&array, Tier::Exact);
    assert!(exact.merge(&state(&array, Tier::Streaming)).is_err());
    assert!(exact.merge(&ColumnState::new(array.data_type(), Tier::Exact, None)).is_err());
    assert!(exact.merge(&state(&texts(&[Some("a".into())]), Tier::Exact)).is_err());
    assert!(ColumnState::decode(br#"{"version": 99}"#).is_err());
}
