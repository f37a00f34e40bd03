//! From a model version to something that runs: which runtime may serve it and whether that runtime agrees with the Python
//! original; signed packages that run without this server; container images made without a daemon.

mod baseline;
mod error;
mod example;
mod gate;
pub mod image;
mod judge;
mod keys;
mod manifest;
mod open;
mod parity;
mod read;
mod rows;
mod store;
mod trial;
mod verdict;
mod version;
mod write;

pub use baseline::{Baseline, BaselineColumn, Moved, input_names};
pub use error::Error;
pub use example::{example_of, frame_of};
pub use gate::{Gate, Standing, is_at_hand, require_parity, require_trial, standing};
pub use judge::{adopt, judge_parity};
pub use keys::{PublicKey, public_key};
pub use manifest::{File, Manifest, SIGNATURE, STATEMENT, Signature};
pub use open::{Engine, Engines, Opened, engines_of, open};
pub use parity::{Compared, Parity};
pub use read::{Verified, unpack, verify};
pub use trial::{Trials, trial};
pub use verdict::{Kind, Refused, Verdict, latest, refused, verdicts};
pub use version::{directory, open_version};
pub use write::{Extras, write};

pub const COMPONENT: ledger::Component = ledger::Component {
    name: "packages",
    migrations: &[
        ledger::Migration { version: 1, sql: include_str!("../migrations/0001_packages.sql") },
        ledger::Migration { version: 2, sql: include_str!("../migrations/0002_digests.sql") },
    ],
    facts: &[],
};
