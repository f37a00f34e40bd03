//! The zip of a `.skops` file, with bounds: what it says of its sizes is not believed.

use std::collections::HashMap;
use std::io::{Cursor, Read};

use crate::Error;

/// Bytes that a file may unpack to, whatever its own size: arrays of zeros compress well.
const FLOOR: u64 = 64 << 20;
/// Above `FLOOR`: how many bytes one byte may become.
const RATIO: u64 = 64;
const MOST_BYTES: u64 = 4 << 30;
const MOST_ENTRIES: usize = 1 << 20;

/// The unpacked files by name.
pub(crate) fn unpack(bytes: &[u8]) -> Result<HashMap<String, Vec<u8>>, Error> {
    let refuse = |e: &dyn std::fmt::Display| Error::Broken(format!("the skops file is no zip: {e}"));
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|e| refuse(&e))?;
    if zip.len() > MOST_ENTRIES {
        return Err(Error::Broken(format!(
            "the skops file has {} entries; at most {MOST_ENTRIES}",
            zip.len()
        )));
    }
    let mut left = (bytes.len() as u64).saturating_mul(RATIO).clamp(FLOOR, MOST_BYTES);
    let mut files = HashMap::with_capacity(zip.len());
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).map_err(|e| refuse(&e))?;
        let name = entry.name().to_owned();
        let mut data = Vec::new();
        let read = entry.by_ref().take(left + 1).read_to_end(&mut data).map_err(|e| refuse(&e))? as u64;
        if read > left {
            return Err(Error::Broken("the skops file unpacks to far more bytes than it has".into()));
        }
        left -= read;
        if files.insert(name.clone(), data).is_some() {
            return Err(Error::Broken(format!("the skops file has `{name}` twice")));
        }
    }
    Ok(files)
}
