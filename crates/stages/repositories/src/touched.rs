//! What came about through data: the other direction of who read it.

use ledger::Graph;
use types::{Actor, Digest};

use crate::{Error, Folder, Listing, Repositories};

/// From data over runs, steps and what they made to models and endpoints.
const DEPTH: u32 = 16;
/// To other commits, which are data of their own, and to what followed from predictions: later turns of the loop.
const BUT: &[&str] = &["parent", "holds", "served_by", "observed", "triggered_by"];

/// Who used data, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Touched {
    pub commit: Digest,
    /// Empty for the whole commit; a folder ends with `/`.
    pub path: String,
    /// The data that was asked about, by the folders that readers are known by.
    pub folders: Vec<Folder>,
    /// Begins with the nodes of the folders, and of the commit if it was asked about as a whole; nearest first.
    pub graph: Graph,
    /// There is more: further folders, or further nodes.
    pub truncated: bool,
}

impl Repositories {
    /// What came about through the data at a path of a commit, in this commit or in others that hold the same; the
    /// empty path is the whole commit, and asks for readers of what was only staged on it as well. Whoever read a
    /// folder that the path lies in counts. Errors: `ObjectNotFound`, `RefNotFound`, `RepositoryNotFound`.
    pub async fn touched(
        &self,
        actor: &Actor,
        repository: &str,
        reference: &str,
        path: &str,
    ) -> Result<Touched, Error> {
        let commit = self.resolve(actor, repository, reference).await?.commit;
        let found = self.committed_path(actor, repository, &commit.hex(), path).await?;
        let absent = || Error::ObjectNotFound { reference: reference.to_owned(), path: path.to_owned() };
        let path = found.ok_or_else(absent)?;
        let found = self.folders(actor, repository, &commit.hex(), &path).await?;
        let mut folders = found.folders;
        // The path's own folder comes first, those that it lies in last.
        let distance =
            |path: &str, own: &str| if path.starts_with(own) { 0 } else { usize::MAX - path.len() };
        folders.sort_by_key(|folder| distance(&folder.path, own(&path)));
        // All that is empty is the same.
        folders.retain(|folder| folder.digest != tree::empty());
        let mut starts: Vec<(String, String)> =
            folders.iter().map(|folder| ("data".to_owned(), folder.digest.to_string())).collect();
        if path.is_empty() {
            starts.push(("commit".to_owned(), commit.hex()));
        }
        let graph = self.ledger().effects(actor.workspace, starts, BUT, DEPTH).await?;
        let truncated = found.truncated || graph.truncated;
        Ok(Touched { commit, path, folders, graph, truncated })
    }

    /// The path, with `/` behind it if it is a folder; `None` if nothing is there.
    async fn committed_path(
        &self,
        actor: &Actor,
        repository: &str,
        commit: &str,
        path: &str,
    ) -> Result<Option<String>, Error> {
        if path.is_empty() {
            return Ok(Some(String::new()));
        }
        if !path.ends_with('/') {
            match self.stat(actor, repository, commit, path).await {
                Ok(_) => return Ok(Some(path.to_owned())),
                Err(Error::ObjectNotFound { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        let prefix = if path.ends_with('/') { path.to_owned() } else { format!("{path}/") };
        let listing = Listing { prefix: prefix.clone(), limit: 1, ..Listing::default() };
        let found = self.list(actor, repository, commit, listing).await?;
        Ok((!found.items.is_empty()).then_some(prefix))
    }
}

/// The folder that a path lies in.
fn own(path: &str) -> &str {
    path.rfind('/').map_or("", |at| &path[..=at])
}
