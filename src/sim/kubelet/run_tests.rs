//! What follows from a container's command being run: its end, its message, its files, its ports.

use crate::{
    object::{ObjectExt, Value, json},
    settings::Settings,
    sim::{self, lab::Lab},
};

const NGINX: &str = "registry.access.redhat.com/ubi9/nginx-120:1-86";

fn state(lab: &Lab, list: &str, index: usize) -> Value {
    let pod = lab.pod();
    let status = pod.list_at(&format!("status.{list}"))[index].clone();
    status.at("state").cloned().unwrap_or_default()
}

fn phase(lab: &Lab) -> String {
    lab.pod().str_at("status.phase").to_owned()
}

fn sh(script: &str) -> Value {
    json!({"restartPolicy": "Never", "containers": [
        {"name": "c", "image": "busybox", "command": ["sh", "-c", script]}]})
}

#[test]
fn a_script_ends_with_its_own_code_and_message() {
    let rows = [
        ("[ a = b ]", 1, ""),
        ("x=1; if [ \"$x\" = 1 ]; then exit 9; fi", 9, ""),
        ("case abc in a*) exit 8;; esac", 8, ""),
        ("exit $((2+3))", 5, ""),
        ("f() { return 11; }; f", 11, ""),
        ("[ 1 = 0 ] && exit 0; sleep 2; exit 3", 3, ""),
        ("cat /no/such/file", 1, ""),
        ("echo abc | grep -q xyz", 1, ""),
        ("set -e; false; echo not reached", 1, ""),
        ("nope", 127, ""),
        ("n=0; while [ $n -lt 3 ]; do n=$((n+1)); sleep 1; done; exit 4", 4, ""),
        ("for i in $(seq 1 5); do sleep 0.1; done", 0, ""),
        ("echo on fire >/dev/termination-log; exit 1", 1, "on fire\n"),
        ("printf %05000d 7 >/dev/termination-log", 0, &format!("{:04096}", 7)),
    ];
    for (script, code, message) in rows {
        let mut lab = Lab::instant();
        lab.create(sh(script));
        lab.pass(5.0);
        let ended = state(&lab, "containerStatuses", 0);
        assert_eq!(ended.i64_at("terminated.exitCode"), Some(code), "{script}: {ended}");
        assert_eq!(ended.str_at("terminated.message"), message, "{script}");
        assert_eq!(phase(&lab), if code == 0 { "Succeeded" } else { "Failed" }, "{script}");
    }
}

#[test]
fn the_log_is_the_message_where_that_is_asked_for() {
    let rows = [
        ("echo from the log; exit 1", "FallbackToLogsOnError", "from the log\n"),
        ("echo -n DONE; exit 1", "FallbackToLogsOnError", "DONE"),
        ("echo from the log; exit 0", "FallbackToLogsOnError", ""),
        ("echo from the log; exit 1", "File", ""),
        ("echo log; echo file > /dev/termination-log; exit 1", "FallbackToLogsOnError", "file\n"),
    ];
    for (script, policy, message) in rows {
        let mut lab = Lab::instant();
        let mut spec = sh(script);
        spec["containers"][0]["terminationMessagePolicy"] = json!(policy);
        lab.create(spec);
        let ended = state(&lab, "containerStatuses", 0);
        assert_eq!(ended.str_at("terminated.message"), message, "{script}");
    }
}

#[test]
fn messages_have_their_own_path_for_any_user() {
    let mut lab = Lab::instant();
    let mut spec = sh("echo -n DONE > /dev/custom/log");
    spec["containers"][0]["terminationMessagePath"] = json!("/dev/custom/log");
    spec["containers"][0]["securityContext"] = json!({"runAsUser": 10000});
    lab.create(spec);
    let ended = state(&lab, "containerStatuses", 0);
    assert_eq!(ended.str_at("terminated.message"), "DONE", "{ended}");
    assert_eq!(phase(&lab), "Succeeded");
}

#[test]
fn a_trap_answers_term() {
    let mut lab = Lab::new(Settings::default());
    let script = "trap 'echo bye; exit 7' TERM; while true; do sleep 1; done";
    for script in [script.to_owned(), format!("touch /tmp/x; {script}")] {
        lab.create(sh(&script));
        lab.pass(9.0);
        assert_eq!(phase(&lab), "Running");
        lab.delete(30);
        lab.pass(6.0);
        assert!(lab.get("pods", "default/p").is_none(), "{script}");
    }
}

