"""Another set of results for the verification of data: other seeds and shapes, in the form that README.md tells.

    python make.py FOLDER SEED       cleanlab==2.9.0 krippendorff==0.9.0 statsmodels crowd-kit==1.4.2 fairlearn==0.15.0 aif360==0.6.1
                                     smclarify==0.5 river==0.26.1 scikit-learn==1.9.1 scipy==1.17.1; what is missing is left out

Then `MLWRIGHT_VERIFY_VECTORS=FOLDER cargo test -p mlwright-statistics --test main TEST`, with the tests of the files that were made.
"""

import importlib
import json
import math
import os
import sys
import warnings

warnings.filterwarnings("ignore")
import numpy as np
import pandas as pd

OUT, SEED = sys.argv[1], int(sys.argv[2])
os.makedirs(OUT, exist_ok=True)
rng = np.random.default_rng(SEED)


def plain(value):
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray, pd.Series)):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def probabilities(true, k, noise):
    logits = 3 * np.eye(k)[true] + rng.normal(0, noise, (len(true), k))
    p = np.exp(logits)
    return p / p.sum(axis=1, keepdims=True)


def agreement():
    import krippendorff
    from sklearn.metrics import cohen_kappa_score
    from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa

    cases = []
    for _ in range(12):
        raters, items, k = int(rng.integers(2, 7)), int(rng.integers(4, 60)), int(rng.integers(2, 6))
        true, skill = rng.integers(1, k + 1, items), rng.uniform(.3, 1, (raters, 1))
        ratings = np.where(rng.random((raters, items)) < skill, true, rng.integers(1, k + 1, (raters, items))).astype(float)
        missing = ratings.copy()
        missing[rng.random(ratings.shape) < rng.choice([.1, .4])] = np.nan
        paired = (~np.isnan(missing)).sum(axis=0) > 1
        if len(set(ratings.ravel())) < 2 or len(set(missing[:, paired].ravel()) - {np.nan}) < 3:
            continue
        counts, _ = aggregate_raters(ratings.T)
        alpha = lambda data, level: krippendorff.alpha(reliability_data=data, level_of_measurement=level)
        kappa = lambda weights: cohen_kappa_score(ratings[0], ratings[1], weights=weights)
        cases.append({"ratings_raters_x_units": ratings, "ratings_missing": missing, "cohen_kappa_01": kappa(None), "cohen_linear_01": kappa("linear"),
                      "cohen_quadratic_01": kappa("quadratic"), "fleiss": fleiss_kappa(counts, "fleiss"), "randolph": fleiss_kappa(counts, "randolph"),
                      "krippendorff": {level: alpha(missing, level) for level in ("nominal", "ordinal", "interval", "ratio")}, "krippendorff_full_nominal": alpha(ratings, "nominal")})
    return {"cases": cases}


def cleanlab():
    from cleanlab import count, filter as find, rank

    n, k = int(rng.choice([60, 200, 500])), int(rng.integers(2, 8))
    true = np.concatenate([np.arange(k), rng.integers(0, k, n - k)])
    labels = np.where(rng.random(n) < .1, rng.integers(0, k, n), true)
    labels[:k] = np.arange(k)
    p = probabilities(true, k, rng.choice([.5, 1.5, 3]))
    joint = count.compute_confident_joint(labels, p, calibrate=True)
    py, noise, inverse = count.estimate_latent(joint, labels)
    by = ["prune_by_noise_rate", "prune_by_class", "both", "confident_learning", "predicted_neq_given", "low_normalized_margin", "low_self_confidence"]
    return {"labels": labels, "pred_probs": p, "confident_thresholds": count.get_confident_thresholds(labels, p), "confident_joint": joint,
            "confident_joint_uncalibrated": count.compute_confident_joint(labels, p, calibrate=False), "py": py, "noise_matrix": noise, "inverse_noise_matrix": inverse,
            "num_label_issues": count.num_label_issues(labels, p),
            "quality": {m: rank.get_label_quality_scores(labels, p, method=m, adjust_pred_probs=False) for m in ("self_confidence", "normalized_margin", "confidence_weighted_entropy")},
            "issues": {f: np.flatnonzero(find.find_label_issues(labels, p, filter_by=f)) for f in by},
            "issues_ranked_self_confidence": find.find_label_issues(labels, p, return_indices_ranked_by="self_confidence")}


