//! A series as parts that follow each other: what a page or a chart leaves out is never read.

use super::Series;
use super::chunks::{self, Head};
use super::tail;
use crate::model::Point;
use crate::points::{by_step, by_time, sort};
use crate::store::{Reads, Result};

/// Which order the parts follow each other in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Order {
    Step,
    Time,
}

enum Source {
    Chunk(Head),
    Tail(Vec<Point>),
}

/// Chunks, and perhaps the tail, whose ranges overlap. Every point of a segment comes before every point of the next.
pub(super) struct Segment {
    sources: Vec<Source>,
    pub points: usize,
    /// The least and greatest step.
    pub steps: (i64, i64),
    /// No point comes after this in the order of the segments.
    end: Key,
}

impl Segment {
    /// Whether every point surely comes before `point`, in the order of the segments.
    pub fn ends_before(&self, point: &Point, order: Order) -> bool {
        let key = order.keys((point.step, point.step), (point.at.0, point.at.0)).0;
        self.end < key
    }

    /// The `seq` of the chunk, if it is a single one.
    pub fn chunk(&self) -> Option<i64> {
        match self.sources.as_slice() {
            [Source::Chunk(head)] => Some(head.seq),
            _ => None,
        }
    }
}

/// Step and time, the one first that the order goes by.
type Key = (i64, i64);

impl Order {
    /// Least and greatest key of a rectangle of steps and times.
    fn keys(self, steps: (i64, i64), times: (i64, i64)) -> (Key, Key) {
        match self {
            Self::Step => ((steps.0, times.0), (steps.1, times.1)),
            Self::Time => ((times.0, steps.0), (times.1, steps.1)),
        }
    }
}

/// The segments of a series that have steps in `steps`, in order. They may have points outside of it, too.
pub(super) fn segments(
    on: &mut impl Reads,
    series: Series,
    steps: (i64, i64),
    order: Order,
) -> Result<Vec<Segment>> {
    let mut parts: Vec<((Key, Key), Segment)> = chunks::heads(on, series, steps)?
        .into_iter()
        .map(|head| {
            let keys = order.keys(head.steps, head.times);
            let sources = vec![Source::Chunk(head)];
            (keys, Segment { points: head.points, steps: head.steps, end: keys.1, sources })
        })
        .collect();
    let tail = tail::read(on, series, steps)?;
    if let (Some(first), Some(last)) = (tail.first(), tail.last()) {
        let steps = (first.step, last.step);
        let times = tail.iter().fold((first.at.0, first.at.0), |(a, b), p| (a.min(p.at.0), b.max(p.at.0)));
        let keys = order.keys(steps, times);
        let segment = Segment { points: tail.len(), steps, end: keys.1, sources: vec![Source::Tail(tail)] };
        parts.push((keys, segment));
    }
    parts.sort_by_key(|(keys, _)| *keys);
    let mut found: Vec<Segment> = Vec::with_capacity(parts.len());
    for ((start, _), part) in parts {
        match found.last_mut() {
            Some(last) if start <= last.end => {
                last.end = last.end.max(part.end);
                last.points += part.points;
                last.steps = (last.steps.0.min(part.steps.0), last.steps.1.max(part.steps.1));
                last.sources.extend(part.sources);
            }
            _ => found.push(part),
        }
    }
    Ok(found)
}

/// The points of each segment, in `order`; those outside of `steps` are left out. Chunks are read many at once.
pub(super) fn read(
    on: &mut impl Reads,
    series: Series,
    segments: &[&Segment],
    steps: (i64, i64),
    order: Order,
) -> Result<Vec<Vec<Point>>> {
    let heads: Vec<Head> = segments
        .iter()
        .flat_map(|segment| &segment.sources)
        .filter_map(|source| match source {
            Source::Chunk(head) => Some(*head),
            Source::Tail(_) => None,
        })
        .collect();
    let mut chunks = chunks::read(on, series, &heads)?;
    let of_segment = |segment: &&Segment| {
        let mut points = Vec::with_capacity(segment.points);
        for source in &segment.sources {
            match source {
                Source::Chunk(head) => points.extend(chunks.remove(&head.seq).unwrap_or_default()),
                Source::Tail(tail) => points.extend_from_slice(tail),
            }
        }
        if segment.steps.0 < steps.0 || segment.steps.1 > steps.1 {
            points.retain(|p| (steps.0..=steps.1).contains(&p.step));
        }
        sort(&mut points, if order == Order::Step { by_step } else { by_time });
        points
    };
    Ok(segments.iter().map(of_segment).collect())
}
