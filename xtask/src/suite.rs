//! `cargo xtask test`: the quick suite, from formatting to the browser; `--full` adds what takes long.

use crate::demo;
use crate::postgres::Postgres;
use crate::python::Python;
use crate::report::{self, Count, Report, Work};
use crate::server::{self, Server, Start};
use crate::shell::{self, cargo, command, heard, root, run, target};
use crate::{tidy, tools, wheel};
use std::path::{Path, PathBuf};

pub fn test(full: bool) -> bool {
    let mut report = Report::default();
    println!("== tools");
    tools::report();
    if tools::strict() {
        let names = ["git", "cc", "node", "npm", "python3", "postgres", "chromium"];
        report.stage("tools", || tools::need(&names).map(|()| Count::default()));
    }

    report.stage("format", || all_of(&mut [cargo().args(["fmt", "--all", "--check"])]));
    report.stage("tidy", || {
        tidy::run(&root()).map(|(passed, failed)| Count { passed, failed, ..Count::default() })
    });
    report.stage("web app", web_app);
    lints(&mut report);

    let mut python = None;
    report.stage("python environment", || {
        python = Some(Python::prepare()?);
        Ok(Count::default())
    });
    report.stage("python SDK", python_sdk);
    let postgres = start_postgres(&mut report);
    report.stage("tests", || tests(python.as_ref(), postgres.as_ref()));
    let built = report.stage("binary", || all_of(&mut [cargo().args(["build", "--package", "mlwright"])]));

    let binary = target().join("debug/mlwright");
    match &python {
        Some(python) if built => {
            clients(&mut report, &binary, python, postgres.as_ref(), full);
            let mut looped = None;
            report.stage("loop: train, drift, retrain, swap", || {
                looped = Some(demo::run_loop(&binary, python, shell::free_port()?)?);
                Ok(Count::of(true))
            });
            let rounds: &[&str] = if full { &[] } else { &["3"] };
            let (binary, postgres) = (binary.as_path(), postgres.as_ref());
            // The browser waits for the server most of the time; what goes on beside it has servers of its own.
            let mut beside: Vec<(String, Work<'_>)> = Vec::new();
            beside.extend(browser(&mut report, looped.as_ref()));
            beside.push(("python wheel".to_owned(), Box::new(|| wheel::check(python))));
            for script in ["kill_writes", "kill_steps"] {
                beside.push(long_script(script, binary, python, rounds, postgres));
            }
            beside.push(("native models".to_owned(), Box::new(move || native_models(python, full))));
            report.side_by_side(2, beside);
            mlflow_page(&mut report, looped.as_ref(), python);
        }
        _ => report.skip("real clients", "the binary or the Python environment is missing, see above"),
    }
    if full {
        upstream(&mut report, &binary, python.as_ref());
        if let Some(python) = &python {
            statistics(&mut report, &binary, python);
        }
        let quick = ["kill_writes", "kill_steps"];
        for script in scripts("conformance/long").iter().map(|path| name(path)) {
            if let Some(python) = python.as_ref().filter(|_| !quick.contains(&script.as_str())) {
                if let Some(why) = tools::lacks(&script) {
                    report.skip(&format!("long {script}"), &why);
                    continue;
                }
                let (name, run) = long_script(&script, &binary, python, &[], postgres.as_ref());
                report.stage(&name, run);
            }
        }
    }
    let passed = report.close();
    // Removing a thousand databases takes a while.
    drop(postgres);
    passed
}

/// One check a command.
fn all_of(commands: &mut [&mut std::process::Command]) -> Result<Count, String> {
    let mut count = Count::default();
    for command in commands {
        run(command)?;
        count.passed += 1;
    }
    Ok(count)
}

/// On a developer's machine clippy looks at what changed. Where nothing is built yet, looking and building are one: the
/// stages after this one find everything built. If a lint fails, they build without it, to have their say, too.
fn lints(report: &mut Report) {
    if !tools::strict() {
        report.stage("lints", || {
            all_of(&mut [cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])])
        });
        return;
    }
    shell::lint_while_building(true);
    let clean = report.stage("lints, building", || {
        all_of(&mut [cargo().args(["build", "--workspace", "--all-targets", "--keep-going"])])
    });
    shell::lint_while_building(clean);
}

