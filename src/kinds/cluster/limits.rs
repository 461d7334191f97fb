//! ResourceQuota and LimitRange: what a namespace may use.

use super::checks;
use crate::error::{Causes, Error};
use crate::kinds::{Column, Cx, Hooks, Kind, Sub, columns::AGE};
use crate::object::{Map, ObjectExt, Value, json, name, quantity::Quantity};

/// `resourcequotas`.
pub static RESOURCE_QUOTA: Kind = Kind {
    kind: "ResourceQuota",
    plural: "resourcequotas",
    short: &["quota"],
    schema: "io.k8s.api.core.v1.ResourceQuota",
    subresources: &[Sub::STATUS],
    delete_returns_object: true,
    columns: &[
        Column::text("Request", "Used and allowed requests.", |o, _| json!(usage(o, false))),
        Column::text("Limit", "Used and allowed limits.", |o, _| json!(usage(o, true))),
        AGE,
    ],
    hooks: Hooks {
        prepare: Some(prepare_quota),
        validate: Some(validate_quota),
        validate_status: Some(|o, _, out| {
            amounts(o.map_at("status.hard"), "status.hard", out);
            amounts(o.map_at("status.used"), "status.used", out);
        }),
        ..Hooks::NONE
    },
    ..Kind::BASE
};

/// `limitranges`.
pub static LIMIT_RANGE: Kind = Kind {
    kind: "LimitRange",
    plural: "limitranges",
    short: &["limits"],
    schema: "io.k8s.api.core.v1.LimitRange",
    create_on_update: true,
    columns: &[super::cells::CREATED_AT],
    hooks: Hooks {
        default: Some(default_range),
        prepare: Some(name_range),
        validate: Some(|o, _, out| limits(o, out)),
        ..Hooks::NONE
    },
    ..Kind::BASE
};

fn usage(quota: &Value, limits: bool) -> String {
    let hard = quota.map_at("status.hard").into_iter().flatten();
    let wanted = hard.filter(|(name, _)| name.starts_with("limits.") == limits);
    let rows: Vec<String> = wanted
        .map(|(name, hard)| {
            let used = quota.at("status.used").and_then(|u| u.get(name));
            let text = |v: Option<&Value>| v.and_then(Value::as_str).unwrap_or("0").to_owned();
            format!("{name}: {}/{}", text(used), text(Some(hard)))
        })
        .collect();
    rows.join(", ")
}

fn prepare_quota(o: &mut Value, old: Option<&Value>, _: &Cx<'_>) -> Result<(), Error> {
    if old.is_none() {
        o.set_at("status", json!({}));
    }
    Ok(())
}

fn validate_quota(o: &Value, old: Option<&Value>, out: &mut Causes) {
    check_spec(o.at("spec").unwrap_or(&Value::Null), "spec", out);
    if let Some(old) = old {
        let sorted = |q: &Value| {
            let mut all: Vec<String> =
                q.list_at("spec.scopes").iter().map(Value::to_string).collect();
            all.sort();
            all
        };
        if sorted(o) != sorted(old) {
            out.invalid("spec.scopes", &json!(o.list_at("spec.scopes")), checks::IMMUTABLE);
        }
    }
}

/// What a quota's spec must look like, which stands at `path` of an object.
pub fn check_spec(spec: &Value, path: &str, out: &mut Causes) {
    amounts(spec.map_at("hard"), &format!("{path}.hard"), out);
    scopes(spec, path, out);
    scope_selector(spec, path, out);
}

/// Amounts of what quotas know.
pub fn amounts(all: Option<&Map>, path: &str, out: &mut Causes) {
    for (resource, amount) in all.into_iter().flatten() {
        let field = format!("{path}[{resource}]");
        checks::resource_name(resource, &field, out);
        if !resource.contains('/') && !checks::is_quota_resource(resource) {
            out.invalid(field.clone(), &json!(resource), "must be a standard resource for quota");
        }
        let quantity = checks::not_negative(amount, &field, out);
        if checks::is_counted_resource(resource)
            && quantity.is_some_and(|q| q.cmp(&Quantity::from_int(q.value())).is_ne())
        {
            out.invalid(field, amount, "must be an integer");
        }
    }
}

const KNOWN_SCOPES: [&str; 7] = [
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
    "VolumeAttributesClass",
];

