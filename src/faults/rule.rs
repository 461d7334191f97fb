//! A rule, read from what somebody wrote.

use super::{Effect, Meeting};
use crate::object::{ObjectExt, Value, json, name};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// `apiVersion` and `kind` of a rule.
const TYPE: (&str, &str) = ("pocketshift.io/v1", "Fault");
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

/// Which requests. What says nothing, fits all.
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
    pub from: Who,
}

/// What a rule says.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Spec {
    /// Which requests.
    #[serde(rename = "match")]
    pub matches: Matches,
    /// The first of them that meets the fault, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// How many meet it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// How likely one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// When it ends, by the cluster's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// How long it holds from when it is added; that becomes its end.
    #[serde(rename = "for", skip_serializing_if = "String::is_empty")]
    pub lasts: String,
    /// What they meet.
    pub effect: Effect,
}

/// A rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// The revision it was written at.
    pub rev: u64,
    /// What it says.
    pub spec: Spec,
}

impl Rule {
    /// Reads a rule. One without a name gets none.
    ///
    /// # Errors
    /// One line for people.
    pub fn read(object: &Value) -> Result<Rule, String> {
        let Some(fields) = object.as_object() else {
            return Err("a rule must be an object".into());
        };
        let known = ["apiVersion", "kind", "metadata", "spec", "status"];
        if let Some(strange) = fields.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(format!("unknown field {strange:?}, expected metadata and spec"));
        }
        for (field, wanted) in [("apiVersion", TYPE.0), ("kind", TYPE.1)] {
            let said = object.str_at(field);
            if !said.is_empty() && said != wanted {
                return Err(format!("{field}: {said:?}: must be {wanted:?}"));
            }
        }
        let named = object.name();
        if !named.is_empty() && !name::subdomain_problems(named).is_empty() {
            return Err(format!("metadata.name: {named:?} is no name"));
        }
        let spec = object.get("spec").ok_or("spec: is missing")?;
        let spec = Spec::deserialize(spec).map_err(|e| format!("spec: {e}"))?;
        spec.check()?;
        Ok(Rule { name: named.to_owned(), rev: 0, spec })
    }

    /// A rule as its row has it.
    pub(super) fn stored(row: &Value, rev: u64) -> Option<Rule> {
        let spec = Spec::deserialize(row.get("spec")?).ok()?;
        Some(Rule { name: row.name().to_owned(), rev, spec })
    }

    /// The rule as an object.
    pub fn object(&self) -> Value {
        json!({"apiVersion": TYPE.0, "kind": TYPE.1, "metadata": {"name": self.name},
            "spec": self.spec})
    }
}

impl Spec {
    /// Takes out how long it holds, if it says so.
    pub fn take_duration(&mut self) -> Option<SignedDuration> {
        std::mem::take(&mut self.lasts).parse().ok()
    }

    fn check(&self) -> Result<(), String> {
        let m = &self.matches;
        let lists = [
            ("verbs", &m.verbs),
            ("groups", &m.groups),
            ("resources", &m.resources),
            ("namespaces", &m.namespaces),
            ("names", &m.names),
            ("users", &m.users),
            ("agents", &m.agents),
        ];
        for (field, list) in lists {
            if list.len() > MOST.0 || list.iter().any(|word| word.len() > MOST.1) {
                return Err(format!("spec.match.{field}: is too long"));
            }
        }
        if let Some(verb) = m.verbs.iter().find(|v| !VERBS.contains(&v.as_str()) && *v != "*") {
            let known = VERBS.join(", ");
            return Err(format!("spec.match.verbs: {verb:?} is none of {known}"));
        }
        if self.from == Some(0) {
            return Err("spec.from: must be at least 1".into());
        }
        if self.times == Some(0) {
            return Err("spec.times: must be at least 1".into());
        }
        if self.probability.is_some_and(|p| !(0.0..=1.0).contains(&p)) {
            return Err("spec.probability: must be from 0 to 1".into());
        }
        if !self.lasts.is_empty() {
            if self.until.is_some() {
                return Err("spec: say one of for, until".into());
            }
            if !self.lasts.parse::<SignedDuration>().is_ok_and(|d| d.is_positive()) {
                let said = &self.lasts;
                return Err(format!("spec.for: {said:?}: must be a duration such as 90s or 15m"));
            }
        }
        self.effect.check()?;
        let watches = m.verbs.is_empty() || m.verbs.iter().any(|v| v == "watch" || v == "*");
        if self.effect.watch.is_some() && !watches {
            return Err("spec.effect.watch: no watch is among spec.match.verbs".into());
        }
        Ok(())
    }
}

impl Matches {
    /// Whether a request is meant.
    pub fn fit(&self, m: &Meeting<'_>) -> bool {
        let among = |list: &[String], word: &str| {
            list.is_empty() || list.iter().any(|one| one == word || one == "*")
        };
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
        let fits = |spec: Value| Matches::deserialize(spec).unwrap().fit(&m);
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

    #[test]
    fn rules_that_are_none() {
        let effect = json!({"status": 503});
        let rows = [
            (json!([]), "a rule must be an object"),
            (json!({}), "spec: is missing"),
            (json!({"kind": "Pod", "spec": {}}), "kind: \"Pod\": must be \"Fault\""),
            (json!({"sepc": {}}), "unknown field \"sepc\", expected metadata and spec"),
            (json!({"metadata": {"name": "A"}, "spec": {}}), "metadata.name: \"A\" is no name"),
            (json!({"spec": {}}), "spec.effect: says nothing"),
            (
                json!({"spec": {"effect": {"status": 200}}}),
                "spec.effect.status: must be from 400 to 599",
            ),
            (
                json!({"spec": {"effect": {"status": 500, "lose": true}}}),
                "spec.effect: say one of status, cut, lose, watch",
            ),
            (
                json!({"spec": {"effect": {"cut": true, "delay": "1d"}}}),
                "spec.effect.delay: \"1d\": must be a duration such as 500ms, 30s or 2m",
            ),
            (
                json!({"spec": {"effect": {"cut": true, "delay": "2h"}}}),
                "spec.effect.delay: must be from 0 to 10 minutes",
            ),
            (json!({"spec": {"effect": effect, "times": 0}}), "spec.times: must be at least 1"),
            (
                json!({"spec": {"effect": effect, "for": "-1m"}}),
                "spec.for: \"-1m\": must be a duration such as 90s or 15m",
            ),
            (
                json!({"spec": {"effect": effect, "probability": 2}}),
                "spec.probability: must be from 0 to 1",
            ),
            (
                json!({"spec": {"effect": effect, "match": {"verbs": ["make"]}}}),
                "spec.match.verbs: \"make\" is none of get, list, watch, create, update, patch, delete, deletecollection",
            ),
            (
                json!({"spec": {"effect": {"watch": "drop"}, "match": {"verbs": ["get"]}}}),
                "spec.effect.watch: no watch is among spec.match.verbs",
            ),
        ];
        for (object, why) in rows {
            assert_eq!(Rule::read(&object).unwrap_err(), why, "{object}");
        }
        let strange = Rule::read(&json!({"spec": {"effects": {}}})).unwrap_err();
        assert!(strange.starts_with("spec: unknown field `effects`, expected one of `match`"));
        let rule = json!({"apiVersion": "pocketshift.io/v1", "kind": "Fault",
            "metadata": {"name": "f"}, "spec": {"match": {"verbs": ["create"], "from": "all"},
            "times": 2, "effect": {"status": 429, "retryAfter": 3}}});
        assert_eq!(Rule::read(&rule).unwrap().object(), rule);
    }
}
