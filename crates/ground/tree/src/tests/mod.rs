//! Against a plain ordered map, with nodes so small that a few hundred keys make trees of several levels.

mod compare;
mod damage;
mod history;

use std::collections::BTreeMap;

use proptest::prelude::*;
use types::Digest;

use crate::{Item, Memory, Nodes, apply, empty};

pub(crate) type Model = BTreeMap<Vec<u8>, Item>;

pub(crate) fn item(value: impl Into<Vec<u8>>, weight: u64) -> Item {
    Item { value: value.into(), weight }
}

/// Of one go.
pub(crate) fn built(nodes: &Memory, model: &Model) -> Digest {
    changed(nodes, &empty(), model.iter().map(|(key, item)| (key.clone(), Some(item.clone()))).collect())
}

pub(crate) fn changed(nodes: &Memory, root: &Digest, changes: Vec<(Vec<u8>, Option<Item>)>) -> Digest {
    let (root, new) = apply(nodes, root, changes).unwrap();
    nodes.keep(new).unwrap();
    root
}

/// All nodes that a root reaches, each once.
pub(crate) fn reachable(nodes: &dyn Nodes, root: &Digest) -> Vec<Digest> {
    let mut found = Vec::new();
    let mut pending = vec![*root];
    while let Some(id) = pending.pop() {
        if id != empty() && !found.contains(&id) {
            found.push(id);
            pending.extend(nodes.load(&id).unwrap().children());
        }
    }
    found
}

/// Paths with much in common, some binary, some the start of others.
pub(crate) fn key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => (0..6_u8, 0..400_u16).prop_map(|(dir, n)| format!("data/part-{dir}/{n:05}.jpg").into_bytes()),
        1 => proptest::collection::vec(any::<u8>(), 0..5),
        1 => "[a-c/]{0,6}".prop_map(String::into_bytes),
        1 => proptest::collection::vec(prop_oneof![Just(0xff_u8), Just(b'/')], 0..40),
    ]
}

pub(crate) fn value() -> impl Strategy<Value = Item> {
    let length = prop_oneof![20 => 0..40_usize, 1 => 500..3000_usize];
    (length, any::<u8>(), 0..1_000_000_u64)
        .prop_map(|(length, byte, weight)| Item { value: vec![byte; length], weight })
}

pub(crate) fn model(most: usize) -> impl Strategy<Value = Model> {
    proptest::collection::btree_map(key(), value(), 0..most)
}

/// `None` removes.
pub(crate) fn changes(most: usize) -> impl Strategy<Value = BTreeMap<Vec<u8>, Option<Item>>> {
    proptest::collection::btree_map(key(), proptest::option::weighted(0.6, value()), 0..most)
}

pub(crate) fn with(model: &Model, changes: &BTreeMap<Vec<u8>, Option<Item>>) -> Model {
    let mut model = model.clone();
    for (key, item) in changes {
        match item {
            Some(item) => model.insert(key.clone(), item.clone()),
            None => model.remove(key),
        };
    }
    model
}
