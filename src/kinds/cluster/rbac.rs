//! rbac.authorization.k8s.io: roles and their bindings.

use super::{cells::CREATED_AT, checks};
use crate::error::Causes;
use crate::kinds::columns::AGE;
use crate::kinds::{Column, Hooks, Kind, NameRule};
use crate::object::{ObjectExt, Value, json, name};

const NAME: &str = "rbac.authorization.k8s.io";

const GROUP: Kind =
    Kind { group: NAME, name_rule: NameRule::PathSegment, create_on_update: true, ..Kind::BASE };

const BINDING_COLUMNS: &[Column] = &[
    Column::text("Role", "The role that is granted.", |o, _| {
        json!(format!("{}/{}", o.str_at("roleRef.kind"), o.str_at("roleRef.name")))
    }),
    AGE,
    Column::text("Users", "Users it is granted to.", |o, _| json!(subjects(o, "User"))).wide(),
    Column::text("Groups", "Groups it is granted to.", |o, _| json!(subjects(o, "Group"))).wide(),
    Column::text("ServiceAccounts", "Service accounts it is granted to.", |o, _| {
        json!(subjects(o, "ServiceAccount"))
    })
    .wide(),
];

/// `roles.rbac.authorization.k8s.io`.
pub static ROLE: Kind = Kind {
    kind: "Role",
    plural: "roles",
    schema: "io.k8s.api.rbac.v1.Role",
    columns: &[CREATED_AT],
    hooks: Hooks { validate: Some(|o, _, out| rules(o, true, out)), ..Hooks::NONE },
    ..GROUP
};

/// `clusterroles.rbac.authorization.k8s.io`.
pub static CLUSTER_ROLE: Kind = Kind {
    kind: "ClusterRole",
    plural: "clusterroles",
    namespaced: false,
    schema: "io.k8s.api.rbac.v1.ClusterRole",
    columns: &[CREATED_AT],
    hooks: Hooks { validate: Some(cluster_role), ..Hooks::NONE },
    ..GROUP
};

/// `rolebindings.rbac.authorization.k8s.io`.
pub static ROLE_BINDING: Kind = Kind {
    kind: "RoleBinding",
    plural: "rolebindings",
    schema: "io.k8s.api.rbac.v1.RoleBinding",
    columns: BINDING_COLUMNS,
    hooks: Hooks {
        default: Some(default),
        validate: Some(|o, old, out| binding(o, old, true, out)),
        ..Hooks::NONE
    },
    ..GROUP
};

/// `clusterrolebindings.rbac.authorization.k8s.io`.
pub static CLUSTER_ROLE_BINDING: Kind = Kind {
    kind: "ClusterRoleBinding",
    plural: "clusterrolebindings",
    namespaced: false,
    schema: "io.k8s.api.rbac.v1.ClusterRoleBinding",
    columns: BINDING_COLUMNS,
    hooks: Hooks {
        default: Some(default),
        validate: Some(|o, old, out| binding(o, old, false, out)),
        ..Hooks::NONE
    },
    ..GROUP
};

fn subjects(binding: &Value, kind: &str) -> String {
    let all = binding.list_at("subjects").iter().filter(|s| s.str_at("kind") == kind);
    let names: Vec<String> = all
        .map(|s| match s.str_at("namespace") {
            namespace if kind == "ServiceAccount" && !namespace.is_empty() => {
                format!("{namespace}/{}", s.str_at("name"))
            }
            _ => s.str_at("name").to_owned(),
        })
        .collect();
    names.join(", ")
}

fn default(o: &mut Value) {
    if o.str_at("roleRef.apiGroup").is_empty() {
        o.set_at("roleRef.apiGroup", NAME);
    }
    let Some(Value::Array(subjects)) = o.get_mut("subjects") else { return };
    for subject in subjects {
        let people = matches!(subject.str_at("kind"), "User" | "Group");
        if people && subject.str_at("apiGroup").is_empty() {
            subject.set_at("apiGroup", NAME);
        }
    }
}

fn cluster_role(o: &Value, _: Option<&Value>, out: &mut Causes) {
    rules(o, false, out);
    let Some(aggregation) = o.get("aggregationRule").filter(|a| a.is_object()) else { return };
    let path = "aggregationRule.clusterRoleSelectors";
    let selectors = aggregation.list_at("clusterRoleSelectors");
    if selectors.is_empty() {
        let why = "at least one clusterRoleSelector required if aggregationRule is non-nil";
        out.required(path, why);
    }
    for (i, selector) in selectors.iter().enumerate() {
        let (path, mut found) = (format!("{path}[{i}]"), Causes::default());
        checks::label_selector(selector, &path, &mut found);
        let evaluable = found.is_empty();
        out.absorb(found);
        if !evaluable {
            out.invalid(path, &Value::Null, "invalid label selector.");
        }
    }
}

