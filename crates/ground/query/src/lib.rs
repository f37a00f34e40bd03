//! SQL over tables: [`columns::Engine`] by DataFusion, which no other crate knows. A statement may only read, and sees
//! the tables that it was given and nothing else: no files, no other data, no way to change a setting.

mod failure;
mod parquet;
mod run;
mod statement;
mod text;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use columns::{Answer, Engine, Error, Query};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

/// DataFusion on threads of its own, so that a heavy query never stands in the way of requests.
pub struct DataFusion {
    threads: Option<Runtime>,
    /// Queries that run at the same time.
    running: Arc<Semaphore>,
    partitions: usize,
}

impl DataFusion {
    /// `threads` compute, and `queries` run at the same time; others wait, within their time.
    pub fn new(threads: usize, queries: usize) -> std::io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            .thread_name("query")
            .thread_stack_size(4 << 20)
            .enable_time()
            .build()?;
        Ok(Self {
            threads: Some(runtime),
            running: Arc::new(Semaphore::new(queries.max(1))),
            partitions: threads.max(1),
        })
    }
}

impl Drop for DataFusion {
    fn drop(&mut self) {
        if let Some(threads) = self.threads.take() {
            threads.shutdown_background();
        }
    }
}

/// Ends a query whose answer nobody waits for any more.
struct Stop(AbortHandle);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[async_trait]
impl Engine for DataFusion {
    fn tables(&self, sql: &str) -> Result<Vec<String>, Error> {
        statement::tables(&statement::parse(sql)?)
    }

    async fn query(&self, query: Query) -> Result<Answer, Error> {
        let Some(threads) = &self.threads else { return Err(Error::Cancelled) };
        let (time, io) = (query.limits.time, Handle::current());
        let (running, partitions) = (self.running.clone(), self.partitions);
        let work = threads.spawn(async move {
            let Ok(_turn) = running.acquire_owned().await else { return Err(Error::Cancelled) };
            run::run(query, partitions, &io).await
        });
        let _stop = Stop(work.abort_handle());
        match tokio::time::timeout(time, work).await {
            Err(_) => Err(Error::QueryTime { seconds: time.max(Duration::from_secs(1)).as_secs() }),
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) if error.is_cancelled() => Err(Error::Cancelled),
            Ok(Err(error)) => {
                tracing::error!(%error, "a query panicked");
                Err(Error::Sql { message: "the query cannot be answered".into(), hint: None })
            }
        }
    }
}
