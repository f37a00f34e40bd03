use types::{Class, Fault, Hint};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("ONNX Runtime (libonnxruntime) was not found; looked at {looked}")]
    LibraryMissing { looked: String },
    #[error("cannot load ONNX Runtime from `{path}`: {message}")]
    LibraryBroken { path: String, message: String },
    #[error("cannot load the ONNX model: {0}")]
    Load(String),
    #[error("{place} `{name}` of the model is a {what}, not a tensor")]
    NotTensor { place: &'static str, name: String, what: String },
    #[error("the model failed: {0}")]
    Run(String),
    #[error("{0}")]
    Busy(String),
    #[error("unknown input `{name}`; the model takes {known}")]
    UnknownInput { name: String, known: String },
    #[error("input `{0}` is missing")]
    MissingInput(String),
    #[error("input `{0}` is given twice")]
    RepeatedInput(String),
    #[error("unknown output `{name}`; the model gives {known}")]
    UnknownOutput { name: String, known: String },
    #[error("input `{name}` has type {actual}; the model takes {expected}")]
    WrongType { name: String, expected: &'static str, actual: &'static str },
    #[error("input `{name}` has shape {actual}; the model takes {expected}")]
    WrongShape { name: String, expected: String, actual: String },
    #[error("input `{name}` has {actual} values; its shape {shape} needs {expected}")]
    WrongLength { name: String, shape: String, expected: i128, actual: usize },
    #[error("input `{name}`, value {index}: {message}")]
    BadText { name: String, index: usize, message: &'static str },
    #[error("missing columns: {missing}{}", unused(.extra))]
    MissingColumns { missing: String, extra: String },
    #[error("{actual} columns were given; the model takes {expected}")]
    ColumnCount { expected: usize, actual: usize },
    #[error("column `{column}`, row {row}: {message}")]
    Cell { column: String, row: usize, message: String },
    #[error("column `{column}` has {actual} rows; the first column has {expected}")]
    RaggedColumns { column: String, expected: usize, actual: usize },
    /// What MLflow says of params that do not fit the signature.
    #[error("{0}")]
    Params(String),
    #[error("no rows were given")]
    NoRows,
    #[error("the model has no tabular form: {0}")]
    NotTabular(String),
    #[error("the model has no output `{name}`; its columns are {known}")]
    NoSuchColumn { name: String, known: String },
    #[error("the model file is damaged: {0}")]
    Broken(String),
    #[error("not served natively: {0}")]
    Unsupported(String),
    #[error("{0}")]
    Unfit(String),
    #[error("cannot read the MLmodel file: {0}")]
    MlModel(String),
}

fn unused(extra: &str) -> String {
    if extra.is_empty() { String::new() } else { format!(" (given but not used: {extra})") }
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Self::LibraryMissing { .. } | Self::LibraryBroken { .. } | Self::Busy(_) => Class::Unavailable,
            Self::Run(_) => Class::Internal,
            _ => Class::Invalid,
        }
    }

    fn hint(&self) -> Hint {
        Some(match self {
            Self::LibraryMissing { .. } => {
                "pip install onnxruntime (1.24 or newer), then set MLWRIGHT_ONNXRUNTIME to …/site-packages/onnxruntime/capi/libonnxruntime.so.<version>; \
                 an environment of a pipeline that contains onnxruntime is found by itself"
                    .into()
            }
            Self::LibraryBroken { .. } => "ONNX Runtime 1.24 or newer is needed: pip install -U onnxruntime".into(),
            Self::Load(_) => "check that the file is an ONNX model and that its operators and opset are known to the installed onnxruntime".into(),
            Self::NotTensor { .. } => {
                "export it without ZipMap: skl2onnx.to_onnx(model, X, options={\"zipmap\": False}), or zipmap=False for onnxmltools".into()
            }
            Self::Broken(_) => "log the model again, and check the file's digest".into(),
            Self::Unsupported(_) => "serve it with the Python runtime, which runs the library itself".into(),
            Self::NotTabular(_) => "give it one 2-D numeric input, or one input per column".into(),
            Self::MissingColumns { .. } => "send every column of the model's signature; order does not matter".into(),
            _ => return None,
        })
    }
}
