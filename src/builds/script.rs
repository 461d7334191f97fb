//! What a build does, step by step: what it writes, how long each step takes, and where it fails.
//! A pure reading of the Build and of what came with it; whether its base can be had is asked of the
//! registry by whoever plays it. Source: openshift/builder `pkg/build/builder`.

use super::{docker, dockerfile, number, recipe::Recipe, strategy};
use crate::object::{ObjectExt, Value, hex};
use sha2::{Digest, Sha256};

/// What was sent to build from.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Input {
    /// Digest of its paths, modes and contents.
    pub digest: String,
    /// Its Dockerfiles, by path.
    pub dockerfiles: std::collections::BTreeMap<String, String>,
    /// Its paths, of folders too.
    pub paths: Vec<String>,
    /// Why it could not be read.
    pub broken: String,
}

/// How a step fails: the reason, and the last line.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// Reason in the build's status.
    pub reason: &'static str,
    /// What is written.
    pub line: String,
}

/// A part of a build.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stage {
    /// What it writes.
    pub lines: Vec<String>,
    /// Seconds it takes.
    pub seconds: i64,
    /// How it fails, if it does.
    pub fails: Option<Failure>,
}

/// A whole build.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    /// Getting the source.
    pub fetch: Stage,
    /// Carrying out the instructions.
    pub build: Stage,
    /// What runs in the new image.
    pub commit: Stage,
    /// The image.
    pub recipe: Recipe,
}

/// Why a build failed: what its status says. Source: `pkg/build/buildutil` and openshift/api.
pub fn message(reason: &str) -> &'static str {
    match reason {
        "FetchSourceFailed" => "Failed to fetch the input source.",
        "InvalidContextDirectory" => "The supplied context directory does not exist.",
        "ManageDockerfileFailed" => "Failed to prepare the dockerfile for the build.",
        "PullBuilderImageFailed" => "Failed pulling builder image.",
        "DockerBuildFailed" => "Dockerfile build strategy has failed.",
        "AssembleFailed" => "Assemble script failed.",
        "PostCommitHookFailed" => "Build failed because of post commit hook.",
        "PushImageToRegistryFailed" => "Failed to push the image to the registry.",
        "OutOfMemoryKilled" => "The build pod was killed due to an out of memory condition.",
        "BuildPodDeleted" => "The pod for this build was deleted before the build completed.",
        "CancelledBuild" => "The build was cancelled by the user.",
        "InvalidOutputReference" => "Output image could not be resolved.",
        "CannotCreateBuildPod" => "Failed creating build pod.",
        "MissingPushSecret" => "Missing push secret.",
        _ => "Generic Build failure - check logs for details.",
    }
}

/// What a build does.
pub fn of(build: &Value, input: Option<&Input>) -> Script {
    let spec = build.at("spec").cloned().unwrap_or_default();
    let mut script = Script { fetch: fetch(&spec, input), ..Script::default() };
    if script.fetch.fails.is_some() {
        return script;
    }
    script.recipe.later = number(build);
    match strategy(&spec) {
        Some((_, "sourceStrategy")) => source(&mut script, build, &spec, input),
        _ => docker::of(&mut script, build, &spec, input),
    }
    for label in spec.list_at("output.imageLabels") {
        let (name, value) = (label.str_at("name").to_owned(), label.str_at("value").to_owned());
        script.recipe.labels.insert(name, value);
    }
    script.commit = hook(&spec);
    script
}

/// The commit a git source is taken to be at: one of its name, for it is never fetched.
fn commit(spec: &Value) -> String {
    let told = spec.str_at("revision.git.commit");
    if !told.is_empty() {
        return told.to_owned();
    }
    let (uri, at) = (spec.str_at("source.git.uri"), spec.str_at("source.git.ref"));
    hex(&Sha256::digest(format!("{uri}#{at}")))[..40].to_owned()
}

