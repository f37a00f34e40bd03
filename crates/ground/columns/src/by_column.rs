//! Tables of which one column is read at a time, so that a wide or long one never has to be in memory whole.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::datatypes::{Schema as ArrowSchema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder};
use parquet::file::reader::{ChunkReader, Length as _};

use crate::{ArrayRef, Error, footer};

/// Rows that are read at once.
const BATCH: usize = 64 * 1024;

/// A table that stays where it is: a Parquet file on disk or in memory, or batches that are here already.
#[derive(Clone, Debug)]
pub struct ByColumn {
    name: String,
    schema: SchemaRef,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Batches(Vec<RecordBatch>),
    File(PathBuf, Footer),
    Bytes(Bytes, Footer),
}

#[derive(Clone, Debug)]
struct Footer {
    plain: ArrowReaderMetadata,
    /// With texts as dictionaries, where the file has some.
    coded: Option<ArrowReaderMetadata>,
}

impl Footer {
    fn load<R: ChunkReader>(file: &R, name: &str) -> Result<Self, Error> {
        let plain = footer::load(file).map_err(|e| bad(name, &e))?;
        let coded = footer::with_dictionaries(&plain);
        Ok(Self { plain, coded })
    }

    fn of(&self, texts: Texts) -> ArrowReaderMetadata {
        let coded = self.coded.as_ref().filter(|_| texts == Texts::Coded);
        coded.unwrap_or(&self.plain).clone()
    }
}

/// How columns of texts are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Texts {
    Plain,
    /// As dictionaries, where all of the file's own pages are.
    Coded,
}

impl ByColumn {
    /// A Parquet file on disk, of which the footer is read now. Errors: what is wrong with it.
    pub fn open_parquet(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let name = path.to_string_lossy().into_owned();
        let file = types::io::open(path)?;
        if file.len() == 0 {
            return Err(Error::Empty { file: name });
        }
        let footer = Footer::load(&file, &name)?;
        let schema = footer.plain.schema().clone();
        Ok(Self { name, schema, content: Content::File(path.to_path_buf(), footer) })
    }

    /// The bytes of a Parquet file; `name` is what errors call it.
    pub fn of_parquet(name: &str, bytes: Bytes) -> Result<Self, Error> {
        if bytes.is_empty() {
            return Err(Error::Empty { file: name.to_owned() });
        }
        let footer = Footer::load(&bytes, name)?;
        let schema = footer.plain.schema().clone();
        Ok(Self { name: name.to_owned(), schema, content: Content::Bytes(bytes, footer) })
    }

    /// Batches whose columns are those of `schema`, which may say more of them than the batches do.
    pub fn of_batches(name: &str, schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        Self { name: name.to_owned(), schema, content: Content::Batches(batches) }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub fn rows(&self) -> usize {
        match &self.content {
            Content::Batches(batches) => batches.iter().map(RecordBatch::num_rows).sum(),
            Content::File(_, footer) | Content::Bytes(_, footer) => {
                usize::try_from(footer.plain.metadata().file_metadata().num_rows()).unwrap_or(0)
            }
        }
    }

    /// One column, by its place in the schema, in parts. Errors: what is wrong with the file.
    pub fn chunks(&self, index: usize) -> Result<Vec<ArrayRef>, Error> {
        self.read(index, BATCH, Texts::Plain)
    }

    /// As [`Self::chunks`]; texts are dictionaries where the file keeps them so.
    pub fn coded_chunks(&self, index: usize) -> Result<Vec<ArrayRef>, Error> {
        self.read(index, BATCH, Texts::Coded)
    }

    /// One column in one part. Errors: what is wrong with the file, and a column too large for one array.
    pub fn whole(&self, index: usize) -> Result<ArrayRef, Error> {
        let mut parts = self.read(index, self.rows().max(1), Texts::Plain)?;
        Ok(match parts.len() {
            0 => arrow::array::new_empty_array(self.schema.field(index).data_type()),
            1 => parts.swap_remove(0),
            _ => {
                let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
                arrow::compute::concat(&parts)?
            }
        })
    }

    /// These rows, counted from 0, of all columns; the columns are read one after the other. Errors: as [`Self::whole`].
    pub fn take(&self, rows: &[u32]) -> Result<RecordBatch, Error> {
        let rows = UInt32Array::from(rows.to_vec());
        let mut fields = Vec::with_capacity(self.schema.fields().len());
        let mut columns = Vec::with_capacity(fields.capacity());
        for (index, field) in self.schema.fields().iter().enumerate() {
            let column = arrow::compute::take(&self.whole(index)?, &rows, None)?;
            fields
                .push(field.as_ref().clone().with_data_type(column.data_type().clone()).with_nullable(true));
            columns.push(column);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        Ok(RecordBatch::try_new_with_options(Arc::new(ArrowSchema::new(fields)), columns, &options)?)
    }

    fn read(&self, index: usize, batch: usize, texts: Texts) -> Result<Vec<ArrayRef>, Error> {
        match &self.content {
            Content::Batches(batches) => Ok(batches.iter().map(|b| b.column(index).clone()).collect()),
            Content::File(path, footer) => {
                let file = types::io::open(path)?;
                let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, footer.of(texts));
                self.decode(builder, index, batch)
            }
            Content::Bytes(bytes, footer) => {
                let builder =
                    ParquetRecordBatchReaderBuilder::new_with_metadata(bytes.clone(), footer.of(texts));
                self.decode(builder, index, batch)
            }
        }
    }

    fn decode<R: ChunkReader + 'static>(
        &self,
        builder: ParquetRecordBatchReaderBuilder<R>,
        index: usize,
        batch: usize,
    ) -> Result<Vec<ArrayRef>, Error> {
        let mask = ProjectionMask::roots(builder.parquet_schema(), [index]);
        let reader =
            builder.with_projection(mask).with_batch_size(batch).build().map_err(|e| bad(&self.name, &e))?;
        let batches = reader.collect::<Result<Vec<_>, _>>().map_err(|e| bad(&self.name, &e))?;
        Ok(batches.iter().map(|batch| batch.column(0).clone()).collect())
    }
}

