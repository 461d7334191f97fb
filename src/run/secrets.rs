//! The cluster's secrets: made once, kept in the data folder with owner-only permissions.

use super::kubeconfig::write_private;
use crate::{
    access::{Keys, password},
    tls::{self, Pair},
    world::World,
};
use std::path::Path;

/// The CA's certificate.
pub const CA_CERT: &str = "ca.crt";
const CA_KEY: &str = "ca.key";
const SIGNING_KEY: &str = "service-account.key";
const SESSION_KEY: &str = "session.key";
const PASSWORD: &str = "kubeadmin-password";

/// The files of this module in the data folder.
pub const FILES: &[&str] = &[CA_CERT, CA_KEY, SIGNING_KEY, SESSION_KEY, PASSWORD];

/// What must stay the same over restarts.
pub struct Secrets {
    /// The authority that signs everything.
    pub ca: Pair,
    /// Keys of tokens and sessions.
    pub keys: Keys,
    /// Password of `kubeadmin`.
    pub kubeadmin_password: String,
}

/// Reads the secrets of a data folder, or makes them (and keeps them there, if there is a folder).
///
/// # Errors
/// One line for people.
pub fn load_or_make(dir: Option<&Path>, world: &World) -> Result<Secrets, String> {
    if let Some(dir) = dir
        && dir.join(PASSWORD).exists()
    {
        return load(dir);
    }
    let made = make(world)?;
    if let Some(dir) = dir {
        // The password last: its presence says that everything else is there.
        let files: [(&str, &[u8]); 5] = [
            (CA_CERT, made.ca.cert.as_bytes()),
            (CA_KEY, made.ca.key.as_bytes()),
            (SIGNING_KEY, &made.keys.service_account_key),
            (SESSION_KEY, &made.keys.session_key),
            (PASSWORD, made.kubeadmin_password.as_bytes()),
        ];
        for (name, content) in files {
            let path = dir.join(name);
            write_private(&path, content)
                .map_err(|e| format!("cannot write {}: {e}", path.display()))?;
        }
    }
    Ok(made)
}

fn make(world: &World) -> Result<Secrets, String> {
    Ok(Secrets {
        ca: tls::authority(world.clock.now()).map_err(|e| e.to_string())?,
        keys: Keys::generate(&world.entropy).map_err(|e| e.to_string())?,
        kubeadmin_password: password::generate(&world.entropy),
    })
}

fn load(dir: &Path) -> Result<Secrets, String> {
    let read = |name: &str| {
        let path = dir.join(name);
        std::fs::read(&path).map_err(|e| format!("cannot read {}: {e}", path.display()))
    };
    let text = |name: &str| {
        String::from_utf8(read(name)?).map_err(|_| format!("{name} in the data folder is damaged"))
    };
    Ok(Secrets {
        ca: Pair { cert: text(CA_CERT)?, key: text(CA_KEY)? },
        keys: Keys {
            service_account_key: read(SIGNING_KEY)?,
            session_key: read(SESSION_KEY)?,
            admin_token: String::new(),
        },
        kubeadmin_password: text(PASSWORD)?.trim().to_owned(),
    })
}
