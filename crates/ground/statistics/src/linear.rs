//! Matrices, as far as covariances and principal components need them.

use crate::Error;

/// Numbers row by row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    columns: usize,
    values: Vec<f64>,
}

/// Eigenvalues in descending order, and the vector of each as a row.
#[derive(Clone, Debug)]
pub struct Eigen {
    pub values: Vec<f64>,
    pub vectors: Matrix,
}

impl Matrix {
    /// Errors: `Length` if the rows are not equally long.
    pub fn of_rows<R: AsRef<[f64]>>(rows: &[R]) -> Result<Self, Error> {
        let columns = rows.first().map_or(0, |row| row.as_ref().len());
        let mut values = Vec::with_capacity(columns * rows.len());
        for row in rows {
            Error::length("a row", columns, row.as_ref().len())?;
            values.extend_from_slice(row.as_ref());
        }
        Ok(Self { columns, values })
    }

    /// Errors: `Length` if the columns are not equally long.
    pub fn of_columns<C: AsRef<[f64]>>(columns: &[C]) -> Result<Self, Error> {
        let rows = columns.first().map_or(0, |column| column.as_ref().len());
        for column in columns {
            Error::length("a column", rows, column.as_ref().len())?;
        }
        let values = (0..rows).flat_map(|row| columns.iter().map(move |c| c.as_ref()[row])).collect();
        Ok(Self { columns: columns.len(), values })
    }

    pub fn zeros(rows: usize, columns: usize) -> Self {
        Self { columns, values: vec![0.0; rows * columns] }
    }

    pub fn rows(&self) -> usize {
        self.values.len().checked_div(self.columns).unwrap_or(0)
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    pub fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.columns..(row + 1) * self.columns]
    }

    pub fn row_mut(&mut self, row: usize) -> &mut [f64] {
        &mut self.values[row * self.columns..(row + 1) * self.columns]
    }

    pub fn iter(&self) -> impl Iterator<Item = &[f64]> {
        self.values.chunks_exact(self.columns.max(1))
    }

    pub fn get(&self, row: usize, column: usize) -> f64 {
        self.values[row * self.columns + column]
    }

    pub fn set(&mut self, row: usize, column: usize, value: f64) {
        self.values[row * self.columns + column] = value;
    }

    pub fn column(&self, column: usize) -> Vec<f64> {
        self.iter().map(|row| row[column]).collect()
    }

    /// These rows, in this order.
    pub fn take(&self, rows: &[usize]) -> Self {
        let values = rows.iter().flat_map(|row| self.row(*row).iter().copied()).collect();
        Self { columns: self.columns, values }
    }

    /// Of each column.
    pub fn means(&self) -> Vec<f64> {
        let mut means = vec![0.0; self.columns];
        for row in self.iter() {
            means.iter_mut().zip(row).for_each(|(mean, value)| *mean += value);
        }
        let n = self.rows().max(1) as f64;
        means.iter_mut().for_each(|mean| *mean /= n);
        means
    }

    /// With `means` taken away from each row.
    pub fn centred(&self, means: &[f64]) -> Self {
        let values = self.iter().flat_map(|row| row.iter().zip(means).map(|(v, m)| v - m)).collect();
        Self { columns: self.columns, values }
    }

    /// Sums of products of columns: columns × columns.
    pub fn gram(&self) -> Self {
        let d = self.columns;
        let mut gram = Self::zeros(d, d);
        for row in self.iter() {
            for i in 0..d {
                let left = row[i];
                for (cell, right) in gram.row_mut(i)[i..].iter_mut().zip(&row[i..]) {
                    *cell += left * right;
                }
            }
        }
        for i in 0..d {
            for j in 0..i {
                let value = gram.get(j, i);
                gram.set(i, j, value);
            }
        }
        gram
    }

    /// The covariance of the columns, divided by the number of rows.
    pub fn covariance(&self) -> Self {
        let mut covariance = self.centred(&self.means()).gram();
        let n = self.rows().max(1) as f64;
        covariance.values.iter_mut().for_each(|value| *value /= n);
        covariance
    }

    pub fn transposed(&self) -> Self {
        let values = (0..self.columns).flat_map(|c| self.iter().map(move |row| row[c])).collect();
        Self { columns: self.rows(), values }
    }

    /// The pseudo-inverse of a symmetric matrix: eigenvalues that are nothing beside the largest count as zero.
    pub fn symmetric_inverse(&self) -> Self {
        let found = eigen(self);
        let largest = found.values.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
        let cut = largest * self.columns as f64 * f64::EPSILON;
        let d = self.columns;
        let mut inverse = Self::zeros(d, d);
        for (value, vector) in found.values.iter().zip(found.vectors.iter()) {
            if value.abs() <= cut {
                continue;
            }
            for i in 0..d {
                let left = vector[i] / value;
                inverse.row_mut(i).iter_mut().zip(vector).for_each(|(cell, right)| *cell += left * right);
            }
        }
        inverse
    }

    /// Solves `self · x = right` by Gaussian elimination with partial pivoting; `None` if singular.
    pub fn solve(&self, right: &[f64]) -> Option<Vec<f64>> {
        let n = self.columns;
        if self.rows() != n || right.len() != n {
            return None;
        }
        let mut rows: Vec<Vec<f64>> =
            self.iter().zip(right).map(|(row, b)| row.iter().copied().chain([*b]).collect()).collect();
        for pivot in 0..n {
            let best = (pivot..n).max_by(|a, b| rows[*a][pivot].abs().total_cmp(&rows[*b][pivot].abs()))?;
            rows.swap(pivot, best);
            if rows[pivot][pivot].abs() < f64::MIN_POSITIVE {
                return None;
            }
            let (above, below) = rows.split_at_mut(pivot + 1);
            let lead = &above[pivot];
            for row in below {
                let factor = row[pivot] / lead[pivot];
                for (cell, value) in row[pivot..].iter_mut().zip(&lead[pivot..]) {
                    *cell -= factor * value;
                }
            }
        }
        let mut x = vec![0.0; n];
        for i in (0..n).rev() {
            let known: f64 = (i + 1..n).map(|j| rows[i][j] * x[j]).sum();
            x[i] = (rows[i][n] - known) / rows[i][i];
        }
        Some(x)
    }
}

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

