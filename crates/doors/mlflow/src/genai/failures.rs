//! Errors of evaluation and review in upstream's words.

use crate::errors::{Code, Failure, by_class};

impl From<evaluation::Error> for Failure {
    fn from(error: evaluation::Error) -> Self {
        use evaluation::Error as E;
        match error {
            E::SetNotFound(id) => Self::missing(format!("Evaluation dataset with id 'd-{id}' not found")),
            E::ScorerNotFound { experiment, name, version: None } => {
                Self::missing(format!("Scorer with name '{name}' not found for experiment {experiment}."))
            }
            E::ScorerNotFound { experiment, name, version: Some(version) } => Self::missing(format!(
                "Scorer with name '{name}' and version {version} not found for experiment {experiment}."
            )),
            E::Ledger(error) => error.into(),
            other => by_class(&other),
        }
    }
}

impl From<review::Error> for Failure {
    fn from(error: review::Error) -> Self {
        use review::Error as E;
        let taken = |message: String| Self::new(Code::ResourceAlreadyExists, message);
        match error {
            E::IssueNotFound(id) => Self::missing(format!("Issue with ID 'iss-{id}' not found")),
            E::SchemaNotFound(id) => Self::missing(format!("Label schema with id '{id}' not found.")),
            E::SchemaExists { experiment, name } => taken(format!(
                "Label schema with name '{name}' already exists for experiment '{experiment}'."
            )),
            E::QueueNotFound(id) => Self::missing(format!("Review queue with id '{id}' not found.")),
            E::QueueExists { name, .. } => {
                taken(format!("Review queue with name '{name}' already exists (names are case-insensitive)."))
            }
            E::UserQueue => Self::invalid(
                "A user queue's name, assigned user, schemas, and owner are fixed and cannot be updated.",
            ),
            E::QuestionsLocked => Self::invalid(
                "A review queue's questions are locked once items are assigned to it. Remove the items before changing \
                 its questions.",
            ),
            E::Ledger(error) => error.into(),
            other => by_class(&other),
        }
    }
}
