//! Validation and defaults of the workload kinds, as tables of fragments and the errors they earn.

use super::*;
use crate::{
    error::Causes,
    kinds::Kind,
    object::{ObjectExt, Value, json},
};

/// What the schema would have filled in before the hooks run.
fn schema_defaults(template: &mut Value) {
    for (field, value) in [
        ("restartPolicy", json!("Always")),
        ("dnsPolicy", json!("ClusterFirst")),
        ("terminationGracePeriodSeconds", json!(30)),
        ("schedulerName", json!("default-scheduler")),
        ("securityContext", json!({})),
    ] {
        let path = format!("spec.{field}");
        if template.at(&path).is_none() {
            template.set_at(&path, value);
        }
    }
    for list in ["containers", "initContainers"] {
        let containers = template.get_mut("spec").and_then(|s| s.get_mut(list));
        for c in containers.and_then(Value::as_array_mut).into_iter().flatten() {
            c["terminationMessagePolicy"] = json!("File");
            for port in c.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
                if port.get("protocol").is_none() {
                    port["protocol"] = json!("TCP");
                }
            }
        }
    }
}

fn lines(causes: Causes) -> Vec<String> {
    causes.0.iter().map(|c| format!("{}: {}", c.field, c.message)).collect()
}

fn run(kind: &Kind, mut new: Value, old: Option<&Value>) -> Vec<String> {
    if let Some(default) = kind.hooks.default {
        default(&mut new);
    }
    let mut causes = Causes::default();
    (kind.hooks.validate.unwrap())(&new, old, &mut causes);
    lines(causes)
}

/// `base` with `(path, value)` changes; `null` removes.
fn changed(base: &Value, changes: &[(&str, Value)]) -> Value {
    let mut o = base.clone();
    for (path, value) in changes {
        if value.is_null() {
            o.remove_at(path);
        } else {
            o.set_at(path, value.clone());
        }
    }
    o
}

fn template() -> Value {
    let mut t = json!({"metadata": {"labels": {"app": "x"}},
        "spec": {"containers": [{"name": "c", "image": "a:1"}]}});
    schema_defaults(&mut t);
    t
}

fn deployment() -> Value {
    let mut d = json!({"metadata": {"name": "d"}, "spec": {"replicas": 1,
        "selector": {"matchLabels": {"app": "x"}}, "template": template(),
        "strategy": {"type": "RollingUpdate"}, "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600}});
    (deployment::KIND.hooks.default.unwrap())(&mut d);
    d
}

#[test]
fn deployments() {
    let base = deployment();
    assert_eq!(run(&deployment::KIND, base.clone(), None), Vec::<String>::new());
    let tail = "`selector` does not match template `labels`";
    let rows: &[(&[(&str, Value)], &[&str])] = &[
        (
            &[("spec.selector", Value::Null)],
            &[
                "spec.selector: Required value",
                &format!("spec.template.metadata.labels: Invalid value: {{\"app\":\"x\"}}: {tail}"),
            ],
        ),
        (
            &[("spec.selector", json!({}))],
            &["spec.selector: Invalid value: {}: empty selector is invalid for deployment"],
        ),
        (
            &[("spec.selector", json!({"matchLabels": {"app": "y"}}))],
            &[&format!("spec.template.metadata.labels: Invalid value: {{\"app\":\"x\"}}: {tail}")],
        ),
        (
            &[("spec.replicas", json!(-1))],
            &["spec.replicas: Invalid value: -1: must be greater than or equal to 0"],
        ),
        (
            &[("spec.strategy", json!({"type": "X"}))],
            &[
                "spec.strategy: Unsupported value: {\"Type\":\"X\",\"RollingUpdate\":null}: supported values: \"Recreate\", \"RollingUpdate\"",
            ],
        ),
        (
            &[("spec.strategy.type", json!("Recreate"))],
            &[
                "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
            ],
        ),
        (
            &[("spec.strategy.rollingUpdate", json!({"maxUnavailable": 0, "maxSurge": "0%"}))],
            &[
                "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0",
            ],
        ),
        (
            &[(
                "spec.strategy.rollingUpdate",
                json!({"maxUnavailable": "150%", "maxSurge": "150%"}),
            )],
            &[
                "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"150%\": must not be greater than 100%",
            ],
        ),
        (
            &[("spec.strategy.rollingUpdate.maxSurge", json!("abc"))],
            &[
                "spec.strategy.rollingUpdate.maxSurge: Invalid value: \"abc\": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
            ],
        ),
        (
            &[("spec.progressDeadlineSeconds", json!(10)), ("spec.minReadySeconds", json!(10))],
            &[
                "spec.progressDeadlineSeconds: Invalid value: 10: must be greater than minReadySeconds",
            ],
        ),
        (
            &[("spec.template.spec.restartPolicy", json!("Never"))],
            &[
                "spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\"",
            ],
        ),
        (
            &[("spec.template.spec.activeDeadlineSeconds", json!(5))],
            &[
                "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported",
            ],
        ),
        (
            &[("spec.template.spec.containers", json!([]))],
            &["spec.template.spec.containers: Required value"],
        ),
    ];
    for (changes, expected) in rows {
        assert_eq!(run(&deployment::KIND, changed(&base, changes), None), *expected, "{changes:?}");
    }
    let other = changed(
        &base,
        &[
            ("spec.selector", json!({"matchLabels": {"app": "y"}})),
            ("spec.template.metadata.labels", json!({"app": "y"})),
        ],
    );
    assert_eq!(
        run(&deployment::KIND, other, Some(&base)),
        ["spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"y\"}}: field is immutable"]
    );
}

#[test]
fn deployment_defaults_follow_the_strategy() {
    let strategy = |value: Value| {
        let mut d = json!({"spec": {"strategy": value, "template": {"spec": {}}}});
        (deployment::KIND.hooks.default.unwrap())(&mut d);
        d["spec"]["strategy"].clone()
    };
    assert_eq!(
        strategy(json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 2}})),
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 2, "maxUnavailable": "25%"}})
    );
    assert_eq!(strategy(json!({"type": "Recreate"})), json!({"type": "Recreate"}));
}

