//! Which requests, or which parts of the world, a rule means.

use super::Meeting;
use serde::{Deserialize, Serialize};

/// Most entries of a list, and longest of them.
const MOST: (usize, usize) = (64, 253);
/// The verbs there are.
const VERBS: &[&str] =
    &["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];

/// Whose requests meet a fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Who {
    /// Those that come over the network.
    #[default]
    Clients,
    /// Those of the cluster's own controllers, scheduler and kubelets.
    Controllers,
    All,
}

impl Who {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands on a reference")]
    fn is_usual(&self) -> bool {
        *self == Who::Clients
    }
}

/// Whether a word is meant: by itself, by its beginning (`web-*`), or because nothing is said.
pub(super) fn among(list: &[String], word: &str) -> bool {
    let meant = |one: &String| match one.strip_suffix('*') {
        Some(begin) => word.starts_with(begin),
        None => one == word,
    };
    list.is_empty() || list.iter().any(meant)
}

/// Which requests, or which parts of the world. What says nothing, fits all.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[allow(missing_docs)]
pub struct Matches {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub verbs: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Plurals; `pods/status` is a subresource, `pods/*` all of them, `*` everything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
    /// What user agents begin with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    #[serde(skip_serializing_if = "Who::is_usual")]
    pub from: Who,
}

impl Matches {
    /// Looks for what is wrong with the words themselves.
    pub(super) fn check(&self) -> Result<(), String> {
        let lists = [
            ("verbs", &self.verbs),
            ("groups", &self.groups),
            ("resources", &self.resources),
            ("namespaces", &self.namespaces),
            ("names", &self.names),
            ("users", &self.users),
            ("agents", &self.agents),
            ("nodes", &self.nodes),
            ("containers", &self.containers),
            ("images", &self.images),
        ];
        for (field, list) in lists {
            if list.len() > MOST.0 || list.iter().any(|word| word.len() > MOST.1) {
                return Err(format!("spec.match.{field}: is too long"));
            }
        }
        let strange = self.verbs.iter().find(|v| !VERBS.contains(&v.as_str()) && *v != "*");
        strange.map_or(Ok(()), |verb| {
            let known = VERBS.join(", ");
            Err(format!("spec.match.verbs: {verb:?} is none of {known}"))
        })
    }

    /// Refuses what means nothing for the world.
    pub(super) fn check_world(&self) -> Result<(), String> {
        let lists = [&self.verbs, &self.groups, &self.resources, &self.users, &self.agents];
        if lists.iter().any(|list| !list.is_empty()) || self.from != Who::Clients {
            let fields = "verbs, groups, resources, users, agents and from";
            return Err(format!("spec.match: {fields} are for requests"));
        }
        Ok(())
    }

    /// Refuses what means nothing for requests.
    pub(super) fn check_requests(&self) -> Result<(), String> {
        let lists = [&self.nodes, &self.containers, &self.images];
        match lists.iter().any(|list| !list.is_empty()) {
            true => Err("spec.match: nodes, containers and images are not for requests".into()),
            false => Ok(()),
        }
    }

    /// Whether requests of a verb may be meant.
    pub(super) fn has_verb(&self, verb: &str) -> bool {
        among(&self.verbs, verb)
    }

    /// Whether a request is meant.
    pub fn fit(&self, m: &Meeting<'_>) -> bool {
        let resource = |one: &String| match one.split_once('/') {
            None => one == "*" || (m.sub.is_empty() && one == m.resource),
            Some((whole, sub)) => {
                (whole == "*" || whole == m.resource)
                    && !m.sub.is_empty()
                    && (sub == "*" || sub == m.sub)
            }
        };
        match self.from {
            Who::Clients if m.controller => return false,
            Who::Controllers if !m.controller => return false,
            _ => {}
        }
        among(&self.verbs, m.verb)
            && among(&self.groups, m.group)
            && (self.resources.is_empty() || self.resources.iter().any(resource))
            && among(&self.namespaces, m.namespace)
            && among(&self.names, m.name)
            && among(&self.users, m.user)
            && (self.agents.is_empty() || self.agents.iter().any(|a| m.agent.starts_with(&**a)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{Value, json};

    #[test]
    fn requests_that_are_meant() {
        let m = Meeting {
            verb: "update",
            group: "apps",
            resource: "deployments",
            sub: "status",
            namespace: "a",
            name: "d",
            user: "joe",
            agent: "oc/4.2",
            controller: false,
        };
        let fits = |spec: Value| Matches::deserialize(&spec).unwrap().fit(&m);
        let rows = [
            (json!({}), true),
            (json!({"verbs": ["update", "patch"]}), true),
            (json!({"verbs": ["create"]}), false),
            (json!({"resources": ["deployments"]}), false),
            (json!({"resources": ["pods", "deployments/status"]}), true),
            (json!({"resources": ["*/status"]}), true),
            (json!({"resources": ["*"]}), true),
            (json!({"groups": [""]}), false),
            (
                json!({"namespaces": ["a"], "names": ["d"], "users": ["joe"], "agents": ["oc/"]}),
                true,
            ),
            (json!({"agents": ["kubectl"]}), false),
            (json!({"from": "controllers"}), false),
            (json!({"from": "all"}), true),
        ];
        for (spec, expected) in rows {
            assert_eq!(fits(spec.clone()), expected, "{spec}");
        }
        let own = Meeting { controller: true, ..m };
        assert!(!Matches::default().fit(&own));
    }
}
