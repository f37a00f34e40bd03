//! Expectations of Great Expectations: names and arguments as version 1.24.1 has them; suites of 0.18 and of 1.
//! Source: `great_expectations/expectations/core`.

use serde_json::{Map, Value};

use super::kwargs::Kwargs;
use super::{
    ColumnsTest, Expectation, IgnoreColumns, IgnorePair, MatchOn, Outliers, PairTest, Relation, Rule,
    Statistic, Suite, Test,
};
use crate::Error;
use crate::condition::{self, Condition};

/// A suite as JSON. Errors: `BadSuite`.
pub(super) fn suite(value: &Value) -> Result<Suite, Error> {
    let bad = |reason: String| Error::BadSuite { format: "Great Expectations", reason };
    let name = value.get("name").or_else(|| value.get("expectation_suite_name"));
    let listed = value.get("expectations").and_then(Value::as_array);
    let listed = listed.ok_or_else(|| bad("there is no list `expectations`".into()))?;
    let mut expectations = Vec::with_capacity(listed.len());
    for (i, one) in listed.iter().enumerate() {
        let kind = one.get("type").or_else(|| one.get("expectation_type")).and_then(Value::as_str);
        let kind = kind.ok_or_else(|| bad(format!("expectation {} has no `type`", i + 1)))?;
        let kwargs = one.get("kwargs").cloned().unwrap_or_default();
        let mut expectation = Expectation::new(snake(kind), kwargs);
        if let Some(meta) = one.get("meta").and_then(Value::as_object) {
            expectation.meta = meta.clone();
        }
        if let Some(severity) = one.get("severity").and_then(Value::as_str) {
            expectation.severity = severity.to_owned();
        }
        if let (Ok(rule), Some(_)) = (&mut expectation.rule, one.get("type")) {
            typed(rule);
        }
        expectation.id = one.get("id").and_then(Value::as_str).map(str::to_owned);
        expectations.push(expectation);
    }
    let meta = value.get("meta").and_then(Value::as_object).cloned().unwrap_or_default();
    let name = name.and_then(Value::as_str).unwrap_or("suite").to_owned();
    Ok(Suite { name, expectations, meta, notes: Vec::new() })
}

/// Since version 1 what bounds are is told from their texts, and no longer from the column beside them.
fn typed(rule: &mut Rule) {
    match rule {
        Rule::Statistic { bounds, .. } | Rule::Values { test: Test::Between(bounds), .. } => {
            bounds.typed = true;
        }
        _ => {}
    }
}

/// `ExpectColumnToExist` is another way to write `expect_column_to_exist`.
fn snake(kind: &str) -> String {
    if !kind.starts_with(|c: char| c.is_ascii_uppercase()) {
        return kind.to_owned();
    }
    let mut out = String::new();
    for c in kind.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out.replace("k_l_divergence", "kl_divergence")
}

pub(super) fn condition(kwargs: &Map<String, Value>) -> Option<Result<Condition, String>> {
    let value = kwargs.get("row_condition").filter(|v| !v.is_null())?;
    let parser = kwargs.get("condition_parser").and_then(Value::as_str);
    Some(match value {
        Value::String(text) if text.is_empty() => return None,
        Value::String(text) => match parser {
            Some("great_expectations" | "great_expectations__experimental__") => condition::legacy(text),
            _ => condition::parse(text),
        },
        value => condition::from_json(value),
    })
}

