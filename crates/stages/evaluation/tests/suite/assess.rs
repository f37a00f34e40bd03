//! Judging predictions in a table. The numbers wanted are scikit-learn's and fairlearn's.

use columns::{ArrayRef, Table, column};
use mlwright_evaluation::assess::{AgainstChampion, Plan, assess};
use mlwright_evaluation::{Bound, Error, Outcome, Task, Verdict};
use statistics::Random;

fn table(columns: Vec<(&str, ArrayRef)>) -> Table {
    Table::new(columns.into_iter().map(|(name, array)| (name.to_owned(), array)).collect()).unwrap()
}

fn numbers(values: &[f64]) -> ArrayRef {
    column::floats(values.iter().map(|v| Some(*v)))
}

fn at_least(min: f64) -> Bound {
    Bound { min: Some(min), max: None }
}

fn scored() -> Plan {
    Plan { score: Some("p".into()), label: "y".into(), ..Plan::default() }
}

/// 400 rows, the score near the truth; group `b` is scored lower than it deserves.
fn population(lowered: f64) -> Table {
    let mut random = Random::new(3);
    let (mut y, mut p, mut group, mut age) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for i in 0..400 {
        let truth = f64::from(u8::from(random.uniform() < 0.4));
        let b = i % 4 == 0;
        let score = 0.25 + 0.5 * truth + 0.2 * random.normal() - if b { lowered } else { 0.0 };
        y.push(Some(truth as i64));
        p.push(score.clamp(0.0, 1.0));
        group.push(Some(if b { "b" } else { "a" }));
        age.push(Some(20 + random.below(60) as i64));
    }
    table(vec![
        ("y", column::integers(y)),
        ("p", numbers(&p)),
        ("group", column::strings(group)),
        ("age", column::integers(age)),
    ])
}

#[test]
fn metrics_are_those_of_scikit_learn() {
    let data = table(vec![
        ("y", column::integers([0, 0, 1, 1, 1, 0].map(Some))),
        ("p", numbers(&[0.1, 0.4, 0.35, 0.8, 0.7, 0.6])),
    ]);
    let found = assess(&data, None, None, &scored()).unwrap();
    for (name, wanted) in [
        ("accuracy", 4.0 / 6.0),
        ("balanced_accuracy", 2.0 / 3.0),
        ("specificity", 2.0 / 3.0),
        ("roc_auc", 7.0 / 9.0),
        ("average_precision", 1.0 / 3.0 + 1.0 / 3.0 + 0.6 / 3.0),
        ("brier", (0.01 + 0.16 + 0.4225 + 0.04 + 0.09 + 0.36) / 6.0),
    ] {
        assert!((found.metrics[name].value - wanted).abs() < 1e-12, "{name} {:?}", found.metrics[name]);
    }
    let ranked = table(vec![
        ("y", numbers(&[3.0, 2.0, 0.0, 1.0, 0.0])),
        ("p", numbers(&[0.9, 0.2, 0.8, 0.5, 0.7])),
        ("q", column::strings(["x", "x", "x", "y", "y"].map(Some))),
    ]);
    let found = assess(&ranked, None, None, &Plan { query: Some("q".into()), ..scored() }).unwrap();
    // DCG with gains 2^rel − 1: (7 + 3 / log2 4) / (7 + 3 / log2 3), and 1 / log2 3.
    let ndcg = ((7.0 + 3.0 / 2.0) / (7.0 + 3.0 / 3_f64.log2()) + 1.0 / 3_f64.log2()) / 2.0;
    assert!((found.metrics["ndcg"].value - ndcg).abs() < 1e-12);
    assert!((found.metrics["mrr"].value - 0.75).abs() < 1e-12);
}

/// `sklearn.metrics.log_loss([0, 1, 1], [1.0, 0.0, 0.5])`, and `f1_score(…, average="macro")` of 0, 1, 2.
#[test]
fn certain_and_wrong_costs_what_it_does_in_scikit_learn_and_whole_numbers_are_classes() {
    let data = table(vec![("y", column::integers([0, 1, 1].map(Some))), ("p", numbers(&[1.0, 0.0, 0.5]))]);
    let found = assess(&data, None, None, &scored()).unwrap();
    assert!((found.metrics["log_loss"].value - 24.260_151_319_598_084).abs() < 1e-9, "{:?}", found.metrics);
    let data = table(vec![
        ("y", column::integers([0, 1, 2, 2].map(Some))),
        ("guess", numbers(&[0.0, 2.0, 2.0, 2.0])),
    ]);
    let plan = Plan { prediction: Some("guess".into()), label: "y".into(), ..Plan::default() };
    let found = assess(&data, None, None, &plan).unwrap();
    assert_eq!(found.task, "multiclass");
    assert!((found.metrics["macro_f1"].value - 0.6).abs() < 1e-12, "{:?}", found.metrics);
}

