"""Another set of results of Evidently 0.7.23: other seeds, sizes, types and distributions, every method of every type.

    python make.py FOLDER SEED [quick]     with evidently==0.7.23 pandas==2.3.3 numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1

Writes FOLDER/manifest.json, FOLDER/GROUP.json and FOLDER/inputs/GROUP.{ref,cur}.parquet in the form that README.md tells, with
the inferred types beside, and FOLDER/preset_cases.json: presets with methods and thresholds of their own. `quick` leaves out
samples above 1,000 pairs of rows, and takes ten minutes. `check.py` compares them with `mlwright drift`.
"""
import json, math, os, sys, warnings
warnings.filterwarnings("ignore")
import numpy as np, pandas as pd, scipy.stats as st
from evidently import Dataset, DataDefinition, Report
from evidently.core.datasets import infer_column_type
from evidently.legacy.calculations.data_drift import get_one_column_drift
from evidently.legacy.calculations.stattests.mmd_stattest import kernel_matrix, mmd_2samp
from evidently.legacy.core import ColumnType
from evidently.legacy.metric_results import DatasetColumns, DatasetUtilityColumns
from evidently.legacy.options.data_drift import DataDriftOptions
from evidently.metrics import DriftedColumnsCount
from evidently.presets import DataDriftPreset

OUT, SEED = sys.argv[1], int(sys.argv[2])
os.makedirs(f"{OUT}/inputs", exist_ok=True)
NUM = ["ks","wasserstein","anderson","kl_div","jensenshannon","hellinger","psi","ed","es","t_test","mannw","cramer_von_mises","empirical_mmd"]
CAT = ["chisquare","z","fisher_exact","g_test","TVD","kl_div","jensenshannon","hellinger","psi"]
TEXT = ["perc_text_content_drift","abs_text_content_drift"]
KINDS = {"num": ColumnType.Numerical, "cat": ColumnType.Categorical, "text": ColumnType.Text}

def number(v):
    v = float(v)
    return v if math.isfinite(v) else ("NaN" if math.isnan(v) else "Infinity" if v > 0 else "-Infinity")

def drift(ref, cur, c, kind, method):
    try:
        d = get_one_column_drift(current_data=cur[[c]].copy(), reference_data=ref[[c]].copy(), column_name=c,
            options=DataDriftOptions(all_features_stattest=method),
            dataset_columns=DatasetColumns(utility_columns=DatasetUtilityColumns(date=None,id=None,target=None,prediction=None),
                target_type=None, task=None, num_feature_names=[c] if kind=="num" else [], cat_feature_names=[c] if kind=="cat" else [],
                text_feature_names=[c] if kind=="text" else [], datetime_feature_names=[], target_names=None),
            column_type=KINDS[kind], agg_data=True)
        return dict(score=number(d.drift_score), threshold=d.stattest_threshold, drifted=bool(d.drift_detected), display_name=d.stattest_name)
    except Exception as e:
        return dict(error=type(e).__name__, message=str(e)[:160])

# A thousand permutations take seconds.
PERMUTED = ["abc", "uni", "codes"]

def clean(s): return s.replace([-np.inf, np.inf], np.nan).dropna()

def raw(ref, cur, c, kind):
    out = {}
    if kind != "num": return out
    try:
        x, y = clean(ref[c]).to_numpy().reshape(-1,1), clean(cur[c]).to_numpy().reshape(-1,1)
        if max(len(x), len(y)) <= 1500 and min(len(x), len(y)) > 1:
            k = kernel_matrix(x, y); k = k - np.diag(np.diagonal(k))
            out["mmd_u"] = number(mmd_2samp(k, len(y)))
        if max(len(x), len(y)) <= 20: out["scipy_cvm"] = dict(p=number(st.cramervonmises_2samp(x[:,0], y[:,0]).pvalue))
    except Exception as e: out["error"] = str(e)[:100]
    return out

def group(name, ref, cur, kinds, skip=()):
    ref.to_parquet(f"{OUT}/inputs/{name}.ref.parquet"); cur.to_parquet(f"{OUT}/inputs/{name}.cur.parquet")
    ref, cur = (pd.read_parquet(f"{OUT}/inputs/{name}.{s}.parquet") for s in ("ref", "cur"))
    columns, inferred = {}, {}
    for c in cur.columns:
        try: inferred[c] = infer_column_type(cur[c]).value
        except Exception as e: inferred[c] = "error"
        kind = kinds.get(c)
        if kind is None: continue
        methods = {"num": NUM, "cat": CAT, "text": TEXT}[kind]
        columns[c] = dict(type=kind, default=drift(ref, cur, c, kind, None),
            methods={m: drift(ref, cur, c, kind, m) for m in methods if m not in skip and (m != "TVD" or c in PERMUTED)}, raw=raw(ref, cur, c, kind))
    json.dump(dict(ref=f"inputs/{name}.ref.parquet", cur=f"inputs/{name}.cur.parquet", types={c: k for c, k in kinds.items() if k},
        inferred=inferred, columns=columns, preset=dict(metrics=None)), open(f"{OUT}/{name}.json", "w"))
    NAMES.append(name); print(name, len(columns), flush=True)

