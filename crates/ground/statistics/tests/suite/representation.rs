use mlwright_statistics::representation::{
    benjamini_hochberg, cramers_v, goodness_of_fit, holm, independence, wilson,
};

use super::{EXACT, all_close, close, number, numbers, rows, vectors};

#[test]
fn a_sample_is_held_against_its_population_as_by_scipy_and_statsmodels() {
    let v = vectors("representation");
    let observed = numbers(&v["observed"]);
    let fit = goodness_of_fit(&observed, &numbers(&v["population"])).unwrap();
    close("chi2", fit.statistic, number(&v["chi2"]), EXACT);
    // p-values are small: they agree relatively.
    let relative = |what: &str, found: f64, wanted: f64| close(what, found / wanted, 1.0, EXACT);
    relative("p", fit.p, number(&v["p"]));
    let table = rows(&v["table"]);
    let found = independence(&table, true).unwrap();
    close("table", found.statistic, number(&v["chi2_table"]), EXACT);
    relative("p of the table", found.p, number(&v["p_table"]));
    close("degrees", found.degrees as f64, number(&v["dof"]), 0.0);
    close("V", cramers_v(&table).unwrap(), number(&v["cramers_v"]), EXACT);
    let n: f64 = observed.iter().sum();
    for (count, wanted) in observed.iter().zip(rows(&v["wilson"])) {
        let found = wilson(*count, n, 0.95).unwrap();
        all_close("wilson", &[found.low, found.high], &wanted, EXACT);
    }
    let p = numbers(&v["pvals"]);
    all_close("bh", &benjamini_hochberg(&p), &numbers(&v["bh"]), EXACT);
    all_close("holm", &holm(&p), &numbers(&v["holm"]), EXACT);
}
