//! The rules of FlowSchema.
//! Source: kubernetes `pkg/apis/flowcontrol/validation`.

use crate::{
    error::Causes,
    kinds::workloads::Field,
    object::{ObjectExt, Value, json, name},
};

const HIGHEST_PRECEDENCE: i64 = 10_000;
const VERBS: [&str; 9] =
    ["create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"];
const SUBJECTS: [(&str, &str); 3] =
    [("ServiceAccount", "serviceAccount"), ("User", "user"), ("Group", "group")];

/// Checks the whole object.
pub fn validate(o: &Value, out: &mut Causes) {
    let spec = Field::of(o, "spec");
    precedence(o.name(), &spec.get("matchingPrecedence"), out);
    let method = spec.get("distinguisherMethod");
    if method.is_set() && !["ByUser", "ByNamespace"].contains(&method.get("type").text()) {
        let allowed = ["ByNamespace", "ByUser"];
        // Upstream shows the whole of it, as Go calls its fields.
        let shown = json!({"Type": method.get("type").text()});
        out.unsupported(method.get("type").path, &shown, &allowed);
    }
    let level = spec.get("priorityLevelConfiguration.name");
    if level.text().is_empty() {
        level.required(out, "must reference a priority level");
    }
    level.dns_subdomain(out);
    spec.get("rules").items().iter().for_each(|rule| self::rule(rule, out));
    fixed(o, &spec, out);
    super::conditions(o, out);
}

fn precedence(name: &str, field: &Field<'_>, out: &mut Causes) {
    let n = field.int_or_zero();
    let shown = json!(n);
    if n <= 0 {
        out.invalid(&field.path, &shown, "must be a positive value");
    }
    if n > HIGHEST_PRECEDENCE {
        let why = format!("must not be greater than {HIGHEST_PRECEDENCE}");
        out.invalid(&field.path, &shown, why);
    }
    if n == 1 && name != "exempt" {
        let why = "only the schema named 'exempt' may have matchingPrecedence 1";
        out.invalid(&field.path, &shown, why);
    }
}

/// The two schemas every cluster has are what they are.
fn fixed(o: &Value, spec: &Field<'_>, out: &mut Causes) {
    let all = json!([{
        "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": true,
        "namespaces": ["*"]
    }]);
    let paths = json!([{"verbs": ["*"], "nonResourceURLs": ["*"]}]);
    let groups = |names: &[&str]| -> Value {
        names.iter().map(|n| json!({"kind": "Group", "group": {"name": n}})).collect()
    };
    let rules = |subjects: Value| json!([{"subjects": subjects, "resourceRules": all, "nonResourceRules": paths}]);
    let wanted = match o.name() {
        "exempt" => json!({
            "priorityLevelConfiguration": {"name": "exempt"},
            "matchingPrecedence": 1,
            "rules": rules(groups(&["system:masters"]))
        }),
        "catch-all" => json!({
            "priorityLevelConfiguration": {"name": "catch-all"},
            "matchingPrecedence": 10_000,
            "distinguisherMethod": {"type": "ByUser"},
            "rules": rules(groups(&["system:unauthenticated", "system:authenticated"]))
        }),
        _ => return,
    };
    if spec.value != Some(&wanted) {
        spec.invalid(out, format!("spec of '{}' must equal the fixed value", o.name()));
    }
}

fn rule(rule: &Field<'_>, out: &mut Causes) {
    let subjects = rule.get("subjects");
    if subjects.list().is_empty() {
        subjects.required(out, "subjects must contain at least one value");
    }
    subjects.items().iter().for_each(|s| subject(s, out));
    let (resources, paths) = (rule.get("resourceRules"), rule.get("nonResourceRules"));
    if resources.list().is_empty() && paths.list().is_empty() {
        let why = "at least one of resourceRules and nonResourceRules has to be non-empty";
        rule.required(out, why);
    }
    resources.items().iter().for_each(|r| resource_rule(r, out));
    paths.items().iter().for_each(|r| path_rule(r, out));
}

