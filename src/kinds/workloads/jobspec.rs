//! The spec of a Job, alone or inside a CronJob.
//!
//! Source of order and wording: kubernetes `pkg/apis/batch/validation`.

use super::{checks, field::Field, template};
use crate::{
    error::Causes,
    object::{ObjectExt, Value, json},
};
use std::collections::HashSet;

const INDEXED: &str = "Indexed";
const REPLACEMENTS: &[&str] = &["Failed", "TerminatingOrFailed"];

/// The type of `successPolicy`.
const SUCCESS: &str = "io.k8s.api.batch.v1.SuccessPolicy";

/// Everything but the selector.
pub fn validate(spec: &Field<'_>, out: &mut Causes) {
    for count in [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
    ] {
        spec.get(count).nonnegative(out);
    }
    if spec.get("maxFailedIndexes").is_set() && !spec.get("backoffLimitPerIndex").is_set() {
        spec.get("backoffLimitPerIndex").required(out, "when maxFailedIndexes is specified");
    }
    managed_by(&spec.get("managedBy"), out);
    spec.get("completionMode").one_of_if_set(out, &["NonIndexed", INDEXED]);
    match spec.get("completionMode").text() {
        INDEXED => indexed(spec, out),
        "" | "NonIndexed" => {
            for field in ["backoffLimitPerIndex", "maxFailedIndexes"] {
                if spec.get(field).is_set() {
                    spec.get(field).invalid(out, "requires indexed completion mode");
                }
            }
        }
        _ => {}
    }
    policies(spec, out);
    template::validate_template(&spec.get("template"), out);
    restart_policy(spec, out);
}

fn managed_by(field: &Field<'_>, out: &mut Causes) {
    if !field.is_set() {
        return;
    }
    let text = field.text();
    match text.split_once('/') {
        _ if text.is_empty() => field.required(out, ""),
        Some((host, path)) if !host.is_empty() && !path.is_empty() => {
            for why in crate::object::name::subdomain_problems(host) {
                out.invalid(&field.path, &json!(host), why);
            }
        }
        _ => field.invalid(out, "must be a domain-prefixed path (such as \"acme.io/foo\")"),
    }
    if text.len() > 63 {
        out.too_long(&field.path, 63);
    }
}

/// Limits of Indexed Jobs. Source: the constants of upstream's validation.
const MAX_PARALLELISM: i64 = 100_000;
const MAX_FAILED: i64 = 100_000;
const MANY_COMPLETIONS: i64 = 100_000;
const FEW: i64 = 10_000;

fn indexed(spec: &Field<'_>, out: &mut Causes) {
    let field = |name: &str| spec.get(name);
    let (completions, parallelism) = (field("completions"), field("parallelism"));
    let failed = field("maxFailedIndexes");
    if !completions.is_set() {
        completions.required(out, "when completion mode is Indexed");
    }
    let above = |f: &Field<'_>, limit: i64| f.int().is_some_and(|n| n > limit);
    if above(&parallelism, MAX_PARALLELISM) {
        parallelism
            .invalid(out, "must be less than or equal to 100000 when completion mode is Indexed");
    }
    if completions.int().is_some_and(|n| above(&failed, n)) {
        failed.invalid(out, "must be less than or equal to completions");
    }
    if above(&failed, MAX_FAILED) {
        failed.invalid(out, "must be less than or equal to 100000");
    }
    if !above(&completions, MANY_COMPLETIONS) || !field("backoffLimitPerIndex").is_set() {
        return;
    }
    if !failed.is_set() {
        failed.required(out, "must be specified when completions is above 100000");
    }
    for limited in [&parallelism, &failed].into_iter().filter(|f| above(f, FEW)) {
        limited.invalid(out, "must be less than or equal to 10000 when completions are above 100000 and used with backoff limit per index");
    }
}

fn policies(spec: &Field<'_>, out: &mut Causes) {
    let (failure, success) = (spec.get("podFailurePolicy"), spec.get("successPolicy"));
    if failure.is_set() {
        failure_policy(spec, &failure.get("rules"), out);
    }
    if success.is_set() {
        if spec.get("completionMode").text() == INDEXED {
            success_policy(spec, &success.get("rules"), out);
        } else {
            success.invalid_struct(SUCCESS, out, "requires indexed completion mode");
        }
    }
    let allowed = if failure.is_set() { &REPLACEMENTS[..1] } else { REPLACEMENTS };
    spec.get("podReplacementPolicy").one_of_if_set(out, allowed);
}

