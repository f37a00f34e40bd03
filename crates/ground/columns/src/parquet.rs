//! Parquet in and out. What is written depends on the content alone: same table, same bytes.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType as ArrowType, SchemaRef, UInt64Type};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;
use types::{DataType, Field, Schema};

use crate::csv::match_header;
use crate::error::{Error, Place, quote};
use crate::table::{arrow_type, null_array};
use crate::{Table, footer};

const MAGIC: &[u8] = b"PAR1";
/// Rows in one row group. Fixed, because it shows in the bytes.
const ROW_GROUP: usize = 128 * 1024;

/// Reads Parquet. `file` is the name that errors show. Narrow integers, floats and dictionaries are widened to
/// the types of a [`Table`]; nested and decimal columns are refused. With a `schema`, columns are matched by
/// name and come back in its order; integers may stand where floats are declared.
pub fn read_parquet(file: &str, bytes: Bytes, schema: Option<&Schema>) -> Result<Table, Error> {
    if bytes.is_empty() {
        return Err(Error::Empty { file: file.into() });
    }
    if !bytes.starts_with(MAGIC) {
        let detail = "it does not start with PAR1".into();
        return Err(Error::Malformed { file: file.into(), format: "Parquet", detail });
    }
    if bytes.len() < 12 || !bytes.ends_with(MAGIC) {
        let detail = format!("it starts as Parquet, but its {} bytes end without a footer", bytes.len());
        return Err(Error::Truncated { file: file.into(), detail });
    }
    let malformed = |detail: String| Error::Malformed { file: file.into(), format: "Parquet", detail };
    let builder = footer::reader(bytes).map_err(|e| malformed(e.to_string()))?;
    let arrow = builder.schema().clone();
    let reader = builder.with_batch_size(ROW_GROUP).build().map_err(|e| malformed(e.to_string()))?;
    let batches = reader.collect::<Result<Vec<_>, _>>().map_err(|e| malformed(e.to_string()))?;
    from_batches(file, &arrow, &batches, schema)
}

/// A table from Arrow batches of any supported column types; rules and errors as for [`read_parquet`].
pub fn from_batches(
    file: &str,
    arrow: &SchemaRef,
    batches: &[RecordBatch],
    schema: Option<&Schema>,
) -> Result<Table, Error> {
    let names: Vec<String> = arrow.fields().iter().map(|f| f.name().clone()).collect();
    for (i, name) in names.iter().enumerate() {
        if let Some(first) = names[..i].iter().position(|n| n == name) {
            let (column, first, second) = (name.clone(), first + 1, i + 1);
            return Err(Error::DuplicateColumn { file: file.into(), column, first, second });
        }
    }
    if let Some(schema) = schema {
        match_header(file, &names, schema)?;
    }
    let whole = arrow::compute::concat_batches(arrow, batches)?;
    let mut fields = Vec::with_capacity(names.len());
    let mut columns = Vec::with_capacity(names.len());
    for (name, array) in names.iter().zip(whole.columns()) {
        let declared = schema.and_then(|s| s.field(name));
        let (data_type, array) = widen(file, name, array, declared.map(|f| f.data_type))?;
        let nulls = array.null_count();
        let nullable = declared.map_or(nulls > 0, |f| f.nullable);
        if nulls > 0 && !nullable {
            let row = (0..array.len()).find(|&i| array.is_null(i)).unwrap_or(0);
            let (place, column) = (Place::Row(row as u64 + 1), name.clone());
            return Err(Error::MissingValue { file: file.into(), place, column });
        }
        fields.push(Field { name: name.clone(), data_type, nullable });
        columns.push(array);
    }
    let table = Table::with_schema(Schema { fields }, columns)?;
    match schema {
        Some(schema) => table.select(&schema.names().collect::<Vec<_>>()),
        None => Ok(table),
    }
}

