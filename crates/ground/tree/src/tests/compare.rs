//! Reads, diffs and merges against what a plain map says.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use types::Digest;

use super::{Model, built, changed, changes, item, key, model, with};
use crate::{
    Change, Error, Memory, Merge, Node, Nodes, Totals, diff, digest, empty, end_of_prefix, get, merge, scan,
    totals,
};

fn differences(left: &Model, right: &Model) -> Vec<Change> {
    let keys: BTreeSet<_> = left.keys().chain(right.keys()).collect();
    let change = |key: &&Vec<u8>| Change {
        key: (*key).clone(),
        left: left.get(*key).cloned(),
        right: right.get(*key).cloned(),
    };
    keys.iter().map(change).filter(|c| c.left != c.right).collect()
}

fn below(model: &Model, prefix: &[u8]) -> Model {
    model.iter().filter(|(key, _)| key.starts_with(prefix)).map(|(k, v)| (k.clone(), v.clone())).collect()
}

/// Prefixes that many keys have, and others.
fn prefix() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (0..7_u8).prop_map(|dir| format!("data/part-{dir}/").into_bytes()),
        (0..7_u8, 0..5_u16).prop_map(|(dir, n)| format!("data/part-{dir}/{n:03}").into_bytes()),
        (key(), any::<prop::sample::Index>()).prop_map(|(mut key, cut)| {
            key.truncate(cut.index(key.len() + 1));
            key
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_tree_reads_like_a_map(
        model in model(600), prefix in prefix(), from in key(), probes in proptest::collection::vec(key(), 20),
    ) {
        let nodes = Memory::default();
        let root = built(&nodes, &model);
        for probe in probes.iter().chain(model.keys().step_by(7)) {
            prop_assert_eq!(get(&nodes, &root, probe).unwrap(), model.get(probe).cloned());
        }
        let scanned: Vec<_> = scan(&nodes, &root, &prefix, &from).unwrap().map(Result::unwrap).collect();
        let expected: Vec<_> = below(&model, &prefix).into_iter().filter(|(key, _)| *key >= from).collect();
        prop_assert_eq!(scanned, expected);

        let mut seeks = probes;
        seeks.sort();
        let mut seeking = scan(&nodes, &root, b"", b"").unwrap();
        for probe in &seeks {
            seeking.seek(probe).unwrap();
            let expected = model.range(probe.clone()..).next().map(|(key, _)| key.as_slice());
            prop_assert_eq!(seeking.peek().unwrap().map(|entry| entry.key), expected);
        }
    }

    #[test]
    fn totals_and_digest_of_a_prefix_are_those_of_its_keys_alone(model in model(600), prefix in prefix()) {
        let nodes = Memory::default();
        let root = built(&nodes, &model);
        let subset = below(&model, &prefix);
        let expected = Totals {
            count: subset.len() as u64,
            weight: subset.values().map(|item| item.weight).sum(),
        };
        prop_assert_eq!(totals(&nodes, &root, &prefix).unwrap(), expected);
        prop_assert_eq!(digest(&nodes, &root, &prefix).unwrap(), built(&Memory::default(), &subset));
    }

    #[test]
    fn a_diff_tells_each_key_that_differs(
        left in model(500), edits in changes(60), prefix in prefix(), from in key(),
    ) {
        let nodes = Memory::default();
        let right = with(&left, &edits);
        let (l, r) = (built(&nodes, &left), built(&nodes, &right));
        let found: Vec<_> = diff(&nodes, &l, &r, b"", b"").unwrap().map(Result::unwrap).collect();
        let expected = differences(&left, &right);
        prop_assert_eq!(&found, &expected);
        let found: Vec<_> = diff(&nodes, &l, &r, &prefix, &from).unwrap().map(Result::unwrap).collect();
        let expected: Vec<_> =
            expected.into_iter().filter(|c| c.key.starts_with(&prefix) && c.key >= from).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn a_diff_of_unlike_trees_is_right_too(left in model(300), right in model(40)) {
        let nodes = Memory::default();
        let (l, r) = (built(&nodes, &left), built(&nodes, &right));
        let found: Vec<_> = diff(&nodes, &l, &r, b"", b"").unwrap().map(Result::unwrap).collect();
        prop_assert_eq!(found, differences(&left, &right));
        let found: Vec<_> = diff(&nodes, &r, &l, b"", b"").unwrap().map(Result::unwrap).collect();
        prop_assert_eq!(found, differences(&right, &left));
    }

    #[test]
    fn a_merge_tells_what_theirs_changed_beside_ours(
        base in model(500), mine in changes(60), yours in changes(60),
    ) {
        let nodes = Memory::default();
        let (ours, theirs) = (with(&base, &mine), with(&base, &yours));
        let roots = [&base, &ours, &theirs].map(|model| built(&nodes, model));
        let found: Vec<_> =
            merge(&nodes, &roots[0], &roots[1], &roots[2]).unwrap().map(Result::unwrap).collect();
        let expected: Vec<_> = differences(&base, &theirs)
            .into_iter()
            .map(|c| Merge { ours: ours.get(&c.key).cloned(), key: c.key, base: c.left, theirs: c.right })
            .collect();
        prop_assert_eq!(found, expected);
    }
}

/// Counts what is asked of it.
struct Counting<'a>(&'a Memory, AtomicUsize);

impl Nodes for Counting<'_> {
    fn load(&self, id: &Digest) -> Result<Arc<Node>, Error> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.load(id)
    }
}

