//! Labelled predictions as rows of a dataset.

use columns::{ArrayRef, Table, column};
use datasets::Version;
use predictions::Labelled;
use types::{DataType, Field};

use crate::Error;

/// The columns of `base` in its order: features from the predictions' inputs, the label, and the prediction's id as
/// key where a text key is asked for. A column that predictions lack is missing in every row.
pub(crate) fn align(labelled: &Labelled, label: &str, base: &Version) -> Result<Table, Error> {
    let misfit = |reason: String| Error::Misfit { dataset: base.dataset.clone(), reason };
    if base.schema.field(label).is_none() {
        return Err(misfit(format!("it has no label column `{label}`")));
    }
    let have = labelled.table(label)?;
    let known = base.schema.names().filter(|n| *n != label && have.field(n).is_ok()).count();
    if known == 0 {
        return Err(misfit("none of its columns is an input of the model".into()));
    }
    let mut columns = Vec::with_capacity(base.schema.fields.len());
    for field in &base.schema.fields {
        let array = match have.field(&field.name) {
            Ok(_) => convert(&have, field).map_err(misfit)?,
            Err(_) if base.key.as_ref() == Some(&field.name) => key(labelled, field).map_err(misfit)?,
            Err(_) => missing(field.data_type, have.rows()),
        };
        columns.push((field.name.clone(), array));
    }
    Ok(Table::new(columns)?)
}

fn key(labelled: &Labelled, field: &Field) -> Result<ArrayRef, String> {
    if field.data_type != DataType::String {
        return Err(format!(
            "predictions have no value for its key `{}`, and their ids are no {}",
            field.name,
            field.data_type.name()
        ));
    }
    Ok(column::strings(labelled.rows.ids.iter().map(|id| Some(id.hex()))))
}

fn convert(table: &Table, field: &Field) -> Result<ArrayRef, String> {
    let text = |e: columns::Error| e.to_string();
    let numbers = || table.numbers(&field.name).map_err(text);
    let whole = |value: f64| value.fract() == 0.0 && value.abs() < 9.0e15;
    Ok(match field.data_type {
        DataType::Float => column::floats(numbers()?.into_iter().map(|v| v.filter(|x| x.is_finite()))),
        DataType::Integer => {
            let values = numbers()?;
            if let Some(odd) = values.iter().flatten().find(|v| v.is_finite() && !whole(**v)) {
                return Err(format!(
                    "column `{}` holds whole numbers, and a prediction has {odd}",
                    field.name
                ));
            }
            column::integers(values.into_iter().map(|v| v.filter(|x| x.is_finite()).map(|x| x as i64)))
        }
        DataType::Boolean => {
            column::booleans(numbers()?.into_iter().map(|v| v.filter(|x| x.is_finite()).map(|x| x != 0.0)))
        }
        DataType::String => column::strings(table.texts(&field.name).map_err(text)?),
        same if table.field(&field.name).is_ok_and(|f| f.data_type == same) => {
            table.column(&field.name).map_err(text)?.clone()
        }
        other => {
            return Err(format!(
                "column `{}` is a {}, which predictions do not hold",
                field.name,
                other.name()
            ));
        }
    })
}

fn missing(kind: DataType, rows: usize) -> ArrayRef {
    match kind {
        DataType::Boolean => column::booleans((0..rows).map(|_| None)),
        DataType::Integer => column::integers((0..rows).map(|_| None)),
        DataType::Float => column::floats((0..rows).map(|_| None)),
        DataType::Timestamp => column::timestamps((0..rows).map(|_| None)),
        DataType::Date => column::dates((0..rows).map(|_| None)),
        DataType::Binary => column::binary((0..rows).map(|_| None::<&[u8]>)),
        DataType::String => column::strings((0..rows).map(|_| None::<&str>)),
    }
}

pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Stopped)?
}
