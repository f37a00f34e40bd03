use serde::{Deserialize, Serialize};
use serde_json::Value;
use statistics::Interval;

use super::Threshold;

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    LabelErrors,
    Agreement,
    Coverage,
    Proxies,
    Duplicates,
    Contamination,
    Leakage,
    Outliers,
    SpectralSignatures,
    ActivationClusters,
    NeighbourDisagreement,
    /// Of rows of test data, against the table.
    Novelty,
    /// Of each row, against those before it.
    StreamOutliers,
}

impl Kind {
    pub const ALL: [Self; 13] = [
        Self::LabelErrors,
        Self::Agreement,
        Self::Coverage,
        Self::Proxies,
        Self::Duplicates,
        Self::Contamination,
        Self::Leakage,
        Self::Outliers,
        Self::SpectralSignatures,
        Self::ActivationClusters,
        Self::NeighbourDisagreement,
        Self::Novelty,
        Self::StreamOutliers,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::LabelErrors => "label_errors",
            Self::Agreement => "agreement",
            Self::Coverage => "coverage",
            Self::Proxies => "proxies",
            Self::Duplicates => "duplicates",
            Self::Contamination => "contamination",
            Self::Leakage => "leakage",
            Self::Outliers => "outliers",
            Self::SpectralSignatures => "spectral_signatures",
            Self::ActivationClusters => "activation_clusters",
            Self::NeighbourDisagreement => "neighbour_disagreement",
            Self::Novelty => "novelty",
            Self::StreamOutliers => "stream_outliers",
        }
    }

    /// The kinds of a name; `poisoning` is three of them.
    pub fn named(name: &str) -> Option<Vec<Self>> {
        if name == "poisoning" {
            return Some(vec![
                Self::SpectralSignatures,
                Self::ActivationClusters,
                Self::NeighbourDisagreement,
            ]);
        }
        Self::ALL.into_iter().find(|kind| kind.name() == name).map(|kind| vec![kind])
    }
}

/// From good to bad, except that the last says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// No evidence at the stated false-positive rate.
    Pass,
    Warn,
    Fail,
    NotComputable,
}

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::NotComputable => "not computable",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statistic {
    /// What the value is: `share of rows`, `Krippendorff's alpha`.
    pub name: String,
    pub value: f64,
}

/// A row, or a column, that speaks for the verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// From 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    pub value: Value,
    /// In words.
    pub why: String,
}

/// What one check found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub check: Kind,
    pub verdict: Verdict,
    #[serde(default)]
    pub statistic: Option<Statistic>,
    #[serde(default)]
    pub interval: Option<Interval>,
    /// Rows (or items, or columns) that it was computed from.
    pub n: u64,
    #[serde(default)]
    pub threshold: Option<Threshold>,
    /// The claim, in words.
    pub text: String,
    /// The worst ones first; as many as the plan lets show.
    pub evidence: Vec<Evidence>,
    /// How many there are in all.
    pub found: u64,
}

impl Finding {
    pub(crate) fn not_computable(check: Kind, n: usize, why: impl std::fmt::Display) -> Self {
        Self {
            check,
            verdict: Verdict::NotComputable,
            statistic: None,
            interval: None,
            n: n as u64,
            threshold: None,
            text: format!("not computable: {why}"),
            evidence: Vec::new(),
            found: 0,
        }
    }
}

/// What all checks found, as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verification {
    pub format: u32,
    pub rows: u64,
    /// How often a check may raise a false alarm, 0–1.
    pub level: f64,
    /// The worst of the findings; not computable only if all are.
    pub verdict: Verdict,
    pub findings: Vec<Finding>,
}

impl Verification {
    pub fn new(rows: usize, level: f64, findings: Vec<Finding>) -> Self {
        let any = |verdict: Verdict| findings.iter().any(|f| f.verdict == verdict);
        let verdict = [Verdict::Fail, Verdict::Warn, Verdict::Pass]
            .into_iter()
            .find(|verdict| any(*verdict))
            .unwrap_or(Verdict::NotComputable);
        Self { format: 1, rows: rows as u64, level, verdict, findings }
    }

    pub fn failed(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|f| f.verdict == Verdict::Fail)
    }
}
