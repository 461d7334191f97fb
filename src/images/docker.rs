//! `dockerImageMetadata`: what an image's configuration says, in the docker API's old capitals.
//! Source: openshift/api `image/docker10`, openshift-apiserver `pkg/image/apis/image/docker10`.

use crate::object::{Map, ObjectExt, Value, json, time};

/// Fields of the metadata by the names they have in an image's configuration.
const FIELDS: [(&str, &str); 9] = [
    ("Parent", "parent"),
    ("Comment", "comment"),
    ("Container", "container"),
    ("ContainerConfig", "container_config"),
    ("DockerVersion", "docker_version"),
    ("Author", "author"),
    ("Config", "config"),
    ("Architecture", "architecture"),
    ("Size", "Size"),
];
/// Fields of `Config` and `ContainerConfig`; they are called the same in a configuration.
const CONFIG: [&str; 27] = [
    "Hostname",
    "Domainname",
    "User",
    "Memory",
    "MemorySwap",
    "CpuShares",
    "Cpuset",
    "AttachStdin",
    "AttachStdout",
    "AttachStderr",
    "PortSpecs",
    "ExposedPorts",
    "Tty",
    "OpenStdin",
    "StdinOnce",
    "Env",
    "Cmd",
    "Dns",
    "Image",
    "Volumes",
    "VolumesFrom",
    "WorkingDir",
    "Entrypoint",
    "NetworkDisabled",
    "SecurityOpts",
    "OnBuild",
    "Labels",
];

/// The metadata of an image from its configuration: `id` is the digest of the configuration,
/// `size` that of configuration and layers together.
pub fn from_config(config: &Value, id: &str, size: i64) -> Value {
    let mut metadata = json!({"Id": id, "Created": config.at("created"), "Size": size});
    for (name, of) in FIELDS.iter().filter(|(name, _)| *name != "Size") {
        metadata[name] = config.get(of).cloned().unwrap_or_default();
    }
    settle(&metadata)
}

/// Metadata with the fields upstream keeps and those it always prints.
pub fn settle(metadata: &Value) -> Value {
    let mut out = json!({"kind": "DockerImage", "apiVersion": "image.openshift.io/1.0",
        "Id": metadata.str_at("Id"), "Created": created(metadata), "ContainerConfig": {}});
    for (name, _) in FIELDS {
        let Some(value) = metadata.get(name) else { continue };
        let value = if name.ends_with("Config") { config(value) } else { Some(value.clone()) };
        if let Some(value) = value.filter(says) {
            out[name] = value;
        }
    }
    out
}

fn created(metadata: &Value) -> Value {
    time::parse(metadata.str_at("Created")).map_or(Value::Null, |t| json!(time::seconds(t)))
}

fn config(of: &Value) -> Option<Value> {
    let of = of.as_object()?;
    let kept = CONFIG.iter().filter_map(|n| Some((*n, of.get(n).filter(|v| says(v))?)));
    Some(Value::Object(kept.map(|(n, v)| (n.to_owned(), v.clone())).collect::<Map>()))
}

/// Whether a value is more than what its type starts with. An empty `Config` is there, not absent.
fn says(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Number(n) => n.as_f64() != Some(0.0),
        Value::String(s) => !s.is_empty(),
        Value::Array(list) => !list.is_empty(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_in_old_capitals() {
        let config = json!({
            "created": "2022-12-14T07:00:00.123Z", "author": "me", "architecture": "amd64",
            "os": "linux", "rootfs": {}, "history": [],
            "config": {"User": "1001", "Env": ["A=b"], "Cmd": null, "Healthcheck": {},
                "ExposedPorts": {"8080/tcp": {}}},
        });
        let expected = json!({
            "kind": "DockerImage", "apiVersion": "image.openshift.io/1.0", "Id": "sha256:c",
            "Created": "2022-12-14T07:00:00Z", "ContainerConfig": {}, "Author": "me",
            "Architecture": "amd64", "Size": 987,
            "Config": {"User": "1001", "Env": ["A=b"], "ExposedPorts": {"8080/tcp": {}}},
        });
        assert_eq!(from_config(&config, "sha256:c", 987), expected);
        assert_eq!(settle(&expected), expected);
    }

    #[test]
    fn nothing_still_prints() {
        let expected = json!({"kind": "DockerImage", "apiVersion": "image.openshift.io/1.0",
            "Id": "", "Created": null, "ContainerConfig": {}});
        assert_eq!(settle(&Value::Null), expected);
    }
}
