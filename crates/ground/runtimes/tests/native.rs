//! Model directories of `conformance/native/models`, against what their libraries answered; hostile files; explanations.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may")]

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use mlwright_runtimes::explain::{Explainer, Explanation, Tree, Trees};
use mlwright_runtimes::native::{Format, Source, load};
use mlwright_runtimes::{
    Column, Error, Frame, InputSchema, MlModel, Tabular, Tensor, TensorData, Values, tabular,
};
use serde_json::Value;

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../conformance").join(name)
}

fn json(path: PathBuf) -> Value {
    serde_json::from_slice(&types::io::read(path).unwrap()).unwrap()
}

struct Sample {
    tabular: Tabular,
    source: Source,
    bytes: Vec<u8>,
    schema: InputSchema,
    frame: Frame,
    expected: Value,
}

fn sample(name: &str) -> Sample {
    let dir = folder("native/models").join(name);
    let about = MlModel::parse(&types::io::read_to_string(dir.join("MLmodel")).unwrap()).unwrap();
    let source = Source::of(&about).unwrap();
    let bytes = types::io::read(dir.join(&source.path)).unwrap();
    let (model, schema) = load(&source, &bytes, &about.inputs).unwrap();
    let expected = json(dir.join("expected.json"));
    let names: Vec<String> = serde_json::from_value(expected["columns"].clone()).unwrap();
    let rows = expected["rows"].as_array().unwrap();
    let columns = names.iter().enumerate().map(|(i, name)| Column {
        name: name.as_str().into(),
        values: Values::Float(rows.iter().map(|r| r[i].as_f64().unwrap_or(f64::NAN)).collect()),
    });
    let frame = Frame::new(columns.collect()).unwrap();
    Sample {
        tabular: Tabular::new(model, &schema).unwrap(),
        source,
        bytes,
        schema: about.inputs,
        frame,
        expected,
    }
}

fn floats(value: &Value) -> Vec<f64> {
    fn gather(value: &Value, out: &mut Vec<f64>) {
        match value {
            Value::Array(items) => items.iter().for_each(|i| gather(i, out)),
            other => out.push(other.as_f64().unwrap_or(f64::NAN)),
        }
    }
    let mut out = Vec::new();
    gather(value, &mut out);
    out
}

fn outputs(sample: &Sample) -> Vec<Tensor> {
    let inputs = sample.tabular.inputs(&sample.frame).unwrap();
    sample.tabular.model().run(&inputs, &[]).unwrap()
}

fn close(actual: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
        assert!((a - e).abs() <= tolerance * e.abs().max(1.0), "{what}, value {i}: {a} is not {e}");
    }
}

#[test]
fn mlflow_directories_answer_what_their_libraries_answer() {
    // Of models in single precision the sums are made in another order.
    let tolerances = [
        ("sk_forest", 1e-15),
        ("sk_scaler_logreg", 1e-6),
        ("xgb_ubj", 0.0),
        ("xgb_booster_json", 0.0),
        ("lgbm_booster", 1e-15),
    ];
    for (name, tolerance) in tolerances {
        let sample = sample(name);
        for output in outputs(&sample) {
            let expected = &sample.expected[&output.name];
            let what = format!("{name} {}", output.name);
            let shape: Vec<i64> = serde_json::from_value(expected["shape"].clone()).unwrap();
            assert_eq!(output.shape, shape, "{what}");
            let tolerance = if output.name == "predict" && name.starts_with("sk") { 0.0 } else { tolerance };
            close(&output.data.to_f64().unwrap(), &floats(&expected["data"]), tolerance, &what);
        }
        let prediction = sample.tabular.model().prediction().unwrap().to_owned();
        let bare = outputs(&sample).into_iter().find(|o| o.name == prediction).unwrap();
        let pyfunc = floats(&sample.expected["pyfunc_predict"]["data"]);
        close(&bare.data.to_f64().unwrap(), &pyfunc, tolerance, name);
    }
}

