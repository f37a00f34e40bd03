//! Python steps that are forked from a warm process, and are what they would be if they were started.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use mlwright_pipelines::{
    self as pipelines, Adapter, Call, Component, Datum, Launch, PythonEnv, RunState, StepState, Work,
};
use rustix::process::{Pid, Signal};
use serde_json::{Value, json};

use crate::house::{COMPONENTS, House, is_running, wait_for, wait_gone};
use crate::plans::*;

/// `python3 -m <spec.module> <spec.arguments…>` with `spec.path` on the search path.
struct Module;

impl Adapter for Module {
    fn kind(&self) -> &'static str {
        "module"
    }

    fn launch(&self, call: &Call) -> Result<Launch, String> {
        let text = |name: &str| call.work.spec[name].as_str().unwrap_or_default().to_owned();
        let mut argv = vec!["python3".to_owned(), "-m".to_owned(), text("module")];
        argv.extend(text("arguments").split_whitespace().map(str::to_owned));
        let env =
            BTreeMap::from([("PYTHONPATH".to_owned(), text("path")), ("A".to_owned(), "b c".to_owned())]);
        Ok(Launch { argv, env, python: Some(PythonEnv::default()), ..Launch::default() })
    }

    fn collect(&self, _call: &Call) -> Result<BTreeMap<String, Datum>, String> {
        Ok(BTreeMap::new())
    }
}

const STEP: &str = r#"
import os, signal, subprocess, sys, time
what, dir = sys.argv[1], sys.argv[2]
warm = os.getpid() == os.getsid(0)
print("warm" if warm else "cold", __name__, sys.argv[1:], os.environ.get("A"), os.path.basename(os.getcwd()), flush=True)
if what == "code":
    sys.exit(7)
if what == "raise":
    raise ValueError("no")
if what == "signal":
    os.kill(os.getpid(), signal.SIGSEGV)
if what == "hang":
    subprocess.Popen(["sh", "-c", f"trap '' TERM; echo $$ > {dir}/below; while :; do sleep 0.1; done"])
    open(f"{dir}/pid.new", "w").write(str(os.getpid()))
    os.rename(f"{dir}/pid.new", f"{dir}/pid")
    time.sleep(300)
if what == "leave":
    subprocess.Popen(["sh", "-c", f"echo $$ > {dir}/left; sleep 300"], start_new_session=True)
    while not os.path.exists(f"{dir}/left"):
        time.sleep(0.01)
"#;

fn run<F: Future<Output = ()>>(test: impl FnOnce(House, String) -> F) {
    ledger::testing::run(ledger::testing::Engine::Sqlite, &COMPONENTS, |ledger| async move {
        let house = House::with(ledger, |config| config.adapters = vec![Arc::new(Module)]).await;
        let dir = house.dir.path().display().to_string();
        types::io::write(house.dir.path().join("stepx.py"), STEP).unwrap();
        types::io::write(
            house.dir.path().join("crowd.py"),
            format!("import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n{STEP}"),
        )
        .unwrap();
        if std::process::Command::new("uv").arg("--version").output().is_err() {
            eprintln!("SKIPPED: install uv (pip install uv)");
            return;
        }
        test(house, dir).await;
    });
}

async fn submit(house: &House, module: &str, arguments: &str) -> types::Uid {
    let dir = house.dir.path().display().to_string();
    let work = Work {
        kind: "module".into(),
        spec: json!({ "module": module, "arguments": format!("{arguments} {dir}"), "path": dir }),
        inputs: BTreeMap::new(),
        outputs: BTreeMap::new(),
    };
    let plan = plan(graph(&[], vec![task("a", "a")], &[]), &[("a", Component::Work(work))]);
    house.submit_plan(request(plan)).await
}

/// How a step ended and what it printed.
async fn ended(house: &House, module: &str, arguments: &str) -> (Option<i64>, Option<i64>, String) {
    let run = submit(house, module, arguments).await;
    let (_, steps) = house.finished(run).await;
    (steps["a"].exit_code, steps["a"].signal, house.log(run, "a").await)
}

/// Until a warm process is there.
async fn warm_up(house: &House) {
    for _ in 0..100 {
        if ended(house, "stepx", "nothing").await.2.starts_with("warm") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("no step was warm: {:?}", ended(house, "stepx", "nothing").await);
}

#[test]
fn a_forked_step_is_like_one_that_was_started() {
    run(|house, dir| async move {
        let cold = ended(&house, "stepx", "nothing").await;
        assert_eq!(cold, (Some(0), None, format!("cold __main__ ['nothing', '{dir}'] b c work\n")));
        warm_up(&house).await;
        let forked = ended(&house, "stepx", "code").await;
        assert_eq!(forked, (Some(7), None, format!("warm __main__ ['code', '{dir}'] b c work\n")));
        let (code, _, log) = ended(&house, "stepx", "raise").await;
        assert!(code == Some(1) && log.contains("Traceback") && log.ends_with("ValueError: no\n"), "{log}");
        assert_eq!(ended(&house, "stepx", "signal").await.1, Some(11));
        let (code, _, log) = ended(&house, "stepx", "leave").await;
        assert!(code == Some(0) && log.starts_with("warm"), "{log}");
        wait_gone(&wait_for(&house.dir.path().join("left")).await).await;
    });
}

#[test]
fn a_forked_step_ends_with_all_that_it_started_when_its_run_is_cancelled_or_its_shim_is_killed() {
    run(|house, _| async move {
        warm_up(&house).await;
        for kill in [false, true] {
            let path = |name: &str| house.dir.path().join(name);
            let _ = (std::fs::remove_file(path("pid")), std::fs::remove_file(path("below")));
            let run = submit(&house, "stepx", "hang").await;
            let (pid, below) = (wait_for(&path("pid")).await, wait_for(&path("below")).await);
            assert!(is_running(&pid) && is_running(&below));
            if kill {
                let step = house.steps(run).await["a"].uid;
                let attempt = path("data/pipelines").join(run.hex()).join(step.hex()).join("1");
                let started: Value =
                    serde_json::from_str(&wait_for(&attempt.join("started.json")).await).unwrap();
                let shim = Pid::from_raw(started["pid"].as_i64().unwrap() as i32).unwrap();
                rustix::process::kill_process(shim, Signal::KILL).unwrap();
            } else {
                pipelines::cancel(&house.ledger, &house.actor, run).await.unwrap();
            }
            let (run, steps) = house.finished(run).await;
            let wanted = if kill {
                (RunState::Failed, StepState::Failed)
            } else {
                (RunState::Cancelled, StepState::Cancelled)
            };
            assert_eq!((run.state, steps["a"].state), wanted, "{:?}", steps["a"].message);
            wait_gone(&pid).await;
            wait_gone(&below).await;
        }
    });
}

#[test]
fn nothing_is_forked_from_a_process_with_threads() {
    run(|house, _| async move {
        for _ in 0..6 {
            let (code, _, log) = ended(&house, "crowd", "nothing").await;
            assert!(code == Some(0) && log.starts_with("cold"), "{log}");
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    });
}
