//! `cargo xtask demo`: from a clone to the running loop, through public interfaces only.
//!
//! xtask builds, serves and applies the example; `examples/visits/traffic.py` is the outside world: it sends the
//! batches as an independent client, counts the answers, sends the labels, and watches what the platform does. Nothing
//! here or there starts a retraining after the first `apply`: that is automation's answer to the drift alarm. What must
//! not come through is tried afterwards by `trials.py`, which does start retrainings: of worse models.

use crate::http;
use crate::json::Json;
use crate::python::Python;
use crate::server::{Server, Start};
use crate::shell::{self, cargo, command, root, run, target};
use crate::{suite, tools};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Default)]
struct Options {
    once: bool,
    release: bool,
    port: Option<u16>,
}

fn options(arguments: &[String]) -> Result<Options, String> {
    let mut options = Options::default();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--once" => options.once = true,
            "--release" => options.release = true,
            "--port" => {
                let port = rest.next().and_then(|port| port.parse().ok());
                options.port = Some(port.ok_or("--port takes a number")?);
            }
            other => {
                return Err(format!("unknown argument {other:?}; demo takes --once, --release, --port N"));
            }
        }
    }
    Ok(options)
}

pub fn demo(arguments: &[String]) -> Result<(), String> {
    let options = options(arguments)?;
    let say = |text: &str| println!("\n== {text}");

    say("tools");
    tools::need(&["git", "cc", "node", "npm", "python3"])?;
    println!("  everything needed is there");
    say("web app");
    suite::web_app()?;
    say("binary");
    let profile: &[&str] = if options.release { &["--release"] } else { &[] };
    run(cargo().args(["build", "--package", "mlwright"]).args(profile))?;
    let binary = target().join(if options.release { "release/mlwright" } else { "debug/mlwright" });
    say("python environment of the clients");
    let python = Python::prepare()?;

    let port = options.port.map_or_else(default_port, Ok)?;
    let server = run_loop(&binary, &python, port)?;
    if options.once {
        return Ok(());
    }
    println!("\nThe server still runs: {}\n  stop it with: kill {}", server.url(), server.id());
    server.leave_running();
    Ok(())
}

/// The loop itself: a fresh project on a fresh server, which still runs at the end.
pub fn run_loop(binary: &Path, python: &Python, port: u16) -> Result<Server, String> {
    println!("\n== a project of its own, in a fresh folder");
    let folder = fresh_folder()?;
    let project = copy_project(&folder)?;
    run(command(python.program(), &["prepare.py"]).current_dir(&project))?;

    println!("\n== server");
    let data = folder.join("data");
    let server = Server::start(&Start { binary, python, data: &data, port, database: None, config: None })?;
    println!("  {} (data in {}, log in {})", server.url(), data.display(), server.log.display());
    if let Err(error) = play(&server, binary, python, &project, &folder) {
        println!("\nthe server said:\n{}", server.said());
        return Err(error);
    }
    Ok(server)
}

