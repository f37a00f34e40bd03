//! From a filter's text to comparisons: what upstream's `SearchUtils` and its subclasses have in common.

use super::Value;
use super::python::{self, Element, repr};
use crate::errors::Failure;
use crate::sqlparse::{self, Class, Kind, Node};

/// A node of a comparison: all that upstream asks of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    pub kind: Kind,
    pub class: Class,
    pub text: &'a str,
}

impl<'a> Piece<'a> {
    fn of(node: &Node<'a>) -> Self {
        Self { kind: node.kind, class: node.class, text: node.text() }
    }

    /// A string in quotes, or a name (which may be one in double quotes).
    pub fn is_textual(&self) -> bool {
        self.kind == Kind::Text || self.class == Class::Identifier
    }

    pub fn is_number(&self) -> bool {
        matches!(self.kind, Kind::Integer | Kind::Float)
    }

    pub fn is_list(&self) -> bool {
        self.class == Class::Parenthesis
    }

    /// The number that [`Piece::is_number`] promises.
    pub fn number(&self) -> Value {
        match self.kind {
            Kind::Float => Value::Float(python::parse_float(self.text).unwrap_or(f64::NAN)),
            _ => Value::Integer(python::parse_integer(self.text)),
        }
    }

    fn is_and(&self) -> bool {
        self.kind == Kind::Keyword && self.text.eq_ignore_ascii_case("AND")
    }
}

/// What stands in a statement.
pub(super) enum Item<'a> {
    Comparison { pieces: Vec<Piece<'a>>, text: String },
    Other(Piece<'a>),
}

/// A comparison as it was written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Condition {
    /// `metric`, `parameter`, `tag`, `attribute`, `dataset`, …
    pub entity: &'static str,
    pub key: String,
    /// In the case in which it was written.
    pub comparator: String,
    pub value: Value,
}

/// More comparisons than this are refused: a database refuses statements as deep as they would make.
const MOST: usize = 200;
/// Each value of a list is a parameter of the statement, of which a database takes some 32,000.
const MOST_LISTED: usize = 20_000;

