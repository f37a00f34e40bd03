//! Copies of requests for variants that answer nobody: they run after the answer, on a thread of their own, and are
//! dropped and counted when that thread is behind. What came of them is kept in the ledger, so that whoever judges a
//! shadow need not be the server that ran it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use ledger::Ledger;
use parking_lot::Mutex;
use runtimes::Frame;
use types::{Actor, Timestamp, Uid, WorkspaceId};

use crate::endpoint::Key;
use crate::{Deploy, Error, NewVariant, Revision, Serving, ShadowFigures, VariantView, store};

/// Copies that wait.
const WAITING: usize = 256;

pub(crate) type Copied = Box<dyn FnOnce() + Send>;

#[derive(Clone)]
pub(crate) struct Shadows(Arc<Sender<Copied>>);

impl Shadows {
    /// The thread ends with the last clone. Without one (no thread could be started) every copy is dropped.
    pub fn start() -> Self {
        let (sender, receiver): (Sender<Copied>, Receiver<Copied>) = bounded(WAITING);
        let started = std::thread::Builder::new().name("serving-shadow".into()).spawn(move || {
            for copied in receiver {
                // A model that panics must not end the thread for all others.
                if std::panic::catch_unwind(std::panic::AssertUnwindSafe(copied)).is_err() {
                    metrics::counter!("mlwright_shadow_failed_total").increment(1);
                }
            }
        });
        if let Err(error) = started {
            tracing::error!(%error, "shadow variants get no requests: their thread could not be started");
        }
        Self(Arc::new(sender))
    }

    /// Whether it was taken.
    pub fn send(&self, copied: Copied) -> bool {
        match self.0.try_send(copied) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                metrics::counter!("mlwright_shadow_dropped_total").increment(1);
                false
            }
        }
    }
}

/// What one shadow of one revision did on this server.
pub(crate) struct Tally {
    pub workspace: WorkspaceId,
    pub revision: Revision,
    pub variant: VariantView,
    figures: Mutex<ShadowFigures>,
    /// Since it was written last.
    changed: AtomicBool,
}

/// What the callers got, to hold the shadows' answers against.
#[derive(Clone)]
pub(crate) struct Answered {
    pub outputs: Arc<Frame>,
    pub took: Duration,
}

impl Tally {
    fn new(workspace: WorkspaceId, revision: &Revision, variant: &VariantView) -> Self {
        Self {
            workspace,
            revision: revision.clone(),
            variant: variant.clone(),
            figures: Mutex::default(),
            changed: AtomicBool::new(false),
        }
    }

    /// `shadow`: `None` if it failed.
    pub fn count(&self, answered: &Answered, shadow: Option<(&Frame, Duration)>) {
        {
            let mut figures = self.figures.lock();
            match shadow {
                Some(shadow) => figures.compared((&answered.outputs, answered.took), shadow),
                None => figures.failed(),
            }
        }
        self.changed.store(true, Ordering::Release);
    }
}

/// The names of a revision's variants that answer nobody; none of a revision that there is not.
pub async fn shadows_of(ledger: &Ledger, actor: &Actor, revision: Uid) -> Result<Vec<String>, ledger::Error> {
    let found = ledger.read(actor.workspace, move |rx| store::revision_by_uid(rx, revision)).await?;
    let variants = found.map(|revision| revision.variants).unwrap_or_default();
    Ok(variants.into_iter().filter(|v| v.shadow).map(|v| v.name).collect())
}

/// The names of variants that answer nobody, by revision of the endpoint; revisions without any are left out.
pub async fn shadows_by_revision(
    ledger: &Ledger,
    actor: &Actor,
    endpoint: &str,
) -> Result<HashMap<Uid, Vec<String>>, ledger::Error> {
    let endpoint = endpoint.to_owned();
    let found = ledger.read(actor.workspace, move |rx| store::revisions_with_shadows(rx, &endpoint)).await?;
    let names =
        |variants: Vec<VariantView>| variants.into_iter().filter(|v| v.shadow).map(|v| v.name).collect();
    Ok(found.into_iter().map(|revision| (revision.uid, names(revision.variants))).collect())
}

