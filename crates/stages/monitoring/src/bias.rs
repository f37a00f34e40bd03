//! Groups of a protected column compared, over a window's predictions and once labels have arrived (fairlearn's definitions).

use std::collections::BTreeMap;

use columns::Table;
use serde_json::{Value, json};
use statistics::fairness::{Aggregate, Frame, GroupMetric};

use crate::Error;
use crate::performance::score_column;
use crate::rules::{Bias, Bound};
use crate::signals::Measured;

/// What rows without a value are called.
const MISSING: &str = "(missing)";
const THRESHOLD: f64 = 0.5;
const LEAST_GROUP: u64 = 30;

impl Bias {
    fn least(&self) -> usize {
        self.min_group.unwrap_or(LEAST_GROUP) as usize
    }

    fn positives(&self, scores: &[Option<f64>]) -> Vec<bool> {
        let least = self.threshold.unwrap_or(THRESHOLD);
        scores.iter().map(|s| s.is_some_and(|s| s >= least)).collect()
    }

    /// The rules about labelled predictions, by metric.
    pub(crate) fn of_labels(&self) -> [(&'static str, Bound); 2] {
        [
            ("equal_opportunity_difference", Bound::above(self.equal_opportunity_difference)),
            ("equalized_odds_difference", Bound::above(self.equalized_odds_difference)),
        ]
    }
}

/// Differences and ratios of how often groups are predicted positive, of the column where they are worst. Columns that the window has
/// not, and those with fewer than two groups that are large enough, say nothing.
pub(crate) fn of_window(
    rule: &Bias,
    output: Option<&str>,
    inputs: &Table,
    outputs: &Table,
) -> Result<Vec<Measured>, Error> {
    let Some(scores) = scores(output, outputs)? else { return Ok(Vec::new()) };
    let predicted = rule.positives(&scores);
    let mut found: Vec<(&String, Frame)> = Vec::new();
    for column in &rule.by {
        if let Some(frame) = frame(inputs, column, &predicted, &predicted, rule.least())? {
            found.push((column, frame));
        }
    }
    let mut measured = Vec::new();
    let groups: Value = found.iter().map(|(column, frame)| ((*column).clone(), shown(frame))).collect();
    let mut add = |name: &'static str, bound: Bound, worst: Option<(&&String, f64)>| {
        if let Some((column, value)) = worst.filter(|(_, v)| v.is_finite()) {
            let detail = Some(groups.clone());
            measured.push(Measured {
                name: name.into(),
                feature: Some((*column).clone()),
                value,
                bound,
                detail,
            });
        }
    };
    let differences = found.iter().map(|(column, frame)| (column, frame.demographic_parity_difference()));
    let worst = differences.max_by(|a, b| a.1.total_cmp(&b.1));
    add("demographic_parity_difference", Bound::above(rule.demographic_parity_difference), worst);
    let ratios = found.iter().map(|(column, frame)| (column, frame.demographic_parity_ratio()));
    let worst = ratios.filter(|(_, ratio)| !ratio.is_nan()).min_by(|a, b| a.1.total_cmp(&b.1));
    add("demographic_parity_ratio", Bound::below(rule.demographic_parity_ratio), worst);
    Ok(measured)
}

/// Metrics of labelled rows, by `<metric>:<column>`.
pub(crate) fn of_labels(
    rule: &Bias,
    output: Option<&str>,
    inputs: &Table,
    outputs: &Table,
    truth: &[bool],
) -> Result<BTreeMap<String, f64>, Error> {
    let mut metrics = BTreeMap::new();
    let Some(scores) = scores(output, outputs)? else { return Ok(metrics) };
    let predicted = rule.positives(&scores);
    for column in &rule.by {
        let Some(frame) = frame(inputs, column, truth, &predicted, rule.least())? else { continue };
        let found = [
            ("equal_opportunity_difference", frame.equal_opportunity_difference()),
            ("equalized_odds_difference", frame.equalized_odds_difference(Aggregate::WorstCase)),
        ];
        for (name, value) in found.into_iter().filter(|(_, v)| v.is_finite()) {
            metrics.insert(format!("{name}:{column}"), value);
        }
    }
    Ok(metrics)
}

