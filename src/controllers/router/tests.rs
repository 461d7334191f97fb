//! Who is admitted. Numbers are those of the cases of the reference.

use super::{CONTROLLER, ROUTES};
use crate::{
    controllers::testkit::Kit,
    object::{ObjectExt, Value, json},
};

fn route(namespace: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "route.openshift.io/v1", "kind": "Route",
        "metadata": {"namespace": namespace, "name": name}, "spec": spec})
}

/// Status, reason and message of what the router says.
fn verdict(kit: &Kit, key: &str) -> [String; 3] {
    let route = kit.get(ROUTES, key).unwrap();
    let own = route.list_at("status.ingress").first().cloned().unwrap_or_default();
    let condition = own.list_at("conditions").first().cloned().unwrap_or_default();
    ["status", "reason", "message"].map(|f| condition.str_at(f).to_owned())
}

fn settled(routes: &[(&str, &str, Value)]) -> Kit {
    let mut kit = Kit::default();
    for (namespace, name, spec) in routes {
        kit.put(ROUTES, route(namespace, name, spec));
        kit.advance(1);
    }
    kit.settle_all(&[&CONTROLLER]);
    kit
}

/// 115 to 118.
#[test]
fn the_oldest_route_has_the_host() {
    let mut kit = settled(&[
        ("a", "first", json!({"host": "h"})),
        ("a", "again", json!({"host": "h"})),
        ("a", "path", json!({"host": "h", "path": "/p"})),
        ("b", "other", json!({"host": "h", "path": "/q"})),
        ("b", "wide", json!({"host": "w", "wildcardPolicy": "Subdomain"})),
        ("b", "below", json!({"subdomain": "s"})),
        ("b", "none", json!({})),
    ]);
    let yes = ["True", "", ""];
    let claimed = |message: &'static str| ["False", "HostAlreadyClaimed", message];
    let rows = [
        ("a/first", yes),
        ("a/again", claimed("route first already exposes h and is older")),
        ("a/path", yes),
        ("b/other", claimed("a route in another namespace holds h and is older than other")),
        ("b/wide", ["False", "RouteNotAdmitted", "wildcard routes are not allowed"]),
        ("b/below", yes),
        ("b/none", ["False", "NoHostValue", "no host value was defined for the route"]),
    ];
    for (key, expected) in rows {
        assert_eq!(verdict(&kit, key), expected, "{key}");
    }
    let below = kit.get(ROUTES, "b/below").unwrap();
    assert_eq!(below["status"]["ingress"][0]["host"], "s.apps-crc.testing");
    // When the owner's last route goes, the next is admitted.
    for key in ["a/first", "a/again", "a/path"] {
        kit.remove(ROUTES, key);
    }
    kit.settle_all(&[&CONTROLLER]);
    assert_eq!(verdict(&kit, "b/other"), yes);
}

#[test]
fn what_other_routers_say_stays() {
    let mut kit = Kit::default();
    let mut route = route("a", "r", &json!({"host": "h"}));
    route["status"] = json!({"ingress": [{"host": "h", "routerName": "other"}]});
    kit.put(ROUTES, route);
    kit.settle(&CONTROLLER, "a/r");
    let names: Vec<String> = kit
        .get(ROUTES, "a/r")
        .unwrap()
        .list_at("status.ingress")
        .iter()
        .map(|i| i.str_at("routerName").to_owned())
        .collect();
    assert_eq!(names, ["other", "default"]);
}

#[test]
fn an_older_route_that_comes_later_takes_over() {
    let mut kit =
        settled(&[("a", "old", json!({"host": "x"})), ("a", "new", json!({"host": "h"}))]);
    kit.edit(ROUTES, "a/old", |r| r.set_at("spec.host", "h"));
    kit.settle_all(&[&CONTROLLER]);
    assert_eq!(
        verdict(&kit, "a/new"),
        ["False", "HostAlreadyClaimed", "replaced by older route old"]
    );
    // And it stays at that.
    kit.settle_all(&[&CONTROLLER]);
}
