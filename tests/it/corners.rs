//! Corners of the API, each a request and what a real cluster answers to it: what an object gets that
//! its sender left out, OpenShift's own forms of roles and bindings, its reviews of pods, and what is
//! refused. Kubernetes' rows were held against a kube-apiserver 1.36, OpenShift's against its sources.

use crate::support::{
    Lab, contains,
    lab::{get, request, send},
};
use pocketshift::object::ObjectExt;
use serde_json::{Value, json};

const CORE: &str = "/api/v1/namespaces/it";
const APPS: &str = "/apis/apps/v1/namespaces/it";
const SECURITY: &str = "/apis/security.openshift.io/v1";
const REVIEWS: &str = "/apis/security.openshift.io/v1/namespaces/it";
const VIEWS: &str = "/apis/authorization.openshift.io/v1";
const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
const POD: &str = r#"{"containers":[{"name":"c","image":"i","securityContext":{"runAsUser":0}}]}"#;

/// Path, body, code and a part of the answer.
#[rustfmt::skip]
const ROWS: &[(&str, &str, &str, u16, &str)] = &[
    // A service account by its old name is one by its new name.
    (APPS, "deployments?dryRun=All", r#"{"metadata":{"name":"d"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"serviceAccount":"robot","containers":[{"name":"c","image":"x"}]}}}}"#, 201, r#"{"spec":{"template":{"spec":{"serviceAccount":"robot","serviceAccountName":"robot"}}}}"#),
    // A new node takes no pods, and keeps its status.
    ("/api/v1", "nodes?dryRun=All", r#"{"metadata":{"name":"n"},"status":{"capacity":{"cpu":"2"}}}"#, 201, r#"{"spec":{"taints":[{"key":"node.kubernetes.io/not-ready","effect":"NoSchedule"}]},"status":{"allocatable":{"cpu":"2"}}}"#),
    // Lists without items do not survive being stored.
    (RBAC, "clusterroles?dryRun=All", r#"{"metadata":{"name":"r"},"rules":[]}"#, 201, r#"{"rules":null}"#),
    // Where nobody counts generations, what was sent stays.
    (CORE, "configmaps?dryRun=All", r#"{"metadata":{"name":"c","generation":30}}"#, 201, r#"{"metadata":{"generation":30}}"#),
    (CORE, "pods?dryRun=All", r#"{"metadata":{"name":"p"},"spec":{"securityContext":{"sysctls":[{"name":"A b","value":"1"}]},"containers":[{"name":"c","image":"i"}]}}"#, 422, r#"{"message":"Pod \"p\" is invalid: spec.securityContext.sysctls[0].name: Invalid value: \"A b\": must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$"}"#),
    (CORE, "pods?dryRun=All", r#"{"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i","securityContext":{"procMount":"Unmasked"}}]}}"#, 422, r#"{"message":"Pod \"p\" is invalid: spec.containers[0].securityContext.procMount: Invalid value: \"Unmasked\": `hostUsers` must be false to use `Unmasked`"}"#),
    // What a constraint leaves out is filled in.
    (SECURITY, "securitycontextconstraints?dryRun=All", r#"{"metadata":{"name":"s"},"runAsUser":{"type":"RunAsAny"},"seLinuxContext":{"type":"RunAsAny"},"volumes":["*"]}"#, 201, r#"{"allowPrivilegeEscalation":true,"users":[],"groups":[],"fsGroup":{"type":"RunAsAny"},"supplementalGroups":{"type":"RunAsAny"},"priority":null}"#),
    (SECURITY, "securitycontextconstraints?dryRun=All", r#"{"metadata":{"name":"s"},"runAsUser":{"type":"X"},"seLinuxContext":{"type":"RunAsAny"}}"#, 422, r#"{"message":"SecurityContextConstraints.security.openshift.io \"s\" is invalid: runAsUser.type: Invalid value: \"X\": invalid strategy type.  Valid values are MustRunAs, MustRunAsNonRoot, MustRunAsRange, RunAsAny"}"#),
    // OpenShift's own roles and bindings.
    (VIEWS, "namespaces/it/rolebindings", r#"{"metadata":{"name":"b"},"roleRef":{"name":"view"},"userNames":["bob","system:serviceaccount:o:d"]}"#, 201, r#"{"kind":"RoleBinding","apiVersion":"authorization.openshift.io/v1","groupNames":null,"roleRef":{"name":"view"},"subjects":[{"kind":"User","name":"bob"},{"kind":"ServiceAccount","name":"d","namespace":"o"}]}"#),
    (VIEWS, "namespaces/it/rolebindings", r#"{"metadata":{"name":"c"},"roleRef":{"name":"view"},"subjects":[{"kind":"Robot","name":"r"}]}"#, 500, r#"{"message":"invalid kind for origin subject: \"Robot\""}"#),
    (VIEWS, "namespaces/it/roles", r#"{"metadata":{"name":"r"},"rules":[{"verbs":["get"],"resources":["pods"]}]}"#, 201, r#"{"rules":[{"apiGroups":[""],"attributeRestrictions":null,"resources":["pods"],"verbs":["get"]}]}"#),
    // Reviews of pods.
    (REVIEWS, "podsecuritypolicysubjectreviews", r#"{"spec":{"user":"bob"}}"#, 422, r#"{"reason":"Invalid","details":{"kind":"PodSecurityPolicySubjectReview"}}"#),
    (REVIEWS, "podsecuritypolicyreviews", r#"{"spec":{"serviceAccountNames":["no"],"template":{"spec":{"containers":[{"name":"c","image":"i"}]}}}}"#, 400, r#"{"message":"unable to retrieve ServiceAccount no: serviceaccount \"no\" not found"}"#),
    // A question has no metadata, and a type.
    ("/apis/authorization.k8s.io/v1", "selfsubjectaccessreviews", r#"{"metadata":5,"spec":{"resourceAttributes":{"verb":"get","resource":"pods"}}}"#, 400, r#"{"reason":"BadRequest"}"#),
    ("/apis/authorization.k8s.io/v1", "selfsubjectaccessreviews", r#"{"metadata":{"name":"x"},"spec":{"resourceAttributes":{"verb":"get","resource":"pods"}}}"#, 422, r#"{"message":"SelfSubjectAccessReview.authorization.k8s.io \"x\" is invalid: metadata: Invalid value: {\"name\":\"x\"}: must be empty"}"#),
    ("/apis/authorization.k8s.io/v1", "selfsubjectaccessreviews?fieldValidation=Strict", r#"{"spec":{"unheard":1,"resourceAttributes":{"verb":"get","resource":"pods"}}}"#, 400, r#"{"reason":"BadRequest"}"#),
    (VIEWS, "namespaces/it/localresourceaccessreviews", r#"{"resource":"pods"}"#, 422, r#"{"message":"LocalResourceAccessReview \"\" is invalid: verb: Required value"}"#),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers() {
    let lab = Lab::start().await;
    lab.namespace("it").await;
    for (base, path, body, code, part) in ROWS {
        let path = format!("{base}/{path}");
        let reply = request(&lab.client, "POST", &path, &[], body.as_bytes().to_vec()).await;
        let (got, answer) = (reply.code, reply.json());
        let part: Value = serde_json::from_str(part).expect(part);
        assert!(got == *code && contains(&answer, &part), "{path} {body}: {got} {answer}");
    }
    // What was said in OpenShift's words is stored in RBAC's.
    let stored =
        get(&lab.client, &format!("{RBAC}/namespaces/it/rolebindings/b")).await.expect(200);
    assert_eq!(stored["roleRef"]["kind"], "ClusterRole");
    assert_eq!(stored["subjects"][0]["apiGroup"], "rbac.authorization.k8s.io");
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_range_gets_a_name() {
    let lab = Lab::start().await;
    lab.namespace("it").await;
    let range = json!({"metadata": {}, "spec": {"limits": [{"type": "Container"}]}});
    let path = format!("{CORE}/limitranges");
    let made = send(&lab.client, "POST", &path, "", Some(&range)).await.expect(201);
    assert_eq!(made.name().len(), 36, "{made}");
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_was_warned_of() {
    let lab = Lab::start().await;
    lab.namespace("it").await;
    let body = r#"{"metadata":{"name":"A b"},"unheard":1}"#;
    let path = format!("{CORE}/configmaps?fieldValidation=Warn");
    let reply = request(&lab.client, "POST", &path, &[], body.into()).await;
    assert_eq!(
        (reply.code, reply.header("warning")),
        (422, r#"299 - "unknown field \"unheard\"""#)
    );
    lab.stop().await;
}

/// Under which constraint root may run: asked for oneself, for somebody, for service accounts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pods_are_reviewed() {
    let lab = Lab::start().await;
    lab.namespace("it").await;
    // Who may run what depends on the range of users that a controller gives the project.
    lab.server().world.activity.calm().await;
    let template: Value = serde_json::from_str(POD).unwrap();
    let review = |spec: Value| {
        let mut review = json!({"spec": spec});
        review["spec"]["template"] = json!({"spec": template});
        review
    };
    let ask = async |kind: &str, spec: Value| {
        let path = format!("{REVIEWS}/{kind}");
        send(&lab.client, "POST", &path, "", Some(&review(spec))).await.expect(201)["status"]
            .clone()
    };
    let own = ask("podsecuritypolicyselfsubjectreviews", json!({})).await;
    assert_eq!(own["allowedBy"]["name"], "anyuid", "{own}");
    let bob = json!({"user": "bob", "groups": ["system:authenticated"]});
    let bob = ask("podsecuritypolicysubjectreviews", bob).await;
    assert_eq!(bob["reason"], "CantAssignSecurityContextConstraintProvider", "{bob}");
    assert!(bob.get("allowedBy").is_none());
    let account = ask("podsecuritypolicyreviews", json!({})).await;
    assert_eq!(account["allowedServiceAccounts"], Value::Null, "nobody gave it a constraint");
    lab.stop().await;
}

/// The standard constraints of a current cluster, and what the newest of them ask for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standard_constraints() {
    let lab = Lab::start().await;
    let list =
        get(&lab.client, &format!("{SECURITY}/securitycontextconstraints")).await.expect(200);
    let names: Vec<&str> = list.list_at("items").iter().map(ObjectExt::name).collect();
    let expected = "anyuid hostaccess hostmount-anyuid hostmount-anyuid-v2 hostnetwork hostnetwork-v2 nested-container nonroot nonroot-v2 privileged restricted restricted-v2 restricted-v3";
    assert_eq!(names.join(" "), expected);
    let v3 = list.list_at("items").last().unwrap();
    assert_eq!(v3["userNamespaceLevel"], "RequirePodLevel");
    assert_eq!(
        (&v3["runAsUser"]["uidRangeMin"], &v3["runAsUser"]["uidRangeMax"]),
        (&json!(1000), &json!(65534))
    );
    lab.stop().await;
}
