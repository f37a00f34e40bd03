//! `SelectFromModel`: the columns that matter to a fitted estimator, by its coefficients or by what its trees gained.

use super::shape::Kept;
use crate::Error;
use crate::native::skops::{Array, Object, npy};

pub(super) fn build(object: &Object<'_>) -> Result<Kept, Error> {
    let estimator = object.get("estimator_")?;
    super::check_version(&estimator)?;
    if object.get("importance_getter")?.word().as_deref() != Some("auto") {
        return Err(object.unsupported("its importance getter is not `auto`"));
    }
    let scores = match estimator.find("coef_")? {
        Some(coefficients) => norms(object, &coefficients)?,
        None => gains(&estimator)?,
    };
    if scores.is_empty() || scores.iter().any(|score| !score.is_finite()) {
        return Err(object.unsupported("an importance is no number"));
    }
    let (threshold, computed) = threshold(object, &estimator, &scores)?;
    // Computed ones depend on the order of sums in their last bits.
    let near = |score: &f64| (score - threshold).abs() <= 1e-11 * threshold.abs().max(f64::MIN_POSITIVE);
    if computed && scores.iter().any(near) {
        return Err(object.unsupported("an importance is right at the threshold"));
    }
    let mut mask = vec![true; scores.len()];
    let most = match object.find("max_features_")? {
        Some(most) => most,
        None => object.get("max_features")?,
    };
    if !most.is_none() {
        let mut order: Vec<usize> = (0..scores.len()).collect();
        // Stable: of equal ones the first stay.
        order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
        mask.fill(false);
        order.into_iter().take(most.count()?).for_each(|at| mask[at] = true);
    }
    let kept = (0..scores.len()).filter(|at| mask[*at] && scores[*at] >= threshold).collect();
    Ok(Kept { kept, width: scores.len(), name: object.class().to_owned(), nan_allowed: true })
}

/// Of the coefficients by column.
fn norms(object: &Object<'_>, coefficients: &Object<'_>) -> Result<Vec<f64>, Error> {
    let array = coefficients.array()?;
    let values = coefficients.floats()?;
    let (rows, width) = match *array.shape() {
        [width] => return Ok(values.into_iter().map(f64::abs).take(width).collect()),
        [rows, width] if rows * width == values.len() => (rows, width),
        _ => return Err(coefficients.broken("has not the shape of coefficients")),
    };
    let order = object.get("norm_order")?.number()?;
    let column = |at: usize| (0..rows).map(move |row| row * width + at);
    let norm = |at: usize| -> Option<f64> {
        let each = column(at).map(|place| values[place].abs());
        Some(match order {
            1.0 => each.sum(),
            2.0 => each.map(|x| x * x).sum::<f64>().sqrt(),
            f64::INFINITY => each.fold(0.0, f64::max),
            _ => return None,
        })
    };
    (0..width)
        .map(norm)
        .collect::<Option<_>>()
        .ok_or_else(|| object.unsupported(format!("its norm of order {order} is not known")))
}

/// `feature_importances_` of trees and of ensembles of them.
fn gains(estimator: &Object<'_>) -> Result<Vec<f64>, Error> {
    let width = estimator.get("n_features_in_")?.count()?;
    let class = estimator.class();
    let trees = match class {
        "DecisionTreeClassifier" | "DecisionTreeRegressor" | "ExtraTreeClassifier" | "ExtraTreeRegressor" => {
            return Ok(gain(estimator, width, true)?.unwrap_or_else(|| vec![0.0; width]));
        }
        "RandomForestClassifier"
        | "RandomForestRegressor"
        | "ExtraTreesClassifier"
        | "ExtraTreesRegressor"
        | "GradientBoostingClassifier"
        | "GradientBoostingRegressor" => estimator.get("estimators_")?.items()?,
        _ => return Err(estimator.unsupported("its importances are not known")),
    };
    let each = !class.starts_with("GradientBoosting");
    let mut sums = vec![0.0; width];
    let mut count = 0.0;
    for tree in &trees {
        let Some(gains) = gain(tree, width, each)? else { continue };
        count += 1.0;
        sums.iter_mut().zip(gains).for_each(|(sum, gain)| *sum += gain);
    }
    if count > 0.0 {
        sums.iter_mut().for_each(|sum| *sum /= count);
        let all: f64 = sums.iter().sum();
        sums.iter_mut().for_each(|sum| *sum /= all);
    }
    Ok(sums)
}

