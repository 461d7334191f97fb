//! What a container's hooks do, and what it finds when it starts: volumes, groups, limits.

use crate::{
    object::{ObjectExt, Value, json},
    settings::Settings,
    sim::{lab::Lab, unshown},
};

const AGNHOST: &str = "registry.k8s.io/e2e-test-images/agnhost:2.63.0";

fn status(lab: &Lab) -> Value {
    lab.pod().list_at("status.containerStatuses")[0].clone()
}

fn sh(script: &str) -> Value {
    json!({"restartPolicy": "Never", "containers": [
        {"name": "c", "image": "busybox", "command": ["sh", "-c", script]}]})
}

fn exec(script: &str) -> Value {
    json!({"exec": {"command": ["sh", "-c", script]}})
}

/// The code a script ends with in a pod that is completed by `change`.
fn code(script: &str, change: impl Fn(&mut Value)) -> (Option<i64>, Value) {
    let mut lab = Lab::instant();
    let mut spec = sh(script);
    change(&mut spec);
    lab.create(spec);
    lab.pass(5.0);
    let status = status(&lab);
    (status.i64_at("state.terminated.exitCode"), status)
}

#[test]
fn a_container_has_started_when_its_hook_has_ended() {
    let mut lab = Lab::new(Settings::default());
    let mut spec = sh("until [ -e /tmp/told ]; do sleep 1; done; exit 5");
    spec["containers"][0]["lifecycle"] = json!({"postStart": exec("sleep 4; touch /tmp/told")});
    lab.create(spec);
    lab.pass(4.0);
    assert_eq!(status(&lab).str_at("state.waiting.reason"), "ContainerCreating");
    assert_eq!(lab.pod().str_at("status.phase"), "Pending");
    assert!(lab.heard().iter().any(|told| told.starts_with("Started ")));
    assert_eq!(known(&lab).str_at("status.phase"), "Pending");
    let known = known(&lab).list_at("status.containerStatuses")[0].clone();
    assert!(known.at("state.running").is_some() && !known.is_true("started"), "{known}");
    lab.pass(9.0);
    assert_eq!(status(&lab).i64_at("state.terminated.exitCode"), Some(5));
    assert!(lab.get(unshown::RESOURCE, "default/p").is_none());
}

/// The pod as its node knows it.
fn known(lab: &Lab) -> Value {
    let objects = lab.view().objects;
    let pod = objects.get("pods", "default", "p").unwrap().look();
    Value::clone(&unshown::known(&objects, &pod))
}

#[test]
fn nothing_of_a_pod_moves_in_its_status_while_a_hook_goes_on() {
    let mut lab = Lab::instant();
    let serve = |name: &str| json!({"name": name, "image": AGNHOST, "args": ["pause"]});
    let mut spec = json!({"containers": [serve("a"), serve("b"), serve("c")]});
    spec["containers"][1]["lifecycle"] = json!({"postStart": {"sleep": {"seconds": 10}}});
    lab.create(spec);
    lab.pass(4.0);
    let run = |pod: &Value| -> Vec<bool> {
        let all = pod.list_at("status.containerStatuses").iter();
        all.map(|c| c.at("state.running").is_some()).collect()
    };
    // The one before it runs, the one after it is not begun.
    assert_eq!(run(&known(&lab)), [true, true, false]);
    assert_eq!(run(&lab.pod()), [false, false, false]);
    lab.pass(12.0);
    assert_eq!(run(&lab.pod()), [true, true, true]);
}

#[test]
fn a_container_that_ends_or_is_to_end_is_shown_at_once() {
    let mut lab = Lab::new(Settings::default());
    let mut spec = sh("sleep 3; exit 4");
    spec["containers"][0]["lifecycle"] = json!({"postStart": {"sleep": {"seconds": 60}}});
    lab.create(spec.clone());
    lab.pass(10.0);
    assert_eq!(status(&lab).i64_at("state.terminated.exitCode"), Some(4), "{}", status(&lab));
    lab.clear("pods");
    lab.clear(unshown::RESOURCE);
    spec["containers"][0]["command"] = json!(["sleep", "100"]);
    lab.create(spec);
    lab.pass(5.0);
    assert!(status(&lab).at("state.waiting").is_some());
    lab.delete(30);
    assert!(status(&lab).at("state.running").is_some(), "{}", status(&lab));
    lab.pass(40.0);
    assert!(lab.get("pods", "default/p").is_none());
    assert!(lab.get(unshown::RESOURCE, "default/p").is_none());
}

