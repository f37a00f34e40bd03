use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::OnceLock;

use arrow::array::{AnyDictionaryArray, Array, AsArray};
use arrow::datatypes::{DataType as ArrowType, Float64Type, Int64Type, TimeUnit, UInt64Type};
use bytes::Bytes;

use super::pair::{Key, NumberType, Numbers};
use super::{Kind, NotComputable};
use crate::by_column::ByColumn;
use crate::quick_hash::QuickHash;
use crate::{ArrayRef, Error, Format, RowNames, Table, read_as_pandas};

/// Integers with at most this many different values are categories.
const FEW: usize = 10;

/// A data set whose columns are read one at a time.
#[derive(Clone, Debug)]
pub struct Frame {
    columns: ByColumn,
    /// Types that pandas wrote into the file, by column.
    pandas: BTreeMap<String, String>,
}

impl Frame {
    /// A file on disk. Parquet stays there; of CSV and JSON Lines a column of several types is text, and days and times in CSV
    /// are.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let name = path.to_string_lossy().into_owned();
        if Format::of(&name)? != Format::Parquet {
            return Self::read(&name, types::io::read(path)?.into());
        }
        Ok(Self::of(ByColumn::open_parquet(path)?))
    }

    /// As [`Frame::open`], for the bytes of a file with that name.
    pub fn read(name: &str, bytes: Bytes) -> Result<Self, Error> {
        if Format::of(name)? == Format::Parquet {
            return Ok(Self::of(ByColumn::of_parquet(name, bytes)?));
        }
        Ok(Self::of_table(name, read_as_pandas(name, bytes)?))
    }

    pub fn of_table(name: &str, table: Table) -> Self {
        let batch = table.batch();
        Self::of(ByColumn::of_batches(name, batch.schema(), vec![batch.clone()]))
    }

    fn of(columns: ByColumn) -> Self {
        let written = columns.schema().metadata().get("pandas");
        let pandas = written.map(|text| pandas_types(text)).unwrap_or_default();
        Self { columns, pandas }
    }

    pub fn name(&self) -> &str {
        self.columns.name()
    }

    /// In the order of the file; the index that pandas keeps as a column is none.
    pub fn columns(&self) -> Vec<String> {
        let schema = self.columns.schema();
        let index = RowNames::of(schema);
        schema.fields().iter().map(|f| f.name().clone()).filter(|n| !index.has(n)).collect()
    }

    pub(crate) fn has(&self, column: &str) -> bool {
        self.columns.schema().column_with_name(column).is_some()
    }

    pub fn rows(&self) -> u64 {
        self.columns.rows() as u64
    }

    /// Reads one column. Errors: `NoColumn`, and what is wrong with the file.
    pub fn series(&self, column: &str) -> Result<Series, Error> {
        self.read_with(column, ByColumn::chunks)
    }

    /// As [`Self::series`], but the parts of a column of texts may be dictionaries: to count its values, that is less work.
    pub fn coded_series(&self, column: &str) -> Result<Series, Error> {
        self.read_with(column, ByColumn::coded_chunks)
    }

    fn read_with(
        &self,
        column: &str,
        chunks: impl Fn(&ByColumn, usize) -> Result<Vec<ArrayRef>, Error>,
    ) -> Result<Series, Error> {
        let schema = self.columns.schema();
        let index = schema
            .index_of(column)
            .map_err(|_| Error::NoColumn { column: column.to_owned(), known: self.columns() })?;
        let data_type = schema.field(index).data_type().clone();
        Ok(Series::new(data_type, self.pandas.get(column).cloned(), chunks(&self.columns, index)?))
    }
}

fn pandas_types(text: &str) -> BTreeMap<String, String> {
    let value: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let columns = value["columns"].as_array().cloned().unwrap_or_default();
    columns
        .iter()
        .filter_map(|c| Some((c["field_name"].as_str()?.to_owned(), c["numpy_type"].as_str()?.to_owned())))
        .collect()
}

/// One column of a data set.
#[derive(Clone, Debug)]
pub struct Series {
    /// Of the values; of a dictionary, those in it.
    data_type: ArrowType,
    is_dictionary: bool,
    pandas: Option<String>,
    chunks: Vec<ArrayRef>,
    /// Made when it is first asked for: the type of a column of texts depends on how many differ.
    coded: OnceLock<Result<Coded, NotComputable>>,
}