#[test]
fn a_limit_in_a_slice_refuses_what_passes_as_a_whole() {
    let plan = Plan {
        metrics: [("roc_auc".to_owned(), at_least(0.8))].into(),
        slices: vec!["group".into(), "age".into()],
        cross: true,
        slice_metrics: [("recall".to_owned(), at_least(0.6))].into(),
        ..scored()
    };
    let good = assess(&population(0.0), None, None, &plan).unwrap();
    assert_eq!(good.verdict, Verdict::Blessed, "{:#?}", good.checks);
    let bad = assess(&population(0.3), None, None, &plan).unwrap();
    assert_eq!(bad.verdict, Verdict::Refused);
    let overall = bad.checks.iter().find(|c| c.metric == "roc_auc").unwrap();
    assert_eq!(overall.outcome, Outcome::Passed);
    assert!(
        bad.checks.iter().any(|c| c.outcome == Outcome::Failed && c.scope.as_deref() == Some("group = b"))
    );
    assert!(bad.slices.iter().any(|s| s.slice.starts_with("group = b and age ")));
    let measured = bad.metrics["roc_auc"];
    let interval = measured.interval.unwrap();
    assert!(interval.low < measured.value && measured.value < interval.high);
    assert!(bad.text("p.csv").contains("# p.csv: refused"));
}

#[test]
fn groups_are_compared_and_small_ones_are_not() {
    let limit = Bound { min: None, max: Some(0.15) };
    let plan = Plan {
        groups: vec!["group".into()],
        fairness: [("demographic_parity_difference".to_owned(), limit)].into(),
        ..scored()
    };
    assert_eq!(assess(&population(0.0), None, None, &plan).unwrap().verdict, Verdict::Blessed);
    let found = assess(&population(0.3), None, None, &plan).unwrap();
    assert_eq!(found.verdict, Verdict::Refused);
    let grouped = &found.fairness[0];
    let rate = |i: usize| grouped.groups[i].rates["selection_rate"];
    assert!((grouped.metrics["demographic_parity_difference"] - (rate(0) - rate(1))).abs() < 1e-12);
    let strict = Plan { min_rows: 150, ..plan };
    let found = assess(&population(0.3), None, None, &strict).unwrap();
    assert_eq!(
        (found.fairness[0].too_small.as_slice(), found.fairness[0].groups.len()),
        (&["b".to_owned()][..], 1)
    );
}

#[test]
fn a_candidate_is_held_against_the_champion_on_the_same_rows() {
    let plan =
        Plan { champion: Some(AgainstChampion { metric: "roc_auc".into(), max_drop: 0.01 }), ..scored() };
    let (good, bad) = (population(0.0), population(0.6));
    assert_eq!(assess(&good, Some(&bad), None, &plan).unwrap().verdict, Verdict::Blessed);
    let found = assess(&bad, Some(&good), None, &plan).unwrap();
    assert_eq!(found.verdict, Verdict::Refused);
    assert!(found.checks[0].text.contains("worse by"), "{}", found.checks[0].text);
    let short = good.slice(0, 10);
    assert!(matches!(
        assess(&good, Some(&short), None, &plan),
        Err(Error::OtherRows { ours: 400, theirs: 10 })
    ));
}

#[test]
fn rows_without_labels_are_judged_by_estimate() {
    let (reference, candidate) = (population(0.0), population(0.0).without(&["y"]).unwrap());
    let plan = Plan { chunk: 100, ..scored() };
    let found = assess(&candidate, None, Some(&reference), &plan).unwrap();
    assert_eq!((found.task.as_str(), found.estimated.len(), found.unlabelled), ("estimated", 4, 400));
    let alerts = found.estimated.iter().flat_map(|chunk| &chunk.metrics).any(|m| m.alert);
    assert_eq!(found.verdict == Verdict::Refused, alerts);
    assert!(found.estimated[0].metrics.iter().all(|m| m.low <= m.value && m.value <= m.high));
    assert!(matches!(assess(&candidate, None, None, &plan), Err(Error::Columns(_))));
}

