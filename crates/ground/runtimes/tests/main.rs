//! Real models of `conformance/models` on a real ONNX Runtime, against what onnxruntime for Python gave.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests may")]

use std::path::PathBuf;
use std::sync::Arc;

use mlwright_runtimes::{
    Column, ColumnSpec, ColumnType, Error, Frame, InputSchema, Model, Runtime, RuntimeConfig, Tabular,
    Tensor, TensorData, Values, tabular,
};
use types::Fault;

/// `None`, loudly, where there is no ONNX Runtime; a failure in CI.
fn runtime() -> Option<Runtime> {
    if std::env::var_os("MLWRIGHT_ONNXRUNTIME").is_none() {
        assert!(std::env::var_os("CI").is_none(), "MLWRIGHT_ONNXRUNTIME is not set, and CI may not skip");
        eprintln!("SKIPPED: set MLWRIGHT_ONNXRUNTIME to a libonnxruntime");
        return None;
    }
    Some(Runtime::new(RuntimeConfig { sessions: 2, ..Default::default() }))
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../conformance/models").join(name)
}

fn load(runtime: &Runtime, name: &str) -> Arc<dyn Model> {
    runtime.load_onnx(&types::io::read(file(&format!("{name}.onnx"))).unwrap()).unwrap()
}

fn expected(name: &str) -> serde_json::Value {
    serde_json::from_slice(&types::io::read(file(&format!("{name}.expected.json"))).unwrap()).unwrap()
}

