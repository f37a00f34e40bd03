use super::pair::{Numbers, Pair};
use super::{Method, NotComputable, binned};
use crate::{ks, statistic, text};

/// The score of one method for a pair of clean samples, as Evidently 0.7 computes it.
///
/// Errors: where the method does not fit the samples, in words for a report.
pub fn score(method: Method, pair: &Pair) -> Result<f64, NotComputable> {
    let (rows, others) = pair.rows();
    if rows == 0 || others == 0 {
        return Err(NotComputable::EmptySample(if rows == 0 { "reference" } else { "current" }));
    }
    match method {
        Method::PercentileText | Method::AbsoluteText => {
            let Pair::Texts { reference, current } = pair else {
                return Err(NotComputable::reason("the method compares texts"));
            };
            text::content_drift(reference, current)
        }
        Method::Psi => shares(pair, super::psi),
        Method::KlDivergence => shares(pair, super::kl_divergence),
        Method::JensenShannon => shares(pair, super::jensen_shannon),
        Method::Hellinger => match pair {
            Pair::Numbers { reference, current } => binned::hellinger_numbers(reference, current),
            other => binned::by_value(other).map(|(r, c)| binned::hellinger_counts(&r, &c)),
        },
        Method::ChiSquare => binned::by_value(pair).map(|(r, c)| statistic::chi_square(&r, &c)),
        Method::Z => {
            if pair.is_mixed() {
                return Err(NotComputable::reason("numbers and texts have no order"));
            }
            binned::by_value(pair).map(|(r, c)| statistic::z_test(&r, &c))
        }
        Method::GTest => binned::by_value(pair).and_then(|(r, c)| statistic::g_test(&r, &c)),
        Method::FisherExact => fisher(pair),
        Method::TotalVariation => {
            let (reference, current, categories) = pair.codes()?;
            Ok(statistic::total_variation(&reference, &current, categories).0)
        }
        _ => {
            let Pair::Numbers { reference, current } = pair else {
                return Err(NotComputable::reason("the method compares numbers"));
            };
            numbers(method, reference, current)
        }
    }
}

fn shares(pair: &Pair, of: fn(&[u64], &[u64]) -> Result<f64, NotComputable>) -> Result<f64, NotComputable> {
    let (reference, current) = binned::counts(pair)?;
    of(&reference, &current)
}

fn numbers(method: Method, reference: &Numbers, current: &Numbers) -> Result<f64, NotComputable> {
    if method != Method::Ks && !(reference.is_finite() && current.is_finite()) {
        return Err(NotComputable::reason("the values are not finite"));
    }
    let (x, y) = (reference.values(), current.values());
    match method {
        Method::Ks => Ok(ks::two_sample(reference.sorted(), current.sorted()).1),
        Method::Wasserstein => Ok(statistic::wasserstein(x, y) / statistic::deviation(x).max(0.001)),
        Method::Anderson => statistic::anderson(reference.sorted(), current.sorted()),
        Method::CramerVonMises => Ok(statistic::cramer_von_mises(reference.sorted(), current.sorted())?.1),
        Method::EnergyDistance => Ok(statistic::energy(reference.sorted(), current.sorted())),
        Method::EppsSingleton => statistic::epps_singleton(x, y),
        Method::TTest => Ok(statistic::student(x, y)),
        Method::MannWhitney => Ok(statistic::mann_whitney_less(reference.sorted(), current.sorted())),
        Method::EmpiricalMmd => Ok(statistic::Mmd::of(x, y)?.p_value()),
        _ => Err(NotComputable::reason("the method does not compare numbers")),
    }
}

/// Both samples of equal size, at most two different values in each.
fn fisher(pair: &Pair) -> Result<f64, NotComputable> {
    let (reference, current) = binned::by_value(pair)?;
    let levels = |counts: &[u64]| counts.iter().filter(|c| **c > 0).count();
    if levels(&reference) > 2 || levels(&current) > 2 {
        return Err(NotComputable::reason("the test is for columns of at most two different values"));
    }
    let (n, m) = (reference.iter().sum::<u64>(), current.iter().sum::<u64>());
    if n != m {
        return Err(NotComputable::reason(format!("the test needs samples of equal size, not {n} and {m}")));
    }
    if reference.len() < 2 {
        return Ok(1.0);
    }
    // Of three or four values together Evidently takes one, by hash order, against the others; here it is the least.
    let (zero_reference, zero_current) = (reference[0], current[0]);
    Ok(statistic::fisher(m - zero_current, zero_current, n - zero_reference, zero_reference))
}

/// The share of the permutations of [`Method::TotalVariation`] whose distance is above the observed one, ties left out:
/// the other end of what the rounding of sums may make of its p-value. Errors: as [`score`].
pub fn total_variation_above(pair: &Pair) -> Result<f64, NotComputable> {
    let (reference, current, categories) = pair.codes()?;
    Ok(statistic::total_variation(&reference, &current, categories).1)
}
