//! Real Python, real pickles, some of them hostile, in the real sandbox.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests may")]

use std::ffi::OsString;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use mlwright_workers::{Error, Limits, PythonModel, Settings, devices, environment};
use runtimes::{ColumnSpec, ColumnType, InputSchema, MlModel, Model as _, Tensor, TensorData};

/// A Python with numpy, pandas, scikit-learn and cloudpickle; `None`, loudly, where there is none; a failure in CI.
fn python() -> Option<PathBuf> {
    let found = std::env::var_os("MLWRIGHT_TEST_PYTHON").map(PathBuf::from).filter(|path| path.exists());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "MLWRIGHT_TEST_PYTHON is not set, and CI may not skip");
        eprintln!("SKIPPED: set MLWRIGHT_TEST_PYTHON to a Python with scikit-learn");
    }
    found
}

struct House {
    python: PathBuf,
    dir: tempfile::TempDir,
    settings: Settings,
}

impl House {
    fn new() -> Option<Self> {
        let python = python()?;
        let dir = tempfile::tempdir().unwrap();
        let entry: Vec<OsString> =
            vec![env!("CARGO_BIN_EXE_mlwright-sandbox").into(), "internal-sandbox".into()];
        let mut settings = Settings::new(entry, dir.path().join("workers"));
        if !settings.protection.suffices() {
            assert!(std::env::var_os("CI").is_none(), "no sandbox here: {}", settings.protection.reason);
            eprintln!("SKIPPED: {}", settings.protection.reason);
            return None;
        }
        settings.limits = Limits { request: Duration::from_secs(20), memory: 600 << 20, ..Limits::default() };
        Some(Self { python, dir, settings })
    }

    /// A model directory with one pickle, which `source` writes: Python that sets `model`.
    fn pickle(&self, name: &str, source: &str) -> PathBuf {
        let dir = self.dir.path().join(name);
        types::io::create_dir_all(&dir).unwrap();
        let program =
            format!("import cloudpickle\n{source}\ncloudpickle.dump(model, open('model.pkl', 'wb'))\n");
        let made = Command::new(&self.python).arg("-c").arg(program).current_dir(&dir).status().unwrap();
        assert!(made.success());
        dir
    }

    fn open(&self, dir: &Path) -> Result<PythonModel, Error> {
        PythonModel::open(&self.settings, &self.python, dir, &two_columns(), Some(&rows(&[1.0, 2.0])))
    }
}

fn two_columns() -> MlModel {
    let column =
        |name: &str| ColumnSpec { name: name.into(), column_type: ColumnType::Double, required: true };
    MlModel { inputs: InputSchema::Columns(vec![column("a"), column("b")]), ..MlModel::default() }
}

fn rows(a: &[f64]) -> Vec<Tensor> {
    let tensor = |name: &str, v: &[f64]| Tensor::new(name, [v.len() as i64], TensorData::F64(v.to_vec()));
    vec![tensor("a", a), tensor("b", &a.iter().map(|x| x * 10.0).collect::<Vec<_>>())]
}

const SUM: &str = "
class Sum:
    def predict(self, frame):
        return (frame['a'] + frame['b']).to_numpy()
model = Sum()
";

#[test]
fn a_scikit_learn_pickle_answers_as_it_does_in_its_own_python() {
    let Some(house) = House::new() else { return };
    let dir = house.pickle(
        "forest",
        "
import numpy, pandas, json
from sklearn.ensemble import RandomForestClassifier
r = numpy.random.default_rng(0)
X = pandas.DataFrame({'a': r.normal(size=200), 'b': r.normal(size=200)})
model = RandomForestClassifier(n_estimators=7, random_state=0).fit(X, X.a + X.b > 0)
x = pandas.DataFrame({'a': [1.0, -2.0, 0.1], 'b': [10.0, -20.0, 1.0]})
json.dump({'labels': model.predict(x).tolist(), 'scores': model.predict_proba(x).reshape(-1).tolist()}, open('expected.json', 'w'))
",
    );
    let expected: serde_json::Value =
        serde_json::from_slice(&types::io::read(dir.join("expected.json")).unwrap()).unwrap();
    let model = house.open(&dir).unwrap();
    assert_eq!(model.about().loader, "pickle");
    let inputs = rows(&[1.0, -2.0, 0.1]);
    let labels = model.run(&inputs, &[]).unwrap();
    let wanted: Vec<bool> = serde_json::from_value(expected["labels"].clone()).unwrap();
    assert_eq!((labels[0].name.as_str(), &labels[0].data), ("predictions", &TensorData::Bool(wanted)));
    let scores = model.call("predict_proba", &inputs).unwrap().outputs;
    let wanted: Vec<f64> = serde_json::from_value(expected["scores"].clone()).unwrap();
    assert_eq!((scores[0].shape.as_slice(), &scores[0].data), (&[3, 2][..], &TensorData::F64(wanted)));
    let skops = model.export_skops().unwrap();
    assert_eq!(&skops[..2], b"PK", "a zip without code");
    let wrong = model.run(&[Tensor::new("a", [1], TensorData::F64(vec![1.0]))], &[]).unwrap_err();
    assert_eq!(wrong.to_string(), "input `b` is missing");
}

