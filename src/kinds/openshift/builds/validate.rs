//! What builds and their configs must look like.
//! Source: openshift-apiserver `pkg/build/apis/build/validation`.

use crate::{
    error::Causes,
    images::resolve,
    kinds::workloads::field::Field,
    object::{ObjectExt, Value, json},
};
use std::collections::HashSet;

/// See [`crate::kinds::Hooks::validate`].
pub(super) fn config(new: &Value, old: Option<&Value>, out: &mut Causes) {
    let spec = Field::of(new, "spec");
    let strategies =
        ["dockerStrategy", "sourceStrategy", "customStrategy", "jenkinsPipelineStrategy"];
    let base = strategies.iter().find_map(|s| {
        let from = spec.get(&format!("strategy.{s}.from"));
        from.is_set().then(|| named(&from))
    });
    let mut seen = HashSet::new();
    for trigger in spec.get("triggers").items() {
        check_trigger(&trigger, base.as_ref(), &mut seen, out);
    }
    common(&spec, out);
    let policy = spec.get("runPolicy");
    if !["Parallel", "Serial", "SerialLatestOnly"].contains(&policy.text()) {
        policy.invalid(out, "run policy must Parallel, Serial, or SerialLatestOnly");
    }
    for field in ["successfulBuildsHistoryLimit", "failedBuildsHistoryLimit"] {
        spec.get(field).nonnegative(out);
    }
    let version = |o: &Value| o.i64_at("status.lastVersion").unwrap_or(0);
    if let Some(old) = old.filter(|old| version(new) < version(old)) {
        debug_assert!(version(old) > 0);
        out.invalid(
            "status.lastVersion",
            &json!(version(new)),
            "lastVersion cannot be decremented",
        );
    }
}

/// Kind, namespace and name of a reference.
fn named(from: &Field<'_>) -> (String, String, String) {
    let text = |name: &str| from.get(name).text().to_owned();
    (text("kind"), text("namespace"), text("name"))
}

fn check_trigger(
    trigger: &Field<'_>,
    base: Option<&(String, String, String)>,
    seen: &mut HashSet<(String, String, String)>,
    out: &mut Causes,
) {
    let kind = trigger.get("type");
    let webhook = match kind.text() {
        "" => return kind.required(out, ""),
        "GitHub" => "github",
        "GitLab" => "gitlab",
        "Bitbucket" => "bitbucket",
        "Generic" => "generic",
        "ImageChange" => {
            let change = trigger.get("imageChange");
            let from = change.get("from");
            if from.is_set() {
                if from.get("kind").text() != "ImageStreamTag" {
                    from.get("kind").invalid(out, "only an ImageStreamTag type of reference is allowed in an ImageChange trigger.");
                }
                check_tag(&from, out);
            }
            let meant = if from.is_set() { Some(named(&from)) } else { base.cloned() };
            if let Some(meant) = meant
                && !seen.insert(meant)
            {
                let why = "multiple ImageChange triggers refer to the same image stream tag";
                let shown = change.value.cloned().unwrap_or_default();
                out.invalid(trigger.path.as_str(), &shown, why);
            }
            return;
        }
        _ => return,
    };
    let hook = trigger.get(webhook);
    if !hook.is_set() {
        return hook.required(out, "");
    }
    if hook.get("secret").text().is_empty() && !hook.get("secretReference").is_set() {
        let why = "must provide a value for at least one of secret or secretReference";
        hook.invalid(out, why);
    }
    if webhook != "generic" && hook.get("allowEnv").is_true() {
        hook.get("allowEnv").invalid(out, "git webhooks cannot allow env vars");
    }
}

/// What both have.
fn common(spec: &Field<'_>, out: &mut Causes) {
    check_source(spec, out);
    check_strategy(&spec.get("strategy"), out);
    let to = spec.get("output.to");
    if to.is_set() {
        match to.get("kind").text() {
            "ImageStreamTag" => check_tag(&to, out),
            "DockerImage" if !to.get("name").text().is_empty() => {}
            "DockerImage" => to.get("name").required(out, ""),
            _ => to.get("kind").invalid(
                out,
                "the target of build output must be an 'ImageStreamTag' or 'DockerImage'",
            ),
        }
    }
    let commit = spec.get("postCommit");
    let given = |name: &str| {
        let field = commit.get(name);
        !field.text().is_empty() || !field.list().is_empty()
    };
    if given("command") && given("script") {
        commit.invalid(out, "cannot use command and script together");
    }
    let deadline = spec.get("completionDeadlineSeconds");
    if deadline.int().is_some_and(|s| s <= 0) {
        deadline
            .invalid(out, "completionDeadlineSeconds must be a positive integer greater than 0");
    }
}

