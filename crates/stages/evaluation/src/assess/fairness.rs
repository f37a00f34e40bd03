use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use statistics::Interval;
use statistics::fairness::{Aggregate, Frame, GroupMetric, benefits, generalized_entropy};

use super::Plan;
use crate::Error;

/// How groups of one column compare (fairlearn's definitions, over groups of enough rows).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grouped {
    pub column: String,
    pub groups: Vec<GroupRates>,
    /// Groups of fewer rows than the plan asks for, which are not compared.
    pub too_small: Vec<String>,
    pub metrics: BTreeMap<String, f64>,
    pub intervals: BTreeMap<String, Interval>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupRates {
    pub group: String,
    pub n: u64,
    /// By fairlearn's names: `selection_rate`, `tpr`, `fpr`, ….
    pub rates: BTreeMap<String, f64>,
}

/// The fairness metrics that a limit may be set to.
pub(super) const KNOWN: [&str; 8] = [
    "demographic_parity_difference",
    "demographic_parity_ratio",
    "equal_opportunity_difference",
    "equal_opportunity_ratio",
    "equalized_odds_difference",
    "equalized_odds_ratio",
    "generalized_entropy_index",
    "theil_index",
];

/// Errors: `Statistics` if no group is large enough.
pub(super) fn compare(
    column: &str,
    truth: &[bool],
    predicted: &[bool],
    groups: &[String],
    plan: &Plan,
) -> Result<Grouped, Error> {
    let frame = Frame::new(truth, predicted, groups, None, plan.min_rows as usize)?;
    let metrics = scalars(&frame, truth, predicted);
    let mut intervals = BTreeMap::new();
    // A sample keeps the groups that were large enough as a whole, whatever it drew of them.
    let large: Vec<bool> = groups.iter().map(|group| frame.by_group.contains_key(group)).collect();
    let rows: Vec<usize> = (0..groups.len()).filter(|row| large[*row]).collect();
    for name in KNOWN {
        let interval = statistics::bootstrap(rows.len(), plan.rounds, plan.confidence, plan.seed, |drawn| {
            let pick = |values: &[bool]| drawn.iter().map(|d| values[rows[*d]]).collect::<Vec<_>>();
            let names: Vec<String> = drawn.iter().map(|d| groups[rows[*d]].clone()).collect();
            let (t, p) = (pick(truth), pick(predicted));
            scalars(&Frame::new(&t, &p, &names, None, 1).ok()?, &t, &p).get(name).copied()
        });
        intervals.extend(interval.map(|interval| (name.to_owned(), interval)));
    }
    let mut too_small: Vec<String> =
        groups.iter().zip(&large).filter(|(_, large)| !**large).map(|(group, _)| group.clone()).collect();
    too_small.sort();
    too_small.dedup();
    let rates = |(group, rates): (&String, &statistics::fairness::Rates)| GroupRates {
        group: group.clone(),
        n: rates.rows as u64,
        rates: GroupMetric::ALL.iter().map(|m| (m.name().to_owned(), rates.get(*m))).collect(),
    };
    let groups = frame.by_group.iter().map(rates).collect();
    Ok(Grouped { column: column.to_owned(), groups, too_small, metrics, intervals })
}

fn scalars(frame: &Frame, truth: &[bool], predicted: &[bool]) -> BTreeMap<String, f64> {
    let benefit = benefits(truth, predicted);
    let entropy = |alpha| generalized_entropy(&benefit, alpha).unwrap_or(f64::NAN);
    let found = [
        ("demographic_parity_difference", frame.demographic_parity_difference()),
        ("demographic_parity_ratio", frame.demographic_parity_ratio()),
        ("equal_opportunity_difference", frame.equal_opportunity_difference()),
        ("equal_opportunity_ratio", frame.equal_opportunity_ratio()),
        ("equalized_odds_difference", frame.equalized_odds_difference(Aggregate::WorstCase)),
        ("equalized_odds_ratio", frame.equalized_odds_ratio(Aggregate::WorstCase)),
        ("generalized_entropy_index", entropy(2.0)),
        ("theil_index", entropy(1.0)),
    ];
    // A ratio of nothing to nothing cannot be told.
    found.into_iter().filter(|(_, v)| v.is_finite()).map(|(name, value)| (name.to_owned(), value)).collect()
}
