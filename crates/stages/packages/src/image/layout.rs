//! The image as a folder: `oci-layout`, `index.json`, `blobs/sha256/`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use types::io;

use super::layer::{Entry, Layer, write};
use super::libraries;
use super::python::Python;
use crate::{Error, Manifest};

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Where things are in the image.
const PROGRAM: &str = "mlwright";
const PACKAGE: &str = "opt/mlwright/package.tar";
/// Whoever runs inside by default; containers of SageMaker say otherwise.
const USER: &str = "65532:65532";

/// For which machines.
#[derive(Clone, Debug)]
pub struct Platform {
    pub architecture: &'static str,
}

impl Platform {
    /// This machine.
    pub fn here() -> Self {
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        Self { architecture }
    }
}

/// A finished image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    pub folder: PathBuf,
    /// `sha256:…` of the manifest: the image's name.
    pub digest: String,
    pub name: String,
    pub layers: Vec<Layer>,
    /// Libraries that its Python asks for and that this system does not have.
    pub missing: Vec<String>,
}

/// What a model is served with, beside the program.
#[derive(Clone, Copy, Debug)]
pub enum With<'p> {
    Nothing,
    /// The library of ONNX Runtime; it must have been loaded into this process.
    Onnx(&'p Path),
    /// The interpreter whose environment and installation are taken along.
    Python(&'p Path),
}

/// Builds the image of `package` with `program`, in the folder `to`. Blocks, for minutes if there is much to compress.
///
/// Errors: `Image` if the package needs Python and none is given, or one that cannot be taken along.
pub fn build(
    program: &Path,
    package: &Path,
    manifest: &Manifest,
    with: With<'_>,
    to: &Path,
) -> Result<Built, Error> {
    if manifest.engine == "python" && !matches!(with, With::Python(_)) {
        return Err(Error::Image("this model is served by Python, and none was named".into()));
    }
    let blobs = to.join("blobs/sha256");
    io::create_dir_all(&blobs)?;
    let mut libraries = libraries::loaded(program)?;
    let python = match with {
        With::Python(python) => Some(Python::of(python, &mut libraries)?),
        _ => None,
    };
    let mut system = libraries.clone();
    let owner = "root:x:0:0::/:/bin/false\nmlwright:x:65532:65532::/tmp:/bin/false\n";
    system.insert("etc/passwd".into(), Entry::Text { text: owner.into(), mode: 0o644 });
    system.insert("tmp".into(), Entry::Folder { mode: 0o1777 });
    let program =
        BTreeMap::from([(PROGRAM.to_owned(), Entry::File { from: program.to_owned(), mode: 0o755 })]);
    let package =
        BTreeMap::from([(PACKAGE.to_owned(), Entry::File { from: package.to_owned(), mode: 0o644 })]);
    // What changes least comes first: what lies above it is what a new version sends.
    let mut layers = vec![write(&blobs, "libraries of the system", &system)?];
    if let Some(python) = &python {
        layers.push(write(&blobs, "Python", &python.installation)?);
        if !python.environment.is_empty() {
            layers.push(write(&blobs, "packages of Python", &python.environment)?);
        }
    }
    layers.push(write(&blobs, "mlwright", &program)?);
    layers.push(write(&blobs, "package", &package)?);
    let name = format!("{}:{}", image_name(&manifest.model), manifest.version);
    let mut env = vec!["PATH=/".to_owned(), format!("MLWRIGHT_PACKAGE=/{PACKAGE}"), "HOME=/tmp".to_owned()];
    let folders = libraries::folders(&libraries);
    if !folders.is_empty() {
        env.push(format!("LD_LIBRARY_PATH={}", folders.join(":")));
    }
    match (with, &python) {
        (With::Onnx(path), _) => env.push(format!("MLWRIGHT_ONNXRUNTIME={}", path.display())),
        (_, Some(python)) => env.push(format!("MLWRIGHT_PYTHON=/{}", python.program)),
        _ => {}
    }
    let config = json(&config(manifest, &layers, &env));
    let config_digest = blob(&blobs, &config)?;
    let layer = |layer: &Layer| json!({ "mediaType": LAYER, "digest": layer.digest, "size": layer.size });
    let image = json(&json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": { "mediaType": CONFIG, "digest": config_digest, "size": config.len() },
        "layers": layers.iter().map(layer).collect::<Vec<_>>(),
        "annotations": annotations(manifest),
    }));
    let digest = blob(&blobs, &image)?;
    let index = json(&json!({
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [{
            "mediaType": MANIFEST,
            "digest": digest,
            "size": image.len(),
            "platform": { "architecture": Platform::here().architecture, "os": "linux" },
            "annotations": { "org.opencontainers.image.ref.name": manifest.version.to_string() },
        }],
    }));
    io::write(to.join("oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}")?;
    io::write_atomic(to.join("index.json"), index)?;
    let missing = python.map(|python| python.missing.into_iter().collect()).unwrap_or_default();
    Ok(Built { folder: to.to_owned(), digest, name, layers, missing })
}