fn widen(
    file: &str,
    column: &str,
    array: &ArrayRef,
    declared: Option<DataType>,
) -> Result<(DataType, ArrayRef), Error> {
    let found = array.data_type();
    let natural = match found {
        ArrowType::Boolean => DataType::Boolean,
        t if t.is_integer() => DataType::Integer,
        ArrowType::Float16 | ArrowType::Float32 | ArrowType::Float64 => DataType::Float,
        ArrowType::Utf8 | ArrowType::LargeUtf8 | ArrowType::Utf8View => DataType::String,
        ArrowType::Dictionary(_, value) if value.is_string() => DataType::String,
        ArrowType::Timestamp(..) => DataType::Timestamp,
        ArrowType::Date32 | ArrowType::Date64 => DataType::Date,
        ArrowType::Binary | ArrowType::LargeBinary | ArrowType::BinaryView => DataType::Binary,
        ArrowType::Null => {
            let data_type = declared.unwrap_or(DataType::String);
            return Ok((data_type, null_array(data_type, array.len())));
        }
        other => {
            let (file, column, found) = (file.into(), column.into(), other.to_string());
            return Err(Error::UnsupportedType { file, column, found });
        }
    };
    let wanted = declared.unwrap_or(natural);
    if wanted != natural && !(wanted == DataType::Float && natural == DataType::Integer) {
        let (file, column, found) = (file.into(), column.into(), natural.name().into());
        return Err(Error::TypeMismatch { file, column, found, expected: wanted });
    }
    if *found == ArrowType::UInt64
        && wanted == DataType::Integer
        && let Some((row, value)) = too_large(array)
    {
        let (file, place, column) = (file.into(), Place::Row(row), column.into());
        return Err(Error::WrongType { file, place, column, value: value.to_string(), expected: wanted });
    }
    let target = arrow_type(wanted);
    if *found == target {
        return Ok((wanted, array.clone()));
    }
    let options = CastOptions { safe: false, ..CastOptions::default() };
    // A timestamp without a zone is taken as UTC.
    let cast = cast_with_options(array, &target, &options).map_err(|error| Error::UnsupportedType {
        file: file.into(),
        column: column.into(),
        found: quote(&format!("{found}: {error}")),
    })?;
    Ok((wanted, cast))
}

fn too_large(array: &ArrayRef) -> Option<(u64, u64)> {
    let values = array.as_primitive::<UInt64Type>();
    let large = |(i, v): (usize, Option<u64>)| v.filter(|&v| v > i64::MAX as u64).map(|v| (i as u64 + 1, v));
    values.iter().enumerate().find_map(large)
}

fn fail(error: parquet::errors::ParquetError) -> Error {
    Error::Write(error.to_string())
}

/// How much work goes into making a file small.
pub struct ParquetStyle {
    /// From 1 (quick) to 22 (small).
    pub zstd: i32,
    /// Whether numbers and times are looked through for repeated values, as texts are.
    pub dictionary_of_numbers: bool,
    /// Columns that are not looked through whatever their type.
    pub plain: &'static [&'static str],
}

impl Default for ParquetStyle {
    fn default() -> Self {
        Self { zstd: 3, dictionary_of_numbers: true, plain: &[] }
    }
}

/// A Parquet file that is written table by table, so that it need not be in memory as a whole.
pub struct ParquetWriter(ArrowWriter<Vec<u8>>);

impl ParquetWriter {
    /// `like` has the columns that every table will have.
    pub fn new(like: &Table) -> Result<Self, Error> {
        Self::of_style(like, &ParquetStyle::default())
    }

    pub fn of_style(like: &Table, style: &ParquetStyle) -> Result<Self, Error> {
        let level = ZstdLevel::try_new(style.zstd).map_err(fail)?;
        let mut properties = WriterProperties::builder();
        for field in &like.schema().fields {
            let number = matches!(field.data_type, DataType::Float | DataType::Integer | DataType::Timestamp);
            if number && !style.dictionary_of_numbers || style.plain.contains(&field.name.as_str()) {
                let column = ColumnPath::new(vec![field.name.clone()]);
                properties = properties.set_column_dictionary_enabled(column, false);
            }
        }
        let properties = properties
            .set_created_by("mlwright".into())
            .set_writer_version(WriterVersion::PARQUET_1_0)
            .set_compression(Compression::ZSTD(level))
            .set_max_row_group_row_count(Some(ROW_GROUP))
            .build();
        let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let schema = Arc::clone(like.batch().schema_ref());
        Ok(Self(ArrowWriter::try_new_with_options(Vec::new(), schema, options).map_err(fail)?))
    }

    /// Adds rows; the bytes of the file that are ready, to follow those that came before.
    pub fn write(&mut self, table: &Table) -> Result<Vec<u8>, Error> {
        self.0.write(table.batch()).map_err(fail)?;
        // The writer counts what it wrote itself, so nothing is lost by taking it away.
        Ok(std::mem::take(self.0.inner_mut()))
    }

    /// The end of the file.
    pub fn finish(self) -> Result<Vec<u8>, Error> {
        self.0.into_inner().map_err(fail)
    }
}

impl Table {
    /// The table as Parquet (zstd, statistics, 131,072 rows a row group). Equal tables give equal bytes.
    pub fn to_parquet(&self) -> Result<Vec<u8>, Error> {
        self.to_parquet_of(&ParquetStyle::default())
    }

    pub fn to_parquet_of(&self, style: &ParquetStyle) -> Result<Vec<u8>, Error> {
        let mut writer = ParquetWriter::of_style(self, style)?;
        let mut bytes = writer.write(self)?;
        bytes.extend(writer.finish()?);
        Ok(bytes)
    }

    /// [`Table::to_parquet`] into a file, whole or not at all.
    pub fn write_parquet(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        Ok(types::io::write_atomic(path, self.to_parquet()?)?)
    }
}
