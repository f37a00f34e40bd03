use tonic::{Code, Status};
use types::{Class, Fault};

/// <https://grpc.io/docs/guides/status-codes/>
pub fn code(class: Class) -> Code {
    match class {
        Class::Invalid => Code::InvalidArgument,
        Class::NotFound => Code::NotFound,
        Class::AlreadyExists => Code::AlreadyExists,
        Class::Conflict => Code::FailedPrecondition,
        Class::Unauthenticated => Code::Unauthenticated,
        Class::Forbidden => Code::PermissionDenied,
        Class::Rejected => Code::FailedPrecondition,
        Class::TooLarge => Code::ResourceExhausted,
        Class::Unavailable => Code::Unavailable,
        Class::Internal => Code::Internal,
    }
}

/// The error's class, text and hint.
pub fn status(error: &impl Fault) -> Status {
    let text = match error.hint() {
        Some(hint) => format!("{error} (hint: {hint})"),
        None => error.to_string(),
    };
    Status::new(code(error.class()), text)
}

pub fn denied(error: &kit::Denied) -> Status {
    status(error)
}