#[test]
fn a_hook_that_failed_is_what_is_shown_during_the_next() {
    let mut lab = Lab::new(Settings::default());
    let mut spec = json!({"containers": [{"name": "c", "image": AGNHOST, "args": ["pause"]}]});
    spec["containers"][0]["lifecycle"] = json!({"postStart": exec("sleep 5; cat /no/such")});
    lab.create(spec);
    lab.pass(11.0);
    let status = status(&lab);
    assert_eq!(status.str_at("state.waiting.reason"), "PostStartHookError", "{status}");
    let words = "Exec lifecycle hook ([sh -c sleep 5; cat /no/such]) for Container \"c\" in Pod \"p_default(";
    assert!(status.str_at("state.waiting.message").starts_with(words), "{status}");
    assert!(status.str_at("state.waiting.message").contains("exited with 1"), "{status}");
    assert!(status.at("lastState.terminated").is_some(), "{status}");
}

#[test]
fn a_hook_that_fails_ends_its_container() {
    let mut lab = Lab::instant();
    let spec = json!({"containers": [{"name": "c", "image": AGNHOST, "lifecycle":
        {"postStart": {"exec": {"command": ["sh", "-c", "cat /no/such"]}}}}]});
    lab.create(spec);
    lab.pass(4.0);
    let heard = lab.heard();
    for line in [
        "FailedPostStartHook spec.containers{c} PostStartHook failed",
        "Killing spec.containers{c} FailedPostStartHook",
    ] {
        assert!(heard.iter().any(|h| h == line), "{line}: {heard:#?}");
    }
    assert_eq!(status(&lab).i64_at("restartCount"), Some(1));
    assert_eq!(status(&lab).str_at("state.waiting.reason"), "CrashLoopBackOff");
}

#[test]
fn a_hook_comes_before_term() {
    let mut lab = Lab::new(Settings::default());
    let rows = [("touch /tmp/bye", 6.0, true), ("true", 6.0, false), ("sleep 60", 40.0, true)];
    for (hook, seconds, gone) in rows {
        let mut spec = sh("until [ -e /tmp/bye ]; do sleep 1; done; exit 9");
        spec["containers"][0]["lifecycle"] = json!({"preStop": exec(hook)});
        lab.create(spec);
        lab.pass(9.0);
        lab.delete(30);
        lab.pass(seconds);
        assert_eq!(lab.get("pods", "default/p").is_none(), gone, "{hook}");
        lab.pass(60.0);
    }
}

#[test]
fn hooks_may_be_plain_commands() {
    let mut lab = Lab::new(Settings::default());
    for command in [json!(["touch", "/tmp/bye"]), json!(["wget", "-o", "/tmp/bye", "http://x/"])] {
        let mut spec = sh("until [ -e /tmp/bye ]; do sleep 1; done; exit 9");
        spec["containers"][0]["lifecycle"] = json!({"preStop": {"exec": {"command": command}}});
        lab.create(spec);
        lab.pass(9.0);
        lab.delete(30);
        lab.pass(6.0);
        let told = lab.heard();
        let gone = lab.get("pods", "default/p").is_none();
        assert!(
            gone || told.iter().any(|t| t.contains("PreStopHook failed")),
            "{command} {told:?}"
        );
        lab.pass(60.0);
    }
}

#[test]
fn last_words_are_the_message() {
    let mut lab = Lab::new(Settings::default());
    let probe = json!({"exec": {"command": ["false"]}, "failureThreshold": 1});
    lab.create(json!({"containers": [{"name": "c", "image": AGNHOST, "livenessProbe": probe}]}));
    lab.pass(15.0);
    let last = status(&lab).at("lastState.terminated").cloned().unwrap_or_default();
    assert_eq!(last.i64_at("exitCode"), Some(2), "{}", status(&lab));
    assert_eq!(last.str_at("message"), "exiting because of signal \"terminated\"");
}

