//! Which constraint admits a pod, what it fills in, and what the refusal says.

use super::*;
use crate::{access::bootstrap, api::admission::testing::Scene, object::json};

fn scene(caller: Caller, grants: Vec<(&str, &str)>) -> Scene {
    let mut objects: Vec<(&str, Value)> =
        bootstrap::scc::objects().map(|o| (RESOURCE, o)).collect();
    let annotations = json!({UID_RANGE: "1000680000/10000", MCS: "s0:c26,c15",
        GROUPS: "1000680000/10000"});
    objects.push(("namespaces", json!({"metadata": {"name": "n", "annotations": annotations}})));
    for role in bootstrap::scc::roles() {
        objects.push(("clusterroles.rbac.authorization.k8s.io", role));
    }
    let everybody = json!({"kind": "Group", "name": "system:authenticated",
        "apiGroup": "rbac.authorization.k8s.io"});
    objects.push(binding("all", "system:openshift:scc:restricted-v2", everybody));
    for (scc, account) in grants {
        let subject = json!({"kind": "ServiceAccount", "name": account, "namespace": "n"});
        objects.push(binding(scc, &format!("system:openshift:scc:{scc}"), subject));
    }
    let mut scene = Scene::new(objects);
    scene.caller = caller;
    scene
}

fn binding(name: &str, role: &str, subject: Value) -> (&'static str, Value) {
    let object = json!({"metadata": {"name": name}, "subjects": [subject], "roleRef":
        {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}});
    ("clusterrolebindings.rbac.authorization.k8s.io", object)
}

fn alice() -> Caller {
    Caller {
        name: "alice".into(),
        groups: vec!["system:authenticated".into()],
        ..Caller::default()
    }
}

fn run(scene: &Scene, mut spec: Value) -> Result<Value, String> {
    if spec.get("serviceAccountName").is_none() {
        spec["serviceAccountName"] = json!("default");
    }
    let mut pod = json!({"metadata": {"name": "p", "namespace": "n"}, "spec": spec});
    let a = scene.attributes("pods", Verb::Create, "n", "p");
    mutate(&mut pod, &a).map(|()| pod).map_err(|e| e.to_string())
}

#[test]
fn restricted_v2_fills_in_everything() {
    let scene = scene(alice(), vec![]);
    let pod = run(&scene, json!({"containers": [{"name": "c"}]})).unwrap();
    assert_eq!(
        pod["metadata"]["annotations"],
        json!({CHOSEN: "restricted-v2", SUBJECT: "user",
            "seccomp.security.alpha.kubernetes.io/pod": "runtime/default"})
    );
    assert_eq!(
        pod["spec"]["securityContext"],
        json!({"fsGroup": 1000680000, "seLinuxOptions": {"level": "s0:c26,c15"},
            "seccompProfile": {"type": "RuntimeDefault"}})
    );
    assert_eq!(
        pod["spec"]["containers"][0]["securityContext"],
        json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": true, "runAsUser": 1000680000})
    );
}

#[test]
fn which_constraint_a_pod_gets() {
    let container = |sc: Value| json!({"containers": [{"name": "c", "securityContext": sc}]});
    let masters = Caller::component("system:admin");
    let controller = Caller::component("system:serviceaccount:kube-system:replicaset-controller");
    let account = |mut spec: Value| {
        spec["serviceAccountName"] = json!("sa");
        spec
    };
    let rows: Vec<(Caller, Vec<(&str, &str)>, Value, Option<(&str, &str)>)> = vec![
        (alice(), vec![], container(json!({"runAsUser": 0})), None),
        (
            alice(),
            vec![("anyuid", "sa")],
            account(container(json!({"runAsUser": 0}))),
            Some(("anyuid", "serviceaccount")),
        ),
        (alice(), vec![("anyuid", "other")], account(container(json!({"runAsUser": 0}))), None),
        (
            alice(),
            vec![("privileged", "sa")],
            account(container(json!({"privileged": true}))),
            Some(("privileged", "serviceaccount")),
        ),
        (
            alice(),
            vec![("privileged", "sa")],
            account(container(json!({}))),
            Some(("restricted-v2", "user")),
        ),
        (masters.clone(), vec![], container(json!({})), Some(("anyuid", "user"))),
        (masters, vec![], container(json!({"privileged": true})), Some(("privileged", "user"))),
        (controller, vec![], container(json!({})), Some(("restricted-v2", "user"))),
        (
            alice(),
            vec![("nonroot-v2", "sa")],
            account(container(json!({"runAsUser": 7}))),
            Some(("nonroot-v2", "serviceaccount")),
        ),
        (
            alice(),
            vec![("hostnetwork-v2", "sa")],
            account(json!({"hostNetwork": true, "containers": [{"name": "c"}]})),
            Some(("hostnetwork-v2", "serviceaccount")),
        ),
    ];
    for (caller, grants, spec, expected) in rows {
        let name = caller.name.clone();
        let scene = scene(caller, grants.clone());
        let got = run(&scene, spec.clone()).ok().map(|p| {
            let annotation = |k: &str| p.annotation(k).unwrap_or("").to_owned();
            (annotation(CHOSEN), annotation(SUBJECT))
        });
        let expected = expected.map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(got, expected, "{name} {grants:?} {spec}");
    }
}

#[test]
fn refusals_list_every_provider() {
    let scene = scene(alice(), vec![]);
    let error = run(
        &scene,
        json!({
            "containers": [{"name": "c", "securityContext": {"runAsUser": 0, "privileged": true,
                "capabilities": {"add": ["SYS_ADMIN"]}}}],
            "volumes": [{"name": "h", "hostPath": {"path": "/"}}],
        }),
    )
    .unwrap_err();
    for part in [
        "pods \"p\" is forbidden: unable to validate against any security context constraint: [provider \"anyuid\": Forbidden: not usable by user or serviceaccount, ",
        "provider restricted-v2: .spec.volumes[0]: Invalid value: \"hostPath\": hostPath volumes are not allowed to be used",
        "provider restricted-v2: .containers[0].runAsUser: Invalid value: 0: must be in the ranges: [1000680000, 1000689999]",
        "provider restricted-v2: .containers[0].privileged: Invalid value: true: Privileged containers are not allowed",
        "provider restricted-v2: .containers[0].capabilities.add: Invalid value: \"SYS_ADMIN\": capability may not be added",
        "provider \"privileged\": Forbidden: not usable by user or serviceaccount]",
    ] {
        assert!(error.contains(part), "{part}\nnot in\n{error}");
    }
}

#[test]
fn updates_must_still_fit() {
    let mut scene = scene(alice(), vec![]);
    let pod = run(&scene, json!({"containers": [{"name": "c", "image": "a"}]})).unwrap();
    scene.old = Some(pod.clone());
    let update = |change: &dyn Fn(&mut Value)| {
        let mut new = pod.clone();
        change(&mut new);
        let a = scene.attributes("pods", Verb::Update, "n", "p");
        mutate(&mut new, &a).map(|()| new).map_err(|e| e.to_string())
    };
    assert_eq!(update(&|_| {}), Ok(pod.clone()));
    let image = update(&|p| p["spec"]["containers"][0]["image"] = json!("b")).unwrap();
    assert_eq!(image.annotation(CHOSEN), Some("restricted-v2"));
    assert!(
        update(&|p| p["spec"]["containers"][0]["securityContext"]["runAsUser"] = json!(1)).is_err()
    );
}
