//! What a pod's status says after what time: upstream's cases and the kubelet's traps.

use crate::{
    object::{ObjectExt, Value, json},
    settings::Settings,
    sim::lab::Lab,
};

const NGINX: &str = "registry.access.redhat.com/ubi9/nginx-120:1-86";

fn state(pod: &Value, list: &str, name: &str) -> String {
    let all = pod.list_at(&format!("status.{list}"));
    let c = all.iter().find(|c| c.str_at("name") == name).unwrap();
    let waiting = c.str_at("state.waiting.reason");
    let ended = c.str_at("state.terminated.reason");
    match (waiting, ended) {
        ("", "") => format!("Running {}", c.is_true("ready")),
        ("", ended) => ended.to_owned(),
        (waiting, _) => waiting.to_owned(),
    }
}

fn app(lab: &Lab) -> String {
    state(&lab.pod(), "containerStatuses", "c")
}

fn restarts(lab: &Lab) -> i64 {
    lab.pod().list_at("status.containerStatuses")[0].i64_at("restartCount").unwrap()
}

fn condition(lab: &Lab, kind: &str) -> (String, String, String) {
    let pod = lab.pod();
    let c = pod.condition(kind).unwrap();
    (c.str_at("status").into(), c.str_at("reason").into(), c.str_at("message").into())
}

fn one(image: &str, command: &[&str]) -> Value {
    json!({"containers": [{"name": "c", "image": image, "command": command}]})
}

#[test]
fn with_zero_delays_one_write_makes_a_bound_pod_ready() {
    let mut lab = Lab::instant();
    lab.create(json!({"containers": [{"name": "c", "image": NGINX}]}));
    let pod = lab.pod();
    assert_eq!(lab.writes, 2, "one binding, one status");
    assert_eq!(pod.str_at("status.phase"), "Running");
    let types: Vec<&str> =
        pod.list_at("status.conditions").iter().map(|c| c.str_at("type")).collect();
    let order =
        ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];
    assert_eq!(types, order);
    let all = pod.list_at("status.conditions");
    assert!(
        all.iter()
            .all(|c| c.str_at("status") == "True" && c.i64_at("observedGeneration") == Some(1))
    );
    assert!(pod.str_at("status.podIP").starts_with("10.217."));
    assert_eq!(pod.str_at("status.hostIP"), "192.168.126.12");
    let c = &pod.list_at("status.containerStatuses")[0];
    assert_eq!(c.str_at("image"), NGINX);
    assert!(c.str_at("imageID").starts_with("registry.access.redhat.com/ubi9/nginx-120@sha256:"));
    assert!(c.str_at("containerID").starts_with("cri-o://"));
    assert!(c.is_true("started") && c.is_true("ready"));
    let told = lab.heard();
    let reasons: Vec<&str> = told.iter().map(|t| t.split(' ').next().unwrap()).collect();
    let nodes = 3 * 5;
    assert_eq!(reasons[nodes..], ["Scheduled", "Pulling", "Pulled", "Created", "Started"]);
    assert!(told[nodes + 1].contains("spec.containers{c} Pulling image"));
}

#[test]
fn with_delays_it_passes_through_container_creating() {
    let mut lab = Lab::new(Settings::default());
    lab.create(json!({"containers": [{"name": "c", "image": NGINX}]}));
    assert_eq!(app(&lab), "ContainerCreating");
    assert_eq!(condition(&lab, "PodReadyToStartContainers").0, "False");
    lab.pass(1.75);
    assert_eq!(condition(&lab, "PodReadyToStartContainers").0, "True");
    assert_eq!(app(&lab), "ContainerCreating");
    lab.pass(5.0);
    assert_eq!(app(&lab), "Running true");
    assert_eq!(lab.heard().iter().filter(|t| t.starts_with("Pulling")).count(), 1);
}

