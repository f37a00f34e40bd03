use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field, Schema as ArrowSchema, SchemaRef};
use futures::StreamExt as _;
use types::DataType;

use super::{Batches, Known};
use crate::blocks::{Block, Blocks};
use crate::csv::{Rows, check_header};
use crate::error::{Place, quote};
use crate::infer::{Builder, Inference};
use crate::table::{arrow_type, data_type};
use crate::{Error, File, Format};

/// The header of a file's first block; `rows` stands after it then.
fn header(rows: &mut Rows<'_>) -> Result<Vec<String>, Error> {
    if rows.rest.trim_ascii().is_empty() {
        return Err(Error::Empty { file: rows.file.into() });
    }
    let mut cells = Vec::new();
    rows.next_row(&mut cells)?;
    let header: Vec<String> = cells.iter().map(|c| c.text.trim_ascii().to_owned()).collect();
    check_header(rows.file, &header)?;
    Ok(header)
}

pub async fn look(file: &dyn File) -> Result<Known, Error> {
    let name = file.name();
    let mut blocks = Blocks::new(name, file.stream().await?, true);
    let mut names: Vec<String> = Vec::new();
    let mut columns: Vec<Inference> = Vec::new();
    let mut count = 0;
    while let Some(block) = blocks.next().await? {
        let mut rows = Rows::strict(name, block.text(name)?, block.line);
        if columns.is_empty() {
            names = header(&mut rows)?;
            columns = names.iter().map(|_| Inference::default()).collect();
        }
        let mut cells = Vec::new();
        while let Some(line) = rows.next_data(&mut cells, names.len())? {
            count += 1;
            for (cell, column) in cells.iter().zip(&mut columns) {
                if cell.is_null() { column.see_null() } else { column.see(&cell.text, Place::Line(line)) }
            }
        }
    }
    if columns.is_empty() {
        return Err(Error::Empty { file: name.into() });
    }
    let field = |(name, column): (&String, Inference)| {
        let nullable = column.nullable();
        Field::new(name, arrow_type(column.data_type_or_text()), nullable)
    };
    let fields: Vec<Field> = names.iter().zip(columns).map(field).collect();
    Ok(Known { format: Format::Csv, schema: Arc::new(ArrowSchema::new(fields)), rows: count, footer: None })
}

struct Reading {
    file: Arc<dyn File>,
    blocks: Option<Blocks>,
    /// Columns of the file.
    width: usize,
    /// Which of them are built, and as what.
    built: Vec<(usize, String, DataType)>,
    schema: SchemaRef,
    started: bool,
    skip: u64,
    take: u64,
}

pub fn batches(file: Arc<dyn File>, known: &Known, own: &[usize], skip: u64, take: u64) -> Batches {
    let fields = known.schema.fields();
    let built = own.iter().map(|&i| {
        let field = &fields[i];
        (i, field.name().clone(), data_type(field.data_type()).unwrap_or(DataType::String))
    });
    let schema = ArrowSchema::new(own.iter().map(|&i| fields[i].clone()).collect::<Vec<_>>());
    let reading = Reading {
        file,
        blocks: None,
        width: fields.len(),
        built: built.collect(),
        schema: Arc::new(schema),
        started: false,
        skip,
        take,
    };
    futures::stream::try_unfold(reading, |mut reading| async move {
        while reading.take > 0 {
            if reading.blocks.is_none() {
                let chunks = reading.file.stream().await?;
                reading.blocks = Some(Blocks::new(reading.file.name(), chunks, true));
            }
            let Some(blocks) = &mut reading.blocks else { break };
            let Some(block) = blocks.next().await? else { break };
            let batch = reading.build(&block)?;
            if batch.num_rows() > 0 {
                return Ok(Some((batch, reading)));
            }
        }
        Ok(None)
    })
    .boxed()
}

impl Reading {
    fn build(&mut self, block: &Block) -> Result<RecordBatch, Error> {
        let name = self.file.name().to_owned();
        let mut rows = Rows::strict(&name, block.text(&name)?, block.line);
        if !self.started {
            header(&mut rows)?;
            self.started = true;
        }
        let mut builders: Vec<Builder> = self.built.iter().map(|(_, _, t)| Builder::new(*t)).collect();
        let (mut cells, mut count) = (Vec::new(), 0);
        while self.take > 0
            && let Some(line) = rows.next_data(&mut cells, self.width)?
        {
            if self.skip > 0 {
                self.skip -= 1;
                continue;
            }
            (self.take, count) = (self.take - 1, count + 1);
            for ((at, column, expected), builder) in self.built.iter().zip(&mut builders) {
                let cell = &cells[*at];
                if cell.is_null() {
                    builder.push_null();
                } else if !builder.push_text(&cell.text) {
                    let (value, place) = (quote(&cell.text), Place::Line(line));
                    let (file, column, expected) = (name.clone(), column.clone(), *expected);
                    return Err(Error::WrongType { file, place, column, value, expected });
                }
            }
        }
        finish(&self.schema, builders, count)
    }
}

pub(super) fn finish(schema: &SchemaRef, builders: Vec<Builder>, rows: usize) -> Result<RecordBatch, Error> {
    let arrays: Vec<ArrayRef> = builders.into_iter().map(Builder::finish).collect();
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(schema.clone(), arrays, &options)?)
}
