//! The registries over the wire: content, errors, credentials and the proxy.

use crate::support::{
    Child, Lab, Reply, Wire,
    child::run,
    eventually,
    lab::{builder, get, send},
    registry::{Image, Registry},
    tools,
};
use pocketshift::catalog::content::sha256;
use serde_json::{Value, json};
use std::process::Command;

const NGINX: &str = "/v2/registry.access.redhat.com/ubi9/nginx-120";
const KEYCLOAK: &str = "/v2/quay.io/keycloak/keycloak";
const LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// The header of name and password.
pub fn basic(name: &str, password: &str) -> String {
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
    let referrers = wire.get(&format!("{KEYCLOAK}/referrers/{zero}")).await;
    assert_eq!((referrers.code, referrers.text().as_str()), (404, "404 page not found\n"));
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
    let api = lab.address();
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

/// A token of a new service account with a role in its project.
pub async fn token(lab: &Lab, project: &str, name: &str, role: &str) -> String {
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}});
    let accounts = format!("/api/v1/namespaces/{project}/serviceaccounts");
    send(&lab.client, "POST", &accounts, "", Some(&account)).await.expect(201);
    if !role.is_empty() {
        let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": {"name": format!("{name}-{role}")},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "ServiceAccount", "namespace": project, "name": name}]});
        let bindings =
            format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{project}/rolebindings");
        send(&lab.client, "POST", &bindings, "", Some(&binding)).await.expect(201);
    }
    let review =
        json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
    let path = format!("{accounts}/{name}/token");
    let made = send(&lab.client, "POST", &path, "", Some(&review)).await.expect(201);
    made["status"]["token"].as_str().expect("a token").into()
}

/// Uploads a blob in one request; answers its descriptor.
async fn push_blob(wire: &Wire, name: &str, content: &[u8], media_type: &str) -> Value {
    let digest = sha256(content);
    let path = format!("/v2/{name}/blobs/uploads/?digest={digest}");
    let made = wire.send("POST", &path, &[], content.to_vec()).await;
    assert_eq!(made.code, 201, "{}", made.text());
    assert_eq!(made.header("docker-content-digest"), digest);
    json!({"mediaType": media_type, "size": content.len(), "digest": digest})
}

/// Pushes a small image under a tag; answers its digest.
pub async fn push_image(wire: &Wire, name: &str, tag: &str, what: &str) -> String {
    let config = json!({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers",
        "diff_ids": [sha256(what.as_bytes())]}, "config": {"Cmd": [what],
        "ExposedPorts": {"9000/tcp": {}}}});
    let media_type = "application/vnd.docker.container.image.v1+json";
    let config = push_blob(wire, name, config.to_string().as_bytes(), media_type).await;
    let layer = "application/vnd.docker.image.rootfs.diff.tar.gzip";
    let layer = push_blob(wire, name, what.as_bytes(), layer).await;
    let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config,
        "layers": [layer]});
    let path = format!("/v2/{name}/manifests/{tag}");
    let bytes = manifest.to_string().into_bytes();
    let made = wire.send("PUT", &path, &[("content-type", MANIFEST)], bytes).await;
    assert_eq!(made.code, 201, "{}", made.text());
    made.header("docker-content-digest").into()
}

async fn stream(lab: &Lab, project: &str, name: &str) -> Value {
    let path = format!("/apis/image.openshift.io/v1/namespaces/{project}/imagestreams/{name}");
    get(&lab.client, &path).await.json()
}