fn containers(list: Value) -> Vec<String> {
    let mut t = json!({"metadata": {"labels": {"app": "x"}}, "spec": {"containers": list}});
    schema_defaults(&mut t);
    let d = changed(&deployment(), &[("spec.template", t)]);
    let prefix = "spec.template.spec.";
    let errors = run(&deployment::KIND, d, None);
    errors.iter().map(|e| e.strip_prefix(prefix).unwrap_or(e).to_owned()).collect()
}

#[test]
fn container_rules() {
    let c = |extra: Value| {
        let mut c = json!({"name": "c", "image": "a:1"});
        for (k, v) in extra.as_object().unwrap() {
            c[k] = v.clone();
        }
        json!([c])
    };
    let rows = [
        (
            json!([{}]),
            vec!["containers[0].name: Required value", "containers[0].image: Required value"],
        ),
        (
            json!([{"name": "c", "image": "a"}, {"name": "c", "image": "a"}]),
            vec!["containers[1].name: Duplicate value: \"c\""],
        ),
        // Templates may carry the placeholder image that image triggers fill in.
        (c(json!({"image": " "})), vec![]),
        (
            c(json!({"imagePullPolicy": "x"})),
            vec![
                "containers[0].imagePullPolicy: Unsupported value: \"x\": supported values: \"Always\", \"IfNotPresent\", \"Never\"",
            ],
        ),
        (
            c(json!({"volumeMounts": [{"name": "v", "mountPath": "/v"}]})),
            vec!["containers[0].volumeMounts[0].name: Not found: \"v\""],
        ),
        (
            c(json!({"ports": [{"containerPort": 70000}, {"name": "Web", "containerPort": 80}]})),
            vec![
                "containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
                "containers[0].ports[1].name: Invalid value: \"Web\": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
            ],
        ),
        (
            c(json!({"resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}})),
            vec![
                "containers[0].resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1",
            ],
        ),
        (
            c(json!({"resources": {"limits": {"foo": "1"}}})),
            vec![
                "containers[0].resources.limits[foo]: Invalid value: \"foo\": must be a standard resource type or fully qualified",
                "containers[0].resources.limits[foo]: Invalid value: \"foo\": must be a standard resource for containers",
            ],
        ),
        (
            c(json!({"env": [{"name": "A=B", "value": "x"}, {"name": "C", "valueFrom": {}}]})),
            vec![
                "containers[0].env[0].name: Invalid value: \"A=B\": a valid environment variable name must consist only of printable ASCII characters other than '='",
                "containers[0].env[1].valueFrom: Invalid value: \"\": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`",
            ],
        ),
        (
            c(json!({"livenessProbe": {"successThreshold": 2, "tcpSocket": {"port": 80}}})),
            vec!["containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1"],
        ),
        (
            c(json!({"readinessProbe": {"successThreshold": 1}})),
            vec!["containers[0].readinessProbe: Required value: must specify a handler type"],
        ),
    ];
    for (list, expected) in rows {
        assert_eq!(containers(list.clone()), expected, "{list}");
    }
}

#[test]
fn pod_spec_rules() {
    let base = deployment();
    let rows = [
        (
            "tolerations",
            json!([{"operator": "Equal"}]),
            vec![
                "spec.template.spec.tolerations[0].operator: Invalid value: \"Equal\": operator must be Exists when `key` is empty, which means \"match all values and all keys\"",
            ],
        ),
        (
            "tolerations",
            json!([{"key": "a", "operator": "Gt"}]),
            vec![
                "spec.template.spec.tolerations[0].operator: Unsupported value: \"Gt\": supported values: \"Equal\", \"Exists\", \"Lt\", \"Gt\"",
            ],
        ),
        (
            "dnsPolicy",
            json!("x"),
            vec![
                "spec.template.spec.dnsPolicy: Unsupported value: \"x\": supported values: \"ClusterFirstWithHostNet\", \"ClusterFirst\", \"Default\", \"None\"",
            ],
        ),
        (
            "volumes",
            json!([{"name": "v", "secret": {}}]),
            vec!["spec.template.spec.volumes[0].secret.secretName: Required value"],
        ),
        (
            "volumes",
            json!([{"name": "v", "emptyDir": {}, "configMap": {"name": "m"}}]),
            vec![
                "spec.template.spec.volumes[0].configMap: Forbidden: may not specify more than 1 volume type",
            ],
        ),
        (
            "initContainers",
            json!([{"name": "c", "image": "a", "terminationMessagePolicy": "File"}]),
            vec!["spec.template.spec.initContainers[0].name: Duplicate value: \"c\""],
        ),
        (
            "affinity",
            json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {}}}),
            vec![
                "spec.template.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term",
            ],
        ),
        (
            "topologySpreadConstraints",
            json!([{"maxSkew": 0, "topologyKey": "z", "whenUnsatisfiable": "DoNotSchedule"}]),
            vec![
                "spec.template.spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero",
            ],
        ),
        (
            "securityContext",
            json!({"runAsUser": -1}),
            vec![
                "spec.template.spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive",
            ],
        ),
        (
            "ephemeralContainers",
            json!([{"name": "e", "image": "a", "terminationMessagePolicy": "File"}]),
            vec![
                "spec.template.spec.ephemeralContainers: Forbidden: ephemeral containers not allowed in pod template",
            ],
        ),
    ];
    for (field, value, expected) in rows {
        let path = format!("spec.template.spec.{field}");
        let d = changed(&base, &[(path.as_str(), value.clone())]);
        assert_eq!(run(&deployment::KIND, d, None), expected, "{field}: {value}");
    }
}

