use crate::Error;

/// Probabilities below this count as this (upstream's 10⁻¹⁰).
const LEAST: f64 = 1e-10;

/// One label that a worker gave to a task; all three are numbers from 0, without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rating {
    pub task: usize,
    pub worker: usize,
    pub label: usize,
}

/// What tasks really are and how workers err (Dawid and Skene, 1979), by expectation maximisation.
#[derive(Clone, Debug, PartialEq)]
pub struct DawidSkene {
    /// A row a task, a column a label.
    pub probabilities: Vec<Vec<f64>>,
    /// The share of each label.
    pub priors: Vec<f64>,
    /// By worker: P(given label | true label), a row a given label (`None` if the worker never gave it), a column a
    /// true label.
    pub errors: Vec<Vec<Option<Vec<f64>>>>,
    /// The most probable label of each task; ties go to the lower number.
    pub labels: Vec<usize>,
    pub iterations: usize,
}

struct Shape {
    tasks: usize,
    workers: usize,
    labels: usize,
}

/// Stops when the evidence lower bound per rating rises by less than `tolerance`, or after `iterations` steps
/// (crowd-kit's `DawidSkene`, whose defaults are 100 and 10⁻⁵). Errors: `Empty`; `NotComputable` if a task has no
/// rating.
pub fn dawid_skene(ratings: &[Rating], iterations: usize, tolerance: f64) -> Result<DawidSkene, Error> {
    let shape = shape(ratings)?;
    let mut probabilities = votes(ratings, &shape)?;
    let mut priors = means(&probabilities, shape.labels);
    let mut errors = maximise(ratings, &probabilities, &shape);
    let mut bound = f64::NEG_INFINITY;
    let mut steps = 0;
    while steps < iterations {
        steps += 1;
        probabilities = expect(ratings, &priors, &errors, &shape);
        priors = means(&probabilities, shape.labels);
        errors = maximise(ratings, &probabilities, &shape);
        let next = evidence(ratings, &mut probabilities, &priors, &errors) / ratings.len() as f64;
        if next - bound < tolerance {
            break;
        }
        bound = next;
    }
    let labels = probabilities.iter().map(|row| crate::labels::argmax(row)).collect();
    Ok(DawidSkene { probabilities, priors, errors, labels, iterations: steps })
}

/// The label that most workers gave each task; ties go to the lower number. Errors: as [`dawid_skene`].
pub fn majority(ratings: &[Rating]) -> Result<Vec<usize>, Error> {
    let shape = shape(ratings)?;
    Ok(votes(ratings, &shape)?.iter().map(|row| crate::labels::argmax(row)).collect())
}

fn shape(ratings: &[Rating]) -> Result<Shape, Error> {
    if ratings.is_empty() {
        return Err(Error::Empty("the ratings"));
    }
    let count = |of: fn(&Rating) -> usize| ratings.iter().map(of).max().map_or(0, |most| most + 1);
    Ok(Shape { tasks: count(|r| r.task), workers: count(|r| r.worker), labels: count(|r| r.label) })
}

fn votes(ratings: &[Rating], shape: &Shape) -> Result<Vec<Vec<f64>>, Error> {
    let mut counts = vec![vec![0.0; shape.labels]; shape.tasks];
    ratings.iter().for_each(|r| counts[r.task][r.label] += 1.0);
    for row in &mut counts {
        let sum: f64 = row.iter().sum();
        if sum == 0.0 {
            return Err(Error::why("the consensus of workers", "a task has no rating"));
        }
        row.iter_mut().for_each(|cell| *cell /= sum);
    }
    Ok(counts)
}

fn means(rows: &[Vec<f64>], labels: usize) -> Vec<f64> {
    (0..labels).map(|k| rows.iter().map(|row| row[k]).sum::<f64>() / rows.len() as f64).collect()
}

fn maximise(ratings: &[Rating], probabilities: &[Vec<f64>], shape: &Shape) -> Vec<Vec<Option<Vec<f64>>>> {
    let mut errors = vec![vec![None; shape.labels]; shape.workers];
    for r in ratings {
        let row = errors[r.worker][r.label].get_or_insert_with(|| vec![0.0; shape.labels]);
        row.iter_mut().zip(&probabilities[r.task]).for_each(|(cell, p): (&mut f64, &f64)| *cell += p);
    }
    for worker in &mut errors {
        let rows = || worker.iter().flatten();
        let sums: Vec<f64> =
            (0..shape.labels).map(|k| rows().map(|row| row[k].max(LEAST)).sum::<f64>()).collect();
        for row in worker.iter_mut().flatten() {
            row.iter_mut().zip(&sums).for_each(|(cell, sum)| *cell = cell.max(LEAST) / sum);
        }
    }
    errors
}

fn expect(
    ratings: &[Rating],
    priors: &[f64],
    errors: &[Vec<Option<Vec<f64>>>],
    shape: &Shape,
) -> Vec<Vec<f64>> {
    let prior: Vec<f64> = priors.iter().map(|p| p.max(LEAST).log2()).collect();
    let mut rows = vec![prior; shape.tasks];
    for r in ratings {
        if let Some(error) = &errors[r.worker][r.label] {
            rows[r.task].iter_mut().zip(error).for_each(|(cell, e)| *cell += e.log2());
        }
    }
    for row in &mut rows {
        let most = row.iter().copied().fold(f64::MIN, f64::max);
        row.iter_mut().for_each(|cell| *cell = (*cell - most).exp2());
        let sum: f64 = row.iter().sum();
        row.iter_mut().for_each(|cell| *cell /= sum);
    }
    rows
}

/// The evidence lower bound, as upstream sums it (the prior once a rating). Afterwards no probability is below
/// [`LEAST`], as upstream leaves them.
fn evidence(
    ratings: &[Rating],
    probabilities: &mut [Vec<f64>],
    priors: &[f64],
    errors: &[Vec<Option<Vec<f64>>>],
) -> f64 {
    let prior: Vec<f64> = priors.iter().map(|p| p.max(LEAST).ln()).collect();
    let mut joint = 0.0;
    for r in ratings {
        if let Some(error) = &errors[r.worker][r.label] {
            let parts = probabilities[r.task].iter().zip(error.iter().zip(&prior));
            joint += parts.map(|(p, (e, prior))| p * (e.ln() + prior)).sum::<f64>();
        }
    }
    let mut entropy = 0.0;
    for p in probabilities.iter_mut().flatten() {
        *p = p.max(LEAST);
        entropy -= p.ln() * *p;
    }
    joint + entropy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_who_is_always_wrong_is_outweighed() {
        let mut ratings = Vec::new();
        for task in 0..30 {
            let truth = task % 2;
            for worker in 0..3 {
                ratings.push(Rating { task, worker, label: if worker == 2 { 1 - truth } else { truth } });
            }
        }
        let found = dawid_skene(&ratings, 100, 1e-5).unwrap();
        assert!((0..30).all(|task| found.labels[task] == task % 2));
        assert!(found.errors[2][0].as_ref().unwrap()[1] > 0.99);
        assert!(dawid_skene(&[], 10, 1e-5).is_err());
    }
}