/// What the expectation means. Errors: the reason, as a sentence.
pub(super) fn rule(kind: &str, kwargs: &Map<String, Value>) -> Result<Rule, String> {
    let k = Kwargs(kwargs);
    let column = || k.text("column");
    let values = |test: Test| Ok::<_, String>(Rule::Values { column: column()?, test });
    let statistic =
        |of: Statistic| Ok::<_, String>(Rule::Statistic { column: column()?, of, bounds: k.bounds() });
    let set = || k.list("value_set");
    let optional_set = || k.get("value_set").map(|_| set()).transpose();
    match kind {
        "expect_table_row_count_to_be_between" => Ok(Rule::RowCount(k.bounds())),
        "expect_table_row_count_to_equal" => {
            Ok(Rule::RowCountEquals(k.get("value").cloned().unwrap_or_default()))
        }
        "expect_table_column_count_to_be_between" => Ok(Rule::ColumnCount(k.bounds())),
        "expect_table_column_count_to_equal" => {
            Ok(Rule::ColumnCountEquals(k.get("value").cloned().unwrap_or_default()))
        }
        "expect_table_columns_to_match_set" => {
            Ok(Rule::ColumnSet { columns: k.texts("column_set")?, exact: k.flag("exact_match", true) })
        }
        "expect_table_columns_to_match_ordered_list" => {
            Ok(Rule::ColumnOrder { columns: k.texts("column_list")? })
        }
        "expect_column_to_exist" => {
            let index = k.get("column_index").and_then(Value::as_i64).filter(|i| *i != 0);
            Ok(Rule::ColumnExists { column: column()?, index })
        }
        "expect_column_type_to_be" => Ok(Rule::ColumnType { column: column()?, wanted: k.text("type_")? }),
        "expect_column_values_to_not_be_null" => values(Test::NotNull),
        "expect_column_values_to_be_null" => values(Test::Null),
        "expect_column_values_to_be_unique" => values(Test::Unique),
        "expect_column_values_to_be_in_set" => values(Test::InSet(optional_set()?)),
        "expect_column_values_to_not_be_in_set" => values(Test::NotInSet(optional_set()?)),
        "expect_column_values_to_be_between" => values(Test::Between(k.needed_bounds()?)),
        "expect_column_value_lengths_to_be_between" => values(Test::Length(k.needed_bounds()?)),
        "expect_column_value_lengths_to_equal" => values(Test::LengthEquals(k.number("value")?)),
        "expect_column_values_to_be_finite" => values(Test::Finite),
        "expect_column_values_to_match_regex" => values(regex(vec![k.text("regex")?], MatchOn::Any)),
        "expect_column_values_to_not_match_regex" => values(regex(vec![k.text("regex")?], MatchOn::None)),
        "expect_column_values_to_match_regex_list" => {
            values(regex(patterns(&k, "regex_list")?, match_on(&k)?))
        }
        "expect_column_values_to_not_match_regex_list" => {
            values(regex(patterns(&k, "regex_list")?, MatchOn::None))
        }
        "expect_column_values_to_match_like_pattern" => {
            values(like(&k, vec![k.text("like_pattern")?], MatchOn::Any)?)
        }
        "expect_column_values_to_not_match_like_pattern" => {
            values(like(&k, vec![k.text("like_pattern")?], MatchOn::None)?)
        }
        "expect_column_values_to_match_like_pattern_list" => {
            values(like(&k, patterns(&k, "like_pattern_list")?, match_on(&k)?)?)
        }
        "expect_column_values_to_not_match_like_pattern_list" => {
            values(like(&k, patterns(&k, "like_pattern_list")?, MatchOn::None)?)
        }
        "expect_column_values_to_match_strftime_format" => values(Test::Strftime(k.text("strftime_format")?)),
        "expect_column_values_to_be_dateutil_parseable" => values(Test::Dateutil),
        "expect_column_values_to_be_json_parseable" => values(Test::Json),
        "expect_column_values_to_match_json_schema" => {
            values(Test::JsonSchema(k.get("json_schema").cloned().ok_or("`json_schema` is missing")?))
        }
        "expect_column_values_to_be_of_type" => {
            values(Test::OfType { types: vec![k.text("type_")?], list: false })
        }
        "expect_column_values_to_be_in_type_list" => {
            values(Test::OfType { types: k.texts("type_list")?, list: true })
        }
        "expect_column_values_to_be_increasing" => {
            values(Test::Increasing { strictly: k.flag("strictly", false) })
        }
        "expect_column_values_to_be_decreasing" => {
            values(Test::Decreasing { strictly: k.flag("strictly", false) })
        }
        "expect_column_value_z_scores_to_be_less_than" => values(Test::ZScore {
            threshold: k.number("threshold")?,
            double_sided: k.flag("double_sided", true),
        }),
        "expect_column_values_to_not_be_outliers" => {
            let multiplier = k.get("multiplier").and_then(Value::as_f64).unwrap_or(1.5);
            values(Test::NotOutlier(match k.get("method").and_then(Value::as_str).unwrap_or("iqr") {
                "iqr" => Outliers::Iqr(multiplier),
                "std" => Outliers::Std(multiplier),
                other => Outliers::Unknown(other.to_owned()),
            }))
        }
        "expect_column_min_to_be_between" => statistic(Statistic::Min),
        "expect_column_max_to_be_between" => statistic(Statistic::Max),
        "expect_column_mean_to_be_between" => statistic(Statistic::Mean),
        "expect_column_median_to_be_between" => statistic(Statistic::Median),
        "expect_column_sum_to_be_between" => statistic(Statistic::Sum),
        "expect_column_stdev_to_be_between" => statistic(Statistic::Stdev),
        "expect_column_unique_value_count_to_be_between" => statistic(Statistic::UniqueCount),
        "expect_column_proportion_of_unique_values_to_be_between" => statistic(Statistic::UniqueShare),
        "expect_column_proportion_of_non_null_values_to_be_between" => statistic(Statistic::NonNullShare),
        "expect_column_distinct_values_to_be_in_set" => {
            Ok(Rule::Distinct { column: column()?, relation: Relation::InSet, set: set()? })
        }
        "expect_column_distinct_values_to_contain_set" => {
            Ok(Rule::Distinct { column: column()?, relation: Relation::ContainSet, set: set()? })
        }
        "expect_column_distinct_values_to_equal_set" => {
            Ok(Rule::Distinct { column: column()?, relation: Relation::EqualSet, set: set()? })
        }
        "expect_column_most_common_value_to_be_in_set" => {
            Ok(Rule::MostCommon { column: column()?, set: set()?, ties: k.flag("ties_okay", false) })
        }
        "expect_column_quantile_values_to_be_between" => quantiles(&k, column()?),
        "expect_column_kl_divergence_to_be_less_than" => {
            Ok(Rule::Divergence { column: column()?, wanted: k.divergence()? })
        }
        "expect_column_pair_values_to_be_equal" => pair(&k, PairTest::Equal),
        "expect_column_pair_values_a_to_be_greater_than_b" => {
            pair(&k, PairTest::Greater { or_equal: k.flag("or_equal", false) })
        }
        "expect_column_pair_values_to_be_in_set" => pair(&k, PairTest::InSet(pairs(&k)?)),
        "expect_compound_columns_to_be_unique" => several(&k, ColumnsTest::CompoundUnique),
        "expect_select_column_values_to_be_unique_within_record" => {
            several(&k, ColumnsTest::UniqueWithinRecord)
        }
        "expect_multicolumn_sum_to_equal" => several(&k, ColumnsTest::SumEquals(k.number("sum_total")?)),
        "expect_multicolumn_values_to_be_equal" => several(&k, ColumnsTest::Equal),
        "expect_table_row_count_to_equal_other_table" | "expect_query_results_to_match_comparison" => {
            Ok(Rule::NotComputable("it needs a second table".into()))
        }
        "unexpected_rows_expectation" => Ok(Rule::NotComputable("it needs a database for its SQL".into())),
        "expect_column_bootstrapped_ks_test_p_value_to_be_greater_than"
        | "expect_column_chisquare_test_p_value_to_be_greater_than"
        | "expect_column_pair_cramers_phi_value_to_be_less_than"
        | "expect_column_parameterized_distribution_ks_test_p_value_to_be_greater_than"
        | "expect_multicolumn_values_to_be_unique" => {
            Ok(Rule::NotComputable("Great Expectations 1 has the name and no longer the check".into()))
        }
        other => Err(format!("no expectation is called `{other}`")),
    }
}

