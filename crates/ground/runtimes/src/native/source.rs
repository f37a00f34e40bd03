//! Which file of an MLmodel directory is the model, and how it is to be read.

use serde_json::Value;

use crate::MlModel;

/// The format of a model file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// scikit-learn, and what it contains of LightGBM and XGBoost.
    Skops,
    /// JSON or UBJSON.
    XgBoost,
    /// Text.
    LightGbm,
    /// `cbm` or JSON.
    CatBoost,
}

/// Where a native model stands in its directory, and what is asked of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub format: Format,
    /// Relative to the directory of the `MLmodel` file.
    pub path: String,
    /// The class that wraps a booster (`xgboost.sklearn.XGBClassifier`, `CatBoostClassifier`), if it is known.
    pub class: Option<String>,
    /// The method that pyfunc calls (`predict`, `predict_proba`).
    pub method: String,
}

/// What `predict` of `xgboost.Booster` and of `xgboost.XGBModel` takes beside the rows.
const OF_XGBOOST: [&str; 10] = [
    "output_margin",
    "pred_leaf",
    "pred_contribs",
    "approx_contribs",
    "pred_interactions",
    "validate_features",
    "training",
    "iteration_range",
    "strict_shape",
    "base_margin",
];

impl Source {
    /// `None` where the flavors hold nothing that could run natively (pickles, neural networks, pyfuncs of their own).
    pub fn of(model: &MlModel) -> Option<Self> {
        let flavors = &model.raw_flavors;
        let pyfunc = flavors.get("python_function");
        let text = |value: Option<&Value>, key: &str| -> Option<String> {
            value.and_then(|v| v.get(key)).and_then(Value::as_str).map(str::to_owned)
        };
        // A pyfunc of its own may do anything before and after it calls the model that lies beside it.
        let loader = text(pyfunc, "loader_module");
        let own = |name: &str| loader.as_deref().is_none_or(|l| l == format!("mlflow.{name}"));
        let method = text(pyfunc, "predict_fn").unwrap_or_else(|| "predict".to_owned());
        if let Some(flavor) = flavors.get("sklearn").filter(|_| own("sklearn")) {
            let path = text(Some(flavor), "pickled_model")?;
            let is_skops = text(Some(flavor), "serialization_format").as_deref() == Some("skops")
                || path.ends_with(".skops");
            return is_skops.then_some(Self { format: Format::Skops, path, class: None, method });
        }
        // MLflow's wrapper hands params on to the booster's `predict`, the only one that does; Python does that here, too.
        let told = |name: &str| model.params.specs().iter().any(|param| param.name == name);
        if method == "predict" && own("xgboost") && OF_XGBOOST.into_iter().any(told) {
            return None;
        }
        if let Some(flavor) = flavors.get("xgboost").filter(|_| own("xgboost")) {
            let path = text(Some(flavor), "data").unwrap_or_else(|| "model.xgb".to_owned());
            return Some(Self {
                format: Format::XgBoost,
                path,
                class: text(Some(flavor), "model_class"),
                method,
            });
        }
        if let Some(flavor) = flavors.get("lightgbm").filter(|_| own("lightgbm")) {
            let path = text(Some(flavor), "data").unwrap_or_else(|| "model.lgb".to_owned());
            let format = match path.rsplit('.').next() {
                Some("skops") => Format::Skops,
                Some("pkl" | "pickle" | "cloudpickle") => return None,
                _ => Format::LightGbm,
            };
            return Some(Self { format, path, class: text(Some(flavor), "model_class"), method });
        }
        if let Some(flavor) = flavors.get("catboost").filter(|_| own("catboost")) {
            let path = text(Some(flavor), "data").unwrap_or_else(|| "model.cb".to_owned());
            return match text(Some(flavor), "save_format").as_deref() {
                None | Some("cbm" | "json") => Some(Self {
                    format: Format::CatBoost,
                    path,
                    class: text(Some(flavor), "model_type"),
                    method,
                }),
                Some(_) => None,
            };
        }
        None
    }

    /// A model file without an `MLmodel` file, by its name.
    pub fn of_file(path: &str) -> Option<Self> {
        let format = match path.rsplit('.').next()? {
            "skops" => Format::Skops,
            "ubj" | "xgb" | "json" => Format::XgBoost,
            "lgb" | "txt" => Format::LightGbm,
            "cbm" | "cb" => Format::CatBoost,
            _ => return None,
        };
        Some(Self { format, path: path.to_owned(), class: None, method: "predict".into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(flavors: &str) -> Option<Source> {
        Source::of(&MlModel::parse(&format!("flavors:\n{flavors}")).unwrap())
    }

    #[test]
    fn the_flavor_names_the_file_and_pyfunc_the_method() {
        let skops = of(
            "  python_function:\n    loader_module: mlflow.sklearn\n    predict_fn: predict_proba\n  sklearn:\n    pickled_model: model.skops\n    serialization_format: skops\n",
        );
        let skops = skops.unwrap();
        assert_eq!(
            (skops.format, skops.path.as_str(), skops.method.as_str()),
            (Format::Skops, "model.skops", "predict_proba")
        );
        let pickle = of("  sklearn:\n    pickled_model: model.pkl\n    serialization_format: cloudpickle\n");
        assert_eq!(pickle, None);
        let xgboost =
            of("  xgboost:\n    data: model.ubj\n    model_class: xgboost.sklearn.XGBClassifier\n").unwrap();
        assert_eq!(xgboost.class.as_deref(), Some("xgboost.sklearn.XGBClassifier"));
    }

    #[test]
    fn params_that_a_booster_would_be_told_are_pythons_affair() {
        let flavors =
            "  python_function:\n    loader_module: mlflow.xgboost\n  xgboost:\n    data: model.ubj\n";
        let with = |name: &str| {
            let params = format!(r#"[{{"name":"{name}","default":true,"shape":null,"type":"boolean"}}]"#);
            of(&format!("{flavors}signature:\n  params: '{params}'\n"))
        };
        assert_eq!(with("output_margin"), None);
        assert!(with("nobody_knows_it").is_some(), "it would be left out there, too");
    }

    #[test]
    fn a_pyfunc_of_its_own_is_never_bypassed() {
        let own =
            "  python_function:\n    loader_module: mlflow.pyfunc.model\n  xgboost:\n    data: model.ubj\n";
        assert_eq!(of(own), None);
    }
}