#[tokio::test]
async fn a_push_makes_the_stream_and_its_tag() {
    let lab = Lab::start().await;
    let project = lab.namespace("demo").await;
    let anybody = Wire::to(&lab);
    let builder = token(&lab, &project, "pusher", "system:image-builder").await;
    let wire = anybody.with(basic("any", &builder));
    let digest = push_image(&wire, "demo/app", "v1", "one").await;
    let found = stream(&lab, "demo", "app").await;
    let item = &found["status"]["tags"][0]["items"][0];
    assert_eq!(found["status"]["tags"][0]["tag"], "v1");
    assert_eq!(item["image"], digest.as_str());
    let reference = format!("image-registry.openshift-image-registry.svc:5000/demo/app@{digest}");
    assert_eq!(item["dockerImageReference"], reference.as_str());
    // The next push moves the tag, and history keeps the old image.
    let second = push_image(&wire, "demo/app", "v1", "two").await;
    let items = stream(&lab, "demo", "app").await["status"]["tags"][0]["items"].clone();
    assert_eq!((&items[0]["image"], &items[1]["image"]), (&json!(second), &json!(digest)));
    // Both are pulled as they were pushed, by whoever may pull.
    let puller = token(&lab, &project, "puller", "system:image-puller").await;
    let puller = anybody.with(format!("Bearer {puller}"));
    for (reference, expected) in [("v1", &second), (digest.as_str(), &digest)] {
        let pulled = puller.get(&format!("/v2/demo/app/manifests/{reference}")).await;
        assert_eq!(&sha256(&pulled.bytes), expected);
        for layer in pulled.json()["layers"].as_array().expect("layers") {
            let layer = layer["digest"].as_str().expect("a digest");
            let blob = puller.get(&format!("/v2/demo/app/blobs/{layer}")).await;
            assert_eq!(sha256(&blob.bytes), layer);
        }
    }
    let tags = puller.get("/v2/demo/app/tags/list").await.expect(200);
    assert_eq!(tags, json!({"name": "demo/app", "tags": ["v1"]}));
    lab.stop().await;
}

#[tokio::test]
async fn who_may_pull_and_push() {
    let lab = Lab::start().await;
    for project in ["demo", "other"] {
        lab.namespace(project).await;
    }
    let anybody = Wire::to(&lab);
    let token_for = async |project, name, role| {
        anybody.with(basic("any", &token(&lab, project, name, role).await))
    };
    let pusher = token_for("demo", "pusher", "system:image-builder").await;
    push_image(&pusher, "demo/app", "1", "one").await;
    let puller = token_for("demo", "puller", "system:image-puller").await;
    let stranger = token_for("other", "stranger", "system:image-builder").await;
    let manifest = "/v2/demo/app/manifests/1";
    let uploads = "/v2/demo/app/blobs/uploads/";
    let rows = [
        (&pusher, "GET", manifest, 200),
        (&puller, "GET", manifest, 200),
        (&puller, "POST", uploads, 401),
        (&puller, "PUT", manifest, 401),
        (&puller, "DELETE", manifest, 401),
        (&pusher, "DELETE", manifest, 401),
        (&stranger, "GET", manifest, 401),
        (&stranger, "POST", uploads, 401),
        (&anybody, "GET", manifest, 401),
        (&anybody, "GET", "/v2/", 401),
        (&puller, "GET", "/v2/", 200),
        (&puller, "GET", "/v2/_catalog", 401),
        (&puller, "PUT", "/v2/quay.io/keycloak/keycloak/manifests/20.0?from=20.0.2", 401),
        (&puller, "PUT", "/registries/quay.io/outage", 401),
        (&anybody, "PUT", "/registries/quay.io/outage", 401),
    ];
    for (who, method, path, code) in rows {
        let reply = who.send(method, path, &[], Vec::new()).await;
        assert_eq!(reply.code, code, "{method} {path}: {}", reply.text());
    }
    let asked = anybody.get("/v2/").await;
    let realm = format!("Bearer realm=\"https://{}/openshift/token\"", anybody.address);
    assert_eq!(asked.header("www-authenticate"), realm);
    let refused = stranger.get(manifest).await;
    let challenge = "Basic realm=openshift,error=\"access denied\"";
    assert_eq!(refused.header("www-authenticate"), challenge);
    let sold = puller.get("/openshift/token?scope=repository:demo/app:pull").await.expect(200);
    assert_eq!(sold["token"], sold["access_token"]);
    let nobody = anybody.with(basic("any", "sha256~nothing"));
    assert_eq!(nobody.get("/openshift/token").await.code, 401);
    let sold = anybody.get("/openshift/token").await.expect(200);
    assert_eq!(sold["token"], "anonymous");
    lab.stop().await;
}

