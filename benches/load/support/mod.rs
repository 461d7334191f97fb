//! What the integration tests stand on, as far as the bench needs it: a registry and a webhook.

#[path = "../../../tests/it/support/etcd.rs"]
pub mod etcd;
#[path = "../../../tests/it/support/hook.rs"]
pub mod hook;
#[path = "../../../tests/it/support/registry.rs"]
pub mod registry;
#[path = "../../../tests/it/support/tools.rs"]
pub mod tools;

/// A file or folder of the repository.
pub fn repository(path: &str) -> std::path::PathBuf {
    std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}