/// Apply, traffic, and the questions about the outcome.
fn play(
    server: &Server,
    binary: &Path,
    python: &Python,
    project: &Path,
    folder: &Path,
) -> Result<(), String> {
    let mlwright = |arguments: &[&str]| {
        let mut mlwright = command(binary, arguments);
        mlwright.current_dir(project).env("MLWRIGHT_URL", server.url()).env("NO_COLOR", "1");
        mlwright
    };
    println!("\n== mlwright plan");
    run(&mut mlwright(&["plan"]))?;
    println!("\n== mlwright apply: data, gate, first training");
    run(&mut mlwright(&["apply", "--yes"]))?;

    println!("\n== traffic, drift, retraining, hot swap");
    let result = folder.join("traffic.json");
    let mut traffic = command(python.program(), &["traffic.py", &server.url(), &result.to_string_lossy()]);
    run(traffic.current_dir(project).env("PYTHONUNBUFFERED", "1"))?;
    let text = std::fs::read_to_string(&result).map_err(|e| format!("{}: {e}", result.display()))?;
    let outcome = Json::parse(&text)?;
    let field = |name: &str| outcome.get(name).text().ok_or_else(|| format!("traffic.json has no {name}"));

    let prediction = field("prediction_after_swap")?;
    println!("\n== mlwright why {prediction}   (made after the swap)");
    let chain = shell::quiet(&mut mlwright(&["why", prediction]))?;
    print!("{chain}");
    for needed in [field("model_version_after_swap")?, field("git_commit")?] {
        if !chain.contains(needed) {
            return Err(format!("`mlwright why {prediction}` does not name {needed:?}"));
        }
    }
    println!("\n== a worse candidate, a canary that errs, poisoned data");
    let tried = folder.join("trials.json");
    let (program, said) = (binary.to_string_lossy(), tried.to_string_lossy());
    let mut trials = command(python.program(), &["trials.py", &server.url(), &program, &said]);
    run(trials.current_dir(project).env("PYTHONUNBUFFERED", "1"))?;
    let text = std::fs::read_to_string(&tried).map_err(|e| format!("{}: {e}", tried.display()))?;
    let trials = Json::parse(&text)?;
    let tried = |name: &str| trials.get(name).text().ok_or_else(|| format!("trials.json has no {name}"));
    println!("\n== labels of the first version that look wrong");
    run(&mut mlwright(&["reviews", "labels", "visits@1", "--find", "any_visit", "--limit", "5"]))?;
    println!("\n== event log");
    run(&mut mlwright(&["status"]))?;
    let audit = http::get(server.port, "/api/v1/audit/verify")?;
    let audit = Json::parse(&audit.body)?;
    if audit.get("ok") != &Json::Bool(true) {
        return Err(format!("the event chain does not verify: {audit:?}"));
    }
    println!("  the chain of events verifies");
    println!(
        "\nloop: ok, by shadow and canary\nrequests: {} sent, 0 failed\ncontrol: no retrain",
        field("requests")?
    );
    println!("worse candidate: {}", tried("worse")?);
    println!("canary that errs: {}, {} requests sent, 0 failed", tried("errs")?, tried("requests")?);
    println!("poisoned data: {}", tried("poisoned")?);
    Ok(())
}

fn default_port() -> Result<u16, String> {
    // 5000 is the port that people know; somebody may sit on it.
    let free = std::net::TcpListener::bind("127.0.0.1:5000").is_ok();
    if free { Ok(5000) } else { shell::free_port() }
}

fn fresh_folder() -> Result<PathBuf, String> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let folder = root().join("demo-data").join(seconds.to_string());
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    Ok(folder)
}

/// The example as a user has it: a git repository of its own with one commit.
fn copy_project(folder: &Path) -> Result<PathBuf, String> {
    let project = folder.join("visits");
    copy(&root().join("examples/visits"), &project)?;
    let git = |arguments: &[&str]| {
        let identity =
            ["-c", "user.name=demo", "-c", "user.email=demo@localhost", "-c", "commit.gpgsign=false"];
        let mut git = command("git", &identity);
        git.args(arguments).current_dir(&project);
        shell::quiet(&mut git)
    };
    git(&["init", "--quiet", "--initial-branch=main"])?;
    git(&["add", "."])?;
    git(&["commit", "--quiet", "-m", "Predict who visits a doctor"])?;
    println!("  {} at commit {}", project.display(), git(&["rev-parse", "--short", "HEAD"])?.trim());
    Ok(project)
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let wrong = |path: &Path, e: std::io::Error| format!("{}: {e}", path.display());
    std::fs::create_dir_all(to).map_err(|e| wrong(to, e))?;
    for entry in std::fs::read_dir(from).map_err(|e| wrong(from, e))?.flatten() {
        let name = entry.file_name();
        if ["data", "__pycache__", ".venv"].iter().any(|made| name == *made) {
            continue;
        }
        let (source, goal) = (entry.path(), to.join(&name));
        if source.is_dir() {
            copy(&source, &goal)?;
        } else {
            std::fs::copy(&source, &goal).map_err(|e| wrong(&source, e))?;
        }
    }
    Ok(())
}
