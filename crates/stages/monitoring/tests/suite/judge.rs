use columns::{Table, column};
use mlwright_monitoring as monitoring;
use monitoring::{Baseline, FeatureRule, Method, MonitorSpec, judge};

use crate::house::{rows, spec, table, uniform};

fn with(method: Method, threshold: f64) -> MonitorSpec {
    MonitorSpec { method, threshold, ..spec(types::Digest::of("")) }
}

#[test]
fn every_method_is_quiet_without_drift_and_tells_it() {
    let baseline = Baseline::of(&table(&rows(5_000, 1, 0)), 10).unwrap();
    let methods = [
        (Method::Psi, 0.2),
        (Method::Ks, 0.001),
        (Method::Jensenshannon, 0.15),
        (Method::Wasserstein, 0.2),
        (Method::ChiSquare, 0.001),
    ];
    for (method, threshold) in methods {
        let spec = with(method, threshold);
        let quiet = judge(&spec, &baseline, &table(&rows(1_000, 2, 0))).unwrap();
        assert!(!quiet.drifted, "{method:?}: {:?}", quiet.features);
        let told = judge(&spec, &baseline, &table(&rows(1_000, 3, 5))).unwrap();
        assert!((told.share - 1.0).abs() < 1e-9, "{method:?}: {:?}", told.features);
    }
}

#[test]
fn a_small_window_from_the_baseline_needs_the_calibrated_threshold() {
    let baseline = Baseline::of(&table(&rows(5_000, 1, 0)), 10).unwrap();
    let strict = with(Method::Psi, 0.05);
    let (mut fixed, mut calibrated) = (0, 0);
    for seed in 10..60 {
        let window = table(&rows(60, seed, 0));
        calibrated += usize::from(judge(&strict, &baseline, &window).unwrap().drifted);
        let rough = MonitorSpec { calibrate: false, ..strict.clone() };
        fixed += usize::from(judge(&rough, &baseline, &window).unwrap().drifted);
    }
    assert!(fixed > 40, "{fixed}");
    assert!(calibrated <= 1, "{calibrated}");
}

#[test]
fn values_that_stop_coming_are_drift_and_a_growing_gap_too() {
    let baseline = Baseline::of(&table(&rows(5_000, 1, 0)), 10).unwrap();
    let none = Table::new(vec![("x0".into(), column::floats(vec![None; 500]))]).unwrap();
    let judged = judge(&with(Method::Ks, 0.05), &baseline, &none).unwrap();
    assert!(judged.features[0].drifted && judged.features[0].score.is_none());
    assert_eq!(judged.features[0].reason.as_deref(), Some("every value of the window is missing"));
    let half = uniform(500, 4).into_iter().enumerate().map(|(i, v)| (i % 2 == 0).then_some(v));
    let half = Table::new(vec![("x0".into(), column::floats(half))]).unwrap();
    let judged = judge(&with(Method::Psi, 0.2), &baseline, &half).unwrap();
    assert!(judged.features[0].drifted, "{:?}", judged.features);
    assert!((judged.features[0].current_missing - 0.5).abs() < 1e-9);
}

#[test]
fn columns_of_one_side_and_ignored_ones_are_left_out() {
    let baseline = Baseline::of(&table(&rows(1_000, 1, 0)), 10).unwrap();
    let mut window = rows(1_000, 2, 0);
    window.remove(1);
    window.push(("unknown".into(), runtimes::Values::Float(uniform(1_000, 3))));
    let mut spec = with(Method::Psi, 0.2);
    spec.features.insert("x2".into(), FeatureRule { ignore: true, ..Default::default() });
    let judged = judge(&spec, &baseline, &table(&window)).unwrap();
    let names: Vec<_> = judged.features.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["x0", "x3", "kind"]);
}

#[test]
fn the_project_files_form_of_a_monitor_is_understood() {
    let spec: MonitorSpec = serde_json::from_value(serde_json::json!({
        "name": "visits-drift", "endpoint": "visits",
        "baseline": {"pipeline": "train", "step": "split", "output": "train.parquet"},
        "window": {"rows": 1000}, "method": "psi", "threshold": 0.2, "share": 0.2, "consecutive": 1,
    }))
    .unwrap();
    assert_eq!((spec.window.rows, spec.bins, spec.calibrate), (1000, 10, true));
}

#[test]
fn windows_say_how_much_is_outside_of_what_the_baseline_knew() {
    let baseline = Baseline::of(&table(&rows(5_000, 1, 0)), 10).unwrap();
    let judged = judge(&with(Method::Psi, 0.2), &baseline, &table(&rows(1_000, 3, 5))).unwrap();
    let of = |name: &str| judged.features.iter().find(|f| f.name == name).unwrap();
    assert!((of("x0").out_of_range - 0.5).abs() < 0.06, "{}", of("x0").out_of_range);
    assert!((of("kind").unseen - 0.8).abs() < 0.06, "{}", of("kind").unseen);
}
