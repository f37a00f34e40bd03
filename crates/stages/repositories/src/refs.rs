//! Ref expressions: lakeFS's grammar (`pkg/graveler/ref/parse_ref.go`).

use crate::Error;

/// Leads to the tree of a frozen candidate, while gates look at it.
pub(crate) const CANDIDATE: &str = "candidate:";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Modifier {
    /// `~n`: n first parents back.
    Back(usize),
    /// `^n`: the nth parent; `^0` is the commit itself.
    Parent(usize),
    /// `@`: what is committed only.
    Committed,
    /// `$`: what is staged only.
    Staged,
}

/// A name and what follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expression {
    pub base: String,
    pub modifiers: Vec<Modifier>,
}

/// Errors: `BadRef`.
pub(crate) fn parse(text: &str) -> Result<Expression, Error> {
    let bad = |what| Error::BadRef(text.to_owned(), what);
    if text.is_empty() || text.chars().any(char::is_whitespace) {
        return Err(bad("it is empty or has white space"));
    }
    let special = |c: char| matches!(c, '~' | '^' | '@' | '$');
    let end = text.find(special).unwrap_or(text.len());
    let (base, mut rest) = text.split_at(end);
    if base.is_empty() {
        return Err(bad("it names nothing"));
    }
    let mut modifiers = Vec::new();
    while let Some(kind) = rest.chars().next() {
        let next = rest[1..].find(special).map_or(rest.len(), |at| at + 1);
        let count = &rest[1..next];
        rest = &rest[next..];
        let number = || match count {
            "" => Ok(1),
            _ if count.bytes().all(|b| b.is_ascii_digit()) => {
                count.parse().map_err(|_| bad("its number is too large"))
            }
            _ => Err(bad("a number goes with ~ and ^")),
        };
        modifiers.push(match kind {
            '~' => Modifier::Back(number()?),
            '^' => Modifier::Parent(number()?),
            _ if !count.is_empty() => return Err(bad("nothing goes with @ and $")),
            '@' => Modifier::Committed,
            _ => Modifier::Staged,
        });
    }
    Ok(Expression { base: base.to_owned(), modifiers })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_a_name_with_modifiers() {
        let parsed = |text: &str| {
            let e = parse(text).unwrap();
            (e.base, e.modifiers)
        };
        assert_eq!(parsed("main"), ("main".into(), vec![]));
        assert_eq!(parsed("main~"), ("main".into(), vec![Modifier::Back(1)]));
        assert_eq!(
            parsed("v1.0~2^3^0"),
            ("v1.0".into(), vec![Modifier::Back(2), Modifier::Parent(3), Modifier::Parent(0)])
        );
        assert_eq!(parsed("main@"), ("main".into(), vec![Modifier::Committed]));
        assert_eq!(parsed("main$"), ("main".into(), vec![Modifier::Staged]));
        for bad in ["", "~1", "main~x", "main@1", "main$2", "main ", "main~99999999999999999999999"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