impl Series {
    pub(crate) fn new(data_type: ArrowType, pandas: Option<String>, chunks: Vec<ArrayRef>) -> Self {
        let ArrowType::Dictionary(_, value) = &data_type else {
            return Self { data_type, is_dictionary: false, pandas, chunks, coded: OnceLock::new() };
        };
        let plain = |chunk: &ArrayRef| arrow::compute::cast(chunk, value).unwrap_or_else(|_| chunk.clone());
        let chunks = chunks.iter().map(plain).collect();
        let data_type = value.as_ref().clone();
        // pandas reads no other dictionaries from Parquet as categories.
        let is_dictionary = data_type.is_string() || data_type.is_binary();
        Self { data_type, is_dictionary, pandas, chunks, coded: OnceLock::new() }
    }

    pub fn chunks(&self) -> &[ArrayRef] {
        &self.chunks
    }

    pub fn data_type(&self) -> &ArrowType {
        &self.data_type
    }

    fn len(&self) -> usize {
        self.chunks.iter().map(|c| c.len()).sum()
    }

    fn nulls(&self) -> usize {
        self.chunks.iter().map(|c| c.null_count()).sum()
    }

    pub(crate) fn shown_type(&self) -> String {
        match &self.pandas {
            Some(pandas) if self.is_extension() => pandas.clone(),
            _ => self.data_type.to_string(),
        }
    }

    /// pandas' nullable types, which Evidently leaves out.
    fn is_extension(&self) -> bool {
        self.pandas.as_deref().is_some_and(|name| {
            matches!(
                name,
                "Int8"
                    | "Int16"
                    | "Int32"
                    | "Int64"
                    | "UInt8"
                    | "UInt16"
                    | "UInt32"
                    | "UInt64"
                    | "Float32"
                    | "Float64"
                    | "boolean"
            )
        })
    }

    fn is_text(&self) -> bool {
        self.data_type.is_string()
    }

    fn is_list(&self) -> bool {
        matches!(self.data_type, ArrowType::List(_) | ArrowType::LargeList(_) | ArrowType::FixedSizeList(..))
    }

    /// The type that Evidently 0.7 infers for the column as pandas reads it: floats are numbers; signed integers are
    /// numbers above 10 different values and categories else; texts are texts where more than half of them differ;
    /// booleans and dictionaries are categories. Lists of numbers are vectors, which Evidently has no type for.
    pub fn infer(&self) -> Kind {
        if self.is_extension() {
            return Kind::Unknown;
        }
        match &self.data_type {
            _ if self.is_dictionary => Kind::Category,
            ArrowType::Float16 | ArrowType::Float32 | ArrowType::Float64 => Kind::Number,
            // With nulls among them pandas has floats.
            t if t.is_integer() && self.nulls() > 0 => Kind::Number,
            t if t.is_signed_integer() => {
                if self.few_integers() {
                    Kind::Category
                } else {
                    Kind::Number
                }
            }
            ArrowType::Boolean if self.nulls() == 0 => Kind::Category,
            ArrowType::Timestamp(..) => Kind::Datetime,
            _ if self.is_text() => {
                let present = self.len() - self.nulls();
                match present {
                    0 => Kind::Unknown,
                    _ if self.distinct_texts() * 2 > present => Kind::Text,
                    _ => Kind::Category,
                }
            }
            _ if self.is_list() => Kind::Vector,
            _ => Kind::Unknown,
        }
    }

    fn few_integers(&self) -> bool {
        let mut seen: Vec<i64> = Vec::new();
        for chunk in &self.chunks {
            let Ok(cast) = arrow::compute::cast(chunk, &ArrowType::Int64) else { return false };
            for value in cast.as_primitive::<Int64Type>().iter().flatten() {
                if !seen.contains(&value) {
                    seen.push(value);
                    if seen.len() > FEW {
                        return false;
                    }
                }
            }
        }
        true
    }

    fn distinct_texts(&self) -> usize {
        self.coded().map_or(0, |coded| coded.keys.len())
    }

    /// `None` for what is no number; NaN for nulls.
    fn floats(&self) -> Option<Vec<f64>> {
        let numeric = self.data_type.is_numeric() || self.data_type == ArrowType::Boolean;
        if !numeric && self.data_type != ArrowType::Null {
            return None;
        }
        let mut values = Vec::with_capacity(self.len());
        for chunk in &self.chunks {
            let cast = arrow::compute::cast(chunk, &ArrowType::Float64).ok()?;
            let floats = cast.as_primitive::<Float64Type>();
            if floats.null_count() == 0 {
                values.extend_from_slice(floats.values());
            } else {
                values.extend(floats.iter().map(|v| v.unwrap_or(f64::NAN)));
            }
        }
        Some(values)
    }

    /// A value a row, NaN for nulls; `None` for what is no number.
    pub(crate) fn all_numbers(&self) -> Option<Vec<f64>> {
        self.floats()
    }

