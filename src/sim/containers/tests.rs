//! Containers from the inside, over a store of their own and a clock that is moved by hand.

use super::*;

mod network;
mod programs;
use crate::{
    catalog::{Catalog, Outside, reference::Reference},
    object::{Value, encode, json},
    store::{Expect, Op, Options, Snapshot},
    world::{Clock, Entropy, StepClock},
};
use bytes::Bytes;
use futures_util::StreamExt;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

const NGINX: &str = "registry.access.redhat.com/ubi9/nginx-120:1-86";

/// `repository@digest` of an image of the catalogue, empty for others.
fn digest(image: &str) -> String {
    let outside = Outside { catalog: &Catalog::builtin(), objects: &Snapshot::default() };
    let names = Reference::candidates(image).unwrap();
    let named = |n: &Reference| Some(format!("{}@{}", n.repository(), outside.find(n)?.digests[0]));
    names.iter().find_map(named).unwrap_or_default()
}

struct Lab {
    runtime: Arc<Runtime>,
    store: Store,
    clock: StepClock,
    _writes: mpsc::Receiver<DeferredWrite>,
}

fn start() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

impl Lab {
    fn new() -> Lab {
        let options = Options::default();
        let store = Store::open(&options).unwrap();
        let clock = StepClock::new(start());
        let entropy = Entropy::seeded(1);
        let world = World::new(Arc::new(clock.clone()), entropy);
        let (runtime, writes) = Runtime::new(store.clone(), world, Arc::new(Settings::default()));
        Lab { runtime, store, clock, _writes: writes }
    }

    async fn put(&self, resource: &str, object: Value) {
        let key = crate::object::name::key(object.namespace(), object.name());
        let there = self.store.snapshot().get_key(resource, &key).is_some();
        let op = Op::Put {
            resource: resource.into(),
            key: key.as_str().into(),
            expect: if there { Expect::Present } else { Expect::Absent },
            body: encode(&object),
            claims: Vec::new(),
        };
        self.store.commit(vec![op]).await.unwrap();
    }

    /// A running pod; `more` is merged into its only container.
    async fn pod(&self, name: &str, image: &str, more: Value) -> Value {
        let mut pod = pod(name, image, more);
        let n = self.store.snapshot().count("pods");
        pod["status"]["podIP"] = json!(format!("10.217.2.{}", 10 + n));
        self.put("pods", pod.clone()).await;
        pod
    }

    async fn end(&self, mut pod: Value, code: i64, at: Timestamp) {
        let status = &mut pod["status"]["containerStatuses"][0];
        let id = status["containerID"].clone();
        status["state"] = json!({"terminated": {"exitCode": code, "containerID": id,
            "startedAt": start().to_string(), "finishedAt": at.to_string()}});
        self.put("pods", pod).await;
    }

    /// The endpoints of a service.
    async fn slice(&self, service: &str, ports: Value, endpoints: Value) {
        let slice = json!({"metadata": {"name": format!("{service}-1"), "namespace": "demo",
            "uid": format!("slice-{service}"), "labels": {"kubernetes.io/service-name": service}},
            "addressType": "IPv4", "ports": ports, "endpoints": endpoints});
        self.put("endpointslices.discovery.k8s.io", slice).await;
    }

    async fn exec(&self, pod: &str, script: &str) -> (String, Ended) {
        self.command(pod, &["sh", "-c", script]).await
    }

    async fn command(&self, pod: &str, argv: &[&str]) -> (String, Ended) {
        let (stdout, mut out) = mpsc::channel(8);
        let (stderr, mut err) = mpsc::channel(8);
        let (_size, resize) = watch::channel((0, 0));
        let io = Io { stdin: None, stdout, stderr: Some(stderr), resize };
        let argv = argv.iter().map(|a| (*a).to_owned()).collect();
        let done = self.runtime.exec(target(pod), argv, false, io);
        let read = async {
            let mut all = Vec::new();
            loop {
                tokio::select! {
                    Some(chunk) = out.recv() => all.extend_from_slice(&chunk),
                    Some(chunk) = err.recv() => all.extend_from_slice(&chunk),
                    else => break String::from_utf8(all).unwrap(),
                }
            }
        };
        let (ended, text) = tokio::join!(done, read);
        (text, ended)
    }

