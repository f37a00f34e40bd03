//! Rows through a model version.

use std::sync::Arc;

use blobs::Blobs;
use columns::Table;
use ledger::Ledger;
use models::ModelVersion;
use runtimes::{Column, Frame, MlModel, Runtime, Tabular, Values};
use types::{Actor, DataType, Uid};

use crate::Error;

/// A model version, ready to predict.
pub(crate) struct Candidate {
    pub about: ModelVersion,
    tabular: Arc<Tabular>,
}

pub(crate) async fn load(
    ledger: &Ledger,
    blobs: &Blobs,
    runtime: &Runtime,
    actor: &Actor,
    version: Uid,
) -> Result<Candidate, Error> {
    let about = models::get_version(ledger, actor, version).await?;
    let refuse = |reason: &str| Error::NotEvaluable {
        model: about.model.clone(),
        number: about.number,
        reason: reason.into(),
    };
    let spec = models::load_spec(ledger, blobs, actor, version).await?;
    let files = models::files(ledger, actor, version).await?;
    let onnx = spec.onnx.ok_or_else(|| refuse("it has no ONNX flavour"))?;
    let mlmodel =
        files.iter().find(|f| f.path == "MLmodel").ok_or_else(|| refuse("it has no MLmodel file"))?;
    let text = blobs.get_bytes(&mlmodel.digest).await?;
    let schema = MlModel::parse(&String::from_utf8_lossy(&text))?.inputs;
    let graph = blobs.get_bytes(&onnx.digest).await?;
    // Weights that the graph keeps in files of their own lie in its folder.
    let folder = onnx.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut external: Vec<(String, Arc<[u8]>)> = Vec::new();
    for file in files.iter().filter(|f| !folder.is_empty() && f.path != onnx.path) {
        if let Some(name) = file.path.strip_prefix(folder).and_then(|p| p.strip_prefix('/')) {
            external.push((name.to_owned(), blobs.get_bytes(&file.digest).await?.as_ref().into()));
        }
    }
    let runtime = runtime.clone();
    let tabular = blocking(move || {
        let model = runtime.load_onnx_with(&graph, &external)?;
        Ok(Arc::new(Tabular::new(model, &schema)?))
    })
    .await?;
    Ok(Candidate { about, tabular })
}

impl Candidate {
    /// The outputs for all rows of `table`, in order; extra columns are passed over.
    pub async fn predict(&self, table: &Table) -> Result<Frame, Error> {
        let (tabular, table) = (Arc::clone(&self.tabular), table.clone());
        blocking(move || {
            let frame = frame(&tabular, &table)?;
            Ok(tabular.predict(&frame)?)
        })
        .await
    }
}

pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Stopped)?
}

fn frame(tabular: &Tabular, table: &Table) -> Result<Frame, Error> {
    let mut columns = Vec::new();
    for spec in tabular.columns() {
        // What is absent is the runtime's to refuse: it knows which columns are optional.
        if table.field(&spec.name).is_ok() {
            columns.push(Column { name: spec.name.as_str().into(), values: values(table, &spec.name)? });
        }
    }
    let mut frame = Frame::new(columns)?;
    frame.rows = table.rows();
    Ok(frame)
}

fn values(table: &Table, name: &str) -> Result<Values, Error> {
    Ok(match table.field(name)?.data_type {
        DataType::Float => {
            Values::Float(table.numbers(name)?.into_iter().map(|v| v.unwrap_or(f64::NAN)).collect())
        }
        DataType::Integer => {
            Values::Integer(table.json_column(name)?.into_iter().map(|v| v.as_i64()).collect())
        }
        DataType::Boolean => {
            Values::Boolean(table.json_column(name)?.into_iter().map(|v| v.as_bool()).collect())
        }
        _ => Values::Text(table.texts(name)?),
    })
}
