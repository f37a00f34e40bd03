//! What components are told and what they left, against an exchange with the real executor of kfp 2.17.0
//! (`data/executor_input.json` went in, `data/executor_output.json` came out).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::Path;

use mlwright_door_kfp::Kubeflow;
use pipelines::{Adapter, Artifact, Call, Datum, Kind, Launch, Port, Work};
use serde_json::{Value, json};
use types::{Timestamp, Uid};

const LAUNCHER: &str = "program_path=$(mktemp -d)\n\nprintf \"%s\" \"$0\" > \"$program_path/ephemeral_component.py\"\n\
    _KFP_RUNTIME=true python3 -m kfp.dsl.executor_main                         --component_module_path                \
    \"$program_path/ephemeral_component.py\"                         \"$@\"\n";
const INSTALL: &str = "\nif ! [ -x \"$(command -v pip)\" ]; then\n    python3 -m ensurepip || python3 -m ensurepip --user \
    || apt-get install python3-pip\nfi\n\nPIP_DISABLE_PIP_VERSION_CHECK=1 python3 -m pip install --quiet \
    --no-warn-script-location 'six==1.16.0'  &&  python3 -m pip install --quiet --no-warn-script-location 'kfp==2.17.0' \
    '--no-deps' 'typing-extensions>=3.7.4,<5; python_version<\"3.9\"' && \"$0\" \"$@\"\n";

fn port(of: Kind) -> Port {
    Port { of, optional: false, default: None, allowed: Vec::new() }
}

fn kept(schema: &str) -> Kind {
    Kind::Artifact { schema: schema.into(), list: false }
}

fn artifact(name: &str, schema: &str, uri: &str, metadata: Value) -> Artifact {
    Artifact {
        name: name.into(),
        schema: schema.into(),
        uri: uri.into(),
        metadata: metadata.as_object().cloned().unwrap_or_default().into_iter().collect(),
        digest: None,
        bytes: 0,
        is_dir: false,
    }
}

fn call(dir: &Path, spec: Value, inputs: BTreeMap<String, (Port, Datum)>, outputs: &[(&str, Kind)]) -> Call {
    let uid = |last: u8| -> Uid { format!("{}{last:02}", "0".repeat(30)).parse().unwrap() };
    Call {
        run: uid(1),
        run_name: "nightly".into(),
        resource_name: "train-12345678".into(),
        run_created_at: Timestamp::parse_rfc3339("2026-03-01T12:00:00.5Z").unwrap(),
        scheduled_at: None,
        pipeline_root: None,
        task: uid(2),
        task_name: "train".into(),
        attempt: 1,
        work: Work {
            kind: "kfp".into(),
            spec,
            inputs: inputs.iter().map(|(name, (port, _))| (name.clone(), port.clone())).collect(),
            outputs: outputs.iter().map(|(name, kind)| ((*name).to_owned(), port(kind.clone()))).collect(),
        },
        inputs: inputs.into_iter().map(|(name, (_, datum))| (name, datum)).collect(),
        addresses: BTreeMap::new(),
        dir: dir.to_owned(),
        workspace: dir.join("workspace"),
        volumes: dir.join("kept"),
        in_pod: false,
    }
}

/// The component of the recorded exchange.
fn recorded(dir: &Path) -> Call {
    let data = format!("{}/outputs/in.txt", dir.display());
    let inputs = BTreeMap::from([
        ("lr".to_owned(), (port(Kind::Number), Datum::Value(json!(0.5)))),
        (
            "data".to_owned(),
            (
                port(kept("system.Dataset")),
                Datum::Artifact(artifact("data", "system.Dataset", &data, json!({ "rows": 3.0 }))),
            ),
        ),
    ]);
    let spec = json!({ "container": {
        "image": "python:3.11",
        "command": ["sh", "-c", INSTALL, "sh", "-ec", LAUNCHER, "def train(): ...\n"],
        "args": ["--executor_input", "{{$}}", "--function_to_execute", "train"],
        "env": { "A": "b-{{$.inputs.parameters['lr']}}" },
    } });
    let outputs = [
        ("score", Kind::Number),
        ("tags", Kind::List),
        ("model", kept("system.Model")),
        ("metrics", kept("system.Metrics")),
    ];
    call(dir, spec, inputs, &outputs)
}

