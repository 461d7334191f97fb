//! The clock runs until something holds: from one moment that somebody waits for to the next.

use crate::{
    api::Server,
    kinds::{Served, clock::Awaited},
    object::{ObjectExt, time::seconds},
    world::{Clock, ClusterTime},
};
use std::sync::Arc;

impl Awaited {
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
    pub(in crate::api) async fn run(
        &self,
        server: &Server,
        time: &Arc<ClusterTime>,
    ) -> Result<(), String> {
        let kind = self.kind(&server.catalogue())?;
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