#[test]
fn a_pickle_that_does_evil_when_it_is_opened_reaches_nothing() {
    let Some(house) = House::new() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let secret = house.dir.path().join("secret");
    types::io::write(&secret, "the master key").unwrap();
    let target = house.dir.path().join("written");
    let source = format!(
        "
class Evil:
    def __reduce__(self):
        code = '''
import os, socket, json, ctypes, signal
def attempt(f):
    try:
        return 'did it: %r' % (f(),)
    except BaseException as e:
        return type(e).__name__
found = {{
    'connect': attempt(lambda: socket.create_connection(('127.0.0.1', {port}), 2)),
    'udp': attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)),
    'netlink': attempt(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)),
    'read': attempt(lambda: open('{secret}').read()),
    'shadow': attempt(lambda: open('/etc/shadow').read()),
    'write': attempt(lambda: open('{target}', 'w').write('x')),
    'model': attempt(lambda: open(os.path.join(__import__('sys').argv[1], 'model.pkl'), 'ab').write(b'x')),
    'usr': attempt(lambda: open('/usr/x', 'w')),
    'kill': attempt(lambda: os.kill({pid}, signal.SIGTERM)),
    'mount': ctypes.CDLL(None).mount(b'none', b'/tmp', b'tmpfs', 0, None),
    'unshare': ctypes.CDLL(None).unshare(0x10000000),
    'setuid': attempt(lambda: os.setuid(0)),
    'processes': sum(name.isdigit() for name in os.listdir('/proc')) if os.path.exists('/proc/1') else 0,
    'scratch': attempt(lambda: open('/tmp/x', 'w').write('fine')),
}}
class Tell:
    def predict(self, frame):
        return [json.dumps(found)]
'''
        return (eval, (\"[exec(c, g), g['Tell']()][1]\", {{'c': code, 'g': {{}}}}))
model = Evil()
",
        secret = secret.display(),
        target = target.display(),
        pid = std::process::id(),
    );
    let before = house.pickle("evil", &source);
    let size = types::io::read(before.join("model.pkl")).unwrap().len();
    let model = house.open(&before).unwrap();
    let told = model.run(&rows(&[1.0]), &[]).unwrap();
    let TensorData::Bytes(texts) = &told[0].data else { unreachable!("a text") };
    let found: serde_json::Value = serde_json::from_slice(&texts[0]).unwrap();
    eprintln!("{found}");
    for name in ["connect", "udp", "netlink", "read", "shadow", "write", "model", "usr", "kill", "setuid"] {
        assert!(!found[name].as_str().unwrap().starts_with("did it"), "{name}: {found}");
    }
    assert_eq!((found["mount"].as_i64(), found["unshare"].as_i64()), (Some(-1), Some(-1)));
    assert_eq!(found["scratch"], "did it: 4");
    if house.settings.protection.namespaces {
        assert!(found["processes"].as_i64().unwrap() <= 2, "it sees itself only: {found}");
    }
    assert!(!target.exists());
    assert_eq!(types::io::read(before.join("model.pkl")).unwrap().len(), size);
    assert!(listener.accept().is_err(), "nobody came");
}

#[test]
fn a_model_that_eats_memory_ends_alone_and_is_replaced() {
    let Some(house) = House::new() else { return };
    let dir = house.pickle(
        "glutton",
        "
class Glutton:
    def predict(self, frame):
        if frame['a'][0] > 100:
            import os
            kept = []
            for _ in range(8):
                if os.fork() == 0:
                    while True:
                        kept.append(bytearray(b'x') * (8 << 20))
            os.wait()
            import time; time.sleep(60)
        if frame['a'][0] > 10:
            return [len(bytearray(b'x') * (4 << 30))]
        return frame['a'].to_numpy()
model = Glutton()
",
    );
    let model = house.open(&dir).unwrap();
    let alone = model.run(&rows(&[50.0]), &[]).unwrap_err();
    assert!(alone.to_string().contains("MemoryError"), "{alone}");
    assert_eq!(model.state().failures, 0, "the process itself lives on");
    let together = model.run(&rows(&[500.0]), &[]).unwrap_err();
    assert!(together.to_string().contains("of memory are in use"), "{together}");
    let after = model.run(&rows(&[3.0]), &[]).unwrap();
    assert_eq!(after[0].data, TensorData::F64(vec![3.0]));
    assert_eq!(model.state().failures, 1);
}

#[test]
fn a_model_that_hangs_or_dies_fails_its_own_request_only() {
    let Some(mut house) = House::new() else { return };
    house.settings.processes = 2;
    house.settings.limits.request = Duration::from_secs(4);
    let dir = house.pickle(
        "wild",
        "
class Wild:
    def predict(self, frame):
        a = frame['a'][0]
        if a == 1000:
            while True: pass
        if a == 2000:
            import os, signal; os.kill(os.getpid(), signal.SIGKILL); os._exit(3)
        if a == 3000:
            import os
            for _ in range(100000):
                try: os.fork()
                except OSError: pass
        if a == 4000:
            import sys; sys.exit('bye')
        if a == 5000:
            raise ValueError('I do not like 5000')
        if a == 6000:
            import ctypes; ctypes.string_at(0)
        print('noise ' * 1000)
        return frame['a'].to_numpy()
model = Wild()
",
    );
    let model = house.open(&dir).unwrap();
    // The second process is up as well.
    settle(&model, 2);
    std::thread::scope(|scope| {
        let bad = scope.spawn(|| model.run(&rows(&[1000.0]), &[]));
        let until = Instant::now() + Duration::from_millis(2500);
        let mut answered = 0;
        while Instant::now() < until {
            assert_eq!(model.run(&rows(&[7.0]), &[]).unwrap()[0].data, TensorData::F64(vec![7.0]));
            answered += 1;
        }
        assert!(answered > 20, "{answered} answers beside a request that hangs");
        let error = bad.join().unwrap().unwrap_err();
        assert_eq!(error.to_string(), "the model did not answer within 4 s, so its process was ended");
    });
    let says = |a: f64| model.run(&rows(&[a]), &[]).unwrap_err().to_string();
    assert_eq!(says(5000.0), "the model failed: ValueError: I do not like 5000");
    assert!(says(4000.0).contains("asked to leave"), "its process lives on");
    let dead = says(6000.0);
    assert!(dead.contains("the process of the model ended"), "{dead}");
    settle(&model, 1);
    assert_eq!(model.run(&rows(&[8.0]), &[]).unwrap()[0].data, TensorData::F64(vec![8.0]));
    let forks = Instant::now();
    model.run(&rows(&[3000.0]), &[]).unwrap_err();
    assert!(forks.elapsed() < Duration::from_secs(10));
    settle(&model, 1);
    assert_eq!(model.run(&rows(&[9.0]), &[]).unwrap()[0].data, TensorData::F64(vec![9.0]));
    let work = house.settings.folder.join("work");
    drop(model);
    let until = Instant::now() + Duration::from_secs(10);
    while std::fs::read_dir(&work).unwrap().count() > 0 {
        assert!(Instant::now() < until, "work folders are left");
        std::thread::sleep(Duration::from_millis(20));
    }
    let here = house.dir.path().display().to_string();
    while marked(&here) > 0 {
        assert!(Instant::now() < until, "{} processes are left", marked(&here));
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until so many processes are ready.
fn settle(model: &PythonModel, ready: usize) {
    let until = Instant::now() + Duration::from_secs(120);
    while model.state().ready < ready {
        assert!(Instant::now() < until, "{:?}", model.state());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Processes whose command line names this folder.
fn marked(folder: &str) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|p| types::io::read(p.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).contains(folder)).count()
}

#[test]
fn a_pickle_that_hangs_when_it_is_opened_is_refused() {
    let Some(mut house) = House::new() else { return };
    house.settings.limits.load = Duration::from_secs(3);
    let source = "
class Evil:
    def __reduce__(self):
        return (eval, ('[0 for _ in iter(int, 1)]',))
model = Evil()
";
    let dir = house.pickle("hang", source);
    let error = house.open(&dir).err().unwrap();
    assert!(matches!(error, Error::Timeout { seconds: 3 }), "{error}");
}

#[test]
fn without_a_sandbox_executable_models_are_refused_unless_that_is_allowed() {
    let Some(mut house) = House::new() else { return };
    let dir = house.pickle("sum", SUM);
    house.settings.protection =
        mlwright_workers::Protection { reason: "this is a trial".into(), ..Default::default() };
    let refused = house.open(&dir).err().unwrap();
    assert_eq!(refused.to_string(), "this machine offers no sandbox for executable models: this is a trial");
    assert!(types::Fault::hint(&refused).unwrap().contains("allow_unsandboxed"));
    house.settings.allow_unsandboxed = true;
    let model = house.open(&dir).unwrap();
    assert_eq!(model.run(&rows(&[1.0, 2.0]), &[]).unwrap()[0].data, TensorData::F64(vec![11.0, 22.0]));
}

#[test]
fn a_device_is_there_where_the_settings_name_it() {
    let Some(mut house) = House::new() else { return };
    let dir = house.pickle(
        "device",
        "
class Device:
    def predict(self, frame):
        try:
            with open('/dev/full', 'rb') as device:
                return frame['a'].to_numpy() * 0 + len(device.read(3))
        except OSError:
            return frame['a'].to_numpy() * 0
model = Device()
",
    );
    let read = |house: &House| {
        let model = house.open(&dir).unwrap();
        model.run(&rows(&[1.0]), &[]).unwrap()[0].data.clone()
    };
    assert_eq!(read(&house), TensorData::F64(vec![0.0]));
    house.settings.devices = vec!["/dev/full".into()];
    assert_eq!(read(&house), TensorData::F64(vec![3.0]));
}

/// On machines that have one, with a Python that has PyTorch; elsewhere there is nothing to see.
#[test]
fn a_torch_model_computes_on_the_gpu_where_it_may() {
    let Some(mut house) = House::new() else { return };
    let nvidia = devices::Pattern::try_from("/dev/nvidia*".to_owned()).unwrap();
    let found = devices::find(&[nvidia]);
    if found.is_empty() {
        eprintln!("SKIPPED: /dev/nvidia* is not here, so there is no GPU to compute on");
        return;
    }
    house.settings.limits =
        Limits { memory: 16 << 30, load: Duration::from_mins(3), ..house.settings.limits };
    let dir = house.dir.path().join("torch");
    types::io::create_dir_all(&dir).unwrap();
    let source = "
import torch
class Where(torch.nn.Module):
    def forward(self, x: torch.Tensor):
        total = x.sum(1)
        return torch.stack([total, torch.full_like(total, 1.0 if x.is_cuda else 0.0)], 1)
torch.jit.script(Where()).save('model.pt')
";
    // TorchScript is made from a source that it can look at.
    let program = house.dir.path().join("make.py");
    types::io::write(&program, source).unwrap();
    let made = Command::new(&house.python).arg(program).current_dir(&dir).status().unwrap();
    assert!(made.success());
    let input = Tensor::new("x", [2, 3], TensorData::F32(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    let answer = |house: &House| {
        let about = MlModel::default();
        let example = std::slice::from_ref(&input);
        let model = PythonModel::open(&house.settings, &house.python, &dir, &about, Some(example)).unwrap();
        model.run(example, &[]).unwrap()[0].data.clone()
    };
    assert_eq!(answer(&house), TensorData::F32(vec![6.0, 0.0, 15.0, 0.0]));
    house.settings.devices = found;
    assert_eq!(answer(&house), TensorData::F32(vec![6.0, 1.0, 15.0, 1.0]));
}

#[test]
fn an_environment_is_built_once_and_locked() {
    let dir = tempfile::tempdir().unwrap();
    let wanted = environment::Requirements::parse("# nothing\n", Some("python: 3.11.0"));
    let built = match environment::build(None, dir.path(), &wanted) {
        Ok(built) => built,
        Err(Error::NoUv) => return eprintln!("SKIPPED: there is no uv"),
        Err(error) => unreachable!("{error}"),
    };
    assert!(built.python.exists());
    assert_eq!(environment::build(Some(Path::new("/no/uv")), dir.path(), &wanted).unwrap(), built);
    let bad = environment::Requirements::parse("no-such-package-at-all==9", None);
    assert!(matches!(environment::build(None, &dir.path().join("bad"), &bad), Err(Error::Command { .. })));
}
