//! The Python of a model in its image: the environment that serves it and the installation below, at places of their own, and
//! what both need of this system's libraries. Nothing of them is run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use types::io;

use super::layer::Entry;
use super::{elf, libraries};
use crate::Error;

/// Where they are in the image.
const INSTALLATION: &str = "opt/mlwright/python";
const ENVIRONMENT: &str = "opt/mlwright/environment";
/// Files of an installation or environment, at most.
const MOST: usize = 400_000;
/// What no model needs of an installation: its tests, its editor, its windows, what is compiled with it.
const LEFT_OUT: [&str; 8] =
    ["__pycache__", "test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip", "include"];

/// A Python as entries of layers.
#[derive(Clone, Debug, Default)]
pub struct Python {
    /// The installation.
    pub installation: BTreeMap<String, Entry>,
    /// The environment: the model's packages.
    pub environment: BTreeMap<String, Entry>,
    /// The interpreter, in the image.
    pub program: String,
    /// Libraries that something asks for and that this system does not have: as a rule of hardware that is not there either.
    pub missing: BTreeSet<String>,
}

impl Python {
    /// The Python at `python`, of an environment or of an installation that stands alone. Adds to `system` the libraries of this
    /// system that it needs. Blocks, as every file is looked at.
    ///
    /// Errors: `Image` if it belongs to the system, whose folders it shares with everything else.
    pub fn of(python: &Path, system: &mut BTreeMap<String, Entry>) -> Result<Self, Error> {
        let absolute = std::path::absolute(python).map_err(|e| io::Error::new("find", python, e))?;
        let folder = absolute.parent().and_then(Path::parent).unwrap_or(Path::new("/"));
        let settings = io::read_to_string(folder.join("pyvenv.cfg")).ok();
        let real = std::fs::canonicalize(&absolute).map_err(|e| io::Error::new("find", python, e))?;
        let installation = real.parent().and_then(Path::parent).unwrap_or(Path::new("/"));
        let shared = ["/", "/usr", "/usr/local"].iter().any(|place| installation == Path::new(place));
        let name = real.file_name().and_then(|name| name.to_str()).filter(|name| name.starts_with("python"));
        let (false, Some(name)) = (shared, name) else {
            return Err(Error::Image(format!(
                "the Python at `{}` belongs to this system and cannot be taken out of it; name one that uv or pyenv installed",
                real.display()
            )));
        };
        let mut found = Self::default();
        let version = name.trim_start_matches("python");
        let packages = format!("lib/python{version}/site-packages");
        let skip = |path: &str| {
            let inside = path.strip_prefix(&format!("lib/python{version}/"));
            let unused = inside.and_then(|path| path.split('/').next()).is_some_and(|first| {
                LEFT_OUT.contains(&first) || first.starts_with("config-") || first == "lib2to3"
            });
            // Windows again, with all the libraries that draw them.
            let drawing = inside.is_some_and(|path| path.starts_with("lib-dynload/_tkinter."));
            // An environment has packages of its own.
            unused || drawing || path.ends_with(".a") || settings.is_some() && path.starts_with(&packages)
        };
        collect(installation, "lib", INSTALLATION, &skip, &mut found.installation)?;
        let program = format!("{INSTALLATION}/bin/{name}");
        found.installation.insert(program.clone(), Entry::File { from: real.clone(), mode: 0o755 });
        found.program = program;
        if let Some(settings) = &settings {
            if settings.lines().any(|line| line.replace(' ', "") == "include-system-site-packages=true") {
                return Err(Error::Image(format!(
                    "the environment at `{}` also uses packages of the Python below",
                    folder.display()
                )));
            }
            let programs =
                |path: &str| matches!(path.split('/').next(), Some("bin" | "include" | "pyvenv.cfg"));
            collect(folder, "", ENVIRONMENT, &programs, &mut found.environment)?;
            let text = format!("home = /{INSTALLATION}/bin\ninclude-system-site-packages = false\n");
            let place = format!("{ENVIRONMENT}/pyvenv.cfg");
            found.environment.insert(place, Entry::Text { text, mode: 0o644 });
            let to = format!("/{}", found.program);
            found.program = format!("{ENVIRONMENT}/bin/python");
            found.environment.insert(found.program.clone(), Entry::Link { to });
        }
        found.missing = needed(&found, system)?;
        Ok(found)
    }
}

