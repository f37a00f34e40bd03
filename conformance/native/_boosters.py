"""XGBoost, LightGBM and CatBoost for `differential.py`, each where it is installed."""

import importlib.util

import numpy as np
import pandas as pd

from _families import Case, classes, pick, signal, table


def has(name):
    return importlib.util.find_spec(name) is not None


def cases(rng, rows):
    if has("xgboost"):
        yield from xgboost_cases(rng, rows)
    if has("lightgbm"):
        yield from lightgbm_cases(rng, rows)
    if has("catboost"):
        yield from catboost_cases(rng, rows)


def data(rng, rows, dtype=np.float32, missing=0.15, zeros=0.0):
    x = table(rng, 500, missing=missing, dtype=dtype, zeros=zeros)
    t = table(rng, rows, missing=missing or 0.1, dtype=dtype, zeros=zeros)
    return x, t, signal(rng, x)


def coded(rng, frame, unseen):
    """Two columns of categories as codes."""
    frame = frame.copy()
    frame["f1"] = rng.integers(0, 6 + 3 * unseen, len(frame)).astype(frame["f0"].dtype)
    frame["f4"] = rng.integers(0, 70 + 20 * unseen, len(frame)).astype(frame["f0"].dtype)
    return frame


def xgboost_cases(rng, rows):
    import xgboost as xgb

    def booster(family, b, t, matrix=None, about=""):
        d = matrix if matrix is not None else xgb.DMatrix(t)
        expected = {"predict": b.predict(d), "margin": b.predict(d, output_margin=True)}
        suffix = pick(rng, "json", "ubj")

        def save(path):
            with open(path, "wb") as f:
                f.write(b.save_raw(suffix))

        return Case(family, "xgboost", save, t, expected, 0.0, "xgboost.core.Booster", (), about=about + suffix)

    objectives = ["reg:squarederror", "reg:squaredlogerror", "reg:logistic", "reg:pseudohubererror", "reg:absoluteerror", "binary:logistic", "binary:logitraw", "binary:hinge", "count:poisson", "survival:cox", "reg:gamma", "reg:tweedie", "rank:pairwise", "rank:ndcg", "multi:softmax", "multi:softprob", "reg:quantileerror", "survival:aft"]
    for objective in objectives:
        x, t, s = data(rng, rows)
        y = {"reg:logistic": 1 / (1 + np.exp(-s)), "count:poisson": np.floor(np.exp(np.clip(s / 5, -2, 2))), "reg:gamma": np.exp(s / 9), "reg:tweedie": np.exp(s / 9), "survival:cox": np.exp(s / 9), "reg:squaredlogerror": np.exp(s / 9), "survival:aft": np.exp(s / 9)}.get(objective, s)
        k = int(rng.integers(3, 6))
        if objective.startswith(("binary", "rank")):
            y = classes(rng, s, 2)
        params = {"objective": objective, "max_depth": int(rng.integers(1, 7)), "eta": float(rng.uniform(0.05, 0.5)), "verbosity": 0}
        if objective.startswith("multi"):
            params["num_class"], y = k, classes(rng, s, k)
        if rng.random() < 0.4 and not objective.startswith("multi"):
            params["base_score"] = 0.3
        if rng.random() < 0.3:
            params["num_parallel_tree"] = 2
        if objective == "reg:quantileerror":
            params["quantile_alpha"] = [0.1, 0.5, 0.9] if rng.random() < 0.5 else 0.4
        params["booster"] = pick(rng, "gbtree", "gbtree", "dart")
        if params["booster"] == "dart":
            params.update(rate_drop=0.3, one_drop=1)
        d = xgb.DMatrix(x, y)
        if objective == "survival:aft":
            d.set_float_info("label_lower_bound", y)
            d.set_float_info("label_upper_bound", y * 1.3)
        if objective.startswith("rank"):
            d.set_group([100] * 5)
        b = xgb.train(params, d, int(rng.integers(1, 25)))
        yield booster(f"XGBoost {objective.split(':')[0]}:*", b, t, about=str(params))
    x, t, s = data(rng, rows, missing=0.1)
    x, t = coded(rng, x, False), coded(rng, t, True)
    types = ["c" if c in ("f1", "f4") else "float" for c in x.columns]
    for onehot in (2, 20):
        b = xgb.train({"max_depth": 5, "max_cat_to_onehot": onehot, "verbosity": 0}, xgb.DMatrix(x, s + (x["f1"] % 2) * 5, feature_types=types, enable_categorical=True), 12)
        yield booster("XGBoost, categories as codes", b, t, xgb.DMatrix(t, feature_types=types, enable_categorical=True), about=f"onehot {onehot} ")
    for linear in ("reg:squarederror", "binary:logistic", "multi:softprob"):
        x, t, s = data(rng, rows, missing=0.1)
        params = {"objective": linear, "booster": "gblinear", "verbosity": 0}
        y = s if linear.startswith("reg") else classes(rng, s, 3 if linear.startswith("multi") else 2)
        if linear.startswith("multi"):
            params["num_class"] = 3
        yield booster("XGBoost gblinear", xgb.train(params, xgb.DMatrix(x, y), 6), t, about=linear)
    for model, k in ((xgb.XGBClassifier, 2), (xgb.XGBClassifier, 4), (xgb.XGBRegressor, 0), (xgb.XGBRFClassifier, 3), (xgb.XGBRFRegressor, 0)):
        x, t, s = data(rng, rows)
        y = classes(rng, s, k) if k else s
        early = "RF" not in model.__name__ and rng.random() < 0.6
        m = model(n_estimators=30, max_depth=3, n_jobs=1, **({"early_stopping_rounds": 2, "learning_rate": 1.0} if early else {}))
        m.fit(x, y, **({"eval_set": [(x[::2], y[::2][::-1])], "verbose": False} if early else {}))
        expected = {"predict": m.predict(t), "margin": m.predict(t, output_margin=True)}
        if k:
            expected["predict_proba"] = m.predict_proba(t)
        suffix = pick(rng, "json", "ubj")

        def save(path, m=m, suffix=suffix):
            with open(path, "wb") as f:
                f.write(m.get_booster().save_raw(suffix))

        yield Case(f"XGBoost {model.__name__}", "xgboost", save, t, expected, 0.0, f"xgboost.sklearn.{model.__name__}", ("predict",) if k else ())
    x, t, s = data(rng, 20)
    b = xgb.train({"multi_strategy": "multi_output_tree", "tree_method": "hist", "verbosity": 0}, xgb.DMatrix(x, np.c_[s, -s]), 2)

    def save_vector(path):
        with open(path, "wb") as f:
            f.write(b.save_raw("json"))

    yield Case("refused: XGBoost vector leaves", "xgboost", save_vector, t, {}, 0.0, "xgboost.core.Booster", (), refusal=True)


