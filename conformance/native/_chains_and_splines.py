"""Several outputs at once, chains, targets that are transformed, robust fits, splines, functions of numpy, neighbours in
ball trees."""

import numpy as np
from sklearn.cross_decomposition import PLSRegression
from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import (
    LarsCV,
    LassoLarsCV,
    LinearRegression,
    LogisticRegression,
    MultiTaskElasticNet,
    MultiTaskElasticNetCV,
    MultiTaskLasso,
    MultiTaskLassoCV,
    OrthogonalMatchingPursuitCV,
    RANSACRegressor,
    Ridge,
)
from sklearn.multioutput import ClassifierChain, MultiOutputRegressor, RegressorChain
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, MinMaxScaler, PolynomialFeatures, RobustScaler, SplineTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier

FUNCTIONS = ["log", "log1p", "log2", "log10", "exp", "exp2", "expm1", "sqrt", "cbrt", "square", "abs", "absolute", "fabs", "negative", "positive", "sign",
             "floor", "ceil", "trunc", "rint", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "deg2rad", "rad2deg"]


def labels_alone(case):
    """Probabilities of several outputs are a list of tables, which is no output."""
    case.expected.pop("predict_proba", None)
    return case


def cases(rng, rows):
    from _families import classes, pick, signal, sk, table

    seed = int(rng.integers(1 << 30))
    loose = 1e-9
    for dtype in (np.float64, np.float32):
        tag = "" if dtype == np.float64 else " (float32)"
        x, t = table(rng, 300, dtype=dtype), table(rng, rows, dtype=dtype)
        score = signal(rng, x)
        gaps, holes = table(rng, 300, missing=0.1, dtype=dtype), table(rng, rows, missing=0.1, dtype=dtype)
        for text in (False, True):
            several = np.c_[classes(rng, score, 2, text), classes(rng, -score, 4, text), classes(rng, np.sin(score), 3, text)]
            for model in (DecisionTreeClassifier(max_depth=pick(rng, None, 5), random_state=seed), RandomForestClassifier(int(rng.integers(1, 20)), random_state=seed)):
                yield labels_alone(sk(f"trees, labels of several outputs{tag}", model.fit(gaps, several), holes))
            for model in (ExtraTreeClassifier(random_state=seed), ExtraTreesClassifier(7, random_state=seed)):
                yield labels_alone(sk(f"trees, labels of several outputs{tag}", model.fit(x, several), t))
            near = KNeighborsClassifier(int(rng.integers(1, 9)), weights=pick(rng, "uniform", "distance"), algorithm=pick(rng, "kd_tree", "ball_tree"))
            yield labels_alone(sk(f"nearest neighbours, labels of several outputs{tag}", near.fit(x, several), t))
        several = np.c_[score, score**2, -score]
        yield sk(f"trees, several outputs{tag}", RandomForestRegressor(6, random_state=seed).fit(gaps, several), holes)
        yield sk(f"trees, several outputs{tag}", MultiOutputRegressor(GradientBoostingRegressor(n_estimators=5, random_state=seed)).fit(x, several), t)
        # The same row on both sides, distances that are equal, whole numbers.
        for metric, power in (("minkowski", 2), ("manhattan", 2), ("chebyshev", 2), ("minkowski", 1.5), ("minkowski", 3), ("canberra", 2)):
            algorithm = "ball_tree" if metric == "canberra" else pick(rng, "ball_tree", "ball_tree", "kd_tree")
            chosen = dict(n_neighbors=int(rng.integers(1, 12)), weights=pick(rng, "uniform", "distance"), algorithm=algorithm, metric=metric, p=power, leaf_size=int(rng.integers(2, 40)))
            y = classes(rng, score, 4, True)
            yield sk(f"nearest neighbours, ball tree{tag}", KNeighborsClassifier(**chosen).fit(x, y), t)
            whole = KNeighborsClassifier(**chosen).fit((x * 2).round(), y)
            yield sk(f"nearest neighbours, ball tree, ties{tag}", whole, (t * 2).round())
            yield sk(f"nearest neighbours, ball tree{tag}", KNeighborsRegressor(**chosen).fit(x, pick(rng, score, several)), t)
        places, asked = np.radians(table(rng, 300, 2, dtype=np.float64) % 80), np.radians(table(rng, rows, 2, dtype=np.float64) % 80)
        near = KNeighborsRegressor(5, metric="haversine", algorithm="ball_tree", weights=pick(rng, "uniform", "distance"))
        yield sk("nearest neighbours, haversine", near.fit(places, score), asked)
        # Splines, beyond the border of what was seen and within it.
        for beyond in ("constant", "linear", "continue", "periodic"):
            spline = SplineTransformer(int(rng.integers(3, 9)) + 3, degree=int(rng.integers(2, 4)), knots=pick(rng, "uniform", "quantile"), extrapolation=beyond, include_bias=bool(rng.random() < 0.5))
            # Twice as far: the most beyond the border. Polynomials that go on grow by its third power.
            wide = t * (1.0 if beyond == "continue" else 2.0)
            yield sk(f"SplineTransformer{tag}", make_pipeline(spline, DecisionTreeRegressor(max_depth=6, random_state=seed)).fit(x, score), wide)
            tolerance = 1e-9 if dtype == np.float64 else 1e-5
            yield sk(f"SplineTransformer{tag}", make_pipeline(spline, Ridge(alpha=1.0)).fit(x, score), wide, tolerance)
        # Terms of the third degree and more are rounded in an order: trees tell the last bit.
        terms = PolynomialFeatures(pick(rng, 3, 4, (2, 3)), interaction_only=bool(rng.random() < 0.3), include_bias=bool(rng.random() < 0.5), order=pick(rng, "C", "F"))
        yield sk(f"PolynomialFeatures{tag}", make_pipeline(terms, DecisionTreeRegressor(random_state=seed)).fit(x, score), t)
        if dtype == np.float64:
            yield sk("PolynomialFeatures", make_pipeline(terms, StandardScaler(), Ridge(alpha=10.0)).fit(x, score), t, loose)

    x, t = table(rng, 300), table(rng, rows)
    score = signal(rng, x)
    share, asked = np.abs(x) / (np.abs(x).max(0) * 1.01), np.abs(t) / (np.abs(t).max(0) * 1.01)
    for name in FUNCTIONS:
        model = make_pipeline(FunctionTransformer(getattr(np, name)), Ridge()).fit(share + 1e-3, score)
        yield sk("functions of numpy", model, asked + 1e-3)
    y2, y3 = classes(rng, score, 2), classes(rng, -score, 2)
    both = np.c_[y2, y3, classes(rng, np.cos(score), 2)]
    inner = pick(rng, LogisticRegression(max_iter=300), make_pipeline(StandardScaler(), LogisticRegression()), RandomForestClassifier(5, random_state=seed))
    for settings in ({"order": [2, 0, 1]}, {"order": "random", "random_state": seed}, {"chain_method": "predict_proba"}, {"chain_method": "predict_proba", "cv": 3}):
        case = sk("ClassifierChain", ClassifierChain(inner, **settings).fit(x, both), t, loose)
        # Labels come as floats.
        case.labels = ("predict",)
        yield case
    for settings in ({}, {"order": [1, 0]}, {"cv": 3}):
        chain = RegressorChain(pick(rng, Ridge(), DecisionTreeRegressor(max_depth=5, random_state=seed)), **settings)
        yield sk("RegressorChain", chain.fit(x, np.c_[score, np.abs(score)]), t, loose)
    positive = np.exp(np.clip(score / 3, -3, 3))
    for settings in (
        {"func": np.log, "inverse_func": np.exp}, {"func": np.log1p, "inverse_func": np.expm1}, {"func": np.sqrt, "inverse_func": np.square, "check_inverse": False},
        {"transformer": StandardScaler()}, {"transformer": MinMaxScaler((1, 3))}, {"transformer": RobustScaler()}, {"transformer": MaxAbsScaler()}, {},
    ):
        regressor = pick(rng, LinearRegression(), make_pipeline(StandardScaler(), Ridge()), RandomForestRegressor(5, random_state=seed))
        target = pick(rng, positive, positive.reshape(-1, 1), np.c_[positive, positive + 1])
        yield sk("TransformedTargetRegressor", TransformedTargetRegressor(regressor, **settings).fit(x, target), t)
    yield sk("RANSACRegressor", RANSACRegressor(pick(rng, None, Ridge()), min_samples=40, random_state=seed).fit(x, score), t)
    for model in (LarsCV(cv=3), LassoLarsCV(cv=3), OrthogonalMatchingPursuitCV(cv=3), PLSRegression(3)):
        yield sk("linear regressors, cross-validated", make_pipeline(StandardScaler(), model).fit(x, score), t)
    for model in (MultiTaskElasticNet(0.01), MultiTaskElasticNetCV(cv=3), MultiTaskLasso(0.01), MultiTaskLassoCV(cv=3), PLSRegression(2)):
        yield sk("linear regressors of several outputs", make_pipeline(StandardScaler(), model).fit(x, np.c_[score, positive]), t)
    yield sk("refused: splines that take other borders from the second column on", make_pipeline(SplineTransformer(degree=1, extrapolation="linear"), Ridge()).fit(x, score), table(rng, 20), refusal=True)
    scaled = TransformedTargetRegressor(Ridge(), transformer=make_pipeline(StandardScaler(), MinMaxScaler()))
    yield sk("refused: a target that goes through a pipeline", scaled.fit(x, score), table(rng, 20), refusal=True)
    near = KNeighborsClassifier(algorithm="brute", metric="cosine").fit(x, y2)
    yield sk("refused: KNeighborsClassifier by comparing with every row", near, table(rng, 20), refusal=True)
