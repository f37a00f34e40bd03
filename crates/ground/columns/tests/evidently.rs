//! Every result of Evidently 0.7.23 that is recorded in `conformance/vectors/drift`: default choices, scores, thresholds and
//! decisions of every method for every column. What cannot agree is named here and in `docs/conformance/statistics.md`.
//! `MLWRIGHT_DRIFT_VECTORS` names another folder of the same shape, which `conformance/vectors/drift/make.py` makes.

use std::collections::BTreeMap;

use columns::Facts;
use columns::drift::{self, Choice, Frame, Kind, Method, Mmd, Options, Pair, compare};
use columns::state::{ColumnState, Summary};
use mlwright_columns as columns;
use serde_json::Value;

const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../conformance/vectors/drift");

fn another() -> Option<String> {
    std::env::var("MLWRIGHT_DRIFT_VECTORS").ok()
}

fn read_at(folder: &str, file: &str) -> Value {
    serde_json::from_slice(&types::io::read(format!("{folder}/{file}")).unwrap()).unwrap()
}

fn read(file: &str) -> Value {
    read_at(KEPT, file)
}

fn number(value: &Value) -> f64 {
    match value.as_str() {
        Some("NaN") => f64::NAN,
        Some("Infinity") => f64::INFINITY,
        Some("-Infinity") => f64::NEG_INFINITY,
        _ => value.as_f64().unwrap(),
    }
}

fn same(found: f64, wanted: f64, absolute: f64, relative: f64) -> bool {
    found == wanted
        || found.is_nan() && wanted.is_nan()
        || (found - wanted).abs() <= absolute + relative * wanted.abs()
}

struct Tally {
    met: usize,
    /// Results that differ where Evidently's own depend on the rounding of sums.
    by_chance: usize,
    missed: Vec<String>,
}

#[test]
fn every_method_scores_and_decides_as_evidently_does() {
    let mut tally = Tally { met: 0, by_chance: 0, missed: Vec::new() };
    let folder = another().unwrap_or_else(|| KEPT.to_owned());
    for group in read_at(&folder, "manifest.json")["groups"].as_array().unwrap() {
        let group = group.as_str().unwrap();
        if group == "embeddings" {
            continue;
        }
        let recorded = read_at(&folder, &format!("{group}.json"));
        let open =
            |side: &str| Frame::open(format!("{folder}/{}", recorded[side].as_str().unwrap())).unwrap();
        let (reference, current) = (open("ref"), open("cur"));
        for (column, wanted) in recorded["columns"].as_object().unwrap() {
            check_column(&mut tally, group, column, wanted, &reference, &current);
        }
    }
    let Tally { met, by_chance, missed } = tally;
    assert!(missed.is_empty(), "{met} met, {} missed:\n{}", missed.len(), missed.join("\n"));
    if another().is_none() {
        assert!(by_chance <= 4, "{by_chance}");
        assert!(met >= 2_400, "{met}");
    }
}

fn check_column(tally: &mut Tally, group: &str, column: &str, wanted: &Value, x: &Frame, y: &Frame) {
    let kind: Kind = wanted["type"].as_str().unwrap().parse().unwrap();
    let (reference, current) = (x.series(column).unwrap(), y.series(column).unwrap());
    let single = format!("{:?}", reference.data_type()) == "Float32";
    let options = |method: Option<Method>| Options {
        kinds: BTreeMap::from([(column.to_owned(), kind)]),
        only: vec![column.to_owned()],
        method: method.map(Choice::Values),
        ..Options::default()
    };
    let mut results: Vec<(Option<Method>, &Value)> = vec![(None, &wanted["default"])];
    let methods = wanted["methods"].as_object().unwrap();
    results.extend(methods.iter().map(|(name, result)| (Some(name.parse::<Method>().unwrap()), result)));
    for (method, result) in results {
        // Its p-value is drawn without a seed: the statistic is compared below.
        if method == Some(Method::EmpiricalMmd) {
            // Squares of narrow integers overflow there.
            if !narrow(&reference) {
                let pair = Pair::of(kind, &reference, &current, false);
                check_mmd(tally, (group, column), wanted, &pair, if single { 1e-5 } else { 1e-9 });
            }
            continue;
        }
        let report = compare(x, y, &options(method)).unwrap();
        let found = &report.columns[0].found;
        let mut missed = Vec::new();
        let mut miss = |what: String| missed.push(format!("{group}/{column} {method:?}: {what}"));
        if let Some(error) = result.get("error") {
            // NumPy 2 breaks Evidently's exact test here; SciPy's own is right.
            let right = &wanted["raw"]["scipy_cvm"]["p"];
            match (error.as_str(), found) {
                (Some("UFuncTypeError"), Ok(found)) if same(found.score, number(right), 1e-6, 0.0) => {}
                (Some("UFuncTypeError"), found) => miss(format!("{found:?}, SciPy has {right}")),
                (_, Ok(_)) if outside(result["message"].as_str().unwrap_or_default()) => {}
                (_, Ok(found)) => miss(format!("{found:?}, where it fails: {}", result["message"])),
                (_, Err(_)) => {}
            }
            tally.met += 1;
            tally.missed.extend(missed);
            continue;
        }
        let Ok(found) = found else {
            miss(format!("{found:?}, wanted {result}"));
            tally.missed.extend(missed);
            continue;
        };
        let name = found.method.parse::<Method>().unwrap();
        let score = number(&result["score"]);
        let agrees = match name {
            Method::TotalVariation => in_band(&reference, &current, kind, found.score, score),
            // With few different values SciPy's rank, and so its p-value, depends on the rounding of sums.
            Method::EppsSingleton if distinct(&reference, &current, kind) <= 4 => {
                let agrees = same(found.score, score, 1e-9, 1e-7);
                tally.by_chance += usize::from(!agrees);
                true
            }
            Method::CramerVonMises => same(found.score, score, 1e-6, 1e-7),
            // Of three or four values Evidently takes one by hash order against the others.
            Method::FisherExact if levels(&reference, &current, kind) > 2 => true,
            _ if single => same(found.score, score, 1e-9, 1e-4),
            _ => same(found.score, score, 1e-9, 1e-7),
        };
        if !agrees {
            miss(format!("score {}, wanted {score}", found.score));
        }
        if name.display_name() != result["display_name"] {
            miss(format!("method {}, wanted {}", name.display_name(), result["display_name"]));
        }
        if found.threshold != number(&result["threshold"]) {
            miss(format!("threshold {}, wanted {}", found.threshold, result["threshold"]));
        }
        let by_hash = name == Method::FisherExact && levels(&reference, &current, kind) > 2;
        if found.drifted != result["drifted"].as_bool().unwrap() && name != Method::TotalVariation && !by_hash
        {
            miss(format!("drifted {}, wanted {} (score {score})", found.drifted, result["drifted"]));
        }
        tally.met += 1;
        tally.missed.extend(missed);
    }
}

