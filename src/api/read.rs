//! Reading objects: one, or a page of a list at one revision.

use super::{
    Answer, Item, List, Options, Request, Response, Server,
    server::{one, stored_item},
};
use crate::{
    error::{Cause, Causes, Error},
    kinds::{Served, custom::selected_text},
    object::{ObjectExt, Value, json, syntax},
    store::{Entry, Since, Snapshot},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use std::sync::Arc;

impl Server {
    pub(super) async fn get(&self, request: &Request) -> Result<Answer, Error> {
        self.reached(&request.options).map_err(unexplained)?;
        let snapshot = self.store.snapshot();
        let kind = &request.kind;
        let entry = snapshot
            .get(kind.stored_as(), &request.namespace, &request.name)
            .ok_or_else(|| Error::not_found(kind.resource(), &request.name))?;
        // The status is read as it is stored.
        let shown = if request.sub.is_empty() {
            self.shown(kind, entry).await?
        } else if kind.custom.is_some() {
            Item::Value(Arc::unwrap_or_clone(self.value_shown(kind, entry).await?))
        } else {
            stored_item(kind, entry)
        };
        Ok(one(200, shown, Vec::new()))
    }

    pub(super) async fn list(&self, request: &Request) -> Result<Answer, Error> {
        let (kind, options) = (&request.kind, &request.options);
        check_fields(kind, options)?;
        check_match(options, false)?;
        revision(&options.resource_version)
            .map_err(|e| Error::BadRequest(format!("invalid resource version: {e}")))?;
        let (snapshot, start) = self.list_snapshot(request)?;
        self.comparable(kind, options, snapshot.list(kind.stored_as(), &request.namespace)).await?;
        let limit = if options.limit == 0 { usize::MAX } else { options.limit };
        let mut selected = snapshot
            .list_from(kind.stored_as(), &request.namespace, &start)
            .filter(|e| selects(kind, options, e));
        let entries: Vec<&Arc<Entry>> = selected.by_ref().take(limit).collect();
        let next = selected.next();
        let whole = options.labels.is_empty() && options.fields.is_empty();
        let remaining = match next {
            Some(_) if whole => Some(1 + selected.count() as u64),
            _ => None,
        };
        let continue_token = next.map(|e| token(snapshot.rev, &e.key)).unwrap_or_default();
        if !continue_token.is_empty() && options.continue_token.is_empty() {
            self.pages.begun(snapshot.rev, self.world.clock.now());
        }
        let items = self.all_shown(kind, &entries).await?;
        Ok(Response::List(List { rev: snapshot.rev, continue_token, remaining, items }).into())
    }

    /// Sees to it that the fields a selector compares can be read, in the version asked for.
    pub(super) async fn comparable<'a>(
        &self,
        kind: &Served,
        options: &Options,
        entries: impl Iterator<Item = &'a Arc<Entry>>,
    ) -> Result<(), Error> {
        let converted = kind.custom.as_ref().is_some_and(|c| c.conversion.is_some());
        if converted && !options.fields.is_empty() {
            let selected = entries.filter(|e| options.labels.matches_meta(&e.meta));
            self.made(kind, &selected.collect::<Vec<_>>()).await?;
        }
        Ok(())
    }

    /// The state a list is read from, and the key it starts at.
    fn list_snapshot(&self, request: &Request) -> Result<(Arc<Snapshot>, String), Error> {
        let options = &request.options;
        let now = self.store.snapshot();
        if options.continue_token.is_empty() {
            if options.resource_version_match == "Exact" {
                let rev = revision(&options.resource_version)?;
                self.reached(options)?;
                let past = self.rewind(&now, request.kind.stored_as(), rev);
                return past.map(|s| (s, String::new())).ok_or_else(|| Error::Expired {
                    message: "The resourceVersion for the provided list is too old.".into(),
                    continue_token: String::new(),
                });
            }
            self.reached(options)?;
            return Ok((now, String::new()));
        }
        if !options.resource_version.is_empty() && options.resource_version != "0" {
            return Err(Error::BadRequest(
                "specifying resource version is not allowed when using continue".into(),
            ));
        }
        let (rev, start) = read_token(&options.continue_token)?;
        if rev < 0 {
            return Ok((now, start));
        }
        let rev = rev.unsigned_abs();
        let over = rev < now.rev && self.pages.are_over(rev, self.world.clock.now());
        match self.rewind(&now, request.kind.stored_as(), rev).filter(|_| !over) {
            Some(then) => Ok((then, start)),
            None => Err(Error::Expired {
                message: "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.".into(),
                continue_token: encode_token(-1, &start),
            }),
        }
    }

    /// The state at an earlier revision, as far as one resource is concerned; `None` when the
    /// window does not reach back so far.
    fn rewind(&self, now: &Arc<Snapshot>, resource: &str, rev: u64) -> Option<Arc<Snapshot>> {
        if rev >= now.rev {
            return Some(Arc::clone(now));
        }
        let feed = self.store.feed();
        let Since::Changes(changes, _) = feed.between(rev, now.rev, Some(resource)) else {
            return None;
        };
        Some(Arc::new(now.rewound(changes.iter(), rev)))
    }

    /// Refuses a resourceVersion that does not exist yet.
    fn reached(&self, options: &Options) -> Result<(), Error> {
        let asked = revision(&options.resource_version)?;
        let latest = self.store.feed().latest();
        if asked <= latest { Ok(()) } else { Err(from_the_future(asked, latest)) }
    }
}