/// P01.
#[test]
fn an_absent_tag_backs_off() {
    let mut lab = Lab::new(Settings::default());
    lab.create(one("registry.access.redhat.com/ubi9/nginx-120:none", &[]));
    lab.heard();
    lab.pass(2.4);
    assert_eq!(app(&lab), "ErrImagePull");
    let raw =
        lab.pod().list_at("status.containerStatuses")[0].str_at("state.waiting.message").to_owned();
    assert!(raw.contains("manifest unknown"), "{raw}");
    lab.pass(2.0);
    assert_eq!(app(&lab), "ImagePullBackOff");
    let message =
        lab.pod().list_at("status.containerStatuses")[0].str_at("state.waiting.message").to_owned();
    let image = "registry.access.redhat.com/ubi9/nginx-120:none";
    assert_eq!(message, format!("Back-off pulling image \"{image}\": ErrImagePull: {raw}"));
    let words: Vec<String> = lab.heard();
    let expected = [
        format!("Pulling spec.containers{{c}} Pulling image \"{image}\""),
        format!("Failed spec.containers{{c}} Failed to pull image \"{image}\": {raw}"),
        "Failed spec.containers{c} Error: ErrImagePull".to_owned(),
        format!("BackOff spec.containers{{c}} Back-off pulling image \"{image}\""),
        "Failed spec.containers{c} Error: ImagePullBackOff".to_owned(),
    ];
    assert_eq!(words, expected);
    let mut tries = Vec::new();
    for second in 4..160 {
        lab.pass(1.0);
        if lab.heard().iter().any(|t| t.starts_with("Pulling")) {
            tries.push(second);
        }
    }
    assert_eq!(tries.len(), 4, "after 10, 30, 70, 150 seconds: {tries:?}");
    assert_eq!(lab.pod().str_at("status.phase"), "Pending");
}

/// P02, P03.
#[test]
fn a_crash_loop_backs_off() {
    let mut lab = Lab::instant();
    lab.create(one("busybox", &["false"]));
    assert_eq!((app(&lab).as_str(), restarts(&lab)), ("CrashLoopBackOff", 1));
    assert_eq!(lab.pod().str_at("status.phase"), "Running");
    let message = |lab: &Lab| {
        let pod = lab.pod();
        let c = &pod.list_at("status.containerStatuses")[0];
        c.str_at("state.waiting.message").to_owned()
    };
    let uid = lab.pod().uid().to_owned();
    assert_eq!(
        message(&lab),
        format!("back-off 10s restarting failed container=c pod=p_default({uid})")
    );
    let mut seen = Vec::new();
    let mut count = restarts(&lab);
    for second in 1..=920 {
        lab.pass(1.0);
        if restarts(&lab) > count {
            count = restarts(&lab);
            seen.push(second);
        }
    }
    assert_eq!(seen, [10, 30, 70, 150, 310, 610, 910]);
    assert!(message(&lab).starts_with("back-off 5m0s "), "{}", message(&lab));
}

#[test]
fn a_long_run_starts_the_back_off_anew() {
    let mut lab = Lab::instant();
    lab.create(one("busybox", &["sleep", "660"]));
    lab.pass(661.0);
    assert_eq!((app(&lab).as_str(), restarts(&lab)), ("Running true", 1));
    lab.pass(660.0);
    assert_eq!((app(&lab).as_str(), restarts(&lab)), ("Running true", 2));
}

#[test]
fn ends_follow_the_restart_policy() {
    let rows = [
        ("Never", "true", "Succeeded", "Completed", 0),
        ("Never", "false", "Failed", "Error", 0),
        ("OnFailure", "true", "Succeeded", "Completed", 0),
        ("OnFailure", "false", "Running", "CrashLoopBackOff", 1),
        ("Always", "true", "Running", "CrashLoopBackOff", 1),
    ];
    for (policy, command, phase, state, count) in rows {
        let mut lab = Lab::instant();
        let mut spec = one("busybox", &[command]);
        spec["restartPolicy"] = json!(policy);
        lab.create(spec);
        let pod = lab.pod();
        assert_eq!(pod.str_at("status.phase"), phase, "{policy} {command}");
        assert_eq!((app(&lab).as_str(), restarts(&lab)), (state, count), "{policy} {command}");
        if phase == "Succeeded" {
            assert_eq!(condition(&lab, "Ready").1, "PodCompleted");
            assert_eq!(condition(&lab, "Initialized").1, "PodCompleted");
        }
    }
}

/// P04.
#[test]
fn readiness_gates_hold_ready_back() {
    let mut lab = Lab::instant();
    let mut spec = one("registry.k8s.io/pause:3.9", &[]);
    spec["readinessGates"] = json!([{"conditionType": "example.com/go"}]);
    lab.create(spec);
    assert_eq!(condition(&lab, "ContainersReady").0, "True");
    let text = "corresponding condition of pod readiness gate \"example.com/go\" does not exist.";
    assert_eq!(condition(&lab, "Ready").2, text);
    assert_eq!(condition(&lab, "Ready").1, "ReadinessGatesNotReady");
    let mut pod = lab.pod();
    let mut all = pod.list_at("status.conditions").to_vec();
    all.push(json!({"type": "example.com/go", "status": "True"}));
    pod.set_at("status.conditions", all);
    lab.put("pods", pod);
    lab.settle();
    assert_eq!(condition(&lab, "Ready").0, "True");
    assert_eq!(lab.pod().list_at("status.conditions")[0].str_at("type"), "example.com/go");
}

