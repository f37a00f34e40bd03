//! Tables over files that stay where they are: what their columns are, and their rows as a stream.

mod csv;
mod jsonl;
pub mod parquet;
mod sample;

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::{DataType as ArrowType, Field, Schema as ArrowSchema, SchemaRef, TimeUnit};
use futures::StreamExt as _;
use futures::stream::BoxStream;

use crate::{Error, File, Format};

pub type Batches = BoxStream<'static, Result<RecordBatch, Error>>;

/// What was found out about a file. It holds as long as the content is the same.
#[derive(Clone, Debug)]
pub struct Known {
    pub format: Format,
    pub schema: SchemaRef,
    pub rows: u64,
    /// The footer, for Parquet.
    pub footer: Option<::parquet::arrow::arrow_reader::ArrowReaderMetadata>,
}

impl Known {
    /// Reads the footer of a Parquet file, and all of a CSV or JSON lines file: a column of these has the type that
    /// every value has, and is text where they differ.
    /// Errors: `UnknownFormat`, and what is wrong with the file and where.
    pub async fn of(file: &dyn File) -> Result<Self, Error> {
        match Format::of(file.name())? {
            Format::Parquet => parquet::look(file).await,
            Format::Csv => csv::look(file).await,
            Format::JsonLines => jsonl::look(file).await,
        }
    }

    /// Rows of each row group; one group for other formats.
    pub fn row_groups(&self) -> Vec<u64> {
        match &self.footer {
            Some(footer) => {
                let groups = footer.metadata().row_groups().iter();
                groups.map(|group| u64::try_from(group.num_rows()).unwrap_or(0)).collect()
            }
            None => vec![self.rows],
        }
    }
}

/// Files of one format that are one table, in order.
#[derive(Clone, Debug)]
pub struct Source {
    pub format: Format,
    /// The columns of all files, in order of first appearance; a file that lacks one has nulls there.
    pub schema: SchemaRef,
    pub parts: Vec<(Arc<dyn File>, Arc<Known>)>,
}

/// Which part of a table is read.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// Positions in the schema, in the order wanted; all if `None`.
    pub columns: Option<Vec<usize>>,
    /// Rows to pass over first.
    pub skip: u64,
    /// Rows at most.
    pub limit: Option<u64>,
}

impl Source {
    /// Errors: `NoFiles`, `MixedFormats`, `Differing`.
    pub fn new(parts: Vec<(Arc<dyn File>, Arc<Known>)>) -> Result<Self, Error> {
        let Some((first, known)) = parts.first() else { return Err(Error::NoFiles) };
        let format = known.format;
        let mut fields: Vec<Field> = known.schema.fields().iter().map(|f| f.as_ref().clone()).collect();
        for (file, known) in &parts[1..] {
            if known.format != format {
                let (first, second) = (first.name().to_owned(), file.name().to_owned());
                return Err(Error::MixedFormats { first, second });
            }
            for field in &mut fields {
                if known.schema.field_with_name(field.name()).is_err() {
                    *field = field.clone().with_nullable(true);
                }
            }
            for new in known.schema.fields() {
                let Some(field) = fields.iter_mut().find(|f| f.name() == new.name()) else {
                    fields.push(new.as_ref().clone().with_nullable(true));
                    continue;
                };
                let Some(data_type) = common(field.data_type(), new.data_type(), format) else {
                    return Err(Error::Differing {
                        file: file.name().to_owned(),
                        column: new.name().clone(),
                        found: new.data_type().to_string(),
                        expected: field.data_type().to_string(),
                    });
                };
                let nullable = field.is_nullable() || new.is_nullable();
                *field = field.clone().with_data_type(data_type).with_nullable(nullable);
            }
        }
        // Metadata of single files (pandas' own, for example) says nothing about the table.
        let fields: Vec<Field> = fields.into_iter().map(|f| f.with_metadata(Default::default())).collect();
        Ok(Self { format, schema: Arc::new(ArrowSchema::new(fields)), parts })
    }

    /// A table of one file, looked at now.
    pub async fn open(file: Arc<dyn File>) -> Result<Self, Error> {
        let known = Known::of(file.as_ref()).await?;
        Self::new(vec![(file, Arc::new(known))])
    }

    pub fn rows(&self) -> u64 {
        self.parts.iter().map(|(_, known)| known.rows).sum()
    }

