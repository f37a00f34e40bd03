use types::Digest;

use crate::splice::{Splice, To, splice};
use crate::{Error, Item, NewNodes, Nodes};

/// `changes` in ascending order of distinct keys; `None` removes, also a key that is not there. New nodes are those
/// that are not part of `root`. Costs about a leaf for each change that has one for itself, and less for neighbours.
///
/// Errors: `Unsorted`.
pub fn apply(
    nodes: &dyn Nodes,
    root: &Digest,
    changes: Vec<(Vec<u8>, Option<Item>)>,
) -> Result<(Digest, NewNodes), Error> {
    if let Some(pair) = changes.windows(2).find(|pair| pair[0].0 >= pair[1].0) {
        return Err(Error::Unsorted(pair[1].0.clone()));
    }
    let splices: Vec<_> = changes
        .iter()
        .map(|change| Splice {
            from: change.0.as_slice(),
            to: To::Through(&change.0),
            items: std::slice::from_ref(change),
        })
        .collect();
    splice(nodes, root, &splices)
}
