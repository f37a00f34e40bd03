//! The Python environment with the real clients, from conformance/requirements.txt, in target/python.

use crate::shell::{self, command, target};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

pub struct Python {
    folder: PathBuf,
    /// The folder of a `uv` that xtask installed itself because the machine has none.
    own_uv: Option<PathBuf>,
}

impl Python {
    /// Makes the environment, or takes the one that was made from the same requirements.
    /// `MLWRIGHT_PYTHON_ENV=<venv>` takes an existing one as it is.
    pub fn prepare() -> Result<Python, String> {
        let own_uv = if shell::which("uv").is_none() { Some(install_uv()?) } else { None };
        if let Some(folder) = std::env::var_os("MLWRIGHT_PYTHON_ENV") {
            return Ok(Python { folder: folder.into(), own_uv });
        }
        Self::make(target().join("python"), "conformance/requirements.txt", own_uv)
    }

    /// The environment of MLflow's own tests, beside the clients'. `MLFLOW_SUITE_PYTHON=<interpreter>` takes an existing one.
    pub fn of_upstream_suites(&self) -> Result<PathBuf, String> {
        self.of_suites("MLFLOW_SUITE_PYTHON", "mlflow-suites", "conformance/upstream/requirements.txt")
    }

    /// The same for lakeFS's: `LAKEFS_SUITE_PYTHON=<interpreter>`.
    pub fn of_lakefs_suites(&self) -> Result<PathBuf, String> {
        self.of_suites("LAKEFS_SUITE_PYTHON", "lakefs-suites", "conformance/upstream/lakefs_requirements.txt")
    }

    /// The same for Kubeflow's client and its suites, whose packages pin others than ours: `KFP_SUITE_PYTHON=<interpreter>`.
    pub fn of_kfp_suites(&self) -> Result<PathBuf, String> {
        self.of_suites("KFP_SUITE_PYTHON", "kfp-suites", "conformance/upstream/kfp_requirements.txt")
    }

    /// The same for the clients of serving, which pin others as well: `SERVING_CLIENTS_PYTHON=<interpreter>`.
    pub fn of_serving_clients(&self) -> Result<PathBuf, String> {
        self.of_suites("SERVING_CLIENTS_PYTHON", "serving-clients", "conformance/serving_requirements.txt")
    }

    /// The folder of an environment with Ray: `MLWRIGHT_RAY=<folder>`.
    pub fn of_ray(&self) -> Result<PathBuf, String> {
        self.of_long("MLWRIGHT_RAY", "ray", "conformance/long/ray_requirements.txt")
    }

    /// The same with a Triton, for the differential run: `MLWRIGHT_TRITON=<folder>`.
    pub fn of_triton(&self) -> Result<PathBuf, String> {
        self.of_long("MLWRIGHT_TRITON", "triton", "conformance/long/triton_requirements.txt")
    }

    /// The same with schemathesis: `MLWRIGHT_SCHEMATHESIS=<folder>`.
    pub fn of_schemathesis(&self) -> Result<PathBuf, String> {
        self.of_long("MLWRIGHT_SCHEMATHESIS", "schemathesis", "conformance/long/schema_requirements.txt")
    }

    fn of_long(&self, variable: &str, folder: &str, requirements: &str) -> Result<PathBuf, String> {
        if let Some(folder) = std::env::var_os(variable) {
            return Ok(folder.into());
        }
        Ok(Self::make(target().join(folder), requirements, self.own_uv.clone())?.folder)
    }

    /// The libraries whose models run natively: `NATIVE_MODELS_PYTHON=<interpreter>`.
    pub fn of_native_models(&self) -> Result<PathBuf, String> {
        self.of_suites("NATIVE_MODELS_PYTHON", "native-models", "conformance/native/requirements.txt")
    }

    /// The same for Evidently's client and its suites, which need an older pandas: `EVIDENTLY_SUITE_PYTHON=<interpreter>`.
    pub fn of_evidently_suites(&self) -> Result<PathBuf, String> {
        self.of_suites(
            "EVIDENTLY_SUITE_PYTHON",
            "evidently-suites",
            "conformance/upstream/evidently_requirements.txt",
        )
    }

    /// What a script of `conformance/statistics` compares with: Evidently, Great Expectations (`GX_PYTHON=<interpreter>`), or
    /// scikit-learn, fairlearn, cleanlab and others (`STATISTICS_PYTHON=<interpreter>`).
    pub fn of_statistics(&self, script: &str) -> Result<PathBuf, String> {
        match script {
            "drift" => self.of_evidently_suites(),
            "gx" => self.of_suites("GX_PYTHON", "gx", "conformance/statistics/gx_requirements.txt"),
            _ => {
                let requirements = "conformance/statistics/requirements.txt";
                self.of_suites("STATISTICS_PYTHON", "statistics", requirements)
            }
        }
    }