/// Parses a resourceVersion parameter; empty counts as 0.
pub(super) fn revision(text: &str) -> Result<u64, Error> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().map_err(|_| {
        let mut causes = Causes::default();
        causes.invalid(
            "resourceVersion",
            &json!(text),
            format!("strconv.ParseUint: parsing {text:?}: invalid syntax"),
        );
        let said = causes.0.iter().map(|c| format!("{}: {}", c.field, c.message));
        Error::BadRequest(said.collect())
    })
}

/// What a read of one object or a watch makes of a revision it cannot parse: upstream lets the bare
/// error through.
pub(super) fn unexplained(error: Error) -> Error {
    match error {
        Error::BadRequest(why) => Error::Plain(why),
        other => other,
    }
}

/// 410 for a revision before the window.
pub(super) fn too_old(asked: u64, floor: u64) -> Error {
    Error::Expired {
        message: format!("too old resource version: {asked} ({floor})"),
        continue_token: String::new(),
    }
}

/// 504 for a revision not yet reached.
fn from_the_future(asked: u64, latest: u64) -> Error {
    Error::Timeout {
        message: format!("Timeout: Too large resource version: {asked}, current: {latest}"),
        causes: vec![Cause {
            reason: "ResourceVersionTooLarge",
            message: "Too large resource version".into(),
            field: String::new(),
        }],
    }
}

/// Checks `resourceVersionMatch` and `sendInitialEvents` in upstream's words.
pub(super) fn check_match(options: &Options, watch: bool) -> Result<(), Error> {
    let mut causes = Causes::default();
    let (rv, rule) = (options.resource_version.as_str(), options.resource_version_match.as_str());
    const RULE: &str = "resourceVersionMatch";
    if watch {
        let wanted = "NotOlderThan";
        if options.send_initial_events.is_some() && rule != wanted {
            causes.forbidden(
                RULE,
                "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
            );
        }
        if !rule.is_empty() && options.send_initial_events.is_none() {
            causes.forbidden(
                RULE,
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            );
        }
        if !rule.is_empty() && rule != wanted {
            causes.unsupported(RULE, &json!(rule), &[wanted]);
        }
        if !options.continue_token.is_empty() {
            causes.forbidden(RULE, "resourceVersionMatch is forbidden when continue is provided");
        }
    } else {
        if options.send_initial_events.is_some() {
            causes.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list");
        }
        if !rule.is_empty() {
            if !options.continue_token.is_empty() {
                causes
                    .forbidden(RULE, "resourceVersionMatch is forbidden when continue is provided");
            }
            if rv.is_empty() {
                causes.forbidden(
                    RULE,
                    "resourceVersionMatch is forbidden unless resourceVersion is provided",
                );
            }
            if !["Exact", "NotOlderThan"].contains(&rule) {
                causes.unsupported_in_order(RULE, &json!(rule), &["Exact", "NotOlderThan", ""]);
            } else if rule == "Exact" && rv == "0" {
                causes.forbidden(
                    RULE,
                    "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
                );
            }
        }
    }
    if causes.is_empty() {
        return Ok(());
    }
    Err(Error::Invalid {
        kind: "ListOptions.meta.k8s.io".into(),
        name: String::new(),
        causes: causes.into_vec(),
    })
}