#[tokio::test]
async fn uploads_in_pieces_and_wrong_ones() {
    let lab = Lab::start().await;
    let project = lab.namespace("demo").await;
    let pusher = token(&lab, &project, "pusher", "system:image-builder").await;
    let wire = Wire::to(&lab).with(basic("any", &pusher));
    let begin = async || {
        let begun = wire.send("POST", "/v2/demo/app/blobs/uploads/", &[], Vec::new()).await;
        assert_eq!(begun.code, 202);
        let location = begun.header("location").to_owned();
        location.split_once(&wire.address).expect("our own address").1.to_owned()
    };
    let at = begin().await;
    let digest = sha256(b"hello world");
    let piece = wire.send("PATCH", &at, &[("content-range", "0-5")], b"hello ".to_vec()).await;
    assert_eq!((piece.code, piece.header("range")), (202, "0-5"));
    let gap = wire.send("PATCH", &at, &[("content-range", "9-10")], b"ld".to_vec()).await;
    assert_eq!(gap.code, 416);
    let state = wire.get(&at).await;
    assert_eq!((state.code, state.header("range")), (204, "0-5"));
    let done = wire.send("PUT", &format!("{at}?digest={digest}"), &[], b"world".to_vec()).await;
    assert_eq!(done.code, 201, "{}", done.text());
    let blob = wire.get(&format!("/v2/demo/app/blobs/{digest}")).await;
    assert_eq!((blob.code, blob.text().as_str()), (200, "hello world"));
    assert_eq!(wire.get(&at).await.code, 404);
    // Wrong digests, unknown and foreign uploads, names that try to leave.
    let at = begin().await;
    let wrong = wire.send("PUT", &format!("{at}?digest={digest}"), &[], b"other".to_vec()).await;
    assert_eq!(
        (wrong.code, wrong.json()["errors"][0]["code"].clone()),
        (400, json!("DIGEST_INVALID"))
    );
    let at = begin().await;
    let foreign = at.replace("demo/app", "demo/web");
    assert_eq!(wire.send("PATCH", &foreign, &[], b"x".to_vec()).await.code, 404);
    assert_eq!(wire.send("DELETE", &at, &[], Vec::new()).await.code, 204);
    assert_eq!(wire.send("PATCH", &at, &[], b"x".to_vec()).await.code, 404);
    for path in [
        "/v2/demo/app/blobs/uploads/..%2f..%2fca.key",
        "/v2/demo/app/blobs/uploads/../../ca.key",
        "/v2/demo/app/blobs/sha256:../../../ca.key",
        "/v2/demo/../app/blobs/uploads/",
    ] {
        let reply = wire.send("PUT", &format!("{path}?digest={digest}"), &[], b"x".to_vec()).await;
        assert!((400..500).contains(&reply.code), "{path}: {}", reply.code);
    }
    // A blob of another repository can be mounted by who may pull there, and by nobody else.
    let mount = format!("/v2/demo/web/blobs/uploads/?mount={digest}&from=demo/app");
    assert_eq!(wire.send("POST", &mount, &[], Vec::new()).await.code, 201);
    assert_eq!(wire.get(&format!("/v2/demo/web/blobs/{digest}")).await.code, 200);
    assert_eq!(wire.get(&format!("/v2/demo/none/blobs/{digest}")).await.code, 404);
    lab.namespace("other").await;
    let stranger = token(&lab, "other", "stranger", "system:image-builder").await;
    let stranger = Wire::to(&lab).with(basic("any", &stranger));
    let mount = format!("/v2/other/web/blobs/uploads/?mount={digest}&from=demo/app");
    assert_eq!(stranger.send("POST", &mount, &[], Vec::new()).await.code, 202);
    // A manifest needs its parts, and has to be one.
    let missing = json!({"schemaVersion": 2, "mediaType": MANIFEST, "layers": [], "config":
        {"mediaType": "x", "size": 1, "digest": format!("sha256:{}", "0".repeat(64))}});
    let headers = [("content-type", MANIFEST)];
    for (body, code, name) in [
        (missing.to_string(), 404, "MANIFEST_BLOB_UNKNOWN"),
        ("{}".into(), 400, "MANIFEST_INVALID"),
        ("nonsense".into(), 400, "MANIFEST_INVALID"),
        (" ".repeat(5 << 20), 413, "SIZE_INVALID"),
    ] {
        let path = "/v2/demo/app/manifests/1";
        let reply = wire.send("PUT", path, &headers, body.into_bytes()).await;
        assert_eq!((reply.code, reply.json()["errors"][0]["code"].clone()), (code, json!(name)));
    }
    lab.stop().await;
}