pub(crate) fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// All eigenvalues and vectors of a symmetric matrix: Householder's reduction and QL with implicit shifts (EISPACK's
/// `tred2` and `tql2`), O(n³).
pub fn eigen(symmetric: &Matrix) -> Eigen {
    let n = symmetric.columns;
    let mut v: Vec<Vec<f64>> = symmetric.iter().map(<[f64]>::to_vec).collect();
    let (mut d, mut e) = (vec![0.0; n], vec![0.0; n]);
    if n > 0 {
        tridiagonal(&mut v, &mut d, &mut e);
        diagonal(&mut v, &mut d, &mut e);
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| d[*b].total_cmp(&d[*a]));
    let values = order.iter().map(|i| d[*i]).collect();
    let vectors = order.iter().flat_map(|i| v.iter().map(move |row| row[*i])).collect();
    Eigen { values, vectors: Matrix { columns: n, values: vectors } }
}

fn tridiagonal(v: &mut [Vec<f64>], d: &mut [f64], e: &mut [f64]) {
    let n = d.len();
    d.copy_from_slice(&v[n - 1]);
    for i in (1..n).rev() {
        let scale: f64 = d[..i].iter().map(|x| x.abs()).sum();
        let mut h = 0.0;
        if scale == 0.0 {
            e[i] = d[i - 1];
            for j in 0..i {
                d[j] = v[i - 1][j];
                v[i][j] = 0.0;
                v[j][i] = 0.0;
            }
        } else {
            for x in &mut d[..i] {
                *x /= scale;
                h += *x * *x;
            }
            let f = d[i - 1];
            let g = if f > 0.0 { -h.sqrt() } else { h.sqrt() };
            e[i] = scale * g;
            h -= f * g;
            d[i - 1] = f - g;
            e[..i].fill(0.0);
            for j in 0..i {
                let f = d[j];
                v[j][i] = f;
                let mut g = e[j] + v[j][j] * f;
                for k in j + 1..i {
                    g += v[k][j] * d[k];
                    e[k] += v[k][j] * f;
                }
                e[j] = g;
            }
            let mut f = 0.0;
            for j in 0..i {
                e[j] /= h;
                f += e[j] * d[j];
            }
            let hh = f / (h + h);
            for j in 0..i {
                e[j] -= hh * d[j];
            }
            for j in 0..i {
                let (f, g) = (d[j], e[j]);
                for k in j..i {
                    v[k][j] -= f * e[k] + g * d[k];
                }
                d[j] = v[i - 1][j];
                v[i][j] = 0.0;
            }
        }
        d[i] = h;
    }
    for i in 0..n - 1 {
        v[n - 1][i] = v[i][i];
        v[i][i] = 1.0;
        let h = d[i + 1];
        if h != 0.0 {
            for k in 0..=i {
                d[k] = v[k][i + 1] / h;
            }
            for j in 0..=i {
                let g: f64 = (0..=i).map(|k| v[k][i + 1] * v[k][j]).sum();
                for k in 0..=i {
                    v[k][j] -= g * d[k];
                }
            }
        }
        for row in v.iter_mut().take(i + 1) {
            row[i + 1] = 0.0;
        }
    }
    for j in 0..n {
        d[j] = v[n - 1][j];
        v[n - 1][j] = 0.0;
    }
    v[n - 1][n - 1] = 1.0;
    e[0] = 0.0;
}

