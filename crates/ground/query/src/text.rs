//! CSV and JSON lines: read as a stream, only the columns that a query needs.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use columns::{File, Source};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures::StreamExt as _;
use tokio::runtime::Handle;

use crate::parquet::{Fetched, GROUPS};

#[derive(Debug)]
pub struct TextTable(Source);

impl TextTable {
    pub fn new(mut source: Source, io: Handle) -> Self {
        for (file, _) in &mut source.parts {
            let fetched: Arc<dyn File> = Arc::new(Fetched { file: file.clone(), io: io.clone() });
            *file = fetched;
        }
        Self(source)
    }
}

#[async_trait]
impl TableProvider for TextTable {
    fn schema(&self) -> SchemaRef {
        self.0.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = self.0.projected(projection.map(Vec::as_slice));
        let count = self.0.parts.len();
        let share = count.div_ceil(GROUPS).max(1);
        let part = |first: usize| -> Arc<dyn PartitionStream> {
            let (source, columns) = (self.0.clone(), projection.cloned());
            Arc::new(Part {
                source,
                places: first..count.min(first + share),
                columns,
                schema: schema.clone(),
            })
        };
        let parts = (0..count).step_by(share).map(part).collect();
        Ok(Arc::new(StreamingTableExec::try_new(schema.clone(), parts, None, [], false, limit)?))
    }
}

#[derive(Debug)]
struct Part {
    source: Source,
    places: Range<usize>,
    columns: Option<Vec<usize>>,
    schema: SchemaRef,
}

impl PartitionStream for Part {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (source, columns) = (self.source.clone(), self.columns.clone());
        let each = move |place| source.part(place, columns.as_deref());
        let batches = futures::stream::iter(self.places.clone()).flat_map(each);
        let batches = batches.map(|batch| batch.map_err(|e| DataFusionError::External(Box::new(e))));
        Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), batches))
    }
}
