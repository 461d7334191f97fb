//! Who may stream, to which container, with which parameters.

use super::*;
use crate::{
    api::{Body, Caller, Options, Streams, session},
    kinds,
    object::{encode, json, name::key},
    runtime::{LogOptions, testing::Double},
    store::{Expect, Op},
};

fn server() -> Arc<Server> {
    super::super::tests::server(Some(Arc::new(Double)))
}

async fn put(server: &Server, resource: &str, object: Value) {
    let op = Op::Put {
        resource: resource.into(),
        key: key(object.namespace(), object.name()).into(),
        expect: Expect::Absent,
        body: encode(&object),
        claims: vec![],
    };
    server.store.commit(vec![op]).await.unwrap();
}

/// A pod on a node, with an init container and these regular ones, all in one state.
fn pod(name: &str, containers: &[&str], state: Value) -> Value {
    let specs: Vec<Value> = containers.iter().map(|c| json!({"name": c})).collect();
    let states: Vec<Value> = containers
        .iter()
        .map(|c| {
            let mut status = state.clone();
            status["name"] = json!(c);
            status
        })
        .collect();
    json!({"metadata": {"name": name, "namespace": "n"},
        "spec": {"nodeName": "node", "initContainers": [{"name": "init"}], "containers": specs},
        "status": {"containerStatuses": states}})
}

fn namespace() -> Value {
    json!({"metadata": {"name": "n", "annotations": {
        "openshift.io/sa.scc.uid-range": "1000000000/10000",
        "openshift.io/sa.scc.supplemental-groups": "1000000000/10000",
        "openshift.io/sa.scc.mcs": "s0:c26,c0"}}})
}

