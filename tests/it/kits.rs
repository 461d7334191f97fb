//! The kits for test suites in other languages, each with its own tests, against the built program.

use crate::support::{
    clients::blocking,
    repository,
    tools::{self, output},
};
use std::process::Command;

/// A command in a kit's folder, for the built program.
fn kit(folder: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(repository(folder)).env("POCKETSHIFT", env!("CARGO_BIN_EXE_pocketshift"));
    command
}

#[tokio::test]
async fn python() {
    blocking(|| {
        let python = tools::pytest();
        let arguments =
            ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "pocketshift.plugin"];
        let mut tests = kit("kits/python", python);
        tests.args(arguments).arg("tests").env("PYTHONPATH", repository("kits/python/src"));
        output(tests.env("PYTHONDONTWRITEBYTECODE", "1"));
    })
    .await;
}

#[tokio::test]
async fn node() {
    blocking(|| output(kit("kits/node", "node").args(["--test", "test/"]))).await;
}

#[tokio::test]
async fn go() {
    blocking(|| {
        if !tools::works("go", &["version"]) {
            println!("left out: there is no go");
            return;
        }
        output(kit("kits/go", "go").args(["vet", "./..."]));
        output(kit("kits/go", "go").args(["test", "-count=1", "./..."]));
    })
    .await;
}

#[tokio::test]
async fn java() {
    blocking(|| {
        if !tools::works("mvn", &["--version"]) {
            println!("left out: there is no mvn");
            return;
        }
        let build = tools::place("java");
        let mut maven = kit("kits/java", "mvn");
        output(
            maven.args(["-q", "-B", "test"]).arg(format!("-DbuildDirectory={}", build.display())),
        );
    })
    .await;
}
