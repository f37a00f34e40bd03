//! Two versions of a table, row by row.

use std::sync::Arc;

use columns::{ChangeKind, RowDiff, rows_at};
use serde::Serialize;
use serde_json::{Map, Value};
use types::Actor;

use crate::{Error, Name, Opened, Tables};

/// Rows of one page.
const MOST: usize = 1_000;

#[derive(Clone, Debug)]
pub struct DiffRequest {
    pub left: Name,
    pub right: Name,
    /// The columns that tell which rows are the same.
    pub key: Vec<String>,
    /// Only these; all if empty.
    pub kinds: Vec<ChangeKind>,
    pub offset: usize,
    pub limit: usize,
}

/// One row that differs, by column names.
#[derive(Clone, Debug, Serialize)]
pub struct RowChange {
    /// `added`, `removed` or `changed`.
    pub kind: &'static str,
    pub key: Map<String, Value>,
    /// Names of the columns whose values differ; of a changed row.
    pub changed: Vec<String>,
    pub left: Option<Map<String, Value>>,
    pub right: Option<Map<String, Value>>,
}

#[derive(Clone, Debug)]
pub struct DiffPage {
    pub left: Opened,
    pub right: Opened,
    /// Counts, and which columns differ.
    pub diff: Arc<RowDiff>,
    pub changes: Vec<RowChange>,
    /// The offset of the next page, if there is one.
    pub next: Option<usize>,
}

impl Tables {
    /// One page of what differs between two tables, which need not be of one repository. The comparison itself is
    /// remembered, so that further pages only fetch their rows.
    /// Errors: `BadLimit`, and as [`RowDiff::of`] and [`Tables::open`].
    pub async fn diff(&self, actor: &Actor, request: DiffRequest) -> Result<DiffPage, Error> {
        if !(1..=MOST).contains(&request.limit) {
            return Err(Error::BadLimit { found: request.limit, most: MOST });
        }
        let left = self.open(actor, &request.left).await?;
        let right = self.open(actor, &request.right).await?;
        let diff = self.compared(&left, &right, &request.key).await?;
        let DiffRequest { kinds, offset, limit, .. } = request;
        let wanted = |change: &&columns::Change| kinds.is_empty() || kinds.contains(&change.kind);
        let mut page: Vec<_> =
            diff.changes.iter().filter(wanted).skip(offset).take(limit + 1).copied().collect();
        let next = (page.len() > limit).then_some(offset + limit);
        page.truncate(limit);
        let sources = (left.source.clone(), right.source.clone());
        let of = diff.clone();
        let changes = self
            .apart(async move {
                let places = |side: fn(&columns::Change) -> Option<u64>| -> Vec<u64> {
                    page.iter().filter_map(side).collect()
                };
                let mut lefts = rows_at(&sources.0, &places(|c| c.left)).await?.into_iter();
                let mut rights = rows_at(&sources.1, &places(|c| c.right)).await?.into_iter();
                let mut changes = Vec::with_capacity(page.len());
                for change in &page {
                    let left = change.left.and_then(|_| lefts.next()).map(|row| named(&sources.0, row));
                    let right = change.right.and_then(|_| rights.next()).map(|row| named(&sources.1, row));
                    changes.push(row_change(&of, change.kind, left, right));
                }
                Ok(changes)
            })
            .await?;
        Ok(DiffPage { left, right, diff, changes, next })
    }

    async fn compared(&self, left: &Opened, right: &Opened, key: &[String]) -> Result<Arc<RowDiff>, Error> {
        let identity = format!("{} {} {key:?}", left.identity(), right.identity());
        let found = self.diffs.lock().get(&identity);
        if let Some(diff) = found {
            return Ok(diff);
        }
        let (left, right, key) = (left.source.clone(), right.source.clone(), key.to_vec());
        let diff = self.apart(async move { Ok(RowDiff::of(&left, &right, &key).await?) }).await?;
        let diff = Arc::new(diff);
        self.diffs.lock().put(identity, diff.clone());
        Ok(diff)
    }
}

fn named(source: &columns::Source, row: Vec<Value>) -> Map<String, Value> {
    source.schema.fields().iter().map(|f| f.name().clone()).zip(row).collect()
}

fn row_change(
    diff: &RowDiff,
    kind: ChangeKind,
    left: Option<Map<String, Value>>,
    right: Option<Map<String, Value>>,
) -> RowChange {
    let any = right.as_ref().or(left.as_ref());
    let value = |name: &String| any.and_then(|row| row.get(name)).cloned().unwrap_or_default();
    let key = diff.key.iter().map(|name| (name.clone(), value(name))).collect();
    let differs = |name: &&str| match (&left, &right) {
        (Some(left), Some(right)) => !same(left.get(*name), right.get(*name)),
        _ => false,
    };
    let changed = diff.compared().filter(differs).map(str::to_owned).collect();
    let kind = match kind {
        ChangeKind::Added => "added",
        ChangeKind::Removed => "removed",
        ChangeKind::Changed => "changed",
    };
    RowChange { kind, key, changed, left, right }
}

/// Also of a column that is of integers on one side and of floats, or of texts, on the other.
fn same(left: Option<&Value>, right: Option<&Value>) -> bool {
    let (Some(left), Some(right)) = (left, right) else { return left == right };
    if left == right {
        return true;
    }
    match (left, right) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::String(text), other) | (other, Value::String(text)) => {
            let shown = other.to_string();
            !other.is_null() && *text == shown
        }
        _ => false,
    }
}
