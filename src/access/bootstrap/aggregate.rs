//! Roles made of other roles.
//! Source: k8s.io/kubernetes `pkg/controller/clusterroleaggregation`.

use crate::object::{ObjectExt, Value, selector::Labels};
use indexmap::IndexSet;

/// The rules an aggregated ClusterRole must have, gathered from `all` ClusterRoles (sorted by name):
/// selector by selector, each rule once. `None` when `role` is not aggregated.
pub fn rules<'a>(role: &Value, all: impl Iterator<Item = &'a Value> + Clone) -> Option<Vec<Value>> {
    role.at("aggregationRule").filter(|r| r.is_object())?;
    let mut rules: IndexSet<&Value> = IndexSet::new();
    for selector in role.list_at("aggregationRule.clusterRoleSelectors") {
        let labels = Labels::from_object(selector);
        for part in all.clone().filter(|p| p.name() != role.name() && labels.matches_object(p)) {
            rules.extend(part.list_at("rules"));
        }
    }
    Some(rules.into_iter().cloned().collect())
}

/// Fills every aggregated role among `roles`, as often as it takes for roles that gather roles that
/// gather.
pub fn settle(roles: &mut [Value]) {
    for _ in 0..8 {
        let mut changed = false;
        for i in 0..roles.len() {
            let Some(rules) = rules(&roles[i], roles.iter()) else { continue };
            if roles[i].list_at("rules") != rules {
                roles[i].set_at("rules", rules);
                changed = true;
            }
        }
        if !changed {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    #[test]
    fn roles_gather_through_roles() {
        let rule = |verb: &str| json!({"verbs": [verb], "resources": ["pods"]});
        let role = |name: &str, label: Option<&str>, gathers: Option<&str>, own: Vec<Value>| {
            let mut r = json!({"metadata": {"name": name}, "rules": own});
            if let Some(l) = label {
                r.set_label(l, "true");
            }
            if let Some(l) = gathers {
                r["aggregationRule"] =
                    json!({"clusterRoleSelectors": [{"matchLabels": {l: "true"}}]});
            }
            r
        };
        let mut roles = vec![
            role("admin", None, Some("to-admin"), vec![]),
            role("edit", Some("to-admin"), Some("to-edit"), vec![]),
            role("more", Some("to-admin"), None, vec![rule("get"), rule("delete")]),
            role("part", Some("to-edit"), None, vec![rule("get"), rule("create")]),
        ];
        settle(&mut roles);
        assert_eq!(roles[1]["rules"], json!([rule("get"), rule("create")]));
        assert_eq!(roles[0]["rules"], json!([rule("get"), rule("create"), rule("delete")]));
    }
}
