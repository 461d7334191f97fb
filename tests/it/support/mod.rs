//! What the tests stand on: clusters, clients, waiting, and the tools that real clients need.
//! Knows nothing of what any test is about.

pub mod child;
pub mod clients;
pub mod etcd;
pub mod exercise;
pub mod gate;
pub mod hook;
pub mod lab;
pub mod plane;
pub mod recorded;
pub mod registry;
pub mod replica;
pub mod tools;
pub mod transcript;
pub mod wait;
pub mod wire;

pub use child::Child;
pub use etcd::Etcd;
pub use lab::{Lab, Reply};
pub use registry::Registry;
pub use wait::{BOUND, eventually, long};
pub use wire::Wire;

use serde_json::Value;
use std::path::PathBuf;

/// A Deployment `web` of three replicas in the namespace `default`.
pub const WEB: &str = include_str!("web.yaml");

/// A file or folder of the repository.
pub fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Whether everything in `part` is also in `whole`: objects by key, lists element by element.
pub fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(k, v)| whole.get(k).is_some_and(|w| contains(w, v)))
        }
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len() && whole.iter().zip(part).all(|(w, p)| contains(w, p))
        }
        _ => whole == part,
    }
}

/// The documents of a YAML text.
pub fn yaml(text: &str) -> Vec<Value> {
    use serde::Deserialize;
    serde_norway::Deserializer::from_str(text)
        .map(|d| Value::deserialize(d).expect("the fixture is YAML"))
        .filter(|v| !v.is_null())
        .collect()
}
