//! Uploads: a plain file, a `.tar.gz` or a `.zip` with one pipeline in it, told by how they begin
//! (`backend/src/apiserver/server/util.go`). Names inside are only looked at, nothing is unpacked to the disk.

use std::io::{Cursor, Read};

use crate::errors::Failure;

/// Most bytes of a pipeline after decompression, however small the upload is.
const MOST: u64 = 32 << 20;
/// Most entries of an archive that are looked at.
const MOST_ENTRIES: usize = 1_000;
/// What the pipeline is called if there are several files, as upstream has it.
const MAIN: &str = "pipeline.yaml";

pub(crate) fn pipeline(bytes: Vec<u8>) -> Result<Vec<u8>, Failure> {
    if bytes.starts_with(b"\x1f\x8b") {
        return from_tar(&bytes);
    }
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return from_zip(&bytes);
    }
    Ok(bytes)
}

fn from_tar(bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    let wrong = |e: std::io::Error| Failure::invalid(format!("the file is no usable .tar.gz: {e}"));
    // The tar itself may hold much more than the pipeline; all of it counts.
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(bytes).take(2 * MOST));
    let mut found: Option<Vec<u8>> = None;
    for (place, entry) in tar.entries().map_err(wrong)?.enumerate() {
        let entry = entry.map_err(wrong)?;
        if place >= MOST_ENTRIES {
            return Err(too_many());
        }
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let is_main = base(&name) == MAIN;
        if is_main || (found.is_none() && is_yaml(&name)) {
            found = Some(limited(entry)?);
        }
        if is_main {
            break;
        }
    }
    found.ok_or_else(nothing)
}

fn from_zip(bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    let wrong = |e: zip::result::ZipError| Failure::invalid(format!("the file is no usable .zip: {e}"));
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).map_err(wrong)?;
    if zip.len() > MOST_ENTRIES {
        return Err(too_many());
    }
    let names: Vec<String> = zip.file_names().map(str::to_owned).collect();
    let main = names.iter().find(|name| base(name) == MAIN);
    let name = main.or_else(|| names.iter().find(|name| is_yaml(name))).ok_or_else(nothing)?;
    limited(zip.by_name(name).map_err(wrong)?)
}

/// The declared size is not believed.
fn limited(reader: impl Read) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    reader
        .take(MOST + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| Failure::invalid(format!("the archive cannot be read: {e}")))?;
    if bytes.len() as u64 > MOST {
        return Err(Failure::invalid(format!("the pipeline in the archive has more than {MOST} bytes")));
    }
    Ok(bytes)
}

fn base(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or_default()
}

fn is_yaml(name: &str) -> bool {
    let name = base(name).to_ascii_lowercase();
    !name.starts_with('.') && [".yaml", ".yml", ".json"].iter().any(|end| name.ends_with(end))
}

fn nothing() -> Failure {
    Failure::invalid("there is no pipeline (a .yaml or .json file) in the archive")
}

fn too_many() -> Failure {
    Failure::invalid(format!("the archive has more than {MOST_ENTRIES} entries"))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn tar_gz(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, content) in files {
            let mut header = tar::Header::new_gnu();
            // `set_path` would refuse what an attacker writes.
            header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(content.len() as u64);
            header.set_cksum();
            builder.append(&header, *content).unwrap();
        }
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&builder.into_inner().unwrap()).unwrap();
        gz.finish().unwrap()
    }

    fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options: zip::write::SimpleFileOptions =
            zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        for (name, content) in files {
            zip.start_file(*name, options).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    #[test]
    fn a_pipeline_is_found_however_it_is_packed() {
        assert_eq!(pipeline(b"a: 1".to_vec()).unwrap(), b"a: 1");
        let files: &[(&str, &[u8])] =
            &[("notes.txt", b"x"), ("a.yaml", b"first"), ("sub/pipeline.yaml", b"main")];
        assert_eq!(pipeline(tar_gz(files)).unwrap(), b"main");
        assert_eq!(pipeline(zipped(files)).unwrap(), b"main");
        assert_eq!(pipeline(zipped(&files[..2])).unwrap(), b"first");
        assert_eq!(pipeline(tar_gz(&files[..2])).unwrap(), b"first");
    }

    #[test]
    fn names_that_lead_elsewhere_do_no_harm() {
        let files: &[(&str, &[u8])] = &[("../../etc/x.yaml", b"only read")];
        assert_eq!(pipeline(tar_gz(files)).unwrap(), b"only read");
        assert_eq!(pipeline(zipped(files)).unwrap(), b"only read");
    }

    #[test]
    fn bombs_and_rubbish_are_refused() {
        let refused = |bytes: Vec<u8>| pipeline(bytes).unwrap_err().message;
        let zeros = vec![b' '; MOST as usize + 1];
        assert!(refused(zipped(&[("a.yaml", &zeros)])).contains("more than"));
        assert!(refused(tar_gz(&[("a.yaml", &zeros)])).contains("more than"));
        assert!(refused(zipped(&[("a.txt", b"x")])).contains("no pipeline"));
        assert!(refused(zipped(&[])).contains("no pipeline"));
        assert!(refused(b"PK\x03\x04rubbish".to_vec()).contains(".zip"));
        assert!(refused(b"\x1f\x8brubbish".to_vec()).contains(".tar.gz"));
        let many: Vec<String> = (0..=MOST_ENTRIES).map(|i| format!("{i}.txt")).collect();
        let many: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), &b""[..])).collect();
        assert!(refused(zipped(&many)).contains("entries"));
        assert!(refused(tar_gz(&many)).contains("entries"));
    }
}