#[test]
fn statefulsets() {
    let mut base = json!({"metadata": {"name": "s"}, "spec": {"replicas": 1,
        "podManagementPolicy": "OrderedReady", "serviceName": "s",
        "selector": {"matchLabels": {"app": "x"}}, "template": template(),
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}]}});
    base["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] =
        json!([{"name": "data", "mountPath": "/d"}]);
    (statefulset::KIND.hooks.default.unwrap())(&mut base);
    assert_eq!(
        base["spec"]["updateStrategy"],
        json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}})
    );
    assert_eq!(run(&statefulset::KIND, base.clone(), None), Vec::<String>::new());
    let rows = [
        (
            "spec.podManagementPolicy",
            json!("x"),
            "spec.podManagementPolicy: Invalid value: \"x\": must be 'OrderedReady' or 'Parallel'",
        ),
        (
            "spec.updateStrategy",
            json!({"type": "x"}),
            "spec.updateStrategy: Invalid value: {\"type\":\"x\"}: must be 'RollingUpdate' or 'OnDelete'",
        ),
        (
            "spec.updateStrategy.type",
            json!("OnDelete"),
            "spec.updateStrategy.rollingUpdate: Invalid value: {\"partition\":0}: only allowed for updateStrategy 'RollingUpdate'",
        ),
        (
            "spec.selector",
            json!({}),
            "spec.selector: Invalid value: {}: empty selector is invalid for statefulset",
        ),
    ];
    for (path, value, expected) in rows {
        let s = changed(&base, &[(path, value)]);
        assert_eq!(run(&statefulset::KIND, s, None), [expected]);
    }
    let other = changed(&base, &[("spec.serviceName", json!("t"))]);
    assert_eq!(
        run(&statefulset::KIND, other, Some(&base)),
        [
            "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
        ]
    );
    let scaled = changed(&base, &[("spec.replicas", json!(3))]);
    assert_eq!(run(&statefulset::KIND, scaled, Some(&base)), Vec::<String>::new());
    let negative = changed(&base, &[("spec.revisionHistoryLimit", json!(-1))]);
    assert_eq!(
        (statefulset::KIND.hooks.warn.unwrap())(&negative, None),
        [
            "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended"
        ]
    );
}

