use columns::{Answer, Query, cells};
use serde_json::Value;
use types::Actor;

use crate::{Error, Name, Opened, Tables, quote_names};

/// Rows that may be asked for.
const MOST: usize = 1_000_000;

#[derive(Clone, Debug)]
pub struct QueryRequest {
    /// Tables are named as `repo@ref:path`, bare or in double quotes.
    pub sql: String,
    /// Rows of the answer at most; the stage's own limit if `None`.
    pub rows: Option<usize>,
}

#[derive(Clone, Debug)]
pub struct QueryAnswer {
    /// Name and type.
    pub columns: Vec<(String, String)>,
    pub rows: Vec<Vec<Value>>,
    /// Whether rows were left out.
    pub more: bool,
    /// What was read.
    pub tables: Vec<Opened>,
}

impl Tables {
    /// Answers a SELECT, EXPLAIN, DESCRIBE or SHOW. Errors: as [`columns::Engine::query`] and [`Tables::open`].
    pub async fn query(&self, actor: &Actor, request: QueryRequest) -> Result<QueryAnswer, Error> {
        let mut limits = self.config.limits;
        if let Some(rows) = request.rows {
            if !(1..=MOST).contains(&rows) {
                return Err(Error::BadLimit { found: rows, most: MOST });
            }
            limits.rows = rows;
        }
        let sql = quote_names(&request.sql);
        let mut opened = Vec::new();
        for table in self.engine.tables(&sql)? {
            let name: Name = table.parse()?;
            opened.push((table, self.open(actor, &name).await?));
        }
        let tables = opened.iter().map(|(table, opened)| (table.clone(), opened.source.clone())).collect();
        let Answer { schema, batches, more } = self.engine.query(Query { sql, tables, limits }).await?;
        let fields = schema.fields().iter();
        let columns = fields.map(|f| (f.name().clone(), f.data_type().to_string())).collect();
        let rows = self
            .apart(async move {
                let mut rows = Vec::new();
                for batch in &batches {
                    rows.extend(cells(batch)?);
                }
                Ok(rows)
            })
            .await?;
        let tables = opened.into_iter().map(|(_, opened)| opened).collect();
        Ok(QueryAnswer { columns, rows, more, tables })
    }
}