    async fn log(&self, pod: &str, options: LogOptions) -> String {
        let mut stream = self.runtime.logs(target(pod), options).unwrap();
        let mut all = Vec::new();
        while let Some(chunk) = stream.next().await {
            all.extend_from_slice(&chunk);
        }
        String::from_utf8(all).unwrap()
    }
}

fn target(pod: &str) -> Target {
    Target { namespace: "demo".into(), pod: pod.into(), container: "c".into() }
}

fn pod(name: &str, image: &str, more: Value) -> Value {
    let mut container = json!({"name": "c", "image": image});
    for (key, value) in more.as_object().unwrap() {
        container[key] = value.clone();
    }
    let image_id = digest(image);
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "demo", "uid": format!("uid-{name}"),
            "labels": {"app": "web"}, "annotations": {"note": "hi"}},
        "spec": {"nodeName": "worker01", "containers": [container], "serviceAccountName": "default",
            "securityContext": {"runAsUser": 1000660000, "fsGroup": 1000660000}},
        "status": {
            "phase": "Running", "hostIP": "192.168.126.12", "startTime": start().to_string(),
            "conditions": [{"type": "Ready", "status": "True",
                "lastTransitionTime": start().to_string()}],
            "containerStatuses": [{"name": "c", "image": image, "imageID": image_id, "ready": true,
                "containerID": format!("cri-o://id-{name}-0"), "restartCount": 0, "lastState": {},
                "state": {"running": {"startedAt": start().to_string()}}}],
        },
    })
}

fn exit(code: i32) -> Ended {
    Ended::Exit(code)
}

#[tokio::test]
async fn containers_look_like_their_image_and_pod() {
    let lab = Lab::new();
    let more = json!({"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)2"},
        {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
        {"name": "LABEL", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}}]});
    lab.pod("web", NGINX, more).await;
    let rows = [
        ("hostname; cat /etc/hostname", "web\nweb\n"),
        ("echo $A $B $NODE $LABEL $HOSTNAME $APP_ROOT", "1 12 worker01 web web /opt/app-root\n"),
        ("id", "uid=1000660000(1000660000) gid=0(root) groups=0(root),1000660000\n"),
        ("pwd; echo hi > f && cat f", "/opt/app-root/src\nhi\n"),
        (". /etc/os-release; echo $PRETTY_NAME", "Red Hat Enterprise Linux 9.6 (Plow)\n"),
        ("tail -1 /etc/hosts", "10.217.2.10\tweb\n"),
        (
            "head -1 /etc/resolv.conf",
            "search demo.svc.cluster.local svc.cluster.local cluster.local\n",
        ),
        (
            "(echo x > /etc/hosts) 2>&1 || echo no",
            "sh: line 1: /etc/hosts: Permission denied\nno\n",
        ),
        (
            "which nginx; which crictl 2>&1",
            "/usr/bin/nginx\nwhich: no crictl in (/opt/app-root/src/bin:/opt/app-root/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)\n",
        ),
        ("ls /proc/1/root /../../etc/shadow 2>&1 | wc -l", "2\n"),
    ];
    for (script, expected) in rows {
        let (text, _) = lab.exec("web", script).await;
        assert_eq!(text, expected, "{script}");
    }
}

#[tokio::test]
async fn files_live_as_long_as_the_run() {
    let lab = Lab::new();
    let mut pod = lab.pod("web", NGINX, json!({})).await;
    assert_eq!(lab.exec("web", "echo 1 > /tmp/a").await.1, exit(0));
    assert_eq!(lab.exec("web", "cat /tmp/a").await.0, "1\n");
    pod["status"]["containerStatuses"][0]["containerID"] = json!("cri-o://id-web-1");
    lab.put("pods", pod).await;
    assert_eq!(lab.exec("web", "cat /tmp/a").await.1, exit(1));
}

