//! Commands in containers and on nodes through the wire, with a client that speaks the WebSocket
//! protocol: what scripts print and how they end, terminals, `crictl` behind `oc debug node`'s pod,
//! and clients that are many, slow or gone.

use crate::support::{
    BOUND, Lab,
    clients::{Kubectl, blocking},
    eventually,
    lab::{builder, get, request, send},
    wait,
};
use futures_util::{SinkExt, future::join_all};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{AttachParams, AttachedProcess, TerminalSize},
};
use pocketshift::{cluster::Builder, kinds, object::ObjectExt};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

const NGINX: &str = "registry.access.redhat.com/ubi9/nginx-120:1-86";
const TOOLS: &str = "registry.redhat.io/rhel9/support-tools";
const SPACE: &str = "shells";

/// A cluster with a running pod `web`.
async fn start() -> (Lab, Api<Pod>) {
    start_with(builder()).await
}

async fn start_with(builder: Builder) -> (Lab, Api<Pod>) {
    let lab = Lab::of(builder).await;
    lab.namespace(SPACE).await;
    create(&lab, "web", json!({"containers": [{"name": "nginx", "image": NGINX}]})).await;
    until(&lab, "web", "it runs", |p| p.str_at("status.phase") == "Running").await;
    let pods = Api::namespaced(lab.client.clone(), SPACE);
    (lab, pods)
}

async fn create(lab: &Lab, name: &str, spec: Value) {
    let body = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec});
    let path = format!("/api/v1/namespaces/{SPACE}/pods");
    send(&lab.client, "POST", &path, "", Some(&body)).await.expect(201);
}

async fn until(lab: &Lab, name: &str, what: &str, done: impl Fn(&Value) -> bool) -> Value {
    let pods = lab.objects(kinds::by_resource("pods").expect("a kind"), SPACE);
    wait::object(&pods, name, what, done).await
}

/// What a command wrote to both outputs, and its exit code.
type Seen = (String, String, i32);

/// Runs a command to its end, with this input.
async fn exec(pods: &Api<Pod>, argv: &[&str], input: &str) -> Seen {
    let wanted = AttachParams::default().stdin(true).stdout(true).stderr(true);
    let mut process = pods.exec("web", argv.to_vec(), &wanted).await.expect("a session");
    let mut stdin = process.stdin().expect("its input");
    // A command that does not read its input is none the worse.
    let _ = stdin.write_all(input.as_bytes()).await;
    stdin.shutdown().await.expect("its input ends");
    finish(process).await
}

