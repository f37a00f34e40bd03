"""Another set of results of Great Expectations 1.24.1, over other data and every expectation in many forms.

    python make.py <folder> <seed>      in an environment with great_expectations==1.24.1 pandas==2.3.3 numpy==2.4.6 pyarrow
"""
import sys, json, warnings, datetime as dt
warnings.filterwarnings("ignore")
import numpy as np, pandas as pd
import great_expectations as gx
import great_expectations.expectations as gxe
from great_expectations.core.expectation_suite import ExpectationSuite
out, seed = sys.argv[1], int(sys.argv[2])
rng = np.random.default_rng(seed)
n = 150
def holes(v, share):
    v = pd.Series(v); m = rng.random(n) < share
    return v.mask(m)
df = pd.DataFrame({
  "key": np.arange(100, 100+n),
  "num": holes(np.round(rng.gamma(2, 20, n), 2), .08),
  "cnt": rng.integers(0, 12, n),
  "cntnull": holes(rng.integers(0, 9, n).astype(float), .1),
  "name": holes(rng.choice(["ann","Bob","céline","", "de-la Cruz","Émile"], n), .06),
  "code": rng.choice(["A-001","A-002","B-17","c-9","A-001 "], n, p=[.4,.3,.2,.06,.04]),
  "flag": rng.random(n) < .3,
  "flagnull": holes(pd.Series(rng.random(n) < .4).astype(object), .1),
  "when": pd.date_range("2023-03-01 05:30", periods=n, freq="7h"),
  "whennull": holes(pd.Series(pd.date_range("2023-03-01", periods=n, freq="D")), .1),
  "day": [d.strftime("%d.%m.%Y") for d in pd.date_range("2024-02-20", periods=n)],
  "js": [json.dumps({"a": int(i), "b": ["x"]}) for i in rng.integers(0, 5, n)],
  "jsbad": [json.dumps({"a": int(i)}) for i in rng.integers(0, 5, n)],
  "up": np.sort(rng.normal(size=n)).round(3),
  "x": rng.integers(0, 50, n), "y": rng.integers(0, 50, n), "z": rng.integers(0, 3, n),
  "xn": holes(rng.integers(0, 50, n).astype(float), .15), "yn": holes(rng.integers(0, 50, n).astype(float), .15),
  "const": 7.0, "nothing": pd.Series([np.nan]*n, dtype=float), "nothingtext": pd.Series([None]*n, dtype=object),
  "small": rng.integers(0, 200, n).astype("int32"), "f32": rng.normal(size=n).astype("float32"),
  "infs": np.where(rng.random(n) < .03, np.inf, rng.normal(size=n)),
  "pk1": rng.integers(0, 9, n), "pk2": rng.choice(list("abcdefgh"), n),
})
df["tot"] = df.x + df.y + df.z
df.loc[5, "tot"] += 1
df.loc[3, "day"] = "31.02.2024"; df.loc[4, "day"] = "next week"
df.loc[7, "jsbad"] = "{nope"; df.loc[8, "js"] = json.dumps({"a": "text"}); df.loc[9,"js"]=json.dumps([1])
df.loc[50, "up"] = -9.0; df.loc[60, "up"] = df.loc[59, "up"]
df["eqa"] = df.x; df["eqb"] = df.x; df.loc[11, "eqb"] = 999
df["third"] = df.eqb
df.to_parquet(f"{out}/data.parquet"); df = pd.read_parquet(f"{out}/data.parquet")
df.to_csv(f"{out}/data.csv", index=False)
E = []
def add(cls, **k):
    try: E.append(getattr(gxe, cls)(**k))
    except Exception as e: print("NOT CONSTRUCTIBLE", cls, k, str(e)[:200].replace("\n"," "))