/// Refuses field selectors the kind does not know.
pub(super) fn check_fields(kind: &Served, options: &Options) -> Result<(), Error> {
    for term in &options.fields.0 {
        let path = term.path.as_str();
        let custom = kind.custom.is_some();
        let known = (["metadata.name", "metadata.namespace"].contains(&path)
            && (!custom || kind.namespaced || path == "metadata.name"))
            || kind.selectable.iter().any(|s| *s == path);
        if !known {
            return Err(Error::BadRequest(match (kind.group.as_str(), kind.kind.as_str()) {
                _ if custom => format!("field label not supported: {path}"),
                ("" | "events.k8s.io", _) if !kind.selectable.is_empty() => {
                    format!("field label not supported: {path}")
                }
                (_, "Job") => format!("field label {path:?} not supported for Job"),
                _ => format!(
                    "{path:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
                ),
            }));
        }
    }
    Ok(())
}

/// Whether the selectors of a request select an entry.
pub(super) fn selects(kind: &Served, options: &Options, entry: &Entry) -> bool {
    if !options.labels.is_empty() && !options.labels.matches_meta(&entry.meta) {
        return false;
    }
    if options.fields.is_empty() {
        return true;
    }
    let only_names = options.fields.0.iter().all(|t| t.path.starts_with("metadata.name"));
    if only_names {
        return options.fields.matches(|path| match path {
            "metadata.name" => entry.meta.name.to_string(),
            _ => entry.meta.namespace.to_string(),
        });
    }
    let value = super::server::converted(kind, entry);
    options.fields.matches(|path| match kind.custom {
        Some(_) => selected_text(&value, path),
        None => field_text(&value, path),
    })
}

/// The text a field selector compares: strings as they are, all else as JSON. A few paths are not
/// the fields they look like; absent flags read `false`, absent counters `0`.
/// Source: Kubernetes' `ToSelectableFields` of the kinds concerned.
pub fn field_text(value: &Value, path: &str) -> String {
    let count = |path: &str| value.i64_at(path).unwrap_or(0).to_string();
    match path {
        "source" => match value.str_at("source.component") {
            "" => value.str_at("reportingComponent").to_owned(),
            component => component.to_owned(),
        },
        "status.successful" => count("status.succeeded"),
        "status.replicas" => count(path),
        "status.podIP" => {
            value.list_at("status.podIPs").first().map_or("", |ip| ip.str_at("ip")).to_owned()
        }
        "spec.unschedulable" | "spec.hostNetwork" => value.is_true(path).to_string(),
        _ => match value.at(path) {
            Some(Value::String(s)) => s.to_string(),
            Some(Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        },
    }
}

fn token(rev: u64, start: &str) -> String {
    encode_token(i64::try_from(rev).unwrap_or(i64::MAX), start)
}

fn encode_token(rev: i64, start: &str) -> String {
    let body = json!({"v": "meta.k8s.io/v1", "rv": rev, "start": start});
    URL_SAFE_NO_PAD.encode(body.to_string())
}

/// The revision and place that a continue token names.
///
/// # Errors
/// 400 in upstream's words.
pub fn read_token(token: &str) -> Result<(i64, String), Error> {
    let bad = |why: &str| {
        Error::BadRequest(format!("invalid continue token: continue key is not valid: {why}"))
    };
    let bytes = URL_SAFE_NO_PAD
        .decode(token.trim_end_matches('='))
        .map_err(|_| bad("illegal base64 data at input byte 0"))?;
    let body: Value = serde_json::from_slice(&bytes).map_err(|_| bad(&syntax::fault(&bytes)))?;
    if body.str_at("v") != "meta.k8s.io/v1" {
        return Err(bad("server does not recognize this encoded version"));
    }
    match body.i64_at("rv") {
        None | Some(0) => Err(bad("incorrect encoded start resourceVersion")),
        Some(rev) => Ok((rev, body.str_at("start").to_owned())),
    }
}
