use crate::Error;

/// What the values of a rating mean, and so how far apart two of them are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Different or the same.
    Nominal,
    /// Ordered: the ratings that lie between.
    Ordinal,
    /// Numbers: the squared difference.
    Interval,
    /// Numbers from a true zero: the squared difference over the sum.
    Ratio,
}

/// Krippendorff's alpha (Krippendorff, *Content Analysis*, chapter 12) of ratings that may be missing: a row a rater,
/// a column an item. 1 is perfect agreement, 0 what chance gives, below 0 is systematic disagreement. Errors: `Length`;
/// `NotComputable` if fewer than two values occur, or no item has two ratings.
pub fn krippendorff_alpha(ratings: &[Vec<Option<f64>>], level: Level) -> Result<f64, Error> {
    let items = ratings.first().ok_or(Error::Empty("the ratings"))?.len();
    for rater in ratings {
        Error::length("the ratings of a rater", items, rater.len())?;
    }
    let known = |value: &Option<f64>| value.filter(|v| !v.is_nan());
    let mut values: Vec<f64> = ratings.iter().flatten().filter_map(known).collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    let why = |why: &str| Error::why("Krippendorff's alpha", why);
    if values.len() < 2 {
        return Err(why("fewer than two different values occur"));
    }
    let k = values.len();
    let place = |value: f64| values.partition_point(|v| v.total_cmp(&value).is_lt());
    // How often two values met on an item, each item's pairs weighed so that every rating counts once.
    let mut together = vec![vec![0.0; k]; k];
    for item in 0..items {
        let mut counts = vec![0.0; k];
        ratings.iter().filter_map(|r| known(&r[item])).for_each(|v| counts[place(v)] += 1.0);
        let n: f64 = counts.iter().sum();
        if n < 2.0 {
            continue;
        }
        for i in 0..k {
            for j in 0..k {
                let same = if i == j { counts[i] } else { 0.0 };
                together[i][j] += (counts[i] * counts[j] - same) / (n - 1.0);
            }
        }
    }
    let totals: Vec<f64> = together.iter().map(|row| row.iter().sum()).collect();
    let n: f64 = totals.iter().sum();
    if n == 0.0 {
        return Err(why("no item has two ratings"));
    }
    let (mut observed, mut expected) = (0.0, 0.0);
    for i in 0..k {
        for j in 0..k {
            let distance = distance(&values, &totals, i, j, level);
            let same = if i == j { totals[i] } else { 0.0 };
            observed += together[i][j] * distance;
            expected += (totals[i] * totals[j] - same) / (n - 1.0) * distance;
        }
    }
    if expected == 0.0 {
        return Err(why("the values that were compared are all the same"));
    }
    Ok(1.0 - observed / expected)
}

fn distance(values: &[f64], totals: &[f64], i: usize, j: usize, level: Level) -> f64 {
    let (a, b) = (values[i], values[j]);
    let apart = match level {
        Level::Nominal => return f64::from(u8::from(i != j)),
        Level::Ordinal => {
            let (low, high) = (i.min(j), i.max(j));
            totals[low..=high].iter().sum::<f64>() - (totals[i] + totals[j]) / 2.0
        }
        Level::Interval => a - b,
        Level::Ratio if a + b == 0.0 => 0.0,
        Level::Ratio => (a - b) / (a + b),
    };
    apart * apart
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_book_comes_out() {
        // Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, data C: nominal 0.743, interval 0.849.
        let n = None;
        let s = |v: f64| Some(v);
        let ratings = [
            vec![s(1.), s(2.), s(3.), s(3.), s(2.), s(1.), s(4.), s(1.), s(2.), n, n, n],
            vec![s(1.), s(2.), s(3.), s(3.), s(2.), s(2.), s(4.), s(1.), s(2.), s(5.), n, s(3.)],
            vec![n, s(3.), s(3.), s(3.), s(2.), s(3.), s(4.), s(2.), s(2.), s(5.), s(1.), n],
            vec![s(1.), s(2.), s(3.), s(3.), s(2.), s(4.), s(4.), s(1.), s(2.), s(5.), s(1.), n],
        ];
        let found = |level| (krippendorff_alpha(&ratings, level).unwrap() * 1000.0).round() / 1000.0;
        assert_eq!(found(Level::Nominal), 0.743);
        assert_eq!(found(Level::Ordinal), 0.815);
        assert_eq!(found(Level::Interval), 0.849);
        assert_eq!(found(Level::Ratio), 0.797);
    }
}
