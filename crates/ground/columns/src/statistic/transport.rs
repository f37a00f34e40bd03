//! The area between two distribution functions, without sorting the samples.

use super::energy::{between, between_parts};
use crate::lanes::{LANES, each};

/// Together with fewer values samples are sorted at once.
const FEW: usize = 16_384;
/// Most steps that a range is divided into: the counts and sums of its intervals stay in the processor's second cache.
const MOST_STEPS: usize = 32_768;
/// Values of an interval, on average, where there are not too many for it: of the whole range, and of an interval in it.
const FILL: [usize; 2] = [64, 8];
/// With fewer values an interval is not divided.
const LEAST: usize = 16;
/// How often an interval is divided again before its values are sorted, however many they are.
const DIVISIONS: u32 = 8;
/// Where 64 bits have no fraction: adding it rounds to a whole number, which its lower bits are.
const WHOLE: f64 = (1_u64 << 52) as f64;

/// Wasserstein distance of order one of two finite samples, in the order of their rows: ∫|F − G|, as
/// `scipy.stats.wasserstein_distance`.
///
/// The range is divided into equal intervals. Where F − G keeps its sign through an interval, the area follows from how
/// many values lie in it and from their sum. The other intervals are divided again, and only what is left at the end
/// is sorted.
pub(crate) fn wasserstein(x: &[f64], y: &[f64]) -> f64 {
    if x.len() + y.len() < FEW {
        let mut area = 0.0;
        let (x, y) = (crate::sort::sorted(x), crate::sort::sorted(y));
        between(&x, &y, |difference, width| area += difference.abs() * width);
        return area;
    }
    let whole = Stretch { before: (0, 0), sizes: (x.len(), y.len()), divisions: DIVISIONS };
    let divided = whole.divided(x, y, range(&[x, y]), FILL[0]);
    divided.unwrap_or_else(|| whole.walked(&mut x.to_vec(), &mut y.to_vec()))
}

/// A part of the line, of which the values of both samples are known.
#[derive(Clone, Copy)]
struct Stretch {
    /// Values of either sample that are less.
    before: (usize, usize),
    /// Of the whole samples.
    sizes: (usize, usize),
    /// How often it may be divided yet.
    divisions: u32,
}

/// Values of one sample in an interval: how many, and how far all together are from its middle, in its width.
#[derive(Clone, Copy, Default)]
struct Held {
    count: usize,
    apart: f64,
}

impl Held {
    /// The part of the interval that is behind a value, summed over its values.
    fn behind(self) -> f64 {
        0.5 * self.count as f64 - self.apart
    }
}

/// Equal intervals around steps from the least to the greatest value: the first and the last have half their width.
#[derive(Clone, Copy)]
struct Intervals {
    least: f64,
    greatest: f64,
    width: f64,
    scale: f64,
    last: usize,
}

impl Intervals {
    /// `None` where 64 bits do not divide the range.
    fn of((least, greatest): (f64, f64), values: usize, fill: usize) -> Option<Self> {
        let steps = (values / fill).next_power_of_two().min(MOST_STEPS);
        let (width, scale) = ((greatest - least) / steps as f64, steps as f64 / (greatest - least));
        let divides = width.is_normal() && scale.is_normal();
        divides.then_some(Self { least, greatest, width, scale, last: steps })
    }

    /// How far behind the least value an interval begins: far from zero, that is more exact than where.
    fn begin(&self, interval: usize) -> f64 {
        match interval {
            0 => 0.0,
            _ if interval > self.last => self.greatest - self.least,
            _ => (interval as f64 - 0.5) * self.width,
        }
    }

    /// The interval of a value, and how far it is from the middle.
    fn place(&self, value: f64) -> (usize, f64) {
        let at = (value - self.least) * self.scale;
        let rounded = at + WHOLE;
        ((rounded.to_bits() & (WHOLE as u64 - 1)) as usize, at - (rounded - WHOLE))
    }

