//! The router's traffic, as clients on loopback meet it. Numbers are those of the cases of the
//! reference.

use crate::support::{
    Lab, Reply, eventually,
    lab::{builder, send},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use http_body_util::{BodyExt, Full};
use hyper::{Request, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use pocketshift::{object::ObjectExt, tls};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

/// Where everything is.
pub const NS: &str = "shop";
const IMAGE: &str = "docker.io/jmalloc/echo-server:latest";

/// A cluster whose router answers.
pub struct Shop {
    /// The cluster.
    pub lab: Lab,
}

type Headers<'a> = &'a [(&'a str, &'a str)];

async fn exchange<S>(stream: S, path: &str, headers: Headers<'_>) -> Option<Reply>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    tokio::spawn(connection);
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::new())).expect("a request");
    let (parts, body) = sender.send_request(request).await.ok()?.into_parts();
    let bytes = body.collect().await.ok()?.to_bytes().to_vec();
    Some(Reply { code: parts.status.as_u16(), headers: parts.headers, bytes })
}

impl Shop {
    /// A new one.
    pub async fn open() -> Shop {
        let lab = builder().routes_ports(0, 0).apps_domain("apps.localhost");
        let lab = Lab::of(lab).await;
        lab.namespace(NS).await;
        Shop { lab }
    }

    /// Makes an object.
    pub async fn put(&self, group: &str, plural: &str, object: &Value) -> Value {
        let path = format!("{group}/namespaces/{NS}/{plural}");
        send(&self.lab.client, "POST", &path, "", Some(object)).await.expect(201)
    }

    /// An application of so many pods, behind a service of its name.
    pub async fn app(&self, name: &str, pods: usize) {
        let labels = json!({"app": name});
        let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": name},
            "spec": {"replicas": pods, "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "c", "image": IMAGE}]}}}});
        self.put("/apis/apps/v1", "deployments", &deployment).await;
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"selector": labels, "ports": [{"name": "web", "port": 80, "targetPort": 8080}]}});
        self.put("/api/v1", "services", &service).await;
        let path = format!("/apis/apps/v1/namespaces/{NS}/deployments/{name}");
        eventually("the pods", || async {
            let found = send(&self.lab.client, "GET", &path, "", None).await.json();
            let ready = found.i64_at("status.readyReplicas").unwrap_or(0);
            if ready == pods as i64 { Ok(()) } else { Err(found["status"].to_string()) }
        })
        .await;
    }

    /// Makes a route; answers its host once it is admitted.
    pub async fn route(&self, name: &str, annotations: Value, spec: Value) -> String {
        let route = json!({"apiVersion": "route.openshift.io/v1", "kind": "Route",
            "metadata": {"name": name, "annotations": annotations}, "spec": spec});
        let made = self.put("/apis/route.openshift.io/v1", "routes", &route).await;
        let path = format!("/apis/route.openshift.io/v1/namespaces/{NS}/routes/{name}");
        eventually("the route is admitted", || async {
            let found = send(&self.lab.client, "GET", &path, "", None).await.json();
            let status = found["status"]["ingress"][0]["conditions"][0]["status"].clone();
            if status == "True" { Ok(()) } else { Err(found["status"].to_string()) }
        })
        .await;
        made.str_at("spec.host").to_owned()
    }

    /// An answer over HTTP, if there is one.
    pub async fn http(&self, host: &str, path: &str, headers: Headers<'_>) -> Option<Reply> {
        let at = self.lab.cluster.routes().0.expect("a port");
        let stream = TcpStream::connect(at).await.expect("a connection");
        exchange(stream, path, &[&[("host", host)], headers].concat()).await
    }

    /// An answer over HTTP.
    pub async fn get(&self, host: &str, path: &str) -> Reply {
        self.http(host, path, &[]).await.expect("an answer")
    }

    /// A connection with TLS; the cluster's authority must have signed what is shown.
    pub async fn secured(&self, host: &str, protocols: &[&str]) -> Option<TlsStream<TcpStream>> {
        let config: Value = serde_norway::from_str(self.lab.cluster.kubeconfig()).expect("YAML");
        let ca = config["clusters"][0]["cluster"]["certificate-authority-data"].as_str();
        let ca = BASE64_STANDARD.decode(ca.expect("an authority")).expect("base64");
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&ca).expect("a certificate")).expect("a root");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
        let at = self.lab.cluster.routes().1.expect("a port");
        let stream = TcpStream::connect(at).await.expect("a connection");
        let name = ServerName::try_from(host.to_owned()).expect("a name");
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        connector.connect(name, stream).await.ok()
    }

    /// An answer with TLS.
    async fn https(&self, host: &str, path: &str) -> Option<Reply> {
        exchange(self.secured(host, &[]).await?, path, &[("host", host)]).await
    }

    /// How often each application answers so many requests.
    async fn counted(&self, host: &str, requests: usize) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for _ in 0..requests {
            let app = pod(&self.get(host, "/").await).split('-').next().expect("a name").to_owned();
            *counts.entry(app).or_default() += 1;
        }
        counts
    }
}

