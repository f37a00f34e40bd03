"""Model families with random settings for `differential.py`."""

import contextlib
import io
import os

import _chains_and_splines
import _made_of_others
import numpy as np
import pandas as pd
from sklearn.base import is_classifier
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.compose import ColumnTransformer
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    ARDRegression,
    BayesianRidge,
    ElasticNet,
    ElasticNetCV,
    GammaRegressor,
    HuberRegressor,
    Lars,
    Lasso,
    LassoCV,
    LassoLars,
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    OrthogonalMatchingPursuit,
    Perceptron,
    PoissonRegressor,
    QuantileRegressor,
    Ridge,
    RidgeClassifier,
    RidgeClassifierCV,
    RidgeCV,
    SGDClassifier,
    SGDRegressor,
    TheilSenRegressor,
    TweedieRegressor,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import LinearSVC, LinearSVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier

DOUBLE, SINGLE = 1e-12, 1e-5  # BLAS adds single precision in an order of its own


class Case:
    def __init__(self, family, format, save, frame, expected, tolerance, wrapper=None, labels=("predict",), refusal=False, about=""):
        self.family, self.format, self.save, self.frame = family, format, save, frame
        self.expected, self.tolerance, self.wrapper = expected, tolerance, wrapper
        self.labels, self.refusal, self.about = labels, refusal, about


def table(rng, rows, width=8, missing=0.0, dtype=np.float64, zeros=0.0):
    x = rng.normal(size=(rows, width)) * rng.choice([0.1, 1.0, 30.0], size=width)
    if zeros:
        x[rng.random(x.shape) < zeros] = 0.0
    if missing:
        x[rng.random(x.shape) < missing] = np.nan
    return pd.DataFrame(x.astype(dtype), columns=[f"f{i}" for i in range(width)])


def signal(rng, x):
    x = np.nan_to_num(x.to_numpy(np.float64))
    w = rng.normal(size=x.shape[1])
    s = x / (np.abs(x).mean(0) + 1e-9)
    return s @ w + np.sin(s[:, 0] * 2) + s[:, 1] * s[:, 2] * 0.5 + rng.normal(size=len(x)) * 0.3


def classes(rng, score, k, text=False):
    edges = np.quantile(score, np.linspace(0, 1, k + 1)[1:-1])
    y = np.digitize(score, edges)
    if text:
        return np.array(["no", "yes", "später", "quatre", "five"])[y]
    return y


def mixed(rng, rows, missing=0.1, unseen=False):
    """Numbers, whole numbers, texts; `unseen` adds categories that training never saw."""
    cities = ["Ulm", "Aachen", "Brno", "Łódź", "東京"] + (["Atlantis"] if unseen else [])
    sizes = ["S", "M", "L"] + (["XXL"] if unseen else [])
    frame = pd.DataFrame(
        {
            "age": rng.normal(40, 10, rows),
            "income": rng.lognormal(3, 1, rows).astype(np.float32),
            "visits": rng.integers(0, 9, rows),
            "city": rng.choice(cities, rows, p=None).astype(object),
            "size": rng.choice(sizes, rows).astype(object),
        }
    )
    frame.loc[rng.random(rows) < missing, "age"] = np.nan
    frame.loc[rng.random(rows) < missing, "city"] = np.nan
    return frame


def sk(family, model, frame, tolerance=DOUBLE, refusal=False, trusted=True, about=""):
    from skops.io import dump

    expected = {}
    if not refusal:
        expected["predict"] = model.predict(frame)
        for method in ("predict_proba", "decision_function", "score_samples"):
            with contextlib.suppress(Exception):
                if method != "score_samples" or isinstance(model, IsolationForest):
                    expected[method] = getattr(model, method)(frame)
    last = model.steps[-1][1] if isinstance(model, Pipeline) else model
    labelled = is_classifier(last) or isinstance(last, (KMeans, MiniBatchKMeans, IsolationForest))
    labels = ("predict",) if labelled else ()
    return Case(family, "skops", lambda path: dump(model, path), frame, expected, tolerance, labels=labels, refusal=refusal, about=about or repr(model)[:300].replace("\n", " "))


def pick(rng, *options):
    return options[rng.integers(len(options))]


