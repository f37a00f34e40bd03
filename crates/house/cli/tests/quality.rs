//! `drift` and `profile` on files, without a server: what they print, and how they end.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::process::{Command, Output};

use serde_json::{Value, json};

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../conformance/vectors/drift");

fn mlwright(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mlwright"));
    command.args(arguments).env_remove("MLWRIGHT_URL").env("NO_COLOR", "1").output().unwrap()
}

fn drift(reference: &str, current: &str, more: &[&str]) -> Output {
    let mut arguments = vec!["drift", "--reference", reference, "--current", current];
    arguments.extend_from_slice(more);
    mlwright(&arguments)
}

fn answer(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"))
}

#[test]
fn a_report_is_json_alone_and_the_exit_code_says_whether_there_is_drift() {
    let recorded: Value =
        serde_json::from_slice(&types::io::read(format!("{VECTORS}/edges_num.json")).unwrap()).unwrap();
    let file = |side: &str| format!("{VECTORS}/{}", recorded[side].as_str().unwrap());
    let (reference, current) = (file("ref"), file("cur"));
    let output = drift(&reference, &current, &["--method", "wasserstein", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let report = answer(&output);
    assert_eq!(report["drifted"], true);
    for column in report["columns"].as_array().unwrap() {
        let wanted = &recorded["columns"][column["column"].as_str().unwrap()]["methods"]["wasserstein"];
        match column.get("not_computable") {
            Some(why) => assert!(wanted.get("error").is_some(), "{column} {why}"),
            None => {
                let apart = column["score"].as_f64().unwrap() - wanted["score"].as_f64().unwrap();
                assert!(apart.abs() <= 1e-7 * wanted["score"].as_f64().unwrap() + 1e-9, "{column} {wanted}");
                assert_eq!((&column["mode"], &column["tier"]), (&json!("parity"), &json!("exact")));
            }
        }
    }
    // A file against itself.
    let output = drift(&reference, &reference, &["--only", "const_same,nan_some", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let output = drift(&reference, &reference, &["--only", "const_same", "--method", "t_test", "--json"]);
    assert_eq!(answer(&output)["columns"][0]["score"], "NaN");
}

#[test]
fn what_is_asked_wrongly_ends_with_2_and_says_what_to_do() {
    for (arguments, said) in [
        (
            vec!["drift", "--reference", "nowhere.csv", "--current", "nowhere.csv"],
            "there is no file `nowhere.csv`",
        ),
        (vec!["drift", "--reference", "a.csv"], "--current"),
        (vec!["profile", "nowhere.parquet"], "there is no file"),
    ] {
        let output = mlwright(&arguments);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(said), "{error}");
        assert!(output.stdout.is_empty());
    }
    let file = format!("{VECTORS}/inputs/iris_halves.ref.parquet");
    for more in
        [["--method", "magic"], ["--column", "none=ks"], ["--type", "x=colour"], ["--threshold", "x=y"]]
    {
        let output = drift(&file, &file, &more);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
}

#[test]
fn csv_and_json_lines_are_compared_with_each_other_and_odd_columns_do_not_stop_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let rows = |range: std::ops::Range<i32>, odd: &str| -> String {
        range.map(|i| format!("{},{},{odd}\n", i * 7 % 31, if i % 3 == 0 { "a" } else { "b" })).collect()
    };
    types::io::write(path("a.csv"), format!("x,kind,odd\n{}", rows(0..60, "1"))).unwrap();
    types::io::write(path("b.csv"), format!("x,kind,odd\n{}7,a,what?\n", rows(0..59, "1"))).unwrap();
    let lines: String = (0..60).map(|i| format!("{{\"x\": {}, \"kind\": \"c\"}}\n", i % 31)).collect();
    types::io::write(path("c.jsonl"), lines).unwrap();
    let report = answer(&drift(&path("a.csv"), &path("b.csv"), &["--json", "--mode", "calibrated"]));
    let of = |report: &Value, name: &str| -> Value {
        report["columns"].as_array().unwrap().iter().find(|c| c["column"] == name).unwrap().clone()
    };
    assert_eq!(of(&report, "x")["drifted"], false);
    assert_eq!(of(&report, "kind")["drifted"], false);
    assert_eq!(of(&report, "odd")["type"], "cat");
    let report = answer(&drift(&path("a.csv"), &path("c.jsonl"), &["--json", "--type", "x=num"]));
    assert_eq!(of(&report, "kind")["drifted"], true);
    assert!(of(&report, "odd")["not_computable"].as_str().unwrap().contains("missing in the current"));
    let text = drift(&path("a.csv"), &path("c.jsonl"), &["--type", "x=num"]);
    let shown = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(shown.contains("kind") && shown.contains("DRIFT") && shown.contains("not computable"), "{shown}");
}

#[test]
fn a_profile_says_what_columns_look_like_in_either_tier() {
    let file = format!("{VECTORS}/presets/data_summary.cur.parquet");
    let exact = answer(&mlwright(&["profile", &file, "--json"]));
    let streaming = answer(&mlwright(&["profile", &file, "--json", "--streaming"]));
    assert_eq!((&exact["rows"], &streaming["rows"]), (&json!(407), &json!(407)));
    for (profile, tier) in [(&exact, "exact"), (&streaming, "streaming")] {
        let age = profile["columns"].as_array().unwrap().iter().find(|c| c["column"] == "age").unwrap();
        assert_eq!((&age["tier"], &age["nulls"]), (&json!(tier), &json!(40)));
        assert!((age["mean"].as_f64().unwrap() - 41.457_493_188_010_9).abs() < 1e-9);
        assert!((age["quantiles"]["p50"].as_f64().unwrap() - 41.6).abs() < 0.5);
    }
    let shown = mlwright(&["profile", &file]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("income"));
}

/// A line of CSV a row: `y` goes with `x`, or against it.
fn together(rows: i32, sign: i32) -> String {
    let each = (0..rows).map(|i| {
        let x = i * 37 % 101 - 50;
        format!("{x},{},{}\n", sign * x + i * 13 % 7 - 3, if i % 2 == 0 { "a" } else { "b" })
    });
    format!("x,y,kind\n{}", each.collect::<String>())
}

#[test]
fn rows_as_a_whole_are_told_apart_where_no_column_alone_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    types::io::write(path("a.csv"), together(303, 1)).unwrap();
    types::io::write(path("b.csv"), together(303, -1)).unwrap();
    assert_eq!(answer(&drift(&path("a.csv"), &path("b.csv"), &["--json"]))["drifted"], false);
    for (current, code) in [("b.csv", 1), ("a.csv", 0)] {
        let output = drift(&path("a.csv"), &path(current), &["--method", "domain_classifier", "--json"]);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let all = answer(&output)["columns"][0].clone();
        assert_eq!(
            (&all["column"], &all["tier"], &all["threshold"]),
            (&json!("*"), &json!("exact"), &json!(0.65))
        );
        assert_eq!(all["score"].as_f64().unwrap() > 0.9, code == 1, "{all}");
    }
    let calibrated = ["--method", "domain_classifier", "--mode", "calibrated", "--only", "x,kind"];
    let output = drift(&path("a.csv"), &path("b.csv"), &calibrated);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("by 2 columns"), "{output:?}");
    for more in [["--column", "x=ks"], ["--threshold", "0.2"], ["--share", "0.5"]] {
        let output =
            drift(&path("a.csv"), &path("b.csv"), &[&["--method", "domain_classifier"][..], &more].concat());
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
}

#[test]
fn a_regression_without_labels_is_judged_by_a_reference_with_labels() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    // Of rows of `b` the loss is ten times as large.
    let rows = |every: u32, labels: bool| -> String {
        let each = (0..600_i32).map(|i| {
            // As good as by chance.
            let b = (((i as u32).wrapping_mul(2_654_435_761) >> 16) & 0xff) < 256 / every;
            let loss = (if b { 10 } else { 1 }) * (if i % 2 == 0 { 1 } else { -1 });
            let label = if labels { format!(",{}", 100 + i % 50 + loss) } else { String::new() };
            format!("{},{},{}{label}\n", if b { "b" } else { "a" }, i % 50, 100 + i % 50)
        });
        format!("kind,x,predicted{}\n{}", if labels { ",price" } else { "" }, each.collect::<String>())
    };
    types::io::write(path("known.csv"), rows(10, true)).unwrap();
    types::io::write(path("usual.csv"), rows(10, false)).unwrap();
    types::io::write(path("worse.csv"), rows(2, false)).unwrap();
    for (data, code) in [("usual.csv", 0), ("worse.csv", 1)] {
        let known = path("known.csv");
        let output = mlwright(&[
            "evaluate",
            &path(data),
            "--reference",
            &known,
            "--label",
            "price",
            "--prediction",
            "predicted",
            "--task",
            "regression",
            "--chunk",
            "100",
            "--json",
        ]);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let found = answer(&output);
        let metrics = found["estimated"][0]["metrics"].as_array().unwrap();
        let mae = metrics.iter().find(|m| m["metric"] == "mae").unwrap();
        let wanted = if code == 0 { 1.9 } else { 5.5 };
        assert!((mae["value"].as_f64().unwrap() - wanted).abs() < 1.2, "{mae}");
    }
}

#[test]
fn rows_of_test_data_unlike_the_data_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    types::io::write(path("train.csv"), together(1000, 1)).unwrap();
    types::io::write(path("odd.csv"), format!("{}5,900,a\n", together(50, 1))).unwrap();
    let (train, odd) = (path("train.csv"), path("odd.csv"));
    let output =
        mlwright(&["verify", &train, "--test", &odd, "--checks", "novelty,stream_outliers", "--json"]);
    let found = answer(&output);
    let novelty = &found["findings"][0];
    assert_eq!((&novelty["check"], &novelty["verdict"]), (&json!("novelty"), &json!("warn")), "{novelty}");
    assert_eq!(
        (&novelty["evidence"][0]["row"], &novelty["evidence"][0]["column"]),
        (&json!(51), &json!("y"))
    );
    assert_eq!(found["findings"][1]["verdict"], "pass");
}
