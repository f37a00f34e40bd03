//! Histories and charts.

use std::collections::{HashMap, HashSet};

use ledger::{Value, params};
use types::Uid;

use super::segments::{self, Order, Segment};
use super::{Series, chunks};
use crate::chunk::{BUCKET, Bucket, FULL};
use crate::model::Point;
use crate::points::{by_step, by_time};
use crate::store::{PIECE, Reads, Result, placeholders};

const EVERY_STEP: (i64, i64) = (i64::MIN, i64::MAX);
/// Segments that are read at once.
const TOGETHER: usize = 64;

fn series(on: &mut impl Reads, run: i64, key: &str) -> Result<Option<Series>> {
    let workspace = on.workspace();
    let row = on.row(
        "SELECT id FROM attribute_key WHERE workspace_id = $1 AND name = $2",
        &params![workspace, key],
    )?;
    Ok(row.map(|row| row.get(0)).transpose()?.map(|key| Series { run, key }))
}

/// Where a page of a history begins.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Start {
    /// After as many points.
    Offset(usize),
    /// After this point.
    After(Point),
}

/// One metric's points by time, `limit` of them.
pub(crate) fn history(
    on: &mut impl Reads,
    run: i64,
    key: &str,
    start: Start,
    limit: usize,
) -> Result<Vec<Point>> {
    let Some(series) = series(on, run, key)? else { return Ok(Vec::new()) };
    match start {
        Start::Offset(offset) => page(on, series, offset, limit, Order::Time),
        Start::After(point) => page_after(on, series, point, limit),
    }
}

fn page_after(on: &mut impl Reads, series: Series, after: Point, limit: usize) -> Result<Vec<Point>> {
    let segments = segments::segments(on, series, EVERY_STEP, Order::Time)?;
    let rest: Vec<&Segment> =
        segments.iter().skip_while(|segment| segment.ends_before(&after, Order::Time)).collect();
    let mut found = Vec::new();
    for piece in rest.chunks(TOGETHER) {
        for part in segments::read(on, series, piece, EVERY_STEP, Order::Time)? {
            let later = part.into_iter().filter(|point| by_time(point, &after).is_gt());
            found.extend(later.take(limit - found.len()));
        }
        if found.len() >= limit {
            break;
        }
    }
    Ok(found)
}

fn page(
    on: &mut impl Reads,
    series: Series,
    mut offset: usize,
    limit: usize,
    order: Order,
) -> Result<Vec<Point>> {
    let segments = segments::segments(on, series, EVERY_STEP, order)?;
    let mut wanted: Vec<&Segment> = Vec::new();
    let mut points = 0;
    for segment in &segments {
        if wanted.is_empty() && segment.points <= offset {
            offset -= segment.points;
            continue;
        }
        if points >= offset.saturating_add(limit) {
            break;
        }
        points += segment.points;
        wanted.push(segment);
    }
    let mut found = Vec::with_capacity(points.saturating_sub(offset).min(limit));
    for piece in wanted.chunks(TOGETHER) {
        for part in segments::read(on, series, piece, EVERY_STEP, order)? {
            let skipped = offset.min(part.len());
            offset -= skipped;
            found.extend(part.into_iter().skip(skipped).take(limit - found.len()));
        }
    }
    Ok(found)
}

/// Points of several runs, by the runs' ids, then by time; at most `limit` in all. Unknown runs have none.
pub(crate) fn history_of_runs(
    on: &mut impl Reads,
    runs: &[Uid],
    key: &str,
    limit: usize,
) -> Result<Vec<(Uid, Point)>> {
    let mut known: Vec<(Uid, i64)> = Vec::new();
    for piece in runs.chunks(PIECE) {
        let sql = format!(
            "SELECT uid, id FROM run WHERE workspace_id = $1 AND uid IN ({})",
            placeholders(2, piece.len())
        );
        let mut values = vec![Value::from(on.workspace())];
        values.extend(piece.iter().map(Value::from));
        for row in on.rows(&sql, &values)? {
            known.push((row.get(0)?, row.get(1)?));
        }
    }
    known.sort_by_key(|(uid, _)| uid.hex());
    let mut found = Vec::new();
    for (uid, run) in known {
        if found.len() >= limit {
            break;
        }
        let points = history(on, run, key, Start::Offset(0), limit - found.len())?;
        found.extend(points.into_iter().map(|point| (uid, point)));
    }
    Ok(found)
}

