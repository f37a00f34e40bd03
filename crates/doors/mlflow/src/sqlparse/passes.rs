//! The rules of `sqlparse.engine.grouping`, in upstream's order.

use super::group::{Middle, Pair, around, deep, join, pairs};
use super::{Class, Kind, Node, TooComplex};

type Done = Result<(), TooComplex>;

/// Groups a statement's tokens.
pub(super) fn group(mut statement: Node<'_>) -> Result<Node<'_>, TooComplex> {
    let s = &mut statement;
    deep(s, Some(Class::Comment), comments)?;
    for pair in &PAIRS {
        pairs(s, pair, 0)?;
    }
    deep(s, Some(Class::Over), over)?;
    deep(s, Some(Class::Function), functions)?;
    deep(s, Some(Class::Where), wheres)?;
    around(s, &PERIOD, 0)?;
    around(s, &ARRAYS, 0)?;
    deep(s, Some(Class::Identifier), identifiers)?;
    deep(s, Some(Class::Identifier), orders)?;
    for rule in [&TYPECASTS, &TZCASTS, &TYPED_LITERAL, &TYPED_LITERAL_MORE, &OPERATOR, &COMPARISON, &AS] {
        around(s, rule, 0)?;
    }
    deep(s, None, aliased)?;
    around(s, &ASSIGNMENT, 0)?;
    deep(s, None, align_comments)?;
    around(s, &IDENTIFIER_LIST, 0)?;
    values(s)?;
    Ok(statement)
}

const PAIRS: [Pair; 6] = [
    Pair { class: Class::SquareBrackets, kind: Kind::Punctuation, open: &["["], close: &["]"] },
    Pair { class: Class::Parenthesis, kind: Kind::Punctuation, open: &["("], close: &[")"] },
    Pair { class: Class::Case, kind: Kind::Keyword, open: &["CASE"], close: &["END"] },
    Pair { class: Class::If, kind: Kind::Keyword, open: &["IF"], close: &["END IF"] },
    Pair { class: Class::For, kind: Kind::Keyword, open: &["FOR", "FOREACH"], close: &["END LOOP"] },
    Pair { class: Class::Begin, kind: Kind::Keyword, open: &["BEGIN"], close: &["END"] },
];

fn some(node: Option<&Node<'_>>) -> bool {
    node.is_some()
}

fn any(_: &Node<'_>) -> bool {
    true
}

fn all_three(_: &Node<'_>, before: usize, at: usize, after: Option<usize>) -> (usize, usize) {
    (before, after.unwrap_or(at))
}

const PERIOD: Middle = Middle {
    class: Class::Identifier,
    matches: |n| n.matches(Kind::Punctuation, &["."]) || n.matches(Kind::Operator, &["->", "->>"]),
    valid_before: |n| {
        matches!(n.class, Class::SquareBrackets | Class::Identifier)
            || matches!(n.kind, Kind::Name | Kind::Symbol)
    },
    valid_after: |_| true,
    range: |list, before, at, after| {
        let fits = |n: &Node<'_>| {
            matches!(n.class, Class::SquareBrackets | Class::Function)
                || matches!(n.kind, Kind::Name | Kind::Symbol | Kind::Wildcard | Kind::Text)
        };
        (before, after.filter(|a| fits(&list.children[*a])).unwrap_or(at))
    },
    extend: true,
    recurse: true,
};

const ARRAYS: Middle = Middle {
    class: Class::Identifier,
    matches: |n| n.class == Class::SquareBrackets,
    valid_before: |n| {
        matches!(n.class, Class::SquareBrackets | Class::Identifier | Class::Function)
            || matches!(n.kind, Kind::Name | Kind::Symbol)
    },
    valid_after: |_| true,
    range: |_, before, at, _| (before, at),
    extend: true,
    recurse: false,
};

const TYPECASTS: Middle = Middle {
    class: Class::Identifier,
    matches: |n| n.matches(Kind::Punctuation, &["::"]),
    valid_before: any,
    valid_after: some,
    range: all_three,
    extend: true,
    recurse: true,
};

const TZCASTS: Middle = Middle {
    class: Class::Identifier,
    matches: |n| n.kind == Kind::TzCast,
    valid_before: any,
    valid_after: |n| n.is_some_and(|n| n.matches(Kind::Keyword, &["AS"]) || n.kind == Kind::Text),
    range: all_three,
    extend: true,
    recurse: true,
};

