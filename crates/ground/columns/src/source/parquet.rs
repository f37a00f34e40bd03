use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::{AsyncFileReader, ParquetRecordBatchStreamBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};

use super::{Batches, Known};
use crate::{Error, File, Format, footer};

const MAGIC: &[u8] = b"PAR1";
/// Bytes at the end that are read at once, in the hope that the footer is among them.
const TAIL: usize = 64 << 10;
/// Ranges that are at most this far apart are read as one.
const GAP: u64 = 64 << 10;
const BATCH: usize = 8 * 1024;

/// A Parquet file read range by range: the footer, and the column chunks that are wanted.
#[derive(Clone, Debug)]
pub struct Reader {
    pub file: Arc<dyn File>,
    /// The footer, where it is known.
    pub known: Option<Arc<ParquetMetaData>>,
}

fn external(error: Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

impl AsyncFileReader for Reader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, parquet::errors::Result<Bytes>> {
        let file = self.file.clone();
        async move { file.read(range).await.map_err(external) }.boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, parquet::errors::Result<Vec<Bytes>>> {
        let file = self.file.clone();
        async move {
            let mut joined: Vec<Range<u64>> = Vec::new();
            let mut sorted = ranges.clone();
            sorted.sort_by_key(|r| r.start);
            for range in sorted {
                match joined.last_mut() {
                    Some(last) if range.start <= last.end.saturating_add(GAP) => {
                        last.end = last.end.max(range.end)
                    }
                    _ => joined.push(range),
                }
            }
            let read = |range: Range<u64>| {
                let file = file.clone();
                async move { Ok::<_, ParquetError>((range.start, file.read(range).await.map_err(external)?)) }
            };
            let blocks: Vec<(u64, Bytes)> =
                futures::stream::iter(joined.into_iter().map(read)).buffered(4).try_collect().await?;
            let cut = |range: Range<u64>| {
                let at = blocks.partition_point(|(start, _)| *start <= range.start).saturating_sub(1);
                let (start, bytes) = &blocks[at];
                let (from, to) = ((range.start - start) as usize, (range.end - start) as usize);
                if to > bytes.len() {
                    return Err(ParquetError::EOF(format!(
                        "bytes {}..{} are missing",
                        range.start, range.end
                    )));
                }
                Ok(bytes.slice(from..to))
            };
            ranges.into_iter().map(cut).collect()
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, parquet::errors::Result<Arc<ParquetMetaData>>> {
        let policy =
            |of: fn(&ArrowReaderOptions) -> PageIndexPolicy| options.map_or(PageIndexPolicy::Skip, of);
        let (columns, offsets) = (
            policy(ArrowReaderOptions::column_index_policy),
            policy(ArrowReaderOptions::offset_index_policy),
        );
        async move {
            if let Some(known) = &self.known {
                return Ok(known.clone());
            }
            let size = self.file.size();
            let reader = ParquetMetaDataReader::new()
                .with_column_index_policy(columns)
                .with_offset_index_policy(offsets)
                .with_prefetch_hint(Some(TAIL));
            Ok(Arc::new(reader.load_and_finish(self, size).await?))
        }
        .boxed()
    }
}

/// Ours where it came from the file, else what is wrong with it; `place` says where.
pub(crate) fn failed(file: &str, place: &str, error: ParquetError) -> Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<Error>() {
            Ok(own) => *own,
            Err(other) => malformed(file, format!("{place}{other}")),
        },
        other => malformed(file, format!("{place}{other}")),
    }
}

fn malformed(file: &str, detail: String) -> Error {
    Error::Malformed { file: file.into(), format: "Parquet", detail }
}

pub async fn look(file: &dyn File) -> Result<Known, Error> {
    let (name, size) = (file.name().to_owned(), file.size());
    if size == 0 {
        return Err(Error::Empty { file: name });
    }
    let tail_from = size.saturating_sub(TAIL as u64);
    let tail = file.read(tail_from..size).await?;
    let head = if tail_from == 0 { tail.slice(..4.min(tail.len())) } else { file.read(0..4).await? };
    if head != MAGIC {
        return Err(malformed(&name, "it does not start with PAR1".into()));
    }
    if size < 12 || !tail.ends_with(MAGIC) {
        let detail = format!("it starts as Parquet, but its {size} bytes end without a footer");
        return Err(Error::Truncated { file: name, detail });
    }
    // The length of the footer stands before the last four bytes.
    let at = tail.len() - 8;
    let length = tail[at..at + 4].iter().rev().fold(0_u64, |n, &b| n << 8 | u64::from(b));
    if length + 8 > size {
        return Err(malformed(&name, format!("its footer would have {length} of {size} bytes")));
    }
    let from = size - 8 - length;
    let footer = if from >= tail_from {
        tail.slice((from - tail_from) as usize..at)
    } else {
        file.read(from..size - 8).await?
    };
    let metadata =
        ParquetMetaDataReader::decode_metadata(&footer).map_err(|e| failed(&name, "the footer: ", e))?;
    let rows = u64::try_from(metadata.file_metadata().num_rows()).unwrap_or(0);
    let footer = footer::of(Arc::new(metadata)).map_err(|e| failed(&name, "the schema: ", e))?;
    let schema = footer.schema().clone();
    for (i, field) in schema.fields().iter().enumerate() {
        if let Some(first) = schema.fields()[..i].iter().position(|f| f.name() == field.name()) {
            let (column, first, second) = (field.name().clone(), first + 1, i + 1);
            return Err(Error::DuplicateColumn { file: name, column, first, second });
        }
    }
    Ok(Known { format: Format::Parquet, schema, rows, footer: Some(footer) })
}

/// One row group after the other, so that errors can say which.
pub fn batches(file: Arc<dyn File>, known: &Known, own: &[usize], skip: u64, take: u64) -> Batches {
    let Some(footer) = known.footer.clone() else { return futures::stream::empty().boxed() };
    let (mut skip, mut left) = (skip, take);
    let mut groups = Vec::new();
    for (group, rows) in known.row_groups().into_iter().enumerate() {
        if skip >= rows {
            skip -= rows;
            continue;
        }
        if left == 0 {
            break;
        }
        let wanted = left.min(rows - skip);
        groups.push((group, std::mem::take(&mut skip), wanted));
        left -= wanted;
    }
    let own = own.to_vec();
    let read = move |(group, skip, take): (usize, u64, u64)| {
        let (file, footer) = (file.clone(), footer.clone());
        let (name, place) = (file.name().to_owned(), format!("row group {group}: "));
        let reader = Reader { known: Some(footer.metadata().clone()), file };
        let mask = ProjectionMask::roots(footer.parquet_schema(), own.iter().copied());
        let built = ParquetRecordBatchStreamBuilder::new_with_metadata(reader, footer)
            .with_row_groups(vec![group])
            .with_projection(mask)
            .with_offset(skip as usize)
            .with_limit(take as usize)
            .with_batch_size(BATCH)
            .build();
        match built {
            Ok(stream) => stream.map_err(move |e| failed(&name, &place, e)).boxed(),
            Err(error) => futures::stream::iter([Err(failed(&name, &place, error))]).boxed(),
        }
    };
    futures::stream::iter(groups).flat_map(read).boxed()
}
