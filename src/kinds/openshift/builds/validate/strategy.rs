//! How builds are made.

use super::{cleaned, image, secret_name, volumes};
use crate::{
    error::Causes,
    kinds::workloads::field::Field,
    object::{Value, json},
};

const NAMES: [&str; 4] =
    ["sourceStrategy", "dockerStrategy", "customStrategy", "jenkinsPipelineStrategy"];
/// Longest Jenkinsfile that may stand in an object.
const LONGEST_JENKINSFILE: usize = 100_000;
const POLICIES: [&str; 3] = ["None", "SkipLayers", "SkipLayersAndWarn"];

/// Checks a strategy.
pub fn check(strategy: &Field<'_>, out: &mut Causes) {
    let set: Vec<&str> = NAMES.into_iter().filter(|n| strategy.get(n).is_set()).collect();
    let [only] = set.as_slice() else {
        let shown = strategy.value.cloned().unwrap_or_default();
        let why = "must provide a value for exactly one of sourceStrategy, customStrategy, dockerStrategy, or jenkinsPipelineStrategy";
        return out.invalid(strategy.path.as_str(), &shown, why);
    };
    let own = strategy.get(only);
    if *only == "jenkinsPipelineStrategy" {
        return pipeline(&own, out);
    }
    let from = own.get("from");
    if *only != "dockerStrategy" || from.is_set() {
        image(&from, out);
    }
    secret_name(&own.get("pullSecret"), out);
    if *only == "dockerStrategy" {
        let policy = own.get("imageOptimizationPolicy");
        if policy.is_set() && !POLICIES.contains(&policy.text()) {
            policy.invalid(out, "must be unset, 'None', 'SkipLayers', or 'SkipLayersAndWarn'");
        }
        inside(&own, "dockerfilePath", out);
    }
    if *only != "customStrategy" {
        own.get("volumes").items().iter().for_each(|volume| volumes::check(volume, out));
    }
    variables(&own.get("env"), out);
}

fn pipeline(own: &Field<'_>, out: &mut Causes) {
    let (path, text) = (own.get("jenkinsfilePath"), own.get("jenkinsfile"));
    if !path.text().is_empty() && !text.text().is_empty() {
        let why = "must provide a value for at most one of jenkinsfilePath, or jenkinsfile";
        return own.invalid(out, why);
    }
    if text.text().len() > LONGEST_JENKINSFILE {
        let why = format!("must be smaller than {LONGEST_JENKINSFILE} bytes");
        out.invalid(text.path.as_str(), &json!(""), why);
    }
    inside(own, "jenkinsfilePath", out);
    variables(&own.get("env"), out);
}

/// A path that stays within the source.
fn inside(own: &Field<'_>, name: &str, out: &mut Causes) {
    let path = own.get(name);
    let clean = cleaned(path.text());
    if clean.starts_with('/') || clean == ".." || clean.starts_with("../") {
        path.invalid(out, format!("{name} must be a relative path within your source location"));
    }
}

/// Variables of a build's container.
fn variables(all: &Field<'_>, out: &mut Causes) {
    for variable in all.items() {
        let name = variable.get("name");
        let problems = problems(name.text());
        match name.text() {
            "" => name.required(out, ""),
            _ if !problems.is_empty() => name.invalid(out, problems.join("; ")),
            _ => {}
        }
        let field = variable.get("valueFrom.resourceFieldRef");
        if field.is_set() {
            let path = format!("{}.valueFrom.ResourceFieldRef", variable.path);
            let why = "ResourceFieldRef is not valid for valueFrom in build environment variables";
            out.invalid(path, name.value.unwrap_or(&Value::Null), why);
        }
    }
}

const FORM: &str = "a valid environment variable name must consist of alphabetic characters, digits, \
                    '_', '-', or '.', and must not start with a digit (e.g. 'my.env-name',  or \
                    'MY_ENV.NAME',  or 'MyEnvName1', regex used for validation is \
                    '[-._a-zA-Z][-._a-zA-Z0-9]*')";

/// What is wrong with the name of a variable.
/// Source: k8s.io/apimachinery `pkg/util/validation` (IsEnvVarName).
pub fn problems(name: &str) -> Vec<&'static str> {
    let letter = |b: &u8| b.is_ascii_alphanumeric() || b"-._".contains(b);
    let fits = name.bytes().all(|b| letter(&b)) && !name.starts_with(|c: char| c.is_ascii_digit());
    let dots = match name {
        "." => Some("must not be '.'"),
        ".." => Some("must not be '..'"),
        _ if name.starts_with("..") => Some("must not start with '..'"),
        _ => None,
    };
    (!fits || name.is_empty()).then_some(FORM).into_iter().chain(dots).collect()
}
