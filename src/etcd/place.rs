//! Which etcd is meant, and what of it is ours: addresses, the prefix of our keys, certificates.

use crate::tls;
use std::path::PathBuf;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

/// The port of a member that names none.
const PORT: u16 = 2379;

/// An etcd, and a part of its keys.
#[derive(Clone, Debug, PartialEq)]
pub struct EtcdPlace {
    /// `host:port` of its members.
    pub members: Vec<String>,
    /// What all our keys begin with; it does not end with a slash.
    pub prefix: String,
    /// File of the authority that has signed the members' certificates.
    pub ca: Option<PathBuf>,
    /// Files of the certificate and the key we show.
    pub identity: Option<(PathBuf, PathBuf)>,
}

impl std::fmt::Display for EtcdPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "etcd://{}{}", self.members.join(","), self.prefix)
    }
}

impl EtcdPlace {
    /// Reads `etcd://host:port,host:port` and a prefix.
    ///
    /// # Errors
    /// One line for people.
    pub fn parse(address: &str, prefix: &str) -> Result<EtcdPlace, String> {
        let wrong = |why: &str| Err(format!("--store: {address:?}: {why}"));
        let Some(list) = address.strip_prefix("etcd://") else {
            return wrong("say etcd://HOST:PORT[,HOST:PORT…]");
        };
        if list.contains('/') {
            return wrong("there is more than addresses in it; keys are chosen by --etcd-prefix");
        }
        let members: Result<Vec<String>, String> = list.split(',').map(member).collect();
        let members = match members {
            Ok(members) => members,
            Err(why) => return wrong(&why),
        };
        Ok(EtcdPlace { members, prefix: checked(prefix)?, ca: None, identity: None })
    }

    /// The ways to the members.
    ///
    /// # Errors
    /// One line for people.
    pub fn endpoints(&self) -> Result<Vec<Endpoint>, String> {
        let tls = self.tls()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let one = |member: &String| {
            let wrong = |e: tonic::transport::Error| format!("--store: {member}: {e}");
            let endpoint = Endpoint::from_shared(format!("{scheme}://{member}")).map_err(wrong)?;
            match &tls {
                Some(tls) => endpoint.tls_config(tls.clone()).map_err(wrong),
                None => Ok(endpoint),
            }
        };
        self.members.iter().map(one).collect()
    }

    fn tls(&self) -> Result<Option<ClientTlsConfig>, String> {
        let read = |path: &PathBuf| {
            std::fs::read_to_string(path)
                .map_err(|e| format!("cannot read {}: {e}", path.display()))
        };
        let Some(ca) = &self.ca else {
            return match &self.identity {
                Some(_) => Err("--etcd-cert needs --etcd-ca, which says whom to believe".into()),
                None => Ok(None),
            };
        };
        let text = read(ca)?;
        tls::trusting(&text).map_err(|e| format!("--etcd-ca: {}: {e}", ca.display()))?;
        let mut config = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(text));
        if let Some((cert, key)) = &self.identity {
            let (chain, secret) = (read(cert)?, read(key)?);
            tls::from_pem(&chain, &secret)
                .map_err(|e| format!("{} and {} do not fit: {e}", cert.display(), key.display()))?;
            config = config.identity(Identity::from_pem(chain, secret));
        }
        Ok(Some(config))
    }
}

/// A member as it is dialled.
fn member(text: &str) -> Result<String, String> {
    let whole = if text.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']')) {
        text.to_owned()
    } else {
        format!("{text}:{PORT}")
    };
    let authority: http::uri::Authority =
        whole.parse().map_err(|_| format!("{text:?} is no address"))?;
    let sound = !authority.host().is_empty() && !whole.contains('@');
    if sound && authority.port_u16().is_some() {
        Ok(whole)
    } else {
        Err(format!("{text:?} is no address"))
    }
}

/// A prefix as our keys begin.
fn checked(prefix: &str) -> Result<String, String> {
    let plain = prefix.trim_end_matches('/');
    let sound = plain.starts_with('/')
        && plain.len() <= 200
        && plain.split('/').skip(1).all(|part| !part.is_empty())
        && plain.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_.".contains(&b));
    if sound {
        Ok(plain.to_owned())
    } else {
        Err(format!("--etcd-prefix: {prefix:?} is none; say one such as /pocketshift"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_prefixes() {
        let place = EtcdPlace::parse("etcd://a,b:1,[::1]:2,[::2]", "/x/y/").unwrap();
        assert_eq!(place.members, ["a:2379", "b:1", "[::1]:2", "[::2]:2379"]);
        assert_eq!(place.prefix, "/x/y");
        assert_eq!(place.to_string(), "etcd://a:2379,b:1,[::1]:2,[::2]:2379/x/y");
        for wrong in
            ["", "etcd://", "http://a", "etcd://a/b", "etcd://a,,b", "etcd://a:b", "etcd://u@a"]
        {
            assert!(EtcdPlace::parse(wrong, "/x").unwrap_err().starts_with("--store: "), "{wrong}");
        }
        for wrong in ["", "/", "x", "/a//b", "/a b", "/ä"] {
            let why = EtcdPlace::parse("etcd://a", wrong).unwrap_err();
            assert!(why.starts_with("--etcd-prefix: "), "{wrong}: {why}");
        }
    }

    #[test]
    fn certificates_that_do_not_fit_are_refused_before_anybody_is_dialled() {
        let dir = tempfile::tempdir().unwrap();
        let now = jiff::Timestamp::UNIX_EPOCH;
        let (one, other) = (tls::authority(now).unwrap(), tls::authority(now).unwrap());
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let (ca, key) = (write("ca", &one.cert), write("key", &other.key));
        let place = EtcdPlace::parse("etcd://a", "/x").unwrap();
        let said = |place: EtcdPlace| place.endpoints().map(drop).unwrap_err();
        let identity = Some((ca.clone(), key));
        assert!(
            said(EtcdPlace { identity: identity.clone(), ..place.clone() }).contains("--etcd-ca")
        );
        let both = EtcdPlace { ca: Some(ca), identity, ..place.clone() };
        assert!(said(both).contains("do not fit"));
        let none = EtcdPlace { ca: Some(write("none", "none")), ..place.clone() };
        assert!(said(none).starts_with("--etcd-ca: "));
        let gone = EtcdPlace { ca: Some("/nowhere".into()), ..place };
        assert!(said(gone).starts_with("cannot read /nowhere"));
    }
}
