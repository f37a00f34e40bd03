//! The first rows of a Parquet file, as people read them, whatever the types.

use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::Bytes;

use crate::{Error, footer};

/// The start of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// Name and Arrow type.
    pub columns: Vec<(String, String)>,
    /// Values as text; `None` is null.
    pub rows: Vec<Vec<Option<String>>>,
    /// Rows in the whole file.
    pub total: i64,
}

/// At most `most` rows. Unlike [`crate::read_parquet`], nested and decimal columns are shown too. `file` is the name
/// that errors show. Errors: `Malformed`.
pub fn head_parquet(file: &str, bytes: Bytes, most: usize) -> Result<Head, Error> {
    let malformed = |detail: String| Error::Malformed { file: file.into(), format: "Parquet", detail };
    let builder = footer::reader(bytes).map_err(|e| malformed(e.to_string()))?;
    let total = builder.metadata().file_metadata().num_rows();
    let fields = builder.schema().fields().clone();
    let columns = fields.iter().map(|f| (f.name().clone(), f.data_type().to_string())).collect();
    let reader = builder
        .with_limit(most)
        .with_batch_size(most.max(1))
        .build()
        .map_err(|e| malformed(e.to_string()))?;
    let options = FormatOptions::default();
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.map_err(|e| malformed(e.to_string()))?;
        let shown = batch
            .columns()
            .iter()
            .map(|array| ArrayFormatter::try_new(array.as_ref(), &options))
            .collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let values = shown.iter().zip(batch.columns());
            let text = |(shown, array): (&ArrayFormatter<'_>, &crate::ArrayRef)| {
                (!array.is_null(row)).then(|| shown.value(row).to_string())
            };
            rows.push(values.map(text).collect());
        }
    }
    Ok(Head { columns, rows, total })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::{Table, column};

    #[test]
    fn the_head_has_the_first_rows_and_says_how_many_there_are() {
        let table = Table::new(vec![
            ("age".into(), column::integers((0..500).map(|n| (n != 1).then_some(n)))),
            ("name".into(), column::strings((0..500).map(|n| Some(format!("n{n}"))))),
        ])
        .unwrap();
        let head = head_parquet("a.parquet", table.to_parquet().unwrap().into(), 2).unwrap();
        assert_eq!(head.columns, [("age".into(), "Int64".into()), ("name".into(), "Utf8".to_owned())]);
        assert_eq!(head.rows, [[Some("0".into()), Some("n0".to_owned())], [None, Some("n1".into())]]);
        assert_eq!(head.total, 500);
        assert!(matches!(head_parquet("x", Bytes::from_static(b"PAR1 no"), 2), Err(Error::Malformed { .. })));
    }
}