def lightgbm_cases(rng, rows):
    import lightgbm as lgb
    from skops.io import dump

    def text(family, b, t, about="", refusal=False):
        expected = {} if refusal else {"predict": b.predict(t), "raw_score": b.predict(t, raw_score=True)}
        return Case(family, "lightgbm", lambda path: b.save_model(path), t, expected, 1e-12, None, (), refusal=refusal, about=about)

    objectives = ["regression", "regression_l1", "huber", "fair", "poisson", "quantile", "mape", "gamma", "tweedie", "binary", "multiclass", "multiclassova", "cross_entropy", "cross_entropy_lambda", "lambdarank", "rank_xendcg"]
    for objective in objectives:
        x, t, s = data(rng, rows, dtype=np.float64, missing=pick(rng, 0.0, 0.15), zeros=pick(rng, 0.0, 0.3))
        k = int(rng.integers(3, 6))
        y = {"poisson": np.exp(s / 9), "gamma": np.exp(s / 9), "tweedie": np.exp(s / 9), "cross_entropy": 1 / (1 + np.exp(-s)), "cross_entropy_lambda": 1 / (1 + np.exp(-s)), "mape": np.exp(s / 9)}.get(objective, s)
        params = {"objective": objective, "verbose": -1, "num_leaves": int(rng.integers(2, 32)), "learning_rate": float(rng.uniform(0.05, 0.4)), "num_threads": 1, "min_data_in_leaf": 5}
        params["zero_as_missing"] = bool(rng.random() < 0.4)
        params["use_missing"] = bool(rng.random() < 0.8)
        params["boosting"] = pick(rng, "gbdt", "gbdt", "dart", "rf")
        if params["boosting"] == "rf":
            params.update(bagging_freq=1, bagging_fraction=0.6, feature_fraction=0.7)
        if objective == "regression" and rng.random() < 0.5:
            params["reg_sqrt"] = True
        if objective == "binary":
            params["sigmoid"] = float(rng.uniform(0.5, 2))
        if objective in ("binary", "lambdarank", "rank_xendcg"):
            y = classes(rng, s, 2)
        if objective.startswith("multiclass"):
            params["num_class"], y = k, classes(rng, s, k)
        group = [100] * 5 if "rank" in objective else None
        b = lgb.train(params, lgb.Dataset(x, y, group=group, params={"verbose": -1}), int(rng.integers(1, 25)))
        yield text(f"LightGBM {'ranking' if 'rank' in objective else objective}", b, t, about=str(params))
    x, t, s = data(rng, rows, dtype=np.float64, missing=0.1)
    x, t = coded(rng, x, False), coded(rng, t, True)
    b = lgb.train({"verbose": -1, "num_threads": 1, "min_data_per_group": 5, "cat_smooth": 1}, lgb.Dataset(x, s + (x["f1"] % 2) * 5, categorical_feature=["f1", "f4"], params={"verbose": -1}), 12)
    yield text("LightGBM, categories as codes", b, t)
    x, t, s = data(rng, rows, dtype=np.float64, missing=0.1)
    names = np.array(["a", "b", "c", "d"])
    x["f2"], t["f2"] = pd.Categorical(rng.choice(names[:3], len(x))), rng.choice(names, len(t)).astype(object)
    b = lgb.train({"verbose": -1, "num_threads": 1, "min_data_per_group": 5}, lgb.Dataset(x, s + (x["f2"] == "b") * 5, params={"verbose": -1}), 8)
    typed = t.assign(f2=pd.Categorical(t["f2"]))
    yield Case("LightGBM, categories of pandas as texts", "lightgbm", lambda path: b.save_model(path), t, {"predict": b.predict(typed)}, 1e-12, None, ())
    for model, k in ((lgb.LGBMClassifier, 2), (lgb.LGBMClassifier, 4), (lgb.LGBMRegressor, 0)):
        x, t, s = data(rng, rows, dtype=np.float64)
        y = classes(rng, s, k, True) if k else s
        m = model(n_estimators=20, num_leaves=9, verbose=-1, n_jobs=1).fit(x, y)
        expected = {"predict": m.predict(t), "raw_score": m.predict(t, raw_score=True)}
        if k:
            expected["predict_proba"] = m.predict_proba(t)
        yield Case(f"LightGBM {model.__name__} (skops)", "skops", lambda path, m=m: dump(m, path), t, expected, 1e-12, None, ("predict",) if k else ())
    xl, tl, sl = data(rng, rows, missing=0.1 if rng.random() < 0.5 else 0.0, dtype=np.float64)
    for objective in ("regression", "binary"):
        params = {"objective": objective, "verbose": -1, "linear_tree": True, "num_threads": 1, "num_leaves": 9, "linear_lambda": 0.01}
        yl = sl if objective == "regression" else classes(rng, sl, 2)
        b = lgb.train(params, lgb.Dataset(xl, yl, params={"verbose": -1, "linear_tree": True}), 8)
        yield text("LightGBM linear trees", b, tl)