def cleanlab_multiannotator():
    from cleanlab.multiannotator import get_label_quality_multiannotator

    n, people, k = int(rng.integers(20, 150)), int(rng.integers(2, 8)), int(rng.integers(2, 7))
    true, skill = rng.integers(0, k, n), rng.uniform(.4, .95, people)
    given = np.where(rng.random((n, people)) < skill, true[:, None], rng.integers(0, k, (n, people))).astype(float)
    given[rng.random((n, people)) < .3] = np.nan
    given[np.isnan(given).all(axis=1), 0] = 0
    p = probabilities(true, k, 2)
    found = get_label_quality_multiannotator(pd.DataFrame(given), p, verbose=False)
    quality, stats = found["label_quality"], found["annotator_stats"]
    return {"annotations": given, "pred_probs": p, "label_quality": {c: quality[c] for c in ("consensus_label", "consensus_quality_score", "annotator_agreement", "num_annotations")},
            "annotator_stats": {c: stats[c] for c in ("annotator_quality", "agreement_with_consensus", "worst_class", "num_examples_labeled")}}


def dawid_skene():
    from crowdkit.aggregation import DawidSkene, MajorityVote

    tasks, workers, k = int(rng.integers(20, 100)), int(rng.integers(3, 8)), int(rng.integers(2, 6))
    true, skill = rng.integers(0, k, tasks), rng.uniform(.5, .98, workers)
    rows = [(f"t{t}", f"w{w}", str(true[t] if rng.random() < skill[w] else rng.integers(k))) for t in range(tasks) for w in range(workers) if rng.random() < .8]
    frame = pd.DataFrame(rows, columns=["task", "worker", "label"])
    model = DawidSkene(n_iter=100, tol=1e-5).fit(frame)
    errors = {f"{worker}|{label}": row.to_dict() for (worker, label), row in model.errors_.iterrows()}
    return {"rows": rows, "labels": model.labels_.to_dict(), "probas": model.probas_.to_dict("index"), "priors": model.priors_.to_dict(), "errors": errors,
            "majority": MajorityVote().fit_predict(frame).to_dict()}


def fairlearn():
    import fairlearn.metrics as fm
    from sklearn.metrics import accuracy_score, precision_score, recall_score

    n = int(rng.choice([80, 300, 1500]))
    truth, group, other = rng.integers(0, 2, n), rng.choice(["a", "b", "c", "d"], n, p=[.5, .3, .15, .05]), rng.choice(["f", "m"], n)
    guess = np.where(rng.random(n) < .75 - .1 * (group == "b"), truth, 1 - truth)
    weights = rng.uniform(.2, 2, n)
    of = {"accuracy": accuracy_score, "selection_rate": fm.selection_rate, "tpr": fm.true_positive_rate, "fpr": fm.false_positive_rate, "tnr": fm.true_negative_rate,
          "fnr": fm.false_negative_rate, "precision": lambda t, p: precision_score(t, p, zero_division=0), "recall": lambda t, p: recall_score(t, p, zero_division=0),
          "count": fm.count, "mean_prediction": fm.mean_prediction}
    frame = fm.MetricFrame(metrics=of, y_true=truth, y_pred=guess, sensitive_features=group)
    crossed = fm.MetricFrame(metrics={m: of[m] for m in ("selection_rate", "accuracy")}, y_true=truth, y_pred=guess, sensitive_features=pd.DataFrame({"g": group, "h": other}))
    names = ["demographic_parity_difference", "demographic_parity_ratio", "equalized_odds_difference", "equalized_odds_ratio", "equal_opportunity_difference", "equal_opportunity_ratio"]
    scalar = lambda **k: {m: getattr(fm, m)(truth, guess, sensitive_features=group, **k) for m in names}
    both = dict(between=dict(method="between_groups"), overall=dict(method="to_overall"))
    return {"y_true": truth, "y_pred": guess, "weights": weights, "group": group, "group2": other, "overall": frame.overall.to_dict(), "by_group": frame.by_group.to_dict(),
            "difference_between": frame.difference(**both["between"]).to_dict(), "difference_to_overall": frame.difference(**both["overall"]).to_dict(),
            "ratio_between": frame.ratio(**both["between"]).to_dict(), "ratio_to_overall": frame.ratio(**both["overall"]).to_dict(),
            "group_min": frame.group_min().to_dict(), "group_max": frame.group_max().to_dict(),
            "intersection": {m: {"|".join(k): v for k, v in crossed.by_group[m].dropna().to_dict().items()} for m in ("selection_rate", "accuracy")},
            "scalars": scalar(), "scalars_weighted": scalar(sample_weight=weights), "eo_mean_agg": fm.equalized_odds_difference(truth, guess, sensitive_features=group, agg="mean")}


