//! What SageMaker's clients send and want back, beside MLflow's forms: CSV without a header, bare JSON lists.

use axum::http::{HeaderMap, HeaderValue, header};
use bytes::Bytes;
use runtimes::{Frame, TensorData};
use serving::{Answer, Input, Target};
use wire_inference::json::{Json, parse};
use wire_inference::{
    Media, Read, Reply, ScoringError, datatype, frames, instances, media_type, write_reply,
};

/// The body as the model's input.
pub fn read(headers: &HeaderMap, body: Bytes, target: &Target) -> Result<Read, ScoringError> {
    // A body without a type is JSON here.
    let media = if headers.contains_key(header::CONTENT_TYPE) { media_type(headers)? } else { Media::Json };
    match media {
        Media::Csv => {
            let text = std::str::from_utf8(&body)
                .map_err(|e| ScoringError::invalid(format!("the CSV is not UTF-8: {e}")))?;
            let frame = if has_header(text, target) {
                frames::csv(text, columns(target))?
            } else {
                by_position(text, target)?
            };
            Ok(Read::rows((Input::Columns(frame), Reply::Records)))
        }
        Media::Json => match parse(&body) {
            Ok(list @ Json::List(_)) => instances(&list, target).map(Read::rows),
            _ => wire_inference::read(media, body, target),
        },
        Media::Parquet => wire_inference::read(media, body, target),
    }
}

fn columns(target: &Target) -> &[runtimes::ColumnSpec] {
    target.model.tabular.as_ref().filter(|t| t.is_named()).map_or(&[], |t| t.columns())
}

/// SageMaker's own algorithms take CSV without one: a first line that names a column of the model, or that holds
/// something that is no number for a model without text, is a header.
fn has_header(text: &str, target: &Target) -> bool {
    let cells: Vec<String> = frames::csv_first(text).into_iter().map(|cell| cell.trim().to_owned()).collect();
    let named = columns(target);
    if named.iter().any(|column| cells.contains(&column.name)) {
        return true;
    }
    let numbers = cells.iter().all(|cell| cell.is_empty() || cell.parse::<f64>().is_ok());
    !numbers && !named.iter().any(|c| matches!(c.column_type, runtimes::ColumnType::String))
}

/// The lines as rows, under the names of the model's columns.
fn by_position(text: &str, target: &Target) -> Result<Frame, ScoringError> {
    let Some(tabular) = &target.model.tabular else {
        return Err(ScoringError::invalid("the model's inputs are not columns: send tensors as JSON"));
    };
    let names: Vec<String> = tabular.columns().iter().map(|c| c.name.clone()).collect();
    let width = frames::csv_first(text).len();
    if width != names.len() {
        return Err(ScoringError::invalid(format!(
            "a line of the CSV has {width} values, the model takes {}",
            names.len()
        )));
    }
    frames::csv_rows(text, names, columns(target))
}

/// The answer's type and bytes, as `Accept` wishes: JSON, or CSV without a header.
pub fn written(accept: Option<&HeaderValue>, answer: &Answer, reply: Reply) -> (&'static str, Vec<u8>) {
    let wish = accept.and_then(|v| v.to_str().ok()).unwrap_or_default();
    if wish.starts_with("text/csv") {
        return ("text/csv; charset=utf-8", csv(answer).into_bytes());
    }
    let mut json = String::from("{\"predictions\":");
    write_reply(&mut json, answer, reply);
    json.push('}');
    ("application/json", json.into_bytes())
}

/// A text as a cell, in quotes where it could not be told from several.
fn write_cell(out: &mut String, text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    if text.contains([',', '"', '\n', '\r']) {
        out.push('"');
        out.push_str(&text.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(&text);
    }
}

/// A line a row: the prediction that MLflow's pyfunc would return, or all outputs.
fn csv(answer: &Answer) -> String {
    let rows = answer.ids.len();
    let bare = answer.pyfunc_output.as_deref();
    let outputs: Vec<_> = answer
        .outputs
        .iter()
        .filter(|o| o.rows() == rows && bare.is_none_or(|name| o.name == name))
        .collect();
    let mut text = String::new();
    for row in 0..rows {
        let mut first = true;
        for output in &outputs {
            let width = output.width();
            for index in row * width..(row + 1) * width {
                if !first {
                    text.push(',');
                }
                first = false;
                match &output.data {
                    TensorData::Bytes(values) => write_cell(&mut text, &values[index]),
                    data => datatype::write_value(&mut text, data, index, true),
                }
            }
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_hold_commas_stay_one_cell() {
        let mut line = String::new();
        for text in ["plain", "a, b", "say \"ja\""] {
            write_cell(&mut line, text.as_bytes());
            line.push(';');
        }
        assert_eq!(line, "plain;\"a, b\";\"say \"\"ja\"\"\";");
    }
}