async fn finish(mut process: AttachedProcess) -> Seen {
    let status = process.take_status().expect("a status");
    let (mut out, mut err) = (String::new(), String::new());
    let (mut stdout, mut stderr) = (process.stdout(), process.stderr());
    let read = async {
        let text = "text";
        let out = async {
            if let Some(from) = &mut stdout {
                from.read_to_string(&mut out).await.expect(text);
            }
        };
        let err = async {
            if let Some(from) = &mut stderr {
                from.read_to_string(&mut err).await.expect(text);
            }
        };
        tokio::join!(out, err, status)
    };
    let (_, _, status) = timeout(BOUND, read).await.expect("it ends in time");
    let status = serde_json::to_value(status.expect("a status")).expect("JSON");
    let causes = status.list_at("details.causes");
    let code = causes.iter().find(|c| c.str_at("reason") == "ExitCode");
    let code = code.map_or(0, |c| c.str_at("message").parse().expect("a number"));
    assert_eq!(code == 0, status.str_at("status") == "Success", "{status}");
    (out, err, code)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts() {
    let (lab, pods) = start().await;
    let rows = [
        (
            "echo one  two; echo 'one  two' \"a\\\"b\" $'t\\tx'",
            "",
            "one two\none  two a\"b t\tx\n",
            0,
        ),
        ("x=5; echo $x ${x}y \"$x\" '$x' ${none:-d} ${#x} $((x * 2))", "", "5 5y 5 $x d 1 10\n", 0),
        ("printf '%s\\n' b a c | sort | head -n 2 | tr a-z A-Z", "", "A\nB\n", 0),
        ("true && echo yes || echo no; false && echo yes || echo no", "", "yes\nno\n", 0),
        ("! false; echo $?; (exit 4); echo $?; exit 3", "", "0\n4\n", 3),
        ("echo a > /tmp/f; echo b >> /tmp/f; cat < /tmp/f; wc -l < /tmp/f", "", "a\nb\n2\n", 0),
        ("cat /tmp/none 2>/dev/null || echo missing", "", "missing\n", 0),
        ("echo err >&2 2>/dev/null; { echo a; echo b >&2; } 2>&1", "", "a\nb\n", 0),
        ("while read -r l; do echo \"<$l>\"; done", "one\ntwo\n", "<one>\n<two>\n", 0),
        ("cat | wc -c", "12345", "5\n", 0),
        ("for i in 1 2 3; do [ $i = 2 ] && continue; echo $i; done", "", "1\n3\n", 0),
        ("f() { echo \"$# $1\"; return 7; }; f 'a b' c; echo $?", "", "2 a b\n7\n", 0),
        ("case $(echo abc) in a*) echo starts;; *) echo no;; esac", "", "starts\n", 0),
        ("cat <<EOF\n$((1 + 1)) $HOME\nEOF", "", "2 /opt/app-root/src\n", 0),
        ("hostname; pwd; cd /tmp && pwd; uname", "", "web\n/opt/app-root/src\n/tmp\nLinux\n", 0),
        ("set -e; false; echo never", "", "", 1),
        ("trap 'echo bye' EXIT; exit 2", "", "bye\n", 2),
        (
            "mkdir -p /tmp/d/e && touch /tmp/d/e/f && ls /tmp/d && rm -r /tmp/d; ls /tmp/d 2>/dev/null",
            "",
            "e\n",
            2,
        ),
        ("yes | head -n 3", "", "y\ny\ny\n", 0),
        ("head -c 5 /dev/zero | wc -c", "", "5\n", 0),
        ("curl -s localhost:8080/hostname; echo; curl -s localhost:81", "", "web\n", 7),
    ];
    for (script, input, out, code) in rows {
        let seen = exec(&pods, &["sh", "-c", script], input).await;
        assert_eq!((seen.0.as_str(), seen.2), (out, code), "{script}: {}", seen.1);
    }
    let seen = exec(&pods, &["sh", "-c", "nosuch"], "").await;
    assert_eq!(seen, (String::new(), "sh: line 1: nosuch: command not found\n".into(), 127));
    let (_, said, code) = exec(&pods, &["nosuch"], "").await;
    assert!(code == 127 && said.contains("executable file not found in $PATH"), "{code} {said}");
    lab.stop().await;
}

/// Scripts that would never end or never have enough: each ends by itself, and the next one runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_out_of_bounds() {
    let (lab, pods) = start().await;
    let scripts = [
        "while :; do :; done",
        "f() { f; }; f",
        "f() { echo $(f); }; f",
        "x=x; while :; do x=$x$x; done",
        "eval \"$(head -c 20000 /dev/zero | tr '\\0' '(')\"",
        "cat /dev/zero > /tmp/x",
        "cat /dev/zero | sort",
        "x=$(yes); exit $?",
    ];
    for script in scripts {
        let (_, said, code) = exec(&pods, &["sh", "-c", script], "").await;
        assert!(code != 0, "{script}: {said}");
    }
    assert_eq!(exec(&pods, &["sh", "-c", "echo well"], "").await.0, "well\n");
    lab.stop().await;
}