#[test]
fn one_row_and_many_rows_give_the_same_bits() {
    for name in ["sk_forest", "xgb_ubj", "lgbm_booster"] {
        let sample = sample(name);
        let input = sample.tabular.inputs(&sample.frame).unwrap().remove(0);
        let model = Arc::clone(sample.tabular.model());
        let all = model.run(std::slice::from_ref(&input), &[]).unwrap();
        let repeated = repeat(&input, 40);
        let many = model.run(&[repeated], &[]).unwrap();
        for (one, many) in all.iter().zip(&many) {
            let (one, many) = (one.data.to_f64().unwrap(), many.data.to_f64().unwrap());
            assert_eq!(one.repeat(40), many, "{name}");
        }
        for row in 0..input.rows() {
            let single = model.run(&[row_of(&input, row)], &[]).unwrap();
            for (one, all) in single.iter().zip(&all) {
                let width = all.width();
                assert_eq!(
                    one.data.to_f64().unwrap(),
                    all.data.to_f64().unwrap()[row * width..(row + 1) * width]
                );
            }
        }
    }
}

fn repeat(tensor: &Tensor, times: usize) -> Tensor {
    let data = match &tensor.data {
        TensorData::F32(v) => TensorData::F32(v.repeat(times)),
        TensorData::F64(v) => TensorData::F64(v.repeat(times)),
        _ => panic!("no matrix"),
    };
    Tensor::new(tensor.name.clone(), [tensor.shape[0] * times as i64, tensor.shape[1]], data)
}

fn row_of(tensor: &Tensor, row: usize) -> Tensor {
    let width = tensor.width();
    let range = row * width..(row + 1) * width;
    let data = match &tensor.data {
        TensorData::F32(v) => TensorData::F32(v[range].to_vec()),
        TensorData::F64(v) => TensorData::F64(v[range].to_vec()),
        _ => panic!("no matrix"),
    };
    Tensor::new(tensor.name.clone(), [1, width as i64], data)
}

#[test]
fn probabilities_are_found_among_scores_of_several_kinds() {
    let sample = sample("sk_scaler_logreg");
    let outputs = sample.tabular.predict(&sample.frame).unwrap();
    let last: Vec<f64> =
        floats(&sample.expected["predict_proba"]["data"]).into_iter().skip(2).step_by(3).collect();
    close(&tabular::score(&outputs, "probability").unwrap(), &last, 1e-6, "probability");
    assert_eq!(tabular::scores_by_class(&outputs, "probabilities").unwrap().len(), 3);
}

#[test]
fn the_method_of_the_pyfunc_is_the_first_output() {
    let Sample { mut source, bytes, schema, .. } = sample("sk_forest");
    source.method = "predict_proba".into();
    let (model, _) = load(&source, &bytes, &schema).unwrap();
    assert_eq!(model.prediction(), Some("predict_proba"));
    assert_eq!(model.outputs()[0].shape, [-1, 3]);
    source.method = "predict_log_proba".into();
    assert!(matches!(load(&source, &bytes, &schema), Err(Error::Unsupported(_))));
}

#[test]
fn missing_values_are_refused_where_scikit_learn_refuses_them() {
    let mut sample = sample("sk_scaler_logreg");
    sample.frame.columns[2].values = Values::Float(vec![f64::NAN; sample.frame.rows]);
    let error = sample.tabular.predict(&sample.frame).unwrap_err();
    assert!(error.to_string().contains("NaN"), "{error}");
    assert!(matches!(error, Error::Unfit(_)));
}

#[test]
fn damaged_files_are_errors_and_nothing_worse() {
    for name in ["sk_forest", "sk_scaler_logreg", "xgb_ubj", "xgb_booster_json", "lgbm_booster"] {
        let Sample { source, bytes, schema, .. } = sample(name);
        for cut in [0, 1, 4, 100, bytes.len() / 2, bytes.len() - 1] {
            let _ = load(&source, &bytes[..cut], &schema);
        }
        // A cheap generator: the same damage in every run.
        let mut state = 0x9e37_79b9_u64;
        for _ in 0..300 {
            let mut damaged = bytes.clone();
            for _ in 0..4 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let at = (state >> 33) as usize % damaged.len();
                damaged[at] = (state >> 24) as u8;
            }
            if let Ok((model, _)) = load(&source, &damaged, &schema) {
                let _ = tabular::warm_up(model.as_ref());
            }
        }
    }
}

