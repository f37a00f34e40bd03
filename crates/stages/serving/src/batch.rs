use std::sync::Arc;

use columns::{Table, column};
use datasets::{Import, NonFinite, Source, SourceFile, Version};
use runtimes::{Column, Frame, Tabular, Values, tabular};
use serde_json::json;
use types::{Actor, DataType};

use crate::load::Loaded;
use crate::{Error, Select, Serving};

/// Rows of one run.
const ROWS: usize = 4096;

impl Serving {
    /// Predicts for every row of a data set's version; rows and predictions become a version of the data set `into`, with
    /// edges to what they were made from. Each output is a column `prediction.<output>`. One revision answers for all rows.
    ///
    /// Errors: `NotTabular`; wrong columns as the runtime says it; what importing says.
    pub async fn predict_dataset(
        &self,
        actor: &Actor,
        (endpoint, select): (&str, Select<'_>),
        rows: Version,
        into: &str,
    ) -> Result<Version, Error> {
        let target = self.target(actor, endpoint, select)?;
        let (ledger, blobs) = (&self.0.ledger, &self.0.blobs);
        let mut files = Vec::with_capacity(rows.parts.len());
        for part in &rows.parts {
            let bytes = blobs.get_bytes(&part.parquet_digest).await?;
            let (name, schema) = (part.name.clone(), rows.schema.clone());
            let model = Arc::clone(&target.model);
            let predicted = tokio::task::spawn_blocking(move || {
                let table = columns::read_parquet(&name, bytes, Some(&schema))?;
                predicted(&model, &table)
            });
            let bytes = predicted.await.map_err(|_| Error::Interrupted)??;
            let stem = part.name.rsplit_once('.').map_or(part.name.as_str(), |(stem, _)| stem);
            files.push(SourceFile::new(format!("{stem}.parquet"), Source::Bytes(bytes.into())));
        }
        let mut import = Import::new(into, files);
        import.key.clone_from(&rows.key);
        import.non_finite = NonFinite::Allow;
        import.origin = json!({
            "kind": "batch_inference",
            "dataset": rows.dataset,
            "version": rows.number,
            "endpoint": endpoint,
            "revision": target.revision.number,
            "variant": target.name(),
            "model": target.model.model_name,
            "model_version": target.model.number,
        });
        import.derived_from = vec![
            ("dataset_version".into(), rows.uid.hex()),
            ("model_version".into(), target.model.version.hex()),
            ("endpoint_revision".into(), target.revision.uid.hex()),
        ];
        Ok(datasets::import(ledger, blobs, actor, import).await?)
    }
}

/// The table with the model's outputs, as Parquet.
fn predicted(model: &Loaded, table: &Table) -> Result<Vec<u8>, Error> {
    let tabular = model.tabular.as_ref().ok_or(Error::NotTabular)?;
    let mut tables = Vec::new();
    for from in (0..table.rows().max(1)).step_by(ROWS) {
        let mut slice = table.slice(from, ROWS.min(table.rows() - from));
        let outputs = model.model.run(&tabular.inputs(&frame(tabular, &slice)?)?, &[])?;
        for output in tabular::to_frame(&outputs, slice.rows())?.columns {
            slice = slice.with_column(&format!("prediction.{}", output.name), array(output.values))?;
        }
        tables.push(slice);
    }
    Ok(Table::concat(&tables)?.to_parquet()?)
}

fn array(values: Values) -> columns::ArrayRef {
    match values {
        Values::Float(v) => column::floats(v.into_iter().map(Some)),
        Values::Integer(v) => column::integers(v),
        Values::Boolean(v) => column::booleans(v),
        Values::Text(v) => column::strings(v),
    }
}

/// The model's columns, those that there are: what is absent is the runtime's to refuse.
fn frame(tabular: &Tabular, table: &Table) -> Result<Frame, Error> {
    let mut columns = Vec::new();
    for spec in tabular.columns().iter().filter(|spec| table.field(&spec.name).is_ok()) {
        columns.push(Column { name: spec.name.as_str().into(), values: values(table, &spec.name)? });
    }
    let mut frame = Frame::new(columns)?;
    frame.rows = table.rows();
    Ok(frame)
}

/// A column's values as models take them. Errors: no such column.
pub(crate) fn values(table: &Table, name: &str) -> Result<Values, Error> {
    Ok(match table.field(name)?.data_type {
        DataType::Float => {
            Values::Float(table.numbers(name)?.into_iter().map(|v| v.unwrap_or(f64::NAN)).collect())
        }
        DataType::Integer => {
            Values::Integer(table.json_column(name)?.into_iter().map(|v| v.as_i64()).collect())
        }
        DataType::Boolean => {
            Values::Boolean(table.json_column(name)?.into_iter().map(|v| v.as_bool()).collect())
        }
        _ => Values::Text(table.texts(name)?),
    })
}