pub fn web_app() -> Result<Count, String> {
    tools::need(&["node", "npm"])?;
    let npm = |arguments: &[&str]| {
        let mut npm = command("npm", arguments);
        npm.current_dir(root().join("ui"));
        npm
    };
    let install = &mut npm(&["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
    run(install)?;
    all_of(&mut [&mut npm(&["run", "--silent", "check"]), &mut npm(&["run", "--silent", "build"])])
}

/// Its unit tests: any Python will do, as it needs nothing but the standard library.
fn python_sdk() -> Result<Count, String> {
    tools::need(&["python3"])?;
    let mut tests = command("python3", &["-m", "unittest", "discover", "-s", "tests", "-t", "."]);
    let (said, succeeded) = heard(tests.current_dir(root().join("python")))?;
    report::unittests(&said, succeeded).ok_or_else(|| "the tests did not run (see above)".to_owned())
}

fn start_postgres(report: &mut Report) -> Option<Postgres> {
    match Postgres::start() {
        Ok(Some(postgres)) => {
            println!("\n== postgresql\n  started: {}", postgres.url("postgres"));
            Some(postgres)
        }
        Ok(None) if !tools::strict() => {
            report.skip(
                "postgresql",
                "no server binaries found; install Debian: postgresql. HALF OF THE STORE TESTS DO NOT RUN",
            );
            None
        }
        Ok(None) => {
            report.stage("postgresql", || tools::need(&["postgres"]).map(|()| Count::default()));
            None
        }
        Err(error) => {
            report.stage("postgresql", || Err(error));
            None
        }
    }
}

fn tests(python: Option<&Python>, postgres: Option<&Postgres>) -> Result<Count, String> {
    let mut tests = cargo();
    if shell::which("cargo-nextest").is_some() {
        tests.args(["nextest", "run", "--workspace", "--no-fail-fast"]);
    } else {
        tests.args(["test", "--workspace", "--no-fail-fast"]);
    }
    if let Some(python) = python {
        tests.env("PATH", python.path()).env("MLWRIGHT_ONNXRUNTIME", python.onnxruntime()?);
        tests.env("MLWRIGHT_TEST_PYTHON", python.program());
    }
    if let Some(postgres) = postgres {
        tests.env("MLWRIGHT_TEST_POSTGRES", postgres.url("postgres"));
    }
    let (said, succeeded) = heard(&mut tests)?;
    let count = report::counted(&said).ok_or("the tests did not run (see above)")?;
    if !succeeded && count.failed == 0 {
        return Ok(Count { failed: 1, ..count });
    }
    Ok(count)
}

/// Every script of the folder that is a client by itself; names that begin with `_` are shared by them.
fn scripts(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(folder)).into_iter().flatten().flatten();
    let mut scripts: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "py"))
        .filter(|path| !name(path).starts_with('_'))
        .collect();
    scripts.sort();
    scripts
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Scripts that start servers of their own, on SQLite: with PostgreSQL behind the given one they would say the same again.
const OWN_SERVERS: [&str; 2] = ["serving_residency", "serving_telemetry"];

/// Scripts that ask models in one protocol after the other, package them, or start pods and processes: what they write has
/// its tests on both databases, and `serving_oip` and `pipelines_sdk` deploy and run on both. With `--full` they run on
/// PostgreSQL, too.
const MOSTLY_ELSEWHERE: [&str; 13] = [
    "evidently_client",
    "executors",
    "kfp_pods",
    "native_models",
    "oip_client",
    "packages_client",
    "packages_models",
    "serving_clouds",
    "serving_graphs",
    "serving_kserve",
    "serving_params",
    "serving_scored",
    "serving_tensorflow",
];

