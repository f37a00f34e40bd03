use std::collections::BTreeMap;

use super::spectral::by_class;
use crate::linear::{dot, squared_distance};
use crate::{Error, Matrix, Random, eigen};

/// Rows of a class that the silhouette is taken over.
const SILHOUETTE_ROWS: usize = 2_000;

/// Which of the two clusters of a class is taken for poison.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Analysis {
    /// Always the smaller one.
    Smaller,
    /// One that holds less than this share of the class.
    RelativeSize(f64),
    /// One that holds less than `size` of the class, if the clusters are apart by more than `silhouette`.
    Silhouette { size: f64, silhouette: f64 },
}

/// The clusters of one class (Chen and others, 2018).
#[derive(Clone, Debug, PartialEq)]
pub struct ClassClusters {
    /// The rows of the class, and the cluster of each.
    pub rows: Vec<usize>,
    pub clusters: Vec<usize>,
    pub sizes: [usize; 2],
    /// From −1 to 1: how far the clusters are apart.
    pub silhouette: f64,
    pub suspicious: Option<usize>,
}

impl ClassClusters {
    pub fn suspects(&self) -> impl Iterator<Item = usize> {
        let pairs = self.rows.iter().zip(&self.clusters);
        pairs.filter(|(_, cluster)| Some(**cluster) == self.suspicious).map(|(row, _)| *row)
    }
}

/// Splits each class in two after reducing its activations to `dimensions` principal components. Errors: `Length`.
pub fn activation_clusters(
    activations: &Matrix,
    labels: &[usize],
    dimensions: usize,
    analysis: Analysis,
    seed: u64,
) -> Result<BTreeMap<usize, ClassClusters>, Error> {
    Error::length("the labels", activations.rows(), labels.len())?;
    let mut found = BTreeMap::new();
    for (class, rows) in by_class(labels) {
        let reduced = reduced(&activations.take(&rows), dimensions);
        let clusters = kmeans(&reduced, 2, 10, seed);
        let second = clusters.iter().filter(|c| **c == 1).count();
        let sizes = [clusters.len() - second, second];
        // All pairs of a large class take too long: every n-th row stands for the others.
        let step = rows.len().div_ceil(SILHOUETTE_ROWS).max(1);
        let some: Vec<usize> = (0..rows.len()).step_by(step).collect();
        let of_some: Vec<usize> = some.iter().map(|row| clusters[*row]).collect();
        let silhouette = silhouette(&reduced.take(&some), &of_some);
        let suspicious = judge(sizes, silhouette, analysis);
        found.insert(class, ClassClusters { rows, clusters, sizes, silhouette, suspicious });
    }
    Ok(found)
}

fn judge(sizes: [usize; 2], silhouette: f64, analysis: Analysis) -> Option<usize> {
    let smaller = usize::from(sizes[1] < sizes[0]);
    let all = (sizes[0] + sizes[1]) as f64;
    // Shares are rounded to two digits before they are compared, as in ART.
    let share = (sizes[smaller] as f64 / all * 100.0).round_ties_even() / 100.0;
    let holds = match analysis {
        Analysis::Smaller => true,
        Analysis::RelativeSize(size) => share < size,
        Analysis::Silhouette { size, silhouette: least } => share < size && silhouette > least,
    };
    (holds && sizes[smaller] > 0).then_some(smaller)
}

/// The first principal components, or the rows themselves if they have no more columns.
fn reduced(rows: &Matrix, dimensions: usize) -> Matrix {
    if rows.columns() <= dimensions || rows.rows() == 0 {
        return rows.clone();
    }
    let centred = rows.centred(&rows.means());
    let components = if rows.columns() <= rows.rows() {
        let vectors = eigen(&centred.gram()).vectors;
        vectors.take(&(0..dimensions).collect::<Vec<_>>())
    } else {
        // Fewer rows than columns: the components of the rows' own Gram matrix.
        let left = eigen(&centred.transposed().gram());
        let wide = dimensions.min(rows.rows());
        let mut components = Matrix::zeros(wide, rows.columns());
        for component in 0..wide {
            for (row, weight) in centred.iter().zip(left.vectors.row(component)) {
                let cells = components.row_mut(component).iter_mut();
                cells.zip(row).for_each(|(cell, value)| *cell += weight * value);
            }
            let length = dot(components.row(component), components.row(component)).sqrt();
            components.row_mut(component).iter_mut().for_each(|cell| *cell /= length.max(f64::MIN_POSITIVE));
        }
        components
    };
    let mut out = Matrix::zeros(rows.rows(), components.rows());
    for (i, row) in centred.iter().enumerate() {
        for (j, component) in components.iter().enumerate() {
            out.set(i, j, dot(row, component));
        }
    }
    out
}

