//! Whether two sets of texts can be told apart: a linear classifier over weighted words learns on one half and is judged on
//! the other (Evidently's text content drift).

mod stop_words;

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::drift::NotComputable;
use crate::random::MersenneTwister;
use crate::sgd::{Classifier, Loss, Penalty, Row, Settings, halves, roc_auc};
use stop_words::STOP_WORDS;

/// A word in more than this share of the texts says nothing.
const MOST_COMMON: f64 = 0.5;
const RANDOM_CLASSIFIERS: usize = 1000;

/// Area under the ROC curve of a classifier that tells current texts (positive) from reference ones, on the half of all
/// texts that it did not learn from; NaN where that half holds texts of one kind only, as in scikit-learn. Errors: `Reason`
/// where no word is left, or there is one kind only to learn from.
pub(crate) fn content_drift(reference: &[String], current: &[String]) -> Result<f64, NotComputable> {
    let texts: Vec<&str> = reference.iter().chain(current).map(String::as_str).collect();
    let (train, test) = halves(texts.len());
    let is_current = |rows: &[usize]| -> Vec<bool> { rows.iter().map(|i| *i >= reference.len()).collect() };
    let (learnt, judged) = (is_current(&train), is_current(&test));
    let both = |classes: &[bool]| classes.iter().any(|c| *c) && classes.iter().any(|c| !c);
    if !both(&learnt) {
        return Err(NotComputable::reason("there are too few texts to learn from"));
    }
    let learnt_texts: Vec<&str> = train.iter().map(|i| texts[*i]).collect();
    let words = Vocabulary::of(&learnt_texts);
    if words.places.is_empty() {
        return Err(NotComputable::reason("the texts have no words that could tell them apart"));
    }
    if !both(&judged) {
        return Ok(f64::NAN);
    }
    let rows: Vec<Row> = learnt_texts.iter().map(|text| words.learnt_row(text)).collect();
    let settings = Settings {
        loss: Loss::ModifiedHuber,
        penalty: Penalty::L1,
        epochs: 50,
        intercept_decay: 0.01,
        seed: 42,
    };
    let classifier = Classifier::fit(&rows, &learnt, words.places.len(), &settings);
    // The classifier's probability is its decision, cut to −1..=1.
    let scores: Vec<f64> =
        test.iter().map(|i| classifier.decide(&words.row(texts[*i])).clamp(-1.0, 1.0)).collect();
    Ok(roc_auc(&judged, &scores))
}

/// The area that random scores for the judged half exceed with probability 1 − `level` (1,000 seeded draws).
pub(crate) fn random_area(reference: usize, current: usize, level: f64) -> f64 {
    let judged = judged(reference, current);
    let mut seeds = MersenneTwister::new(42);
    let mut areas: Vec<f64> = (0..RANDOM_CLASSIFIERS)
        .map(|_| {
            let mut random = MersenneTwister::new(seeds.up_to(RANDOM_CLASSIFIERS as u64 * 10 - 1) as u32);
            let scores: Vec<f64> = judged.iter().map(|_| random.uniform()).collect();
            roc_auc(&judged, &scores)
        })
        .collect();
    areas.sort_by(f64::total_cmp);
    crate::statistic::percentile(&areas, 100.0 * level)
}

/// Of each text of the judged half, whether it is a current one.
pub(crate) fn judged(reference: usize, current: usize) -> Vec<bool> {
    let (_, test) = halves(reference + current);
    test.iter().map(|i| *i >= reference).collect()
}

/// Words with their places, in order, and their inverse document frequencies.
struct Vocabulary {
    places: HashMap<String, u32>,
    weights: Vec<f64>,
    /// By place: which word came first in the texts. Rows that are learnt from are summed up in that order, as scikit-learn
    /// keeps them; the steps of the classifier tell it apart.
    appeared: Vec<u32>,
}

impl Vocabulary {
    fn of(texts: &[&str]) -> Self {
        let stop: HashSet<&str> = STOP_WORDS.iter().copied().collect();
        let mut found: BTreeMap<String, u32> = BTreeMap::new();
        let mut first: HashMap<String, u32> = HashMap::new();
        for text in texts {
            for word in words(text) {
                let next = first.len() as u32;
                first.entry(word).or_insert(next);
            }
            let different: HashSet<String> = words(text).filter(|w| !stop.contains(w.as_str())).collect();
            for word in different {
                *found.entry(word).or_default() += 1;
            }
        }
        let count = texts.len() as f64;
        found.retain(|_, texts| f64::from(*texts) <= MOST_COMMON * count);
        let weights =
            found.values().map(|texts| ((1.0 + count) / (1.0 + f64::from(*texts))).ln() + 1.0).collect();
        let appeared = found.keys().map(|word| first.get(word).copied().unwrap_or_default()).collect();
        let places = found.into_keys().zip(0..).collect();
        Self { places, weights, appeared }
    }

    /// Logarithmic word counts times their weights, of length 1; in order of the places.
    fn row(&self, text: &str) -> Row {
        scaled(self.unscaled(text))
    }

    fn learnt_row(&self, text: &str) -> Row {
        let mut row = self.unscaled(text);
        row.sort_by_key(|(place, _)| self.appeared[*place as usize]);
        scaled(row)
    }

    fn unscaled(&self, text: &str) -> Row {
        let mut counts: BTreeMap<u32, f64> = BTreeMap::new();
        for word in words(text) {
            if let Some(place) = self.places.get(&word) {
                *counts.entry(*place).or_default() += 1.0;
            }
        }
        counts
            .into_iter()
            .map(|(place, count)| (place, (count.ln() + 1.0) * self.weights[place as usize]))
            .collect()
    }
}

/// To length 1.
fn scaled(mut row: Row) -> Row {
    let norm = row.iter().map(|(_, v)| v * v).sum::<f64>().sqrt();
    if norm > 0.0 {
        row.iter_mut().for_each(|(_, v)| *v /= norm);
    }
    row
}

/// Runs of two or more letters, digits and underscores, in lower case.
fn words(text: &str) -> impl Iterator<Item = String> {
    let lower = text.to_lowercase();
    let found: Vec<String> = lower
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| word.chars().nth(1).is_some())
        .map(str::to_owned)
        .collect();
    found.into_iter()
}