fn subject(subject: &Field<'_>, out: &mut Causes) {
    let kind = subject.get("kind");
    let Some((name, own)) = SUBJECTS.iter().find(|(k, _)| *k == kind.text()) else {
        let allowed: Vec<&str> = SUBJECTS.iter().map(|(k, _)| *k).collect();
        return out.unsupported(&kind.path, &json!(kind.text()), &allowed);
    };
    let field = subject.get(own);
    if field.is_set() {
        match *own {
            "serviceAccount" => service_account(&field, out),
            _ => field.get("name").needs_text(out),
        }
    } else {
        field.required(out, &format!("{own} is required when subject kind is '{name}'"));
    }
    for other in ["serviceAccount", "user", "group"].iter().filter(|f| *f != own) {
        let field = subject.get(other);
        if field.is_set() {
            let kind = SUBJECTS.iter().find(|(_, f)| f == other).map_or("", |(k, _)| *k);
            field.forbidden(out, format!("{other} is forbidden when subject kind is not '{kind}'"));
        }
    }
}

fn service_account(account: &Field<'_>, out: &mut Causes) {
    let (name, namespace) = (account.get("name"), account.get("namespace"));
    name.needs_text(out);
    if name.text() != "*" {
        name.dns_subdomain(out);
    }
    if namespace.text().is_empty() {
        namespace.required(out, "must specify namespace for service account");
    }
    namespace.dns_label(out);
}

/// A list in which `*` stands alone. Answers whether it holds `*`.
fn wildcard(list: &Field<'_>, others: &str, out: &mut Causes) -> bool {
    let holds = list.texts().contains(&"*");
    if holds && list.list().len() > 1 {
        list.invalid(out, format!("if '*' is present, must not specify other {others}"));
    }
    holds
}

fn verbs(verbs: &Field<'_>, out: &mut Causes) {
    if verbs.list().is_empty() {
        verbs.required(out, "verbs must contain at least one value");
    } else if !wildcard(verbs, "verbs", out) && !verbs.texts().iter().all(|v| VERBS.contains(v)) {
        out.unsupported(&verbs.path, verbs.value.unwrap_or(&Value::Null), &VERBS);
    }
}

fn resource_rule(rule: &Field<'_>, out: &mut Causes) {
    verbs(&rule.get("verbs"), out);
    for (field, one, others) in
        [("apiGroups", "api group", "api groups"), ("resources", "resource", "resources")]
    {
        let list = rule.get(field);
        if list.list().is_empty() {
            list.required(out, &format!("resource rules must supply at least one {one}"));
        }
        wildcard(&list, others, out);
    }
    let namespaces = rule.get("namespaces");
    if namespaces.list().is_empty() && !rule.get("clusterScope").is_true() {
        let why = "resource rules that are not cluster scoped must supply at least one namespace";
        namespaces.required(out, why);
    } else if !wildcard(&namespaces, "namespaces", out) {
        for namespace in namespaces.items() {
            for why in name::label_problems(namespace.text()) {
                let why =
                    format!("each member of this list must be '*' or a DNS-1123 label; {why}");
                namespace.invalid(out, why);
            }
        }
    }
}

fn path_rule(rule: &Field<'_>, out: &mut Causes) {
    verbs(&rule.get("verbs"), out);
    let urls = rule.get("nonResourceURLs");
    if urls.list().is_empty() {
        urls.required(out, "nonResourceURLs must contain at least one value");
    } else if !wildcard(&urls, "non-resource URLs", out) {
        for url in urls.items() {
            if let Some(why) = path_problem(url.text()) {
                url.invalid(out, why);
            }
        }
    }
}

fn path_problem(path: &str) -> Option<&'static str> {
    let stars = path.matches('*').count();
    match path {
        "" => Some("must not be empty"),
        "/" => None,
        _ if !path.starts_with('/') => Some("must start with slash"),
        _ if path.contains(' ') => Some("must not contain white-space"),
        _ if path.contains("//") => Some("must not contain double slash"),
        _ if stars > 1 || (stars == 1 && !path.ends_with("/*")) => {
            Some("wildcard can only do suffix matching")
        }
        _ => None,
    }
}
