//! What carries the program to its users: the npm package, the systemd unit, the action and the workflow.

use crate::support::{
    child::program,
    clients::blocking,
    lab::{client, get},
    repository,
    tools::{self, output},
};
use pocketshift::object::ObjectExt;
use serde_json::Value;
use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

fn read(path: &str) -> String {
    fs::read_to_string(repository(path)).expect("a file")
}

fn yaml(path: &str) -> Value {
    serde_norway::from_str(&read(path)).expect("YAML")
}

#[test]
fn all_have_the_programs_version() {
    let version = env!("CARGO_PKG_VERSION");
    let package: Value = serde_json::from_str(&read("kits/node/package.json")).expect("JSON");
    assert_eq!(package.str_at("version"), version);
    assert!(read("kits/java/pom.xml").contains(&format!("<version>{version}</version>")));
    // The wheel's is the program's own.
    assert!(read("kits/python/pyproject.toml").contains("dynamic = [\"version\"]"));
}

/// Packed, installed and used without a word of where the program is. The program in it leads to the one that
/// was built: what is tested is the package.
#[tokio::test]
async fn the_npm_package() {
    blocking(|| {
        let place = tempfile::tempdir().expect("a folder");
        let (kit, user) = (place.path().join("node"), place.path().join("user"));
        output(Command::new("cp").arg("-r").arg(repository("kits/node")).arg(&kit));
        for folder in [kit.join("bin"), user.clone()] {
            fs::create_dir_all(folder).expect("a folder");
        }
        let bin = kit.join("bin/pocketshift");
        let text = format!("#!/bin/sh\nexec {} \"$@\"\n", env!("CARGO_BIN_EXE_pocketshift"));
        fs::write(&bin, text).expect("a file");
        fs::set_permissions(&bin, fs::Permissions::from_mode(0o755)).expect("a program");
        let npm = |folder: &Path, arguments: &[&str]| {
            let mut npm = Command::new("npm");
            npm.current_dir(folder).env_remove("POCKETSHIFT").args(arguments);
            output(&mut npm)
        };
        let packed = npm(&kit, &["pack", "--silent", "--pack-destination", "../user"]);
        npm(&user, &["init", "--yes", "--silent"]);
        let packed = format!("./{}", packed.trim());
        npm(&user, &["install", "--silent", "--offline", "--no-audit", "--no-fund", &packed]);
        assert!(
            npm(&user, &["exec", "--offline", "--", "pocketshift", "--version"])
                .contains("pocketshift")
        );
        let script = "import { Host } from \"pocketshift\";\n\
            const host = await Host.start();\n\
            const cluster = await host.create(\"one\");\n\
            console.log(await host.clusters());\n\
            await host.stop();\n";
        fs::write(user.join("use.mjs"), script).expect("a file");
        let said = output(
            Command::new("node").arg("use.mjs").current_dir(&user).env_remove("POCKETSHIFT"),
        );
        assert!(said.contains("'one'"), "{said}");
    })
    .await;
}

#[test]
fn the_systemd_unit() {
    if !tools::works("systemd-analyze", &["--version"]) {
        println!("left out: there is no systemd-analyze");
        return;
    }
    let unit = repository("packaging/pocketshift.service");
    output(Command::new("systemd-analyze").arg("verify").arg(unit));
}

/// The step of the action, as a runner performs it; then a cluster is there for the steps that follow.
#[tokio::test]
async fn the_action() {
    let action = yaml("packaging/action.yml");
    let step = &action["runs"]["steps"][0];
    let place = tempfile::tempdir().expect("a folder");
    let (home, data) = (place.path(), place.path().join("pocketshift"));
    let said = |name: &str| place.path().join(name);
    let mut shell = Command::new("bash");
    shell.args(["-e", "-c", step.str_at("run")]).env_clear().env("HOME", home);
    shell.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    let flags = action.str_at("inputs.flags.default");
    shell.env("PROGRAM", env!("CARGO_BIN_EXE_pocketshift"));
    shell.env("FLAGS", format!("{flags} --secure-port 0 --registry-port 0"));
    shell.env("POCKETSHIFT_DATA_DIR", &data);
    shell.env("GITHUB_OUTPUT", said("output")).env("GITHUB_ENV", said("env"));
    blocking(move || output(&mut shell)).await;
    let outputs = fs::read_to_string(said("output")).expect("outputs");
    let kubeconfig = outputs.trim().strip_prefix("kubeconfig=").expect("a path");
    let text = fs::read_to_string(kubeconfig).expect("a kubeconfig");
    assert_eq!(get(&client(&text, None).await, "/api/v1/nodes").await.code, 200);
    let data = data.to_string_lossy().into_owned();
    let home = home.to_owned();
    blocking(move || output(program(&home).args(["stop", "--data-dir", &data]))).await;
    let env = fs::read_to_string(said("env")).expect("variables");
    assert!(env.contains(&format!("KUBECONFIG={kubeconfig}")), "{env}");
}

/// What reads workflows before anybody runs them.
const LINTER: &str = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.9";

#[tokio::test]
async fn the_release_workflow_is_well_formed() {
    blocking(|| {
        let workflow = repository(".github/workflows/release.yml");
        let own = tools::place("go").join("actionlint");
        let mut install = Command::new("go");
        install.args(["install", LINTER]).env("GOBIN", tools::place("go")).env("GOFLAGS", "");
        let there = own.exists() || install.output().is_ok_and(|out| out.status.success());
        match there {
            true => drop(output(Command::new(own).arg(workflow))),
            false => println!("left out: there is no {LINTER}, and no go that can have it"),
        }
    })
    .await;
}

/// Every platform that is promised has its job, and every file that a job names is there.
#[test]
fn the_release_workflow() {
    let workflow = yaml(".github/workflows/release.yml");
    let rows = workflow["jobs"]["build"]["strategy"]["matrix"]["include"].as_array().cloned();
    let targets: Vec<String> =
        rows.unwrap_or_default().iter().map(|row| row.str_at("target").to_owned()).collect();
    for system in ["unknown-linux-musl", "apple-darwin"] {
        for processor in ["x86_64", "aarch64"] {
            assert!(targets.contains(&format!("{processor}-{system}")), "{processor}-{system}");
        }
    }
    for path in ["kits/python/pyproject.toml", "kits/node/package.json"] {
        assert!(repository(path).exists());
    }
}
