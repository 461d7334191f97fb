//! The admin kubeconfig: a client certificate of our CA, and the CA itself.

use crate::{object::json, tls::Pair};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::{io::Write, os::unix::fs::OpenOptionsExt, path::Path};

/// Name of the file in the data folder.
pub const KUBECONFIG: &str = "kubeconfig";

/// The text of a kubeconfig for `url`.
pub fn text(url: &str, ca: &str, admin: &Pair) -> String {
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
    });
    serde_norway::to_string(&config).unwrap_or_default()
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
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(temporary, path)
}
