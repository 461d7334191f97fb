//! What an Image says about its content, read from its manifest and config.
//! Source: openshift-apiserver `pkg/image/apiserver/internal/imageutil` and `docker10`.

use crate::object::{Map, ObjectExt, Value, json, time};
use jiff::Timestamp;

/// Media types of documents that list manifests.
pub const INDEXES: [&str; 2] = [
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
];
/// Media type of a Docker image manifest.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Media type of an OCI image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Says in which order an Image lists its layers.
const LAYERS_ORDER: &str = "image.openshift.io/dockerLayersOrder";

/// Fills `dockerImageMetadata`, the layers and the media type of an Image from its
/// `dockerImageManifest` and `dockerImageConfig`; without a manifest there is nothing to fill.
///
/// # Errors
/// Why the manifest or the config cannot be read.
pub fn fill(image: &mut Value, now: Timestamp) -> Result<(), String> {
    let Some(text) = image.get("dockerImageManifest").and_then(Value::as_str) else {
        return Ok(());
    };
    if text.is_empty() {
        return Ok(());
    }
    let manifest: Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
    if INDEXES.contains(&manifest.str_at("mediaType")) {
        image["dockerImageMetadata"] = of_index(image.name(), now);
        return Ok(());
    }
    if manifest.i64_at("schemaVersion") != Some(2) {
        return Err(format!(
            "unrecognized container image manifest schema {} for {:?} ({})",
            manifest.i64_at("schemaVersion").unwrap_or(0),
            image.name(),
            image.str_at("dockerImageReference"),
        ));
    }
    if image.list_at("dockerImageLayers").is_empty() {
        image["dockerImageLayers"] = manifest.list_at("layers").iter().map(layer).collect();
        image.set_annotation(LAYERS_ORDER, "ascending");
    }
    let written = manifest.str_at("mediaType");
    let known = image.str_at("dockerImageManifestMediaType");
    let media = [written, known, DOCKER_MANIFEST].into_iter().find(|m| !m.is_empty());
    let media = media.unwrap_or(DOCKER_MANIFEST).to_owned();
    image["dockerImageManifestMediaType"] = json!(media);
    let config = image.str_at("dockerImageConfig").to_owned();
    if config.is_empty() {
        return Err(format!("dockerImageConfig must not be empty for manifest type {media:?}"));
    }
    let parsed: Value = serde_json::from_str(&config)
        .map_err(|e| format!("failed to parse dockerImageConfig: {e}"))?;
    let id = manifest.str_at("config.digest");
    let size = size(id, config.len(), image.list_at("dockerImageLayers"));
    image["dockerImageMetadata"] = of_config(&parsed, id, size);
    Ok(())
}

/// The metadata of a manifest list, which says next to nothing.
pub fn of_index(name: &str, now: Timestamp) -> Value {
    let mut metadata = empty();
    metadata["Id"] = json!(name);
    metadata["Created"] = json!(time::seconds(now));
    metadata
}

/// The metadata of an image nothing is known of.
pub fn empty() -> Value {
    json!({"kind": "DockerImage", "apiVersion": "image.openshift.io/1.0", "Id": "",
        "Created": null, "ContainerConfig": {}})
}

/// One layer of a manifest, as Images list it.
fn layer(layer: &Value) -> Value {
    json!({"name": layer.str_at("digest"), "size": layer.i64_at("size").unwrap_or(0),
        "mediaType": layer.str_at("mediaType")})
}

/// Config and layers, each content counted once.
fn size(config: &str, config_length: usize, layers: &[Value]) -> i64 {
    let mut seen = vec![config];
    let mut total = i64::try_from(config_length).unwrap_or(i64::MAX);
    for layer in layers {
        let name = layer.str_at("name");
        if !seen.contains(&name) {
            seen.push(name);
            total = total.saturating_add(layer.i64_at("size").unwrap_or(0));
        }
    }
    total
}

/// Fields of an image config that Images keep, and what they are called there.
const IMAGE_FIELDS: &[(&str, &str)] = &[
    ("parent", "Parent"),
    ("comment", "Comment"),
    ("container", "Container"),
    ("docker_version", "DockerVersion"),
    ("author", "Author"),
    ("architecture", "Architecture"),
];