fn numbers(value: &serde_json::Value) -> Vec<f64> {
    value["data"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn shape(value: &serde_json::Value) -> Vec<i64> {
    serde_json::from_value(value["shape"].clone()).unwrap()
}

fn matrix(expected: &serde_json::Value) -> Tensor {
    let input = &expected["inputs"]["X"];
    let data = numbers(input).into_iter().map(|x| x as f32).collect();
    Tensor::new("X", shape(input), TensorData::F32(data))
}

fn columns(expected: &serde_json::Value) -> (InputSchema, Frame) {
    let names: Vec<String> = serde_json::from_value(expected["columns"].clone()).unwrap();
    let values = numbers(&expected["inputs"]["X"]);
    let width = names.len();
    let specs = names
        .iter()
        .map(|n| ColumnSpec { name: n.clone(), column_type: ColumnType::Double, required: true })
        .collect();
    let columns = names
        .iter()
        .enumerate()
        .map(|(i, name)| Column {
            name: name.as_str().into(),
            values: Values::Float(values.iter().skip(i).step_by(width).copied().collect()),
        })
        .rev()
        .collect();
    (InputSchema::Columns(specs), Frame::new(columns).unwrap())
}

fn close(actual: &[f64], expected: &[f64]) {
    assert_eq!(actual.len(), expected.len());
    for (a, e) in actual.iter().zip(expected) {
        assert!((a - e).abs() <= 1e-6 * e.abs().max(1.0), "{a} is not {e}");
    }
}

#[test]
fn tensors_give_what_onnxruntime_for_python_gives() {
    let Some(runtime) = runtime() else { return };
    for name in ["cancer_logreg", "cancer_logreg_2", "diabetes_linear", "iris_forest"] {
        let model = load(&runtime, name);
        let expected = expected(name);
        let outputs = model.run(&[matrix(&expected)], &[]).unwrap();
        for output in outputs {
            let wanted = &expected["outputs"][&output.name];
            assert_eq!(output.shape, shape(wanted), "{name} {}", output.name);
            match &output.data {
                TensorData::Bytes(texts) => {
                    let texts: Vec<&str> = texts.iter().map(|t| std::str::from_utf8(t).unwrap()).collect();
                    let wanted: Vec<String> = serde_json::from_value(wanted["data"].clone()).unwrap();
                    assert_eq!(texts, wanted);
                }
                data => close(&data.to_f64().unwrap(), &numbers(wanted)),
            }
        }
    }
}

#[test]
fn columns_in_any_order_give_what_the_matrix_gives() {
    let Some(runtime) = runtime() else { return };
    let expected = expected("cancer_logreg");
    let (schema, frame) = columns(&expected);
    let model = Tabular::new(load(&runtime, "cancer_logreg"), &schema).unwrap();
    model.warm_up().unwrap();
    let outputs = model.predict(&frame).unwrap();
    let names: Vec<&str> = outputs.names().collect();
    assert_eq!(names, ["label", "probabilities_0", "probabilities_1"]);
    let both = numbers(&expected["outputs"]["probabilities"]);
    let positive: Vec<f64> = both.iter().skip(1).step_by(2).copied().collect();
    close(&tabular::score(&outputs, "probability").unwrap(), &positive);
    close(&tabular::score(&outputs, "probabilities").unwrap(), &positive);
    close(&tabular::score(&outputs, "probabilities_1").unwrap(), &positive);
    assert_eq!(tabular::scores_by_class(&outputs, "probabilities").unwrap().len(), 2);
    let unknown = tabular::score(&outputs, "margin").unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "the model has no output `margin`; its columns are `label`, `probabilities_0`, `probabilities_1`"
    );
    let tensors = model.inputs(&frame).unwrap();
    let back = model.columns_of(&tensors).unwrap();
    assert_eq!(
        back.names().collect::<Vec<_>>(),
        frame.names().collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>()
    );
}

#[test]
fn one_input_per_column_takes_text_floats_and_whole_numbers() {
    let Some(runtime) = runtime() else { return };
    let expected = expected("cancer_columns");
    let model = Tabular::new(load(&runtime, "cancer_columns"), &InputSchema::Unknown).unwrap();
    let inputs = &expected["inputs"];
    let text: Vec<Option<String>> = serde_json::from_value(inputs["size"]["data"].clone()).unwrap();
    let frame = Frame::new(vec![
        Column { name: "points".into(), values: Values::Float(numbers(&inputs["points"])) },
        Column { name: "size".into(), values: Values::Text(text) },
        Column { name: "radius".into(), values: Values::Float(numbers(&inputs["radius"])) },
    ])
    .unwrap();
    let outputs = model.predict(&frame).unwrap();
    let both = numbers(&expected["outputs"]["probabilities"]);
    let positive: Vec<f64> = both.iter().skip(1).step_by(2).copied().collect();
    close(&tabular::score(&outputs, "probability").unwrap(), &positive);

    let mut fractional = frame.clone();
    fractional.columns[0].values = Values::Float(vec![1.5; frame.rows]);
    assert_eq!(
        model.predict(&fractional).unwrap_err().to_string(),
        "column `points`, row 0: 1.5 is not a whole number"
    );
    let mut number = frame.clone();
    number.columns[1].values = Values::Integer(vec![Some(3); frame.rows]);
    assert_eq!(
        model.predict(&number).unwrap_err().to_string(),
        "column `size`, row 0: 3 is a number; the model takes text"
    );
}

#[test]
fn zipmap_is_refused_with_a_hint() {
    let Some(runtime) = runtime() else { return };
    let bytes = types::io::read(file("cancer_zipmap.onnx")).unwrap();
    let error = runtime.load_onnx(&bytes).err().unwrap();
    assert!(matches!(error, Error::NotTensor { .. }), "{error}");
    assert!(error.to_string().contains("`output_probability`"), "{error}");
    assert!(error.hint().unwrap().contains("zipmap"), "{:?}", error.hint());
}

#[test]
fn wrong_inputs_are_named_and_never_reach_the_model() {
    let Some(runtime) = runtime() else { return };
    let model = load(&runtime, "cancer_logreg");
    let run = |tensors: &[Tensor], wanted: &[&str]| model.run(tensors, wanted).unwrap_err().to_string();
    let good = Tensor::new("X", [1, 8], TensorData::F32(vec![0.0; 8]));
    assert_eq!(run(&[], &[]), "input `X` is missing");
    assert_eq!(
        run(&[Tensor { name: "Y".into(), ..good.clone() }], &[]),
        "unknown input `Y`; the model takes `X`"
    );
    assert_eq!(run(&[good.clone(), good.clone()], &[]), "input `X` is given twice");
    assert_eq!(
        run(&[Tensor::new("X", [1, 8], TensorData::F64(vec![0.0; 8]))], &[]),
        "input `X` has type float64; the model takes float32"
    );
    assert_eq!(
        run(&[Tensor::new("X", [1, 9], TensorData::F32(vec![0.0; 9]))], &[]),
        "input `X` has shape [1, 9]; the model takes [any, 8]"
    );
    assert_eq!(
        run(&[Tensor::new("X", [2, 8], TensorData::F32(vec![0.0; 8]))], &[]),
        "input `X` has 8 values; its shape [2, 8] needs 16"
    );
    let huge = run(&[Tensor::new("X", [i64::MAX, 8], TensorData::F32(vec![0.0; 8]))], &[]);
    assert!(huge.contains("has 8 values"), "{huge}");
    assert_eq!(run(&[good], &["score"]), "unknown output `score`; the model gives `label`, `probabilities`");
}

#[test]
fn wanted_outputs_come_alone_and_in_the_order_asked() {
    let Some(runtime) = runtime() else { return };
    let model = load(&runtime, "cancer_logreg");
    let x = matrix(&expected("cancer_logreg"));
    let names = |wanted: &[&str]| -> Vec<String> {
        model.run(std::slice::from_ref(&x), wanted).unwrap().into_iter().map(|t| t.name).collect()
    };
    assert_eq!(names(&["probabilities"]), ["probabilities"]);
    assert_eq!(names(&["probabilities", "label"]), ["probabilities", "label"]);
}

#[test]
fn missing_columns_are_listed_with_those_that_were_not_used() {
    let Some(runtime) = runtime() else { return };
    let (schema, mut frame) = columns(&expected("cancer_logreg"));
    let model = Tabular::new(load(&runtime, "cancer_logreg"), &schema).unwrap();
    frame.columns[0].name = "Mean radius".into();
    let error = model.predict(&frame).unwrap_err();
    assert_eq!(
        error.to_string(),
        "missing columns: `mean concave points` (given but not used: `Mean radius`)"
    );
    assert!(matches!(model.predict(&Frame::default()), Err(Error::NoRows)));
}

#[test]
fn many_threads_share_a_model() {
    let Some(runtime) = runtime() else { return };
    let model = load(&runtime, "cancer_logreg");
    let expected = expected("cancer_logreg");
    let x = matrix(&expected);
    let wanted = numbers(&expected["outputs"]["probabilities"]);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..200 {
                    let out = model.run(std::slice::from_ref(&x), &["probabilities"]).unwrap();
                    close(&out[0].data.to_f64().unwrap(), &wanted);
                }
            });
        }
    });
}

#[test]
fn bytes_that_are_no_model_are_an_error() {
    let Some(runtime) = runtime() else { return };
    for bytes in [&b""[..], b"not a model", &[0xff; 64]] {
        assert!(matches!(runtime.load_onnx(bytes), Err(Error::Load(_))));
    }
}