    fn held(&self, values: &[f64]) -> Vec<Held> {
        let mut held = vec![Held::default(); self.last + 1];
        for value in values {
            let (interval, apart) = self.place(*value);
            let held = &mut held[interval];
            held.count += 1;
            held.apart += apart;
        }
        held
    }

    /// The values of these intervals, those of one interval after those of the one before it.
    fn values_of(&self, values: &[f64], held: &[Held], intervals: &[(usize, Stretch)]) -> Vec<f64> {
        let mut places = vec![usize::MAX; held.len()];
        let mut next = 0;
        for (interval, _) in intervals {
            places[*interval] = next;
            next += held[*interval].count;
        }
        let mut found = vec![0.0; next];
        for value in values {
            let place = &mut places[self.place(*value).0];
            if let Some(free) = found.get_mut(*place) {
                *free = *value;
                *place += 1;
            }
        }
        found
    }
}

impl Stretch {
    /// F − G where so many more values of the stretch are passed.
    fn difference(&self, of_x: usize, of_y: usize) -> f64 {
        let (n, m) = (self.sizes.0 as f64, self.sizes.1 as f64);
        (self.before.0 + of_x) as f64 / n - (self.before.1 + of_y) as f64 / m
    }

    /// Whether F − G is on one side of 0 all through, in whatever order the values come.
    fn keeps_sign(&self, of_x: usize, of_y: usize) -> bool {
        let (n, m) = (self.sizes.0 as i128, self.sizes.1 as i128);
        let difference = self.before.0 as i128 * m - self.before.1 as i128 * n;
        difference >= of_y as i128 * n || difference + of_x as i128 * m <= 0
    }

    /// The area from the least to the greatest value, by sorting.
    fn walked(&self, x: &mut [f64], y: &mut [f64]) -> f64 {
        x.sort_unstable_by(f64::total_cmp);
        y.sort_unstable_by(f64::total_cmp);
        let mut area = 0.0;
        between_parts(x, y, self.before, self.sizes, |difference, width| area += difference.abs() * width);
        area
    }

    /// The area over one of the intervals, which all values lie in.
    fn measured(&self, x: &mut [f64], y: &mut [f64], intervals: &Intervals, interval: usize) -> f64 {
        let (least, greatest) = range(&[x, y]);
        let ahead = (least - intervals.least) - intervals.begin(interval);
        let behind = intervals.begin(interval + 1) - (greatest - intervals.least);
        let ahead = self.difference(0, 0).abs() * ahead.max(0.0);
        let behind = self.difference(x.len(), y.len()).abs() * behind.max(0.0);
        let divided = match self.divisions > 0 && x.len() + y.len() > LEAST {
            true => self.divided(x, y, (least, greatest), FILL[1]),
            false => None,
        };
        ahead + divided.unwrap_or_else(|| self.walked(x, y)) + behind
    }

    /// The area from the least to the greatest value, by dividing. `None` where 64 bits do not divide the range.
    fn divided(&self, x: &[f64], y: &[f64], range: (f64, f64), fill: usize) -> Option<f64> {
        if range.0 == range.1 {
            return Some(0.0);
        }
        let intervals = Intervals::of(range, x.len() + y.len(), fill)?;
        let (of_x, of_y) = (intervals.held(x), intervals.held(y));
        let (n, m) = (self.sizes.0 as f64, self.sizes.1 as f64);
        let (mut area, mut before, mut crossed) = (0.0, self.before, Vec::new());
        for (interval, (in_x, in_y)) in of_x.iter().zip(&of_y).enumerate() {
            let part = Self { before, divisions: self.divisions - 1, ..*self };
            if part.keeps_sign(in_x.count, in_y.count) {
                // Half of the first interval is ahead of the range, half of the last behind it.
                let outside = match interval {
                    0 => 0.5 * part.difference(0, 0),
                    _ if interval == intervals.last => 0.5 * part.difference(in_x.count, in_y.count),
                    _ => 0.0,
                };
                let mean = part.difference(0, 0) + in_x.behind() / n - in_y.behind() / m;
                area += (mean - outside).abs() * intervals.width;
            } else {
                crossed.push((interval, part));
            }
            before = (before.0 + in_x.count, before.1 + in_y.count);
        }
        if crossed.is_empty() {
            return Some(area);
        }
        let mut x = intervals.values_of(x, &of_x, &crossed);
        let mut y = intervals.values_of(y, &of_y, &crossed);
        let (mut x, mut y) = (x.as_mut_slice(), y.as_mut_slice());
        for (interval, part) in crossed {
            let (in_x, rest_of_x) = std::mem::take(&mut x).split_at_mut(of_x[interval].count);
            let (in_y, rest_of_y) = std::mem::take(&mut y).split_at_mut(of_y[interval].count);
            (x, y) = (rest_of_x, rest_of_y);
            area += part.measured(in_x, in_y, &intervals, interval);
        }
        Some(area)
    }
}

