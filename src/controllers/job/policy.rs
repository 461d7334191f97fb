//! What a Job's podFailurePolicy and successPolicy say.
//! Source: `pkg/controller/job/pod_failure_policy.go`, `success_policy.go`.

use super::indexes::{self, Indexes};
use crate::object::{ObjectExt, Value};

/// What the first matching rule wants done about a failed pod.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    /// Count it as a failure.
    Count,
    /// Do not count it.
    Ignore,
    /// Give its index up.
    FailIndex,
    /// Give the Job up, with this message.
    FailJob(String),
}

/// Looks a failed pod up in the rules.
pub(super) fn on_failure(job: &Value, pod: &Value) -> Action {
    if pod.str_at("status.phase") != "Failed" {
        return Action::Count;
    }
    for (i, rule) in job.list_at("spec.podFailurePolicy.rules").iter().enumerate() {
        let matched = match rule.get("onExitCodes") {
            Some(codes) => exit_code(codes, pod).map(|(container, code)| {
                format!("Container {container} for pod {} failed with exit code {code}", path(pod))
            }),
            None => pod_condition(rule.list_at("onPodConditions"), pod)
                .map(|kind| format!("Pod {} has condition {kind}", path(pod))),
        };
        if let Some(what) = matched {
            return match rule.str_at("action") {
                "FailJob" => Action::FailJob(format!("{what} matching FailJob rule at index {i}")),
                "FailIndex" => Action::FailIndex,
                "Ignore" => Action::Ignore,
                _ => Action::Count,
            };
        }
    }
    Action::Count
}

fn path(pod: &Value) -> String {
    format!("{}/{}", pod.namespace(), pod.name())
}

/// The first container that ended with a code the requirement names.
fn exit_code<'a>(rule: &Value, pod: &'a Value) -> Option<(&'a str, i64)> {
    let (only, values) = (rule.str_at("containerName"), rule.list_at("values"));
    let statuses = ["initContainerStatuses", "containerStatuses"];
    let statuses = statuses.iter().flat_map(|s| pod.list_at(&format!("status.{s}")));
    statuses
        .filter(|s| only.is_empty() || s.str_at("name") == only)
        .filter_map(|s| Some((s.str_at("name"), s.i64_at("state.terminated.exitCode")?)))
        .filter(|(_, code)| *code != 0)
        .find(|(_, code)| {
            let listed = values.iter().any(|v| v.as_i64() == Some(*code));
            listed == (rule.str_at("operator") == "In")
        })
}

fn pod_condition<'a>(patterns: &'a [Value], pod: &Value) -> Option<&'a str> {
    let fits = |p: &&Value| {
        let status = p.get("status").and_then(Value::as_str).unwrap_or("True");
        pod.condition(p.str_at("type")).is_some_and(|c| c.str_at("status") == status)
    };
    patterns.iter().find(fits).map(|p| p.str_at("type"))
}

/// Message of the first success rule the succeeded indexes fulfil.
pub(super) fn success(job: &Value, succeeded: &Indexes) -> Option<String> {
    let completions = job.i64_at("spec.completions")?;
    let fulfilled = |rule: &Value| {
        let wanted = rule.get("succeededIndexes").and_then(Value::as_str);
        let wanted = wanted.map(|text| indexes::parse(text, completions));
        let count = match &wanted {
            Some(wanted) => wanted.intersection(succeeded).count(),
            None => succeeded.len(),
        };
        match (rule.i64_at("succeededCount"), wanted) {
            (Some(n), _) => count as i64 >= n,
            (None, Some(wanted)) => count == wanted.len(),
            (None, None) => false,
        }
    };
    let rules = job.list_at("spec.successPolicy.rules");
    let i = rules.iter().position(fulfilled)?;
    Some(format!("Matched rules at index {i}"))
}
