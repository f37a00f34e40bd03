//! The rows for which a condition is true.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::rc::Rc;

use serde_json::Value;

use super::{Condition, Expr, Op};
use crate::frame::{Cell, Column, Frame, civil, compare, json_equal};
use crate::texts::{Pattern, dates};

/// The value of an expression in one row.
enum Item<'a> {
    Cell(Cell<'a>),
    Owned(String),
    List(Vec<&'a Value>),
}

/// The columns that a condition looks at, and the patterns that were compiled for it.
struct Look<'a> {
    frame: &'a Frame,
    columns: Vec<(&'a str, &'a Column)>,
    patterns: RefCell<HashMap<String, Rc<Pattern>>>,
}

impl<'a> Look<'a> {
    fn column(&self, name: &str) -> Result<&'a Column, String> {
        let found = self.columns.iter().find(|(known, _)| *known == name);
        found.map(|(_, column)| *column).ok_or_else(|| format!("name '{name}' is not defined"))
    }

    fn label(&self, row: usize) -> Result<i64, String> {
        let label = self.frame.label(row as u32);
        label.as_i64().ok_or_else(|| format!("rows are named by {label}, not by numbers"))
    }

    fn pattern(&self, text: &str) -> Result<Rc<Pattern>, String> {
        if let Some(known) = self.patterns.borrow().get(text) {
            return Ok(known.clone());
        }
        let made = Rc::new(Pattern::new(text)?);
        self.patterns.borrow_mut().insert(text.to_owned(), made.clone());
        Ok(made)
    }
}

/// Rows (from 0) for which the condition is true; a comparison with a missing value is false, `!=` is true.
/// Errors: why it cannot be evaluated on this table.
pub(crate) fn rows(frame: &Frame, condition: &Condition) -> Result<Vec<u32>, String> {
    known(frame, &condition.0)?;
    let expr = &settled(frame, &condition.0)?;
    let mut names = condition.columns();
    names.sort_unstable();
    names.dedup();
    let columns = names.into_iter().filter_map(|name| Some((name, frame.find(name)?))).collect();
    let look = Look { frame, columns, patterns: RefCell::default() };
    let mut out = Vec::new();
    for row in 0..frame.rows() {
        match value(&look, expr, row)? {
            Item::Cell(Cell::Bool(true)) => out.push(row as u32),
            Item::Cell(Cell::Bool(false)) => {}
            Item::Cell(Cell::Null) if matches!(expr, Expr::Column(_)) => {
                return Err("the condition is missing in some rows".into());
            }
            _ => return Err("the condition is neither true nor false".into()),
        }
    }
    Ok(out)
}

/// A column that is not there is found before any row is looked at.
fn known(frame: &Frame, expr: &Expr) -> Result<(), String> {
    match expr {
        Expr::Column(name) if matches!(name.as_str(), "index" | "inf" | "Inf") => Ok(()),
        Expr::Column(name) if frame.place(name).is_none() => Err(format!("name '{name}' is not defined")),
        Expr::Column(_) | Expr::Literal(_) => Ok(()),
        Expr::List(items) => items.iter().try_for_each(|i| known(frame, i)),
        Expr::Not(a) | Expr::Minus(a) => known(frame, a),
        Expr::And(a, b) | Expr::Or(a, b) | Expr::Compare(a, _, b) | Expr::Arithmetic(a, _, b) => {
            known(frame, a)?;
            known(frame, b)
        }
        Expr::Call(a, _, items) => {
            known(frame, a)?;
            items.iter().try_for_each(|i| known(frame, i))
        }
    }
}

