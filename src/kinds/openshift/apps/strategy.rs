//! What the strategy of a DeploymentConfig must look like: its numbers and its hooks.
//! Source: openshift-apiserver `pkg/apps/apis/apps/validation`.

use crate::{
    error::Causes,
    images::reference::Reference,
    kinds::workloads::{checks, field::Field, template::resources},
    object::{ObjectExt, Value, json},
};

/// Checks a strategy for pods of this spec.
pub(super) fn check(strategy: &Field<'_>, pods: &Field<'_>, out: &mut Causes) {
    let kind = strategy.get("type");
    let params = |name: &str| strategy.get(name);
    let (custom, rolling, recreate) =
        (params("customParams"), params("rollingParams"), params("recreateParams"));
    environment(&custom.get("environment"), out);
    match kind.text() {
        "Recreate" => recreates(&recreate, pods, out),
        "Rolling" if !rolling.is_set() => rolling.required(out, ""),
        "Rolling" => rolls(&rolling, pods, out),
        "Custom" => {
            if !custom.is_set() {
                custom.required(out, "");
            }
            if rolling.is_set() {
                rolls(&rolling, pods, out);
            }
            recreates(&recreate, pods, out);
        }
        _ => kind.invalid(
            out,
            "unsupported strategy type, use \"Custom\" instead and specify your own strategy",
        ),
    }
    checks::labels(&strategy.get("labels"), out);
    checks::annotations(&strategy.get("annotations"), out);
    resources::validate(&strategy.get("resources"), out);
    let deadline = strategy.get("activeDeadlineSeconds");
    deadline.nonnegative(out);
    let timeout = [&rolling, &recreate].into_iter().find(|p| p.is_set());
    let timeout = timeout.and_then(|p| p.get("timeoutSeconds").int());
    if let (Some(deadline_seconds), Some(timeout)) = (deadline.int(), timeout)
        && deadline_seconds <= timeout
    {
        deadline.invalid(out, "activeDeadlineSeconds must be greater than timeoutSeconds");
    }
}

fn positive(field: &Field<'_>, out: &mut Causes) {
    if field.int().is_some_and(|n| n < 1) {
        field.invalid(out, "must be >0");
    }
}

fn recreates(params: &Field<'_>, pods: &Field<'_>, out: &mut Causes) {
    positive(&params.get("timeoutSeconds"), out);
    for moment in ["pre", "mid", "post"] {
        hook(&params.get(moment), pods, out);
    }
}

fn rolls(params: &Field<'_>, pods: &Field<'_>, out: &mut Causes) {
    for field in ["intervalSeconds", "updatePeriodSeconds", "timeoutSeconds"] {
        positive(&params.get(field), out);
    }
    let (unavailable, surge) = (params.get("maxUnavailable"), params.get("maxSurge"));
    amount(&unavailable, out);
    amount(&surge, out);
    if checks::amount(&unavailable) == 0 && checks::amount(&surge) == 0 {
        let shown = unavailable.value.cloned().unwrap_or(json!(0));
        let why = "cannot be 0 when maxSurge is 0 as well";
        out.invalid(unavailable.path.as_str(), &shown, why);
    }
    if is_percent(unavailable.text()) && checks::amount(&unavailable) > 100 {
        unavailable.invalid(out, "should not be more than 100%");
    }
    for moment in ["pre", "post"] {
        hook(&params.get(moment), pods, out);
    }
}

fn is_percent(text: &str) -> bool {
    let digits = text.strip_suffix('%').unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

fn amount(field: &Field<'_>, out: &mut Causes) {
    match field.value {
        Some(Value::String(text)) if !is_percent(text) => {
            field.invalid(out, "value should be int(5) or percentage(5%)");
        }
        Some(Value::Number(n)) if n.as_i64().is_some_and(|n| n < 0) => {
            field.invalid(out, "must be non-negative");
        }
        _ => {}
    }
}

fn hook(hook: &Field<'_>, pods: &Field<'_>, out: &mut Causes) {
    if !hook.is_set() {
        return;
    }
    let policy = hook.get("failurePolicy");
    if policy.text().is_empty() {
        policy.required(out, "");
    }
    let (exec, tags) = (hook.get("execNewPod"), hook.get("tagImages"));
    match (exec.is_set(), !tags.list().is_empty()) {
        (true, true) => {
            let why = "only one of 'execNewPod' or 'tagImages' may be specified";
            out.invalid(hook.path.as_str(), &json!("<hook>"), why);
        }
        (true, false) => new_pod(&exec, out),
        (false, true) => tags.items().iter().for_each(|tag| tag_image(tag, pods, out)),
        (false, false) => {
            let why = "One of execNewPod or tagImages must be specified";
            out.invalid(hook.path.as_str(), &json!("<empty>"), why);
        }
    }
}

fn new_pod(exec: &Field<'_>, out: &mut Causes) {
    let command = exec.get("command");
    if command.list().is_empty() {
        command.required(out, "");
    }
    exec.get("containerName").needs_text(out);
    environment(&exec.get("env"), out);
    for volume in exec.get("volumes").items() {
        if volume.text().is_empty() {
            out.invalid(volume.path, &json!(""), "must not be empty");
        }
    }
}

fn tag_image(tag: &Field<'_>, pods: &Field<'_>, out: &mut Causes) {
    let container = tag.get("containerName");
    if container.text().is_empty() {
        container.required(out, "a containerName is required");
    } else if let Err(why) = image_of(pods, container.text()) {
        container.invalid(out, why);
    }
    let (kind, name) = (tag.get("to.kind"), tag.get("to.name"));
    if kind.text() != "ImageStreamTag" {
        out.invalid(kind.path.as_str(), &json!(kind.text()), "Must be 'ImageStreamTag'");
    }
    if name.text().is_empty() {
        name.required(out, "a destination tag name is required");
    }
}

fn image_of(pods: &Field<'_>, container: &str) -> Result<(), String> {
    let mut all = ["containers", "initContainers"].iter().flat_map(|l| pods.get(l).list());
    let Some(found) = all.find(|c| c.str_at("name") == container) else {
        return Err(format!("no container {container:?} found"));
    };
    Reference::parse(found.str_at("image")).map(drop).map_err(|problem| problem.to_string())
}

/// Names as programs in C know them, an older rule than that of containers.
fn environment(list: &Field<'_>, out: &mut Causes) {
    for variable in list.items() {
        let name = variable.get("name");
        let text = name.text();
        if text.is_empty() {
            name.required(out, "");
        }
        let fine = |(i, c): (usize, char)| {
            c == '_' || c.is_ascii_alphabetic() || (i > 0 && c.is_ascii_digit())
        };
        if text.is_empty() || !text.chars().enumerate().all(fine) {
            let why = "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')";
            out.invalid(name.path.as_str(), &json!(text), why);
        }
    }
}
