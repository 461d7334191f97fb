//! MutatingAdmissionPolicies over the wire: what they make of objects, in which order and how often,
//! and what upstream says when they cannot.

use crate::support::{
    Lab,
    hook::Hook,
    lab::{Reply, get, send},
    wait::eventually,
};
use pocketshift::object::ObjectExt;
use serde_json::{Value, json};

const GROUP: &str = "/apis/admissionregistration.k8s.io/v1";
const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

fn policy(name: &str, resource: [&str; 2], mutations: Value, spec: Value) -> Value {
    let [group, plural] = resource;
    let mut policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {"reinvocationPolicy": "Never", "mutations": mutations,
            "matchConstraints": {"resourceRules": [{
                "apiGroups": [group], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"],
                "resources": [plural]}]}},
    });
    for (field, value) in spec.as_object().expect("fields") {
        policy["spec"][field] = value.clone();
    }
    policy
}

fn apply(expression: &str) -> Value {
    json!({"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}})
}

fn patch(expression: &str) -> Value {
    json!({"patchType": "JSONPatch", "jsonPatch": {"expression": expression}})
}

async fn make(lab: &Lab, plural: &str, object: &Value) -> Reply {
    send(&lab.client, "POST", &format!("{GROUP}/{plural}"), "", Some(object)).await
}

async fn in_force(lab: &Lab, policy: &Value, bound: Value) {
    make(lab, "mutatingadmissionpolicies", policy).await.expect(201);
    let name = policy["metadata"]["name"].clone();
    let mut binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name},
    });
    for (field, value) in bound.as_object().expect("fields") {
        binding["spec"][field] = value.clone();
    }
    make(lab, "mutatingadmissionpolicybindings", &binding).await.expect(201);
}

async fn map(lab: &Lab, name: &str, data: Value) -> Reply {
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name}, "data": data});
    send(&lab.client, "POST", MAPS, "", Some(&map)).await
}

