use columns::{Table, read_file};
use mlwright_statistics::estimated::{
    Categorical, CategoricalMethod, Cbpe, Chunk, Continuous, ContinuousMethod, Feature, Limits, Metric,
    Reconstruction, alert, by_size, limits, needs_calibration, realized, sampling_error,
};
use serde_json::Value;

use super::{EXACT, close, number, numbers, vectors};

struct Data {
    x: Vec<f64>,
    z: Vec<f64>,
    c: Vec<Option<String>>,
    truth: Vec<bool>,
    score: Vec<f64>,
    predicted: Vec<bool>,
    rows: usize,
}

fn read(name: &str) -> Data {
    let table: Table = read_file(super::folder().join(name), None).unwrap();
    let of = |column: &str| -> Vec<f64> {
        table.numbers(column).unwrap().into_iter().map(|v| v.unwrap_or(f64::NAN)).collect()
    };
    let yes = |column: &str| of(column).iter().map(|v| *v == 1.0).collect();
    Data {
        x: of("x"),
        z: of("z"),
        c: table.texts("c").unwrap(),
        truth: yes("y"),
        score: of("score"),
        predicted: yes("pred"),
        rows: table.rows(),
    }
}

/// The chunks of both, in the order of the file.
fn chunks<'a>(of: &'a Value, reference: &'a Data, analysis: &'a Data) -> Vec<(&'a Data, Chunk)> {
    let places = numbers(&of["chunk_start_index"]).into_iter().zip(numbers(&of["chunk_end_index"]));
    let periods = of["chunk_period"].as_array().unwrap().iter();
    places
        .zip(periods)
        .map(|((from, to), period)| {
            let data = if period == "reference" { reference } else { analysis };
            (data, from as usize..to as usize + 1)
        })
        .collect()
}

fn size(of: &Value) -> usize {
    number(&of["chunk_end_index"][0]) as usize + 1
}

/// A limit that is not there is null, and so is a lower one of 0 of an alarm for rises only.
fn check_limits(name: &str, found: Limits, of: &Value, i: usize) {
    close(name, found.upper.unwrap_or(f64::NAN), number(&of[format!("{name}_upper_threshold")][i]), EXACT);
    close(name, found.lower.unwrap_or(f64::NAN), number(&of[format!("{name}_lower_threshold")][i]), EXACT);
}

#[test]
fn performance_without_labels_agrees_with_nannyml() {
    let v = vectors("nannyml");
    let (reference, analysis) = (read("nannyml_ref.parquet"), read("nannyml_ana.parquet"));
    let of = &v["cbpe"];
    let needed = needs_calibration(&reference.truth, &reference.score).unwrap();
    assert_eq!(Some(needed), v["cbpe_needs_calibration"].as_bool());
    let pieces = by_size(reference.rows, size(of));
    let cbpe = Cbpe::fit(&reference.truth, &reference.score, &reference.predicted, &pieces).unwrap();
    if let Some(curve) = cbpe.calibration() {
        let grid = &v["isotonic_on_grid"];
        for (x, y) in numbers(&grid["grid"]).into_iter().zip(numbers(&grid["out"])) {
            close("isotonic", curve.at(x), y, EXACT);
        }
    }
    for metric in Metric::ALL {
        let name = metric.name();
        for (i, (data, rows)) in chunks(of, &reference, &analysis).into_iter().enumerate() {
            let (score, predicted) = (&data.score[rows.clone()], &data.predicted[rows.clone()]);
            let found = cbpe.estimate(metric, score, predicted).unwrap();
            let wanted = |part: &str| number(&of[format!("{name}_{part}")][i]);
            close(name, found.value, wanted("value"), EXACT);
            close(name, realized(metric, &data.truth[rows], score, predicted), wanted("realized"), EXACT);
            check_limits(name, found.limits, of, i);
            assert_eq!(f64::from(u8::from(found.alert)), wanted("alert"), "{name}");
            // Upstream resamples the average precision without a seed.
            let tolerance = if metric == Metric::AveragePrecision { 0.02 } else { EXACT };
            close(name, found.sampling_error, wanted("sampling_error"), tolerance);
            let tolerance = if metric == Metric::AveragePrecision { 0.06 } else { EXACT };
            close(name, found.upper, wanted("upper_confidence_boundary"), tolerance);
            close(name, found.lower, wanted("lower_confidence_boundary"), tolerance);
        }
    }
}

