//! Components that are an image and a command: started by podman or docker where one is on the machine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pipelines::Launch;

use super::platform::{Mount, Platform};
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

/// What a container gets beside its command.
pub(crate) struct Around<'a> {
    pub env: BTreeMap<String, String>,
    pub platform: &'a Platform,
    /// They keep their paths inside of the container.
    pub folders: &'a [&'a Path],
}

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
        around: Around<'_>,
    ) -> Launch {
        let Around { env, platform, folders } = around;
        let program = self.program.display().to_string();
        let mut argv: Vec<String> =
            [&program, "run", "--rm", "--name", name].iter().map(|word| (*word).to_owned()).collect();
        if self.has_init {
            argv.push("--init".into());
        }
        if let Some(policy) = platform.pull.as_deref() {
            let pull = match policy {
                "Always" => "always",
                "Never" => "never",
                _ => "missing",
            };
            argv.push(format!("--pull={pull}"));
        }
        for folder in folders {
            argv.push("--volume".into());
            argv.push(format!("{0}:{0}", folder.display()));
        }
        for Mount { path, folder, read_only } in &platform.mounts {
            argv.push("--volume".into());
            argv.push(format!("{}:{path}{}", folder.display(), if *read_only { ":ro" } else { "" }));
        }
        // Values stay out of the list of processes, as far as the engine does not read the same variables itself.
        let (open, hidden): (BTreeMap<_, _>, BTreeMap<_, _>) =
            env.into_iter().partition(|(name, _)| is_of_the_engine(name));
        for (name, value) in &open {
            argv.extend(["--env".into(), format!("{name}={value}")]);
        }
        // What is not set is not passed on.
        for name in hidden.keys().chain(platform.wanted.variables.keys()) {
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

#[cfg(test)]
mod tests {
    use pipelines::{Wanted, WantedSecret};

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
        let mount = Mount { path: "/mnt/s".into(), folder: "/data/1/secrets/0".into(), read_only: true };
        let secret = BTreeMap::from([("B".to_owned(), WantedSecret::default())]);
        let platform = Platform {
            mounts: vec![mount],
            pull: Some("IfNotPresent".into()),
            wanted: Wanted { variables: secret, ..Wanted::default() },
            ..Platform::default()
        };
        let around = Around { env, platform: &platform, folders: &folders };
        let launch = engine.launch("task-1", &container, &words("sh -c"), &words("x y"), around);
        assert_eq!(
            launch.argv,
            words(
                "/usr/bin/podman run --rm --name task-1 --init --pull=missing --volume /data/1:/data/1 \
                 --volume /data/1/secrets/0:/mnt/s:ro --env HTTP_PROXY=http://p --env A --env B \
                 --entrypoint sh alpine -c x y"
            )
        );
        assert_eq!(launch.env["A"], "b c", "a value is not seen in the list of processes");
        assert_eq!(launch.env["CONTAINERS_CONF"], "/etc/own.conf");
        assert!(!launch.env.contains_key("HTTP_PROXY"), "the engine would use it for itself");
        assert_eq!(launch.clear, words("/usr/bin/podman rm --force task-1"));
    }
}