C = lambda **k: k
num, txt = ["num","cnt","cntnull","const","nothing","small","f32","infs","flag","when","whennull","name","code","flagnull","nothingtext"], ["name","code","day","js"]
for c in num:
    for m, lo, hi in (("Min",0,5),("Max",5,1000),("Mean",1,60),("Median",0,40),("Sum",0,100000),("Stdev",0,30)):
        add(f"ExpectColumn{m}ToBeBetween", column=c, min_value=lo, max_value=hi)
    add("ExpectColumnUniqueValueCountToBeBetween", column=c, min_value=2, max_value=50)
    add("ExpectColumnProportionOfUniqueValuesToBeBetween", column=c, min_value=.1, max_value=.9)
    add("ExpectColumnProportionOfNonNullValuesToBeBetween", column=c, min_value=.9, max_value=1)
    add("ExpectColumnMostCommonValueToBeInSet", column=c, value_set=[1,"A-001",True,"ann"], ties_okay=True)
    add("ExpectColumnDistinctValuesToBeInSet", column=c, value_set=[0,1,2,3,4,5,"ann","A-001",True])
    add("ExpectColumnDistinctValuesToEqualSet", column=c, value_set=[True, False])
    add("ExpectColumnDistinctValuesToContainSet", column=c, value_set=[0, 7, "Bob"])
    add("ExpectColumnValuesToBeInSet", column=c, value_set=[0,1,2,3,"ann","Bob",True])
    add("ExpectColumnValuesToNotBeInSet", column=c, value_set=[0,7,"Bob",False])
    add("ExpectColumnValuesToBeBetween", column=c, min_value=1, max_value=40, strict_max=True)
    add("ExpectColumnValuesToBeBetween", column=c, min_value="a", max_value="z")
    add("ExpectColumnValuesToBeUnique", column=c)
    add("ExpectColumnValuesToBeIncreasing", column=c)
    add("ExpectColumnValuesToBeNull", column=c, mostly=.05)
    add("ExpectColumnValuesToNotBeNull", column=c)
    add("ExpectColumnValuesToNotBeOutliers", column=c)
    add("ExpectColumnValueZScoresToBeLessThan", column=c, threshold=1.5, double_sided=True)
    add("ExpectColumnValueLengthsToBeBetween", column=c, min_value=2, max_value=5)
    add("ExpectColumnValueLengthsToEqual", column=c, value=3)
    add("ExpectColumnValuesToMatchRegex", column=c, regex=r"^[A-Z0-9.\-]+$")
    add("ExpectColumnValuesToNotMatchRegex", column=c, regex=r"1")
    add("ExpectColumnValuesToMatchRegexList", column=c, regex_list=[r"^\d", r"(?i)^B", r"T"], match_on="any")
    add("ExpectColumnValuesToMatchRegexList", column=c, regex_list=[r"A", r"1"], match_on="all")
    add("ExpectColumnValuesToNotMatchRegexList", column=c, regex_list=[r"^A", r"\s$", r"\.0"])
    add("ExpectColumnValuesToBeJsonParseable", column=c)
    add("ExpectColumnValuesToBeDateutilParseable", column=c)
    add("ExpectColumnQuantileValuesToBeBetween", column=c, quantile_ranges=C(quantiles=[.05,.25,.5,.9,1.0], value_ranges=[[0,3],[None,20],[10,None],[3,70],[0,300]]))
    for t in ("int64","float64","str","object","bool","datetime64[ns]","int","float","datetime64","Timestamp","int32"):
        add("ExpectColumnValuesToBeOfType", column=c, type_=t)
        add("ExpectColumnTypeToBe", column=c, type_=t)
    add("ExpectColumnValuesToBeInTypeList", column=c, type_list=["int64","str"])
    add("ExpectColumnValuesToBeInTypeList", column=c, type_list=["float64","bool","Timestamp","datetime64[ns]"])
    add("ExpectColumnKLDivergenceToBeLessThan", column=c, partition_object=C(bins=[0,2,5,10,50],weights=[.25,.25,.25,.25]), threshold=.5, tail_weight_holdout=.02)
    if c in ("num","cnt","small","f32","const"): add("ExpectColumnKLDivergenceToBeLessThan", column=c, partition_object=None, threshold=.5)
for c in ("when","whennull"):
    add("ExpectColumnMinToBeBetween", column=c, min_value="2023-01-01", max_value="2023-04-01")
    add("ExpectColumnMaxToBeBetween", column=c, min_value=dt.datetime(2023,1,1), max_value=dt.datetime(2023,4,20))
    add("ExpectColumnValuesToBeBetween", column=c, min_value="2023-03-05", max_value="2023-04-01 12:00")
    add("ExpectColumnValuesToBeInSet", column=c, value_set=["2023-03-01 05:30:00","2023-03-02"])
    add("ExpectColumnValuesToNotBeInSet", column=c, value_set=["2023-03-01 05:30:00","2023-03-02"])
    add("ExpectColumnDistinctValuesToContainSet", column=c, value_set=["2023-03-01 05:30:00","2029-03-02"])
    add("ExpectColumnValuesToBeDecreasing", column=c)
    add("ExpectColumnValuesToBeIncreasing", column=c, strictly=True)