/// Signatures are kept with the image; pruning takes blobs away; a project's own go with it.
#[tokio::test]
async fn what_nobody_needs_goes() {
    let dir = tempfile::tempdir().expect("a folder");
    let lab = Lab::of(builder().data_dir(dir.path())).await;
    let project = lab.namespace("demo").await;
    let pusher = token(&lab, &project, "pusher", "system:image-builder").await;
    let wire = Wire::to(&lab).with(basic("any", &pusher));
    let digest = push_image(&wire, "demo/app", "1", "one").await;
    let lone = push_blob(&wire, "demo/app", b"of no image", "x").await["digest"].clone();
    let lone = lone.as_str().expect("a digest").to_owned();
    let admin = Admin::of(&lab);
    let at = format!("/extensions/v2/demo/app/signatures/{digest}");
    let signature = |version| {
        json!({"schemaVersion": version, "name": format!("{digest}@one"), "type": "atomic",
            "content": "c2lnbmVk"})
    };
    let put = async |version| {
        admin.wire.send("PUT", &at, &[], signature(version).to_string().into_bytes()).await.code
    };
    assert_eq!((put(1).await, put(2).await, put(2).await), (400, 201, 409));
    let list = wire.get(&at).await.expect(200);
    assert_eq!(list, json!({"signatures": [signature(2)]}));
    let none = format!("/extensions/v2/demo/none/signatures/{digest}");
    assert_eq!(admin.send("GET", &none).await.code, 404);

    let config =
        wire.get(&format!("/v2/demo/app/manifests/{digest}")).await.json()["config"].clone();
    let config = config["digest"].as_str().expect("a digest").to_owned();
    let prune = format!("/admin/blobs/{config}");
    assert_eq!(wire.send("DELETE", &prune, &[], Vec::new()).await.code, 401);
    let codes = [admin.send("DELETE", &prune).await.code, admin.send("DELETE", &prune).await.code];
    assert_eq!(codes, [204, 404]);
    assert_eq!(admin.send("DELETE", "/admin/blobs/..%2f..%2fca.key").await.code, 400);
    assert_eq!(admin.send("GET", "/healthz").await.code, 200);

    let path = "/api/v1/namespaces/demo";
    send(&lab.client, "DELETE", path, "", None).await.expect(200);
    let file =
        |digest: &str| dir.path().join("registry/blobs").join(digest.trim_start_matches("sha256:"));
    eventually("the end of the project's own", || async {
        let snapshot = lab.server().store.snapshot();
        let row = snapshot.get_key("repositories.internal", "repository:demo/app").is_some();
        if row || file(&lone).exists() { Err("still there") } else { Ok(()) }
    })
    .await;
    assert!(file(&digest).exists(), "an image names it");
    // What the image names stays until that is pruned.
    assert_eq!(admin.send("DELETE", &format!("/admin/blobs/{digest}")).await.code, 204);
    lab.stop().await;
}