#[test]
fn a_diff_reads_what_changed_and_not_the_whole() {
    let nodes = Memory::default();
    let model: Model = (0..20_000).map(|n| (format!("{n:06}").into_bytes(), item("v", 1))).collect();
    let left = built(&nodes, &model);
    let mut right = left;
    for key in [&b"000007x"[..], b"012000", b"019999"] {
        right = changed(&nodes, &right, vec![(key.to_vec(), Some(item("w", 2)))]);
    }
    let counting = Counting(&nodes, AtomicUsize::new(0));
    assert_eq!(diff(&counting, &left, &right, b"", b"").unwrap().count(), 3);
    let read = counting.1.load(Ordering::Relaxed);
    let height = usize::from(nodes.load(&left).unwrap().level());
    assert!(read <= 3 * 3 * (height + 1), "{read} of {} nodes, {height} levels", nodes.len());

    let counting = Counting(&nodes, AtomicUsize::new(0));
    assert_eq!(merge(&counting, &left, &left, &right).unwrap().count(), 3);
    assert!(counting.1.load(Ordering::Relaxed) <= 4 * 3 * (height + 1));

    let counting = Counting(&nodes, AtomicUsize::new(0));
    digest(&counting, &left, b"01").unwrap();
    totals(&counting, &left, b"01").unwrap();
    // Each level is walked to from the root.
    let read = counting.1.load(Ordering::Relaxed);
    assert!(read <= 4 * (height + 1) * (height + 1), "{read} of {} nodes, {height} levels", nodes.len());
}

#[test]
fn the_empty_tree_needs_no_nodes() {
    let nodes = Memory::default();
    assert_eq!(get(&nodes, &empty(), b"a").unwrap(), None);
    assert_eq!(scan(&nodes, &empty(), b"", b"").unwrap().count(), 0);
    assert_eq!(totals(&nodes, &empty(), b"a").unwrap(), Totals::default());
    assert_eq!(digest(&nodes, &empty(), b"a").unwrap(), empty());
    let some = built(&nodes, &Model::from([(b"a".to_vec(), item("1", 1))]));
    assert_eq!(diff(&nodes, &empty(), &some, b"", b"").unwrap().count(), 1);
    assert_eq!(diff(&nodes, &some, &empty(), b"a", b"a").unwrap().count(), 1);
    assert_eq!(merge(&nodes, &empty(), &empty(), &some).unwrap().count(), 1);
}

#[test]
fn the_end_of_a_prefix_is_above_all_that_have_it() {
    assert_eq!(end_of_prefix(b"a/"), Some(b"a0".to_vec()));
    assert_eq!(end_of_prefix(b"a\xff\xff"), Some(b"b".to_vec()));
    assert_eq!(end_of_prefix(b""), None);
    assert_eq!(end_of_prefix(b"\xff"), None);
}
