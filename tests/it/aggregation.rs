//! Groups that other servers serve: whether they are available, what discovery says of them, and
//! requests that are passed on with who asks.

use crate::support::{
    Lab,
    hook::Hook,
    lab::{get, send},
    wait::eventually,
    wire::Wire,
};
use pocketshift::object::ObjectExt;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SERVICES: &str = "/apis/apiregistration.k8s.io/v1/apiservices";
const NAME: &str = "v1alpha1.wardle.example.com";

fn api_service(bundle: &str) -> Value {
    json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
        "metadata": {"name": NAME}, "spec": {"group": "wardle.example.com", "version": "v1alpha1",
            "groupPriorityMinimum": 2000, "versionPriority": 200, "caBundle": bundle,
            "service": {"namespace": "default", "name": "sample", "port": 7443}}})
}

async fn available(lab: &Lab, reason: &str) -> Value {
    let what = format!("its condition is {reason}");
    eventually(&what, || async {
        let object = get(&lab.client, &format!("{SERVICES}/{NAME}")).await.expect(200);
        let condition = object.condition("Available").cloned().unwrap_or_default();
        if condition.str_at("reason") == reason { Ok(condition) } else { Err(object.to_string()) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_servers_serve_groups_of_their_own() {
    let lab = Lab::start().await;
    let backend = Hook::serve(&["sample.default.svc"], |path, body| {
        let resources = json!({"kind": "APIResourceList", "apiVersion": "v1",
            "groupVersion": "wardle.example.com/v1alpha1", "resources": [
                {"name": "flunders", "singularName": "flunder", "namespaced": true,
                    "kind": "Flunder", "verbs": ["create", "get", "list"]}]});
        let flunders = "/apis/wardle.example.com/v1alpha1/namespaces/default/flunders";
        match path.split('?').next().unwrap_or_default() {
            "/apis/wardle.example.com/v1alpha1" => (200, resources),
            path if path.ends_with("/talk") => (101, Value::Null),
            "/openapi/v3/apis/wardle.example.com/v1alpha1" => (200, json!({"openapi": "3.0.0"})),
            "/openapi/v2" => (
                200,
                json!({"swagger": "2.0",
                "paths": {flunders: {"get": {"schema": {"$ref": "#/definitions/Flunder"}}},
                    "/version/": {"get": {}}},
                "definitions": {"Flunder": {"type": "object"}, "Unused": {}}}),
            ),
            path if path == flunders && !body.is_null() => (201, body.clone()),
            path if path.starts_with(flunders) => (200, json!({"kind": "FlunderList"})),
            _ => (404, json!({})),
        }
    })
    .await;
    let made = send(&lab.client, "POST", SERVICES, "", Some(&api_service(&backend.bundle))).await;
    made.expect(201);
    let condition = available(&lab, "ServiceNotFound").await;
    assert_eq!(condition["message"], r#"service/sample in "default" is not present"#);
    let group = "/apis/wardle.example.com";
    // The other client asks again and again when it gets a 503.
    let plain = Wire::api(&lab).as_admin(&lab);
    let unavailable = plain.get(&format!("{group}/v1alpha1/flunders")).await;
    assert_eq!((unavailable.code, unavailable.text()), (503, "service unavailable\n".into()));
    let groups = get(&lab.client, "/apis").await.expect(200);
    let names: Vec<&str> = groups.list_at("groups").iter().map(|g| g.str_at("name")).collect();
    assert!(names.contains(&"wardle.example.com"), "listed, available or not: {names:?}");

    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "sample"},
        "spec": {"ports": [{"name": "web", "port": 443, "targetPort": backend.port}]}});
    let services = "/api/v1/namespaces/default/services";
    send(&lab.client, "POST", services, "", Some(&service)).await.expect(201);
    let condition = available(&lab, "ServicePortError").await;
    assert_eq!(
        condition["message"],
        r#"service/sample in "default" is not listening on port 7443"#
    );
    let port = json!({"spec": {"ports": [{"name": "web", "port": 7443}]}});
    send(&lab.client, "PATCH", &format!("{services}/sample"), "", Some(&port)).await.expect(200);
    available(&lab, "EndpointsNotFound").await;
    let slice = json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": "sample-1", "labels": {"kubernetes.io/service-name": "sample"}},
        "addressType": "IPv4", "ports": [{"name": "web", "port": backend.port}], "endpoints": []});
    let slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
    send(&lab.client, "POST", slices, "", Some(&slice)).await.expect(201);
    available(&lab, "MissingEndpoints").await;
    // No slice may say a loopback address: a name leads to this machine.
    let outside = json!({"spec": {"type": "ExternalName", "externalName": "localhost",
        "clusterIP": "", "clusterIPs": null}});
    send(&lab.client, "PATCH", &format!("{services}/sample"), "", Some(&outside)).await.expect(200);
    let port = json!({"spec": {"service": {"port": backend.port}}});
    send(&lab.client, "PATCH", &format!("{SERVICES}/{NAME}"), "", Some(&port)).await.expect(200);
    available(&lab, "Passed").await;

    let flunders = format!("{group}/v1alpha1/namespaces/default/flunders");
    let flunder = json!({"kind": "Flunder", "metadata": {"name": "f"}});
    let dry = format!("{flunders}?dryRun=All");
    let made = send(&lab.client, "POST", &dry, "", Some(&flunder)).await;
    assert_eq!(made.expect(201), flunder);
    // The server is looked at in between.
    let head = backend.heads().into_iter().find(|h| h.starts_with(&format!("POST {dry} ")));
    let head = head.expect("it was asked").to_lowercase();
    assert!(head.contains("x-remote-user: system:admin\r\n"), "{head}");
    assert!(head.contains("x-remote-group: system:masters\r\n"), "{head}");
    assert!(!head.contains("authorization:"), "{head}");
    assert_eq!(get(&lab.client, &flunders).await.expect(200)["kind"], "FlunderList");

    let resources = get(&lab.client, &format!("{group}/v1alpha1")).await.expect(200);
    assert_eq!(resources["resources"][0]["name"], "flunders");
    let one = get(&lab.client, group).await.expect(200);
    assert_eq!(one["preferredVersion"]["groupVersion"], "wardle.example.com/v1alpha1");
    let index = get(&lab.client, "/openapi/v3").await.expect(200);
    assert!(index["paths"]["apis/wardle.example.com/v1alpha1"].is_object());
    let document =
        get(&lab.client, "/openapi/v3/apis/wardle.example.com/v1alpha1").await.expect(200);
    assert_eq!(document["openapi"], "3.0.0");
    // The document that has everything has theirs, too.
    let (item, definitions) = eventually("its OpenAPI document is merged", || async {
        let whole = get(&lab.client, "/openapi/v2").await.expect(200);
        let path = "/apis/wardle.example.com/v1alpha1/namespaces/default/flunders";
        match whole["paths"].get(path) {
            Some(item) => Ok((item.clone(), whole["definitions"].clone())),
            None => Err("not yet"),
        }
    })
    .await;
    assert_eq!(item["get"]["schema"]["$ref"], "#/definitions/Flunder");
    assert_eq!(definitions["Flunder"], json!({"type": "object"}));
    assert!(definitions.get("Unused").is_none());
    assert!(definitions.get("io.k8s.api.core.v1.Pod").is_some());

    talks(&plain, &format!("{flunders}/f/talk")).await;

    send(&lab.client, "DELETE", &format!("{SERVICES}/{NAME}"), "", None).await.expect(200);
    assert_eq!(get(&lab.client, group).await.code, 404);
    lab.stop().await;
}