/// P05.
#[test]
fn statuses_sort_by_name_and_messages_by_spec() {
    let mut lab = Lab::instant();
    lab.create(json!({"containers": [
        {"name": "b", "image": "nowhere.example/x"}, {"name": "a", "image": "nowhere.example/x"}]}));
    let pod = lab.pod();
    let names: Vec<&str> =
        pod.list_at("status.containerStatuses").iter().map(|c| c.str_at("name")).collect();
    assert_eq!(names, ["a", "b"]);
    let message = condition(&lab, "Ready").2;
    assert_eq!(message, "containers with unready status: [b a]");
}

/// P08.
#[test]
fn a_changed_image_restarts_in_place() {
    let mut lab = Lab::instant();
    lab.create(json!({"containers": [{"name": "c", "image": NGINX}]}));
    lab.heard();
    let mut pod = lab.pod();
    let new = "registry.access.redhat.com/ubi9/nginx-120:1-87";
    pod["spec"]["containers"][0]["image"] = json!(new);
    pod.set_at("metadata.generation", 2);
    lab.put("pods", pod);
    lab.settle();
    assert_eq!((app(&lab).as_str(), restarts(&lab)), ("Running true", 1));
    let pod = lab.pod();
    assert_eq!(pod.i64_at("status.observedGeneration"), Some(2));
    assert_eq!(pod.list_at("status.containerStatuses")[0].str_at("image"), new);
    let told = lab.heard();
    let killing = "Killing spec.containers{c} Container c definition changed, will be restarted";
    assert_eq!(told[0], killing);
    assert!(told[1].starts_with("Pulling"));
}

#[test]
fn a_changed_image_is_noticed_after_a_moment() {
    let mut lab = Lab::new(Settings::default());
    lab.create(json!({"containers": [{"name": "c", "image": NGINX}]}));
    lab.pass(60.0);
    assert_eq!((app(&lab).as_str(), restarts(&lab)), ("Running true", 0));
    let mut pod = lab.pod();
    pod["spec"]["containers"][0]["image"] = json!("registry.access.redhat.com/ubi9/nginx-120:1-87");
    lab.put("pods", pod);
    lab.settle();
    lab.pass(1.0);
    assert_eq!((app(&lab).as_str(), restarts(&lab)), ("Running true", 0));
    lab.pass(60.0);
    assert_eq!((app(&lab).as_str(), restarts(&lab)), ("Running true", 1));
}

/// P09.
#[test]
fn sidecars_start_first_and_stop_last() {
    let mut lab = Lab::instant();
    lab.create(json!({
        "initContainers": [{"name": "s", "image": NGINX, "restartPolicy": "Always",
            "startupProbe": {"httpGet": {"port": 8080, "path": "/"}, "initialDelaySeconds": 5}}],
        "containers": [{"name": "c", "image": NGINX}]}));
    assert_eq!(app(&lab), "PodInitializing");
    assert_eq!(condition(&lab, "Initialized").2, "containers with incomplete status: [s]");
    lab.pass(5.0);
    assert_eq!(app(&lab), "Running true");
    assert_eq!(state(&lab.pod(), "initContainerStatuses", "s"), "Running true");
    assert_eq!(condition(&lab, "Ready").0, "True");
    lab.heard();
    lab.delete(30);
    assert!(lab.get("pods", "default/p").is_none());
    let killed: Vec<String> = lab.heard();
    assert_eq!(killed[0], "Killing spec.containers{c} Stopping container c");
}

#[test]
fn sidecars_stop_when_the_work_is_done() {
    let mut lab = Lab::instant();
    lab.create(json!({"restartPolicy": "Never",
        "initContainers": [{"name": "s", "image": NGINX, "restartPolicy": "Always"}],
        "containers": [{"name": "c", "image": "busybox", "command": ["sleep", "3"]}]}));
    assert_eq!(lab.pod().str_at("status.phase"), "Running");
    lab.pass(4.0);
    assert_eq!(lab.pod().str_at("status.phase"), "Succeeded");
}

