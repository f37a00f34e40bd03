//! The project file, and retraining what it declares.

use std::path::PathBuf;

use clap::Args as ClapArgs;

/// Where the project file is.
#[derive(Debug, ClapArgs)]
pub struct Place {
    /// The project file, or the folder that has it
    #[arg(long, short, default_value = project::FILE_NAME, value_name = "FILE")]
    pub file: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub struct Apply {
    #[command(flatten)]
    pub place: Place,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Wait until the first training has ended
    #[arg(long)]
    pub wait: bool,
}

#[derive(Debug, ClapArgs)]
pub struct Retrain {
    /// One of `retrain:` in the project file
    pub policy: String,
    /// Why; it is kept with the retraining
    #[arg(long)]
    pub reason: Option<String>,
    /// Show every state until it has ended; ends with 1 if the new model does not serve then
    #[arg(long)]
    pub wait: bool,
}

#[derive(Debug, ClapArgs)]
pub struct Decide {
    /// The retraining's id
    pub retraining: String,
    /// Why; it is kept with the decision
    #[arg(long)]
    pub reason: String,
}

#[derive(Debug, ClapArgs)]
pub struct Cancel {
    /// The retraining's id
    pub retraining: String,
    /// Why; it is kept with the retraining
    #[arg(long)]
    pub reason: Option<String>,
    /// Wait until it has ended
    #[arg(long)]
    pub wait: bool,
}