#[tokio::test]
async fn volumes_are_mounted_shared_and_kept_up_to_date() {
    let lab = Lab::new();
    let map = |text: &str| json!({"metadata": {"name": "cm", "namespace": "demo", "uid": "u"}, "data": {"key": text}});
    lab.put("configmaps", map("old")).await;
    let secret = json!({"metadata": {"name": "s", "namespace": "demo", "uid": "v"},
        "data": {"password": "c2VjcmV0"}});
    lab.put("secrets", secret).await;
    let mounts = json!({"volumeMounts": [
        {"name": "cm", "mountPath": "/config"}, {"name": "s", "mountPath": "/secret"},
        {"name": "work", "mountPath": "/work"}, {"name": "down", "mountPath": "/down"},
        {"name": "cm", "mountPath": "/one/file", "subPath": "key"}]});
    let mut pod = pod("vol", NGINX, mounts.clone());
    let mut second = pod["spec"]["containers"][0].clone();
    second["name"] = json!("d");
    pod["spec"]["containers"].as_array_mut().unwrap().push(second);
    let mut status = pod["status"]["containerStatuses"][0].clone();
    status["name"] = json!("d");
    status["containerID"] = json!("cri-o://id-d");
    pod["status"]["containerStatuses"].as_array_mut().unwrap().push(status);
    pod["spec"]["volumes"] = json!([
        {"name": "cm", "configMap": {"name": "cm"}},
        {"name": "s", "secret": {"secretName": "s", "defaultMode": 256}},
        {"name": "work", "emptyDir": {}},
        {"name": "down", "downwardAPI": {"items": [
            {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}}]);
    lab.put("pods", pod).await;
    let run = async |script: &str| lab.exec("vol", script).await.0;
    assert_eq!(run("cat /config/key; cat /down/labels").await, "oldapp=\"web\"");
    // The pod's group may read what only its owner could.
    assert_eq!(run("cat /secret/password").await, "secret");
    assert_eq!(
        run("touch /config/x").await,
        "touch: cannot touch '/config/x': Read-only file system\n"
    );
    lab.put("configmaps", map("new")).await;
    assert_eq!(run("cat /config/key /one/file").await, "newold");
    assert_eq!(run("echo shared > /work/f").await, "");
    let other = Target { container: "d".into(), ..target("vol") };
    let (stdout, mut out) = mpsc::channel(8);
    let (_size, resize) = watch::channel((0, 0));
    let io = Io { stdin: None, stdout, stderr: None, resize };
    let argv = vec!["cat".to_owned(), "/work/f".to_owned()];
    assert_eq!(lab.runtime.exec(other, argv, false, io).await, exit(0));
    assert_eq!(out.recv().await.unwrap(), Bytes::from("shared\n"));
}

#[tokio::test]
async fn what_is_not_there_cannot_be_run() {
    let lab = Lab::new();
    lab.pod("web", NGINX, json!({})).await;
    lab.pod("hello", "docker.io/library/hello-world", json!({})).await;
    let rows: [(&str, &[&str], &str, i32); 4] = [
        (
            "web",
            &["foo"],
            "exec failed: unable to start container process: exec: \"foo\": executable file not found in $PATH\n",
            127,
        ),
        (
            "web",
            &["/no/such"],
            "exec failed: unable to start container process: exec: \"/no/such\": stat /no/such: no such file or directory\n",
            127,
        ),
        (
            "web",
            &["/etc"],
            "exec failed: unable to start container process: exec: \"/etc\": is a directory\n",
            126,
        ),
        (
            "hello",
            &["sh"],
            "exec failed: unable to start container process: exec: \"sh\": executable file not found in $PATH\n",
            127,
        ),
    ];
    for (pod, argv, text, code) in rows {
        assert_eq!(lab.command(pod, argv).await, (text.to_owned(), exit(code)), "{argv:?}");
    }
    assert!(matches!(lab.exec("none", "true").await.1, Ended::Error(_)));
}

#[tokio::test]
async fn logs_tell_what_the_command_wrote_and_when() {
    let lab = Lab::new();
    let script = "echo start; for i in 1 2 3; do sleep 10; echo $i; echo e$i >&2; done; sleep 1000";
    lab.pod("job", "docker.io/library/busybox", json!({"command": ["sh", "-c", script]})).await;
    let all = LogOptions::default;
    assert_eq!(lab.log("job", all()).await, "start\n");
    lab.clock.advance(SignedDuration::from_secs(25));
    assert_eq!(lab.log("job", all()).await, "start\n1\ne1\n2\ne2\n");
    let timed = LogOptions { timestamps: true, tail_lines: Some(1), ..all() };
    let line = "2026-01-02T03:04:25.000000000Z e2\n";
    assert_eq!(lab.log("job", timed.clone()).await, line);
    lab.clock.advance(SignedDuration::from_secs(5));
    // The same line has the same time whenever it is read, also by a server that starts anew.
    let again = Lab::new();
    let command = json!({"command": ["sh", "-c", script]});
    again.pod("job", "docker.io/library/busybox", command).await;
    again.clock.advance(SignedDuration::from_secs(30));
    let timed = LogOptions { tail_lines: None, ..timed };
    assert_eq!(lab.log("job", timed.clone()).await, again.log("job", timed).await);
}

#[tokio::test]
async fn a_followed_log_goes_on_and_ends_with_the_run() {
    let lab = Lab::new();
    let script = "while true; do echo tick; sleep 1; done";
    let pod =
        lab.pod("job", "docker.io/library/busybox", json!({"command": ["sh", "-c", script]})).await;
    let options = LogOptions { follow: true, ..LogOptions::default() };
    let mut stream = lab.runtime.logs(target("job"), options).unwrap();
    assert_eq!(stream.next().await.unwrap(), "tick\n");
    lab.clock.advance(SignedDuration::from_secs(3));
    assert_eq!(stream.next().await.unwrap(), "tick\ntick\ntick\n");
    let next = tokio::spawn(async move { stream.next().await });
    lab.end(pod, 137, lab.clock.now()).await;
    assert_eq!(next.await.unwrap(), None);
}

#[tokio::test]
async fn the_previous_run_has_its_own_log() {
    let lab = Lab::new();
    let command = json!({"command": ["sh", "-c", "echo run; exit 3"]});
    let mut pod = lab.pod("crash", "docker.io/library/busybox", command).await;
    let previous = LogOptions { previous: true, ..LogOptions::default() };
    assert!(lab.runtime.logs(target("crash"), previous.clone()).is_err());
    let status = &mut pod["status"]["containerStatuses"][0];
    status["lastState"] = json!({"terminated": {"exitCode": 3, "containerID": "cri-o://id-crash-0",
        "startedAt": start().to_string(), "finishedAt": start().to_string()}});
    status["state"] = json!({"waiting": {"reason": "CrashLoopBackOff"}});
    lab.put("pods", pod).await;
    assert_eq!(lab.log("crash", previous).await, "run\n");
    assert_eq!(lab.log("crash", LogOptions::default()).await, "run\n");
}

#[tokio::test]
async fn servers_log_their_start_probes_requests_and_end() {
    let lab = Lab::new();
    let probe = json!({"readinessProbe": {"httpGet": {"port": 8080, "path": "/ready"},
        "periodSeconds": 10}});
    let pod = lab.pod("web", NGINX, probe).await;
    lab.clock.advance(SignedDuration::from_secs(12));
    let (text, _) = lab.exec("web", "curl -s localhost:8080/x | head -2").await;
    assert_eq!(text, "<h1>Welcome to nginx!</h1>\npod: demo/web\n");
    let log = lab.log("web", LogOptions::default()).await;
    let lines: Vec<&str> = log.lines().collect();
    assert!(lines[1].contains("nginx/1.20.1"), "{log}");
    let hits: Vec<&&str> = lines.iter().filter(|l| l.contains("kube-probe/1.36")).collect();
    assert_eq!(hits.len(), 2, "{log}");
    assert!(
        hits[0].starts_with("192.168.126.12 - - [02/Jan/2026:03:04:06 +0000] \"GET /ready "),
        "{log}"
    );
    assert!(lines.last().unwrap().starts_with("127.0.0.1 - - "), "{log}");
    lab.end(pod, 0, lab.clock.now()).await;
    assert!(lab.log("web", LogOptions::default()).await.ends_with("1#1: exit\n"));
}

#[tokio::test]
async fn services_lead_to_ready_pods_only() {
    let lab = Lab::new();
    let client = lab.pod("client", NGINX, json!({})).await;
    assert_eq!(client.str_at("status.podIP"), "10.217.2.10");
    let service = json!({"metadata": {"name": "web", "namespace": "demo", "uid": "s"},
        "spec": {"clusterIP": "172.30.0.50", "selector": {"tier": "front"},
            "ports": [{"port": 80, "targetPort": 8080}]}});
    lab.put("services", service).await;
    let route = json!({"metadata": {"name": "web", "namespace": "demo", "uid": "r"},
        "spec": {"host": "web-demo.apps-crc.testing", "to": {"name": "web", "weight": 100}},
        "status": {"ingress": [{"routerName": "default", "host": "web-demo.apps-crc.testing",
            "conditions": [{"type": "Admitted", "status": "True"}]}]}});
    lab.put("routes.route.openshift.io", route).await;
    lab.clock.advance(SignedDuration::from_secs(60));
    let get =
        async |url: &str| lab.exec("client", &format!("curl -sS {url} 2>&1; echo $?")).await.0;
    assert_eq!(
        get("http://web").await,
        "curl: (7) Failed to connect to web port 80: Connection refused\n7\n"
    );
    let page = get("http://web-demo.apps-crc.testing").await;
    assert!(page.contains("<h1>Application is not available</h1>"), "{page}");
    let mut one = pod("one", NGINX, json!({}));
    one["metadata"]["labels"] = json!({"tier": "front"});
    one["status"]["podIP"] = json!("10.217.2.20");
    lab.put("pods", one.clone()).await;
    lab.slice("web", json!([{"port": 8080}]), json!([{"addresses": ["10.217.2.20"]}])).await;
    let page = format!(
        "<h1>Welcome to nginx!</h1>\npod: demo/one\nimage: {NGINX}\ndigest: {}\n0\n",
        digest(NGINX).split('@').nth(1).unwrap()
    );
    for url in [
        "http://web",
        "web.demo.svc.cluster.local",
        "172.30.0.50",
        "10.217.2.20:8080",
        "web-demo.apps-crc.testing",
    ] {
        assert_eq!(get(url).await, page, "{url}");
    }
    assert_eq!(
        get("http://10.217.2.20:9").await,
        "curl: (7) Failed to connect to 10.217.2.20 port 9: Connection refused\n7\n"
    );
    assert_eq!(get("http://nowhere").await, "curl: (6) Could not resolve host: nowhere\n6\n");
    let unready = json!([{"addresses": ["10.217.2.20"], "conditions": {"ready": false}}]);
    lab.slice("web", json!([{"port": 8080}]), unready).await;
    assert!(get("web").await.contains("refused"));
}

#[tokio::test]
async fn connections_reach_the_container_and_end_with_it() {
    let lab = Lab::new();
    let pod = lab.pod("web", NGINX, json!({})).await;
    lab.clock.advance(SignedDuration::from_secs(5));
    assert!(lab.runtime.connect("demo", "web", 9).unwrap_err().contains("connection refused"));
    let (to, mut from) = lab.runtime.connect("demo", "web", 8080).unwrap();
    to.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n".into()).await.unwrap();
    let answer = from.recv().await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\nServer: nginx/1.20.1\r\n"));
    lab.end(pod, 0, lab.clock.now()).await;
    assert_eq!(from.recv().await, None);
}

#[tokio::test]
async fn built_in_programs_answer_as_themselves() {
    let lab = Lab::new();
    let agnhost = "registry.k8s.io/e2e-test-images/agnhost:2.43";
    lab.pod("name", agnhost, json!({"args": ["serve-hostname", "--port=80"]})).await;
    lab.pod("rest", agnhost, json!({})).await;
    lab.clock.advance(SignedDuration::from_secs(5));
    assert_eq!(lab.exec("rest", "wget -qO- 10.217.2.10/any").await.0, "name");
    assert_eq!(lab.log("rest", LogOptions::default()).await, "Paused\nSignals registered\n");
}

#[tokio::test]
async fn a_node_is_seen_from_its_debug_pod() {
    let lab = Lab::new();
    let (image, _) = NGINX.rsplit_once(':').unwrap();
    lab.put("nodes", json!({"metadata": {"name": "worker01", "uid": "n"}})).await;
    let mut debug = pod(
        "debug",
        "registry.redhat.io/rhel9/support-tools:latest",
        json!({"stdin": true, "tty": true, "command": ["/bin/sh"],
            "volumeMounts": [{"name": "host", "mountPath": "/host"}],
            "securityContext": {"runAsUser": 0, "privileged": true}}),
    );
    debug["spec"]["hostNetwork"] = json!(true);
    debug["spec"]["volumes"] = json!([{"name": "host", "hostPath": {"path": "/"}}]);
    lab.put("pods", debug).await;
    let run = async |script: &str| lab.exec("debug", script).await.0;
    assert_eq!(
        run("hostname; chroot /host hostname; cat /host/etc/hostname").await,
        "worker01\nworker01\nworker01\n"
    );
    assert!(run("chroot /host cat /etc/os-release").await.contains("CoreOS"));
    assert_eq!(run("chroot /host crictl images -q | wc -l").await, "0\n");
    let pulled = run(&format!("chroot /host crictl pull {NGINX}")).await;
    assert!(pulled.starts_with("Image is up to date for "), "{pulled}");
    assert_eq!(run("chroot /host crictl images -q | wc -l").await, "1\n");
    let table = run(&format!("chroot /host crictl images --digests --no-trunc {image}:1-86")).await;
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("IMAGE  "), "{table}");
    let cells: Vec<&str> = lines[1].split_whitespace().collect();
    assert_eq!(cells[..2], [image, "1-86"]);
    let digests = run(&format!("chroot /host crictl inspecti {image}:1-86")).await;
    assert!(digests.contains(&digest(NGINX)) && digests.contains(cells[2]), "{table}{digests}");
    assert!(cells[3].len() == 64 && cells[4] == "336MB", "{table}");
    let info = run("chroot /host crictl imagefsinfo").await;
    assert!(
        info.contains("\"mountpoint\": \"/var/lib/containers/storage/overlay-images\""),
        "{info}"
    );
    assert!(info.contains("\"value\": \"335573061\""), "{info}");
    assert!(run("crictl images").await.contains("crictl: command not found"));
    run(&format!("chroot /host crictl rmi {NGINX}")).await;
    assert_eq!(run("chroot /host crictl images -q | wc -l").await, "0\n");
    assert!(run("echo kept > /host/var/tmp/x; chroot /host cat /var/tmp/x").await.contains("kept"));
    assert!(run("chroot /host crictl ps").await.contains("debug"));
    assert_eq!(
        run("chroot /host sh -c 'ls /host' 2>&1").await,
        "ls: cannot access '/host': No such file or directory\n"
    );
}
