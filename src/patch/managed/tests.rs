//! Field managers: who owns what after updates and applies, conflicts, force and removal.

use super::{sample::deployment, *};
use crate::{
    error::Error,
    object::{ObjectExt, json},
};
use jiff::Timestamp;

const V: &str = "apps/v1";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

pub(super) fn object(spec: Value) -> Value {
    json!({"apiVersion": V, "kind": "Deployment",
        "metadata": {"name": "d", "namespace": "n"}, "spec": spec})
}

/// Stores as the server would: with a uid.
fn stored(mut o: Value) -> Value {
    o.set_at("metadata.uid", "u");
    o
}

pub(super) fn update(
    old: Option<&Value>,
    mut new: Value,
    manager: &str,
    sub: &str,
    t: i64,
) -> Value {
    record_update(old, &mut new, Root::Type(deployment()), manager, V, sub, at(t));
    stored(new)
}

pub(super) fn try_apply(
    live: Option<&Value>,
    config: &Value,
    m: &str,
    force: bool,
    t: i64,
) -> Result<Value, Error> {
    apply(live, config, Root::Type(deployment()), m, force, V, "", at(t)).map(stored)
}

pub(super) fn owned(o: &Value, manager: &str) -> Option<Value> {
    let entry = o.list_at("metadata.managedFields").iter();
    entry.clone().find(|e| e.str_at("manager") == manager)?.get("fieldsV1").cloned()
}

fn managers(o: &Value) -> Vec<&str> {
    o.list_at("metadata.managedFields").iter().map(|e| e.str_at("manager")).collect()
}

#[test]
fn a_create_owns_what_it_says_in_upstreams_form() {
    let mut new = object(json!({
        "replicas": 1,
        "selector": {"matchLabels": {"a": "b"}},
        "nodeSelector": {"x": "y"},
        "strategy": {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}},
        "containers": [{"name": "c", "image": "i", "args": ["1", "2"],
            "ports": [{"containerPort": 80, "protocol": "TCP"}]}],
    }));
    new.set_at("metadata.labels", json!({"app": "d"}));
    new.set_at("metadata.finalizers", json!(["f/x"]));
    new.set_at("status.replicas", 3);
    let new = update(None, new, "m", "", 0);
    let entry = &new.list_at("metadata.managedFields")[0];
    assert_eq!(entry["operation"], "Update");
    assert_eq!(entry["apiVersion"], V);
    assert_eq!(entry["fieldsType"], "FieldsV1");
    assert_eq!(entry["time"], "2027-01-15T08:00:00Z");
    assert_eq!(entry.get("subresource"), None);
    assert_eq!(
        entry["fieldsV1"],
        json!({
            "f:metadata": {
                "f:finalizers": {".": {}, "v:\"f/x\"": {}},
                "f:labels": {".": {}, "f:app": {}},
            },
            "f:spec": {
                "f:containers": {"k:{\"name\":\"c\"}": {
                    ".": {}, "f:args": {}, "f:image": {}, "f:name": {},
                    "f:ports": {".": {}, "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {
                        ".": {}, "f:containerPort": {}, "f:protocol": {}}},
                }},
                "f:nodeSelector": {},
                "f:replicas": {},
                "f:selector": {},
                "f:strategy": {"f:rollingUpdate": {}, "f:type": {}},
            },
        })
    );
}

