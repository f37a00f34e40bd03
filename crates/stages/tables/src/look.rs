//! What a table looks like: its rows, page by page, and its columns' profiles.

use std::sync::Arc;

use columns::{Profile, Scan, cells};
use futures::TryStreamExt as _;
use serde_json::Value;
use types::Actor;

use crate::{Error, Name, Opened, Tables};

/// Rows of one page.
const MOST: usize = 10_000;

/// Some rows of a table.
#[derive(Clone, Debug)]
pub struct Preview {
    pub table: Opened,
    /// The row, from 0, that comes first.
    pub offset: u64,
    /// Name and type.
    pub columns: Vec<(String, String)>,
    pub rows: Vec<Vec<Value>>,
}

impl Tables {
    /// Rows `offset..offset + limit` of a table; all columns if none are named.
    /// Errors: `BadLimit`, `NoColumn`, and as [`Tables::open`].
    pub async fn preview(
        &self,
        actor: &Actor,
        name: &Name,
        offset: u64,
        limit: usize,
        columns: &[String],
    ) -> Result<Preview, Error> {
        if !(1..=MOST).contains(&limit) {
            return Err(Error::BadLimit { found: limit, most: MOST });
        }
        let table = self.open(actor, name).await?;
        let source = table.source.clone();
        let wanted = match columns {
            [] => None,
            names => Some(names.iter().map(|n| source.column(n)).collect::<Result<Vec<_>, _>>()?),
        };
        let shown = source.projected(wanted.as_deref());
        let columns = shown.fields().iter().map(|f| (f.name().clone(), f.data_type().to_string())).collect();
        let scan = Scan { columns: wanted, skip: offset, limit: Some(limit as u64) };
        let read = async move {
            let mut rows = Vec::new();
            let mut batches = source.batches(&scan);
            while let Some(batch) = batches.try_next().await? {
                rows.extend(cells(&batch)?);
            }
            Ok(rows)
        };
        Ok(Preview { offset, columns, rows: self.apart(read).await?, table })
    }

    /// The profile of a table's columns; of more than a million rows that of a sample (see [`columns::Source::profile`]).
    pub async fn profile(&self, actor: &Actor, name: &Name) -> Result<(Opened, Arc<Profile>), Error> {
        let table = self.open(actor, name).await?;
        let identity = table.identity();
        let found = self.profiles.lock().get(&identity);
        if let Some(profile) = found {
            return Ok((table, profile));
        }
        let source = table.source.clone();
        let profile = Arc::new(self.apart(async move { Ok(source.profile().await?) }).await?);
        self.profiles.lock().put(identity, profile.clone());
        Ok((table, profile))
    }
}