    fn of_suites(&self, variable: &str, folder: &str, requirements: &str) -> Result<PathBuf, String> {
        if let Some(program) = std::env::var_os(variable) {
            return Ok(program.into());
        }
        Ok(Self::make(target().join(folder), requirements, self.own_uv.clone())?.program())
    }

    fn make(folder: PathBuf, requirements: &str, own_uv: Option<PathBuf>) -> Result<Python, String> {
        // Two scripts may want the same one at once.
        static MAKING: Mutex<()> = Mutex::new(());
        let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
        let python = Python { folder, own_uv };
        let requirements = shell::root().join(requirements);
        let wanted =
            std::fs::read_to_string(&requirements).map_err(|e| format!("{}: {e}", requirements.display()))?;
        let stamp = python.folder.join("made-from.txt");
        if std::fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
            println!("  {} is up to date", python.folder.display());
            return Ok(python);
        }
        let _ = std::fs::remove_dir_all(&python.folder);
        python.make_environment(&python.folder)?;
        let mut install =
            command(python.uv(), &["pip", "install", "--quiet", "-r", &requirements.to_string_lossy()]);
        if wanted.starts_with("# --no-deps") {
            install.arg("--no-deps");
        }
        shell::run(install.env("VIRTUAL_ENV", &python.folder))?;
        std::fs::write(&stamp, wanted).map_err(|e| format!("{}: {e}", stamp.display()))?;
        Ok(python)
    }

    /// An empty environment at `folder`.
    pub fn make_environment(&self, folder: &Path) -> Result<(), String> {
        // The versions are pinned for 3.11, which uv fetches if the machine has another and may; else what is there.
        let (uv, folder) = (self.uv(), folder.to_string_lossy().into_owned());
        let pinned = shell::run(&mut command(&uv, &["venv", "--quiet", "--python", "3.11", &folder]));
        pinned.or_else(|_| shell::run(&mut command(&uv, &["venv", "--quiet", &folder])))
    }

    /// One wheel, without what it depends on.
    pub fn install(&self, environment: &Path, wheel: &Path) -> Result<(), String> {
        let mut install = command(self.uv(), &["pip", "install", "--quiet", "--no-deps"]);
        shell::run(install.arg(wheel).env("VIRTUAL_ENV", environment))
    }

    /// The folder of installed packages.
    pub fn packages(&self) -> Result<PathBuf, String> {
        let found = folders(&self.folder.join("lib")).into_iter().map(|python| python.join("site-packages"));
        let mut found = found.filter(|packages| packages.is_dir());
        found.next().ok_or_else(|| format!("no site-packages in {}", self.folder.display()))
    }

    pub fn program(&self) -> PathBuf {
        self.folder.join("bin/python")
    }

    fn uv(&self) -> PathBuf {
        self.own_uv.as_ref().map_or_else(|| "uv".into(), |bin| bin.join("uv"))
    }

    /// PATH with the own `uv`, for servers that build environments.
    pub fn path(&self) -> OsString {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = self.own_uv.iter().cloned().chain(std::env::split_paths(&path));
        std::env::join_paths(folders).unwrap_or(path)
    }

    /// MLflow's own web page, which its wheel has built.
    pub fn mlflow_page(&self) -> Option<PathBuf> {
        let pages = folders(&self.folder.join("lib")).into_iter();
        pages.map(|lib| lib.join("site-packages/mlflow/server/js/build")).find(|page| page.is_dir())
    }

    /// The ONNX Runtime library that the `onnxruntime` wheel carries.
    pub fn onnxruntime(&self) -> Result<PathBuf, String> {
        let found = folders(&self.folder.join("lib"))
            .into_iter()
            .flat_map(|python| folders(&python.join("site-packages/onnxruntime/capi")))
            .find(|file| name(file).starts_with("libonnxruntime.so") || name(file) == "libonnxruntime.dylib");
        found.ok_or_else(|| {
            format!(
                "no libonnxruntime in {}; is onnxruntime in conformance/requirements.txt?",
                self.folder.display()
            )
        })
    }
}

fn install_uv() -> Result<PathBuf, String> {
    let folder = target().join("uv");
    let bin = folder.join("bin");
    if !bin.join("uv").is_file() {
        println!("  no uv on PATH: installing it from PyPI into target/uv");
        let made = shell::run(&mut command("python3", &["-m", "venv", &folder.to_string_lossy()]));
        made.map_err(|e| format!("{e}; install Debian: python3-venv, or PyPI: uv"))?;
        shell::run(&mut command(bin.join("pip"), &["install", "--quiet", "uv"]))?;
    }
    Ok(bin)
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    found.sort();
    found
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