fn deployment(name: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {
            "metadata": {"labels": {"a": "b"}},
            "spec": {"containers": [{"name": "main", "image": "nginx"}]}}}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn configurations_are_merged_by_type_and_defaulted() {
    let lab = Lab::start().await;
    let mutations = json!([
        apply("Object{metadata: Object.metadata{annotations: {'by': request.operation}}, spec: Object.spec{replicas: variables.count}}"),
        apply(
            "Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{
                containers: [Object.spec.template.spec.containers{name: 'side', image: 'busybox',
                    ports: [Object.spec.template.spec.containers.ports{containerPort: 80}]}]}}}}"
        ),
    ]);
    let spec = json!({"variables": [{"name": "count", "expression": "object.metadata.name.size()"}],
        "matchConditions": [{"name": "c", "expression": "object.metadata.name != 'free'"}]});
    in_force(&lab, &policy("sides", ["apps", "deployments"], mutations, spec), json!({})).await;
    let made = send(&lab.client, "POST", DEPLOYMENTS, "", Some(&deployment("four"))).await;
    let made = made.expect(201);
    assert_eq!(made["metadata"]["annotations"]["by"], "CREATE");
    assert_eq!(made["spec"]["replicas"], 4);
    let containers = made.list_at("spec.template.spec.containers");
    let names: Vec<&str> = containers.iter().map(|c| c.str_at("name")).collect();
    assert_eq!(names, ["main", "side"], "lists with keys are merged");
    assert_eq!(containers[1]["ports"][0]["protocol"], "TCP", "what came of it is defaulted");
    assert!(made["metadata"]["uid"].is_string());
    let free = send(&lab.client, "POST", DEPLOYMENTS, "", Some(&deployment("free"))).await;
    assert_eq!(free.expect(201)["spec"]["replicas"], 1);

    let change = json!({"spec": {"replicas": 9}});
    let changed =
        send(&lab.client, "PATCH", &format!("{DEPLOYMENTS}/four"), "", Some(&change)).await;
    let changed = changed.expect(200);
    assert_eq!(
        (&changed["spec"]["replicas"], &changed["metadata"]["annotations"]["by"]),
        (&json!(4), &json!("UPDATE"))
    );
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patches_parameters_and_another_round() {
    let lab = Lab::start().await;
    map(&lab, "words", json!({"word": "hello"})).await.expect(201);
    let mutations = json!([patch(
        "[JSONPatch{op: 'add', path: '/metadata/labels', value: {}},
          JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('a.io/x'), value: params.data.word},
          JSONPatch{op: 'add', path: '/data/count', value: string('count' in object.data ? int(object.data.count) + 1 : 1)}]"
    )]);
    let spec = json!({"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "reinvocationPolicy": "IfNeeded"});
    let bound = json!({"paramRef": {"name": "words", "parameterNotFoundAction": "Deny"}});
    in_force(&lab, &policy("labels", ["", "configmaps"], mutations, spec), bound).await;
    let tested = json!([patch(
        "[JSONPatch{op: 'test', path: '/data/key', value: 'other'}, JSONPatch{op: 'remove', path: '/data'}]"
    )]);
    in_force(&lab, &policy("tested", ["", "configmaps"], tested, json!({})), json!({})).await;
    let made = map(&lab, "m", json!({"key": "k"})).await.expect(201);
    assert_eq!(made["metadata"]["labels"], json!({"a.io/x": "hello"}));
    assert_eq!(
        made["data"],
        json!({"key": "k", "count": "2"}),
        "asked twice, tests change nothing"
    );

    // What policies make is what webhooks see.
    let hook = Hook::serve(&["127.0.0.1"], |_, question| {
        let mut answer = json!({"kind": "AdmissionReview", "apiVersion": question["apiVersion"],
            "response": {"allowed": true}});
        answer["response"]["uid"] = question["request"]["uid"].clone();
        (200, answer)
    })
    .await;
    let configuration = json!({"apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration", "metadata": {"name": "w"}, "webhooks": [{
            "name": "w.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "clientConfig": {"url": format!("https://127.0.0.1:{}/", hook.port),
                "caBundle": hook.bundle},
            "rules": [{"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"],
                "resources": ["configmaps"]}]}]});
    make(&lab, "mutatingwebhookconfigurations", &configuration).await.expect(201);
    map(&lab, "n", json!({"key": "k"})).await.expect(201);
    let asked = hook.asked();
    assert_eq!(asked.len(), 1, "never again without IfNeeded");
    assert_eq!(asked[0].1["request"]["object"]["data"]["count"], "1");
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_policies_cannot_do_is_refused_or_passed_over() {
    let lab = Lab::start().await;
    let rows = [
        (
            "Object{spec: Object.spec{selector: Object.spec.selector{matchLabels: {'a': 'c'}}}}",
            "error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.selector",
        ),
        (
            "Object{spec: Object.wrong{replicas: 2}}",
            r#"type mismatch: unexpected type name "Object.wrong", expected "Object.spec", which matches field name path from root Object type"#,
        ),
        (
            "Object{spec: Object.spec{nothing: 2}}",
            "error applying patch: failed to convert patch object to typed object: .spec.nothing: field not declared in schema",
        ),
        (
            "Object{spec: Object.spec{replicas: object.nothing}}",
            "expression 'Object{spec: Object.spec{replicas: object.nothing}}' resulted in error: no such key: nothing",
        ),
    ];
    for (i, (expression, why)) in rows.into_iter().enumerate() {
        let name = format!("p{i}");
        let mutations = json!([apply(expression)]);
        let made = policy(&name, ["apps", "deployments"], mutations, json!({}));
        in_force(&lab, &made, json!({})).await;
        let refused = send(&lab.client, "POST", DEPLOYMENTS, "", Some(&deployment("d"))).await;
        let refused = refused.expect(403);
        let said = format!("policy '{name}' with binding '{name}' denied request: {why}");
        assert_eq!((&refused["message"], &refused["reason"]), (&json!(said), &json!("Invalid")));
        assert_eq!(refused["details"]["causes"], json!([{"message": said}]));
        let lax = json!({"spec": {"failurePolicy": "Ignore"}});
        let path = format!("{GROUP}/mutatingadmissionpolicies/{name}");
        send(&lab.client, "PATCH", &path, "", Some(&lax)).await.expect(200);
    }
    send(&lab.client, "POST", DEPLOYMENTS, "", Some(&deployment("d"))).await.expect(201);

    for (mutations, field, said) in [
        (json!([]), "spec.mutations", "Required value: mutations must contain at least one item"),
        (
            json!([apply("1")]),
            "spec.mutations[0].applyConfiguration.expression",
            r#"Invalid value: "1": must evaluate to Object but got int"#,
        ),
        (
            json!([patch("[1]")]),
            "spec.mutations[0].jsonPatch.expression",
            r#"Invalid value: "[1]": must evaluate to list(JSONPatch) but got list(int)"#,
        ),
        (
            json!([patch("[JSONPatch{op: 1}]")]),
            "spec.mutations[0].jsonPatch.expression",
            "Invalid value: \"[JSONPatch{op: 1}]\": compilation failed: ERROR: <input>:1:14: expected type of field 'op' is 'string' but provided type is 'int'\n | [JSONPatch{op: 1}]\n | .............^",
        ),
    ] {
        let refused = policy("bad", ["apps", "deployments"], mutations, json!({}));
        let refused = make(&lab, "mutatingadmissionpolicies", &refused).await.expect(422);
        let cause = &refused["details"]["causes"][0];
        assert_eq!((cause.str_at("field"), cause.str_at("message")), (field, said));
    }
    // Such objects are for mutations alone.
    let other = json!({"apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy", "metadata": {"name": "v"}, "spec": {
            "matchConstraints": {"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"],
                "operations": ["CREATE"], "resources": ["pods"]}]},
            "validations": [{"expression": "Object{} == object"},
                {"expression": "jsonpatch.escapeKey('a') == 'a'"}]}});
    let refused = make(&lab, "validatingadmissionpolicies", &other).await.expect(422);
    let message = refused.str_at("message");
    for name in ["Object", "jsonpatch"] {
        assert!(message.contains(&format!("undeclared reference to '{name}'")), "{message}");
    }
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn custom_objects_are_changed_and_pruned() {
    let lab = Lab::start().await;
    let schema = json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "size": {"type": "integer"}, "color": {"type": "string", "default": "red"}}}}});
    let definition = json!({"apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition", "metadata": {"name": "foos.example.com"}, "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"plural": "foos", "kind": "Foo"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": schema}}]}});
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    send(&lab.client, "POST", path, "", Some(&definition)).await.expect(201);
    let foos = "/apis/example.com/v1/namespaces/default/foos";
    eventually("the definition is served", || async {
        let reply = get(&lab.client, foos).await;
        if reply.code == 200 { Ok(()) } else { Err(reply.text()) }
    })
    .await;
    let mutations = json!([
        apply("Object{spec: Object.spec{size: 3}}"),
        patch("[JSONPatch{op: 'add', path: '/spec/nothing', value: Object.spec.nothing{a: 1}}]"),
    ]);
    let mutations = policy("foos", ["example.com", "foos"], mutations, json!({}));
    let wrong = make(&lab, "mutatingadmissionpolicies", &mutations).await;
    wrong.expect(201);
    let binding = json!({"apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicyBinding", "metadata": {"name": "foos"},
        "spec": {"policyName": "foos"}});
    make(&lab, "mutatingadmissionpolicybindings", &binding).await.expect(201);
    let foo = json!({"apiVersion": "example.com/v1", "kind": "Foo", "metadata": {"name": "f"},
        "spec": {"size": 1}});
    let made = send(&lab.client, "POST", foos, "", Some(&foo)).await.expect(201);
    assert_eq!(made["spec"], json!({"size": 3, "color": "red"}));
    lab.stop().await;
}