fn regex(patterns: Vec<String>, on: MatchOn) -> Test {
    Test::Regex { patterns, on }
}

fn like(k: &Kwargs<'_>, patterns: Vec<String>, on: MatchOn) -> Result<Test, String> {
    let escape = match k.get("escape").and_then(Value::as_str) {
        None => None,
        Some(text) if text.chars().count() == 1 => text.chars().next(),
        Some(text) => return Err(format!("escape is `{text}`, not one character")),
    };
    Ok(Test::Like { patterns, on, escape })
}

fn patterns(k: &Kwargs<'_>, key: &str) -> Result<Vec<String>, String> {
    let list = k.texts(key)?;
    if list.is_empty() { Err(format!("`{key}` must not be empty")) } else { Ok(list) }
}

fn match_on(k: &Kwargs<'_>) -> Result<MatchOn, String> {
    match k.get("match_on").and_then(Value::as_str) {
        None | Some("any") => Ok(MatchOn::Any),
        Some("all") => Ok(MatchOn::All),
        Some(other) => Err(format!("match_on is `{other}`, neither any nor all")),
    }
}

fn quantiles(k: &Kwargs<'_>, column: String) -> Result<Rule, String> {
    const SHAPE: &str = "quantile_ranges must have `quantiles` and as many `value_ranges` of two bounds each";
    let wanted = k.get("quantile_ranges").ok_or(SHAPE)?;
    let list = |key: &str| wanted.get(key).and_then(Value::as_array).ok_or(SHAPE);
    let quantiles: Option<Vec<f64>> = list("quantiles")?.iter().map(Value::as_f64).collect();
    let range = |v: &Value| match v.as_array().map(Vec::as_slice) {
        Some([low, high]) => Some([super::kwargs::float(low), super::kwargs::float(high)]),
        _ => None,
    };
    let ranges: Option<Vec<_>> = list("value_ranges")?.iter().map(range).collect();
    let (Some(quantiles), Some(ranges)) = (quantiles, ranges) else { return Err(SHAPE.into()) };
    if quantiles.len() != ranges.len() {
        return Err(SHAPE.into());
    }
    let interpolation = match k.get("allow_relative_error") {
        None | Some(Value::Bool(_)) => "nearest".to_owned(),
        Some(Value::String(name)) => name.clone(),
        Some(other) => other.to_string(),
    };
    Ok(Rule::Quantiles { column, quantiles, ranges, interpolation })
}

