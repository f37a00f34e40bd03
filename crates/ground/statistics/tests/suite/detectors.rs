//! alibi-detect's detectors: what they report is in 32 bits, computed from SciPy's tests in 64.

use columns::drift;
use mlwright_statistics::outliers::{OnlineMahalanobis, OnlineSettings};
use mlwright_statistics::representation::{discovery_threshold, fisher_greater, independence};
use serde_json::Value;

use super::{EXACT, all_close, close, matrix, number, numbers, rows, vectors};

/// The last digit of 32 bits.
const SINGLE: f64 = 1e-6;
const LEVEL: f64 = 0.05;

fn column(of: &[Vec<f64>], column: usize) -> Vec<f64> {
    of.iter().map(|row| row[column]).collect()
}

/// The decision and the threshold, by the correction that the case is named after.
fn check_decision(name: &str, wanted: &Value, p: &[f64]) {
    let n = p.len() as f64;
    let found = discovery_threshold(p, LEVEL);
    let drift = if name.contains("fdr") { found.is_some() } else { p.iter().any(|p| *p < LEVEL / n) };
    assert_eq!(f64::from(u8::from(drift)), number(&wanted["is_drift"]), "{name}");
    if !name.contains("fdr") {
        close(name, LEVEL / n, number(&wanted["threshold"]), EXACT);
    } else if let Some(found) = found {
        close(name, found, number(&wanted["threshold"]), EXACT);
    }
}

#[test]
fn tests_of_features_agree_and_decide_as_by_alibi_detect() {
    let v = vectors("alibi_detect");
    let reference = rows(&v["ref"]);
    for (name, wanted) in v["out"].as_object().unwrap() {
        let (test, rest) = name.split_once('_').unwrap_or((name.as_str(), ""));
        if !matches!(test, "ks" | "cvm") {
            continue;
        }
        let current = rows(&v[rest.rsplit('_').next().unwrap()]);
        let (mut distances, mut p) = (Vec::new(), Vec::new());
        for at in 0..reference[0].len() {
            let (x, y) = (column(&reference, at), column(&current, at));
            let found = match test {
                "ks" => drift::kolmogorov_smirnov_asymptotic(&x, &y),
                _ => drift::cramer_von_mises(&x, &y),
            };
            let (distance, value) = found.unwrap();
            distances.push(distance);
            p.push(value);
        }
        all_close(name, &distances, &numbers(&wanted["distance"]), SINGLE);
        all_close(name, &p, &numbers(&wanted["p_val"]), SINGLE);
        check_decision(name, wanted, &p);
    }
}

#[test]
fn tests_of_yes_or_no_and_of_categories_agree() {
    let v = vectors("alibi_detect");
    let (x, y) = (rows(&v["bin_ref"]), rows(&v["bin_cur"]));
    let (mut odds, mut p) = (Vec::new(), Vec::new());
    for at in 0..x[0].len() {
        let ones = |of: &[Vec<f64>]| column(of, at).iter().filter(|v| **v == 1.0).count() as u64;
        let (of_x, of_y) = (ones(&x), ones(&y));
        let (no_x, no_y) = (x.len() as u64 - of_x, y.len() as u64 - of_y);
        odds.push(of_y as f64 * no_x as f64 / (of_x as f64 * no_y as f64));
        p.push(fisher_greater([[of_y, of_x], [no_y, no_x]]).unwrap());
    }
    let wanted = &v["out"]["fet_fdr"];
    all_close("odds", &odds, &numbers(&wanted["distance"]), SINGLE);
    all_close("fisher", &p, &numbers(&wanted["p_val"]), SINGLE);
    check_decision("fet_fdr", wanted, &p);

    let (x, y) = (rows(&v["cat_ref"]), rows(&v["cat_cur"]));
    let (mut distances, mut p) = (Vec::new(), Vec::new());
    for at in 0..x[0].len() {
        let (x, y) = (column(&x, at), column(&y, at));
        let mut levels: Vec<f64> = x.iter().chain(&y).copied().collect();
        levels.sort_by(f64::total_cmp);
        levels.dedup();
        let counts = |of: &[f64]| -> Vec<f64> {
            levels.iter().map(|level| of.iter().filter(|v| *v == level).count() as f64).collect()
        };
        let found = independence(&[counts(&x), counts(&y)], true).unwrap();
        distances.push(found.statistic);
        p.push(found.p);
    }
    let wanted = &v["out"]["chi2"];
    all_close("chi2", &distances, &numbers(&wanted["distance"]), SINGLE);
    all_close("p of chi2", &p, &numbers(&wanted["p_val"]), SINGLE);
    check_decision("chi2", wanted, &p);
}

#[test]
fn distances_from_what_came_before_agree() {
    let v = vectors("alibi_detect");
    let reference = matrix(&v["ref"]);
    let mut detector = OnlineMahalanobis::new(reference.columns(), OnlineSettings::default()).unwrap();
    for (batch, wanted) in [(&v["ref"], "mahalanobis_online_ref"), (&v["shift"], "mahalanobis_online_shift")]
    {
        let found = detector.score(&matrix(batch)).unwrap();
        all_close(wanted, &found, &numbers(&v["out"][wanted]), EXACT);
    }
}
