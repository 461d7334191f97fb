//! A request to a registry, as far as the answers depend on it.

use crate::http::Query;

/// A request without its body.
#[derive(Debug, Default)]
pub(super) struct RegistryRequest {
    pub method: String,
    /// Host and port the client dialled, in its own words.
    pub host: String,
    pub path: String,
    pub query: Query,
    /// Names in lower case; headers sent several times are joined by commas.
    pub headers: Vec<(String, String)>,
    /// Name and groups of a verified client certificate.
    pub subject: Option<(String, Vec<String>)>,
}

impl RegistryRequest {
    /// A header, empty when absent.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(n, _)| n == name);
        found.map_or("", |(_, value)| value)
    }

    /// Whether nothing is to be changed.
    pub fn reads(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD")
    }

    /// The host without its port.
    pub fn name(&self) -> &str {
        match self.host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => &self.host,
        }
    }

    /// Whether the client can read a manifest of this media type. Who does not say reads all.
    pub fn accepts(&self, media_type: &str) -> bool {
        let accept = self.header("accept");
        accept.is_empty()
            || accept.split(',').any(|one| {
                let one = one.split(';').next().unwrap_or_default().trim();
                one == media_type || one == "*/*" || one == "application/*"
            })
    }
}
