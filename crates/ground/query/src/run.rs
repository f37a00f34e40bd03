//! One query: a context of its own, filled with the tables that the query was given.

use std::sync::Arc;

use columns::{Answer, Error, Format, Limits, Query};
use datafusion::arrow::array::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::object_store::{
    DefaultObjectStoreRegistry, ObjectStoreRegistry as _, ObjectStoreUrl,
};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::object_store::ObjectStore;
use datafusion::object_store::memory::InMemory;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::StreamExt as _;
use tokio::runtime::Handle;

use crate::parquet::ParquetTable;
use crate::text::TextTable;
use crate::{failure, parquet, statement};

pub async fn run(query: Query, partitions: usize, io: &Handle) -> Result<Answer, Error> {
    let Query { sql, tables, limits } = query;
    let of_parquet =
        |(name, source): &(String, columns::Source)| (source.format == Format::Parquet).then(|| name.clone());
    let files: Vec<String> = tables.iter().filter_map(of_parquet).collect();
    let context = context(&limits, partitions).map_err(|e| failure::of(e, &[]))?;
    for (name, source) in tables {
        let table: Arc<dyn TableProvider> = match source.format {
            Format::Parquet => Arc::new(ParquetTable::new(source, io.clone())),
            Format::Csv | Format::JsonLines => Arc::new(TextTable::new(source, io.clone())),
        };
        context.register_table(TableReference::bare(name), table).map_err(|e| failure::of(e, &[]))?;
    }
    let answer = answer(&context, &sql, &limits).await;
    answer.map_err(|error| match failure::of(error, &files) {
        Error::QueryMemory { .. } => Error::QueryMemory { bytes: limits.memory },
        other => other,
    })
}

fn context(limits: &Limits, partitions: usize) -> Result<SessionContext, DataFusionError> {
    let config = SessionConfig::new().with_information_schema(true).with_target_partitions(partitions);
    let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
    // DataFusion asks for a store behind every scan; this one is empty, also where it would know the local files. Bytes
    // come from the files of the tables.
    let (stores, empty): (_, Arc<dyn ObjectStore>) =
        (DefaultObjectStoreRegistry::new(), Arc::new(InMemory::new()));
    for url in [ObjectStoreUrl::local_filesystem(), ObjectStoreUrl::parse(parquet::STORE)?] {
        stores.register_store(url.as_ref(), empty.clone());
    }
    let environment = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(GreedyMemoryPool::new(limits.memory)))
        .with_disk_manager_builder(disk)
        .with_object_store_registry(Arc::new(stores))
        .build_arc()?;
    Ok(SessionContext::new_with_config_rt(config, environment))
}

async fn answer(context: &SessionContext, sql: &str, limits: &Limits) -> Result<Answer, DataFusionError> {
    let statement = statement::parse(sql).map_err(|e| DataFusionError::External(Box::new(e)))?;
    let cut = statement::is_query(&statement);
    let plan = context.state().statement_to_plan(statement).await?;
    let only_read =
        SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    only_read.verify_plan(&plan)?;
    let mut rows = context.execute_logical_plan(plan).await?;
    if cut {
        rows = rows.limit(0, Some(limits.rows.saturating_add(1)))?;
    }
    let mut stream = rows.execute_stream().await?;
    let schema = stream.schema();
    let (mut batches, mut count, mut bytes) = (Vec::<RecordBatch>::new(), 0, 0);
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        let room = limits.rows - count;
        if batch.num_rows() > room {
            if room > 0 {
                batches.push(batch.slice(0, room));
            }
            return Ok(Answer { schema, batches, more: true });
        }
        bytes += batch.get_array_memory_size();
        if bytes > limits.memory {
            return Ok(Answer { schema, batches, more: true });
        }
        count += batch.num_rows();
        batches.push(batch);
    }
    Ok(Answer { schema, batches, more: false })
}