/// Reads from a terminal until it shows a text.
async fn shows(from: &mut (impl AsyncReadExt + Unpin), text: &str) -> String {
    let mut seen = Vec::new();
    let read = async {
        let mut buffer = [0; 1024];
        while !String::from_utf8_lossy(&seen).contains(text) {
            let n = from.read(&mut buffer).await.expect("it is read");
            assert!(n > 0, "it ends before {text:?}: {}", String::from_utf8_lossy(&seen));
            seen.extend_from_slice(&buffer[..n]);
        }
    };
    let done = timeout(BOUND, read).await;
    assert!(done.is_ok(), "no {text:?}");
    String::from_utf8_lossy(&seen).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal() {
    let (lab, pods) = start().await;
    let wanted = AttachParams::interactive_tty();
    let mut process = pods.exec("web", ["sh"], &wanted).await.expect("a session");
    let (mut keys, mut screen) =
        (process.stdin().expect("keys"), process.stdout().expect("a screen"));
    let mut sizes = process.terminal_size().expect("sizes");
    shows(&mut screen, "$ ").await;
    sizes.send(TerminalSize { width: 123, height: 45 }).await.expect("sent");
    // The size comes by a channel of its own, in its own time.
    let typed = "until [ \"$(stty size)\" = '45 123' ]; do sleep 0.01; done; echo si'z'ed\r";
    keys.write_all(typed.as_bytes()).await.expect("typed");
    let seen = shows(&mut screen, "sized\r\n").await;
    assert!(seen.contains("echo si'z'ed\r\n"), "typed keys are shown: {seen:?}");
    // A line that is mended, one that is interrupted, one that waits.
    keys.write_all(b"echo wrong\x15echo ri\x7f\x7fleft\r").await.expect("typed");
    shows(&mut screen, "\r\nleft\r\n").await;
    keys.write_all(b"sleep 1000\r").await.expect("typed");
    shows(&mut screen, "sleep 1000\r\n").await;
    keys.write_all(b"\x03").await.expect("typed");
    shows(&mut screen, "^C").await;
    keys.write_all(b"exit 5\r").await.expect("typed");
    drop((keys, screen, sizes));
    assert_eq!(finish(process).await.2, 5);
    lab.stop().await;
}

/// The pod `oc debug node/NAME` makes.
fn debug(node: &str, command: &[&str]) -> Value {
    let interactive = command == ["/bin/sh"];
    json!({"nodeName": node, "hostNetwork": true, "hostPID": true, "hostIPC": true,
        "restartPolicy": "Never", "terminationGracePeriodSeconds": 0,
        "volumes": [{"name": "host", "hostPath": {"path": "/", "type": "Directory"}}],
        "containers": [{"name": "container-00", "image": TOOLS, "command": command,
            "stdin": interactive, "stdinOnce": interactive, "tty": interactive,
            "env": [{"name": "TMOUT", "value": "900"}, {"name": "HOST", "value": "/host"}],
            "securityContext": {"privileged": true, "runAsUser": 0},
            "volumeMounts": [{"name": "host", "mountPath": "/host"}]}]})
}

/// What a command on the node writes, and the exit code of its pod.
async fn on_node(lab: &Lab, name: &str, command: &[&str]) -> (String, i64) {
    create(lab, name, debug("crc", command)).await;
    let over = |p: &Value| matches!(p.str_at("status.phase"), "Succeeded" | "Failed");
    let pod = until(lab, name, "it is over", over).await;
    let path = format!("/api/v1/namespaces/{SPACE}/pods/{name}/log");
    let log = get(&lab.client, &path).await;
    assert_eq!(log.code, 200, "{}", log.text());
    let status = &pod.list_at("status.containerStatuses")[0];
    (log.text(), status.i64_at("state.terminated.exitCode").expect("a code"))
}

/// Cells of a table whose columns are three blanks or more apart.
fn cells(line: &str) -> Vec<&str> {
    line.split("   ").map(str::trim).filter(|c| !c.is_empty()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crictl_on_a_node() {
    let (lab, _) = start_with(builder().nodes(1)).await;
    let crictl = ["chroot", "/host", "crictl"];
    let run = async |name: &str, arguments: &[&str]| {
        on_node(&lab, name, &[&crictl, arguments].concat()).await
    };
    let (images, code) = run("images", &["images", "--digests", "--no-trunc", NGINX]).await;
    let web = until(&lab, "web", "it is there", |_| true).await;
    let status = &web.list_at("status.containerStatuses")[0];
    let (repository, digest) = status.str_at("imageID").split_once('@').expect("a digest");
    let lines: Vec<Vec<&str>> = images.lines().map(cells).collect();
    assert_eq!(lines[0], ["IMAGE", "TAG", "DIGEST", "IMAGE ID", "SIZE"]);
    assert_eq!((lines.len(), lines[1][..3].to_vec()), (2, vec![repository, "1-86", digest]));
    assert!(lines[1][3].len() == 64 && !digest.ends_with(lines[1][3]), "{images}");
    assert_eq!(code, 0);

    let (usage, _) = run("usage", &["imagefsinfo"]).await;
    let keys = [
        "{\n  \"status\": {\n    \"timestamp\": \"",
        "\"fsId\": {\n      \"mountpoint\": \"/var/lib/containers/storage/overlay-images\"",
        "\"usedBytes\"",
        "\"inodesUsed\"",
    ];
    let places: Vec<Option<usize>> = keys.iter().map(|k| usage.find(k)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{usage}");

    let (found, _) = run("ps", &["ps", "--name", "^nginx$", "-q", "--no-trunc"]).await;
    assert!(status.str_at("containerID").ends_with(found.trim()), "{found}");
    let (stats, _) = run("stats", &["stats", "-s", "1", found.trim()]).await;
    let row = cells(stats.lines().nth(1).expect("a row"));
    assert_eq!((row[1], row[3]), ("nginx", "8.6MB"), "{stats}");
    let tags = "{{range .status.repoTags}}{{.}}{{end}}";
    let named = ["inspecti", "-o", "go-template", "--template", tags, NGINX];
    let (told, code) = run("template", &named).await;
    assert_eq!((told.trim_end(), code), (NGINX, 0));
    let (told, code) = run("inuse", &["rmi", NGINX]).await;
    assert!(code == 1 && told.contains("image is in use by a container"), "{told}");
    let (told, code) = run("none", &["rmi", "nothing"]).await;
    assert!(code == 1 && told.contains("no such image nothing"), "{told}");
    let (told, code) = run("pull", &["pull", "quay.io/keycloak/keycloak:20.0"]).await;
    assert!(code == 0 && told.starts_with("Image is up to date for quay.io/keycloak/"), "{told}");
    let (told, code) = run("prune", &["rmi", "--prune"]).await;
    assert_eq!((told.as_str(), code), ("Deleted: quay.io/keycloak/keycloak:20.0\n", 0));
    let (told, code) = on_node(&lab, "code", &["sh", "-c", "chroot /host sh -c 'exit 9'"]).await;
    assert_eq!((told.as_str(), code), ("", 9));
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shell_on_a_node() {
    let (lab, pods) = start_with(builder().nodes(1)).await;
    create(&lab, "debug", debug("crc", &["/bin/sh"])).await;
    until(&lab, "debug", "it runs", |p| p.str_at("status.phase") == "Running").await;
    let wanted = AttachParams::interactive_tty();
    let mut process = pods.attach("debug", &wanted).await.expect("a session");
    let (mut keys, mut screen) =
        (process.stdin().expect("keys"), process.stdout().expect("a screen"));
    for (typed, shown) in [
        ("chroot /host\r", "chroot /host\r\n"),
        ("cat /etc/hostname; ls -d /host\r", "crc\r\n"),
        ("crictl ps --name container-00 -q | wc -l\r", "\r\n1\r\n"),
        ("exit\r", "exit\r\n"),
        ("ls -d /host; exit 3\r", "\r\n/host\r\n"),
    ] {
        keys.write_all(typed.as_bytes()).await.expect("typed");
        shows(&mut screen, shown).await;
    }
    let pod = until(&lab, "debug", "it is over", |p| p.str_at("status.phase") == "Failed").await;
    let status = &pod.list_at("status.containerStatuses")[0];
    assert_eq!(status.i64_at("state.terminated.exitCode"), Some(3));
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_are_many_slow_or_gone() {
    let (lab, pods) = start().await;
    // Many at once.
    let cat = async |n: usize| exec(&pods, &["cat"], &format!("{n}")).await;
    let all = join_all((0..60).map(cat)).await;
    assert!(all.iter().enumerate().all(|(n, seen)| *seen == (n.to_string(), String::new(), 0)));
    // Slow: nobody reads what these write, and nobody else waits for them.
    let wanted = AttachParams::default().stdout(true).stderr(false);
    let slow = join_all((0..20).map(|_| pods.exec("web", ["yes"], &wanted))).await;
    assert!(slow.iter().all(Result::is_ok));
    assert_eq!(exec(&pods, &["echo", "quick"], "").await.0, "quick\n");
    // Gone: what they ran ends without them, and says so in a file when it is let go on.
    let script = "trap 'echo gone > /tmp/left' EXIT; cat; echo over > /tmp/left";
    let wanted = AttachParams::default().stdin(true).stdout(true).stderr(false);
    let mut left = pods.exec("web", ["sh", "-c", script], &wanted).await.expect("a session");
    let mut screen = left.stdout().expect("a screen");
    left.stdin().expect("its input").write_all(b"here\n").await.expect("sent");
    shows(&mut screen, "here\n").await;
    left.abort();
    drop((left, screen, slow));
    assert_eq!(exec(&pods, &["sh", "-c", "ls /tmp; echo well"], "").await.2, 0);
    // Nothing is left of them: the server stops at once.
    timeout(BOUND, lab.stop()).await.expect("it stops");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proxies() {
    let (lab, _) = start_with(builder().nodes(1)).await;
    let services = format!("/api/v1/namespaces/{SPACE}/services");
    for (name, selector) in [("web", "web"), ("nobody", "nobody")] {
        let body = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"selector": {"app": selector}, "ports": [{"port": 80, "targetPort": 8080}]}});
        send(&lab.client, "POST", &services, "", Some(&body)).await.expect(201);
    }
    let pod = format!("/api/v1/namespaces/{SPACE}/pods/web");
    let labels = json!({"metadata": {"labels": {"app": "web"}}});
    send(&lab.client, "PATCH", &pod, "", Some(&labels)).await.expect(200);
    eventually("the service answers", || async {
        let reply = get(&lab.client, &format!("{services}/web:80/proxy/hostname")).await;
        if reply.text() == "web" { Ok(()) } else { Err(reply.text()) }
    })
    .await;
    let status = |text: &str| text.to_owned();
    let rows = [
        (format!("{pod}:8080/proxy/hostname"), 200, status("web")),
        (format!("{services}/web/proxy/hostname?a=b"), 200, status("web")),
        (format!("{services}/none/proxy/"), 404, status("endpoints \\\"none\\\" not found")),
        (format!("{services}/a:b:c/proxy/"), 400, status("invalid service request \\\"a:b:c\\\"")),
        ("/api/v1/nodes/crc/proxy/healthz".into(), 200, status("ok")),
        ("/api/v1/nodes/crc/proxy/pods".into(), 200, status("\"kind\":\"PodList\"")),
        ("/api/v1/nodes/crc/proxy/stats/summary".into(), 200, status("\"nodeName\":\"crc\"")),
        (
            "/api/v1/nodes/crc/proxy/configz".into(),
            200,
            status("\"imageGCHighThresholdPercent\":85"),
        ),
        (
            format!("/api/v1/nodes/crc/proxy/containerLogs/{SPACE}/web/nginx"),
            200,
            status("GET /hostname"),
        ),
        (
            format!("/api/v1/nodes/crc/proxy/containerLogs/{SPACE}/web/none"),
            404,
            status("not found in pod"),
        ),
        ("/api/v1/nodes/crc/proxy/nothing".into(), 404, status("404 page not found")),
        ("/api/v1/nodes/none/proxy/healthz".into(), 404, status("nodes \\\"none\\\" not found")),
    ];
    for (path, code, text) in rows {
        let reply = get(&lab.client, &path).await;
        assert_eq!(reply.code, code, "{path}: {}", reply.text());
        assert!(reply.text().contains(&text), "{path}: {}", reply.text());
    }
    let unavailable = [
        (format!("{pod}/proxy/"), "error trying to reach service: dial tcp"),
        (format!("{services}/https:web:/proxy/"), "server gave HTTP response to HTTPS client"),
        (format!("{services}/web:81/proxy/"), "no service port 81 found for service \"web\""),
        (format!("{services}/nobody/proxy/"), "no endpoints available for service \"nobody\""),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().to_owned();
    std::fs::write(home.join("kubeconfig"), lab.cluster.kubeconfig()).expect("a file");
    // This client asks again and again when it is told 503; kubectl does not.
    blocking(move || {
        let k = Kubectl::new(home);
        for (path, text) in unavailable {
            let told = k.fails(&format!("get --raw {path}"));
            let right = told.starts_with("Error from server (ServiceUnavailable): ");
            assert!(right && told.contains(text), "{path}: {told}");
        }
    })
    .await;
    let reply = get(&lab.client, &format!("{services}/web/proxy?a=b")).await;
    let to = format!("{services}/web/proxy/?a=b");
    assert_eq!((reply.code, reply.header("location")), (301, to.as_str()));
    let path = format!("{services}/web/proxy/form");
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let reply = request(&lab.client, "POST", &path, &headers, b"a=b".to_vec()).await;
    assert_eq!((reply.code, reply.header("server")), (200, "nginx/1.20.1"));
    let nobody = lab.acting_as("nobody").await;
    let reply = get(&nobody, "/api/v1/nodes/crc/proxy/healthz").await;
    assert!(reply.code == 403 && reply.text().contains("nodes/proxy"), "{}", reply.text());
    lab.stop().await;
}

/// Asks a service from another pod without a pause while a deployment changes its image; answers
/// the codes seen.
async fn asked_while_rolling(strategy: &str) -> Vec<String> {
    // Starts take a moment: a tenth of what they usually do.
    let (lab, pods) = start_with(builder().pace(10)).await;
    let container = json!({"name": "app", "image": NGINX,
        "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1}});
    let app = json!({"app": "app"});
    let body = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "app"},
        "spec": {"replicas": 2, "selector": {"matchLabels": app}, "strategy": {"type": strategy},
            "template": {"metadata": {"labels": app}, "spec": {"containers": [container]}}}});
    let path = format!("/apis/apps/v1/namespaces/{SPACE}/deployments");
    send(&lab.client, "POST", &path, "", Some(&body)).await.expect(201);
    let body = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "app"},
        "spec": {"selector": app, "ports": [{"port": 80, "targetPort": 8080}]}});
    let services = format!("/api/v1/namespaces/{SPACE}/services");
    send(&lab.client, "POST", &services, "", Some(&body)).await.expect(201);
    let deployments = lab.objects(kinds::by_resource("deployments.apps").expect("a kind"), SPACE);
    let rolled = |d: &Value| {
        d.i64_at("status.observedGeneration") == d.i64_at("metadata.generation")
            && d.i64_at("status.updatedReplicas") == Some(2)
            && d.i64_at("status.availableReplicas") == Some(2)
            && d.i64_at("status.replicas") == Some(2)
    };
    wait::object(&deployments, "app", "it is rolled out", rolled).await;
    let script = "until [ -e /tmp/enough ]; do
        curl -s -o /dev/null -w '%{http_code}\\n' http://app; sleep 0.01; done";
    let argv = ["sh", "-c", script];
    let asking = exec(&pods, &argv, "");
    let rolling = async {
        let image = NGINX.replace("1-86", "1-87");
        let change = json!([{"op": "replace", "value": image,
            "path": "/spec/template/spec/containers/0/image"}]);
        send(&lab.client, "PATCH", &format!("{path}/app"), "", Some(&change)).await.expect(200);
        wait::object(&deployments, "app", "the new image is rolled out", rolled).await;
        exec(&pods, &["touch", "/tmp/enough"], "").await
    };
    let ((codes, ..), _) = tokio::join!(asking, rolling);
    lab.stop().await;
    codes.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_update_has_no_gap_and_a_recreate_has_one() {
    let rolling = asked_while_rolling("RollingUpdate").await;
    assert!(rolling.len() > 10 && rolling.iter().all(|c| c == "200"), "{rolling:?}");
    let recreated = asked_while_rolling("Recreate").await;
    let count = |code: &str| recreated.iter().filter(|c| *c == code).count();
    assert!(count("000") > 0 && count("200") > 0, "{recreated:?}");
}