const TYPED_LITERAL: Middle = Middle {
    class: Class::TypedLiteral,
    matches: |n| n.kind == Kind::Builtin || n.matches(Kind::Keyword, &["TIMESTAMP"]),
    valid_before: any,
    valid_after: |n| n.is_some_and(|n| n.kind == Kind::Text),
    range: |_, _, at, after| (at, after.unwrap_or(at)),
    extend: false,
    recurse: true,
};

const TYPED_LITERAL_MORE: Middle = Middle {
    class: Class::TypedLiteral,
    matches: |n| n.class == Class::TypedLiteral,
    valid_before: any,
    valid_after: |n| {
        let units = ["DAY", "HOUR", "MINUTE", "MONTH", "SECOND", "YEAR"];
        n.is_some_and(|n| n.matches(Kind::Keyword, &units))
    },
    range: |_, _, at, after| (at, after.unwrap_or(at)),
    extend: true,
    recurse: true,
};

fn operand(n: &Node<'_>) -> bool {
    n.kind.is_value()
        || matches!(
            n.class,
            Class::SquareBrackets
                | Class::Parenthesis
                | Class::Function
                | Class::Identifier
                | Class::Operation
                | Class::TypedLiteral
        )
        || n.matches(Kind::Keyword, &["CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP"])
}

const OPERATOR: Middle = Middle {
    class: Class::Operation,
    matches: |n| matches!(n.kind, Kind::Operator | Kind::Wildcard),
    valid_before: operand,
    valid_after: |n| n.is_some_and(operand),
    range: all_three,
    extend: false,
    recurse: true,
};

fn comparable(n: &Node<'_>) -> bool {
    n.kind.is_value()
        || matches!(
            n.class,
            Class::Parenthesis | Class::Function | Class::Identifier | Class::Operation | Class::TypedLiteral
        )
        || (n.kind.is_keyword() && n.normalized() == "NULL")
}

const COMPARISON: Middle = Middle {
    class: Class::Comparison,
    matches: |n| n.kind == Kind::Comparison,
    valid_before: comparable,
    valid_after: |n| n.is_some_and(comparable),
    range: all_three,
    extend: false,
    recurse: true,
};

const AS: Middle = Middle {
    class: Class::Identifier,
    matches: |n| n.kind.is_keyword() && n.normalized() == "AS",
    valid_before: |n| !n.kind.is_keyword() || n.normalized() == "NULL",
    valid_after: |n| n.is_some_and(|n| !matches!(n.kind, Kind::Dml | Kind::Ddl | Kind::Cte)),
    range: all_three,
    extend: true,
    recurse: true,
};

const ASSIGNMENT: Middle = Middle {
    class: Class::Assignment,
    matches: |n| n.kind == Kind::Assignment,
    valid_before: |n| n.kind != Kind::Keyword,
    valid_after: |n| n.is_some_and(|n| n.kind != Kind::Keyword),
    range: |list, before, at, after| {
        let after = after.unwrap_or(at);
        let end = list.find(after + 1, |n| n.matches(Kind::Punctuation, &[";"]));
        (before, end.unwrap_or(after))
    },
    extend: true,
    recurse: true,
};

fn listed(n: &Node<'_>) -> bool {
    n.kind.is_value()
        || matches!(n.kind, Kind::Keyword | Kind::Wildcard)
        || matches!(
            n.class,
            Class::Function
                | Class::Case
                | Class::Identifier
                | Class::Comparison
                | Class::IdentifierList
                | Class::Operation
        )
}

const IDENTIFIER_LIST: Middle = Middle {
    class: Class::IdentifierList,
    matches: |n| n.matches(Kind::Punctuation, &[","]),
    valid_before: listed,
    valid_after: |n| n.is_some_and(listed),
    range: all_three,
    extend: true,
    recurse: true,
};

fn comments(list: &mut Node<'_>) -> Done {
    let mut from = 0;
    while let Some(start) = list.find(from, |n| n.kind == Kind::Comment) {
        let Some(end) = list.find(start, |n| n.kind != Kind::Comment && n.kind != Kind::Newline) else {
            break;
        };
        join(list, Class::Comment, start, end - 1, false)?;
        from = start + 1;
    }
    Ok(())
}