/// Errors of Evidently's drawing, after the score is there, and of NumPy where the answer is well defined.
fn outside(message: &str) -> bool {
    ["ScatterAggField", "finite-sized bins", "boolean subtract", "real dtype", "ufunc"]
        .iter()
        .any(|word| message.contains(word))
}

fn distinct(x: &drift::Series, y: &drift::Series, kind: Kind) -> usize {
    match Pair::of(kind, x, y, false) {
        Ok(Pair::Numbers { reference, current }) => {
            let mut all: Vec<f64> = reference.sorted().iter().chain(current.sorted()).copied().collect();
            all.sort_by(f64::total_cmp);
            all.dedup();
            all.len()
        }
        _ => usize::MAX,
    }
}

fn levels(x: &drift::Series, y: &drift::Series, kind: Kind) -> usize {
    match Pair::of(kind, x, y, false) {
        Ok(Pair::Keys { keys, .. }) => keys.len(),
        _ => 0,
    }
}

/// Evidently's p-value depends on how sums of shares round; ties may count or not.
fn in_band(x: &drift::Series, y: &drift::Series, kind: Kind, found: f64, wanted: f64) -> bool {
    let pair = Pair::of(kind, x, y, false).unwrap();
    let above = drift::total_variation_above(&pair).unwrap();
    (above - 1e-9..=found + 1e-9).contains(&wanted)
}

fn narrow(x: &drift::Series) -> bool {
    let data_type = format!("{:?}", x.data_type());
    data_type.contains("Int") && data_type != "Int64" || data_type == "Boolean"
}

fn check_mmd(
    tally: &mut Tally,
    (group, column): (&str, &str),
    wanted: &Value,
    pair: &Result<Pair, drift::NotComputable>,
    absolute: f64,
) {
    let recorded = &wanted["raw"]["mmd_u"];
    let recorded = recorded.get("stat").unwrap_or(recorded);
    if recorded.is_null() || recorded.is_object() {
        return;
    }
    let statistic = number(recorded);
    let found = match pair {
        Ok(Pair::Numbers { reference, current }) => Mmd::of(reference.values(), current.values()),
        _ => return,
    };
    tally.met += 1;
    match found {
        Ok(found) if same(found.statistic, statistic, absolute, 1e-7) => {}
        Ok(found) => {
            tally.missed.push(format!("{group}/{column} mmd: {}, wanted {statistic}", found.statistic))
        }
        Err(why) => tally.missed.push(format!("{group}/{column} mmd: {why}, wanted {statistic}")),
    }
}

