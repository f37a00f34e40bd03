//! Whether a sample is like the population that it stands for.

use statrs::distribution::{ChiSquared, ContinuousCDF as _, Normal};

use crate::{Error, Interval};

/// A chi-square statistic and how likely one so large is by chance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChiSquare {
    pub statistic: f64,
    pub degrees: usize,
    pub p: f64,
}

/// How likely chi-square is above `statistic`.
pub(crate) fn chi_square_tail(statistic: f64, degrees: usize) -> f64 {
    if degrees == 0 || statistic <= 0.0 {
        return 1.0;
    }
    ChiSquared::new(degrees as f64).map_or(f64::NAN, |chi| chi.sf(statistic))
}

/// Counts against the shares of the population, which are scaled to the count (SciPy's `chisquare`). Errors: `Length`,
/// `Empty`; `NotComputable` if a share is 0 or less where there is one category only.
pub fn goodness_of_fit(counts: &[f64], population: &[f64]) -> Result<ChiSquare, Error> {
    Error::length("the shares of the population", counts.len(), population.len())?;
    let n: f64 = counts.iter().sum();
    let whole: f64 = population.iter().sum();
    if n <= 0.0 {
        return Err(Error::Empty("the sample"));
    }
    if counts.len() < 2 || population.iter().any(|share| *share <= 0.0) {
        return Err(Error::why("the goodness of fit", "each of at least two groups needs a share above 0"));
    }
    let statistic = counts
        .iter()
        .zip(population)
        .map(|(count, share)| {
            let expected = share / whole * n;
            (count - expected) * (count - expected) / expected
        })
        .sum();
    let degrees = counts.len() - 1;
    Ok(ChiSquare { statistic, degrees, p: chi_square_tail(statistic, degrees) })
}

/// The independence of rows and columns of a table of counts. `yates` moves each count half towards what is expected
/// if there is one degree of freedom (SciPy's `chi2_contingency` does so by default). Errors: `Empty`, `Length`;
/// `NotComputable` if a row or column is empty.
pub fn independence(table: &[Vec<f64>], yates: bool) -> Result<ChiSquare, Error> {
    let columns = table.first().ok_or(Error::Empty("the table of counts"))?.len();
    for row in table {
        Error::length("a row of counts", columns, row.len())?;
    }
    let rows: Vec<f64> = table.iter().map(|row| row.iter().sum()).collect();
    let sums: Vec<f64> = (0..columns).map(|j| table.iter().map(|row| row[j]).sum()).collect();
    let n: f64 = rows.iter().sum();
    if rows.iter().chain(&sums).any(|sum| *sum <= 0.0) {
        return Err(Error::why("the independence of a table", "a row or a column has no counts"));
    }
    let degrees = (table.len() - 1) * (columns - 1);
    if degrees == 0 {
        return Ok(ChiSquare { statistic: 0.0, degrees, p: 1.0 });
    }
    let mut statistic = 0.0;
    for (row, total) in table.iter().zip(&rows) {
        for (count, sum) in row.iter().zip(&sums) {
            let expected = total * sum / n;
            let mut apart = (count - expected).abs();
            if yates && degrees == 1 {
                apart -= apart.min(0.5);
            }
            statistic += apart * apart / expected;
        }
    }
    Ok(ChiSquare { statistic, degrees, p: chi_square_tail(statistic, degrees) })
}

/// Cramér's V: 0 if rows and columns are independent, 1 if one tells the other. Errors: as [`independence`].
pub fn cramers_v(table: &[Vec<f64>]) -> Result<f64, Error> {
    let found = independence(table, false)?;
    let n: f64 = table.iter().flatten().sum();
    let smaller = table.len().min(table.first().map_or(0, Vec::len));
    if smaller < 2 {
        return Err(Error::why("Cramér's V", "there is one row or column only"));
    }
    Ok((found.statistic / n / (smaller as f64 - 1.0)).sqrt())
}

/// Wilson's interval of a share. Errors: `Empty`.
pub fn wilson(count: f64, of: f64, confidence: f64) -> Result<Interval, Error> {
    if of <= 0.0 {
        return Err(Error::Empty("the sample"));
    }
    let z = normal_quantile(1.0 - (1.0 - confidence) / 2.0);
    let share = count / of;
    let scale = 1.0 + z * z / of;
    let middle = (share + z * z / (2.0 * of)) / scale;
    let width = z * (share * (1.0 - share) / of + z * z / (4.0 * of * of)).sqrt() / scale;
    Ok(Interval { low: middle - width, high: middle + width, confidence })
}

