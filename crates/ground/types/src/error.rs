/// What to do about an error, in one line; shown after `hint:`.
pub type Hint = Option<String>;

/// What an error means to a caller. Doors map classes, never single errors, to status codes
/// (except where upstream's own code differs).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The input is wrong; sending it again will not help.
    Invalid,
    NotFound,
    AlreadyExists,
    /// The state forbids it now (a deleted run, a failed precondition, a lost race).
    Conflict,
    Unauthenticated,
    Forbidden,
    /// A gate said no.
    Rejected,
    TooLarge,
    /// Try again later.
    Unavailable,
    /// Ours to mend.
    Internal,
}

/// Implemented by every crate's `Error`: what it means and what to do, apart from what it says.
pub trait Fault: std::error::Error + Send + Sync + 'static {
    fn class(&self) -> Class;

    fn hint(&self) -> Hint {
        None
    }
}
