//! Components that are an image and a command: started by podman or docker where one is on the machine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pipelines::Launch;

use crate::ir::Container;

const PODMAN: &str = "podman";
const DOCKER: &str = "docker";
const DOCKER_SOCKET: &str = "/var/run/docker.sock";

/// A program that runs containers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ContainerEngine(PathBuf);

impl ContainerEngine {
    /// What `PATH` has. Docker's client alone is of no use: its daemon must be there.
    pub fn find() -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        let program = |name: &str| folders.iter().map(|dir| dir.join(name)).find(|file| file.is_file());
        let daemon = || std::env::var_os("DOCKER_HOST").is_some() || Path::new(DOCKER_SOCKET).exists();
        program(PODMAN).or_else(|| program(DOCKER).filter(|_| daemon())).map(Self)
    }

    /// `command` and `args` have been resolved. Folders keep their paths inside of the container.
    pub fn launch(
        &self,
        container: &Container,
        command: &[String],
        args: &[String],
        env: &BTreeMap<String, String>,
        folders: &[&Path],
    ) -> Launch {
        let mut argv = vec![self.0.display().to_string(), "run".into(), "--rm".into(), "--init".into()];
        for folder in folders {
            argv.push("--volume".into());
            argv.push(format!("{0}:{0}", folder.display()));
        }
        for (name, value) in env {
            argv.push("--env".into());
            argv.push(format!("{name}={value}"));
        }
        if let Some(first) = command.first() {
            argv.push("--entrypoint".into());
            argv.push(first.clone());
        }
        argv.push(container.image.clone());
        argv.extend(command.iter().skip(1).chain(args).cloned());
        Launch { argv, ..Launch::default() }
    }
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
        let engine = ContainerEngine("/usr/bin/podman".into());
        let container = Container { image: "alpine".into(), ..Container::default() };
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let env = BTreeMap::from([("A".to_owned(), "b c".to_owned())]);
        let launch = engine.launch(&container, &words("sh -c"), &words("x y"), &env, &[Path::new("/data/1")]);
        let expected = words("/usr/bin/podman run --rm --init --volume /data/1:/data/1 --env");
        assert_eq!(launch.argv[..expected.len()], expected);
        assert_eq!(launch.argv[expected.len()], "A=b c");
        assert_eq!(launch.argv[expected.len() + 1..], words("--entrypoint sh alpine -c x y"));
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
