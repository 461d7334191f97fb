//! Tells clients where the console is: the address may be another one at every start.

use super::manifests::{MANAGER, apply_one};
use crate::{api::Server, console, object::json};
use std::sync::Arc;

/// Writes the console's address where `oc whoami --show-console` looks.
///
/// # Errors
/// One line for people.
pub async fn publish(server: &Arc<Server>, url: &str) -> Result<(), String> {
    let at = format!("{url}/{}", console::ROOT);
    let public = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "console-public", "namespace": "openshift-config-managed"},
        "data": {"consoleURL": at},
    });
    apply_one(server, MANAGER, public).await.map_err(|refused| refused.to_string())
}