fn fetch(spec: &Value, input: Option<&Input>) -> Stage {
    let mut stage = Stage { seconds: 1, ..Stage::default() };
    let fail = |reason, line: String| Some(Failure { reason, line });
    if let Some(binary) = spec.at("source.binary").filter(|b| b.is_object()) {
        stage.lines.push(match binary.str_at("asFile") {
            "" => "Receiving source from STDIN as archive ...".into(),
            file => format!("Receiving source from STDIN as file {file}"),
        });
        stage.fails = match input {
            None => fail("FetchSourceFailed", "error: unable to read the binary input".into()),
            Some(input) if !input.broken.is_empty() => {
                let why = &input.broken;
                fail(
                    "FetchSourceFailed",
                    format!(
                        "error: unable to extract binary build input, must be a zip, tar, or gzipped tar, or specified as a file: {why}"
                    ),
                )
            }
            Some(input) => missing_context(spec, input),
        };
        return stage;
    }
    let uri = spec.str_at("source.git.uri");
    if uri.is_empty() {
        stage.seconds = 0;
        return stage;
    }
    stage.lines.push(format!("Cloning {uri:?} ..."));
    if url_is_broken(uri) {
        let line = format!("error: fatal: repository '{uri}' does not exist");
        stage.fails = fail("FetchSourceFailed", line);
        return stage;
    }
    if let Some(host) = nowhere(uri) {
        let line =
            format!("error: fatal: unable to access '{uri}/': Could not resolve host: {host}");
        stage.fails = fail("FetchSourceFailed", line);
        return stage;
    }
    let at = match spec.str_at("source.git.ref") {
        "" => "the default branch",
        own => own,
    };
    stage.lines.push(format!(
        "\tCommit:\t{} (simulated: derived from the address, nothing is fetched)",
        commit(spec)
    ));
    stage.lines.push(format!("\tBranch:\t{at}"));
    stage
}

fn url_is_broken(uri: &str) -> bool {
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    rest.is_empty() || rest.contains(char::is_whitespace)
}

/// The host of an address that nobody has: names that end in `invalid` never exist.
/// Source: RFC 6761.
fn nowhere(uri: &str) -> Option<String> {
    let host = url::Url::parse(uri).ok()?.host_str()?.to_owned();
    (host == "invalid" || host.ends_with(".invalid")).then_some(host)
}

fn missing_context(spec: &Value, input: &Input) -> Option<Failure> {
    let wanted = spec.str_at("source.contextDir").trim_matches('/');
    let below = |p: &String| p == wanted || p.starts_with(&format!("{wanted}/"));
    if wanted.is_empty() || wanted == "." || input.paths.iter().any(below) {
        return None;
    }
    let line = format!("error: provided context directory does not exist: {wanted}");
    Some(Failure { reason: "InvalidContextDirectory", line })
}

/// Variables and labels that every build's image has.
pub(super) fn provenance(recipe: &mut Recipe, build: &Value, spec: &Value) {
    recipe.set_env("OPENSHIFT_BUILD_NAME", build.name());
    recipe.set_env("OPENSHIFT_BUILD_NAMESPACE", build.namespace());
    let uri = spec.str_at("source.git.uri");
    if !uri.is_empty() {
        recipe.set_env("OPENSHIFT_BUILD_SOURCE", uri);
        recipe.set_env("OPENSHIFT_BUILD_COMMIT", &commit(spec));
        let labels = [
            ("io.openshift.build.commit.id", commit(spec)),
            ("io.openshift.build.source-location", uri.to_owned()),
            ("io.openshift.build.source-context-dir", spec.str_at("source.contextDir").to_owned()),
        ];
        let set = labels.into_iter().filter(|(_, v)| !v.is_empty());
        recipe.labels.extend(set.map(|(n, v)| (n.to_owned(), v)));
    }
    recipe.labels.insert("io.openshift.build.name".into(), build.name().into());
    recipe.labels.insert("io.openshift.build.namespace".into(), build.namespace().into());
}

/// What the layer holds: what was built from, by its digest.
pub(super) fn layer(recipe: &mut Recipe, spec: &Value, input: Option<&Input>) {
    let what = match input {
        Some(input) => input.digest.clone(),
        None => commit(spec),
    };
    let uri = spec.str_at("source.git.uri");
    let dir = spec.str_at("source.contextDir");
    let text = format!("source: {uri}\ncontext: {dir}\ncontent: {what}\n");
    recipe.files.push(("opt/app-root/src/.build".into(), text));
}