/// P10.
#[test]
fn a_failing_init_container_fails_the_pod_only_when_it_may_not_restart() {
    for (policy, phase, state_) in
        [("Never", "Failed", "Error"), ("Always", "Pending", "CrashLoopBackOff")]
    {
        let mut lab = Lab::instant();
        lab.create(json!({"restartPolicy": policy,
            "initContainers": [{"name": "i", "image": "busybox", "command": ["false"]}],
            "containers": [{"name": "c", "image": NGINX}]}));
        let pod = lab.pod();
        assert_eq!(pod.str_at("status.phase"), phase);
        assert_eq!(state(&pod, "initContainerStatuses", "i"), state_);
        assert_eq!(app(&lab), "PodInitializing");
        assert_eq!(condition(&lab, "Initialized").0, "False");
    }
}

#[test]
fn init_containers_run_one_by_one() {
    let mut lab = Lab::instant();
    lab.create(json!({
        "initContainers": [{"name": "i", "image": "busybox", "command": ["sleep", "2"]},
            {"name": "j", "image": "busybox", "command": ["true"]}],
        "containers": [{"name": "c", "image": NGINX}]}));
    assert_eq!(condition(&lab, "Initialized").2, "containers with incomplete status: [i j]");
    assert_eq!(state(&lab.pod(), "initContainerStatuses", "j"), "PodInitializing");
    lab.pass(2.0);
    assert_eq!(state(&lab.pod(), "initContainerStatuses", "j"), "Completed");
    assert_eq!(app(&lab), "Running true");
    assert_eq!(condition(&lab, "Initialized"), ("True".into(), String::new(), String::new()));
}

/// T01: one container is done for good, the other serves.
#[test]
fn a_finished_container_makes_the_pod_unready() {
    let mut lab = Lab::instant();
    lab.create(json!({"restartPolicy": "OnFailure", "containers": [
        {"name": "a", "image": "busybox", "command": ["true"]}, {"name": "c", "image": NGINX}]}));
    let pod = lab.pod();
    assert_eq!(pod.str_at("status.phase"), "Running");
    assert_eq!(state(&pod, "containerStatuses", "a"), "Completed");
    assert_eq!(app(&lab), "Running true");
    assert_eq!(condition(&lab, "Ready").2, "containers with unready status: [a]");
}

#[test]
fn probes_succeed_only_on_served_ports() {
    for (port, ready) in [(json!(8080), true), (json!("web"), true), (json!(9999), false)] {
        let mut lab = Lab::instant();
        lab.create(json!({"containers": [{"name": "c", "image": NGINX,
            "ports": [{"name": "web", "containerPort": 8080}],
            "readinessProbe": {"httpGet": {"port": port, "path": "/healthz"}, "periodSeconds": 5}}]}));
        assert_eq!(app(&lab), format!("Running {ready}"), "{port}");
        let ip = lab.pod().str_at("status.podIP").to_owned();
        let told = lab.heard();
        let unhealthy: Vec<&String> = told.iter().filter(|t| t.starts_with("Unhealthy")).collect();
        if ready {
            assert!(unhealthy.is_empty());
        } else {
            let url = format!("http://{ip}:9999/healthz");
            assert_eq!(
                unhealthy,
                [&format!(
                    "Unhealthy spec.containers{{c}} Readiness probe failed: Get \"{url}\": dial \
                     tcp {ip}:9999: connect: connection refused"
                )]
            );
        }
    }
}

#[test]
fn liveness_follows_the_files_a_script_makes() {
    let mut lab = Lab::instant();
    let script = "touch /tmp/healthy; sleep 30; rm -f /tmp/healthy; sleep 600";
    lab.create(json!({"containers": [{"name": "c", "image": "busybox",
        "command": ["sh", "-c", script], "livenessProbe": {
            "exec": {"command": ["cat", "/tmp/healthy"]},
            "initialDelaySeconds": 5, "periodSeconds": 5}}]}));
    lab.pass(29.0);
    assert_eq!(restarts(&lab), 0);
    lab.heard();
    lab.pass(13.0);
    assert_eq!(restarts(&lab), 1);
    let told = lab.heard();
    let text = "Liveness probe failed: cat: can't open '/tmp/healthy': No such file or directory";
    assert_eq!(told.iter().filter(|t| t.ends_with(text)).count(), 3, "{told:#?}");
    let text = "Container c failed liveness probe, will be restarted";
    assert!(told.iter().any(|t| t.ends_with(text)));
}