/// The condition with what is the same in every row (`x.mean()`) calculated once.
fn settled(frame: &Frame, expr: &Expr) -> Result<Expr, String> {
    let boxed = |e: &Expr| settled(frame, e).map(Box::new);
    Ok(match expr {
        Expr::Call(base, method, _)
            if matches!(method.as_str(), "mean" | "min" | "max" | "sum" | "std" | "median") =>
        {
            let Expr::Column(name) = base.as_ref() else { return Err(format!("`{method}` needs a column")) };
            let column = frame.find(name).ok_or_else(|| format!("name '{name}' is not defined"))?;
            Expr::Literal(whole(column, frame.rows(), method)?.into())
        }
        Expr::Column(_) | Expr::Literal(_) => expr.clone(),
        Expr::List(items) => Expr::List(items.iter().map(|i| settled(frame, i)).collect::<Result<_, _>>()?),
        Expr::Not(a) => Expr::Not(boxed(a)?),
        Expr::Minus(a) => Expr::Minus(boxed(a)?),
        Expr::And(a, b) => Expr::And(boxed(a)?, boxed(b)?),
        Expr::Or(a, b) => Expr::Or(boxed(a)?, boxed(b)?),
        Expr::Compare(a, op, b) => Expr::Compare(boxed(a)?, *op, boxed(b)?),
        Expr::Arithmetic(a, sign, b) => Expr::Arithmetic(boxed(a)?, *sign, boxed(b)?),
        Expr::Call(a, method, items) => {
            let items = items.iter().map(|i| settled(frame, i)).collect::<Result<_, _>>()?;
            Expr::Call(boxed(a)?, method.clone(), items)
        }
    })
}

fn truth(look: &Look<'_>, expr: &Expr, row: usize) -> Result<bool, String> {
    match value(look, expr, row)? {
        Item::Cell(Cell::Bool(v)) => Ok(v),
        Item::Cell(Cell::Null) => Ok(false),
        _ => Err("a part of the condition is neither true nor false".into()),
    }
}

fn value<'a>(look: &'a Look<'a>, expr: &'a Expr, row: usize) -> Result<Item<'a>, String> {
    let bool = |v: bool| Ok(Item::Cell(Cell::Bool(v)));
    match expr {
        Expr::Column(name) => Ok(Item::Cell(match look.column(name) {
            Ok(column) => column.get(row),
            Err(_) if name == "index" => Cell::Int(look.label(row)?),
            Err(_) if matches!(name.as_str(), "inf" | "Inf") => Cell::Float(f64::INFINITY),
            Err(reason) => return Err(reason),
        })),
        Expr::Literal(v) => Ok(Item::Cell(literal(v))),
        Expr::List(items) => {
            let literals = items.iter().map(|i| match i {
                Expr::Literal(v) => Ok(v),
                _ => Err("a list may hold plain values only".to_owned()),
            });
            Ok(Item::List(literals.collect::<Result<_, _>>()?))
        }
        Expr::Not(inner) => bool(!truth(look, inner, row)?),
        Expr::And(a, b) => {
            let (a, b) = (truth(look, a, row)?, truth(look, b, row)?);
            bool(a && b)
        }
        Expr::Or(a, b) => {
            let (a, b) = (truth(look, a, row)?, truth(look, b, row)?);
            bool(a || b)
        }
        Expr::Minus(inner) => arithmetic(Cell::Int(0), '-', number(look, inner, row)?).map(Item::Cell),
        Expr::Arithmetic(a, sign, b) => {
            arithmetic(number(look, a, row)?, *sign, number(look, b, row)?).map(Item::Cell)
        }
        Expr::Compare(a, op, b) => {
            let (left, right) = (value(look, a, row)?, value(look, b, row)?);
            bool(compared(&left, *op, &right)?)
        }
        Expr::Call(base, method, arguments) => call(look, base, method, arguments, row),
    }
}

fn literal(value: &Value) -> Cell<'_> {
    match value {
        Value::Bool(v) => Cell::Bool(*v),
        Value::Number(n) => n.as_i64().map_or_else(|| Cell::Float(n.as_f64().unwrap_or(f64::NAN)), Cell::Int),
        Value::String(s) => Cell::Text(s),
        _ => Cell::Null,
    }
}

fn number<'a>(look: &'a Look<'a>, expr: &'a Expr, row: usize) -> Result<Cell<'a>, String> {
    match value(look, expr, row)? {
        Item::Cell(cell @ (Cell::Null | Cell::Bool(_) | Cell::Int(_) | Cell::Float(_))) => Ok(cell),
        _ => Err("only numbers can be calculated with".into()),
    }
}