/// The pod that answered.
fn pod(reply: &Reply) -> String {
    let text = reply.text();
    let first = text.lines().next().unwrap_or_default();
    first.strip_prefix("Request served by ").unwrap_or_else(|| panic!("{text}")).to_owned()
}

/// A route's spec that leads to a service.
pub fn to(name: &str) -> Value {
    json!({"to": {"kind": "Service", "name": name}})
}

/// A spec with more fields.
pub fn with(mut spec: Value, more: Value) -> Value {
    for (name, value) in more.as_object().expect("fields") {
        spec[name] = value.clone();
    }
    spec
}

/// 119, 120, 122, 123, 124 and 126.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_find_their_pod() {
    let shop = Shop::open().await;
    shop.app("web", 2).await;
    let host = shop.route("web", json!({}), to("web")).await;
    assert_eq!(host, "web-shop.apps.localhost");
    let reply = shop.get(&host, "/a?b=c").await;
    assert_eq!(reply.code, 200);
    let text = reply.text();
    assert!(text.contains("\nGET /a?b=c HTTP/1.1\n"), "{text}");
    assert!(
        text.to_lowercase().contains("\nx-forwarded-host: web-shop.apps.localhost\n"),
        "{text}"
    );

    let cookie = reply.header("set-cookie");
    assert!(cookie.ends_with("; path=/; HttpOnly"), "{cookie}");
    let (cookie, first) = (cookie.split(';').next().expect("a pair"), pod(&reply));
    for _ in 0..5 {
        let again = shop.http(&host, "/", &[("cookie", cookie)]).await.expect("an answer");
        assert_eq!(pod(&again), first);
        assert_eq!(again.header("set-cookie"), "");
    }

    for (host, path) in [("nobody.apps.localhost", "/"), ("10.0.0.1", "/x")] {
        let reply = shop.get(host, path).await;
        assert_eq!(reply.code, 503);
        assert!(reply.text().contains("Application is not available"));
        assert_eq!(reply.header("cache-control"), "private, max-age=0, no-cache, no-store");
    }
    let plain = shop.https(&host, "/").await.expect("an answer");
    assert_eq!(plain.code, 503);

    let path = json!({"host": "p.apps.localhost", "path": "/foo"});
    let rewrite = json!({"haproxy.router.openshift.io/rewrite-target": "/"});
    shop.route("path", rewrite, with(to("web"), path)).await;
    assert!(shop.get("p.apps.localhost", "/foo/bar").await.text().contains("\nGET /bar HTTP"));
    assert_eq!(shop.get("p.apps.localhost", "/foobar").await.code, 503);

    let closed = json!({"haproxy.router.openshift.io/ip_allowlist": "10.1.2.3"});
    let host = shop.route("closed", closed, to("web")).await;
    assert!(shop.http(&host, "/", &[]).await.is_none());
    let none = shop.route("none", json!({}), to("nobody")).await;
    assert_eq!(shop.get(&none, "/").await.code, 503);
    shop.lab.stop().await;
}