/// What a real cluster shows for `kubectl create deployment`, without what is defaulted.
#[test]
fn a_real_deployment() {
    let Some(ty) = crate::schema::find("io.k8s.api.apps.v1.Deployment") else {
        panic!("the catalogue has no Deployment");
    };
    let labels = json!({"app": "web"});
    let mut new = json!({
        "apiVersion": V, "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "n", "labels": labels},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "strategy": {"type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "c", "image": "i", "resources": {},
                    "env": [{"name": "A", "value": "b"}],
                    "volumeMounts": [{"name": "v", "mountPath": "/v"}]}],
                    "nodeSelector": {"a": "b"}, "securityContext": {}, "restartPolicy": "Always",
                    "volumes": [{"name": "v", "emptyDir": {}}]},
            },
        },
    });
    record_update(None, &mut new, Root::Type(ty), "kubectl-create", V, "", at(0));
    assert_eq!(
        owned(&new, "kubectl-create"),
        Some(json!({
            "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
            "f:spec": {
                "f:replicas": {},
                "f:selector": {},
                "f:strategy": {
                    "f:rollingUpdate": {".": {}, "f:maxSurge": {}, "f:maxUnavailable": {}},
                    "f:type": {},
                },
                "f:template": {
                    "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
                    "f:spec": {
                        "f:containers": {"k:{\"name\":\"c\"}": {
                            ".": {}, "f:image": {}, "f:name": {}, "f:resources": {},
                            "f:env": {".": {}, "k:{\"name\":\"A\"}": {
                                ".": {}, "f:name": {}, "f:value": {}}},
                            "f:volumeMounts": {".": {}, "k:{\"mountPath\":\"/v\"}": {
                                ".": {}, "f:mountPath": {}, "f:name": {}}},
                        }},
                        "f:nodeSelector": {},
                        "f:restartPolicy": {},
                        "f:securityContext": {},
                        "f:volumes": {".": {}, "k:{\"name\":\"v\"}": {
                            ".": {}, "f:emptyDir": {}, "f:name": {}}},
                    },
                },
            },
        }))
    );
}

#[test]
fn changes_move_ownership_and_time() {
    let first = update(None, object(json!({"replicas": 1, "paused": true})), "a", "", 0);
    let mut next = first.clone();
    next.set_at("spec.replicas", 2);
    let second = update(Some(&first), next, "b", "", 5);
    assert_eq!(owned(&second, "a"), Some(json!({"f:spec": {"f:paused": {}}})));
    assert_eq!(owned(&second, "b"), Some(json!({"f:spec": {"f:replicas": {}}})));
    let times: Vec<&str> =
        second.list_at("metadata.managedFields").iter().map(|e| e.str_at("time")).collect();
    assert_eq!(times, ["2027-01-15T08:00:00Z", "2027-01-15T08:00:05Z"]);

    let same = update(Some(&second), second.clone(), "b", "", 9);
    assert_eq!(same, second, "an identical write changes nothing");
    let mut bare = second.clone();
    bare.remove_at("metadata.managedFields");
    assert_eq!(update(Some(&second), bare, "c", "", 9), second, "absent means unchanged");

    let mut without = second.clone();
    without["spec"].as_object_mut().unwrap().remove("paused");
    let third = update(Some(&second), without, "b", "", 9);
    assert_eq!(managers(&third), ["b"], "emptied entries vanish");
    assert_eq!(third.list_at("metadata.managedFields")[0]["time"], "2027-01-15T08:00:05Z");
}

#[test]
fn status_writes_carry_their_subresource() {
    let first = update(None, object(json!({"replicas": 1})), "a", "", 0);
    let mut next = first.clone();
    next.set_at("status.conditions", json!([{"type": "Ready", "status": "True"}]));
    let second = update(Some(&first), next, "ctl", "status", 1);
    let entry = &second.list_at("metadata.managedFields")[1];
    assert_eq!(entry["subresource"], "status");
    let key = "k:{\"type\":\"Ready\"}";
    assert_eq!(
        entry["fieldsV1"],
        json!({"f:status": {"f:conditions": {".": {},
            key: {".": {}, "f:status": {}, "f:type": {}}}}})
    );
    let mut next = second.clone();
    next["status"]["conditions"][0]["status"] = json!("False");
    let third = update(Some(&second), next, "other", "status", 2);
    assert_eq!(
        owned(&third, "other"),
        Some(json!({"f:status": {"f:conditions": {key: {"f:status": {}}}}}))
    );
    assert_eq!(
        owned(&third, "ctl"),
        Some(json!({"f:status": {"f:conditions": {".": {}, key: {".": {}, "f:type": {}}}}}))
    );
}

