use columns::Table;
use serde_json::json;
use statistics::outliers::{OnlineMahalanobis, OnlineSettings, cut};
use statistics::{Matrix, eigen};
use types::DataType;

use super::{percent, share_finding};
use crate::Error;
use crate::verify::features::{encoded, feature_columns};
use crate::verify::{Evidence, Finding, Kind, Plan, Verdict};

/// Rows that are taken in at once.
const BATCH: usize = 256;
/// Of columns that are scaled to one.
const LEAST: f64 = 1e-6;

/// Rows far from those before them, in the order of the plan's time, or as they stand. The first hundred are taken in and not
/// judged.
pub(in crate::verify) fn stream_outliers(table: &Table, plan: &Plan) -> Result<Finding, Error> {
    let mut names = feature_columns(table, plan)?;
    names.retain(|name| plan.time.as_ref() != Some(name));
    let matrix =
        encoded(table, &names)?.ok_or_else(|| Error::BadVerification("no column is a feature".into()))?;
    let components = components(&matrix);
    let settings = OnlineSettings { components, ..OnlineSettings::default() };
    let n = matrix.rows();
    let judged = n.saturating_sub(settings.clip_after);
    if judged == 0 {
        return Err(Error::BadVerification(format!(
            "{n} rows are too few: the first {} are not judged",
            settings.clip_after
        )));
    }
    let order = order(table, plan)?;
    let limit = cut(components, plan.level);
    let mut detector = OnlineMahalanobis::new(matrix.columns(), settings)?;
    let mut found: Vec<(f64, Evidence)> = Vec::new();
    for (batch, rows) in order.chunks(BATCH).enumerate() {
        let taken: Vec<&[f64]> = rows.iter().map(|row| matrix.row(*row)).collect();
        for ((place, row), distance) in
            rows.iter().enumerate().zip(detector.score(&Matrix::of_rows(&taken)?)?)
        {
            if batch * BATCH + place < settings.clip_after || distance <= limit {
                continue;
            }
            let value = json!({ "mahalanobis": distance.sqrt(), "limit": limit.sqrt() });
            let why = "far from the rows before it".to_owned();
            found.push((distance, Evidence { row: Some(*row as u64 + 1), column: None, value, why }));
        }
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    let evidence = found.into_iter().map(|(_, e)| e).collect();
    Ok(share_finding(Kind::StreamOutliers, plan, judged, evidence, |verdict, share| match verdict {
        Verdict::Pass => format!(
            "no evidence of rows far from those before them: {} of {judged} rows, in {components} principal components",
            percent(share)
        ),
        _ => format!(
            "{} of {judged} rows are far from those before them, in {components} principal components",
            percent(share)
        ),
    }))
}

/// As many principal components as can be measured in: together their spreads stay away from nothing, which the detector
/// takes for rows that do not span them.
fn components(matrix: &Matrix) -> usize {
    let spreads = eigen(&matrix.covariance()).values;
    let mut together = 1.0;
    let spans = |spread: &&f64| {
        together *= **spread;
        **spread > LEAST && together > LEAST
    };
    spreads.iter().take_while(spans).count().max(1)
}

/// Rows without a time come last.
fn order(table: &Table, plan: &Plan) -> Result<Vec<usize>, Error> {
    let mut rows: Vec<usize> = (0..table.rows()).collect();
    let Some(time) = &plan.time else { return Ok(rows) };
    match table.field(time)?.data_type {
        DataType::Timestamp => {
            let times = table.timestamps(time)?;
            rows.sort_by_key(|row| (times[*row].is_none(), times[*row]));
        }
        of if of.is_numeric() => {
            let times = table.numbers(time)?;
            let at = |row: &usize| times[*row].filter(|t| t.is_finite()).unwrap_or(f64::INFINITY);
            rows.sort_by(|a, b| at(a).total_cmp(&at(b)));
        }
        // As they are written, such as 2026-11-27.
        _ => {
            let times = table.texts(time)?;
            rows.sort_by(|a, b| (times[*a].is_none(), &times[*a]).cmp(&(times[*b].is_none(), &times[*b])));
        }
    }
    Ok(rows)
}