add("ExpectColumnValuesToBeIncreasing", column="up"); add("ExpectColumnValuesToBeIncreasing", column="up", strictly=True)
add("ExpectColumnValuesToBeDecreasing", column="up", mostly=.02); add("ExpectColumnValuesToBeDecreasing", column="up", strictly=True)
for f in ("%d.%m.%Y","%m.%d.%Y","%d.%m.%y","%d.%B.%Y","%d.%j"): add("ExpectColumnValuesToMatchStrftimeFormat", column="day", strftime_format=f)
add("ExpectColumnValuesToMatchStrftimeFormat", column="when", strftime_format="%Y-%m-%d"); add("ExpectColumnValuesToMatchStrftimeFormat", column="name", strftime_format="%Y")
add("ExpectColumnValuesToBeDateutilParseable", column="day"); add("ExpectColumnValuesToBeDateutilParseable", column="js")
S = C(type="object", properties=C(a=C(type="integer", maximum=3)), required=["a"])
add("ExpectColumnValuesToMatchJsonSchema", column="js", json_schema=S); add("ExpectColumnValuesToMatchJsonSchema", column="jsbad", json_schema=S)
add("ExpectColumnValuesToMatchJsonSchema", column="js", json_schema=C(type="nosuch"))
for c in ("js","jsbad"): add("ExpectColumnValuesToBeJsonParseable", column=c, mostly=.99)
for p in ("A%","A-00_","%e%"):
    add("ExpectColumnValuesToMatchLikePattern", column="code", like_pattern=p); add("ExpectColumnValuesToNotMatchLikePattern", column="code", like_pattern=p)
add("ExpectColumnValuesToMatchLikePatternList", column="code", like_pattern_list=["A%","B%"], match_on="any"); add("ExpectColumnValuesToNotMatchLikePatternList", column="code", like_pattern_list=["A%","B%"])
for ig in ("both_values_are_missing","either_value_is_missing","neither"):
    for a,b in (("xn","yn"),("eqa","eqb"),("name","code"),("x","num"),("whennull","when")):
        add("ExpectColumnPairValuesToBeEqual", column_A=a, column_B=b, ignore_row_if=ig)
        add("ExpectColumnPairValuesAToBeGreaterThanB", column_A=a, column_B=b, ignore_row_if=ig, mostly=.3)
        add("ExpectColumnPairValuesAToBeGreaterThanB", column_A=a, column_B=b, ignore_row_if=ig, or_equal=True)
    add("ExpectColumnPairValuesToBeInSet", column_A="pk1", column_B="pk2", value_pairs_set=[(1,"a"),(2,"b"),(3,"c")], ignore_row_if=ig)
    add("ExpectColumnPairValuesToBeInSet", column_A="xn", column_B="yn", value_pairs_set=[(1,2),(None,4),(5,None)], ignore_row_if=ig)
for ig in ("all_values_are_missing","any_value_is_missing","never"):
    for cl in (["x","y","z"],["xn","yn"],["pk1","pk2"],["name","code"],["xn","yn","x"],["whennull","when"],["nothing","nothingtext"]):
        add("ExpectCompoundColumnsToBeUnique", column_list=cl, ignore_row_if=ig)
        add("ExpectSelectColumnValuesToBeUniqueWithinRecord", column_list=cl, ignore_row_if=ig, mostly=.8)
        add("ExpectMulticolumnSumToEqual", column_list=cl, sum_total=50, ignore_row_if=ig)
        add("ExpectMulticolumnValuesToBeEqual", column_list=cl, ignore_row_if=ig)
