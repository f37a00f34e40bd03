use ledger::{Error, Row, Rx, Tx, params};
use tracking::search::Statement;
use types::{Timestamp, Uid};

use super::Reads;
use crate::labels::{LabelItem, LabelQuery, LabelReview};
use crate::queues::ItemStatus;

const ITEM: &str = "SELECT version, row_number, row_id, label_column, given, likely, quality, row_values, status, verdict, comment, \
     completed_by, completed_at, created_at FROM review_label";

fn read(row: &Row) -> Result<LabelItem, Error> {
    let status: String = row.get("status")?;
    Ok(LabelItem {
        version: row.get("version")?,
        row: row.get("row_number")?,
        row_id: row.get("row_id")?,
        column: row.get("label_column")?,
        given: row.get("given")?,
        likely: row.get("likely")?,
        quality: row.get("quality")?,
        values: row.get("row_values")?,
        status: ItemStatus::parse(&status),
        verdict: row.get("verdict")?,
        comment: row.get("comment")?,
        completed_by: row.get("completed_by")?,
        completed_at: row.get("completed_at")?,
        created_at: row.get("created_at")?,
    })
}

pub(crate) fn insert(tx: &mut Tx<'_>, items: &[&LabelItem]) -> Result<(), Error> {
    let workspace = tx.workspace();
    let values = items.iter().map(|i| {
        params![
            workspace,
            i.version,
            i.row,
            &i.row_id,
            &i.column,
            &i.given,
            &i.likely,
            i.quality,
            i.values.clone(),
            i.status.name(),
            i.created_at
        ]
        .to_vec()
    });
    tx.execute_many(
        "INSERT INTO review_label (workspace_id, version, row_number, row_id, label_column, given, likely, quality, row_values, \
         status, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        values,
    )?;
    Ok(())
}

pub(crate) fn judged_rows(tx: &mut Tx<'_>, version: Uid) -> Result<Vec<i64>, Error> {
    let sql = "SELECT row_number FROM review_label WHERE workspace_id = $1 AND version = $2 AND status <> $3";
    let key = params![tx.workspace(), version, ItemStatus::Pending.name()];
    tx.query(sql, &key)?.iter().map(|row| row.get("row_number")).collect()
}

pub(crate) fn delete_pending(tx: &mut Tx<'_>, version: Uid) -> Result<(), Error> {
    let key = params![tx.workspace(), version, ItemStatus::Pending.name()];
    tx.execute("DELETE FROM review_label WHERE workspace_id = $1 AND version = $2 AND status = $3", &key)?;
    Ok(())
}

pub(crate) fn update(tx: &mut Tx<'_>, item: &LabelItem) -> Result<(), Error> {
    let values = params![
        item.status.name(),
        item.verdict.as_ref(),
        item.comment.as_ref(),
        item.completed_by.as_ref(),
        item.completed_at,
        tx.workspace(),
        item.version,
        item.row
    ];
    tx.execute(
        "UPDATE review_label SET status = $1, verdict = $2, comment = $3, completed_by = $4, completed_at = $5 \
         WHERE workspace_id = $6 AND version = $7 AND row_number = $8",
        &values,
    )?;
    Ok(())
}

pub(crate) fn item(on: &mut impl Reads, version: Uid, row: i64) -> Result<Option<LabelItem>, Error> {
    let sql = format!("{ITEM} WHERE workspace_id = $1 AND version = $2 AND row_number = $3");
    let key = params![on.home(), version, row];
    on.rows(&sql, &key)?.first().map(read).transpose()
}

/// Up to `limit` + 1 items.
pub(crate) fn items(rx: &mut Rx<'_>, query: &LabelQuery) -> Result<Vec<LabelItem>, Error> {
    let mut s = Statement::default();
    s.push(ITEM).push(" WHERE workspace_id = ").bind(rx.workspace());
    s.push(" AND version = ").bind(query.version);
    if let Some(status) = query.status {
        s.push(" AND status = ").bind(status.name());
    }
    s.push(" ORDER BY quality, row_number LIMIT ").bind(query.limit.saturating_add(1));
    s.push(" OFFSET ").bind(query.offset);
    rx.query(&s.sql, &s.values)?.iter().map(read).collect()
}

/// Those whose verdict is another label than the given, by row.
pub(crate) fn corrected(rx: &mut Rx<'_>, version: Uid) -> Result<Vec<LabelItem>, Error> {
    let sql = format!(
        "{ITEM} WHERE workspace_id = $1 AND version = $2 AND status = $3 AND verdict <> given ORDER BY row_number"
    );
    let key = params![rx.workspace(), version, ItemStatus::Complete.name()];
    rx.query(&sql, &key)?.iter().map(read).collect()
}

/// Of one version, or of all, the newest first.
pub(crate) fn reviews(on: &mut impl Reads, version: Option<Uid>) -> Result<Vec<LabelReview>, Error> {
    let mut s = Statement::default();
    s.push(
        "SELECT version, label_column, status, count(*) AS n, min(created_at) AS since, \
         sum(CASE WHEN verdict <> given THEN 1 ELSE 0 END) AS corrected FROM review_label WHERE workspace_id = ",
    );
    s.bind(on.home());
    if let Some(version) = version {
        s.push(" AND version = ").bind(version);
    }
    s.push(" GROUP BY version, label_column, status ORDER BY version DESC, label_column, status");
    let mut reviews: Vec<LabelReview> = Vec::new();
    for row in on.rows(&s.sql, &s.values)? {
        let (version, column, since): (Uid, String, Timestamp) =
            (row.get("version")?, row.get("label_column")?, row.get("since")?);
        if reviews.last().is_none_or(|r| r.version != version) {
            let (pending, complete, corrected, declined) = (0, 0, 0, 0);
            reviews.push(LabelReview { version, column, pending, complete, corrected, declined, since });
        }
        let Some(review) = reviews.last_mut() else { continue };
        let (status, count): (String, i64) = (row.get("status")?, row.get("n")?);
        review.since = review.since.min(since);
        match ItemStatus::parse(&status) {
            ItemStatus::Pending => review.pending += count,
            ItemStatus::Complete => {
                review.complete += count;
                review.corrected += row.get::<i64>("corrected")?;
            }
            ItemStatus::Declined => review.declined += count,
        }
    }
    Ok(reviews)
}
