//! Names, establishment and the way out of definitions.

use super::*;
use crate::controllers::testkit::Kit;

fn definition(plural: &str, kind: &str, short: &[&str]) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.example.com")},
        "spec": {"group": "example.com", "scope": "Cluster",
            "names": {"plural": plural, "singular": kind.to_lowercase(), "kind": kind,
                "listKind": format!("{kind}List"), "shortNames": short},
            "versions": [{"name": "v1", "served": true, "storage": true}]},
        "status": {"acceptedNames": {"kind": "", "plural": ""}},
    })
}

/// The statuses a definition goes through until nothing is left to do.
fn settle(kit: &mut Kit, key: &str) -> Vec<String> {
    let mut seen = Vec::new();
    for _ in 0..5 {
        let plan = (CONTROLLER.reconcile)(&kit.view(), key);
        let Some(write) = plan.steps.into_iter().flat_map(|s| s.writes).next() else { break };
        let shown = |c: &Value| {
            format!("{}={} {}", c.str_at("type"), c.str_at("status"), c.str_at("reason"))
        };
        let conditions = write.body.list_at("status.conditions").iter().map(shown);
        seen.push(conditions.collect::<Vec<_>>().join(", "));
        kit.edit(DEFINITIONS, key, |o| *o = write.body);
    }
    seen
}

#[test]
fn names_are_accepted_then_the_definition_is_established() {
    let mut kit = Kit::default();
    kit.put(DEFINITIONS, definition("foos", "Foo", &["fo"]));
    assert_eq!(
        settle(&mut kit, "foos.example.com"),
        [
            "NamesAccepted=True NoConflicts, Established=False Installing",
            "NamesAccepted=True NoConflicts, Established=True InitialNamesAccepted",
        ]
    );
    kit.put(DEFINITIONS, definition("bars", "Foo", &["fo"]));
    assert_eq!(
        settle(&mut kit, "bars.example.com"),
        ["NamesAccepted=False ListKindConflict, Established=False NotAccepted"]
    );
}
