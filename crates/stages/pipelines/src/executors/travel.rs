//! What an attempt needs that is prepared here and runs elsewhere.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::bundle::{ATTEMPT, Remote, RemotePython, job_name};
use super::image::ImageTask;
use super::{ExecutorSpec, Place, Resources, guest};
use crate::attempt::Attempt;
use crate::{Engine, VolumeClaim};

/// What goes along beside the attempt's directory.
#[derive(Debug, Default)]
pub(crate) struct Travels {
    pub token: String,
    pub python: Option<RemotePython>,
    pub folders: Vec<PathBuf>,
    pub resources: Resources,
    /// Relative to the attempt's directory.
    pub paths_in: Vec<PathBuf>,
    /// See [`crate::Launch::pod`].
    pub pod: serde_json::Value,
    pub image: Option<ImageTask>,
    pub claim: Option<VolumeClaim>,
}

impl Travels {
    pub fn take(&mut self) -> Self {
        std::mem::take(self)
    }
}

impl Engine {
    /// `None` if the attempt stays here.
    pub(crate) fn travels(&self, attempt: &Attempt, place: &Place) -> Option<Travels> {
        place.cluster()?;
        let step = &attempt.step;
        let token = guest::new_token(attempt.run.workspace, attempt.run.uid, step.uid, step.attempt);
        Some(Travels { token, ..Travels::default() })
    }

    /// What a process gets that has nothing of its own yet: on a cluster nothing of this server's.
    pub(crate) fn surroundings(&self, place: &Place) -> BTreeMap<String, String> {
        match place {
            Place::Here { .. } => self.inherited(),
            Place::Cluster(_) => self.0.config.env.clone(),
        }
    }

    /// Where a process on a cluster finds this server, and what it shows there: a token that is good for as long as the
    /// attempt runs.
    pub(crate) fn addresses(&self, place: &Place, travels: Option<&Travels>) -> BTreeMap<String, String> {
        let (Some(spec), Some(travels)) = (place.cluster(), travels) else { return BTreeMap::new() };
        let url = self.url_for(spec);
        let (url, token) = (|| url.clone(), || travels.token.clone());
        BTreeMap::from([
            ("MLWRIGHT_URL".to_owned(), url()),
            ("MLFLOW_TRACKING_URI".to_owned(), url()),
            ("MLWRIGHT_TOKEN".to_owned(), token()),
            ("MLFLOW_TRACKING_TOKEN".to_owned(), token()),
        ])
    }

    fn url_for(&self, spec: &ExecutorSpec) -> String {
        spec.advertise.clone().unwrap_or_else(|| self.0.config.url.clone())
    }

    /// What is kept of the attempt's job.
    pub(crate) fn noted(&self, attempt: &Attempt, spec: &ExecutorSpec, travels: Travels) -> Remote {
        let step = &attempt.step;
        let wanted = attempt.task.resources.clone().unwrap_or_default();
        let carried = travels.folders.into_iter().enumerate();
        let carried = carried.map(|(at, path)| (format!("carried-{at}"), path));
        Remote {
            workspace: attempt.run.workspace,
            job: job_name(step.uid, step.attempt),
            handle: None,
            token: travels.token,
            url: self.url_for(spec),
            resources: wanted.or(&travels.resources).or(&spec.resources),
            python: travels.python,
            folders: std::iter::once((ATTEMPT.to_owned(), attempt.dir.clone())).chain(carried).collect(),
            paths_in: travels.paths_in,
            pod: travels.pod,
            image: travels.image,
            claim: travels.claim,
            executor: spec.clone(),
        }
    }
}