/// The least and the greatest of the values.
fn range(samples: &[&[f64]]) -> (f64, f64) {
    let (mut least, mut greatest) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
    for sample in samples {
        each(sample, |lane, value| {
            least[lane] = if value < least[lane] { value } else { least[lane] };
            greatest[lane] = if value > greatest[lane] { value } else { greatest[lane] };
        });
    }
    (least.into_iter().fold(f64::INFINITY, f64::min), greatest.into_iter().fold(f64::NEG_INFINITY, f64::max))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is done to a number, and what that is called.
    type Named = (&'static str, fn(f64) -> f64);

    fn by_sorting(x: &[f64], y: &[f64]) -> f64 {
        let (x, y) = (crate::sort::sorted(x), crate::sort::sorted(y));
        let mut area = 0.0;
        between(&x, &y, |difference, width| area += difference.abs() * width);
        area
    }

    /// Numbers between 0 and 1.
    fn uniform(count: usize, mut state: u64) -> Vec<f64> {
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn it_is_what_sorting_finds() {
        let shapes: [Named; 11] = [
            ("even", |u| u),
            ("exponential", |u| -u.ln()),
            ("heavy tails", |u| (std::f64::consts::PI * (u - 0.5)).tan()),
            ("whole", |u| (u * 40.0).floor()),
            ("few", |u| (u * 3.0).floor() * 0.1),
            ("one", |_| 2.5),
            ("many decades", |u| 10_f64.powf(600.0 * (u - 0.5))),
            ("outliers", |u| if u < 1e-4 { 1e300 } else { u }),
            ("far from zero", |u| 1e12 + u),
            ("both infinitely far apart", |u| if u < 0.5 { -1.7e308 } else { 1.7e308 }),
            ("hardly apart", |u| f64::from_bits((u * 1e6) as u64)),
        ];
        let changes: [Named; 4] =
            [("same", |v| v), ("moved", |v| v + 0.01), ("wider", |v| v * 1.02), ("flipped", |v| -v)];
        for (shape, of) in shapes {
            for (change, changed) in changes {
                for (n, m) in [(20_000, 20_000), (9_000, 17_001), (3, 17_000), (17_000, 1)] {
                    let x: Vec<f64> = uniform(n, 1).into_iter().map(of).collect();
                    let y: Vec<f64> = uniform(m, 2).into_iter().map(|u| changed(of(u))).collect();
                    let (found, wanted) = (wasserstein(&x, &y), by_sorting(&x, &y));
                    let (least, greatest) = range(&[&x, &y]);
                    let close = (found - wanted).abs() <= 1e-9 * wanted + 1e-15 * (greatest - least);
                    let same = found.to_bits() == wanted.to_bits();
                    assert!(close || same, "{shape}, {change}, {n} and {m}: {found}, not {wanted}");
                }
            }
        }
    }

    #[test]
    fn equal_samples_are_not_apart() {
        let x = uniform(10_000, 3);
        let mut y = x.clone();
        y.reverse();
        assert_eq!(wasserstein(&x, &y), 0.0);
        let twice: Vec<f64> = x.iter().chain(&x).copied().collect();
        assert_eq!(wasserstein(&x, &twice), 0.0);
    }
}
