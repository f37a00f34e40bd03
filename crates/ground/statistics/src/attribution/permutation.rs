use super::{Attribution, Model, check, masked};
use crate::{Error, Matrix, Random};

/// Shapley values from random orders of the features, each order taken forwards and backwards (Štrumbelj and
/// Kononenko, 2014). Exact for models without interactions of three features or more, already after one order; sums
/// to the prediction always. Errors: `Empty`, `Length`; what the model says.
pub fn permutation(
    model: &mut dyn Model,
    row: &[f64],
    background: &Matrix,
    orders: usize,
    seed: u64,
) -> Result<Attribution, Error> {
    check(row, background)?;
    let d = row.len();
    let mut random = Random::new(seed);
    let base = masked(model, row, background, &vec![false; d])?;
    let mut values = vec![0.0; d];
    let mut order: Vec<usize> = (0..d).collect();
    let orders = orders.max(1);
    for _ in 0..orders {
        random.shuffle(&mut order);
        for backwards in [false, true] {
            let mut members = vec![false; d];
            let mut before = base;
            for place in 0..d {
                let feature = if backwards { order[d - 1 - place] } else { order[place] };
                members[feature] = true;
                let after = masked(model, row, background, &members)?;
                values[feature] += (after - before) / (2 * orders) as f64;
                before = after;
            }
        }
    }
    Ok(Attribution { base, values })
}

/// How much worse the model gets where a column is shuffled, a row a column, a number a repeat (Breiman, 2001):
/// `score` takes predictions, more is better. Errors: `Empty`; what the model says.
pub fn importance(
    model: &mut dyn Model,
    rows: &Matrix,
    repeats: usize,
    seed: u64,
    score: impl Fn(&[f64]) -> f64,
) -> Result<Vec<Vec<f64>>, Error> {
    if rows.rows() == 0 {
        return Err(Error::Empty("the table"));
    }
    let whole = score(&model.predict(rows)?);
    let mut random = Random::new(seed);
    let mut found = Vec::with_capacity(rows.columns());
    for column in 0..rows.columns() {
        let mut losses = Vec::with_capacity(repeats);
        for _ in 0..repeats {
            let mut values = rows.column(column);
            random.shuffle(&mut values);
            let mut shuffled = rows.clone();
            values.iter().enumerate().for_each(|(row, value)| shuffled.set(row, column, *value));
            losses.push(whole - score(&model.predict(&shuffled)?));
        }
        found.push(losses);
    }
    Ok(found)
}
