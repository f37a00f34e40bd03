use columns::Table;
use serde_json::json;
use types::DataType;

use super::{percent, share_finding};
use crate::Error;
use crate::rows::{Novelty, RowProfile};
use crate::verify::features::feature_columns;
use crate::verify::{Evidence, Finding, Kind, Plan, Verdict};

/// Rows of the test data that lie farther from the table than nearly all of its own rows do: the check that every
/// prediction's row goes through, with the plan's level as its rate of false alarms.
pub(in crate::verify) fn novelty(table: &Table, test: Option<&Table>, plan: &Plan) -> Result<Finding, Error> {
    let test = test.ok_or_else(|| Error::BadVerification("there is no test data to look at".into()))?;
    let profile = RowProfile::of(table, &feature_columns(table, plan)?)?;
    let Some(novelty) = profile.novelty else {
        let why = "fewer than 100 rows have all of the columns, or none varies";
        return Err(Error::BadVerification(why.into()));
    };
    let coordinates = coordinates(&novelty, test)?;
    let limit = novelty.at(plan.level);
    let mut found: Vec<(f64, Evidence)> = Vec::new();
    let (mut measured, mut scratch) = (0, Vec::new());
    for at in 0..test.rows() {
        let row: Option<Vec<f64>> = coordinates.iter().map(|column| column[at]).collect();
        let Some(row) = row else { continue };
        measured += 1;
        let distance = novelty.squared_distance(&row, &mut scratch);
        if distance <= limit.above {
            continue;
        }
        let farthest = row.iter().zip(&novelty.columns).max_by(|a, b| a.0.abs().total_cmp(&b.0.abs()));
        let column = farthest.map(|(_, scale)| scale.name.clone());
        let value = json!({ "mahalanobis": distance.sqrt(), "limit": limit.above.sqrt() });
        let why = "farther from the data than nearly all of its own rows".to_owned();
        found.push((distance, Evidence { row: Some(at as u64 + 1), column, value, why }));
    }
    if measured == 0 {
        return Err(Error::BadVerification("every row of the test data lacks one of the columns".into()));
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    let evidence = found.into_iter().map(|(_, e)| e).collect();
    let lacking = match test.rows() - measured {
        0 => String::new(),
        rows => format!("; {rows} rows lack a value, and have no distance"),
    };
    Ok(share_finding(Kind::Novelty, plan, measured, evidence, |verdict, share| match verdict {
        Verdict::Pass => format!(
            "no evidence of rows unlike the data's: {} of {measured} rows of the test data, where {} of the data's own are as \
             far{lacking}",
            percent(share),
            percent(limit.rate)
        ),
        _ => format!(
            "{} of {measured} rows of the test data are unlike the data, where {} of its own are as far{lacking}",
            percent(share),
            percent(limit.rate)
        ),
    }))
}

/// Of each column that distances are measured in, one a row; `None` where the row has no value.
fn coordinates(novelty: &Novelty, test: &Table) -> Result<Vec<Vec<Option<f64>>>, Error> {
    let mut columns = Vec::with_capacity(novelty.columns.len());
    for scale in &novelty.columns {
        columns.push(if test.field(&scale.name)?.data_type == DataType::String {
            let texts = test.texts(&scale.name)?;
            texts.iter().map(|text| text.as_deref().and_then(|text| scale.text(text))).collect()
        } else {
            let numbers = test.numbers(&scale.name)?;
            numbers.into_iter().map(|value| value.and_then(|value| scale.number(value))).collect()
        });
    }
    Ok(columns)
}