fn arithmetic<'a>(a: Cell<'_>, sign: char, b: Cell<'_>) -> Result<Cell<'a>, String> {
    let (Some(x), Some(y)) = (a.number(), b.number()) else { return Ok(Cell::Null) };
    if let (Cell::Int(x), Cell::Int(y)) = (a, b) {
        let whole = match sign {
            '+' => x.checked_add(y),
            '-' => x.checked_sub(y),
            '*' => x.checked_mul(y),
            '%' if y != 0 => x.checked_rem(y).map(|r| if r != 0 && (r < 0) != (y < 0) { r + y } else { r }),
            'd' if y != 0 => Some((x as f64 / y as f64).floor() as i64),
            _ => None,
        };
        if let Some(whole) = whole {
            return Ok(Cell::Int(whole));
        }
    }
    let value = match sign {
        '+' => x + y,
        '-' => x - y,
        '*' => x * y,
        '/' => x / y,
        'd' => (x / y).floor(),
        '%' => x - y * (x / y).floor(),
        '^' => x.powf(y),
        other => return Err(format!("`{other}` is no calculation")),
    };
    Ok(if value.is_nan() { Cell::Null } else { Cell::Float(value) })
}

fn cell<'a>(item: &'a Item<'_>) -> Option<Cell<'a>> {
    match item {
        Item::Cell(cell) => Some(*cell),
        Item::Owned(text) => Some(Cell::Text(text)),
        Item::List(_) => None,
    }
}

fn compared(left: &Item<'_>, op: Op, right: &Item<'_>) -> Result<bool, String> {
    if let Item::List(list) = right {
        let one = cell(left).ok_or("a list cannot be compared with a list")?;
        let inside = list.iter().any(|v| json_equal(one, v) || same_time(one, v));
        return match op {
            Op::In | Op::Equal => Ok(inside),
            Op::NotIn | Op::NotEqual => Ok(!inside),
            _ => Err("a list has no order".into()),
        };
    }
    let (Some(a), Some(b)) = (cell(left), cell(right)) else {
        return Err("a list stands on the left".into());
    };
    // A text beside a time is meant as a time.
    let (a, b) = (as_time(a, b), as_time(b, a));
    if a.is_null() || b.is_null() {
        return Ok(op == Op::NotEqual);
    }
    let order = compare(a, b);
    Ok(match op {
        Op::Equal => a.key() == b.key(),
        Op::NotEqual => a.key() != b.key(),
        Op::In | Op::NotIn => return Err("`in` needs a list".into()),
        _ => {
            let order = order.ok_or("a text and a number have no order")?;
            match op {
                Op::Less => order == Ordering::Less,
                Op::LessEqual => order != Ordering::Greater,
                Op::Greater => order == Ordering::Greater,
                _ => order != Ordering::Less,
            }
        }
    })
}

fn as_time<'a>(cell: Cell<'a>, beside: Cell<'_>) -> Cell<'a> {
    match (cell, beside) {
        (Cell::Text(text), Cell::Time(_)) => dates::nanos(text).map_or(cell, Cell::Time),
        _ => cell,
    }
}

fn same_time(cell: Cell<'_>, value: &Value) -> bool {
    match (cell, value) {
        (Cell::Time(at), Value::String(text)) => dates::nanos(text) == Some(at),
        _ => false,
    }
}