    /// The position of a column. Errors: `NoColumn`.
    pub fn column(&self, name: &str) -> Result<usize, Error> {
        self.schema.index_of(name).map_err(|_| Error::NoColumn {
            column: name.to_owned(),
            known: self.schema.fields().iter().map(|f| f.name().clone()).collect(),
        })
    }

    /// The columns that a scan yields.
    pub fn projected(&self, columns: Option<&[usize]>) -> SchemaRef {
        match columns {
            None => self.schema.clone(),
            Some(columns) => {
                let field = |&i: &usize| self.schema.field(i).clone();
                Arc::new(ArrowSchema::new(columns.iter().map(field).collect::<Vec<_>>()))
            }
        }
    }

    /// Rows in order. What lies before `skip` is not read where the format allows it.
    pub fn batches(&self, scan: &Scan) -> Batches {
        let wanted = self.projected(scan.columns.as_deref());
        let (mut skip, mut left) = (scan.skip, scan.limit.unwrap_or(u64::MAX));
        let mut reads = Vec::new();
        for (place, (_, known)) in self.parts.iter().enumerate() {
            if skip >= known.rows {
                skip -= known.rows;
                continue;
            }
            if left == 0 {
                break;
            }
            let take = left.min(known.rows - skip);
            reads.push((place, std::mem::take(&mut skip), take));
            left -= take;
        }
        let parts = self.parts.clone();
        let each = move |(place, skip, take): (usize, u64, u64)| {
            let (file, known) = parts[place].clone();
            part(file, known, wanted.clone(), skip, take)
        };
        futures::stream::iter(reads).flat_map(each).boxed()
    }

    /// The rows of one file, with the columns of the table.
    pub fn part(&self, place: usize, columns: Option<&[usize]>) -> Batches {
        let (file, known) = self.parts[place].clone();
        let rows = known.rows;
        part(file, known, self.projected(columns), 0, rows)
    }
}

/// Lets others be polled: a stream whose bytes are all here is never pending by itself.
pub(crate) async fn breathe() {
    let mut yielded = false;
    futures::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

fn part(file: Arc<dyn File>, known: Arc<Known>, wanted: SchemaRef, skip: u64, take: u64) -> Batches {
    // Of the file's own columns, those that are wanted.
    let own: Vec<usize> =
        wanted.fields().iter().filter_map(|f| known.schema.index_of(f.name()).ok()).collect();
    let batches = match known.format {
        Format::Parquet => parquet::batches(file, &known, &own, skip, take),
        Format::Csv => csv::batches(file, &known, &own, skip, take),
        Format::JsonLines => jsonl::batches(file, &known, &own, skip, take),
    };
    batches.map(move |batch| fit(&batch?, &wanted)).boxed()
}

/// The batch with the columns of `wanted`: cast, in that order, null where it has none.
fn fit(batch: &RecordBatch, wanted: &SchemaRef) -> Result<RecordBatch, Error> {
    let rows = batch.num_rows();
    let column = |field: &Arc<Field>| match batch.column_by_name(field.name()) {
        None => Ok(new_null_array(field.data_type(), rows)),
        Some(array) if array.data_type() == field.data_type() => Ok(array.clone()),
        Some(array) => Ok(arrow::compute::cast(array, field.data_type())?),
    };
    let columns = wanted.fields().iter().map(column).collect::<Result<Vec<_>, Error>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(wanted.clone(), columns, &options)?)
}

/// The type that holds the values of both.
pub(crate) fn common(a: &ArrowType, b: &ArrowType, format: Format) -> Option<ArrowType> {
    let text = |t: &ArrowType| matches!(t, ArrowType::Utf8 | ArrowType::LargeUtf8 | ArrowType::Utf8View);
    let is_text = |t: &ArrowType| match t {
        ArrowType::Dictionary(_, value) => text(value),
        other => text(other),
    };
    Some(match (a, b) {
        (a, b) if a == b => a.clone(),
        (ArrowType::Null, other) | (other, ArrowType::Null) => other.clone(),
        (a, b) if a.is_integer() && b.is_integer() => ArrowType::Int64,
        (a, b) if (a.is_integer() || a.is_floating()) && (b.is_integer() || b.is_floating()) => {
            ArrowType::Float64
        }
        (a, b) if is_text(a) && is_text(b) => ArrowType::Utf8,
        (ArrowType::Timestamp(_, zone), ArrowType::Timestamp(..)) => {
            ArrowType::Timestamp(TimeUnit::Microsecond, zone.clone())
        }
        // Inferred types: text is what all of them were.
        _ if format != Format::Parquet => ArrowType::Utf8,
        _ => return None,
    })
}