fn recorded_text(text: &str, dir: &Path) -> Value {
    serde_json::from_str(&text.replace("<root>/io", &format!("{}/outputs", dir.display()))).unwrap()
}

fn launch(call: &Call) -> Launch {
    Kubeflow.launch(call).unwrap()
}

#[test]
fn a_lightweight_component_is_told_what_upstream_tells_it() {
    let dir = tempfile::tempdir().unwrap();
    let launch = launch(&recorded(dir.path()));
    let program = dir.path().join("work/.kfp/ephemeral_component.py");
    assert_eq!(types::io::read_to_string(&program).unwrap(), "def train(): ...\n");
    assert_eq!(launch.argv[..4], ["python3", "-m", "kfp.dsl.executor_main", "--component_module_path"]);
    assert_eq!(launch.argv[4], program.display().to_string());
    assert_eq!(launch.argv[7..], ["--function_to_execute", "train"]);
    assert_eq!((launch.env["_KFP_RUNTIME"].as_str(), launch.env["A"].as_str()), ("true", "b-0.5"));
    let python = launch.python.unwrap();
    assert_eq!(python.version.as_deref(), Some("3.11"));
    assert_eq!(python.requirements[..2], ["six==1.16.0", "--no-deps kfp==2.17.0"]);
    let told: Value = serde_json::from_str(&launch.argv[6]).unwrap();
    assert_eq!(told, recorded_text(include_str!("data/executor_input.json"), dir.path()));
}

#[test]
fn what_the_executor_wrote_is_merged_with_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let call = recorded(dir.path());
    launch(&call);
    let said = recorded_text(include_str!("data/executor_output.json"), dir.path());
    let out = dir.path().join("outputs");
    types::io::write(out.join("executor_output.json"), said.to_string()).unwrap();
    // The return value wins over the file, as upstream has it.
    types::io::write(out.join("score"), "7").unwrap();
    let found = Kubeflow.collect(&call).unwrap();
    assert_eq!(found["score"], Datum::Value(json!(1.0)));
    assert_eq!(found["tags"], Datum::Value(json!(["a"])));
    let path = |name: &str| out.join(name).display().to_string();
    let model = artifact("model", "system.Model", &path("model"), json!({ "framework": "x" }));
    assert_eq!(found["model"], Datum::Artifact(model));
    let metrics = artifact("metrics", "system.Metrics", &path("metrics"), json!({ "acc": 0.9 }));
    assert_eq!(found["metrics"], Datum::Artifact(metrics));
}

#[test]
fn files_of_container_components_are_outputs() {
    let dir = tempfile::tempdir().unwrap();
    let call = recorded(dir.path());
    launch(&call);
    types::io::write(dir.path().join("outputs/score"), "0.25\n").unwrap();
    let found = Kubeflow.collect(&call).unwrap();
    assert_eq!(found["score"], Datum::Value(json!(0.25)));
    assert!(!found.contains_key("tags"));
    let Datum::Artifact(model) = &found["model"] else { panic!("no artifact") };
    assert_eq!(model.uri, dir.path().join("outputs/model").display().to_string());
    types::io::write(dir.path().join("outputs/score"), "much").unwrap();
    let refused = Kubeflow.collect(&call).unwrap_err();
    assert!(refused.contains("`score`") && refused.contains("`much`"), "{refused}");
}

