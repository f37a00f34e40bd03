use std::fmt;
use std::str::FromStr;

use super::Kind;

/// A way to compare a current column with a reference, by the names of Evidently 0.7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    Ks,
    Wasserstein,
    Anderson,
    CramerVonMises,
    EnergyDistance,
    EppsSingleton,
    TTest,
    MannWhitney,
    EmpiricalMmd,
    KlDivergence,
    Psi,
    JensenShannon,
    Hellinger,
    ChiSquare,
    Z,
    FisherExact,
    GTest,
    TotalVariation,
    PercentileText,
    AbsoluteText,
}

/// Which side of the threshold is drift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drifts {
    Below,
    AtOrBelow,
    Above,
    AtOrAbove,
}

impl Method {
    pub const ALL: [Self; 20] = [
        Self::Ks,
        Self::Wasserstein,
        Self::Anderson,
        Self::CramerVonMises,
        Self::EnergyDistance,
        Self::EppsSingleton,
        Self::TTest,
        Self::MannWhitney,
        Self::EmpiricalMmd,
        Self::KlDivergence,
        Self::Psi,
        Self::JensenShannon,
        Self::Hellinger,
        Self::ChiSquare,
        Self::Z,
        Self::FisherExact,
        Self::GTest,
        Self::TotalVariation,
        Self::PercentileText,
        Self::AbsoluteText,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Ks => "ks",
            Self::Wasserstein => "wasserstein",
            Self::Anderson => "anderson",
            Self::CramerVonMises => "cramer_von_mises",
            Self::EnergyDistance => "ed",
            Self::EppsSingleton => "es",
            Self::TTest => "t_test",
            Self::MannWhitney => "mannw",
            Self::EmpiricalMmd => "empirical_mmd",
            Self::KlDivergence => "kl_div",
            Self::Psi => "psi",
            Self::JensenShannon => "jensenshannon",
            Self::Hellinger => "hellinger",
            Self::ChiSquare => "chisquare",
            Self::Z => "z",
            Self::FisherExact => "fisher_exact",
            Self::GTest => "g_test",
            Self::TotalVariation => "TVD",
            Self::PercentileText => "perc_text_content_drift",
            Self::AbsoluteText => "abs_text_content_drift",
        }
    }

    /// What Evidently's reports call it.
    pub fn display_name(self) -> &'static str {
        match self {
            Self::Ks => "K-S p_value",
            Self::Wasserstein => "Wasserstein distance (normed)",
            Self::Anderson => "Anderson-Darling",
            Self::CramerVonMises => "Cramer-von Mises",
            Self::EnergyDistance => "Energy-distance",
            Self::EppsSingleton => "Epps-Singleton",
            Self::MannWhitney => "Mann-Whitney U-rank test",
            Self::KlDivergence => "Kullback-Leibler divergence",
            Self::Psi => "PSI",
            Self::JensenShannon => "Jensen-Shannon distance",
            Self::Hellinger => "Hellinger distance",
            Self::ChiSquare => "chi-square p_value",
            Self::Z => "Z-test p_value",
            Self::FisherExact => "Fisher's Exact test",
            Self::TotalVariation => "Total-Variation-Distance",
            Self::PercentileText => "Percentile text content drift",
            Self::AbsoluteText => "Absolute text content drift",
            Self::TTest | Self::EmpiricalMmd | Self::GTest => self.name(),
        }
    }

    pub fn default_threshold(self) -> f64 {
        match self {
            Self::Ks | Self::EppsSingleton | Self::TTest | Self::MannWhitney | Self::ChiSquare | Self::Z => {
                0.05
            }
            Self::PercentileText => 0.95,
            Self::AbsoluteText => 0.55,
            _ => 0.1,
        }
    }

    pub fn applies_to(self, kind: Kind) -> bool {
        match self {
            Self::KlDivergence | Self::Psi | Self::JensenShannon | Self::Hellinger => {
                matches!(kind, Kind::Number | Kind::Category)
            }
            Self::ChiSquare | Self::Z | Self::FisherExact | Self::GTest | Self::TotalVariation => {
                kind == Kind::Category
            }
            Self::PercentileText | Self::AbsoluteText => kind == Kind::Text,
            _ => kind == Kind::Number,
        }
    }

    /// Whether the score is a p-value, so that small means drift.
    pub fn is_p_value(self) -> bool {
        matches!(self.drifts(), Drifts::Below | Drifts::AtOrBelow)
    }

    pub(crate) fn drifts(self) -> Drifts {
        match self {
            Self::Ks | Self::CramerVonMises => Drifts::AtOrBelow,
            Self::EnergyDistance | Self::PercentileText | Self::AbsoluteText => Drifts::Above,
            Self::Wasserstein | Self::KlDivergence | Self::Psi | Self::JensenShannon | Self::Hellinger => {
                Drifts::AtOrAbove
            }
            _ => Drifts::Below,
        }
    }

    /// Whether a score is drift. NaN never is.
    pub fn has_drifted(self, score: f64, threshold: f64) -> bool {
        match self.drifts() {
            Drifts::Below => score < threshold,
            Drifts::AtOrBelow => score <= threshold,
            Drifts::Above => score > threshold,
            Drifts::AtOrAbove => score >= threshold,
        }
    }

    /// Evidently's choice for a column with `rows` clean rows in the reference and `different` values in both samples.
    /// `None` for types that it does not compare.
    pub fn default_for(kind: Kind, rows: usize, different: usize) -> Option<Self> {
        Some(match kind {
            Kind::Text if rows > 1000 => Self::AbsoluteText,
            Kind::Text => Self::PercentileText,
            Kind::Number if different > 5 => {
                if rows <= 1000 {
                    Self::Ks
                } else {
                    Self::Wasserstein
                }
            }
            Kind::Number | Kind::Category if rows > 1000 => Self::JensenShannon,
            Kind::Number | Kind::Category if different > 2 => Self::ChiSquare,
            Kind::Number | Kind::Category => Self::Z,
            _ => return None,
        })
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Method {
    type Err = String;

    /// By name; the error lists the names.
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|m| m.name() == text || m.name().eq_ignore_ascii_case(text)).ok_or_else(
            || format!("`{text}` is no method; there are {}", Self::ALL.map(Self::name).join(", ")),
        )
    }
}
