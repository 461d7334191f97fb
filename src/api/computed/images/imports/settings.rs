//! What the cluster says about imports: credentials, authorities, registries with special rules.
//! Source: openshift-apiserver `pkg/image/apiserver/importer/staticcredentials.go`, config/v1.

use super::rules::{Rules, texts};
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

/// What the cluster says about registries to its nodes.
pub struct Sources {
    /// PEM of authorities besides the system's.
    pub authorities: Vec<String>,
    /// Their certificates are not looked at, and HTTP will do.
    pub insecure: Vec<String>,
    /// Nobody pulls from these.
    pub blocked: Vec<String>,
}

impl Sources {
    /// What is said now.
    pub fn read(snapshot: &Snapshot) -> Sources {
        let config = snapshot.get(CONFIG, "", "cluster").map(|e| e.value()).unwrap_or_default();
        Sources {
            authorities: authorities(snapshot, config.str_at("spec.additionalTrustedCA.name")),
            insecure: texts(&config, "spec.registrySources.insecureRegistries"),
            blocked: texts(&config, "spec.registrySources.blockedRegistries"),
        }
    }

    /// The entry of a list that covers a repository on a node: `host`, `*.domain` or
    /// `host/path`. Source: containers/image `pkg/sysregistriesv2`.
    pub fn covering<'a>(list: &'a [String], repository: &str) -> Option<&'a String> {
        let host = repository.split('/').next().unwrap_or_default();
        list.iter().find(|entry| match entry.strip_prefix('*') {
            Some(domain) => host.ends_with(domain) && domain.starts_with('.'),
            None => {
                let rest = repository.strip_prefix(entry.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
        })
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
        let config = snapshot.get(CONFIG, "", "cluster").map(|e| e.value()).unwrap_or_default();
        Settings {
            keyring: Keyring::of_secrets(&secrets),
            authorities: authorities(snapshot, config.str_at("spec.additionalTrustedCA.name")),
            rules: Rules::read(snapshot, &config),
        }
    }
}

fn authorities(snapshot: &Snapshot, name: &str) -> Vec<String> {
    let map = snapshot.get("configmaps", CONFIG_NAMESPACE, name).map(|e| e.value());
    let data = map.as_ref().and_then(|m| m.map_at("data")).into_iter().flatten();
    data.filter_map(|(_, pem)| Some(pem.as_str()?.to_owned())).collect()
}