#[test]
fn owners_can_be_reset_and_edited() {
    let first = update(None, object(json!({"replicas": 1})), "a", "", 0);
    for reset in [json!([]), json!([{}])] {
        let mut next = first.clone();
        next.set_at("metadata.managedFields", reset);
        next.set_at("spec.replicas", 2);
        let next = update(Some(&first), next, "b", "", 1);
        assert_eq!(next.at("metadata.managedFields"), None);
        let mut later = next.clone();
        later.set_at("spec.replicas", 3);
        let later = update(Some(&next), later, "b", "", 2);
        assert_eq!(later.at("metadata.managedFields"), None, "untracked until applied");
    }
    let mut edited = first.clone();
    edited["metadata"]["managedFields"][0]["manager"] = json!("renamed");
    edited["metadata"]["managedFields"][0]["fieldsV1"] =
        json!({"f:spec": {".": {}, "f:containers": {"k:{ \"name\" : \"x\"}": {}}}});
    let next = update(Some(&first), edited.clone(), "b", "", 1);
    assert_eq!(
        owned(&next, "renamed"),
        Some(json!({"f:spec": {".": {}, "f:containers": {"k:{\"name\":\"x\"}": {}}}}))
    );
    edited["metadata"]["managedFields"][0]["operation"] = json!("Steal");
    let next = update(Some(&first), edited, "b", "", 1);
    assert_eq!(managers(&next), ["a"], "what cannot be read is ignored");
}

#[test]
fn old_updaters_become_ancient() {
    let mut live = update(None, object(json!({"paused": true})), "m00", "", 0);
    for i in 1..=12 {
        let mut next = live.clone();
        next.set_label(&format!("l{i}"), "x");
        live = update(Some(&live), next, &format!("m{i:02}"), "", i);
    }
    let names = managers(&live);
    assert_eq!(names.len(), 10);
    assert_eq!(names[0], "ancient-changes");
    assert_eq!(names[1], "m04");
    assert_eq!(
        owned(&live, "ancient-changes"),
        Some(json!({
            "f:metadata": {"f:labels": {".": {}, "f:l1": {}, "f:l2": {}, "f:l3": {}}},
            "f:spec": {"f:paused": {}},
        }))
    );
    assert_eq!(live.list_at("metadata.managedFields")[0]["time"], "2027-01-15T08:00:03Z");
}

#[test]
fn conflicts_have_upstreams_words() {
    let live = update(None, object(json!({"replicas": 1, "paused": true})), "m", "", 0);
    let one = object(json!({"replicas": 2}));
    let error = try_apply(Some(&live), &one, "me", false, 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Apply failed with 1 conflict: conflict with \"m\" using apps/v1: .spec.replicas"
    );
    assert_eq!(error.code(), (409, "Conflict"));
    assert_eq!(
        error.status()["details"],
        json!({"causes": [{"reason": "FieldManagerConflict", "field": ".spec.replicas",
            "message": "conflict with \"m\" using apps/v1"}]})
    );
    let two = object(json!({"replicas": 2, "paused": false}));
    assert_eq!(
        try_apply(Some(&live), &two, "me", false, 1).unwrap_err().to_string(),
        "Apply failed with 2 conflicts: conflicts with \"m\" using apps/v1:\n- .spec.paused\n- .spec.replicas"
    );
    let forced = try_apply(Some(&live), &one, "me", true, 1).unwrap();
    assert_eq!(forced.i64_at("spec.replicas"), Some(2));
    assert_eq!(owned(&forced, "m"), Some(json!({"f:spec": {"f:paused": {}}})));
    assert_eq!(managers(&forced), ["me", "m"], "appliers come first");
    let other = object(json!({"replicas": 3}));
    assert_eq!(
        try_apply(Some(&forced), &other, "you", false, 2).unwrap_err().to_string(),
        "Apply failed with 1 conflict: conflict with \"me\": .spec.replicas"
    );
    let mut scaled = forced.clone();
    scaled.set_at("spec.replicas", 9);
    let scaled = update(Some(&forced), scaled, "hpa", "scale", 3);
    let hpa =
        scaled.list_at("metadata.managedFields").iter().find(|e| e.str_at("manager") == "hpa");
    assert_eq!(hpa.unwrap().get("time"), None, "the scale subresource tells no time");
    assert_eq!(
        try_apply(Some(&scaled), &other, "you", false, 4).unwrap_err().to_string(),
        "Apply failed with 1 conflict: conflict with \"hpa\" with subresource \"scale\" using apps/v1: .spec.replicas"
    );
}

