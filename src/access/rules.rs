//! What a role grants, in a form that answers quickly. Knows nothing of subjects or bindings.
//!
//! Source of the matching rules: k8s.io/kubernetes `pkg/apis/rbac/v1/evaluation_helpers.go`.

use serde::Deserialize;
use std::{collections::HashMap, sync::Arc};

/// One rule as it stands in a Role or ClusterRole.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Rule {
    /// Verbs, `*` for all.
    pub verbs: Vec<String>,
    /// Groups, `*` for all, the empty string for the core group.
    pub api_groups: Vec<String>,
    /// `plural`, `plural/sub`, `*/sub` or `*`.
    pub resources: Vec<String>,
    /// Names the rule is limited to; empty for every name.
    pub resource_names: Vec<String>,
    /// Paths outside the API, `/prefix/*` or `*`.
    #[serde(rename = "nonResourceURLs")]
    pub non_resource_urls: Vec<String>,
}

/// A resource to be acted on.
#[derive(Clone, Copy, Debug, Default)]
pub struct ResourceAction<'a> {
    /// Verb.
    pub verb: &'a str,
    /// API group.
    pub group: &'a str,
    /// Plural.
    pub resource: &'a str,
    /// Subresource, or empty.
    pub sub: &'a str,
    /// Object's name, or empty.
    pub name: &'a str,
}

/// A rule under one of its resources. Everything else is the rule's and held once: a rule of many
/// groups, resources and names is as large as it was written, not as their product.
#[derive(Clone, Debug)]
struct Grant {
    /// Subresource the grant is for; `*` when it is for the resource `*`, which has them all.
    sub: Box<str>,
    rule: Arc<Body>,
}

/// What the grants of one rule share. Sorted.
#[derive(Debug)]
struct Body {
    verbs: Verbs,
    groups: Box<[String]>,
    names: Box<[String]>,
}

/// Verbs as bits, the unusual ones by name.
#[derive(Clone, Debug, Default)]
struct Verbs {
    bits: u16,
    others: Box<[String]>,
}

const EVERY: u16 = 1 << 15;

fn bit(verb: &str) -> u16 {
    match verb {
        "get" => 1,
        "list" => 1 << 1,
        "watch" => 1 << 2,
        "create" => 1 << 3,
        "update" => 1 << 4,
        "patch" => 1 << 5,
        "delete" => 1 << 6,
        "deletecollection" => 1 << 7,
        "*" => EVERY,
        _ => 0,
    }
}

impl Verbs {
    fn of(verbs: &[String]) -> Verbs {
        Verbs {
            bits: verbs.iter().fold(0, |bits, v| bits | bit(v)),
            others: sorted(verbs).into_iter().filter(|v| bit(v) == 0).collect(),
        }
    }
    fn allow(&self, verb: &str) -> bool {
        let wanted = bit(verb);
        self.bits & (EVERY | wanted) != 0 || (wanted == 0 && has(&self.others, verb))
    }
}

/// Rules indexed by resource.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "Role")]
pub struct Rules {
    by_resource: HashMap<Box<str>, Vec<Grant>>,
    urls: Vec<(Box<str>, Arc<Body>)>,
    /// The rules as written, for reviews and escalation checks.
    pub written: Vec<Rule>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Role {
    rules: Option<Vec<Rule>>,
}

impl From<Role> for Rules {
    fn from(role: Role) -> Rules {
        let mut rules = Rules::default();
        rules.add(&role.rules.unwrap_or_default());
        rules
    }
}

impl Rules {
    /// Adds rules.
    pub fn add(&mut self, rules: &[Rule]) {
        for rule in rules {
            let body = Arc::new(Body {
                verbs: Verbs::of(&rule.verbs),
                groups: sorted(&rule.api_groups).into(),
                names: sorted(&rule.resource_names).into(),
            });
            for url in sorted(&rule.non_resource_urls) {
                self.urls.push((url.into(), Arc::clone(&body)));
            }
            for resource in sorted(&rule.resources) {
                let (plural, sub) = match resource.split_once('/') {
                    Some((plural, sub)) => (plural, sub),
                    None if resource == "*" => ("*", "*"),
                    None => (resource.as_str(), ""),
                };
                let grant = Grant { sub: sub.into(), rule: Arc::clone(&body) };
                self.by_resource.entry(plural.into()).or_default().push(grant);
            }
            self.written.push(rule.clone());
        }
    }