#[test]
fn trees_that_loop_or_point_outside_are_refused() {
    let dir = folder("native/models/xgb_booster_json");
    let good = json(dir.join("model.json"));
    let source =
        Source { format: Format::XgBoost, path: String::new(), class: None, method: "predict".into() };
    let spoiled = |key: &str, value: Value| {
        let mut model = good.clone();
        model["learner"]["gradient_booster"]["model"]["trees"][0][key][0] = value;
        let bytes = serde_json::to_vec(&model).unwrap();
        load(&source, &bytes, &InputSchema::Unknown).err().unwrap().to_string()
    };
    assert!(spoiled("left_children", 0.into()).contains("reached twice"));
    assert!(spoiled("left_children", 1_000_000.into()).contains("does not exist"));
    assert!(spoiled("right_children", (-5).into()).contains("does not exist"));
    assert!(spoiled("split_indices", 77.into()).contains("feature 77"));
    let mut model = good.clone();
    model["learner"]["objective"]["name"] = "reg:mine".into();
    let error = load(&source, &serde_json::to_vec(&model).unwrap(), &InputSchema::Unknown).err().unwrap();
    assert!(matches!(error, Error::Unsupported(_)), "{error}");
    model = good;
    model["learner"]["learner_model_param"]["num_feature"] = "99999999999".into();
    assert!(load(&source, &serde_json::to_vec(&model).unwrap(), &InputSchema::Unknown).is_err());
}

fn skops(schema: &str, padding: usize) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options: zip::write::SimpleFileOptions =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    zip.start_file("schema.json", options).unwrap();
    zip.write_all(schema.as_bytes()).unwrap();
    zip.start_file("1.npy", options).unwrap();
    zip.write_all(&vec![0; padding]).unwrap();
    zip.finish().unwrap().into_inner()
}

#[test]
fn skops_files_made_to_explode_are_refused() {
    let source = Source { format: Format::Skops, path: String::new(), class: None, method: "predict".into() };
    let open = |bytes: &[u8]| load(&source, bytes, &InputSchema::Unknown).err().unwrap().to_string();
    let bomb = skops("{}", 200 << 20);
    assert!(bomb.len() < 1 << 20);
    assert!(open(&bomb).contains("far more bytes"));
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(open(&skops(&deep, 0)).contains("schema.json"));
    // An object that is a reference to itself.
    let cycle = r#"{"protocol": 2, "__loader__": "CachedNode", "__id__": 1, "x": {"__id__": 1, "__loader__": "CachedNode"}}"#;
    assert!(open(&skops(cycle, 0)).contains("not in the file"));
    let future =
        r#"{"protocol": 99, "__class__": "Ridge", "__module__": "sklearn.linear_model", "content": {}}"#;
    assert!(open(&skops(future, 0)).contains("protocol 99"));
    let foreign = r#"{"protocol": 2, "__class__": "system", "__module__": "os", "__loader__": "FunctionNode", "content": {}}"#;
    assert!(open(&skops(foreign, 0)).contains("no class of scikit-learn"));
}

fn vector(name: &str) -> Value {
    json(folder("vectors/explain").join(format!("{name}.json")))
}

/// `[rows, outputs, columns]` of the explanation as the file has it: `[rows, columns]`, or `[rows, columns, outputs]`.
fn by_column(explanation: &Explanation) -> Vec<f64> {
    let mut out = Vec::new();
    for row in 0..explanation.rows {
        for column in 0..explanation.columns {
            out.extend((0..explanation.outputs).map(|o| explanation.value(row, o, column)));
        }
    }
    out
}