/// The vendor publishes a new version: everybody sees it, the nodes too, also after a restart.
#[tokio::test]
async fn tags_of_vendors_move() {
    let home = tempfile::tempdir().expect("a folder");
    let kept = builder().data_dir(home.path());
    let again = kept.clone();
    let lab = Lab::of(kept).await;
    let admin = Admin::of(&lab);
    let wire = Wire::to(&lab);
    let at = |tag: &str| format!("{KEYCLOAK}/manifests/{tag}");
    let (old, new) = (wire.get(&at("20.0.2")).await.bytes, wire.get(&at("20.0")).await.bytes);
    assert_ne!(old, new);
    assert_eq!(admin.send("PUT", &format!("{}?from=20.0.2", at("20.0"))).await.code, 201);
    assert_eq!(wire.get(&at("20.0")).await.bytes, old);
    assert_eq!(admin.send("PUT", &format!("{}?from=nosuch", at("20.0"))).await.code, 404);
    assert_eq!(admin.send("DELETE", &at("26.0")).await.code, 202);
    assert_eq!(admin.send("DELETE", &at("26.0")).await.code, 404);
    // A version of the vendor's own making.
    let made = push_image(&admin.wire, "quay.io/keycloak/keycloak", "27.0", "new").await;
    let made_elsewhere = push_image(&admin.wire, "quay.io/acme/tool", "1", "tool").await;
    lab.stop().await;

    let lab = Lab::of(again).await;
    let wire = Wire::to(&lab);
    let path = |tag: &str| format!("{KEYCLOAK}/manifests/{tag}");
    assert_eq!(wire.get(&path("20.0")).await.bytes, old);
    assert_eq!(wire.get(&path("26.0")).await.code, 404);
    assert_eq!(sha256(&wire.get(&path("27.0")).await.bytes), made);
    let tags = wire.get(&format!("{KEYCLOAK}/tags/list")).await.expect(200)["tags"].clone();
    let tags = tags.as_array().expect("tags");
    assert!(tags.contains(&json!("27.0")) && !tags.contains(&json!("26.0")), "{tags:?}");
    let known = wire.get_at("quay.io", "/v2/_catalog").await.expect(200)["repositories"].clone();
    assert!(known.as_array().expect("repositories").contains(&json!("acme/tool")));
    lab.namespace("demo").await;
    for (name, image, digest) in [
        ("moved", "quay.io/keycloak/keycloak:20.0", sha256(&old)),
        ("made", "quay.io/acme/tool:1", made_elsewhere),
    ] {
        let id = image_id(&lab, "demo", name, image).await;
        assert_eq!(id.split_once('@').expect("a digest").1, digest, "{image}");
    }
    lab.stop().await;
}

/// Runs a pod; answers the imageID of its container.
pub async fn image_id(lab: &Lab, namespace: &str, name: &str, image: &str) -> String {
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {"containers": [{"name": "c", "image": image, "imagePullPolicy": "Always"}]}});
    let path = format!("/api/v1/namespaces/{namespace}/pods");
    send(&lab.client, "POST", &path, "", Some(&pod)).await.expect(201);
    let path = format!("{path}/{name}");
    eventually("the image", || async {
        let pod = get(&lab.client, &path).await.json();
        let status = &pod["status"]["containerStatuses"][0];
        match status["imageID"].as_str() {
            Some(id) if !id.is_empty() => Ok(id.to_owned()),
            _ => Err(pod["status"].to_string()),
        }
    })
    .await
}

#[tokio::test]
async fn a_registry_that_does_not_answer() {
    let lab = Lab::start().await;
    let admin = Admin::of(&lab);
    let wire = Wire::to(&lab);
    let path = format!("{KEYCLOAK}/manifests/20.0");
    let outage = "/registries/quay.io/outage";
    assert_eq!(
        admin.send("PUT", outage).await.expect(200),
        json!({"host": "quay.io", "down": true})
    );
    assert_eq!(wire.get(&path).await.code, 503);
    assert_eq!(wire.get_at("quay.io", "/v2/").await.code, 503);
    assert_eq!(wire.get(&format!("{NGINX}/manifests/1")).await.code, 200);
    lab.namespace("demo").await;
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec":
        {"containers": [{"name": "c", "image": "quay.io/keycloak/keycloak:20.0"}]}});
    send(&lab.client, "POST", "/api/v1/namespaces/demo/pods", "", Some(&pod)).await.expect(201);
    eventually("a failed pull", || async {
        let pod = get(&lab.client, "/api/v1/namespaces/demo/pods/p").await.json();
        let waiting = &pod["status"]["containerStatuses"][0]["state"]["waiting"];
        let text = waiting["message"].as_str().unwrap_or_default().to_owned();
        if text.contains("503 Service Unavailable") { Ok(()) } else { Err(text) }
    })
    .await;
    assert_eq!(admin.send("DELETE", outage).await.expect(200)["down"], false);
    assert_eq!(wire.get(&path).await.code, 200);
    assert_eq!(admin.send("PUT", "/registries/nowhere.example/outage").await.code, 404);
    lab.stop().await;
}