/// Unmodified clients against the real binary: each script on a fresh server, on SQLite and on PostgreSQL. Two at a time:
/// one mostly waits for the other side.
fn clients(report: &mut Report, binary: &Path, python: &Python, postgres: Option<&Postgres>, full: bool) {
    let mut work: Vec<(String, Work<'_>)> = Vec::new();
    for script in scripts("conformance/clients") {
        let client = name(&script);
        let on_sqlite = script.clone();
        work.push((
            format!("client {client} on SQLite"),
            Box::new(move || report::twice(|| with_server(binary, python, &on_sqlite, None))),
        ));
        let once =
            OWN_SERVERS.contains(&client.as_str()) || (!full && MOSTLY_ELSEWHERE.contains(&client.as_str()));
        if let Some(postgres) = postgres.filter(|_| !once) {
            let mut tries = 0;
            let mut on_postgres = move || {
                tries += 1;
                let database = postgres.create_database(&format!("client_{}_{tries}", name(&script)))?;
                with_server(binary, python, &script, Some(database))
            };
            let on_postgres = move || report::twice(&mut on_postgres);
            work.push((format!("client {client} on PostgreSQL"), Box::new(on_postgres)));
        }
    }
    report.side_by_side(2, work);
}

/// The script gets the server's address as its argument.
fn with_server(
    binary: &Path,
    python: &Python,
    script: &Path,
    database: Option<String>,
) -> Result<Count, String> {
    let folder = shell::fresh_folder("client")?;
    let data = folder.join("data");
    // What scripts may have imported in place.
    let (imports, config) = (folder.join("imports"), folder.join("config.toml"));
    std::fs::create_dir_all(&imports).map_err(|e| format!("{}: {e}", imports.display()))?;
    let program = interpreter(python, &name(script))?;
    // Models that need Python run with the one that made them, so that nothing is built.
    let text = format!(
        "[repositories]\nlocal_roots = [{:?}]\n[workers]\npython = {:?}\n",
        imports.display().to_string(),
        program.display().to_string()
    );
    std::fs::write(&config, text).map_err(|e| format!("{}: {e}", config.display()))?;
    let port = shell::free_port()?;
    let start = Start { binary, python, data: &data, port, database, config: Some(&config) };
    let server = Server::start(&start)?;
    let mut client = command(program, &[&script.to_string_lossy(), &server.url()]);
    client
        .env("MLWRIGHT_BIN", binary)
        .env("MLWRIGHT_DATA_DIR", &data)
        .env("MLWRIGHT_IMPORT_DIR", &imports)
        .env("MLWRIGHT_ONNXRUNTIME", python.onnxruntime()?)
        .env("PYTHONUNBUFFERED", "1");
    client.env("AWS_ACCESS_KEY_ID", server::KEY_ID).env("AWS_SECRET_ACCESS_KEY", server::SECRET_KEY);
    let (said, succeeded) = heard(&mut client)?;
    let count = report::checks(&said, succeeded);
    if count.failed > 0 {
        println!("the server said:\n{}", server.said());
    } else {
        drop(server);
        let _ = std::fs::remove_dir_all(&folder);
    }
    Ok(count)
}

/// Kubeflow's SDK, the clients of serving and Evidently have environments of their own.
fn interpreter(python: &Python, script: &str) -> Result<PathBuf, String> {
    match script {
        kfp if kfp.starts_with("kfp") => python.of_kfp_suites(),
        serving if serving.starts_with("serving") => python.of_serving_clients(),
        evidently if evidently.starts_with("evidently") => python.of_evidently_suites(),
        _ => Ok(python.program()),
    }
}

/// Models of many families against the libraries that made them; `full`: 10,000 rows, several models a family.
fn native_models(python: &Python, full: bool) -> Result<Count, String> {
    // With the workspace's features, as the tests have it.
    run(cargo().args(["build", "--workspace", "--example", "native"]))?;
    let engine = target().join("debug/examples/native");
    let script = "conformance/native/differential.py";
    let mut compare = command(python.of_native_models()?, &[script, &engine.to_string_lossy()]);
    // The same models each time; other ones each time where there is time to look into what they find.
    compare.args(if full { &["--full"][..] } else { &["--seed", "1"] });
    let (said, succeeded) = heard(&mut compare)?;
    Ok(report::checks(&said, succeeded))
}

/// The commands about data against the programs whose numbers they give, on data of new seeds.
fn statistics(report: &mut Report, binary: &Path, python: &Python) {
    for script in ["drift", "gx", "predictions", "labels"] {
        report.stage(&format!("statistics {script}"), || {
            let path = format!("conformance/statistics/{script}.py");
            let mut compare = command(python.of_statistics(script)?, &[&path, &binary.to_string_lossy()]);
            let (said, succeeded) = heard(compare.env("PYTHONUNBUFFERED", "1"))?;
            Ok(report::checks(&said, succeeded))
        });
    }
}

/// The web app in Chromium, on the server that went through the whole loop.
fn browser<'a>(report: &mut Report, server: Option<&'a Server>) -> Option<(String, Work<'a>)> {
    let name = "browser";
    let Some(chromium) = tools::chromium() else {
        report.skip(name, "no chromium found; install Debian: chromium");
        return None;
    };
    let Some(server) = server else {
        report.skip(name, "the loop did not end well, so there is nothing to show");
        return None;
    };
    let look = move || {
        let mut test = command("node", &["tests/browser.mjs"]);
        test.current_dir(root().join("ui")).env("CHROMIUM", chromium);
        test.env("MLWRIGHT_URL", server.url()).env("MLWRIGHT_EXPECT", "demo");
        let (said, succeeded) = heard(&mut test)?;
        Ok(report::checks(&said, succeeded))
    };
    Some((name.to_owned(), Box::new(look)))
}

