use columns::Table;
use serde_json::json;
use statistics::labels::{FilterBy, Quality, quality, ranked};
use statistics::outliers::Neighbours;
use statistics::poison::disagreements;

use super::{percent, share_finding};
use crate::Error;
use crate::verify::features::{Labels, encoded, feature_columns, labels};
use crate::verify::{Evidence, Finding, Kind, Plan, Verdict};

/// Fewer rows say nothing about labels.
const FEWEST: usize = 50;
/// A class of fewer rows has no usual probability.
const FEWEST_OF_CLASS: usize = 5;
/// Neighbours that vote on a label where no model did.
const VOTERS: usize = 15;
/// Neighbours whose labels are compared.
const COMPARED: usize = 10;
/// So few of them agreeing is a disagreement.
const AGREEING: f64 = 0.2;

/// Rows with a label, of classes large enough.
struct Known {
    labels: Labels,
    /// Rows of the table, from 0.
    rows: Vec<usize>,
    /// Their classes, numbered anew without gaps.
    of: Vec<usize>,
    /// The number of each of those among all classes.
    classes: Vec<usize>,
}

fn label(plan: &Plan) -> Result<&str, Error> {
    plan.label.as_deref().ok_or_else(|| Error::BadVerification("no label column is named".into()))
}

fn known(table: &Table, plan: &Plan) -> Result<Known, Error> {
    let labels = labels(table, label(plan)?)?;
    let mut sizes = vec![0; labels.classes.len()];
    labels.of.iter().flatten().for_each(|class| sizes[*class] += 1);
    let classes: Vec<usize> = (0..sizes.len()).filter(|class| sizes[*class] >= FEWEST_OF_CLASS).collect();
    let place = |class: usize| classes.iter().position(|c| *c == class);
    let pairs = labels.of.iter().enumerate().filter_map(|(row, class)| Some((row, place((*class)?)?)));
    let (rows, of): (Vec<usize>, Vec<usize>) = pairs.unzip();
    if rows.len() < FEWEST || classes.len() < 2 {
        let n = rows.len();
        let why =
            format!("{n} labelled rows of {} classes are too few (at least {FEWEST} of 2)", classes.len());
        return Err(Error::BadVerification(why));
    }
    Ok(Known { labels, rows, of, classes })
}

/// Labelled rows with what a model, or their neighbours, say of each class.
struct Judged {
    /// The names of the classes, in the order of the probabilities.
    classes: Vec<String>,
    /// Rows of the table, from 0.
    rows: Vec<usize>,
    of: Vec<usize>,
    probabilities: Vec<Vec<f64>>,
    source: String,
}

pub(in crate::verify) fn label_errors(table: &Table, plan: &Plan) -> Result<Finding, Error> {
    let judged = if plan.probabilities.is_empty() { voted(table, plan)? } else { given(table, plan)? };
    let Judged { classes, rows: places, of, probabilities, source } = judged;
    let rows = ranked(&of, &probabilities, FilterBy::PruneByNoiseRate, Quality::NormalizedMargin)?;
    let scores = quality(&of, &probabilities, Quality::SelfConfidence, false)?;
    let evidence = rows
        .iter()
        .map(|row| {
            let p = &probabilities[*row];
            let best = (0..p.len()).max_by(|a, b| p[*a].total_cmp(&p[*b])).unwrap_or(0);
            let (given, other) = (&classes[of[*row]], &classes[best]);
            Evidence {
                row: Some(places[*row] as u64 + 1),
                column: plan.label.clone(),
                value: json!({"given": given, "likely": other, "quality": scores[*row]}),
                why: format!("labelled {given}, looks like {other} (p = {:.3})", p[best]),
            }
        })
        .collect();
    let n = places.len();
    Ok(share_finding(Kind::LabelErrors, plan, n, evidence, |verdict, share| match verdict {
        Verdict::Pass => format!(
            "no evidence that as many as {} of the labels are wrong ({} of {n} rows, by confident learning from {source})",
            percent(plan.threshold(Kind::LabelErrors).warn),
            percent(share)
        ),
        _ => format!("{} of {n} labels look wrong, by confident learning from {source}", percent(share)),
    }))
}

