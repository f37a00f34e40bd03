//! The shell script that lightweight components begin with: it installs packages with pip, then starts the program
//! (`_get_packages_to_install_command` of `kfp/dsl/component_factory.py`). The packages become an environment that is
//! built once, and the script is left out.

use pipelines::PythonEnv;

/// The module that runs a Python function as a component.
pub(crate) const EXECUTOR_MODULE: &str = "kfp.dsl.executor_main";

/// A lightweight component without its installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lightweight {
    pub start: Start,
    pub python: PythonEnv,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// The source of the module that holds the function.
    Module(String),
    /// A command that is not the known one: it is started as it is.
    Command(Vec<String>),
}

/// `None` if it is not a Python function whose source the command holds.
pub(crate) fn lightweight(image: &str, command: &[String]) -> Option<Lightweight> {
    // A containerized component has its source in its image: `python3 -m kfp.dsl.executor_main`.
    let position = command.iter().position(|part| part.contains(EXECUTOR_MODULE))?;
    if !command.get(position)?.contains("ephemeral_component.py") {
        return None;
    }
    let version = python_of(image);
    let (requirements, rest) = match command {
        [sh, c, script, rest @ ..] if sh == "sh" && c == "-c" => match requirements(script) {
            Some(requirements) => (requirements, rest),
            // Not the known script: it may do as it likes, pip is there.
            None => (vec!["pip".to_owned()], command),
        },
        rest => (Vec::new(), rest),
    };
    let start = match rest {
        [sh, flags, script, source] if sh == "sh" && flags == "-ec" && is_launcher(script) => {
            Start::Module(source.clone())
        }
        other => Start::Command(other.to_vec()),
    };
    Some(Lightweight { start, python: PythonEnv { version, requirements } })
}

/// Whether it is the script that writes the source to a file and runs it, and does nothing else.
fn is_launcher(script: &str) -> bool {
    let words: Vec<&str> = script.split_whitespace().collect();
    words.join(" ")
        == "program_path=$(mktemp -d) printf \"%s\" \"$0\" > \"$program_path/ephemeral_component.py\" \
            _KFP_RUNTIME=true python3 -m kfp.dsl.executor_main --component_module_path \
            \"$program_path/ephemeral_component.py\" \"$@\""
}

/// The Python of an image, such as 3.11 of `python:3.11-slim` and of `ubi9/python-311:latest`.
pub(crate) fn python_of(image: &str) -> Option<String> {
    let name = image.split('@').next()?.rsplit('/').next()?;
    let (name, tag) = name.split_once(':').unwrap_or((name, ""));
    let numbers = match name {
        "python" => tag.split('-').next()?.to_owned(),
        _ => {
            let digits = name.strip_prefix("python-")?;
            if let Some(minor) = digits.strip_prefix('3').filter(|rest| !rest.contains('.')) {
                format!("3.{minor}")
            } else {
                digits.to_owned()
            }
        }
    };
    let mut parts = numbers.split('.');
    let (major, minor) = (parts.next()?.parse::<u32>().ok()?, parts.next()?.parse::<u32>().ok()?);
    Some(format!("{major}.{minor}"))
}

/// What the script installs, in order; `None` if it does anything else.
fn requirements(script: &str) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let mut options = Vec::new();
    let script = script.replace("&&", "\n");
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let line = line.strip_prefix("PIP_DISABLE_PIP_VERSION_CHECK=1 ").unwrap_or(line).trim();
        if is_preparation(line) {
            continue;
        }
        let arguments = line.strip_prefix("python3 -m pip install ")?;
        let mut without_deps = false;
        let mut packages = Vec::new();
        let mut words = words(arguments)?.into_iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quiet" | "--no-warn-script-location" | "--user" => {}
                "--no-deps" => without_deps = true,
                "--index-url" | "--extra-index-url" | "--trusted-host" => {
                    let option = format!("{word} {}", words.next()?);
                    if !options.contains(&option) {
                        options.push(option);
                    }
                }
                other if other.starts_with('-') => return None,
                _ => packages.push(word),
            }
        }
        for package in packages {
            let entry = if without_deps { format!("--no-deps {package}") } else { package };
            if !found.contains(&entry) {
                found.push(entry);
            }
        }
    }
    options.extend(found);
    Some(options)
}

