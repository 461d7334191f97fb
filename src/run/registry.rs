//! The commands about the world outside: what a shell needs to use the registries, what a vendor
//! would do, and machines that fail.

use super::{client, clusters, kubeconfig::Admin};
use crate::config::{NodeCommand, RegistryCommand, Where};
use std::path::{Path, PathBuf};

/// The lines that a shell evaluates to send its clients' vendor names to the server.
///
/// # Errors
/// One line for people.
pub fn env(at: &Where) -> Result<(), String> {
    let path = at.kubeconfig()?;
    let admin = Admin::read(&path)?;
    std::net::TcpStream::connect(&admin.registry)
        .map_err(|e| format!("no server answers at {} ({e})", admin.registry))?;
    let ca = authority(&path, &admin)?;
    let proxy = format!("http://{}", admin.registry);
    let local = "localhost,127.0.0.1,::1";
    let lines = [
        ("HTTPS_PROXY", proxy.as_str()),
        ("https_proxy", &proxy),
        ("NO_PROXY", local),
        ("no_proxy", local),
        ("SSL_CERT_FILE", &ca.to_string_lossy()),
        ("KUBECONFIG", &path.to_string_lossy()),
    ];
    for (name, value) in lines {
        println!("export {name}='{}'", value.replace('\'', r"'\''"));
    }
    Ok(())
}

/// A file with the server's CA: the data folder's, or one beside the kubeconfig.
fn authority(kubeconfig: &Path, admin: &Admin) -> Result<PathBuf, String> {
    let own = kubeconfig.with_file_name(super::secrets::CA_CERT);
    if std::fs::read_to_string(&own).is_ok_and(|text| text == admin.ca) {
        return std::path::absolute(own).map_err(|e| e.to_string());
    }
    let mut beside = kubeconfig.as_os_str().to_owned();
    beside.push(".ca.crt");
    let beside = std::path::absolute(beside).map_err(|e| e.to_string())?;
    super::kubeconfig::write_private(&beside, admin.ca.as_bytes())
        .map_err(|e| format!("cannot write {}: {e}", beside.display()))?;
    Ok(beside)
}

/// Does what a vendor would do, at a running server.
///
/// # Errors
/// One line for people.
pub async fn command(command: &RegistryCommand) -> Result<(), String> {
    match command {
        RegistryCommand::Tag { image, tag, at } => {
            let admin = clusters::admin(&at.at, at.cluster.as_deref()).await?;
            let (name, from) = split(image)?;
            let path = format!("/v2/{name}/manifests/{tag}?from={from}");
            client::ask(&admin, "PUT", &path).await.map_err(|e| format!("{image}: {e}"))?;
            println!("{name}:{tag} is now {image}");
        }
        RegistryCommand::Untag { image, at } => {
            let admin = clusters::admin(&at.at, at.cluster.as_deref()).await?;
            let (name, tag) = split(image)?;
            let path = format!("/v2/{name}/manifests/{tag}");
            client::ask(&admin, "DELETE", &path).await.map_err(|e| format!("{image}: {e}"))?;
            println!("{image} is gone");
        }
        RegistryCommand::Outage { host, end, at } => {
            let admin = clusters::admin(&at.at, at.cluster.as_deref()).await?;
            let method = if *end { "DELETE" } else { "PUT" };
            let path = format!("/registries/{host}/outage");
            client::ask(&admin, method, &path).await.map_err(|e| format!("{host}: {e}"))?;
            println!("{host} {}", if *end { "answers again" } else { "does not answer any more" });
        }
    }
    Ok(())
}

/// Lets a node's machine fail, or come back, at a running server.
///
/// # Errors
/// One line for people.
pub async fn node(command: &NodeCommand) -> Result<(), String> {
    let (args, method, now) = match command {
        NodeCommand::Fail(args) => (args, "PUT", "is not heard of any more"),
        NodeCommand::Recover(args) => (args, "DELETE", "is back"),
    };
    let admin = clusters::admin(&args.at.at, args.at.cluster.as_deref()).await?;
    let name = &args.name;
    client::ask(&admin, method, &format!("/nodes/{name}/outage")).await?;
    println!("node {name} {now}");
    Ok(())
}

/// Repository and tag (or digest) of an image.
fn split(image: &str) -> Result<(&str, &str), String> {
    let parts = image.split_once('@').or_else(|| image.rsplit_once(':'));
    let fits = parts.filter(|(name, version)| name.contains('/') && !version.contains('/'));
    let plain = image.bytes().all(|b| b.is_ascii_alphanumeric() || b"./:@_-".contains(&b));
    fits.filter(|_| plain).ok_or_else(|| format!("{image:?} is not HOST/REPOSITORY:TAG"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_taken_apart() {
        assert_eq!(split("quay.io/a/b:1.0"), Ok(("quay.io/a/b", "1.0")));
        assert_eq!(split("quay.io/a/b@sha256:00"), Ok(("quay.io/a/b", "sha256:00")));
        for bad in ["quay.io/a/b", "a:1", "quay.io:5000/a", "quay.io/a b:1", "q.io/a?x=y:1"] {
            assert!(split(bad).is_err(), "{bad}");
        }
    }
}
