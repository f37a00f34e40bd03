use std::collections::BTreeMap;

use arrow::array::{AnyDictionaryArray, Array, AsArray};
use arrow::datatypes::{DataType as ArrowType, Float64Type, Int64Type, TimeUnit};
use serde::{Deserialize, Serialize};

use super::{Distinct, Frequent, Moments, Quantiles};
use crate::drift::{Series, Tier};
use crate::{ArrayRef, Bins, Error};

/// The form that a [`ColumnState`] is stored in.
const VERSION: u32 = 1;
/// Longer texts are told apart by their first bytes only where they are counted.
const LONGEST: usize = 256;

/// The state of one column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColumnState {
    version: u32,
    tier: Tier,
    pub rows: u64,
    pub nulls: u64,
    pub values: Values,
}

/// By what the column holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Values {
    Number {
        nan: u64,
        infinite: u64,
        zeros: u64,
        negative: u64,
        moments: Moments,
        /// Over bins that were given from the start, of a baseline: exact in both tiers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        binned: Option<Binned>,
        /// All finite values, in the exact tier.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        all: Vec<f64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sketch: Option<Sketch>,
    },
    Text {
        /// Lengths in characters.
        lengths: Moments,
        empty: u64,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        all: BTreeMap<String, u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sketch: Option<TextSketch>,
    },
    Boolean {
        yes: u64,
        no: u64,
    },
    /// Microseconds since 1970, UTC.
    Time {
        moments: Moments,
        /// Rows whose time is before the row before.
        backwards: u64,
        first: Option<i64>,
        last: Option<i64>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        all: Vec<f64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sketch: Option<Sketch>,
    },
    Vector {
        /// Of the first row; rows of other lengths are counted as odd.
        length: Option<u64>,
        odd: u64,
        /// A component each.
        components: Vec<Moments>,
        norms: Moments,
    },
    /// Structs, maps and what else has no statistics: only counted.
    Other {
        name: String,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Binned {
    pub bins: Bins,
    pub counts: Vec<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sketch {
    pub quantiles: Quantiles,
    pub distinct: Distinct,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TextSketch {
    pub frequent: Frequent,
    pub distinct: Distinct,
}

impl ColumnState {
    /// Of no rows of a column of this type. `bins` are the baseline's, where numbers shall be counted in them.
    pub fn new(data_type: &ArrowType, tier: Tier, bins: Option<Bins>) -> Self {
        let streaming = tier == Tier::Streaming;
        let sketch = || streaming.then(Sketch::default);
        let values = match data_type {
            ArrowType::Boolean => Values::Boolean { yes: 0, no: 0 },
            t if t.is_numeric() => Values::Number {
                nan: 0,
                infinite: 0,
                zeros: 0,
                negative: 0,
                moments: Moments::default(),
                binned: bins.map(|bins| Binned { counts: vec![0; bins.len()], bins }),
                all: Vec::new(),
                sketch: sketch(),
            },
            t if t.is_string() => Values::Text {
                lengths: Moments::default(),
                empty: 0,
                all: BTreeMap::new(),
                sketch: streaming.then(TextSketch::default),
            },
            ArrowType::Dictionary(_, value) => return Self::new(value, tier, bins),
            ArrowType::Timestamp(..) | ArrowType::Date32 | ArrowType::Date64 => Values::Time {
                moments: Moments::default(),
                backwards: 0,
                first: None,
                last: None,
                all: Vec::new(),
                sketch: sketch(),
            },
            ArrowType::List(item) | ArrowType::LargeList(item) | ArrowType::FixedSizeList(item, _)
                if item.data_type().is_numeric() =>
            {
                Values::Vector { length: None, odd: 0, components: Vec::new(), norms: Moments::default() }
            }
            other => Values::Other { name: other.to_string() },
        };
        Self { version: VERSION, tier, rows: 0, nulls: 0, values }
    }

    /// Of all rows of a column.
    pub fn of(series: &Series, tier: Tier) -> Result<Self, Error> {
        let mut state = Self::new(series.data_type(), tier, None);
        for chunk in series.chunks() {
            state.update(chunk)?;
        }
        Ok(state)
    }

    pub fn tier(&self) -> Tier {
        self.tier
    }

    /// Adds rows. Errors: `Arrow` for a column of another type.
    pub fn update(&mut self, array: &ArrayRef) -> Result<(), Error> {
        let array = match (array.data_type(), &self.values) {
            // Its texts are counted where they stand.
            (ArrowType::Dictionary(..), Values::Text { .. }) => array,
            (ArrowType::Dictionary(_, value), _) => &arrow::compute::cast(array, value)?,
            _ => array,
        };
        self.rows += array.len() as u64;
        self.nulls += array.logical_null_count() as u64;
        match &mut self.values {
            Values::Boolean { yes, no } => {
                let values = array.as_boolean_opt().ok_or_else(|| unlike(array, "boolean"))?;
                let set = values.iter().flatten().filter(|v| *v).count() as u64;
                *yes += set;
                *no += (values.len() - values.null_count()) as u64 - set;
            }
            Values::Number { nan, infinite, zeros, negative, moments, binned, all, sketch } => {
                let values = arrow::compute::cast(array, &ArrowType::Float64)?;
                let values = values.as_primitive::<Float64Type>();
                let present: Vec<f64> = match values.null_count() {
                    0 => values.values().to_vec(),
                    _ => values.iter().flatten().collect(),
                };
                let mut finite = present;
                if !finite.iter().all(|v| v.is_finite()) {
                    *nan += finite.iter().filter(|v| v.is_nan()).count() as u64;
                    *infinite += finite.iter().filter(|v| v.is_infinite()).count() as u64;
                    finite.retain(|v| v.is_finite());
                }
                *zeros += finite.iter().filter(|v| **v == 0.0).count() as u64;
                *negative += finite.iter().filter(|v| **v < 0.0).count() as u64;
                moments.add(&finite);
                if let Some(binned) = binned {
                    for (count, more) in binned.counts.iter_mut().zip(binned.bins.count_numbers(&finite)) {
                        *count += more;
                    }
                }
                keep(all, sketch, finite);
            }
            Values::Text { lengths, empty, all, sketch } => {
                let mut sizes = Vec::with_capacity(array.len());
                each_text(array, |text, count| {
                    sizes.extend(std::iter::repeat_n(text.chars().count() as f64, count as usize));
                    *empty += if text.is_empty() { count } else { 0 };
                    match sketch {
                        Some(sketch) => {
                            sketch.distinct.add_text(text);
                            let end = text.floor_char_boundary(LONGEST);
                            sketch.frequent.add(&text[..end], count);
                        }
                        None => match all.get_mut(text) {
                            Some(known) => *known += count,
                            None => {
                                all.insert(text.to_owned(), count);
                            }
                        },
                    }
                })?;
                lengths.add(&sizes);
            }
            Values::Time { moments, backwards, first, last, all, sketch } => {
                let micros = arrow::compute::cast(array, &ArrowType::Timestamp(TimeUnit::Microsecond, None))?;
                let micros = arrow::compute::cast(&micros, &ArrowType::Int64)?;
                let mut found = Vec::with_capacity(micros.len());
                for at in micros.as_primitive::<Int64Type>().iter().flatten() {
                    *backwards += u64::from(last.is_some_and(|before| at < before));
                    first.get_or_insert(at);
                    *last = Some(at);
                    found.push(at as f64);
                }
                moments.add(&found);
                keep(all, sketch, found);
            }
            Values::Vector { length, odd, components, norms } => {
                for row in (0..array.len()).filter(|row| array.is_valid(*row)) {
                    let item = match array.data_type() {
                        ArrowType::List(_) => array.as_list::<i32>().value(row),
                        ArrowType::LargeList(_) => array.as_list::<i64>().value(row),
                        ArrowType::FixedSizeList(..) => array.as_fixed_size_list().value(row),
                        _ => return Err(unlike(array, "vector")),
                    };
                    let item = arrow::compute::cast(&item, &ArrowType::Float64)?;
                    let vector = item.as_primitive::<Float64Type>();
                    if *length.get_or_insert(vector.len() as u64) != vector.len() as u64 {
                        *odd += 1;
                        continue;
                    }
                    components.resize(vector.len(), Moments::default());
                    let finite = |v: &f64| v.is_finite();
                    for (component, value) in components.iter_mut().zip(vector.values()) {
                        component.add(&[*value][..usize::from(finite(value))]);
                    }
                    let norm = vector.values().iter().map(|v| v * v).sum::<f64>().sqrt();
                    norms.add(&[norm][..usize::from(finite(&norm))]);
                }
            }
            Values::Other { .. } => {}
        }
        Ok(())
    }

    /// The state of the rows of both, this one's before the other's. Errors: `Merge` for states of other types, tiers or
    /// bins.
    pub fn merge(&mut self, other: &Self) -> Result<(), Error> {
        let unlike = |detail: &str| Err(Error::Merge { detail: detail.to_owned() });
        if self.tier != other.tier {
            return unlike("one state is exact, the other is not");
        }
        match (&mut self.values, &other.values) {
            (Values::Boolean { yes, no }, Values::Boolean { yes: y, no: n }) => {
                *yes += y;
                *no += n;
            }
            (
                Values::Number { nan, infinite, zeros, negative, moments, binned, all, sketch },
                Values::Number {
                    nan: a,
                    infinite: b,
                    zeros: c,
                    negative: d,
                    moments: m,
                    binned: n,
                    all: v,
                    sketch: s,
                },
            ) => {
                match (binned, n) {
                    (Some(mine), Some(theirs)) if mine.bins == theirs.bins => {
                        mine.counts.iter_mut().zip(&theirs.counts).for_each(|(x, y)| *x += y);
                    }
                    (None, None) => {}
                    _ => return unlike("the bins differ"),
                }
                *nan += a;
                *infinite += b;
                *zeros += c;
                *negative += d;
                *moments = moments.merge(m);
                all.extend_from_slice(v);
                merge_sketch(sketch, s);
            }
            (
                Values::Text { lengths, empty, all, sketch },
                Values::Text { lengths: l, empty: e, all: a, sketch: s },
            ) => {
                *lengths = lengths.merge(l);
                *empty += e;
                for (text, count) in a {
                    *all.entry(text.clone()).or_default() += count;
                }
                if let (Some(mine), Some(theirs)) = (sketch, s) {
                    mine.frequent.merge(&theirs.frequent);
                    mine.distinct.merge(&theirs.distinct);
                }
            }
            (
                Values::Time { moments, backwards, first, last, all, sketch },
                Values::Time { moments: m, backwards: b, first: f, last: l, all: a, sketch: s },
            ) => {
                *moments = moments.merge(m);
                let steps_back = matches!((&last, f), (Some(before), Some(after)) if after < before);
                *backwards += b + u64::from(steps_back);
                *first = first.or(*f);
                *last = l.or(*last);
                all.extend_from_slice(a);
                merge_sketch(sketch, s);
            }
            (
                Values::Vector { length, odd, components, norms },
                Values::Vector { length: l, odd: o, components: c, norms: n },
            ) => {
                if let (Some(mine), Some(theirs)) = (&length, l)
                    && mine != theirs
                {
                    return unlike("the vectors have different lengths");
                }
                *length = length.or(*l);
                *odd += o;
                components.resize(components.len().max(c.len()), Moments::default());
                components.iter_mut().zip(c).for_each(|(mine, theirs)| *mine = mine.merge(theirs));
                *norms = norms.merge(n);
            }
            (Values::Other { name }, Values::Other { name: other }) if name == other => {}
            _ => return unlike("the columns have different types"),
        }
        self.rows += other.rows;
        self.nulls += other.nulls;
        Ok(())
    }

    /// As it is stored.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Errors: `Version` for a state that a newer program wrote, `Malformed`.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        let bad = |e: serde_json::Error| Error::Malformed {
            file: "column state".into(),
            format: "column state",
            detail: e.to_string(),
        };
        let head: Head = serde_json::from_slice(bytes).map_err(bad)?;
        if head.version > VERSION {
            return Err(Error::Version { found: head.version, known: VERSION });
        }
        serde_json::from_slice(bytes).map_err(bad)
    }
}

/// Calls `take` with texts and how often they come: each row, or each text of a dictionary once. Errors: `Arrow` for no texts.
fn each_text(array: &ArrayRef, mut take: impl FnMut(&str, u64)) -> Result<(), Error> {
    let Some(dictionary) = array.as_any_dictionary_opt() else {
        let wide = arrow::compute::cast(array, &ArrowType::LargeUtf8)?;
        wide.as_string::<i64>().iter().flatten().for_each(|text| take(text, 1));
        return Ok(());
    };
    let counts = counts(dictionary);
    let mut each = |texts: &mut dyn Iterator<Item = Option<&str>>| {
        for (text, count) in texts.zip(&counts) {
            if let Some(text) = text.filter(|_| *count > 0) {
                take(text, *count);
            }
        }
    };
    match dictionary.values().as_string_opt::<i32>() {
        Some(texts) => each(&mut texts.iter()),
        None => {
            let wide = arrow::compute::cast(dictionary.values(), &ArrowType::LargeUtf8)?;
            each(&mut wide.as_string::<i64>().iter());
        }
    }
    Ok(())
}

/// How many rows have each value of a dictionary.
fn counts(dictionary: &dyn AnyDictionaryArray) -> Vec<u64> {
    let mut counts = vec![0; dictionary.values().len()];
    if counts.is_empty() {
        return counts;
    }
    let nulls = dictionary.nulls();
    for (row, place) in dictionary.normalized_keys().into_iter().enumerate() {
        counts[place] += u64::from(nulls.is_none_or(|nulls| nulls.is_valid(row)));
    }
    counts
}

fn keep(all: &mut Vec<f64>, sketch: &mut Option<Sketch>, values: Vec<f64>) {
    match sketch {
        Some(sketch) => {
            sketch.quantiles.add(&values);
            values.iter().for_each(|v| sketch.distinct.add_number(*v));
        }
        None if all.is_empty() => *all = values,
        None => all.extend_from_slice(&values),
    }
}

fn merge_sketch(mine: &mut Option<Sketch>, theirs: &Option<Sketch>) {
    if let (Some(mine), Some(theirs)) = (mine, theirs) {
        mine.quantiles.merge(&theirs.quantiles);
        mine.distinct.merge(&theirs.distinct);
    }
}

fn unlike(array: &ArrayRef, wanted: &str) -> Error {
    Error::Merge { detail: format!("{} values in a {wanted} column", array.data_type()) }
}
