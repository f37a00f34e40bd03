//! `mlwright data …` against a server of its own.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::said;

struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mlwright"))
            .current_dir(folder)
            .args(["serve", "--port", "0"])
            .env_remove("MLWRIGHT_URL")
            .env("NO_COLOR", "1")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (tell, told) = std::sync::mpsc::channel();
        let other = tell.clone();
        let watch = |from: Box<dyn std::io::Read + Send>, tell: std::sync::mpsc::Sender<String>| {
            std::thread::spawn(move || {
                for line in BufReader::new(from).lines().map_while(Result::ok) {
                    if let Some((_, url)) = line.split_once("listening on ") {
                        let url = url.split(['"', ' ', '\x1b']).next().unwrap_or_default();
                        let _ = tell.send(url.to_owned());
                    }
                }
            });
        };
        watch(Box::new(out), tell);
        watch(Box::new(err), other);
        let url = told.recv_timeout(std::time::Duration::from_secs(60)).unwrap();
        Self { child, url }
    }

    fn data(&self, folder: &Path, arguments: &[&str]) -> String {
        let output = self.run(folder, arguments);
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    fn run(&self, folder: &Path, arguments: &[&str]) -> std::process::Output {
        self.run_with(folder, arguments, &[])
    }

    fn run_with(
        &self,
        folder: &Path,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> std::process::Output {
        let all: Vec<&str> =
            ["data"].iter().chain(arguments).chain(&["--server", &self.url]).copied().collect();
        crate::mlwright_with(folder, &all, variables)
    }

    /// A run of the default experiment, by MLflow's API.
    fn tracked_run(&self) -> String {
        use outbound::{Body, Call, Client, Method, Policy};
        let call = Call {
            method: Method::Post,
            url: format!("{}/api/2.0/mlflow/runs/create", self.url),
            headers: Vec::new(),
            body: Body::Json(serde_json::json!({ "experiment_id": "0" })),
        };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let answer = runtime.block_on(Client::new(Policy::local()).unwrap().send(&call)).unwrap();
        let answer: serde_json::Value = answer.json().unwrap();
        answer["run"]["info"]["run_id"].as_str().unwrap().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_folder_goes_up_is_committed_compared_queried_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    let server = Server::start(home);
    let data = |arguments: &[&str]| server.data(home, arguments);
    let write = |path: &str, content: &str| {
        let path = home.join(path);
        types::io::create_dir_all(path.parent().unwrap()).unwrap();
        types::io::write(path, content).unwrap();
    };
    data(&["repo", "create", "sales"]);
    for i in 0..300 {
        write(&format!("in/many/{i:03}.txt"), &format!("content {i}"));
    }
    write("in/t.csv", "id,v\n1,a\n2,b\n");
    types::io::write(home.join("in/large.bin"), vec![7_u8; 3 << 20]).unwrap();
    let sent = data(&["upload", "in", "sales@main:raw", "-m", "first"]);
    assert!(sent.contains("302 files") && sent.contains("commit"), "{sent}");
    let again = data(&["upload", "in", "sales@main:raw"]);
    assert!(again.contains("0 files") && again.contains("302 were there already"), "{again}");

    data(&["branch", "create", "sales@dev", "main"]);
    write("in/t.csv", "id,v\n1,a\n2,B\n3,c\n");
    let sent = data(&["upload", "in", "sales@dev:raw/"]);
    assert!(sent.starts_with("1 files"), "{sent}");
    let staged = data(&["status", "sales@dev"]);
    assert!(staged.contains("changed  raw/t.csv"), "{staged}");
    data(&["commit", "sales@dev", "-m", "more rows"]);
    let diff = data(&["diff", "sales@main...dev"]);
    assert!(diff.contains("raw/t.csv") && diff.lines().count() == 2, "{diff}");
    let rows = data(&["diff-rows", "sales@main:raw/t.csv", "dev", "--key", "id"]);
    assert!(rows.starts_with("1 added, 0 removed, 1 changed, 1 unchanged"), "{rows}");
    assert!(rows.contains("v: b → B"), "{rows}");
    data(&["merge", "sales@dev", "main", "-m", "take them"]);
    let log = data(&["log", "sales@main"]);
    assert!(log.contains("take them") && log.contains("first"), "{log}");
    let answer = data(&["query", "select count(*) as n, max(v) as v from sales@main:raw/t.csv", "--csv"]);
    assert_eq!(answer, "n,v\n3,c\n");
    assert_eq!(data(&["cat", "sales@main:raw/many/007.txt"]), "content 7");
    let listed = data(&["ls", "sales@main:raw/"]);
    assert!(listed.contains("raw/many/") && listed.contains("folder"), "{listed}");

    let got = data(&["download", "sales@main:raw", "out"]);
    assert!(got.starts_with("302 files"), "{got}");
    for path in ["many/123.txt", "t.csv", "large.bin"] {
        let (sent, got) =
            (types::io::read(home.join("in").join(path)), types::io::read(home.join("out").join(path)));
        assert_eq!(sent.unwrap(), got.unwrap(), "{path}");
    }
    std::fs::remove_file(home.join("out/many/123.txt")).unwrap();
    let got = data(&["download", "sales@main:raw", "out"]);
    assert!(got.starts_with("1 files") && got.contains("301 were here already"), "{got}");

    data(&["rm", "sales@main:raw/many/", "-r"]);
    let staged = data(&["status", "sales@main"]);
    assert!(staged.contains("removed  raw/many/000.txt"), "{staged}");
    data(&["reset", "sales@main", "-y"]);
    assert!(data(&["status", "sales@main"]).contains("no differences"));

    let refused = server.run(home, &["query", "copy sales@main:raw/t.csv to '/tmp/x'"]);
    assert_eq!(refused.status.code(), Some(1));
    let refused = server.run(home, &["ls", "nothing@main"]);
    assert!(said(&refused).contains("repository `nothing` does not exist"), "{}", said(&refused));
}

#[test]
fn what_is_read_in_a_run_is_told_by_the_data() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    let server = Server::start(home);
    let data = |arguments: &[&str]| server.data(home, arguments);
    data(&["repo", "create", "sales"]);
    for path in ["t/t.csv", "other/o.csv"] {
        types::io::create_dir_all(home.join(path).parent().unwrap()).unwrap();
        types::io::write(home.join(path), "id,v\n1,a\n").unwrap();
    }
    data(&["upload", "t", "sales@main:t"]);
    data(&["upload", "other", "sales@main:other", "-m", "first"]);
    assert_eq!(data(&["touched", "sales"]), "no uses of sales@main are known\n");
    let commands: [&[&str]; 4] = [
        &["query", "select * from sales@main:t/t.csv"],
        &["preview", "sales@main:t/"],
        &["cat", "sales@main:t/t.csv"],
        &["download", "sales@main:t/", "out"],
    ];
    let mut readers = Vec::new();
    for command in commands {
        let run = server.tracked_run();
        let read = server.run_with(home, command, &[("MLFLOW_RUN_ID", &run)]);
        assert!(read.status.success(), "{command:?}: {}", said(&read));
        readers.push(run);
    }
    // What names no run counts for nothing, and a step of a pipeline comes before the run that is tracked in it.
    let run = server.tracked_run();
    for (name, value) in
        [("MLFLOW_RUN_ID", "none"), ("MLWRIGHT_READER", "mlwright-step-0123456789abcdef0123456789abcdef")]
    {
        let read = server.run_with(home, commands[2], &[("MLFLOW_RUN_ID", &run), (name, value)]);
        assert!(read.status.success(), "{}", said(&read));
    }
    // Readers are written down beside the reads.
    let mut told = String::new();
    for _ in 0..100 {
        told = data(&["touched", "sales:t"]);
        if readers.iter().all(|run| told.contains(run)) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    for run in &readers {
        let line = told.lines().find(|line| line.contains(run)).unwrap_or_default();
        assert!(line.starts_with("run") && line.contains("used sales/t/"), "{run}: {told}");
    }
    assert_eq!(told.lines().count(), readers.len() + 1, "{told}");
    assert!(data(&["touched", "sales@main:other/"]).contains("no uses"));
    let json: serde_json::Value = serde_json::from_str(&data(&["touched", "sales@main", "--json"])).unwrap();
    assert_eq!(json["touched"].as_array().unwrap().len(), readers.len());
    let refused = server.run(home, &["touched", "sales:nothing"]);
    assert!(said(&refused).contains("no object at `nothing` in `main`"), "{}", said(&refused));
}
