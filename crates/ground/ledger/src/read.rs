use crossbeam_channel::{Receiver, Sender, unbounded};
use tokio::sync::oneshot;
use types::WorkspaceId;

use crate::db::{Connection, Place};
use crate::{Error, Ledger, Row, Value};

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// Threads that each hold a reader connection and take jobs from one queue.
pub(crate) struct Readers {
    jobs: Sender<Job>,
}

impl Readers {
    pub fn start(place: &Place, threads: usize) -> Result<Self, Error> {
        let (jobs, queue) = unbounded();
        for index in 0..threads {
            let (place, queue) = (place.clone(), queue.clone());
            std::thread::Builder::new()
                .name(format!("ledger-read-{index}"))
                .spawn(move || serve(&place, &queue))
                .map_err(|e| Error::Database { message: format!("cannot start a reader thread: {e}") })?;
        }
        Ok(Self { jobs })
    }
}

/// Connections are opened on first use and again after they broke.
fn serve(place: &Place, queue: &Receiver<Job>) {
    let mut connection: Option<Connection> = None;
    while let Ok(job) = queue.recv() {
        if connection.as_mut().is_none_or(|c| !c.is_alive()) {
            connection = match Connection::reader(place) {
                Ok(opened) => Some(opened),
                Err(error) => {
                    tracing::error!(%error, "cannot open a reader connection");
                    // Dropping the job answers its caller with `Closed`.
                    std::thread::sleep(std::time::Duration::from_millis(200));
                    continue;
                }
            };
        }
        if let Some(connection) = connection.as_mut() {
            job(connection);
        }
    }
}

/// A read-only view of one moment.
pub struct Rx<'a> {
    connection: &'a mut Connection,
    workspace: WorkspaceId,
}

impl Rx<'_> {
    pub fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error> {
        self.connection.query(sql, values)
    }

    /// The first row, if any.
    pub fn query_opt(&mut self, sql: &str, values: &[Value]) -> Result<Option<Row>, Error> {
        Ok(self.query(sql, values)?.into_iter().next())
    }

    /// Errors: `NotOneRow` unless exactly one row comes back.
    pub fn query_one(&mut self, sql: &str, values: &[Value]) -> Result<Row, Error> {
        let mut rows = self.query(sql, values)?;
        match rows.len() {
            1 => Ok(rows.remove(0)),
            found => Err(Error::NotOneRow { found }),
        }
    }

    pub fn workspace(&self) -> WorkspaceId {
        self.workspace
    }
}

impl Ledger {
    /// Runs `f` on a reader thread inside a transaction that sees one moment.
    pub async fn read<T, E, F>(&self, workspace: WorkspaceId, f: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&mut Rx<'_>) -> Result<T, E> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let result = connection.begin_read().map_err(E::from).and_then(|()| {
                let result = f(&mut Rx { connection, workspace });
                // Nothing was written: ending the snapshot cannot lose anything.
                let _ = connection.batch("ROLLBACK");
                result
            });
            // The caller may have gone away.
            let _ = reply.send(result);
        });
        self.0.readers.jobs.send(job).map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }
}
