use std::fmt;
use std::str::FromStr;

use crate::{Uid, UidError};

/// What somebody reads data for. Written as `mlwright-run-<id>` or `mlwright-step-<id>`; a bare id is a run's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reader {
    /// A tracked run.
    Run(Uid),
    /// A step of a pipeline run.
    Step(Uid),
}

const RUN: &str = "mlwright-run-";
const STEP: &str = "mlwright-step-";

impl Reader {
    /// Kind and key of its node in the graph.
    pub fn node(&self) -> (&'static str, String) {
        match self {
            Self::Run(uid) => ("run", uid.hex()),
            Self::Step(uid) => ("step_run", uid.hex()),
        }
    }

    /// The first reader that is named in a longer text, such as the name of a client.
    pub fn in_text(text: &str) -> Option<Self> {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '-';
        [RUN, STEP].into_iter().find_map(|mark| {
            let at = text.find(mark)?;
            let rest = &text[at..];
            rest.split(|c| !word(c)).next()?.parse().ok()
        })
    }
}

impl fmt::Display for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(uid) => write!(f, "{RUN}{uid}"),
            Self::Step(uid) => write!(f, "{STEP}{uid}"),
        }
    }
}

impl FromStr for Reader {
    type Err = UidError;

    fn from_str(text: &str) -> Result<Self, UidError> {
        match text.strip_prefix(STEP) {
            Some(id) => id.parse().map(Self::Step),
            None => text.strip_prefix(RUN).unwrap_or(text).parse().map(Self::Run),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_is_found_in_the_name_of_a_client() {
        let uid = Uid::from_u128(0x0192_3456_789a_7bcd_8ef0_1234_5678_9abc);
        let boto = format!("Boto3/1.40 md/Botocore#1.40 ua/2.1 exec-env/x app/mlwright-run-{uid} md/x");
        assert_eq!(Reader::in_text(&boto), Some(Reader::Run(uid)));
        assert_eq!(Reader::in_text(&format!("app/mlwright-step-{uid}")), Some(Reader::Step(uid)));
        assert_eq!(Reader::in_text("app/mlwright-run-12"), None);
        assert_eq!(Reader::in_text("aws-cli/2"), None);
    }

    #[test]
    fn a_bare_id_is_a_run() {
        let uid = Uid::from_u128(7);
        for text in [uid.hex(), Reader::Run(uid).to_string()] {
            assert_eq!(text.parse::<Reader>().unwrap(), Reader::Run(uid));
        }
        assert_eq!(Reader::Step(uid).to_string().parse::<Reader>().unwrap(), Reader::Step(uid));
        assert!("nobody".parse::<Reader>().is_err());
    }
}
