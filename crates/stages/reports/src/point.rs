use std::collections::BTreeMap;

use ledger::Ledger;
use types::{Actor, Timestamp, Uid};

use crate::document::insert;
use crate::{Document, Error, NewDocument, store};

/// One value of a report.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The kind of metric, as the program that measured it calls it.
    pub metric: String,
    /// What it was measured of: a column, a label, an option.
    pub params: BTreeMap<String, String>,
    /// None where it is no finite number.
    pub value: Option<f64>,
}

/// A report with its values, in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportPoints {
    pub report: Document,
    pub points: Vec<Point>,
}

/// A report and its values, together or not at all. Errors: `Taken`, `NotFound` if its project does not exist.
pub async fn add_report(
    ledger: &Ledger,
    actor: &Actor,
    new: NewDocument,
    points: Vec<Point>,
) -> Result<Document, Error> {
    ledger
        .write(actor, move |tx| {
            let document = insert(tx, new.clone())?;
            store::insert_points(tx, &document, &points)?;
            Ok(document)
        })
        .await
}

/// The reports of a project between two times (both included), oldest first, with their values; of one metric only if
/// `metric` names it.
pub async fn points(
    ledger: &Ledger,
    actor: &Actor,
    project: Uid,
    metric: Option<String>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
) -> Result<Vec<ReportPoints>, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            let reports = store::list(rx, crate::Kind::Report, Some(project))?;
            let within = |d: &Document| {
                from.is_none_or(|f| d.happened_at >= f) && to.is_none_or(|t| d.happened_at <= t)
            };
            let mut of = store::points(rx, project, metric.as_deref())?;
            Ok(reports
                .into_iter()
                .filter(within)
                .map(|report| ReportPoints { points: of.remove(&report.uid).unwrap_or_default(), report })
                .collect())
        })
        .await
}
