//! Credentials for registries, found in secrets as nodes find them.
//! Source: Kubernetes `pkg/credentialprovider` (keyring and config).

use crate::object::{ObjectExt, Text, Value, name::glob};
use base64::{
    Engine as _,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// Key of Docker Hub's credentials.
const HUB: &str = "index.docker.io";
/// `auth` comes with padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A user name and a password. Not printed by accident.
#[derive(Clone, PartialEq)]
pub struct Login {
    /// User name.
    pub username: String,
    /// Password.
    pub password: String,
}

/// Credentials by the registries and paths they are for; more exact ones first.
#[derive(Clone, Default)]
pub struct Keyring(Vec<(String, Login)>);

impl Keyring {
    /// The credentials in `kubernetes.io/dockercfg` and `kubernetes.io/dockerconfigjson` secrets;
    /// other secrets and unreadable ones have none.
    pub fn of_secrets<'a>(secrets: impl IntoIterator<Item = &'a Value>) -> Keyring {
        let mut found: Vec<(String, Login)> = secrets.into_iter().flat_map(of_secret).collect();
        // Stable: of equal keys the first secret's comes first.
        found.sort_by(|a, b| b.0.cmp(&a.0));
        Keyring(found)
    }

    /// One name and password, for a repository (`host/path`).
    pub fn of_login(repository: &str, username: &str, password: &str) -> Keyring {
        let login = Login { username: username.into(), password: password.into() };
        Keyring(vec![(repository.into(), login)])
    }

    /// The credentials for an image or a repository (`host/path`).
    pub fn find(&self, image: &str) -> Option<&Login> {
        let exact = self.0.iter().find(|(key, _)| matches(key, image));
        let hub = || self.0.iter().find(|(key, _)| key == HUB && is_on_the_hub(image));
        exact.or_else(hub).map(|(_, login)| login)
    }
}

fn of_secret(secret: &Value) -> Vec<(String, Login)> {
    let (key, nested) = match secret.str_at("type") {
        "kubernetes.io/dockerconfigjson" => (".dockerconfigjson", true),
        "kubernetes.io/dockercfg" => (".dockercfg", false),
        _ => return Vec::new(),
    };
    let text = secret.get("data").and_then(|d| d.get(key)).and_then(Value::as_str);
    let decoded = text.and_then(|t| BASE64.decode(t).ok());
    let Some(config) = decoded.and_then(|d| serde_json::from_slice::<Value>(&d).ok()) else {
        return Vec::new();
    };
    let entries = if nested { config.map_at("auths") } else { config.as_object() };
    let one = |(place, entry): (&Text, &Value)| Some((key_of(place), login(entry)?));
    entries.into_iter().flatten().filter_map(one).collect()
}

fn login(entry: &Value) -> Option<Login> {
    let auth = entry.str_at("auth");
    if auth.is_empty() {
        let part = |name| entry.str_at(name).to_owned();
        return Some(Login { username: part("username"), password: part("password") });
    }
    let decoded = String::from_utf8(BASE64.decode(auth).ok()?).ok()?;
    let (username, password) = decoded.split_once(':')?;
    Some(Login { username: username.into(), password: password.into() })
}

/// `host[:port][/path]` of a key, which may be written as a URL of a registry's API.
fn key_of(place: &str) -> String {
    let bare = place.trim_start_matches("https://").trim_start_matches("http://");
    let (host, path) = bare.split_once('/').unwrap_or((bare, ""));
    let path = ["v1/", "v2/"].iter().find_map(|v| path.strip_prefix(v)).unwrap_or(path);
    if path.is_empty() { host.into() } else { format!("{host}/{path}") }
}

/// Whether a key is for an image: host by host part (each may hold `*` and `?`), the same port,
/// and the key's path a prefix of the image's.
fn matches(key: &str, image: &str) -> bool {
    let apart = |text: &str| {
        let at = text.find('/').unwrap_or(text.len());
        let (host, path) = text.split_at(at);
        let (host, port) = host.split_once(':').unwrap_or((host, ""));
        (host.to_owned(), port.to_owned(), path.to_owned())
    };
    let (key_host, key_port, key_path) = apart(key);
    let (host, port, path) = apart(image);
    key_port == port
        && path.starts_with(&key_path)
        && key_host.split('.').count() == host.split('.').count()
        && key_host.split('.').zip(host.split('.')).all(|(k, h)| glob(k, h))
}

fn is_on_the_hub(image: &str) -> bool {
    let Some((first, _)) = image.split_once('/') else { return !image.is_empty() };
    ["docker.io", "index.docker.io"].contains(&first) || !first.contains(['.', ':'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    fn secret(kind: &str, key: &str, config: &Value) -> Value {
        let data = BASE64.encode(config.to_string());
        json!({"type": format!("kubernetes.io/{kind}"), "data": {key: data}})
    }

    #[test]
    fn the_most_exact_credentials_win() {
        let auth = BASE64.encode("coded:s:x");
        let config = json!({"auths": {
            "quay.io": {"username": "host", "password": "p"},
            "https://quay.io/v2/team": {"auth": auth, "username": "ignored"},
            "*.example.com:5000": {"username": "glob", "password": "p"},
            "https://index.docker.io/v1/": {"username": "hub", "password": "p"},
            "broken.io": {"auth": "%"},
        }});
        let old = json!({"quay.io": {"username": "later", "password": "p"},
            "only.io": {"username": "old", "password": "p"}});
        let secrets = [
            secret("dockerconfigjson", ".dockerconfigjson", &config),
            secret("dockercfg", ".dockercfg", &old),
            secret("basic-auth", ".dockercfg", &json!({"no.io": {"username": "n"}})),
            json!({"type": "kubernetes.io/dockercfg", "data": {".dockercfg": "%"}}),
        ];
        let keyring = Keyring::of_secrets(&secrets);
        let rows = [
            ("quay.io/team/app:1", Some("coded")),
            ("quay.io/other/app", Some("host")),
            ("quay.io:443/other/app", None),
            ("a.example.com:5000/x", Some("glob")),
            ("a.b.example.com:5000/x", None),
            ("docker.io/library/mysql:5.7", Some("hub")),
            ("library/mysql", Some("hub")),
            ("only.io/x", Some("old")),
            ("no.io/x", None),
            ("broken.io/x", None),
        ];
        for (image, expected) in rows {
            let found = keyring.find(image).map(|l| l.username.as_str());
            assert_eq!(found, expected, "{image}");
        }
        assert_eq!(keyring.find("quay.io/team/app").unwrap().password, "s:x");
    }
}
