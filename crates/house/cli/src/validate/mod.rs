//! `mlwright validate`.

mod load;
mod show;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use curation::{
    Dialect, Frame, InferOptions, Level, Reading, ResultFormat, Suite, Validation, infer_suite,
    quarantine_table, read_suite, validate,
};

use crate::args::{Connection, SuiteFormat, Validate};
use crate::failure::Failure;
use crate::screen::{self, note, say};
use load::Loaded;

/// 0 if every expectation holds, 1 if one fails, 2 after an error.
pub async fn run(connection: &Connection, asked: Validate) -> ExitCode {
    match judged(connection, &asked).await {
        Ok(passed) => ExitCode::from(u8::from(!passed)),
        Err(failure) => {
            screen::error(&failure);
            ExitCode::from(2)
        }
    }
}

async fn judged(connection: &Connection, asked: &Validate) -> Result<bool, Failure> {
    let level: Level = asked.result_format.parse().map_err(Failure::new)?;
    // A suite that is not understood is found before the data is read.
    let suite = asked.suite.as_deref().map(|path| suite(path, asked)).transpose()?;
    let loaded = load::open(connection, &asked.data).await?;
    let frame = Arc::new(Frame::open(loaded.columns.clone(), Reading::Pandas)?);
    frame.must_have(&asked.index_columns)?;
    let Some(suite) = suite else {
        let name = loaded.name.clone();
        let work = move || infer_suite(&frame, &name, InferOptions::default());
        let draft = tokio::task::spawn_blocking(work).await.map_err(|e| Failure::new(e.to_string()))??;
        say(pretty(&draft.json()));
        return Ok(true);
    };
    for note_ in &suite.notes {
        note(format!("note: {note_}"));
    }
    let work = move || validate(frame, suite);
    let validation = tokio::task::spawn_blocking(work).await.map_err(|e| Failure::new(e.to_string()))??;
    if let Some(path) = &asked.quarantine {
        quarantine(&validation, &loaded, path)?;
    }
    let format =
        ResultFormat { level, index_columns: asked.index_columns.clone(), ..ResultFormat::default() };
    if asked.format.is_some() {
        say(pretty(&validation.gx(&format)?));
    } else if asked.json {
        say(show::json(&validation)?.to_string());
    } else {
        show::text(&loaded.name, &validation)?;
    }
    Ok(validation.passed())
}

fn suite(path: &Path, asked: &Validate) -> Result<Suite, Failure> {
    let text = types::io::read_to_string(path)?;
    let dialect = asked.suite_format.map(|format| match format {
        SuiteFormat::Gx => Dialect::Gx,
        SuiteFormat::Dbt => Dialect::Dbt,
        SuiteFormat::Pandera => Dialect::Pandera,
        SuiteFormat::JsonSchema => Dialect::JsonSchema,
        SuiteFormat::Sagemaker => Dialect::SageMaker,
    });
    Ok(read_suite(&text, dialect, asked.table.as_deref())?)
}

fn quarantine(validation: &Validation, loaded: &Loaded, path: &Path) -> Result<(), Failure> {
    let rows = validation.quarantine();
    let table = quarantine_table(&loaded.name, loaded.bytes.clone(), &loaded.columns, &rows)?;
    let parquet = table.to_parquet()?;
    types::io::write(path, &parquet)?;
    note(format!("{} rows are in {}", rows.len(), path.display()));
    Ok(())
}

fn pretty(value: &serde_json::Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string())
}