/// 120, and what is shown to whom.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_ends_where_the_route_says() {
    let shop = Shop::open().await;
    shop.app("web", 1).await;
    let edge = |policy: &str| {
        with(
            to("web"),
            json!({"tls": {"termination": "edge", "insecureEdgeTerminationPolicy": policy}}),
        )
    };
    let host = shop.route("none", json!({}), edge("None")).await;
    assert_eq!(shop.get(&host, "/").await.code, 503);
    let reply = shop.https(&host, "/").await.expect("an answer");
    assert_eq!(reply.code, 200);
    assert!(reply.text().to_lowercase().contains("\nx-forwarded-proto: https\n"));
    assert!(reply.header("set-cookie").ends_with("; HttpOnly; Secure; SameSite=None"));

    let host = shop.route("redirect", json!({}), edge("Redirect")).await;
    let reply = shop.get(&host, "/a?b").await;
    let port = shop.lab.cluster.routes().1.expect("a port").port();
    assert_eq!(
        (reply.code, reply.header("location")),
        (302, &*format!("https://{host}:{port}/a?b"))
    );

    let hsts = json!({"haproxy.router.openshift.io/hsts_header": "max-age=60;preload"});
    let host = shop.route("allow", hsts, edge("Allow")).await;
    assert_eq!(shop.get(&host, "/").await.code, 200);
    let reply = shop.https(&host, "/").await.expect("an answer");
    assert_eq!(reply.header("strict-transport-security"), "max-age=60;preload");

    // The pod speaks no TLS: neither the client nor the router can speak with it.
    let passthrough = with(to("web"), json!({"tls": {"termination": "passthrough"}}));
    let host = shop.route("pass", json!({}), passthrough).await;
    assert!(shop.https(&host, "/").await.is_none());
    let reencrypt = with(to("web"), json!({"tls": {"termination": "reencrypt"}}));
    let host = shop.route("again", json!({}), reencrypt).await;
    assert_eq!(shop.https(&host, "/").await.expect("an answer").code, 503);
    shop.lab.stop().await;
}

/// 121 and 122.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_get_what_their_weight_says() {
    let shop = Shop::open().await;
    shop.app("one", 1).await;
    shop.app("three", 3).await;
    let weighted = |a: u32, b: u32| {
        json!({"to": {"kind": "Service", "name": "one", "weight": a},
            "alternateBackends": [{"kind": "Service", "name": "three", "weight": b}]})
    };
    let host = shop.route("ab", json!({}), weighted(3, 1)).await;
    let counts = shop.counted(&host, 40).await;
    // A pod's weight is a whole number: 28 of 256 for a third of a third.
    assert!((29..=31).contains(&counts["one"]), "{counts:?}");
    let host = shop.route("off", json!({}), weighted(0, 0)).await;
    assert_eq!(shop.get(&host, "/").await.code, 503);
    let host = shop.route("half", json!({}), weighted(0, 1)).await;
    assert_eq!(shop.counted(&host, 10).await.get("one"), None);
    shop.lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_console_answers_at_its_route() {
    let shop = Shop::open().await;
    let host = "console-openshift-console.apps.localhost";
    let page = shop.https(host, "/console").await.expect("an answer");
    assert!(page.code == 200 && page.text().contains("/console/main.js"), "{}", page.text());
    let known = shop.https(host, "/.well-known/oauth-authorization-server").await;
    let known = known.expect("an answer").expect(200);
    assert_eq!(known["issuer"], format!("https://{host}"), "sign-in is at the same address");
    let refused = shop.https(host, "/api/v1/nodes").await.expect("an answer");
    assert_eq!(refused.code, 403);
    let sent_on = shop.get(host, "/console").await;
    assert_eq!(sent_on.code, 302);
    let port = shop.lab.cluster.routes().1.expect("a port").port();
    let public = "/api/v1/namespaces/openshift-config-managed/configmaps/console-public";
    let public = send(&shop.lab.client, "GET", public, "", None).await.expect(200);
    assert_eq!(public["data"]["consoleURL"], format!("https://{host}:{port}/console"));
    shop.lab.stop().await;
}

