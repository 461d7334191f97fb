//! What scheduler and kubelet look at in a Node, parsed once per revision, and the list of images
//! a node holds.

use crate::{
    controllers::{View, podlens::PodLens},
    object::{ObjectExt, Value, json},
    store::Entry,
};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The part of a Node that is read for every pod.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct NodeLens {
    /// `spec`.
    pub spec: Spec,
    /// `status`.
    pub status: Status,
}

/// Part of `spec`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Spec {
    /// Cordoned.
    pub unschedulable: bool,
    /// Taints.
    pub taints: Vec<Taint>,
}

/// A taint.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Taint {
    /// Key.
    pub key: String,
    /// Value.
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
}

/// Part of `status`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Status {
    /// Resources pods may use.
    pub allocatable: BTreeMap<String, String>,
    /// Images present.
    pub images: Vec<NodeImage>,
}

/// An image on a node.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeImage {
    /// Digests, then tags.
    pub names: Vec<String>,
    /// Size.
    pub size_bytes: u64,
}

impl NodeLens {
    /// Whether the node lists an image under this name (`repository:tag` or `repository@digest`).
    pub fn has_image(&self, name: &str) -> bool {
        self.status.images.iter().any(|i| i.names.iter().any(|n| n == name))
    }
}

/// Most images a node reports, and most names of each. Source: kubelet `nodeStatusMaxImages`.
const MAX_IMAGES: usize = 50;
const MAX_NAMES: usize = 5;

/// (node, imageID) of every image a pod runs or ran.
pub fn pod_images(pod: &Entry) -> Vec<(String, String)> {
    let lens = PodLens::of(pod);
    let all = lens.status.init_container_statuses.iter().chain(&lens.status.container_statuses);
    all.filter(|s| !s.image_id.is_empty())
        .map(|s| (lens.spec.node_name.clone(), s.image_id.clone()))
        .collect()
}

/// What the node holds: the images it lists already and those its pods have pulled since.
pub fn images(view: &View, node: &Value) -> Vec<Value> {
    let mut list = node.list_at("status.images").to_vec();
    for pod in view.objects.list("pods", "") {
        if PodLens::of(pod).spec.node_name != node.name() {
            continue;
        }
        if pod_images(pod).iter().any(|(_, id)| !list.iter().any(|i| has_name(i, id))) {
            add(view, &mut list, &pod.value());
        }
    }
    list.sort_by_key(|i| std::cmp::Reverse(i.i64_at("sizeBytes").unwrap_or(0)));
    list.truncate(MAX_IMAGES);
    list
}

fn has_name(image: &Value, name: &str) -> bool {
    image.list_at("names").iter().any(|n| n == name)
}

fn add(view: &View, list: &mut Vec<Value>, pod: &Value) {
    for path in ["status.initContainerStatuses", "status.containerStatuses"] {
        for s in pod.list_at(path).iter().filter(|s| !s.str_at("imageID").is_empty()) {
            let (id, name) = (s.str_at("imageID"), s.str_at("image"));
            match list.iter_mut().find(|i| has_name(i, id)) {
                Some(image) => name_also(image, name),
                None => {
                    // A tag belongs to one image at a time.
                    list.iter_mut().for_each(|i| forget(i, name));
                    let size = crate::sim::images::known(view, id).map_or(0, |i| i.size);
                    let mut image = json!({"names": [id], "sizeBytes": size});
                    name_also(&mut image, name);
                    list.push(image);
                }
            }
        }
    }
}

fn name_also(image: &mut Value, name: &str) {
    if let Some(names) = image["names"].as_array_mut()
        && !name.is_empty()
        && names.len() < MAX_NAMES
        && !names.iter().any(|n| n == name)
    {
        names.push(json!(name));
    }
}

fn forget(image: &mut Value, name: &str) {
    if let Some(names) = image["names"].as_array_mut()
        && !name.contains('@')
    {
        names.retain(|n| n != name);
    }
}
