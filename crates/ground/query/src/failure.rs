use columns::Error;
use datafusion::arrow::error::ArrowError;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::parquet::errors::ParquetError;

/// DataFusion's error in the house's words. `files` are the Parquet tables that were read.
pub fn of(error: DataFusionError, files: &[String]) -> Error {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => of(*inner, files),
        DataFusionError::Collection(mut all) if !all.is_empty() => of(all.swap_remove(0), files),
        DataFusionError::External(inner) => external(inner, files),
        DataFusionError::ArrowError(inner, _) => match *inner {
            ArrowError::ExternalError(inner) => external(inner, files),
            ArrowError::ParquetError(detail) => malformed(detail, files),
            other => sql(other.to_string(), None),
        },
        DataFusionError::ParquetError(inner) => match *inner {
            ParquetError::External(inner) => external(inner, files),
            other => malformed(other.to_string(), files),
        },
        DataFusionError::Shared(inner) => match std::sync::Arc::try_unwrap(inner) {
            Ok(inner) => of(inner, files),
            Err(inner) => sql(inner.strip_backtrace(), None),
        },
        DataFusionError::ResourcesExhausted(_) => Error::QueryMemory { bytes: 0 },
        DataFusionError::SchemaError(inner, _) => {
            let hint = matches!(*inner, SchemaError::FieldNotFound { .. })
                .then(|| "put names that have capitals or other signs in double quotes: \"Age\"".to_owned());
            // Nobody can change its settings here.
            let text = inner.to_string();
            let lines: Vec<&str> = text.lines().filter(|line| !line.contains("datafusion.")).collect();
            sql(lines.join("\n"), hint)
        }
        other => sql(other.strip_backtrace(), None),
    }
}

fn external(inner: Box<dyn std::error::Error + Send + Sync>, files: &[String]) -> Error {
    let inner = match inner.downcast::<Error>() {
        Ok(own) => return *own,
        Err(other) => other,
    };
    match inner.downcast::<DataFusionError>() {
        Ok(own) => of(*own, files),
        Err(other) => match other.downcast::<ParquetError>() {
            Ok(own) => of(DataFusionError::ParquetError(own), files),
            Err(other) => sql(other.to_string(), None),
        },
    }
}

fn malformed(detail: String, files: &[String]) -> Error {
    Error::Malformed { file: files.join("`, `"), format: "Parquet", detail }
}

/// In lower case and without the kind of error that DataFusion sets before it.
fn sql(message: String, hint: Option<String>) -> Error {
    let kinds =
        ["Error during planning: ", "SQL error: ", "Execution error: ", "Schema error: ", "Arrow error: "];
    let bare = kinds.iter().find_map(|kind| message.strip_prefix(kind)).unwrap_or(&message);
    let bare = bare.strip_prefix("ParserError(\"").and_then(|b| b.strip_suffix("\")")).unwrap_or(bare);
    let mut letters = bare.chars();
    let lower = letters.next().map(|first| first.to_lowercase().chain(letters).collect::<String>());
    Error::Sql { message: lower.unwrap_or_default(), hint }
}
