//! Images on nodes, through the wire: who pulls, what a node reports, what a restart keeps, and what
//! a full disk does.

use crate::support::{
    Lab,
    lab::{flags, get, send},
    wait,
};
use pocketshift::{config::Serve, kinds, object::ObjectExt};
use serde_json::{Value, json};

const NGINX: &str = "registry.access.redhat.com/ubi9/nginx-120";

/// Creates a pod that asks for this image.
async fn create(lab: &Lab, name: &str, image: &str, policy: &str) {
    let body = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {"containers": [{"name": "c", "image": image, "imagePullPolicy": policy}]}});
    let path = "/api/v1/namespaces/images/pods";
    send(&lab.client, "POST", path, "", Some(&body)).await.expect(201);
}

/// Waits for a pod's status to be as wanted.
async fn until(lab: &Lab, name: &str, what: &str, done: impl Fn(&Value) -> bool) -> Value {
    let pods = lab.objects(kinds::by_resource("pods").expect("a kind"), "images");
    wait::object(&pods, name, what, done).await
}

async fn run(lab: &Lab, name: &str, image: &str, policy: &str) -> Value {
    create(lab, name, image, policy).await;
    let pod = until(lab, name, "it runs", |p| p.str_at("status.phase") == "Running").await;
    pod.list_at("status.containerStatuses")[0].clone()
}

/// Waits for the only node to be as wanted.
async fn node(lab: &Lab, what: &str, done: impl Fn(&Value) -> bool) -> Value {
    let nodes = lab.objects(kinds::by_resource("nodes").expect("a kind"), "");
    wait::object(&nodes, "crc", what, done).await
}

/// What was told of a pod's image, once there is something.
async fn told(lab: &Lab, pod: &str) -> Vec<String> {
    let path = format!(
        "/api/v1/namespaces/images/events?fieldSelector=involvedObject.name={pod},reason=Pulled"
    );
    wait::eventually("an event", || async {
        let list = get(&lab.client, &path).await.expect(200);
        let texts: Vec<String> =
            list.list_at("items").iter().map(|e| e.str_at("message").to_owned()).collect();
        if texts.is_empty() { Err("nothing") } else { Ok(texts) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_keeps_its_images_over_a_restart() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut flags = Serve { in_memory: false, nodes: 1, ..flags() };
    flags.folder.data_dir = Some(dir.path().into());
    let lab = Lab::with(flags.clone()).await;
    lab.namespace("images").await;
    let first = run(&lab, "first", &format!("{NGINX}:1-86"), "IfNotPresent").await;
    assert_eq!(first.str_at("image"), format!("{NGINX}:1-86"));
    let text = &told(&lab, "first").await[0];
    assert!(text.starts_with("Successfully pulled image") && text.ends_with(" bytes."), "{text}");
    let listed = node(&lab, "it lists the image", |n| !n.list_at("status.images").is_empty()).await;
    let image = &listed.list_at("status.images")[0];
    let names: Vec<&str> = image.list_at("names").iter().filter_map(Value::as_str).collect();
    let tag = format!("{NGINX}:1-86");
    assert_eq!(names.last(), Some(&tag.as_str()), "digests, then tags");
    assert_eq!(names[0], first.str_at("imageID"));
    let size = image.i64_at("sizeBytes").expect("a size");
    assert!(text.ends_with(&format!("Image size: {size} bytes.")), "{text}");
    let hidden = get(&lab.client, "/apis/internal/v1/nodeimages").await;
    assert_eq!(hidden.code, 404);
    lab.stop().await;

    let lab = Lab::with(flags).await;
    let second = run(&lab, "second", &tag, "IfNotPresent").await;
    assert_eq!(second.str_at("imageID"), first.str_at("imageID"));
    let present = format!(
        "Container image \"{tag}\" already present on machine and can be accessed by the pod"
    );
    assert_eq!(told(&lab, "second").await, [present]);
    create(&lab, "third", &format!("{NGINX}:1-87"), "Never").await;
    let third = until(&lab, "third", "it cannot start", |p| {
        p.list_at("status.containerStatuses")
            .first()
            .is_some_and(|s| s.str_at("state.waiting.reason") == "ErrImageNeverPull")
    });
    third.await;
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_costs_a_pod_and_closes_the_node() {
    let lab = Lab::with(Serve { nodes: 1, node_disk: "1Gi".into(), ..flags() }).await;
    lab.namespace("images").await;
    for (name, tag) in [("a", "1-84"), ("b", "1-85")] {
        run(&lab, name, &format!("{NGINX}:{tag}"), "IfNotPresent").await;
    }
    create(&lab, "c", &format!("{NGINX}:1-86"), "IfNotPresent").await;
    let pressed = node(&lab, "its disk is full", |n| {
        n.condition("DiskPressure").is_some_and(|c| c.str_at("status") == "True")
            && n.list_at("spec.taints").iter().any(|t| {
                t.str_at("key") == "node.kubernetes.io/disk-pressure"
                    && t.str_at("effect") == "NoSchedule"
            })
    })
    .await;
    let condition = pressed.condition("DiskPressure").expect("a condition");
    assert_eq!(condition.str_at("reason"), "KubeletHasDiskPressure");
    // All are alike: the first by name goes.
    let gone = until(&lab, "a", "it is evicted", |p| p.str_at("status.phase") == "Failed").await;
    assert_eq!(gone.str_at("status.reason"), "Evicted");
    let message = gone.str_at("status.message");
    let start = "The node was low on resource: ephemeral-storage. Threshold quantity: 161061273, \
                 available: ";
    assert!(message.starts_with(start), "{message}");
    let target = gone.condition("DisruptionTarget").expect("a condition");
    assert_eq!(target.str_at("reason"), "TerminationByKubelet");
    lab.stop().await;
}