/// MLflow's own web page, from its wheel, on the same server.
fn mlflow_page(report: &mut Report, server: Option<&Server>, python: &Python) {
    let name = "MLflow's own page";
    let (Some(chromium), Some(server)) = (tools::chromium(), server) else {
        return report.skip(name, "chromium is missing, or the loop did not end well");
    };
    report.stage(name, || {
        let mut fill = command(python.program(), &["conformance/page/fill.py", &server.url()]);
        let made = shell::fresh_folder("page")?.join("made.json");
        fill.arg(&made);
        run(&mut fill)?;
        let page = format!("{}/mlflow/", server.url());
        let mut look = command("node", &["conformance/page/look.mjs", &page, &made.to_string_lossy()]);
        let (said, succeeded) = heard(look.env("CHROMIUM", chromium))?;
        Ok(report::checks(&said, succeeded))
    });
}

/// Tests of upstream's, which are not ours to keep: they need a checkout.
struct Upstream {
    name: &'static str,
    /// Environment variables that name checkouts; one is enough.
    checkouts: &'static [&'static str],
    script: &'static str,
    python: fn(&Python) -> Result<PathBuf, String>,
}

const UPSTREAM: [Upstream; 4] = [
    Upstream {
        name: "MLflow's own suites",
        checkouts: &["MLFLOW_CHECKOUT"],
        script: "conformance/upstream/suites.py",
        python: Python::of_upstream_suites,
    },
    Upstream {
        name: "lakeFS's own suites",
        checkouts: &["LAKEFS_CHECKOUT", "LAKEFS_SPEC_CHECKOUT"],
        script: "conformance/upstream/lakefs_suites.py",
        python: Python::of_lakefs_suites,
    },
    Upstream {
        name: "Kubeflow Pipelines' own suites",
        checkouts: &["KFP_CHECKOUT"],
        script: "conformance/upstream/kfp_suites.py",
        python: Python::of_kfp_suites,
    },
    Upstream {
        name: "Evidently's own suites",
        checkouts: &["EVIDENTLY_CHECKOUT"],
        script: "conformance/upstream/evidently_suites.py",
        python: Python::of_evidently_suites,
    },
];

fn upstream(report: &mut Report, binary: &Path, python: Option<&Python>) {
    for suites in &UPSTREAM {
        let Upstream { name, checkouts, script, python: environment } = suites;
        if !checkouts.iter().any(|variable| std::env::var_os(variable).is_some()) {
            let why = format!(
                "{} is not set. NONE OF THESE TESTS RUN; conformance/upstream/README.md says what to check out",
                checkouts.join(" or ")
            );
            report.skip(name, &why);
            continue;
        }
        let Some(python) = python else {
            report.skip(name, "the Python environment is missing, see above");
            continue;
        };
        report.stage(name, || {
            let program = environment(python)?;
            let mut suites = command(program, &[script, &binary.to_string_lossy()]);
            suites.env("PYTHONUNBUFFERED", "1");
            let (said, succeeded) = heard(&mut suites)?;
            Ok(report::checks(&said, succeeded))
        });
    }
}

/// A script that starts and kills servers itself; it gets the binary as its argument, and a PostgreSQL server where one is
/// at hand.
fn long_script<'a>(
    script: &str,
    binary: &'a Path,
    python: &'a Python,
    arguments: &'a [&'a str],
    postgres: Option<&'a Postgres>,
) -> (String, Work<'a>) {
    let script = script.to_owned();
    let name = format!("long {script}");
    let run = move || {
        let path = format!("conformance/long/{script}.py");
        let mut long = command(interpreter(python, &script)?, &[&path, &binary.to_string_lossy()]);
        long.args(arguments).env("PATH", python.path()).env("MLWRIGHT_ONNXRUNTIME", python.onnxruntime()?);
        long.env("PYTHONUNBUFFERED", "1");
        if let Some(postgres) = postgres {
            long.env("MLWRIGHT_TEST_POSTGRES", postgres.url("postgres"));
        }
        match script.as_str() {
            "executors_ray" => long.env("MLWRIGHT_RAY", python.of_ray()?),
            "triton" => long.env("MLWRIGHT_TRITON", python.of_triton()?),
            "serving_schema" => long.env("MLWRIGHT_SCHEMATHESIS", python.of_schemathesis()?),
            _ => &mut long,
        };
        let (said, succeeded) = heard(&mut long)?;
        Ok(report::checks(&said, succeeded))
    };
    (name, Box::new(run))
}