/// Imports an image into a stream of a project, to be pulled through the cluster's registry.
pub async fn import(lab: &Lab, project: &str, from: &str, stream: &str, tag: &str) {
    let import = json!({"apiVersion": "image.openshift.io/v1", "kind": "ImageStreamImport",
        "metadata": {"name": stream}, "spec": {"import": true, "images": [{
            "from": {"kind": "DockerImage", "name": from}, "to": {"name": tag},
            "importPolicy": {"insecure": true}, "referencePolicy": {"type": "Local"}}]}});
    let path = format!("/apis/image.openshift.io/v1/namespaces/{project}/imagestreamimports");
    let done = send(&lab.client, "POST", &path, "", Some(&import)).await.expect(201);
    assert_eq!(done["status"]["images"][0]["status"]["status"], "Success", "{done}");
}

/// Pulls a whole image as a client does; answers the digest of its manifest.
pub async fn pull(wire: &Wire, name: &str, reference: &str) -> String {
    let manifest = wire.get(&format!("/v2/{name}/manifests/{reference}")).await;
    assert_eq!(manifest.code, 200, "{}", manifest.text());
    let document = manifest.json();
    let layers = document["layers"].as_array().expect("layers").iter();
    for blob in layers.chain([&document["config"]]).filter(|b| b["size"].as_u64() < Some(1 << 20)) {
        let digest = blob["digest"].as_str().expect("a digest");
        let bytes = wire.get(&format!("/v2/{name}/blobs/{digest}")).await;
        assert_eq!(sha256(&bytes.bytes), digest, "{}", bytes.text());
    }
    sha256(&manifest.bytes)
}

/// The first pull fetches from the source and keeps it; later ones work with the source gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pull_through_of_a_vendors_image() {
    let lab = Lab::start().await;
    let admin = Admin::of(&lab);
    let project = lab.namespace("demo").await;
    let puller = token(&lab, &project, "puller", "system:image-puller").await;
    let wire = Wire::to(&lab).with(basic("any", &puller));
    import(&lab, "demo", "quay.io/keycloak/keycloak:20.0.2", "keycloak", "20").await;
    import(&lab, "demo", "quay.io/keycloak/keycloak:20.0.3", "keycloak", "21").await;
    import(&lab, "demo", "quay.io/keycloak/keycloak:19.0", "keycloak", "19").await;
    let digest = pull(&wire, "demo/keycloak", "20").await;
    // A node pulls through the registry as well, and leaves the image there.
    let registry = "image-registry.openshift-image-registry.svc:5000";
    let by_node = format!("{registry}/demo/keycloak:19");
    let held = image_id(&lab, "demo", "node", &by_node).await;
    let held = held.split_once('@').expect("a digest").1.to_owned();
    let kept = "repository:demo/keycloak".to_owned();
    eventually("the image of the node", || async {
        let snapshot = lab.server().store.snapshot();
        let row = snapshot.get_key("repositories.internal", &kept);
        let row = row.map(|e| e.value()).unwrap_or_default();
        let here = row["manifests"].get(&held).is_some();
        if here && row["blobs"].as_object().is_some_and(|b| b.len() > 3) {
            Ok(())
        } else {
            Err(row)
        }
    })
    .await;
    admin.send("PUT", "/registries/quay.io/outage").await.expect(200);
    for reference in ["20", &digest] {
        assert_eq!(pull(&wire, "demo/keycloak", reference).await, digest);
    }
    assert_eq!(pull(&wire, "demo/keycloak", "19").await, held);
    // What was never pulled is not here, for nobody.
    let lost = wire.get("/v2/demo/keycloak/manifests/21").await;
    assert_eq!(lost.code, 404, "{}", lost.text());
    assert_eq!(lost.json()["errors"][0]["code"], "OPENSHIFT_PULLTHROUGH_MANIFEST");
    let image = format!("{registry}/demo/keycloak@{digest}");
    assert_eq!(image_id(&lab, "demo", "kept", &image).await, image);
    lab.stop().await;
}

/// The same with a registry of the real world.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pull_through_of_a_real_registrys_image() {
    let registry = Registry::start();
    registry.push(&[Image::new("app:1", "1")]);
    let lab = Lab::start().await;
    let project = lab.namespace("demo").await;
    let puller = token(&lab, &project, "puller", "system:image-puller").await;
    let wire = Wire::to(&lab).with(basic("any", &puller));
    import(&lab, "demo", &registry.image("app:1"), "app", "1").await;
    let digest = pull(&wire, "demo/app", "1").await;
    drop(registry);
    assert_eq!(pull(&wire, "demo/app", &digest).await, digest);
    lab.stop().await;
}