fn check_source(spec: &Field<'_>, out: &mut Causes) {
    let source = spec.get("source");
    let has = |name: &str| source.get(name).is_set();
    let inline = !source.get("dockerfile").text().is_empty();
    let images = !source.get("images").list().is_empty();
    let docker = spec.get("strategy.dockerStrategy").is_set();
    let plain = spec.get("strategy.customStrategy").is_set()
        || spec.get("strategy.jenkinsPipelineStrategy").is_set();
    if !(has("git") || has("binary") || inline || images || plain) && docker {
        let why =
            "must provide a value for at least one source input(git, binary, dockerfile, images).";
        out.invalid(source.path.as_str(), &json!(""), why);
    }
    if has("git") && has("binary") {
        source.get("git").invalid(out, "may not be set when binary is also set");
    }
    if has("git") && source.get("git.uri").text().is_empty() {
        source.get("git.uri").required(out, "");
    }
    let dir = source.get("contextDir");
    if dir.text().split('/').any(|part| part == "..") {
        dir.invalid(out, "context dir must not be a relative path");
    }
}

fn check_strategy(strategy: &Field<'_>, out: &mut Causes) {
    let names = ["sourceStrategy", "dockerStrategy", "customStrategy", "jenkinsPipelineStrategy"];
    let set: Vec<&&str> = names.iter().filter(|n| strategy.get(n).is_set()).collect();
    let [only] = set.as_slice() else {
        let shown = strategy.value.cloned().unwrap_or_default();
        let why = "must provide a value for exactly one of sourceStrategy, customStrategy, dockerStrategy, or jenkinsPipelineStrategy";
        return out.invalid(strategy.path.as_str(), &shown, why);
    };
    let from = strategy.get(only).get("from");
    let needed = matches!(**only, "sourceStrategy" | "customStrategy");
    if !from.is_set() {
        if needed {
            from.get("name").required(out, "");
        }
        return;
    }
    match from.get("kind").text() {
        "ImageStreamTag" => check_tag(&from, out),
        "DockerImage" | "ImageStreamImage" => {
            if from.get("name").text().is_empty() {
                from.get("name").required(out, "");
            }
        }
        _ => from
            .get("kind")
            .invalid(out, "must be 'ImageStreamTag', 'ImageStreamImage' or 'DockerImage'"),
    }
}

fn check_tag(from: &Field<'_>, out: &mut Causes) {
    let name = from.get("name");
    if name.text().is_empty() {
        name.required(out, "");
    } else if resolve::tag_name(name.text()).is_none() {
        name.invalid(out, "ImageStreamTag object references must be in the form <name>:<tag>");
    }
}

/// See [`crate::kinds::Hooks::validate`].
pub(super) fn build(new: &Value, old: Option<&Value>, out: &mut Causes) {
    common(&Field::of(new, "spec"), out);
    let Some(old) = old else { return };
    ended(new, old, out);
    if new.get("spec") != old.get("spec") {
        let shown = new.get("spec").cloned().unwrap_or_default();
        out.invalid("spec", &shown, "spec is immutable");
    }
}

/// See [`crate::kinds::Hooks::subresources`].
pub(super) fn details(new: &Value, old: &Value, out: &mut Causes) {
    ended(new, old, out);
}

/// What is over stays so.
fn ended(new: &Value, old: &Value, out: &mut Causes) {
    let phase = |o: &Value| o.str_at("status.phase").to_owned();
    let last = ["Complete", "Failed", "Error", "Cancelled"];
    if last.contains(&phase(old).as_str()) && phase(new) != phase(old) {
        let why = "phase cannot be updated from a terminal state";
        out.invalid("status.phase", &json!(phase(new)), why);
    }
}