fn rules(o: &Value, namespaced: bool, out: &mut Causes) {
    for (i, rule) in o.list_at("rules").iter().enumerate() {
        let field = |f: &str| format!("rules[{i}].{f}");
        let empty = |f: &str| rule.list_at(f).is_empty();
        if empty("verbs") {
            out.required(field("verbs"), "verbs must contain at least one value");
        }
        if empty("nonResourceURLs") {
            if empty("apiGroups") {
                let why = "resource rules must supply at least one api group";
                out.required(field("apiGroups"), why);
            }
            if empty("resources") {
                let why = "resource rules must supply at least one resource";
                out.required(field("resources"), why);
            }
            continue;
        }
        let urls = json!(rule.list_at("nonResourceURLs"));
        if namespaced {
            let why = "namespaced rules cannot apply to non-resource URLs";
            out.invalid(field("nonResourceURLs"), &urls, why);
        }
        if ["apiGroups", "resources", "resourceNames"].iter().any(|f| !empty(f)) {
            let why = "rules cannot apply to both regular resources and non-resource URLs";
            out.invalid(field("nonResourceURLs"), &urls, why);
        }
    }
}

fn binding(o: &Value, old: Option<&Value>, namespaced: bool, out: &mut Causes) {
    if o.str_at("roleRef.apiGroup") != NAME {
        out.unsupported("roleRef.apiGroup", &json!(o.str_at("roleRef.apiGroup")), &[NAME]);
    }
    let kinds: &[&str] = if namespaced { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
    let kind = o.str_at("roleRef.kind");
    if !kinds.contains(&kind) {
        out.unsupported_in_order("roleRef.kind", &json!(kind), kinds);
    }
    match o.str_at("roleRef.name") {
        "" => out.required("roleRef.name", ""),
        role => {
            for problem in name::path_segment_problems(role) {
                out.invalid("roleRef.name", &json!(role), problem);
            }
        }
    }
    for (i, subject) in o.list_at("subjects").iter().enumerate() {
        check_subject(subject, namespaced, &format!("subjects[{i}]"), out);
    }
    if let Some(old) = old
        && ["apiGroup", "kind", "name"]
            .iter()
            .any(|f| o["roleRef"].str_at(f) != old["roleRef"].str_at(f))
    {
        let role = &o["roleRef"];
        // Go prints the struct: its fields by their Go names.
        let shown = json!({"APIGroup": role.str_at("apiGroup"), "Kind": role.str_at("kind"),
            "Name": role.str_at("name")});
        out.invalid("roleRef", &shown, "cannot change roleRef");
    }
}

fn check_subject(subject: &Value, namespaced: bool, path: &str, out: &mut Causes) {
    let field = |f: &str| format!("{path}.{f}");
    let (subject_name, group) = (subject.str_at("name"), subject.str_at("apiGroup"));
    if subject_name.is_empty() {
        out.required(field("name"), "");
    }
    match subject.str_at("kind") {
        "ServiceAccount" => {
            if !subject_name.is_empty() {
                for problem in name::subdomain_problems(subject_name) {
                    out.invalid(field("name"), &json!(subject_name), problem);
                }
            }
            if !group.is_empty() {
                out.unsupported(field("apiGroup"), &json!(group), &[""]);
            }
            if !namespaced && subject.str_at("namespace").is_empty() {
                out.required(field("namespace"), "");
            }
        }
        "User" | "Group" if group == NAME => {}
        "User" | "Group" => out.unsupported(field("apiGroup"), &json!(group), &[NAME]),
        other => {
            let known = ["ServiceAccount", "User", "Group"];
            out.unsupported_in_order(field("kind"), &json!(other), &known);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(causes: Causes) -> Vec<String> {
        causes.0.into_iter().map(|c| format!("{}: {}", c.field, c.message)).collect()
    }

    #[test]
    fn rules_are_complete() {
        let rows: &[(Value, bool, &[&str])] = &[
            (json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}), true, &[]),
            (json!({"verbs": ["get"], "nonResourceURLs": ["/x"]}), false, &[]),
            (
                json!({"verbs": ["get"], "nonResourceURLs": ["/x"]}),
                true,
                &[
                    "rules[0].nonResourceURLs: Invalid value: [\"/x\"]: namespaced rules cannot apply to non-resource URLs",
                ],
            ),
            (
                json!({}),
                true,
                &[
                    "rules[0].verbs: Required value: verbs must contain at least one value",
                    "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
                    "rules[0].resources: Required value: resource rules must supply at least one resource",
                ],
            ),
        ];
        for (rule, namespaced, expected) in rows {
            let mut causes = Causes::default();
            rules(&json!({"rules": [rule]}), *namespaced, &mut causes);
            assert_eq!(texts(causes), *expected, "{rule}");
        }
    }

    #[test]
    fn bindings_keep_their_role() {
        let mut o = json!({"roleRef": {"kind": "ClusterRole", "name": "view"},
            "subjects": [{"kind": "User", "name": "u"}, {"kind": "ServiceAccount", "name": "s", "namespace": "n"}]});
        default(&mut o);
        let mut causes = Causes::default();
        binding(&o, Some(&o), true, &mut causes);
        assert_eq!(texts(causes), Vec::<String>::new());
        let mut other = o.clone();
        other["roleRef"]["name"] = json!("edit");
        let mut causes = Causes::default();
        binding(&other, Some(&o), true, &mut causes);
        assert_eq!(
            texts(causes),
            [
                "roleRef: Invalid value: {\"APIGroup\":\"rbac.authorization.k8s.io\",\"Kind\":\"ClusterRole\",\"Name\":\"edit\"}: cannot change roleRef"
            ]
        );
        assert_eq!(subjects(&o, "ServiceAccount"), "n/s");
        assert_eq!(subjects(&o, "User"), "u");
    }
}