/// A certificate that a secret holds is shown, once the router may read the secret; a new one at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_shows_the_certificate_of_a_secret() {
    let shop = Shop::open().await;
    shop.app("web", 1).await;
    let (host, field) = ("own.example.com", "spec.tls.externalCertificate");
    let tls = json!({"termination": "edge", "externalCertificate": {"name": "own"}});
    let spec = with(to("web"), json!({"host": host, "tls": tls}));
    let route = json!({"apiVersion": "route.openshift.io/v1", "kind": "Route",
        "metadata": {"name": "own"}, "spec": spec});
    let path = format!("/apis/route.openshift.io/v1/namespaces/{NS}/routes");
    let refused = send(&shop.lab.client, "POST", &path, "", Some(&route)).await;
    assert_eq!(refused.code, 422);
    let said = refused.json();
    let causes = said["details"]["causes"].as_array().expect("causes").iter();
    let causes: Vec<_> = causes.map(|c| (c.str_at("field"), c.str_at("message"))).collect();
    let lacks = |verb: &str| {
        format!("Forbidden: router serviceaccount does not have permission to {verb} this secret")
    };
    let missing = r#"Not found: "secrets \"own\" not found""#.to_owned();
    let expected = [lacks("get"), lacks("watch"), lacks("list"), missing.clone()];
    assert_eq!(causes, expected.each_ref().map(|why| (field, why.as_str())));

    let settings = &shop.lab.server().settings;
    let ca = tls::Pair { cert: settings.ca_pem.clone(), key: settings.ca_key_pem.clone() };
    let secret = |name: &str| {
        let now = shop.lab.server().world.clock.now();
        let pair = tls::serving(&ca, &[name.to_owned()], now).expect("a certificate");
        json!({"metadata": {"name": "own"}, "type": "kubernetes.io/tls",
            "stringData": {"tls.crt": pair.cert, "tls.key": pair.key}})
    };
    shop.put("/api/v1", "secrets", &secret(host)).await;
    let group = "rbac.authorization.k8s.io";
    let rules = json!([{"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["own"],
        "verbs": ["get", "list", "watch"]}]);
    let role = json!({"metadata": {"name": "reads-own"}, "rules": rules});
    shop.put(&format!("/apis/{group}/v1"), "roles", &role).await;
    let router =
        json!({"kind": "ServiceAccount", "namespace": "openshift-ingress", "name": "router"});
    let binding = json!({"metadata": {"name": "reads-own"}, "subjects": [router],
        "roleRef": {"apiGroup": group, "kind": "Role", "name": "reads-own"}});
    shop.put(&format!("/apis/{group}/v1"), "rolebindings", &binding).await;

    shop.route("own", json!({}), spec).await;
    assert_eq!(shop.https(host, "/").await.expect("TLS").code, 200);
    let path = format!("/api/v1/namespaces/{NS}/secrets/own");
    let other =
        send(&shop.lab.client, "PATCH", &path, "", Some(&secret("other.example.com"))).await;
    other.expect(200);
    assert!(shop.https(host, "/").await.is_none(), "it is of another host now");
    send(&shop.lab.client, "PATCH", &path, "", Some(&secret(host))).await.expect(200);
    assert_eq!(shop.https(host, "/").await.expect("TLS").code, 200);
    send(&shop.lab.client, "DELETE", &path, "", None).await.expect(200);
    let of_route = format!("/apis/route.openshift.io/v1/namespaces/{NS}/routes/own");
    let says = async |wanted: String| {
        eventually("the router says so", || async {
            let found = send(&shop.lab.client, "GET", &of_route, "", None).await.json();
            let condition = &found["status"]["ingress"][0]["conditions"][0];
            let said = ["status", "reason", "message"].map(|f| condition.str_at(f)).join(" ");
            if said == wanted { Ok(()) } else { Err(said) }
        })
        .await;
    };
    let invalid = |why: &str| format!("False ExternalCertificateValidationFailed {why}");
    says(invalid(&format!("{field}: {missing}"))).await;
    shop.put("/api/v1", "secrets", &secret(host)).await;
    says("True  ".into()).await;
    // Rights that are taken away are missed at the next change of the secret.
    let of_binding = format!("/apis/{group}/v1/namespaces/{NS}/rolebindings/reads-own");
    send(&shop.lab.client, "DELETE", &of_binding, "", None).await.expect(200);
    send(&shop.lab.client, "PATCH", &path, "", Some(&secret(host))).await.expect(200);
    let all = ["get", "watch", "list"].map(|verb| format!("{field}: {}", lacks(verb)));
    says(invalid(&format!("[{}]", all.join(", ")))).await;
    assert!(shop.https(host, "/").await.is_none(), "it is shown no more");
    shop.lab.stop().await;
}