    /// Whether one of the rules allows this.
    pub fn allow(&self, target: &ResourceAction<'_>) -> bool {
        let exact = self.by_resource.get(target.resource);
        let any = self.by_resource.get("*");
        exact.into_iter().flatten().any(|g| g.allows(target, false))
            || any.into_iter().flatten().any(|g| g.allows(target, true))
    }

    /// Whether one of the rules allows a path outside the API.
    pub fn allow_url(&self, verb: &str, path: &str) -> bool {
        self.urls.iter().any(|(url, rule)| url_matches(url, path) && rule.verbs.allow(verb))
    }
}

impl Grant {
    fn allows(&self, target: &ResourceAction<'_>, any_resource: bool) -> bool {
        (self.sub.as_ref() == target.sub || (any_resource && self.sub.as_ref() == "*"))
            && self.rule.verbs.allow(target.verb)
            && (has(&self.rule.groups, "*") || has(&self.rule.groups, target.group))
            && (self.rule.names.is_empty() || has(&self.rule.names, target.name))
    }
}

fn sorted(list: &[String]) -> Vec<String> {
    let mut list = list.to_vec();
    list.sort_unstable();
    list.dedup();
    list
}

fn has(sorted: &[String], wanted: &str) -> bool {
    sorted.binary_search_by(|v| v.as_str().cmp(wanted)).is_ok()
}

/// Whether a path outside the API is covered by `url` (`*`, an exact path, or `/prefix/*`).
pub fn url_matches(url: &str, path: &str) -> bool {
    url == "*" || url == path || url.strip_suffix('*').is_some_and(|p| path.starts_with(p))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    fn rules(rules: crate::object::Value) -> Rules {
        crate::object::from_value(json!({ "rules": rules })).unwrap()
    }

    #[test]
    fn resources_verbs_and_names() {
        let r = rules(json!([
            {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods", "pods/log"]},
            {"verbs": ["*"], "apiGroups": ["apps"], "resources": ["*"]},
            {"verbs": ["update"], "apiGroups": ["*"], "resources": ["*/scale"]},
            {"verbs": ["impersonate"], "apiGroups": [""], "resources": ["users"],
             "resourceNames": ["system:admin"]},
        ]));
        let rows = [
            (("get", "", "pods", "", "a"), true),
            (("get", "", "pods", "log", "a"), true),
            (("get", "", "pods", "status", "a"), false),
            (("delete", "", "pods", "", "a"), false),
            (("delete", "apps", "deployments", "status", "a"), true),
            (("frob", "apps", "deployments", "", ""), true),
            (("update", "batch", "jobs", "scale", ""), true),
            (("update", "batch", "jobs", "", ""), false),
            (("get", "batch", "jobs", "scale", ""), false),
            (("impersonate", "", "users", "", "system:admin"), true),
            (("impersonate", "", "users", "", "bob"), false),
            (("impersonate", "", "users", "", ""), false),
        ];
        for ((verb, group, resource, sub, name), allowed) in rows {
            let target = ResourceAction { verb, group, resource, sub, name };
            assert_eq!(r.allow(&target), allowed, "{target:?}");
        }
    }

    #[test]
    fn paths() {
        let r = rules(json!([{"verbs": ["get"], "nonResourceURLs": ["/api", "/api/*"]}]));
        for (verb, path, allowed) in [
            ("get", "/api", true),
            ("get", "/api/v1", true),
            ("get", "/apis", false),
            ("post", "/api", false),
        ] {
            assert_eq!(r.allow_url(verb, path), allowed, "{verb} {path}");
        }
        assert!(rules(json!([{"verbs": ["*"], "nonResourceURLs": ["*"]}])).allow_url("put", "/x"));
    }

    #[test]
    fn a_role_without_rules_grants_nothing() {
        let r: Rules = crate::object::from_value(json!({"rules": null})).unwrap();
        assert!(!r.allow(&ResourceAction {
            verb: "get",
            resource: "pods",
            ..ResourceAction::default()
        }));
    }
}
