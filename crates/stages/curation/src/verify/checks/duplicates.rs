use std::collections::HashMap;

use columns::Table;
use datasets::ROW_ID;
use serde_json::json;
use types::{DataType, Timestamp};

use super::{percent, share_finding};
use crate::Error;
use crate::verify::{Evidence, Finding, Kind, Plan, Verdict};

/// The values of a row as one text that no other row has by accident.
fn fingerprints(table: &Table, columns: &[String]) -> Result<Vec<String>, Error> {
    let mut prints = vec![String::new(); table.rows()];
    for column in columns {
        for (print, text) in prints.iter_mut().zip(table.texts(column)?) {
            match text {
                Some(text) => {
                    print.push_str(&text.len().to_string());
                    print.push(':');
                    print.push_str(&text);
                }
                None => print.push('-'),
            }
        }
    }
    Ok(prints)
}

fn content(table: &Table, plan: &Plan, with_label: bool) -> Vec<String> {
    let out = |name: &str| {
        name == ROW_ID
            || plan.key.as_deref() == Some(name)
            || plan.ignore.iter().any(|ignored| ignored == name)
            || !with_label && plan.label.as_deref() == Some(name)
    };
    table.schema().names().filter(|name| !out(name)).map(str::to_owned).collect()
}

/// Rows that repeat an earlier one, and equal rows with unequal labels.
pub(in crate::verify) fn duplicates(table: &Table, plan: &Plan) -> Result<Finding, Error> {
    if table.rows() == 0 {
        return Err(Error::BadVerification("there are no rows".into()));
    }
    let features = fingerprints(table, &content(table, plan, false))?;
    let labels = match &plan.label {
        Some(label) => table.texts(label)?,
        None => vec![None; table.rows()],
    };
    let mut first: HashMap<&String, usize> = HashMap::new();
    let (mut conflicts, mut repeats) = (Vec::new(), Vec::new());
    for (row, print) in features.iter().enumerate() {
        let before = *first.entry(print).or_insert(row);
        if before == row {
            continue;
        }
        let conflict = labels[before] != labels[row];
        let why = match conflict {
            true => format!("is row {} again, with another label", before + 1),
            false => format!("is row {} again", before + 1),
        };
        let value = json!({"repeats": before + 1, "label": labels[row]});
        let evidence = Evidence { row: Some(row as u64 + 1), column: None, value, why };
        if conflict { conflicts.push(evidence) } else { repeats.push(evidence) }
    }
    let contradicted = conflicts.len();
    let evidence = conflicts.into_iter().chain(repeats).collect();
    let n = table.rows();
    Ok(share_finding(Kind::Duplicates, plan, n, evidence, |verdict, share| match verdict {
        Verdict::Pass => format!(
            "{} of {n} rows repeat an earlier row, {contradicted} of them with another label",
            percent(share)
        ),
        _ => format!(
            "{} of {n} rows repeat an earlier row, {contradicted} of them with another label: they count more than \
             once, and may lie on both sides of a split",
            percent(share)
        ),
    }))
}

/// Points in time; days are their midnights. Errors: `Columns` for other types.
fn times(table: &Table, column: &str) -> Result<Vec<Option<Timestamp>>, Error> {
    if table.field(column)?.data_type != DataType::Date {
        return Ok(table.timestamps(column)?);
    }
    let day = |text: String| Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z"));
    Ok(table.texts(column)?.into_iter().map(|text| text.and_then(day)).collect())
}

/// Test rows that are in the training data, by content or by key, or lie before its end in time.
pub(in crate::verify) fn contamination(
    table: &Table,
    test: Option<&Table>,
    plan: &Plan,
) -> Result<Finding, Error> {
    let Some(test) = test else {
        return Err(Error::BadVerification("contamination needs test data".into()));
    };
    let columns: Vec<String> =
        content(table, plan, false).into_iter().filter(|name| test.field(name).is_ok()).collect();
    if columns.is_empty() || test.rows() == 0 {
        return Err(Error::BadVerification(
            "train and test data share no column, or there is no test row".into(),
        ));
    }
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (row, print) in fingerprints(table, &columns)?.into_iter().enumerate() {
        seen.entry(print).or_insert(row);
    }
    let mut reasons: Vec<Option<(u64, String)>> = vec![None; test.rows()];
    if let Some(time) = &plan.time {
        let end = times(table, time)?.into_iter().flatten().max();
        for (reason, at) in reasons.iter_mut().zip(times(test, time)?) {
            if at.is_some() && at <= end {
                *reason = Some((0, "is not after the end of the training data".to_owned()));
            }
        }
    }
    if let Some(key) = &plan.key {
        let keys: HashMap<String, usize> =
            table.texts(key)?.into_iter().zip(0..).filter_map(|(k, row)| Some((k?, row))).collect();
        for (reason, value) in reasons.iter_mut().zip(test.texts(key)?) {
            if let Some(row) = value.and_then(|value| keys.get(&value).copied()) {
                *reason = Some((row as u64 + 1, format!("has the key of training row {}", row + 1)));
            }
        }
    }
    for (reason, print) in reasons.iter_mut().zip(fingerprints(test, &columns)?) {
        if let Some(row) = seen.get(&print) {
            *reason = Some((*row as u64 + 1, format!("is training row {}", row + 1)));
        }
    }
    let evidence = reasons
        .into_iter()
        .enumerate()
        .filter_map(|(row, reason)| {
            let (train, why) = reason?;
            Some(Evidence {
                row: Some(row as u64 + 1),
                column: None,
                value: json!({"training_row": train}),
                why,
            })
        })
        .collect();
    let n = test.rows();
    Ok(share_finding(Kind::Contamination, plan, n, evidence, |verdict, share| match verdict {
        Verdict::Pass => format!("none of {n} test rows is in the training data"),
        _ => format!(
            "{} of {n} test rows are known from the training data: results on them say too much",
            percent(share)
        ),
    }))
}
