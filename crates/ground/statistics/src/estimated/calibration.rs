use super::Isotonic;
use super::realized::roc_auc;
use crate::interval::mean;
use crate::{Error, MersenneTwister};

const BINS: usize = 10;
const SPLITS: usize = 10;
const SEED: u32 = 42;

/// Whether isotonic calibration brings scores nearer to the shares that come true: pooled over ten stratified splits
/// of nine to one, the expected calibration error falls. Scores that separate the classes (AUC above 0.999), and one
/// class only, need none. Errors: `Length`, `OutOfRange`; `NotComputable` for fewer than two rows of a class.
pub fn needs_calibration(truth: &[bool], scores: &[f64]) -> Result<bool, Error> {
    Error::length("the scores", truth.len(), scores.len())?;
    if let Some(value) = scores.iter().find(|s| s.is_nan()) {
        let wanted = "a number";
        return Err(Error::OutOfRange { what: "a score", value: value.to_string(), wanted });
    }
    if roc_auc(truth, scores).is_none_or(|auc| auc > 0.999) {
        return Ok(false);
    }
    let (mut outcomes, mut raw, mut calibrated) = (Vec::new(), Vec::new(), Vec::new());
    for (train, test) in splits(truth)? {
        let x: Vec<f64> = train.iter().map(|row| scores[*row]).collect();
        let y: Vec<f64> = train.iter().map(|row| f64::from(u8::from(truth[*row]))).collect();
        let curve = Isotonic::fit(&x, &y)?;
        for row in test {
            outcomes.push(f64::from(u8::from(truth[row])));
            raw.push(scores[row]);
            calibrated.push(curve.at(scores[row]));
        }
    }
    Ok(calibration_error(&outcomes, &raw)? > calibration_error(&outcomes, &calibrated)?)
}

/// Over bins of equally many rows in order of the score.
fn calibration_error(outcomes: &[f64], scores: &[f64]) -> Result<f64, Error> {
    let n = scores.len();
    let bins = if n <= 2 * BINS { n / 2 } else { BINS };
    if bins < 2 {
        return Err(Error::why("the calibration error", format!("{n} rows make no two bins")));
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    let width = n / bins;
    // As upstream: the last edge that the width gives is moved to the end.
    let mut edges: Vec<usize> = (0..=n).step_by(width).collect();
    if let Some(last) = edges.last_mut() {
        *last = n;
    }
    let of = |values: &[f64], rows: &[usize]| mean(&rows.iter().map(|r| values[*r]).collect::<Vec<_>>());
    Ok(edges
        .windows(2)
        .map(|edge| {
            let rows = &order[edge[0]..edge[1]];
            rows.len() as f64 / n as f64 * (of(scores, rows) - of(outcomes, rows)).abs()
        })
        .sum())
}

type Split = (Vec<usize>, Vec<usize>);

/// scikit-learn's `StratifiedShuffleSplit(n_splits=10, test_size=0.1, random_state=42)` of two classes.
fn splits(truth: &[bool]) -> Result<Vec<Split>, Error> {
    let members =
        |class: bool| -> Vec<usize> { (0..truth.len()).filter(|row| truth[*row] == class).collect() };
    let classes = [members(false), members(true)];
    if classes.iter().any(|rows| rows.len() < 2) {
        return Err(Error::why("the split to calibrate on", "a class has fewer than two rows"));
    }
    let n = truth.len();
    let tests = (0.1 * n as f64).ceil() as usize;
    if tests < 2 {
        return Err(Error::why("the split to calibrate on", format!("{n} rows are too few")));
    }
    let counts = [classes[0].len(), classes[1].len()];
    let mut random = MersenneTwister::new(SEED);
    let mut found = Vec::with_capacity(SPLITS);
    for _ in 0..SPLITS {
        let trained = shares(counts, n - tests, &mut random);
        let tested = shares([counts[0] - trained[0], counts[1] - trained[1]], tests, &mut random);
        let (mut train, mut test) = (Vec::new(), Vec::new());
        for class in 0..2 {
            let order = random.permutation(counts[class]);
            let row = |place: &usize| classes[class][*place];
            train.extend(order[..trained[class]].iter().map(row));
            test.extend(order[trained[class]..trained[class] + tested[class]].iter().map(row));
        }
        random.shuffle(&mut train);
        random.shuffle(&mut test);
        found.push((train, test));
    }
    Ok(found)
}

/// How many of each class to draw: the most likely numbers. Ties of what is left over are broken by
/// `RandomState.choice` without replacement, which is the head of a permutation.
fn shares(counts: [usize; 2], draws: usize, random: &mut MersenneTwister) -> [usize; 2] {
    let whole = (counts[0] + counts[1]) as f64;
    let exact = counts.map(|count| count as f64 / whole * draws as f64);
    let mut drawn = exact.map(f64::floor);
    let mut missing = (draws as f64 - drawn[0] - drawn[1]) as usize;
    let left = [exact[0] - drawn[0], exact[1] - drawn[1]];
    let mut values = left.to_vec();
    values.sort_by(|a, b| b.total_cmp(a));
    values.dedup();
    for value in values {
        if missing == 0 {
            break;
        }
        let tied: Vec<usize> = (0..2).filter(|class| left[*class] == value).collect();
        let take = tied.len().min(missing);
        let order = random.permutation(tied.len());
        order[..take].iter().for_each(|place| drawn[tied[*place]] += 1.0);
        missing -= take;
    }
    drawn.map(|count| count as usize)
}
