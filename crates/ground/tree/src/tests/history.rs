//! Roots say what is in a tree and nothing else.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Model, built, changed, changes, item, model, reachable, value, with};
use crate::{Error, Memory, Nodes as _, apply, diff, empty, get, totals};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_order_and_batching_of_changes_gives_the_same_root(
        start in model(600),
        batches in proptest::collection::vec(changes(80), 0..8),
    ) {
        let nodes = Memory::default();
        let mut root = built(&nodes, &start);
        let mut content = start;
        for batch in &batches {
            root = changed(&nodes, &root, batch.clone().into_iter().collect());
            content = with(&content, batch);
            prop_assert_eq!(root, built(&Memory::default(), &content));
        }
        // One after the other, from the other end.
        let mut backwards = empty();
        for (key, item) in content.iter().rev() {
            backwards = changed(&nodes, &backwards, vec![(key.clone(), Some(item.clone()))]);
        }
        prop_assert_eq!(root, backwards);
    }

    #[test]
    fn other_values_of_keys_that_are_there_give_the_root_of_a_tree_made_anew(
        start in model(600),
        picks in proptest::collection::vec((any::<prop::sample::Index>(), value()), 1..40),
    ) {
        prop_assume!(!start.is_empty());
        let nodes = Memory::default();
        let root = built(&nodes, &start);
        let keys: Vec<_> = start.keys().collect();
        let edits: BTreeMap<_, _> =
            picks.into_iter().map(|(pick, item)| ((*pick.get(&keys)).clone(), Some(item))).collect();
        let content = with(&start, &edits);
        let after = changed(&nodes, &root, edits.clone().into_iter().collect());
        prop_assert_eq!(after, built(&Memory::default(), &content));
        // And what is read of it, and how it differs, is what was put there.
        for (key, item) in &edits {
            prop_assert_eq!(&get(&nodes, &after, key).unwrap(), item);
        }
        let found: Vec<_> = diff(&nodes, &root, &after, b"", b"").unwrap().map(|c| c.unwrap().key).collect();
        let expected: Vec<_> =
            edits.iter().filter(|(key, item)| start.get(*key) != item.as_ref()).map(|(key, _)| key.clone()).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn new_nodes_are_those_that_the_old_root_does_not_reach(start in model(600), batch in changes(60)) {
        let nodes = Memory::default();
        let root = built(&nodes, &start);
        let before = reachable(&nodes, &root);
        let (root, new) = apply(&nodes, &root, batch.into_iter().collect()).unwrap();
        let mut made: Vec<_> = new.0.iter().map(|(id, _)| *id).collect();
        nodes.keep(new).unwrap();
        let mut expected = reachable(&nodes, &root);
        expected.retain(|id| !before.contains(id));
        made.sort_unstable();
        expected.sort_unstable();
        prop_assert_eq!(made, expected);
    }

    #[test]
    fn removing_all_leaves_the_empty_tree(start in model(300)) {
        let nodes = Memory::default();
        let root = built(&nodes, &start);
        let (root, new) = apply(&nodes, &root, start.into_keys().map(|key| (key, None)).collect()).unwrap();
        prop_assert_eq!(root, empty());
        prop_assert!(new.0.is_empty());
    }
}

#[test]
fn a_change_that_changes_nothing_makes_no_node() {
    let nodes = Memory::default();
    let model: Model = (0..500).map(|n| (format!("{n:04}").into_bytes(), item("v", 1))).collect();
    let root = built(&nodes, &model);
    let same = vec![(b"0100".to_vec(), Some(item("v", 1))), (b"0100x".to_vec(), None)];
    let (after, new) = apply(&nodes, &root, same).unwrap();
    assert_eq!(after, root);
    assert!(new.0.is_empty());
}

#[test]
fn another_value_of_ordinary_size_moves_no_boundary() {
    let nodes = Memory::default();
    let model: Model = (0..2000).map(|n| (format!("{n:05}").into_bytes(), item("v", 1))).collect();
    let root = built(&nodes, &model);
    let count = reachable(&nodes, &root).len();
    for n in (0..2000).step_by(97) {
        let change = (format!("{n:05}").into_bytes(), Some(item(vec![7; n % 512], 3)));
        let (after, new) = apply(&nodes, &root, vec![change]).unwrap();
        assert!(new.0.len() <= usize::from(nodes.load(&root).unwrap().level()) + 1);
        nodes.keep(new).unwrap();
        assert_eq!(reachable(&nodes, &after).len(), count);
    }
}

#[test]
fn sums_that_are_as_high_as_they_go_stay_right_when_a_value_is_replaced() {
    let nodes = Memory::default();
    let heavy: Model =
        (0..300_u32).map(|n| (format!("{n:04}").into_bytes(), item("v", u64::MAX / 2))).collect();
    let root = built(&nodes, &heavy);
    let change = vec![(b"0100".to_vec(), Some(item("w", 1)))];
    let after = changed(&nodes, &root, change);
    let mut content = heavy;
    content.insert(b"0100".to_vec(), item("w", 1));
    assert_eq!(after, built(&Memory::default(), &content));
    assert_eq!(totals(&nodes, &after, b"").unwrap().weight, u64::MAX);
}

#[test]
fn changes_out_of_order_are_refused() {
    let twice = vec![(b"a".to_vec(), None), (b"a".to_vec(), None)];
    assert_eq!(apply(&Memory::default(), &empty(), twice).unwrap_err(), Error::Unsorted(b"a".to_vec()));
}

#[test]
fn keys_that_never_end_a_node_make_nodes_of_bounded_size() {
    // Of many keys, those that an attacker would choose: their hashes end no node of ordinary size.
    let nodes = Memory::default();
    let mut chosen = BTreeMap::new();
    for n in 0..60_000_u32 {
        let key = format!("{n:06}").into_bytes();
        let hash = types::Digest::of([&[0], key.as_slice()].concat());
        if hash.as_bytes()[0] > 0xf0 {
            chosen.insert(key, item("v", 1));
        }
    }
    let root = built(&nodes, &chosen);
    let leaves: Vec<_> = reachable(&nodes, &root)
        .into_iter()
        .map(|id| nodes.load(&id).unwrap())
        .filter(|node| node.level() == 0)
        .collect();
    assert!(leaves.iter().all(|leaf| leaf.entries() <= (4 << 11) / 133 + 1));
}