def catboost_cases(rng, rows):
    import catboost as cb

    losses = [("CatBoostRegressor", "RMSE"), ("CatBoostRegressor", "MAE"), ("CatBoostRegressor", "Quantile:alpha=0.7"), ("CatBoostClassifier", "Logloss"), ("CatBoostClassifier", "CrossEntropy"), ("CatBoostClassifier", "MultiClass"), ("CatBoostClassifier", "MultiClassOneVsAll"), ("CatBoost", "Logloss")]
    for kind, loss in losses:
        for policy in ("SymmetricTree", pick(rng, "Depthwise", "Lossguide")):
            x, t, s = data(rng, rows, dtype=np.float64, missing=pick(rng, 0.0, 0.15))
            y = s if kind == "CatBoostRegressor" else classes(rng, s, int(rng.integers(3, 6)) if "Multi" in loss else 2, rng.random() < 0.5 and loss != "CrossEntropy")
            params = dict(iterations=int(rng.integers(1, 40)), depth=int(rng.integers(1, 7)), verbose=0, allow_writing_files=False, thread_count=1, grow_policy=policy, loss_function=loss, nan_mode=pick(rng, "Min", "Max"), random_seed=int(rng.integers(1000)))
            m = cb.CatBoost(params) if kind == "CatBoost" else getattr(cb, kind)(**params)
            m.fit(x, y)
            expected = {"predict": m.predict(t)}
            if kind == "CatBoostClassifier":
                expected["predict_proba"] = m.predict_proba(t)
                expected["raw_score"] = m.predict(t, prediction_type="RawFormulaVal")
            suffix = pick(rng, "cbm", "json")
            yield Case(f"CatBoost {loss.split(':')[0]} ({'oblivious' if policy[0] == 'S' else 'other trees'})", "catboost", lambda path, m=m, suffix=suffix: m.save_model(path, format=suffix), t, expected, 1e-12, kind, ("predict",) if kind == "CatBoostClassifier" else (), about=f"{suffix} {params}")
    x, t, s = data(rng, 20, dtype=np.float64)
    x["f2"], t["f2"] = rng.choice(list("abcd"), len(x)), rng.choice(list("abcd"), len(t))
    m = cb.CatBoostClassifier(iterations=3, verbose=0, allow_writing_files=False, cat_features=["f2"]).fit(x, classes(rng, s, 2))
    yield Case("refused: CatBoost CTR", "catboost", lambda path: m.save_model(path), t, {}, 1e-12, None, (), refusal=True)
