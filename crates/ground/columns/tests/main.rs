//! Statistics against SciPy and Evidently, profiles of real shapes, and what readers refuse.
#![allow(clippy::unwrap_used, reason = "helpers of tests are test code")]

mod calibrated;
mod evidently;
mod loose;
mod readers;
mod sources;
mod state;

use mlwright_columns as columns;

use columns::{Profile, Table, column, drift};

fn close(found: f64, wanted: f64, tolerance: f64) {
    assert!((found - wanted).abs() <= tolerance, "found {found}, wanted {wanted}");
}

#[test]
fn drift_scores_agree_with_scipy() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../conformance/vectors/drift/scipy.json");
    let golden: serde_json::Value = serde_json::from_slice(&types::io::read(path).unwrap()).unwrap();
    let floats = |v: &serde_json::Value| -> Vec<f64> { serde_json::from_value(v.clone()).unwrap() };
    let counts = |v: &serde_json::Value| -> Vec<u64> { serde_json::from_value(v.clone()).unwrap() };
    let number = |name: &str| golden[name].as_f64().unwrap();
    let (x, y) = (floats(&golden["expected"]), floats(&golden["actual"]));
    let (statistic, p) = drift::kolmogorov_smirnov(&x, &y).unwrap();
    close(statistic, number("ks_statistic"), 1e-12);
    close(p, number("ks_p_exact"), 1e-12);
    close(drift::kolmogorov_smirnov_asymptotic(&x, &y).unwrap().1, number("ks_p_asymptotic"), 1e-12);
    close(drift::wasserstein(&x, &y).unwrap(), number("wasserstein_normed"), 1e-9);
    let (e, a) = (counts(&golden["counts"]["expected"]), counts(&golden["counts"]["actual"]));
    close(drift::jensen_shannon(&e, &a).unwrap(), number("jensenshannon"), 1e-9);
    close(drift::chi_square(&e, &a).unwrap(), number("chi_square_p"), 1e-9);
    close(drift::psi(&e, &a).unwrap(), number("psi"), 1e-9);
}

#[test]
fn what_cannot_be_scored_says_why() {
    assert!(matches!(drift::psi(&[1], &[1, 2]), Err(drift::NotComputable::BinMismatch { .. })));
    assert!(matches!(drift::psi(&[1, 1], &[0, 0]), Err(drift::NotComputable::EmptySample("current"))));
    assert!(drift::wasserstein(&[f64::NAN], &[1.0]).is_err());
}

#[test]
fn a_profile_counts_every_kind_of_value_and_reads_back() {
    let table = Table::new(vec![
        ("x".into(), column::floats([Some(1.0), None, Some(f64::NAN), Some(f64::INFINITY), Some(3.0)])),
        ("t".into(), column::strings([Some("a"), Some("b"), None, Some("a"), Some("a")])),
    ])
    .unwrap();
    let profile = Profile::of(&table).unwrap();
    let x = profile.column("x").unwrap();
    assert_eq!((x.count, x.null_count, x.nan_count, x.inf_count), (4, 1, 1, 1));
    assert_eq!((x.min, x.max, x.mean), (Some(1.0), Some(3.0), Some(2.0)));
    let t = profile.column("t").unwrap();
    assert_eq!((t.count, t.null_count, t.distinct), (4, 1, 2));
    assert_eq!(t.histogram.as_ref().unwrap().counts, [3, 1]);
    let json = serde_json::to_vec(&profile).unwrap();
    assert_eq!(Profile::from_json(&json).unwrap(), profile);
}

#[test]
fn merged_profiles_are_the_profile_of_all_rows() {
    let values: Vec<Option<f64>> =
        (0..100).map(|i| if i % 17 == 0 { None } else { Some(f64::from(i * i % 37)) }).collect();
    let texts = (0..100).map(|i| Some(if i % 3 == 0 { "a" } else { "b" }));
    let all =
        Table::new(vec![("x".into(), column::floats(values)), ("t".into(), column::strings(texts))]).unwrap();
    let whole = Profile::of(&all).unwrap();
    let parts = [all.slice(0, 30), all.slice(30, 70)].map(|t| Profile::like(&t, &whole).unwrap());
    let merged = Profile::merge(&parts[0], &parts[1]).unwrap();
    let (m, w) = (merged.column("x").unwrap(), whole.column("x").unwrap());
    assert_eq!((m.count, m.null_count, m.min, m.max), (w.count, w.null_count, w.min, w.max));
    assert_eq!(m.histogram, w.histogram);
    close(m.mean.unwrap(), w.mean.unwrap(), 1e-12);
    close(m.std.unwrap(), w.std.unwrap(), 1e-12);
    assert_eq!(merged.column("t").unwrap().histogram, whole.column("t").unwrap().histogram);
    // Bins of their own cannot be added.
    let own = Profile::of(&all.slice(0, 30)).unwrap();
    assert!(Profile::merge(&own, &parts[1]).is_err());
}