#[test]
fn daemonsets() {
    let mut base = json!({"metadata": {"name": "s"}, "spec": {
        "selector": {"matchLabels": {"app": "x"}}, "template": template(),
        "updateStrategy": {"type": "RollingUpdate"}}});
    (daemonset::KIND.hooks.default.unwrap())(&mut base);
    assert_eq!(run(&daemonset::KIND, base.clone(), None), Vec::<String>::new());
    let path = "spec.updateStrategy.rollingUpdate";
    let rows = [
        (
            json!({"maxUnavailable": 1, "maxSurge": 1}),
            "spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero",
        ),
        (
            json!({"maxUnavailable": 0, "maxSurge": 0}),
            "spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0",
        ),
    ];
    for (value, expected) in rows {
        assert_eq!(run(&daemonset::KIND, changed(&base, &[(path, value)]), None), [expected]);
    }
}

fn job() -> Value {
    let mut template = template();
    template["metadata"]["labels"] = json!({"controller-uid": "u", "job-name": "j",
        "batch.kubernetes.io/controller-uid": "u", "batch.kubernetes.io/job-name": "j"});
    template["spec"]["restartPolicy"] = json!("Never");
    let mut job = json!({"metadata": {"name": "j", "uid": "u"}, "spec": {"template": template,
        "selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": "u"}}}});
    (job::KIND.hooks.default.unwrap())(&mut job);
    job
}

#[test]
fn jobs() {
    let base = job();
    assert_eq!(run(&job::KIND, base.clone(), None), Vec::<String>::new());
    assert_eq!(base.i64_at("spec.backoffLimit"), Some(6));
    assert_eq!(base.i64_at("spec.completions"), Some(1));
    let rows: &[(&[(&str, Value)], &[&str])] = &[
        (
            &[("spec.template.spec.restartPolicy", json!("Always"))],
            &[
                "spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\"",
            ],
        ),
        (
            &[
                ("spec.template.spec.restartPolicy", json!("OnFailure")),
                ("spec.podFailurePolicy", json!({"rules": []})),
                ("spec.podReplacementPolicy", json!("Failed")),
            ],
            &[
                "spec.template.spec.restartPolicy: Invalid value: \"OnFailure\": only \"Never\" is supported when podFailurePolicy is specified",
            ],
        ),
        (
            &[("spec.completionMode", json!("Indexed")), ("spec.completions", Value::Null)],
            &["spec.completions: Required value: when completion mode is Indexed"],
        ),
        (
            &[("spec.maxFailedIndexes", json!(1))],
            &[
                "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified",
                "spec.maxFailedIndexes: Invalid value: 1: requires indexed completion mode",
            ],
        ),
    ];
    for (changes, expected) in rows {
        assert_eq!(run(&job::KIND, changed(&base, changes), None), *expected, "{changes:?}");
    }
    let long = "j".repeat(62);
    let mut indexed = changed(
        &base,
        &[("metadata.name", json!(long)), ("spec.completionMode", json!("Indexed"))],
    );
    for label in ["job-name", "batch.kubernetes.io/job-name"] {
        indexed["spec"]["template"]["metadata"]["labels"][label] = json!(long);
    }
    let expected = format!(
        "metadata.name: Invalid value: \"{long}\": will not able to create pod with invalid DNS label: {long}-0"
    );
    assert_eq!(run(&job::KIND, indexed, None), [expected]);
}

