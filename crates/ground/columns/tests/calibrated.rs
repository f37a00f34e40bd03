//! The calibrated mode: false alarms at the stated rate on windows without drift, and drift found where there is some.

use columns::drift::{Choice, Frame, Method, Mode, Options, Report, compare};
use columns::random::MersenneTwister;
use columns::{Table, column};
use mlwright_columns as columns;

/// Standard normal numbers, whole numbers, and two columns of categories.
fn window(random: &mut MersenneTwister, rows: usize, shift: f64) -> Frame {
    let mut normal = || {
        let (u, v) = (1.0 - random.uniform(), random.uniform());
        (-2.0 * u.ln()).sqrt() * (2.0 * std::f64::consts::PI * v).cos() + shift
    };
    let x: Vec<Option<f64>> = (0..rows).map(|_| Some(normal())).collect();
    let skewed: Vec<Option<f64>> = (0..rows).map(|_| Some((1.5 * normal()).exp())).collect();
    let few: Vec<Option<i64>> = (0..rows).map(|_| Some((normal() * 1.5).round() as i64)).collect();
    let rare: Vec<Option<String>> =
        (0..rows).map(|_| Some(format!("c{}", (normal().abs() * 4.0) as i64))).collect();
    let table = Table::new(vec![
        ("x".into(), column::floats(x)),
        ("skewed".into(), column::floats(skewed)),
        ("few".into(), column::integers(few)),
        ("rare".into(), column::strings(rare)),
    ])
    .unwrap();
    Frame::of_table("window", table)
}

fn compared(reference: &Frame, current: &Frame, mode: Mode, method: Option<Method>) -> Report {
    let options = Options { mode, method: method.map(Choice::Values), ..Options::default() };
    compare(reference, current, &options).unwrap()
}

#[test]
fn windows_without_drift_raise_alarms_at_the_stated_rate() {
    for (rows, method) in [(60, None), (150, None), (100, Some(Method::Psi))] {
        let mut random = MersenneTwister::new(7);
        let (mut calibrated, mut fixed) = (0, 0);
        for _ in 0..60 {
            let (reference, current) = (window(&mut random, rows, 0.0), window(&mut random, rows, 0.0));
            calibrated += usize::from(compared(&reference, &current, Mode::Calibrated, method).drifted);
            fixed += usize::from(compared(&reference, &current, Mode::Parity, method).count > 0);
        }
        // 5 % of 60 are 3; more than 8 come with a probability below 1 %.
        assert!(calibrated <= 8, "{calibrated} of 60 windows of {rows} rows");
        if method == Some(Method::Psi) {
            assert!(fixed > 45, "{fixed}");
        }
    }
}

#[test]
fn drift_is_found() {
    let mut random = MersenneTwister::new(11);
    for method in [None, Some(Method::Psi)] {
        let (reference, current) = (window(&mut random, 300, 0.0), window(&mut random, 300, 0.7));
        let report = compared(&reference, &current, Mode::Calibrated, method);
        assert!(report.drifted && report.count >= 3, "{report:?}");
    }
}

#[test]
fn odd_columns_say_what_they_are_and_the_others_are_compared() {
    let table = |columns| Frame::of_table("t", Table::new(columns).unwrap());
    let nulls = || column::floats(vec![None::<f64>; 40]);
    let numbers = || column::floats((0..40).map(|i| Some(f64::from(i))));
    let texts = || column::strings((0..40).map(|i| Some(format!("t{}", i % 3))));
    let reference = table(vec![
        ("nulls".into(), nulls()),
        ("x".into(), numbers()),
        ("gone".into(), numbers()),
        ("turned".into(), numbers()),
        ("same".into(), column::floats(vec![Some(1.0); 40])),
    ]);
    let current = table(vec![
        ("nulls".into(), nulls()),
        ("x".into(), numbers()),
        ("new".into(), numbers()),
        ("turned".into(), texts()),
        ("same".into(), column::floats(vec![Some(1.0); 40])),
    ]);
    for mode in [Mode::Parity, Mode::Calibrated] {
        for method in Method::ALL.into_iter().map(Some).chain([None]) {
            let report = compared(&reference, &current, mode, method);
            let of = |name: &str| report.columns.iter().find(|c| c.column == name).unwrap();
            assert!(of("nulls").found.is_err() && of("gone").found.is_err() && of("new").found.is_err());
            if method.is_none() {
                assert!(of("x").found.as_ref().is_ok_and(|f| !f.drifted));
                assert!(of("turned").found.as_ref().is_ok_and(|f| f.drifted), "{:?}", of("turned"));
            }
        }
    }
}
