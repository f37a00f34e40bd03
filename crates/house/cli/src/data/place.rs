use crate::api::segment;
use crate::failure::Failure;

/// `repo@ref` or `repo@ref:path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub repository: String,
    pub reference: String,
    /// Empty for the root.
    pub path: String,
}

impl Place {
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let bad = || {
            Failure::new(format!("`{text}` names no place in a repository"))
                .hint("write it as repository@branch:path, such as sales@main:orders/2026.csv")
        };
        let (repository, rest) = text.split_once('@').ok_or_else(bad)?;
        let (reference, path) = rest.split_once(':').unwrap_or((rest, ""));
        if repository.is_empty() || reference.is_empty() {
            return Err(bad());
        }
        Ok(Self { repository: repository.into(), reference: reference.into(), path: path.into() })
    }

    /// Errors unless it has a path.
    pub fn object(text: &str) -> Result<Self, Failure> {
        let place = Self::parse(text)?;
        if place.path.is_empty() {
            let hint = format!("write it as {text}:path");
            return Err(Failure::new(format!("`{text}` names no object")).hint(hint));
        }
        Ok(place)
    }

    /// The start of an address below `/api/v1/`.
    pub fn repository(&self) -> String {
        root(&self.repository)
    }

    pub fn reference(&self) -> String {
        format!("{}/refs/{}", self.repository(), segment(&self.reference))
    }

    pub fn branch(&self) -> String {
        format!("{}/branches/{}", self.repository(), segment(&self.reference))
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.repository, self.reference)?;
        if self.path.is_empty() { Ok(()) } else { write!(f, ":{}", self.path) }
    }
}

pub fn root(repository: &str) -> String {
    format!("data/repositories/{}", segment(repository))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_repository_a_ref_and_perhaps_a_path() {
        let place = Place::parse("sales@main~1:a b/ü:1.csv").unwrap();
        assert_eq!((place.repository.as_str(), place.reference.as_str()), ("sales", "main~1"));
        assert_eq!(
            (place.path.as_str(), place.to_string().as_str()),
            ("a b/ü:1.csv", "sales@main~1:a b/ü:1.csv")
        );
        assert_eq!(place.reference(), "data/repositories/sales/refs/main~1");
        assert_eq!(Place::parse("sales@main").unwrap().path, "");
        for bad in ["sales", "@main", "sales@", "sales@:x", ""] {
            assert!(Place::parse(bad).is_err(), "{bad}");
        }
        assert!(Place::object("sales@main").is_err());
    }
}
