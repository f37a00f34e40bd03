//! Whether anything tells the rows of two tables apart.

use columns::{Table, column};
use mlwright_evaluation::{DomainPlan, domain_drift};
use statistics::Random;

/// Two numbers that rise together, or against each other; each column alone is the same, and so is the text.
fn rows(count: usize, sign: f64, seed: u64) -> Table {
    let mut random = Random::new(seed);
    let x: Vec<f64> = (0..count).map(|_| random.uniform() - 0.5).collect();
    let y: Vec<f64> = x.iter().map(|x| sign * x + 0.05 * random.normal()).collect();
    let kind = (0..count).map(|_| Some(if random.uniform() < 0.5 { "a" } else { "b" }));
    Table::new(vec![
        ("x".into(), column::floats(x.into_iter().map(Some))),
        ("y".into(), column::floats(y.into_iter().map(Some))),
        ("kind".into(), column::strings(kind)),
    ])
    .unwrap()
}

fn plan(alpha: Option<f64>) -> DomainPlan {
    DomainPlan { only: Vec::new(), categories: Vec::new(), alpha, threshold: None, seed: 1 }
}

#[test]
fn what_no_column_alone_shows_is_found_and_the_same_rows_are_no_drift() {
    let reference = rows(600, 1.0, 1);
    for alpha in [None, Some(0.01)] {
        let found = domain_drift(&reference, &rows(400, -1.0, 2), &plan(alpha)).unwrap();
        assert!(found.drifted && found.area > 0.9, "{found:?}");
        assert_eq!((found.rows, found.columns), ((600, 400), ["kind", "x", "y"].map(str::to_owned).into()));
        let same = domain_drift(&reference, &rows(400, 1.0, 3), &plan(alpha)).unwrap();
        assert!(!same.drifted, "{same:?}");
    }
    let strict = DomainPlan { threshold: Some(0.999), ..plan(None) };
    assert!(!domain_drift(&reference, &rows(400, -1.0, 2), &strict).unwrap().drifted);
}

#[test]
fn calibrated_it_seldom_cries_wolf() {
    let alarms = (0..40_u64)
        .filter(|seed| {
            let (a, b) = (rows(150, 1.0, 100 + seed), rows(150, 1.0, 500 + seed));
            domain_drift(&a, &b, &plan(Some(0.05))).unwrap().drifted
        })
        .count();
    // Two are expected; more than six come by chance once in a hundred times.
    assert!(alarms <= 6, "{alarms} of 40");
}

#[test]
fn columns_that_cannot_be_looked_at_are_named_and_the_rest_is() {
    let a = rows(60, 1.0, 1);
    let names: Vec<Option<String>> = (0..60).map(|i| Some(format!("name {i}"))).collect();
    let many = (0..60).map(|i| Some(format!("{i}")));
    let reference = a
        .with_column("only here", column::strings(names.iter().map(|n| n.as_deref())))
        .unwrap()
        .with_column("mixed", column::strings(many.clone()))
        .unwrap();
    let current = rows(60, 1.0, 2)
        .with_column("mixed", column::integers((0..60).map(Some)))
        .unwrap()
        .with_column("new", column::integers((0..60).map(Some)))
        .unwrap();
    let found = domain_drift(&reference, &current, &plan(None)).unwrap();
    let left: Vec<&str> = found.left_out.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(left, ["only here", "mixed", "new"]);
    let only = DomainPlan { only: vec!["kind".into(), "x".into()], ..plan(None) };
    assert_eq!(domain_drift(&reference, &current, &only).unwrap().columns, ["kind", "x"]);
    let absent = DomainPlan { only: vec!["nothing".into()], ..plan(None) };
    assert!(domain_drift(&reference, &current, &absent).unwrap_err().to_string().contains("nothing"));
    let few = domain_drift(&reference.slice(0, 4), &current, &plan(None)).unwrap_err();
    assert!(few.to_string().contains("fewer than 5 rows"), "{few}");
}