add("ExpectMulticolumnValuesToBeEqual", column_list=["eqa","eqb","third"])
for k in (dict(min_value=10,max_value=200),dict(min_value=200),dict(max_value=150,strict_max=True)): add("ExpectTableRowCountToBeBetween", **k)
add("ExpectTableRowCountToEqual", value=n); add("ExpectTableRowCountToEqual", value=3); add("ExpectTableRowCountToEqualOtherTable", other_table_name="other")
add("ExpectTableColumnCountToBeBetween", min_value=3, max_value=10); add("ExpectTableColumnCountToEqual", value=len(df.columns))
add("ExpectTableColumnsToMatchOrderedList", column_list=["key","cnt","num"]); add("ExpectTableColumnsToMatchOrderedList", column_list=list(df.columns))
add("ExpectTableColumnsToMatchSet", column_set=["key","none"]); add("ExpectTableColumnsToMatchSet", column_set=["key"], exact_match=False); add("ExpectTableColumnsToMatchSet", column_set=list(df.columns))
for k in (dict(column="num"),dict(column="num",column_index=1),dict(column="num",column_index=9),dict(column="num",column_index=999),dict(column="num",column_index=0),dict(column="nope"),dict(column="third",column_index=-1)): add("ExpectColumnToExist", **k)
for t in ("ExpectColumnMeanToBeBetween","ExpectColumnValuesToBeBetween"): add(t, column="nope", min_value=1)
add("ExpectColumnPairValuesToBeEqual", column_A="nope", column_B="x"); add("ExpectCompoundColumnsToBeUnique", column_list=["nope","x"]); add("ExpectColumnValuesToBeOfType", column="nope", type_="int64"); add("ExpectColumnTypeToBe", column="nope", type_="int64")
P = [C(values=["A-001","A-002","B-17","c-9","A-001 "],weights=[.4,.3,.2,.06,.04]), C(values=["A-001","A-002"],weights=[.5,.5]), C(values=["A-001","A-002","zz"],weights=[.5,.4,.1])]
for p in P:
    add("ExpectColumnKLDivergenceToBeLessThan", column="code", partition_object=p, threshold=.1); add("ExpectColumnKLDivergenceToBeLessThan", column="code", partition_object=p, threshold=.3, tail_weight_holdout=.05)
add("ExpectColumnKLDivergenceToBeLessThan", column="code", partition_object=None, threshold=.1, bucketize_data=False)
add("ExpectColumnKLDivergenceToBeLessThan", column="cnt", partition_object=C(values=[0,1,2,3,4,5,6,7,8,9,10,11],weights=[1/12]*12), threshold=.1)
B = [C(bins=[-1,10,20,40,80],weights=[.1,.3,.4,.2]), C(bins=[-1,10,20,40,80],weights=[.1,.3,.3,.2],tail_weights=[.05,.05]), C(bins=[float("-inf"),10,20,40,float("inf")],weights=[.1,.3,.4,.2]), C(bins=[float("-inf"),10,20,40],weights=[.1,.5,.4]), C(bins=[10,20,40,float("inf")],weights=[.1,.5,.4]), C(bins=[0,10,20,500],weights=[0.0,.5,.5])]
for b in B:
    for kw in ({}, dict(tail_weight_holdout=.01), dict(internal_weight_holdout=.1), dict(threshold=None)):
        add("ExpectColumnKLDivergenceToBeLessThan", **{**dict(column="num", partition_object=b, threshold=.2), **kw})
add("ExpectColumnValueZScoresToBeLessThan", column="num", threshold=2, double_sided=False, mostly=.95); add("ExpectColumnValueZScoresToBeLessThan", column="const", threshold=2, double_sided=True)
for m in ("iqr","std"):
    for k in (1.0,3.0): add("ExpectColumnValuesToNotBeOutliers", column="num", method=m, multiplier=k); add("ExpectColumnValuesToNotBeOutliers", column="const", method=m, multiplier=k)
for rc in ('cnt > 5 and flag', 'name == "ann" or code in ["B-17","c-9"]', 'not flag', 'num > 20 & cnt < 4', 'x + y > 40', 'name.isnull()', '`cnt` >= 2', 'nope > 3', 'cnt not in [1,2]', 'num != num', 'when > "2023-03-20"', 'code.str.startswith("A")', '3 < cnt <= 7', 'cnt ==', '~flag', 'num > num.mean()', 'cnt % 2 == 0', 'flag == True'):
    add("ExpectColumnValuesToBeBetween", column="num", min_value=5, max_value=60, row_condition=rc, condition_parser="pandas")
    add("ExpectColumnMeanToBeBetween", column="num", min_value=5, max_value=60, row_condition=rc, condition_parser="pandas")
    add("ExpectTableRowCountToBeBetween", min_value=5, row_condition=rc, condition_parser="pandas")
