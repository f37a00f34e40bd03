//! Estimators of scikit-learn, from the objects of a `.skops` file. Formulas and types: scikit-learn 1.9.1.

mod bayes;
mod boosting;
mod calibrated;
mod chain;
mod cluster;
mod compose;
mod decompose;
mod distribution;
mod dummy;
mod encode;
mod ensemble;
mod explained;
mod forest;
mod histogram;
mod importance;
mod impute;
mod isolation;
mod isotonic;
mod known;
mod known_more;
mod labels;
mod linear;
mod near_sort;
mod near_tree;
mod neighbors;
mod network;
mod normal;
mod quadratic;
mod scale;
mod select;
mod shape;
mod spline;
mod target;
mod transformed;
mod trees;
mod vector;
mod wrapped;

use super::matrix::Block;
use super::outputs::{Predict, Transform};
use super::skops::{Array, Object};
use crate::Error;

pub(crate) use explained::explained;

/// What a fitted object does.
pub(crate) enum Step {
    Transform(Box<dyn Transform>),
    Predict(Box<dyn Predict>),
}

/// Oldest and first unknown minor version of scikit-learn 1.x: before 1.3 trees held counts in place of shares.
const OLDEST: u32 = 3;
const NEWEST: u32 = 9;

/// The estimator as something that runs. Errs with `Unsupported` on every class, version, attribute and setting that
/// is not known to give exactly what scikit-learn gives.
pub(crate) fn build(object: &Object<'_>) -> Result<Step, Error> {
    if object.library() != "sklearn" {
        return Err(object.unsupported(format!("`{}` is no class of scikit-learn", object.module())));
    }
    check_version(object)?;
    check_attributes(object)?;
    let transform = |t: Box<dyn Transform>| Ok(Step::Transform(t));
    match object.class() {
        "Pipeline" => compose::pipeline(object),
        "ColumnTransformer" => transform(Box::new(compose::column_transformer(object)?)),
        "StandardScaler" | "MinMaxScaler" | "MaxAbsScaler" | "RobustScaler" => {
            transform(Box::new(scale::scaler(object)?))
        }
        "Normalizer" | "Binarizer" | "PolynomialFeatures" | "FunctionTransformer" | "VarianceThreshold" => {
            transform(shape::build(object)?)
        }
        "SelectKBest"
        | "SelectPercentile"
        | "SelectFpr"
        | "SelectFwe"
        | "RFE"
        | "RFECV"
        | "SequentialFeatureSelector" => transform(Box::new(select::build(object)?)),
        "SplineTransformer" => transform(Box::new(spline::build(object)?)),
        "SelectFromModel" => transform(Box::new(importance::build(object)?)),
        "QuantileTransformer" => transform(Box::new(distribution::quantiles(object)?)),
        "PowerTransformer" => transform(Box::new(distribution::power(object)?)),
        "PCA" | "TruncatedSVD" => transform(Box::new(decompose::build(object)?)),
        "FeatureUnion" => transform(Box::new(compose::union(object)?)),
        "OneHotEncoder" => transform(Box::new(encode::one_hot(object)?)),
        "OrdinalEncoder" => transform(Box::new(encode::ordinal(object)?)),
        "TargetEncoder" => transform(Box::new(target::build(object)?)),
        "KBinsDiscretizer" => transform(Box::new(encode::bins(object)?)),
        "SimpleImputer" => transform(Box::new(impute::imputer(object)?)),
        "DecisionTreeClassifier"
        | "DecisionTreeRegressor"
        | "ExtraTreeClassifier"
        | "ExtraTreeRegressor"
        | "RandomForestClassifier"
        | "RandomForestRegressor"
        | "ExtraTreesClassifier"
        | "ExtraTreesRegressor" => Ok(Step::Predict(Box::new(forest::build(object)?))),
        "GradientBoostingClassifier" | "GradientBoostingRegressor" => {
            Ok(Step::Predict(Box::new(boosting::build(object)?)))
        }
        "HistGradientBoostingClassifier" | "HistGradientBoostingRegressor" => {
            Ok(Step::Predict(Box::new(histogram::build(object)?)))
        }
        "KMeans" | "MiniBatchKMeans" => Ok(Step::Predict(Box::new(cluster::build(object)?))),
        "IsolationForest" => Ok(Step::Predict(Box::new(isolation::build(object)?))),
        "GaussianNB" | "MultinomialNB" | "ComplementNB" | "BernoulliNB" => {
            Ok(Step::Predict(Box::new(bayes::build(object)?)))
        }
        "MLPClassifier" | "MLPRegressor" => Ok(Step::Predict(Box::new(network::build(object)?))),
        "SVC" | "NuSVC" | "SVR" | "NuSVR" => Ok(Step::Predict(Box::new(vector::build(object)?))),
        "VotingClassifier"
        | "VotingRegressor"
        | "BaggingClassifier"
        | "BaggingRegressor"
        | "AdaBoostClassifier"
        | "AdaBoostRegressor"
        | "MultiOutputRegressor" => Ok(Step::Predict(Box::new(ensemble::build(object)?))),
        "StackingClassifier" | "StackingRegressor" => Ok(Step::Predict(Box::new(ensemble::stacked(object)?))),
        "CalibratedClassifierCV" => Ok(Step::Predict(Box::new(calibrated::build(object)?))),
        "KNeighborsClassifier" | "KNeighborsRegressor" => {
            Ok(Step::Predict(Box::new(neighbors::build(object)?)))
        }
        "OneVsRestClassifier" => Ok(Step::Predict(Box::new(wrapped::one_vs_rest(object)?))),
        "OneVsOneClassifier" => Ok(Step::Predict(Box::new(wrapped::one_vs_one(object)?))),
        "ClassifierChain" | "RegressorChain" => Ok(Step::Predict(Box::new(chain::build(object)?))),
        "TransformedTargetRegressor" => Ok(Step::Predict(Box::new(transformed::build(object)?))),
        // The estimator of the rows that were no outliers.
        "RANSACRegressor" => Ok(Step::Predict(predictor(&object.get("estimator_")?)?)),
        "MultiOutputClassifier" => Ok(Step::Predict(Box::new(wrapped::several(object)?))),
        "QuadraticDiscriminantAnalysis" => Ok(Step::Predict(Box::new(quadratic::build(object)?))),
        "IsotonicRegression" => Ok(Step::Predict(Box::new(isotonic::build(object)?))),
        "DummyClassifier" | "DummyRegressor" => Ok(Step::Predict(Box::new(dummy::build(object)?))),
        // What a search found is what it predicts with.
        "GridSearchCV" | "RandomizedSearchCV" => build(&object.get("best_estimator_")?),
        class if linear::is_linear(class) => Ok(Step::Predict(Box::new(linear::build(object)?))),
        class => Err(object.unsupported(format!("there is no native form of {class}"))),
    }
}