/// The arguments of a component that prints, with every placeholder resolved.
fn resolved(args: Value) -> Result<Vec<String>, String> {
    let dir = Path::new("/run/x");
    let data = artifact("d", "system.Dataset", "/in/d.csv", json!({ "rows": 5.0, "who": "me" }));
    let value = |of: Kind, value: Value| (port(of), Datum::Value(value));
    let inputs = BTreeMap::from([
        ("n".to_owned(), value(Kind::Integer, json!(5.0))),
        ("lr".to_owned(), value(Kind::Number, json!(0.5))),
        ("flag".to_owned(), value(Kind::Boolean, json!(true))),
        ("items".to_owned(), value(Kind::List, json!([1.0, "a"]))),
        ("text".to_owned(), value(Kind::Text, json!("hi {{not ours}}"))),
        (
            "got".to_owned(),
            value(Kind::Text, json!("n={{$.inputs.parameters['n']}} by {{$.pipeline_task_name}}")),
        ),
        ("none".to_owned(), value(Kind::Text, Value::Null)),
        ("data".to_owned(), (port(kept("system.Dataset")), Datum::Artifact(data))),
    ]);
    let spec = json!({ "container": {
        "image": "python", "args": args,
        "command": ["sh", "-ec", "cat ephemeral_component.py kfp.dsl.executor_main"],
    } });
    let mut call = call(dir, spec, inputs, &[("out", Kind::Text), ("model", kept("system.Model"))]);
    let place = tempfile::tempdir().unwrap();
    call.dir = place.path().to_owned();
    let argv = Kubeflow.launch(&call)?.argv;
    let root = place.path().display().to_string();
    Ok(argv[3..].iter().map(|word| word.replace(&root, "/run/x")).collect())
}

#[test]
fn placeholders_are_resolved_as_upstream_does() {
    let run = format!("{}01", "0".repeat(30)).parse::<Uid>().unwrap();
    let task = format!("{}02", "0".repeat(30)).parse::<Uid>().unwrap();
    for (word, expected) in [
        ("{{$.inputs.parameters['n']}}", "5".to_owned()),
        ("lr={{$.inputs.parameters['lr']}};", "lr=0.5;".to_owned()),
        ("{{$.inputs.parameters[''flag'']}}", "true".to_owned()),
        ("{{$.inputs.parameters['items']}}", "[1,\"a\"]".to_owned()),
        ("{{$.inputs.parameters['text']}}", "hi {{not ours}}".to_owned()),
        ("{{$.inputs.parameters['got']}}", "n=5 by train".to_owned()),
        ("{{$.inputs.artifacts['data'].uri}}", "/in/d.csv".to_owned()),
        ("{{$.inputs.artifacts['data'].path}}", "/in/d.csv".to_owned()),
        ("{{$.inputs.artifacts['data'].metadata['rows']}}", "5".to_owned()),
        ("{{$.inputs.artifacts['data'].metadata['who']}}", "me".to_owned()),
        ("{{$.outputs.parameters['out'].output_file}}", "/run/x/outputs/out".to_owned()),
        ("{{$.outputs.artifacts['model'].path}}", "/run/x/outputs/model".to_owned()),
        ("{{$.outputs.artifacts['model'].uri}}", "/run/x/outputs/model".to_owned()),
        ("{{$.outputs.output_file}}", "/run/x/outputs/executor_output.json".to_owned()),
        ("{{$.pipeline_job_name}}", "nightly".to_owned()),
        ("{{$.pipeline_job_resource_name}}", "train-12345678".to_owned()),
        ("{{$.pipeline_job_uuid}}-{{$.pipeline_task_uuid}}", format!("{run}-{task}")),
        ("{{$.pipeline_task_name}}", "train".to_owned()),
        ("{{$.pipeline_root}}", format!("mlwright://pipelines/{run}")),
        ("{{$.pipeline_job_create_time_utc}}", "2026-03-01T12:00:00Z".to_owned()),
        ("{{$.pipeline_job_schedule_time_utc}}", "2026-03-01T12:00:00Z".to_owned()),
        ("{{$.something_new}} {{x}} {{$", "{{$.something_new}} {{x}} {{$".to_owned()),
    ] {
        assert_eq!(resolved(json!([word])).unwrap(), [expected], "{word}");
    }
    assert!(resolved(json!(["{{$.workspace_path}}/a"])).unwrap()[0].ends_with("/workspace/a"));
    let refused = resolved(json!(["{{$.outputs.parameters['odd'].output_file}}"])).unwrap_err();
    assert!(refused.contains("odd"), "{refused}");
    assert!(resolved(json!(["{{$.json_escape[1]}}"])).unwrap_err().contains("Vertex"));
}

