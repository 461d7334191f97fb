//! What starts the builds of a config.

use super::image;
use crate::{
    error::Causes,
    kinds::workloads::field::Field,
    object::{Value, json},
};
use std::collections::HashSet;

const STRATEGIES: [&str; 4] =
    ["sourceStrategy", "dockerStrategy", "customStrategy", "jenkinsPipelineStrategy"];

/// Checks the triggers of a config.
pub fn check(spec: &Field<'_>, home: &str, out: &mut Causes) {
    let froms = STRATEGIES.map(|s| spec.get(&format!("strategy.{s}.from")));
    let base = froms.into_iter().find(Field::is_set);
    let all = spec.get("triggers");
    let mut seen = HashSet::new();
    for trigger in all.items() {
        one(&trigger, base.as_ref(), out);
        let change = trigger.get("imageChange");
        if trigger.get("type").text() != "ImageChange" || !change.is_set() {
            continue;
        }
        let own = change.get("from");
        let from = if own.is_set() { Some(&own) } else { base.as_ref() };
        if !seen.insert(from.and_then(|from| tag(from, home))) {
            let why = "multiple ImageChange triggers refer to the same image stream tag";
            all.invalid(out, why);
        }
    }
}

/// Namespace and name of a tag; nothing for any other reference.
fn tag(from: &Field<'_>, home: &str) -> Option<(String, String)> {
    if from.get("kind").text() != "ImageStreamTag" {
        return None;
    }
    let namespace = match from.get("namespace").text() {
        "" => home.to_owned(),
        own => own.to_owned(),
    };
    Some((namespace, from.get("name").text().to_owned()))
}

fn one(trigger: &Field<'_>, base: Option<&Field<'_>>, out: &mut Causes) {
    let kind = trigger.get("type");
    let webhook = match kind.text() {
        "" => return kind.required(out, ""),
        "GitHub" => "github",
        "GitLab" => "gitlab",
        "Bitbucket" => "bitbucket",
        "Generic" => "generic",
        "ImageChange" => return image_change(trigger, base, out),
        "ConfigChange" => return,
        _ => return kind.invalid(out, "invalid trigger type"),
    };
    let hook = trigger.get(webhook);
    if !hook.is_set() {
        return hook.required(out, "");
    }
    let reference = hook.get("secretReference");
    if hook.get("secret").text().is_empty() && !reference.is_set() {
        hook.invalid(out, "must provide a value for at least one of secret or secretReference");
    }
    if reference.is_set() {
        reference.get("name").needs_text(out);
    }
    if webhook != "generic" && hook.get("allowEnv").is_true() {
        let shown = hook.value.cloned().unwrap_or_default();
        out.invalid(
            format!("{}.allowEnv", hook.path),
            &shown,
            "git webhooks cannot allow env vars",
        );
    }
}

fn image_change(trigger: &Field<'_>, base: Option<&Field<'_>>, out: &mut Causes) {
    let change = trigger.get("imageChange");
    if !change.is_set() {
        return change.required(out, "");
    }
    let from = change.get("from");
    if from.is_set() {
        let kind = from.get("kind");
        if kind.text() != "ImageStreamTag" {
            let why =
                "only an ImageStreamTag type of reference is allowed in an ImageChange trigger.";
            return kind.invalid(out, why);
        }
        // Upstream leaves the trigger's own name out of the path.
        return image(&Field::placed(from.value, format!("{}.from", trigger.path)), out);
    }
    if base.is_none_or(|base| base.get("kind").text() != "ImageStreamTag") {
        let shown =
            base.and_then(|base| base.value).map_or_else(|| "<nil>".into(), Value::to_string);
        let why = "a default ImageChange trigger can only be used when the build strategy includes an ImageStreamTag reference.";
        out.invalid(change.path.as_str(), &json!(format!("build from: {shown}")), why);
    }
}
