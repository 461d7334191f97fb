//! Who is admitted. Numbers are those of the cases of the reference.

use super::{CONTROLLER, ROUTES};
use crate::{
    controllers::testkit::Kit,
    error::Error,
    object::{ObjectExt, Value, json},
    tls,
};
use base64::{Engine, engine::general_purpose::STANDARD};

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

#[test]
fn the_ingress_controller_lets_more_in() {
    let mut kit = settled(&[
        ("a", "first", json!({"host": "h.x", "path": "/a"})),
        ("b", "other", json!({"host": "h.x", "path": "/b"})),
        ("b", "same", json!({"host": "h.x", "path": "/a"})),
        ("b", "wide", json!({"host": "w.x", "wildcardPolicy": "Subdomain"})),
        ("c", "wide", json!({"host": "v.x", "wildcardPolicy": "Subdomain"})),
    ]);
    assert_eq!(verdict(&kit, "b/other")[0], "False");
    kit.put(
        super::policy::CONTROLLERS,
        json!({"metadata": {"namespace": "openshift-ingress-operator", "name": "default"},
            "spec": {"routeAdmission": {"namespaceOwnership": "InterNamespaceAllowed",
                "wildcardPolicy": "WildcardsAllowed"}}}),
    );
    kit.settle_all(&[&CONTROLLER]);
    let yes = ["True", "", ""];
    let older = "route first already exposes h.x and is older";
    let rows = [
        ("b/other", yes),
        ("b/same", ["False", "HostAlreadyClaimed", older]),
        ("b/wide", yes),
        ("c/wide", ["False", "HostAlreadyClaimed", "route wide already exposes v.x and is older"]),
    ];
    for (key, expected) in rows {
        assert_eq!(verdict(&kit, key), expected, "{key}");
    }
}

#[test]
fn certificates_that_nobody_could_use_are_told() {
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let (one, other) = (tls::self_signed("h", now).unwrap(), tls::self_signed("h", now).unwrap());
    let edge = |tls: Value| {
        let mut spec = json!({"host": "h", "tls": {"termination": "edge"}});
        crate::object::merge(&mut spec["tls"], &tls);
        route("a", "r", &spec)
    };
    let odd = "-----BEGIN SECRET-----\nAAAA\n-----END SECRET-----\n";
    let rows = [
        (json!({}), None),
        (json!({"certificate": one.cert, "key": one.key}), None),
        (json!({"certificate": format!("{}{}", one.cert, one.key)}), None),
        (json!({"certificate": one.cert, "key": one.key, "caCertificate": one.cert}), None),
        (
            json!({"certificate": one.cert, "key": other.key}),
            Some(
                "spec.tls.key: Invalid value: \"redacted key data\": tls: private key does not match public key",
            ),
        ),
        (
            json!({"certificate": one.cert}),
            Some("spec.tls.key: Invalid value: \"\": no key specified"),
        ),
        (
            json!({"certificate": "what?", "key": one.key}),
            Some(
                "spec.tls.certificate: Invalid value: \"redacted certificate data\": data does not contain any valid RSA or ECDSA certificates",
            ),
        ),
        (
            json!({"key": odd}),
            Some(
                "spec.tls.key: Invalid value: \"redacted key data\": unrecognized PEM block SECRET",
            ),
        ),
        (
            json!({"certificate": one.cert, "key": one.key, "caCertificate": other.cert}),
            Some(
                "spec.tls.certificate: Invalid value: \"redacted certificate data\": error verifying certificate: x509: certificate signed by unknown authority",
            ),
        ),
        (
            json!({"caCertificate": "x", "destinationCACertificate": "y"}),
            Some(
                "[spec.tls.caCertificate: Invalid value: \"redacted ca certificate data\": failed to parse CA certificate: data does not contain any valid RSA or ECDSA certificates, spec.tls.destinationCACertificate: Invalid value: \"redacted destination ca certificate data\": failed to parse destination CA certificate: data does not contain any valid RSA or ECDSA certificates]",
            ),
        ),
    ];
    for (tls, expected) in rows {
        let found = super::certificates::problem(&edge(tls.clone()), now);
        assert_eq!(found.as_deref(), expected, "{tls}");
    }
}

