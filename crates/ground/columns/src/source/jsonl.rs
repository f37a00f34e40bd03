use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema as ArrowSchema, SchemaRef};
use futures::StreamExt as _;
use serde_json::Value;
use types::DataType;

use super::csv::finish;
use super::{Batches, Known};
use crate::blocks::{Block, Blocks};
use crate::error::{Place, quote};
use crate::infer::Builder;
use crate::jsonl::{Object, json_type};
use crate::table::{arrow_type, data_type};
use crate::{Error, File, Format};

/// What the values of one key were so far: `None` while all were null.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    data_type: Option<DataType>,
    values: u64,
}

impl Seen {
    /// Lists and objects, and a mixture of types, are text.
    fn see(&mut self, value: &Value) {
        self.values += 1;
        let found = json_type(value).unwrap_or(DataType::String);
        self.data_type = Some(match self.data_type {
            None => found,
            Some(known) if known == found => known,
            Some(known) if known.is_numeric() && found.is_numeric() => DataType::Float,
            Some(_) => DataType::String,
        });
    }
}

/// Calls `row` with the line and the object of each row of a block; it says whether to go on.
fn each(
    file: &str,
    block: &Block,
    mut row: impl FnMut(u64, Object) -> Result<bool, Error>,
) -> Result<(), Error> {
    let text = block.text(file)?;
    for (i, content) in text.lines().enumerate() {
        if content.trim_ascii().is_empty() {
            continue;
        }
        let line = block.line + i as u64;
        let object = serde_json::from_str::<Object>(content).map_err(|error| {
            if error.is_eof() && !text.ends_with('\n') && i + 1 == text.lines().count() {
                let detail = format!("its last line {line} ends inside a JSON object");
                return Error::Truncated { file: file.into(), detail };
            }
            let detail = format!("{error} in `{}`", quote(content));
            Error::BadLine { file: file.into(), line, detail }
        })?;
        if !row(line, object)? {
            break;
        }
    }
    Ok(())
}

pub async fn look(file: &dyn File) -> Result<Known, Error> {
    let name = file.name();
    let mut blocks = Blocks::new(name, file.stream().await?, false);
    let mut names: Vec<String> = Vec::new();
    let mut seen: HashMap<String, Seen> = HashMap::new();
    let mut rows = 0;
    while let Some(block) = blocks.next().await? {
        each(name, &block, |_, object| {
            rows += 1;
            for (key, value) in object.0 {
                let of = match seen.get_mut(&key) {
                    Some(of) => of,
                    None => {
                        names.push(key.clone());
                        seen.entry(key).or_default()
                    }
                };
                if !value.is_null() {
                    of.see(&value);
                }
            }
            Ok(true)
        })?;
    }
    if rows == 0 {
        return Err(Error::Empty { file: name.into() });
    }
    let field = |name: &String| {
        let Seen { data_type, values } = seen.get(name).copied().unwrap_or_default();
        Field::new(name, arrow_type(data_type.unwrap_or(DataType::String)), values < rows)
    };
    let fields: Vec<Field> = names.iter().map(field).collect();
    Ok(Known { format: Format::JsonLines, schema: Arc::new(ArrowSchema::new(fields)), rows, footer: None })
}

struct Reading {
    file: Arc<dyn File>,
    blocks: Option<Blocks>,
    built: Vec<(String, DataType)>,
    schema: SchemaRef,
    skip: u64,
    take: u64,
}

pub fn batches(file: Arc<dyn File>, known: &Known, own: &[usize], skip: u64, take: u64) -> Batches {
    let fields: Vec<_> = own.iter().map(|&i| known.schema.fields()[i].clone()).collect();
    let built =
        fields.iter().map(|f| (f.name().clone(), data_type(f.data_type()).unwrap_or(DataType::String)));
    let built = built.collect();
    let reading =
        Reading { file, blocks: None, built, schema: Arc::new(ArrowSchema::new(fields)), skip, take };
    futures::stream::try_unfold(reading, |mut reading| async move {
        while reading.take > 0 {
            if reading.blocks.is_none() {
                let chunks = reading.file.stream().await?;
                reading.blocks = Some(Blocks::new(reading.file.name(), chunks, false));
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
        let file = self.file.name().to_owned();
        let mut builders: Vec<Builder> = self.built.iter().map(|(_, t)| Builder::new(*t)).collect();
        let (mut count, mut skip, mut take) = (0, self.skip, self.take);
        let built = &self.built;
        each(&file, block, |line, object| {
            if skip > 0 {
                skip -= 1;
                return Ok(true);
            }
            let mut at = 0;
            for ((name, expected), builder) in built.iter().zip(&mut builders) {
                let value = object.value(name, &mut at);
                let pushed = match value {
                    None | Some(Value::Null) => {
                        builder.push_null();
                        true
                    }
                    Some(value @ Value::String(_)) => builder.push_json(value),
                    Some(value) if *expected == DataType::String => builder.push_text(&value.to_string()),
                    Some(value) => builder.push_json(value),
                };
                if !pushed {
                    return Err(Error::WrongType {
                        file: file.clone(),
                        place: Place::Line(line),
                        column: name.clone(),
                        value: quote(&value.map(ToString::to_string).unwrap_or_default()),
                        expected: *expected,
                    });
                }
            }
            (count, take) = (count + 1, take - 1);
            Ok(take > 0)
        })?;
        (self.skip, self.take) = (skip, take);
        finish(&self.schema, builders, count)
    }
}
