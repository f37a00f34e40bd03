//! What every cluster can do, whatever its API looks like.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use outbound::{Answer, Body, Call, Client, Method, Policy};
use serde_json::Value;
use types::Timestamp;

use super::guest::Ended;
use super::image::ImageTask;
use super::{ExecutorKind, ExecutorSpec, Resources, kubernetes, ray, slurm, told};
use crate::VolumeClaim;

/// Of an answer that says why something was refused.
const LONGEST_REASON: usize = 600;
const PATIENCE: Duration = Duration::from_secs(30);

/// One attempt as a job of a cluster.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// The same for the same attempt, whoever submits it: letters, digits and `-`, 63 at most.
    pub name: String,
    /// A program and its arguments.
    pub argv: Vec<String>,
    pub env: BTreeMap<String, String>,
    pub resources: Resources,
    /// See [`crate::Launch::pod`].
    pub pod: Value,
    /// The image that is the task: `argv` fetches for it, and gives back for it.
    pub image: Option<ImageTask>,
    /// For people who look at the cluster.
    pub labels: BTreeMap<String, String>,
    /// Between asking the job to end and ending it.
    pub grace: Duration,
}

/// Where a job stands, by what the cluster says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// In line or being set up; the text says what for, if the cluster does.
    Waiting(Option<String>),
    Running,
    /// With what the cluster says about it.
    Ended {
        well: bool,
        reason: String,
    },
    /// It waits for what will never come, and says for what.
    Stuck(String),
    /// The cluster does not know it.
    Unknown,
}

/// The container of an image that is the task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Container {
    /// Where it is.
    pub pod: String,
    pub started_at: Option<Timestamp>,
    pub ended: Option<Ended>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The API does not answer, or not now: worth another try.
    Passing(String),
    /// It said no.
    Refused(String),
}

impl From<outbound::Error> for Trouble {
    fn from(error: outbound::Error) -> Self {
        match error {
            outbound::Error::BadUrl { .. } | outbound::Error::Private { .. } => Self::Refused(told(&error)),
            error => Self::Passing(told(&error)),
        }
    }
}

#[async_trait]
pub(crate) trait Cluster: Send + Sync {
    /// Its own name of the job that was submitted under `name`, if there is one.
    async fn find(&self, name: &str) -> Result<Option<String>, Trouble>;

    /// Gives its own name of the job. A job of that name that is there already is as good as a new one.
    async fn submit(&self, job: &Job) -> Result<String, Trouble>;

    async fn look(&self, handle: &str) -> Result<Standing, Trouble>;

    /// Asks a job to end; one that has ended, or is not there, is as it should be.
    async fn stop(&self, handle: &str) -> Result<(), Trouble>;

    /// The end of what the job printed, as far as the cluster keeps it.
    async fn printed(&self, handle: &str) -> Option<String>;

    /// Changes a claim of a volume on behalf of an attempt, whose name is that of its job. Doing it again changes nothing.
    async fn claim(&self, _job: &str, _claim: &VolumeClaim) -> Result<(), Trouble> {
        Err(Trouble::Refused("it has no claims of volumes".into()))
    }

    /// The container of a job whose task is an image; `None` while there is none.
    async fn container(&self, _handle: &str) -> Result<Option<Container>, Trouble> {
        Ok(None)
    }

    /// What that container printed, each line with its time before it, from this second on; as many bytes as the cluster likes to
    /// give at once, `limit` at most.
    async fn lines(
        &self,
        _container: &Container,
        _since: Option<Timestamp>,
        _limit: u64,
    ) -> Result<Vec<u8>, Trouble> {
        Ok(Vec::new())
    }
}

/// Bytes of what a container printed that are asked for at once, and where two seconds hold more.
pub(crate) const PRINTED: u64 = 16 << 20;
pub(crate) const MOST: u64 = 64 << 20;

/// Errors say what of the declaration cannot be used.
pub(crate) fn open(spec: &ExecutorSpec) -> Result<Box<dyn Cluster>, Trouble> {
    Ok(match spec.kind {
        ExecutorKind::Ray => Box::new(ray::Ray::new(Api::new(spec)?)),
        ExecutorKind::Kubernetes => Box::new(kubernetes::Kubernetes::new(Api::new(spec)?)),
        ExecutorKind::Slurm => Box::new(slurm::Slurm::new(Api::new(spec)?)),
    })
}

/// Calls of one cluster's API.
pub(crate) struct Api {
    pub spec: ExecutorSpec,
    client: Client,
}

impl Api {
    /// Clusters stand in private networks: whoever may declare one may run code on this server anyway.
    fn new(spec: &ExecutorSpec) -> Result<Self, Trouble> {
        let refused = |reason: String| Trouble::Refused(format!("executor `{}`: {reason}", spec.name));
        let mut authorities = Vec::new();
        if let Some(path) = &spec.ca_file {
            authorities.push(types::io::read(path).map_err(|e| refused(e.to_string()))?);
        }
        let policy = Policy {
            private_addresses: true,
            timeout: PATIENCE,
            retries: 0,
            authorities,
            ..Policy::default()
        };
        let client = Client::new(policy).map_err(|e| refused(told(&e)))?;
        Ok(Self { spec: spec.clone(), client })
    }

    /// An answer below 500 that is not 401, 403, 408 or 429, of whatever status.
    /// Errors: `Passing` for what may be better the next time.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        headers: Vec<(String, String)>,
        body: Option<Value>,
    ) -> Result<Answer, Trouble> {
        let answer = self.ask(method, path, headers, body).await?;
        match answer.status {
            401 | 403 => Err(Trouble::Refused(self.said(&answer))),
            408 | 429 | 500.. => Err(Trouble::Passing(self.said(&answer))),
            _ => Ok(answer),
        }
    }

    /// An answer of whatever status.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: Vec<(String, String)>,
        body: Option<Value>,
    ) -> Result<Answer, Trouble> {
        let url = format!("{}{path}", self.spec.url.trim_end_matches('/'));
        let body = body.map_or(Body::Empty, Body::Json);
        Ok(self.client.send(&Call { method, url, headers, body }).await?)
    }

    /// `Authorization: Bearer …`, if a token is declared.
    pub fn bearer(&self) -> Result<Vec<(String, String)>, Trouble> {
        let token = self.spec.token().map_err(Trouble::Refused)?;
        Ok(token.map(|token| ("authorization".to_owned(), format!("Bearer {token}"))).into_iter().collect())
    }

    /// What an answer says, as an error of this executor.
    pub fn said(&self, answer: &Answer) -> String {
        let text = String::from_utf8_lossy(&answer.body);
        let text = text.trim();
        let end = text.char_indices().nth(LONGEST_REASON).map_or(text.len(), |(at, _)| at);
        format!("executor `{}`: {} answered {}: {}", self.spec.name, answer.url, answer.status, &text[..end])
    }
}

/// Text for the shells of `sh`.
pub(crate) fn quoted(argv: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    let word = |word: &String| match word.is_empty() || !word.chars().all(plain) {
        true => format!("'{}'", word.replace('\'', "'\\''")),
        false => word.clone(),
    };
    argv.iter().map(word).collect::<Vec<_>>().join(" ")
}