/// At most `most` logged points spread evenly over the series, by step: the first of each of `most` equal parts, and
/// the last of all in place of the last part's first (`ntile` and window functions of upstream's store).
///
/// Where a part has more points than a chunk, no chunk is read: the bucket's first point at or before the wanted
/// place stands for it.
pub(crate) fn sample(
    on: &mut impl Reads,
    run: i64,
    key: &str,
    steps: Option<(i64, i64)>,
    most: usize,
) -> Result<Vec<Point>> {
    let Some(series) = series(on, run, key)? else { return Ok(Vec::new()) };
    let steps = steps.unwrap_or(EVERY_STEP);
    let segments = segments::segments(on, series, steps, Order::Step)?;
    // At the ends of the range: which of their points are inside is known by reading them.
    let partial = |s: &&Segment| s.steps.0 < steps.0 || s.steps.1 > steps.1;
    let edges: Vec<&Segment> = segments.iter().filter(partial).collect();
    let mut read_edges = segments::read(on, series, &edges, steps, Order::Step)?.into_iter();
    let mut parts: Vec<Part<'_>> = Vec::with_capacity(segments.len());
    for segment in &segments {
        let points = if partial(&segment) { read_edges.next() } else { None };
        parts.push(Part { count: points.as_ref().map_or(segment.points, Vec::len), segment, points });
    }
    let total: usize = parts.iter().map(|part| part.count).sum();
    if total == 0 || most == 0 {
        return Ok(Vec::new());
    }
    let mut places: Vec<usize> = if total <= most {
        (0..total).collect()
    } else {
        let (size, larger) = (total / most, total % most);
        (0..most).map(|part| part * size + part.min(larger)).collect()
    };
    // The end matters more than the start of the last part.
    if places.len() >= most && places.last() != Some(&(total - 1)) {
        places.pop();
    }
    if places.last() != Some(&(total - 1)) {
        places.push(total - 1);
    }
    pick(on, series, parts, &places, total / most >= FULL)
}

struct Part<'a> {
    segment: &'a Segment,
    count: usize,
    /// Where they are read already.
    points: Option<Vec<Point>>,
}

/// The points at `places`, which ascend. If `roughly`, buckets stand for chunks, except for the last place.
fn pick(
    on: &mut impl Reads,
    series: Series,
    parts: Vec<Part<'_>>,
    places: &[usize],
    roughly: bool,
) -> Result<Vec<Point>> {
    let mut found = Vec::with_capacity(places.len());
    let mut places = places.iter().copied().peekable();
    let mut start = 0;
    // What is wanted of each part that has something wanted.
    let mut wanted: Vec<(Part<'_>, Vec<usize>)> = Vec::new();
    for part in parts {
        let mut here = Vec::new();
        while let Some(place) = places.next_if(|place| *place < start + part.count) {
            here.push(place - start);
        }
        start += part.count;
        if !here.is_empty() {
            wanted.push((part, here));
        }
    }
    let last = wanted.len().saturating_sub(1);
    let buckets = if roughly {
        all_buckets(on, series, wanted.iter().take(last).map(|w| w.0.segment))?
    } else {
        HashMap::new()
    };
    let unread: Vec<&Segment> = wanted
        .iter()
        .filter(|(part, _)| {
            part.points.is_none() && !part.segment.chunk().is_some_and(|c| buckets.contains_key(&c))
        })
        .map(|(part, _)| part.segment)
        .collect();
    let mut read = Vec::new();
    for piece in unread.chunks(TOGETHER) {
        read.extend(segments::read(on, series, piece, EVERY_STEP, Order::Step)?);
    }
    let mut read = read.into_iter();
    for (part, here) in wanted {
        let buckets = part.segment.chunk().and_then(|chunk| buckets.get(&chunk));
        match (part.points, buckets) {
            (Some(points), _) => found.extend(here.iter().filter_map(|place| points.get(*place))),
            (None, Some(buckets)) => {
                found.extend(here.iter().filter_map(|place| buckets.get(place / BUCKET)).map(|b| b.first));
            }
            (None, None) => {
                let points = read.next().unwrap_or_default();
                found.extend(here.iter().filter_map(|place| points.get(*place)));
            }
        }
    }
    Ok(found)
}

/// Buckets of those segments that are single chunks, by `seq`.
fn all_buckets<'a>(
    on: &mut impl Reads,
    series: Series,
    segments: impl Iterator<Item = &'a Segment>,
) -> Result<HashMap<i64, Vec<Bucket>>> {
    let wanted: HashSet<i64> = segments.filter_map(Segment::chunk).collect();
    let (Some(first), Some(last)) = (wanted.iter().min(), wanted.iter().max()) else {
        return Ok(HashMap::new());
    };
    let mut found = chunks::buckets(on, series, (*first, *last))?;
    // Others may stand between them, where points came out of order.
    found.retain(|seq, _| wanted.contains(seq));
    Ok(found)
}

