//! The rows of a data set: Parquet and CSV in, pages and downloads out.

use bytes::Bytes;
use columns::{RecordBatch, Table};
use serde_json::Value;

use crate::errors::Failure;

/// What was sent, as a table. A file is CSV if its name says so, else Parquet.
pub(crate) async fn table(name: &str, bytes: Bytes) -> Result<Table, Failure> {
    use futures::TryStreamExt as _;
    let name = if name.to_lowercase().ends_with(".csv") { "data.csv" } else { "data.parquet" };
    let source = columns::Source::open(std::sync::Arc::new(columns::InMemory::new(name, bytes))).await?;
    let batches: Vec<RecordBatch> = source.batches(&columns::Scan::default()).try_collect().await?;
    Ok(columns::plain(name, &batches)?)
}

/// Rows of a page, values in order of the columns; `sort` names a column.
pub(crate) fn rows(
    table: &Table,
    sort: Option<(&str, bool)>,
    page: usize,
    size: usize,
) -> Result<Vec<Vec<Value>>, Failure> {
    let mut order: Vec<usize> = (0..table.rows()).collect();
    if let Some((column, ascending)) = sort {
        let keys = table.json_column(column)?;
        order.sort_by(|a, b| {
            let order = compare(&keys[*a], &keys[*b]);
            if ascending { order } else { order.reverse() }
        });
    }
    let chosen: Vec<usize> = order.into_iter().skip((page - 1) * size).take(size).collect();
    let part = table.take(&chosen)?;
    Ok(columns::cells(part.batch())?)
}

fn compare(a: &Value, b: &Value) -> std::cmp::Ordering {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => a.to_string().cmp(&b.to_string()),
    }
}

/// With a header; texts are quoted where they need it.
pub(crate) fn csv(table: &Table) -> Result<String, Failure> {
    let names: Vec<&str> = table.schema().names().collect();
    let columns: Vec<Vec<Option<String>>> = names.iter().map(|n| table.texts(n)).collect::<Result<_, _>>()?;
    let mut out = names.iter().map(|n| quote(n)).collect::<Vec<_>>().join(",");
    out.push('\n');
    for row in 0..table.rows() {
        let cells: Vec<String> =
            columns.iter().map(|c| c[row].as_deref().map(quote).unwrap_or_default()).collect();
        out.push_str(&cells.join(","));
        out.push('\n');
    }
    Ok(out)
}

fn quote(text: &str) -> String {
    if text.is_empty() || text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
