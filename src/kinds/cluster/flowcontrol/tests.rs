//! What a schema and a level may say.

use super::*;

fn said(kind: &Kind, o: &Value) -> Vec<String> {
    let mut causes = Causes::default();
    kind.hooks.validate.unwrap()(o, None, &mut causes);
    causes.0.into_iter().map(|c| format!("{}: {}", c.field, c.message)).collect()
}

fn schema(change: impl Fn(&mut Value)) -> Vec<String> {
    let mut o = json!({"metadata": {"name": "s"}, "spec": {
        "priorityLevelConfiguration": {"name": "l"}, "matchingPrecedence": 7,
        "rules": [{"subjects": [{"kind": "User", "user": {"name": "u"}}],
            "resourceRules": [{"verbs": ["get"], "apiGroups": ["*"], "resources": ["pods"],
                "namespaces": ["*"]}]}]}});
    change(&mut o);
    said(&FLOW_SCHEMA, &o)
}

#[test]
fn schemas() {
    assert_eq!(schema(|_| ()), Vec::<String>::new());
    assert_eq!(
        schema(|o| o.set_at("spec.matchingPrecedence", 1)),
        [
            "spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1"
        ]
    );
    assert_eq!(
        schema(|o| o["spec"]["rules"][0]["subjects"][0] =
            json!({"kind": "Group", "user": {"name": "u"}})),
        [
            "spec.rules[0].subjects[0].group: Required value: group is required when subject kind is 'Group'",
            "spec.rules[0].subjects[0].user: Forbidden: user is forbidden when subject kind is not 'User'"
        ]
    );
    assert_eq!(
        schema(|o| o["spec"]["rules"][0]["resourceRules"][0]["verbs"] = json!(["*", "get"])),
        [
            r#"spec.rules[0].resourceRules[0].verbs: Invalid value: ["*","get"]: if '*' is present, must not specify other verbs"#
        ]
    );
    assert_eq!(
        schema(|o| o["spec"]["rules"][0]["nonResourceRules"] =
            json!([{"verbs": ["get"], "nonResourceURLs": ["healthz", "/a*"]}])),
        [
            r#"spec.rules[0].nonResourceRules[0].nonResourceURLs[0]: Invalid value: "healthz": must start with slash"#,
            r#"spec.rules[0].nonResourceRules[0].nonResourceURLs[1]: Invalid value: "/a*": wildcard can only do suffix matching"#
        ]
    );
}

fn level(name: &str, spec: Value) -> Vec<String> {
    said(&PRIORITY_LEVEL_CONFIGURATION, &json!({"metadata": {"name": name}, "spec": spec}))
}

#[test]
fn levels() {
    let queue = |queues: i64, hand: i64| {
        json!({"type": "Limited", "limited": {"nominalConcurrencyShares": 1, "limitResponse":
            {"type": "Queue", "queuing": {"queues": queues, "handSize": hand, "queueLengthLimit": 1}}}})
    };
    assert_eq!(level("l", queue(64, 8)), Vec::<String>::new());
    let path = "spec.limited.limitResponse.queuing.handSize";
    assert_eq!(
        level("l", queue(4, 8)),
        [format!("{path}: Invalid value: 8: should not be greater than queues (4)")]
    );
    assert_eq!(
        level("l", queue(1024, 8)),
        [format!(
            "{path}: Invalid value: 8: required entropy bits of deckSize 1024 and handSize 8 should not be greater than 60"
        )]
    );
    assert_eq!(
        level("l", json!({"type": "Exempt"})),
        [
            r#"spec.type: Invalid value: "Exempt": must be 'Exempt' if and only if `name` is 'exempt'"#
        ]
    );
    assert_eq!(
        level("exempt", json!({"type": "Exempt", "exempt": {"nominalConcurrencyShares": 9}})),
        Vec::<String>::new()
    );
    assert_eq!(level("catch-all", queue(64, 8)).len(), 1);
}
