//! Which credentials a pull is tried with: those of the pod's secrets that fit the repository,
//! the most specific first, then the node's own.
//!
//! The secret of a service account for the cluster's own registry stands for that account: what is
//! in it is a token of the account and nothing else.
//! Source: `pkg/credentialprovider` (keyring.go, config.go); the node's own are the cluster's pull
//! secret, which OpenShift's machine-config-operator puts on every node.

use crate::{
    catalog::CLUSTER_REGISTRY,
    controllers::View,
    object::{Map, ObjectExt, Value, hex},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

/// A name and a password for a registry.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// User name.
    pub user: String,
    /// Password.
    pub password: String,
    /// `namespace/name uid` of the pod's secret it is from; `None` for the node's own.
    pub secret: Option<String>,
    /// `namespace:name` of the service account it stands for.
    pub account: Option<String>,
}

/// The cluster's pull secret.
const CLUSTER: (&str, &str) = ("openshift-config", "pull-secret");
/// On the secret a service account has for the cluster's own registry: whose it is.
const OF_ACCOUNT: &str = "openshift.io/internal-registry-auth-token.service-account";
/// What Docker Hub's credentials are filed under.
const HUB: &str = "index.docker.io";

impl Key {
    /// A fingerprint.
    pub fn hash(&self) -> String {
        let account = self.account.as_deref().unwrap_or_default();
        hex(&Sha256::digest(format!("{account}\0{}\0{}", self.user, self.password)))
    }
}

/// The keys a pod has for a repository.
pub fn of(view: &View, pod: &Value, repository: &str) -> Vec<Key> {
    let named =
        pod.list_at("spec.imagePullSecrets").iter().map(|s| (pod.namespace(), s.str_at("name")));
    let home = repository.strip_prefix(CLUSTER_REGISTRY).is_some_and(|r| r.starts_with('/'));
    let mut keys = Vec::new();
    for (namespace, name) in named.chain([CLUSTER]) {
        let Some(entry) = view.named("secrets", namespace, name) else { continue };
        let own = (namespace, name) != CLUSTER;
        let source = own.then(|| format!("{namespace}/{name} {}", entry.meta.uid));
        let secret = entry.lean();
        if let Some(account) = secret.annotation(OF_ACCOUNT).filter(|_| home && own) {
            let (user, account) = ("serviceaccount".into(), format!("{namespace}:{account}"));
            let password = String::new();
            keys.push(Key { user, password, secret: source, account: Some(account) });
            continue;
        }
        keys.extend(fitting(&secret, repository).into_iter().map(|(user, password)| Key {
            user,
            password,
            secret: source.clone(),
            account: None,
        }));
    }
    keys
}

/// Names and passwords of a secret that fit a repository, the most specific first.
fn fitting(secret: &Value, repository: &str) -> Vec<(String, String)> {
    let Some(servers) = servers(secret) else { return Vec::new() };
    let mut found: Vec<(String, &Value)> = servers.iter().map(|(k, v)| (address(k), v)).collect();
    found.sort_by(|a, b| b.0.cmp(&a.0));
    let hub = repository.starts_with("docker.io/");
    let fits = |pattern: &str| matches(pattern, repository) || (hub && pattern.starts_with(HUB));
    found.into_iter().filter(|(p, _)| fits(p)).filter_map(|(_, entry)| login(entry)).collect()
}

/// The servers a pull secret knows.
fn servers(secret: &Value) -> Option<Map> {
    let (field, inner) = match secret.str_at("type") {
        "kubernetes.io/dockerconfigjson" => (".dockerconfigjson", "auths"),
        "kubernetes.io/dockercfg" => (".dockercfg", ""),
        _ => return None,
    };
    let text = secret.get("data")?.get(field)?.as_str()?;
    let file: Value = serde_json::from_slice(&STANDARD.decode(text).ok()?).ok()?;
    let servers = if inner.is_empty() { Some(&file) } else { file.get(inner) };
    servers?.as_object().cloned()
}

/// Host and path of a server's address, without scheme and API version.
fn address(server: &str) -> String {
    let rest = server.split_once("://").map_or(server, |(_, rest)| rest);
    let rest = rest.trim_end_matches('/');
    rest.strip_suffix("/v1").or(rest.strip_suffix("/v2")).unwrap_or(rest).to_owned()
}

fn login(entry: &Value) -> Option<(String, String)> {
    let encoded = entry.str_at("auth");
    if encoded.is_empty() {
        return Some((entry.str_at("username").into(), entry.str_at("password").into()));
    }
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.into(), password.into()))
}

/// Whether an address (`*.example.com/team`) covers a repository.
fn matches(pattern: &str, repository: &str) -> bool {
    let split = |text: &str| {
        let (host, path) = text.split_once('/').unwrap_or((text, ""));
        let (name, port) = host.split_once(':').unwrap_or((host, ""));
        (name.to_owned(), port.to_owned(), path.to_owned())
    };
    let (wanted, own) = (split(pattern), split(repository));
    let (parts, others) = (wanted.0.split('.'), own.0.split('.'));
    let host = parts.clone().count() == others.clone().count()
        && parts.zip(others).all(|(pattern, part)| part_matches(pattern, part));
    host && wanted.1 == own.1 && own.2.starts_with(&wanted.2)
}

/// One part of a host name, `*` standing for any characters.
fn part_matches(pattern: &str, part: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == part };
    let Some(rest) = part.strip_prefix(head) else { return false };
    (0..=rest.len())
        .filter(|at| rest.is_char_boundary(*at))
        .any(|at| part_matches(tail, &rest[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    #[test]
    fn addresses_cover_repositories() {
        for (pattern, repository, covers) in [
            ("quay.io", "quay.io/a/b", true),
            ("quay.io/a", "quay.io/a/b", true),
            ("quay.io/c", "quay.io/a/b", false),
            ("*.io", "quay.io/a/b", true),
            ("*.io", "a.quay.io/b", false),
            ("*.*.io", "a.quay.io/b", true),
            ("registry.*t.io", "registry.at.io/b", true),
            ("localhost:5000", "localhost/b", false),
            ("localhost:5000", "localhost:5000/b", true),
        ] {
            assert_eq!(matches(pattern, repository), covers, "{pattern} {repository}");
        }
    }

    #[test]
    fn secrets_give_the_most_specific_key_first() {
        let auth = STANDARD.encode("bob:s:3");
        let file = json!({"auths": {
            "https://quay.io/v1/": {"username": "all", "password": "1"},
            "quay.io/team": {"auth": auth},
            "index.docker.io": {"auth": STANDARD.encode("hub:2")},
        }});
        let secret = json!({"type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": STANDARD.encode(file.to_string())}});
        let users = |repository| -> Vec<String> {
            fitting(&secret, repository).into_iter().map(|(u, p)| format!("{u} {p}")).collect()
        };
        assert_eq!(users("quay.io/team/app"), ["bob s:3", "all 1"]);
        assert_eq!(users("quay.io/other"), ["all 1"]);
        assert_eq!(users("docker.io/library/nginx"), ["hub 2"]);
        assert!(users("ghcr.io/x").is_empty());
        let old = json!({"type": "kubernetes.io/dockercfg",
            "data": {".dockercfg": STANDARD.encode(file["auths"].to_string())}});
        assert_eq!(fitting(&old, "quay.io/other").len(), 1);
        assert!(fitting(&json!({"type": "Opaque"}), "quay.io/other").is_empty());
    }
}
