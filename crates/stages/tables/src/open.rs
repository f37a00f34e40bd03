use std::sync::Arc;

use columns::{File, Format, Known, Source};
use futures::{StreamExt as _, TryStreamExt as _};
use repositories::{Entry, Listing, Object, Seen};
use types::{Actor, Digest};

use crate::file::RepositoryFile;
use crate::{Error, Name, Tables};

/// Files of one table.
const FILES: usize = 10_000;
const PAGE: usize = 1_000;
/// Files that are looked at together.
const TOGETHER: usize = 8;

/// A table that was found.
#[derive(Clone, Debug)]
pub struct Opened {
    pub name: Name,
    /// The commit that the ref leads to.
    pub commit: Digest,
    /// Whether staged changes of a branch are seen on top of it.
    pub with_staged: bool,
    pub source: Source,
    pub bytes: u64,
    /// Where it was found, for whoever reads it for a run.
    pub seen: Seen,
}

/// A file, and what was seen of it.
type Looked = (Arc<dyn File>, Arc<Known>);

impl Opened {
    /// Equal for tables of equal files.
    pub(crate) fn identity(&self) -> String {
        let files = self.source.parts.iter().filter_map(|(file, _)| file.digest());
        Digest::of(files.collect::<Vec<_>>().join(" ")).hex()
    }
}

impl Tables {
    /// Finds a table and what its columns are. Errors: `NoTable`, `TooManyFiles`, and what is wrong with a file.
    pub async fn open(&self, actor: &Actor, name: &Name) -> Result<Opened, Error> {
        let resolved = self.repositories.resolve(actor, &name.repository, &name.reference).await?;
        let (objects, seen) = self.objects(actor, name).await?;
        let bytes = objects.iter().map(|(_, object)| object.size).sum();
        let tables = self.clone();
        let file_of = |(path, object): (String, Object)| {
            let shown = format!("{}@{}:{path}", name.repository, name.reference);
            RepositoryFile::new(self.repositories.clone(), object, shown)
        };
        let files: Vec<RepositoryFile> = objects.into_iter().map(file_of).collect();
        let parts = if let Some(parts) = self.remembered(&files) {
            parts
        } else {
            self.apart(async move {
                let each = files.into_iter().map(|file| {
                    let tables = tables.clone();
                    async move { tables.look(file).await }
                });
                futures::stream::iter(each).buffered(TOGETHER).try_collect::<Vec<_>>().await
            })
            .await?
        };
        let source = Source::new(parts)?;
        Ok(Opened {
            name: name.clone(),
            commit: resolved.commit,
            with_staged: resolved.staged.is_some(),
            source,
            bytes,
            seen,
        })
    }

    /// All files, if all of them were looked at before.
    fn remembered(&self, files: &[RepositoryFile]) -> Option<Vec<Looked>> {
        let mut known = self.known.lock();
        let one = |file: &RepositoryFile| {
            let found = known.get(&key(file))?;
            Some((Arc::new(file.clone()) as Arc<dyn File>, found))
        };
        files.iter().map(one).collect()
    }

    async fn look(&self, file: RepositoryFile) -> Result<(Arc<dyn File>, Arc<Known>), Error> {
        let key = key(&file);
        let found = self.known.lock().get(&key);
        let known = match found {
            Some(known) => known,
            None => {
                let known = Arc::new(Known::of(&file).await?);
                self.known.lock().put(key, known.clone());
                known
            }
        };
        Ok((Arc::new(file), known))
    }

    /// The object at the path, or those below it whose names say that they are tables. Names that begin with `_` or `.`
    /// (`_SUCCESS`, `_delta_log/`) are no part of a table.
    async fn objects(&self, actor: &Actor, name: &Name) -> Result<(Vec<(String, Object)>, Seen), Error> {
        let Name { repository, reference, path } = name;
        if !path.is_empty() && !path.ends_with('/') {
            match self.repositories.look(actor, repository, reference, path).await {
                Ok((object, seen)) => {
                    Format::of(path)?;
                    return Ok((vec![(path.clone(), object)], seen));
                }
                Err(repositories::Error::ObjectNotFound { .. }) => {}
                Err(other) => return Err(other.into()),
            }
        }
        let prefix = if path.is_empty() || path.ends_with('/') { path.clone() } else { format!("{path}/") };
        let seen = self.repositories.see(actor, repository, reference, &prefix).await?;
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let listing = Listing { prefix: prefix.clone(), after, delimiter: String::new(), limit: PAGE };
            let page = self.repositories.list(actor, repository, reference, listing).await?;
            for entry in page.items {
                let Entry::Object { path, object } = entry else { continue };
                let below = &path[prefix.len().min(path.len())..];
                let hidden = below.split('/').any(|part| part.starts_with(['_', '.']));
                if !hidden && Format::of(&path).is_ok() {
                    found.push((path, object));
                }
            }
            if found.len() > FILES {
                return Err(Error::TooManyFiles { name: name.to_string(), most: FILES });
            }
            match page.next {
                Some(next) => after = next,
                None => break,
            }
        }
        if found.is_empty() {
            return Err(Error::NoTable(name.to_string()));
        }
        Ok((found, seen))
    }
}

/// The same bytes read as another format are another thing.
fn key(file: &RepositoryFile) -> String {
    let format = file.name().rsplit_once('.').map_or("", |(_, extension)| extension);
    format!("{} {}", file.digest().unwrap_or_default(), format.to_ascii_lowercase())
}
