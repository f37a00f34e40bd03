use columns::Table;
use serde_json::json;
use statistics::agreement::{Level, Rating, dawid_skene, krippendorff_alpha};
use statistics::bootstrap;

use crate::Error;
use crate::verify::{Evidence, Finding, Kind, Plan, Statistic, Verdict};

/// Rounds of the interval.
const ROUNDS: usize = 300;
/// A consensus less sure than this is shown.
const UNSURE: f64 = 0.8;

pub(in crate::verify) fn agreement(table: &Table, plan: &Plan) -> Result<Finding, Error> {
    let people = plan.columns(table, &plan.annotators)?;
    if people.len() < 2 {
        return Err(Error::BadVerification("agreement needs the columns of at least two annotators".into()));
    }
    let columns = people.iter().map(|name| table.texts(name)).collect::<Result<Vec<_>, _>>()?;
    let mut classes: Vec<&String> = columns.iter().flatten().flatten().collect();
    classes.sort();
    classes.dedup();
    let place = |text: &String| classes.binary_search(&text).unwrap_or(0);
    let items: Vec<Vec<Option<f64>>> = (0..table.rows())
        .map(|row| columns.iter().map(|c| c[row].as_ref().map(|text| place(text) as f64)).collect())
        .collect();
    let alpha = |rows: &[usize]| {
        let ratings: Vec<Vec<Option<f64>>> =
            (0..people.len()).map(|k| rows.iter().map(|row| items[*row][k]).collect()).collect();
        krippendorff_alpha(&ratings, Level::Nominal)
    };
    let all: Vec<usize> = (0..items.len()).collect();
    let value = alpha(&all)?;
    let interval = bootstrap(items.len(), ROUNDS, 0.95, plan.seed, |rows| alpha(rows).ok());
    let threshold = plan.threshold(Kind::Agreement);
    let verdict = if value < threshold.fail {
        Verdict::Fail
    } else if value < threshold.warn {
        Verdict::Warn
    } else {
        Verdict::Pass
    };
    let mut evidence = consensus(&items, &people, &classes)?;
    let found = evidence.len() as u64;
    evidence.truncate(plan.evidence.max(people.len()));
    let text = match verdict {
        Verdict::Pass => format!("{} annotators agree far beyond chance", people.len()),
        _ => format!(
            "{} annotators agree less than one may rely on: what they were asked is not objective, or not clear",
            people.len()
        ),
    };
    Ok(Finding {
        check: Kind::Agreement,
        verdict,
        statistic: Some(Statistic { name: "Krippendorff's alpha".into(), value }),
        interval,
        n: items.len() as u64,
        threshold: Some(threshold),
        text,
        evidence,
        found,
    })
}

/// How often each person gives the consensus of Dawid and Skene, worst first; then items whose consensus is unsure.
fn consensus(
    items: &[Vec<Option<f64>>],
    people: &[String],
    classes: &[&String],
) -> Result<Vec<Evidence>, Error> {
    let rated: Vec<usize> = (0..items.len()).filter(|i| items[*i].iter().any(Option::is_some)).collect();
    let mut ratings = Vec::new();
    for (task, item) in rated.iter().enumerate() {
        for (worker, label) in items[*item].iter().enumerate() {
            ratings.extend(label.map(|label| Rating { task, worker, label: label as usize }));
        }
    }
    let found = dawid_skene(&ratings, 100, 1e-5)?;
    let mut evidence: Vec<(f64, Evidence)> = Vec::new();
    for (worker, name) in people.iter().enumerate() {
        let own = || ratings.iter().filter(|r| r.worker == worker);
        let n = own().count();
        let right = own().filter(|r| found.labels[r.task] == r.label).count();
        let share = right as f64 / n.max(1) as f64;
        let why = format!("gives the consensus for {right} of {n} items");
        let value = json!({"agreement_with_consensus": share});
        evidence.push((share, Evidence { row: None, column: Some(name.clone()), value, why }));
    }
    evidence.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut unsure: Vec<(f64, Evidence)> = Vec::new();
    for (task, item) in rated.iter().enumerate() {
        let label = found.labels[task];
        let p = found.probabilities[task][label];
        if p < UNSURE {
            let value = json!({"consensus": classes[label], "probability": p});
            let why = format!("the consensus {} has a probability of {p:.2}", classes[label]);
            unsure.push((p, Evidence { row: Some(*item as u64 + 1), column: None, value, why }));
        }
    }
    unsure.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(evidence.into_iter().chain(unsure).map(|(_, e)| e).collect())
}
