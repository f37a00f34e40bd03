//! Adding up what spans used. Some instrumentations put the sum of its children on a parent, so a span counts only
//! if no span above it says anything: adding all of them would count twice.

use std::collections::{HashMap, HashSet};

use crate::model::{Cost, Usage};

/// What one span says, and where it stands in the tree.
#[derive(Clone, Debug)]
pub(crate) struct Node<T> {
    pub uid: String,
    pub parent: Option<String>,
    pub data: Option<T>,
}

/// The topmost values of the forest. Spans whose parents are not here are roots; cycles count nothing.
fn topmost<T: Copy>(nodes: &[Node<T>]) -> Vec<T> {
    let known: HashSet<&str> = nodes.iter().map(|n| n.uid.as_str()).collect();
    let mut children: HashMap<&str, Vec<&Node<T>>> = HashMap::new();
    let mut open = Vec::new();
    for node in nodes {
        match node.parent.as_deref().filter(|p| known.contains(p)) {
            Some(parent) => children.entry(parent).or_default().push(node),
            None => open.push(node),
        }
    }
    let mut found = Vec::new();
    while let Some(node) = open.pop() {
        match node.data {
            Some(data) => found.push(data),
            None => open.extend(children.get(node.uid.as_str()).into_iter().flatten()),
        }
    }
    found
}

/// None if no span says anything; then the three main counts are there even where they are zero.
pub(crate) fn usage(nodes: &[Node<Usage>]) -> Option<Usage> {
    let found = topmost(nodes);
    let sum =
        |get: fn(&Usage) -> Option<i64>| found.iter().filter_map(get).reduce(|a, b| a.saturating_add(b));
    (!found.is_empty()).then(|| Usage {
        input: sum(|u| u.input).or(Some(0)),
        output: sum(|u| u.output).or(Some(0)),
        total: sum(|u| u.total).or(Some(0)),
        cache_read: sum(|u| u.cache_read),
        cache_write: sum(|u| u.cache_write),
        cache_write_1h: sum(|u| u.cache_write_1h),
    })
}

pub(crate) fn cost(nodes: &[Node<Cost>]) -> Option<Cost> {
    let found = topmost(nodes);
    let sum = |get: fn(&Cost) -> Option<f64>| Some(found.iter().filter_map(get).sum());
    (!found.is_empty()).then(|| Cost {
        input: sum(|c| c.input),
        output: sum(|c| c.output),
        total: sum(|c| c.total),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(uid: &str, parent: Option<&str>, total: Option<i64>) -> Node<Usage> {
        let data = total.map(|total| Usage { total: Some(total), ..Usage::default() });
        Node { uid: uid.into(), parent: parent.map(Into::into), data }
    }

    #[test]
    fn a_parent_that_sums_its_children_counts_alone() {
        let nodes = [
            node("a", None, None),
            node("b", Some("a"), Some(10)),
            node("c", Some("b"), Some(4)),
            node("d", Some("b"), Some(6)),
            node("e", Some("a"), Some(3)),
            node("f", Some("elsewhere"), Some(1)),
        ];
        assert_eq!(usage(&nodes).map(|u| u.total), Some(Some(14)));
        assert_eq!(usage(&nodes[..1]), None);
    }

    #[test]
    fn a_cycle_and_a_deep_chain_end() {
        assert_eq!(usage(&[node("a", Some("b"), Some(1)), node("b", Some("a"), Some(1))]), None);
        let chain: Vec<_> = (0..100_000)
            .map(|i| {
                node(
                    &i.to_string(),
                    (i > 0).then(|| (i - 1).to_string()).as_deref(),
                    (i == 99_999).then_some(5),
                )
            })
            .collect();
        assert_eq!(usage(&chain).map(|u| (u.total, u.input)), Some((Some(5), Some(0))));
    }
}