fn call<'a>(
    look: &'a Look<'a>,
    base: &'a Expr,
    method: &str,
    arguments: &'a [Expr],
    row: usize,
) -> Result<Item<'a>, String> {
    let bool = |v: bool| Ok(Item::Cell(Cell::Bool(v)));
    let item = value(look, base, row)?;
    let one = cell(&item).ok_or("a list has no methods")?;
    let mut wanted = Vec::with_capacity(arguments.len());
    for argument in arguments {
        wanted.push(value(look, argument, row)?);
    }
    let text = |i: usize| match wanted.get(i).and_then(cell) {
        Some(Cell::Text(t)) => Ok(t.to_owned()),
        _ => Err(format!("`{method}` needs a text")),
    };
    match method {
        "isnull" | "isna" => bool(one.is_null()),
        "notnull" | "notna" => bool(!one.is_null()),
        "isin" => match wanted.first() {
            Some(list @ Item::List(_)) => bool(compared(&item, Op::In, list)?),
            _ => Err("`isin` needs a list".into()),
        },
        "between" => match wanted.as_slice() {
            [low, high] => {
                bool(compared(&item, Op::GreaterEqual, low)? && compared(&item, Op::LessEqual, high)?)
            }
            _ => Err("`between` needs two bounds".into()),
        },
        "abs" => match one {
            Cell::Int(v) => Ok(Item::Cell(Cell::Int(v.saturating_abs()))),
            _ => Ok(Item::Cell(one.number().map_or(Cell::Null, |v| Cell::Float(v.abs())))),
        },
        _ if method.starts_with("dt.") => part_of_time(one, &method[3..]).map(Item::Cell),
        _ if let Some(function) = function(method) => match one {
            Cell::Null | Cell::Bool(_) | Cell::Int(_) | Cell::Float(_) => {
                let value = one.number().map(function).filter(|v| !v.is_nan());
                Ok(Item::Cell(value.map_or(Cell::Null, Cell::Float)))
            }
            _ => Err(format!("`{method}` needs a number")),
        },
        _ if method.starts_with("str.") => {
            let Cell::Text(own) = one else {
                return if one.is_null() {
                    Ok(Item::Cell(Cell::Null))
                } else {
                    Err("it is no column of texts".into())
                };
            };
            match method {
                "str.startswith" => bool(own.starts_with(&text(0)?)),
                "str.endswith" => bool(own.ends_with(&text(0)?)),
                "str.contains" => bool(look.pattern(&text(0)?)?.search(own)?),
                "str.len" => Ok(Item::Cell(Cell::Int(own.chars().count() as i64))),
                "str.lower" => Ok(Item::Owned(own.to_lowercase())),
                "str.upper" => Ok(Item::Owned(own.to_uppercase())),
                "str.strip" => Ok(Item::Owned(own.trim().to_owned())),
                other => Err(format!("the method `{other}` is not supported")),
            }
        }
        other => Err(format!("the method `{other}` is not supported")),
    }
}

/// `.dt.year` and so on.
fn part_of_time(cell: Cell<'_>, part: &str) -> Result<Cell<'static>, String> {
    let at = match cell {
        Cell::Time(at) => at,
        Cell::Null => return Ok(Cell::Null),
        _ => return Err("it is no column of times".into()),
    };
    let (days, seconds) =
        (at.div_euclid(86_400_000_000_000), at.rem_euclid(86_400_000_000_000) / 1_000_000_000);
    let (year, month, day) = civil(days);
    Ok(Cell::Int(match part {
        "year" => year,
        "quarter" => i64::from(month.div_ceil(3)),
        "month" => month.into(),
        "day" => day.into(),
        "hour" => seconds / 3600,
        "minute" => seconds / 60 % 60,
        "second" => seconds % 60,
        "dayofweek" | "day_of_week" | "weekday" => (days + 3).rem_euclid(7),
        other => return Err(format!("`.dt.{other}` is not supported")),
    }))
}

/// The functions of one number that a condition may call.
fn function(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "sqrt" => f64::sqrt,
        "exp" => f64::exp,
        "expm1" => f64::exp_m1,
        "log" => f64::ln,
        "log10" => f64::log10,
        "log1p" => f64::ln_1p,
        "floor" => f64::floor,
        "ceil" => f64::ceil,
        "sin" => f64::sin,
        "cos" => f64::cos,
        "tan" => f64::tan,
        "arcsin" => f64::asin,
        "arccos" => f64::acos,
        "arctan" => f64::atan,
        "sinh" => f64::sinh,
        "cosh" => f64::cosh,
        "tanh" => f64::tanh,
        "arcsinh" => f64::asinh,
        "arctanh" => f64::atanh,
        _ => return None,
    })
}

fn whole(column: &Column, rows: usize, method: &str) -> Result<f64, String> {
    let mut values: Vec<f64> = Vec::with_capacity(rows);
    for row in 0..rows {
        match column.get(row) {
            Cell::Null => {}
            cell => values.push(cell.number().ok_or_else(|| format!("`{method}` needs numbers"))?),
        }
    }
    let n = values.len() as f64;
    let sum: f64 = values.iter().sum();
    Ok(match method {
        "mean" => sum / n,
        "sum" => sum,
        "min" => values.iter().copied().fold(f64::NAN, f64::min),
        "max" => values.iter().copied().fold(f64::NAN, f64::max),
        "std" => (values.iter().map(|v| (v - sum / n).powi(2)).sum::<f64>() / (n - 1.0)).sqrt(),
        _ => {
            values.sort_by(f64::total_cmp);
            crate::evaluate::linear(&values, 0.5)
        }
    })
}