#[test]
fn missing_configuration_holds_a_container_back() {
    let mut lab = Lab::instant();
    lab.create(json!({"containers": [{"name": "c", "image": NGINX,
        "env": [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}}]}]}));
    assert_eq!(app(&lab), "CreateContainerConfigError");
    let told = lab.heard();
    let place = |end: &str| told.iter().position(|t| t.ends_with(end) || t.starts_with(end));
    let failed = place("Error: configmap \"m\" not found").unwrap();
    assert!(place("Pulled ").unwrap() < failed, "the image comes before the configuration");
    lab.put("configmaps", json!({"metadata": {"name": "m", "namespace": "default"}, "data": {}}));
    lab.settle();
    let pod = lab.pod();
    let message = pod.list_at("status.containerStatuses")[0].str_at("state.waiting.message");
    assert_eq!(message, "couldn't find key k in ConfigMap default/m");
    let data = json!({"metadata": {"name": "m", "namespace": "default"}, "data": {"k": "v"}});
    lab.put("configmaps", data);
    lab.settle();
    assert_eq!(app(&lab), "Running true");
}

#[test]
fn missing_volumes_keep_the_pod_creating() {
    let mut lab = Lab::instant();
    let mut spec = json!({"containers": [{"name": "c", "image": NGINX}]});
    spec["volumes"] = json!([{"name": "v", "secret": {"secretName": "s"}}]);
    lab.create(spec);
    assert_eq!(app(&lab), "ContainerCreating");
    let text = "FailedMount MountVolume.SetUp failed for volume \"v\" : secret \"s\" not found";
    assert!(lab.heard().contains(&text.to_owned()));
    lab.put("secrets", json!({"metadata": {"name": "s", "namespace": "default"}}));
    lab.settle();
    assert_eq!(app(&lab), "Running true");
}

#[test]
fn images_that_cannot_be() {
    let long = "Failed to apply default image tag \"Nginx\": couldn't parse image name \"Nginx\": \
                repository name (library/Nginx) must be lowercase";
    let never = format!("Container image \"{NGINX}\" is not present with pull policy of Never");
    let rows = [
        (json!({"image": "Nginx"}), "InvalidImageName", long.to_owned()),
        (json!({"image": NGINX, "imagePullPolicy": "Never"}), "ErrImageNeverPull", never),
        (
            json!({"image": NGINX, "command": ["/nope"]}),
            "CreateContainerError",
            "container create failed: executable file `/nope` not found in $PATH: No such file \
             or directory"
                .to_owned(),
        ),
    ];
    for (mut container, reason, message) in rows {
        let mut lab = Lab::instant();
        container["name"] = json!("c");
        lab.create(json!({"containers": [container]}));
        let pod = lab.pod();
        let c = &pod.list_at("status.containerStatuses")[0];
        assert_eq!(c.str_at("state.waiting.reason"), reason);
        assert_eq!(c.str_at("state.waiting.message"), message);
    }
}

#[test]
fn the_second_pod_finds_the_image_on_the_node() {
    let mut lab = Lab::new(Settings { nodes: 1, ..Lab::instant().settings.as_ref().clone() });
    lab.create(json!({"containers": [{"name": "c", "image": NGINX}]}));
    let node = lab.get("nodes", "crc").unwrap();
    let images = node.list_at("status.images");
    assert_eq!(images[0].list_at("names").last(), Some(&json!(NGINX)));
    lab.delete(0);
    lab.heard();
    lab.create(json!({"containers": [{"name": "c", "image": NGINX}]}));
    let text = format!(
        "Pulled spec.containers{{c}} Container image \"{NGINX}\" already present on machine and \
         can be accessed by the pod"
    );
    assert!(lab.heard().contains(&text));
}

#[test]
fn deletion_stops_containers_then_removes_the_pod() {
    let mut lab = Lab::new(Settings::default());
    lab.create(one("busybox", &["sleep", "3600"]));
    lab.pass(5.0);
    lab.heard();
    lab.delete(30);
    assert_eq!(lab.pod().str_at("status.phase"), "Running");
    assert_eq!(lab.heard(), ["Killing spec.containers{c} Stopping container c"]);
    lab.pass(29.0);
    assert!(lab.get("pods", "default/p").is_some(), "sleep ignores TERM");
    lab.pass(1.0);
    assert!(lab.get("pods", "default/p").is_none());
    assert!(lab.heard().is_empty());
}

