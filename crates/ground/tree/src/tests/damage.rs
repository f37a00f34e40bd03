//! What is no node is told from one.

use proptest::prelude::*;
use types::Digest;

use super::{Model, built, item, model, reachable};
use crate::{Error, Memory, Node, Nodes as _, empty, get};

proptest! {
    #[test]
    fn every_byte_counts(model in model(60), place in any::<prop::sample::Index>(), bit in 0..8_u8) {
        prop_assume!(!model.is_empty());
        let nodes = Memory::default();
        let root = nodes.load(&built(&nodes, &model)).unwrap();
        let mut bytes = root.bytes().to_vec();
        prop_assert!(Node::decode(&root.id(), bytes.clone()).is_ok());
        let at = place.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let damaged = matches!(Node::decode(&root.id(), bytes.clone()), Err(Error::Damaged { .. }));
        prop_assert!(damaged);
        // With a digest that fits it is either refused or a node that can be read without harm.
        if let Ok(node) = Node::decode(&Digest::of(&bytes), bytes) {
            node.children();
            node.for_each(|_, _, _| {});
        }
    }

    #[test]
    fn no_bytes_harm_the_decoder(mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if bytes.len() > 6 {
            (bytes[0], bytes[1]) = (1, bytes[1] % 2);
            bytes[3..6].fill(0);
            bytes[2] %= 8;
        }
        if let Ok(node) = Node::decode(&Digest::of(&bytes), bytes) {
            node.children();
            node.for_each(|_, _, _| {});
        }
    }

    #[test]
    fn a_cut_node_is_refused(model in model(60), cut in any::<prop::sample::Index>()) {
        prop_assume!(!model.is_empty());
        let nodes = Memory::default();
        let root = nodes.load(&built(&nodes, &model)).unwrap();
        let bytes = &root.bytes()[..cut.index(root.bytes().len())];
        prop_assert!(Node::decode(&Digest::of(bytes), bytes).is_err());
    }
}

#[test]
fn a_node_of_another_version_is_refused_by_number() {
    let bytes = [9, 0, 1, 0, 0, 0, 0, 0, 0, 0];
    let error = Node::decode(&Digest::of(bytes), bytes).unwrap_err().to_string();
    assert!(error.ends_with("it has version 9; this program reads version 1"), "{error}");
}

#[test]
fn a_missing_node_is_named() {
    let nodes = Memory::default();
    let root = Digest::of("lost");
    assert_eq!(get(&nodes, &root, b"a").unwrap_err(), Error::Missing(root));
}

#[test]
fn a_child_of_a_wrong_level_is_damage() {
    let nodes = Memory::default();
    let model: Model = (0..400).map(|n| (format!("{n:04}").into_bytes(), item("v", 1))).collect();
    let root = built(&nodes, &model);
    // An inner node whose child is a node of its own level.
    let mut bytes = nodes.load(&root).unwrap().bytes().to_vec();
    let child = *nodes.load(&root).unwrap().children()[0].as_bytes();
    let other = reachable(&nodes, &root)
        .into_iter()
        .find(|id| nodes.load(id).unwrap().level() + 1 != nodes.load(&root).unwrap().level())
        .unwrap();
    let at = bytes.windows(32).position(|window| window == child).unwrap();
    bytes[at..at + 32].copy_from_slice(other.as_bytes());
    let id = Digest::of(&bytes);
    nodes.keep(crate::NewNodes(vec![(id, bytes)])).unwrap();
    assert!(matches!(get(&nodes, &id, b"").unwrap_err(), Error::Damaged { id, .. } if id == other));
}

#[test]
fn the_empty_root_is_fixed() {
    assert_eq!(
        empty().to_string(),
        "sha256:36c159d76b52e03e496363607c5940227f62f4e048df344b050159bc97bba3d7"
    );
}
