use std::sync::Arc;

use types::Digest;

use crate::node::{Node, empty};
use crate::position::Position;
use crate::{Error, Nodes};

/// A node and the child that a walk is in.
#[derive(Debug)]
pub(crate) struct Step {
    pub node: Arc<Node>,
    pub at: Position,
}

/// Walks forward over the nodes of one level of a tree.
pub(crate) struct Level<'a> {
    nodes: &'a dyn Nodes,
    level: u8,
    /// The inner nodes above the current node, from the root.
    stack: Vec<Step>,
    node: Arc<Node>,
}

/// The root node; the empty tree's is known.
pub(crate) fn root(nodes: &dyn Nodes, id: &Digest) -> Result<Arc<Node>, Error> {
    if *id == empty().id { Ok(Arc::clone(empty())) } else { nodes.load(id) }
}

/// The child at `at`, which must be a level below its parent.
pub(crate) fn child(nodes: &dyn Nodes, parent: &Node, at: &Position) -> Result<Arc<Node>, Error> {
    let (id, _) = at.child(parent);
    let node = nodes.load(&id)?;
    if node.level() + 1 != parent.level() {
        let what = format!("its level is {}, below a node of level {}", node.level(), parent.level());
        return Err(Error::damaged(&id, what));
    }
    Ok(node)
}

impl<'a> Level<'a> {
    /// At the first node of `level` whose last key is not below `key`; at the last node if there is none. `root`'s
    /// level is not below `level`.
    pub fn open(
        nodes: &'a dyn Nodes,
        root: &Arc<Node>,
        level: u8,
        key: Option<&[u8]>,
    ) -> Result<Self, Error> {
        let mut walk = Self { nodes, level, stack: Vec::new(), node: Arc::clone(root) };
        walk.descend(key)?;
        Ok(walk)
    }

    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// Of the current node.
    pub fn last_key(&self) -> &[u8] {
        self.node.last_key()
    }

    pub fn is_last(&self) -> bool {
        self.stack.iter().all(|step| step.at.is_last(&step.node))
    }

    /// Whether there was a next node to go to.
    pub fn next(&mut self) -> Result<bool, Error> {
        let Some(depth) = self.stack.iter().rposition(|step| !step.at.is_last(&step.node)) else {
            return Ok(false);
        };
        self.stack.truncate(depth + 1);
        let step = &mut self.stack[depth];
        step.at.advance(&step.node);
        self.node = child(self.nodes, &step.node, &step.at)?;
        self.descend(Some(b""))?;
        Ok(true)
    }

    /// Forward to the first node whose last key is not below `key`, or to the last node. `None`: to the last node.
    pub fn seek(&mut self, key: Option<&[u8]>) -> Result<(), Error> {
        let reaches = |last: &[u8]| key.is_some_and(|key| last >= key);
        if reaches(self.last_key()) {
            return Ok(());
        }
        // The lowest node above that reaches as far; the root where none does.
        let depth = self.stack.iter().rposition(|step| reaches(step.node.last_key())).unwrap_or(0);
        let is_lowest = depth + 1 == self.stack.len();
        let Some(step) = self.stack.get_mut(depth) else { return Ok(()) };
        let before = step.at.index;
        forward(step, key);
        if is_lowest && step.at.index == before {
            return Ok(()); // at the last node already
        }
        self.node = child(self.nodes, &step.node, &step.at)?;
        self.stack.truncate(depth + 1);
        self.descend(key)
    }

    /// From `self.node` down to the level.
    fn descend(&mut self, key: Option<&[u8]>) -> Result<(), Error> {
        while self.node.level() > self.level {
            let mut step = Step { at: Position::first(&self.node), node: Arc::clone(&self.node) };
            forward(&mut step, key);
            self.node = child(self.nodes, &step.node, &step.at)?;
            self.stack.push(step);
        }
        Ok(())
    }
}

fn forward(step: &mut Step, key: Option<&[u8]>) {
    match key {
        Some(key) if step.node.last_key() >= key => step.at.seek(&step.node, key),
        _ => step.at.go_last(&step.node),
    }
}