#[test]
fn a_short_grace_leaves_the_runtime_two_seconds() {
    let mut lab = Lab::new(Settings::default());
    lab.create(json!({"containers": [{"name": "c", "image": NGINX}]}));
    lab.pass(6.0);
    lab.delete(1);
    lab.pass(1.0);
    assert!(lab.get("pods", "default/p").is_some(), "not killed when the grace is over");
    lab.pass(0.5);
    assert!(lab.get("pods", "default/p").is_none(), "TERM ends it, before KILL");
}

#[test]
fn a_finalizer_shows_the_terminal_phase() {
    let mut lab = Lab::instant();
    lab.create(json!({"containers": [{"name": "c", "image": "registry.k8s.io/pause:3.9"}]}));
    let mut pod = lab.pod();
    pod.set_at("metadata.finalizers", json!(["example.com/hold"]));
    lab.put("pods", pod);
    let before = lab.writes;
    let mut pod = lab.pod();
    pod.set_at("metadata.deletionTimestamp", "2026-01-01T00:00:30Z");
    pod.set_at("metadata.deletionGracePeriodSeconds", 30);
    pod.set_at("metadata.generation", 2);
    lab.put("pods", pod);
    let plan = (super::KUBELET.reconcile)(&lab.view(), "default/p");
    assert_eq!(lab.writes, before);
    let status = &plan.steps[0].writes[0].body;
    assert_eq!(status.str_at("status.phase"), "Succeeded");
    assert_eq!(status.condition("Ready").unwrap().str_at("reason"), "PodCompleted");
    assert_eq!(plan.steps[1].writes[0].body.i64_at("gracePeriodSeconds"), Some(0));
    assert_eq!(plan.events[0].message, "Stopping container c");
}

#[test]
fn the_deadline_fails_the_pod() {
    let mut lab = Lab::instant();
    let mut spec = json!({"containers": [{"name": "c", "image": NGINX}]});
    spec["activeDeadlineSeconds"] = json!(60);
    lab.create(spec);
    lab.pass(59.0);
    assert_eq!(lab.pod().str_at("status.phase"), "Running");
    lab.pass(1.0);
    let pod = lab.pod();
    assert_eq!(pod.str_at("status.phase"), "Failed");
    assert_eq!(pod.str_at("status.reason"), "DeadlineExceeded");
    let text = "Pod was active on the node longer than the specified deadline";
    assert_eq!(pod.str_at("status.message"), text);
}

#[test]
fn a_host_port_is_given_once() {
    let mut lab = Lab::instant();
    let with_port = || {
        json!({"nodeName": "worker01", "containers": [{"name": "c", "image": NGINX,
            "ports": [{"containerPort": 80, "hostPort": 8080, "protocol": "TCP"}]}]})
    };
    lab.create(with_port());
    lab.add("q", with_port());
    assert_eq!(lab.pod().str_at("status.phase"), "Running");
    let second = lab.get("pods", "default/q").unwrap();
    assert_eq!(second.str_at("status.phase"), "Failed");
    assert_eq!(second.str_at("status.reason"), "NodePorts");
    assert_eq!(
        second.str_at("status.message"),
        "Pod was rejected: Node didn't have free ports for the requested pod ports"
    );
}

#[test]
fn an_init_container_that_is_done_is_ready() {
    let mut lab = Lab::instant();
    let mut spec = one(NGINX, &[]);
    spec["initContainers"] = json!([{"name": "i", "image": NGINX, "command": ["true"]}]);
    lab.create(spec);
    let status = &lab.pod()["status"]["initContainerStatuses"][0];
    assert!(status.is_true("ready") && !status.is_true("started"), "{status}");
}

#[test]
fn an_ephemeral_container_starts_beside_the_others_and_never_again() {
    let mut lab = Lab::instant();
    lab.create(one(NGINX, &[]));
    lab.heard();
    let mut pod = lab.pod();
    pod.set_at(
        "spec.ephemeralContainers",
        json!([{"name": "look", "image": NGINX, "imagePullPolicy": "IfNotPresent",
            "command": ["sleep", "60"]}]),
    );
    lab.put("pods", pod);
    lab.settle();
    assert_eq!(state(&lab.pod(), "ephemeralContainerStatuses", "look"), "Running true");
    assert!(lab.heard().iter().any(|t| t.starts_with("Started spec.ephemeralContainers{look}")));
    assert_eq!(condition(&lab, "Ready").0, "True");
    lab.pass(61.0);
    assert_eq!(state(&lab.pod(), "ephemeralContainerStatuses", "look"), "Completed");
    assert_eq!((app(&lab).as_str(), lab.pod().str_at("status.phase")), ("Running true", "Running"));
}
