//! Rows of upstream's printer test for pods.

use super::*;

fn cells(pod: &Value) -> Vec<String> {
    let cx = CellCx::at("2026-01-01T00:10:00Z".parse().unwrap());
    let seen = crate::object::pick(pod.to_string().as_bytes(), SEEN);
    for column in COLUMNS {
        assert_eq!((column.cell)(&seen, &cx), (column.cell)(pod, &cx), "{}", column.name);
    }
    assert_eq!(row_conditions(&seen), row_conditions(pod));
    let cell = |i: usize| (COLUMNS[i].cell)(pod, &cx).as_str().unwrap().to_owned();
    vec![cell(0), cell(1), cell(2)]
}

fn pod(spec: Value, status: Value) -> Value {
    json!({"metadata": {"name": "p"}, "spec": spec, "status": status})
}

fn two() -> Value {
    json!({"containers": [{"name": "a"}, {"name": "b"}]})
}

#[test]
fn plain_containers() {
    let running = || json!({"ready": true, "restartCount": 3, "state": {"running": {}}});
    let rows = [
        (
            json!({"phase": "podPhase", "containerStatuses": [running(), {"restartCount": 3}]}),
            ["1/2", "podPhase", "6"],
        ),
        (
            json!({"phase": "podPhase", "containerStatuses": [
            {"state": {"waiting": {"reason": "ContainerWaitingReason"}}, "restartCount": 3}, {"restartCount": 3}]}),
            ["0/2", "ContainerWaitingReason", "6"],
        ),
        (
            json!({"phase": "podPhase", "containerStatuses": [running(),
            {"state": {"terminated": {"reason": "Completed", "exitCode": 0}}, "restartCount": 3}]}),
            ["1/2", "NotReady", "6"],
        ),
        (
            json!({"phase": "podPhase", "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [running(),
            {"state": {"terminated": {"reason": "Completed", "exitCode": 0}}, "restartCount": 3}]}),
            ["1/2", "Running", "6"],
        ),
        (
            json!({"phase": "podPhase", "containerStatuses": [
            {"state": {"terminated": {"reason": "Completed", "exitCode": 0}}},
            {"state": {"terminated": {"reason": "Error", "exitCode": 1}}}]}),
            ["0/2", "Error", "0"],
        ),
        (
            json!({"phase": "podPhase", "containerStatuses": [
            {"state": {"terminated": {"exitCode": 2}}}, {"state": {"terminated": {"signal": 9, "exitCode": 137}}}]}),
            ["0/2", "ExitCode:2", "0"],
        ),
        (json!({"phase": "Failed", "reason": "Evicted"}), ["0/2", "Evicted", "0"]),
        (
            json!({"phase": "Pending", "conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]}),
            ["0/2", "SchedulingGated", "0"],
        ),
        (
            json!({"phase": "Running", "containerStatuses": [{"restartCount": 3, "ready": true,
            "state": {"running": {}}, "lastState": {"terminated": {"finishedAt": "2026-01-01T00:05:00Z"}}},
            {"lastState": {"terminated": {"finishedAt": "2026-01-01T00:04:00Z"}}}]}),
            ["1/2", "Running", "3 (5m ago)"],
        ),
    ];
    for (status, expected) in rows {
        assert_eq!(cells(&pod(two(), status.clone())), expected, "{status}");
    }
}

#[test]
fn init_containers() {
    let spec = || {
        json!({"initContainers": [{"name": "i0"}, {"name": "i1", "restartPolicy": "Always"}],
        "containers": [{"name": "a"}]})
    };
    let done =
        || json!({"name": "i0", "restartCount": 2, "state": {"terminated": {"exitCode": 0}}});
    let sidecar = || {
        json!({"name": "i1", "started": true, "ready": true, "restartCount": 1,
        "state": {"running": {}}})
    };
    let rows = [
        (
            json!([{"name": "i0", "state": {"running": {}}, "restartCount": 2}]),
            ["0/2", "Init:0/2", "2"],
        ),
        (
            json!([{"name": "i0", "state": {"waiting": {"reason": "PodInitializing"}}}]),
            ["0/2", "Init:0/2", "0"],
        ),
        (
            json!([{"name": "i0", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]),
            ["0/2", "Init:CrashLoopBackOff", "0"],
        ),
        (
            json!([{"name": "i0", "state": {"terminated": {"exitCode": 1}}}]),
            ["0/2", "Init:ExitCode:1", "0"],
        ),
        (
            json!([{"name": "i0", "state": {"terminated": {"exitCode": 1, "reason": "Error"}}}]),
            ["0/2", "Init:Error", "0"],
        ),
        (json!([done(), {"name": "i1", "state": {"running": {}}}]), ["0/2", "Init:1/2", "2"]),
        // Only the sidecar's restarts count once initialisation is over.
        (json!([done(), sidecar()]), ["2/2", "Running", "4"]),
    ];
    for (statuses, expected) in rows {
        let started = expected[1] == "Running";
        let main = json!([{"name": "a", "ready": started, "restartCount": if started { 3 } else { 0 },
            "state": if started { json!({"running": {}}) } else { json!({"waiting": {"reason": "PodInitializing"}}) }}]);
        let phase = if started { "Running" } else { "Pending" };
        let p = pod(
            spec(),
            json!({"phase": phase, "initContainerStatuses": statuses,
            "containerStatuses": main}),
        );
        assert_eq!(cells(&p), expected, "{statuses}");
    }
}

#[test]
fn deletion_wide_cells_and_conditions() {
    let mut p = pod(two(), json!({"phase": "Running"}));
    p["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    assert_eq!(cells(&p)[1], "Terminating");
    p["status"]["reason"] = json!("NodeLost");
    assert_eq!(cells(&p)[1], "Unknown");
    p["status"] = json!({"phase": "Succeeded"});
    assert_eq!(cells(&p)[1], "Succeeded");
    assert_eq!(row_conditions(&p).unwrap()[0]["reason"], "Succeeded");
    assert!(row_conditions(&pod(two(), json!({"phase": "Running"}))).is_none());
    let cx = CellCx::at(Timestamp::UNIX_EPOCH);
    p["spec"]["readinessGates"] = json!([{"conditionType": "a"}, {"conditionType": "b"}]);
    p["status"]["conditions"] = json!([{"type": "a", "status": "True"}]);
    let wide: Vec<Value> = COLUMNS[4..].iter().map(|c| (c.cell)(&p, &cx)).collect();
    assert_eq!(wide, ["<none>", "<none>", "<none>", "1/2"]);
    assert!(COLUMNS[4..].iter().all(|c| c.priority == 1));
}
