use std::collections::BTreeMap;
use std::path::PathBuf;

pub type Pairs = BTreeMap<String, String>;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Experiment {
    pub number: i64,
    pub name: String,
    pub artifact_location: String,
    pub deleted: bool,
    /// Milliseconds since 1970, as all times of the source.
    pub created_at: Option<i64>,
    pub updated_at: Option<i64>,
    pub tags: Pairs,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    pub id: String,
    pub experiment: i64,
    pub name: String,
    pub owner: String,
    /// `running`, `scheduled`, `finished`, `failed` or `killed`.
    pub status: String,
    pub deleted: bool,
    pub started_at: i64,
    pub ended_at: Option<i64>,
    pub artifact_uri: String,
    pub params: Pairs,
    pub tags: Pairs,
    pub datasets: Vec<RunDataset>,
    pub models_in: Vec<String>,
    pub models_out: Vec<(String, i64)>,
    /// How many points there are of each metric, or their latest ones: what tells that more were logged.
    pub metrics: String,
}

impl Run {
    /// Tells this state of the run from every other one; the same for the same state.
    pub fn fingerprint(&self) -> String {
        types::Digest::of(format!("{self:?}")).short()
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunDataset {
    pub name: String,
    pub digest: String,
    pub source_type: String,
    pub source: String,
    pub schema: Option<String>,
    pub profile: Option<String>,
    pub tags: Pairs,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Point {
    pub key: String,
    /// May be NaN or infinite.
    pub value: f64,
    pub step: i64,
    pub at: i64,
    pub model: Option<String>,
    pub dataset: Option<(String, Option<String>)>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoggedModel {
    pub id: String,
    pub experiment: i64,
    pub name: String,
    pub model_type: String,
    /// `unspecified`, `pending`, `ready` or `failed`.
    pub status: &'static str,
    pub source_run: Option<String>,
    pub artifact_uri: String,
    pub deleted: bool,
    pub created_at: i64,
    pub updated_at: i64,
    pub params: Pairs,
    pub tags: Pairs,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RegisteredModel {
    pub name: String,
    pub description: Option<String>,
    pub tags: Pairs,
    pub aliases: BTreeMap<String, i64>,
    pub versions: Vec<Version>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Version {
    pub number: i64,
    pub source: String,
    /// Where the files are, if that is not the source.
    pub location: Option<String>,
    pub run: Option<String>,
    pub run_link: Option<String>,
    pub logged_model: Option<String>,
    pub description: Option<String>,
    pub stage: String,
    pub created_by: String,
    pub created_at: i64,
    pub updated_at: i64,
    pub tags: Pairs,
}

/// Where the files of a run or model are.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// They can be read and are brought along.
    Readable,
    /// In an object store that clients reach by themselves; they stay there.
    Elsewhere,
    /// They should be readable and are not there.
    Missing(PathBuf),
}

/// Relative paths, with `/`.
pub type Files = Vec<String>;

/// Something that the source has and that is not read.
#[derive(Clone, Debug, PartialEq)]
pub struct LeftOut {
    pub what: String,
    pub count: i64,
    pub why: &'static str,
}
