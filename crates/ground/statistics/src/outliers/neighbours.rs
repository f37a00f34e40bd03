use crate::linear::squared_distance;
use crate::{Error, Matrix};

/// Leaves of the index hold no more rows than this.
const LEAF: usize = 24;

/// A row near another, and how far it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Near {
    pub row: usize,
    pub distance: f64,
}

/// An index of rows for the nearest by Euclidean distance: a k-d tree, exact.
#[derive(Clone, Debug)]
pub struct Neighbours {
    rows: Matrix,
    order: Vec<usize>,
    root: Option<Box<Cell>>,
}

#[derive(Clone, Debug)]
enum Cell {
    Leaf { from: usize, to: usize },
    Split { column: usize, at: f64, low: Box<Cell>, high: Box<Cell> },
}

impl Neighbours {
    /// Errors: `Empty`; `OutOfRange` for a value that is not finite.
    pub fn new(rows: &Matrix) -> Result<Self, Error> {
        if rows.rows() == 0 || rows.columns() == 0 {
            return Err(Error::Empty("the table"));
        }
        if let Some(value) = rows.iter().flatten().find(|v| !v.is_finite()) {
            return Err(Error::OutOfRange {
                what: "a value",
                value: value.to_string(),
                wanted: "a finite number",
            });
        }
        let mut order: Vec<usize> = (0..rows.rows()).collect();
        let root = Some(build(rows, &mut order, 0));
        Ok(Self { rows: rows.clone(), order, root })
    }

    pub fn rows(&self) -> &Matrix {
        &self.rows
    }

    /// The `k` nearest rows, nearest first, ties by number. A row that is in the index is its own nearest. Errors:
    /// `NotComputable` if there are fewer than `k` rows; `Length`.
    pub fn nearest(&self, of: &[f64], k: usize) -> Result<Vec<Near>, Error> {
        self.search(of, k, None)
    }

    /// The nearest other rows of a row of the index. Errors: as [`Neighbours::nearest`].
    pub fn nearest_others(&self, row: usize, k: usize) -> Result<Vec<Near>, Error> {
        self.search(self.rows.row(row), k, Some(row))
    }

    fn search(&self, of: &[f64], k: usize, without: Option<usize>) -> Result<Vec<Near>, Error> {
        Error::length("a row", self.rows.columns(), of.len())?;
        let there = self.rows.rows() - usize::from(without.is_some());
        if k > there {
            return Err(Error::why("the nearest rows", format!("{k} are asked for, and there are {there}")));
        }
        let mut found: Vec<(f64, usize)> = Vec::with_capacity(k + 1);
        if let Some(root) = &self.root
            && k > 0
        {
            self.visit(root, of, k, without, &mut found);
        }
        Ok(found.into_iter().map(|(square, row)| Near { row, distance: square.sqrt() }).collect())
    }

    fn visit(
        &self,
        cell: &Cell,
        of: &[f64],
        k: usize,
        without: Option<usize>,
        found: &mut Vec<(f64, usize)>,
    ) {
        match cell {
            Cell::Leaf { from, to } => {
                for row in self.order[*from..*to].iter().filter(|row| Some(**row) != without) {
                    let candidate = (squared_distance(self.rows.row(*row), of), *row);
                    let after = |other: &(f64, usize)| {
                        other.0.total_cmp(&candidate.0).then(other.1.cmp(&candidate.1)).is_lt()
                    };
                    let place = found.partition_point(after);
                    if place < k {
                        found.insert(place, candidate);
                        found.truncate(k);
                    }
                }
            }
            Cell::Split { column, at, low, high } => {
                let apart = of[*column] - at;
                let (first, second) = if apart < 0.0 { (low, high) } else { (high, low) };
                self.visit(first, of, k, without, found);
                if found.len() < k || found.last().is_some_and(|(furthest, _)| apart * apart <= *furthest) {
                    self.visit(second, of, k, without, found);
                }
            }
        }
    }
}

/// Splits `order`, whose first place in the whole order is `from`, at the median of its widest column.
fn build(rows: &Matrix, order: &mut [usize], from: usize) -> Box<Cell> {
    let leaf = |n: usize| Box::new(Cell::Leaf { from, to: from + n });
    if order.len() <= LEAF {
        return leaf(order.len());
    }
    let width = |column: usize| {
        let values = order.iter().map(|row| rows.get(*row, column));
        let (low, high) =
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        high - low
    };
    let widest = (0..rows.columns()).map(|column| (width(column), column)).max_by(|a, b| a.0.total_cmp(&b.0));
    let Some((width, column)) = widest.filter(|(width, _)| *width > 0.0) else { return leaf(order.len()) };
    debug_assert!(width > 0.0);
    let middle = order.len() / 2;
    let by = |a: &usize, b: &usize| rows.get(*a, column).total_cmp(&rows.get(*b, column));
    order.select_nth_unstable_by(middle, by);
    let at = rows.get(order[middle], column);
    let (low, high) = order.split_at_mut(middle);
    Box::new(Cell::Split { column, at, low: build(rows, low, from), high: build(rows, high, from + middle) })
}

