//! Trees as they are: nodes of full size.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashSet;
use std::time::Instant;

use mlwright_tree::{Item, Memory, Nodes as _, Totals, apply, diff, digest, empty, get, merge, scan, totals};
use types::Digest;

/// What repositories hold: a path, and about a hundred bytes that hardly compress.
fn entry(n: u64) -> (Vec<u8>, Item) {
    let key = format!("data/train/shard-{:04}/image-{n:08}.jpg", n / 2500).into_bytes();
    let digest = Digest::of(n.to_le_bytes());
    let mut value = vec![1, 0];
    value.extend_from_slice(digest.as_bytes());
    value.extend_from_slice(&digest.as_bytes()[..16]);
    value.extend_from_slice(&n.to_le_bytes());
    value.extend_from_slice(b"\x01\x0aimage/jpeg\x00\x00");
    (key, Item { value, weight: 1000 + n % 1000 })
}

fn built(nodes: &Memory, count: u64) -> Digest {
    let mut root = empty();
    for start in (0..count).step_by(50_000) {
        let batch = (start..count.min(start + 50_000)).map(entry);
        let (next, new) = apply(nodes, &root, batch.map(|(key, item)| (key, Some(item))).collect()).unwrap();
        nodes.keep(new).unwrap();
        root = next;
    }
    root
}

/// Of each level from the leaves: how many nodes, and their bytes.
fn levels(nodes: &Memory, root: &Digest) -> Vec<(usize, usize)> {
    let mut found = vec![(0, 0); usize::from(nodes.load(root).unwrap().level()) + 1];
    let (mut seen, mut pending) = (HashSet::new(), vec![*root]);
    while let Some(id) = pending.pop() {
        if seen.insert(id) {
            let node = nodes.load(&id).unwrap();
            let level = &mut found[usize::from(node.level())];
            *level = (level.0 + 1, level.1 + node.bytes().len());
            pending.extend(node.children());
        }
    }
    found
}

/// Stored trees are read for ever, and the same content must find the same nodes again: these never change.
#[test]
fn the_root_of_known_content_is_fixed() {
    let nodes = Memory::default();
    let root = built(&nodes, 20_000);
    assert_eq!(root.hex(), "b3d679ef106d5be8494112bfb75617914a9f55182d8bfda07918b0a89b7205db");
    assert_eq!(levels(&nodes, &root), [(22, 1_691_442), (1, 1_181)]);
}

#[test]
fn leaves_are_about_as_large_as_they_should_be() {
    let nodes = Memory::default();
    let root = built(&nodes, 100_000);
    let levels = levels(&nodes, &root);
    let (leaves, bytes) = levels[0];
    assert!((60_000..200_000).contains(&(bytes / leaves)), "{levels:?}");
}

/// Keys that an attacker would choose: those whose hash ends no node of ordinary size.
#[test]
fn an_entry_in_front_of_crafted_keys_moves_few_boundaries() {
    let nodes = Memory::default();
    let is_high = |key: &[u8]| Digest::of([&[0], key].concat()).as_bytes()[0] >= 0xc0;
    let chosen =
        (0..200_000).map(|n| (format!("{n:08}").into_bytes(), Some(Item { value: vec![1; 40], weight: 1 })));
    let chosen: Vec<_> = chosen.filter(|(key, _)| is_high(key)).collect();
    let (root, new) = apply(&nodes, &empty(), chosen).unwrap();
    nodes.keep(new).unwrap();
    let leaves = levels(&nodes, &root)[0].0;
    assert!(leaves > 15, "{leaves}");
    let first = (b"!".to_vec(), Some(Item { value: vec![1; 40], weight: 1 }));
    let (_, new) = apply(&nodes, &root, vec![first]).unwrap();
    assert!(new.0.len() < leaves / 2, "{} of {leaves} nodes are new", new.0.len());
}

/// `cargo test --release -p mlwright-tree --test scale -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn a_million_entries() {
    let nodes = Memory::default();
    let count = 1_000_000;
    let timed =
        |what: &str, start: Instant| println!("{what}: {:.3} ms", start.elapsed().as_secs_f64() * 1e3);

    let start = Instant::now();
    let root = built(&nodes, count);
    timed("build 1,000,000", start);
    for (level, (nodes, bytes)) in levels(&nodes, &root).into_iter().enumerate() {
        println!("level {level}: {nodes} nodes, {} bytes each", bytes / nodes);
    }

    let change = |n: u64, mark: u8| {
        let (key, mut item) = entry(n);
        item.value[5] = mark;
        (key, Some(item))
    };
    let scattered =
        |many: u64, mark: u8| (0..many).map(|i| change(i * (count / many), mark)).collect::<Vec<_>>();
    let mut roots = vec![];
    for many in [1, 10, 100, 1000, 10_000] {
        let changes = scattered(many, 9);
        let start = Instant::now();
        let (next, new) = apply(&nodes, &root, changes).unwrap();
        let bytes: usize = new.0.iter().map(|(_, bytes)| bytes.len()).sum();
        timed(&format!("apply {many}: {} nodes, {bytes} bytes", new.0.len()), start);
        nodes.keep(new).unwrap();
        roots.push(next);
    }
    for (many, other) in [1, 10, 100, 1000, 10_000].into_iter().zip(&roots) {
        let start = Instant::now();
        assert_eq!(diff(&nodes, &root, other, b"", b"").unwrap().count(), many);
        timed(&format!("diff {many}"), start);
    }
    let start = Instant::now();
    assert_eq!(merge(&nodes, &root, &roots[0], &roots[1]).unwrap().count(), 10);
    timed("merge 10", start);

    let start = Instant::now();
    for n in 0..100_000 {
        let key = entry(n * 7919 % count).0;
        assert!(get(&nodes, &root, &key).unwrap().is_some());
    }
    timed("get 100,000", start);
    let start = Instant::now();
    let mut all = scan(&nodes, &root, b"", b"").unwrap();
    let mut found = 0;
    while let Some(entry) = all.peek().unwrap() {
        found += entry.value.len();
        all.pass();
    }
    timed(&format!("scan ({found} bytes)"), start);

    let start = Instant::now();
    let of_prefix = totals(&nodes, &root, b"data/train/shard-0123/").unwrap();
    timed("totals of a prefix", start);
    assert_eq!(of_prefix.count, 2500);
    let start = Instant::now();
    digest(&nodes, &root, b"data/train/shard-01").unwrap();
    timed("digest of a prefix", start);
    assert_eq!(
        totals(&nodes, &root, b"").unwrap(),
        Totals { count, weight: nodes.load(&root).unwrap().totals().weight }
    );
}
