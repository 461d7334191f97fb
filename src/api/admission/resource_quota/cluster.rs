//! ClusterResourceQuota: what several projects may hold together. Charged as the quotas of a
//! namespace are; the usage stands in the whole and in the namespace's part.
//!
//! Source: apiserver-library-go `pkg/admission/quota/clusterresourcequota`.

use super::{
    super::{Attributes, common},
    charge, grow, handles, replace,
};
use crate::{
    error::Error,
    kinds,
    object::{ObjectExt, Value, json},
    store::Op,
};

const QUOTAS: &str = "clusterresourcequotas.quota.openshift.io";

/// Charges the write to every cluster quota that selects its namespace.
///
/// # Errors
/// 403 when a quota does not allow it.
pub fn validate(object: &Value, a: &Attributes<'_>) -> Result<Vec<Op>, Error> {
    if a.namespace.is_empty() || !handles(object, a) {
        return Ok(Vec::new());
    }
    let mut quotas = a.snapshot.list(QUOTAS, "").peekable();
    let project = if quotas.peek().is_some() { common::namespace(a) } else { None };
    let Some(project) = project else { return Ok(Vec::new()) };
    let mut steps = Vec::new();
    for entry in quotas {
        let mut quota = entry.value();
        if !kinds::quota_selects(&quota, &project) {
            continue;
        }
        let wanted = charge(object, a, &whole(&quota))?;
        if !wanted.is_empty() {
            grow(&mut quota, "status.total.used", &wanted);
            grow_part(&mut quota, a.namespace, &wanted);
            steps.push(replace(QUOTAS, entry, &quota));
        }
    }
    if a.dry_run {
        steps.clear();
    }
    Ok(steps)
}

/// A cluster quota as a namespace's own.
fn whole(quota: &Value) -> Value {
    let part = |path: &str| quota.at(path).cloned().unwrap_or_default();
    json!({"metadata": {"name": quota.name()}, "spec": part("spec.quota"),
        "status": part("status.total")})
}

fn grow_part(quota: &mut Value, namespace: &str, wanted: &super::Amounts) {
    let mut parts = quota.list_at("status.namespaces").to_vec();
    let found = parts.iter().position(|p| p.str_at("namespace") == namespace);
    let at = found.unwrap_or(parts.len());
    if found.is_none() {
        parts.push(json!({"namespace": namespace, "status": {}}));
    }
    grow(&mut parts[at], "status.used", wanted);
    quota.set_at("status.namespaces", Value::Array(parts.into()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Verb, admission::testing::Scene};

    fn run(scene: &Scene, namespace: &str) -> Result<Vec<Value>, String> {
        let pod = json!({"metadata": {"name": "o", "namespace": namespace}, "spec": {}});
        let a = scene.attributes("pods", Verb::Create, namespace, "o");
        let steps = validate(&pod, &a).map_err(|e| e.to_string())?;
        let stored = |step: Op| match step {
            Op::Put { body, .. } => serde_json::from_slice(&body.with_revision(9)).unwrap(),
            _ => panic!("not a put"),
        };
        Ok(steps.into_iter().map(stored).collect())
    }

    /// 99 and 100 of the cases of the reference.
    #[test]
    fn projects_share_what_there_is() {
        let scene = |used: &str| {
            let project = |name: &str, team: &str| {
                ("namespaces", json!({"metadata": {"name": name, "labels": {"team": team}}}))
            };
            Scene::new(vec![
                project("a", "x"),
                project("b", "x"),
                project("c", "y"),
                (
                    QUOTAS,
                    json!({"metadata": {"name": "q"}, "spec": {
                    "selector": {"labels": {"matchLabels": {"team": "x"}}},
                    "quota": {"hard": {"pods": "3"}}}, "status": {
                    "total": {"hard": {"pods": "3"}, "used": {"pods": used}},
                    "namespaces": [{"namespace": "a",
                        "status": {"hard": {"pods": "3"}, "used": {"pods": used}}}]}}),
                ),
            ])
        };
        let charged = run(&scene("2"), "b").unwrap();
        assert_eq!(charged[0]["status"]["total"]["used"], json!({"pods": "3"}));
        let parts = charged[0].list_at("status.namespaces");
        assert_eq!(parts[0]["status"]["used"], json!({"pods": "2"}));
        assert_eq!(parts[1], json!({"namespace": "b", "status": {"used": {"pods": "1"}}}));
        let full = "pods \"o\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3";
        for project in ["a", "b"] {
            assert_eq!(run(&scene("3"), project).unwrap_err(), full);
        }
        assert_eq!(run(&scene("3"), "c").unwrap(), Vec::<Value>::new());
    }
}
