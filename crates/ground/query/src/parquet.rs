//! Parquet tables: DataFusion's own scan, which reads the column chunks that a query needs and passes over row groups
//! and pages whose statistics rule them out, over ranged reads of the table's files.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use columns::{Chunks, Error, File, ParquetReader, Source};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Statistics;
use datafusion::common::stats::Precision;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::parquet::arrow::async_reader::AsyncFileReader;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use tokio::runtime::Handle;

/// The store that scans name; it holds nothing.
pub const STORE: &str = "tables://here";

/// Groups of files that are read at the same time.
pub const GROUPS: usize = 16;

/// A file whose bytes are fetched by the threads that serve requests: connections and timers live there.
#[derive(Clone, Debug)]
pub struct Fetched {
    pub file: Arc<dyn File>,
    pub io: Handle,
}

#[async_trait]
impl File for Fetched {
    fn name(&self) -> &str {
        self.file.name()
    }

    fn size(&self) -> u64 {
        self.file.size()
    }

    fn digest(&self) -> Option<String> {
        self.file.digest()
    }

    async fn read(&self, range: Range<u64>) -> std::result::Result<Bytes, Error> {
        let file = self.file.clone();
        self.io.spawn(async move { file.read(range).await }).await.map_err(|_| Error::Cancelled)?
    }

    async fn stream(&self) -> std::result::Result<Chunks, Error> {
        let file = self.file.clone();
        self.io.spawn(async move { file.stream().await }).await.map_err(|_| Error::Cancelled)?
    }
}

#[derive(Debug)]
pub struct ParquetTable {
    source: Source,
    io: Handle,
}

impl ParquetTable {
    pub fn new(source: Source, io: Handle) -> Self {
        Self { source, io }
    }
}

#[async_trait]
impl TableProvider for ParquetTable {
    fn schema(&self) -> SchemaRef {
        self.source.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn statistics(&self) -> Option<Statistics> {
        let rows = usize::try_from(self.source.rows()).map_or(Precision::Absent, Precision::Exact);
        Some(Statistics { num_rows: rows, ..Statistics::new_unknown(&self.source.schema) })
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let readers = Readers { source: self.source.clone(), io: self.io.clone() };
        let source = ParquetSource::new(self.source.schema.clone())
            .with_parquet_file_reader_factory(Arc::new(readers));
        let file = |(place, (file, _)): (usize, &(Arc<dyn File>, Arc<columns::Known>))| {
            PartitionedFile::new(place.to_string(), file.size()).with_extension(Place(place))
        };
        let files: Vec<PartitionedFile> = self.source.parts.iter().enumerate().map(file).collect();
        let share = files.len().div_ceil(GROUPS).max(1);
        let groups = files.chunks(share).map(|files| FileGroup::new(files.to_vec())).collect();
        let statistics = self.statistics().unwrap_or_else(|| Statistics::new_unknown(&self.source.schema));
        let config = FileScanConfigBuilder::new(ObjectStoreUrl::parse(STORE)?, Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

/// Which of the table's files it is.
struct Place(usize);

#[derive(Debug)]
struct Readers {
    source: Source,
    io: Handle,
}

impl ParquetFileReaderFactory for Readers {
    fn create_reader(
        &self,
        _: usize,
        file: PartitionedFile,
        _: Option<usize>,
        _: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let place = file.extension::<Place>().map(|place| place.0);
        let Some((file, known)) = place.and_then(|place| self.source.parts.get(place)) else {
            return Err(DataFusionError::Internal("a scan of no file of its table".into()));
        };
        let known = known.footer.as_ref().map(|footer| footer.metadata().clone());
        let file = Fetched { file: file.clone(), io: self.io.clone() };
        Ok(Box::new(ParquetReader { file: Arc::new(file), known }))
    }
}
