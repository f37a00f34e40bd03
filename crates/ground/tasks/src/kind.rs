use std::fmt::Display;

/// What a task is, and what its end means to the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskKind {
    /// For logs and for the list of running tasks, such as `pipelines.engine`.
    pub name: &'static str,
    pub on_error: OnError,
    pub on_stop: OnStop,
}

/// What happens when a task returns an error or panics. Work that should start again is given as a factory to
/// [`Supervisor::spawn_restarting`](crate::Supervisor::spawn_restarting): a future runs only once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// It is logged; the process goes on without the task.
    Log,
    /// The process cannot do its work without it: the supervisor's token is cancelled, and `shutdown` says why.
    Shutdown,
}

/// What happens to a task when the process stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnStop {
    /// It watches the token and gets the grace period to end by itself.
    Wait,
    /// It is dropped at its next await point. It must be safe to stop anywhere.
    Abort,
}

/// What a task may return: nothing, or a result whose error says what failed.
pub trait Outcome: Send + 'static {
    fn failure(self) -> Option<String>;
}

impl Outcome for () {
    fn failure(self) -> Option<String> {
        None
    }
}

impl<E: Display + Send + 'static> Outcome for Result<(), E> {
    fn failure(self) -> Option<String> {
        // The alternate form lets error types that support it write their whole chain.
        self.err().map(|e| format!("{e:#}"))
    }
}