#[test]
fn vectors_are_compared_as_evidently_does() {
    let recorded = read("embeddings.json");
    let open = |file: &Value| Frame::open(format!("{KEPT}/{}", file.as_str().unwrap())).unwrap();
    let reference = open(&recorded["ref"]);
    let mut missed = Vec::new();
    for case in recorded["cases"].as_array().unwrap() {
        let current = open(&case["cur"]);
        let method = case["method"].as_str().unwrap();
        let options = Options {
            vectors: BTreeMap::from([("embedding".to_owned(), reference.columns())]),
            column_methods: BTreeMap::from([("embedding".to_owned(), method.parse().unwrap())]),
            ..Options::default()
        };
        let report = compare(&reference, &current, &options).unwrap();
        let found = report.columns[0].found.as_ref().unwrap();
        let score = number(&case["score"]);
        if !same(found.score, score, 1e-9, 1e-7) || found.drifted != case["drifted"].as_bool().unwrap() {
            missed.push(format!(
                "{} {method}: {} {}, wanted {score} {}",
                case["cur"], found.score, found.drifted, case["drifted"]
            ));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// The presets' own runs: which columns count as drifted, their share, and the scores of each column.
#[test]
fn data_sets_drift_as_evidently_says() {
    let mut missed = Vec::new();
    let mut met = 0;
    let groups = read("manifest.json");
    let groups = groups["groups"].as_array().unwrap().iter().map(|g| g.as_str().unwrap().to_owned());
    for group in groups.filter(|g| g != "embeddings") {
        let recorded = read(&format!("{group}.json"));
        let preset = &recorded["preset"];
        let Some(metrics) = preset["metrics"].as_array() else { continue };
        let open = |side: &str| Frame::open(format!("{KEPT}/{}", recorded[side].as_str().unwrap())).unwrap();
        let kinds = recorded["types"].as_object().unwrap().iter();
        let kinds = kinds.map(|(c, k)| (c.clone(), k.as_str().unwrap().parse().unwrap())).collect();
        let options = Options { kinds, ..Options::default() };
        let report = compare(&open("ref"), &open("cur"), &options).unwrap();
        let count = &metrics[0]["value"];
        met += 1;
        if report.count as f64 != number(&count["count"])
            || !same(report.share, number(&count["share"]), 1e-9, 0.0)
        {
            missed.push(format!("{group}: {} {}, wanted {count}", report.count, report.share));
        }
        let status = preset["tests"][0]["status"].as_str().unwrap();
        if report.drifted != (status == "FAIL") {
            missed.push(format!("{group}: drifted {}, wanted {status}", report.drifted));
        }
    }
    assert!(missed.is_empty(), "{met}:\n{}", missed.join("\n"));
    assert!(met > 15, "{met}");
}

/// The values of Evidently's data summary that our profiles have too.
#[test]
fn data_summaries_have_evidentlys_values() {
    let mut met = 0;
    for preset in ["data_summary", "data_summary_noref", "column_metrics"] {
        let recorded = read(&format!("presets/{preset}.json"));
        let frame = Frame::open(format!("{KEPT}/presets/{preset}.cur.parquet")).unwrap();
        let facts = Facts::of(&frame).unwrap();
        for metric in recorded["metrics"].as_array().unwrap() {
            let (config, value) = (&metric["config"], &metric["value"]);
            let kind = config["type"].as_str().unwrap().rsplit(':').next().unwrap();
            let whole = |count: usize| Some(count as f64);
            let found = match kind {
                "RowCount" => Some(facts.rows as f64),
                "ColumnCount" if config.get("column_type").is_none_or(Value::is_null) => {
                    Some(facts.columns as f64)
                }
                "DuplicatedRowCount" => Some(facts.duplicated_rows as f64),
                "DuplicatedColumnsCount" => whole(facts.duplicated_columns.len()),
                "AlmostDuplicatedColumnsCount" => {
                    facts.almost_duplicated_columns.as_ref().map(|c| c.len() as f64)
                }
                "AlmostConstantColumnsCount" => whole(facts.almost_constant_columns.len()),
                "ConstantColumnsCount" => whole(facts.constant_columns.len()),
                "EmptyRowsCount" => Some(facts.empty_rows as f64),
                "EmptyColumnsCount" => whole(facts.empty_columns.len()),
                _ => None,
            };
            if let Some(found) = found {
                assert!(same(found, number(value), 0.0, 0.0), "{preset} {kind}: {found}, wanted {value}");
                met += 1;
            }
            if kind == "DatasetMissingValueCount" {
                assert_eq!(facts.missing_values as f64, number(&value["count"]), "{preset}");
                met += 1;
            }
            // Infinities are counted apart here.
            let Some(column) = config["column"].as_str().filter(|c| *c != "income") else { continue };
            let state = ColumnState::of(&frame.series(column).unwrap(), drift::Tier::Exact).unwrap();
            let summary = Summary::of(&state);
            let moments = summary.moments.as_ref();
            let quantile = |q: f64| {
                let place = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99].iter().position(|s| *s == q);
                place.and_then(|place| summary.quantiles.as_ref().map(|all| all[place]))
            };
            let found = match kind {
                "MinValue" => moments.and_then(|m| m.min),
                "MaxValue" => moments.and_then(|m| m.max),
                "MeanValue" => moments.and_then(|m| m.mean()),
                "StdValue" => moments.and_then(|m| m.std()),
                "MedianValue" => quantile(0.5),
                "QuantileValue" => config["quantile"].as_f64().and_then(quantile),
                _ => None,
            };
            if let Some(found) = found {
                assert!(
                    same(found, number(value), 1e-9, 1e-7),
                    "{preset} {kind} {column}: {found}, wanted {value}"
                );
                met += 1;
            }
        }
    }
    assert!(met > 80, "{met}");
}
