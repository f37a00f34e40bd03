//! What the platform document asks of Kubernetes for a component, wherever the component runs
//! (`extendPodSpecPatch` of `backend/src/v2/driver/k8s.go`).
//!
//! As a process or a container of this machine it gets secrets and settings of the workspace by the names `<secret>/<key>`,
//! claims as folders that stay, other volumes as folders of the attempt, and fields of its pod as they would be. What only
//! places a pod is said in its log and left out. In a pod it gets all of it from the cluster; secrets first from the workspace.

use std::path::{Component, Path, PathBuf};

use pipelines::{Call, Datum, SECRETS, Wanted, WantedFolder, WantedSecret};
use serde_json::{Value, json};

use super::input::as_text;
use super::pod::{self, Pod};
use crate::ir::platform::{entries, field, input};

/// Below the attempt's directory.
const VOLUMES: &str = "volumes";
/// What only says where a pod is placed, how its image comes, and as whom it runs.
const OF_PODS: [&str; 9] = [
    "nodeSelector",
    "tolerations",
    "nodeAffinity",
    "podAffinity",
    "imagePullSecret",
    "imagePullPolicy",
    "securityContext",
    "initContainers",
    "enabledSharedMemory",
];
const KNOWN: [&str; 10] = [
    "secretAsEnv",
    "secretAsVolume",
    "configMapAsEnv",
    "configMapAsVolume",
    "fieldPathAsEnv",
    "pvcMount",
    "emptyDirMounts",
    "genericEphemeralVolume",
    "podMetadata",
    "activeDeadlineSeconds",
];

/// A folder that the component knows by another path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    pub path: String,
    pub folder: PathBuf,
    pub read_only: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Platform {
    /// Variables whose values are known.
    pub env: Vec<(String, String)>,
    pub wanted: Wanted,
    pub mounts: Vec<Mount>,
    pub pod: Value,
    pub notes: Vec<String>,
    /// `Always`, `Never` or `IfNotPresent`.
    pub pull: Option<String>,
}

/// Makes the folders that it mounts. Errors: a name or path that cannot be.
pub(super) fn read(call: &Call, config: &Value) -> Result<Platform, String> {
    let mut platform = Platform::default();
    let Some(fields) = config.as_object() else { return Ok(platform) };
    if call.in_pod {
        let mut pod = Pod::default();
        take_secrets(call, config, &mut platform, Some(&mut pod))?;
        pod::fill(&mut pod, call, config)?;
        platform.pod = pod.value();
    } else {
        take_secrets(call, config, &mut platform, None)?;
        take_folders(call, config, &mut platform)?;
        for entry in entries(config, "fieldPathAsEnv") {
            let (name, path) = (text(entry, "name"), text(entry, "fieldPath"));
            platform.env.push((name, pod::field_of(call, config, &path)));
        }
        platform.pull = field(config, "imagePullPolicy").as_str().map(str::to_owned);
    }
    let has = |name: &str| !field(config, name).is_null();
    let placing: Vec<&str> = OF_PODS.into_iter().filter(|name| has(name) && !call.in_pod).collect();
    if !placing.is_empty() {
        let list = placing.join(", ");
        platform.notes.push(format!("not applicable to a process of this machine, and left out: {list}"));
    }
    let known = |name: &&String| !KNOWN.iter().chain(&OF_PODS).any(|known| field_is(known, name));
    let unknown: Vec<&str> = fields.keys().filter(known).map(String::as_str).collect();
    if !unknown.is_empty() {
        platform
            .notes
            .push(format!("not known in a platform document, and left out: {}", unknown.join(", ")));
    }
    Ok(platform)
}

fn field_is(known: &str, name: &str) -> bool {
    !field(&json!({ name: true }), known).is_null()
}

pub(super) fn text(entry: &Value, name: &str) -> String {
    field(entry, name).as_str().unwrap_or_default().to_owned()
}

pub(super) fn is_optional(entry: &Value) -> bool {
    field(entry, "optional").as_bool().unwrap_or(false)
}

/// The value of a parameter of the platform document; `None` if an optional input has none.
pub(super) fn parameter<'c>(call: &'c Call, list: &str, place: usize, name: &str) -> Option<&'c Value> {
    match call.inputs.get(&input(list, place, name)) {
        Some(Datum::Value(Value::Null)) | None => None,
        Some(Datum::Value(value)) => Some(value),
        Some(_) => None,
    }
}