NAMES = []
def holes(rng, s, share):
    s = pd.Series(s); return s.mask(rng.random(len(s)) < share)

def numbers(rng, n, side):
    """side 0: reference, 1: current; some columns drift, some do not"""
    d, s = {}, side
    k = {}
    def put(name, v, kind="num"): d[name] = v; k[name] = kind
    put("normal", rng.normal(3, 2, n)); put("shifted", rng.normal(.4*s, 1+.2*s, n)); put("t2", rng.standard_t(2, n))
    put("skew", rng.lognormal(0, 1.5, n)); put("gamma_down", rng.gamma(2, 1.5-.3*s, n)); put("half", np.round(rng.normal(0, 3, n)*2)/2)
    put("beta", rng.beta(.3, .3+.2*s, n)); put("two", rng.choice([-1.5, 2.5], n, p=[.7-.2*s, .3+.2*s])); put("three", rng.choice([0., 1., 10.], n))
    put("five", rng.choice([1.,2.,3.,4.,5.], n)); put("six", rng.choice([1.,2.,3.,4.,5.,6.+s], n)); put("twenty", rng.integers(0, 20, n).astype(float)); put("twentyone", (rng.integers(0, 21, n)/3.))
    put("const", np.full(n, 7.25)); put("const_moves", np.full(n, 1.0+s)); put("const_then", rng.normal(0,1,n) if s else np.zeros(n))
    put("zeros", np.where(rng.random(n) < .8, 0., rng.exponential(2+s, n))); put("ints", rng.integers(-500, 500+100*s, n)); put("ints_few", rng.integers(-3, 3, n))
    put("i8", rng.integers(-128, 128, n).astype("int8")); put("i16", (rng.normal(0, 3000, n)).astype("int16")); put("i32", rng.integers(-10**9, 10**9, n).astype("int32"))
    put("u8", rng.integers(0, 256, n).astype("uint8")); put("u32", rng.integers(0, 2**32, n).astype("uint32")); put("u64", rng.integers(0, 2**63, n).astype("uint64"))
    put("f32", rng.normal(0, 1, n).astype("float32")); put("big", rng.normal(0, 1, n)*1e12); put("offset", 1e6+rng.normal(0, 1, n)); put("small", rng.normal(0, 1e-9, n))
    put("nan", holes(rng, rng.normal(0, 1, n), .3)); put("nan_half", holes(rng, rng.integers(0, 40, n).astype(float), .1+.5*s))
    inf = rng.normal(0, 1, n); inf[rng.random(n) < .1] = np.inf; inf[rng.random(n) < .1] = -np.inf; put("infs", inf)
    both = np.array(holes(rng, inf, .2)); put("inf_nan", both)
    almost = np.full(n, np.nan); almost[0] = 1.0+s; put("almost_empty", almost); put("empty", np.full(n, np.nan))
    put("intnull", pd.array(pd.Series(rng.integers(0, 90, n)), dtype="Int64")); x = pd.array(pd.Series(rng.integers(0, 50, n)), dtype="Int32"); x[rng.random(n) < .2] = pd.NA; put("intnull_na", x)
    x = pd.array(pd.Series(rng.normal(0, 1, n)), dtype="Float64"); x[rng.random(n) < .2] = pd.NA; put("floatnull", x)
    put("flag_num", rng.random(n) < .3+.2*s); put("negzero", np.where(rng.random(n) < .5, -0.0, 0.0)+np.where(rng.random(n)<.3, 1.0, 0.0))
    put("sorted", np.sort(rng.normal(0,1,n))); put("unif", rng.random(n)); put("poisson", rng.poisson(3+s, n)); put("geom", rng.geometric(.05, n))
    return pd.DataFrame(d), k