#[test]
fn what_cannot_be_judged_is_an_error_that_says_what_to_do() {
    use types::Fault as _;
    let data = population(0.0);
    let unknown = Plan { metrics: [("rmse".to_owned(), at_least(0.0))].into(), ..scored() };
    let error = assess(&data, None, None, &unknown).unwrap_err();
    assert!(error.hint().unwrap().contains("roc_auc"));
    let none = Plan { score: None, ..scored() };
    assert!(matches!(assess(&data, None, None, &none), Err(Error::NoPrediction { .. })));
    let empty = Plan { metrics: [("f1".to_owned(), Bound::default())].into(), ..scored() };
    assert!(matches!(assess(&data, None, None, &empty), Err(Error::EmptyBound(_))));
    let one = data.slice(0, 1);
    let found = assess(
        &one,
        None,
        None,
        &Plan { metrics: [("roc_auc".to_owned(), at_least(0.5))].into(), ..scored() },
    );
    assert_eq!(found.unwrap().verdict, Verdict::NotComputable);
}

/// NannyML's own data: the estimates of its analysis period, in chunks of 300 rows.
#[test]
fn the_losses_of_a_regression_are_estimated_where_labels_are_missing() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../conformance/vectors/verify");
    let data = |name: &str| columns::read_file(format!("{folder}/{name}.parquet"), None).unwrap();
    let (reference, current) = (data("nannyml_ref"), data("nannyml_ana").without(&["t"]).unwrap());
    let vectors = types::io::read(format!("{folder}/nannyml.json")).unwrap();
    let vectors: serde_json::Value = serde_json::from_slice(&vectors).unwrap();
    let wanted = &vectors["dle_lightgbm"];
    let features: Vec<String> = ["x", "z", "c"].map(str::to_owned).into();
    let plan = Plan {
        label: "t".into(),
        prediction: Some("tp".into()),
        task: Task::Regression,
        chunk: 300,
        features,
        ..Plan::default()
    };
    let found = assess(&current, None, Some(&reference), &plan).unwrap();
    assert_eq!(found.task, "estimated");
    let periods = wanted["chunk_period"].as_array().unwrap();
    let analysis: Vec<usize> = (0..periods.len()).filter(|i| periods[*i] == "analysis").collect();
    assert_eq!(found.estimated.len(), analysis.len());
    let mut alerts = false;
    for (chunk, at) in found.estimated.iter().zip(analysis) {
        for name in ["mae", "rmse"] {
            let metric = chunk.metrics.iter().find(|m| m.metric == name).unwrap();
            let number = |part: &str| {
                let value = &wanted[format!("{name}_{part}")][at];
                value.as_f64().unwrap_or_else(|| f64::from(u8::from(value.as_bool().unwrap())))
            };
            for (found, part) in [
                (metric.value, "value"),
                (metric.low, "lower_confidence_boundary"),
                (metric.high, "upper_confidence_boundary"),
                (metric.upper_limit.unwrap(), "upper_threshold"),
                (f64::from(u8::from(metric.alert)), "alert"),
            ] {
                let wanted = number(part);
                assert!(
                    (found - wanted).abs() <= 1e-9 * wanted.abs().max(1.0),
                    "{name} {part}: {found} {wanted}"
                );
            }
            alerts |= metric.alert;
        }
    }
    assert_eq!(found.verdict == Verdict::Refused, alerts);
    // Of all columns that fit, and of labels that are there for some rows only.
    let known = |i: usize| (!i.is_multiple_of(3)).then_some(i as f64 / 100.0 + 1.0);
    let some = table(vec![
        ("x", numbers(&(0..300).map(f64::from).collect::<Vec<_>>())),
        ("y", column::floats((0..300).map(known))),
        ("p", numbers(&(0..300).map(|i| f64::from(i) / 100.0).collect::<Vec<_>>())),
    ]);
    let plan =
        Plan { label: "y".into(), prediction: Some("p".into()), task: Task::Regression, ..Plan::default() };
    let found = assess(&some.without(&["y"]).unwrap(), None, Some(&some), &plan).unwrap();
    let mae = found.estimated[0].metrics.iter().find(|m| m.metric == "mae").unwrap();
    assert!((mae.value - 1.0).abs() < 1e-6, "every loss of the reference is 1: {mae:?}");
    let empty = some.filter(&(0..300).map(|i| i % 3 == 0).collect::<Vec<_>>()).unwrap();
    assert!(matches!(
        assess(&some.without(&["y"]).unwrap(), None, Some(&empty), &plan),
        Err(Error::NoLabel(label)) if label == "y"
    ));
}