#[test]
fn applying_removes_what_is_no_longer_asked_for() {
    let mut config = object(json!({"replicas": 1, "containers": [
        {"name": "a", "image": "1"}, {"name": "b", "image": "1"}]}));
    config.set_at("metadata.labels", json!({"x": "1", "y": "1"}));
    let live = try_apply(None, &config, "me", false, 0).unwrap();
    assert_eq!(managers(&live), ["me"]);
    let mut next = live.clone();
    next["spec"]["containers"].as_array_mut().unwrap().push(json!({"name": "c", "image": "1"}));
    next.set_label("z", "1");
    let live = update(Some(&live), next, "other", "", 1);
    // `y` is shared now, so it stays when `me` lets go.
    let mut shared = object(json!({}));
    shared.as_object_mut().unwrap().remove("spec");
    shared.set_at("metadata.labels", json!({"y": "1"}));
    let live = try_apply(Some(&live), &shared, "friend", false, 2).unwrap();
    let config = object(json!({"containers": [{"name": "b", "image": "2"}]}));
    let live = try_apply(Some(&live), &config, "me", false, 3).unwrap();
    assert_eq!(live.at("spec.replicas"), None);
    assert_eq!(
        live["spec"]["containers"],
        json!([{"name": "b", "image": "2"}, {"name": "c", "image": "1"}])
    );
    assert_eq!(live["metadata"]["labels"], json!({"y": "1", "z": "1"}));
    assert_eq!(live.uid(), "u");
}

#[test]
fn untracked_objects_get_a_manager_before_the_first_apply() {
    let live = stored(object(json!({"replicas": 1, "paused": true})));
    let config = object(json!({"replicas": 2}));
    assert_eq!(
        try_apply(Some(&live), &config, "me", false, 0).unwrap_err().to_string(),
        "Apply failed with 1 conflict: conflict with \"before-first-apply\" using apps/v1: .spec.replicas"
    );
    let live = try_apply(Some(&live), &object(json!({"replicas": 1})), "me", false, 0).unwrap();
    assert_eq!(managers(&live), ["me", "before-first-apply"]);
    assert_eq!(
        owned(&live, "before-first-apply"),
        Some(json!({"f:spec": {"f:paused": {}, "f:replicas": {}}}))
    );
}

#[test]
fn lists_merge_in_order() {
    let spec = |names: &[&str]| {
        let list: Vec<Value> = names.iter().map(|n| json!({"name": n, "image": "i"})).collect();
        object(json!({"containers": list}))
    };
    // Cases of structured-merge-diff's merge tests: live, configuration, outcome.
    let rows: &[(&[&str], &[&str], &[&str])] = &[
        (&["a", "b"], &["c"], &["a", "b", "c"]),
        (&["a", "b", "c"], &["c", "a"], &["b", "c", "a"]),
        (&["a", "b", "c"], &["b"], &["a", "b", "c"]),
        (&["a", "c"], &["a", "b", "c"], &["a", "b", "c"]),
        (&["1", "2", "3"], &["3", "x", "2"], &["1", "3", "x", "2"]),
        (&[], &["b", "a"], &["b", "a"]),
    ];
    for (live, config, expected) in rows {
        let live = stored(spec(live));
        let out = try_apply(Some(&live), &spec(config), "m", true, 0).unwrap();
        let names: Vec<&str> =
            out.list_at("spec.containers").iter().map(|c| c.str_at("name")).collect();
        assert_eq!(&names, expected, "{live} {config:?}");
    }
}

