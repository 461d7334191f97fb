//! Objects of single images: what the server reads out of a manifest, what a write may change.
//! Source: openshift-apiserver `pkg/image/apiserver/registry/image/strategy.go`,
//! `pkg/image/apiserver/internal/imageutil`.

use super::{docker, validate};
use crate::{
    error::Causes,
    object::{Map, ObjectExt, Value, json},
};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// Set when the registry holds the manifest itself.
const BLOB_STORED: &str = "image.openshift.io/manifestBlobStored";
const LAYERS_ORDER: &str = "image.openshift.io/dockerLayersOrder";
/// Media type of docker's manifests of schema 2.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Media type of the OCI's manifests.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media types of manifests of schema 1, and of their layers.
const SCHEMA1: &str = "application/vnd.docker.distribution.manifest.v1+json";
const SCHEMA1_LAYER: &str = "application/vnd.docker.container.image.rootfs.diff+x-gtar";
const LISTS: [&str; 2] = [
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
];

/// Settles an image that is stored for the first time.
pub fn create(image: &mut Value) {
    read_manifest(image);
    read_list(image);
    settle(image);
    drop_stored(image);
}

/// Settles an image that takes the place of `old`: its metadata and layers stay, its manifest and
/// configuration may only become what their digests say.
pub fn update(image: &mut Value, old: &Value) {
    const KEPT: [&str; 3] =
        ["dockerImageMetadata", "dockerImageMetadataVersion", "dockerImageLayers"];
    for field in KEPT {
        keep(image, old, field);
    }
    if old.at("dockerImageSignatures").is_some() {
        keep(image, old, "dockerImageSignatures");
    }
    let manifest = image.str_at("dockerImageManifest");
    if !manifest.is_empty() && manifest != old.str_at("dockerImageManifest") {
        let matches = digest(manifest) == old.name();
        if !matches {
            keep(image, old, "dockerImageManifest");
        }
    }
    let config = image.str_at("dockerImageConfig");
    if !config.is_empty() && config != old.str_at("dockerImageConfig") {
        let manifest = parsed(image, "dockerImageManifest");
        let matches = manifest.is_some_and(|m| m.str_at("config.digest") == digest(config));
        if !matches {
            keep(image, old, "dockerImageConfig");
        }
    }
    read_manifest(image);
    settle(image);
    drop_stored(image);
}

/// Takes out what answers about tags never show and imports never store.
pub fn blank(image: &mut Value) {
    image.remove_at("dockerImageManifest");
    image.remove_at("dockerImageConfig");
}

/// The name content has: its digest.
pub fn digest(content: &str) -> String {
    let sum = Sha256::digest(content.as_bytes());
    let hex: String = sum.iter().map(|b| format!("{b:02x}")).collect();
    format!("sha256:{hex}")
}

/// The form upstream always prints an image in.
pub fn settle(image: &mut Value) {
    let metadata = docker::settle(image.at("dockerImageMetadata").unwrap_or(&Value::Null));
    image.set_at("dockerImageMetadata", metadata);
    if image.str_at("dockerImageMetadataVersion").is_empty() {
        image.set_at("dockerImageMetadataVersion", "1.0");
    }
    if !image.at("metadata").is_some_and(Value::is_object) {
        image.set_at("metadata", Map::new());
    }
}

fn keep(image: &mut Value, old: &Value, field: &str) {
    match old.at(field) {
        Some(value) => image.set_at(field, value.clone()),
        None => drop(image.remove_at(field)),
    }
}

fn drop_stored(image: &mut Value) {
    if image.annotation(BLOB_STORED) == Some("true") {
        blank(image);
    }
}

fn parsed(image: &Value, field: &str) -> Option<Value> {
    serde_json::from_str(image.str_at(field)).ok()
}

/// Fills layers and metadata from manifest and configuration, where they are given whole. What
/// cannot be read leaves the image as it is, as upstream.
fn read_manifest(image: &mut Value) {
    if image.i64_at("dockerImageMetadata.Size").unwrap_or(0) > 0 {
        return;
    }
    let Some(manifest) = parsed(image, "dockerImageManifest") else { return };
    match manifest.i64_at("schemaVersion") {
        Some(1) => return read_history(image, &manifest),
        Some(2) if manifest.at("manifests").is_none() => {}
        _ => return,
    }
    let layer = |l: &Value| layer(l.str_at("digest"), l.i64_at("size"), l.str_at("mediaType"));
    fill_layers(image, manifest.list_at("layers").iter().map(layer).collect());
    let said = manifest.str_at("mediaType");
    if !said.is_empty() {
        image.set_at("dockerImageManifestMediaType", said);
    } else if image.str_at("dockerImageManifestMediaType").is_empty() {
        image.set_at("dockerImageManifestMediaType", DOCKER_MANIFEST);
    }
    let Some(config) = parsed(image, "dockerImageConfig") else { return };
    let id = manifest.str_at("config.digest");
    let own = i64::try_from(image.str_at("dockerImageConfig").len()).unwrap_or(i64::MAX);
    let size = size(image, id).saturating_add(own);
    let metadata = docker::from_config(&config, id, size);
    image.set_at("dockerImageMetadata", metadata);
}

