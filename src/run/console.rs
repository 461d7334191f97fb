//! Tells clients where the console is: the address may be another one at every start.

use super::manifests::{MANAGER, apply_one};
use crate::{api::Server, console, object::json};
use std::{net::SocketAddr, sync::Arc};

/// Names below this domain are found on loopback wherever they are asked for (RFC 6761).
const LOCAL: &str = "localhost";

/// The config map that says where it is.
pub const PLACE: &str = "openshift-config-managed/console-public";

/// Writes the console's address where `oc whoami --show-console` looks: that of its route where
/// every browser finds it, else that of the API, which is the same console.
///
/// # Errors
/// One line for people.
pub async fn publish(
    server: &Arc<Server>,
    url: &str,
    routes: Option<SocketAddr>,
) -> Result<(), String> {
    let domain = &server.settings.apps_domain;
    let at = match routes.filter(|at| at.ip().is_loopback() && is_local(domain)) {
        Some(at) => format!("https://console-openshift-console.{domain}:{}", at.port()),
        None => url.to_owned(),
    };
    let public = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "console-public", "namespace": "openshift-config-managed"},
        "data": {"consoleURL": format!("{at}/{}", console::ROOT)},
    });
    apply_one(server, MANAGER, public).await.map_err(|refused| refused.to_string())
}

fn is_local(domain: &str) -> bool {
    domain.strip_suffix(LOCAL).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_domains() {
        for (domain, local) in [
            ("localhost", true),
            ("apps.localhost", true),
            ("apps-crc.testing", false),
            ("mylocalhost", false),
        ] {
            assert_eq!(is_local(domain), local, "{domain}");
        }
    }
}
