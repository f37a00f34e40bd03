use std::collections::BTreeSet;

use mlwright_statistics::streams::{Adwin, Ddm, Detector, Eddm, HddmA, HddmW, PageHinkley, Signal};

use super::{numbers, places, vectors};

#[test]
fn detectors_alarm_where_river_does() {
    let v = vectors("river_drift");
    let mut compared = 0;
    for (stream, case) in v["streams"].as_object().unwrap() {
        let values = numbers(&case["x"]);
        for (name, wanted) in case["detections"].as_object().unwrap() {
            let mut detector: Box<dyn Detector> = match name.as_str() {
                "ADWIN" => Box::new(Adwin::default()),
                "ADWIN_0.05" => Box::new(Adwin::new(0.05)),
                "PageHinkley" => Box::new(PageHinkley::default()),
                "PageHinkley_t20" => Box::new(PageHinkley::new(20.0)),
                "DDM" => Box::new(Ddm::default()),
                "EDDM" => Box::new(Eddm::default()),
                "HDDM_A" => Box::new(HddmA::default()),
                "HDDM_W" => Box::new(HddmW::default()),
                other => panic!("{other} is unknown"),
            };
            let signals: Vec<Signal> = values.iter().map(|v| detector.update(*v)).collect();
            let at = |signal: Signal| -> Vec<usize> {
                signals.iter().enumerate().filter(|(_, s)| **s == signal).map(|(i, _)| i).collect()
            };
            let drifts = places(&wanted["drift_at"]);
            assert_eq!(at(Signal::Drift), drifts, "{name} on {stream}");
            // The file has the first 50 warnings; a warning beside a drift is part of the drift here.
            let listed = places(&wanted["warning_at"]);
            let known: BTreeSet<usize> = drifts.into_iter().collect();
            let wanted: Vec<usize> = listed.iter().copied().filter(|i| !known.contains(i)).collect();
            let found = at(Signal::Warning);
            let end = if listed.len() < 50 { usize::MAX } else { listed[49] };
            let found: Vec<usize> = found.into_iter().filter(|i| *i <= end).collect();
            assert_eq!(found, wanted, "{name} warns on {stream}");
            compared += 1;
        }
    }
    assert!(compared > 20);
}
