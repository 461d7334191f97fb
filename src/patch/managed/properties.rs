//! What holds for any two small workloads.

use super::{
    sample::deployment,
    tests::{object, owned, try_apply, update},
    *,
};
use crate::object::{ObjectExt, json};
use proptest::prelude::*;

fn labels() -> impl Strategy<Value = Value> {
    proptest::collection::btree_map("[a-c]", "[x-z]", 0..3).prop_map(|m| json!(m))
}

fn spec() -> impl Strategy<Value = Value> {
    let container =
        ("[a-d]", proptest::option::of("[x-z]"), proptest::collection::vec(0..3u8, 0..3));
    let containers = proptest::collection::vec(container, 0..4).prop_map(|list| {
        let mut seen = Vec::new();
        let items = list.into_iter().filter_map(|(name, image, ports)| {
            if seen.contains(&name) {
                return None;
            }
            seen.push(name.clone());
            let mut ports = ports;
            ports.sort_unstable();
            ports.dedup();
            let ports: Vec<Value> =
                ports.iter().map(|p| json!({"containerPort": p, "protocol": "TCP"})).collect();
            let mut item = json!({"name": name});
            if let Some(image) = image {
                item["image"] = json!(image);
            }
            if !ports.is_empty() {
                item["ports"] = json!(ports);
            }
            Some(item)
        });
        json!(items.collect::<Vec<_>>())
    });
    (proptest::option::of(0..5i32), containers, labels()).prop_map(|(replicas, containers, l)| {
        let mut o = object(json!({"containers": containers}));
        if let Some(replicas) = replicas {
            o.set_at("spec.replicas", replicas);
        }
        o.set_at("metadata.labels", l);
        o
    })
}

proptest! {
    #[test]
    fn applying_is_idempotent(live in spec(), config in spec()) {
        let live = update(None, live, "a", "", 0);
        let once = try_apply(Some(&live), &config, "b", true, 1).unwrap();
        let twice = try_apply(Some(&once), &config, "b", false, 2).unwrap();
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn every_write_leaves_one_updater_per_field(a in spec(), b in spec()) {
        let live = update(None, a, "a", "", 0);
        let mut next = b;
        next.set_at("metadata.uid", "u");
        let live = update(Some(&live), next, "b", "", 1);
        let sets: Vec<Map> = ["a", "b"].iter()
            .map(|m| owned(&live, m).and_then(|v| v.as_object().cloned()).unwrap_or_default())
            .collect();
        prop_assert!(set::paths(&set::intersection(&sets[0], &sets[1])).is_empty());
    }

    #[test]
    fn sets_survive_printing(o in spec()) {
        let fields = fields::fields(root(Root::Type(deployment())), &o);
        let text = Value::Object(fields.clone()).to_string();
        prop_assert_eq!(set::parse(serde_json::from_str(&text).unwrap()), Ok(fields));
    }

    #[test]
    fn set_algebra(a in spec(), b in spec()) {
        let node = root(Root::Type(deployment()));
        let (a, b) = (fields::fields(node, &a), fields::fields(node, &b));
        let mut both = a.clone();
        set::union(&mut both, &b);
        let mut only_a = a.clone();
        set::subtract(&mut only_a, &b);
        let mut again = only_a.clone();
        set::union(&mut again, &set::intersection(&a, &b));
        prop_assert_eq!(again, a.clone());
        let mut rest = both.clone();
        set::subtract(&mut rest, &b);
        prop_assert_eq!(rest, only_a);
        set::subtract(&mut both, &a);
        set::subtract(&mut both, &b);
        prop_assert!(both.is_empty());
    }
}
