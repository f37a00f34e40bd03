//! The commit that triggered a retraining, as what its training takes.

use std::collections::BTreeMap;

use bytes::Bytes;
use datasets::{Source, SourceFile};
use futures::TryStreamExt as _;
use repositories::{Entry, LONGEST_PAGE, Listing, Object};
use serde_json::{Value, json};
use types::Actor;

use crate::{Automation, Error, Retraining, Trigger};

/// A pipeline with this parameter reads the repository itself.
pub(crate) const PARAMETER: &str = "commit";
/// Bytes of all files that become a version of a dataset: they are read into memory.
const LARGEST: u64 = 2 << 30;

/// What becomes the next version of the dataset.
pub(super) struct Committed {
    pub files: Vec<SourceFile>,
    /// In hex.
    pub commit: String,
    pub origin: Value,
    /// For people.
    pub what: String,
}

/// Values of the parameters that tell a pipeline of the commit, as far as it declares them.
pub(super) async fn params(
    automation: &Automation,
    actor: &Actor,
    retraining: &Retraining,
) -> Result<BTreeMap<String, Value>, Error> {
    let Trigger::DataCommit { repository, branch, commit, prefix, .. } = &retraining.trigger else {
        return Ok(BTreeMap::new());
    };
    let declared = pipelines::get(&automation.ledger, actor, &retraining.recipe.pipeline).await?.spec.params;
    let given = [(PARAMETER, commit), ("repository", repository), ("branch", branch), ("prefix", prefix)];
    let known = given.into_iter().filter(|(name, _)| declared.contains_key(*name));
    Ok(known.map(|(name, value)| (name.to_owned(), json!(value))).collect())
}

/// The files of the commit, where a commit triggered it and the pipeline does not read it itself. Errors: `Missing` if
/// it has no file of rows, `Misfit` if they are too large.
pub(super) async fn of(
    automation: &Automation,
    actor: &Actor,
    retraining: &Retraining,
) -> Result<Option<Committed>, Error> {
    let Trigger::DataCommit { repository, commit, prefix, .. } = &retraining.trigger else { return Ok(None) };
    if params(automation, actor, retraining).await?.contains_key(PARAMETER) {
        return Ok(None);
    }
    let short = commit.get(..12).unwrap_or(commit);
    let found = objects(automation, actor, repository, commit, prefix).await?;
    if found.is_empty() {
        let place = format!("`{repository}@{short}:{prefix}`");
        return Err(Error::Missing(format!("{place} has no .csv, .parquet or .jsonl file")));
    }
    let size: u64 = found.iter().map(|(_, object)| object.size).sum();
    if size > LARGEST {
        let reason = format!(
            "the files of `{repository}@{short}:{prefix}` have {size} bytes, and at most {LARGEST} are read; let \
             the pipeline take the parameter `{PARAMETER}` and read them itself"
        );
        return Err(Error::Misfit { dataset: retraining.recipe.dataset.clone().unwrap_or_default(), reason });
    }
    let mut files = Vec::with_capacity(found.len());
    for (path, object) in found {
        files.push(SourceFile::new(path, Source::Bytes(bytes(automation, &object).await?)));
    }
    let count = files.len();
    Ok(Some(Committed {
        commit: commit.clone(),
        origin: json!({ "repository": repository, "commit": commit, "prefix": prefix }),
        what: format!("{count} {} of {repository}@{short}", if count == 1 { "file" } else { "files" }),
        files,
    }))
}

/// Files of rows below the prefix. What lies in folders or has a name that begins with `_` or `.` is about the data.
async fn objects(
    automation: &Automation,
    actor: &Actor,
    repository: &str,
    commit: &str,
    prefix: &str,
) -> Result<Vec<(String, Object)>, Error> {
    let (mut found, mut after) = (Vec::new(), String::new());
    // Only what is below the prefix tells: the prefix itself was meant.
    let folder = prefix.rfind('/').map_or(0, |slash| slash + 1);
    loop {
        let listing = Listing { prefix: prefix.to_owned(), after, limit: LONGEST_PAGE, ..Listing::default() };
        let page = automation.repositories.list(actor, repository, commit, listing).await?;
        found.extend(page.items.into_iter().filter_map(|entry| match entry {
            Entry::Object { path, object } if is_rows(path.get(folder..).unwrap_or(&path)) => {
                Some((path, object))
            }
            _ => None,
        }));
        match page.next {
            Some(next) => after = next,
            None => return Ok(found),
        }
    }
}

fn is_rows(path: &str) -> bool {
    !path.split('/').any(|part| part.starts_with(['_', '.'])) && columns::Format::of(path).is_ok()
}

async fn bytes(automation: &Automation, object: &Object) -> Result<Bytes, Error> {
    let chunks: Vec<Bytes> = automation.repositories.read(object, None).await?.body.try_collect().await?;
    Ok(match <[Bytes; 1]>::try_from(chunks) {
        Ok([one]) => one,
        Err(many) => many.concat().into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_and_what_is_about_the_data_is_not() {
        assert!(is_rows("visits/2026/a.csv") && is_rows("a.PARQUET") && is_rows("b.ndjson"));
        for about in ["_mlwright/gates/a.csv", "visits/README.md", "visits/.a.csv", "visits/_old/a.csv", "a"]
        {
            assert!(!is_rows(about), "{about}");
        }
    }
}
