//! Composition: configuration, roles, listeners, telemetry. Everything that the program is made of meets here.

mod access;
pub mod admin;
mod baselines;
mod check;
mod compose;
pub mod config;
mod credentials;
mod engines;
mod error;
mod every;
mod health;
mod linger;
mod listen;
mod mail;
mod notices;
mod otlp;
mod outpost;
mod package;
mod projects;
mod run;
mod telemetry;
mod traffic;

pub use error::Error;
pub use every::Every;
pub use listen::Route;
pub use package::{Once, PackageOptions, run as run_package};
pub use run::{Options, routes, run};

/// The version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
