//! The registries over the wire: content, errors, credentials and the proxy.

use crate::support::{Lab, Wire};
use pocketshift::catalog::content::sha256;
use serde_json::{Value, json};

const NGINX: &str = "/v2/registry.access.redhat.com/ubi9/nginx-120";
const KEYCLOAK: &str = "/v2/quay.io/keycloak/keycloak";
const LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

fn basic(name: &str, password: &str) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

/// Everything below a tag is there, and is what its digest says.
#[tokio::test]
async fn a_tag_leads_to_everything() {
    let lab = Lab::start().await;
    let wire = Wire::to(&lab);
    let head = wire.send("HEAD", &format!("{NGINX}/manifests/1-86"), &[], Vec::new()).await;
    let digest = head.header("docker-content-digest").to_owned();
    assert_eq!((head.code, head.bytes.len(), head.header("content-type")), (200, 0, LIST));
    let list = wire.get(&format!("{NGINX}/manifests/{digest}")).await;
    assert_eq!(sha256(&list.bytes), digest);
    assert_eq!(list.header("content-length"), head.header("content-length"));
    let members = list.json()["manifests"].as_array().expect("members").clone();
    assert_eq!(members.len(), 4);
    for member in members {
        let digest = member["digest"].as_str().expect("a digest");
        let manifest = wire.get(&format!("{NGINX}/manifests/{digest}")).await;
        assert_eq!(manifest.header("content-type"), MANIFEST);
        assert_eq!(sha256(&manifest.bytes), digest);
        let manifest = manifest.json();
        let layers = manifest["layers"].as_array().expect("layers");
        for blob in [&manifest["config"], layers.last().expect("a layer")] {
            let digest = blob["digest"].as_str().expect("a digest");
            let bytes = wire.get(&format!("{NGINX}/blobs/{digest}")).await.bytes;
            assert_eq!(sha256(&bytes), digest);
            assert_eq!(blob["size"], bytes.len());
        }
        let (digest, size) = (layers[0]["digest"].as_str(), layers[0]["size"].as_u64());
        let path = format!("{NGINX}/blobs/{}", digest.expect("a digest"));
        let whole = wire.send("HEAD", &path, &[], Vec::new()).await;
        assert_eq!(whole.header("content-length"), size.expect("a size").to_string());
        let part = wire.send("GET", &path, &[("range", "bytes=65540-65559")], Vec::new()).await;
        assert_eq!((part.code, part.bytes.len()), (206, 20));
    }
    let layer = wire.get("/v2/docker.io/library/alpine/manifests/3.22").await.json();
    let image = layer["manifests"][0]["digest"].as_str().expect("a digest").to_owned();
    let path = format!("/v2/docker.io/library/alpine/manifests/{image}");
    let layer = wire.get(&path).await.json()["layers"][0].clone();
    let digest = layer["digest"].as_str().expect("a digest");
    let bytes = wire.get(&format!("/v2/docker.io/library/alpine/blobs/{digest}")).await.bytes;
    assert_eq!(
        (sha256(&bytes).as_str(), layer["size"].as_u64()),
        (digest, Some(bytes.len() as u64))
    );
    lab.stop().await;
}

#[tokio::test]
async fn refusals() {
    let lab = Lab::start().await;
    let wire = Wire::to(&lab);
    let zero = format!("sha256:{}", "0".repeat(64));
    let rows = [
        ("GET", format!("{KEYCLOAK}/manifests/nosuch"), 404, "MANIFEST_UNKNOWN"),
        ("GET", format!("{KEYCLOAK}/manifests/{zero}"), 404, "MANIFEST_UNKNOWN"),
        ("GET", format!("{KEYCLOAK}/blobs/{zero}"), 404, "BLOB_UNKNOWN"),
        ("GET", format!("{KEYCLOAK}/blobs/../../etc/passwd"), 404, ""),
        ("GET", format!("{KEYCLOAK}/blobs/sha256:%2e%2e"), 400, "DIGEST_INVALID"),
        ("GET", "/v2/quay.io/no/such/manifests/1".into(), 401, "UNAUTHORIZED"),
        ("GET", "/v2/nowhere.example/a/manifests/1".into(), 404, "NAME_UNKNOWN"),
        ("GET", "/v2/quay.io/Key/manifests/1".into(), 400, "NAME_INVALID"),
        ("GET", "/v2/quay.io/../a/manifests/1".into(), 400, "NAME_INVALID"),
        ("GET", format!("{KEYCLOAK}/tags/list?n=0"), 400, "PAGINATION_NUMBER_INVALID"),
        ("GET", "/v1/search".into(), 404, ""),
    ];
    for (method, path, code, name) in rows {
        let reply = wire.send(method, &path, &[], Vec::new()).await;
        assert_eq!(reply.code, code, "{path}: {}", reply.text());
        assert_eq!(reply.json()["errors"][0]["code"].as_str().unwrap_or(""), name, "{path}");
    }
    let path = format!("{KEYCLOAK}/manifests/nosuch");
    let error = wire.get(&path).await.json()["errors"][0].clone();
    let expected = json!({"code": "MANIFEST_UNKNOWN", "message": "manifest unknown",
        "detail": {"Tag": "nosuch"}});
    assert_eq!(error, expected);
    lab.stop().await;
}

