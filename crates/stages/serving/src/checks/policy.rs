use serde::{Deserialize, Serialize};

/// What follows when a row is found odd.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is not looked at.
    Off,
    /// The prediction's record says so.
    #[default]
    Flag,
    /// The record says so, and the prediction waits for a person's judgement.
    Review,
    /// The request is not answered: none of its rows is predicted.
    Refuse,
}

/// What can be odd about a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// A number that is infinite, or a value of another kind than the column had.
    Schema,
    /// The request has a column that the model does not know.
    Extra,
    /// No value, in a column that always had one.
    Missing,
    /// A number outside of the range that the column had.
    Range,
    /// A text that the column never had.
    Category,
    /// The row as a whole is far from all that the model learned from.
    Novelty,
    /// A text with data about a person, in a column that had none.
    Personal,
}

impl Check {
    pub(crate) const ALL: [Self; 7] = [
        Self::Schema,
        Self::Extra,
        Self::Missing,
        Self::Range,
        Self::Category,
        Self::Novelty,
        Self::Personal,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Extra => "extra",
            Self::Missing => "missing",
            Self::Range => "range",
            Self::Category => "category",
            Self::Novelty => "novelty",
            Self::Personal => "personal",
        }
    }

    /// What a caller is told whose row was refused.
    pub(crate) fn says(self) -> &'static str {
        match self {
            Self::Schema => "is infinite or of another kind than in the training data",
            Self::Extra => "is no column of the model",
            Self::Missing => "is missing, and never was in the training data",
            Self::Range => "is outside of the range of the training data",
            Self::Category => "is a text that the training data do not have",
            Self::Novelty => "the row is far from all of the training data",
            Self::Personal => "holds data about a person",
        }
    }
}

/// What follows from each check, and how strict they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Checks {
    pub schema: Action,
    pub extra: Action,
    pub missing: Action,
    pub range: Action,
    pub category: Action,
    pub novelty: Action,
    pub personal: Action,
    /// The share of usual rows that may count as novel, above 0 and at most 0.05.
    pub novelty_rate: f64,
    /// How far beyond the training data's lowest and highest value a number may lie, in widths of that range; 0 or more. The range
    /// never grows across 0.
    pub range_margin: f64,
    /// The share of predictions that a person looks at whatever they are, 0 to 1.
    pub sample: f64,
    /// Below this confidence (the probability of the likeliest class) a person looks at a prediction; nobody does if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low_confidence: Option<f64>,
    /// The output that holds probabilities; found by its name if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability: Option<String>,
    /// Columns that no check looks at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
}

impl Default for Checks {
    fn default() -> Self {
        Self {
            schema: Action::Flag,
            // Callers often send whole records; the model takes what it needs.
            extra: Action::Off,
            missing: Action::Flag,
            range: Action::Flag,
            category: Action::Flag,
            novelty: Action::Flag,
            personal: Action::Flag,
            novelty_rate: 0.001,
            range_margin: 0.1,
            sample: 0.0,
            low_confidence: None,
            probability: None,
            ignore: Vec::new(),
        }
    }
}

impl Checks {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub fn action(&self, check: Check) -> Action {
        match check {
            Check::Schema => self.schema,
            Check::Extra => self.extra,
            Check::Missing => self.missing,
            Check::Range => self.range,
            Check::Category => self.category,
            Check::Novelty => self.novelty,
            Check::Personal => self.personal,
        }
    }

    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if !(self.novelty_rate > 0.0 && self.novelty_rate <= 0.05) {
            return Err("novelty_rate must be above 0 and at most 0.05");
        }
        if !(self.range_margin.is_finite() && self.range_margin >= 0.0) {
            return Err("range_margin must be 0 or more");
        }
        if !(0.0..=1.0).contains(&self.sample) {
            return Err("sample must be a share from 0 to 1");
        }
        if self.low_confidence.is_some_and(|least| !(0.0..=1.0).contains(&least)) {
            return Err("low_confidence must be a probability");
        }
        Ok(())
    }
}