#[test]
fn structures_become_words() {
    let word = |value: Value| value.to_string();
    let of = |value: Value| resolved(json!([word(value)])).unwrap();
    assert_eq!(of(json!({ "Concat": ["pre-", "{{$.inputs.parameters['n']}}", "-post"] })), ["pre-5-post"]);
    let present =
        |name: &str| json!({ "IfPresent": { "InputName": name, "Then": ["--v", "x"], "Else": ["--none"] } });
    assert_eq!(of(present("n")), ["--v", "x"]);
    assert_eq!(of(present("data")), ["--v", "x"]);
    assert_eq!(of(present("none")), ["--none"]);
    assert_eq!(of(present("nothing")), ["--none"]);
    let nothing: [&str; 0] = [];
    assert_eq!(of(json!({ "IfPresent": { "InputName": "no", "Then": "x" } })), nothing);
    let nested = json!({ "Concat": ["a=", { "IfPresent": { "InputName": "n", "Then": { "Concat": ["<", "b", ">"] } } },
        { "IfPresent": { "InputName": "no", "Then": "c" } }] });
    assert_eq!(of(nested), ["a=<b>"]);
    assert!(resolved(json!(["{\"Concat\": [1]}"])).is_err());
}

fn with_platform(dir: &Path, config: Value) -> Call {
    let mut call = recorded(dir);
    call.work.spec["container"]["kubernetes"] = config;
    call
}

#[test]
fn a_process_gets_what_the_platform_document_asks_for_as_far_as_there_is_such_a_thing() {
    let dir = tempfile::tempdir().unwrap();
    let config = json!({
        "secretAsEnv": [
            { "secretName": "db", "keyToEnv": [{ "secretKey": "pass", "envVar": "PASS" }] },
            { "secretNameParameter": { "componentInputParameter": "which" },
              "keyToEnv": [{ "secretKey": "user", "envVar": "USER_NAME" }], "optional": true },
            { "secretNameParameter": { "componentInputParameter": "none" },
              "keyToEnv": [{ "secretKey": "x", "envVar": "NEVER" }] },
        ],
        "configMapAsEnv": [{ "configMapName": "set", "keyToEnv": [{ "configMapKey": "level", "envVar": "LEVEL" }] }],
        "secretAsVolume": [{ "secretName": "files", "mountPath": "/mnt/my_vol" }],
        "pvcMount": [{ "constant": "shared", "mountPath": "/data", "subPath": "deep" }],
        "emptyDirMounts": [{ "volumeName": "scratch", "mountPath": "/scratch" }],
        "fieldPathAsEnv": [
            { "name": "LABEL", "fieldPath": "metadata.labels['team']" },
            { "name": "NONE", "fieldPath": "metadata.annotations['other']" },
            { "name": "POD", "fieldPath": "metadata.name" },
        ],
        "podMetadata": { "labels": { "team": "a" } },
        "nodeSelector": { "labels": { "gpu": "yes" } }, "tolerations": [{ "key": "k" }], "shinyNewThing": {},
    });
    let mut call = with_platform(dir.path(), config);
    let which = Datum::Value(json!("other"));
    call.inputs.insert("kubernetes.secretAsEnv.1.secretNameParameter".into(), which);
    call.inputs.insert("kubernetes.pvcMount.0.pvcNameParameter".into(), Datum::Value(json!("shared")));
    call.inputs.insert("lr".into(), Datum::Value(json!("/data/rates/1")));
    call.work.inputs.insert("lr".into(), port(Kind::Text));
    call.work.spec["container"]["command"][6] =
        json!("open('/mnt/my_vol/user'); open('/data/x'); open('/scratch')");
    let launch = launch(&call);
    let secrets: Vec<_> = launch
        .wanted
        .variables
        .iter()
        .map(|(v, s)| (v.as_str(), s.name.as_str(), s.optional, s.is_open))
        .collect();
    assert_eq!(
        secrets,
        [
            ("LEVEL", "set/level", false, true),
            ("PASS", "db/pass", false, false),
            ("USER_NAME", "other/user", true, false)
        ]
    );
    let folder = &launch.wanted.folders[0];
    assert_eq!(
        (folder.path.to_str().unwrap(), folder.prefix.as_str()),
        ("secrets/secretAsVolume-0", "files")
    );
    let env = |name: &str| launch.env[name].as_str();
    assert_eq!((env("LABEL"), env("NONE"), env("POD")), ("a", "", "train-12345678-1"));
    let source = types::io::read_to_string(dir.path().join("work/.kfp/ephemeral_component.py")).unwrap();
    let root = dir.path().display().to_string();
    assert_eq!(
        source.replace(&root, ""),
        "open('/secrets/secretAsVolume-0/user'); open('/kept/shared/deep/x'); open('/volumes/scratch')"
    );
    assert!(dir.path().join("kept/shared/deep").is_dir() && dir.path().join("volumes/scratch").is_dir());
    let told: Value = serde_json::from_str(&launch.argv[6]).unwrap();
    let values = &told["inputs"]["parameterValues"];
    assert_eq!(values["lr"], json!(format!("{root}/kept/shared/deep/rates/1")));
    assert_eq!(values.as_object().unwrap().len(), 1, "the platform's own are not the component's: {values}");
    assert_eq!(launch.notes.len(), 2, "{:?}", launch.notes);
    assert!(launch.notes[0].ends_with("left out: nodeSelector, tolerations"), "{:?}", launch.notes);
    assert!(launch.notes[1].contains("shinyNewThing"), "{:?}", launch.notes);
    assert!(launch.pod.is_null());
}