fn diagonal(v: &mut [Vec<f64>], d: &mut [f64], e: &mut [f64]) {
    /// Far more than the two or three turns that an eigenvalue takes.
    const TURNS: usize = 200;
    let n = d.len();
    e.rotate_left(1);
    e[n - 1] = 0.0;
    let (mut f, mut largest) = (0.0, 0.0_f64);
    for l in 0..n {
        largest = largest.max(d[l].abs() + e[l].abs());
        let m = (l..n).find(|m| e[*m].abs() <= f64::EPSILON * largest).unwrap_or(n - 1);
        let mut turn = 0;
        while m > l && turn < TURNS {
            turn += 1;
            let g = d[l];
            let p = (d[l + 1] - g) / (2.0 * e[l]);
            let r = if p < 0.0 { -p.hypot(1.0) } else { p.hypot(1.0) };
            d[l] = e[l] / (p + r);
            d[l + 1] = e[l] * (p + r);
            let dl1 = d[l + 1];
            let h = g - d[l];
            for x in &mut d[l + 2..] {
                *x -= h;
            }
            f += h;
            let mut p = d[m];
            let (mut c, mut c2, mut c3) = (1.0, 1.0, 1.0);
            let el1 = e[l + 1];
            let (mut s, mut s2) = (0.0, 0.0);
            for i in (l..m).rev() {
                c3 = c2;
                c2 = c;
                s2 = s;
                let g = c * e[i];
                let h = c * p;
                let r = p.hypot(e[i]);
                e[i + 1] = s * r;
                s = e[i] / r;
                c = p / r;
                p = c * d[i] - s * g;
                d[i + 1] = h + s * (c * g + s * d[i]);
                for row in v.iter_mut() {
                    let h = row[i + 1];
                    row[i + 1] = s * row[i] + c * h;
                    row[i] = c * row[i] - s * h;
                }
            }
            p = -s * s2 * c3 * el1 * e[l] / dl1;
            e[l] = s * p;
            d[l] = c * p;
            if e[l].abs() <= f64::EPSILON * largest {
                break;
            }
        }
        d[l] += f;
        e[l] = 0.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symmetric_matrix_is_the_sum_of_its_components() {
        let a = Matrix::of_rows(&[[4.0, 1.0, -2.0], [1.0, 2.0, 0.5], [-2.0, 0.5, 3.0]]).unwrap();
        let found = eigen(&a);
        for i in 0..3 {
            for j in 0..3 {
                let parts = found.values.iter().zip(found.vectors.iter());
                let sum: f64 = parts.map(|(value, v)| value * v[i] * v[j]).sum();
                assert!((sum - a.get(i, j)).abs() < 1e-12);
            }
        }
        assert!(found.values.windows(2).all(|w| w[0] >= w[1]));
    }

    #[test]
    fn a_singular_matrix_has_a_pseudo_inverse_and_no_solution() {
        let a = Matrix::of_rows(&[[2.0, 2.0], [2.0, 2.0]]).unwrap();
        let inverse = a.symmetric_inverse();
        assert!((inverse.get(0, 0) - 0.125).abs() < 1e-12);
        assert!(Matrix::of_rows(&[[0.0, 0.0], [0.0, 1.0]]).unwrap().solve(&[1.0, 1.0]).is_none());
    }

    #[test]
    fn elimination_solves_what_needs_a_pivot() {
        let a = Matrix::of_rows(&[[0.0, 2.0], [3.0, 1.0]]).unwrap();
        assert_eq!(a.solve(&[4.0, 5.0]), Some(vec![1.0, 2.0]));
    }
}