/// A node that is the first to want an image: the cluster's registry fetches it from the network,
/// for the pod's account or for whom its own secret names.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_pull_through_what_nobody_has_fetched() {
    let registry = Registry::start();
    registry.push(&[Image::new("app:1", "1"), Image::new("app:2", "2")]);
    let lab = Lab::start().await;
    for project in ["demo", "other"] {
        lab.namespace(project).await;
    }
    for tag in ["1", "2"] {
        import(&lab, "demo", &registry.image(&format!("app:{tag}")), "app", tag).await;
    }
    let server = "image-registry.openshift-image-registry.svc:5000";
    let id = image_id(&lab, "demo", "own", &format!("{server}/demo/app:1")).await;
    assert_eq!(id, format!("{server}/demo/app@{}", registry.digest("app:1")));
    // Somebody else's project, with a token that may pull.
    let puller = token(&lab, "demo", "puller", "system:image-puller").await;
    let auths = json!({"auths": {server: {"username": "any", "password": puller}}}).to_string();
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "theirs"},
        "type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": auths}});
    let path = "/api/v1/namespaces/other/secrets";
    send(&lab.client, "POST", path, "", Some(&secret)).await.expect(201);
    let account = json!({"imagePullSecrets": [{"name": "theirs"}]});
    let path = "/api/v1/namespaces/other/serviceaccounts/default";
    send(&lab.client, "PATCH", path, "", Some(&account)).await.expect(200);
    let id = image_id(&lab, "other", "theirs", &format!("{server}/demo/app:2")).await;
    assert_eq!(id, format!("{server}/demo/app@{}", registry.digest("app:2")));
    // What was fetched is here, without its source.
    drop(registry);
    let wire = Wire::to(&lab).with(basic("any", &puller));
    pull(&wire, "demo/app", "2").await;
    lab.stop().await;
}

/// An image tagged into another project is pulled from there by who may, wherever it was pushed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pushed_image_in_another_stream() {
    let lab = Lab::start().await;
    for project in ["demo", "other"] {
        lab.namespace(project).await;
    }
    let pusher = token(&lab, "demo", "pusher", "system:image-builder").await;
    let pusher = Wire::to(&lab).with(basic("any", &pusher));
    let digest = push_image(&pusher, "demo/app", "1", "one").await;
    let tag = json!({"apiVersion": "image.openshift.io/v1", "kind": "ImageStreamTag",
        "metadata": {"name": "app:1"}, "tag": {"name": "1", "from":
        {"kind": "ImageStreamImage", "name": format!("app@{digest}"), "namespace": "demo"}}});
    let path = "/apis/image.openshift.io/v1/namespaces/other/imagestreamtags";
    send(&lab.client, "POST", path, "", Some(&tag)).await.expect(201);
    let puller = token(&lab, "other", "puller", "system:image-puller").await;
    let puller = Wire::to(&lab).with(basic("any", &puller));
    assert_eq!(pull(&puller, "other/app", "1").await, digest);
    assert_eq!(puller.get("/v2/demo/app/manifests/1").await.code, 401);
    lab.stop().await;
}

