//! Containers, pod specs and Pods.

use super::*;

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
