//! What webhooks and policies may say.

use super::*;
use crate::error::Causes;

fn said(kind: &Kind, mut o: Value) -> Vec<String> {
    crate::schema::fill_defaults(crate::schema::find(kind.schema).unwrap(), &mut o);
    let mut causes = Causes::default();
    kind.hooks.validate.unwrap()(&o, None, &mut causes);
    causes.0.into_iter().map(|c| format!("{}: {}", c.field, c.message)).collect()
}

fn webhook(change: impl Fn(&mut Value)) -> Vec<String> {
    let mut hook = json!({"name": "a.example.com", "sideEffects": "None",
        "admissionReviewVersions": ["v1"], "clientConfig": {"url": "https://example.com/x"},
        "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"],
            "resources": ["pods"]}]});
    change(&mut hook);
    said(&VALIDATING_WEBHOOK_CONFIGURATION, json!({"metadata": {"name": "w"}, "webhooks": [hook]}))
}

#[test]
fn webhooks() {
    assert_eq!(webhook(|_| ()), Vec::<String>::new());
    let rows: [(fn(&mut Value), &str); 7] = [
        (
            |h| h["name"] = json!("example.com"),
            r#"webhooks[0].name: Invalid value: "example.com": should be a domain with at least three segments separated by dots"#,
        ),
        (
            |h| drop(h.remove_at("sideEffects")),
            "webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun",
        ),
        (
            |h| h["admissionReviewVersions"] = json!(["v2"]),
            r#"webhooks[0].admissionReviewVersions: Invalid value: ["v2"]: must include at least one of v1, v1beta1"#,
        ),
        (
            |h| h["clientConfig"] = json!({"url": "http://example.com"}),
            r#"webhooks[0].clientConfig.url: Invalid value: "http": 'https' is the only allowed URL scheme; desired format: https://host[/path]"#,
        ),
        (
            |h| h["clientConfig"] = json!({}),
            "webhooks[0].clientConfig: Required value: exactly one of url or service is required",
        ),
        (
            |h| h["rules"][0]["operations"] = json!(["*", "CREATE"]),
            r#"webhooks[0].rules[0].operations: Invalid value: ["*","CREATE"]: if '*' is present, must not specify other operations"#,
        ),
        (
            |h| h["timeoutSeconds"] = json!(31),
            "webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds",
        ),
    ];
    for (change, expected) in rows {
        assert_eq!(webhook(change), [expected]);
    }
}

#[test]
fn policies() {
    let constraints = json!({"resourceRules": [{"operations": ["CREATE"], "apiGroups": [""],
        "apiVersions": ["v1"], "resources": ["pods"]}]});
    let policy = |spec: Value| {
        said(&VALIDATING_ADMISSION_POLICY, json!({"metadata": {"name": "p"}, "spec": spec}))
    };
    let checks = json!([{"expression": "true"}]);
    assert_eq!(
        policy(json!({"matchConstraints": constraints, "validations": checks})),
        Vec::<String>::new()
    );
    assert_eq!(
        policy(json!({"matchConstraints": constraints})),
        [
            "spec.validations: Required value: validations or auditAnnotations must contain at least one item",
            "spec.auditAnnotations: Required value: validations or auditAnnotations must contain at least one item"
        ]
    );
    assert_eq!(
        policy(json!({"matchConstraints": constraints, "validations": [{"expression": " "}]})),
        ["spec.validations[0].expression: Required value: expression is not specified"]
    );
    let binding = |spec: Value| {
        said(&VALIDATING_ADMISSION_POLICY_BINDING, json!({"metadata": {"name": "b"}, "spec": spec}))
    };
    assert_eq!(
        binding(json!({"policyName": "p"})),
        ["spec.validationActions: Required value: at least one validation action is required"]
    );
    assert_eq!(
        binding(json!({"policyName": "p", "validationActions": ["Deny", "Loud"]})),
        [
            r#"spec.validationActions[1]: Unsupported value: "Loud": supported values: "Audit", "Deny", "Warn""#
        ]
    );
}