fn scores(output: Option<&str>, outputs: &Table) -> Result<Option<Vec<Option<f64>>>, Error> {
    match score_column(outputs, output) {
        Some(column) => Ok(Some(outputs.numbers(&column)?)),
        None => Ok(None),
    }
}

fn frame(
    inputs: &Table,
    column: &str,
    truth: &[bool],
    predicted: &[bool],
    least: usize,
) -> Result<Option<Frame>, Error> {
    if inputs.field(column).is_err() || truth.is_empty() {
        return Ok(None);
    }
    let groups: Vec<String> =
        inputs.texts(column)?.into_iter().map(|g| g.unwrap_or_else(|| MISSING.to_owned())).collect();
    // No group that is large enough is no error: it says nothing.
    Ok(Frame::new(truth, predicted, &groups, None, least).ok().filter(|f| f.by_group.len() > 1))
}

fn shown(frame: &Frame) -> Value {
    let group = |(name, rates): (&String, &statistics::fairness::Rates)| {
        let rate = rates.get(GroupMetric::SelectionRate);
        (name.clone(), json!({ "rows": rates.rows, "selection_rate": rate }))
    };
    frame.by_group.iter().map(group).collect()
}

#[cfg(test)]
mod tests {
    use columns::column;

    use super::*;
    use crate::rules::Limits;

    fn rule() -> Bias {
        Bias {
            by: vec!["sex".into(), "ward".into(), "absent".into()],
            min_group: Some(10),
            demographic_parity_difference: Some(Limits { warn: Some(0.1), ..Limits::default() }),
            ..Bias::default()
        }
    }

    /// Half of the rows are of each sex; women are predicted positive in 30 %, men in 50 %.
    fn window() -> (Table, Table) {
        let n = 200;
        let woman = |i: usize| i.is_multiple_of(2);
        let positive = move |i: usize| (i / 2) % 10 < if woman(i) { 3 } else { 5 };
        let inputs = Table::new(vec![
            ("sex".into(), column::strings((0..n).map(|i| Some(if woman(i) { "f" } else { "m" })))),
            ("ward".into(), column::integers((0..n).map(|i| Some((i / 20 % 2) as i64)))),
        ])
        .unwrap();
        let scores = column::floats((0..n).map(|i| Some(if positive(i) { 0.9 } else { 0.1 })));
        (inputs, Table::new(vec![("probability".into(), scores)]).unwrap())
    }

    #[test]
    fn groups_are_compared_and_the_worst_column_is_named() {
        let (inputs, outputs) = window();
        let found = of_window(&rule(), None, &inputs, &outputs).unwrap();
        let names: Vec<(&str, Option<&str>)> =
            found.iter().map(|m| (m.name.as_str(), m.feature.as_deref())).collect();
        assert_eq!(
            names,
            [("demographic_parity_difference", Some("sex")), ("demographic_parity_ratio", Some("sex"))]
        );
        assert!((found[0].value - 0.2).abs() < 1e-12 && (found[1].value - 0.6).abs() < 1e-12, "{found:?}");
        let detail = found[0].detail.as_ref().unwrap();
        assert_eq!(detail["sex"]["f"], json!({ "rows": 100, "selection_rate": 0.3 }));
    }

    #[test]
    fn small_groups_and_odd_outputs_say_nothing() {
        let (inputs, outputs) = window();
        let large = Bias { min_group: Some(150), ..rule() };
        assert!(of_window(&large, None, &inputs, &outputs).unwrap().is_empty());
        let texts = Table::new(vec![("label".into(), column::strings(vec![Some("x"); 200]))]).unwrap();
        assert!(of_window(&rule(), None, &inputs, &texts).unwrap().is_empty());
    }

    #[test]
    fn labels_show_who_is_wrongly_refused() {
        let (inputs, outputs) = window();
        // Everybody is truly positive: a group's true positive rate is its selection rate.
        let found = of_labels(&rule(), None, &inputs, &outputs, &[true; 200]).unwrap();
        assert!((found["equal_opportunity_difference:sex"] - 0.2).abs() < 1e-12, "{found:?}");
        assert!(found["equal_opportunity_difference:ward"].abs() < 0.1);
    }
}
