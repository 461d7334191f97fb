//! What the vendors have, for an administrator's eyes: hosts with their repositories, and what the
//! tags of a repository mean.

use super::{Registries, ask::RegistryRequest, reply::Reply};
use crate::catalog::complaint::*;
use crate::object::json;

/// Where the hosts are listed.
const HOSTS: &str = "/registries";

/// What is asked for.
#[derive(Debug, PartialEq)]
pub(super) enum Shelves<'a> {
    /// All hosts.
    Hosts,
    /// The tags of a repository of a host.
    Tags(&'a str),
}

impl<'a> Shelves<'a> {
    /// Reads `/registries` and `/registries/HOST/tags`.
    pub fn parse(path: &'a str) -> Option<Shelves<'a>> {
        match path.strip_prefix(HOSTS)? {
            "" => Some(Shelves::Hosts),
            rest => Some(Shelves::Tags(rest.strip_prefix('/')?.strip_suffix("/tags")?)),
        }
    }
}

impl Registries {
    /// Tells what there is.
    pub(super) fn shelves(
        &self,
        ask: &RegistryRequest,
        wanted: Shelves<'_>,
    ) -> Result<Reply, Reply> {
        self.administrator(ask)?;
        if !ask.reads() {
            return Err(DistributionError::new(&UNSUPPORTED).into());
        }
        let snapshot = self.server.store.snapshot();
        let outside = self.outside(&snapshot);
        match wanted {
            Shelves::Hosts => {
                let hosts = self.catalog().hosts().map(|host| {
                    let paths = outside.paths(host);
                    json!({"host": host, "down": outside.is_down(host), "repositories": paths})
                });
                Ok(Reply::json(200, &json!({"items": hosts.collect::<Vec<_>>()})))
            }
            Shelves::Tags(host) => {
                let path = ask.query.get("repository").unwrap_or_default();
                let name = format!("{host}/{path}");
                if self.catalog().registry(host).is_none() || !outside.knows(&name) {
                    let unknown =
                        DistributionError::new(&NAME_UNKNOWN).about(json!({"name": name}));
                    return Err(unknown.into());
                }
                Ok(Reply::json(200, &json!({"name": name, "tags": outside.tags(&name)})))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let rows = [
            ("/registries", Some(Shelves::Hosts)),
            ("/registries/quay.io/tags", Some(Shelves::Tags("quay.io"))),
            ("/registries/quay.io/outage", None),
            ("/registriesx", None),
        ];
        for (path, expected) in rows {
            assert_eq!(Shelves::parse(path), expected, "{path}");
        }
    }
}
