use std::cmp::Ordering;
use std::sync::OnceLock;

use super::frame::Coded;
use super::{Kind, NotComputable, Series};

/// The arithmetic that a column of numbers has in NumPy; the larger wins where two meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NumberType {
    Integer,
    Single,
    Double,
}

/// A clean sample of numbers.
#[derive(Clone, Debug)]
pub struct Numbers {
    /// In the order of the rows.
    values: Vec<f64>,
    /// Ascending; made when it is first asked for.
    sorted: OnceLock<Vec<f64>>,
    pub(crate) number: NumberType,
}

impl Numbers {
    pub(crate) fn new(values: Vec<f64>, number: NumberType) -> Self {
        Self { values, sorted: OnceLock::new(), number }
    }

    /// Finite values of 64 bits.
    pub fn of(values: Vec<f64>) -> Self {
        Self::new(values, NumberType::Double)
    }

    /// How many different values there are.
    pub fn distinct(&self) -> usize {
        self.sorted().chunk_by(|a, b| a == b).count()
    }

    pub(crate) fn is_finite(&self) -> bool {
        self.values.iter().all(|v| v.is_finite())
    }

    /// In the order of the rows.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Ascending.
    pub fn sorted(&self) -> &[f64] {
        self.sorted.get_or_init(|| crate::sort::sorted(&self.values))
    }
}

/// A category: equal as Python has it, where 1, 1.0 and True are one and the same.
#[derive(Clone, Debug)]
pub enum Key {
    Number(f64),
    /// A whole number that no float of 64 bits is.
    Integer(i128),
    Text(String),
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    /// Numbers before texts.
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => (a + 0.0).total_cmp(&(b + 0.0)),
            (Self::Integer(a), Self::Integer(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Number(a), Self::Integer(b)) => beside(*a, *b),
            (Self::Integer(a), Self::Number(b)) => beside(*b, *a).reverse(),
            (_, Self::Text(_)) => Ordering::Less,
            (Self::Text(_), _) => Ordering::Greater,
        }
    }
}

/// The order of a float and an integer that no float is.
fn beside(float: f64, integer: i128) -> Ordering {
    // Where the nearest float is equal, all digits decide: the float is a whole number then.
    float.total_cmp(&(integer as f64)).then_with(|| (float as i128).cmp(&integer))
}

/// Two clean samples of one column, ready to be compared.
#[derive(Clone, Debug)]
pub enum Pair {
    Numbers {
        reference: Numbers,
        current: Numbers,
    },
    /// Rows as places in `keys`, which is ascending and holds every value that occurs.
    Keys {
        keys: Vec<Key>,
        reference: Vec<u32>,
        current: Vec<u32>,
    },
    Texts {
        reference: Vec<String>,
        current: Vec<String>,
    },
    Vectors {
        reference: Vec<Vec<f64>>,
        current: Vec<Vec<f64>>,
    },
}

impl Pair {
    /// Nulls and NaN are left out, and infinities unless `infinite` (which keeps those of a side without nulls and NaN:
    /// Evidently's count of drifted columns does not see them there).
    ///
    /// Errors: `Reason` where the values do not fit `kind`, `EmptySample`.
    pub fn of(
        kind: Kind,
        reference: &Series,
        current: &Series,
        infinite: bool,
    ) -> Result<Self, NotComputable> {
        let pair = match kind {
            Kind::Number => Self::Numbers {
                reference: reference.numbers("reference", infinite)?,
                current: current.numbers("current", infinite)?,
            },
            Kind::Category => coded(reference.coded()?, current.coded()?),
            Kind::Text => Self::Texts { reference: reference.texts()?, current: current.texts()? },
            Kind::Vector => Self::Vectors { reference: reference.vectors()?, current: current.vectors()? },
            Kind::Datetime => return Err(NotComputable::reason("times are not compared")),
            Kind::Unknown => {
                return Err(NotComputable::reason(format!(
                    "the type {} is compared only where it is said how: --type COLUMN=num|cat|text",
                    current.shown_type()
                )));
            }
        };
        match pair.rows() {
            (0, _) => Err(NotComputable::EmptySample("reference")),
            (_, 0) => Err(NotComputable::EmptySample("current")),
            _ => Ok(pair),
        }
    }

    /// Rows of the reference and of the current sample.
    pub fn rows(&self) -> (usize, usize) {
        match self {
            Self::Numbers { reference, current } => (reference.values.len(), current.values.len()),
            Self::Keys { reference, current, .. } => (reference.len(), current.len()),
            Self::Texts { reference, current } => (reference.len(), current.len()),
            Self::Vectors { reference, current } => (reference.len(), current.len()),
        }
    }

    /// Different values in both, counted up to `most`.
    pub(crate) fn distinct(&self, most: usize) -> usize {
        match self {
            Self::Numbers { reference, current } => {
                let mut seen: Vec<f64> = Vec::with_capacity(most);
                for value in reference.values.iter().chain(&current.values) {
                    if seen.len() == most {
                        break;
                    }
                    if !seen.contains(value) {
                        seen.push(*value);
                    }
                }
                seen.len()
            }
            Self::Keys { keys, .. } => keys.len(),
            _ => most,
        }
    }

    pub(crate) fn is_mixed(&self) -> bool {
        match self {
            Self::Keys { keys, .. } => {
                matches!(keys.last(), Some(Key::Text(_))) && !matches!(keys.first(), Some(Key::Text(_)))
            }
            _ => false,
        }
    }

    /// Rows as numbers of categories, in the order of the rows, and how many categories there are.
    pub(crate) fn codes(&self) -> Result<(Vec<u32>, Vec<u32>, usize), NotComputable> {
        match self {
            Self::Keys { keys, reference, current } => Ok((reference.clone(), current.clone(), keys.len())),
            Self::Numbers { reference, current } => {
                let key = |n: &Numbers| {
                    let mut coded = Coded::default();
                    n.values.iter().for_each(|v| coded.push_number(*v));
                    coded
                };
                coded(&key(reference), &key(current)).codes()
            }
            _ => Err(NotComputable::reason("the method compares categories")),
        }
    }
}

/// Both over the sorted keys of either.
fn coded(reference: &Coded, current: &Coded) -> Pair {
    let mut keys: Vec<Key> = reference.keys.iter().chain(&current.keys).cloned().collect();
    keys.sort();
    keys.dedup();
    let place = |side: &Coded| -> Vec<u32> {
        let found: Vec<u32> =
            side.keys.iter().map(|key| keys.binary_search(key).unwrap_or_default() as u32).collect();
        side.codes.iter().map(|code| found[*code as usize]).collect()
    };
    let (reference, current) = (place(reference), place(current));
    Pair::Keys { keys, reference, current }
}