fn restart_policy(spec: &Field<'_>, out: &mut Causes) {
    let policy = spec.get("template.spec.restartPolicy");
    match policy.text() {
        "Always" | "" => policy.required(out, "valid values: \"OnFailure\", \"Never\""),
        "Never" => {}
        "OnFailure" if spec.get("podFailurePolicy").is_set() => {
            policy.invalid(out, "only \"Never\" is supported when podFailurePolicy is specified");
        }
        "OnFailure" => {}
        _ => policy.unsupported(out, &["OnFailure", "Never"]),
    }
}

const ACTIONS: &[&str] = &["Count", "FailIndex", "FailJob", "Ignore"];

fn failure_policy(spec: &Field<'_>, rules: &Field<'_>, out: &mut Causes) {
    if rules.list().len() > 20 {
        out.too_many(&rules.path, rules.list().len(), 20);
    }
    for rule in rules.items() {
        let action = rule.get("action");
        match action.text() {
            "" => action.required(out, &valid_values(ACTIONS)),
            "FailIndex" if !spec.get("backoffLimitPerIndex").is_set() => {
                action.invalid(out, "requires the backoffLimitPerIndex to be set");
            }
            _ => action.one_of_if_set(out, ACTIONS),
        }
        let (codes, conditions) = (rule.get("onExitCodes"), rule.get("onPodConditions"));
        if codes.is_set() {
            exit_codes(spec, &codes, out);
        }
        pod_conditions(&conditions, out);
        match (codes.is_set(), conditions.list().is_empty()) {
            (true, false) => rule.invalid_quietly(
                out,
                "specifying both OnExitCodes and OnPodConditions is not supported",
            ),
            (false, true) => rule.invalid_quietly(
                out,
                "specifying one of OnExitCodes and OnPodConditions is required",
            ),
            _ => {}
        }
    }
}

/// `valid values: ["a" "b"]`, as Go prints a list of strings.
fn valid_values(values: &[&str]) -> String {
    let quoted: Vec<String> = values.iter().map(|v| format!("{v:?}")).collect();
    format!("valid values: [{}]", quoted.join(" "))
}

fn pod_conditions(list: &Field<'_>, out: &mut Causes) {
    if list.list().len() > 20 {
        out.too_many(&list.path, list.list().len(), 20);
    }
    for pattern in list.items() {
        pattern.get("type").qualified_name(out);
        let status = pattern.get("status");
        let allowed = ["False", "True", "Unknown"];
        if status.text().is_empty() {
            status.required(out, &valid_values(&allowed));
        } else {
            status.one_of_if_set(out, &allowed);
        }
    }
}

fn exit_codes(spec: &Field<'_>, codes: &Field<'_>, out: &mut Causes) {
    let (operator, name, values) =
        (codes.get("operator"), codes.get("containerName"), codes.get("values"));
    if operator.text().is_empty() {
        operator.required(out, &valid_values(&["In", "NotIn"]));
    } else {
        operator.one_of_if_set(out, &["In", "NotIn"]);
    }
    let containers = ["template.spec.containers", "template.spec.initContainers"];
    let mut names = containers.iter().flat_map(|l| spec.get(l).items());
    if name.is_set() && !names.any(|c| c.get("name").text() == name.text()) {
        name.invalid(
            out,
            "must be one of the container or initContainer names in the pod template",
        );
    }
    match values.list().len() {
        0 => out.invalid(&values.path, &json!([]), "at least one value is required"),
        n if n > 255 => out.too_many(&values.path, n, 255),
        _ => {}
    }
    let mut seen = HashSet::new();
    for value in values.items() {
        if operator.text() == "In" && value.int() == Some(0) {
            value.invalid(out, "must not be 0 for the In operator");
        }
        if !seen.insert(value.int()) {
            value.duplicate(out);
        }
    }
    if !values.list().is_sorted_by_key(Value::as_i64) {
        values.invalid(out, "must be ordered");
    }
}

