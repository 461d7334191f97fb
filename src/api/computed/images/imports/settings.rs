//! What the cluster says about imports: credentials, authorities, registries with special rules.
//! Source: openshift-apiserver `pkg/image/apiserver/importer/staticcredentials.go`, config/v1.

use super::rules::Rules;
use crate::{
    importer::Keyring,
    object::{ObjectExt, Value},
    store::Snapshot,
};

const CONFIG: &str = "images.config.openshift.io";
/// Where the cluster's own pull secret and authorities are.
const CONFIG_NAMESPACE: &str = "openshift-config";
/// Keeps a secret from being used for imports.
const EXCLUDED: &str = "openshift.io/image.excludeSecret";

/// What the cluster says about registries, whoever asks them.
pub struct Sources {
    /// PEM of authorities besides the system's.
    pub authorities: Vec<String>,
    /// Insecure and blocked registries.
    pub rules: Rules,
}

impl Sources {
    /// What is said now.
    pub fn read(snapshot: &Snapshot) -> Sources {
        let config = snapshot.get(CONFIG, "", "cluster").map(|e| e.value()).unwrap_or_default();
        Sources {
            authorities: authorities(snapshot, config.str_at("spec.additionalTrustedCA.name")),
            rules: Rules::read(snapshot, &config),
        }
    }
}

/// See the module.
pub struct Settings {
    /// The project's pull secrets, then the nodes' own.
    pub keyring: Keyring,
    /// PEM of authorities besides the system's.
    pub authorities: Vec<String>,
    /// Insecure, blocked and mirrored registries.
    pub rules: Rules,
}

impl Settings {
    /// What is said now about imports into a namespace.
    pub fn read(snapshot: &Snapshot, namespace: &str) -> Settings {
        let own = snapshot.list("secrets", namespace).map(|e| e.value());
        let mut secrets: Vec<Value> =
            own.filter(|s| s.annotation(EXCLUDED) != Some("true")).collect();
        let nodes = snapshot.get("secrets", CONFIG_NAMESPACE, "pull-secret");
        secrets.extend(nodes.map(|e| e.value()));
        let Sources { authorities, rules } = Sources::read(snapshot);
        Settings { keyring: Keyring::of_secrets(&secrets), authorities, rules }
    }
}

fn authorities(snapshot: &Snapshot, name: &str) -> Vec<String> {
    let map = snapshot.get("configmaps", CONFIG_NAMESPACE, name).map(|e| e.value());
    let data = map.as_ref().and_then(|m| m.map_at("data")).into_iter().flatten();
    data.filter_map(|(_, pem)| Some(pem.as_str()?.to_owned())).collect()
}
