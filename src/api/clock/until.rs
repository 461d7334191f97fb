//! The clock runs until something holds: from one moment that somebody waits for to the next.

use crate::{
    api::Server,
    kinds::Served,
    object::{ObjectExt, time::seconds},
    world::{Clock, ClusterTime},
};
use jiff::SignedDuration;
use std::{fmt, sync::Arc};

/// How far the clock runs at most if nobody says.
const LIMIT: SignedDuration = SignedDuration::from_hours(24);

/// What is waited for.
#[derive(Clone, Debug, PartialEq)]
pub struct Awaited {
    /// Type of the object, in any of its names.
    resource: String,
    namespace: String,
    name: String,
    /// Condition and status; `None`: that the object goes.
    condition: Option<(String, String)>,
    limit: SignedDuration,
}

impl fmt::Display for Awaited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Awaited { resource, namespace, name, condition, limit } = self;
        match condition {
            Some((kind, status)) => write!(f, "for=condition={kind}={status}")?,
            None => write!(f, "for=delete")?,
        }
        write!(f, "&resource={resource}&name={name}&namespace={namespace}&limit={limit}")
    }
}

impl Awaited {
    /// What a query says.
    ///
    /// # Errors
    /// One line for people.
    pub fn read(query: &[(String, String)]) -> Result<Awaited, String> {
        let known = ["for", "resource", "name", "namespace", "limit"];
        if let Some((other, _)) = query.iter().find(|(k, _)| !known.contains(&k.as_str())) {
            return Err(format!("{other}: say for, resource, name, namespace, limit"));
        }
        let text = |name: &str| {
            query.iter().find(|(k, _)| k == name).map_or("", |(_, v)| v.as_str()).to_owned()
        };
        let condition = match text("for").split('=').collect::<Vec<_>>().as_slice() {
            ["delete"] => None,
            ["condition", kind] if !kind.is_empty() => Some(((*kind).into(), "True".into())),
            ["condition", kind, status] if !kind.is_empty() && !status.is_empty() => {
                Some(((*kind).into(), (*status).into()))
            }
            _ => {
                let said = text("for");
                return Err(format!("for={said:?}: must be condition=TYPE[=STATUS] or delete"));
            }
        };
        if text("resource").is_empty() || text("name").is_empty() {
            return Err("say of which object: TYPE/NAME".into());
        }
        let limit = match text("limit").as_str() {
            "" => LIMIT,
            said => match said.parse::<SignedDuration>() {
                Ok(limit) if limit.is_positive() => limit,
                _ => return Err(format!("limit={said:?}: must be a duration such as 90s or 12h")),
            },
        };
        let (resource, name) = (text("resource"), text("name"));
        Ok(Awaited { resource, namespace: text("namespace"), name, condition, limit })
    }

    fn holds(&self, server: &Server, kind: &Served, namespace: &str) -> Result<(), String> {
        let snapshot = server.store.snapshot();
        let found = snapshot.get(kind.stored_as(), namespace, &self.name);
        let said = format!("{} {:?}", kind.plural, self.name);
        match (&self.condition, found) {
            (None, None) => Ok(()),
            (None, Some(_)) => Err(format!("{said} is still there")),
            (Some(_), None) => Err(format!("{said} not found")),
            (Some((wanted, status)), Some(entry)) => {
                let object = entry.value();
                let same = |c: &str| c.eq_ignore_ascii_case(wanted);
                let conditions = object.list_at("status.conditions");
                let found = conditions.iter().find(|c| same(c.str_at("type")));
                match found.map(|c| c.str_at("status")) {
                    Some(is) if is.eq_ignore_ascii_case(status) => Ok(()),
                    Some(is) => Err(format!("{said}: condition {wanted} is {is}")),
                    None => Err(format!("{said} has no condition {wanted}")),
                }
            }
        }
    }

    /// Lets the clock run until it holds, and not much further.
    pub(super) async fn run(&self, server: &Server, time: &Arc<ClusterTime>) -> Result<(), String> {
        let word = &self.resource;
        let kind = server.catalogue().named(word);
        let kind =
            kind.ok_or_else(|| format!("the server doesn't have a resource type {word:?}"))?;
        let namespace = match (kind.namespaced, self.namespace.as_str()) {
            (false, _) => "",
            (true, "") => "default",
            (true, namespace) => namespace,
        };
        let ends = time.now().saturating_add(self.limit).map_err(|_| "that is too far")?;
        time.advance(time.now()).await;
        loop {
            let Err(why) = self.holds(server, &kind, namespace) else { return Ok(()) };
            match time.reading().next.filter(|next| *next <= ends) {
                Some(next) => time.advance(next).await,
                None => {
                    time.advance(ends).await;
                    return Err(format!("{why} at {} after {:#}", seconds(ends), self.limit));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(query: &str) -> Vec<(String, String)> {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn what_is_waited_for_is_read_and_told() {
        let read = |text: &str| Awaited::read(&pairs(text));
        let text = "for=condition=Available&resource=deployment&name=web&namespace=shop";
        let awaited = read(text).unwrap();
        assert_eq!(awaited.condition, Some(("Available".into(), "True".into())));
        assert_eq!(read(&awaited.to_string()), Ok(awaited));
        let gone = read("for=delete&resource=pod&name=p&limit=90s").unwrap();
        assert_eq!((gone.condition, gone.limit.as_secs()), (None, 90));
        for (text, why) in [
            (
                "for=ready&resource=pod&name=p",
                "for=\"ready\": must be condition=TYPE[=STATUS] or delete",
            ),
            ("for=delete&name=p", "say of which object: TYPE/NAME"),
            (
                "for=delete&resource=pod&name=p&limit=-1h",
                "limit=\"-1h\": must be a duration such as 90s or 12h",
            ),
            ("for=delete&speed=1", "speed: say for, resource, name, namespace, limit"),
        ] {
            assert_eq!(read(text).unwrap_err(), why);
        }
    }
}
