//! Rules in CEL of custom resources, over the wire: which definitions are refused for them, and
//! which objects.

use crate::support::{
    Lab,
    lab::{Reply, get, send},
    wait::eventually,
};
use pocketshift::object::ObjectExt;
use serde_json::{Value, json};

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const GAUGES: &str = "/apis/rules.example.com/v1/namespaces/default/gauges";

fn definition(spec: Value) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "gauges.rules.example.com"},
        "spec": {
            "group": "rules.example.com",
            "names": {"plural": "gauges", "kind": "Gauge"},
            "scope": "Namespaced",
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {
                "openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}}],
        },
    })
}

fn gauge(spec: Value) -> Value {
    json!({"apiVersion": "rules.example.com/v1", "kind": "Gauge",
        "metadata": {"name": "g"}, "spec": spec})
}

fn message(reply: &Reply) -> String {
    serde_json::from_slice::<Value>(&reply.bytes).unwrap_or_default().str_at("message").to_owned()
}

fn properties() -> Value {
    json!({
        "min": {"type": "integer"},
        "max": {"type": "integer"},
        "unit": {"type": "string", "maxLength": 10, "x-kubernetes-validations": [
            {"rule": "self == oldSelf", "message": "unit is immutable"}]},
        "marks": {"type": "array", "maxItems": 5, "items": {"type": "integer",
            "x-kubernetes-validations": [{"rule": "self % 2 == 0"}]}},
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_decide_about_objects() {
    let lab = Lab::start().await;
    let spec = json!({"type": "object", "properties": properties(), "x-kubernetes-validations": [
        {"rule": "!has(self.min) || !has(self.max) || self.min <= self.max",
            "messageExpression": "'min %d is above max %d'.format([self.min, self.max])"},
        {"rule": "!has(self.max) || self.max < 100", "fieldPath": ".max",
            "reason": "FieldValueForbidden", "message": "too much"},
    ]});
    send(&lab.client, "POST", DEFINITIONS, "", Some(&definition(spec))).await.expect(201);
    eventually("the definition is established", || async {
        let reply = get(&lab.client, "/apis/rules.example.com/v1").await;
        if reply.code == 200 { Ok(()) } else { Err(reply.text()) }
    })
    .await;

    for (spec, said) in [
        (
            json!({"min": 5, "max": 3}),
            "Gauge.rules.example.com \"g\" is invalid: spec: Invalid value: min 5 is above max 3",
        ),
        (
            json!({"max": 100}),
            "Gauge.rules.example.com \"g\" is invalid: spec.max: Forbidden: too much",
        ),
        (
            json!({"marks": [2, 3]}),
            "Gauge.rules.example.com \"g\" is invalid: spec.marks[1]: Invalid value: 3: failed rule: self % 2 == 0",
        ),
    ] {
        let reply = send(&lab.client, "POST", GAUGES, "", Some(&gauge(spec))).await;
        assert_eq!((reply.code, message(&reply).as_str()), (422, said));
    }
    let reply = send(&lab.client, "POST", GAUGES, "", Some(&gauge(json!({"max": "x"})))).await;
    assert!(message(&reply).ends_with("<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation]"), "{}", message(&reply));

    let right = gauge(json!({"min": 1, "max": 3, "unit": "bar", "marks": [2]}));
    send(&lab.client, "POST", GAUGES, "", Some(&right)).await.expect(201);
    let patch = json!({"spec": {"unit": "psi"}});
    let path = format!("{GAUGES}/g");
    let reply = send(&lab.client, "PATCH", &path, "", Some(&patch)).await;
    let said = "Gauge.rules.example.com \"g\" is invalid: spec.unit: Invalid value: \"psi\": unit is immutable";
    assert_eq!((reply.code, message(&reply).as_str()), (422, said));
    let patch = json!({"spec": {"max": 4}});
    send(&lab.client, "PATCH", &path, "", Some(&patch)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_definition_whose_rules_are_wrong_is_refused() {
    let lab = Lab::start().await;
    for (rules, said) in [
        (
            json!([{"rule": "self.z == 1"}]),
            "compilation failed: ERROR: <input>:1:5: undefined field 'z'\n | self.z == 1\n | ....^",
        ),
        (json!([{"rule": "self = 1"}]), "compilation failed: ERROR: <input>:1:6: Syntax error: "),
        (json!([{"rule": "self.max"}]), "cel expression must evaluate to a bool"),
        (
            json!([{"rule": "true", "messageExpression": "1"}]),
            "messageExpression must evaluate to a string",
        ),
        (json!([{"rule": " "}]), "rule: Required value: rule is not specified"),
        (
            json!([{"rule": "true", "optionalOldSelf": true}]),
            "may not be set if oldSelf is not used in rule",
        ),
        (json!([{"rule": "true", "fieldPath": ".q"}]), "must be a valid path"),
        (
            json!([{"rule": "self.open.all(x, self.open.all(y, x == y))"}]),
            "estimated rule cost exceeds budget by factor of more than 100x (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)",
        ),
    ] {
        let mut properties = properties();
        properties["open"] = json!({"type": "array", "items": {"type": "string"}});
        let spec = json!({"type": "object", "properties": properties,
            "x-kubernetes-validations": rules});
        let reply = send(&lab.client, "POST", DEFINITIONS, "", Some(&definition(spec))).await;
        assert_eq!(reply.code, 422);
        assert!(message(&reply).contains(said), "{rules}: {}", message(&reply));
    }
}
