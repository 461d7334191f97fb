//! Strategic merge patches on typed lists, with the directives.

use super::{super::managed::sample::deployment, *};
use crate::object::json;

fn run(doc: Value, patch: Value) -> Result<Value, Error> {
    strategic(&json!({"spec": doc}), &json!({"spec": patch}), deployment())
        .map(|mut v| v["spec"].take())
}

/// Names of containers as a list, for cases that are only about order.
fn names(list: &[&str]) -> Value {
    list.iter().map(|n| json!({"name": n})).collect()
}

#[test]
fn upstreams_cases() {
    // (what it is, document, patch, outcome)
    let rows = [
        (
            "null removes",
            json!({"replicas": 1, "paused": true}),
            json!({"paused": null}),
            json!({"replicas": 1}),
        ),
        ("null of absent", json!({"replicas": 1}), json!({"paused": null}), json!({"replicas": 1})),
        (
            "nested nulls in new values go",
            json!({}),
            json!({"strategy": {"type": null, "rollingUpdate": {"a": null, "b": 1}}}),
            json!({"strategy": {"rollingUpdate": {"b": 1}}}),
        ),
        (
            "lists without key are replaced",
            json!({"words": ["a", "b"]}),
            json!({"words": ["c"]}),
            json!({"words": ["c"]}),
        ),
        (
            "items merge by key",
            json!({"containers": [{"name": "a", "image": "1"}, {"name": "b"}]}),
            json!({"containers": [{"name": "a", "args": ["x"]}]}),
            json!({"containers": [{"name": "a", "image": "1", "args": ["x"]}, {"name": "b"}]}),
        ),
        (
            "items are added",
            json!({"containers": names(&["a"])}),
            json!({"containers": names(&["b"])}),
            json!({"containers": names(&["b", "a"])}),
        ),
        (
            "items are deleted",
            json!({"containers": names(&["a", "b"])}),
            json!({"containers": [{"name": "a", "$patch": "delete"}]}),
            json!({"containers": names(&["b"])}),
        ),
        (
            "lists are replaced on request",
            json!({"containers": names(&["a", "b"])}),
            json!({"containers": [{"name": "c"}, {"$patch": "replace"}]}),
            json!({"containers": names(&["c"])}),
        ),
        (
            "maps are replaced on request",
            json!({"strategy": {"type": "A", "rollingUpdate": {}}}),
            json!({"strategy": {"$patch": "replace", "type": "B"}}),
            json!({"strategy": {"type": "B"}}),
        ),
        (
            "maps are emptied on request",
            json!({"strategy": {"type": "A"}}),
            json!({"strategy": {"$patch": "delete"}}),
            json!({"strategy": {}}),
        ),
        (
            "retainKeys",
            json!({"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}),
            json!({"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}),
            json!({"strategy": {"type": "Recreate"}}),
        ),
        (
            "order of all",
            json!({"containers": names(&["a", "b", "c"])}),
            json!({"$setElementOrder/containers": names(&["c", "b", "a"])}),
            json!({"containers": names(&["c", "b", "a"])}),
        ),
        (
            "order with server-only items",
            json!({"containers": names(&["a", "s", "b"])}),
            json!({"$setElementOrder/containers": names(&["b", "n", "a"]), "containers": names(&["n"])}),
            json!({"containers": names(&["s", "b", "n", "a"])}),
        ),
        (
            "server-only items stay in front",
            json!({"containers": names(&["s", "a", "b"])}),
            json!({"$setElementOrder/containers": names(&["a", "b", "c"]), "containers": names(&["c"])}),
            json!({"containers": names(&["s", "a", "b", "c"])}),
        ),
        (
            "delete with order",
            json!({"containers": names(&["a", "b", "c"])}),
            json!({"$setElementOrder/containers": names(&["a", "c"]), "containers": [{"name": "b", "$patch": "delete"}]}),
            json!({"containers": names(&["a", "c"])}),
        ),
        (
            "a list that was absent",
            json!({}),
            json!({"$setElementOrder/containers": names(&["a", "b"]), "containers": [{"name": "b"}, {"name": "x", "$patch": "delete"}, {"name": "a"}]}),
            json!(null),
        ),
        (
            "a whole value with directives",
            json!({}),
            json!({"containers": [{"name": "b"}, {"name": "x", "$patch": "delete"}]}),
            json!({"containers": names(&["b"])}),
        ),
        (
            "nested lists",
            json!({"containers": [{"name": "a", "ports": [{"containerPort": 80}]}]}),
            json!({"containers": [{"name": "a", "ports": [{"containerPort": 81}]}]}),
            json!({"containers": [{"name": "a", "ports": [{"containerPort": 81}, {"containerPort": 80}]}]}),
        ),
        (
            "another type replaces",
            json!({"strategy": "x"}),
            json!({"strategy": {"type": "A"}}),
            json!({"strategy": {"type": "A"}}),
        ),
    ];
    for (what, doc, patch, expected) in rows {
        match run(doc, patch) {
            Ok(out) => assert_eq!(out, expected, "{what}"),
            // The one row whose patch contradicts its order.
            Err(e) => assert!(expected.is_null() && e.to_string().contains("order"), "{what}: {e}"),
        }
    }
}

#[test]
fn primitive_lists() {
    let doc = json!({"metadata": {"finalizers": ["a", "b", "c"]}});
    let rows = [
        (json!({"finalizers": ["d", "a"]}), json!(["d", "a", "b", "c"])),
        (json!({"$deleteFromPrimitiveList/finalizers": ["b"]}), json!(["a", "c"])),
        (
            json!({"$setElementOrder/finalizers": ["c", "d", "a"], "finalizers": ["d"],
                "$deleteFromPrimitiveList/finalizers": ["b"]}),
            json!(["c", "d", "a"]),
        ),
        (json!({"$deleteFromPrimitiveList/labels": ["b"]}), json!(["a", "b", "c"])),
    ];
    for (patch, expected) in rows {
        let out = strategic(&doc, &json!({"metadata": patch}), deployment()).unwrap();
        assert_eq!(out["metadata"]["finalizers"], expected);
    }
}

#[test]
fn refusals() {
    let doc = || json!({"containers": names(&["a"]), "strategy": {"type": "A"}, "replicas": 1});
    let rows = [
        (
            json!({"strategy": {"$patch": "fly"}}),
            500,
            "unknown patch type: fly in map: map[$patch:fly]",
        ),
        (
            json!({"containers": [{"image": "x"}]}),
            500,
            "map: map[image:x] does not contain declared merge key: name",
        ),
        (
            json!({"containers": [{"name": "a", "$patch": "merge"}]}),
            500,
            "merging lists cannot yet be specified in the patch",
        ),
        (json!({"strategy": {"$retainKeys": "type"}}), 400, "invalid patch format of retainKeys"),
        (
            json!({"strategy": {"$retainKeys": ["type"], "rollingUpdate": {}}}),
            400,
            "invalid patch format of retainKeys",
        ),
        (json!({"$setElementOrder": ["a"]}), 400, "invalid patch format of setElementOrder list"),
        (json!({"$deleteFromPrimitiveList": ["a"]}), 400, "invalid patch format of primitive list"),
        (
            json!({"$setElementOrder/containers": names(&["b"]), "containers": names(&["a"])}),
            500,
            "The order in patch list:\n[map[name:a]]\n doesn't match $setElementOrder list:\n[map[name:b]]\n",
        ),
        (
            json!({"containers": ["x"]}),
            500,
            "list element types are not identical: [[map[name:a]] [x]]",
        ),
    ];
    for (patch, code, message) in rows {
        let error = run(doc(), patch).unwrap_err();
        assert_eq!((error.code().0, error.to_string().as_str()), (code, message));
    }
}

/// Go looks up how two maps or lists merge in the type they stand in; below any JSON there is none.
#[test]
fn any_json_has_no_fields() {
    let ty = crate::schema::find("io.k8s.api.apps.v1.ControllerRevision").unwrap();
    let doc = json!({"data": {"spec": {"a": 1}, "l": [1]}, "revision": 1});
    let rows = [
        (json!({"data": {"spec": {"b": 2}}}), Some("spec")),
        (json!({"data": {"l": []}}), Some("l")),
        (json!({"data": {"spec": 1, "more": {"c": 3}}}), None),
    ];
    for (patch, field) in rows {
        let said = strategic(&doc, &patch, ty).err().map(|e| e.to_string());
        let expected = field.map(|field| {
            format!("unable to find api field in struct RawExtension for the json field {field:?}")
        });
        assert_eq!(said, expected, "{patch}");
    }
}

proptest::proptest! {
    #[test]
    fn merging_twice_is_merging_once(
        doc in proptest::collection::btree_map("[a-d]", 0..3u8, 0..4),
        patch in proptest::collection::btree_map("[a-d]", 0..3u8, 0..4),
    ) {
        let list = |m: std::collections::BTreeMap<String, u8>| -> Value {
            m.into_iter().map(|(k, v)| json!({"name": k, "image": v.to_string()})).collect()
        };
        let (doc, patch) = (json!({"containers": list(doc)}), json!({"containers": list(patch)}));
        let once = run(doc, patch.clone()).unwrap();
        proptest::prop_assert_eq!(run(once.clone(), patch).unwrap(), once);
    }
}
