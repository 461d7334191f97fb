//! The catalogue: decoding, defaults and merge facts against what upstream does.

use super::*;
use crate::object::{Value, json};

fn kind(api_version: &str, kind: &str) -> &'static Type {
    find_kind(api_version, kind).unwrap()
}

fn decoded(
    api_version: &str,
    name: &str,
    mut value: Value,
) -> Result<(Value, Vec<String>), String> {
    let found = decode(kind(api_version, name), &mut value)?;
    Ok((value, found.unknown))
}

#[test]
fn mismatches_read_as_in_go() {
    let cases = [
        (
            "apps/v1",
            "Deployment",
            json!({"spec": {"replicas": "3"}}),
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
        (
            "apps/v1",
            "Deployment",
            json!({"spec": {"template": {"spec": {"containers": [{"name": "a", "env": [{"name": "X", "value": 1}]}]}}}}),
            "json: cannot unmarshal number into Go struct field EnvVar.spec.template.spec.containers.env.value of type string",
        ),
        (
            "apps/v1",
            "Deployment",
            json!({"spec": {"replicas": 1.5}}),
            "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
        (
            "apps/v1",
            "Deployment",
            json!({"spec": {"replicas": 3_000_000_000u64}}),
            "json: cannot unmarshal number 3000000000 into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
        (
            "v1",
            "Pod",
            json!({"spec": {"containers": {}}}),
            "json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container",
        ),
        (
            "v1",
            "Pod",
            json!({"spec": "x"}),
            "json: cannot unmarshal string into Go struct field Pod.spec of type v1.PodSpec",
        ),
        (
            "v1",
            "Pod",
            json!({"spec": {"restartPolicy": true}}),
            "json: cannot unmarshal bool into Go struct field PodSpec.spec.restartPolicy of type v1.RestartPolicy",
        ),
        (
            "v1",
            "Pod",
            json!({"spec": {"volumes": [{"name": "v", "hostPath": {"path": 1}}]}}),
            "json: cannot unmarshal number into Go struct field HostPathVolumeSource.spec.volumes.VolumeSource.hostPath.path of type string",
        ),
        (
            "v1",
            "ConfigMap",
            json!({"metadata": {"labels": {"a": 1}}}),
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
        ),
        (
            "v1",
            "ConfigMap",
            json!({"data": {"a": {}}}),
            "json: cannot unmarshal object into Go struct field ConfigMap.data of type string",
        ),
        (
            "v1",
            "Service",
            json!({"spec": {"ports": [{"port": 80, "targetPort": true}]}}),
            "json: cannot unmarshal bool into Go struct field ServicePort.spec.ports.targetPort of type int32",
        ),
        ("v1", "Pod", json!([]), "json: cannot unmarshal array into Go value of type v1.Pod"),
        (
            "v1",
            "Pod",
            json!({"spec": {"containers": [{"resources": {"limits": {"cpu": "x"}}}]}}),
            crate::object::quantity::BAD_FORMAT,
        ),
        ("v1", "Secret", json!({"data": {"a": "a*"}}), "illegal base64 data at input byte 1"),
        ("v1", "Secret", json!({"data": {"a": "YQ"}}), "illegal base64 data at input byte 2"),
        (
            "v1",
            "Pod",
            json!({"metadata": {"creationTimestamp": "x"}}),
            "parsing time \"x\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"x\" as \"2006\"",
        ),
    ];
    for (version, name, value, message) in cases {
        assert_eq!(decoded(version, name, value).unwrap_err(), message);
    }
}

#[test]
fn unknown_fields_are_named_and_removed() {
    let (value, unknown) = decoded(
        "apps/v1",
        "Deployment",
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "foo": 1,
            "spec": {"template": {"spec": {"containers": [{"name": "a"}, {"name": "b", "foo": 1}],
                                            "volumes": [{"name": "v", "VolumeSource": {}}]}}},
        }),
    )
    .unwrap();
    assert_eq!(
        unknown,
        [
            "foo",
            "spec.template.spec.containers[1].foo",
            "spec.template.spec.volumes[0].VolumeSource",
        ]
    );
    assert_eq!(value["spec"]["template"]["spec"]["containers"][1], json!({"name": "b"}));
    assert!(value.get("foo").is_none());
}

#[test]
fn objects_come_out_as_upstream_writes_them() {
    let cases = [
        (
            "explicit nulls",
            "v1",
            "Pod",
            json!({"metadata": {"creationTimestamp": null, "name": "a"}}),
            json!({"metadata": {"name": "a"}}),
        ),
        (
            "omitted zeros go",
            "apps/v1",
            "Deployment",
            json!({"metadata": {"labels": {}}, "spec": {"paused": false}}),
            json!({"metadata": {}, "spec": {}}),
        ),
        (
            "pointers stay",
            "apps/v1",
            "Deployment",
            json!({"spec": {"replicas": 0}}),
            json!({"spec": {"replicas": 0}}),
        ),
        (
            "null in a list is zero",
            "v1",
            "Pod",
            json!({"spec": {"containers": [{"args": [null, "a"]}]}}),
            json!({"spec": {"containers": [{"args": ["", "a"]}]}}),
        ),
        (
            "quantities",
            "v1",
            "Pod",
            json!({"spec": {"containers": [{"resources": {"limits": {"cpu": "1000m", "memory": 1024}}}]}}),
            json!({"spec": {"containers": [{"resources": {"limits": {"cpu": "1", "memory": "1024"}}}]}}),
        ),
        (
            "times",
            "v1",
            "Pod",
            json!({"metadata": {"creationTimestamp": "2026-01-02T05:04:05+02:00"}}),
            json!({"metadata": {"creationTimestamp": "2026-01-02T03:04:05Z"}}),
        ),
        (
            "micro times",
            "coordination.k8s.io/v1",
            "Lease",
            json!({"spec": {"renewTime": "2026-01-02T03:04:05Z"}}),
            json!({"spec": {"renewTime": "2026-01-02T03:04:05.000000Z"}}),
        ),
        (
            "any",
            "apps/v1",
            "ControllerRevision",
            json!({"data": {"a": null, "b": [1]}, "revision": 1}),
            json!({"data": {"a": null, "b": [1]}, "revision": 1}),
        ),
    ];
    for (case, version, name, value, want) in cases {
        assert_eq!(decoded(version, name, value).unwrap(), (want, vec![]), "{case}");
    }
}

#[test]
fn defaults_reach_every_level() {
    let mut value = json!({"spec": {"template": {"spec": {"containers": [{
        "name": "a", "image": "b", "ports": [{"containerPort": 80}],
        "readinessProbe": {"httpGet": {"port": 80}, "initialDelaySeconds": 5},
    }]}}}});
    fill_defaults(kind("apps/v1", "Deployment"), &mut value);
    assert_eq!(
        value,
        json!({
            "metadata": {},
            "spec": {
                "progressDeadlineSeconds": 600, "replicas": 1, "revisionHistoryLimit": 10,
                "strategy": {"type": "RollingUpdate"},
                "template": {"metadata": {}, "spec": {
                    "containers": [{
                        "name": "a", "image": "b",
                        "ports": [{"containerPort": 80, "protocol": "TCP"}],
                        "readinessProbe": {
                            "failureThreshold": 3, "httpGet": {"path": "/", "port": 80, "scheme": "HTTP"},
                            "initialDelaySeconds": 5, "periodSeconds": 10, "successThreshold": 1,
                            "timeoutSeconds": 1,
                        },
                        "resources": {},
                        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
                    }],
                    "dnsPolicy": "ClusterFirst", "restartPolicy": "Always",
                    "schedulerName": "default-scheduler", "securityContext": {},
                    "terminationGracePeriodSeconds": 30,
                }},
            },
            "status": {},
        })
    );
}

#[test]
fn zero_counters_that_upstream_always_writes_are_there() {
    let mut value = json!({});
    fill_defaults(kind("apps/v1", "DaemonSet"), &mut value);
    assert_eq!(
        value["status"],
        json!({
            "currentNumberScheduled": 0, "desiredNumberScheduled": 0, "numberMisscheduled": 0,
            "numberReady": 0,
        })
    );
}

#[test]
fn merge_facts_are_in_place() {
    let container = find("io.k8s.api.core.v1.Container").unwrap();
    let spec = find("io.k8s.api.core.v1.PodSpec").unwrap();
    let ports = container.field("ports").unwrap();
    assert_eq!(
        (ports.merge_key, ports.map_keys),
        ("containerPort", &["containerPort", "protocol"][..])
    );
    assert_eq!(ports.list, ListType::Map);
    assert_eq!(container.field("env").unwrap().merge_key, "name");
    assert_eq!(spec.field("containers").unwrap().merge_key, "name");
    assert_eq!(spec.field("volumes").unwrap().strategies, ["merge", "retainKeys"]);
    assert_eq!(spec.field("tolerations").unwrap().list, ListType::Atomic);
    assert!(spec.field("nodeSelector").unwrap().atomic);
    let meta = find("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta").unwrap();
    assert_eq!(meta.field("finalizers").unwrap().list, ListType::Set);
    assert!(find("io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector").unwrap().atomic);
}

#[test]
fn the_table_is_sorted_and_closed() {
    assert!(TYPES[..NAMED].is_sorted_by(|a, b| a.name < b.name));
    for t in types() {
        assert!(t.fields.is_sorted_by(|a, b| a.name < b.name), "{}", t.name);
    }
    assert!(find("io.k8s.api.core.v1.Nothing").is_none());
}

#[test]
fn openshift_types_are_in_the_same_table() {
    let mut value = json!({
        "metadata": {"name": "r", "creationTimestamp": null},
        "spec": {"host": "", "to": {"kind": "", "name": "s", "weight": null}, "x": 1},
    });
    let route = kind("route.openshift.io/v1", "Route");
    assert_eq!(decode(route, &mut value).unwrap().unknown, ["spec.x"]);
    fill_defaults(route, &mut value);
    assert_eq!(
        value["spec"],
        json!({"to": {"kind": "Service", "name": "s", "weight": 100}, "wildcardPolicy": "None"})
    );
    let stream = kind("image.openshift.io/v1", "ImageStream");
    let error = decode(stream, &mut json!({"spec": {"lookupPolicy": {"local": "x"}}})).unwrap_err();
    assert_eq!(
        error,
        "json: cannot unmarshal string into Go struct field ImageLookupPolicy.spec.lookupPolicy.local of type bool"
    );
    let config = kind("apps.openshift.io/v1", "DeploymentConfig");
    let template = config.field("spec").unwrap().shape.object().unwrap().field("template").unwrap();
    assert_eq!(template.shape.object().unwrap().name, "io.k8s.api.core.v1.PodTemplateSpec");
}