fn scopes(spec: &Value, path: &str, out: &mut Causes) {
    let scopes = spec.list_at("scopes");
    let path = format!("{path}.scopes");
    let names: Vec<&str> = scopes.iter().filter_map(Value::as_str).collect();
    if names.iter().any(|s| !KNOWN_SCOPES.contains(s)) {
        out.invalid(path.as_str(), &json!(scopes), "unsupported scope");
    }
    if names.iter().any(|s| !fits(spec, s)) {
        out.invalid(path.as_str(), &json!(scopes), "unsupported scope applied to resource");
    }
    conflicting(spec, &names, &path, out);
}

fn conflicting(spec: &Value, names: &[&str], path: &str, out: &mut Causes) {
    for pair in [["BestEffort", "NotBestEffort"], ["Terminating", "NotTerminating"]] {
        if pair.iter().all(|s| names.contains(s)) {
            out.invalid(path, &json!(spec.list_at("scopes")), "conflicting scopes");
        }
    }
}

/// Whether a scope makes sense for everything the quota limits.
fn fits(spec: &Value, scope: &str) -> bool {
    const COMPUTE: [&str; 6] =
        ["cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"];
    let limited = spec.map_at("hard").into_iter().flat_map(Map::keys);
    let mut standard = limited.filter(|r| !r.contains('/') && checks::is_quota_resource(r));
    standard.all(|resource| match scope {
        "BestEffort" => resource == "pods",
        "VolumeAttributesClass" => {
            ["persistentvolumeclaims", "requests.storage"].contains(&resource.as_str())
        }
        other if KNOWN_SCOPES.contains(&other) => {
            resource == "pods" || COMPUTE.contains(&resource.as_str())
        }
        _ => true,
    })
}

/// `scopeSelector`: scopes with operators. Paths carry no index, as upstream's do not.
fn scope_selector(spec: &Value, path: &str, out: &mut Causes) {
    let path = format!("{path}.scopeSelector.matchExpressions");
    let terms = spec.list_at("scopeSelector.matchExpressions");
    for term in terms {
        let (scope, operator) = (term.str_at("scopeName"), term.str_at("operator"));
        let values = term.list_at("values");
        if !KNOWN_SCOPES.contains(&scope) {
            out.invalid(format!("{path}.scopeName"), &json!(scope), "unsupported scope");
        }
        if !fits(spec, scope) {
            out.invalid(
                path.as_str(),
                &go_selector(terms),
                "unsupported scope applied to resource",
            );
        }
        let valued = ["PriorityClass", "VolumeAttributesClass"].contains(&scope);
        if KNOWN_SCOPES.contains(&scope) && !valued && operator != "Exists" {
            let why = "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
            out.invalid(format!("{path}.operator"), &json!(operator), why);
        }
        match operator {
            "In" | "NotIn" if values.is_empty() => out.required(
                format!("{path}.values"),
                "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
            ),
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                let why = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
                out.invalid(format!("{path}.values"), &json!(values), why);
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => {
                let why = "not a valid selector operator";
                out.invalid(format!("{path}.operator"), &json!(other), why);
            }
        }
    }
    let names: Vec<&str> = terms.iter().map(|t| t.str_at("scopeName")).collect();
    conflicting(spec, &names, &path, out);
}

/// A scope selector as Go prints the internal type.
fn go_selector(terms: &[Value]) -> Value {
    let term = |t: &Value| {
        json!({"ScopeName": t.str_at("scopeName"), "Operator": t.str_at("operator"),
            "Values": t.get("values").cloned().unwrap_or_default()})
    };
    json!({"MatchExpressions": terms.iter().map(term).collect::<Vec<_>>()})
}

/// Limits of containers fill in for each other: max gives default, default gives request, min
/// gives request.
/// A limit range needs no name: it gets one.
fn name_range(o: &mut Value, old: Option<&Value>, cx: &Cx<'_>) -> Result<(), Error> {
    if old.is_none() && o.name().is_empty() {
        o.set_at("metadata.name", cx.world.entropy.of(&["limitranges", o.namespace()]).uuid());
    }
    Ok(())
}

fn default_range(o: &mut Value) {
    let limits = o.get_mut("spec").and_then(|s| s.get_mut("limits"));
    let Some(Value::Array(limits)) = limits else { return };
    for limit in limits.iter_mut().filter(|l| l.str_at("type") == "Container") {
        for (from, to) in
            [("max", "default"), ("default", "defaultRequest"), ("min", "defaultRequest")]
        {
            let given = limit.map_at(from).cloned().unwrap_or_default();
            if given.is_empty() {
                continue;
            }
            let mut filled = limit.map_at(to).cloned().unwrap_or_default();
            for (resource, amount) in given {
                filled.entry(resource).or_insert(amount);
            }
            limit[to] = Value::Object(filled);
        }
    }
    for limit in limits {
        for list in ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] {
            let amounts = limit.get_mut(list).and_then(Value::as_object_mut);
            for amount in amounts.into_iter().flatten().map(|(_, amount)| amount) {
                if let Some(rounded) = Quantity::from_value(amount).map(Quantity::to_milli) {
                    *amount = json!(rounded.to_string());
                }
            }
        }
    }
}

