//! The machinery of `sqlparse.engine.grouping`: how adjacent nodes become a group.

use super::{Class, Kind, Node, TooComplex};

/// `MAX_GROUPING_DEPTH` and `MAX_GROUPING_TOKENS`.
const DEPTH: usize = 100;
const TOKENS: usize = 10_000;

fn check(list: &Node<'_>, depth: usize) -> Result<(), TooComplex> {
    if depth > DEPTH || list.children.len() > TOKENS { Err(TooComplex) } else { Ok(()) }
}

/// Replaces the children from `start` to `end` (inclusive) by a group of them. With `extend`, a group of the class
/// that stands at `start` takes the others in.
pub(super) fn join(
    list: &mut Node<'_>,
    class: Class,
    start: usize,
    end: usize,
    extend: bool,
) -> Result<(), TooComplex> {
    if extend && list.children[start].class == class {
        let rest: Vec<_> = list.children.drain(start + 1..=end).collect();
        list.children[start].extend(rest);
    } else if start == end {
        let one = std::mem::replace(&mut list.children[start], Node::group(class, Vec::new()));
        list.children[start] = Node::group(class, vec![one]);
    } else {
        let inner: Vec<_> = list.children.drain(start..=end).collect();
        list.children.insert(start, Node::group(class, inner));
    }
    // A deeper tree is refused by the pass after this one; refusing now keeps every tree shallow.
    if list.children[start].height > DEPTH { Err(TooComplex) } else { Ok(()) }
}

/// What opens and what closes a group.
pub(super) struct Pair {
    pub class: Class,
    pub kind: Kind,
    pub open: &'static [&'static str],
    pub close: &'static [&'static str],
}

/// `_group_matching`: groups what stands between an opening and its closing.
pub(super) fn pairs(list: &mut Node<'_>, pair: &Pair, depth: usize) -> Result<(), TooComplex> {
    check(list, depth)?;
    let mut opens = Vec::new();
    let mut at = 0;
    while at < list.children.len() {
        let child = &mut list.children[at];
        if child.is_whitespace() {
            // Nothing to do.
        } else if child.is_group() && child.class != pair.class {
            pairs(child, pair, depth + 1)?;
        } else if child.matches(pair.kind, pair.open) {
            opens.push(at);
        } else if child.matches(pair.kind, pair.close)
            && let Some(open) = opens.pop()
        {
            join(list, pair.class, open, at, false)?;
            at = open;
        }
        at += 1;
    }
    Ok(())
}

/// A rule that joins nodes around a middle one, such as `x < y`.
pub(super) struct Middle {
    pub class: Class,
    pub matches: fn(&Node<'_>) -> bool,
    pub valid_before: fn(&Node<'_>) -> bool,
    pub valid_after: fn(Option<&Node<'_>>) -> bool,
    /// First and last child of the group, given the places of the three.
    pub range: fn(&Node<'_>, usize, usize, Option<usize>) -> (usize, usize),
    pub extend: bool,
    pub recurse: bool,
}

/// Upstream's `_is_delimiter`: brackets are never part of a group inside them.
fn delimits(list: &Node<'_>, node: &Node<'_>) -> bool {
    let delimited = matches!(
        list.class,
        Class::Parenthesis | Class::SquareBrackets | Class::Case | Class::If | Class::For | Class::Begin
    );
    delimited && [list.children.first(), list.children.last()].iter().flatten().any(|c| c.is(node))
}

/// `_group`. It walks the children as they were at its start, also those that a group has taken in since.
pub(super) fn around(list: &mut Node<'_>, rule: &Middle, depth: usize) -> Result<(), TooComplex> {
    check(list, depth)?;
    let heads: Vec<_> = list.children.iter().map(Node::head).collect();
    let mut gone = 0;
    let mut previous: Option<(usize, Node<'_>)> = None;
    // Up to here, the children's children have been seen to.
    let mut seen = 0;
    for (index, head) in heads.iter().enumerate() {
        let Some(at) = index.checked_sub(gone) else { continue };
        if head.is_whitespace() {
            continue;
        }
        if index >= seen {
            inside(list, rule, at, depth)?;
        }
        if (rule.matches)(head) {
            let next = list.next(at + 1);
            let after = next.map(|n| list.children[n].head());
            if let Some((before_at, before)) = &previous
                && (rule.valid_before)(before)
                && (rule.valid_after)(after.as_ref())
                && !delimits(list, before)
                && !after.as_ref().is_some_and(|a| delimits(list, a))
            {
                let (from, to) = (rule.range)(list, *before_at, at, next);
                // They are about to be taken in: their turn comes now.
                for inner in at + 1..=to {
                    inside(list, rule, inner, depth)?;
                }
                seen = seen.max(to + gone + 1);
                join(list, rule.class, from, to, rule.extend)?;
                gone += to - from;
                previous = Some((from, list.children[from].head()));
                continue;
            }
        }
        previous = Some((at, head.clone()));
    }
    Ok(())
}

fn inside(list: &mut Node<'_>, rule: &Middle, at: usize, depth: usize) -> Result<(), TooComplex> {
    match list.children.get_mut(at) {
        Some(child) if rule.recurse && child.is_group() && child.class != rule.class => {
            around(child, rule, depth + 1)
        }
        _ => Ok(()),
    }
}

/// `@recurse(class)`: the groups inside first, but not those of `except`.
pub(super) fn deep(
    list: &mut Node<'_>,
    except: Option<Class>,
    pass: fn(&mut Node<'_>) -> Result<(), TooComplex>,
) -> Result<(), TooComplex> {
    for child in &mut list.children {
        if child.is_group() && Some(child.class) != except {
            deep(child, except, pass)?;
        }
    }
    pass(list)
}