#[test]
fn job_updates() {
    let base = job();
    let more = changed(&base, &[("spec.completions", json!(2))]);
    assert_eq!(
        run(&job::KIND, more, Some(&base)),
        ["spec.completions: Invalid value: 2: field is immutable"]
    );
    let indexed = changed(&base, &[("spec.completionMode", json!("Indexed"))]);
    let more = changed(&indexed, &[("spec.completions", json!(2))]);
    assert_eq!(
        run(&job::KIND, more, Some(&indexed)),
        [
            "spec.completions: Invalid value: 2: can only be modified in tandem with spec.parallelism"
        ]
    );
    let placed = [("spec.template.spec.nodeSelector", json!({"a": "b"}))];
    let errors = run(&job::KIND, changed(&base, &placed), Some(&base));
    assert!(
        errors[0].starts_with("spec.template: Invalid value: {")
            && errors[0].ends_with(": field is immutable"),
        "{errors:?}"
    );
    let suspended = changed(&base, &[("spec.suspend", json!(true))]);
    assert_eq!(
        run(&job::KIND, changed(&suspended, &placed), Some(&suspended)),
        Vec::<String>::new()
    );
}

#[test]
fn job_statuses() {
    let base =
        changed(&job(), &[("status", json!({"startTime": "2026-01-01T00:00:00Z", "failed": 1}))]);
    let rows = [
        (
            json!({"startTime": "2026-01-01T00:00:00Z", "failed": 0}),
            vec!["status.failed: Invalid value: 0: cannot decrease the failed counter"],
        ),
        (
            json!({"startTime": "2026-01-01T00:00:00Z", "failed": 1,
            "conditions": [{"type": "Failed", "status": "True"}]}),
            vec![
                "status.conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true condition",
            ],
        ),
        (
            json!({"startTime": "2026-01-01T00:00:00Z", "failed": 1, "completionTime": "2026-01-01T00:00:01Z"}),
            vec![
                "status.completionTime: Invalid value: \"2026-01-01T00:00:01Z\": cannot set completionTime when there is no Complete=True condition",
            ],
        ),
    ];
    for (status, expected) in rows {
        let mut causes = Causes::default();
        (job::KIND.hooks.validate_status.unwrap())(
            &changed(&base, &[("status", status)]),
            &base,
            &mut causes,
        );
        assert_eq!(lines(causes), expected);
    }
    assert_eq!(jobspec::count_indexes("0-2,4", 5), Ok(4));
    assert_eq!(
        jobspec::count_indexes("3,1", 5).unwrap_err(),
        "non-increasing order, previous: 3, current: 1"
    );
}

#[test]
fn cronjobs() {
    let mut template = template();
    template["spec"]["restartPolicy"] = json!("Never");
    let base = json!({"metadata": {"name": "c"}, "spec": {"schedule": "* * * * *",
        "concurrencyPolicy": "Allow", "jobTemplate": {"spec": {"template": template}}}});
    assert_eq!(run(&cronjob::KIND, base.clone(), None), Vec::<String>::new());
    let long = "c".repeat(53);
    let rows = [
        ("metadata.name", json!(long), format!("metadata.name: Invalid value: \"{long}\": must be no more than 52 characters")),
        ("spec.schedule", json!("* * *"), "spec.schedule: Invalid value: \"* * *\": expected exactly 5 fields, found 3: [* * *]".into()),
        ("spec.schedule", json!("61 * * * *"), "spec.schedule: Invalid value: \"61 * * * *\": end of range (61) above maximum (59): 61".into()),
        ("spec.schedule", json!("TZ=UTC * * * * *"), "spec.schedule: Invalid value: \"TZ=UTC * * * * *\": cannot use TZ or CRON_TZ in schedule, use timeZone field instead".into()),
        ("spec.timeZone", json!("x"), "spec.timeZone: Invalid value: \"x\": unknown time zone x".into()),
        ("spec.timeZone", json!(""), "spec.timeZone: Invalid value: \"\": timeZone must be nil or non-empty string".into()),
        ("spec.timeZone", json!("Local"), "spec.timeZone: Invalid value: \"Local\": timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones".into()),
        ("spec.jobTemplate.spec.selector", json!({}), "spec.jobTemplate.spec.selector: Invalid value: {}: `selector` will be auto-generated".into()),
    ];
    for (path, value, expected) in rows {
        assert_eq!(run(&cronjob::KIND, changed(&base, &[(path, value)]), None), [expected]);
    }
}