fn annotations(manifest: &Manifest) -> Value {
    json!({
        "org.opencontainers.image.title": manifest.model,
        "org.opencontainers.image.version": manifest.version.to_string(),
        "org.opencontainers.image.revision": manifest.digest.to_string(),
    })
}

fn config(manifest: &Manifest, layers: &[Layer], env: &[String]) -> Value {
    let mut labels = annotations(manifest);
    // SageMaker may choose the port (`SAGEMAKER_BIND_TO_PORT`).
    labels["com.amazonaws.sagemaker.capabilities.accept-bind-to-port"] = json!("true");
    json!({
        "created": "1970-01-01T00:00:00Z",
        "architecture": Platform::here().architecture,
        "os": "linux",
        "config": {
            "User": USER,
            "ExposedPorts": { "8080/tcp": {} },
            "Env": env,
            "Entrypoint": [format!("/{PROGRAM}"), "container"],
            "Cmd": ["serve"],
            "WorkingDir": "/tmp",
            "Labels": labels,
            "StopSignal": "SIGTERM",
        },
        "rootfs": { "type": "layers", "diff_ids": layers.iter().map(|l| l.diff_id.clone()).collect::<Vec<_>>() },
        "history": layers.iter().map(|l| json!({ "created": "1970-01-01T00:00:00Z", "created_by": format!("mlwright: {}", l.title) })).collect::<Vec<_>>(),
    })
}

/// A repository's name may hold lower-case letters, digits and single separators.
pub fn image_name(model: &str) -> String {
    let mut name = String::new();
    for c in model.chars().map(|c| c.to_ascii_lowercase()) {
        if c.is_ascii_alphanumeric() {
            name.push(c);
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
    }
    let name = name.trim_end_matches('-');
    if name.is_empty() { "model".to_owned() } else { name.to_owned() }
}

fn json(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

fn blob(blobs: &Path, bytes: &[u8]) -> Result<String, Error> {
    let digest = types::Digest::of(bytes);
    io::write_atomic(blobs.join(digest.hex()), bytes)?;
    Ok(format!("sha256:{}", digest.hex()))
}

/// The image in a folder, as it was built. Errors: `Image` if that is no layout with one image.
pub fn loose(folder: &Path) -> Result<(String, Value), Error> {
    let bad = |reason: String| Error::Image(format!("`{}` is no image layout: {reason}", folder.display()));
    let read = |path: &Path| -> Result<Value, Error> {
        serde_json::from_slice(&io::read(path)?).map_err(|e| bad(e.to_string()))
    };
    let index = read(&folder.join("index.json"))?;
    let digest = match index["manifests"].as_array().map(Vec::as_slice) {
        Some([only]) => only["digest"].as_str().unwrap_or_default().to_owned(),
        _ => return Err(bad("it does not hold one image".into())),
    };
    let manifest = read(&folder.join("blobs/sha256").join(digest.trim_start_matches("sha256:")))?;
    Ok((digest, manifest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_the_same_bytes_each_time() {
        let dir = tempfile::tempdir().unwrap();
        let (program, package) = (dir.path().join("program"), dir.path().join("package"));
        io::write(&program, b"#!/bin/true\n").unwrap();
        io::write(&package, b"not looked into").unwrap();
        let manifest: Manifest = serde_json::from_value(json!({
            "format": 1, "model": "Churn Model", "version": 3, "model_version": "x", "digest": types::Digest::of("x"),
            "engine": "native", "signature": null, "flavors": [], "example": null, "parity": null, "card": null,
            "baseline": null, "environment": null, "files": [],
        }))
        .unwrap();
        let one = build(&program, &package, &manifest, With::Nothing, &dir.path().join("one")).unwrap();
        let two = build(&program, &package, &manifest, With::Nothing, &dir.path().join("two")).unwrap();
        assert_eq!((&one.digest, &one.layers), (&two.digest, &two.layers));
        assert_eq!(one.name, "churn-model:3");
        let (digest, read) = loose(&one.folder).unwrap();
        assert_eq!(digest, one.digest);
        assert_eq!(read["layers"].as_array().unwrap().len(), 3);
        for layer in &one.layers {
            let bytes =
                io::read(one.folder.join("blobs/sha256").join(layer.digest.trim_start_matches("sha256:")))
                    .unwrap();
            assert_eq!(bytes.len() as u64, layer.size);
            assert_eq!(format!("sha256:{}", types::Digest::of(&bytes).hex()), layer.digest);
        }
        let python = Manifest { engine: "python".into(), ..manifest };
        assert!(matches!(
            build(&program, &package, &python, With::Nothing, &dir.path().join("no")),
            Err(Error::Image(_))
        ));
    }
}
