//! Who the server is and whom it believes: certificates, tokens, keys.

use super::Given;
use crate::{
    access::{
        Tokens, Trust,
        jwt::Issuing,
        keyfile::{SigningKey, VerifyingKey},
    },
    run::{equip::serving, kubeconfig::write_private, nature::Certificates},
    tls,
    world::World,
};
use std::{
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
};

/// Largest file of keys, certificates or tokens that is read.
const LARGEST: u64 = 16 << 20;

fn read(flag: &str, path: &Path) -> Result<String, String> {
    let failed = |e: &dyn std::fmt::Display| format!("--{flag}: {}: {e}", path.display());
    if fs::metadata(path).map_err(|e| failed(&e))?.len() > LARGEST {
        return Err(failed(&"the file is too large"));
    }
    fs::read_to_string(path).map_err(|e| failed(&e))
}

/// Whose tokens count, and how much may be asked without any.
pub fn trust(given: &Given) -> Result<Trust, String> {
    let modes = given.all("authorization-mode");
    let allow_all = modes.is_empty() || modes.contains(&"AlwaysAllow");
    let tokens = match given.last("token-auth-file") {
        None => Tokens::default(),
        Some(file) => {
            let text = read("token-auth-file", Path::new(file))?;
            Tokens::parse(&text).map_err(|e| format!("--token-auth-file: {file}: {e}"))?
        }
    };
    Ok(Trust {
        issuing: issuing(given)?,
        tokens,
        // Where everybody may do everything, nobody stays unknown.
        anonymous: given.on("anonymous-auth").unwrap_or(true) && !allow_all,
        allow_all,
    })
}

fn issuing(given: &Given) -> Result<Issuing, String> {
    const SIGNING: &str = "service-account-signing-key-file";
    const CHECKING: &str = "service-account-key-file";
    let key = match given.last(SIGNING) {
        None => None,
        Some(file) => {
            let key = SigningKey::from_pem(read(SIGNING, Path::new(file))?.as_bytes());
            Some(key.ok_or_else(|| format!("--{SIGNING}: {file}: no private key is in it"))?)
        }
    };
    let mut others = Vec::new();
    for file in given.each(CHECKING) {
        let found = VerifyingKey::all_from_pem(read(CHECKING, Path::new(file))?.as_bytes());
        if found.is_empty() {
            return Err(format!("--{CHECKING}: {file}: no key is in it"));
        }
        others.extend(found);
    }
    Ok(Issuing {
        key,
        others,
        issuers: given.each("service-account-issuer").map(Into::into).collect(),
        audiences: given.all("api-audiences").into_iter().map(Into::into).collect(),
    })
}

/// What the server shows: the files named, those of the certificate folder, or new ones put there.
pub fn certificates(given: &Given, address: IpAddr) -> Result<Certificates, String> {
    let clients = match given.last("client-ca-file") {
        None => None,
        Some(file) => Some(read("client-ca-file", Path::new(file))?),
    };
    let folder = PathBuf::from(given.last("cert-dir").unwrap_or("/var/run/kubernetes"));
    let (chain, key) = match (given.last("tls-cert-file"), given.last("tls-private-key-file")) {
        (Some(chain), Some(key)) => (PathBuf::from(chain), PathBuf::from(key)),
        _ => (folder.join("apiserver.crt"), folder.join("apiserver.key")),
    };
    if !chain.exists() || !key.exists() {
        make(address, &chain, &key)?;
    }
    Ok(Certificates {
        chain: read("tls-cert-file", &chain)?,
        key: read("tls-private-key-file", &key)?,
        clients,
    })
}

/// Makes a certificate, with the authority it comes from behind it.
fn make(address: IpAddr, chain: &Path, key: &Path) -> Result<(), String> {
    let world = World::real();
    let authority = tls::authority(world.clock.now()).map_err(|e| e.to_string())?;
    let pair = serving(address, &Default::default(), &authority, world.clock.now());
    let pair = pair.map_err(|e| e.to_string())?;
    let text = format!("{}{}", pair.cert, authority.cert);
    for (path, text) in [(chain, &text), (key, &pair.key)] {
        let failed = |e: std::io::Error| format!("cannot write {}: {e}", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        write_private(path, text.as_bytes()).map_err(failed)?;
    }
    Ok(())
}
