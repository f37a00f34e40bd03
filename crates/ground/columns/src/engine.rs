//! The way to SQL. The ground crate `query` answers it; stages know this trait alone, and house brings both together.

use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;

use crate::{Error, Source};

#[async_trait]
pub trait Engine: Send + Sync {
    /// The tables that a statement reads, by the names that it uses for them, each once.
    /// Errors: `Sql` for what is no single statement that only reads.
    fn tables(&self, sql: &str) -> Result<Vec<String>, Error>;

    /// Answers one statement that only reads; it sees the given tables and nothing else. Dropping the future stops it.
    /// Errors: `Sql`, `QueryTime`, `QueryMemory`, and what is wrong with a file.
    async fn query(&self, query: Query) -> Result<Answer, Error>;
}

#[derive(Clone, Debug)]
pub struct Query {
    pub sql: String,
    /// By name.
    pub tables: Vec<(String, Source)>,
    pub limits: Limits,
}

/// What one statement may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Rows of the answer; what is beyond is left out, and said.
    pub rows: usize,
    /// Bytes in memory, of the answer and of what it takes to get it.
    pub memory: usize,
    pub time: Duration,
}

/// Rows, and whether there were more than the limit.
#[derive(Clone, Debug)]
pub struct Answer {
    pub schema: SchemaRef,
    pub batches: Vec<RecordBatch>,
    pub more: bool,
}
