//! The cluster's secrets: made once, kept in the data folder with owner-only permissions.

use super::kubeconfig::write_private;
use crate::{
    access::{Keys, SESSION_KEY_BYTES, password},
    store::EtcdKeeper,
    tls::{self, Pair},
    world::World,
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use std::{collections::BTreeMap, path::Path};

/// The CA's certificate.
pub const CA_CERT: &str = "ca.crt";
const CA_KEY: &str = "ca.key";
const SIGNING_KEY: &str = "service-account.key";
const SESSION_KEY: &str = "session.key";
const PASSWORD: &str = "kubeadmin-password";

/// The files of this module in the data folder.
pub const FILES: &[&str] = &[CA_CERT, CA_KEY, SIGNING_KEY, SESSION_KEY, PASSWORD];

/// Keys that can be made anew: what they have signed is good for a while only.
const REPLACEABLE: &[&str] = &[SIGNING_KEY, SESSION_KEY];

/// What must stay the same over restarts.
#[derive(Clone)]
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
        replace_missing(dir, world)?;
        return load(dir);
    }
    let made = make(world)?;
    if let Some(dir) = dir {
        made.write(dir)?;
    }
    Ok(made)
}

impl Secrets {
    /// Keeps them in a folder.
    ///
    /// # Errors
    /// One line for people.
    pub fn write(&self, dir: &Path) -> Result<(), String> {
        // The password last: its presence says that everything else is there.
        for (name, content) in self.files() {
            let path = dir.join(name);
            write_private(&path, content)
                .map_err(|e| format!("cannot write {}: {e}", path.display()))?;
        }
        Ok(())
    }

    fn files(&self) -> [(&'static str, &[u8]); 5] {
        [
            (CA_CERT, self.ca.cert.as_bytes()),
            (CA_KEY, self.ca.key.as_bytes()),
            (SIGNING_KEY, &self.keys.service_account_key),
            (SESSION_KEY, &self.keys.session_key),
            (PASSWORD, self.kubeadmin_password.as_bytes()),
        ]
    }
}

fn make(world: &World) -> Result<Secrets, String> {
    Ok(Secrets {
        ca: tls::authority(world.wall.now()).map_err(|e| e.to_string())?,
        keys: Keys::generate(&world.entropy).map_err(|e| e.to_string())?,
        kubeadmin_password: password::generate(&world.entropy),
    })
}

fn load(dir: &Path) -> Result<Secrets, String> {
    let read = |name: &str| {
        let path = dir.join(name);
        std::fs::read(&path).map_err(|e| format!("cannot read {}: {e}", path.display()))
    };
    sound(&read, &|name| dir.join(name).display().to_string())
}

/// The secrets of a cluster in etcd, which are the same wherever it lives.
///
/// # Errors
/// One line for people.
pub fn shared(keeper: &EtcdKeeper, cluster: &str, world: &World) -> Result<Secrets, String> {
    hand_over(keeper, cluster, &make(world)?)
}

/// Makes secrets those of a cluster in etcd, unless it has some; answers those it has.
///
/// # Errors
/// One line for people.
pub fn hand_over(keeper: &EtcdKeeper, cluster: &str, made: &Secrets) -> Result<Secrets, String> {
    let text = || {
        let all: BTreeMap<&str, String> =
            made.files().into_iter().map(|(name, bytes)| (name, BASE64.encode(bytes))).collect();
        // Names and texts can always be written.
        serde_json::to_string(&all).unwrap_or_default()
    };
    let key = format!("clusters/{cluster}/secrets");
    let kept = keeper.agreed(&key, text).map_err(|e| e.to_string())?;
    let all: BTreeMap<String, String> = serde_json::from_slice(&kept).unwrap_or_default();
    let read = |name: &str| {
        let text = all.get(name).and_then(|text| BASE64.decode(text).ok());
        text.ok_or_else(|| format!("{name} is not among the secrets in etcd"))
    };
    sound(&read, &|name| format!("{name} in etcd"))
}

/// What was read, if it is whole.
fn sound(
    read: &dyn Fn(&str) -> Result<Vec<u8>, String>,
    shown: &dyn Fn(&str) -> String,
) -> Result<Secrets, String> {
    let text = |name: &str| {
        String::from_utf8(read(name)?).map_err(|_| format!("{} is damaged", shown(name)))
    };
    let keys = Keys {
        service_account_key: read(SIGNING_KEY)?,
        session_key: read(SESSION_KEY)?,
        admin_token: String::new(),
    };
    let password = text(PASSWORD)?.trim().to_owned();
    let ca = Pair { cert: text(CA_CERT)?, key: text(CA_KEY)? };
    // A disk that was full, or a hand, may have cut a file: an empty key would be one that anybody
    // knows.
    let sound = [
        (SIGNING_KEY, keys.signs()),
        (SESSION_KEY, keys.session_key.len() == SESSION_KEY_BYTES),
        (PASSWORD, !password.is_empty()),
        (CA_CERT, ca.cert.contains("-----END CERTIFICATE-----")),
        (CA_KEY, tls::can_sign(&ca).is_ok()),
    ];
    if let Some((name, _)) = sound.iter().find(|(_, sound)| !sound) {
        return Err(format!(
            "{} is damaged or was cut short; restore it from a copy{}",
            shown(name),
            if REPLACEABLE.contains(name) { ", or delete it to have a new one made" } else { "" }
        ));
    }
    Ok(Secrets { ca, keys, kubeadmin_password: password })
}

/// Makes the keys that are not there: what was signed with them counts no more.
fn replace_missing(dir: &Path, world: &World) -> Result<(), String> {
    let missing = |name: &&&str| !dir.join(name).exists();
    if REPLACEABLE.iter().find(missing).is_none() {
        return Ok(());
    }
    let keys = Keys::generate(&world.entropy).map_err(|e| e.to_string())?;
    for name in REPLACEABLE.iter().filter(missing) {
        let content: &[u8] =
            if *name == SESSION_KEY { &keys.session_key } else { &keys.service_account_key };
        let path = dir.join(name);
        write_private(&path, content)
            .map_err(|e| format!("cannot write {}: {e}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_keys_are_refused_and_missing_ones_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let world = World::real();
        let load = || load_or_make(Some(dir.path()), &world).map(|s| s.keys.session_key);
        let first = load().unwrap();
        assert_eq!(load().unwrap(), first);
        for name in FILES {
            let path = dir.path().join(name);
            let whole = std::fs::read(&path).unwrap();
            for cut in [0, whole.len() / 2] {
                // Half a password is a password.
                if *name == PASSWORD && cut > 0 {
                    continue;
                }
                std::fs::write(&path, &whole[..cut]).unwrap();
                let why = load().unwrap_err();
                assert!(why.contains(name) && why.contains("damaged"), "{name}: {why}");
            }
            std::fs::write(&path, whole).unwrap();
        }
        for name in REPLACEABLE {
            std::fs::remove_file(dir.path().join(name)).unwrap();
        }
        let second = load().unwrap();
        assert!(second != first && second.len() == SESSION_KEY_BYTES);
        std::fs::remove_file(dir.path().join(CA_KEY)).unwrap();
        assert!(load().unwrap_err().contains("cannot read"));
    }
}
