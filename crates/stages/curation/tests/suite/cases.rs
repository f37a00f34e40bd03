//! Every case of `cases.json` fails exactly the rules that it names, with the words and rows that it names.

use mlwright_curation::{Expectations, check};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    csv: String,
    expectations: Value,
    /// Name, text and first failing row of each check that fails.
    failed: Vec<(String, String, Option<String>)>,
}

#[test]
fn expectations_fail_with_counts_and_first_rows() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("cases.json")).unwrap();
    let mut wrong = Vec::new();
    for case in cases {
        let table = columns::read_csv("t.csv", case.csv.as_bytes(), None).unwrap();
        let report = check(&table, None, &Expectations::parse(&case.expectations).unwrap()).unwrap();
        let failed: Vec<_> = report
            .failed()
            .map(|c| {
                let first = c.failing.first().map(|r| format!("{}: {}", r.place, r.value));
                (c.name.clone(), c.text.clone(), first)
            })
            .collect();
        if failed != case.failed || report.passed != case.failed.is_empty() {
            wrong.push(format!("{}: {}", case.name, serde_json::to_string(&failed).unwrap()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nan_and_infinity_are_neither_finite_nor_in_a_range() {
    let table = columns::read_csv("t.csv", b"x\n1.5\nNaN\ninf\n\n", None).unwrap();
    let wanted = json!({"columns": {"x": {"finite": true, "between": [0, 2], "not_null": true}}});
    let report = check(&table, None, &Expectations::parse(&wanted).unwrap()).unwrap();
    let failed: Vec<_> = report.failed().map(|c| (c.rule.as_str(), c.failed_rows)).collect();
    assert_eq!(failed, [("finite", 2), ("between", 2)]);
}

proptest! {
    #[test]
    fn counts_agree_with_counting_by_hand(values in prop::collection::vec(prop::option::of(-50i64..50), 1..200), low in -60i64..60, width in 0i64..60) {
        let high = low + width;
        let array = columns::column::integers(values.iter().copied());
        let table = columns::Table::new(vec![("x".into(), array)]).unwrap();
        let wanted = json!({"columns": {"x": {"not_null": true, "between": [low, high], "unique": true}}});
        let report = check(&table, None, &Expectations::parse(&wanted).unwrap()).unwrap();
        let count = |rule: &str| report.checks.iter().find(|c| c.rule == rule).unwrap().failed_rows as usize;
        let there: Vec<i64> = values.iter().flatten().copied().collect();
        let distinct = there.iter().collect::<std::collections::HashSet<_>>().len();
        prop_assert_eq!(count("not_null"), values.len() - there.len());
        prop_assert_eq!(count("between"), there.iter().filter(|v| !(low..=high).contains(v)).count());
        prop_assert_eq!(count("unique"), there.len() - distinct);
        prop_assert!(report.checks.iter().all(|c| c.passed == (c.failed_rows == 0)));
    }
}
