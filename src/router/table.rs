//! Which route a request is for: by its host, and then by the longest path that fits.

use super::{NAME, ROUTES, road::Road};
use crate::store::{Entry, Snapshot};
use std::{collections::HashMap, sync::Arc};

/// The admitted routes by host.
#[derive(Default)]
pub struct Table {
    hosts: HashMap<String, Vec<Arc<Entry>>>,
    /// By the domain below which every name is the route's.
    wildcards: HashMap<String, Vec<Arc<Entry>>>,
}

impl Table {
    /// That of the routes as they are, made once for each state of them.
    pub fn of(objects: &Snapshot) -> Arc<Table> {
        objects.derived(ROUTES, Table::read)
    }

    fn read(objects: &Snapshot) -> Table {
        let mut table = Table::default();
        for entry in objects.list(ROUTES, "").filter(|e| !e.meta.deleting) {
            let road = entry.lens::<Road>();
            let Some(ingress) = road.admitted_by(NAME) else { continue };
            let host = ingress.host.to_lowercase();
            let (map, key) = match (ingress.wildcard_policy.as_str(), host.split_once('.')) {
                ("Subdomain", Some((_, domain))) => (&mut table.wildcards, domain.to_owned()),
                _ => (&mut table.hosts, host),
            };
            map.entry(key).or_default().push(Arc::clone(entry));
        }
        for routes in table.hosts.values_mut().chain(table.wildcards.values_mut()) {
            routes.sort_by_key(|e| std::cmp::Reverse(e.lens::<Road>().path.len()));
        }
        table
    }

    /// The routes that have a host, those of the longest paths first.
    fn at(&self, host: &str) -> &[Arc<Entry>] {
        let wildcard = || self.wildcards.get(host.split_once('.')?.1);
        self.hosts.get(host).or_else(wildcard).map_or(&[], Vec::as_slice)
    }

    /// The route of a request.
    pub fn find(&self, host: &str, path: &str) -> Option<&Arc<Entry>> {
        self.at(&plain(host)).iter().find(|e| leads(&e.lens::<Road>().path, path))
    }

    /// The route whose certificate or pods a client means who names this server.
    pub fn named(&self, host: &str) -> Option<&Arc<Entry>> {
        self.at(&plain(host)).first()
    }
}

/// A host as routes name it: without port, without the dot of a complete name, in small letters.
fn plain(host: &str) -> String {
    let bare = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    bare.trim_end_matches('.').to_lowercase()
}

/// Whether a route's path covers a request's: whole segments count.
fn leads(route: &str, path: &str) -> bool {
    match path.strip_prefix(route) {
        Some(rest) => {
            route.is_empty() || route.ends_with('/') || rest.is_empty() || rest.starts_with('/')
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_cover_whole_segments() {
        let rows = [
            ("", "/", true),
            ("/", "/a", true),
            ("/app", "/app", true),
            ("/app", "/app/x", true),
            ("/app", "/application", false),
            ("/app/", "/app", false),
            ("/app/", "/app/x", true),
        ];
        for (route, path, expected) in rows {
            assert_eq!(leads(route, path), expected, "{route} {path}");
        }
    }

    #[test]
    fn hosts_are_compared_plain() {
        for (host, expected) in
            [("H:8080", "h"), ("h.", "h"), ("A.b.:1", "a.b"), ("[::1]", "[::1]")]
        {
            assert_eq!(plain(host), expected, "{host}");
        }
    }
}