#[test]
fn contributions_of_xgboost_are_those_of_the_library_and_of_shap() {
    for name in ["shap_xgb_binary", "shap_xgb_multi", "shap_xgb_reg"] {
        let expected = vector(name);
        let bytes = types::io::read(folder("vectors/explain").join(format!("{name}.ubj"))).unwrap();
        let source =
            Source { format: Format::XgBoost, path: String::new(), class: None, method: "predict".into() };
        let explainer = Explainer::load(&source, &bytes).unwrap();
        let rows = floats(&expected["rows"]);
        let path = explainer.path_dependent(&rows).unwrap();
        // XGBoost adds in single precision; the scores of the regression are about 150.
        close(&by_column(&path), &floats(&expected["shap_values"]), 1e-4, name);
        close(&path.expected, &floats(&expected["expected_value"]), 1e-5, name);
        let mut library = Vec::new();
        for row in 0..path.rows {
            for output in 0..path.outputs {
                library.extend((0..path.columns).map(|c| path.value(row, output, c)));
                library.push(path.expected[output]);
            }
        }
        close(&library, &floats(&expected["xgb_pred_contribs"]), 1e-4, name);
        let background = floats(&expected["interventional_background"]);
        let pairs = explainer.interventional(&rows, &background).unwrap();
        close(&by_column(&pairs), &floats(&expected["interventional_shap"]), 1e-4, name);
        close(&pairs.expected, &floats(&expected["interventional_expected"]), 1e-5, name);
        let margins = floats(&expected["margin"]);
        for explanation in [&path, &pairs] {
            for row in 0..explanation.rows {
                for output in 0..explanation.outputs {
                    let sum: f64 = (0..explanation.columns).map(|c| explanation.value(row, output, c)).sum();
                    let margin = margins[row * explanation.outputs + output];
                    close(&[sum + explanation.expected[output]], &[margin], 1e-5, name);
                }
            }
        }
    }
}

#[test]
fn contributions_of_a_forest_are_those_of_shap() {
    let expected = vector("shap_sklearn_rf");
    let dumped = expected["trees"].as_array().unwrap();
    let trees = dumped
        .iter()
        .map(|tree| {
            let left: Vec<i64> = serde_json::from_value(tree["children_left"].clone()).unwrap();
            let mut out = Tree::default();
            out.right = serde_json::from_value(tree["children_right"].clone()).unwrap();
            out.feature = floats(&tree["feature"]).iter().map(|f| f.max(0.0) as u32).collect();
            out.threshold = floats(&tree["threshold"]);
            out.missing_left = vec![false; left.len()];
            out.cover = floats(&tree["weighted_n_node_samples"]);
            out.values = floats(&tree["value"]).iter().map(|v| v / dumped.len() as f64).collect();
            out.width = 2;
            out.left = left;
            out
        })
        .collect();
    let explainer = Explainer::new(Trees { columns: 8, base: vec![0.0; 2], trees, single: true }).unwrap();
    let explanation = explainer.path_dependent(&floats(&expected["rows"])).unwrap();
    close(&by_column(&explanation), &floats(&expected["shap_values"]), 1e-9, "forest");
    close(&explanation.expected, &floats(&expected["expected_value"]), 1e-9, "forest");
}

#[test]
fn what_cannot_be_explained_says_so() {
    let Sample { source, bytes, .. } = sample("sk_scaler_logreg");
    assert!(matches!(Explainer::load(&source, &bytes), Err(Error::Unsupported(_))));
    let Sample { source, bytes, frame, .. } = sample("sk_forest");
    let explainer = Explainer::load(&source, &bytes).unwrap();
    assert_eq!(explainer.columns(), frame.columns.len());
    assert!(matches!(explainer.path_dependent(&[1.0]), Err(Error::ColumnCount { .. })));
    let rows: Vec<f64> = vec![0.5; explainer.columns()];
    assert!(matches!(explainer.interventional(&rows, &[]), Err(Error::NoRows)));
    let explanation = explainer.path_dependent(&rows).unwrap();
    let shares: f64 = (0..3).map(|o| explanation.expected[o]).sum();
    close(&[shares], &[1.0], 1e-12, "a forest's expected probabilities");
}

#[test]
fn a_native_model_says_what_its_arrays_take() {
    // A text of JSON is not what is held: each node of its trees takes 12 bytes and 4 for its leaf, each leaf 4 more.
    let boosted = sample("xgb_booster_json");
    let document: Value = serde_json::from_slice(&boosted.bytes).unwrap();
    let trees = document["learner"]["gradient_booster"]["model"]["trees"].as_array().unwrap();
    let nodes: usize = trees.iter().map(|tree| tree["left_children"].as_array().unwrap().len()).sum();
    let held = boosted.tabular.model().memory().unwrap() as usize;
    assert!((nodes * 16..nodes * 64).contains(&held), "{held} bytes of {nodes} nodes");
    assert!(held < boosted.bytes.len(), "{held} bytes of a file of {}", boosted.bytes.len());
    // Nothing large in it: as large as its file.
    let linear = sample("sk_scaler_logreg");
    assert_eq!(linear.tabular.model().memory(), Some(linear.bytes.len() as u64));
}
