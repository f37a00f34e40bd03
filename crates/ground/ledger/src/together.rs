//! Facts of many callers in one go: what statements cost is then paid once for all that wait.

use std::any::{Any, TypeId};
use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::oneshot;
use types::{Actor, WorkspaceId};

use crate::change::{answer, panic_text};
use crate::write::{Job, Ran, Scope};
use crate::{Error, FactTx, Ledger};

/// Facts that wait for the same commit and are written together.
pub trait Together: Sized + Send + 'static {
    type Item: Send + 'static;
    type Out: Send + 'static;
    type Error: From<Error> + Send + 'static;

    /// Writes the items of several callers of one workspace; their answers in the same order. An item whose answer is
    /// an error must have written nothing. It may run more than once, does no I/O and has no side effects.
    ///
    /// Errors: the database's; nothing of any item is kept then.
    fn write(tx: &mut FactTx<'_>, items: &[&Self::Item]) -> Result<Answers<Self>, Error>;
}

/// One for each item, in their order.
pub type Answers<T> = Vec<Result<<T as Together>::Out, <T as Together>::Error>>;

struct Item<T: Together> {
    item: T::Item,
    actor: Actor,
    result: Option<Result<T::Out, T::Error>>,
    reply: oneshot::Sender<Result<T::Out, T::Error>>,
}

impl<T: Together> Job for Item<T> {
    fn run(&mut self, scope: Scope<'_>) -> Ran {
        self.run_with(Vec::new(), scope)
    }

    fn kind(&self) -> Option<(TypeId, WorkspaceId)> {
        Some((TypeId::of::<T>(), self.actor.workspace))
    }

    fn any(&mut self) -> Option<&mut dyn Any> {
        Some(self)
    }

    fn run_with(&mut self, others: Vec<&mut Box<dyn Job>>, scope: Scope<'_>) -> Ran {
        let mut others: Vec<&mut Self> =
            others.into_iter().filter_map(|other| other.any()?.downcast_mut()).collect();
        let items: Vec<&T::Item> = [&self.item].into_iter().chain(others.iter().map(|o| &o.item)).collect();
        let facts = scope.facts;
        let mut tx = FactTx(scope.body(&self.actor), facts);
        let written = catch_unwind(AssertUnwindSafe(|| T::write(&mut tx, &items)));
        if tx.0.lost_race {
            return Ran::Again;
        }
        let failed = match written {
            Ok(Ok(results)) if results.len() == items.len() => {
                let mut results = results.into_iter();
                self.result = results.next();
                for other in others {
                    other.result = results.next();
                }
                return Ran::Keep(Vec::new());
            }
            Ok(Ok(results)) => format!("{} facts had {} answers", items.len(), results.len()),
            Ok(Err(error)) => error.to_string(),
            Err(panic) => format!("writing facts panicked: {}", panic_text(panic.as_ref())),
        };
        tracing::error!("{failed}");
        let error = || Some(Err(Error::Database { message: failed.clone() }.into()));
        self.result = error();
        for other in &mut others {
            other.result = error();
        }
        Ran::Undo
    }

    fn finish(self: Box<Self>, failed: Option<&dyn Fn() -> Error>) {
        // The caller may have gone away.
        let _ = self.reply.send(answer(failed, self.result));
    }
}

impl Ledger {
    /// Writes facts in one go with those of others that wait for the same commit, and answers once they are durable.
    ///
    /// Errors: the item's own; the database's.
    pub async fn record_together<T: Together>(
        &self,
        actor: &Actor,
        item: T::Item,
    ) -> Result<T::Out, T::Error> {
        let (reply, answer) = oneshot::channel();
        let job: Box<Item<T>> = Box::new(Item { item, actor: actor.clone(), result: None, reply });
        self.0.writer.send(job)?;
        answer.await.map_err(|_| Error::Closed)?
    }
}