#[tokio::test]
async fn clients_that_cannot_read_an_index_get_an_image() {
    let lab = Lab::start().await;
    let wire = Wire::to(&lab);
    let path = format!("{NGINX}/manifests/1-86");
    let rows = [
        (MANIFEST, 200, MANIFEST),
        ("*/*", 200, LIST),
        ("application/vnd.oci.image.manifest.v1+json", 404, ""),
    ];
    for (accept, code, media_type) in rows {
        let reply = wire.send("GET", &path, &[("accept", accept)], Vec::new()).await;
        assert_eq!(reply.code, code, "{accept}");
        if code == 200 {
            assert_eq!(reply.header("content-type"), media_type);
        }
    }
    lab.stop().await;
}

#[tokio::test]
async fn lists_come_in_pages() {
    let lab = Lab::start().await;
    let wire = Wire::to(&lab);
    let mut path = format!("{KEYCLOAK}/tags/list?n=5");
    let mut all: Vec<Value> = Vec::new();
    while !path.is_empty() {
        let reply = wire.get(&path).await;
        let link = reply.header("link").to_owned();
        path = link.split(['<', '>']).nth(1).unwrap_or_default().into();
        all.extend(reply.expect(200)["tags"].as_array().expect("tags").clone());
    }
    let whole = wire.get(&format!("{KEYCLOAK}/tags/list")).await.expect(200);
    assert_eq!(whole["tags"], Value::Array(all));
    assert_eq!(whole["name"], "quay.io/keycloak/keycloak");
    let repositories = wire.get_at("quay.io", "/v2/_catalog").await.expect(200);
    let known = repositories["repositories"].as_array().expect("repositories");
    assert!(known.contains(&json!("keycloak/keycloak")), "{repositories}");
    lab.stop().await;
}

/// Clients that dial the vendor's own name, through the proxy, with a certificate of that name.
#[tokio::test]
async fn the_proxy_leads_to_the_registries_and_nowhere_else() {
    let lab = Lab::start().await;
    let wire = Wire::to(&lab);
    for name in ["quay.io", "registry.access.redhat.com", "registry-1.docker.io"] {
        assert_eq!(wire.get_at(name, "/v2/").await.code, 200, "{name}");
    }
    let tags = wire.get_at("quay.io", "/v2/keycloak/keycloak/tags/list").await.expect(200);
    assert_eq!(tags["name"], "keycloak/keycloak");
    for elsewhere in ["example.org:443", "quay.io:80", "127.0.0.1:22", "169.254.169.254:80"] {
        let (_, head) = wire.tunnel(elsewhere).await;
        assert!(head.starts_with("HTTP/1.1 403 "), "{elsewhere}: {head}");
    }
    let api = lab.cluster.url.trim_start_matches("https://");
    let (stream, head) = wire.tunnel(api).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let version = wire.over(stream, "127.0.0.1", api, "GET", "/version", &[], Vec::new()).await;
    assert!(version.expect(200)["gitVersion"].is_string());
    lab.stop().await;
}

#[tokio::test]
async fn private_registries_want_to_know_who_pulls() {
    let lab = Lab::start().await;
    let wire = Wire::to(&lab);
    let good = basic("student", "redhat123");
    let path = "/v2/acme/web/manifests/1.0";
    // Basic: the credentials themselves.
    let refused = wire.get_at("basic.example.com", path).await;
    assert_eq!(refused.code, 401);
    assert_eq!(refused.header("www-authenticate"), "Basic realm=\"basic.example.com\"");
    assert_eq!(wire.with(&good).get_at("basic.example.com", path).await.code, 200);
    assert_eq!(wire.with(basic("student", "x")).get_at("basic.example.com", path).await.code, 401);
    // Bearer: a token bought with them.
    let host = "registry.example.com";
    let refused = wire.get_at(host, "/v2/").await;
    let challenge = refused.header("www-authenticate").to_owned();
    let realm = challenge.split('"').nth(1).expect("a realm");
    assert_eq!(realm, format!("https://{host}/openshift/token"));
    let buy = "/openshift/token?service=registry.example.com&scope=repository:acme/web:pull";
    assert_eq!(wire.get_at(host, buy).await.code, 401);
    assert_eq!(wire.with(basic("student", "x")).get_at(host, buy).await.code, 401);
    let sold = wire.with(&good).get_at(host, buy).await.expect(200);
    let bearer = format!("Bearer {}", sold["token"].as_str().expect("a token"));
    assert_eq!(wire.with(&bearer).get_at(host, path).await.code, 200);
    assert_eq!(wire.with(&bearer).get_at("basic.example.com", path).await.code, 401);
    // The same by the server's own name.
    let here = format!("/v2/{host}/acme/web/manifests/1.0");
    assert_eq!(wire.get(&here).await.code, 401);
    assert_eq!(wire.with(&bearer).get(&here).await.code, 200);
    let buy = "/openshift/token?scope=repository:registry.example.com/acme/web:pull";
    assert_eq!(wire.with(&good).get(buy).await.code, 200);
    lab.stop().await;
}
