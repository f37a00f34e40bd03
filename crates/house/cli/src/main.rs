//! The mlwright program: the server, and the commands that talk to one.

mod api;
mod apply;
mod args;
mod data;
mod domain;
mod drift;
mod evaluate;
mod failure;
mod follow;
mod frames;
mod import;
mod keys;
mod lists;
mod offline;
mod packages;
mod pipelines;
mod profile;
mod project_file;
mod replay;
mod retrain;
mod screen;
mod secrets;
mod serving;
mod table;
mod tables;
mod tokens;
mod tracking;
mod users;
mod validate;
mod verify;
mod why;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Args, Command};
use failure::Failure;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The hidden command under which a pipeline step runs. It comes before everything else: a shim outlives the server
/// and must not carry a runtime, a log or a parsed command line with it.
pub const STEP_SHIM: &str = "internal-step-shim";

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|word| word == STEP_SHIM)
        && let Some(folder) = words.next()
    {
        return ::pipelines::shim::main(folder.as_ref());
    }
    if std::env::args_os().nth(1).is_some_and(|word| word == workers::sandbox::COMMAND) {
        let words: Vec<std::ffi::OsString> = std::env::args_os().skip(1).collect();
        return workers::sandbox::main(&words);
    }
    let args = Args::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&Failure::new(format!("the runtime cannot start: {error}"))),
    };
    match runtime.block_on(run(args)) {
        Ok(code) => code,
        Err(failure) => failed(&failure),
    }
}

fn failed(failure: &Failure) -> ExitCode {
    screen::error(failure);
    ExitCode::FAILURE
}

async fn run(args: Args) -> Result<ExitCode, Failure> {
    let api = || api::Api::new(&args.connection);
    match args.command {
        Command::Serve(serve) => match serve.package() {
            Some(package) => return Box::pin(packages::serve(serve.options(), package)).await,
            None => server::run(serve.options()).await.map_err(|e| Failure::of(&e))?,
        },
        Command::Container { .. } => return Box::pin(packages::container()).await,
        Command::Package(command) => return packages::run(&args.connection, command).await,
        Command::Parity { model } => return packages::parity(&api()?, &model).await,
        Command::Routes(serve) => offline::routes(serve.options()).await?,
        Command::Config => screen::say(server::config::reference().trim_end()),
        Command::Plan(place) => apply::plan(&api()?, &place).await?,
        Command::Apply(wanted) => apply::apply(&api()?, &wanted).await?,
        Command::Status { project } => lists::status(&api()?, project.as_deref()).await?,
        Command::Why { prediction } => why::why(&api()?, &prediction).await?,
        Command::Retrain(wanted) => return retrain::run(&api()?, wanted).await,
        Command::Approve(decided) => retrain::decide(&api()?, "approve", &decided).await?,
        Command::Reject(decided) => retrain::decide(&api()?, "reject", &decided).await?,
        Command::Cancel(wanted) => return retrain::cancel(&api()?, &wanted).await,
        Command::Replay { run } => return replay::replay(&api()?, &run).await,
        Command::Runs(command) => tracking::runs::run(&api()?, command).await?,
        Command::Experiments(command) => tracking::experiments::run(&api()?, command).await?,
        Command::Models(command) => tracking::models::run(&api()?, command).await?,
        Command::Artifacts(command) => tracking::artifacts::run(&api()?, command).await?,
        Command::Pipelines(command) => return pipelines::run(&api()?, command).await,
        Command::Deploy(wanted) => serving::deploy::run(&api()?, wanted).await?,
        Command::Endpoints(command) => serving::endpoints::run(&api()?, command).await?,
        Command::Rollout(command) => return serving::rollout::run(&api()?, command).await,
        Command::Reviews(command) => serving::reviews::run(&api()?, command).await?,
        Command::Predict(wanted) if serving::predict::is_package(&wanted) => {
            serving::predict::from_package(wanted).await?;
        }
        Command::Predict(wanted) => serving::predict::run(&api()?, wanted).await?,
        Command::Import(args::Import::Mlflow(command)) => import::mlflow(api()?, command).await?,
        Command::Validate(asked) => return Ok(validate::run(&args.connection, asked).await),
        Command::Drift(asked) => return Ok(drift::run(&args.connection, asked).await),
        Command::Profile(asked) => return Ok(profile::run(&args.connection, asked).await),
        Command::Verify(asked) => return Ok(verify::run(&args.connection, asked).await),
        Command::Evaluate(asked) => return Ok(evaluate::run(&args.connection, *asked).await),
        Command::Data(command) => data::run(&api()?, command).await?,
        Command::Logs { run, step } => follow::logs(&api()?, &run, step.as_deref()).await?,
        Command::Events { follow, kind } => follow::events(&api()?, follow, kind.as_deref()).await?,
        Command::Audit => return lists::audit(&api()?).await,
        Command::User(command) => users::run(&args.connection, command).await?,
        Command::Token(command) => tokens::run(&args.connection, command).await?,
        Command::Key(command) => keys::run(&api()?, command).await?,
        Command::Secrets(command) => secrets::run(&api()?, command).await?,
        Command::List(list) => lists::list(&api()?, list).await?,
    }
    Ok(ExitCode::SUCCESS)
}
