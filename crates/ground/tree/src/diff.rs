//! Two trees side by side. Each side is a sequence of pieces, subtrees or entries; equal subtrees are passed over
//! whole, others are taken apart until entries are compared with entries.

use std::cmp::Ordering;
use std::sync::Arc;

use types::Digest;

use crate::level::{Step, child, root};
use crate::position::Position;
use crate::scan::item;
use crate::{Change, Error, Item, Nodes, end_of_prefix};

/// Lazily, in order of keys. After an error it is at its end.
pub struct Diff<'a> {
    left: Side<'a>,
    right: Side<'a>,
    is_done: bool,
}

/// Keys with `prefix`, `>= from`, whose items differ. Equal subtrees are passed over unread. Lazy.
pub fn diff<'a>(
    nodes: &'a dyn Nodes,
    left: &Digest,
    right: &Digest,
    prefix: &[u8],
    from: &[u8],
) -> Result<Diff<'a>, Error> {
    let is_done = left == right;
    let from = from.max(prefix);
    let (left, right) = if is_done {
        (Side::nothing(nodes), Side::nothing(nodes))
    } else {
        (Side::open(nodes, left, prefix, from)?, Side::open(nodes, right, prefix, from)?)
    };
    Ok(Diff { left, right, is_done })
}

struct Side<'a> {
    nodes: &'a dyn Nodes,
    /// From the root; each is at what comes next, or has it below.
    stack: Vec<Step>,
    end: Option<Vec<u8>>,
    /// All that comes is above this key.
    passed: Option<Vec<u8>>,
}

#[derive(Clone, Copy)]
enum Piece<'s> {
    /// Its last key, its level.
    Subtree(&'s [u8], u8),
    Entry(&'s [u8]),
}

impl<'s> Piece<'s> {
    /// Its last, of a subtree.
    fn key(self) -> &'s [u8] {
        match self {
            Self::Subtree(key, _) | Self::Entry(key) => key,
        }
    }

    /// Entries stand below subtrees of leaves.
    fn height(self) -> i16 {
        match self {
            Self::Subtree(_, level) => level.into(),
            Self::Entry(_) => -1,
        }
    }
}

impl<'a> Side<'a> {
    fn nothing(nodes: &'a dyn Nodes) -> Self {
        Self { nodes, stack: Vec::new(), end: None, passed: None }
    }

    fn open(nodes: &'a dyn Nodes, id: &Digest, prefix: &[u8], from: &[u8]) -> Result<Self, Error> {
        let mut side = Self::nothing(nodes);
        side.end = end_of_prefix(prefix);
        let node = root(nodes, id)?;
        if node.last_key() < from || node.entries() == 0 {
            return Ok(side);
        }
        side.stack.push(Step { at: Position::at_or_after(&node, from), node });
        while !from.is_empty()
            && let Some(Piece::Subtree(..)) = side.peek()
        {
            side.expand()?;
            if let Some(step) = side.stack.last_mut() {
                step.at.seek(&step.node, from);
            }
        }
        Ok(side)
    }