/// The size of all layers, each counted once, but for one that is known already.
fn size(image: &Value, known: &str) -> i64 {
    let mut seen = BTreeSet::from([known]);
    let layers = image.list_at("dockerImageLayers").iter();
    let new = layers.filter(|l| seen.insert(l.str_at("name")));
    new.fold(0, |sum, l| sum.saturating_add(l.i64_at("size").unwrap_or(0)))
}

/// Fills layers and metadata from a manifest of schema 1, whose history holds a configuration for
/// every layer, the newest first. Sizes are in there, or nowhere.
fn read_history(image: &mut Value, manifest: &Value) {
    let history: Vec<Value> = history(manifest).collect();
    let blobs = manifest.list_at("fsLayers");
    let Some(newest) = history.first().filter(|_| history.len() == blobs.len()) else { return };
    let layer = |(blob, said): (&Value, &Value)| {
        layer(blob.str_at("blobSum"), said.i64_at("Size"), SCHEMA1_LAYER)
    };
    fill_layers(image, blobs.iter().zip(&history).map(layer).rev().collect());
    image.set_at("dockerImageManifestMediaType", SCHEMA1);
    let metadata = docker::from_config(newest, newest.str_at("id"), size(image, ""));
    image.set_at("dockerImageMetadata", metadata);
}

/// The configurations in the history of a manifest of schema 1.
fn history(manifest: &Value) -> impl Iterator<Item = Value> {
    let entries = manifest.list_at("history").iter();
    entries.map(|e| serde_json::from_str(e.str_at("v1Compatibility")).unwrap_or_default())
}

fn layer(name: &str, size: Option<i64>, media_type: &str) -> Value {
    json!({"name": name, "size": size.unwrap_or(0), "mediaType": media_type})
}

fn fill_layers(image: &mut Value, layers: Vec<Value>) {
    if image.list_at("dockerImageLayers").is_empty() {
        image.set_at("dockerImageLayers", layers);
        image.set_annotation(LAYERS_ORDER, "ascending");
    }
}

/// Writes down the sizes of layers whose manifest does not tell them.
pub fn measure(image: &mut Value, sizes: &BTreeMap<String, i64>) {
    let layers = image.at_mut("dockerImageLayers").as_array_mut();
    for layer in layers.into_iter().flatten() {
        let size = sizes.get(layer.str_at("name")).copied().unwrap_or(0);
        layer.set_at("size", size);
    }
    let whole = size(image, "");
    image.set_at("dockerImageMetadata.Size", whole);
}

/// Fills `dockerImageManifests` from a manifest list that is given whole.
fn read_list(image: &mut Value) {
    let Some(list) = parsed(image, "dockerImageManifest") else { return };
    if !LISTS.contains(&image.str_at("dockerImageManifestMediaType")) {
        return;
    }
    let of = |m: &Value| {
        let mut out = json!({
            "digest": m.str_at("digest"), "mediaType": m.str_at("mediaType"),
            "manifestSize": m.i64_at("size").unwrap_or(0),
            "architecture": m.str_at("platform.architecture"), "os": m.str_at("platform.os"),
        });
        if !m.str_at("platform.variant").is_empty() {
            out.set_at("variant", m.str_at("platform.variant"));
        }
        out
    };
    let manifests: Vec<Value> = list.list_at("manifests").iter().map(of).collect();
    image.set_at("dockerImageManifests", manifests);
}

/// Checks an image; `prefix` is where it stands (`""` or `image.`).
pub fn validate(image: &Value, prefix: &str, out: &mut Causes) {
    let reference = format!("{prefix}dockerImageReference");
    validate::pull_spec(image.str_at("dockerImageReference"), &reference, out);
    let manifests = image.list_at("dockerImageManifests");
    for (i, manifest) in manifests.iter().enumerate() {
        check_manifest(manifest, &format!("{prefix}dockerImageManifests[{i}]"), out);
    }
    let layers = image.list_at("dockerImageLayers");
    if !manifests.is_empty() && !layers.is_empty() {
        out.invalid(
            format!("{prefix}dockerImageLayers"),
            &json!(layers),
            "dockerImageLayers should not be set when dockerImageManifests is set",
        );
    }
}

fn check_manifest(manifest: &Value, path: &str, out: &mut Causes) {
    let text = |field: &str| manifest.str_at(field).to_owned();
    if !super::reference::is_digest_like(&text("digest")) {
        let why = "digest does not conform with OCI image specification";
        out.invalid(format!("{path}.digest"), &json!(text("digest")), why);
    }
    if !is_media_type(&text("mediaType")) {
        let why = "media type does not conform to RFC6838";
        out.invalid(format!("{path}.mediaType"), &json!(text("mediaType")), why);
    }
    for field in ["architecture", "os"] {
        if text(field).is_empty() {
            out.required(format!("{path}.{field}"), "");
        }
    }
    let size = manifest.i64_at("manifestSize").unwrap_or(0);
    if size < 0 {
        out.invalid(format!("{path}.size"), &json!(size), "manifest size cannot be negative");
    }
}

