use std::collections::BTreeMap;

use mlwright_statistics::agreement::{
    Level, Rating, Weights, cohen_kappa, counts_by_item, dawid_skene, fleiss_kappa, krippendorff_alpha,
    majority, randolph_kappa,
};
use serde_json::Value;

use super::{EXACT, close, number, rows, vectors};

#[test]
fn kappas_and_alphas_agree() {
    let v = vectors("agreement");
    for case in v["cases"].as_array().unwrap() {
        let ratings = rows(&case["ratings_raters_x_units"]);
        let whole: Vec<Vec<i64>> =
            ratings.iter().map(|rater| rater.iter().map(|v| *v as i64).collect()).collect();
        for (name, weights) in [
            ("cohen_kappa_01", Weights::None),
            ("cohen_linear_01", Weights::Linear),
            ("cohen_quadratic_01", Weights::Quadratic),
        ] {
            close(name, cohen_kappa(&whole[0], &whole[1], weights).unwrap(), number(&case[name]), EXACT);
        }
        let items: Vec<Vec<Option<i64>>> =
            (0..whole[0].len()).map(|i| whole.iter().map(|rater| Some(rater[i])).collect()).collect();
        let counts = counts_by_item(&items);
        close("fleiss", fleiss_kappa(&counts).unwrap(), number(&case["fleiss"]), EXACT);
        close("randolph", randolph_kappa(&counts).unwrap(), number(&case["randolph"]), EXACT);
        let known = |table: &[Vec<f64>]| -> Vec<Vec<Option<f64>>> {
            table.iter().map(|row| row.iter().map(|v| Some(*v).filter(|v| !v.is_nan())).collect()).collect()
        };
        let missing = known(&rows(&case["ratings_missing"]));
        for (name, level) in [
            ("nominal", Level::Nominal),
            ("ordinal", Level::Ordinal),
            ("interval", Level::Interval),
            ("ratio", Level::Ratio),
        ] {
            let wanted = number(&case["krippendorff"][name]);
            close(name, krippendorff_alpha(&missing, level).unwrap(), wanted, EXACT);
        }
        let wanted = number(&case["krippendorff_full_nominal"]);
        close("full", krippendorff_alpha(&known(&ratings), Level::Nominal).unwrap(), wanted, EXACT);
    }
}

#[test]
fn dawid_and_skene_agree_with_crowd_kit() {
    const ITERATIVE: f64 = 1e-4;
    let v = vectors("dawid_skene");
    let mut names: [Vec<String>; 3] = Default::default();
    let mut number_of = |kind: usize, name: &Value| {
        let name = name.as_str().unwrap().to_owned();
        names[kind].iter().position(|known| *known == name).unwrap_or_else(|| {
            names[kind].push(name);
            names[kind].len() - 1
        })
    };
    let ratings: Vec<Rating> = v["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| Rating {
            task: number_of(0, &row[0]),
            worker: number_of(1, &row[1]),
            label: number_of(2, &row[2]),
        })
        .collect();
    let [tasks, workers, labels] = names;
    let found = dawid_skene(&ratings, 100, 1e-5).unwrap();
    let mass = |of: &Value| -> BTreeMap<String, f64> {
        of.as_object().unwrap().iter().map(|(k, v)| (k.clone(), number(v))).collect()
    };
    for (task, row) in tasks.iter().zip(&found.probabilities) {
        let wanted = mass(&v["probas"][task]);
        for (label, p) in labels.iter().zip(row) {
            close(&format!("{task} {label}"), *p, wanted[label], ITERATIVE);
        }
    }
    for (label, prior) in labels.iter().zip(&found.priors) {
        close(label, *prior, number(&v["priors"][label]), ITERATIVE);
    }
    for (worker, errors) in workers.iter().zip(&found.errors) {
        for (given, row) in labels.iter().zip(errors) {
            let wanted = &v["errors"][format!("{worker}|{given}")];
            assert_eq!(row.is_some(), wanted.is_object(), "{worker} {given}");
            for (label, p) in labels.iter().zip(row.iter().flatten()) {
                close(&format!("{worker} {given} {label}"), *p, number(&wanted[label]), ITERATIVE);
            }
        }
    }
    for (task, label) in tasks.iter().zip(&found.labels) {
        assert_eq!(Some(labels[*label].as_str()), v["labels"][task].as_str(), "{task}");
    }
    // Ties of a vote go to either; where there is none, the labels agree.
    let counts = |task: usize| {
        let mut counts = vec![0; labels.len()];
        ratings.iter().filter(|r| r.task == task).for_each(|r| counts[r.label] += 1);
        counts
    };
    for (task, label) in majority(&ratings).unwrap().into_iter().enumerate() {
        let counts = counts(task);
        if counts.iter().filter(|n| **n == counts[label]).count() == 1 {
            assert_eq!(Some(labels[label].as_str()), v["majority"][&tasks[task]].as_str());
        }
    }
}