/// The files below `root/inner`, as entries below `place`. Links that lead out of `root` become what they lead to.
fn collect(
    root: &Path,
    inner: &str,
    place: &str,
    skip: &dyn Fn(&str) -> bool,
    into: &mut BTreeMap<String, Entry>,
) -> Result<(), Error> {
    let mut waiting = vec![root.join(inner)];
    while let Some(folder) = waiting.pop() {
        let at = |e| io::Error::new("list", &folder, e);
        for item in std::fs::read_dir(&folder).map_err(at)? {
            let item = item.map_err(at)?;
            let (path, kind) = (item.path(), item.file_type().map_err(at)?);
            let inside = path.strip_prefix(root).ok().and_then(Path::to_str);
            let Some(inside) = inside else {
                return Err(Error::Image(format!("the name of `{}` is no text", path.display())));
            };
            if skip(inside) || item.file_name() == "__pycache__" {
                continue;
            }
            let name = format!("{place}/{inside}");
            if into.len() > MOST {
                return Err(Error::Image(format!(
                    "`{}` has more than {MOST} files: is it an environment?",
                    root.display()
                )));
            }
            if kind.is_dir() {
                into.insert(name, Entry::Folder { mode: 0o755 });
                waiting.push(path);
            } else if kind.is_symlink() {
                link(root, &path, name, into)?;
            } else if kind.is_file() {
                into.insert(name, file(&path)?);
            }
        }
    }
    Ok(())
}

fn link(root: &Path, path: &Path, name: String, into: &mut BTreeMap<String, Entry>) -> Result<(), Error> {
    // One that leads nowhere is of no use in the image either.
    let Ok(real) = std::fs::canonicalize(path) else { return Ok(()) };
    let target = std::fs::read_link(path).map_err(|e| io::Error::new("read", path, e))?;
    let stays = std::fs::canonicalize(root).is_ok_and(|root| real.starts_with(root));
    match target.to_str().filter(|_| stays && target.is_relative()) {
        Some(to) => into.insert(name, Entry::Link { to: to.to_owned() }),
        None if real.is_file() => into.insert(name, file(&real)?),
        None => return Err(Error::Image(format!("`{}` leads to a folder elsewhere", path.display()))),
    };
    Ok(())
}