def aif360():
    from aif360.datasets import BinaryLabelDataset
    from aif360.metrics import BinaryLabelDatasetMetric, ClassificationMetric

    n = int(rng.choice([60, 300, 900]))
    data = pd.DataFrame({"f1": rng.normal(size=n), "f2": rng.normal(size=n), "sex": rng.integers(0, 2, n).astype(float)})
    data["y"] = (data.f1 + .4 * data.sex + rng.normal(0, .6, n) > 0).astype(float)
    guess = (data.f1 + .3 * data.sex + rng.normal(0, .6, n) > .1).astype(float)
    made = lambda frame: BinaryLabelDataset(df=frame, label_names=["y"], protected_attribute_names=["sex"], favorable_label=1.0, unfavorable_label=0.0)
    groups = dict(unprivileged_groups=[{"sex": 0.0}], privileged_groups=[{"sex": 1.0}])
    truth, predicted = made(data), made(data.assign(y=guess))
    first, second = BinaryLabelDatasetMetric(truth, **groups), ClassificationMetric(truth, predicted, **groups)
    names = ["disparate_impact", "statistical_parity_difference", "equal_opportunity_difference", "average_odds_difference", "average_abs_odds_difference",
             "false_discovery_rate_difference", "false_omission_rate_difference", "error_rate_difference", "generalized_entropy_index", "theil_index",
             "between_group_theil_index", "differential_fairness_bias_amplification"]
    return {"data": {c: data[c] for c in data}, "pred": guess,
            "dataset": {m: getattr(first, m)() for m in ("disparate_impact", "statistical_parity_difference", "mean_difference", "consistency", "base_rate")},
            "classification": {m: getattr(second, m)() for m in names}}


def smclarify():
    from smclarify.bias import report
    from smclarify.bias.report import FacetColumn, LabelColumn, StageType

    n = int(rng.choice([100, 400, 900]))
    frame = pd.DataFrame({"age": rng.integers(18, 80, n), "gender": rng.choice(["f", "m"], n, p=[.3, .7]), "dept": rng.choice(list("ABC"), n), "x": rng.normal(size=n)})
    frame = frame.astype({"gender": object, "dept": object})
    truth = ((frame.x + .5 * (frame.gender == "m") + rng.normal(0, .7, n)) > .2).astype(int)
    guess = ((frame.x + .4 * (frame.gender == "m") + rng.normal(0, .7, n)) > .2).astype(int)
    reports = {}
    for name, values in (("gender", ["f"]), ("age", [40]), ("gender", None)):
        for stage in (StageType.PRE_TRAINING, StageType.POST_TRAINING):
            # The flip test takes no texts.
            names = ["CDDL", "CI", "DPL", "JS", "KL", "KS", "LP", "TVD"] if stage == StageType.PRE_TRAINING else ["AD", "CDDPL", "DAR", "DCA", "DCR", "DI", "DPPL", "DRR", "GE", "RD", "SD", "TE"]
            found = report.bias_report(frame.assign(y=truth), FacetColumn(name, values), LabelColumn("y", truth, [1]), stage,
                                       LabelColumn("pred", pd.Series(guess, name="pred"), [1]), metrics=names, group_variable=frame.dept)
            reports[f"{name}|{values}|{stage.name}"] = [f if isinstance(f, dict) else f.__dict__ for f in found]
    return {"data": {**{c: frame[c] for c in frame}, "y": truth}, "pred": guess, "reports": reports}


def outliers_misc():
    from sklearn.covariance import EmpiricalCovariance, LedoitWolf
    from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors

    n, d = int(rng.choice([40, 256, 700])), int(rng.integers(2, 9))
    train, query = rng.normal(size=(n, d)) * rng.uniform(.1, 5, d), rng.normal(size=(25, d)) * 3
    shrunk, near = LedoitWolf().fit(train), NearestNeighbors().fit(train)
    distances, places = near.kneighbors(query, 5)
    lof = LocalOutlierFactor(n_neighbors=10, novelty=True).fit(train)
    far = near.kneighbors(query, 20)[0]
    lid = -1 / np.mean(np.log(far / far[:, -1:]), axis=1)
    return {"train": train, "query": query, "mahalanobis_sq_empirical": EmpiricalCovariance().fit(train).mahalanobis(query), "mahalanobis_sq_ledoitwolf": shrunk.mahalanobis(query),
            "ledoitwolf_shrinkage": shrunk.shrinkage_, "knn5_dist": distances, "knn5_idx": places, "lof10_score_samples": lof.score_samples(query), "lid_mle_k20": lid}