fn running() -> Value {
    json!({"state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}})
}

/// A server with a constraint that everybody may use, and pods in all states.
async fn cluster() -> Arc<Server> {
    let server = server();
    let open = json!({"metadata": {"name": "open"}, "allowPrivilegedContainer": true,
        "allowHostPorts": true, "groups": ["system:authenticated"], "users": [],
        "allowHostDirVolumePlugin": true, "allowHostIPC": true, "allowHostNetwork": true,
        "allowHostPID": true, "readOnlyRootFilesystem": false, "volumes": ["*"],
        "allowedCapabilities": ["*"], "defaultAddCapabilities": null,
        "requiredDropCapabilities": null, "priority": null,
        "runAsUser": {"type": "RunAsAny"}, "seLinuxContext": {"type": "RunAsAny"},
        "fsGroup": {"type": "RunAsAny"}, "supplementalGroups": {"type": "RunAsAny"}});
    put(&server, "securitycontextconstraints.security.openshift.io", open).await;
    put(&server, "namespaces", namespace()).await;
    let waiting = |reason: &str| json!({"state": {"waiting": {"reason": reason}}});
    let ended = json!({"containerID": "cri-o://1", "exitCode": 0});
    let mut restarted = running();
    restarted["lastState"] = json!({"terminated": ended});
    let mut unplaced = pod("unplaced", &["a"], json!({}));
    unplaced["spec"]["nodeName"] = json!("");
    let mut unborn = pod("unborn", &["a"], json!({}));
    unborn["status"] = json!({});
    let mut terminal = pod("terminal", &["a"], running());
    terminal["spec"]["containers"][0]["tty"] = json!(true);
    for object in [
        pod("one", &["a"], running()),
        pod("two", &["a", "b"], running()),
        pod("pulling", &["a"], waiting("ErrImagePull")),
        pod("backing", &["a"], waiting("ImagePullBackOff")),
        pod("creating", &["a"], waiting("ContainerCreating")),
        pod("over", &["a"], json!({"state": {"terminated": ended}})),
        pod("failed", &["a"], json!({"state": {"terminated": {"exitCode": 128}}})),
        pod("restarted", &["a"], restarted),
        unplaced,
        unborn,
        terminal,
    ] {
        put(&server, "pods", object).await;
    }
    server
}

fn ask(sub: &'static str, pod: &str, query: &str) -> Request {
    let parameters = query.split('&').filter_map(|p| p.split_once('='));
    let parameters = parameters.map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    let groups = vec!["system:masters".into(), "system:authenticated".into()];
    Request {
        caller: Arc::new(Caller { name: "admin".into(), groups, ..Caller::default() }),
        verb: if sub == "log" { Verb::Get } else { Verb::Create },
        kind: kinds::by_resource("pods").unwrap(),
        sub,
        namespace: "n".into(),
        name: pod.into(),
        options: Options { parameters, ..Options::default() },
        body: Body::Empty,
    }
}

async fn refusal(server: &Arc<Server>, request: Request) -> (u16, String) {
    match server.call(request).await {
        Ok(_) => (200, String::new()),
        Err(e) => (e.code().0, e.to_string()),
    }
}

#[tokio::test]
async fn refusals_before_anything_streams() {
    let server = cluster().await;
    let out = "stdout=true";
    let rows = [
        ("exec", "none", out, 404, "pods \"none\" not found"),
        ("exec", "one", "container=z&stdout=true", 400, "container z is not valid for pod one"),
        (
            "attach",
            "two",
            out,
            400,
            "a container name must be specified for pod two, choose one of: [init a b]",
        ),
        ("exec", "unplaced", out, 400, "pod unplaced does not have a host assigned"),
        ("portforward", "unplaced", "", 400, "pod unplaced does not have a host assigned"),
        (
            "exec",
            "one",
            "stdout=false",
            400,
            "you must specify at least 1 of stdin, stdout, stderr",
        ),
        ("exec", "creating", out, 500, "container not found (\"a\")"),
        ("exec", "one", "container=init&stdout=1", 500, "container not found (\"init\")"),
        ("attach", "over", out, 500, "container a not found in pod over_n"),
        ("portforward", "over", "", 500, "pod not found (\"over_n\")"),
        (
            "portforward",
            "one",
            "ports=8x",
            400,
            "cannot convert to []int32: strconv.ParseUint: parsing \"8x\": invalid syntax",
        ),
        (
            "portforward",
            "one",
            "ports=1,70000",
            400,
            "cannot convert to []int32: strconv.ParseUint: parsing \"70000\": value out of range",
        ),
        ("portforward", "one", "ports=0", 400, "port \"0\" must be > 0"),
        ("log", "none", "", 404, "pods \"none\" not found"),
        (
            "log",
            "two",
            "",
            400,
            "a container name must be specified for pod two, choose one of: [init a b]",
        ),
        (
            "log",
            "pulling",
            "",
            400,
            "container \"a\" in pod \"pulling\" is waiting to start: image can't be pulled",
        ),
        (
            "log",
            "backing",
            "",
            400,
            "container \"a\" in pod \"backing\" is waiting to start: trying and failing to pull image",
        ),
        (
            "log",
            "creating",
            "",
            400,
            "container \"a\" in pod \"creating\" is waiting to start: ContainerCreating",
        ),
        ("log", "unborn", "", 400, "container \"a\" in pod \"unborn\" is not available"),
        ("log", "failed", "", 400, "container \"a\" in pod \"failed\" is terminated"),
        (
            "log",
            "one",
            "previous=true",
            400,
            "previous terminated container \"a\" in pod \"one\" not found",
        ),
        ("log", "one", "tailLines=x", 400, "strconv.ParseInt: parsing \"x\": invalid syntax"),
        (
            "log",
            "one",
            "tailLines=-1",
            422,
            "PodLogOptions \"one\" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0",
        ),
        (
            "log",
            "one",
            "limitBytes=0",
            422,
            "PodLogOptions \"one\" is invalid: limitBytes: Invalid value: 0: must be greater than 0",
        ),
        (
            "log",
            "one",
            "sinceSeconds=0",
            422,
            "PodLogOptions \"one\" is invalid: sinceSeconds: Invalid value: 0: must be greater than 0",
        ),
        (
            "log",
            "one",
            "sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z",
            422,
            "PodLogOptions \"one\" is invalid: : Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified",
        ),
        (
            "log",
            "one",
            "sinceTime=x",
            400,
            "parsing time \"x\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"x\" as \"2006\"",
        ),
        (
            "log",
            "one",
            "stream=Stderr",
            422,
            "PodLogOptions \"one\" is invalid: stream: Forbidden: may not be specified",
        ),
        ("log", "over", "", 200, ""),
        ("log", "restarted", "previous=true", 200, ""),
        ("log", "unplaced", "", 200, ""),
    ];
    for (sub, pod, query, code, text) in rows {
        let seen = refusal(&server, ask(sub, pod, query)).await;
        assert_eq!(seen, (code, text.to_owned()), "{sub} {pod} {query}");
    }
}

async fn task(server: &Arc<Server>, request: Request) -> session::Task {
    match server.call(request).await.unwrap().response {
        Response::Session(session) => session.task,
        _ => panic!("no session"),
    }
}

#[tokio::test]
async fn what_a_session_does() {
    let server = cluster().await;
    let target = |pod: &str, container: &str| Target {
        namespace: "n".into(),
        pod: pod.into(),
        container: container.into(),
    };
    let query = "container=b&command=sh&command=-c&stdin=1&stdout=true&stderr=yes&tty=0";
    let expected = Task::Process {
        target: target("two", "b"),
        command: Some(vec!["sh".into(), "-c".into()]),
        streams: Streams { stdin: true, stdout: true, stderr: true, tty: false },
    };
    assert_eq!(task(&server, ask("exec", "two", query)).await, expected);
    // A terminal has one output; whether an attached process has one is not the client's choice.
    for (pod, tty, stderr) in [("one", false, true), ("terminal", true, false)] {
        let expected = Task::Process {
            target: target(pod, "a"),
            command: None,
            streams: Streams { stdin: false, stdout: true, stderr, tty },
        };
        let query = "stdout=true&stderr=true&tty=true";
        assert_eq!(task(&server, ask("attach", pod, query)).await, expected);
    }
    let expected =
        Task::Forward { namespace: "n".into(), pod: "one".into(), ports: vec![80, 443, 8080] };
    assert_eq!(task(&server, ask("portforward", "one", "ports=80,443&ports=8080")).await, expected);
}

#[tokio::test]
async fn log_parameters() {
    let now = "2026-01-01T00:10:00Z".parse().unwrap();
    let read = |query: &str| options::log("p", &ask("log", "p", query).options.parameters, now);
    assert_eq!(read("").unwrap(), (String::new(), LogOptions::default()));
    let query = "container=c&follow=true&previous=1&timestamps=true&tailLines=0&limitBytes=9&sinceSeconds=60";
    let expected = LogOptions {
        follow: true,
        previous: true,
        since: Some("2026-01-01T00:09:00Z".parse().unwrap()),
        timestamps: true,
        tail_lines: Some(0),
        limit_bytes: Some(9),
    };
    assert_eq!(read(query).unwrap(), ("c".into(), expected));
    let (_, options) = read("sinceTime=2025-12-31T23:00:00-01:00").unwrap();
    assert_eq!(options.since, Some("2026-01-01T00:00:00Z".parse().unwrap()));
    assert!(read("sinceSeconds=9223372036854775807").unwrap().1.since.is_some());
}

#[tokio::test]
async fn rights() {
    let server = cluster().await;
    put(
        &server,
        "clusterroles.rbac.authorization.k8s.io",
        json!({"metadata": {"name": "reader"}, "rules": [
            {"apiGroups": [""], "resources": ["pods/exec", "pods/log"], "verbs": ["get"]}]}),
    )
    .await;
    put(
        &server,
        "rolebindings.rbac.authorization.k8s.io",
        json!({"metadata": {"name": "b", "namespace": "n"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "reader"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "u"}]}),
    )
    .await;
    let ask = |sub, verb| {
        let groups = vec!["system:authenticated".into()];
        let caller = Arc::new(Caller { name: "u".into(), groups, ..Caller::default() });
        Request { caller, verb, ..ask(sub, "one", "stdout=true") }
    };
    let no = "pods \"one\" is forbidden: User \"u\" cannot create resource \"pods/exec\" in API group \"\" in the namespace \"n\"";
    for verb in [Verb::Create, Verb::Get] {
        assert_eq!(refusal(&server, ask("exec", verb)).await, (403, no.to_owned()), "{verb:?}");
    }
    assert_eq!(refusal(&server, ask("log", Verb::Get)).await.0, 200);
    assert_eq!(refusal(&server, ask("attach", Verb::Get)).await.0, 403);
}

#[tokio::test]
async fn nobody_enters_a_pod_beyond_their_rights() {
    let server = server();
    let strict = json!({"metadata": {"name": "strict"}, "groups": ["system:authenticated"],
        "users": [], "volumes": ["*"], "runAsUser": {"type": "RunAsAny"},
        "seLinuxContext": {"type": "RunAsAny"}, "fsGroup": {"type": "RunAsAny"},
        "supplementalGroups": {"type": "RunAsAny"}});
    put(&server, "securitycontextconstraints.security.openshift.io", strict).await;
    put(&server, "namespaces", namespace()).await;
    let mut privileged = pod("one", &["a"], running());
    privileged["spec"]["hostNetwork"] = json!(true);
    put(&server, "pods", privileged).await;
    for sub in ["exec", "attach"] {
        let (code, why) = refusal(&server, ask(sub, "one", "stdout=true")).await;
        let begin = format!(
            "pods \"one\" is forbidden: {sub} operation is not allowed because the pod's security context exceeds your permissions: pods \"one\" is forbidden: unable to validate against any security context constraint: "
        );
        assert!(code == 403 && why.starts_with(&begin), "{code} {why}");
    }
}
