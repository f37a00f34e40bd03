use std::collections::BTreeMap;

use ledger::{Row, Value, params};
use types::{Timestamp, Uid};

use super::{Reads, Result, Writes, placeholders};
use crate::model::{MetricPoint, Point};

/// What stands in the row for a value: NaN is 0 with a flag, infinities are the largest finite numbers.
fn stored_value(value: f64) -> (f64, bool) {
    if value.is_nan() { (0.0, true) } else { (value.clamp(f64::MIN, f64::MAX), false) }
}

fn point(row: &Row) -> Result<Point> {
    let value = if row.get("is_nan")? { f64::NAN } else { row.get("value")? };
    Ok(Point { step: row.get("step")?, at: row.get("at")?, value })
}

/// Stores points and brings the run's summaries up to date. The number of points that were new.
pub(crate) fn insert(
    on: &mut impl Writes,
    run: i64,
    experiment: i64,
    points: &[MetricPoint],
    keys: &BTreeMap<String, i64>,
) -> Result<u64> {
    let mut by_key: BTreeMap<i64, Vec<&MetricPoint>> = BTreeMap::new();
    for point in points {
        if let Some(key) = keys.get(&point.key) {
            by_key.entry(*key).or_default().push(point);
        }
    }
    let mut total = 0;
    for (key, points) in by_key {
        total += insert_series(on, run, experiment, key, &points)?;
    }
    Ok(total)
}

fn insert_series(
    on: &mut impl Writes,
    run: i64,
    experiment: i64,
    key: i64,
    points: &[&MetricPoint],
) -> Result<u64> {
    let workspace = on.workspace();
    let (mut new, mut last, mut min, mut max) =
        (0_u64, None::<(i64, Timestamp, f64, bool)>, None::<f64>, None::<f64>);
    for point in points {
        let (value, is_nan) = stored_value(point.value);
        let added = on.run(
            "INSERT INTO metric_point (workspace_id, run_id, key_id, step, at, value, is_nan) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) \
             ON CONFLICT (workspace_id, run_id, key_id, step, at, value, is_nan) DO NOTHING",
            &params![workspace, run, key, point.step, point.at, value, is_nan],
        )?;
        if added == 0 {
            continue;
        }
        new += 1;
        let candidate = (point.step, point.at, value, is_nan);
        if last.is_none_or(|l| (candidate.0, candidate.1, candidate.2) > (l.0, l.1, l.2)) {
            last = Some(candidate);
        }
        if !is_nan {
            min = Some(min.map_or(value, |m| m.min(value)));
            max = Some(max.map_or(value, |m| m.max(value)));
        }
    }
    let Some((step, at, value, is_nan)) = last else { return Ok(0) };
    on.run(
        "INSERT INTO run_metric (workspace_id, run_id, key_id, experiment_id, last_value, is_nan, last_step, last_at, \
         min_value, max_value, points) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
         ON CONFLICT (workspace_id, run_id, key_id) DO UPDATE SET \
         last_value = CASE WHEN (excluded.last_step, excluded.last_at, excluded.last_value) \
           > (run_metric.last_step, run_metric.last_at, run_metric.last_value) \
           THEN excluded.last_value ELSE run_metric.last_value END, \
         is_nan = CASE WHEN (excluded.last_step, excluded.last_at, excluded.last_value) \
           > (run_metric.last_step, run_metric.last_at, run_metric.last_value) \
           THEN excluded.is_nan ELSE run_metric.is_nan END, \
         last_step = CASE WHEN (excluded.last_step, excluded.last_at, excluded.last_value) \
           > (run_metric.last_step, run_metric.last_at, run_metric.last_value) \
           THEN excluded.last_step ELSE run_metric.last_step END, \
         last_at = CASE WHEN (excluded.last_step, excluded.last_at, excluded.last_value) \
           > (run_metric.last_step, run_metric.last_at, run_metric.last_value) \
           THEN excluded.last_at ELSE run_metric.last_at END, \
         min_value = CASE WHEN run_metric.min_value IS NULL OR excluded.min_value < run_metric.min_value \
           THEN excluded.min_value ELSE run_metric.min_value END, \
         max_value = CASE WHEN run_metric.max_value IS NULL OR excluded.max_value > run_metric.max_value \
           THEN excluded.max_value ELSE run_metric.max_value END, \
         points = run_metric.points + excluded.points",
        &params![workspace, run, key, experiment, value, is_nan, step, at, min, max, new as i64],
    )?;
    Ok(new)
}

/// A page of one metric's points, oldest first. Up to `limit` + 1 points; all if there is no limit.
pub(crate) fn history(
    on: &mut impl Reads,
    run: i64,
    key: &str,
    limit: Option<i64>,
    offset: i64,
) -> Result<Vec<Point>> {
    let workspace = on.workspace();
    let limit = limit.map_or(i64::MAX, |l| l.saturating_add(1));
    let rows = on.rows(
        "SELECT step, at, value, is_nan FROM metric_point WHERE workspace_id = $1 AND run_id = $2 AND key_id = \
         (SELECT id FROM attribute_key WHERE workspace_id = $1 AND name = $3) \
         ORDER BY at, step, value, is_nan LIMIT $4 OFFSET $5",
        &params![workspace, run, key, limit, offset],
    )?;
    rows.iter().map(point).collect()
}

