//! `imagestreams/layers`: every image and blob in a stream's history, as the registry asks it.
//! Source: openshift-apiserver `registry/imagestream/etcd`.

use super::find;
use crate::{
    api::{
        Request, Server,
        computed::{Handled, answer},
    },
    images::{IMAGES, image},
    object::{Map, ObjectExt, Value, json},
    store::Snapshot,
};
use futures_util::future::FutureExt;
use std::sync::Arc;

/// Media types of the configuration, by that of the manifest.
const CONFIGS: [(&str, &str); 2] = [
    (image::DOCKER_MANIFEST, "application/vnd.docker.container.image.v1+json"),
    (image::OCI_MANIFEST, "application/vnd.oci.image.config.v1+json"),
];

/// The layers of one stream.
pub fn layers(server: Arc<Server>, request: Request) -> Handled {
    async move {
        let snapshot = server.store.snapshot();
        let stream = find(&snapshot, &request, &request.name)?;
        let Found { blobs, images } = found(&snapshot, &stream);
        let metadata = stream.at("metadata").cloned().unwrap_or_default();
        Ok(answer(
            200,
            json!({"kind": "ImageStreamLayers", "apiVersion": "image.openshift.io/v1",
                "metadata": metadata, "blobs": blobs, "images": images}),
        ))
    }
    .boxed_local()
}

/// The blobs and images of a stream.
#[derive(Default)]
pub(super) struct Found {
    blobs: Map,
    /// By name, the missing ones too.
    pub images: Map,
}

pub(super) fn found(snapshot: &Snapshot, stream: &Value) -> Found {
    let mut found = Found::default();
    let items = stream.list_at("status.tags").iter().flat_map(|t| t.list_at("items"));
    for name in items.map(|i| i.str_at("image")).filter(|i| !i.is_empty()) {
        found.add(snapshot, name);
    }
    found
}

impl Found {
    fn add(&mut self, snapshot: &Snapshot, name: &str) {
        if self.images.contains_key(name) {
            return;
        }
        let Some(image) = snapshot.get(IMAGES, "", name).map(|e| e.value()) else {
            let missing = json!({"layers": null, "config": null, "imageMissing": true});
            self.images.insert(name.into(), missing);
            return;
        };
        let media_type = match image.str_at("dockerImageManifestMediaType") {
            "" => image::DOCKER_MANIFEST,
            other => other,
        };
        let layers: Vec<&str> =
            image.list_at("dockerImageLayers").iter().map(|l| l.str_at("name")).collect();
        for layer in image.list_at("dockerImageLayers") {
            self.blob(layer.str_at("name"), layer.at("size"), layer.str_at("mediaType"));
        }
        let written = image.str_at("dockerImageManifestMediaType");
        let config = CONFIGS.iter().find(|(m, _)| *m == written).map(|(_, config)| {
            let id = image.str_at("dockerImageMetadata.Id");
            self.blob(id, None, config);
            id
        });
        let manifests: Vec<&str> =
            image.list_at("dockerImageManifests").iter().map(|m| m.str_at("digest")).collect();
        self.blob(name, None, media_type);
        let layers = if layers.is_empty() { Value::Null } else { json!(layers) };
        let mut entry = json!({"layers": layers, "config": config, "imageMissing": false});
        if !manifests.is_empty() {
            entry.set_at("manifests", json!(manifests));
        }
        self.images.insert(name.into(), entry);
        // Lists hold images, never lists: the map stops whoever says otherwise.
        for manifest in manifests {
            self.add(snapshot, manifest);
        }
    }

    fn blob(&mut self, name: &str, size: Option<&Value>, media_type: &str) {
        let entry = json!({"size": size, "mediaType": media_type});
        self.blobs.entry(name).or_insert(entry);
    }
}