#[test]
fn a_pod_gets_it_from_the_cluster() {
    let dir = tempfile::tempdir().unwrap();
    let config = json!({
        "secretAsEnv": [{ "secretName": "db", "keyToEnv": [{ "secretKey": "pass", "envVar": "PASS" }], "optional": false }],
        "secretAsVolume": [{ "secretName": "my.files", "mountPath": "/mnt/my_vol" }],
        "configMapAsVolume": [{ "configMapName": "set", "mountPath": "/etc/set", "optional": true }],
        "pvcMount": [{ "constant": "shared", "mountPath": "/data", "subPath": "deep" }],
        "emptyDirMounts": [{ "volumeName": "scratch", "mountPath": "/scratch", "medium": "Memory", "sizeLimit": "1Gi" }],
        "genericEphemeralVolume": [{ "volumeName": "big", "mountPath": "/big", "accessModes": ["ReadWriteOnce"], "size": "5Gi",
            "storageClassName": "fast" }],
        "enabledSharedMemory": { "volumeName": "shm", "size": "2Gi" },
        "fieldPathAsEnv": [{ "name": "POD", "fieldPath": "metadata.name" }],
        "podMetadata": { "labels": { "team": "a" } },
        "nodeSelector": { "labels": { "gpu": "yes" } },
        "tolerations": [{ "key": "k", "operator": "Exists", "tolerationSeconds": "30" }, { "tolerationJson": {} }],
        "nodeAffinity": [{ "matchExpressions": [{ "key": "zone", "operator": "In", "values": ["a"] }] }],
        "podAffinity": [{ "topologyKey": "zone", "matchPodLabels": { "app": "x" }, "anti": true, "weight": 5 }],
        "imagePullPolicy": "Always", "imagePullSecret": [{ "secretName": "registry" }],
        "securityContext": { "runAsUser": "1000", "runAsNonRoot": true },
    });
    let mut call = with_platform(dir.path(), config);
    call.in_pod = true;
    let key = json!([{ "key": "more" }]);
    call.inputs.insert("kubernetes.tolerations.1.tolerationJson".into(), Datum::Value(key));
    call.inputs.insert("kubernetes.pvcMount.0.pvcNameParameter".into(), Datum::Value(json!("shared")));
    let launch = launch(&call);
    let pod = &launch.pod;
    let expected: Value = serde_json::from_str(include_str!("data/pod.json")).unwrap();
    assert_eq!(pod, &expected, "{}", serde_json::to_string_pretty(pod).unwrap());
    assert_eq!(launch.wanted.variables["PASS"].name, "db/pass", "the workspace's own goes first");
    assert!(launch.wanted.folders.is_empty() && launch.notes.is_empty());
    assert!(!dir.path().join("kept").exists());
    for (field, value, words) in [
        ("imagePullPolicy", json!("Sometimes"), "Sometimes"),
        ("secretAsEnv", json!([{ "secretName": "../x" }]), "no name"),
        ("secretAsVolume", json!([{ "secretName": "x", "mountPath": "data" }]), "no path"),
    ] {
        let mut call = call.clone();
        call.work.spec["container"]["kubernetes"][field] = value;
        let refused = Kubeflow.launch(&call).unwrap_err();
        assert!(refused.contains(words), "{refused}");
    }
}

