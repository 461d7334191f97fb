//! What claims, slices and statuses may say.

use super::*;

fn said(kind: &Kind, o: &Value) -> Vec<String> {
    let mut causes = Causes::default();
    kind.hooks.validate.unwrap()(o, None, &mut causes);
    causes.0.into_iter().map(|c| format!("{}: {}", c.field, c.message)).collect()
}

fn claim(devices: Value) -> Vec<String> {
    let mut o = json!({"metadata": {"name": "c"}, "spec": {"devices": devices}});
    crate::schema::fill_defaults(crate::schema::find(RESOURCE_CLAIM.schema).unwrap(), &mut o);
    RESOURCE_CLAIM.hooks.default.unwrap()(&mut o);
    said(&RESOURCE_CLAIM, &o)
}

#[test]
fn a_request_asks_for_one_device_unless_it_says_more() {
    let mut o = json!({"spec": {"devices": {"requests": [
        {"name": "a", "exactly": {"deviceClassName": "d"}},
        {"name": "b", "firstAvailable": [{"name": "x", "allocationMode": "All"}]}]}}});
    crate::schema::fill_defaults(crate::schema::find(RESOURCE_CLAIM.schema).unwrap(), &mut o);
    RESOURCE_CLAIM.hooks.default.unwrap()(&mut o);
    let requests = &o["spec"]["devices"]["requests"];
    assert_eq!(requests[0]["exactly"]["count"], 1);
    assert_eq!(requests[0]["exactly"]["allocationMode"], "ExactCount");
    assert!(requests[1]["firstAvailable"][0].get("count").is_none());
}

#[test]
fn claims() {
    let exactly = json!({"deviceClassName": "d"});
    assert_eq!(
        claim(json!({"requests": [{"name": "a", "exactly": exactly}]})),
        Vec::<String>::new()
    );
    assert_eq!(
        claim(json!({"requests": [{"name": "a"}]})),
        [
            "spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required"
        ]
    );
    assert_eq!(
        claim(
            json!({"requests": [{"name": "a", "exactly": exactly}, {"name": "a", "exactly": exactly}]})
        ),
        [r#"spec.devices.requests[1]: Duplicate value: "a""#]
    );
    assert_eq!(
        claim(json!({"requests": [{"name": "a", "exactly": exactly}],
            "constraints": [{"requests": ["b"], "matchAttribute": "example.com/model"}]})),
        [
            r#"spec.devices.constraints[0].requests[0]: Invalid value: "b": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"#
        ]
    );
    assert_eq!(
        claim(
            json!({"requests": [{"name": "a", "exactly": {"deviceClassName": "d", "allocationMode": "All", "count": 2}}]})
        ),
        [
            "spec.devices.requests[0].exactly.count: Invalid value: 2: must not be specified when allocationMode is 'All'"
        ]
    );
}

fn slice(change: impl Fn(&mut Value)) -> Vec<String> {
    let mut o = json!({"metadata": {"name": "s"}, "spec": {"driver": "example.com", "allNodes": true,
        "pool": {"name": "p", "generation": 1, "resourceSliceCount": 1},
        "devices": [{"name": "d0", "attributes": {"model": {"string": "x"}}}]}});
    change(&mut o);
    said(&RESOURCE_SLICE, &o)
}

#[test]
fn slices() {
    assert_eq!(slice(|_| ()), Vec::<String>::new());
    assert_eq!(
        slice(|o| drop(o.remove_at("spec.allNodes"))),
        [
            "spec: Required value: exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"
        ]
    );
    assert_eq!(
        slice(|o| o.set_at("spec.nodeName", "n")),
        [
            "spec: Invalid value: \"{`nodeName`, `allNodes`}\": exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required, but multiple fields are set"
        ]
    );
    assert_eq!(
        slice(|o| o["spec"]["devices"][0]["attributes"]["model"] = json!({})),
        [
            r#"spec.devices[0].attributes[model]: Invalid value: "": exactly one value must be specified"#
        ]
    );
    assert_eq!(
        slice(|o| o["spec"]["devices"][0]["taints"] =
            json!([{"key": "a", "effect": "PreferNoSchedule"}])),
        [
            r#"spec.devices[0].taints[0].effect: Unsupported value: "PreferNoSchedule": supported values: "NoExecute", "NoSchedule", "None""#
        ]
    );
}

#[test]
fn a_status_speaks_of_what_is_allocated() {
    let old =
        json!({"metadata": {"name": "c"}, "spec": {"devices": {"requests": [{"name": "a"}]}}});
    let mut new = old.clone();
    new["status"] = json!({"reservedFor": [{"resource": "pods", "name": "p", "uid": "u"}]});
    let check = |new: &Value| -> Vec<String> {
        let mut causes = Causes::default();
        RESOURCE_CLAIM.hooks.validate_status.unwrap()(new, &old, &mut causes);
        causes.0.into_iter().map(|c| format!("{}: {}", c.field, c.message)).collect()
    };
    assert_eq!(
        check(&new),
        ["status.reservedFor: Forbidden: may not be specified when `allocated` is not set"]
    );
    let device = json!({"request": "a", "driver": "example.com", "pool": "p", "device": "d0"});
    new["status"]["allocation"] = json!({"devices": {"results": [device]}});
    assert_eq!(check(&new), Vec::<String>::new());
    new["status"]["devices"] = json!([{"driver": "example.com", "pool": "p", "device": "other"}]);
    assert_eq!(
        check(&new),
        [
            r#"status.devices[0]: Invalid value: "example.com/p/other": must be an allocated device in the claim"#
        ]
    );
    assert_eq!(state(&new), "allocated,reserved");
}
