//! `OneHotEncoder`, `OrdinalEncoder`, `KBinsDiscretizer`.

use std::collections::HashMap;

use crate::Error;
use crate::native::matrix::{Block, Matrix, Series, Values};
use crate::native::outputs::Transform;
use crate::native::skops::{Array, Item, Object, npy};

/// The categories of one column and their indices.
#[derive(Default)]
pub(super) struct Categories {
    numbers: HashMap<u64, usize>,
    texts: HashMap<String, usize>,
    missing: Option<usize>,
    count: usize,
}

/// Equal numbers have equal keys: -0.0 is 0.0.
fn key(x: f64) -> u64 {
    if x == 0.0 { 0 } else { x.to_bits() }
}

impl Categories {
    pub(super) fn read(object: &Object<'_>) -> Result<Self, Error> {
        let mut out = Self::default();
        match object.array()? {
            Array::Plain(npy::Array { data: npy::Data::Text(texts), .. }) => {
                out.count = texts.len();
                out.texts = texts.into_iter().enumerate().map(|(i, t)| (t, i)).collect();
            }
            Array::Objects { items, .. } => {
                out.count = items.len();
                for (i, item) in items.into_iter().enumerate() {
                    match item {
                        None if out.missing.is_some() => {
                            return Err(object.unsupported("None and NaN are categories of their own"));
                        }
                        None => out.missing = Some(i),
                        Some(Item::Text(t)) => {
                            out.texts.insert(t, i);
                        }
                        Some(Item::Number(x)) => {
                            out.numbers.insert(key(x), i);
                        }
                        Some(Item::Boolean(b)) => {
                            out.numbers.insert(key(f64::from(u8::from(b))), i);
                        }
                    }
                }
            }
            array => {
                let Some(floats) = array.floats() else { return Err(object.broken("holds no categories")) };
                out.count = floats.len();
                for (i, x) in floats.into_iter().enumerate() {
                    if x.is_nan() {
                        out.missing = Some(i);
                    } else {
                        out.numbers.insert(key(x), i);
                    }
                }
            }
        }
        Ok(out)
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn find(&self, series: &Series, row: usize) -> Option<usize> {
        match &series.values {
            Values::Numbers(v) if v[row].is_nan() => self.missing,
            Values::Numbers(v) => self.numbers.get(&key(v[row])).copied(),
            Values::Texts(v) => match &v[row] {
                None => self.missing,
                Some(text) => self.texts.get(text.as_str()).copied(),
            },
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unknown {
    Error,
    /// Zeros, or the encoded value.
    Ignore,
    Infrequent,
}

/// What both encoders share: from a value to the index of its (grouped) category.
struct Encoder {
    columns: Vec<Categories>,
    unknown: Unknown,
    /// By column: where unknown values go, and the map of categories to groups.
    infrequent: Vec<(Option<usize>, Option<Vec<usize>>)>,
    /// By column: the category that is not grouped (`OrdinalEncoder`'s missing value).
    ungrouped: Vec<Option<usize>>,
    name: &'static str,
}

fn encoder(object: &Object<'_>, name: &'static str) -> Result<Encoder, Error> {
    let columns: Vec<Categories> =
        object.get("categories_")?.items()?.iter().map(Categories::read).collect::<Result<_, _>>()?;
    let unknown = match object.get("handle_unknown")?.word().as_deref() {
        Some("error") => Unknown::Error,
        Some("ignore" | "use_encoded_value") => Unknown::Ignore,
        Some("infrequent_if_exist" | "warn") => Unknown::Infrequent,
        _ => return Err(object.unsupported("its `handle_unknown` is not known")),
    };
    let mut infrequent = Vec::new();
    infrequent.resize_with(columns.len(), || (None, None));
    if object.find("_infrequent_enabled")?.map(|e| e.boolean()).transpose()?.unwrap_or(false) {
        let indices = object.get("_infrequent_indices")?.items()?;
        let mappings = object.get("_default_to_infrequent_mappings")?.items()?;
        if indices.len() != columns.len() || mappings.len() != columns.len() {
            return Err(object.broken("has not one infrequent group a column"));
        }
        for (column, (at, map)) in indices.iter().zip(&mappings).enumerate() {
            let first = if at.is_none() { None } else { at.indices()?.first().copied() };
            let mut map = if map.is_none() { None } else { Some(map.indices()?) };
            // `OrdinalEncoder` leaves the missing value, which comes last, out of the map.
            if let Some(map) = &mut map
                && name == "OrdinalEncoder"
                && map.len() + 1 == columns[column].count
                && columns[column].missing == Some(map.len())
            {
                map.push(map.len());
            }
            if map.as_ref().is_some_and(|m| m.len() != columns[column].count)
                || first.is_some_and(|f| f >= columns[column].count)
            {
                return Err(object.broken("has an infrequent group that does not fit its categories"));
            }
            infrequent[column] = (first, map);
        }
    }
    let ungrouped = vec![None; columns.len()];
    Ok(Encoder { columns, unknown, infrequent, ungrouped, name })
}

impl Encoder {
    /// The index of the value's category, and whether the value is one.
    fn index(&self, series: &Series, column: usize, row: usize) -> Result<(usize, bool), Error> {
        let found = self.columns[column].find(series, row);
        if found.is_none() && self.unknown == Unknown::Error {
            let value = match &series.values {
                Values::Numbers(v) => v[row].to_string(),
                Values::Texts(v) => v[row].clone().map_or("a missing value".into(), |t| format!("`{t}`")),
            };
            return Err(Error::Unfit(format!(
                "row {row}, column {column}: {value} is no category that {} knows",
                self.name
            )));
        }
        let (mut index, mut known) = (found.unwrap_or(0), found.is_some());
        let (first, map) = &self.infrequent[column];
        if let Some(first) = first
            && !known
        {
            index = *first;
            known = self.unknown == Unknown::Infrequent;
        }
        if let Some(map) = map
            && self.ungrouped[column] != Some(index)
        {
            index = map[index];
        }
        Ok((index, known))
    }
}

pub(crate) struct OneHot {
    encoder: Encoder,
    /// By column: the (grouped) category that has no output.
    dropped: Vec<Option<usize>>,
    /// By column: its first output.
    offsets: Vec<usize>,
    width: usize,
    single: bool,
}

/// Outputs that an encoder may have.
const MOST_OUTPUTS: usize = 1 << 24;

pub(super) fn one_hot(object: &Object<'_>) -> Result<OneHot, Error> {
    let encoder = encoder(object, "OneHotEncoder")?;
    let dropped = match object.find("_drop_idx_after_grouping")? {
        Some(dropped) if !dropped.is_none() => match dropped.array()? {
            Array::Objects { items, .. } => items
                .into_iter()
                .map(|i| match i {
                    None => Ok(None),
                    Some(Item::Number(x)) if x >= 0.0 => Ok(Some(x as usize)),
                    Some(_) => Err(dropped.broken("is no index")),
                })
                .collect::<Result<Vec<_>, _>>()?,
            Array::Plain(_) => dropped.indices()?.into_iter().map(Some).collect(),
        },
        _ => vec![None; encoder.columns.len()],
    };
    let sizes = object.get("_n_features_outs")?.indices()?;
    if sizes.len() != encoder.columns.len() || dropped.len() != encoder.columns.len() {
        return Err(object.broken("has not one size a column"));
    }
    let mut offsets = Vec::with_capacity(sizes.len());
    let mut width = 0_usize;
    for (column, size) in sizes.into_iter().enumerate() {
        offsets.push(width);
        // What a category becomes must have an output.
        let groups = match &encoder.infrequent[column].1 {
            Some(map) => map.iter().max().map_or(0, |m| m + 1),
            None => encoder.columns[column].count,
        };
        if size + usize::from(dropped[column].is_some()) < groups {
            return Err(object.broken("has fewer outputs than categories"));
        }
        width = width.saturating_add(size);
    }
    if width > MOST_OUTPUTS {
        return Err(object.unsupported("it has too many outputs"));
    }
    let single = object.get("dtype")?.type_name() == Some("float32");
    Ok(OneHot { encoder, dropped, offsets, width, single })
}

impl Transform for OneHot {
    fn apply(&self, block: Block) -> Result<Block, Error> {
        super::check_width(&block, self.offsets.len())?;
        let rows = block.rows();
        let mut data = vec![0.0; rows * self.width];
        for column in 0..self.offsets.len() {
            let series = block.series(column);
            for row in 0..rows {
                let (mut index, mut known) = self.encoder.index(&series, column, row)?;
                if let Some(dropped) = self.dropped[column] {
                    known &= index != dropped;
                    index -= usize::from(index > dropped);
                }
                if known {
                    data[row * self.width + self.offsets[column] + index] = 1.0;
                }
            }
        }
        let matrix = Matrix::double(rows, self.width, data);
        Ok(Block::Matrix(if self.single { matrix.into_single() } else { matrix }))
    }
}

pub(crate) struct Ordinal {
    encoder: Encoder,
    /// By column: the index of the missing value.
    missing: Vec<Option<usize>>,
    missing_value: f64,
    unknown_value: f64,
    single: bool,
}

pub(super) fn ordinal(object: &Object<'_>) -> Result<Ordinal, Error> {
    let mut encoder = encoder(object, "OrdinalEncoder")?;
    let mut missing = vec![None; encoder.columns.len()];
    let indices = object.get("_missing_indices")?;
    for name in indices.names()? {
        let column = name.parse::<usize>().ok().and_then(|c| missing.get_mut(c));
        *column.ok_or_else(|| indices.broken("names a column that does not exist"))? =
            Some(indices.get(name)?.count()?);
    }
    encoder.ungrouped.clone_from(&missing);
    let number = |name: &str| -> Result<f64, Error> {
        let value = object.get(name)?;
        if value.is_none() { Ok(f64::NAN) } else { value.number() }
    };
    let single = match object.get("dtype")?.type_name() {
        Some("float64") => false,
        Some("float32") => true,
        _ => return Err(object.unsupported("its codes are no floats")),
    };
    Ok(Ordinal {
        missing,
        missing_value: number("encoded_missing_value")?,
        unknown_value: number("unknown_value")?,
        encoder,
        single,
    })
}

impl Transform for Ordinal {
    fn apply(&self, block: Block) -> Result<Block, Error> {
        let width = self.missing.len();
        super::check_width(&block, width)?;
        let rows = block.rows();
        let mut data = vec![0.0; rows * width];
        for column in 0..width {
            let series = block.series(column);
            for row in 0..rows {
                let (index, known) = self.encoder.index(&series, column, row)?;
                data[row * width + column] = if !known {
                    self.unknown_value
                } else if self.missing[column] == Some(index) {
                    self.missing_value
                } else {
                    index as f64
                };
            }
        }
        let matrix = Matrix::double(rows, width, data);
        Ok(Block::Matrix(if self.single { matrix.into_single() } else { matrix }))
    }
}

pub(crate) struct Bins {
    /// By column: the inner edges, in order.
    edges: Vec<Vec<f64>>,
    /// One output a bin, in place of its number.
    one_hot: bool,
    /// The type of the result where it is not that of the input.
    single: Option<bool>,
}

pub(super) fn bins(object: &Object<'_>) -> Result<Bins, Error> {
    let mut edges = Vec::new();
    for column in object.get("bin_edges_")?.items()? {
        let all = column.floats()?;
        edges.push(if all.len() > 2 { all[1..all.len() - 1].to_vec() } else { Vec::new() });
    }
    let one_hot = match object.get("encode")?.word().as_deref() {
        Some("ordinal") => false,
        Some("onehot" | "onehot-dense") => true,
        _ => return Err(object.unsupported("its encoding is not known")),
    };
    let single = object.get("dtype")?.type_name().map(|name| name == "float32");
    Ok(Bins { edges, one_hot, single })
}

impl Transform for Bins {
    fn apply(&self, block: Block) -> Result<Block, Error> {
        super::check_width(&block, self.edges.len())?;
        let matrix = block.matrix()?;
        let matrix = match self.single {
            Some(true) => matrix.into_single(),
            Some(false) => matrix.into_double(),
            None => matrix,
        };
        matrix.finite("KBinsDiscretizer", false)?;
        let single = matrix.is_single();
        let width =
            if self.one_hot { self.edges.iter().map(|e| e.len() + 1).sum() } else { self.edges.len() };
        let mut data = vec![0.0; matrix.rows * width];
        for row in 0..matrix.rows {
            let mut offset = 0;
            for (column, edges) in self.edges.iter().enumerate() {
                let x = matrix.get(row, column);
                let bin = edges.partition_point(|edge| *edge <= x);
                if self.one_hot {
                    data[row * width + offset + bin] = 1.0;
                    offset += edges.len() + 1;
                } else {
                    data[row * width + column] = bin as f64;
                }
            }
        }
        let out = Matrix::double(matrix.rows, width, data);
        Ok(Block::Matrix(if single { out.into_single() } else { out }))
    }
}