WORDS = ["émile","Ünal","naïve","日本","東京","data","model","drift"," space","tail ","","A","a","b","Ω","🙂","x-1","x_1","NaN","null","0","1"]
def cats(rng, n, side):
    d, k, s = {}, {}, side
    def put(name, v, kind="cat"): d[name] = v; k[name] = kind
    put("abc", rng.choice(list("abc"), n, p=[.5-.1*s,.3,.2+.1*s])); put("yesno", rng.choice(["yes","no"], n, p=[.6,.4])); put("uni", rng.choice(WORDS, n)); put("many", [f"v{i}" for i in rng.integers(0, 300, n)])
    put("zipf", [f"k{i}" for i in np.minimum(rng.zipf(1.6, n), 500)]); put("unseen", rng.choice(["p","q"]+["r"]*s, n)); put("gone", rng.choice(["p","q"]+["r"]*(1-s), n)); put("apart", rng.choice(["l","m"] if s else ["x","y"], n))
    put("one", np.full(n, "same")); put("one_moves", np.full(n, "after" if s else "before")); put("flag", rng.random(n) < .4+.1*s); put("flag_const", np.full(n, True))
    put("codes", rng.integers(-2, 5, n)); put("codes8", rng.integers(0, 4, n).astype("int8")); put("ucodes", rng.integers(0, 6, n).astype("uint16")); put("floats", rng.choice([.1, .25, 3., -7.5], n)); put("floats_nan", holes(rng, rng.choice([1., 2.], n), .2))
    put("none", pd.Series(rng.choice(["a","b","c"], n)).mask(rng.random(n) < .25)); put("category", pd.Categorical(rng.choice(["lo","mid","hi"], n), categories=["lo","mid","hi"])); put("ordered", pd.Categorical(rng.choice(["lo","mid","hi"], n), categories=["lo","mid","hi"], ordered=True))
    put("intcat", pd.Categorical(rng.integers(0, 5, n), categories=range(5))); put("levels", pd.Categorical(rng.choice(["u","v"], n), categories=["u","v","w","x"]))
    x = pd.array(pd.Series(rng.random(n) < .5), dtype="boolean"); put("boolnull", x); x = pd.array(pd.Series(rng.random(n) < .5), dtype="boolean"); x[rng.random(n) < .2] = pd.NA; put("boolnull_na", x)
    put("string", pd.array(pd.Series(rng.choice(["s","t","u"], n)), dtype="string")); put("day", pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 4, n), "D")); put("int64null", pd.array(pd.Series(rng.integers(0, 3, n)), dtype="Int64"))
    put("rare", np.where(rng.random(n) < 2/n, "rare", rng.choice(["common","usual"], n))); put("numcat", rng.normal(0, 1, n).round(1)); put("emptycat", pd.Series([None]*n, dtype=object)); put("objbool", pd.Series(rng.random(n) < .5).astype(object).mask(rng.random(n) < .1))
    put("infcat", rng.choice([1., np.inf, 2.], n)); put("digits", [str(i) for i in rng.integers(0, 12, n)])
    return pd.DataFrame(d), k

TOPICS = [["the","payment","failed","card","bank","refund","please","order","invoice","charge"], ["screen","battery","phone","charger","broken","cracked","slow","update","crash","app"], ["hôtel","délicieux","très","mauvais","café","croissant","über","schön","straße","größe"]]
def texts(rng, n, side):
    def say(words, low, high): return [" ".join(rng.choice(words, rng.integers(low, high))) for _ in range(n)]
    d = {"same": say(TOPICS[0]+TOPICS[1], 4, 12), "moved": say(TOPICS[side], 3, 9), "uni": say(TOPICS[2]+TOPICS[0][:3+4*side], 3, 8), "slight": say(TOPICS[0]+TOPICS[1][:2+3*side], 5, 10), "short": say(TOPICS[1], 1, 3), "ids": [f"id-{i}" for i in rng.integers(0, 10**6, n)]}
    d["holes"] = pd.Series(say(TOPICS[0], 2, 6)).mask(rng.random(n) < .2)
    d["urls"] = [f"https://host{i%7}.example/{w}?q={i}" for i, w in zip(rng.integers(0, 999, n), rng.choice(TOPICS[1], n))]
    return pd.DataFrame(d), {c: "text" for c in d}

SIZES = [(1,1),(1,30),(2,3),(3,2),(4,4),(5,5),(6,7),(8,8),(8,9),(9,30),(10,12),(13,13),(19,20),(20,20),(20,21),(25,24),(30,30),(30,7),(64,200),(150,150),(999,1000),(1000,1100),(1001,700),(2500,2500)]
quick = "quick" in sys.argv
for i, (n, m) in enumerate(SIZES):
    if quick and n*m > 1000: continue
    rng = np.random.default_rng(SEED*1000+i)
    (r, k), (c, _) = numbers(rng, n, 0), numbers(rng, m, 1)
    group(f"num_{n}_{m}", r, c, k, skip=() if n <= 200 else ("empirical_mmd",))
    (r, k), (c, _) = cats(rng, n, 0), cats(rng, m, 1)
    group(f"cat_{n}_{m}", r, c, k, skip=() if n <= 300 else ("TVD",))