#[test]
fn atomic_places_are_replaced_and_owned_as_one() {
    let config = object(json!({"selector": {"matchLabels": {"a": "1"}}, "words": ["x"]}));
    let live = try_apply(None, &config, "a", false, 0).unwrap();
    assert_eq!(owned(&live, "a"), Some(json!({"f:spec": {"f:selector": {}, "f:words": {}}})));
    let other = object(json!({"selector": {"matchLabels": {"b": "1"}}, "words": ["y"]}));
    assert!(try_apply(Some(&live), &other, "b", false, 1).is_err());
    let live = try_apply(Some(&live), &other, "b", true, 1).unwrap();
    assert_eq!(live["spec"], other["spec"]);
    assert_eq!(managers(&live), ["b"]);
}

#[test]
fn configurations_must_fit() {
    let rows = [
        (json!({"bad": 1}), ".spec.bad: field not declared in schema"),
        (json!({"replicas": "2"}), ".spec.replicas: expected numeric (int or float), got string"),
        (
            json!({"containers": [{"name": "a"}, {"name": "a"}]}),
            ".spec.containers: duplicate entries for key [name=\"a\"]",
        ),
        (json!({"containers": {}}), ".spec.containers: expected list, got &{map[]}"),
        (
            json!({"containers": [{"name": "a", "image": 1}]}),
            ".spec.containers[name=\"a\"].image: expected string, got &value.valueUnstructured{Value:1}",
        ),
    ];
    for (spec, why) in rows {
        let error = try_apply(None, &object(spec), "m", false, 0).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("failed to create typed patch object (n/d; apps/v1, Kind=Deployment): {why}")
        );
        assert_eq!(error.code().0, 500);
    }
    let mut config = object(json!({}));
    config.set_at("metadata.managedFields", json!([]));
    let error = try_apply(None, &config, "m", false, 0).unwrap_err();
    assert_eq!(error, Error::BadRequest("metadata.managedFields must be nil".into()));
    config["apiVersion"] = json!("apps/v2");
    let error = try_apply(None, &config, "m", false, 0).unwrap_err();
    assert_eq!(error, Error::BadRequest("invalid object type: apps/v2, Kind=Deployment".into()));
}

#[test]
fn applying_twice_is_one() {
    let config = object(json!({"replicas": 1}));
    let live = try_apply(None, &config, "me", false, 0).unwrap();
    assert_eq!(try_apply(Some(&live), &config, "me", false, 9).unwrap(), live);
    let two = try_apply(Some(&live), &config, "you", false, 9).unwrap();
    assert_eq!(managers(&two), ["you", "me"]);
    assert_eq!(owned(&two, "you"), owned(&two, "me"));
}

#[test]
fn kubectl_takes_over_from_its_client_side_apply() {
    let key = "kubectl.kubernetes.io/last-applied-configuration";
    let mut first = object(json!({"replicas": 1}));
    first.set_annotation(key, object(json!({"replicas": 1})).to_string());
    let live = update(None, first, "kubectl-client-side-apply", "", 0);
    let config = object(json!({"replicas": 2}));
    assert!(try_apply(Some(&live), &config, "someone", false, 1).is_err());
    let live = try_apply(Some(&live), &config, "kubectl", false, 1).unwrap();
    assert_eq!(live.annotation(key).unwrap(), format!("{config}\n"));
}