fn source(script: &mut Script, build: &Value, spec: &Value, input: Option<&Input>) {
    let from = spec.str_at("strategy.sourceStrategy.from.name").to_owned();
    let recipe = &mut script.recipe;
    recipe.base = from.clone();
    for env in spec.list_at("strategy.sourceStrategy.env") {
        recipe.set_env(env.str_at("name"), env.str_at("value"));
    }
    provenance(recipe, build, spec);
    recipe.labels.insert("io.openshift.s2i.build.image".into(), from.clone());
    recipe.cmd = Some(vec!["/usr/libexec/s2i/run".into()]);
    layer(recipe, spec, input);
    let env: Vec<String> = recipe.env.iter().map(|(n, v)| format!("{n}={v:?}")).collect();
    let labels: Vec<String> = recipe.labels.iter().map(|(n, v)| format!("{n:?}={v:?}")).collect();
    let steps = [
        format!("FROM {from}"),
        format!("LABEL {}", labels.join(" ")),
        format!("ENV {}", env.join(" ")),
        "USER root".into(),
        "COPY upload/src /tmp/src".into(),
        "RUN chown -R 1001:0 /tmp/src".into(),
        "USER 1001".into(),
        "RUN /usr/libexec/s2i/assemble".into(),
        "CMD /usr/libexec/s2i/run".into(),
    ];
    recipe.history = steps[1..].to_vec();
    let lines = &mut script.build.lines;
    lines.push(format!("Generating dockerfile with builder image {from}"));
    for (at, step) in steps.iter().enumerate() {
        lines.push(format!("STEP {}/{}: {step}", at + 1, steps.len()));
        if step.ends_with("/assemble") {
            lines.push("---> Installing application source ...".into());
        }
    }
    script.build.seconds = 4;
}

/// The text of the Dockerfile, wherever it is.
pub(super) fn text(spec: &Value, input: Option<&Input>) -> Result<String, Failure> {
    let inline = spec.str_at("source.dockerfile");
    if !inline.is_empty() {
        return Ok(inline.to_owned());
    }
    let path = match spec.str_at("strategy.dockerStrategy.dockerfilePath") {
        "" => "Dockerfile",
        own => own,
    };
    let dir = spec.str_at("source.contextDir").trim_matches('/');
    let path = if dir.is_empty() { path.to_owned() } else { format!("{dir}/{path}") };
    let missing = |why: &str| Failure {
        reason: "ManageDockerfileFailed",
        line: format!("error: open /tmp/build/inputs/{path}: {why}"),
    };
    match input {
        Some(input) => {
            let found = input.dockerfiles.get(&path).cloned();
            found.ok_or_else(|| missing("no such file or directory"))
        }
        // A git source is a name only: what its Dockerfile says is not known.
        None => match spec.str_at("strategy.dockerStrategy.from.name") {
            "" => Err(missing(
                "the source is simulated and was not fetched; give the Dockerfile with the build (`oc new-build -D -`, `--from-dir`) or a `from` to its strategy",
            )),
            from => Ok(format!("FROM {from}\nCOPY . .\n")),
        },
    }
}

fn hook(spec: &Value) -> Stage {
    let script = spec.str_at("postCommit.script");
    let joined = [spec.list_at("postCommit.command"), spec.list_at("postCommit.args")].concat();
    let joined: Vec<&str> = joined.iter().filter_map(Value::as_str).collect();
    let told = if script.is_empty() { joined.join(" ") } else { script.to_owned() };
    if told.is_empty() {
        return Stage::default();
    }
    let code =
        dockerfile::code(told.trim_start_matches("/bin/sh -c ").trim_start_matches("/bin/sh -ic "));
    let fails = (code != 0).then(|| Failure {
        reason: "PostCommitHookFailed",
        line: format!("error: build error: non-zero exit code from post-commit hook: {code}"),
    });
    Stage { lines: Vec::new(), seconds: 1, fails }
}
