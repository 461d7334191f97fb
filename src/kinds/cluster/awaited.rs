//! What a clock can be told to run until: a condition of an object, or that it goes.

use crate::kinds::{Catalogue, Served};
use jiff::SignedDuration;
use std::fmt;

/// How far the clock runs at most if nobody says.
const LIMIT: SignedDuration = SignedDuration::from_hours(24);

/// What is waited for.
#[derive(Clone, Debug, PartialEq)]
pub struct Awaited {
    /// Type of the object, in any of its names.
    pub resource: String,
    /// Its namespace; empty for `default`.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Condition and status; `None`: that the object goes.
    pub condition: Option<(String, String)>,
    /// How far the clock goes at most.
    pub limit: SignedDuration,
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
    /// The words it is said with.
    pub const WORDS: [&str; 5] = ["for", "resource", "name", "namespace", "limit"];

    /// The kind of the object.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn kind(&self, kinds: &Catalogue) -> Result<Served, String> {
        let none = || format!("the server doesn't have a resource type {:?}", self.resource);
        kinds.named(&self.resource).ok_or_else(none)
    }

    /// What a query says.
    ///
    /// # Errors
    /// One line for people.
    pub fn read(query: &[(String, String)]) -> Result<Awaited, String> {
        if let Some((other, _)) = query.iter().find(|(k, _)| !Awaited::WORDS.contains(&k.as_str()))
        {
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