/// How much sparser the place of a row is than that of its neighbours (Breunig and others, 2000): near 1 inside, larger
/// outside.
#[derive(Clone, Debug)]
pub struct LocalOutlierFactor {
    index: Neighbours,
    k: usize,
    furthest: Vec<f64>,
    density: Vec<f64>,
    own: Vec<f64>,
}

impl LocalOutlierFactor {
    /// Errors: `Empty`, `OutOfRange`; `NotComputable` for `k` rows or fewer.
    pub fn new(rows: &Matrix, k: usize) -> Result<Self, Error> {
        let index = Neighbours::new(rows)?;
        let near: Vec<Vec<Near>> =
            (0..rows.rows()).map(|row| index.nearest_others(row, k)).collect::<Result<_, _>>()?;
        let furthest: Vec<f64> = near.iter().map(|n| n.last().map_or(0.0, |n| n.distance)).collect();
        let density: Vec<f64> = near.iter().map(|near| density(near, &furthest)).collect();
        let own = near.iter().zip(&density).map(|(near, own)| factor(near, &density, *own)).collect();
        Ok(Self { index, k, furthest, density, own })
    }

    /// The factors of the rows that it was made of, each compared with the others.
    pub fn factors(&self) -> &[f64] {
        &self.own
    }

    /// The factor of a new row (scikit-learn's `score_samples` with `novelty`, negated). Errors: `Length`.
    pub fn of(&self, row: &[f64]) -> Result<f64, Error> {
        let near = self.index.nearest(row, self.k)?;
        Ok(factor(&near, &self.density, density(&near, &self.furthest)))
    }
}

fn density(near: &[Near], furthest: &[f64]) -> f64 {
    let reach = near.iter().map(|n| n.distance.max(furthest[n.row])).sum::<f64>();
    1.0 / (reach / near.len() as f64 + 1e-10)
}

fn factor(near: &[Near], density: &[f64], own: f64) -> f64 {
    near.iter().map(|n| density[n.row] / own).sum::<f64>() / near.len() as f64
}

/// The local intrinsic dimension by maximum likelihood from ascending distances of the nearest rows (Amsaleg and
/// others, 2015): −1 over the mean log of each distance beside the furthest. Errors: `Empty`; `NotComputable` if a
/// distance is 0 or all are equal.
pub fn intrinsic_dimension(distances: &[f64]) -> Result<f64, Error> {
    let furthest = *distances.last().ok_or(Error::Empty("the distances"))?;
    if distances.iter().any(|d| *d <= 0.0) || distances.first() == Some(&furthest) {
        return Err(Error::why("the intrinsic dimension", "a distance is 0, or all are equal"));
    }
    let logs: f64 = distances.iter().map(|d| (d / furthest).ln()).sum();
    Ok(-(distances.len() as f64) / logs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    #[test]
    fn the_index_finds_what_a_scan_finds() {
        let mut random = Random::new(3);
        let rows: Vec<Vec<f64>> = (0..500).map(|_| (0..4).map(|_| random.normal()).collect()).collect();
        let table = Matrix::of_rows(&rows).unwrap();
        let index = Neighbours::new(&table).unwrap();
        for of in rows.iter().step_by(37) {
            let mut all: Vec<(f64, usize)> =
                rows.iter().enumerate().map(|(i, row)| (squared_distance(row, of), i)).collect();
            all.sort_by(|a, b| a.0.total_cmp(&b.0));
            let found: Vec<usize> = index.nearest(of, 9).unwrap().iter().map(|n| n.row).collect();
            assert_eq!(found, all[..9].iter().map(|(_, i)| *i).collect::<Vec<_>>());
        }
    }

    #[test]
    fn equal_rows_and_too_few_rows_are_told() {
        let table = Matrix::of_rows(&[[1.0, 1.0]; 60]).unwrap();
        let index = Neighbours::new(&table).unwrap();
        let found = index.nearest_others(0, 3).unwrap();
        assert_eq!(found.iter().map(|n| n.row).collect::<Vec<_>>(), [1, 2, 3]);
        assert!(index.nearest(&[1.0, 1.0], 61).is_err());
        assert!(Neighbours::new(&Matrix::of_rows(&[[f64::NAN]]).unwrap()).is_err());
        assert!(intrinsic_dimension(&[1.0, 1.0]).is_err());
    }
}
