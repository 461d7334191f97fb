//! What mirror sets may look like, in the words of the API server for custom resources.
//! Source: openshift/api `config/v1/types_image_digest_mirror_set.go` (kubebuilder markers).

use super::scopes;
use crate::{
    error::Causes,
    object::{ObjectExt, Value},
};
use std::collections::BTreeSet;

const POLICIES: [&str; 2] = ["NeverContactSource", "AllowContactingSource"];

/// Checks the entries of the list at `list`.
pub fn check(set: &Value, list: &str, out: &mut Causes) {
    sources(set, list, out);
    for (i, entry) in set.list_at(list).iter().enumerate() {
        let path = format!("{list}[{i}]");
        if let Some(source) = entry.get("source") {
            scopes::pattern(scopes::Form::Scope, source, &format!("{path}.source"), out);
        }
        let mut seen = BTreeSet::new();
        for (j, mirror) in entry.list_at("mirrors").iter().enumerate() {
            let path = format!("{path}.mirrors[{j}]");
            scopes::pattern(scopes::Form::Place, mirror, &path, out);
            if !seen.insert(mirror.as_str()) {
                out.duplicate(path, mirror);
            }
        }
        let policy = entry.get("mirrorSourcePolicy").filter(|p| !allowed(p));
        if let Some(policy) = policy {
            out.unsupported_in_order(format!("{path}.mirrorSourcePolicy"), policy, &POLICIES);
        }
    }
}

/// Checks that every entry of the list at `list` says what it is about: all the older kind asks.
pub fn sources(set: &Value, list: &str, out: &mut Causes) {
    if set.get("spec").is_none() {
        out.required("spec", "");
    }
    for (i, entry) in set.list_at(list).iter().enumerate() {
        if entry.get("source").is_none() {
            out.required(format!("{list}[{i}].source"), "");
        }
    }
}

fn allowed(policy: &Value) -> bool {
    policy.as_str().is_some_and(|p| POLICIES.contains(&p))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    #[test]
    fn entries_in_upstreams_words() {
        let rows = [
            (json!({"source": "quay.io/a/b", "mirrors": ["m.io:5000/x"]}), vec![]),
            (json!({"source": "*.quay.io", "mirrorSourcePolicy": "NeverContactSource"}), vec![]),
            (json!({"source": ""}), vec!["spec.l[0].source"]),
            (json!({"mirrors": ["a.io"]}), vec!["spec.l[0].source"]),
            (json!({"source": "a.io:1"}), vec![]),
            (json!({"source": "a.io/b:1"}), vec!["spec.l[0].source"]),
            (json!({"source": "a.io", "mirrors": ["*.b.io"]}), vec!["spec.l[0].mirrors[0]"]),
            (json!({"source": "a.io", "mirrors": ["b", "b"]}), vec!["spec.l[0].mirrors[1]"]),
            (
                json!({"source": "a.io", "mirrorSourcePolicy": "No"}),
                vec!["spec.l[0].mirrorSourcePolicy"],
            ),
        ];
        for (entry, expected) in rows {
            let mut out = Causes::default();
            check(&json!({"spec": {"l": [entry]}}), "spec.l", &mut out);
            let fields: Vec<&str> = out.0.iter().map(|c| c.field.as_str()).collect();
            assert_eq!(fields, expected, "{entry}");
        }
    }
}
