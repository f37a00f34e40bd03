//! What a shadow's answers were like beside those that the callers got.

use std::time::Duration;

use runtimes::{Frame, Values};
use serde::{Deserialize, Serialize};

use crate::stats::{BUCKETS, bucket, quantile};

/// Of one shadow, over all servers and since it began. Only requests that the callers got an answer to are copied.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ShadowFigures {
    pub requests: u64,
    /// Requests that the shadow failed.
    pub errors: u64,
    /// Rows that both sides answered in outputs of the same names.
    pub rows: u64,
    /// Those of them with an output of classes: texts, whole numbers or booleans.
    pub class_rows: u64,
    /// Those of `class_rows` in which a class differs.
    pub other_class: u64,
    /// Sum over all numbers of |shadow − answered|.
    pub difference: f64,
    /// Sum over the same numbers of |answered|.
    pub scale: f64,
    /// Rows in which only one side's number is finite.
    pub not_finite: u64,
    /// Latencies as [`crate::stats`] counts them.
    latency: Vec<u64>,
    answered_latency: Vec<u64>,
}

impl ShadowFigures {
    /// A copy that the shadow failed.
    pub(crate) fn failed(&mut self) {
        self.requests += 1;
        self.errors += 1;
    }

    /// A copy that it answered. `answered` is what the caller got.
    pub(crate) fn compared(&mut self, answered: (&Frame, Duration), shadow: (&Frame, Duration)) {
        self.requests += 1;
        count(&mut self.answered_latency, answered.1);
        count(&mut self.latency, shadow.1);
        let (answered, shadow) = (answered.0, shadow.0);
        if answered.rows != shadow.rows {
            return;
        }
        let mut other = vec![false; answered.rows];
        let mut odd = vec![false; answered.rows];
        let (mut classes, mut numbers) = (false, false);
        for (place, column) in answered.columns.iter().enumerate() {
            let Some(twin) = shadow.column_near(place, &column.name) else { continue };
            match (&column.values, &twin.values) {
                (Values::Float(a), Values::Float(b)) => {
                    numbers = true;
                    for (row, (a, b)) in a.iter().zip(b).enumerate() {
                        if a.is_finite() && b.is_finite() {
                            self.difference += (b - a).abs();
                            self.scale += a.abs();
                        } else if a.is_finite() != b.is_finite() {
                            odd[row] = true;
                        }
                    }
                }
                (Values::Integer(a), Values::Integer(b)) => differing(a, b, &mut other, &mut classes),
                (Values::Boolean(a), Values::Boolean(b)) => differing(a, b, &mut other, &mut classes),
                (Values::Text(a), Values::Text(b)) => differing(a, b, &mut other, &mut classes),
                _ => {}
            }
        }
        let of = |marks: &[bool]| marks.iter().filter(|m| **m).count() as u64;
        if classes {
            self.class_rows += answered.rows as u64;
            self.other_class += of(&other);
        }
        if classes || numbers {
            self.rows += answered.rows as u64;
            self.not_finite += of(&odd);
        }
    }

    /// How far the shadow's answers are from those that were given, 0 where they are the same: the share of rows with
    /// another class, or, for models that give numbers alone, the sum of the differences over the sum of the answers'
    /// sizes (plus the share of rows in which only one side's number is finite).
    ///
    /// `None`: the two have no output in common, or there were no rows.
    pub fn disagreement(&self) -> Option<f64> {
        if self.class_rows > 0 {
            return Some(self.other_class as f64 / self.class_rows as f64);
        }
        if self.rows == 0 {
            return None;
        }
        let odd = self.not_finite as f64 / self.rows as f64;
        let apart = match (self.difference, self.scale) {
            (0.0, _) => 0.0,
            (_, 0.0) => f64::INFINITY,
            (difference, scale) => difference / scale,
        };
        Some(apart + odd)
    }