fn file(path: &Path) -> Result<Entry, Error> {
    use std::os::unix::fs::PermissionsExt as _;
    let about = std::fs::metadata(path).map_err(|e| io::Error::new("look at", path, e))?;
    let mode = if about.permissions().mode() & 0o111 == 0 { 0o644 } else { 0o755 };
    Ok(Entry::File { from: path.to_owned(), mode })
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Takes the libraries that the programs of `python` need into `system`; those that are nowhere are given back.
fn needed(python: &Python, system: &mut BTreeMap<String, Entry>) -> Result<BTreeSet<String>, Error> {
    let own = || python.installation.iter().chain(&python.environment);
    // What a wheel brings along it finds by itself.
    let brought: BTreeSet<&str> = own().map(|(path, _)| last(path)).collect();
    let mut there: BTreeSet<String> = system.keys().map(|path| last(path).to_owned()).collect();
    let mut waiting: Vec<PathBuf> = Vec::new();
    for (path, entry) in own() {
        if let Entry::File { from, .. } = entry
            && (last(path).contains(".so") || path.contains("/bin/"))
        {
            waiting.push(from.clone());
        }
    }
    let mut missing = BTreeSet::new();
    while let Some(path) = waiting.pop() {
        let bytes = io::read(&path)?;
        for name in elf::needed(&bytes) {
            // An installation may only know by its own old place where its own library is.
            let own = format!("{INSTALLATION}/lib/{name}");
            if python.installation.contains_key(&own) {
                system.insert(format!("usr/lib/{name}"), Entry::Link { to: format!("/{own}") });
            }
            if brought.contains(name) || there.contains(name) || missing.contains(name) {
                continue;
            }
            match libraries::find(name) {
                Some(library) => {
                    libraries::with_links(system, &library);
                    there.insert(name.to_owned());
                    waiting.push(library);
                }
                None => {
                    missing.insert(name.to_owned());
                }
            }
        }
    }
    Ok(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_moves_to_a_place_of_its_own_with_what_it_links_to() {
        let dir = tempfile::tempdir().unwrap();
        let (below, above) = (dir.path().join("cpython"), dir.path().join("env"));
        let write = |path: &Path, text: &str| {
            io::create_dir_all(path.parent().unwrap()).unwrap();
            io::write(path, text).unwrap();
        };
        // This very program stands for an interpreter: it needs libraries of the system.
        io::create_dir_all(below.join("bin")).unwrap();
        std::fs::copy(std::env::current_exe().unwrap(), below.join("bin/python3.11")).unwrap();
        write(&below.join("lib/python3.11/os.py"), "");
        write(&below.join("lib/python3.11/test/test_os.py"), "");
        write(&below.join("lib/python3.11/__pycache__/os.cpython-311.pyc"), "");
        write(&below.join("lib/python3.11/site-packages/other.py"), "");
        write(&above.join("lib/python3.11/site-packages/own/tests/__init__.py"), "");
        write(&above.join("pyvenv.cfg"), "home = elsewhere\ninclude-system-site-packages = false\n");
        write(&above.join("bin/pip"), "#!/elsewhere");
        write(&dir.path().join("far.txt"), "far");
        std::os::unix::fs::symlink(below.join("bin/python3.11"), above.join("bin/python")).unwrap();
        std::os::unix::fs::symlink("lib", above.join("lib64")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("far.txt"), above.join("lib/far")).unwrap();
        let mut system = BTreeMap::new();
        let found = Python::of(&above.join("bin/python"), &mut system).unwrap();
        let names = |entries: &BTreeMap<String, Entry>| -> Vec<String> {
            let files = entries.iter().filter(|(_, e)| !matches!(e, Entry::Folder { .. }));
            files.map(|(path, _)| path.clone()).collect()
        };
        assert_eq!(
            names(&found.installation),
            ["opt/mlwright/python/bin/python3.11", "opt/mlwright/python/lib/python3.11/os.py"]
        );
        let at = |name: &str| format!("opt/mlwright/environment/{name}");
        let wanted = ["bin/python", "lib/far", "lib/python3.11/site-packages/own/tests/__init__.py", "lib64"];
        assert_eq!(names(&found.environment), [wanted.map(at).to_vec(), vec![at("pyvenv.cfg")]].concat());
        assert!(
            matches!(&found.environment[&at("bin/python")], Entry::Link { to } if to == "/opt/mlwright/python/bin/python3.11")
        );
        assert!(matches!(&found.environment[&at("lib64")], Entry::Link { to } if to == "lib"));
        assert!(matches!(&found.environment[&at("lib/far")], Entry::File { .. }));
        assert!(
            matches!(&found.environment[&at("pyvenv.cfg")], Entry::Text { text, .. } if text.starts_with("home = /opt/mlwright/python/bin\n"))
        );
        assert_eq!(found.program, at("bin/python"));
        assert!(system.keys().any(|path| path.contains("libc.so")), "{:?}", system.keys());
        // Twice the same.
        let again = Python::of(&above.join("bin/python"), &mut BTreeMap::new()).unwrap();
        assert_eq!(names(&again.environment), names(&found.environment));
        write(&above.join("pyvenv.cfg"), "include-system-site-packages = true\n");
        assert!(matches!(Python::of(&above.join("bin/python"), &mut BTreeMap::new()), Err(Error::Image(_))));
    }
}