#[test]
fn realized_performance_and_data_quality_agree_with_nannyml() {
    let v = vectors("nannyml");
    let (reference, analysis) = (read("nannyml_ref.parquet"), read("nannyml_ana.parquet"));
    let of = &v["realized"];
    let pieces = by_size(reference.rows, size(of));
    let value = |metric, data: &Data, rows: Chunk| {
        let (score, predicted) = (&data.score[rows.clone()], &data.predicted[rows.clone()]);
        realized(metric, &data.truth[rows], score, predicted)
    };
    for metric in [Metric::RocAuc, Metric::F1, Metric::Accuracy] {
        let name = metric.name();
        let usual: Vec<f64> = pieces.iter().map(|rows| value(metric, &reference, rows.clone())).collect();
        let usual = limits(&usual, 3.0, Some(0.0), Some(1.0), false);
        for (i, (data, rows)) in chunks(of, &reference, &analysis).into_iter().enumerate() {
            let n = rows.len();
            let found = value(metric, data, rows);
            close(name, found, number(&of[format!("{name}_value")][i]), EXACT);
            check_limits(name, usual, of, i);
            assert_eq!(f64::from(u8::from(alert(found, &usual))), number(&of[format!("{name}_alert")][i]));
            let (truth, score, predicted) = (&reference.truth, &reference.score, &reference.predicted);
            let error = sampling_error(metric, truth, score, predicted, n);
            close(name, error, number(&of[format!("{name}_sampling_error")][i]), EXACT);
        }
    }
    let inside =
        |values: &[f64]| values.iter().fold((f64::MAX, f64::MIN), |(a, b), v| (a.min(*v), b.max(*v)));
    type Get = fn(&Data) -> &Vec<f64>;
    let columns: [(&str, Get); 2] = [("x", |d| &d.x), ("z", |d| &d.z)];
    for (name, get) in columns {
        let (low, high) = inside(get(&reference));
        for (i, (data, rows)) in chunks(&v["range"], &reference, &analysis).into_iter().enumerate() {
            let values = &get(data)[rows];
            let out = values.iter().filter(|v| **v < low || **v > high).count() as f64 / values.len() as f64;
            close("range", out, number(&v["range"][format!("{name}_value")][i]), EXACT);
        }
    }
    for (i, (data, rows)) in chunks(&v["unseen"], &reference, &analysis).into_iter().enumerate() {
        let values = &data.c[rows];
        let new = values.iter().filter(|v| v.is_some() && !reference.c.contains(v)).count() as f64;
        close("unseen", new / values.len() as f64, number(&v["unseen"]["c_value"][i]), EXACT);
        let missing = values.iter().filter(|v| v.is_none()).count() as f64 / values.len() as f64;
        close("missing", missing, number(&v["missing"]["c_value"][i]), EXACT);
    }
}

#[test]
fn drift_by_column_agrees_with_nannyml() {
    let v = vectors("nannyml");
    let (reference, analysis) = (read("nannyml_ref.parquet"), read("nannyml_ana.parquet"));
    let of = &v["univariate"];
    let pieces = by_size(reference.rows, size(of));
    let flag = |name: &str, i: usize| number(&of[format!("{name}_alert")][i]) == 1.0;
    for (column, get) in [("x", (|d| &d.x) as fn(&Data) -> &Vec<f64>), ("z", |d| &d.z)] {
        let fitted = Continuous::fit(get(&reference)).unwrap();
        for (method, which) in [
            ("kolmogorov_smirnov", ContinuousMethod::KolmogorovSmirnov),
            ("jensen_shannon", ContinuousMethod::JensenShannon),
            ("wasserstein", ContinuousMethod::Wasserstein),
            ("hellinger", ContinuousMethod::Hellinger),
        ] {
            let name = format!("{column}_{method}");
            let usual = fitted.limits(get(&reference), &pieces, which);
            for (i, (data, rows)) in chunks(of, &reference, &analysis).into_iter().enumerate() {
                let found = fitted.distance(&get(data)[rows], which).unwrap();
                close(&name, found, number(&of[format!("{name}_value")][i]), EXACT);
                check_limits(&name, usual, of, i);
                assert_eq!(alert(found, &usual), flag(&name, i), "{name}");
            }
        }
    }
    let fitted = Categorical::fit(&reference.c).unwrap();
    for (method, which) in [
        ("chi2", CategoricalMethod::ChiSquare),
        ("jensen_shannon", CategoricalMethod::JensenShannon),
        ("l_infinity", CategoricalMethod::LInfinity),
        ("hellinger", CategoricalMethod::Hellinger),
    ] {
        let name = format!("c_{method}");
        let usual = fitted.limits(&reference.c, &pieces, which);
        for (i, (data, rows)) in chunks(of, &reference, &analysis).into_iter().enumerate() {
            let (found, p) = fitted.distance(&data.c[rows], which).unwrap();
            close(&name, found, number(&of[format!("{name}_value")][i]), EXACT);
            check_limits(&name, usual, of, i);
            let alarm = p.map_or_else(|| alert(found, &usual), |p| p < 0.05);
            assert_eq!(alarm, flag(&name, i), "{name}");
        }
    }
}

fn features(data: &Data) -> [Feature<'_>; 4] {
    let numbers = [&data.x, &data.z, &data.score].map(|values| Feature::Number(values));
    let [x, z, score] = numbers;
    [x, z, Feature::Category(&data.c), score]
}

#[test]
fn reconstruction_agrees_with_nannyml() {
    let v = vectors("nannyml");
    let (reference, analysis) = (read("nannyml_ref.parquet"), read("nannyml_ana.parquet"));
    let of = &v["pca_reconstruction"];
    let pieces = by_size(reference.rows, size(of));
    let fitted = Reconstruction::fit(&features(&reference), &pieces).unwrap();
    let name = "reconstruction_error";
    let errors =
        [fitted.errors(&features(&reference)).unwrap(), fitted.errors(&features(&analysis)).unwrap()];
    for (i, (data, rows)) in chunks(of, &reference, &analysis).into_iter().enumerate() {
        let (value, error) =
            Reconstruction::summary(&errors[usize::from(std::ptr::eq(data, &analysis))][rows]);
        let wanted = |part: &str| number(&of[format!("{name}_{part}")][i]);
        close(name, value, wanted("value"), EXACT);
        close(name, error, wanted("sampling_error"), EXACT);
        close(name, value + 3.0 * error, wanted("upper_confidence_boundary"), EXACT);
        close(name, (value - 3.0 * error).max(0.0), wanted("lower_confidence_boundary"), EXACT);
        check_limits(name, fitted.limits, of, i);
        assert_eq!(f64::from(u8::from(alert(value, &fitted.limits))), wanted("alert"));
    }
}