def sklearn_cases(rng, rows):
    train_rows = 400
    seed = int(rng.integers(1 << 30))
    for dtype in (np.float64, np.float32):
        tag = "" if dtype == np.float64 else " (float32)"
        tol = DOUBLE if dtype == np.float64 else SINGLE
        x, t = table(rng, train_rows, dtype=dtype), table(rng, rows, dtype=dtype)
        score = signal(rng, x)
        k = int(rng.integers(2, 5))
        y, yb = classes(rng, score, k, rng.random() < 0.5), classes(rng, score, 2, rng.random() < 0.5)
        scaler = pick(rng, StandardScaler(), MinMaxScaler(clip=bool(rng.random() < 0.5)), MaxAbsScaler(), RobustScaler())
        for label in (y, yb):
            yield sk(f"scaler + LogisticRegression{tag}", make_pipeline(scaler, LogisticRegression(C=float(rng.lognormal()), max_iter=300)).fit(x, label), t, tol)
            yield sk(f"linear classifiers{tag}", pick(rng, RidgeClassifier(), RidgeClassifierCV(), Perceptron(), LinearSVC(max_iter=200), LinearDiscriminantAnalysis(), SGDClassifier(loss=pick(rng, "hinge", "log_loss", "modified_huber"), average=bool(rng.random() < 0.5))).fit(x, label), t, tol)
        positive = np.exp(np.clip(score / 3, -3, 3))
        for model in (LinearRegression(), Ridge(), RidgeCV(), Lasso(alpha=0.01), LassoCV(cv=3), ElasticNet(alpha=0.01), ElasticNetCV(cv=3), HuberRegressor(), LinearSVR(max_iter=200), BayesianRidge(), ARDRegression(), Lars(), LassoLars(alpha=0.01), OrthogonalMatchingPursuit()) if dtype == np.float64 else (LinearRegression(), Ridge(), Lasso(alpha=0.01)):
            yield sk(f"linear regressors{tag}", make_pipeline(StandardScaler(), model).fit(x, score), t, tol)
        yield sk(f"linear regressors{tag}", make_pipeline(StandardScaler(), LinearRegression()).fit(x, np.c_[score, positive]), t, tol)
        yield sk(f"linear regressors{tag}", make_pipeline(StandardScaler(), SGDRegressor()).fit(x, score), t, tol)
        yield sk(f"generalised linear regressors{tag}", make_pipeline(StandardScaler(), pick(rng, PoissonRegressor(), GammaRegressor(), TweedieRegressor(power=1.5))).fit(x, positive), t, tol)
        chain = pick(rng, Normalizer(pick(rng, "l1", "l2", "max")), PolynomialFeatures(2, interaction_only=bool(rng.random() < 0.5), include_bias=bool(rng.random() < 0.5)), Binarizer(threshold=0.1), KBinsDiscretizer(4, encode=pick(rng, "ordinal", "onehot", "onehot-dense"), quantile_method="averaged_inverted_cdf"), FunctionTransformer(), FunctionTransformer(np.log1p) if False else FunctionTransformer(np.square))
        yield sk(f"transformers + LogisticRegression{tag}", make_pipeline(StandardScaler(), chain, LogisticRegression()).fit(x, yb), t, tol)
        miss = 0.15 if rng.random() < 0.7 else 0.0
        xm, tm = table(rng, train_rows, missing=miss, dtype=dtype), table(rng, rows, missing=0.2, dtype=dtype)
        sm = signal(rng, xm)
        ym = classes(rng, sm, k, rng.random() < 0.5)
        yield sk(f"DecisionTree{tag}", DecisionTreeClassifier(max_depth=pick(rng, None, 5), criterion=pick(rng, "gini", "entropy"), random_state=seed).fit(xm, ym), tm)
        yield sk(f"DecisionTree{tag}", DecisionTreeRegressor(max_leaf_nodes=40, random_state=seed).fit(xm, np.c_[sm, -sm] if rng.random() < 0.3 else sm), tm)
        yield sk(f"RandomForest{tag}", RandomForestClassifier(int(rng.integers(1, 40)), max_depth=pick(rng, None, 6), class_weight=pick(rng, None, "balanced"), random_state=seed).fit(xm, ym), tm)
        yield sk(f"RandomForest{tag}", RandomForestRegressor(int(rng.integers(1, 30)), max_features=0.5, random_state=seed).fit(xm, sm), tm)
        yield sk(f"ExtraTrees{tag}", ExtraTreesClassifier(int(rng.integers(2, 30)), random_state=seed).fit(xm, ym), tm)
        yield sk(f"ExtraTrees{tag}", ExtraTreesRegressor(int(rng.integers(2, 20)), bootstrap=True, random_state=seed).fit(x, score), t)
        yield sk(f"GradientBoosting{tag}", GradientBoostingClassifier(n_estimators=int(rng.integers(1, 40)), max_depth=int(rng.integers(1, 5)), subsample=pick(rng, 1.0, 0.6), random_state=seed).fit(x, y), t)
        yield sk(f"GradientBoosting{tag}", GradientBoostingClassifier(n_estimators=20, loss=pick(rng, "log_loss", "exponential"), init=pick(rng, None, "zero"), random_state=seed).fit(x, yb), t)
        yield sk(f"GradientBoosting{tag}", GradientBoostingRegressor(n_estimators=20, loss=pick(rng, "squared_error", "absolute_error", "huber", "quantile"), random_state=seed).fit(x, score), t)
        yield sk(f"HistGradientBoosting{tag}", HistGradientBoostingClassifier(max_iter=int(rng.integers(1, 30)), learning_rate=0.2, random_state=seed).fit(xm, ym), tm)
        yield sk(f"HistGradientBoosting{tag}", HistGradientBoostingRegressor(max_iter=20, loss=pick(rng, "squared_error", "absolute_error", "poisson", "gamma"), random_state=seed).fit(xm, np.exp(sm / 10)), tm)
        coded, coded_test = xm.copy(), tm.copy()
        coded["f0"] = rng.integers(0, 12, train_rows).astype(dtype)
        coded_test["f0"] = rng.choice(np.r_[np.arange(15), np.nan], rows).astype(dtype)
        coded["f5"] = rng.choice(np.r_[1, 7, 200, np.nan], train_rows).astype(dtype)
        coded_test["f5"] = rng.choice(np.r_[1, 7, 200, np.nan, 8], rows).astype(dtype)
        yc = classes(rng, sm + (coded["f0"] % 3).to_numpy() * 3, k)
        yield sk(f"HistGradientBoosting, categories{tag}", HistGradientBoostingClassifier(max_iter=15, categorical_features=[0, 5], random_state=seed).fit(coded, yc), coded_test)
        yield sk(f"KMeans{tag}", pick(rng, KMeans(int(rng.integers(2, 9)), n_init=1, random_state=seed), MiniBatchKMeans(4, n_init=1, random_state=seed)).fit(x), t, tol)
        yield sk(f"IsolationForest{tag}", IsolationForest(n_estimators=20, max_features=pick(rng, 1.0, 0.5), contamination=pick(rng, "auto", 0.1), random_state=seed).fit(x), t)
    yield from pipelines(rng, rows, seed)
    yield from _made_of_others.cases(rng, rows)
    yield from _chains_and_splines.cases(rng, rows)
    x, t = table(rng, train_rows), table(rng, 20)
    yield sk("refused: KNeighborsClassifier by comparing with every row", KNeighborsClassifier(algorithm="brute").fit(x, classes(rng, signal(rng, x), 2)), t, refusal=True)