/// A connection that switches protocols is carried to the other server and back.
async fn talks(client: &Wire, path: &str) {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n"
    );
    let mut connection = client.raw(head.as_bytes()).await;
    let mut heard = Vec::new();
    while !heard.ends_with(b"\r\n\r\n") {
        heard.push(connection.read_u8().await.expect("an answer"));
    }
    let answer = String::from_utf8(heard).expect("a text").to_lowercase();
    assert!(answer.starts_with("http/1.1 101 "), "{answer}");
    assert!(answer.contains("upgrade: spdy/3.1\r\n") && answer.contains("x-said: yes"), "{answer}");
    for said in [&b"hello"[..], &[b'x'; 100_000]] {
        connection.write_all(said).await.expect("sent");
        connection.flush().await.expect("sent");
        let mut heard = vec![0; said.len()];
        connection.read_exact(&mut heard).await.expect("an echo");
        assert_eq!(heard, said.to_ascii_uppercase());
    }
    connection.shutdown().await.expect("it hangs up");
    assert_eq!(connection.read(&mut [0]).await.unwrap_or(0), 0, "and so does the other");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_served_here_has_services_that_are_local() {
    let lab = Lab::start().await;
    let definition = json!({"apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition", "metadata": {"name": "foos.example.com"}, "spec": {
            "group": "example.com", "scope": "Cluster", "names": {"plural": "foos", "kind": "Foo"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object"}}}]}});
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    send(&lab.client, "POST", path, "", Some(&definition)).await.expect(201);
    let there = |name: &'static str, wanted: u16| {
        let client = lab.client.clone();
        async move {
            eventually("the services follow what is served", || async {
                let reply = get(&client, &format!("{SERVICES}/{name}")).await;
                if reply.code == wanted { Ok(()) } else { Err(reply.text()) }
            })
            .await;
        }
    };
    there("v1.example.com", 200).await;
    let made = get(&lab.client, &format!("{SERVICES}/v1.example.com")).await.expect(200);
    let label = &made["metadata"]["labels"]["kube-aggregator.kubernetes.io/automanaged"];
    assert_eq!(
        (label, made.condition("Available").map(|c| c.str_at("reason"))),
        (&json!("true"), Some("Local"))
    );
    send(&lab.client, "DELETE", &format!("{path}/foos.example.com"), "", None).await.expect(200);
    there("v1.example.com", 404).await;
    send(&lab.client, "DELETE", &format!("{SERVICES}/v1.apps"), "", None).await.expect(200);
    there("v1.apps", 200).await;
    lab.stop().await;
}
