use super::quality::scores;
use super::{Probabilities, Quality, argmax};
use crate::Error;

const LEAST: f64 = 1e-6;

/// Labels by several people: a row an item, a column a person, `None` where that person gave none.
pub type Annotators = [Vec<Option<usize>>];

/// What the people, weighed by how well they agree, and a model say together (CROWDLAB; Goh, Tkachenko and Mueller,
/// 2022).
#[derive(Clone, Debug, PartialEq)]
pub struct Consensus {
    pub label: Vec<usize>,
    /// How likely the consensus is right, one item a row.
    pub quality: Vec<f64>,
    /// The share of an item's labels that are the consensus.
    pub agreement: Vec<f64>,
    pub annotations: Vec<usize>,
    pub annotators: Vec<AnnotatorStatistics>,
    pub model_weight: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AnnotatorStatistics {
    /// The column.
    pub annotator: usize,
    pub quality: f64,
    pub agreement_with_consensus: f64,
    /// The label of this person that is least often the consensus.
    pub worst_class: usize,
    pub labelled: usize,
    pub weight: f64,
}

struct Posterior {
    agreement: Vec<f64>,
    probabilities: Vec<Vec<f64>>,
    model_weight: f64,
    weights: Vec<f64>,
}

/// Errors: `Empty`; `Length`; `NotComputable` if an item or a person has no label, no two people labelled one item,
/// or there is one class only.
pub fn consensus(labels: &Annotators, probabilities: &Probabilities) -> Result<Consensus, Error> {
    let classes = check(labels, probabilities)?;
    let majority = majority_vote(labels, Some(probabilities), classes);
    let first = posterior(labels, probabilities, &majority, classes)?;
    let best = |(row, fallback): (&Vec<f64>, &usize)| {
        let most = row[argmax(row)];
        if row.iter().filter(|p| **p == most).count() == 1 { argmax(row) } else { *fallback }
    };
    let label: Vec<usize> = first.probabilities.iter().zip(&majority).map(best).collect();
    let found = posterior(labels, probabilities, &label, classes)?;
    let quality = scores(&label, &found.probabilities, Quality::SelfConfidence);
    let annotators = (0..labels[0].len()).map(|k| statistics(labels, &label, &quality, &found, k)).collect();
    Ok(Consensus {
        quality,
        agreement: found.agreement,
        annotations: labels.iter().map(|row| row.iter().flatten().count()).collect(),
        annotators,
        model_weight: found.model_weight,
        label,
    })
}

fn check(labels: &Annotators, probabilities: &Probabilities) -> Result<usize, Error> {
    let people = labels.first().ok_or(Error::Empty("the table of annotations"))?.len();
    let classes = probabilities.first().ok_or(Error::Empty("the table of probabilities"))?.len();
    Error::length("the table of probabilities", labels.len(), probabilities.len())?;
    let no = |why: &str| Err(Error::why("the consensus", why));
    for (row, p) in labels.iter().zip(probabilities) {
        Error::length("a row of annotations", people, row.len())?;
        Error::length("a row of probabilities", classes, p.len())?;
        if row.iter().flatten().any(|label| *label >= classes) {
            return no("a label is no class of the model");
        }
        if row.iter().all(Option::is_none) {
            return no("an item has no label");
        }
    }
    if (0..people).any(|k| labels.iter().all(|row| row[k].is_none())) {
        return no("an annotator gave no label");
    }
    if labels.iter().all(|row| row.iter().flatten().count() == 1) {
        return no("no two annotators labelled one item");
    }
    if classes < 2 { no("there is one class only") } else { Ok(classes) }
}

/// The label that most people gave. Ties go to what the model finds most probable, then to the rarest class, then to
/// the better annotators, and at last to the first class (upstream draws one at random).
pub fn majority_vote(
    labels: &Annotators,
    probabilities: Option<&Probabilities>,
    classes: usize,
) -> Vec<usize> {
    let counts: Vec<Vec<usize>> = labels
        .iter()
        .map(|row| {
            let mut counts = vec![0; classes];
            row.iter().flatten().for_each(|label| counts[*label] += 1);
            counts
        })
        .collect();
    let frequency: Vec<usize> = (0..classes).map(|k| counts.iter().map(|row| row[k]).sum()).collect();
    let mut open: Vec<Vec<usize>> = counts
        .iter()
        .map(|row| {
            let most = row.iter().max().copied().unwrap_or(0);
            (0..classes).filter(|k| row[*k] == most).collect()
        })
        .collect();
    let clear: Vec<Option<usize>> =
        open.iter().map(|o| if o.len() == 1 { Some(o[0]) } else { None }).collect();
    for (item, left) in open.iter_mut().enumerate().filter(|(_, left)| left.len() > 1) {
        if let Some(probabilities) = probabilities {
            let most = left.iter().map(|k| probabilities[item][*k]).fold(f64::MIN, f64::max);
            left.retain(|k| probabilities[item][*k] == most);
        }
        let least = left.iter().map(|k| frequency[*k]).min().unwrap_or(0);
        if left.len() > 1 {
            left.retain(|k| frequency[*k] == least);
        }
    }
    if open.iter().any(|left| left.len() > 1) {
        let skill = agreement_where_clear(labels, &clear);
        for (item, left) in open.iter_mut().enumerate().filter(|(_, left)| left.len() > 1) {
            let score = |class: usize| {
                let who = labels[item].iter().zip(&skill).filter(|(label, _)| **label == Some(class));
                let (sum, n) = who.fold((0.0, 0.0), |(sum, n), (_, skill)| (sum + skill, n + 1.0));
                sum / n
            };
            let most = left.iter().map(|k| score(*k)).fold(f64::MIN, f64::max);
            left.retain(|k| score(*k) == most);
        }
    }
    open.iter().map(|left| left.first().copied().unwrap_or(0)).collect()
}

fn agreement_where_clear(labels: &Annotators, clear: &[Option<usize>]) -> Vec<f64> {
    let people = labels.first().map_or(0, Vec::len);
    let shares: Vec<Option<f64>> = (0..people)
        .map(|k| {
            let both = labels.iter().zip(clear).filter_map(|(row, c)| Some((row[k]?, (*c)?)));
            let (same, n) =
                both.fold((0.0, 0.0), |(s, n), (a, b)| (s + f64::from(u8::from(a == b)), n + 1.0));
            (n > 0.0).then(|| same / n)
        })
        .collect();
    let known: Vec<f64> = shares.iter().flatten().copied().collect();
    let mean = known.iter().sum::<f64>() / known.len().max(1) as f64;
    shares.into_iter().map(|share| share.unwrap_or(mean)).collect()
}

fn posterior(
    labels: &Annotators,
    prior: &Probabilities,
    consensus: &[usize],
    classes: usize,
) -> Result<Posterior, Error> {
    let annotations: Vec<f64> = labels.iter().map(|row| row.iter().flatten().count() as f64).collect();
    let share = |(row, label): (&Vec<Option<usize>>, &usize)| {
        row.iter().flatten().filter(|given| *given == label).count() as f64
    };
    let agreement: Vec<f64> =
        labels.iter().zip(consensus).map(share).zip(&annotations).map(|(same, n)| same / n).collect();
    let several: Vec<usize> = (0..labels.len()).filter(|i| annotations[*i] != 1.0).collect();
    let n = several.len() as f64;
    let likelihood = several.iter().map(|i| agreement[*i]).sum::<f64>() / n;
    let unlikelihood = (1.0 - likelihood) / (classes as f64 - 1.0);

    let mut counts = vec![0.0; classes];
    several.iter().for_each(|i| counts[consensus[*i]] += 1.0);
    let commonest = argmax(&counts);
    let baseline = several.iter().filter(|i| consensus[**i] != commonest).count() as f64 / n;
    let baseline = baseline.max(LEAST);
    let weights: Vec<f64> = agreement_with_others(labels, &annotations)
        .into_iter()
        .map(|agreement| (1.0 - (1.0 - agreement) / baseline).max(LEAST))
        .collect();
    let errors = several.iter().filter(|i| argmax(&prior[**i]) != consensus[**i]).count() as f64 / n;
    let per_item = annotations.iter().sum::<f64>() / annotations.len() as f64;
    let model_weight = (1.0 - errors / baseline).max(LEAST) * per_item.sqrt();

    let probabilities = labels
        .iter()
        .zip(prior)
        .map(|(row, prior)| {
            let given = || row.iter().zip(&weights).filter_map(|(label, w)| Some(((*label)?, w)));
            let total = given().map(|(_, w)| w).sum::<f64>() + model_weight;
            let mass = |class: usize| {
                let people =
                    given().map(|(label, w)| w * if label == class { likelihood } else { unlikelihood });
                people.sum::<f64>()
            };
            (0..classes).map(|class| (prior[class] * model_weight + mass(class)) / total).collect()
        })
        .collect();
    Ok(Posterior { agreement, probabilities, model_weight, weights })
}

/// For each person, how often others who labelled the same item gave the same label, items weighed by how many.
fn agreement_with_others(labels: &Annotators, annotations: &[f64]) -> Vec<f64> {
    let people = labels.first().map_or(0, Vec::len);
    let shares: Vec<Option<f64>> = (0..people)
        .map(|k| {
            let (mut same, mut others) = (0.0, 0.0);
            for (row, n) in labels.iter().zip(annotations) {
                let Some(own) = row[k] else { continue };
                same += row.iter().flatten().filter(|label| **label == own).count() as f64 - 1.0;
                others += n - 1.0;
            }
            (others > 0.0).then(|| same / others)
        })
        .collect();
    let known: Vec<f64> = shares.iter().flatten().copied().collect();
    let mean = known.iter().sum::<f64>() / known.len().max(1) as f64;
    shares.into_iter().map(|share| share.unwrap_or(mean)).collect()
}

fn statistics(
    labels: &Annotators,
    consensus: &[usize],
    quality: &[f64],
    found: &Posterior,
    annotator: usize,
) -> AnnotatorStatistics {
    let own: Vec<(usize, usize)> =
        labels.iter().enumerate().filter_map(|(item, row)| Some((item, row[annotator]?))).collect();
    let mean = |values: &mut dyn Iterator<Item = f64>| {
        let (sum, n) = values.fold((0.0, 0.0), |(sum, n), v| (sum + v, n + 1.0));
        sum / n
    };
    let same = |item: usize, label: usize| f64::from(u8::from(consensus[item] == label));
    let by_model = mean(&mut own.iter().map(|(item, label)| found.probabilities[*item][*label]));
    let shared = own.iter().filter(|(item, _)| labels[*item].iter().flatten().count() != 1);
    let by_people = mean(&mut shared.map(|(item, label)| same(*item, *label)));
    let annotations: f64 = labels.iter().map(|row| row.iter().flatten().count() as f64).sum();
    let filled = annotations / labels.len() as f64 / found.weights.len() as f64;
    let people = found.weights.iter().sum::<f64>() * filled;
    let w = found.model_weight / (found.model_weight + people);
    AnnotatorStatistics {
        annotator,
        quality: w * by_model + (1.0 - w) * by_people,
        agreement_with_consensus: mean(&mut own.iter().map(|(item, label)| same(*item, *label))),
        worst_class: worst(&own, consensus, quality),
        labelled: own.len(),
        weight: found.weights[annotator],
    }
}

/// The class with the lowest share of right labels; ties go to the one used most, then to the one whose consensus
/// is best.
fn worst(own: &[(usize, usize)], consensus: &[usize], quality: &[f64]) -> usize {
    let classes: std::collections::BTreeSet<usize> = own.iter().map(|(_, label)| *label).collect();
    let rank = |class: &usize| {
        let mine: Vec<usize> = own.iter().filter(|(_, l)| l == class).map(|(item, _)| *item).collect();
        let n = mine.len() as f64;
        let right = mine.iter().filter(|item| consensus[**item] == *class).count() as f64 / n;
        (right, -n, -mine.iter().map(|item| quality[*item]).sum::<f64>() / n)
    };
    let order = |a: &(f64, f64, f64), b: &(f64, f64, f64)| {
        a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.total_cmp(&b.2))
    };
    classes.into_iter().min_by(|a, b| order(&rank(a), &rank(b))).unwrap_or(0)
}
