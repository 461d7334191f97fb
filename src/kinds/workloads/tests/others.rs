//! Deployments, StatefulSets, DaemonSets and the rest.

use super::*;

#[test]
fn deployments() {
    let base = deployment();
    assert_eq!(run(&deployment::KIND, base.clone(), None), Vec::<String>::new());
    let tail = "`selector` does not match template `labels`";
    let rows: &[Row<'_>] = &[
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
            "spec: Invalid value: {\"MinAvailable\":1,\"Selector\":null,\"MaxUnavailable\":1,\"UnhealthyPodEvictionPolicy\":null}: minAvailable and maxUnavailable cannot be both set"
        ]
    );
    let hpa = json!({"spec": {"minReplicas": 2, "maxReplicas": 1,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}}});
    let expected =
        "spec.maxReplicas: Invalid value: 1: must be greater than or equal to `minReplicas`";
    assert_eq!(run(&horizontalpodautoscaler::KIND, hpa.clone(), None), [expected]);
    assert_eq!(run(&horizontalpodautoscaler_v1::KIND, hpa, None), [expected]);
}