/// The standard normal quantile, polished to machine precision.
pub fn normal_quantile(p: f64) -> f64 {
    let Ok(normal) = Normal::new(0.0, 1.0) else { return f64::NAN };
    let x = normal.inverse_cdf(p);
    if !x.is_finite() {
        return x;
    }
    let density = (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt();
    x - (normal.cdf(x) - p) / density
}

/// How likely a standard normal number is above `z`.
pub fn normal_tail(z: f64) -> f64 {
    Normal::new(0.0, 1.0).map_or(f64::NAN, |normal| normal.sf(z))
}

/// p-values adjusted so that the expected share of false discoveries stays at the level that they are held against
/// (Benjamini and Hochberg, 1995).
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let order = ascending(p);
    let n = p.len() as f64;
    let mut adjusted = vec![0.0; p.len()];
    let mut least = 1.0_f64;
    for (rank, i) in order.iter().enumerate().rev() {
        least = least.min(p[*i] * n / (rank as f64 + 1.0));
        adjusted[*i] = least;
    }
    adjusted
}

/// The largest p-value that may be called a discovery at `level`, by Benjamini and Hochberg's steps level·k/n: the step of the
/// largest p-value below its own. `None` if there is none.
pub fn discovery_threshold(p: &[f64], level: f64) -> Option<f64> {
    let n = p.len() as f64;
    let steps = ascending(p).into_iter().enumerate().map(|(rank, i)| (p[i], level * (rank as f64 + 1.0) / n));
    steps.rev().find(|(p, step)| p < step).map(|(_, step)| step)
}

/// p-values adjusted so that one false discovery at all is as unlikely as the level says (Holm, 1979).
pub fn holm(p: &[f64]) -> Vec<f64> {
    let order = ascending(p);
    let mut adjusted = vec![0.0; p.len()];
    let mut most = 0.0_f64;
    for (rank, i) in order.iter().enumerate() {
        most = most.max(p[*i] * (p.len() - rank) as f64);
        adjusted[*i] = most.min(1.0);
    }
    adjusted
}

fn ascending(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    order
}

/// Fisher's exact test of a 2 × 2 table: how likely a table is that has at least so much in its first cell (`greater`),
/// with the same sums. Errors: `NotComputable` for an empty table.
pub fn fisher_greater(table: [[u64; 2]; 2]) -> Result<f64, Error> {
    let [[a, b], [c, d]] = table;
    let (row, column, n) = (a + b, a + c, a + b + c + d);
    if n == 0 {
        return Err(Error::why("Fisher's exact test", "the table is empty"));
    }
    let log = |n: u64| statrs::function::factorial::ln_factorial(n);
    let choose = |n: u64, k: u64| log(n) - log(k) - log(n - k);
    let whole = choose(n, column);
    let tail = (a..=row.min(column)).filter(|k| column - k <= n - row);
    Ok(tail.map(|k| (choose(row, k) + choose(n - row, column - k) - whole).exp()).sum::<f64>().min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adjusted_values_stay_in_order_and_below_one() {
        assert_eq!(benjamini_hochberg(&[0.01, 0.04, 0.03]), [0.03, 0.04, 0.04]);
        assert_eq!(holm(&[0.01, 0.6, 0.9]), [0.03, 1.0, 1.0]);
    }

    #[test]
    fn a_discovery_lies_below_its_step() {
        assert_eq!(discovery_threshold(&[0.2, 0.001, 0.03], 0.06), Some(0.04));
        assert_eq!(discovery_threshold(&[0.2, 0.3], 0.05), None);
    }

    #[test]
    fn fisher_agrees_with_the_lady_who_tastes_tea() {
        assert!((fisher_greater([[3, 1], [1, 3]]).unwrap() - 17.0 / 70.0).abs() < 1e-12);
    }

    #[test]
    fn an_empty_group_cannot_be_tested() {
        assert!(goodness_of_fit(&[1.0, 2.0], &[0.0, 1.0]).is_err());
        assert!(independence(&[vec![0.0, 0.0], vec![1.0, 2.0]], false).is_err());
        assert!(wilson(0.0, 0.0, 0.95).is_err());
    }
}