/// Whether an entity's key may be tested for being absent.
type Nullable = fn(&'static str, &str) -> Result<(), Failure>;

/// How one kind of search differs from the others.
pub(super) struct Dialect {
    /// Whether refused clauses are shown in quotes.
    pub quotes_clauses: bool,
    /// Whether `timestamp`, which SQL takes for a type, is a name.
    pub timestamps: bool,
    pub identifier: fn(&str) -> Result<(&'static str, String), Failure>,
    /// Refuses `IS NULL` for some entities; `None` if it is unknown here.
    pub nullable: Option<Nullable>,
    /// The value of a comparison: entity, key, comparator and how the value was written.
    pub value: fn(&'static str, &str, &str, &Piece<'_>) -> Result<Value, Failure>,
}

/// The comparisons of a filter; none for an empty one.
pub(super) fn conditions(filter: &str, dialect: &Dialect) -> Result<Vec<Condition>, Failure> {
    if filter.is_empty() {
        return Ok(Vec::new());
    }
    let statement = one_statement(filter)?;
    let items = items(&statement, dialect.timestamps);
    if items.len() > 2 * MOST {
        return Err(Failure::invalid(format!("A filter may have at most {MOST} comparisons.")));
    }
    let invalid: Vec<_> = items
        .iter()
        .filter_map(|item| match item {
            Item::Other(piece) if !piece.is_and() => Some(piece.text),
            _ => None,
        })
        .map(|text| if dialect.quotes_clauses { format!("'{text}'") } else { text.to_owned() })
        .collect();
    if !invalid.is_empty() {
        return Err(Failure::invalid(format!("Invalid clause(s) in filter string: {}", invalid.join(", "))));
    }
    let pieces = items.iter().filter_map(|item| match item {
        Item::Comparison { pieces, .. } => Some(pieces),
        Item::Other(_) => None,
    });
    let found: Vec<Condition> = pieces.map(|pieces| condition(pieces, dialect)).collect::<Result<_, _>>()?;
    let listed: usize =
        found.iter().map(|c| if let Value::List(items) = &c.value { items.len() } else { 0 }).sum();
    if listed > MOST_LISTED {
        return Err(Failure::invalid(format!(
            "The lists of a filter may have at most {MOST_LISTED} values."
        )));
    }
    Ok(found)
}

fn one_statement(filter: &str) -> Result<Node<'_>, Failure> {
    let mut statements = sqlparse::parse(filter)
        .map_err(|_| Failure::invalid(format!("Error on parsing filter '{filter}'")))?;
    match (statements.pop(), statements.len()) {
        (Some(one), 0) => Ok(one),
        (None, _) => Err(Failure::invalid(format!("Invalid filter '{filter}'. Could not be parsed."))),
        _ => Err(Failure::invalid(format!(
            "Search filter contained multiple expression {}. Provide AND-ed expression list.",
            repr(filter)
        ))),
    }
}

fn condition(pieces: &[Piece<'_>], dialect: &Dialect) -> Result<Condition, Failure> {
    let wrong = |why: String| Err(Failure::invalid(format!("Invalid comparison clause. {why}")));
    let (name, operator, value) = match pieces {
        [name, null] if matches!(null.text.to_uppercase().as_str(), "IS NULL" | "IS NOT NULL") => {
            (name, null, None)
        }
        [name, operator, value] => (name, operator, Some(value)),
        other => return wrong(format!("Expected 3 tokens found {}", other.len())),
    };
    let timestamp = dialect.timestamps && value.is_some() && is_timestamp(name);
    if name.class != Class::Identifier && !timestamp {
        return wrong(format!("Expected 'Identifier' found '{}'", name.text));
    }
    let (entity, key) = match (value, dialect.nullable) {
        (None, None) => {
            return wrong(format!("'{} {}' is not supported here", name.text, operator.text));
        }
        (None, Some(check)) => {
            let (entity, key) = (dialect.identifier)(name.text)?;
            check(entity, &key)?;
            let comparator = operator.text.to_uppercase();
            return Ok(Condition { entity, key, comparator, value: Value::Nothing });
        }
        (Some(_), _) => (dialect.identifier)(name.text)?,
    };
    let value = match value {
        Some(value) => (dialect.value)(entity, &key, operator.text, value)?,
        None => Value::Nothing,
    };
    Ok(Condition { entity, key, comparator: operator.text.to_owned(), value })
}

fn is_timestamp(piece: &Piece<'_>) -> bool {
    piece.kind == Kind::Builtin && matches!(piece.text, "timestamp" | "timestamp_ms")
}

/// `_join_in_comparison_tokens`: what stands in the statement, without whitespace; names that are followed by IN, NOT
/// IN, IS NULL or IS NOT NULL become comparisons, which SQL's grammar does not make of them.
pub(super) fn items<'a>(statement: &Node<'a>, timestamps: bool) -> Vec<Item<'a>> {
    let nodes: Vec<&Node<'a>> = statement.solid().collect();
    let other = |node: &Node<'a>| match node.class {
        Class::Comparison => {
            Item::Comparison { pieces: node.solid().map(Piece::of).collect(), text: node.text().to_owned() }
        }
        _ => Item::Other(Piece::of(node)),
    };
    let joined = |pieces: Vec<Piece<'a>>| {
        let text = pieces.iter().map(|p| p.text).collect();
        Item::Comparison { pieces, text }
    };
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = nodes.get(at).copied() {
        if nodes.len() - at < 3 {
            found.extend(nodes[at..].iter().map(|n| other(n)));
            break;
        }
        if timestamps && is_timestamp(&Piece::of(first)) {
            let (second, third) = (nodes[at + 1], nodes[at + 2]);
            let comparators = [">", ">=", "!=", "=", "<", "<="];
            at += 3;
            if second.matches(Kind::Comparison, &comparators) && third.kind == Kind::Integer {
                found.push(joined([first, second, third].map(Piece::of).to_vec()));
                continue;
            }
            // Upstream goes on with the first of the three, which is thus refused twice.
            found.extend([first, second, third, first].map(other));
            continue;
        }
        if first.class != Class::Identifier {
            found.push(other(first));
            at += 1;
            continue;
        }
        let (second, third) = (nodes[at + 1], nodes[at + 2]);
        at += 3;
        let null = |text| Piece { kind: Kind::Keyword, class: Class::Token, text };
        let is = second.matches(Kind::Keyword, &["IS"]);
        if second.matches(Kind::Keyword, &["IN"]) && third.class == Class::Parenthesis {
            found.push(joined([first, second, third].map(Piece::of).to_vec()));
        } else if is && third.matches(Kind::Keyword, &["NULL"]) {
            found.push(joined(vec![Piece::of(first), null("IS NULL")]));
        } else if is && third.matches(Kind::Keyword, &["NOT NULL"]) {
            found.push(joined(vec![Piece::of(first), null("IS NOT NULL")]));
        } else if let Some(fourth) = nodes.get(at) {
            at += 1;
            if second.matches(Kind::Keyword, &["NOT"])
                && third.matches(Kind::Keyword, &["IN"])
                && fourth.class == Class::Parenthesis
            {
                found.push(joined(vec![Piece::of(first), null("NOT IN"), Piece::of(fourth)]));
            } else {
                found.extend([first, second, third, fourth].map(other));
            }
        } else {
            found.extend([first, second, third].map(other));
            break;
        }
    }
    found
}