impl Serving {
    /// Those of a revision, one a variant; `None` for variants that answer. The same ones while the revision serves.
    pub(crate) fn tallies_of(&self, key: &Key, revision: &Revision) -> Vec<Option<Arc<Tally>>> {
        let mut known = self.0.tallies.lock();
        let mut of = |variant: &VariantView| {
            if !variant.shadow {
                return None;
            }
            let standing = known.iter().find(|t| {
                t.workspace == key.0 && t.revision.uid == revision.uid && t.variant.name == variant.name
            });
            Some(match standing {
                Some(tally) => Arc::clone(tally),
                None => {
                    let tally = Arc::new(Tally::new(key.0, revision, variant));
                    known.push(Arc::clone(&tally));
                    tally
                }
            })
        };
        revision.variants.iter().map(&mut of).collect()
    }

    /// Writes what has changed, and forgets shadows that are gone.
    pub(crate) async fn keep_shadows(&self) -> Result<(), Error> {
        let all: Vec<Arc<Tally>> = self.0.tallies.lock().clone();
        for tally in all.iter().filter(|t| t.changed.swap(false, Ordering::AcqRel)) {
            let actor = Actor { workspace: tally.workspace, ..Actor::system("serving") };
            let (kept, figures) = (Arc::clone(tally), tally.figures.lock().clone());
            let server = self.0.holder;
            let written = self.0.ledger.record(&actor, move |tx| {
                store::save_shadow(tx, &kept.revision, &kept.variant, server, &figures)
            });
            if let Err(error) = written.await {
                tally.changed.store(true, Ordering::Release);
                return Err(error.into());
            }
        }
        drop(all);
        // Held by the list alone: no endpoint has it any more.
        self.0.tallies.lock().retain(|t| Arc::strong_count(t) > 1 || t.changed.load(Ordering::Acquire));
        Ok(())
    }

    /// Of every shadow of this version that was deployed since then, over all servers.
    pub async fn shadow_figures(
        &self,
        actor: &Actor,
        endpoint: &str,
        model_version: Uid,
        since: Timestamp,
    ) -> Result<ShadowFigures, Error> {
        let name = endpoint.to_owned();
        let parts = self
            .0
            .ledger
            .read(actor.workspace, move |rx| store::shadows(rx, &name, model_version, since))
            .await?;
        let mut sum = ShadowFigures::default();
        parts.iter().for_each(|part| sum.add(part));
        Ok(sum)
    }

    /// Gives a version copies of the live requests, beside what serves now; nothing if it has them already. Answers what
    /// then serves.
    ///
    /// Errors: `NoEndpoint`; `BadVariants` if the version answers callers already, or a rollout is under way; a version
    /// that cannot be loaded.
    pub async fn start_shadow(
        &self,
        actor: &Actor,
        endpoint: &str,
        model_version: Uid,
        causes: Vec<(String, String, String)>,
    ) -> Result<Revision, Error> {
        let now = self.endpoint(actor.workspace, endpoint)?.revision.clone();
        match now.variants.iter().find(|v| v.model_version == model_version) {
            Some(shadow) if shadow.shadow => return Ok(now.as_ref().clone()),
            Some(answers) => {
                let message = format!("`{}` answers callers already", answers.name);
                return Err(Error::BadVariants { endpoint: endpoint.to_owned(), message });
            }
            None => {}
        }
        if self.rollout(actor, endpoint).await?.is_some_and(|r| r.state.is_active()) {
            let message = "a rollout is under way; a shadow would end it".to_owned();
            return Err(Error::BadVariants { endpoint: endpoint.to_owned(), message });
        }
        let mut variants: Vec<NewVariant> = now.variants.iter().map(VariantView::again).collect();
        variants.push(NewVariant { shadow: true, ..NewVariant::new(model_version, 0.0) });
        self.put(actor, Deploy { endpoint: endpoint.to_owned(), variants, causes }, None).await
    }

    /// Takes the copies away from a shadow; nothing if it has none. What answers is as before.
    pub async fn end_shadow(&self, actor: &Actor, endpoint: &str, model_version: Uid) -> Result<(), Error> {
        let now = self.endpoint(actor.workspace, endpoint)?.revision.clone();
        let stays = |v: &&VariantView| !(v.shadow && v.model_version == model_version);
        let variants: Vec<NewVariant> = now.variants.iter().filter(stays).map(VariantView::again).collect();
        if variants.len() == now.variants.len() {
            return Ok(());
        }
        let deploy = Deploy { endpoint: endpoint.to_owned(), variants, causes: Vec::new() };
        self.put(actor, deploy, None).await.map(drop)
    }
}