#[test]
fn a_host_that_is_none_is_told() {
    let kit = settled(&[("a", "odd", json!({"host": "a_b.c"}))]);
    assert_eq!(verdict(&kit, "a/odd")[..2], ["False", "InvalidHost"]);
    let said = &verdict(&kit, "a/odd")[2];
    let conforms = "host name validation errors: spec.host: Invalid value: \"a_b.c\": host must \
        conform to DNS 952 subdomain conventions, spec.host: Invalid value: \"a_b.c\": a lowercase";
    assert!(said.starts_with(conforms), "{said}");
}

#[test]
fn the_certificate_of_a_secret_is_looked_at() {
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let (one, other) = (tls::self_signed("h", now).unwrap(), tls::self_signed("h", now).unwrap());
    let spec =
        json!({"host": "h", "tls": {"termination": "edge", "externalCertificate": {"name": "s"}}});
    let mut kit = settled(&[("a", "r", spec)]);
    let reason = "ExternalCertificateValidationFailed";
    let says = |kit: &Kit, expected: &[&str]| assert_eq!(verdict(kit, "a/r"), expected);
    let missing = "spec.tls.externalCertificate: Not found: \"secrets \\\"s\\\" not found\"";
    says(&kit, &["False", reason, missing]);
    let put = |kit: &mut Kit, kind: &str, key: &str| {
        let data = json!({"tls.crt": STANDARD.encode(&one.cert), "tls.key": STANDARD.encode(key)});
        if kit.get("secrets", "a/s").is_some() {
            kit.remove("secrets", "a/s");
        }
        kit.put(
            "secrets",
            json!({"metadata": {"namespace": "a", "name": "s"}, "type": kind, "data": data}),
        );
        kit.settle_all(&[&CONTROLLER]);
    };
    put(&mut kit, "Opaque", &one.key);
    let odd = "spec.tls.externalCertificate: Invalid value: \"s\": secret of type \"kubernetes.io/tls\" required";
    says(&kit, &["False", reason, odd]);
    put(&mut kit, "kubernetes.io/tls", &one.key);
    says(&kit, &["True", "", ""]);
    put(&mut kit, "kubernetes.io/tls", &other.key);
    assert_eq!(verdict(&kit, "a/r")[1], "ExtendedValidationFailed");
    kit.remove("secrets", "a/s");
    kit.settle_all(&[&CONTROLLER]);
    says(&kit, &["False", reason, missing]);
}

/// Who takes the router's rights away is not noticed before something changes, or upstream's router
/// goes through its routes.
#[test]
fn whether_the_router_may_read_a_secret_is_asked_each_time() {
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let pair = tls::self_signed("h", now).unwrap();
    let data =
        json!({"tls.crt": STANDARD.encode(&pair.cert), "tls.key": STANDARD.encode(&pair.key)});
    let mut kit = Kit::default();
    let secret = json!({"metadata": {"namespace": "a", "name": "s"}, "type": "kubernetes.io/tls",
        "data": data});
    kit.put("secrets", secret);
    let tls = json!({"termination": "edge", "externalCertificate": {"name": "s"}});
    kit.put(ROUTES, route("a", "r", &json!({"host": "h", "tls": tls})));
    kit.settle_all(&[&CONTROLLER]);
    assert_eq!(verdict(&kit, "a/r")[0], "True");
    assert_eq!(kit.again.last(), Some(&(kit.now + jiff::SignedDuration::from_mins(30))));
    kit.refuse(|_, write| {
        let attributes = &write.body["spec"]["resourceAttributes"];
        let taken = ["get", "list"].contains(&attributes.str_at("verb"));
        taken.then(|| Error::internal("no opinion"))
    });
    kit.settle_all(&[&CONTROLLER]);
    let lacks = |verb: &str| {
        format!(
            "spec.tls.externalCertificate: Forbidden: router serviceaccount does not have \
            permission to {verb} this secret"
        )
    };
    let both = format!("[{}, {}]", lacks("get"), lacks("list"));
    assert_eq!(verdict(&kit, "a/r"), ["False", "ExternalCertificateValidationFailed", &both]);
    kit.refuse(|_, _| None);
    kit.settle_all(&[&CONTROLLER]);
    assert_eq!(verdict(&kit, "a/r")[0], "True");
}