#[test]
fn containers_see_what_others_write_to_a_shared_volume() {
    let mut lab = Lab::instant();
    let mount = json!([{"name": "d", "mountPath": "/data"}]);
    let one = |name: &str, script: &str| {
        json!({"name": name, "image": "busybox", "command": ["sh", "-c", script],
            "volumeMounts": mount})
    };
    let read = "until grep -q ready /data/x; do sleep 1; done; exit 3";
    lab.create(json!({"restartPolicy": "Never",
        "containers": [one("reader", read), one("writer", "sleep 4; echo ready>/data/x")],
        "volumes": [{"name": "d", "emptyDir": {}}]}));
    lab.pass(3.0);
    assert_eq!(phase(&lab), "Running");
    lab.pass(3.0);
    assert_eq!(state(&lab, "containerStatuses", 0).i64_at("terminated.exitCode"), Some(3));
    assert_eq!(state(&lab, "containerStatuses", 1).i64_at("terminated.exitCode"), Some(0));
}

#[test]
fn files_of_a_volume_outlive_a_restart() {
    let mut lab = Lab::instant();
    let script = "[ -r /data/once ] && exit 0; touch /data/once; exit 1";
    lab.create(json!({"restartPolicy": "OnFailure", "containers": [
        {"name": "c", "image": "busybox", "command": ["sh", "-c", script],
        "volumeMounts": [{"name": "d", "mountPath": "/data"}]}],
        "volumes": [{"name": "d", "emptyDir": {}}]}));
    lab.pass(30.0);
    assert_eq!(phase(&lab), "Succeeded");
    assert_eq!(lab.pod().list_at("status.containerStatuses")[0].i64_at("restartCount"), Some(1));
}

#[test]
fn an_init_container_waits_for_a_name() {
    let mut lab = Lab::instant();
    let wait = "until nslookup store.default.svc.cluster.local; do echo no; sleep 2; done";
    lab.create(json!({
        "initContainers": [{"name": "i", "image": "busybox", "command": ["sh", "-c", wait]}],
        "containers": [{"name": "c", "image": NGINX}]}));
    lab.pass(20.0);
    assert_eq!(phase(&lab), "Pending");
    lab.put(
        "services",
        json!({"metadata": {"name": "store", "namespace": "default"},
            "spec": {"clusterIP": "172.30.0.44", "ports": [{"port": 80}]}}),
    );
    lab.pass(4.0);
    assert_eq!(phase(&lab), "Running");
}

#[test]
fn exec_probes_are_run() {
    let probed = |command: Value| {
        let mut lab = Lab::instant();
        lab.create(json!({"containers": [{"name": "c", "image": NGINX, "readinessProbe": {
            "exec": {"command": command}, "periodSeconds": 5}}]}));
        lab.pass(1.0);
        let ready = lab.pod().list_at("status.containerStatuses")[0].is_true("ready");
        (ready, lab.heard().into_iter().find(|t| t.starts_with("Unhealthy")))
    };
    let (ready, told) = probed(json!(["test", "-f", "/tmp/ready"]));
    assert!(!ready && told.is_some());
    assert_eq!(probed(json!(["sh", "-c", "[ -d /etc ] && [ $(( 1 + 1 )) = 2 ]"])), (true, None));
    let (ready, told) = probed(json!(["sh", "-c", "sleep $((2)); exit 0"]));
    assert!(!ready, "{told:?}");
}

#[test]
fn a_script_may_come_to_serve() {
    let mut lab = Lab::instant();
    let script = "touch /tmp/a; sleep 5; exec nginx -g 'daemon off;'";
    lab.create(json!({"containers": [{"name": "c", "image": NGINX,
        "command": ["sh", "-c", script],
        "readinessProbe": {"httpGet": {"port": 8080}, "periodSeconds": 1}}]}));
    let ready = |lab: &Lab| lab.pod().list_at("status.containerStatuses")[0].is_true("ready");
    lab.pass(4.0);
    assert!(!ready(&lab));
    lab.pass(3.0);
    assert!(ready(&lab));
}

