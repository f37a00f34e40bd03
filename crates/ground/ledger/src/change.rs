//! One caller's change, as a job of the writer.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::oneshot;
use types::Actor;

use crate::chain::Draft;
use crate::tx::Body;
use crate::write::{Job, Ran, Scope};
use crate::{Error, FactTx, Ledger, Tx};

struct Change<T, E, F> {
    f: F,
    actor: Actor,
    /// Whether this is a change of state (events required) or facts.
    state: bool,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

/// The two shapes of closure behind one job.
trait Closure<T, E>: Send {
    fn call(&mut self, body: Body<'_>, facts: &[&'static str], guarded: bool) -> Called<T, E>;
}

struct Called<T, E> {
    result: Result<T, E>,
    drafts: Vec<Draft>,
    changed: u64,
    lost_race: bool,
}

struct StateBody<F>(F);
struct FactBody<F>(F);

impl<T, E, F> Closure<T, E> for StateBody<F>
where
    F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send,
{
    fn call(&mut self, body: Body<'_>, _: &[&'static str], guarded: bool) -> Called<T, E> {
        let mut tx = Tx(body, Vec::new(), guarded);
        let result = (self.0)(&mut tx);
        Called { result, changed: tx.0.changed, lost_race: tx.0.lost_race, drafts: tx.1 }
    }
}

impl<T, E, F> Closure<T, E> for FactBody<F>
where
    F: FnMut(&mut FactTx<'_>) -> Result<T, E> + Send,
{
    fn call(&mut self, body: Body<'_>, facts: &[&'static str], _: bool) -> Called<T, E> {
        let mut tx = FactTx(body, facts);
        let result = (self.0)(&mut tx);
        Called { result, changed: tx.0.changed, lost_race: tx.0.lost_race, drafts: Vec::new() }
    }
}

impl<T, E, F> Job for Change<T, E, F>
where
    T: Send,
    E: From<Error> + Send,
    F: Closure<T, E>,
{
    fn run(&mut self, scope: Scope<'_>) -> Ran {
        let (f, facts, guarded) = (&mut self.f, scope.facts, scope.guarded);
        let body = scope.body(&self.actor);
        let called = match catch_unwind(AssertUnwindSafe(|| f.call(body, facts, guarded))) {
            Ok(called) => called,
            Err(panic) => {
                let message = format!("a change panicked: {}", panic_text(panic.as_ref()));
                tracing::error!("{message}");
                self.result = Some(Err(Error::Database { message }.into()));
                return Ran::Undo;
            }
        };
        if called.lost_race {
            return Ran::Again;
        }
        match called.result {
            Ok(_) if self.state && called.changed > 0 && called.drafts.is_empty() => {
                self.result = Some(Err(Error::NoEvent { rows: called.changed }.into()));
                Ran::Undo
            }
            Ok(value) => {
                self.result = Some(Ok(value));
                Ran::Keep(called.drafts)
            }
            Err(error) => {
                self.result = Some(Err(error));
                Ran::Undo
            }
        }
    }

    fn finish(self: Box<Self>, failed: Option<&dyn Fn() -> Error>) {
        // The caller may have gone away.
        let _ = self.reply.send(answer(failed, self.result));
    }
}

/// What a caller hears.
pub(crate) fn answer<T, E: From<Error>>(
    failed: Option<&dyn Fn() -> Error>,
    result: Option<Result<T, E>>,
) -> Result<T, E> {
    match (failed, result) {
        // Its own error stands: the change would not have been kept anyway.
        (_, Some(Err(error))) => Err(error),
        (None, Some(Ok(value))) => Ok(value),
        (Some(make), _) => Err(make().into()),
        (None, None) => Err(Error::Closed.into()),
    }
}

pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

impl Ledger {
    /// Runs `f` as one change of state and answers once it is durable. `f` may run more than once, does no I/O and
    /// has no side effects; it stands in a commit that it shares with other callers.
    ///
    /// Errors: `f`'s own; `NoEvent` if it changed rows but recorded no event.
    pub async fn write<T, E, F>(&self, actor: &Actor, f: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.submit(actor, StateBody(f), true).await
    }

    /// Writes declared fact and operational tables only; no event is needed. Otherwise like [`Ledger::write`].
    ///
    /// Errors: `f`'s own; `NotAFactTable` for any other table.
    pub async fn record<T, E, F>(&self, actor: &Actor, f: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnMut(&mut FactTx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.submit(actor, FactBody(f), false).await
    }

    async fn submit<T, E, B>(&self, actor: &Actor, f: B, state: bool) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        B: Closure<T, E> + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let change = Change { f, actor: actor.clone(), state, result: None, reply };
        self.0.writer.send(Box::new(change))?;
        answer.await.map_err(|_| Error::Closed)?
    }
}
