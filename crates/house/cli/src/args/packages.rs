use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Package {
    /// models:/name/3 or models:/name@alias
    #[arg(required = true)]
    pub model: Option<String>,
    /// Where to write: a file, or with --oci a folder [default: name-3.tar, name-3.oci]
    #[arg(long, short, value_name = "PATH")]
    pub out: Option<PathBuf>,
    /// A container image, as an OCI image layout: the libraries of this system, this program, the package; for a model that only
    /// Python serves also Python with the model's packages
    #[arg(long)]
    pub oci: bool,
    /// With --oci, take this Python along instead of an environment that is built from what the model asks for
    #[arg(long, value_name = "PATH", requires = "oci")]
    pub python: Option<PathBuf>,
    /// Data that the model learned from (CSV, JSON lines, Parquet): the package says how far its inputs move away from them
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Option<PackageCommand>,
}

#[derive(Debug, Subcommand)]
pub enum PackageCommand {
    /// Check a package's signature and every byte of it
    Verify {
        file: PathBuf,
        /// The signer that is trusted; without, it is printed who signed
        #[arg(long)]
        key: Option<String>,
    },
    /// Print the key that this server signs packages with
    Key,
    /// Start a version's package in a process of its own, ask and time it; ends with 1 if it fails
    Check {
        /// models:/name/3 or models:/name@alias
        model: String,
    },
    /// Send an image to a registry
    ///
    /// MLWRIGHT_REGISTRY_USER and MLWRIGHT_REGISTRY_PASSWORD sign in.
    Push {
        /// The folder that --oci made
        image: PathBuf,
        /// registry.example.org/team/name:tag
        to: String,
        /// HTTP instead of HTTPS, as registries on this machine speak
        #[arg(long)]
        plain_http: bool,
    },
}