#[test]
fn control_groups_show_the_limits() {
    let limits = |spec: &mut Value| {
        spec["containers"][0]["resources"] = json!({"limits": {"cpu": "200m", "memory": "64Mi"}});
    };
    for script in [
        "[ \"$(head -n 1 /sys/fs/cgroup/cpu.max)\" = '20000 100000' ]",
        "[ $(cat /sys/fs/cgroup/memory.max) -eq 67108864 ]",
        "mount -t cgroup2 | grep -q /sys/fs/cgroup",
        "[ $(cat /proc/1/oom_score_adj) -eq 1000 ]",
        "grep -q Cpus_allowed_list /proc/self/status",
    ] {
        assert_eq!(code(script, limits).0, Some(0), "{script}");
    }
}

#[test]
fn volumes_have_their_medium_and_their_group() {
    let change = |spec: &mut Value| {
        spec["securityContext"] = json!({"fsGroup": 1001, "runAsUser": 1000});
        spec["volumes"] = json!([
            {"name": "m", "emptyDir": {"medium": "Memory"}},
            {"name": "d", "emptyDir": {}},
            {"name": "h", "hostPath": {"path": "/var/x/y", "type": "FileOrCreate"}},
            {"name": "i", "image": {"pullPolicy": "Always",
                "reference": "registry.k8s.io/e2e-test-images/kitten:1.8"}},
        ]);
        spec["containers"][0]["volumeMounts"] = json!([
            {"name": "m", "mountPath": "/m"}, {"name": "d", "mountPath": "/d"},
            {"name": "h", "mountPath": "/h"}, {"name": "i", "mountPath": "/i"},
        ]);
    };
    for script in [
        "mount -t tmpfs | grep -q ' /m '",
        "mount -t tmpfs | grep -q ' /d ' && exit 1; exit 0",
        "[ \"$(ls -ld /d | cut -c 1-10)\" = drwxrwsrwx ]",
        "touch /d/f && ls -l /d/f | grep -q ' 1001 '",
        "[ -f /h ]",
        "grep -q kitten /i/data.json && grep -q Alpine /i/etc/os-release",
        "touch /i/x 2>/dev/null && exit 1; exit 0",
    ] {
        let (code, status) = code(script, change);
        assert_eq!(code, Some(0), "{script}: {status}");
    }
}

#[test]
fn images_of_volumes_have_to_be_there() {
    let (_, status) = code("true", |spec| {
        spec["volumes"] = json!([{"name": "i", "image": {"reference": "quay.io/no/such:1"}}]);
        spec["containers"][0]["volumeMounts"] = json!([{"name": "i", "mountPath": "/i"}]);
    });
    assert!(
        ["ErrImagePull", "ImagePullBackOff", "ContainerCreating"]
            .contains(&status.str_at("state.waiting.reason")),
        "{status}"
    );
}

#[test]
fn parts_of_volumes_are_checked() {
    let rows = [
        ("$(NAME)", "..", "unable to provision SubPath `..`: must not contain '..'"),
        ("$(NAME)/x", "/tmp", "error SubPath `/tmp/x` must not be an absolute path"),
        ("$(NONE)/x", "y", "missing value for NONE"),
    ];
    for (expr, value, message) in rows {
        let (_, status) = code("true", |spec| {
            spec["volumes"] = json!([{"name": "d", "emptyDir": {}}]);
            spec["containers"][0]["env"] = json!([{"name": "NAME", "value": value}]);
            spec["containers"][0]["volumeMounts"] =
                json!([{"name": "d", "mountPath": "/d", "subPathExpr": expr}]);
        });
        assert_eq!(status.str_at("state.waiting.reason"), "CreateContainerConfigError");
        assert_eq!(status.str_at("state.waiting.message"), message);
    }
}

#[test]
fn paths_of_nodes_are_what_volumes_say() {
    let rows = [
        ("File", "/etc", "hostPath type check failed: /etc is not a file"),
        ("Directory", "/no/such", "hostPath type check failed: /no/such is not a directory"),
        ("Socket", "/etc", "hostPath type check failed: /etc is not a socket file"),
    ];
    for (kind, path, why) in rows {
        let mut lab = Lab::instant();
        let mut spec = sh("true");
        spec["volumes"] = json!([{"name": "h", "hostPath": {"path": path, "type": kind}}]);
        lab.create(spec);
        let line = format!("FailedMount MountVolume.SetUp failed for volume \"h\" : {why}");
        let heard = lab.heard();
        assert!(heard.contains(&line), "{heard:#?}");
    }
}