    pub(crate) fn numbers(&self, side: &'static str, infinite: bool) -> Result<Numbers, NotComputable> {
        let Some(mut values) = self.floats() else {
            return Err(NotComputable::reason(format!(
                "the {side} column holds {}, not numbers",
                self.data_type
            )));
        };
        let all_stay = match infinite {
            true => values.iter().all(|v| !v.is_nan()),
            false => values.iter().all(|v| v.is_finite()),
        };
        if !all_stay {
            values.retain(|v| v.is_finite());
        }
        let number = match &self.data_type {
            t if t.is_integer() && (self.nulls() == 0 || self.is_extension()) => NumberType::Integer,
            ArrowType::Float32 | ArrowType::Float16 => NumberType::Single,
            _ => NumberType::Double,
        };
        Ok(Numbers::new(values, number))
    }

    /// Values by the place of their key, in the order of the rows, without nulls, NaN and infinities.
    pub(crate) fn coded(&self) -> Result<&Coded, NotComputable> {
        self.coded.get_or_init(|| self.keys()).as_ref().map_err(Clone::clone)
    }

    fn keys(&self) -> Result<Coded, NotComputable> {
        let mut coded = Coded::default();
        if let Some(scale) = self.whole() {
            for chunk in &self.chunks {
                let chunk = match &self.data_type {
                    ArrowType::Time32(_) => arrow::compute::cast(chunk, &ArrowType::Int32),
                    _ => Ok(chunk.clone()),
                };
                let cast = chunk.and_then(|chunk| arrow::compute::cast(&chunk, &ArrowType::Int64));
                let cast = cast.map_err(|_| self.no_category())?;
                for value in cast.as_primitive::<Int64Type>().iter().flatten() {
                    coded.push_integer(i128::from(value) * scale);
                }
            }
            return Ok(coded);
        }
        if self.data_type == ArrowType::UInt64 {
            let values = self.chunks.iter().flat_map(|c| c.as_primitive::<UInt64Type>().iter().flatten());
            values.for_each(|value| coded.push_integer(i128::from(value)));
            return Ok(coded);
        }
        if let Some(values) = self.floats() {
            for value in values.into_iter().filter(|v| v.is_finite()) {
                coded.push_number(value);
            }
            return Ok(coded);
        }
        for chunk in &self.chunks {
            if self.is_text()
                && let Some(dictionary) = chunk.as_any_dictionary_opt()
            {
                coded.push_dictionary(dictionary).ok_or_else(|| self.no_category())?;
            } else if self.is_text() {
                let wide = wide_text(chunk).ok_or_else(|| self.no_category())?;
                wide.as_string::<i64>().iter().flatten().for_each(|text| coded.push_text(text));
            } else if self.data_type.is_binary() {
                let wide = arrow::compute::cast(chunk, &ArrowType::LargeBinary);
                let wide = wide.map_err(|_| self.no_category())?;
                for bytes in wide.as_binary::<i64>().iter().flatten() {
                    coded.push_text(&bytes.iter().map(|byte| char::from(*byte)).collect::<String>());
                }
            } else {
                return Err(self.no_category());
            }
        }
        Ok(coded)
    }

    /// What each unit of a type of whole values counts for: 1 of integers, nanoseconds of days, times and intervals.
    fn whole(&self) -> Option<i128> {
        let nanoseconds = |unit: &TimeUnit| match unit {
            TimeUnit::Second => 1_000_000_000,
            TimeUnit::Millisecond => 1_000_000,
            TimeUnit::Microsecond => 1_000,
            TimeUnit::Nanosecond => 1,
        };
        match &self.data_type {
            ArrowType::UInt64 => None,
            t if t.is_integer() => Some(1),
            ArrowType::Date32 => Some(86_400_000_000_000),
            ArrowType::Date64 => Some(1_000_000),
            ArrowType::Timestamp(unit, _)
            | ArrowType::Time32(unit)
            | ArrowType::Time64(unit)
            | ArrowType::Duration(unit) => Some(nanoseconds(unit)),
            _ => None,
        }
    }

    fn no_category(&self) -> NotComputable {
        NotComputable::reason(format!("values of type {} cannot be counted as categories", self.data_type))
    }

    pub(crate) fn texts(&self) -> Result<Vec<String>, NotComputable> {
        if !self.is_text() && self.data_type != ArrowType::Null {
            return Err(NotComputable::reason(format!("the column holds {}, not texts", self.data_type)));
        }
        let wide = self.chunks.iter().filter_map(|c| wide_text(c));
        Ok(wide
            .flat_map(|c| c.as_string::<i64>().iter().flatten().map(str::to_owned).collect::<Vec<_>>())
            .collect())
    }

