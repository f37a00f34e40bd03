"""Naive Bayes, networks, support vectors, ensembles of any estimators, searches, projections and selections."""

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.feature_selection import RFE, SelectFpr, SelectFromModel, SelectKBest, SelectPercentile, SequentialFeatureSelector, f_classif
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import MinMaxScaler, PowerTransformer, QuantileTransformer, StandardScaler, TargetEncoder
from sklearn.svm import SVC, SVR, LinearSVC, NuSVC, NuSVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor


def cases(rng, rows):
    from _families import classes, mixed, pick, signal, sk, table

    seed = int(rng.integers(1 << 30))
    x, t = table(rng, 300), table(rng, rows)
    score = signal(rng, x)
    k, text = int(rng.integers(3, 5)), bool(rng.random() < 0.5)
    y, yb = classes(rng, score, k, text), classes(rng, score, 2, text)
    # Sums of hundreds of kernels, logarithms of small shares: relative to the largest of them.
    loose = 1e-9
    for label in (y, yb):
        yield sk("naive Bayes", GaussianNB().fit(x, label), t, loose)
        kind = pick(rng, MultinomialNB(alpha=0.3), ComplementNB(norm=bool(rng.random() < 0.5)))
        yield sk("naive Bayes", make_pipeline(MinMaxScaler(clip=True), kind).fit(x, label), t, loose)
        yield sk("naive Bayes", make_pipeline(StandardScaler(), BernoulliNB(binarize=pick(rng, 0.0, 0.4))).fit(x, label), t, loose)
        network = MLPClassifier(hidden_layer_sizes=pick(rng, (7,), (9, 4)), activation=pick(rng, "relu", "tanh", "logistic", "identity"), max_iter=30, random_state=seed)
        yield sk("MLP", make_pipeline(StandardScaler(), network).fit(x, label), t, loose)
        for kernel in ("rbf", "linear", "poly", "sigmoid"):
            machine = SVC(kernel=kernel, C=float(rng.lognormal()), decision_function_shape=pick(rng, "ovr", "ovo"), gamma=pick(rng, "scale", "auto"))
            yield sk("SVC", make_pipeline(StandardScaler(), machine).fit(x, label), t, loose)
        yield sk("SVC", make_pipeline(StandardScaler(), NuSVC(nu=0.1, break_ties=len(set(label)) > 2)).fit(x, label), t, loose)
        pair = [("a", make_pipeline(StandardScaler(), LogisticRegression())), ("b", DecisionTreeClassifier(max_depth=4, random_state=seed))]
        yield sk("Voting", VotingClassifier(pair, voting=pick(rng, "soft", "hard"), weights=pick(rng, None, [2, 1])).fit(x, label), t)
        bagged = sk("Bagging", BaggingClassifier(pick(rng, None, LogisticRegression()), n_estimators=6, max_features=0.6, random_state=seed).fit(x, label), t)
        # Averages of scores are not given.
        bagged.expected.pop("decision_function", None)
        yield bagged
        yield sk("AdaBoost", AdaBoostClassifier(DecisionTreeClassifier(max_depth=2), n_estimators=8, random_state=seed).fit(x, label), t)
        yield sk("Stacking", StackingClassifier(pair, LogisticRegression(), passthrough=bool(rng.random() < 0.5), cv=3).fit(x, label), t, loose)
        yield sk("search", GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {"logisticregression__C": [0.1, 1.0]}, cv=3).fit(x, label), t)
        selection = pick(rng, SelectKBest(f_classif, k=3), SelectPercentile(percentile=40), SelectFpr(), RFE(LogisticRegression(), n_features_to_select=3), SequentialFeatureSelector(LogisticRegression(), n_features_to_select=2, cv=3))
        yield sk("selection", make_pipeline(selection, LogisticRegression()).fit(x, label), t)
        yield sk("projection", make_pipeline(StandardScaler(), pick(rng, PCA(4), PCA(3, whiten=True), TruncatedSVD(3, random_state=seed)), LogisticRegression()).fit(x, label), t, loose)
        union = FeatureUnion([("p", PCA(2)), ("s", StandardScaler()), ("k", SelectKBest(k=2)), ("x", "passthrough")])
        yield sk("FeatureUnion", make_pipeline(union, LogisticRegression(max_iter=300)).fit(x, label), t, loose)
        inner = pick(rng, make_pipeline(StandardScaler(), LogisticRegression()), RandomForestClassifier(5, random_state=seed), LinearSVC(max_iter=300))
        calibrated = CalibratedClassifierCV(inner, method=pick(rng, "sigmoid", "isotonic"), cv=3, ensemble=bool(rng.random() < 0.7))
        yield sk("calibrated", calibrated.fit(x, label), t, loose)
        yield sk("Dummy", DummyClassifier(strategy=pick(rng, "prior", "most_frequent")).fit(x, label), t)
        near = KNeighborsClassifier(int(rng.integers(1, 12)), weights=pick(rng, "uniform", "distance"), metric=pick(rng, "minkowski", "manhattan", "chebyshev"), leaf_size=int(rng.integers(2, 40)))
        yield sk("nearest neighbours", near.fit(x, label), t)
        # Whole numbers: many rows at the same distance, twice some.
        yield sk("nearest neighbours, ties", near.fit((x * 2).round(), label), (t * 2).round())
        yield sk("QDA", QuadraticDiscriminantAnalysis(reg_param=pick(rng, 0.0, 0.1)).fit(x, label), t, loose)
        decided = pick(rng, LogisticRegression(), LinearSVC(max_iter=300), GaussianNB(), make_pipeline(StandardScaler(), SVC()), RandomForestClassifier(5, random_state=seed))
        yield sk("OneVsRest", OneVsRestClassifier(decided).fit(x, label), t, loose)
        yield sk("OneVsOne", OneVsOneClassifier(decided).fit(x, label), t, loose)
        spread = pick(rng, QuantileTransformer(n_quantiles=60), QuantileTransformer(n_quantiles=200, output_distribution="normal"), PowerTransformer(), PowerTransformer(standardize=False))
        yield sk("QuantileTransformer, PowerTransformer", make_pipeline(spread, LogisticRegression(max_iter=300)).fit(x, label), t, loose)
        inside = pick(rng, SelectFromModel(LogisticRegression()), SelectFromModel(RandomForestClassifier(9, random_state=seed), threshold=pick(rng, "median", "0.9*mean")), SelectFromModel(LinearSVC(max_iter=300), max_features=3, threshold=-np.inf))
        yield sk("SelectFromModel", make_pipeline(inside, LogisticRegression(max_iter=300)).fit(x, label), t)
    positive, likely = np.exp(x / (np.abs(x).max(0) + 1)), np.exp(t / (np.abs(x).max(0) + 1))
    yield sk("QuantileTransformer, PowerTransformer", make_pipeline(PowerTransformer("box-cox"), LinearRegression()).fit(positive, score), likely, loose)
    gaps, holes = table(rng, 300, missing=0.1), table(rng, rows, missing=0.1)
    for spread in (QuantileTransformer(n_quantiles=50), PowerTransformer()):
        boosted = HistGradientBoostingClassifier(max_iter=5, random_state=seed)
        yield sk("QuantileTransformer, PowerTransformer", make_pipeline(spread, boosted).fit(gaps, yb), holes, loose)
    for inside in (SelectFromModel(Lasso(alpha=0.05)), SelectFromModel(GradientBoostingRegressor(n_estimators=5, random_state=seed), threshold="mean")):
        yield sk("SelectFromModel", make_pipeline(StandardScaler(), inside, LinearRegression()).fit(x, score), t)
    near = KNeighborsRegressor(int(rng.integers(1, 12)), weights=pick(rng, "uniform", "distance"))
    yield sk("nearest neighbours", near.fit(x, pick(rng, score, np.c_[score, -score])), t)
    line = IsotonicRegression(out_of_bounds=pick(rng, "clip", "nan"), increasing=pick(rng, True, "auto"))
    yield sk("IsotonicRegression", line.fit(x[["f0"]], score), t[["f0"]])
    both = np.c_[y, classes(rng, -score, k, text)]
    several = sk("labels of several outputs", MultiOutputClassifier(pick(rng, LogisticRegression(max_iter=300), RandomForestClassifier(4, random_state=seed))).fit(x, both), t)
    # A list of tables is no output.
    several.expected.pop("predict_proba", None)
    yield several
    numbers = [("a", Ridge()), ("b", DecisionTreeRegressor(max_depth=4, random_state=seed))]
    yield sk("SVR", make_pipeline(StandardScaler(), pick(rng, SVR(), SVR(kernel="poly", degree=2), NuSVR())).fit(x, score), t, loose)
    yield sk("MLP", make_pipeline(StandardScaler(), MLPRegressor(hidden_layer_sizes=(8,), max_iter=50, random_state=seed)).fit(x, score), t, loose)
    yield sk("MLP", make_pipeline(StandardScaler(), MLPRegressor(hidden_layer_sizes=(5,), max_iter=50, random_state=seed)).fit(x, np.c_[score, -score]), t, loose)
    yield sk("Voting", VotingRegressor(numbers, weights=pick(rng, None, [1, 3])).fit(x, score), t)
    yield sk("Bagging", BaggingRegressor(n_estimators=6, max_features=0.7, random_state=seed).fit(x, score), t)
    yield sk("AdaBoost", AdaBoostRegressor(n_estimators=9, loss=pick(rng, "linear", "square"), random_state=seed).fit(x, score), t)
    yield sk("Stacking", StackingRegressor(numbers, LinearRegression(), passthrough=bool(rng.random() < 0.5), cv=3).fit(x, score), t, loose)
    yield sk("several outputs", MultiOutputRegressor(Ridge()).fit(x, np.c_[score, score**2]), t)
    yield sk("search", RandomizedSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, n_iter=2, cv=3, random_state=seed).fit(x, score), t)
    yield sk("Dummy", DummyRegressor(strategy=pick(rng, "mean", "median")).fit(x, score), t)
    train, test = mixed(rng, 300), mixed(rng, rows, unseen=True)
    for target in (y, yb, score):
        last = LinearRegression() if target is score else LogisticRegression()
        encoder = ColumnTransformer([("t", TargetEncoder(target_type=pick(rng, "auto")), ["city", "size"])], remainder="drop")
        yield sk("TargetEncoder", make_pipeline(encoder, last).fit(train, target), test, loose)
    # Missing values reach estimators that take them.
    missing, test = table(rng, 300, missing=0.1), table(rng, rows, missing=0.1)
    trees = [("a", RandomForestClassifier(5, random_state=seed)), ("b", HistGradientBoostingClassifier(max_iter=5, random_state=seed))]
    yield sk("Voting", VotingClassifier(trees, voting="soft").fit(missing, y), test)
    yield sk("refused: SVC with probabilities", SVC(probability=True).fit(x, yb), table(rng, 20), refusal=True)
