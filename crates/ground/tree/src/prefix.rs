//! What is below a prefix, as a whole.

use std::sync::Arc;

use types::Digest;

use crate::level::{child, root};
use crate::node::Node;
use crate::position::Position;
use crate::splice::{Splice, To, splice};
use crate::{Error, Item, Nodes, Totals};

/// The least key that is above all keys with `prefix`; `None` where no key is.
pub fn end_of_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

/// How many keys have `prefix`, and their weight. Reads the nodes at the two ends only.
pub fn totals(nodes: &dyn Nodes, id: &Digest, prefix: &[u8]) -> Result<Totals, Error> {
    let node = root(nodes, id)?;
    if prefix.is_empty() {
        return Ok(node.totals());
    }
    sum(nodes, &node, Some(prefix), end_of_prefix(prefix).as_deref())
}

/// Of the keys of `node` that are not below `from` and below `end`, where these are given.
fn sum(
    nodes: &dyn Nodes,
    node: &Arc<Node>,
    from: Option<&[u8]>,
    end: Option<&[u8]>,
) -> Result<Totals, Error> {
    let mut totals = Totals::default();
    let mut at = Position::at_or_after(node, from.unwrap_or_default());
    let mut is_first = true;
    while !at.is_end(node) {
        if node.level() == 0 {
            if end.is_some_and(|end| at.key.as_slice() >= end) {
                break;
            }
            totals.add(Totals { count: 1, weight: at.value(node).1 });
            at.advance(node);
            continue;
        }
        // Keys of a child are above the last of the child before it.
        let from = from.filter(|_| is_first);
        let is_last = end.is_some_and(|end| at.key.as_slice() >= end);
        if from.is_none() && !is_last {
            totals.add(at.child(node).1);
        } else {
            totals.add(sum(nodes, &child(nodes, node, &at)?, from, end.filter(|_| is_last))?);
        }
        if is_last {
            break;
        }
        is_first = false;
        at.advance(node);
    }
    Ok(totals)
}

/// The identity of the content below a prefix: the root of the tree that holds these keys alone. Reads and hashes the
/// nodes at the two ends only.
pub fn digest(nodes: &dyn Nodes, root: &Digest, prefix: &[u8]) -> Result<Digest, Error> {
    if prefix.is_empty() {
        return Ok(*root);
    }
    type Cut<'s> = Splice<'s, (Vec<u8>, Option<Item>)>;
    let end = end_of_prefix(prefix);
    let before = Cut { from: b"", to: To::Before(prefix), items: &[] };
    let after = end.as_deref().map(|end| Cut { from: end, to: To::End, items: &[] });
    let cuts: Vec<Cut<'_>> = [before].into_iter().chain(after).collect();
    Ok(splice(nodes, root, &cuts)?.0)
}
