//! Logged datasets that lie in repositories of this server: the run that logs one has read it.

use kit::reaches;
use types::{Actor, Level, Reader, ResourceKind, Uid};

use crate::State;

/// Most sources of one call that are looked at.
const MOST: usize = 100;

/// Notes what the run says it read. What is no address of a repository, or of none that the caller may read, is nothing
/// to this server.
pub(crate) async fn note(state: &State, actor: &Actor, run: Uid, sources: &[String]) {
    for source in sources.iter().take(MOST) {
        let Some(place) = Place::of(source) else { continue };
        if !reaches(actor, ResourceKind::Repository, &place.repository, Level::Read) {
            continue;
        }
        let Place { repository, reference, path } = &place;
        let noted =
            state.repositories.note_read_of(actor, &Reader::Run(run), repository, reference, path).await;
        if let Err(error) = noted {
            tracing::debug!(%error, source, "a logged dataset lies in no repository");
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Place {
    repository: String,
    reference: String,
    path: String,
}

impl Place {
    /// Of `s3://repository/ref/path` and `lakefs://repository/ref/path`, bare or as MLflow's sources write it:
    /// `{"uri": "…"}` or `{"url": "…"}`.
    fn of(source: &str) -> Option<Self> {
        let text = match serde_json::from_str::<serde_json::Value>(source) {
            Ok(value) => {
                ["uri", "url", "path"].iter().find_map(|key| Some(value.get(key)?.as_str()?.to_owned()))?
            }
            Err(_) => source.to_owned(),
        };
        let schemes = ["s3://", "s3a://", "s3n://", "lakefs://"];
        let rest = schemes.iter().find_map(|scheme| text.strip_prefix(scheme))?;
        let mut parts = rest.splitn(3, '/').map(str::to_owned);
        let (repository, reference) = (parts.next()?, parts.next()?);
        let is_whole = !repository.is_empty() && !reference.is_empty();
        is_whole.then(|| Self { repository, reference, path: parts.next().unwrap_or_default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_repositories_are_found_in_sources() {
        let place = |source: &str| Place::of(source).map(|p| (p.repository, p.reference, p.path));
        let wanted = Some(("repo".to_owned(), "main".to_owned(), "a/b.csv".to_owned()));
        assert_eq!(place("lakefs://repo/main/a/b.csv"), wanted);
        assert_eq!(place(r#"{"uri": "s3://repo/main/a/b.csv"}"#), wanted);
        assert_eq!(place("s3://repo/main").unwrap().2, "");
        for other in ["s3://repo", "/data/a.csv", r#"{"url": "https://example.com/a"}"#, "{}", "s3:///main/a"]
        {
            assert_eq!(place(other), None, "{other}");
        }
    }
}