/// A series for a chart: all of it if it has at most `most` points (≥ 4), else the lowest and highest point of equal
/// parts, with the first and last point of all. Chunks of a long series are not read; their buckets are.
pub(crate) fn drawn(on: &mut impl Reads, run: i64, key: &str, most: usize) -> Result<Vec<Point>> {
    let Some(series) = series(on, run, key)? else { return Ok(Vec::new()) };
    let segments = segments::segments(on, series, EVERY_STEP, Order::Step)?;
    let total: usize = segments.iter().map(|s| s.points).sum();
    if total <= most {
        return page(on, series, 0, total, Order::Step);
    }
    let mut chart = Chart { parts: vec![None; (most.max(4) - 2) / 2], total, place: 0, ends: None };
    let roughly = total / chart.parts.len() >= 2 * BUCKET;
    let inner = segments.get(1..segments.len().saturating_sub(1)).unwrap_or_default();
    let buckets = if roughly { all_buckets(on, series, inner.iter())? } else { HashMap::new() };
    for piece in segments.chunk_by(|a, b| {
        let drawn = |s: &Segment| s.chunk().is_some_and(|c| buckets.contains_key(&c));
        drawn(a) == drawn(b)
    }) {
        for piece in piece.chunks(TOGETHER) {
            let known: Option<Vec<_>> =
                piece.iter().map(|s| s.chunk().and_then(|chunk| buckets.get(&chunk))).collect();
            match known {
                Some(known) => {
                    for (segment, buckets) in piece.iter().zip(known) {
                        chart.add_buckets(buckets, segment.points);
                    }
                }
                None => {
                    let piece: Vec<_> = piece.iter().collect();
                    for points in segments::read(on, series, &piece, EVERY_STEP, Order::Step)? {
                        points.into_iter().for_each(|point| chart.add(point, point, 1));
                    }
                }
            }
        }
    }
    Ok(chart.finish())
}

/// Lowest and highest points of equal parts of a series.
struct Chart {
    parts: Vec<Option<(Point, Point)>>,
    total: usize,
    /// How many points came so far.
    place: usize,
    /// The first and the last point.
    ends: Option<(Point, Point)>,
}

impl Chart {
    fn add(&mut self, low: Point, high: Point, points: usize) {
        let part = self.place * self.parts.len() / self.total.max(1);
        self.place += points;
        self.ends = Some((self.ends.map_or(low, |ends| ends.0), high));
        let Some(part) = self.parts.get_mut(part) else { return };
        let (lowest, highest) = part.get_or_insert((low, high));
        if low.value < lowest.value || lowest.value.is_nan() {
            *lowest = low;
        }
        if high.value > highest.value || highest.value.is_nan() {
            *highest = high;
        }
    }

    fn add_buckets(&mut self, buckets: &[Bucket], points: usize) {
        for (index, bucket) in buckets.iter().enumerate() {
            self.add(bucket.low, bucket.high, (points - (index * BUCKET).min(points)).min(BUCKET));
        }
    }

    fn finish(self) -> Vec<Point> {
        let mut found: Vec<Point> = self.parts.into_iter().flatten().flat_map(|(a, b)| [a, b]).collect();
        found.extend(self.ends.into_iter().flat_map(|(first, last)| [first, last]));
        found.sort_by(by_step);
        found.dedup_by(|a, b| by_step(a, b).is_eq());
        found
    }
}