/// The last step; a model that only transforms has no predictions.
pub(crate) fn predictor(object: &Object<'_>) -> Result<Box<dyn Predict>, Error> {
    match build(object)? {
        Step::Predict(predict) => Ok(predict),
        Step::Transform(_) => Err(object.unsupported("it transforms and does not predict")),
    }
}

fn check_version(object: &Object<'_>) -> Result<(), Error> {
    check_since(object, OLDEST)
}

/// Errs where the object is of an older version than 1.`oldest`, or of one that nobody knows yet.
fn check_since(object: &Object<'_>, oldest: u32) -> Result<(), Error> {
    let Some(version) = object.find("_sklearn_version")?.and_then(|v| v.word()) else {
        return Err(object.unsupported("its scikit-learn version is not known"));
    };
    let mut parts = version.split('.').map(|p| p.parse::<u32>().ok());
    match (parts.next().flatten(), parts.next().flatten()) {
        (Some(1), Some(minor)) if (oldest..=NEWEST).contains(&minor) => Ok(()),
        _ => Err(object.unsupported(format!(
            "it was fitted by scikit-learn {version}; 1.{oldest} to 1.{NEWEST} are known"
        ))),
    }
}

const EVERYWHERE: [&str; 9] = [
    "_sklearn_version",
    "n_features_in_",
    "feature_names_in_",
    "_sklearn_output_config",
    "_metadata_request",
    "_repr_html_",
    "_doc_link_module",
    "_parameter_constraints",
    "_in_fit",
];