/// The name of what an entry takes: from its parameter, or as it says. `None` if its parameter has no value.
pub(super) fn name_of(
    call: &Call,
    list: &str,
    place: usize,
    entry: &Value,
    fields: (&str, &str),
) -> Result<Option<String>, String> {
    let (parameter_field, plain) = fields;
    if let Some(value) = parameter(call, list, place, parameter_field) {
        let name = as_text(value);
        return if is_name(&name) { Ok(Some(name)) } else { Err(wrong_name(list, &name)) };
    }
    if !field(entry, parameter_field).is_null() {
        return Ok(None);
    }
    let name = text(entry, plain);
    if is_name(&name) { Ok(Some(name)) } else { Err(wrong_name(list, &name)) }
}

fn wrong_name(list: &str, name: &str) -> String {
    format!(
        "`{name}` is no name for `{list}` of its platform document: it takes letters, digits, `-`, `_` and `.`"
    )
}

fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && name.len() <= 253 && !name.starts_with('.') && name.chars().all(plain)
}

/// List, field of its parameter, field of its name, field of the keys, whether logs may show the value.
const SOURCES: [(&str, &str, &str, &str, bool); 4] = [
    ("secretAsEnv", "secretNameParameter", "secretName", "secretKey", false),
    ("configMapAsEnv", "configMapNameParameter", "configMapName", "configMapKey", true),
    ("secretAsVolume", "secretNameParameter", "secretName", "", false),
    ("configMapAsVolume", "configMapNameParameter", "configMapName", "", true),
];

pub(super) fn take_secrets(
    call: &Call,
    config: &Value,
    platform: &mut Platform,
    mut pod: Option<&mut Pod>,
) -> Result<(), String> {
    for (list, parameter_field, plain, key, is_open) in SOURCES {
        for (place, entry) in entries(config, list).into_iter().enumerate() {
            let Some(name) = name_of(call, list, place, entry, (parameter_field, plain))? else { continue };
            let optional = is_optional(entry);
            if key.is_empty() {
                let path = mount_path(list, entry)?;
                if let Some(pod) = &mut pod {
                    pod.secret_volume(list, &name, &path, optional);
                    continue;
                }
                let folder = PathBuf::from(SECRETS).join(format!("{list}-{place}"));
                platform.mounts.push(Mount { path, folder: call.dir.join(&folder), read_only: true });
                platform.wanted.folders.push(WantedFolder { path: folder, prefix: name, optional, is_open });
                continue;
            }
            for pair in entries(entry, "keyToEnv") {
                let (key, variable) = (text(pair, key), text(pair, "envVar"));
                if let Some(pod) = &mut pod {
                    pod.secret_variable(list, &name, &key, &variable, field(entry, "optional"));
                }
                let secret = WantedSecret { name: format!("{name}/{key}"), optional, is_open };
                platform.wanted.variables.insert(variable, secret);
            }
        }
    }
    Ok(())
}

fn take_folders(call: &Call, config: &Value, platform: &mut Platform) -> Result<(), String> {
    let mut mount = |path: String, folder: PathBuf| {
        super::make(&folder)?;
        platform.mounts.push(Mount { path, folder, read_only: false });
        Ok::<_, String>(())
    };
    for (place, entry) in entries(config, "pvcMount").into_iter().enumerate() {
        let fields = ("pvcNameParameter", "constant");
        let Some(name) = name_of(call, "pvcMount", place, entry, fields)? else { continue };
        let folder = claim(call, &name)?.join(below(&text(entry, "subPath"))?);
        mount(mount_path("pvcMount", entry)?, folder)?;
    }
    for list in ["emptyDirMounts", "genericEphemeralVolume"] {
        for entry in entries(config, list) {
            let name = text(entry, "volumeName");
            if !is_name(&name) {
                return Err(wrong_name(list, &name));
            }
            mount(mount_path(list, entry)?, call.dir.join(VOLUMES).join(name))?;
        }
    }
    Ok(())
}

/// The folder that stands for a claim.
pub(super) fn claim(call: &Call, name: &str) -> Result<PathBuf, String> {
    if is_name(name) { Ok(call.volumes.join(name)) } else { Err(wrong_name("pvcMount", name)) }
}

