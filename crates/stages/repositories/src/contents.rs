//! Folders by the digest of their content: the names under which the graph knows data.

use std::collections::VecDeque;

use types::{Actor, Digest};

use crate::{Entry, Error, Listing, Repositories};

/// Most folders that are named.
const MOST: usize = 200;

/// A folder of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Empty for the root, or ends with `/`.
    pub path: String,
    /// Of all objects below it, wherever and whenever they are the same.
    pub digest: Digest,
}

/// The folders about a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    pub commit: Digest,
    pub folders: Vec<Folder>,
    /// There are more below the path.
    pub truncated: bool,
}

impl Repositories {
    /// The folder of a path, those that it lies in, and those below it; what is staged does not count. A reader of data
    /// at the path has an edge to one of them ([`Repositories::note_read`]).
    pub async fn folders(
        &self,
        actor: &Actor,
        repository: &str,
        reference: &str,
        path: &str,
    ) -> Result<Folders, Error> {
        let view = self.view(actor, repository, reference).await?;
        let own = path.rfind('/').map_or("", |at| &path[..=at]);
        let above = own.char_indices().filter(|(_, c)| *c == '/').map(|(at, _)| own[..=at].to_owned());
        let mut paths: Vec<String> = std::iter::once(String::new()).chain(above).collect();
        let mut open = VecDeque::from([path.to_owned()]);
        let mut truncated = false;
        let commit = view.commit.id.hex();
        // A path that is an object, or is not there, has nothing below it.
        while let Some(prefix) = open.pop_front().filter(|prefix| prefix.is_empty() || prefix.ends_with('/'))
        {
            for folder in self.folders_below(actor, repository, &commit, &prefix).await? {
                truncated |= paths.len() >= MOST;
                if !truncated {
                    paths.push(folder.clone());
                    open.push_back(folder);
                }
            }
        }
        let root = view.commit.root;
        let folders = self.blocking(move |stage, _| {
            let digest = |path: String| {
                let digest = tree::digest(stage.nodes(), &root, path.as_bytes())?;
                Ok(Folder { path, digest })
            };
            paths.into_iter().map(digest).collect::<Result<Vec<_>, Error>>()
        });
        Ok(Folders { commit: view.commit.id, folders: folders.await?, truncated })
    }

    /// At most [`MOST`].
    async fn folders_below(
        &self,
        actor: &Actor,
        repository: &str,
        commit: &str,
        prefix: &str,
    ) -> Result<Vec<String>, Error> {
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let listing = Listing {
                prefix: prefix.to_owned(),
                after,
                delimiter: "/".to_owned(),
                limit: crate::LONGEST_PAGE,
            };
            let page = self.list(actor, repository, commit, listing).await?;
            found.extend(page.items.into_iter().filter_map(|entry| match entry {
                Entry::Prefix(folder) => Some(folder),
                Entry::Object { .. } => None,
            }));
            match page.next {
                Some(next) if found.len() <= MOST => after = next,
                _ => return Ok(found),
            }
        }
    }
}
