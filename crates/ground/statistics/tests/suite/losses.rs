//! What NannyML learns with LightGBM: the loss of a regression, and what tells a chunk from the reference.

use columns::read_file;
use mlwright_statistics::estimated::{
    DOMAIN_LIMITS, DirectLoss, Feature, LossMetric, alert, by_size, domain_classifier,
    domain_classifier_within,
};
use serde_json::Value;

use super::{EXACT, close, folder, number, vectors};

/// Rows of a bin are told from its hessian there, which rounds otherwise where it is summed up otherwise: a cut more or less.
const TOLD_APART: f64 = 0.005;

struct Data {
    x: Vec<f64>,
    z: Vec<f64>,
    c: Vec<Option<String>>,
    truth: Vec<f64>,
    predicted: Vec<f64>,
}

impl Data {
    fn read(name: &str) -> Self {
        let table = read_file(folder().join(name), None).unwrap();
        let of = |column: &str| -> Vec<f64> {
            table.numbers(column).unwrap().into_iter().map(|v| v.unwrap_or(f64::NAN)).collect()
        };
        Self { x: of("x"), z: of("z"), c: table.texts("c").unwrap(), truth: of("t"), predicted: of("tp") }
    }

    fn part(&self, rows: std::ops::Range<usize>) -> [Feature<'_>; 3] {
        [
            Feature::Number(&self.x[rows.clone()]),
            Feature::Number(&self.z[rows.clone()]),
            Feature::Category(&self.c[rows]),
        ]
    }

    fn all(&self) -> [Feature<'_>; 3] {
        self.part(0..self.x.len())
    }
}

fn rows(of: &Value, i: usize) -> std::ops::Range<usize> {
    number(&of["chunk_start_index"][i]) as usize..number(&of["chunk_end_index"][i]) as usize + 1
}

#[test]
fn losses_are_estimated_as_by_nannyml() {
    let v = vectors("nannyml");
    let of = &v["dle_lightgbm"];
    let (reference, analysis) = (Data::read("nannyml_ref.parquet"), Data::read("nannyml_ana.parquet"));
    let chunks = by_size(reference.x.len(), rows(of, 0).len());
    for metric in LossMetric::ALL {
        let name = metric.name();
        if of.get(format!("{name}_value")).is_none() {
            continue;
        }
        let fitted =
            DirectLoss::fit(&reference.all(), &reference.predicted, &reference.truth, metric, &chunks)
                .unwrap();
        for (i, period) in of["chunk_period"].as_array().unwrap().iter().enumerate() {
            let data = if period == "reference" { &reference } else { &analysis };
            let wanted = |part: &str| number(&of[format!("{name}_{part}")][i]);
            let rows = rows(of, i);
            let found = fitted.estimate(&data.part(rows.clone()), &data.predicted[rows.clone()]).unwrap();
            close(name, found.value, wanted("value"), EXACT);
            close(name, found.sampling_error, wanted("sampling_error"), EXACT);
            close(name, found.upper, wanted("upper_confidence_boundary"), EXACT);
            close(name, found.lower, wanted("lower_confidence_boundary"), EXACT);
            close(name, found.limits.upper.unwrap_or(f64::NAN), wanted("upper_threshold"), EXACT);
            close(name, found.limits.lower.unwrap_or(f64::NAN), wanted("lower_threshold"), EXACT);
            assert_eq!(f64::from(u8::from(found.alert)), wanted("alert"), "{name}");
            let realized = metric.realized(&data.truth[rows.clone()], &data.predicted[rows]);
            close(name, realized, wanted("realized"), EXACT);
        }
    }
}

/// Categories come first there.
fn order<'a>([x, z, c]: [Feature<'a>; 3]) -> [Feature<'a>; 3] {
    [c, x, z]
}

#[test]
fn chunks_are_told_from_the_reference_as_by_nannyml() {
    let v = vectors("nannyml");
    let of = &v["domain_classifier_lightgbm"];
    let (reference, analysis) = (Data::read("nannyml_ref.parquet"), Data::read("nannyml_ana.parquet"));
    // Each takes five models: some of either period, and the last, which has an alert.
    for (i, period) in of["chunk_period"].as_array().unwrap().iter().enumerate().step_by(4) {
        let rows = rows(of, i);
        let found = if period == "reference" {
            domain_classifier_within(&order(reference.all()), &rows).unwrap()
        } else {
            domain_classifier(&order(reference.all()), &order(analysis.part(rows))).unwrap()
        };
        close("auc", found, number(&of["domain_classifier_auroc_value"][i]), TOLD_APART);
        let alarm = f64::from(u8::from(alert(found, &DOMAIN_LIMITS)));
        assert_eq!(alarm, number(&of["domain_classifier_auroc_alert"][i]));
    }
}
