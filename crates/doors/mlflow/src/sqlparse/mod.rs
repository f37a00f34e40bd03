//! How upstream reads a filter or an ordering: with `sqlparse` (0.6.1), a lenient SQL parser whose oddities decide
//! what is accepted and how a refusal is worded. This module reads text the same way: tokens, then statements, then
//! groups; `filters` asks the groups what upstream asks of them.

mod group;
mod keywords;
mod lexer;
mod passes;
mod split;
mod token;

pub(crate) use token::{Class, Kind, Node};

/// The text cannot be read within `sqlparse`'s limits (100 levels, 10,000 tokens a group).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooComplex;

/// The statements of `text`; none if it is blank.
/// Errors: `TooComplex`. Time and memory are bounded by the text's length and those limits.
pub(crate) fn parse(text: &str) -> Result<Vec<Node<'_>>, TooComplex> {
    split::statements(lexer::tokens(text)?).into_iter().map(passes::group).collect()
}

#[cfg(test)]
mod tests;