/// The points of several runs, by run id, then oldest first.
pub(crate) fn history_of_runs(
    on: &mut impl Reads,
    runs: &[Uid],
    key: &str,
    limit: i64,
) -> Result<Vec<(Uid, Point)>> {
    let sql = format!(
        "SELECT r.uid, p.step, p.at, p.value, p.is_nan FROM metric_point p JOIN run r ON r.id = p.run_id \
         WHERE p.workspace_id = $1 AND p.key_id = (SELECT id FROM attribute_key WHERE workspace_id = $1 AND name = $2) \
         AND r.workspace_id = $1 AND r.uid IN ({}) ORDER BY r.uid, p.at, p.step, p.value LIMIT ${}",
        placeholders(3, runs.len()),
        runs.len() + 3
    );
    let mut values = vec![Value::from(on.workspace()), Value::from(key)];
    values.extend(runs.iter().map(Value::from));
    values.push(limit.into());
    on.rows(&sql, &values)?.iter().map(|row| Ok((row.get("uid")?, point(row)?))).collect()
}

/// At most `most` logged points spread evenly over the series, by step; the last one always, and the first if
/// `most` > 1.
pub(crate) fn sample(
    on: &mut impl Reads,
    run: i64,
    key: &str,
    steps: Option<(i64, i64)>,
    most: i64,
) -> Result<Vec<Point>> {
    let workspace = on.workspace();
    let (first, last) = steps.unwrap_or((i64::MIN, i64::MAX));
    let rows = on.rows(
        "SELECT step, at, value, is_nan FROM (SELECT step, at, value, is_nan, \
           row_number() OVER (PARTITION BY bucket ORDER BY step, at, value, is_nan) AS place, \
           row_number() OVER (ORDER BY step DESC, at DESC, value DESC, is_nan DESC) AS place_from_end \
           FROM (SELECT step, at, value, is_nan, ntile($1) OVER (ORDER BY step, at, value, is_nan) AS bucket \
             FROM metric_point WHERE workspace_id = $2 AND run_id = $3 AND key_id = \
             (SELECT id FROM attribute_key WHERE workspace_id = $2 AND name = $4) AND step >= $5 AND step <= $6) b) p \
         WHERE place = 1 OR place_from_end = 1 ORDER BY step, at, value, is_nan",
        &params![most, workspace, run, key, first, last],
    )?;
    let mut points = rows.iter().map(point).collect::<Result<Vec<_>>>()?;
    // The end matters more than the start of the last bucket.
    if points.len() as i64 > most && points.len() >= 2 {
        points.remove(points.len() - 2);
    }
    Ok(points)
}

/// The first, last, lowest and highest point of each of `buckets` equal parts of the series, by step.
pub(crate) fn extremes(on: &mut impl Reads, run: i64, key: &str, buckets: i64) -> Result<Vec<Point>> {
    let workspace = on.workspace();
    let rows = on.rows(
        "SELECT step, at, value, is_nan FROM (SELECT step, at, value, is_nan, \
           row_number() OVER (PARTITION BY bucket ORDER BY value, step) AS lowest, \
           row_number() OVER (PARTITION BY bucket ORDER BY value DESC, step) AS highest, \
           row_number() OVER (ORDER BY step, at, value, is_nan) AS place, \
           row_number() OVER (ORDER BY step DESC, at DESC, value DESC, is_nan DESC) AS place_from_end \
           FROM (SELECT step, at, value, is_nan, ntile($1) OVER (ORDER BY step, at, value, is_nan) AS bucket \
             FROM metric_point WHERE workspace_id = $2 AND run_id = $3 AND key_id = \
             (SELECT id FROM attribute_key WHERE workspace_id = $2 AND name = $4)) b) p \
         WHERE lowest = 1 OR highest = 1 OR place = 1 OR place_from_end = 1 ORDER BY step, at, value, is_nan",
        &params![buckets, workspace, run, key],
    )?;
    rows.iter().map(point).collect()
}

/// How many points the run has of each metric, by name.
pub(crate) fn counts(on: &mut impl Reads, run: i64) -> Result<BTreeMap<String, i64>> {
    let workspace = on.workspace();
    let rows = on.rows(
        "SELECT k.name, m.points FROM run_metric m JOIN attribute_key k ON k.id = m.key_id \
         WHERE m.workspace_id = $1 AND m.run_id = $2",
        &params![workspace, run],
    )?;
    rows.iter().map(|row| Ok((row.get("name")?, row.get("points")?))).collect()
}

/// Stores values that are about logged models. Unknown models are left out.
pub(crate) fn insert_for_models(on: &mut impl Writes, run: &Uid, points: &[MetricPoint]) -> Result<u64> {
    let workspace = on.workspace();
    let mut total = 0;
    for point in points {
        let Some(model) = &point.model else { continue };
        let Some(model_id) = super::logged_models::find_id(on, model)? else { continue };
        let (value, is_nan) = stored_value(point.value);
        let (name, digest) = point.dataset.clone().unwrap_or_default();
        total += on.run(
            "INSERT INTO logged_model_metric (workspace_id, model_id, name, run, step, at, value, is_nan, dataset_name, \
             dataset_digest) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             ON CONFLICT (workspace_id, model_id, name, run, step, at, value, is_nan, dataset_name, dataset_digest) \
             DO NOTHING",
            &params![
                workspace,
                model_id,
                point.key.as_str(),
                run,
                point.step,
                point.at,
                value,
                is_nan,
                name,
                digest.unwrap_or_default()
            ],
        )?;
    }
    Ok(total)
}
