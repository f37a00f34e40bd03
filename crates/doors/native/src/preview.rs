//! What a file looks like: the start of a text, the first rows of a table, or that it is a picture.

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use bytes::Bytes;
use kit::Caller;
use serde::Deserialize;
use serde_json::{Value, json};
use types::{Class, Digest, Permission};

use crate::{Failure, State};

/// Bytes of a text that are shown.
const TEXT: u64 = 256 << 10;
/// Parquet keeps its directory at the end, so the whole file is read: larger ones are not.
const PARQUET: u64 = 128 << 20;
const ROWS: usize = 100;
const PICTURES: [&str; 8] = ["png", "jpg", "jpeg", "gif", "webp", "bmp", "svg", "ico"];

/// The start of a blob, shown as its name says. Errors: `NotFound`.
pub async fn of(state: &State, name: &str, digest: &Digest, bytes: i64) -> Result<Value, Failure> {
    part(state, name, digest, 0, u64::try_from(bytes).unwrap_or(0)).await
}

/// The same for a file that is a part of a blob.
pub async fn part(
    state: &State,
    name: &str,
    digest: &Digest,
    start: u64,
    size: u64,
) -> Result<Value, Failure> {
    let extension = name.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase()).unwrap_or_default();
    if PICTURES.contains(&extension.as_str()) {
        return Ok(json!({ "kind": "image", "size": size }));
    }
    if matches!(extension.as_str(), "parquet" | "pq") && (1..=PARQUET).contains(&size) {
        let content = state.blobs.get_stream(digest, Some(start..start + size)).await?.bytes().await?;
        let file = name.to_owned();
        let head = tokio::task::spawn_blocking(move || columns::head_parquet(&file, content, ROWS))
            .await
            .map_err(|e| Failure::new(Class::Internal, e.to_string(), None))?;
        return Ok(match head {
            Ok(head) => json!({
                "kind": "table",
                "columns": head.columns.iter().map(|(n, t)| json!({ "name": n, "type": t })).collect::<Vec<_>>(),
                "rows": head.rows, "total": head.total, "size": size,
            }),
            Err(error) => json!({ "kind": "binary", "size": size, "reason": error.to_string() }),
        });
    }
    let content = match size.min(TEXT) {
        0 => Bytes::new(),
        most => state.blobs.get_stream(digest, Some(start..start + most)).await?.bytes().await?,
    };
    Ok(match text(&content, size > TEXT) {
        Some(text) => json!({ "kind": "text", "text": text, "truncated": size > TEXT, "size": size }),
        None => json!({ "kind": "binary", "size": size }),
    })
}

/// `None` if it is no text. A character that `cut` has split is left out.
fn text(content: &[u8], cut: bool) -> Option<&str> {
    if content.contains(&0) {
        return None;
    }
    match std::str::from_utf8(content) {
        Ok(text) => Some(text),
        Err(e) if cut && e.error_len().is_none() => std::str::from_utf8(&content[..e.valid_up_to()]).ok(),
        Err(_) => None,
    }
}

#[derive(Debug, Deserialize)]
pub struct BlobQuery {
    #[serde(default)]
    name: String,
    /// As the store has it if left out.
    bytes: Option<i64>,
}

/// `GET blobs/{digest}/preview?name&bytes`: the size may be left out.
pub async fn blob(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(digest): Path<Digest>,
    Query(query): Query<BlobQuery>,
) -> Result<Json<Value>, Failure> {
    caller.require(Permission::Read)?;
    match query.bytes {
        Some(bytes) => of(&state, &query.name, &digest, bytes).await.map(Json),
        None => {
            let size = state.blobs.size(&digest).await?;
            part(&state, &query.name, &digest, 0, size).await.map(Json)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn a_split_character_is_left_out_and_other_bytes_are_no_text() {
        let whole = "grün".as_bytes();
        assert_eq!(text(whole, false), Some("grün"));
        assert_eq!(text(&whole[..3], true), Some("gr"));
        assert_eq!(text(&whole[..3], false), None);
        assert_eq!(text(b"a\0b", false), None);
        assert_eq!(text(b"\xff\xfe", true), None);
    }
}
