use types::{Class, Fault, Hint, io};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("`uv` was not found, so the environment of the model cannot be built")]
    NoUv,
    #[error("`{command}` failed: {output}")]
    Command { command: String, output: String },
    #[error("this machine offers no sandbox for executable models: {0}")]
    NoSandbox(String),
    #[error("the model cannot be opened: {message}")]
    Load { message: String, trace: String },
    #[error("the model failed: {message}")]
    Run { message: String, trace: String },
    #[error("the model did not answer within {seconds} s, so its process was ended")]
    Timeout { seconds: u64 },
    #[error("the process of the model ended: {0}")]
    Died(String),
    #[error("the process of the model cannot be used yet: {0}")]
    Restarting(String),
    #[error("the process of the model broke the protocol: {0}")]
    Protocol(String),
    #[error("the model has no input that can be named: {0}")]
    NoSignature(&'static str),
}

impl From<crate::home::Error> for Error {
    fn from(error: crate::home::Error) -> Self {
        match error {
            crate::home::Error::Io(error) => Self::Io(error),
            crate::home::Error::NoUv => Self::NoUv,
            crate::home::Error::Command { command, output } => Self::Command { command, output },
        }
    }
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Self::Io(e) => e.class(),
            Self::Load { .. } | Self::NoSignature(_) | Self::NoSandbox(_) => Class::Invalid,
            Self::NoUv | Self::Command { .. } | Self::Restarting(_) | Self::Timeout { .. } => {
                Class::Unavailable
            }
            Self::Run { .. } | Self::Died(_) | Self::Protocol(_) => Class::Internal,
        }
    }

    fn hint(&self) -> Hint {
        let hint = match self {
            Self::Io(e) => return e.hint(),
            Self::NoUv => "install uv (https://docs.astral.sh/uv), or set workers.uv to it",
            Self::Command { .. } => {
                "check the model's requirements.txt: every package is needed as a wheel, nothing is built here"
            }
            Self::NoSandbox(_) => {
                "run the server where user namespaces or Landlock are allowed; or set workers.allow_unsandboxed = true if \
                 everybody who may register models may also run programs as the server's user"
            }
            Self::Load { .. } => {
                "open it in an environment made from its requirements.txt: mlflow.pyfunc.load_model(…)"
            }
            Self::Timeout { .. } => "send fewer rows, or raise workers.request_seconds",
            Self::Died(_) => {
                "the next request gets a new process; a model that needs more memory needs workers.memory_mib raised"
            }
            Self::Restarting(_) => "try again in a moment",
            Self::NoSignature(_) => "log the model with a signature: mlflow.models.infer_signature(X, y)",
            Self::Run { .. } | Self::Protocol(_) => return None,
        };
        Some(hint.into())
    }
}
