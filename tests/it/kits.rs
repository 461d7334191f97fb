//! The kits for test suites in other languages, each with its own tests, against the built program.

use crate::support::{
    WEB,
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

/// The README's example for a language.
fn example(language: &str) -> String {
    let readme = std::fs::read_to_string(repository("README.md")).expect("a README");
    let begin = readme.find("## In your tests").expect("the section");
    let section = &readme[begin..];
    let mark = format!("```{language}\n");
    let begin = section.find(&mark).expect("an example") + mark.len();
    section[begin..].split("```").next().expect("an end").to_owned()
}

/// What a test run says that fails, as it should; it tells what happened in the cluster.
fn fails(command: &mut Command) {
    let out = command.env("KIT_FAILS", "1").output().expect("the tests run");
    let said = [out.stdout, out.stderr].map(|s| String::from_utf8_lossy(&s).into_owned()).concat();
    assert!(!out.status.success(), "{said}");
    for wanted in ["on purpose", "pocketshift trail", "configmaps default/m created"] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
}

#[test]
fn the_readmes_example_for_rust_is_a_test() {
    let tests = std::fs::read_to_string(repository("tests/it/library.rs")).expect("a file");
    let mut lines = tests.lines().map(str::trim);
    for line in example("rust").lines() {
        let code = line.split("//").next().unwrap_or_default();
        let code = if code.contains("https:") { line } else { code }.trim();
        assert!(lines.any(|test| test == code), "{code}");
    }
}

#[tokio::test]
async fn python() {
    blocking(|| {
        let python = tools::pytest();
        let arguments =
            ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "pocketshift.plugin"];
        let tests = |folder: &str| {
            let mut tests = kit("kits/python", &python);
            tests.args(arguments).arg(folder).env("PYTHONPATH", repository("kits/python/src"));
            tests.env("PYTHONDONTWRITEBYTECODE", "1");
            tests
        };
        output(&mut tests("tests"));
        fails(tests("tests").args(["-k", "that_fails"]));
        let place = tempfile::tempdir().expect("a folder");
        let file = place.path().join("test_readme.py");
        let text = format!("manifests = \"\"\"{WEB}\"\"\"\n\n{}", example("python"));
        std::fs::write(&file, text).expect("a file");
        output(&mut tests(&file.to_string_lossy()));
    })
    .await;
}

#[tokio::test]
async fn node() {
    blocking(|| {
        output(kit("kits/node", "node").args(["--test", "test/"]));
        fails(kit("kits/node", "node").args([
            "--test",
            "--test-name-pattern",
            "that fails",
            "test/",
        ]));
        let place = tempfile::tempdir().expect("a folder");
        let modules = place.path().join("node_modules");
        std::fs::create_dir(&modules).expect("a folder");
        std::os::unix::fs::symlink(repository("kits/node"), modules.join("pocketshift"))
            .expect("a link");
        let file = place.path().join("readme.test.mjs");
        let text = format!("{}\nconst manifests = `{WEB}`;\n", example("js"));
        std::fs::write(&file, text).expect("a file");
        output(kit("kits/node", "node").arg("--test").arg(&file));
    })
    .await;
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
        fails(kit("kits/go", "go").args(["test", "-count=1", "-run", "TestThatFails", "./..."]));
        let place = tempfile::tempdir().expect("a folder");
        let kit_module = std::fs::read_to_string(repository("kits/go/go.mod")).expect("a file");
        let module = kit_module.lines().next().and_then(|l| l.strip_prefix("module "));
        let module = module.expect("a module");
        let folder = repository("kits/go");
        let text = format!(
            "module example.com/readme\n\ngo 1.22\n\nrequire {module} v0.0.0\n\nreplace {module} => {}\n",
            folder.display()
        );
        std::fs::write(place.path().join("go.mod"), text).expect("a file");
        let text = format!(
            "package readme\n\nimport (\n\t\"os\"\n\t\"testing\"\n\t\"time\"\n\n\tpstest \"{module}\"\n)\n\n\
             func TestMain(m *testing.M) {{ os.Exit(pstest.Main(m)) }}\n\nconst manifests = `{WEB}`\n\n{}",
            example("go")
        );
        std::fs::write(place.path().join("readme_test.go"), text).expect("a file");
        output(kit("kits/go", "go").current_dir(place.path()).args(["test", "-count=1", "./..."]));
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
        let maven = || {
            let mut maven = kit("kits/java", "mvn");
            maven.args(["-q", "-B", "test"]).arg(format!("-DbuildDirectory={}", build.display()));
            maven
        };
        // The README's example among the tests, in a copy of them.
        let place = tempfile::tempdir().expect("a folder");
        output(Command::new("cp").arg("-r").arg(repository("kits/java")).arg(place.path()));
        let folder = place.path().join("java");
        let text = format!(
            "package io.pocketshift;\n\nimport java.time.Duration;\nimport org.junit.jupiter.api.Test;\n\
             import org.junit.jupiter.api.extension.ExtendWith;\n\n{}",
            example("java").replace(
                "class RolloutTest {\n",
                &format!("class RolloutTest {{\n  static final String manifests = \"\"\"\n{WEB}\"\"\";\n")
            )
        );
        let tests = folder.join("src/test/java/io/pocketshift");
        std::fs::write(tests.join("RolloutTest.java"), text).expect("a file");
        output(maven().current_dir(&folder));
        fails(maven().current_dir(&folder).arg("-Dtest=KitTest#thatFails"));
    })
    .await;
}
