//! Where a webhook is: `WebhookClientConfig`, the same in every kind that has one.

use serde::Deserialize;

/// Where somebody is asked: by a URL, or by a service of the cluster.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default, rename_all = "camelCase")]
pub struct ClientConfig {
    /// `https://host:port/path`.
    pub url: Option<String>,
    /// A service.
    pub service: Option<ServiceReference>,
    /// Authorities to believe, PEM in base64; the system's when empty.
    pub ca_bundle: String,
}

/// A service, and what to ask it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub struct ServiceReference {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Path of the request.
    pub path: Option<String>,
    /// Port of the service.
    pub port: Option<u16>,
}

impl ServiceReference {
    /// Its port; the usual one when none is said.
    pub fn port(&self) -> u16 {
        self.port.filter(|p| *p != 0).unwrap_or(443)
    }
}

/// Whom a request is addressed to.
#[derive(Debug, PartialEq)]
pub struct Host {
    /// Host and port, as in the URL.
    pub authority: String,
    /// The name its certificate must have.
    pub name: String,
    /// Port.
    pub port: u16,
    /// Path, with a slash before it and none behind it.
    pub path: String,
}

impl ClientConfig {
    /// Whom requests are addressed to.
    ///
    /// # Errors
    /// Upstream's words for a configuration that says nothing of use.
    pub fn host(&self) -> Result<Host, String> {
        if let Some(service) = &self.service {
            let name = format!("{}.{}.svc", service.name, service.namespace);
            let port = service.port();
            let path = joined(service.path.as_deref().unwrap_or_default());
            return Ok(Host { authority: format!("{name}:{port}"), name, port, path });
        }
        let Some(text) = self.url.as_deref().filter(|u| !u.is_empty()) else {
            return Err("webhook configuration must have either service or URL".into());
        };
        let url = url::Url::parse(text).map_err(|e| format!("Unparsable URL: {e}"))?;
        let name = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let (_, rest) = text.split_once("://").unwrap_or_default();
        // As it was written: a port that goes without saying is not said where it was.
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default().to_owned();
        let port = url.port().unwrap_or(443);
        Ok(Host { authority, name, port, path: joined(url.path()) })
    }
}

/// The path as Go's `path.Join` leaves it.
fn joined(path: &str) -> String {
    let mut steps: Vec<&str> = Vec::new();
    for step in path.split('/') {
        match step {
            "" | "." => {}
            ".." => drop(steps.pop()),
            step => steps.push(step),
        }
    }
    format!("/{}", steps.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_as_they_were_written() {
        let rows = [
            ("https://hooks.example.com", ("hooks.example.com", "hooks.example.com", 443, "/")),
            ("https://h.io:443/a//b/", ("h.io:443", "h.io", 443, "/a/b")),
            ("https://127.0.0.1:9443/x/../y", ("127.0.0.1:9443", "127.0.0.1", 9443, "/y")),
            ("https://[::1]:9443/", ("[::1]:9443", "::1", 9443, "/")),
        ];
        for (url, (authority, name, port, path)) in rows {
            let config = ClientConfig { url: Some(url.into()), ..ClientConfig::default() };
            let host = config.host().unwrap();
            let found =
                (host.authority.as_str(), host.name.as_str(), host.port, host.path.as_str());
            assert_eq!(found, (authority, name, port, path), "{url}");
        }
    }

    #[test]
    fn services_have_the_name_their_certificates_have() {
        let service = ServiceReference {
            namespace: "ns".into(),
            name: "svc".into(),
            path: Some("/validate".into()),
            port: None,
        };
        let config = ClientConfig { service: Some(service), ..ClientConfig::default() };
        let host = config.host().unwrap();
        assert_eq!((host.authority.as_str(), host.name.as_str()), ("svc.ns.svc:443", "svc.ns.svc"));
        assert_eq!(host.path, "/validate");
        assert!(ClientConfig::default().host().is_err());
    }
}