fn quoted(text: &str, quote: char) -> Option<&str> {
    (text.len() >= 2).then_some(text)?.strip_prefix(quote)?.strip_suffix(quote)
}

/// The key of an identifier without its quotes.
pub(super) fn plain(key: &str) -> &str {
    let key = quoted(key, '\'').or_else(|| quoted(key, '"')).unwrap_or(key);
    quoted(key, '`').unwrap_or(key)
}

pub(super) fn without_backticks(text: &str) -> &str {
    quoted(text, '`').unwrap_or(text)
}

/// A text value without its quotes, which it must have.
pub(super) fn text(piece: &Piece<'_>) -> Result<Value, Failure> {
    let inner = quoted(piece.text, '\'').or_else(|| quoted(piece.text, '"'));
    inner.map(|text| Value::Text(text.to_owned())).ok_or_else(|| {
        Failure::invalid(format!(
            "Parameter value is either not quoted or unidentified quote types used for string value {}. Use either \
             single or double quotes.",
            piece.text
        ))
    })
}

/// A list of quoted strings in parentheses.
pub(super) fn list(piece: &Piece<'_>) -> Result<Value, Failure> {
    let elements = python::literal_list(piece.text).ok_or_else(|| {
        Failure::invalid(
            "While parsing a list in the query, expected a non-empty list of string values, but got ill-formed list.",
        )
    })?;
    if elements.is_empty() {
        return Err(Failure::invalid(
            "While parsing a list in the query, expected a non-empty list of string values, but got empty list",
        ));
    }
    let texts = elements.iter().map(|e| match e {
        Element::Text(text) => Some(text.clone()),
        Element::Number(_) => None,
    });
    texts.collect::<Option<_>>().map(Value::List).ok_or_else(|| {
        Failure::invalid(format!(
            "While parsing a list in the query, expected string value, punctuation, or whitespace, but got different \
             type in list: {}",
            python::tuple_of(&elements)
        ))
    })
}

/// "Expected a quoted string value …" for an entity whose values are text.
pub(super) fn not_text(entity: &str, piece: &Piece<'_>) -> Failure {
    Failure::invalid(format!(
        "Expected a quoted string value for {entity} (e.g. 'my-value'). Got value {}",
        piece.text
    ))
}

/// The comparisons of a statement in which nothing else may stand (`SearchTraceMetricsUtils`).
pub(super) fn plain_comparisons(filter: &str) -> Result<Vec<Vec<Piece<'_>>>, Failure> {
    if filter.is_empty() {
        return Ok(Vec::new());
    }
    let statement = one_statement(filter)?;
    let invalid: Vec<_> =
        statement.solid().filter(|n| n.class != Class::Comparison).map(|n| n.text().to_owned()).collect();
    if !invalid.is_empty() {
        return Err(Failure::invalid(format!("Invalid clause(s) in filter string: {}", invalid.join(", "))));
    }
    Ok(statement.solid().map(|n| n.solid().map(Piece::of).collect()).collect())
}

/// Name, operator and value.
pub(super) fn three<'p, 'a>(pieces: &'p [Piece<'a>]) -> Result<[&'p Piece<'a>; 3], Failure> {
    let wrong = |why: String| Err(Failure::invalid(format!("Invalid comparison clause. {why}")));
    match pieces {
        [name, operator, value] if name.class == Class::Identifier => Ok([name, operator, value]),
        [name, _, _] => wrong(format!("Expected 'Identifier' found '{}'", name.text)),
        other => wrong(format!("Expected 3 tokens found {}", other.len())),
    }
}