/// `Tree.compute_feature_importances`; `None` for a tree of one node.
fn gain(estimator: &Object<'_>, width: usize, normalize: bool) -> Result<Option<Vec<f64>>, Error> {
    let nodes = estimator.get("tree_")?.get("nodes")?;
    let Array::Plain(npy::Array { data: npy::Data::Records(records), .. }) = nodes.array()? else {
        return Err(nodes.broken("is no array of nodes"));
    };
    let (left, right) = (records.integers("left_child")?, records.integers("right_child")?);
    let feature = records.integers("feature")?;
    let (impurity, weight) = (records.floats("impurity")?, records.floats("weighted_n_node_samples")?);
    if left.len() < 2 {
        return Ok(None);
    }
    let of = |node: i64| -> Result<f64, Error> {
        let at = usize::try_from(node).ok().filter(|at| *at < left.len());
        at.map(|at| weight[at] * impurity[at]).ok_or_else(|| nodes.broken("has a child that does not exist"))
    };
    let mut gains = vec![0.0; width];
    for node in (0..left.len()).filter(|node| left[*node] >= 0) {
        let column = usize::try_from(feature[node]).ok().and_then(|at| gains.get_mut(at));
        let column = column.ok_or_else(|| nodes.broken("has a column that does not exist"))?;
        *column += weight[node] * impurity[node] - of(left[node])? - of(right[node])?;
    }
    gains.iter_mut().for_each(|gain| *gain /= weight[0]);
    let all: f64 = gains.iter().sum();
    if normalize && all > 0.0 {
        gains.iter_mut().for_each(|gain| *gain /= all);
    }
    Ok(Some(gains))
}

/// And whether it was computed from the importances.
fn threshold(object: &Object<'_>, estimator: &Object<'_>, scores: &[f64]) -> Result<(f64, bool), Error> {
    let given = object.get("threshold")?;
    let text = match (given.is_none(), given.word()) {
        (true, _) if is_sparse(estimator)? => return Ok((1e-5, false)),
        (true, _) => "mean".to_owned(),
        (false, Some(text)) => text,
        (false, None) => return Ok((given.number()?, false)),
    };
    let (scale, reference) = match text.split_once('*') {
        Some((scale, reference)) => (scale.trim().parse::<f64>().ok(), reference.trim()),
        None => (Some(1.0), text.as_str()),
    };
    let known = match reference {
        "mean" => Some(scores.iter().sum::<f64>() / scores.len() as f64),
        "median" => {
            let mut sorted = scores.to_vec();
            sorted.sort_by(f64::total_cmp);
            let half = sorted.len() / 2;
            Some(match sorted.len() % 2 {
                0 => (sorted[half - 1] + sorted[half]) / 2.0,
                // Itself one of the scores, and not below itself.
                _ if scale == Some(1.0) => return Ok((sorted[half], false)),
                _ => sorted[half],
            })
        }
        _ => None,
    };
    match (scale, known) {
        (Some(scale), Some(known)) => Ok((scale * known, true)),
        _ => Err(given.unsupported(format!("its threshold `{text}` is not known"))),
    }
}

/// Whether the estimator puts coefficients to 0, so that anything else matters.
fn is_sparse(estimator: &Object<'_>) -> Result<bool, Error> {
    let class = estimator.class();
    let whole = |name: &str| -> Result<bool, Error> {
        let Some(ratio) = estimator.find(name)?.filter(|ratio| !ratio.is_none()) else { return Ok(false) };
        let ratios = match ratio.number() {
            Ok(one) => vec![one],
            Err(_) => ratio.floats()?,
        };
        // numpy's `isclose`.
        Ok(ratios.iter().all(|ratio| (ratio - 1.0).abs() <= 1e-8 + 1e-5))
    };
    Ok(estimator.find("penalty")?.and_then(|p| p.word()).as_deref() == Some("l1")
        || class.contains("Lasso")
        || matches!(class, "ElasticNet" | "LogisticRegression") && whole("l1_ratio")?
        || matches!(class, "ElasticNetCV" | "LogisticRegressionCV") && whole("l1_ratio_")?)
}