/// Fields of a container's config that Images keep, with an empty value of the right type.
fn config_fields() -> [(&'static str, Value); 27] {
    let (text, number, flag, list, map) = (json!(""), json!(0), json!(false), json!([]), json!({}));
    [
        ("Hostname", text.clone()),
        ("Domainname", text.clone()),
        ("User", text.clone()),
        ("Memory", number.clone()),
        ("MemorySwap", number.clone()),
        ("CpuShares", number),
        ("Cpuset", text.clone()),
        ("AttachStdin", flag.clone()),
        ("AttachStdout", flag.clone()),
        ("AttachStderr", flag.clone()),
        ("PortSpecs", list.clone()),
        ("ExposedPorts", map.clone()),
        ("Tty", flag.clone()),
        ("OpenStdin", flag.clone()),
        ("StdinOnce", flag.clone()),
        ("Env", list.clone()),
        ("Cmd", list.clone()),
        ("Dns", list.clone()),
        ("Image", text.clone()),
        ("Volumes", map.clone()),
        ("VolumesFrom", text.clone()),
        ("WorkingDir", text),
        ("Entrypoint", list.clone()),
        ("NetworkDisabled", flag),
        ("SecurityOpts", list.clone()),
        ("OnBuild", list),
        ("Labels", map),
    ]
}

fn of_config(config: &Value, id: &str, size: i64) -> Value {
    let mut metadata = empty();
    metadata["Id"] = json!(id);
    if let Some(created) = time::parse(config.str_at("created")) {
        metadata["Created"] = json!(time::seconds(created));
    }
    for (from, to) in IMAGE_FIELDS {
        let text = config.str_at(from);
        if !text.is_empty() {
            metadata[*to] = json!(text);
        }
    }
    metadata["ContainerConfig"] = container(config.get("container_config"));
    if let Some(container_config) = config.get("config").filter(|c| c.is_object()) {
        metadata["Config"] = container(Some(container_config));
    }
    metadata["Size"] = json!(size);
    metadata
}

/// The kept fields of a container's config that are set and of the right type.
fn container(config: Option<&Value>) -> Value {
    let Some(config) = config.and_then(Value::as_object) else { return json!({}) };
    let mut kept = Map::new();
    for (name, nothing) in config_fields() {
        let same_type = |v: &&Value| std::mem::discriminant(*v) == std::mem::discriminant(&nothing);
        if let Some(value) = config.get(name).filter(same_type).filter(|v| **v != nothing) {
            kept.insert(name.into(), value.clone());
        }
    }
    Value::Object(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(manifest: &Value, config: &Value) -> Value {
        json!({"metadata": {"name": "sha256:ab"}, "dockerImageManifest": manifest.to_string(),
            "dockerImageConfig": config.to_string()})
    }

    #[test]
    fn a_manifest_and_its_config_are_told() {
        let manifest = json!({"schemaVersion": 2, "mediaType": DOCKER_MANIFEST,
            "config": {"digest": "sha256:c"}, "layers": [
                {"digest": "sha256:1", "size": 10, "mediaType": "t"},
                {"digest": "sha256:1", "size": 10, "mediaType": "t"},
                {"digest": "sha256:2", "size": 5, "mediaType": "t"}]});
        let config = json!({"architecture": "amd64", "os": "linux", "author": "somebody",
            "created": "2022-12-14T07:00:00.5Z", "rootfs": {}, "config": {
                "Env": ["A=b"], "Cmd": null, "Entrypoint": [], "User": "1001", "Tty": "yes",
                "ExposedPorts": {"8080/tcp": {}}, "StopSignal": "TERM"}});
        let length = config.to_string().len() as i64;
        let mut image = image(&manifest, &config);
        fill(&mut image, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(
            image["dockerImageMetadata"],
            json!({"kind": "DockerImage", "apiVersion": "image.openshift.io/1.0",
                "Id": "sha256:c", "Created": "2022-12-14T07:00:00Z", "ContainerConfig": {},
                "Author": "somebody", "Architecture": "amd64", "Size": length + 15,
                "Config": {"Env": ["A=b"], "User": "1001", "ExposedPorts": {"8080/tcp": {}}}})
        );
        assert_eq!(image.list_at("dockerImageLayers").len(), 3);
        assert_eq!(
            image["dockerImageLayers"][2],
            json!({"name": "sha256:2", "size": 5,
            "mediaType": "t"})
        );
        assert_eq!(image.annotation(LAYERS_ORDER), Some("ascending"));
    }

    #[test]
    fn a_list_is_only_a_name() {
        let mut image = image(&json!({"schemaVersion": 2, "mediaType": INDEXES[1]}), &json!({}));
        fill(&mut image, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(image["dockerImageMetadata"]["Id"], "sha256:ab");
        assert_eq!(image["dockerImageMetadata"]["Created"], "1970-01-01T00:00:00Z");
        assert_eq!(image.get("dockerImageLayers"), None);
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let v2 = json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST});
        let rows = [
            (
                json!({"schemaVersion": 7}).to_string(),
                "{}",
                "unrecognized container image manifest",
            ),
            ("{".into(), "{}", "EOF while parsing"),
            (v2.to_string(), "", "dockerImageConfig must not be empty for manifest type"),
            (v2.to_string(), "[", "failed to parse dockerImageConfig"),
        ];
        for (manifest, config, expected) in rows {
            let mut image = json!({"metadata": {"name": "n"}, "dockerImageManifest": manifest,
                "dockerImageConfig": config});
            let said = fill(&mut image, Timestamp::UNIX_EPOCH).unwrap_err();
            assert!(said.starts_with(expected), "{said}");
        }
        let mut bare = json!({"metadata": {"name": "n"}});
        assert_eq!(fill(&mut bare, Timestamp::UNIX_EPOCH), Ok(()));
        assert_eq!(bare, json!({"metadata": {"name": "n"}}));
    }
}
