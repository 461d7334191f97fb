//! What happened in the cluster, for its administrator: all changes since a revision or a moment,
//! and why an object is as it is.

use super::{Registries, ask::RegistryRequest, reply::Reply};
use crate::{
    catalog::complaint::*,
    kinds::Backing,
    object::{Value, json, name},
    store::Change,
    trail::{self, Link},
};
use jiff::Timestamp;

/// Where everything is told.
pub(super) const TRAIL: &str = "/trail";
/// Where the causes of one object's changes are told.
pub(super) const WHY: &str = "/why";

/// Changes of an object that are told unless somebody says how many.
const FEW: usize = 3;
/// Most entries of an answer.
const MOST: usize = 2000;

impl Registries {
    /// `GET /trail?since=REVISION|MOMENT[&all]`: changes and refusals, oldest first.
    pub(super) fn trail(&self, ask: &RegistryRequest) -> Result<Reply, Reply> {
        self.reading(ask)?;
        let since = ask.query.get("since").unwrap_or_default();
        let told = self.happened(since, ask.query.get("all").is_some()).map_err(refused)?;
        Ok(Reply::json(200, &told))
    }

    /// Changes and refusals since a revision or a moment, oldest first; all that is known when nothing is
    /// said.
    ///
    /// # Errors
    /// One line for people.
    pub fn happened(&self, since: &str, all: bool) -> Result<Value, String> {
        let feed = self.server.store.feed();
        let (rev, moment) = match (since.parse::<u64>(), since.parse::<Timestamp>()) {
            (Ok(rev), _) => (rev, None),
            (_, Ok(moment)) => (feed.floor(), Some(moment)),
            _ if since.is_empty() => (feed.floor(), None),
            _ => return Err(format!("since={since:?}: must be a revision or a moment")),
        };
        let Some(changes) = trail::after(feed, rev) else {
            let floor = feed.floor();
            return Err(format!("what came after revision {rev} is only known from {floor} on"));
        };
        let recent = |at: Option<Timestamp>| moment.is_none_or(|m| at.is_some_and(|at| at >= m));
        let mut told: Vec<(u64, u8, Value)> = changes
            .iter()
            .filter(|c| (all || !trail::is_noise(c)) && recent(trail::moment(c)))
            .map(|c| (c.rev, 0, trail::told(c)))
            // Only the time at which a node was heard of, for example.
            .filter(|(.., told)| all || told["fields"].as_array().is_none_or(|f| !f.is_empty()))
            .collect();
        let refusals = self.server.refusals.after(rev);
        let refusals = refusals.iter().filter(|r| recent(Some(r.author.at)));
        told.extend(refusals.map(|r| (r.rev, 1, r.told())));
        told.sort_by_key(|(rev, refused, _)| (*rev, *refused));
        let skipped = told.len().saturating_sub(MOST);
        let items: Vec<Value> = told.into_iter().skip(skipped).map(|(_, _, told)| told).collect();
        Ok(json!({"revision": feed.latest(), "skipped": skipped, "items": items}))
    }

    /// `GET /why?resource=R&name=N[&namespace=NS][&limit=N][&revision=N]`: the latest changes of an
    /// object, each with the chain of what led to it.
    pub(super) fn why(&self, ask: &RegistryRequest) -> Result<Reply, Reply> {
        self.reading(ask)?;
        let text = |field: &str| ask.query.get(field).unwrap_or_default();
        let number = |field: &str| match text(field) {
            "" => Ok(None),
            word => word
                .parse::<u64>()
                .map(Some)
                .map_err(|_| refused(format!("{field}={word:?}: must be a number"))),
        };
        let (limit, revision) = (number("limit")?, number("revision")?);
        let word = text("resource");
        let kinds = self.server.catalogue();
        let kind = kinds
            .named(word)
            .ok_or_else(|| refused(format!("the server doesn't have a resource type {word:?}")))?;
        if matches!(kind.backing, Backing::Computed) {
            return Err(refused(format!("{word}: such objects are computed, not written")));
        }
        let (namespace, object) = (text("namespace"), text("name"));
        let namespace = if kind.namespaced { namespace } else { "" };
        let key = name::key(namespace, object);
        let feed = self.server.store.feed();
        let mut own = trail::of(feed, kind.stored_as(), &key);
        if let Some(revision) = revision {
            own.retain(|c| c.rev == revision);
        }
        own.truncate(limit.map_or(FEW, |l| usize::try_from(l).unwrap_or(MOST)).min(MOST));
        let snapshot = self.server.store.snapshot();
        let current = snapshot.get_key(kind.stored_as(), &key);
        if own.is_empty() && current.is_none() {
            let resource = kind.resource();
            return Err(refused(format!("{resource} {object:?}: nothing is known of it any more")));
        }
        let changes: Vec<Value> = own
            .into_iter()
            .map(|change| trail::chain(feed, change).iter().map(linked).collect())
            .collect();
        let current = current.map_or(Value::Null, trail::who);
        Ok(Reply::json(200, &json!({"object": current, "changes": changes})))
    }

    pub(super) fn reading(&self, ask: &RegistryRequest) -> Result<(), Reply> {
        self.administrator(ask)?;
        if ask.reads() { Ok(()) } else { Err(DistributionError::new(&UNSUPPORTED).into()) }
    }
}

/// A link of a chain as a document.
fn linked((change, link): &(Change, Link)) -> Value {
    let mut told = trail::told(change);
    told["link"] = json!(match link {
        Link::Root => "",
        Link::Cause => "because of",
        Link::Time => "in time, after",
    });
    told
}

fn refused(why: String) -> Reply {
    DistributionError::saying(&QUESTION_INVALID, why).into()
}