fn limits(o: &Value, out: &mut Causes) {
    let mut seen: Vec<&str> = Vec::new();
    for (i, limit) in o.list_at("spec.limits").iter().enumerate() {
        let path = format!("spec.limits[{i}]");
        let kind = limit.str_at("type");
        let kind_path = format!("{path}.type");
        let problems = name::qualified_name_problems(kind);
        for problem in &problems {
            out.invalid(kind_path.clone(), &json!(kind), problem);
        }
        let standard = ["Pod", "Container", "PersistentVolumeClaim"];
        if problems.is_empty() && !kind.contains('/') && !standard.contains(&kind) {
            let why = "must be a standard limit type or fully qualified";
            out.invalid(kind_path.clone(), &json!(kind), why);
        }
        if seen.contains(&kind) {
            out.duplicate(kind_path, &json!(kind));
        }
        seen.push(kind);
        one_limit(limit, kind, &path, out);
    }
}

fn one_limit(limit: &Value, kind: &str, path: &str, out: &mut Causes) {
    let mut resources: Vec<&str> = Vec::new();
    for field in ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] {
        let given = limit.map_at(field);
        let values = || given.into_iter().flat_map(Map::keys);
        if kind == "Pod" && field.starts_with("default") {
            if values().next().is_some() {
                let why = "may not be specified when `type` is 'Pod'";
                out.forbidden(format!("{path}.{field}"), why);
            }
            continue;
        }
        for resource in values() {
            let at = format!("{path}.{field}[{resource}]");
            checks::resource_name(resource, &at, out);
            let standard = ["cpu", "memory", "ephemeral-storage"].contains(&resource.as_str())
                || resource.starts_with("hugepages-");
            if ["Pod", "Container"].contains(&kind) && !resource.contains('/') && !standard {
                out.invalid(at, &json!(resource), "must be a standard resource for containers");
            }
            if !resources.contains(&resource.as_str()) {
                resources.push(resource);
            }
        }
    }
    let storage = |f: &str| limit.map_at(f).is_some_and(|m| m.contains_key("storage"));
    if kind == "PersistentVolumeClaim" && !storage("min") && !storage("max") {
        let why = "either minimum or maximum storage value is required, but neither was provided";
        out.required(format!("{path}.limits"), why);
    }
    for resource in resources {
        order(limit, resource, path, out);
    }
}

