//! ValidatingAdmissionPolicies over the wire: what they refuse, in upstream's words, and what they
//! are bound to.

use crate::support::{
    Lab,
    lab::{Reply, get, send},
    wait::eventually,
};
use pocketshift::object::ObjectExt;
use serde_json::{Value, json};

const GROUP: &str = "/apis/admissionregistration.k8s.io/v1";
const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn policy(name: &str, spec: Value) -> Value {
    let mut policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {"matchConstraints": {"resourceRules": [{
            "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"],
            "resources": ["configmaps"]}]}},
    });
    for (field, value) in spec.as_object().expect("fields") {
        policy["spec"][field] = value.clone();
    }
    policy
}

fn binding(name: &str, spec: Value) -> Value {
    let mut binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    });
    for (field, value) in spec.as_object().expect("fields") {
        binding["spec"][field] = value.clone();
    }
    binding
}

async fn make(lab: &Lab, plural: &str, object: &Value) -> Reply {
    send(&lab.client, "POST", &format!("{GROUP}/{plural}"), "", Some(object)).await
}

async fn in_force(lab: &Lab, name: &str, spec: Value, bound: Value) {
    make(lab, "validatingadmissionpolicies", &policy(name, spec)).await.expect(201);
    make(lab, "validatingadmissionpolicybindings", &binding(name, bound)).await.expect(201);
}

async fn map(lab: &Lab, name: &str, data: Value) -> Reply {
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "labels": {"for": name}}, "data": data});
    send(&lab.client, "POST", MAPS, "", Some(&map)).await
}