#[test]
fn what_the_node_does_not_have_is_given_later() {
    let mut lab = Lab::instant();
    let with = |cpu: &str| {
        json!({"containers": [{"name": "c", "image": NGINX,
            "resources": {"requests": {"cpu": cpu}}}]})
    };
    lab.create(with("100m"));
    lab.pass(5.0);
    let mut pod = lab.pod();
    pod["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": "4000"}});
    lab.put("pods", pod);
    lab.settle();
    let pod = lab.pod();
    let condition = pod.condition("PodResizePending").expect("a condition");
    assert_eq!((condition.str_at("status"), condition.str_at("reason")), ("True", "Deferred"));
    let text = condition.str_at("message");
    assert!(
        text.starts_with("Node didn't have enough resource: cpu, requested: 4000000, "),
        "{text}"
    );
    let status = &pod.list_at("status.containerStatuses")[0];
    assert_eq!(status["allocatedResources"], json!({"cpu": "100m"}));
    assert_eq!(status["resources"], json!({"requests": {"cpu": "100m"}}));

    let mut pod = pod.clone();
    pod["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": "200m"}});
    lab.put("pods", pod);
    lab.settle();
    let pod = lab.pod();
    assert!(pod.condition("PodResizePending").is_none(), "{pod}");
    assert_eq!(
        pod.list_at("status.containerStatuses")[0]["allocatedResources"],
        json!({"cpu": "200m"})
    );
}

#[test]
fn a_resize_is_seen_on_its_way() {
    let mut lab = Lab::instant();
    let with = |memory: &str, cpu: &str| json!({"requests": {"memory": memory, "cpu": cpu}});
    lab.create(json!({"containers": [
        {"name": "c", "image": NGINX, "resources": with("64Mi", "100m"), "resizePolicy": [
            {"resourceName": "memory", "restartPolicy": "RestartContainer"},
            {"resourceName": "cpu", "restartPolicy": "NotRequired"}]}]}));
    lab.pass(5.0);
    let rows = [
        // The same amounts in other words are no change.
        (with("65536Ki", "0.1"), 0, false),
        (with("64Mi", "200m"), 0, true),
        (with("128Mi", "200m"), 1, true),
    ];
    for (resources, restarts, seen) in rows {
        let mut pod = lab.pod();
        let generation = pod.i64_at("metadata.generation").unwrap_or(1) + 1;
        pod.set_at("metadata.generation", generation);
        pod["spec"]["containers"][0]["resources"] = resources.clone();
        lab.put("pods", pod);
        let mut steps = Vec::new();
        lab.heard();
        for _ in 0..20 {
            lab.reconcile(&sim::kubelet::KUBELET, "default/p");
            let pod = lab.pod();
            let going = pod.condition("PodResizeInProgress").is_some();
            let status = &pod.list_at("status.containerStatuses")[0];
            let step = (going, status["allocatedResources"].clone(), status["resources"].clone());
            if going && steps.last() != Some(&step) {
                steps.push(step);
            }
        }
        let pod = lab.pod();
        let status = &pod.list_at("status.containerStatuses")[0];
        assert_eq!(status.i64_at("restartCount"), Some(restarts), "{status}");
        assert!(pod.condition("PodResizeInProgress").is_none(), "{pod}");
        assert_eq!(status["resources"], resources);
        let heard = lab.heard();
        if !seen {
            assert!(steps.is_empty() && heard.is_empty(), "{steps:?} {heard:?}");
            continue;
        }
        // First it is set aside, then it is given.
        let requests = &resources["requests"];
        assert!(steps.iter().all(|(_, allocated, _)| allocated == requests), "{steps:?}");
        assert!(
            steps.len() == 2 && steps[0].2 != resources && steps[1].2 == resources,
            "{steps:?}"
        );
        let text = format!(
            "{{\"containers\":[{{\"name\":\"c\",\"resources\":{resources}}}],\"generation\":{generation}}}"
        );
        for (reason, word) in [("ResizeStarted", "started"), ("ResizeCompleted", "completed")] {
            let line = format!("{reason} Pod resize {word}: {text}");
            assert!(heard.iter().any(|h| h == &line), "{line}: {heard:#?}");
        }
        let restart = "Killing spec.containers{c} Container c resize requires restart";
        assert_eq!(heard.iter().any(|h| h == restart), restarts == 1, "{heard:#?}");
    }
}
