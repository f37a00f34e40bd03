//! The configuration: one typed structure, a TOML file, and the command line on top.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use packages::Gate;
use serde::{Deserialize, Serialize};

use crate::{Error, Every};

mod keys;

use keys::KEYS;

/// Everything that can be configured. Unknown keys are refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub server: Server,
    pub database: Database,
    pub blobs: BlobStore,
    pub artifacts: Artifacts,
    pub access: Access,
    pub runtimes: Runtimes,
    pub workers: Workers,
    pub serving: Serving,
    pub pipelines: Pipelines,
    pub predictions: Predictions,
    pub webhooks: Webhooks,
    pub email: Email,
    pub repositories: Repositories,
    pub query: Query,
    pub s3: S3,
    pub mlflow: Mlflow,
    pub log: Log,
    pub telemetry: Telemetry,
    pub listen: Vec<Listen>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    pub host: String,
    pub port: u16,
    pub data_dir: PathBuf,
    pub roles: Vec<Role>,
    pub stop_grace_seconds: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Answers requests of every door but prediction requests.
    Api,
    /// Decides what runs next: pipelines and retraining.
    Scheduler,
    /// Runs pipeline steps.
    Worker,
    /// Answers prediction requests.
    Gateway,
    /// Watches predictions for drift.
    Monitor,
}