#[test]
fn success_is_said_in_the_word_that_the_component_knows() {
    let dir = tempfile::tempdir().unwrap();
    for (source, expected) in [
        ("assert status.state == 'COMPLETE'", "COMPLETE"),
        ("assert status.state == \"SUCCEEDED\"", "SUCCEEDED"),
        ("assert status.state in ('COMPLETE', 'SUCCEEDED')", "SUCCEEDED"),
        ("print(status.state)", "SUCCEEDED"),
    ] {
        let mut call = recorded(dir.path());
        call.work.spec["container"]["command"][6] = json!(source);
        call.work.inputs.insert("status".into(), port(Kind::Status));
        let status = json!({ "state": "SUCCEEDED", "pipelineTaskName": "a" });
        call.inputs.insert("status".into(), Datum::Value(status));
        let told: Value = serde_json::from_str(&launch(&call).argv[6]).unwrap();
        assert_eq!(told["inputs"]["parameterValues"]["status"]["state"], json!(expected), "{source}");
    }
}

#[test]
fn a_component_that_passes_settings_on_is_told_them() {
    let dir = tempfile::tempdir().unwrap();
    let config = json!({
        "secretAsEnv": [{ "secretName": "db", "keyToEnv": [{ "secretKey": "pass", "envVar": "PASS" }] }],
        "nodeSelector": { "labels": { "gpu": "yes" } },
    });
    let mut call = with_platform(dir.path(), config);
    let container = &mut call.work.spec["container"];
    container["resources"] = json!({ "resourceCpuLimit": "2", "accelerator": { "resourceType": "nvidia.com/gpu", "resourceCount": "1" } });
    container["task_config"] = json!({ "input": "settings", "fields": { "RESOURCES": false, "ENV": false } });
    let told: Value = serde_json::from_str(&launch(&call).argv[6]).unwrap();
    let settings = &told["inputs"]["parameterValues"]["settings"];
    assert_eq!(settings["resources"], json!({ "limits": { "cpu": "2", "nvidia.com/gpu": "1" } }));
    let env = json!([
        { "name": "A", "value": "b-{{$.inputs.parameters['lr']}}" },
        { "name": "PASS", "valueFrom": { "secretKeyRef": { "name": "db", "key": "pass" } } },
    ]);
    assert_eq!(settings["env"].as_array().unwrap().len(), env.as_array().unwrap().len());
    assert_eq!(settings["env"][1], env[1]);
    assert!(settings["nodeSelector"].is_null(), "it was not asked for");
    let launch = launch(&call);
    assert!(!launch.env.contains_key("A") && launch.wanted.is_empty(), "the task itself does not keep them");
}

#[test]
fn claims_are_made_and_removed_as_folders() {
    let dir = tempfile::tempdir().unwrap();
    let made = |image: &str, inputs: &[(&str, &str)]| {
        let text = |value: &str| (port(Kind::Text), Datum::Value(json!(value)));
        let inputs = inputs.iter().map(|(name, value)| ((*name).to_owned(), text(value))).collect();
        let outputs: &[(&str, Kind)] = if image.contains("create") { &[("name", Kind::Text)] } else { &[] };
        let spec = json!({ "container": { "image": image, "command": [], "args": [] } });
        let call = call(dir.path(), spec, inputs, outputs);
        let launched = Kubeflow.launch(&call)?;
        assert_eq!(launched.argv, ["true"]);
        Kubeflow.collect(&call)
    };
    let named = made("argostub/createpvc", &[("pvc_name", "mine")]).unwrap();
    assert_eq!(named["name"], Datum::Value(json!("mine")));
    assert!(dir.path().join("kept/mine").is_dir());
    assert!(made("argostub/deletepvc", &[("pvc_name", "mine")]).unwrap().is_empty());
    assert!(!dir.path().join("kept/mine").exists());
    let suffixed = made("argostub/createpvc", &[("pvc_name_suffix", "-x")]).unwrap();
    let Datum::Value(Value::String(name)) = &suffixed["name"] else { panic!("{suffixed:?}") };
    assert!(name.ends_with("-x") && name.len() > 20, "{name}");
    assert!(
        made("argostub/createpvc", &[("pvc_name", "a"), ("pvc_name_suffix", "b")])
            .unwrap_err()
            .contains("one of them")
    );
    assert!(made("argostub/deletepvc", &[("pvc_name", "../x")]).unwrap_err().contains("no name"));
}