def isolation_forest():
    from sklearn.ensemble import IsolationForest

    d = int(rng.integers(2, 7))
    train, query = rng.normal(size=(300, d)), rng.normal(size=(25, d)).astype("float32") * 2
    samples = int(rng.choice([32, 128, 256]))
    forest = IsolationForest(n_estimators=25, max_samples=samples, random_state=SEED, max_features=int(rng.integers(1, d + 1))).fit(train)
    trees = [{"features": f, "children_left": t.tree_.children_left, "children_right": t.tree_.children_right, "feature": t.tree_.feature, "threshold": t.tree_.threshold,
              "n_node_samples": t.tree_.n_node_samples} for t, f in zip(forest.estimators_, forest.estimators_features_)]
    return {"query": query, "trees": trees, "max_samples": samples, "offset": forest.offset_, "score_samples": forest.score_samples(query),
            "decision_function": forest.decision_function(query), "predict": forest.predict(query)}


def representation():
    from scipy import stats
    from statsmodels.stats.multitest import multipletests
    from statsmodels.stats.proportion import proportion_confint

    k = int(rng.integers(2, 9))
    observed, population = rng.integers(0, 80, k) + 1, rng.dirichlet(np.ones(k) * 4)
    fit = stats.chisquare(observed, population * observed.sum())
    table = rng.integers(1, 60, (int(rng.integers(2, 6)), int(rng.integers(2, 6))))
    found = stats.chi2_contingency(table)
    p = np.round(rng.random(15) ** 3, int(rng.integers(2, 9)))
    return {"observed": observed, "population": population, "chi2": fit.statistic, "p": fit.pvalue, "table": table, "chi2_table": found.statistic, "p_table": found.pvalue,
            "dof": found.dof, "cramers_v": stats.contingency.association(table, "cramer"),
            "wilson": [proportion_confint(c, observed.sum(), method="wilson") for c in observed], "pvals": p, "bh": multipletests(p, method="fdr_bh")[1], "holm": multipletests(p, method="holm")[1]}


def river_drift():
    from river import drift
    from river.drift import binary

    steps = lambda n, low, high: np.concatenate([low(n), high(n)])
    n = int(rng.integers(400, 1200))
    numbers = {"abrupt": steps(n, lambda n: rng.normal(0, 1, n), lambda n: rng.normal(2, 1.5, n)), "gradual": rng.normal(np.linspace(0, 3, 2 * n), 1), "none": rng.normal(size=2 * n)}
    flags = {"bin_abrupt": steps(n, lambda n: rng.random(n) < .1, lambda n: rng.random(n) < .4).astype(int), "bin_none": (rng.random(2 * n) < .2).astype(int)}
    of_numbers = {"ADWIN": drift.ADWIN, "ADWIN_0.05": lambda: drift.ADWIN(delta=.05), "PageHinkley": drift.PageHinkley, "PageHinkley_t20": lambda: drift.PageHinkley(threshold=20)}
    of_flags = {"DDM": binary.DDM, "EDDM": binary.EDDM, "HDDM_A": binary.HDDMA, "HDDM_W": binary.HDDMW}
    streams = {}
    for name, values in {**numbers, **flags}.items():
        detections = {}
        for detector, make in {**of_numbers, **(of_flags if name in flags else {})}.items():
            own, drifts, warnings_ = make(), [], []
            for i, value in enumerate(values.tolist()):
                own.update(value)
                if own.drift_detected:
                    drifts.append(i)
                if getattr(own, "warning_detected", False):
                    warnings_.append(i)
            detections[detector] = {"drift_at": drifts, "warning_at": warnings_[:50]}
        streams[name] = {"x": values, "detections": detections}
    return {"streams": streams}


NEEDS = {agreement: "krippendorff", cleanlab: "cleanlab", cleanlab_multiannotator: "cleanlab", dawid_skene: "crowdkit", fairlearn: "fairlearn", aif360: "aif360",
         smclarify: "smclarify", outliers_misc: "sklearn", isolation_forest: "sklearn", representation: "statsmodels", river_drift: "river"}
for make, package in NEEDS.items():
    try:
        importlib.import_module(package)
    except ImportError:
        print(f"{make.__name__}: {package} is not installed")
        continue
    made = make()
    with open(f"{OUT}/{make.__name__}.json", "w") as file:
        json.dump(plain(made), file)