    /// The share of requests that it failed; 0 without requests.
    pub fn error_share(&self) -> f64 {
        if self.requests == 0 { 0.0 } else { self.errors as f64 / self.requests as f64 }
    }

    /// Of the shadow, in milliseconds; 0 without requests.
    pub fn p95_ms(&self) -> f64 {
        quantile(&self.latency, 0.95)
    }

    /// Of those who answered the same requests.
    pub fn answered_p95_ms(&self) -> f64 {
        quantile(&self.answered_latency, 0.95)
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.errors += other.errors;
        self.rows += other.rows;
        self.class_rows += other.class_rows;
        self.other_class += other.other_class;
        self.difference += other.difference;
        self.scale += other.scale;
        self.not_finite += other.not_finite;
        for (into, from) in
            [(&mut self.latency, &other.latency), (&mut self.answered_latency, &other.answered_latency)]
        {
            into.resize(into.len().max(from.len()), 0);
            into.iter_mut().zip(from).for_each(|(sum, n)| *sum += n);
        }
    }
}

fn differing<T: PartialEq>(a: &[T], b: &[T], other: &mut [bool], classes: &mut bool) {
    *classes = true;
    for (mark, (a, b)) in other.iter_mut().zip(a.iter().zip(b)) {
        *mark |= a != b;
    }
}

fn count(buckets: &mut Vec<u64>, took: Duration) {
    buckets.resize(BUCKETS, 0);
    buckets[bucket(took)] += 1;
}

#[cfg(test)]
mod tests {
    use runtimes::Column;

    use super::*;

    fn frame(columns: Vec<(&str, Values)>) -> Frame {
        let columns = columns.into_iter().map(|(name, values)| Column { name: name.into(), values });
        Frame::new(columns.collect()).unwrap()
    }

    fn apart(a: &Frame, b: &Frame) -> ShadowFigures {
        let mut figures = ShadowFigures::default();
        let took = Duration::from_millis(1);
        figures.compared((a, took), (b, took));
        figures
    }

    #[test]
    fn classes_are_compared_as_classes_and_numbers_by_their_distance() {
        let label = |v: [i64; 4]| ("label", Values::Integer(v.map(Some).to_vec()));
        let score = |v: [f64; 4]| ("score", Values::Float(v.to_vec()));
        let (a, b) = (label([0, 1, 1, 0]), label([0, 1, 0, 0]));
        let (p, q) = (score([0.5, 1.0, 1.5, 1.0]), score([0.5, 1.0, 1.1, 1.0]));
        let both = apart(&frame(vec![a.clone(), p.clone()]), &frame(vec![b, q.clone()]));
        assert_eq!((both.rows, both.other_class, both.disagreement()), (4, 1, Some(0.25)));
        let numbers = apart(&frame(vec![p.clone()]), &frame(vec![q]));
        assert!((numbers.disagreement().unwrap() - 0.1).abs() < 1e-12, "{numbers:?}");
        let odd = apart(&frame(vec![p.clone()]), &frame(vec![score([0.5, f64::NAN, 1.5, 1.0])]));
        assert_eq!(odd.disagreement(), Some(0.25));
        let nothing_in_common = apart(&frame(vec![p]), &frame(vec![a]));
        assert_eq!((nothing_in_common.requests, nothing_in_common.disagreement()), (1, None));
    }

    #[test]
    fn figures_of_several_servers_add_up() {
        let one = frame(vec![("y", Values::Float(vec![2.0]))]);
        let mut sum = ShadowFigures::default();
        sum.add(&apart(&one, &frame(vec![("y", Values::Float(vec![3.0]))])));
        sum.add(&apart(&one, &one));
        sum.failed();
        assert_eq!((sum.requests, sum.errors, sum.rows), (3, 1, 2));
        assert_eq!(sum.disagreement(), Some(0.25));
        assert!(sum.p95_ms() > 0.8 && sum.p95_ms() < 1.3, "{}", sum.p95_ms());
    }
}
