//! What carries the program to its users: the wheel, the npm package, the image, the systemd unit, the action
//! and the workflow.

use crate::support::{
    child::program,
    clients::blocking,
    lab::{client, get},
    repository,
    tools::{self, output},
};
use pocketshift::{config::Serve, object::ObjectExt};
use serde_json::{Value, json};
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

/// Built, installed where nothing else is, and used. Of the build only the compiling is left out: what is put
/// into the wheel is the program of this test.
#[tokio::test]
async fn the_wheel() {
    blocking(|| {
        let place = tempfile::tempdir().expect("a folder");
        let at = |name: &str| place.path().join(name);
        // It is moved about while the wheel is made: others run the one that is there.
        let own = at("pocketshift");
        fs::copy(env!("CARGO_BIN_EXE_pocketshift"), &own).expect("a copy");
        let described = output(
            Command::new(env!("CARGO"))
                .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
                .arg("--manifest-path")
                .arg(repository("Cargo.toml")),
        );
        let described: Value = serde_json::from_str(&described).expect("JSON");
        let package = &described["packages"][0];
        let is_program = |target: &&Value| target["kind"] == json!(["bin"]);
        let target = package["targets"].as_array().expect("targets").iter().find(is_program);
        let built = json!({"reason": "compiler-artifact", "package_id": package["id"],
            "manifest_path": package["manifest_path"], "target": target, "features": [],
            "profile": {"opt_level": "0", "debuginfo": 0, "debug_assertions": true,
                "overflow_checks": true, "test": false},
            "filenames": [own], "executable": own, "fresh": true});
        let done = json!({"reason": "build-finished", "success": true});
        fs::write(at("built"), format!("{built}\n{done}\n")).expect("a file");
        let compiler = format!(
            "#!/bin/sh\ncase \"$*\" in *--message-format*) exec cat {};; esac\nexec {} \"$@\"\n",
            at("built").display(),
            env!("CARGO")
        );
        fs::write(at("cargo"), compiler).expect("a file");
        fs::set_permissions(at("cargo"), fs::Permissions::from_mode(0o755)).expect("a program");
        // Found first, where the real one is looked for.
        let path = std::env::var("PATH").unwrap_or_default();
        output(
            Command::new(tools::maturin())
                .arg("build")
                .arg("-o")
                .arg(at("wheels"))
                .current_dir(repository("kits/python"))
                .env("PATH", format!("{}:{path}", place.path().display()))
                // The one that runs this test has said where it is.
                .env("CARGO", at("cargo"))
                .env("CARGO_TARGET_DIR", at("target")),
        );
        let wheels: Vec<_> = fs::read_dir(at("wheels"))
            .expect("wheels")
            .map(|w| w.expect("a wheel").path())
            .collect();
        assert_eq!(wheels.len(), 1, "{wheels:?}");
        let venv = at("venv");
        output(Command::new("python3").args(["-m", "venv"]).arg(&venv));
        let (python, program) = (venv.join("bin/python"), venv.join("bin/pocketshift"));
        let install = ["-m", "pip", "install", "--quiet", "--no-index", "--no-deps"];
        output(Command::new(&python).args(install).arg(&wheels[0]));
        let version = output(Command::new(program).arg("--version"));
        assert_eq!(version.trim(), format!("pocketshift {}", env!("CARGO_PKG_VERSION")));
        let script = "import pocketshift\n\
            with pocketshift.Host() as host, host.create('one') as cluster:\n    \
            print(pocketshift.program(), host.clusters())\n";
        let said = output(Command::new(python).args(["-c", script]).env_remove("POCKETSHIFT"));
        assert!(said.starts_with(&*venv.to_string_lossy()) && said.contains("'one'"), "{said}");
    })
    .await;
}

/// What is copied into the image is there, its ports are the program's, and nobody in it is root. It is built
/// where something can build it.
#[test]
fn the_image() {
    let text = read("packaging/Containerfile");
    let lines: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_whitespace().collect())
        .collect();
    let of = |word: &'static str| lines.iter().filter(move |line| line.first() == Some(&word));
    assert!(of("FROM").all(|line| line[1] == "scratch"), "there is nothing else in it");
    let copied: Vec<(&str, &str)> = of("COPY")
        .map(|line| {
            let paths: Vec<&str> =
                line[1..].iter().filter(|word| !word.starts_with("--")).copied().collect();
            (paths[0], paths[1])
        })
        .collect();
    for (from, _) in copied.iter().filter(|(from, _)| *from != "${BINARY}") {
        assert!(repository(from).exists(), "{from}");
    }
    let entry = of("ENTRYPOINT").next().expect("an entry").join(" ");
    assert!(copied.contains(&("${BINARY}", "/pocketshift")) && entry.contains("/pocketshift"));
    let user: u32 = of("USER").next().expect("a user")[1].parse().expect("a number");
    assert!(user > 0);
    let ports: Vec<&str> = of("EXPOSE").flat_map(|line| &line[1..]).copied().collect();
    let usual = Serve::default();
    for port in [usual.secure_port, usual.registry_port] {
        assert!(ports.contains(&port.to_string().as_str()), "{port}");
    }
    let builder = ["podman", "buildah", "docker"].into_iter().find(|b| tools::works(b, &["info"]));
    let Some(builder) = builder else {
        println!("left out: there is nothing that builds images");
        return;
    };
    let binary = Path::new(env!("CARGO_BIN_EXE_pocketshift"));
    let below = binary.strip_prefix(repository("")).expect("a path below the repository");
    output(
        Command::new(builder)
            .args([
                "build",
                "-f",
                "packaging/Containerfile",
                "-t",
                "pocketshift-test",
                "--build-arg",
            ])
            .arg(format!("BINARY={}", below.display()))
            .arg(".")
            .current_dir(repository("")),
    );
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
    for system in ["unknown-linux-musl", "apple-darwin", "pc-windows-"] {
        for processor in ["x86_64", "aarch64"] {
            let platform = format!("{processor}-{system}");
            assert!(targets.iter().any(|t| t.starts_with(&platform)), "{platform}");
        }
    }
    for path in ["kits/python/pyproject.toml", "kits/node/package.json"] {
        assert!(repository(path).exists());
    }
}
