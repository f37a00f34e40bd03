use columns::Table;
use serde_json::json;

use super::checks;
use super::{Finding, Kind, Plan, Verdict, Verification};
use crate::{Check, Error, FailingRow};

/// Looks at a table, and at a table of test data where there is one. What a check cannot tell is a finding of its own;
/// the others still come.
///
/// Errors: `BadVerification` for a plan that cannot be meant.
pub fn verify(table: &Table, test: Option<&Table>, plan: &Plan) -> Result<Verification, Error> {
    plan.validate()?;
    let findings = plan.kinds(test.is_some()).into_iter().map(|kind| find(kind, table, test, plan)).collect();
    Ok(Verification::new(table.rows(), plan.level, findings))
}

fn find(kind: Kind, table: &Table, test: Option<&Table>, plan: &Plan) -> Finding {
    let found = match kind {
        Kind::LabelErrors => checks::label_errors(table, plan),
        Kind::Agreement => checks::agreement(table, plan),
        Kind::Coverage => checks::coverage(table, plan),
        Kind::Proxies => checks::proxies(table, plan),
        Kind::Duplicates => checks::duplicates(table, plan),
        Kind::Contamination => checks::contamination(table, test, plan),
        Kind::Leakage => checks::leakage(table, plan),
        Kind::Outliers => checks::outliers(table, plan),
        Kind::SpectralSignatures | Kind::ActivationClusters => checks::planted(kind, table, plan),
        Kind::NeighbourDisagreement => checks::disagreement(table, plan),
        Kind::Novelty => checks::novelty(table, test, plan),
        Kind::StreamOutliers => checks::stream_outliers(table, plan),
    };
    found.unwrap_or_else(|error| Finding::not_computable(kind, table.rows(), error))
}

/// The findings as checks of a data report: only a failure refuses the data. `place` says where a row (from 0) stands.
pub fn findings_as_checks(
    verification: &Verification,
    mut place: impl FnMut(usize, serde_json::Value) -> FailingRow,
) -> Vec<Check> {
    let mut checks = Vec::with_capacity(verification.findings.len());
    for f in &verification.findings {
        let rows = f.evidence.iter().filter_map(|e| Some((e.row?.checked_sub(1)?, e.value.clone())));
        let failing = rows.map(|(row, value)| place(row as usize, value)).collect();
        checks.push(Check {
            name: format!("verification: {}", f.check.name().replace('_', " ")),
            rule: format!("verification.{}", f.check.name()),
            column: None,
            passed: f.verdict != Verdict::Fail,
            expected: json!(f.threshold),
            observed: json!({
                "verdict": f.verdict, "statistic": f.statistic, "interval": f.interval, "n": f.n,
            }),
            text: f.text.clone(),
            failed_rows: f.found,
            failing,
        });
    }
    checks
}
