//! quota.openshift.io: limits over several projects, and those that apply to one.
//! Source: openshift-apiserver `pkg/quota`, library-go `pkg/quota/clusterquotamapping`.

use crate::{
    error::{Causes, Error},
    kinds::{
        Backing, Column, Cx, Hooks, Kind, Sub,
        cluster::{cells, checks, limits},
    },
    object::{Map, ObjectExt, Value, json, name, selector::Labels},
};

const SELECTOR: &str = "spec.selector.labels";
const ANNOTATIONS: &str = "spec.selector.annotations";

/// `clusterresourcequotas.quota.openshift.io`.
pub static CLUSTER_RESOURCE_QUOTA: Kind = Kind {
    group: "quota.openshift.io",
    kind: "ClusterResourceQuota",
    plural: "clusterresourcequotas",
    short: &["clusterquota"],
    namespaced: false,
    subresources: &[Sub::STATUS],
    schema: "com.github.openshift.api.quota.v1.ClusterResourceQuota",
    unconditional_update: false,
    columns: &[
        Column::text(
            "Labels Selector",
            "LabelSelector is used to select projects by label.",
            |o, _| cells::label_selector(o, SELECTOR),
        ),
        Column::text(
            "Annotations Selector",
            "AnnotationSelector is used to select projects by annotation.",
            |o, _| cells::labels(o, ANNOTATIONS),
        ),
    ],
    hooks: Hooks {
        prepare: Some(prepare),
        validate: Some(|o, _, out| check(o, out)),
        validate_status: Some(|o, _, out| check(o, out)),
        ..Hooks::NONE
    },
    ..Kind::BASE
};

/// `appliedclusterresourcequotas.quota.openshift.io`: the same, as a project that is selected sees
/// it.
pub static APPLIED: Kind = Kind {
    kind: "AppliedClusterResourceQuota",
    plural: "appliedclusterresourcequotas",
    short: &[],
    namespaced: true,
    verbs: &["get", "list"],
    subresources: &[],
    schema: "com.github.openshift.api.quota.v1.AppliedClusterResourceQuota",
    backing: Backing::Computed,
    hooks: Hooks::NONE,
    ..CLUSTER_RESOURCE_QUOTA
};

/// Whether a cluster quota is about a namespace: labels and annotations must both fit.
pub fn selects(cluster_quota: &Value, namespace: &Value) -> bool {
    let fits = |labels: &Value| Labels::from_object(labels).matches_object(namespace);
    let mut wanted = cluster_quota.map_at(ANNOTATIONS).into_iter().flatten();
    cluster_quota.at(SELECTOR).is_none_or(fits)
        && wanted.all(|(key, value)| namespace.annotation(key) == value.as_str())
}

fn prepare(o: &mut Value, old: Option<&Value>, _: &Cx<'_>) -> Result<(), Error> {
    if old.is_none() {
        o.set_at("status", json!({"total": {}, "namespaces": null}));
    }
    Ok(())
}

fn check(o: &Value, out: &mut Causes) {
    let labels = o.at(SELECTOR).filter(|l| !l.is_null());
    let terms = labels.map_or(0, |l| {
        l.map_at("matchLabels").map_or(0, Map::len) + l.list_at("matchExpressions").len()
    });
    let annotations = o.map_at(ANNOTATIONS);
    const UNBOUND: &str = "must restrict the selected projects";
    if terms == 0 && annotations.is_none_or(Map::is_empty) {
        out.required("spec.selector", UNBOUND);
    }
    if let Some(labels) = labels {
        checks::label_selector(labels, SELECTOR, out);
        if terms == 0 {
            out.invalid(SELECTOR, labels, UNBOUND);
        }
    }
    for key in annotations.into_iter().flat_map(Map::keys) {
        for problem in name::qualified_name_problems(&key.to_lowercase()) {
            out.invalid(ANNOTATIONS, &json!(key), problem);
        }
    }
    limits::check_spec(o.at("spec.quota").unwrap_or(&Value::Null), "spec.quota", out);
    for side in ["hard", "used"] {
        limits::amounts(
            o.map_at(&format!("status.total.{side}")),
            &format!("status.overall.{side}"),
            out,
        );
    }
    for of in o.list_at("status.namespaces") {
        let path = format!("status.namespaces[{}]", of.str_at("namespace"));
        limits::amounts(of.map_at("status.used"), &path, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(o: Value) -> Vec<String> {
        let mut causes = Causes::default();
        check(&o, &mut causes);
        causes.0.into_iter().map(|c| format!("{}: {}", c.field, c.message)).collect()
    }

    /// 103 of the cases of the reference.
    #[test]
    fn something_must_be_selected() {
        let with = |selector: Value, hard: Value| {
            said(json!({"spec": {"selector": selector, "quota": {"hard": hard}}}))
        };
        let unbound = "spec.selector: Required value: must restrict the selected projects";
        let pods = json!({"pods": "1"});
        assert_eq!(with(json!({}), pods.clone()), [unbound]);
        assert_eq!(with(json!({"labels": null, "annotations": {}}), pods.clone()), [unbound]);
        let empty = with(json!({"labels": {}}), pods.clone());
        assert_eq!(
            empty,
            [
                unbound,
                "spec.selector.labels: Invalid value: {}: must restrict the selected projects"
            ]
        );
        let fine = json!({"labels": {"matchLabels": {"a": "b"}}, "annotations": {"a/B": "x"}});
        assert_eq!(with(fine.clone(), pods), Vec::<String>::new());
        assert_eq!(
            with(fine.clone(), json!({"pods": "-1"})),
            ["spec.quota.hard[pods]: Invalid value: \"-1\": must be greater than or equal to 0"]
        );
        let scoped = json!({"spec": {"selector": fine, "quota": {"scopes": ["Odd"]}}});
        assert_eq!(
            said(scoped),
            ["spec.quota.scopes: Invalid value: [\"Odd\"]: unsupported scope"]
        );
    }

    #[test]
    fn both_selectors_must_fit() {
        let quota = |labels: Value, annotations: Value| json!({"spec": {"selector": {"labels": labels, "annotations": annotations}}});
        let project = json!({"metadata": {"labels": {"team": "a"},
            "annotations": {"openshift.io/requester": "alice"}}});
        let by_label = json!({"matchLabels": {"team": "a"}});
        let alice = json!({"openshift.io/requester": "alice"});
        assert!(selects(&quota(by_label.clone(), Value::Null), &project));
        assert!(selects(&quota(Value::Null, alice.clone()), &project));
        assert!(selects(&quota(by_label.clone(), alice.clone()), &project));
        assert!(!selects(&quota(json!({"matchLabels": {"team": "b"}}), alice), &project));
        assert!(!selects(&quota(by_label, json!({"openshift.io/requester": "bob"})), &project));
    }
}