for rc in ('col("cnt") > 5','col("name").notnull()','col("name") == "ann"','col("num") <= -1','col("cnt")!=3.0'):
    add("ExpectColumnValuesToBeBetween", column="num", min_value=5, max_value=60, row_condition=rc, condition_parser="great_expectations")
    add("ExpectColumnPairValuesAToBeGreaterThanB", column_A="xn", column_B="yn", row_condition=rc, condition_parser="great_expectations")
    add("ExpectCompoundColumnsToBeUnique", column_list=["pk1","pk2"], row_condition=rc, condition_parser="great_expectations")
from great_expectations.expectations.row_conditions import Column
X = [Column("cnt") > 4, (Column("cnt") > 4) & (Column("flag") == True), (Column("name").is_null()) | (Column("code") == "B-17"), Column("cnt").is_in([1,2,3]), Column("name").is_not_in(["ann"]), Column("name").is_not_null()]
for rc in X:
    add("ExpectColumnValuesToBeUnique", column="cnt", row_condition=rc); add("ExpectColumnMaxToBeBetween", column="num", max_value=60, row_condition=rc); add("ExpectColumnValuesToNotBeNull", column="name", row_condition=rc)
add("ExpectColumnValuesToBeBetween", column="num", min_value=50, max_value=1); add("ExpectColumnValuesToMatchRegex", column="name", regex="(unclosed"); add("ExpectColumnValuesToMatchRegex", column="name", regex=r"(?<!a)n+(?=$)"); add("ExpectColumnValuesToMatchRegex", column="name", regex=r"(.)\1")
add("ExpectColumnQuantileValuesToBeBetween", column="num", quantile_ranges=C(quantiles=[.1,.33,.5],value_ranges=[[0,30],[0,40],[0,50]]), allow_relative_error="linear")
for m in (0, .5, .97, 1): add("ExpectColumnValuesToBeInSet", column="code", value_set=["A-001","A-002","B-17"], mostly=m)
for mn,mx,smn,smx in ((.92,None,False,False),(None,.93,True,True)): add("ExpectColumnProportionOfNonNullValuesToBeBetween", column="num", min_value=mn, max_value=mx, strict_min=smn, strict_max=smx)
print(len(E), "expectations")
ctx = gx.get_context(mode="ephemeral")
b = ctx.data_sources.add_pandas("p").add_dataframe_asset("d").add_batch_definition_whole_dataframe("b").get_batch({"dataframe": df})
suite = ExpectationSuite("second")
# each alone would be slow: a suite at once, duplicates dropped
seen = set(); L = []
for e in E:
    k = json.dumps([e.expectation_type, e.configuration.to_json_dict()["kwargs"]], sort_keys=True, default=str)
    if k not in seen: seen.add(k); L.append(e)
suite.expectations = L
json.dump(suite.to_json_dict(), open(f"{out}/suite.json","w"), indent=1, default=str)
import tqdm
ctx.variables.progress_bars = {"globally": False, "metric_calculations": False}
formats = [("COMPLETE","COMPLETE"),("COMPLETE_index",{"result_format":"COMPLETE","unexpected_index_column_names":["key"]}),("SUMMARY","SUMMARY"),("BASIC","BASIC"),("BOOLEAN_ONLY","BOOLEAN_ONLY")]
if len(sys.argv) > 3: formats = [f for f in formats if f[0] in sys.argv[3].split(",")]
for name, rf in formats:
    R = []; first = None
    for i in range(0, len(L), 12):
        part = ExpectationSuite("second"); part.expectations = L[i:i+12]
        r = b.validate(part, result_format=rf).to_json_dict(); first = first or r
        for x in r["results"]:
            if set(x["exception_info"]) != {"raised_exception","exception_traceback","exception_message"}:
                x["exception_info"] = {k: {"raised_exception": v.get("raised_exception"), "exception_message": str(v.get("exception_message"))[:200]} if isinstance(v, dict) else v for k, v in x["exception_info"].items()}
            elif x["exception_info"]["exception_traceback"]: x["exception_info"]["exception_traceback"] = "..."
        R += r["results"]
    first["results"] = R; first["success"] = all(x["success"] for x in R); ok = sum(x["success"] for x in R)
    first["statistics"] = {"evaluated_expectations": len(R), "successful_expectations": ok, "unsuccessful_expectations": len(R)-ok, "success_percent": 100*ok/len(R)}
    json.dump(first, open(f"{out}/results_{name}.json","w"), default=lambda o: o.item() if hasattr(o,"item") else str(o))
    print(name, first["statistics"], flush=True)
