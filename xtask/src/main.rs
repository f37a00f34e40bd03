//! The project's commands. `cargo xtask help` lists them.

mod demo;
mod http;
mod json;
mod lex;
mod postgres;
mod python;
mod report;
mod server;
mod shell;
mod suite;
mod tidy;
mod tools;
mod wheel;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask <command>

  demo [--once] [--release] [--port N]
              from a clone to the running loop: build, serve, train, gate, deploy, traffic, drift,
              retrain, hot swap under load. Leaves the server running; --once stops it
  test [--full]
              the whole quick suite: formatting, lints, tidy, tests on both databases, real clients,
              browser. --full adds the demo, soak and kill loops
  tidy        the invariants of docs/ARCHITECTURE.md, from cargo metadata and the sources
  ui          install, check and build the web app
  pg [COMMAND…]
              run a command with a PostgreSQL of its own (MLWRIGHT_TEST_POSTGRES is set); a shell by default
  tools       what this machine has of what the commands use
  help        this text
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (name, rest) =
        arguments.split_first().map_or(("help", &[][..]), |(name, rest)| (name.as_str(), rest));
    let done = match name {
        "demo" => demo::demo(rest).map(|()| true),
        "test" => flags(rest, &["--full"]).map(|given| suite::test(given[0])),
        "tidy" => flags(rest, &[]).and_then(|_| tidy()),
        "ui" => flags(rest, &[]).and_then(|_| suite::web_app()).map(|_| true),
        "pg" => pg(rest),
        "tools" => {
            tools::report();
            Ok(true)
        }
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(true)
        }
        other => Err(format!("unknown command {other:?}\nhint: cargo xtask help")),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("\nerror: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Which of the known flags were given; errs on any other argument.
fn flags(given: &[String], known: &[&str]) -> Result<Vec<bool>, String> {
    if let Some(unknown) = given.iter().find(|argument| !known.contains(&argument.as_str())) {
        return Err(format!("unknown argument {unknown:?}\nhint: cargo xtask help"));
    }
    Ok(known.iter().map(|flag| given.iter().any(|argument| argument == flag)).collect())
}

fn tidy() -> Result<bool, String> {
    let (passed, failed) = tidy::run(&shell::root())?;
    println!("\n{passed} passed, {failed} failed");
    Ok(failed == 0)
}

fn pg(arguments: &[String]) -> Result<bool, String> {
    let Some(postgres) = postgres::Postgres::start()? else {
        return tools::need(&["postgres"]).map(|()| false);
    };
    let url = postgres.url("postgres");
    println!("MLWRIGHT_TEST_POSTGRES={url}");
    let default = std::env::var("SHELL").unwrap_or_else(|_| "sh".into());
    let (program, rest) =
        arguments.split_first().map_or((default.as_str(), &[][..]), |(p, rest)| (p.as_str(), rest));
    let mut command = shell::command(program, &[]);
    let status = command.args(rest).env("MLWRIGHT_TEST_POSTGRES", url).status();
    status.map(|status| status.success()).map_err(|e| format!("cannot start {program}: {e}"))
}