/// min <= defaultRequest <= default <= max, as far as they are given.
fn order(limit: &Value, resource: &str, path: &str, out: &mut Causes) {
    const NAMES: [(&str, &str); 4] = [
        ("min", "min value"),
        ("max", "max value"),
        ("defaultRequest", "default request value"),
        ("default", "default value"),
    ];
    let amount = |field: &str| Quantity::from_value(limit.get(field)?.get(resource)?);
    let word = |field: &str| NAMES.iter().find(|(f, _)| *f == field).map_or("", |(_, w)| *w);
    // (smaller, greater, field to blame, field whose value is shown)
    let rules = [
        ("min", "max", "min", "min"),
        ("min", "defaultRequest", "defaultRequest", "defaultRequest"),
        ("defaultRequest", "max", "defaultRequest", "defaultRequest"),
        ("defaultRequest", "default", "defaultRequest", "defaultRequest"),
        ("min", "default", "default", "min"),
        ("default", "max", "default", "max"),
    ];
    for (low, high, field, shown) in rules {
        let (Some(a), Some(b), Some(value)) = (amount(low), amount(high), amount(shown)) else {
            continue;
        };
        if a > b {
            let high = match (low, high) {
                ("defaultRequest", "default") => "default limit value",
                _ => word(high),
            };
            let why = format!("{} {a} is greater than {high} {b}", word(low));
            out.invalid(format!("{path}.{field}[{resource}]"), &json!(value.to_string()), why);
        }
    }
    if let Some(ratio) = amount("maxLimitRequestRatio")
        && ratio < Quantity::from_int(1)
    {
        let field = format!("{path}.maxLimitRequestRatio[{resource}]");
        out.invalid(field, &json!(ratio.to_string()), format!("ratio {ratio} is less than 1"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(causes: Causes) -> Vec<String> {
        causes.0.into_iter().map(|c| format!("{}: {}", c.field, c.message)).collect()
    }

    #[test]
    fn quotas() {
        let rows: &[(Value, &[&str])] = &[
            (
                json!({"pods": "2", "cpu": "1", "requests.memory": "1Gi", "count/deployments.apps": "1"}),
                &[],
            ),
            (
                json!({"pods": "-1"}),
                &["spec.hard[pods]: Invalid value: \"-1\": must be greater than or equal to 0"],
            ),
            (
                json!({"pods": "1500m"}),
                &["spec.hard[pods]: Invalid value: \"1500m\": must be an integer"],
            ),
            (
                json!({"storage": "1"}),
                &[
                    "spec.hard[storage]: Invalid value: \"storage\": must be a standard resource for quota",
                ],
            ),
            (
                json!({"bananas": "1"}),
                &[
                    "spec.hard[bananas]: Invalid value: \"bananas\": must be a standard resource type or fully qualified",
                    "spec.hard[bananas]: Invalid value: \"bananas\": must be a standard resource for quota",
                ],
            ),
        ];
        for (hard, expected) in rows {
            let mut causes = Causes::default();
            validate_quota(&json!({"spec": {"hard": hard}}), None, &mut causes);
            assert_eq!(texts(causes), *expected, "{hard}");
        }
    }

    #[test]
    fn scopes_must_fit_what_is_limited() {
        let applied = "unsupported scope applied to resource";
        let rows = [
            (json!({"hard": {"pods": "1"}, "scopes": ["BestEffort"]}), vec![]),
            (
                json!({"hard": {"services": "1"}, "scopes": ["NotTerminating"]}),
                vec![format!("spec.scopes: Invalid value: [\"NotTerminating\"]: {applied}")],
            ),
            (
                json!({"hard": {"count/deployments.apps": "1"}, "scopes": ["NotTerminating"]}),
                vec![],
            ),
            (
                json!({"hard": {"pods": "1"}, "scopeSelector": {"matchExpressions":
                    [{"scopeName": "Terminating", "operator": "In"}]}}),
                vec![
                    "spec.scopeSelector.matchExpressions.operator: Invalid value: \"In\": must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity".to_owned(),
                    "spec.scopeSelector.matchExpressions.values: Required value: must be at least one value when `operator` is 'In' or 'NotIn' for scope selector".to_owned(),
                ],
            ),
            (
                json!({"hard": {"services": "1"}, "scopeSelector": {"matchExpressions":
                    [{"scopeName": "PriorityClass", "operator": "Exists"}]}}),
                vec![format!("spec.scopeSelector.matchExpressions: Invalid value: {{\"MatchExpressions\":[{{\"Operator\":\"Exists\",\"ScopeName\":\"PriorityClass\",\"Values\":null}}]}}: {applied}")],
            ),
        ];
        for (spec, expected) in rows {
            let mut causes = Causes::default();
            validate_quota(&json!({"spec": spec}), None, &mut causes);
            assert_eq!(texts(causes), expected, "{spec}");
        }
    }

    #[test]
    fn ranges() {
        let mut o = json!({"spec": {"limits": [{"type": "Container", "max": {"cpu": "1"}, "min": {"memory": "1Mi"}}]}});
        default_range(&mut o);
        let limit = &o.list_at("spec.limits")[0];
        assert_eq!(limit["default"], json!({"cpu": "1"}));
        assert_eq!(limit["defaultRequest"], json!({"cpu": "1", "memory": "1Mi"}));
        let mut causes = Causes::default();
        limits(&o, &mut causes);
        assert!(causes.is_empty());
        let bad = json!({"spec": {"limits": [{"type": "Pod", "min": {"cpu": "2"}, "max": {"cpu": "1"}, "default": {"cpu": "1"}}]}});
        let mut causes = Causes::default();
        limits(&bad, &mut causes);
        assert_eq!(
            texts(causes)[..2],
            [
                "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'",
                "spec.limits[0].min[cpu]: Invalid value: \"2\": min value 2 is greater than max value 1",
            ]
        );
    }

    #[test]
    fn usage_cells() {
        let quota = json!({"status": {"hard": {"limits.cpu": "2", "cpu": "1", "pods": "4"}, "used": {"pods": "2"}}});
        assert_eq!(usage(&quota, false), "cpu: 0/1, pods: 2/4");
        assert_eq!(usage(&quota, true), "limits.cpu: 0/2");
    }
}
