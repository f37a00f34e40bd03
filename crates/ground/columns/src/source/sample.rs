use futures::TryStreamExt as _;

use super::{Scan, Source, breathe};
use crate::{Error, Format, Profile, plain};

/// Ranges of rows that a sample of a Parquet table is made of.
const RANGES: u64 = 16;
/// Cells that a profile looks at.
const CELLS: u64 = 20_000_000;
/// Rows that a profile looks at.
const ROWS: u64 = 1_000_000;

impl Source {
    /// The profile of the table's rows. Of more than a million rows (or 20 million cells) it is that of a sample: ranges
    /// spread evenly over a Parquet table, the first rows of another one; `rows` in the profile says how many were seen.
    pub async fn profile(&self) -> Result<Profile, Error> {
        let most = ROWS.min(CELLS / self.schema.fields().len().max(1) as u64).max(1);
        let rows = self.rows();
        let ranges: Vec<(u64, u64)> = if rows <= most {
            vec![(0, rows)]
        } else if self.format == Format::Parquet {
            let length = (most / RANGES).max(1);
            (0..RANGES).map(|i| ((rows - length) * i / (RANGES - 1), length)).collect()
        } else {
            vec![(0, most)]
        };
        let mut batches = Vec::new();
        for (skip, limit) in ranges {
            let mut stream = self.batches(&Scan { columns: None, skip, limit: Some(limit) });
            while let Some(batch) = stream.try_next().await? {
                batches.push(batch);
                breathe().await;
            }
        }
        if batches.is_empty() {
            batches.push(arrow::array::RecordBatch::new_empty(self.schema.clone()));
        }
        let name = self.parts.first().map_or("table", |(file, _)| file.name());
        Profile::of(&plain(name, &batches)?)
    }
}