#[test]
fn a_value_that_no_process_takes_goes_by_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let mut call = recorded(dir.path());
    call.inputs.insert("lr".into(), Datum::Value(json!("x".repeat(200_000))));
    call.work.spec["container"]["env"] = json!({});
    let launch = launch(&call);
    assert_eq!(launch.argv[..2], ["python3", "-c"]);
    let path = launch.argv[6].strip_prefix('\u{1}').unwrap();
    let told: Value = serde_json::from_str(&types::io::read_to_string(Path::new(path)).unwrap()).unwrap();
    assert_eq!(told["inputs"]["parameterValues"]["lr"].as_str().unwrap().len(), 200_000);
    assert!(launch.argv.iter().all(|word| word.len() < 128 << 10));
    // Another command gets what it is given, or nothing.
    call.work.spec["container"]["command"] =
        json!(["sh", "-ec", "cat ephemeral_component.py kfp.dsl.executor_main"]);
    let refused = Kubeflow.launch(&call).unwrap_err();
    assert!(refused.contains("pass large values as artifacts"), "{refused}");
}

#[test]
fn resources_are_no_part_of_what_makes_calls_equal() {
    let dir = tempfile::tempdir().unwrap();
    let mut call = recorded(dir.path());
    let before = Kubeflow.identity(&call);
    call.work.spec["container"]["resources"] = json!({ "cpuLimit": 1.0 });
    assert_eq!(Kubeflow.identity(&call), before);
    call.work.spec["container"]["env"] = json!({ "A": "c" });
    assert_ne!(Kubeflow.identity(&call), before);
}

#[test]
fn an_importer_gives_an_artifact_without_running_anything() {
    let dir = tempfile::tempdir().unwrap();
    let spec = json!({ "importer": {
        "output": "artifact", "schema": "system.Dataset", "uri": { "input": "uri" },
        "metadata": { "by {{$.inputs.parameters['who']}}": ["{{$.inputs.parameters['who']}}", 1.0] },
        "reimport": false, "download_to_workspace": false,
    } });
    let text = |value: &str| (port(Kind::Text), Datum::Value(json!(value)));
    let inputs = BTreeMap::from([("uri".to_owned(), text("gs://b/x.csv")), ("who".to_owned(), text("me"))]);
    let call = call(dir.path(), spec, inputs, &[("artifact", kept("system.Dataset"))]);
    assert_eq!(launch(&call).argv, ["true"]);
    let expected = artifact("artifact", "system.Dataset", "gs://b/x.csv", json!({ "by me": ["me", 1.0] }));
    assert_eq!(Kubeflow.collect(&call).unwrap()["artifact"], Datum::Artifact(expected));
}

#[test]
fn a_path_of_its_own_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let call = recorded(dir.path());
    launch(&call);
    let path = elsewhere.path().join("m.bin");
    types::io::write(&path, "bytes").unwrap();
    let said = json!({ "artifacts": { "model": { "artifacts": [{ "name": "model", "uri": "x", "custom_path": path }] } } });
    types::io::write(dir.path().join("outputs/executor_output.json"), said.to_string()).unwrap();
    let found = Kubeflow.collect(&call).unwrap();
    let Datum::Artifact(model) = &found["model"] else { panic!("no artifact") };
    assert_eq!(model.uri, dir.path().join("outputs/model").display().to_string());
    assert_eq!(types::io::read_to_string(Path::new(&model.uri)).unwrap(), "bytes");
}