    /// Rows of equal length; rows with a null in them are left out.
    pub(crate) fn vectors(&self) -> Result<Vec<Vec<f64>>, NotComputable> {
        let mut rows: Vec<Vec<f64>> = Vec::with_capacity(self.len());
        for chunk in &self.chunks {
            for row in 0..chunk.len() {
                let values = match chunk.data_type() {
                    _ if chunk.is_null(row) => continue,
                    ArrowType::List(_) => chunk.as_list::<i32>().value(row),
                    ArrowType::LargeList(_) => chunk.as_list::<i64>().value(row),
                    ArrowType::FixedSizeList(..) => chunk.as_fixed_size_list().value(row),
                    _ => {
                        return Err(NotComputable::reason(format!(
                            "{} is no list of numbers",
                            self.data_type
                        )));
                    }
                };
                let part = Series::new(values.data_type().clone(), None, vec![values]);
                let Some(vector) = part.floats() else {
                    return Err(NotComputable::reason(format!("{} is no list of numbers", self.data_type)));
                };
                if rows.first().is_some_and(|first| first.len() != vector.len()) {
                    return Err(NotComputable::reason("the vectors have different lengths"));
                }
                if vector.iter().all(|v| v.is_finite()) {
                    rows.push(vector);
                }
            }
        }
        Ok(rows)
    }

    /// Whether it holds an infinity and neither null nor NaN: there Evidently's two ways to clean a column differ.
    pub(crate) fn has_bare_infinity(&self) -> bool {
        if self.nulls() > 0 || !self.data_type.is_floating() {
            return false;
        }
        let mut infinite = false;
        for chunk in &self.chunks {
            // Infinities and NaN are what they are in any width.
            let Ok(wide) = arrow::compute::cast(chunk, &ArrowType::Float64) else { return false };
            let values = wide.as_primitive::<Float64Type>().values();
            if values.iter().all(|v| v.is_finite()) {
                continue;
            }
            if values.iter().any(|v| v.is_nan()) {
                return false;
            }
            infinite = true;
        }
        infinite
    }
}

fn wide_text(chunk: &ArrayRef) -> Option<ArrayRef> {
    arrow::compute::cast(chunk, &ArrowType::LargeUtf8).ok()
}

/// Rows as places in a list of different keys, in order of first appearance.
#[derive(Clone, Debug, Default)]
pub(crate) struct Coded {
    pub keys: Vec<Key>,
    pub codes: Vec<u32>,
    numbers: HashMap<u64, u32>,
    integers: HashMap<i128, u32>,
    texts: HashMap<String, u32, QuickHash>,
}

impl Coded {
    pub fn push_number(&mut self, value: f64) {
        let next = self.keys.len() as u32;
        let code = *self.numbers.entry((value + 0.0).to_bits()).or_insert(next);
        if code == next {
            self.keys.push(Key::Number(value + 0.0));
        }
        self.codes.push(code);
    }

    /// Equal to the number of floating point where there is one.
    pub fn push_integer(&mut self, value: i128) {
        let float = value as f64;
        if float as i128 == value {
            return self.push_number(float);
        }
        let next = self.keys.len() as u32;
        let code = *self.integers.entry(value).or_insert(next);
        if code == next {
            self.keys.push(Key::Integer(value));
        }
        self.codes.push(code);
    }

    pub fn push_text(&mut self, text: &str) {
        let code = self.code_of(text);
        self.codes.push(code);
    }

    fn code_of(&mut self, text: &str) -> u32 {
        if let Some(code) = self.texts.get(text) {
            return *code;
        }
        let next = self.keys.len() as u32;
        self.texts.insert(text.to_owned(), next);
        self.keys.push(Key::Text(text.to_owned()));
        next
    }

    /// Each text of the dictionary is looked up once, when a row first has it. `None` if it is not of texts.
    pub fn push_dictionary(&mut self, rows: &dyn AnyDictionaryArray) -> Option<()> {
        let wide = wide_text(rows.values())?;
        let texts = wide.as_string::<i64>();
        if texts.is_empty() {
            return Some(());
        }
        let (nulls, mut known) = (rows.nulls(), vec![None; texts.len()]);
        self.codes.reserve(rows.len());
        for (row, place) in rows.normalized_keys().into_iter().enumerate() {
            if nulls.is_some_and(|nulls| nulls.is_null(row)) || texts.is_null(place) {
                continue;
            }
            let code = *known[place].get_or_insert_with(|| self.code_of(texts.value(place)));
            self.codes.push(code);
        }
        Some(())
    }
}