/// The columns of the plan: a column of a pattern whose end is a class is that class, else they are the classes in order.
/// Rows that lack the label or a probability are left out.
fn given(table: &Table, plan: &Plan) -> Result<Judged, Error> {
    let labels = labels(table, label(plan)?)?;
    let names = plan.columns(table, &plan.probabilities)?;
    let (places, classes) = places(&names, &labels.classes, plan)?;
    let columns = names.iter().map(|name| table.numbers(name)).collect::<Result<Vec<_>, _>>()?;
    let mut judged = Judged {
        classes,
        rows: Vec::new(),
        of: Vec::new(),
        probabilities: Vec::new(),
        source: "the given probabilities".into(),
    };
    for (row, class) in labels.of.iter().enumerate() {
        let own: Option<Vec<f64>> = columns.iter().map(|c| c[row].filter(|p| !p.is_nan())).collect();
        let (Some(class), Some(own)) = (class, own) else { continue };
        judged.rows.push(row);
        judged.of.push(places[*class]);
        judged.probabilities.push(own);
    }
    Ok(judged)
}

/// The column of each class of the label, and what each column's class is called.
fn places(names: &[String], classes: &[String], plan: &Plan) -> Result<(Vec<usize>, Vec<String>), Error> {
    let prefix = plan.probabilities.first().and_then(|p| p.strip_suffix('*')).unwrap_or_default();
    let by_name = |class: &String| names.iter().position(|n| *n == format!("{prefix}{class}"));
    let named =
        (!prefix.is_empty()).then(|| classes.iter().map(by_name).collect::<Option<Vec<_>>>()).flatten();
    if let Some(places) = named {
        let end = |n: &String| n.strip_prefix(prefix).unwrap_or(n).to_owned();
        return Ok((places, names.iter().map(end).collect()));
    }
    if names.len() != classes.len() {
        let why = format!("there are {} columns of probabilities and {} classes", names.len(), classes.len());
        return Err(Error::BadVerification(why));
    }
    Ok(((0..classes.len()).collect(), classes.to_vec()))
}

/// The votes of the nearest rows, nearer ones weighing more, each class with a little to begin with.
fn voted(table: &Table, plan: &Plan) -> Result<Judged, Error> {
    let known = known(table, plan)?;
    let matrix = features(table, plan, &plan.activations)?.take(&known.rows);
    let index = Neighbours::new(&matrix)?;
    let classes = known.classes.len();
    let votes = VOTERS.min(matrix.rows() - 1);
    let probabilities = (0..matrix.rows())
        .map(|row| {
            let near = index.nearest_others(row, votes)?;
            let furthest = near.last().map_or(1.0, |n| n.distance).max(f64::MIN_POSITIVE);
            let mut counts = vec![0.1; classes];
            near.iter().for_each(|n| counts[known.of[n.row]] += 1.0 - 0.5 * n.distance / furthest);
            let sum: f64 = counts.iter().sum();
            Ok(counts.iter().map(|count| count / sum).collect())
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let name = |class: &usize| known.labels.classes[*class].clone();
    let classes = known.classes.iter().map(name).collect();
    let source = format!("{VOTERS} neighbours of each row, itself left out");
    Ok(Judged { classes, rows: known.rows, of: known.of, probabilities, source })
}

/// Activations if there are any, else the features.
pub(super) fn features(
    table: &Table,
    plan: &Plan,
    activations: &[String],
) -> Result<statistics::Matrix, Error> {
    let mut names = plan.columns(table, activations)?;
    if names.is_empty() {
        names = feature_columns(table, plan)?;
    }
    encoded(table, &names)?.ok_or_else(|| Error::BadVerification("no column is a feature".into()))
}

pub(in crate::verify) fn disagreement(table: &Table, plan: &Plan) -> Result<Finding, Error> {
    let known = known(table, plan)?;
    let matrix = features(table, plan, &plan.activations)?.take(&known.rows);
    let k = COMPARED.min(matrix.rows() - 1);
    let class = |of: usize| &known.labels.classes[known.classes[of]];
    let evidence = disagreements(&matrix, &known.of, k, AGREEING)?
        .into_iter()
        .map(|d| Evidence {
            row: Some(known.rows[d.row] as u64 + 1),
            column: plan.label.clone(),
            value: json!({"label": class(known.of[d.row]), "neighbours": class(d.other)}),
            why: format!("{} of {k} neighbours have its label", (d.agreeing * k as f64).round()),
        })
        .collect();
    let n = known.rows.len();
    Ok(share_finding(Kind::NeighbourDisagreement, plan, n, evidence, |verdict, share| match verdict {
        Verdict::Pass => format!(
            "no evidence of flipped labels: {} of {n} rows lie among another class (at most {} of {k} neighbours agree)",
            percent(share),
            (AGREEING * k as f64).floor()
        ),
        _ => format!("{} of {n} rows lie among rows of another class", percent(share)),
    }))
}