fn is_media_type(text: &str) -> bool {
    const MAX: usize = 127;
    let part = |p: &str, extra: &str| {
        (1..=MAX).contains(&p.len())
            && p.starts_with(|c: char| c.is_ascii_alphanumeric())
            && p.chars().all(|c| c.is_ascii_alphanumeric() || extra.contains(c))
    };
    text.trim_matches(' ')
        .split_once('/')
        .is_some_and(|(a, b)| part(a, "!#$&^_-") && part(b, "!#$&^_.+-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pushed_manifest_is_read() {
        let config = r#"{"architecture":"amd64","config":{"Cmd":["run"]}}"#;
        let manifest = json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST,
            "config": {"digest": digest(config)},
            "layers": [{"digest": "sha256:l", "size": 100, "mediaType": "m/l"}]});
        let mut image = json!({"metadata": {"name": "sha256:x"}, "dockerImageReference": "r/a",
            "dockerImageManifest": manifest.to_string(), "dockerImageConfig": config});
        image.set_annotation(BLOB_STORED, "true");
        create(&mut image);
        assert_eq!(image.i64_at("dockerImageMetadata.Size"), Some(100 + config.len() as i64));
        assert_eq!(image["dockerImageMetadata"]["Config"], json!({"Cmd": ["run"]}));
        assert_eq!(image.str_at("dockerImageManifestMediaType"), OCI_MANIFEST);
        assert_eq!(
            image["dockerImageLayers"],
            json!([{"name": "sha256:l", "size": 100, "mediaType": "m/l"}])
        );
        assert!(image.at("dockerImageManifest").is_none(), "the registry keeps it");
    }

    #[test]
    fn a_history_is_read() {
        let manifest = json!({"schemaVersion": 1, "architecture": "amd64",
            "fsLayers": [{"blobSum": "sha256:top"}, {"blobSum": "sha256:base"},
                {"blobSum": "sha256:base"}],
            "history": [
                {"v1Compatibility": r#"{"id":"t","architecture":"amd64","config":{"Cmd":["run"]}}"#},
                {"v1Compatibility": r#"{"id":"b","Size":7}"#}, {"v1Compatibility": "?"}]});
        let mut image = json!({"metadata": {"name": "sha256:x"}, "dockerImageReference": "r/a",
            "dockerImageManifest": manifest.to_string()});
        create(&mut image);
        let names: Vec<&str> =
            image.list_at("dockerImageLayers").iter().map(|l| l.str_at("name")).collect();
        assert_eq!(names, ["sha256:base", "sha256:base", "sha256:top"]);
        assert_eq!(image["dockerImageLayers"][1]["size"], 7);
        assert_eq!(image["dockerImageLayers"][0]["mediaType"], SCHEMA1_LAYER);
        assert_eq!(image.str_at("dockerImageManifestMediaType"), SCHEMA1);
        assert_eq!(image.str_at("dockerImageMetadata.Id"), "t");
        assert_eq!(image["dockerImageMetadata"]["Config"], json!({"Cmd": ["run"]}));
        let sizes = BTreeMap::from([("sha256:top".into(), 5), ("sha256:base".into(), 20)]);
        measure(&mut image, &sizes);
        assert_eq!(image.i64_at("dockerImageMetadata.Size"), Some(25), "each counts once");
    }

    #[test]
    fn a_manifest_may_only_become_what_its_digest_says() {
        let good = r#"{"schemaVersion":2}"#;
        let old = json!({"metadata": {"name": digest(good)}, "dockerImageReference": "r/a",
            "dockerImageMetadata": {"Size": 5}});
        for (sent, stored) in [(good, good), ("{}", "")] {
            let mut new = old.clone();
            new["dockerImageManifest"] = json!(sent);
            new["dockerImageMetadata"] = json!({"Size": 7});
            update(&mut new, &old);
            assert_eq!(new.str_at("dockerImageManifest"), stored);
            assert_eq!(new.i64_at("dockerImageMetadata.Size"), Some(5));
        }
    }

    #[test]
    fn problems_in_upstreams_words() {
        let image = json!({"dockerImageReference": "Bad::X", "dockerImageLayers": [1],
            "dockerImageManifests": [{"digest": "x", "mediaType": "no", "manifestSize": -1}]});
        let mut out = Causes::default();
        validate(&image, "image.", &mut out);
        let said: Vec<String> =
            out.0.iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
        let path = "image.dockerImageManifests[0]";
        assert_eq!(
            said,
            [
                "image.dockerImageReference: Invalid value: \"Bad::X\": invalid reference format".to_owned(),
                format!("{path}.digest: Invalid value: \"x\": digest does not conform with OCI image specification"),
                format!("{path}.mediaType: Invalid value: \"no\": media type does not conform to RFC6838"),
                format!("{path}.architecture: Required value"),
                format!("{path}.os: Required value"),
                format!("{path}.size: Invalid value: -1: manifest size cannot be negative"),
                "image.dockerImageLayers: Invalid value: [1]: dockerImageLayers should not be set when dockerImageManifests is set".into(),
            ]
        );
    }
}
