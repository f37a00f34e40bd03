use std::collections::BTreeMap;

use columns::Table;
use serde::{Deserialize, Serialize};

use super::Kind;
use crate::Error;

/// What to verify, and against what. In a project file below `expectations`:
/// `verification: {label: target, checks: [label_errors, poisoning], activations: [emb_*]}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Plan {
    /// Names of checks, and `poisoning` for three of them; empty: all that the other fields allow.
    pub checks: Vec<String>,
    /// The column with the class of each row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Columns with out-of-sample probabilities, one a class, in order of the classes or named `<anything><class>` by a
    /// pattern such as `p_*`. Without them neighbours in the other columns vote, each row left out in turn.
    pub probabilities: Vec<String>,
    /// Columns with a model's activations, or a pattern such as `emb_*`. Without them the features themselves.
    pub activations: Vec<String>,
    /// Columns with the labels that single people gave.
    pub annotators: Vec<String>,
    /// Columns with protected attributes.
    pub protected: Vec<String>,
    /// Columns that are no features: ids, comments.
    pub ignore: Vec<String>,
    /// Shares of the target population, by column and value.
    pub population: BTreeMap<String, BTreeMap<String, f64>>,
    /// The column that identifies what a row is about; looked for in both train and test data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// A column of times: test data should not lie before the end of train data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// How often a check may raise a false alarm, 0–1.
    pub level: f64,
    /// Groups of fewer rows are called too small.
    pub min_group: u64,
    /// Instead of the defaults.
    pub thresholds: BTreeMap<Kind, Threshold>,
    /// Rows that a finding shows.
    pub evidence: usize,
    /// Of everything that is random.
    pub seed: u64,
}

/// From where on a statistic warns and fails: at or above, except for agreement, which is bad where it is low.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    pub warn: f64,
    pub fail: f64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            checks: Vec::new(),
            label: None,
            probabilities: Vec::new(),
            activations: Vec::new(),
            annotators: Vec::new(),
            protected: Vec::new(),
            ignore: Vec::new(),
            population: BTreeMap::new(),
            key: None,
            time: None,
            level: 0.001,
            min_group: 30,
            thresholds: BTreeMap::new(),
            evidence: 20,
            seed: 1,
        }
    }
}

impl Plan {
    /// Errors: `BadVerification` for what is not in the format, or cannot be meant.
    pub fn parse(value: &serde_json::Value) -> Result<Self, Error> {
        let parsed: Self = Self::deserialize(value).map_err(|e| Error::BadVerification(e.to_string()))?;
        parsed.validate()?;
        Ok(parsed)
    }

    /// Errors: `BadVerification`.
    pub fn validate(&self) -> Result<(), Error> {
        let bad = |why: String| Err(Error::BadVerification(why));
        if let Some(name) = self.checks.iter().find(|name| Kind::named(name).is_none()) {
            let known: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).chain(["poisoning"]).collect();
            return bad(format!("there is no check `{name}`; there are {}", known.join(", ")));
        }
        if !(self.level > 0.0 && self.level < 0.5) {
            return bad(format!("level {} is not between 0 and 0.5", self.level));
        }
        for (column, shares) in &self.population {
            if shares.len() < 2 || shares.values().any(|share| !(*share > 0.0 && share.is_finite())) {
                return bad(format!(
                    "the population of `{column}` needs at least two values with shares above 0"
                ));
            }
        }
        for (kind, threshold) in &self.thresholds {
            let low = *kind == Kind::Agreement;
            let ordered =
                if low { threshold.warn >= threshold.fail } else { threshold.warn <= threshold.fail };
            if !ordered {
                return bad(format!("the threshold of {} fails before it warns", kind.name()));
            }
        }
        Ok(())
    }

    /// The kinds to look at, in order.
    pub(crate) fn kinds(&self, with_test: bool) -> Vec<Kind> {
        if !self.checks.is_empty() {
            let mut kinds: Vec<Kind> = self.checks.iter().filter_map(|n| Kind::named(n)).flatten().collect();
            kinds.sort_unstable();
            kinds.dedup();
            return kinds;
        }
        Kind::ALL.into_iter().filter(|kind| self.allows(*kind, with_test)).collect()
    }

    fn allows(&self, kind: Kind, with_test: bool) -> bool {
        match kind {
            Kind::LabelErrors
            | Kind::Leakage
            | Kind::SpectralSignatures
            | Kind::ActivationClusters
            | Kind::NeighbourDisagreement => self.label.is_some(),
            Kind::Agreement => !self.annotators.is_empty(),
            Kind::Coverage => !self.population.is_empty(),
            Kind::Proxies => !self.protected.is_empty(),
            Kind::Contamination => with_test,
            Kind::Duplicates | Kind::Outliers => true,
            // Only where they are named: what they ask depends on what the rows are.
            Kind::Novelty | Kind::StreamOutliers => false,
        }
    }

    pub(crate) fn threshold(&self, kind: Kind) -> Threshold {
        let default = match kind {
            Kind::LabelErrors => Threshold { warn: 0.02, fail: 0.1 },
            // What Krippendorff asks of data that one relies on, and the least that he lets pass.
            Kind::Agreement => Threshold { warn: 0.8, fail: 0.667 },
            // Cohen's small and medium effects, as Cramér's V.
            Kind::Coverage => Threshold { warn: 0.1, fail: 0.3 },
            Kind::Proxies => Threshold { warn: 0.3, fail: 0.6 },
            Kind::Duplicates => Threshold { warn: 0.01, fail: 0.1 },
            Kind::Contamination => Threshold { warn: f64::MIN_POSITIVE, fail: 0.01 },
            Kind::Leakage => Threshold { warn: 0.95, fail: 0.995 },
            Kind::Outliers | Kind::StreamOutliers => Threshold { warn: 0.02, fail: 0.1 },
            Kind::Novelty => {
                Threshold { warn: (5.0 * self.level).max(0.01), fail: (10.0 * self.level).max(0.05) }
            }
            Kind::NeighbourDisagreement => Threshold { warn: 0.02, fail: 0.05 },
            // −log₁₀ of the adjusted p-value.
            Kind::SpectralSignatures | Kind::ActivationClusters => {
                Threshold { warn: -(5.0 * self.level).min(0.5).log10(), fail: -self.level.log10() }
            }
        };
        self.thresholds.get(&kind).copied().unwrap_or(default)
    }

    /// The columns of a list of names and patterns, in the table's order for each. Errors: `Columns` for a name that
    /// is not there, `BadVerification` for a pattern that nothing matches.
    pub(crate) fn columns(&self, table: &Table, patterns: &[String]) -> Result<Vec<String>, Error> {
        let mut found: Vec<String> = Vec::new();
        for pattern in patterns {
            let Some(prefix) = pattern.strip_suffix('*') else {
                table.field(pattern)?;
                found.push(pattern.clone());
                continue;
            };
            let before = found.len();
            found.extend(table.schema().names().filter(|n| n.starts_with(prefix)).map(str::to_owned));
            if found.len() == before {
                return Err(Error::BadVerification(format!("no column matches `{pattern}`")));
            }
        }
        Ok(found)
    }
}