fn over(list: &mut Node<'_>) -> Done {
    let mut from = 0;
    while let Some(start) = list.find(from, |n| n.matches(Kind::Keyword, &["OVER"])) {
        if let Some(next) = list.next(start + 1)
            && (list.children[next].class == Class::Parenthesis || list.children[next].kind.is_name())
        {
            join(list, Class::Over, start, next, false)?;
        }
        from = start + 1;
    }
    Ok(())
}

fn functions(list: &mut Node<'_>) -> Done {
    let has = |word: &str| list.children.iter().any(|c| c.text().eq_ignore_ascii_case(word));
    if has("CREATE") && has("TABLE") && !has("AS") {
        return Ok(());
    }
    let mut from = 0;
    while let Some(start) = list.find(from, |n| n.kind.is_name()) {
        if let Some(next) = list.next(start + 1)
            && list.children[next].class == Class::Parenthesis
        {
            let over = list.next(next + 1).filter(|o| list.children[*o].class == Class::Over);
            join(list, Class::Function, start, over.unwrap_or(next), false)?;
        }
        from = start + 1;
    }
    Ok(())
}

fn wheres(list: &mut Node<'_>) -> Done {
    const CLOSE: [&str; 10] = [
        "ORDER BY",
        "GROUP BY",
        "LIMIT",
        "UNION",
        "UNION ALL",
        "EXCEPT",
        "INTERSECT",
        "HAVING",
        "RETURNING",
        "INTO",
    ];
    let bracketed = matches!(list.class, Class::Parenthesis | Class::SquareBrackets);
    let mut from = 0;
    while let Some(start) = list.find(from, |n| n.matches(Kind::Keyword, &["WHERE"])) {
        let last = list.children.len() - if bracketed { 2 } else { 1 };
        let close = list.find(start + 1, |n| n.matches(Kind::Keyword, &CLOSE));
        join(list, Class::Where, start, close.map_or(last, |c| c - 1).max(start), false)?;
        from = start + 1;
    }
    Ok(())
}

fn identifiers(list: &mut Node<'_>) -> Done {
    let mut from = 0;
    while let Some(at) = list.find(from, |n| matches!(n.kind, Kind::Symbol | Kind::Name)) {
        join(list, Class::Identifier, at, at, false)?;
        from = at + 1;
    }
    Ok(())
}

fn orders(list: &mut Node<'_>) -> Done {
    let mut from = 0;
    while let Some(mut at) = list.find(from, |n| n.kind == Kind::Order) {
        if let Some(previous) = list.previous(at)
            && (list.children[previous].class == Class::Identifier
                || list.children[previous].kind.is_number())
        {
            join(list, Class::Identifier, previous, at, false)?;
            at = previous;
        }
        from = at + 1;
    }
    Ok(())
}

fn aliased(list: &mut Node<'_>) -> Done {
    let may = |n: &Node<'_>| {
        n.kind.is_number()
            || matches!(
                n.class,
                Class::Parenthesis
                    | Class::Function
                    | Class::Case
                    | Class::Identifier
                    | Class::Operation
                    | Class::Comparison
            )
    };
    let mut from = 0;
    while let Some(at) = list.find(from, may) {
        if let Some(next) = list.next(at + 1)
            && list.children[next].class == Class::Identifier
        {
            join(list, Class::Identifier, at, next, true)?;
        }
        from = at + 1;
    }
    Ok(())
}

fn align_comments(list: &mut Node<'_>) -> Done {
    let mut from = 0;
    while let Some(mut at) = list.find(from, |n| n.class == Class::Comment) {
        if let Some(previous) = list.previous(at)
            && list.children[previous].is_group()
        {
            let class = list.children[previous].class;
            join(list, class, previous, at, true)?;
            at = previous;
        }
        from = at + 1;
    }
    Ok(())
}

fn values(list: &mut Node<'_>) -> Done {
    let Some(start) = list.find(0, |n| n.matches(Kind::Keyword, &["VALUES"])) else { return Ok(()) };
    let end = (start..list.children.len()).rev().find(|i| list.children[*i].class == Class::Parenthesis);
    end.map_or(Ok(()), |end| join(list, Class::Values, start, end, true))
}