def pipelines(rng, rows, seed):
    train, test = mixed(rng, 400), mixed(rng, rows, unseen=True)
    y = classes(rng, np.nan_to_num(train["age"].to_numpy(), nan=40) + train["visits"].to_numpy() * 3 + (train["city"] == "Ulm") * 9, 3, True)
    encoder = pick(
        rng,
        OneHotEncoder(handle_unknown="ignore", sparse_output=bool(rng.random() < 0.5)),
        OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=70),
        OneHotEncoder(handle_unknown="ignore", drop="if_binary"),
        OneHotEncoder(handle_unknown="ignore", max_categories=3, drop=None),
        OneHotEncoder(handle_unknown="ignore", drop="first"),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2, min_frequency=90),
    )
    numbers = pick(
        rng,
        make_pipeline(SimpleImputer(strategy=pick(rng, "mean", "median", "most_frequent"), add_indicator=bool(rng.random() < 0.5)), StandardScaler()),
        make_pipeline(StandardScaler(), SimpleImputer(strategy="constant", fill_value=0.5)),
        SimpleImputer(strategy="median"),
    )
    texts = pick(rng, encoder, make_pipeline(SimpleImputer(strategy=pick(rng, "most_frequent", "constant"), fill_value="none"), encoder))
    before = ColumnTransformer(
        [("n", numbers, ["age", "income"]), ("t", texts, ["city", "size"])], remainder=pick(rng, "drop", "passthrough"), sparse_threshold=pick(rng, 0.0, 0.3, 1.0)
    )
    for last in (LogisticRegression(max_iter=400), RandomForestClassifier(12, random_state=seed), GradientBoostingClassifier(n_estimators=5, random_state=seed)):
        yield sk("ColumnTransformer of numbers and texts", Pipeline([("before", before), ("last", last)]).fit(train, y), test, 1e-9)
    single = before.set_params(sparse_threshold=0.0)
    yield sk("ColumnTransformer of numbers and texts", Pipeline([("before", single), ("last", HistGradientBoostingClassifier(max_iter=5, random_state=seed))]).fit(train, y), test)


def cases(rng, rows, only=None):
    import _boosters

    for case in sklearn_cases(rng, rows):
        if only is None or only in case.family:
            yield case
    for case in _boosters.cases(rng, rows):
        if only is None or only in case.family:
            yield case