fn pair(k: &Kwargs<'_>, test: PairTest) -> Result<Rule, String> {
    let ignore = match k.get("ignore_row_if").and_then(Value::as_str).unwrap_or("both_values_are_missing") {
        "both_values_are_missing" => IgnorePair::Both,
        "either_value_is_missing" => IgnorePair::Either,
        "neither" => IgnorePair::Neither,
        other => return Err(format!("ignore_row_if is `{other}`, which is unknown")),
    };
    Ok(Rule::Pair { a: k.text("column_A")?, b: k.text("column_B")?, test, ignore })
}

fn pairs(k: &Kwargs<'_>) -> Result<Option<Vec<[Value; 2]>>, String> {
    if k.get("value_pairs_set").is_none() {
        return Ok(None);
    }
    let pair = |v: Value| match v.as_array().map(Vec::as_slice) {
        Some([a, b]) => Ok([a.clone(), b.clone()]),
        _ => Err(format!("{v} in value_pairs_set is no pair")),
    };
    k.list("value_pairs_set")?.into_iter().map(pair).collect::<Result<_, _>>().map(Some)
}

fn several(k: &Kwargs<'_>, test: ColumnsTest) -> Result<Rule, String> {
    let columns = k.texts("column_list")?;
    if columns.len() < 2 {
        return Err("column_list must have at least two columns".into());
    }
    let ignore = match k.get("ignore_row_if").and_then(Value::as_str).unwrap_or("all_values_are_missing") {
        "all_values_are_missing" => IgnoreColumns::All,
        "any_value_is_missing" => IgnoreColumns::Any,
        "never" => IgnoreColumns::Never,
        other => return Err(format!("ignore_row_if is `{other}`, which is unknown")),
    };
    Ok(Rule::Columns { columns, test, ignore })
}
