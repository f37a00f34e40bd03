//! All SQL of this stage. Reads take either kind of transaction.

pub(crate) mod anew;
pub(crate) mod attempts;
pub(crate) mod backfills;
pub(crate) mod children;
pub(crate) mod due;
pub(crate) mod executors;
pub(crate) mod published;
pub(crate) mod replays;
pub(crate) mod runs;
pub(crate) mod schedules;
pub(crate) mod secrets;
pub(crate) mod servers;
pub(crate) mod steps;
pub(crate) mod tree;

use ledger::{Error, Row, Rx, Tx, Value, params};
use serde::de::DeserializeOwned;
use types::WorkspaceId;

use crate::{Pipeline, PipelineSpec};

pub(crate) type Result<T> = std::result::Result<T, Error>;

pub(crate) trait Reads {
    fn rows(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>>;
    fn workspace(&self) -> WorkspaceId;
    /// See [`Tx::skip_locked`]; nothing where nothing can be changed.
    fn skip_locked(&self) -> &'static str;
}

macro_rules! reads {
    ($($type:ident $skip:expr;)*) => {$(
        impl Reads for $type<'_> {
            fn rows(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>> {
                self.query(sql, values)
            }
            fn workspace(&self) -> WorkspaceId {
                $type::workspace(self)
            }
            fn skip_locked(&self) -> &'static str {
                let skip: fn(&Self) -> &'static str = $skip;
                skip(self)
            }
        }
    )*};
}
reads!(Tx Tx::skip_locked; Rx |_| "";);

/// A column that holds JSON of a known shape.
pub(crate) fn json<T: DeserializeOwned>(row: &Row, column: &str) -> Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|e| wrong::<T>(column, &e))
}

pub(crate) fn json_opt<T: DeserializeOwned>(row: &Row, column: &str) -> Result<Option<T>> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| serde_json::from_str(&text).map_err(|e| wrong::<T>(column, &e))).transpose()
}

fn wrong<T>(column: &str, error: &serde_json::Error) -> Error {
    let wanted = std::any::type_name::<T>();
    Error::WrongType { column: column.to_owned(), wanted, found: error.to_string() }
}

pub(crate) fn text(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::Database { message: format!("cannot write JSON: {e}") })
}

pub(crate) fn put_pipeline(tx: &mut Tx<'_>, spec: &PipelineSpec) -> Result<()> {
    let (workspace, now, by) = (tx.workspace(), tx.now(), tx.actor().to_string());
    tx.execute(
        "INSERT INTO pipeline (workspace_id, name, spec, created_at, updated_at, created_by) \
         VALUES ($1, $2, $3, $4, $4, $5) \
         ON CONFLICT (workspace_id, name) DO UPDATE SET spec = excluded.spec, updated_at = excluded.updated_at",
        &params![workspace, &spec.name, text(spec)?, now, by],
    )?;
    Ok(())
}

pub(crate) fn delete_pipeline(tx: &mut Tx<'_>, name: &str) -> Result<bool> {
    let workspace = tx.workspace();
    let gone =
        tx.execute("DELETE FROM pipeline WHERE workspace_id = $1 AND name = $2", &params![workspace, name])?;
    Ok(gone > 0)
}

const PIPELINE: &str =
    "SELECT name, spec, created_at, updated_at, created_by FROM pipeline WHERE workspace_id = $1";

pub(crate) fn pipelines(r: &mut impl Reads) -> Result<Vec<Pipeline>> {
    let workspace = r.workspace();
    r.rows(&format!("{PIPELINE} ORDER BY name"), &params![workspace])?.iter().map(pipeline).collect()
}

pub(crate) fn find_pipeline(r: &mut impl Reads, name: &str) -> Result<Option<Pipeline>> {
    let workspace = r.workspace();
    let rows = r.rows(&format!("{PIPELINE} AND name = $2"), &params![workspace, name])?;
    rows.first().map(pipeline).transpose()
}

fn pipeline(row: &Row) -> Result<Pipeline> {
    Ok(Pipeline {
        name: row.get("name")?,
        spec: json(row, "spec")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        created_by: row.get("created_by")?,
    })
}
