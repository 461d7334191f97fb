//! What is read of a webhook configuration, once per revision.

use crate::{
    kinds::expressions::{self, Expression},
    object::{ObjectExt, Value, selector::Labels},
    store::Snapshot,
    webhook::ClientConfig,
};
use serde::Deserialize as _;
use std::sync::Arc;

/// One webhook of a configuration.
pub struct Hook {
    /// Its configuration, and its place there.
    pub id: (String, usize),
    /// Its name.
    pub name: String,
    /// Where it is.
    pub client: ClientConfig,
    /// The requests it is asked about.
    pub scope: Scope,
    /// What must hold of these besides.
    pub conditions: Vec<Expression>,
    /// Whether a request goes on when it cannot be asked.
    pub ignores_failures: bool,
    /// Whether it may be asked about what will not be stored.
    pub has_no_side_effects: bool,
    /// Seconds it may take.
    pub seconds: i64,
    /// The form of the question: the first it understands that we do.
    pub review_version: Option<Version>,
    /// Whether it is asked again when others changed the object after it.
    pub reinvoked: bool,
    /// Whether it may change objects.
    pub changes: bool,
}

/// Versions of AdmissionReview.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Version {
    V1,
    V1beta1,
}

impl Version {
    fn of(text: &str) -> Option<Version> {
        match text {
            "v1" => Some(Version::V1),
            "v1beta1" => Some(Version::V1beta1),
            _ => None,
        }
    }

    /// The `apiVersion` of a review.
    pub fn api_version(self) -> &'static str {
        match self {
            Version::V1 => "admission.k8s.io/v1",
            Version::V1beta1 => "admission.k8s.io/v1beta1",
        }
    }
}

/// Which requests somebody is asked about.
pub struct Scope {
    /// Those that fit one of these.
    pub rules: Vec<Rule>,
    /// But none of these.
    pub excluded: Vec<Rule>,
    /// Whether no rules mean all requests.
    pub open: bool,
    /// Whether the same objects in other versions count, too.
    pub equivalent: bool,
    /// Namespaces whose objects count.
    pub namespaces: Labels,
    /// Objects that count.
    pub objects: Labels,
}

impl Scope {
    /// Reads a scope whose rules stand in this field.
    pub fn read(from: &Value, rules: &str, excluded: &str) -> Scope {
        let selector = |name: &str| from.get(name).map(Labels::from_object).unwrap_or_default();
        let list = |name: &str| from.list_at(name).iter().map(Rule::read).collect();
        Scope {
            rules: list(rules),
            excluded: list(excluded),
            open: false,
            equivalent: from.str_at("matchPolicy") != "Exact",
            namespaces: selector("namespaceSelector"),
            objects: selector("objectSelector"),
        }
    }
}

/// One rule: which requests.
#[derive(Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct Rule {
    pub operations: Vec<String>,
    pub groups: Vec<String>,
    pub versions: Vec<String>,
    pub resources: Vec<String>,
    pub scope: String,
    pub names: Vec<String>,
}

/// The webhooks that may change objects, in upstream's order.
pub struct Mutating(pub Vec<Hook>);

/// The webhooks that may refuse objects.
pub struct Validating(pub Vec<Hook>);

impl Mutating {
    /// Those of a state; `None` when there are no configurations.
    pub fn of(snapshot: &Snapshot) -> Option<Arc<Mutating>> {
        const RESOURCE: &str = "mutatingwebhookconfigurations.admissionregistration.k8s.io";
        if snapshot.count(RESOURCE) == 0 {
            return None;
        }
        Some(snapshot.derived(RESOURCE, |s| Mutating(read(s, RESOURCE, true))))
    }
}

impl Validating {
    /// Those of a state; `None` when there are no configurations.
    pub fn of(snapshot: &Snapshot) -> Option<Arc<Validating>> {
        const RESOURCE: &str = "validatingwebhookconfigurations.admissionregistration.k8s.io";
        if snapshot.count(RESOURCE) == 0 {
            return None;
        }
        Some(snapshot.derived(RESOURCE, |s| Validating(read(s, RESOURCE, false))))
    }
}

/// The webhooks of all configurations, sorted by the configurations' names as objects are listed.
fn read(snapshot: &Snapshot, resource: &str, changes: bool) -> Vec<Hook> {
    let mut found = Vec::new();
    for entry in snapshot.list(resource, "") {
        let configuration = entry.value();
        let all = configuration.list_at("webhooks").iter().enumerate();
        let name = entry.meta.name.to_string();
        found.extend(all.map(|(i, hook)| Hook::read((name.clone(), i), hook, changes)));
    }
    found
}

impl Hook {
    fn read(id: (String, usize), hook: &Value, changes: bool) -> Hook {
        let versions = hook.list_at("admissionReviewVersions").iter();
        Hook {
            id,
            name: hook.str_at("name").to_owned(),
            // Stored objects have been checked against their type.
            client: hook
                .get("clientConfig")
                .and_then(|c| ClientConfig::deserialize(c).ok())
                .unwrap_or_default(),
            scope: Scope::read(hook, "rules", ""),
            conditions: expressions::conditions(hook, ""),
            ignores_failures: hook.str_at("failurePolicy") == "Ignore",
            has_no_side_effects: matches!(hook.str_at("sideEffects"), "None" | "NoneOnDryRun"),
            seconds: hook.i64_at("timeoutSeconds").unwrap_or(10),
            review_version: versions.filter_map(|v| Version::of(v.as_str()?)).next(),
            reinvoked: hook.str_at("reinvocationPolicy") == "IfNeeded",
            changes,
        }
    }
}

impl Rule {
    fn read(rule: &Value) -> Rule {
        let texts = |name: &str| {
            let list = rule.list_at(name).iter();
            list.filter_map(|v| v.as_str().map(str::to_owned)).collect()
        };
        Rule {
            operations: texts("operations"),
            groups: texts("apiGroups"),
            versions: texts("apiVersions"),
            resources: texts("resources"),
            scope: rule.str_at("scope").to_owned(),
            names: texts("resourceNames"),
        }
    }
}
