//! Which rows are asked about: the conditions that suites write, as pandas' `DataFrame.query`, as the older
//! `col("x") > 1`, or as objects.

mod eval;
mod lex;
mod parse;

use serde_json::Value;

pub(crate) use eval::rows;

/// A condition, understood but not yet looked up in a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition(pub(crate) Expr);

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expr {
    Column(String),
    Literal(Value),
    List(Vec<Expr>),
    Not(Box<Expr>),
    Minus(Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Compare(Box<Expr>, Op, Box<Expr>),
    Arithmetic(Box<Expr>, char, Box<Expr>),
    /// `value.method(arguments)`, with `str.` in front of those of texts.
    Call(Box<Expr>, String, Vec<Expr>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    NotIn,
}

impl Condition {
    /// The names of the columns that it looks at, with repetitions.
    pub(crate) fn columns(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.0.columns(&mut names);
        names
    }
}

impl Expr {
    fn columns<'a>(&'a self, names: &mut Vec<&'a str>) {
        match self {
            Self::Column(name) => names.push(name),
            Self::Literal(_) => {}
            Self::List(items) => items.iter().for_each(|i| i.columns(names)),
            Self::Not(a) | Self::Minus(a) => a.columns(names),
            Self::And(a, b) | Self::Or(a, b) | Self::Compare(a, _, b) | Self::Arithmetic(a, _, b) => {
                a.columns(names);
                b.columns(names);
            }
            Self::Call(a, _, items) => {
                a.columns(names);
                items.iter().for_each(|i| i.columns(names));
            }
        }
    }
}

/// The language of `DataFrame.query`. Errors: what is not understood, and where.
pub(crate) fn parse(text: &str) -> Result<Condition, String> {
    parse::query(text).map(Condition).map_err(|e| format!("row_condition `{text}`: {e}"))
}

/// The older language: `col("x") > 1`, `col("x") == "a"`, `col("x").notnull()`.
pub(crate) fn legacy(text: &str) -> Result<Condition, String> {
    let pattern = regex::Regex::new(
        r#"^\s*col\(\s*["']([^"']+)["']\s*\)\s*(?:(\.notNull\(\)|\.notnull\(\))|(<=|>=|==|!=|<|>)\s*(?:"([^"]*)"|'([^']*)'|(-?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)|date\(.*\)))\s*$"#,
    )
    .map_err(|e| e.to_string())?;
    let unclear =
        || format!("row_condition `{text}` is not understood: col(\"name\") <op> value, or .notnull()");
    let found = pattern.captures(text).ok_or_else(unclear)?;
    let column = Expr::Column(found.get(1).map_or("", |m| m.as_str()).to_owned());
    if found.get(2).is_some() {
        return Ok(Condition(Expr::Call(Box::new(column), "notnull".into(), Vec::new())));
    }
    let op = found.get(3).and_then(|m| operator(m.as_str())).ok_or_else(unclear)?;
    let value = match (found.get(4).or_else(|| found.get(5)), found.get(6)) {
        (Some(text), _) => Value::String(text.as_str().to_owned()),
        (None, Some(number)) => {
            serde_json::from_str(number.as_str().trim_end_matches('.')).map_err(|_| unclear())?
        }
        _ => return Err(unclear()),
    };
    Ok(Condition(Expr::Compare(Box::new(column), op, Box::new(Expr::Literal(value)))))
}

/// As suites of Great Expectations 1.9 and later write it: `{type, column: {name}, operator, parameter}` and so on.
pub(crate) fn from_json(value: &Value) -> Result<Condition, String> {
    object(value).map(Condition)
}

fn object(value: &Value) -> Result<Expr, String> {
    let unclear = || format!("row_condition {value} is not understood");
    let column = || {
        let name = value["column"]["name"].as_str().or_else(|| value["column"].as_str());
        name.map(|n| Box::new(Expr::Column(n.to_owned()))).ok_or_else(unclear)
    };
    let joined = |join: fn(Box<Expr>, Box<Expr>) -> Expr| {
        let parts = value["conditions"].as_array().ok_or_else(unclear)?;
        let mut parts = parts.iter().map(object).collect::<Result<Vec<_>, _>>()?.into_iter();
        let first = parts.next().ok_or_else(unclear)?;
        Ok(parts.fold(first, |a, b| join(Box::new(a), Box::new(b))))
    };
    match value["type"].as_str() {
        Some("pass_through") => {
            let text = value["pass_through_filter"].as_str().ok_or_else(unclear)?;
            parse(text).map(|c| c.0)
        }
        Some("nullity") => {
            let method = if value["is_null"].as_bool().ok_or_else(unclear)? { "isnull" } else { "notnull" };
            Ok(Expr::Call(column()?, method.into(), Vec::new()))
        }
        Some("comparison") => {
            let op = value["operator"].as_str().and_then(operator).ok_or_else(unclear)?;
            let wanted = match &value["parameter"] {
                Value::Array(list) => Expr::List(list.iter().cloned().map(Expr::Literal).collect()),
                one => Expr::Literal(one.clone()),
            };
            Ok(Expr::Compare(column()?, op, Box::new(wanted)))
        }
        Some("and") => joined(Expr::And),
        Some("or") => joined(Expr::Or),
        _ => Err(unclear()),
    }
}

fn operator(text: &str) -> Option<Op> {
    Some(match text {
        "==" => Op::Equal,
        "!=" => Op::NotEqual,
        "<" => Op::Less,
        "<=" => Op::LessEqual,
        ">" => Op::Greater,
        ">=" => Op::GreaterEqual,
        "IN" => Op::In,
        "NOT_IN" => Op::NotIn,
        _ => return None,
    })
}