pub(super) fn mount_path(list: &str, entry: &Value) -> Result<String, String> {
    let path = text(entry, "mountPath");
    let trimmed = path.trim_end_matches('/');
    if !trimmed.starts_with('/') || Path::new(trimmed).components().any(|part| part == Component::ParentDir) {
        return Err(format!("`{path}` is no path to mount `{list}` of its platform document at"));
    }
    Ok(trimmed.to_owned())
}

/// A path without a way out of its folder.
fn below(path: &str) -> Result<PathBuf, String> {
    let path = Path::new(path);
    if path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Ok(path.to_owned());
    }
    Err(format!("`{}` leads out of its volume", path.display()))
}

/// Text with the paths that a component knows replaced by the folders of this machine: as far as they stand for themselves,
/// `/data` and `/data/x` but not `/data2` or `a/data`.
pub(super) fn moved(text: &str, mounts: &[Mount]) -> String {
    let mut mounts: Vec<&Mount> = mounts.iter().collect();
    mounts.sort_by_key(|mount| std::cmp::Reverse(mount.path.len()));
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = None;
    while let Some(first) = rest.chars().next() {
        let fits = |mount: &&&Mount| {
            let after = rest.strip_prefix(&mount.path).map(|after| after.chars().next());
            let ends =
                |c: Option<char>| c.is_none_or(|c| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.')));
            after.is_some_and(ends)
        };
        let apart =
            before.is_none_or(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '}')));
        if first == '/'
            && apart
            && let Some(mount) = mounts.iter().find(fits)
        {
            out.push_str(&mount.folder.display().to_string());
            rest = &rest[mount.path.len()..];
            before = mount.path.chars().last();
            continue;
        }
        out.push(first);
        before = Some(first);
        rest = &rest[first.len_utf8()..];
    }
    out
}

/// Every text inside of a value.
pub(super) fn moved_value(value: &Value, mounts: &[Mount]) -> Value {
    match value {
        Value::String(text) => Value::String(moved(text, mounts)),
        Value::Array(items) => items.iter().map(|item| moved_value(item, mounts)).collect(),
        Value::Object(map) => {
            map.iter().map(|(name, value)| (name.clone(), moved_value(value, mounts))).collect()
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_move_where_they_stand_for_themselves() {
        let mount =
            |path: &str, folder: &str| Mount { path: path.into(), folder: folder.into(), read_only: false };
        let mounts =
            [mount("/data", "/srv/v/1"), mount("/data/deep", "/srv/v/2"), mount("/mnt/my_vol", "/srv/s")];
        for (text, expected) in [
            ("open('/data/file.txt')", "open('/srv/v/1/file.txt')"),
            ("os.path.join('/mnt/my_vol', \"username\")", "os.path.join('/srv/s', \"username\")"),
            ("/data", "/srv/v/1"),
            ("/data/deep/x /data/deeper", "/srv/v/2/x /srv/v/1/deeper"),
            ("--path=/data/ a:/data", "--path=/srv/v/1/ a:/srv/v/1"),
            (
                "/data2 x/data {x}/data /data-1 ./data http://h/data",
                "/data2 x/data {x}/data /data-1 ./data http://h/data",
            ),
            ("größe /data ß", "größe /srv/v/1 ß"),
        ] {
            assert_eq!(moved(text, &mounts), expected, "{text}");
        }
        let value = json!({ "a": ["/data/x", 1], "b": "c" });
        assert_eq!(moved_value(&value, &mounts), json!({ "a": ["/srv/v/1/x", 1], "b": "c" }));
    }

    #[test]
    fn nothing_leads_out_of_a_volume() {
        assert!(below("a/b").is_ok() && below("").is_ok());
        assert!(below("../x").is_err() && below("/etc").is_err());
        assert!(!is_name("..") && !is_name("a/b") && !is_name("") && is_name("test-secret.1"));
        assert!(mount_path("pvcMount", &json!({ "mountPath": "/" })).is_err());
        assert!(mount_path("pvcMount", &json!({ "mountPath": "data" })).is_err());
        assert_eq!(mount_path("pvcMount", &json!({ "mount_path": "/data/" })).unwrap(), "/data");
    }
}