fn check_attributes(object: &Object<'_>) -> Result<(), Error> {
    let class = object.class();
    let Some((_, known)) = known::KNOWN.iter().chain(known_more::MORE).find(|(name, _)| *name == class)
    else {
        return Err(object.unsupported(format!("there is no native form of {class}")));
    };
    let unknown = object
        .names()?
        .into_iter()
        .find(|name| !EVERYWHERE.contains(name) && !known.split_ascii_whitespace().any(|k| k == *name));
    match unknown {
        Some(name) => Err(object.unsupported(format!("its attribute `{name}` is not known"))),
        None => Ok(()),
    }
}

/// Columns that the estimator was fitted on: their number and, where it saw a data frame, their names.
pub(crate) fn features(object: &Object<'_>) -> Result<(Option<usize>, Option<Vec<String>>), Error> {
    if let "Pipeline" | "FeatureUnion" = object.class() {
        let steps = if object.class() == "Pipeline" { "steps" } else { "transformer_list" };
        for step in object.get(steps)?.items()? {
            let parts = step.items()?;
            if let Some(step) = parts.get(1)
                && !is_passthrough(step)
            {
                return features(step);
            }
        }
        return Ok((None, None));
    }
    if matches!(object.class(), "GridSearchCV" | "RandomizedSearchCV") {
        return features(&object.get("best_estimator_")?);
    }
    match object.class() {
        "TransformedTargetRegressor" => {
            let (count, names) = features(&object.get("regressor_")?)?;
            return Ok((count, names_of(object)?.or(names)));
        }
        "SelectFromModel" => {
            let (count, names) = features(&object.get("estimator_")?)?;
            return Ok((count, names_of(object)?.or(names)));
        }
        "IsotonicRegression" => return Ok((Some(1), None)),
        _ => {}
    }
    if object.find("n_features_in_")?.is_none()
        && let Some(first) = object.find("estimators_")?.and_then(|e| e.items().ok()?.into_iter().next())
    {
        let (count, names) = features(&first)?;
        // The ensemble hands arrays to its members, and may have seen names itself.
        return Ok((count, names_of(object)?.or(names)));
    }
    let count = object.find("n_features_in_")?.map(|n| n.count()).transpose()?;
    Ok((count, names_of(object)?))
}

fn names_of(object: &Object<'_>) -> Result<Option<Vec<String>>, Error> {
    Ok(match object.find("feature_names_in_")? {
        Some(names) => match names.array()? {
            Array::Objects { items, .. } => items
                .into_iter()
                .map(|i| match i {
                    Some(super::skops::Item::Text(t)) => Some(t),
                    _ => None,
                })
                .collect(),
            Array::Plain(array) => match array.data {
                super::skops::npy::Data::Text(names) => Some(names),
                _ => None,
            },
        },
        None => None,
    })
}

fn is_passthrough(step: &Object<'_>) -> bool {
    step.is_none() || step.word().as_deref() == Some("passthrough")
}

/// Errs where the block has not the number of columns that the step was fitted on.
fn check_width(block: &Block, expected: usize) -> Result<(), Error> {
    if block.width() == expected {
        Ok(())
    } else {
        Err(Error::ColumnCount { expected, actual: block.width() })
    }
}