fn status(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.bytes).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn policies_refuse_what_they_are_bound_to() {
    let lab = Lab::start().await;
    let spec = json!({
        "variables": [{"name": "size", "expression": "object.data.size()"},
            {"name": "large", "expression": "variables.size > 2"}],
        "validations": [
            {"expression": "!variables.large",
                "messageExpression": "'%d entries are too many'.format([variables.size])"},
            {"expression": "!('secret' in object.data)", "reason": "Forbidden"},
        ],
        "matchConditions": [{"name": "not-free", "expression": "object.metadata.name != 'free'"}],
    });
    in_force(&lab, "small", spec, json!({})).await;
    map(&lab, "a", json!({"x": "1"})).await.expect(201);
    map(&lab, "free", json!({"a": "1", "b": "2", "c": "3"})).await.expect(201);

    let reply = map(&lab, "b", json!({"a": "1", "b": "2", "c": "3"})).await;
    let said = "ValidatingAdmissionPolicy 'small' with binding 'small' denied request: 3 entries are too many";
    let found = status(&reply);
    assert_eq!(reply.code, 422);
    assert_eq!(found.str_at("message"), format!("configmaps \"b\" is forbidden: {said}"));
    assert_eq!(found.str_at("reason"), "Invalid");
    assert_eq!(found.list_at("details.causes"), [json!({"message": said})]);

    let reply = map(&lab, "c", json!({"secret": "1"})).await;
    assert_eq!((reply.code, status(&reply).str_at("reason").to_owned()), (403, "Forbidden".into()));
    let said = "denied request: failed expression: !('secret' in object.data)";
    assert!(status(&reply).str_at("message").ends_with(said));

    // An update meets it, too, and what goes wrong is a refusal.
    let patch = json!({"data": {"secret": "1"}});
    let reply = send(&lab.client, "PATCH", &format!("{MAPS}/a"), "", Some(&patch)).await;
    assert_eq!(reply.code, 403);
    let bare = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "d"}});
    let reply = send(&lab.client, "POST", MAPS, "", Some(&bare)).await;
    let said = status(&reply).str_at("message").to_owned();
    assert!(said.contains("fails to evaluate: expression 'object.data.size()' resulted in error: no such key: data"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn policies_have_parameters_rights_and_warnings() {
    let lab = Lab::start().await;
    let limits = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "limits"}, "data": {"most": "1"}});
    send(&lab.client, "POST", MAPS, "", Some(&limits)).await.expect(201);
    let spec = json!({
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "validations": [{"expression": "object.data.size() <= int(params.data.most)"}],
    });
    let bound = json!({
        "paramRef": {"name": "limits", "parameterNotFoundAction": "Deny"},
        "matchResources": {"objectSelector": {"matchLabels": {"for": "limited"}}},
    });
    in_force(&lab, "limited", spec, bound).await;
    map(&lab, "other", json!({"a": "1", "b": "2"})).await.expect(201);
    let reply = map(&lab, "limited", json!({"a": "1", "b": "2"})).await;
    let said = "failed expression: object.data.size() <= int(params.data.most)";
    assert!(status(&reply).str_at("message").ends_with(said), "{}", reply.text());
    send(&lab.client, "DELETE", &format!("{MAPS}/limits"), "", None).await.expect(200);
    let reply = map(&lab, "limited", json!({"a": "1"})).await;
    let said = "denied request: failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction";
    assert!(status(&reply).str_at("message").ends_with(said), "{}", reply.text());

    let spec = json!({"validations": [{"message": "look out",
        "expression": "!authorizer.requestResource.check('create').allowed() || !authorizer.group('').resource('pods').namespace('default').check('delete').allowed() || namespaceObject.metadata.name != 'default' || request.operation != 'CREATE'"}]});
    in_force(&lab, "warned", spec, json!({"validationActions": ["Warn"]})).await;
    let reply = map(&lab, "w", json!({})).await;
    assert_eq!(reply.code, 201, "{}", reply.text());
    let warning = reply.headers.get("warning").and_then(|w| w.to_str().ok()).unwrap_or_default();
    assert!(warning.contains("Validation failed for ValidatingAdmissionPolicy 'warned' with binding 'warned': look out"), "{warning}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policys_status_says_what_fits_no_type() {
    let lab = Lab::start().await;
    let spec = json!({
        "matchConstraints": {"resourceRules": [{"apiGroups": ["apps"], "apiVersions": ["v1"],
            "operations": ["CREATE"], "resources": ["deployments"]}]},
        "variables": [{"name": "n", "expression": "object.spec.replicas"}],
        "validations": [{"expression": "object.spec.replicas > '1'"},
            {"expression": "variables.n > 1 && object.spec.template.spec.containers.all(c, c.image.startsWith('a'))"},
            {"expression": "object.spec.nothing == 1"}],
    });
    make(&lab, "validatingadmissionpolicies", &policy("typed", spec)).await.expect(201);
    eventually("the types are checked", || async {
        let path = format!("{GROUP}/validatingadmissionpolicies/typed");
        let found = status(&get(&lab.client, &path).await);
        let warnings = found.list_at("status.typeChecking.expressionWarnings").to_vec();
        let [first, second] = warnings.as_slice() else { return Err(found.to_string()) };
        assert_eq!(found.i64_at("status.observedGeneration"), Some(1));
        assert_eq!(first.str_at("fieldRef"), "spec.validations[0].expression");
        let said = "apps/v1, Kind=Deployment: ERROR: <input>:1:22: found no matching overload for '_>_' applied to '(int, string)'\n | object.spec.replicas > '1'";
        assert!(first.str_at("warning").starts_with(said), "{first}");
        assert!(second.str_at("warning").contains("undefined field 'nothing'"), "{second}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_whose_expressions_are_wrong_is_refused() {
    let lab = Lab::start().await;
    for (spec, said) in [
        (
            json!({"validations": [{"expression": "object.x +"}]}),
            "spec.validations[0].expression: Invalid value: \"object.x +\": compilation failed: ERROR: <input>:1:11: Syntax error: mismatched input '<EOF>' expecting",
        ),
        (
            json!({"validations": [{"expression": "'a'"}]}),
            "spec.validations[0].expression: Invalid value: \"'a'\": must evaluate to bool but got string",
        ),
        (
            json!({"validations": [{"expression": "params.a == 1"}]}),
            "undeclared reference to 'params' (in container '')",
        ),
        (json!({"validations": [{"expression": "request.verb == ''"}]}), "undefined field 'verb'"),
        (
            json!({"variables": [{"name": "a", "expression": "variables.b"}, {"name": "b", "expression": "1"}],
                "validations": [{"expression": "true"}]}),
            "spec.variables[0].expression: Invalid value: \"variables.b\": compilation failed: ERROR: <input>:1:10: undefined field 'b'",
        ),
        (
            json!({"auditAnnotations": [{"key": "k", "valueExpression": "1"}]}),
            "must evaluate to one of [string null_type]",
        ),
    ] {
        let reply = make(&lab, "validatingadmissionpolicies", &policy("p", spec)).await;
        assert_eq!(reply.code, 422, "{said}");
        let found = status(&reply).str_at("message").to_owned();
        assert!(found.contains(said), "{found}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_names_parameters_must_be_allowed_to_read_them() {
    let lab = Lab::start().await;
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "policies"}, "rules": [{"apiGroups": ["admissionregistration.k8s.io"],
            "resources": ["*"], "verbs": ["*"]}]});
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    send(&lab.client, "POST", &format!("{rbac}/clusterroles"), "", Some(&role)).await.expect(201);
    let bound = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": "policies"}, "subjects": [{"kind": "User", "name": "ann"}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
            "name": "policies"}});
    send(&lab.client, "POST", &format!("{rbac}/clusterrolebindings"), "", Some(&bound))
        .await
        .expect(201);
    let ann = lab.acting_as("ann").await;
    let with_params = policy(
        "p",
        json!({
        "paramKind": {"apiVersion": "v1", "kind": "Secret"},
        "validations": [{"expression": "params != null"}]}),
    );
    let path = format!("{GROUP}/validatingadmissionpolicies");
    let refused = send(&ann, "POST", &path, "", Some(&with_params)).await.expect(422);
    let cause = &refused["details"]["causes"][0];
    assert_eq!(
        (cause.str_at("field"), cause.str_at("reason")),
        ("spec.paramKind", "FieldValueForbidden")
    );
    let said = "must have \"get\" permission on all objects of the referenced paramKind (kind=Secret, apiVersion=v1)";
    assert!(cause.str_at("message").ends_with(said), "{cause}");
    let plain = policy("p", json!({"validations": [{"expression": "true"}]}));
    send(&ann, "POST", &path, "", Some(&plain)).await.expect(201);
    lab.stop().await;
}