fn bad(file: &str, error: &dyn std::fmt::Display) -> Error {
    Error::Malformed { file: file.to_owned(), format: "Parquet", detail: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Table, column};

    #[test]
    fn a_column_is_the_same_from_a_file_from_bytes_and_from_batches() {
        let numbers = column::floats((0..70_000).map(|i| (i % 7 > 0).then_some(f64::from(i))));
        let texts = column::strings((0..70_000).map(|i| Some(format!("t{}", i % 3))));
        let table = Table::new(vec![("x".into(), numbers), ("t".into(), texts)]).unwrap();
        let bytes: Bytes = table.to_parquet().unwrap().into();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.parquet");
        types::io::write(&path, &bytes).unwrap();
        let kept = [
            ByColumn::open_parquet(&path).unwrap(),
            ByColumn::of_parquet("t.parquet", bytes).unwrap(),
            ByColumn::of_batches(
                "t",
                table.batch().schema(),
                vec![table.batch().slice(0, 9), table.batch().slice(9, 69_991)],
            ),
        ];
        for kept in &kept {
            assert_eq!(kept.rows(), 70_000);
            for index in 0..2 {
                assert_eq!(&kept.whole(index).unwrap(), table.batch().column(index));
                assert!(kept.chunks(index).unwrap().len() > 1);
            }
            let taken = kept.take(&[0, 8, 69_999]).unwrap();
            assert_eq!(taken.column(1), &column::strings([Some("t0"), Some("t2"), Some("t0")]));
        }
    }

    #[test]
    fn texts_come_as_dictionaries_where_the_file_keeps_them_so() {
        let few = column::strings((0..70_000).map(|i| (i % 5 > 0).then(|| format!("t{}", i % 3))));
        let many = column::strings((0..70_000).map(|i| Some(format!("a text of its own, number {i}"))));
        let none = column::strings((0..70_000).map(|_| None::<String>));
        let columns = [("few", few), ("many", many), ("none", none)];
        let table = Table::new(columns.map(|(name, values)| (name.into(), values)).into()).unwrap();
        let kept = ByColumn::of_parquet("t.parquet", table.to_parquet().unwrap().into()).unwrap();
        let is_coded = |index: usize| {
            let chunks = kept.coded_chunks(index).unwrap();
            let plain = kept.chunks(index).unwrap();
            for (coded, plain) in chunks.iter().zip(&plain) {
                assert_eq!(&arrow::compute::cast(coded, plain.data_type()).unwrap(), plain);
            }
            assert_eq!(chunks.len(), plain.len());
            matches!(chunks[0].data_type(), arrow::datatypes::DataType::Dictionary(..))
        };
        assert!(is_coded(0));
        assert!(!is_coded(1));
        is_coded(2);
    }

    #[test]
    fn an_empty_file_is_told_as_such() {
        assert!(matches!(ByColumn::of_parquet("e.parquet", Bytes::new()), Err(Error::Empty { .. })));
    }
}