/// Lines that make sure of pip, make a virtual environment, or go on to the program.
fn is_preparation(line: &str) -> bool {
    const LINES: [&str; 9] = [
        "if ! [ -x \"$(command -v pip)\" ]; then",
        "python3 -m ensurepip || python3 -m ensurepip --user || apt-get install python3-pip",
        "fi",
        "PIP_DISABLE_PIP_VERSION_CHECK=1",
        "export PIP_DISABLE_PIP_VERSION_CHECK=1",
        "tmp=$(mktemp -d)",
        "python3 -m venv \"$tmp/venv\" --system-site-packages",
        ". \"$tmp/venv/bin/activate\"",
        "\"$0\" \"$@\"",
    ];
    LINES.contains(&line)
}

/// Words as a shell splits them. `None` if something would be expanded.
fn words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '"' => break,
                        '\\' => word.push(chars.next()?),
                        '$' | '`' => return None,
                        c => word.push(c),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(chars.next()?),
            '$' | '`' | ';' | '|' | '&' | '<' | '>' | '(' | ')' | '*' | '?' => return None,
            c if c.is_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAUNCHER: &str = "program_path=$(mktemp -d)\n\nprintf \"%s\" \"$0\" > \"$program_path/ephemeral_component.py\"\n\
        _KFP_RUNTIME=true python3 -m kfp.dsl.executor_main                         --component_module_path     \
        \"$program_path/ephemeral_component.py\"                         \"$@\"\n";

    fn script(install: &str) -> String {
        format!(
            "\nif ! [ -x \"$(command -v pip)\" ]; then\n    python3 -m ensurepip || python3 -m ensurepip --user || \
             apt-get install python3-pip\nfi\n\nPIP_DISABLE_PIP_VERSION_CHECK=1 {install} && \"$0\" \"$@\"\n"
        )
    }

    fn of(install: &str) -> Lightweight {
        let command = ["sh", "-c", &script(install), "sh", "-ec", LAUNCHER, "source"].map(str::to_owned);
        lightweight("python:3.11", &command).unwrap()
    }

    #[test]
    fn the_known_script_becomes_an_environment() {
        let kfp = "python3 -m pip install --quiet --no-warn-script-location 'kfp==2.17.0' '--no-deps' \
                   'typing-extensions>=3.7.4,<5; python_version<\"3.9\"'";
        let plain = of(kfp);
        assert_eq!(plain.start, Start::Module("source".into()));
        assert_eq!(plain.python.version.as_deref(), Some("3.11"));
        assert_eq!(
            plain.python.requirements,
            ["--no-deps kfp==2.17.0", "--no-deps typing-extensions>=3.7.4,<5; python_version<\"3.9\""]
        );
        let more = of(&format!(
            "python3 -m pip install --quiet --no-warn-script-location --index-url https://a/simple --trusted-host a \
             'six==1.16.0' \"x[y]; extra=='z'\"  &&  {kfp}"
        ));
        assert_eq!(
            more.python.requirements[..4],
            ["--index-url https://a/simple", "--trusted-host a", "six==1.16.0", "x[y]; extra=='z'"]
        );
    }

    #[test]
    fn an_unknown_script_is_left_as_it_is() {
        let odd = of("curl https://x | sh && python3 -m pip install 'kfp'");
        assert!(matches!(&odd.start, Start::Command(words) if words.len() == 7));
        assert_eq!(odd.python.requirements, ["pip"]);
    }

    #[test]
    fn what_has_its_source_in_the_image_is_not_lightweight() {
        let command = ["python3", "-m", EXECUTOR_MODULE].map(str::to_owned);
        assert_eq!(lightweight("kfp-image", &command), None);
        assert_eq!(lightweight("alpine", &["echo".to_owned()]), None);
    }

    #[test]
    fn an_image_tells_its_python() {
        for (image, version) in [
            ("python:3.11", Some("3.11")),
            ("python:3.9.18-slim", Some("3.9")),
            ("registry.access.redhat.com/ubi9/python-311:latest", Some("3.11")),
            ("public.ecr.aws/docker/library/python:3.12", Some("3.12")),
            ("python:alpine3.9", None),
            ("python", None),
            ("alpine:latest", None),
        ] {
            assert_eq!(python_of(image).as_deref(), version, "{image}");
        }
    }
}