impl Role {
    pub const ALL: [Self; 5] = [Self::Api, Self::Scheduler, Self::Worker, Self::Gateway, Self::Monitor];
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    pub url: String,
    pub readers: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BlobStore {
    pub url: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Artifacts {
    pub default_root: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Access {
    pub allowed_hosts: Vec<String>,
    pub allowed_origins: Vec<String>,
    pub member_level: types::Level,
    pub workspaces: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Runtimes {
    pub onnxruntime: PathBuf,
    pub threads: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Workers {
    pub uv: PathBuf,
    pub python: PathBuf,
    pub environments: PathBuf,
    pub processes: usize,
    pub memory_mib: u64,
    pub scratch_mib: u64,
    pub load_seconds: u64,
    pub request_seconds: u64,
    pub devices: Vec<workers::devices::Pattern>,
    pub allow_unsandboxed: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Serving {
    pub parity: Gate,
    pub trial: Gate,
    pub lazy_load: bool,
    pub idle_unload_seconds: u64,
    pub memory_budget_mib: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pipelines {
    pub workers: usize,
    pub log_limit_mib: u64,
    pub url: String,
    pub address: String,
    pub lease_seconds: u64,
    pub keep_days: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Predictions {
    pub durable: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Webhooks {
    pub private_addresses: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Email {
    pub host: String,
    pub port: u16,
    pub security: Security,
    pub user: String,
    pub password_secret: String,
    pub from: String,
    pub url: String,
    pub every_seconds: u64,
    pub timeout_seconds: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    Starttls,
    Tls,
    None,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Repositories {
    pub local_roots: Vec<PathBuf>,
    pub gc_every: Every,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Query {
    pub threads: usize,
    pub parallel: usize,
    pub memory_mib: usize,
    pub seconds: u64,
    pub rows: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct S3 {
    pub domains: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mlflow {
    pub ui: PathBuf,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    pub filter: String,
    pub json: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    pub otlp_endpoint: String,
    pub otlp_protocol: OtlpProtocol,
    pub otlp_headers: BTreeMap<String, String>,
    pub sample: f64,
    pub service_name: String,
}

/// How spans travel; called as OpenTelemetry's variables call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OtlpProtocol {
    #[serde(rename = "http/protobuf")]
    Http,
    #[serde(rename = "grpc")]
    Grpc,
}

/// One more address, for doors whose paths clash or that want a port of their own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    pub address: SocketAddr,
    pub doors: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            server: Server::default(),
            database: Database { url: String::new(), readers: 4 },
            blobs: BlobStore::default(),
            access: Access {
                allowed_hosts: Vec::new(),
                allowed_origins: Vec::new(),
                member_level: types::Level::Read,
                workspaces: false,
            },
            artifacts: Artifacts::default(),
            runtimes: Runtimes { onnxruntime: PathBuf::new(), threads: 1 },
            workers: Workers {
                uv: PathBuf::new(),
                python: PathBuf::new(),
                environments: PathBuf::new(),
                processes: 1,
                memory_mib: 4096,
                scratch_mib: 256,
                load_seconds: 180,
                request_seconds: 60,
                devices: Vec::new(),
                allow_unsandboxed: false,
            },
            serving: Serving {
                parity: Gate::Recorded,
                trial: Gate::Recorded,
                lazy_load: false,
                idle_unload_seconds: 0,
                memory_budget_mib: 0,
            },
            pipelines: Pipelines {
                workers: 2,
                log_limit_mib: 64,
                url: String::new(),
                address: String::new(),
                lease_seconds: 20,
                keep_days: 30,
            },
            predictions: Predictions { durable: false },
            webhooks: Webhooks::default(),
            email: Email {
                host: String::new(),
                port: 587,
                security: Security::Starttls,
                user: String::new(),
                password_secret: String::new(),
                from: String::new(),
                url: String::new(),
                every_seconds: 300,
                timeout_seconds: 30,
            },
            repositories: Repositories { local_roots: Vec::new(), gc_every: Every::hours(24) },
            query: Query { threads: 0, parallel: 4, memory_mib: 512, seconds: 60, rows: 10_000 },
            s3: S3 { domains: vec!["s3.localhost".into(), "s3.local.lakefs.io".into()] },
            mlflow: Mlflow::default(),
            log: Log { filter: "info".into(), json: false },
            telemetry: Telemetry {
                otlp_endpoint: String::new(),
                otlp_protocol: OtlpProtocol::Http,
                otlp_headers: BTreeMap::new(),
                sample: 1.0,
                service_name: "mlwright".into(),
            },
            listen: Vec::new(),
        }
    }
}

impl Default for Server {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".into(),
            port: 5000,
            data_dir: PathBuf::from("mlwright-data"),
            roles: Role::ALL.to_vec(),
            stop_grace_seconds: 30,
        }
    }
}

impl Default for Access {
    fn default() -> Self {
        Config::default().access
    }
}

impl Default for Runtimes {
    fn default() -> Self {
        Config::default().runtimes
    }
}

impl Default for Workers {
    fn default() -> Self {
        Config::default().workers
    }
}

impl Default for Serving {
    fn default() -> Self {
        Config::default().serving
    }
}

impl Default for Pipelines {
    fn default() -> Self {
        Config::default().pipelines
    }
}

impl Default for Predictions {
    fn default() -> Self {
        Config::default().predictions
    }
}

impl Default for Email {
    fn default() -> Self {
        Config::default().email
    }
}

impl Default for Repositories {
    fn default() -> Self {
        Config::default().repositories
    }
}

impl Default for Query {
    fn default() -> Self {
        Config::default().query
    }
}

impl Default for S3 {
    fn default() -> Self {
        Config::default().s3
    }
}

impl Default for Log {
    fn default() -> Self {
        Config::default().log
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        Config::default().telemetry
    }
}

/// Says which key of a configuration file is wrong and what would be right.
pub fn read(path: &Path) -> Result<Config, Error> {
    let text = types::io::read_to_string(path)?;
    toml::from_str(&text)
        .map_err(|e| Error::Config { path: path.to_owned(), message: e.to_string().trim_end().to_owned() })
}

/// The reference of all keys with their defaults, as a TOML file that could be used as it is.
pub fn reference() -> String {
    use std::fmt::Write as _;
    let value = toml::Value::try_from(Config::default()).unwrap_or(toml::Value::Boolean(false));
    let mut text = String::from("# mlwright configuration: every key with its default.\n");
    let mut section = "";
    for (key, meaning) in KEYS {
        let Some((table, name)) = key.split_once('.') else {
            // Writing to a String cannot fail.
            let _ = write!(text, "\n# {meaning}\n");
            continue;
        };
        if table != section {
            let _ = write!(text, "\n[{table}]\n");
            section = table;
        }
        let default = value.get(table).and_then(|t| t.get(name)).map(ToString::to_string);
        let _ = write!(text, "# {meaning}\n{name} = {}\n", default.unwrap_or_default());
    }
    text
}

impl Config {
    /// The address that every door shares.
    pub fn address(&self) -> Result<SocketAddr, Error> {
        let host = self.server.host.trim_start_matches('[').trim_end_matches(']');
        let ip: IpAddr = match host {
            "localhost" => IpAddr::from([127, 0, 0, 1]),
            other => other.parse().map_err(|_| Error::BadHost { host: other.to_owned() })?,
        };
        Ok(SocketAddr::new(ip, self.server.port))
    }

    pub fn has(&self, role: Role) -> bool {
        self.server.roles.contains(&role)
    }
}

/// `ADDR=door,door` from the command line.
pub fn parse_listen(text: &str) -> Result<Listen, Error> {
    let bad = || Error::BadListen { text: text.to_owned() };
    let (address, doors) = text.split_once('=').ok_or_else(bad)?;
    let address = address.parse().map_err(|_| bad())?;
    let doors = doors.split(',').map(|d| d.trim().to_owned()).filter(|d| !d.is_empty()).collect();
    Ok(Listen { address, doors })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_names_every_key_and_reads_back_as_the_default() {
        let read: Config = toml::from_str(&reference()).unwrap();
        assert_eq!(read, Config::default());
        let toml::Value::Table(tables) = toml::Value::try_from(Config::default()).unwrap() else { panic!() };
        for (table, value) in tables {
            let Some(keys) = value.as_table() else { continue };
            for key in keys.keys() {
                let name = format!("{table}.{key}");
                assert!(KEYS.iter().any(|(k, _)| *k == name), "{name} has no description");
            }
        }
    }

    #[test]
    fn garbage_is_collected_once_a_day_unless_the_file_says_otherwise() {
        let every = |text: &str| toml::from_str::<Config>(text).map(|config| config.repositories.gc_every);
        let day = Some(std::time::Duration::from_secs(86_400));
        assert_eq!(every("[repositories]\nlocal_roots = []\n").unwrap().time(), day);
        assert_eq!(every("[repositories]\ngc_every = \"24h\"\n").unwrap().time(), day);
        assert_eq!(every("[repositories]\ngc_every = \"off\"\n").unwrap().time(), None);
        let wrong = every("[repositories]\ngc_every = \"daily\"\n").unwrap_err().to_string();
        assert!(wrong.contains("`daily` is not a length of time"), "{wrong}");
    }

    #[test]
    fn an_unknown_key_is_named() {
        let error = toml::from_str::<Config>("[server]\nprot = 1\n").unwrap_err().to_string();
        assert!(error.contains("prot") && error.contains("port"), "{error}");
    }
}
