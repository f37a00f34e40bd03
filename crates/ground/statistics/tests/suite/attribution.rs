use mlwright_statistics::attribution::{exact, kernel, linear, permutation};
use mlwright_statistics::{Error, Matrix};

use super::{EXACT, all_close, matrix, numbers, rows, vectors};

#[test]
fn every_way_to_the_shapley_values_of_a_linear_model_agrees() {
    let v = vectors("shap_exact_linear");
    let (coefficients, intercept) = (numbers(&v["coef"]), numbers(&v["intercept"])[0]);
    let background = matrix(&v["background"]);
    let mut model = |rows: &Matrix| -> Result<Vec<f64>, Error> {
        let answer = |row: &[f64]| row.iter().zip(&coefficients).map(|(x, c)| x * c).sum::<f64>() + intercept;
        Ok(rows.iter().map(answer).collect())
    };
    for (i, row) in rows(&v["rows"]).iter().enumerate() {
        let wanted = rows(&v["exact_shap"])[i].clone();
        let closed = linear(&coefficients, intercept, row, &background).unwrap();
        all_close("linear", &closed.values, &rows(&v["closed_form"])[i], EXACT);
        all_close("linear", &closed.values, &wanted, EXACT);
        all_close("exact", &exact(&mut model, row, &background).unwrap().values, &wanted, EXACT);
        all_close("kernel", &kernel(&mut model, row, &background, 2048, 1).unwrap().values, &wanted, EXACT);
        let one = permutation(&mut model, row, &background, 1, 1).unwrap();
        all_close("permutation", &one.values, &wanted, EXACT);
    }
}