/// The real skopeo, in a shell that evaluated what `pocketshift env` prints.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn skopeo_by_the_vendors_names() {
    tools::debian(&["skopeo"]);
    let home = tempfile::tempdir().expect("a folder");
    let server = Child::start(home.path(), &[]);
    let folder = home.path().to_string_lossy().into_owned();
    let said = run(home.path(), &["env", "--data-dir", &folder]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let proxy = said.out.lines().find_map(|l| l.strip_prefix("export HTTPS_PROXY='http://"));
    let here = proxy.expect("the proxy").trim_end_matches('\'').to_owned();
    let shell = |command: &str| {
        let script = format!("{}{command}", said.out);
        let out = Command::new("sh").args(["-c", &script]).env("HOME", home.path()).output();
        out.expect("a shell")
    };
    let inspected = shell("skopeo inspect docker://registry.access.redhat.com/ubi9/nginx-120:1-86");
    let inspected: Value = serde_json::from_slice(&inspected.stdout).expect("JSON");
    assert_eq!(inspected["Architecture"], "amd64");
    assert_eq!(inspected["Labels"]["release"], "86");
    let elsewhere = shell("skopeo inspect docker://registry.example.org/a:1");
    assert!(String::from_utf8_lossy(&elsewhere.stderr).contains("Forbidden"), "{elsewhere:?}");
    // A push and a pull, whole, with the layers.
    let client = server.client(home.path()).await;
    let project = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "demo"}});
    send(&client, "POST", "/api/v1/namespaces", "", Some(&project)).await.expect(201);
    let review =
        json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
    let account = "/api/v1/namespaces/demo/serviceaccounts/builder";
    let token = eventually("the builder's token", || async {
        let made = send(&client, "POST", &format!("{account}/token"), "", Some(&review)).await;
        let token = made.json()["status"]["token"].as_str().map(str::to_owned);
        token.ok_or_else(|| made.text())
    })
    .await;
    let creds = format!("--dest-creds any:{token}");
    let source = "docker://registry.k8s.io/pause:3.9";
    let copy = || shell(&format!("skopeo copy {creds} {source} docker://{here}/demo/pause:3.9"));
    eventually("the builder's rights", || async {
        let pushed = copy();
        if pushed.status.success() { Ok(()) } else { Err(format!("{pushed:?}")) }
    })
    .await;
    let pulled = format!(
        "skopeo copy --src-creds any:{token} docker://{here}/demo/pause:3.9 dir:{folder}/out"
    );
    let pulled = shell(&pulled);
    assert!(pulled.status.success(), "{pulled:?}");
    let manifest = std::fs::read(home.path().join("out/manifest.json")).expect("a manifest");
    let stream = "/apis/image.openshift.io/v1/namespaces/demo/imagestreams/pause";
    let stream = get(&client, stream).await.expect(200);
    assert_eq!(stream["status"]["tags"][0]["items"][0]["image"], sha256(&manifest));
    drop(server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_vendors_desk_by_command() {
    let home = tempfile::tempdir().expect("a folder");
    let server = Child::start(home.path(), &[]);
    let folder = home.path().to_string_lossy().into_owned();
    let command = |words: &[&str]| run(home.path(), &[words, &["--data-dir", &folder]].concat());
    let image = "quay.io/keycloak/keycloak:20.0.2";
    let rows: &[(&[&str], Option<i32>, &str)] = &[
        (
            &["registry", "tag", image, "20.0"],
            Some(0),
            "quay.io/keycloak/keycloak:20.0 is now quay.io/",
        ),
        (&["registry", "untag", "quay.io/keycloak/keycloak:26.0"], Some(0), "is gone"),
        (&["registry", "untag", "quay.io/keycloak/keycloak:26.0"], Some(1), "manifest unknown"),
        (&["registry", "outage", "quay.io"], Some(0), "quay.io does not answer any more"),
        (&["registry", "outage", "quay.io", "--end"], Some(0), "quay.io answers again"),
        (
            &["registry", "outage", "nowhere.example"],
            Some(1),
            "repository name not known to registry",
        ),
        (
            &["registry", "tag", "quay.io/keycloak/keycloak:nosuch", "x"],
            Some(1),
            "manifest unknown",
        ),
        (&["node", "fail", "worker01"], Some(0), "node worker01 is not heard of any more"),
        (&["node", "recover", "worker01"], Some(0), "node worker01 is back"),
        (&["node", "fail", "worker99"], Some(1), "nodes \"worker99\" not found"),
        (&["registry", "tag", "nonsense", "x"], Some(1), "is not HOST/REPOSITORY:TAG"),
    ];
    for (words, code, said) in rows {
        let ended = command(words);
        assert_eq!(ended.code, *code, "{words:?}: {ended:?}");
        assert!(format!("{}{}", ended.out, ended.err).contains(said), "{words:?}: {ended:?}");
    }
    server.kill();
    let ended = command(&["registry", "outage", "quay.io"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("start `pocketshift` first"), "{ended:?}");
}

/// The administrator at the registries' port, by client certificate.
struct Admin {
    wire: Wire,
}

impl Admin {
    fn of(lab: &Lab) -> Admin {
        Admin { wire: Wire::to(lab).as_admin(lab) }
    }

    async fn send(&self, method: &str, path: &str) -> Reply {
        self.wire.send(method, path, &[], Vec::new()).await
    }
}