#[test]
fn controllers_budgets_and_autoscalers() {
    let mut rc =
        json!({"metadata": {"name": "r"}, "spec": {"replicas": 1, "template": template()}});
    (replicationcontroller::KIND.hooks.default.unwrap())(&mut rc);
    assert_eq!(rc["spec"]["selector"], json!({"app": "x"}));
    assert_eq!(rc["metadata"]["labels"], json!({"app": "x"}));
    let bare = json!({"spec": {"replicas": 1}});
    assert_eq!(
        run(&replicationcontroller::KIND, bare, None),
        ["spec.selector: Required value", "spec.template: Required value"]
    );
    let pdb = json!({"spec": {"minAvailable": 1, "maxUnavailable": 1}});
    assert_eq!(
        run(&poddisruptionbudget::KIND, pdb, None),
        [
            "spec: Invalid value: {\"maxUnavailable\":1,\"minAvailable\":1}: minAvailable and maxUnavailable cannot be both set"
        ]
    );
    let hpa = json!({"spec": {"minReplicas": 2, "maxReplicas": 1,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}}});
    let expected =
        "spec.maxReplicas: Invalid value: 1: must be greater than or equal to `minReplicas`";
    assert_eq!(run(&horizontalpodautoscaler::KIND, hpa.clone(), None), [expected]);
    assert_eq!(run(&horizontalpodautoscaler_v1::KIND, hpa, None), [expected]);
}

fn pod() -> Value {
    let mut pod = template();
    pod.set_at("metadata.name", "p");
    (pod::KIND.hooks.default.unwrap())(&mut pod);
    pod
}

#[test]
fn pods() {
    let base = pod();
    assert_eq!(run(&pod::KIND, base.clone(), None), Vec::<String>::new());
    let mut spaced = base.clone();
    spaced["spec"]["containers"][0]["image"] = json!(" ");
    assert_eq!(
        run(&pod::KIND, spaced, None),
        [
            "spec.containers[0].image: Invalid value: \" \": must not have leading or trailing whitespace"
        ]
    );
    let mut new_image = base.clone();
    new_image["spec"]["containers"][0]["image"] = json!("b:2");
    assert_eq!(run(&pod::KIND, new_image, Some(&base)), Vec::<String>::new());
    let tolerating = changed(&base, &[("spec.tolerations", json!([{"operator": "Exists"}]))]);
    assert_eq!(run(&pod::KIND, tolerating.clone(), Some(&base)), Vec::<String>::new());
    assert_eq!(
        run(&pod::KIND, base.clone(), Some(&tolerating)),
        [
            "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds"
        ]
    );
    let renamed = changed(&base, &[("spec.hostname", json!("h"))]);
    let errors = run(&pod::KIND, renamed, Some(&base));
    assert!(errors[0].starts_with("spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n@@ -"), "{errors:?}");
    assert!(errors[0].contains("\n+ \"hostname\": \"h\",\n"), "{errors:?}");
}

#[test]
fn quality_of_service() {
    let resources =
        |r: Value| json!({"spec": {"containers": [{"resources": r}, {"resources": r}]}});
    let rows = [
        (json!({}), "BestEffort"),
        (json!({"requests": {"cpu": "1"}}), "Burstable"),
        (
            json!({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1", "memory": "1Gi"}}),
            "Guaranteed",
        ),
        (
            json!({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m", "memory": "1Gi"}}),
            "Burstable",
        ),
    ];
    for (r, class) in rows {
        assert_eq!(template::qos_class(&resources(r.clone())), class, "{r}");
    }
}
