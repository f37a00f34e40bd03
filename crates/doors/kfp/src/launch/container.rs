//! Components that are an image and a command: started by podman or docker where one is on the machine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pipelines::Launch;

use crate::ir::Container;

const PODMAN: &str = "podman";
const DOCKER: &str = "docker";
const DOCKER_SOCKET: &str = "/var/run/docker.sock";

/// Where podman looks for the program that `--init` puts before the container's own; Docker brings one.
const INIT: [&str; 3] =
    ["/usr/libexec/podman/catatonit", "/usr/local/libexec/podman/catatonit", "/usr/bin/catatonit"];
/// Settings of the engine that the server's environment names.
const SETTINGS: [&str; 9] = [
    "CONTAINERS_CONF",
    "CONTAINERS_CONF_OVERRIDE",
    "CONTAINERS_STORAGE_CONF",
    "CONTAINERS_REGISTRIES_CONF",
    "REGISTRY_AUTH_FILE",
    "DOCKER_HOST",
    "DOCKER_CONFIG",
    "DOCKER_CONTEXT",
    "XDG_RUNTIME_DIR",
];

/// A program that runs containers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ContainerEngine {
    program: PathBuf,
    has_init: bool,
    settings: BTreeMap<String, String>,
}

impl ContainerEngine {
    /// What `PATH` has. Docker's client alone is of no use: its daemon must be there.
    pub fn find() -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        let program = |name: &str| folders.iter().map(|dir| dir.join(name)).find(|file| file.is_file());
        let daemon = || std::env::var_os("DOCKER_HOST").is_some() || Path::new(DOCKER_SOCKET).exists();
        let settings =
            SETTINGS.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)));
        let found = |program, has_init| Self { program, has_init, settings: settings.collect() };
        if let Some(podman) = program(PODMAN) {
            return Some(found(podman, INIT.iter().any(|path| Path::new(path).is_file())));
        }
        program(DOCKER).filter(|_| daemon()).map(|docker| found(docker, true))
    }

    /// `command` and `args` have been resolved. Folders keep their paths inside of the container. `name` is of this attempt
    /// alone: whatever is left of its container goes when the attempt has ended.
    pub fn launch(
        &self,
        name: &str,
        container: &Container,
        command: &[String],
        args: &[String],
        env: BTreeMap<String, String>,
        folders: &[&Path],
    ) -> Launch {
        let program = self.program.display().to_string();
        let mut argv: Vec<String> =
            [&program, "run", "--rm", "--name", name].iter().map(|word| (*word).to_owned()).collect();
        if self.has_init {
            argv.push("--init".into());
        }
        for folder in folders {
            argv.push("--volume".into());
            argv.push(format!("{0}:{0}", folder.display()));
        }
        // Values stay out of the list of processes, as far as the engine does not read the same variables itself.
        let (open, hidden): (BTreeMap<_, _>, BTreeMap<_, _>) =
            env.into_iter().partition(|(name, _)| is_of_the_engine(name));
        for (name, value) in &open {
            argv.extend(["--env".into(), format!("{name}={value}")]);
        }
        for name in hidden.keys() {
            argv.extend(["--env".into(), name.clone()]);
        }
        if let Some(first) = command.first() {
            argv.push("--entrypoint".into());
            argv.push(first.clone());
        }
        argv.push(container.image.clone());
        argv.extend(command.iter().skip(1).chain(args).cloned());
        let clear = [&program, "rm", "--force", name].iter().map(|word| (*word).to_owned()).collect();
        let env = hidden.into_iter().chain(self.settings.clone()).collect();
        Launch { argv, env, clear, ..Launch::default() }
    }
}

/// Whether the engine's own program goes by this variable.
fn is_of_the_engine(name: &str) -> bool {
    const OWN: [&str; 5] = ["PATH", "HOME", "TMPDIR", "STORAGE_DRIVER", "STORAGE_OPTS"];
    const FAMILIES: [&str; 5] = ["CONTAINER", "DOCKER_", "XDG_", "LD_", "REGISTRY_"];
    let is_proxy = name.len() > 6 && name.to_ascii_lowercase().ends_with("_proxy");
    is_proxy || OWN.contains(&name) || FAMILIES.iter().any(|family| name.starts_with(family))
}

/// What the platform document asks of Kubernetes that the component cannot do without, if anything.
pub(crate) fn needs_kubernetes(kubernetes: &serde_json::Value) -> Option<String> {
    /// Where secrets, settings and volumes are taken from, and in words.
    const NEEDED: [(&str, &str); 8] = [
        ("secretAsEnv", "secrets of the cluster"),
        ("secretAsVolume", "secrets of the cluster"),
        ("configMapAsEnv", "config maps of the cluster"),
        ("configMapAsVolume", "config maps of the cluster"),
        ("fieldPathAsEnv", "fields of its pod"),
        ("pvcMount", "a persistent volume claim"),
        ("emptyDirMounts", "a volume of its pod"),
        ("genericEphemeralVolume", "a volume of its pod"),
    ];
    for (name, words) in NEEDED {
        let items = kubernetes.get(name).and_then(|value| value.as_array());
        let optional =
            |item: &serde_json::Value| item.get("optional").and_then(|o| o.as_bool()) == Some(true);
        if items.is_some_and(|items| items.iter().any(|item| !optional(item))) {
            return Some(format!("it needs {words} (`{name}` of the platform document)"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_image_runs_with_its_command_as_entry_point() {
        let engine = ContainerEngine {
            program: "/usr/bin/podman".into(),
            has_init: true,
            settings: BTreeMap::from([("CONTAINERS_CONF".to_owned(), "/etc/own.conf".to_owned())]),
        };
        let container = Container { image: "alpine".into(), ..Container::default() };
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let env = BTreeMap::from([
            ("A".to_owned(), "b c".to_owned()),
            ("HTTP_PROXY".to_owned(), "http://p".to_owned()),
        ]);
        let folders = [Path::new("/data/1")];
        let launch = engine.launch("task-1", &container, &words("sh -c"), &words("x y"), env, &folders);
        assert_eq!(
            launch.argv,
            words(
                "/usr/bin/podman run --rm --name task-1 --init --volume /data/1:/data/1 --env HTTP_PROXY=http://p --env A \
                 --entrypoint sh alpine -c x y"
            )
        );
        assert_eq!(launch.env["A"], "b c", "a value is not seen in the list of processes");
        assert_eq!(launch.env["CONTAINERS_CONF"], "/etc/own.conf");
        assert!(!launch.env.contains_key("HTTP_PROXY"), "the engine would use it for itself");
        assert_eq!(launch.clear, words("/usr/bin/podman rm --force task-1"));
    }

    #[test]
    fn only_what_matters_asks_for_kubernetes() {
        assert_eq!(
            needs_kubernetes(&json!({ "nodeSelector": {}, "tolerations": [{}], "podMetadata": {} })),
            None
        );
        assert_eq!(needs_kubernetes(&json!({ "configMapAsEnv": [{ "optional": true }] })), None);
        let refused = needs_kubernetes(&json!({ "secretAsEnv": [{ "optional": false }] })).unwrap();
        assert!(refused.contains("secretAsEnv"), "{refused}");
    }
}
