//! What breaks in the world outside, at an administrator's word: registries that answer nothing but
//! errors, machines of nodes that nobody hears of any more. It lasts over restarts.

use super::{Registries, ask::RegistryRequest, reply::Reply};
use crate::catalog::{
    complaint::*,
    held::{MACHINES, REGISTRIES, is_down},
};
use crate::object::json;

/// Something that can break.
#[derive(Debug, PartialEq)]
pub(super) enum Part<'a> {
    /// The registry of a host.
    Registry(&'a str),
    /// The machine of a node.
    Machine(&'a str),
}

impl<'a> Part<'a> {
    /// Reads `/registries/HOST/outage` and `/nodes/NAME/outage`.
    pub fn parse(path: &'a str) -> Option<Part<'a>> {
        let (kind, name) = path.strip_prefix('/')?.strip_suffix("/outage")?.split_once('/')?;
        match kind {
            "registries" => Some(Part::Registry(name)),
            "nodes" => Some(Part::Machine(name)),
            _ => None,
        }
    }
}

impl Registries {
    /// GET tells, PUT breaks, DELETE mends.
    pub(super) async fn outage(
        &self,
        ask: &RegistryRequest,
        part: Part<'_>,
    ) -> Result<Reply, Reply> {
        self.administrator(ask)?;
        let snapshot = self.server.store.snapshot();
        let (resource, name) = match part {
            Part::Registry(host) if self.catalog().registry(host).is_some() => (REGISTRIES, host),
            Part::Machine(node) if snapshot.get("nodes", "", node).is_some() => (MACHINES, node),
            Part::Registry(_) => return Err(DistributionError::new(&NAME_UNKNOWN).into()),
            Part::Machine(node) => {
                let why = format!("nodes {node:?} not found");
                return Err(DistributionError::saying(&NAME_UNKNOWN, why).into());
            }
        };
        match ask.method.as_str() {
            "PUT" => self.switch(resource, name, true).await?,
            "DELETE" => self.switch(resource, name, false).await?,
            "GET" => {}
            _ => return Err(DistributionError::new(&UNSUPPORTED).into()),
        }
        let down = is_down(&self.server.store.snapshot(), resource, name);
        let field = if resource == REGISTRIES { "host" } else { "node" };
        Ok(Reply::json(200, &json!({field: name, "down": down})))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let rows = [
            ("/registries/quay.io/outage", Some(Part::Registry("quay.io"))),
            ("/nodes/worker01/outage", Some(Part::Machine("worker01"))),
            ("/pods/x/outage", None),
            ("/nodes/worker01", None),
        ];
        for (path, part) in rows {
            assert_eq!(Part::parse(path), part, "{path}");
        }
    }
}
