//! The admin kubeconfig: a client certificate of our CA, and the CA itself.

mod admin;
mod merge;

pub use admin::AdminKubeconfig;

use crate::{
    object::{ObjectExt, Value, json, read, yaml},
    platform,
    tls::Pair,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::{io::Write, net::SocketAddr, path::Path};

/// Name of what the kubeconfig says to our own commands.
const EXTENSION: &str = "pocketshift";

/// The text of a kubeconfig for `url`, for a server whose registries answer at `registry`.
fn text(url: &str, registry: &str, ca: &str, admin: &Pair) -> String {
    let data = |pem: &str| STANDARD.encode(pem);
    let host = url.trim_start_matches("https://").replace('.', "-");
    let context = format!("default/{host}/system:admin");
    let user = format!("system:admin/{host}");
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "preferences": {},
        "clusters": [{"name": host, "cluster":
            {"server": url, "certificate-authority-data": data(ca)}}],
        "users": [{"name": user, "user": {
            "client-certificate-data": data(&admin.cert), "client-key-data": data(&admin.key)}}],
        "contexts": [{"name": context, "context":
            {"cluster": host, "user": user, "namespace": "default"}}],
        "current-context": context,
        // Here, because `oc login`, `oc new-project` and `oc project` rewrite clusters, users and
        // contexts, and leave alone what is none of these.
        "extensions": [{"name": EXTENSION, "extension": {"registry": registry, "server": url, "user": user,
            "certificate-authority-data": data(ca)}}],
    });
    yaml::document(&config)
}

/// The same with a bearer token instead of the client certificate, for clients that cannot read its
/// key; nothing when there is no token.
pub fn with_token(text: &str, token: &str) -> Option<String> {
    let (mut config, _) = read::yaml(text.as_bytes()).ok()?;
    let user = config.at_mut("users").as_array_mut()?.first_mut()?;
    user.set_at("user", json!({ "token": token }));
    (!token.is_empty()).then(|| yaml::document(&config))
}

/// The same for an address that several clusters share, each of which shows certificates for a name.
pub fn with_name(text: &str, at: SocketAddr, name: &str) -> Option<String> {
    let (mut config, _) = read::yaml(text.as_bytes()).ok()?;
    let cluster = config.at_mut("clusters").as_array_mut()?.first_mut()?;
    cluster.set_at("cluster.server", format!("https://{at}"));
    cluster.set_at("cluster.tls-server-name", name);
    Some(yaml::document(&config))
}

/// What the kubeconfig says about the server and its administrator.
pub struct Admin {
    /// `host:port` of the registries.
    pub registry: String,
    /// `host:port` of the API; empty in the file of an older server.
    pub server: String,
    /// The server's CA, PEM.
    pub ca: String,
    /// The administrator's client certificate.
    pub pair: Pair,
}

impl Admin {
    /// Reads a kubeconfig that [`text`] has made.
    ///
    /// # Errors
    /// One line for people.
    pub fn read(path: &Path) -> Result<Admin, String> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|e| {
            format!(
                "cannot read {shown} ({e}); start `pocketshift` first, or say --kubeconfig FILE"
            )
        })?;
        let (config, _) = read::yaml(text.as_bytes()).map_err(|e| format!("{shown}: {e}"))?;
        Admin::of(&config).ok_or_else(|| format!("{shown} is not a kubeconfig of pocketshift"))
    }

    /// The administrator of a kubeconfig's text, if it is one of ours.
    pub fn of_text(text: &str) -> Option<Admin> {
        Admin::of(&read::yaml(text.as_bytes()).ok()?.0)
    }

    fn of(config: &Value) -> Option<Admin> {
        let named = |list: &str, name: &str| {
            config.list_at(list).iter().find(|e| e.str_at("name") == name).cloned()
        };
        let own = named("extensions", EXTENSION)?;
        let user = named("users", own.str_at("extension.user"))?;
        let pem =
            |of: &Value, path: &str| String::from_utf8(STANDARD.decode(of.str_at(path)).ok()?).ok();
        Some(Admin {
            registry: own.str_at("extension.registry").into(),
            server: own.str_at("extension.server").trim_start_matches("https://").into(),
            ca: pem(&own, "extension.certificate-authority-data")?,
            pair: Pair {
                cert: pem(&user, "user.client-certificate-data")?,
                key: pem(&user, "user.client-key-data")?,
            },
        })
    }
}

/// Writes a kubeconfig, into the one that is there if there is one.
///
/// # Errors
/// One line for people, also when there is something else.
pub fn write(path: &Path, text: &str) -> Result<(), String> {
    let shown = path.display();
    let there = match std::fs::read_to_string(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
        other => other.map_err(|e| format!("cannot read {shown}: {e}"))?,
    };
    let read = |text: &str| read::yaml(text.as_bytes()).ok().map(|(config, _)| config);
    let config = match (read(&there), read(text)) {
        (Some(old), Some(fresh)) if old.is_object() || old.is_null() => merge::merged(&old, &fresh),
        _ => return Err(format!("{shown} is there already and is not a kubeconfig")),
    };
    let merged = yaml::document(&config);
    write_private(path, merged.as_bytes()).map_err(|e| format!("cannot write {shown}: {e}"))
}

/// Writes a file that only its owner may read, all of it or nothing.
///
/// # Errors
/// The system's.
pub fn write_private(path: &Path, content: &[u8]) -> std::io::Result<()> {
    if let Some(dir) = path.parent().filter(|d| !d.as_os_str().is_empty()) {
        std::fs::create_dir_all(dir)?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = Path::new(&name);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    let mut file = platform::private(&mut options).open(temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(temporary, path)?;
    // The new name must outlive a power cut as the content does.
    match path.parent().filter(|d| !d.as_os_str().is_empty()) {
        Some(dir) => platform::sync_folder(dir),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_also_after_a_sign_in() {
        let pair = Pair { cert: "CERT".into(), key: "KEY".into() };
        let text = text("https://127.0.0.1:6443", "127.0.0.1:5443", "CA", &pair);
        let (mut config, _) = read::yaml(text.as_bytes()).unwrap();
        let other = json!({"name": "developer", "user": {"token": "t"}});
        config["users"].as_array_mut().unwrap().insert(0, other);
        config["clusters"][0]["cluster"] = json!({"insecure-skip-tls-verify": true});
        config["contexts"] = json!([]);
        let admin = Admin::of(&config).unwrap();
        assert_eq!((admin.registry.as_str(), admin.ca.as_str()), ("127.0.0.1:5443", "CA"));
        assert_eq!((admin.pair.cert, admin.pair.key), (pair.cert, pair.key));
        assert!(Admin::of(&json!({})).is_none());
    }
}