/// Lloyd's algorithm from `starts` seedings by k-means++, of which the tightest result counts. One cluster a row;
/// clusters are numbered by their first row.
pub fn kmeans(rows: &Matrix, k: usize, starts: usize, seed: u64) -> Vec<usize> {
    const TURNS: usize = 300;
    let n = rows.rows();
    if n == 0 || k < 2 {
        return vec![0; n];
    }
    let mut random = Random::new(seed);
    let mut best: (f64, Vec<usize>) = (f64::INFINITY, vec![0; n]);
    for _ in 0..starts {
        let mut centres = seeds(rows, k, &mut random);
        let mut clusters = vec![usize::MAX; n];
        for _ in 0..TURNS {
            let next: Vec<usize> = rows.iter().map(|row| nearest(row, &centres).1).collect();
            if next == clusters {
                break;
            }
            clusters = next;
            centres = recentred(rows, &clusters, &centres);
        }
        let spread: f64 = rows.iter().map(|row| nearest(row, &centres).0).sum();
        if spread < best.0 {
            best = (spread, clusters);
        }
    }
    let mut names: Vec<usize> = Vec::new();
    for cluster in &best.1 {
        if !names.contains(cluster) {
            names.push(*cluster);
        }
    }
    best.1.iter().map(|c| names.iter().position(|name| name == c).unwrap_or(0)).collect()
}

fn seeds(rows: &Matrix, k: usize, random: &mut Random) -> Vec<Vec<f64>> {
    let mut centres = vec![rows.row(random.below(rows.rows())).to_vec()];
    while centres.len() < k {
        let weights: Vec<f64> = rows.iter().map(|row| nearest(row, &centres).0).collect();
        let mut left = random.uniform() * weights.iter().sum::<f64>();
        let chosen = weights.iter().position(|w| {
            left -= w;
            left < 0.0
        });
        centres.push(rows.row(chosen.unwrap_or(rows.rows() - 1)).to_vec());
    }
    centres
}

fn nearest(row: &[f64], centres: &[Vec<f64>]) -> (f64, usize) {
    let squares = centres.iter().enumerate().map(|(i, centre)| (squared_distance(row, centre), i));
    squares.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((0.0, 0))
}

fn recentred(rows: &Matrix, clusters: &[usize], before: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let of = |cluster: usize| -> Vec<usize> {
        clusters.iter().enumerate().filter(|(_, c)| **c == cluster).map(|(row, _)| row).collect()
    };
    before
        .iter()
        .enumerate()
        .map(|(cluster, centre)| match of(cluster) {
            members if members.is_empty() => centre.clone(),
            members => rows.take(&members).means(),
        })
        .collect()
}

/// The mean silhouette (Rousseeuw, 1987) of two or more clusters; 0 where there is one only.
pub fn silhouette(rows: &Matrix, clusters: &[usize]) -> f64 {
    let k = clusters.iter().max().map_or(0, |most| most + 1);
    let mut sizes = vec![0.0; k];
    clusters.iter().for_each(|c| sizes[*c] += 1.0);
    if sizes.iter().filter(|n| **n > 0.0).count() < 2 {
        return 0.0;
    }
    let mut sum = 0.0;
    for (row, own) in rows.iter().zip(clusters) {
        let mut apart = vec![0.0; k];
        for (other, cluster) in rows.iter().zip(clusters) {
            apart[*cluster] += squared_distance(row, other).sqrt();
        }
        if sizes[*own] < 2.0 {
            continue;
        }
        let inside = apart[*own] / (sizes[*own] - 1.0);
        let others = (0..k).filter(|c| c != own && sizes[*c] > 0.0).map(|c| apart[c] / sizes[c]);
        let outside = others.fold(f64::INFINITY, f64::min);
        let most = inside.max(outside);
        sum += if most > 0.0 { (outside - inside) / most } else { 0.0 };
    }
    sum / clusters.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_heaps_are_told_apart() {
        let rows: Vec<[f64; 2]> =
            (0..20).map(|i| if i < 15 { [i as f64 * 0.01, 0.0] } else { [9.0, i as f64 * 0.01] }).collect();
        let table = Matrix::of_rows(&rows).unwrap();
        let clusters = kmeans(&table, 2, 5, 1);
        assert!(clusters[..15].iter().all(|c| *c == 0) && clusters[15..].iter().all(|c| *c == 1));
        assert!(silhouette(&table, &clusters) > 0.9);
    }

    #[test]
    fn one_row_and_equal_rows_are_no_poison() {
        let found = activation_clusters(
            &Matrix::of_rows(&[[1.0, 2.0], [1.0, 2.0], [5.0, 5.0]]).unwrap(),
            &[0, 0, 1],
            3,
            Analysis::Silhouette { size: 0.35, silhouette: 0.1 },
            1,
        );
        assert!(found.unwrap().values().all(|class| class.suspicious.is_none()));
    }
}
