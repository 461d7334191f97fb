//! Signatures on their way from one cluster's registry into the images of another.

use crate::{
    registry::{basic, push_image, token},
    support::{
        Lab, Wire, eventually,
        lab::{get, send},
    },
};
use pocketshift::object::ObjectExt;
use serde_json::{Value, json};

const IMAGES: &str = "/apis/image.openshift.io/v1/images";

/// Lets everybody pull from a project.
async fn open(lab: &Lab, project: &str) {
    let group = "rbac.authorization.k8s.io";
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "everybody"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "system:image-puller"},
        "subjects": [{"apiGroup": group, "kind": "Group", "name": "system:unauthenticated"}]});
    let path = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{project}/rolebindings");
    send(&lab.client, "POST", &path, "", Some(&binding)).await.expect(201);
}

/// Makes a cluster believe another's registry.
async fn believe(lab: &Lab, other: &Lab) {
    let host = other.cluster.registry().replace(':', "..");
    let ca = &other.server().settings.ca_pem;
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "registries"},
        "data": {host: ca}});
    let maps = "/api/v1/namespaces/openshift-config/configmaps";
    send(&lab.client, "POST", maps, "", Some(&map)).await.expect(201);
    let config = json!({"spec": {"additionalTrustedCA": {"name": "registries"}}});
    let path = "/apis/config.openshift.io/v1/images/cluster";
    send(&lab.client, "PATCH", path, "", Some(&config)).await.expect(200);
}

/// Signs an image of a cluster.
async fn sign(lab: &Lab, digest: &str, name: &str, content: &str) {
    let signature = json!({"apiVersion": "image.openshift.io/v1", "kind": "ImageSignature",
        "metadata": {"name": format!("{digest}@{name}")}, "type": "atomic", "content": content});
    let path = "/apis/image.openshift.io/v1/imagesignatures";
    send(&lab.client, "POST", path, "", Some(&signature)).await.expect(201);
}

async fn import(lab: &Lab, from: &str) {
    let spec = json!({"import": true, "images": [{"from": {"kind": "DockerImage", "name": from},
        "to": {"name": "1"}}]});
    let import = json!({"apiVersion": "image.openshift.io/v1", "kind": "ImageStreamImport",
        "metadata": {"name": "app"}, "spec": spec});
    let path = "/apis/image.openshift.io/v1/namespaces/it/imagestreamimports";
    let made = send(&lab.client, "POST", path, "", Some(&import)).await.expect(201);
    assert_eq!(made["status"]["images"][0]["status"]["status"], "Success", "{made}");
}

/// Waits until an image has so many signatures; answers them.
async fn signatures(lab: &Lab, digest: &str, count: usize) -> Vec<Value> {
    let path = format!("{IMAGES}/{digest}");
    eventually("the signatures", || async {
        let image = get(&lab.client, &path).await.expect(200);
        match image.list_at("signatures") {
            all if all.len() == count => Ok(all.to_vec()),
            _ => Err(image["signatures"].to_string()),
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signatures_come_with_an_image() {
    let (theirs, ours) = (Lab::start().await, Lab::start().await);
    let project = theirs.namespace("demo").await;
    let pusher = token(&theirs, &project, "pusher", "system:image-builder").await;
    let wire = Wire::to(&theirs).with(basic("any", &pusher));
    let digest = push_image(&wire, "demo/app", "1", "one").await;
    open(&theirs, &project).await;
    sign(&theirs, &digest, "first", "Zmlyc3Q=").await;
    // Clients look for the mark when they first come, whether they may come in or not.
    for (wire, code) in [(&wire, 200), (&Wire::to(&theirs), 401)] {
        let reply = wire.get("/v2/").await;
        assert_eq!((reply.code, reply.header("x-registry-supports-signatures")), (code, "1"));
    }
    ours.namespace("it").await;
    believe(&ours, &theirs).await;
    import(&ours, &format!("{}/demo/app:1", theirs.cluster.registry())).await;
    let found = signatures(&ours, &digest, 1).await;
    assert_eq!(
        (&found[0]["type"], &found[0]["content"]),
        (&json!("AtomicImageV1"), &json!("Zmlyc3Q="))
    );
    // The name is the image's and the sum of the signature.
    let sum = pocketshift::catalog::content::sha256(b"first").replace("sha256:", "");
    assert_eq!(found[0].name(), format!("{digest}@{sum}"));
    assert!(found[0]["metadata"].str_at("creationTimestamp").ends_with('Z'), "{}", found[0]);

    // One that comes later is found when the image is looked at again, and what is there stays.
    sign(&theirs, &digest, "second", "c2Vjb25k").await;
    let note = json!({"metadata": {"annotations": {"note": "look"}}});
    send(&ours.client, "PATCH", &format!("{IMAGES}/{digest}"), "", Some(&note)).await.expect(200);
    let both = signatures(&ours, &digest, 2).await;
    assert_eq!(both[0], found[0]);
    assert_eq!(both[1]["content"], "c2Vjb25k");
    // Images that were pushed to a cluster are signed there.
    let pushed = get(&theirs.client, &format!("{IMAGES}/{digest}")).await.expect(200);
    let names: Vec<&str> = pushed.list_at("signatures").iter().map(|s| s.name()).collect();
    assert_eq!(names, [format!("{digest}@first"), format!("{digest}@second")]);
    theirs.stop().await;
    ours.stop().await;
}