fn success_policy(spec: &Field<'_>, rules: &Field<'_>, out: &mut Causes) {
    match rules.list().len() {
        0 => rules.required(
            out,
            "at least one rules must be specified when the successPolicy is specified",
        ),
        n if n > 20 => out.too_many(&rules.path, n, 20),
        _ => {}
    }
    let completions = spec.get("completions").int_or_zero();
    for rule in rules.items() {
        let (count, indexes) = (rule.get("succeededCount"), rule.get("succeededIndexes"));
        if !count.is_set() && !indexes.is_set() {
            rule.required(
                out,
                "at least one of succeededCount or succeededIndexes must be specified",
            );
        }
        let mut total = 0;
        if indexes.is_set() {
            if indexes.text().len() > 64 * 1024 {
                out.too_long(&indexes.path, 64 * 1024);
            }
            match count_indexes(indexes.text(), completions) {
                Ok(n) => total = n,
                Err(why) => indexes.invalid(out, format!("error parsing succeededIndexes: {why}")),
            }
        }
        count.nonnegative(out);
        let wanted = count.int_or_zero();
        if wanted > completions {
            count.invalid(out, format!("must be less than or equal to {completions} (the number of specified completions)"));
        }
        if indexes.is_set() && wanted > total {
            count.invalid(out, format!("must be less than or equal to {total} (the number of indexes in the specified succeededIndexes field)"));
        }
    }
}

/// Number of indexes in `0-2,4`, all of which must be below `completions`.
///
/// # Errors
/// Upstream's message for what is wrong with the text.
pub fn count_indexes(text: &str, completions: i64) -> Result<i64, String> {
    let (mut total, mut last): (i64, Option<i64>) = (0, None);
    for interval in text.split(',').filter(|_| !text.is_empty()) {
        let limits: Vec<&str> = interval.split('-').collect();
        if limits.len() > 2 {
            return Err(format!(
                "the fragment {interval:?} violates the requirement that an index interval can have at most two parts separated by '-'"
            ));
        }
        let number = |part: &str| {
            part.parse::<i64>()
                .map_err(|_| format!("cannot convert string to integer for index: {part:?}"))
        };
        let first = number(limits[0])?;
        let end = limits.get(1).map_or(Ok(first), |part| number(part))?;
        for n in [first, end] {
            if n >= completions {
                return Err(format!("too large index: \"{n}\""));
            }
        }
        if let Some(last) = last.filter(|last| *last >= first) {
            return Err(format!("non-increasing order, previous: {last}, current: {first}"));
        }
        if limits.len() == 2 && first >= end {
            return Err(format!("non-increasing order, previous: {first}, current: {end}"));
        }
        total += end - first + 1;
        last = Some(end);
    }
    Ok(total)
}

/// The first index that both of two index lists name; malformed parts are passed over.
pub fn common_index(a: &str, b: &str) -> Option<i64> {
    let intervals = |text: &str| -> Vec<(i64, i64)> {
        let one = |part: &str| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            Some((first.parse().ok()?, last.parse().ok()?))
        };
        text.split(',').filter_map(one).collect()
    };
    let (a, b) = (intervals(a), intervals(b));
    let pairs = a.iter().flat_map(|x| b.iter().map(move |y| (x.0.max(y.0), x.1.min(y.1))));
    pairs.filter(|(start, end)| start <= end).map(|(start, _)| start).min()
}

/// Defaults of a Job, not of a CronJob's template.
pub fn default(job: &mut Value) {
    let missing = |job: &Value, path: &str| job.at(path).is_none_or(Value::is_null);
    if missing(job, "spec.completions") && missing(job, "spec.parallelism") {
        job.set_at("spec.completions", 1);
    }
    let backoff = if missing(job, "spec.backoffLimitPerIndex") { 6 } else { i32::MAX };
    let replacement =
        if missing(job, "spec.podFailurePolicy") { "TerminatingOrFailed" } else { "Failed" };
    for (path, value) in [
        ("spec.parallelism", json!(1)),
        ("spec.backoffLimit", json!(backoff)),
        ("spec.completionMode", json!("NonIndexed")),
        ("spec.suspend", json!(false)),
        ("spec.podReplacementPolicy", json!(replacement)),
        ("spec.manualSelector", json!(false)),
    ] {
        if missing(job, path) {
            job.set_at(path, value);
        }
    }
}

/// Warnings about a job spec at `path`.
pub fn warnings(new: &Value, old: Option<&Value>, path: &str) -> Vec<String> {
    let mut out = match old {
        None => checks::name_warning(new, checks::POD_NAMES),
        Some(_) => vec![],
    };
    let spec = Field::of(new, path);
    let more = |field: &str, n: i64| spec.get(field).int_or_zero() > n;
    let changed = old.is_none_or(|old| old.at(path) != new.at(path));
    if changed
        && spec.get("completionMode").text() == INDEXED
        && more("completions", MANY_COMPLETIONS)
        && more("parallelism", FEW)
    {
        out.push(format!("{path}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail"));
    }
    out.extend(template::template_warnings(new, old, &format!("{path}.template")));
    out
}