for i, (n, m) in enumerate([(40, 40), (200, 150), (1000, 300), (1001, 400)]):
    if quick: continue
    rng = np.random.default_rng(SEED*1000+500+i)
    (r, k), (c, _) = texts(rng, n, 0), texts(rng, m, 1)
    group(f"text_{n}_{m}", r, c, k)
if not quick:
    rng = np.random.default_rng(SEED*1000+700)
    (r, k), (c, _) = numbers(rng, 20000, 0), numbers(rng, 15000, 1)
    group("num_20000_15000", r, c, k, skip=("empirical_mmd",))
    (r, k), (c, _) = cats(rng, 20000, 0), cats(rng, 15000, 1)
    group("cat_20000_15000", r, c, k, skip=("TVD",))

# Presets with methods and thresholds of their own, and types that are inferred.
cases = []
for i, (n, m) in enumerate([(120, 90), (300, 300), (1200, 500)]):
    rng = np.random.default_rng(SEED*1000+900+i)
    name = f"mixed_{n}_{m}"
    a, ka = numbers(rng, n, 0); b, _ = numbers(rng, m, 1); ca, kc = cats(rng, n, 0); cb, _ = cats(rng, m, 1); ta, kt = texts(rng, n, 0); tb, _ = texts(rng, m, 1)
    keep_n = ["normal","shifted","two","five","six","ints","ints_few","f32","nan","infs","inf_nan","u8","intnull","sorted","zeros","poisson"]
    keep_c = ["abc","yesno","unseen","flag","codes","category","many","none","day","boolnull","digits"]
    r = pd.concat([a[keep_n], ca[keep_c], ta[["same","moved"]]], axis=1); c = pd.concat([b[keep_n], cb[keep_c], tb[["same","moved"]]], axis=1)
    r.to_parquet(f"{OUT}/inputs/{name}.ref.parquet"); c.to_parquet(f"{OUT}/inputs/{name}.cur.parquet")
    r, c = (pd.read_parquet(f"{OUT}/inputs/{name}.{s}.parquet") for s in ("ref", "cur"))
    for options in [{}, dict(num_method="psi"), dict(num_method="ks", cat_method="chisquare"), dict(cat_method="hellinger", num_threshold=.3), dict(threshold=.2), dict(num_method="wasserstein", cat_method="jensenshannon", num_threshold=.05, cat_threshold=.02),
                    dict(per_column_method={"normal":"anderson","abc":"z","moved":"abs_text_content_drift"}, per_column_threshold={"normal":.2,"moved":.6}), dict(drift_share=.2), dict(drift_share=.9), dict(num_method="t_test", per_column_method={"ints":"mannw"}, cat_method="psi", cat_threshold=.5), dict(text_method="perc_text_content_drift", text_threshold=.5), dict(num_method="ed", cat_method="kl_div"), dict(columns=["normal","abc","moved","two"]), dict(num_method="es"), dict(num_method="cramer_von_mises", threshold=.01)]:
        try:
            snap = Report([DataDriftPreset(**options)], include_tests=True).run(c, r)
            d = snap.dict()
            cases.append(dict(name=name, options=options, metrics=[dict(name=x["metric_name"], config=x["config"], value=x["value"]) for x in d["metrics"]], tests=[dict(name=t["name"], status=str(t["status"]).split(".")[-1], metric=t.get("metric_config",{}).get("params",{}).get("column")) for t in d["tests"]]))
        except Exception as e: cases.append(dict(name=name, options=options, error=f"{type(e).__name__}: {e}"[:300]))
    print(name, flush=True)
def plain(v):
    if isinstance(v, dict): return {k: plain(x) for k, x in v.items()}
    if isinstance(v, (list, tuple)): return [plain(x) for x in v]
    if isinstance(v, (np.integer,)): return int(v)
    if isinstance(v, (float, np.floating)): return number(v)
    return v
json.dump(plain(cases), open(f"{OUT}/preset_cases.json", "w"), default=str)
json.dump(dict(evidently="0.7.23", seed=SEED, groups=NAMES), open(f"{OUT}/manifest.json", "w"))