    fn peek(&self) -> Option<Piece<'_>> {
        let step = self.stack.last()?;
        let key = step.at.key.as_slice();
        let is_over = |key: &[u8]| self.end.as_ref().is_some_and(|end| key >= end.as_slice());
        match step.node.level() {
            0 => (!is_over(key)).then_some(Piece::Entry(key)),
            level => (!self.passed.as_deref().is_some_and(is_over)).then_some(Piece::Subtree(key, level - 1)),
        }
    }

    /// Id of the subtree that comes next.
    fn subtree(&self) -> Option<Digest> {
        let step = self.stack.last().filter(|step| step.node.level() > 0)?;
        Some(step.at.child(&step.node).0)
    }

    fn entry(&self) -> Option<(&[u8], u64)> {
        let step = self.stack.last().filter(|step| step.node.level() == 0)?;
        Some(step.at.value(&step.node))
    }

    /// Takes the subtree that comes next apart.
    fn expand(&mut self) -> Result<(), Error> {
        if let Some(step) = self.stack.last() {
            let node = child(self.nodes, &step.node, &step.at)?;
            self.stack.push(Step { at: Position::first(&node), node: Arc::clone(&node) });
        }
        Ok(())
    }

    /// Passes on both sides over what is the same in both, as far as one look at the bytes tells; whether there was any.
    /// What was passed last is not noted: both sides passed the same keys, so neither is beyond the other for them.
    fn skip_same(&mut self, other: &mut Self) -> bool {
        let (Some(here), Some(there)) = (self.stack.last_mut(), other.stack.last_mut()) else { return false };
        here.node.level() == there.node.level()
            && here.at.pass_same_runs(&here.node, &mut there.at, &there.node)
    }

    /// Passes over the piece that comes next.
    fn skip(&mut self) {
        if let Some(step) = self.stack.last() {
            let passed = self.passed.get_or_insert_default();
            passed.clear();
            passed.extend_from_slice(&step.at.key);
        }
        while let Some(step) = self.stack.last_mut() {
            step.at.advance(&step.node);
            if !step.at.is_end(&step.node) {
                return;
            }
            self.stack.pop();
        }
    }

    /// Whether `piece` of the other side comes before all that comes here.
    fn is_beyond(&self, piece: Piece<'_>) -> bool {
        self.passed.as_deref().is_some_and(|passed| piece.key() <= passed)
    }

    /// The entry that comes next, taken.
    fn take(&mut self) -> Option<(Vec<u8>, Item)> {
        let step = self.stack.last()?;
        let taken = (step.at.key.clone(), item(&step.node, &step.at));
        self.skip();
        Some(taken)
    }
}

impl Diff<'_> {
    fn step(&mut self) -> Result<Option<Change>, Error> {
        use Piece::{Entry, Subtree};
        loop {
            let (left, right) = (self.left.peek(), self.right.peek());
            let (left, right) = match (left, right) {
                (None, None) => return Ok(None),
                (Some(Subtree(..)), None) => {
                    self.left.expand()?;
                    continue;
                }
                (None, Some(Subtree(..))) => {
                    self.right.expand()?;
                    continue;
                }
                (Some(Entry(_)), None) => return Ok(self.removed()),
                (None, Some(Entry(_))) => return Ok(self.added()),
                (Some(left), Some(right)) => (left, right),
            };
            let (only_left, only_right) = (self.right.is_beyond(left), self.left.is_beyond(right));
            if !only_left && !only_right && self.left.skip_same(&mut self.right) {
                continue;
            }
            let (Some(left), Some(right)) = (self.left.peek(), self.right.peek()) else { continue };
            match (left, right) {
                (Entry(_), _) if only_left => return Ok(self.removed()),
                (_, Entry(_)) if only_right => return Ok(self.added()),
                (Entry(a), Entry(b)) => match a.cmp(b) {
                    Ordering::Less => return Ok(self.removed()),
                    Ordering::Greater => return Ok(self.added()),
                    Ordering::Equal if self.left.entry() == self.right.entry() => {
                        self.left.skip();
                        self.right.skip();
                    }
                    Ordering::Equal => return Ok(self.changed()),
                },
                (Subtree(..), _) if only_left => self.left.expand()?,
                (_, Subtree(..)) if only_right => self.right.expand()?,
                _ if left.height() > right.height() => self.left.expand()?,
                _ if left.height() < right.height() => self.right.expand()?,
                _ if self.left.subtree() == self.right.subtree() => {
                    self.left.skip();
                    self.right.skip();
                }
                _ => {
                    self.left.expand()?;
                    self.right.expand()?;
                }
            }
        }
    }

    fn removed(&mut self) -> Option<Change> {
        self.left.take().map(|(key, item)| Change { key, left: Some(item), right: None })
    }

    fn added(&mut self) -> Option<Change> {
        self.right.take().map(|(key, item)| Change { key, left: None, right: Some(item) })
    }

    fn changed(&mut self) -> Option<Change> {
        let (key, left) = self.left.take()?;
        let (_, right) = self.right.take()?;
        Some(Change { key, left: Some(left), right: Some(right) })
    }
}

impl Iterator for Diff<'_> {
    type Item = Result<Change, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let next = self.step();
        self.is_done = !matches!(next, Ok(Some(_)));
        next.transpose()
    }
}
