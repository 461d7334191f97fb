//! The real clients: found on this machine, or installed (pinned) below `target/` with the
//! ordinary package managers. A client that cannot be had fails the test that needs it.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

/// The official Python client.
const PYTHON_CLIENT: &str = "kubernetes==36.0.2";

/// Runs a command to its end; answers its standard output.
pub fn output(command: &mut Command) -> String {
    let shown = format!("{command:?}");
    let out = command.output().unwrap_or_else(|e| panic!("{shown}: {e}"));
    assert!(
        out.status.success(),
        "{shown}: {}\n{}{}",
        out.status,
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr)
    );
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// A folder below the build's own, where things are installed once.
pub fn place(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients");
    fs::create_dir_all(&root).expect("a folder");
    root.join(name)
}

/// Does something once for all test runs: a file lock keeps others away meanwhile, a stamp with
/// the same text says that it is done.
fn once(name: &str, text: &str, work: impl FnOnce()) {
    let lock = File::create(place(&format!("{name}.lock"))).expect("a file");
    lock.lock().expect("the lock");
    let stamp = place(&format!("{name}.done"));
    if fs::read_to_string(&stamp).is_ok_and(|t| t == text) {
        return;
    }
    work();
    fs::write(stamp, text).expect("a file");
}

/// A Python with the official client.
pub fn python() -> PathBuf {
    let folder = place("python");
    let python = folder.join("bin/python");
    once("python", PYTHON_CLIENT, || {
        output(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder));
        output(Command::new(&python).args(["-m", "pip", "install", "--quiet", PYTHON_CLIENT]));
    });
    python
}

/// What builds the wheel.
const MATURIN: &str = "maturin==1.16.0";

/// What makes wheels that hold programs.
pub fn maturin() -> PathBuf {
    let folder = place("maturin");
    once("maturin", MATURIN, || {
        output(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder));
        let python = folder.join("bin/python");
        output(Command::new(python).args(["-m", "pip", "install", "--quiet", MATURIN]));
    });
    folder.join("bin/maturin")
}

/// What runs the Python kit's tests.
const PYTEST: &str = "pytest==9.2.0";

/// A Python with the official client and pytest.
pub fn pytest() -> PathBuf {
    let python = python();
    once("pytest", &format!("{PYTHON_CLIENT} {PYTEST}"), || {
        output(Command::new(&python).args(["-m", "pip", "install", "--quiet", PYTEST]));
    });
    python
}

/// What operators are written with in Python.
const KOPF: &str = "kopf==1.45.2";

/// A Python with the official client and kopf.
pub fn kopf() -> PathBuf {
    let python = python();
    once("kopf", &format!("{PYTHON_CLIENT} {KOPF}"), || {
        output(Command::new(&python).args(["-m", "pip", "install", "--quiet", KOPF]));
    });
    python
}

/// What serves buckets as S3 does.
const MOTO: &str = "moto[server]==5.2.1";

/// A server of buckets.
pub fn moto() -> PathBuf {
    let folder = place("moto");
    once("moto", MOTO, || {
        output(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder));
        let python = folder.join("bin/python");
        output(Command::new(python).args(["-m", "pip", "install", "--quiet", MOTO]));
    });
    folder.join("bin/moto_server")
}

/// A folder with the scripts of `tests/clients/node` and their modules, as the lock file pins them.
pub fn node() -> PathBuf {
    scripts("node")
}

/// The same for the scripts that drive a browser.
pub fn console() -> PathBuf {
    scripts("console")
}

fn scripts(name: &str) -> PathBuf {
    let source = super::repository(&format!("tests/clients/{name}"));
    let folder = place(name);
    let names = ["package.json", "package-lock.json"];
    let pins: String = names.map(|n| fs::read_to_string(source.join(n)).expect("a pin")).concat();
    once(name, &pins, || {
        fs::create_dir_all(&folder).expect("a folder");
        for name in names {
            fs::copy(source.join(name), folder.join(name)).expect("a copy");
        }
        let install = ["ci", "--no-audit", "--no-fund", "--ignore-scripts"];
        output(Command::new("npm").args(install).current_dir(&folder));
    });
    for entry in fs::read_dir(source).expect("a folder").map(|e| e.expect("an entry").path()) {
        if entry.extension().is_some_and(|x| x == "mjs") {
            fs::copy(&entry, folder.join(entry.file_name().expect("a name"))).expect("a copy");
        }
    }
    folder
}

/// Whether a program is there and runs.
pub fn works(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|o| o.status.success())
}

/// Programs of the same name as their Debian package, installed where missing.
pub fn debian(programs: &[&str]) {
    for program in programs {
        if works(program, &["--version"]) {
            continue;
        }
        once(program, "", || {
            let install = format!("apt-get update -q && apt-get install -qy {program}");
            output(Command::new("sh").args(["-c", &install]));
        });
        assert!(works(program, &["--version"]), "{program} is neither there nor can it be had");
    }
}

/// Whether a program is there, or can be installed with its Debian package.
pub fn debian_may(package: &str, program: &str) -> bool {
    let works = || works(program, &["--version"]);
    if !works() {
        once(package, "", || {
            let install = format!("apt-get update -q && apt-get install -qy {package}");
            // Where it cannot be had, whoever asked says so.
            let _ = Command::new("sh").args(["-c", &install]).output();
        });
    }
    works()
}

/// `kubectl`: the one on the path, else Debian's.
pub fn kubectl() -> PathBuf {
    let works = || works("kubectl", &["version", "--client"]);
    if !works() {
        once("kubectl", "", || {
            let install = "apt-get update -q && apt-get install -qy kubernetes-client";
            output(Command::new("sh").args(["-c", install]));
        });
        assert!(works(), "kubectl is neither on the path nor can it be installed");
    }
    "kubectl".into()
}
