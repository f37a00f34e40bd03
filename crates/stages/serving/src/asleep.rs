//! What a model looked like when it was loaded, kept by content: with it an endpoint can start with its model out of memory.

use std::path::{Path, PathBuf};

use runtimes::{InputSchema, ParamSchema};
use serde::{Deserialize, Serialize};
use types::{Digest, io};

use crate::nap::Shape;

/// Grows when what is kept changes its meaning: then a model is loaded once more.
const FORMAT: u32 = 2;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Known {
    format: u32,
    pub engine: String,
    pub shape: Shape,
    pub schema: InputSchema,
    pub params: ParamSchema,
    pub pyfunc_output: Option<String>,
}

impl Known {
    pub fn new(
        engine: &str,
        shape: Shape,
        (schema, params): (InputSchema, ParamSchema),
        pyfunc_output: Option<String>,
    ) -> Self {
        Self { format: FORMAT, engine: engine.to_owned(), shape, schema, params, pyfunc_output }
    }

    /// `None` if it was never loaded here, or by another format.
    pub fn read(folder: &Path, digest: Digest) -> Option<Self> {
        let bytes = io::read(file(folder, digest)).ok()?;
        serde_json::from_slice(&bytes).ok().filter(|known: &Self| known.format == FORMAT)
    }

    /// Without it the model is loaded at the next start: not worth an error.
    pub fn keep(&self, folder: &Path, digest: Digest) {
        let path = file(folder, digest);
        let kept = serde_json::to_vec(self).map_err(|e| e.to_string()).and_then(|bytes| {
            if io::read(&path).is_ok_and(|before| before == bytes) {
                return Ok(());
            }
            io::create_dir_all(path.parent().unwrap_or(folder)).map_err(|e| e.to_string())?;
            io::write_atomic(&path, bytes).map_err(|e| e.to_string())
        });
        if let Err(reason) = kept {
            tracing::debug!(reason, "what a model looks like was not kept");
        }
    }
}

fn file(folder: &Path, digest: Digest) -> PathBuf {
    folder.join("shapes").join(format!("{}.json", digest.hex()))
}

#[cfg(test)]
mod tests {
    use runtimes::{ElementType, TensorSpec};

    use super::*;

    #[test]
    fn what_is_kept_reads_back_and_another_format_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let spec = |name: &str, element| TensorSpec { name: name.into(), element, shape: vec![-1, 4] };
        let shape = Shape {
            inputs: vec![spec("X", ElementType::F32)],
            outputs: vec![spec("label", ElementType::Bytes)],
            prediction: Some("label".into()),
            missing_text: true,
            streams: false,
            bytes: 7,
        };
        let params = r#"[{"name":"temperature","default":0.5,"shape":null,"type":"double"}]"#;
        let schema = (InputSchema::Unknown, ParamSchema::parse(params).unwrap());
        let known = Known::new("native", shape, schema, None);
        let digest = Digest::of("model");
        assert_eq!(Known::read(folder.path(), digest), None);
        known.keep(folder.path(), digest);
        assert_eq!(Known::read(folder.path(), digest), Some(known.clone()));
        Known { format: 0, ..known }.keep(folder.path(), digest);
        assert_eq!(Known::read(folder.path(), digest), None);
    }
}
