//! `imagestreamtags` and `imagetags`: two ways to look at the tags of a stream, and to write them.
//! What both have in common is here; what differs is a [`Flavor`].
//! Source: openshift-apiserver `registry/imagestreamtag/rest.go`, `registry/imagetag/rest.go`.

use super::{
    creation, decoded, exhausted, find, find_image, istag, itag, nested,
    stream::{WritePath, write},
    success,
};
use crate::{
    api::{
        Answer, Body, Item, List, Request, Response, Server, Verb,
        computed::Handled,
        meta,
        read::{check_fields, selects},
        server::{one, refuse},
        write::{self, ATTEMPTS},
    },
    error::{Causes, Error},
    images::{
        STREAMS,
        reference::DEFAULT_TAG,
        resolve::{spec_tag, tag_name},
        views,
    },
    kinds,
    object::{ObjectExt, Value, json},
    store::Snapshot,
};
use futures_util::future::FutureExt;
use std::sync::Arc;

/// How often a blind update that met a concurrent change is carried out anew.
const BLIND_ATTEMPTS: usize = 4;

/// In what the two kinds of tags differ.
pub(super) struct Flavor {
    /// `plural.group`.
    pub resource: &'static str,
    /// What is said to exist already.
    pub noun: &'static str,
    /// What is said of names that name no tag.
    pub form: &'static str,
    /// The field that holds the spec tag.
    pub field: &'static str,
    /// The tag as it is shown, whether or not there is anything of it.
    pub view: fn(&Value, &str, Option<Value>) -> Value,
    /// The names of the tags a list shows.
    pub listed: fn(&Value) -> Vec<String>,
    /// The tag one asks for; an error when there is nothing to show.
    pub get: fn(&Snapshot, &Request, &Value, &str) -> Result<Value, Error>,
    /// Settles and checks a new tag.
    pub check: fn(&mut Value, &mut Causes),
    /// Settles and checks a tag that takes the place of another.
    pub check_update: fn(&mut Value, &Value, &mut Causes),
    /// Puts what was sent into the stream's spec.
    pub apply: fn(&mut Value, &str, &Value) -> Result<(), Error>,
    /// Whether an update without a resourceVersion is repeated when it meets another.
    pub retries: bool,
}

/// `imagestreamtags`.
pub fn image_stream_tags(server: Arc<Server>, request: Request) -> Handled {
    serve(server, request, &istag::FLAVOR)
}

/// `imagetags`.
pub fn image_tags(server: Arc<Server>, request: Request) -> Handled {
    serve(server, request, &itag::FLAVOR)
}

fn serve(server: Arc<Server>, request: Request, flavor: &'static Flavor) -> Handled {
    async move {
        match request.verb {
            Verb::List => list(&server, &request, flavor),
            Verb::Get => get(&server, &request, flavor),
            Verb::Create => create(&server, &request, flavor).await,
            Verb::Update | Verb::Patch => update(&server, &request, flavor).await,
            Verb::Delete => delete(&server, &request, flavor).await,
            _ => Err(Error::MethodNotAllowed),
        }
    }
    .boxed_local()
}

impl Flavor {
    fn name<'a>(&self, name: &'a str) -> Result<(&'a str, &'a str), Error> {
        tag_name(name).ok_or_else(|| Error::BadRequest(self.form.into()))
    }

    /// Checks whether images may come from where a tag (and the one it replaces) says.
    fn check_registry(
        &self,
        server: &Server,
        snapshot: &Snapshot,
        request: &Request,
        (sent, old): (&Value, Option<&Value>),
        out: &mut Causes,
    ) {
        let cx = server.cx(snapshot, request);
        let allowed = kinds::image_outside(&request.namespace, &cx).allowed;
        let spec = |of: &'_ Value| of.at(self.field).filter(|t| t.is_object()).cloned();
        if let Some(tag) = spec(sent) {
            allowed.tag(&tag, old.and_then(spec).as_ref(), sent, self.field, out);
        }
    }

    /// The tag with its image, as far as there is one.
    fn shown(&self, snapshot: &Snapshot, stream: &Value, tag: &str) -> Value {
        let image = views::newest_image(stream, tag).and_then(|item| {
            snapshot.get(crate::images::IMAGES, "", item.str_at("image")).map(|e| e.value())
        });
        (self.view)(stream, tag, image)
    }
}

/// Streams are selected first, as upstream, then their tags.
fn list(server: &Server, request: &Request, flavor: &Flavor) -> Result<Answer, Error> {
    check_fields(&request.kind, &request.options)?;
    let streams = kinds::by_resource(STREAMS).ok_or(Error::NoSuchPath)?;
    let limit = if request.options.limit == 0 { usize::MAX } else { request.options.limit };
    let snapshot = server.store.snapshot();
    let entries = snapshot.list(STREAMS, &request.namespace);
    let chosen = entries.filter(|e| selects(&streams, &request.options, e)).take(limit);
    let mut items = Vec::new();
    for stream in chosen.map(|e| kinds::glanced_stream(e, &snapshot)) {
        for tag in (flavor.listed)(&stream) {
            let view = (flavor.view)(&stream, &tag, None);
            if request.options.fields.matches(|path| crate::api::field_text(&view, path)) {
                items.push(Item::Value(view));
            }
        }
    }
    // No revision: the list is put together from others.
    let list = List { rev: 0, continue_token: String::new(), remaining: None, items };
    Ok(Response::List(list).into())
}

fn get(server: &Server, request: &Request, flavor: &Flavor) -> Result<Answer, Error> {
    let (name, tag) = flavor.name(&request.name)?;
    let snapshot = server.store.snapshot();
    let stream = find(&snapshot, request, name)?;
    let found = (flavor.get)(&snapshot, request, &stream, tag)?;
    Ok(one(200, Item::Value(found), Vec::new()))
}

/// The Image behind a tag.
pub(super) fn image_for(
    snapshot: &Snapshot,
    request: &Request,
    stream: &Value,
    tag: &str,
) -> Result<Value, Error> {
    match views::newest_image(stream, tag) {
        Some(item) => find_image(snapshot, request, item.str_at("image")),
        None => Err(Error::not_found(request.kind.resource(), &format!("{}:{tag}", stream.name()))),
    }
}

async fn create(server: &Arc<Server>, request: &Request, flavor: &Flavor) -> Result<Answer, Error> {
    let mut warnings = Vec::new();
    let snapshot = server.store.snapshot();
    let mut sent = creation(server, &snapshot, request, &mut warnings).await?;
    let mut causes = Causes::default();
    (flavor.check)(&mut sent, &mut causes);
    flavor.check_registry(server, &snapshot, request, (&sent, None), &mut causes);
    let mut all = Causes::default();
    meta::validate(&sent, &request.kind, &mut all);
    all.absorb(causes);
    refuse(&request.kind, sent.name(), all)?;
    let name = sent.name().to_owned();
    let (stream_name, tag) = name.split_once(':').ok_or_else(|| formless(&name))?;
    let tag = if tag.is_empty() { DEFAULT_TAG } else { tag };
    for _ in 0..ATTEMPTS {
        let snapshot = server.store.snapshot();
        let found = find(&snapshot, request, stream_name);
        let path = if found.is_ok() { WritePath::Internal } else { WritePath::Spec };
        let mut stream = found.unwrap_or_else(|_| fresh(&request.namespace, stream_name));
        if spec_tag(&stream, tag).is_some() {
            return Err(Error::exists(flavor.noun, &name));
        }
        if let Some(spec) = sent.at(flavor.field).filter(|t| t.is_object()) {
            set_spec_tag(&mut stream, tag, spec.clone());
        }
        match write(server, &request.caller, stream, path, request.options.dry_run).await {
            Ok(stream) => {
                let view = flavor.shown(&server.store.snapshot(), &stream, tag);
                return Ok(one(201, Item::Value(view), warnings));
            }
            Err(Error::AlreadyExists { .. } | Error::Conflict { .. }) => {}
            Err(error) => return Err(of_tag(error, flavor, &name)),
        }
    }
    Err(exhausted(flavor.resource, "create"))
}

/// What went wrong with the stream, in the name of the tag resource. Quota is upstream's business
/// before there is a stream: it refuses the tag itself.
fn of_tag(error: Error, flavor: &Flavor, asked: &str) -> Error {
    match nested(error, flavor.resource) {
        Error::Forbidden { resource, why, causes, .. } => {
            Error::Forbidden { resource, name: asked.into(), why, causes }
        }
        other => other,
    }
}

/// A name without a colon, in the words and with the code of upstream's slip.
fn formless(name: &str) -> Error {
    Error::Raw(Box::new(json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": format!("{name:?} must be of the form <stream_name>:<tag>"), "code": 500,
    })))
}

fn fresh(namespace: &str, name: &str) -> Value {
    json!({"metadata": {"namespace": namespace, "name": name}, "spec": {}})
}

/// Puts a spec tag in the place of the one with its name.
pub(super) fn set_spec_tag(stream: &mut Value, tag: &str, mut spec: Value) {
    remove_tag(stream, "spec.tags", "name", tag);
    spec.set_at("name", tag);
    let tags = stream.at_mut("spec.tags");
    match tags.as_array_mut() {
        Some(list) => list.push(spec),
        None => *tags = json!([spec]),
    }
}

/// Takes a tag out of one of a stream's lists; answers whether it was there.
pub(super) fn remove_tag(stream: &mut Value, list: &str, key: &str, tag: &str) -> bool {
    let kept: Vec<Value> =
        stream.list_at(list).iter().filter(|t| t.str_at(key) != tag).cloned().collect();
    let found = kept.len() < stream.list_at(list).len();
    if found {
        stream.set_at(list, kept);
    }
    found
}

async fn update(server: &Arc<Server>, request: &Request, flavor: &Flavor) -> Result<Answer, Error> {
    flavor.name(&request.name)?;
    for attempt in 1.. {
        let (result, blind) = update_once(server, request, flavor).await;
        let lost = matches!(result, Err(Error::Conflict { .. })) && blind && flavor.retries;
        if !lost || attempt >= BLIND_ATTEMPTS {
            return result;
        }
    }
    unreachable!("the loop above only ends by returning")
}

/// One attempt; also answers whether the client named no revision.
async fn update_once(
    server: &Arc<Server>,
    request: &Request,
    flavor: &Flavor,
) -> (Result<Answer, Error>, bool) {
    let (snapshot, mut blind) = (server.store.snapshot(), false);
    let result = change(server, request, flavor, &snapshot, &mut blind).await;
    (result, blind)
}

async fn change(
    server: &Arc<Server>,
    request: &Request,
    flavor: &Flavor,
    snapshot: &Snapshot,
    blind: &mut bool,
) -> Result<Answer, Error> {
    let (name, tag) = flavor.name(&request.name)?;
    let found = find(snapshot, request, name);
    let create = found.is_err();
    let mut stream = found.unwrap_or_else(|_| fresh(&request.namespace, name));
    let old = (flavor.view)(&stream, tag, None);
    let mut warnings = Vec::new();
    let mut sent = match &request.body {
        Body::Patch(form, patch) => {
            let (mut new, _) = server.patched(request, *form, patch, Some(&old), &mut warnings)?;
            meta::agree(&mut new, &request.namespace, &request.name, &request.kind)?;
            write::default(&request.kind, &mut new, snapshot);
            new
        }
        _ => decoded(server, request, &mut warnings)?,
    };
    *blind = pin(&mut sent, &stream, request)? && !create;
    if sent.map_at("metadata.labels").is_none_or(crate::object::Map::is_empty)
        && let Some(labels) = stream.at("metadata.labels")
    {
        sent.set_at("metadata.labels", labels.clone());
    }
    let mut causes = Causes::default();
    if create {
        meta::validate(&sent, &request.kind, &mut causes);
        (flavor.check)(&mut sent, &mut causes);
        flavor.check_registry(server, snapshot, request, (&sent, None), &mut causes);
    } else {
        server.track(request, Some(&old), &mut sent);
        meta::carry_over(&mut sent, &old, &request.kind, &mut causes);
        meta::validate(&sent, &request.kind, &mut causes);
        (flavor.check_update)(&mut sent, &old, &mut causes);
        flavor.check_registry(server, snapshot, request, (&sent, Some(&old)), &mut causes);
    }
    refuse(&request.kind, &request.name, causes)?;
    let existed = spec_tag(&stream, tag).is_some();
    (flavor.apply)(&mut stream, tag, &sent)?;
    let path = if create { WritePath::Spec } else { WritePath::Internal };
    let written = write(server, &request.caller, stream, path, request.options.dry_run).await;
    let stream = written.map_err(|e| of_tag(e, flavor, &request.name))?;
    let view = flavor.shown(&server.store.snapshot(), &stream, tag);
    Ok(one(if existed { 200 } else { 201 }, Item::Value(view), warnings))
}

/// Checks the revision a client named; answers whether it named none. What it sent then gets the
/// stream's.
fn pin(sent: &mut Value, stream: &Value, request: &Request) -> Result<bool, Error> {
    let resource = request.kind.resource().to_owned();
    let (named, is) = (
        sent.str_at("metadata.resourceVersion").to_owned(),
        stream.str_at("metadata.resourceVersion"),
    );
    if named.is_empty() {
        sent.set_at("metadata.resourceVersion", is);
        return Ok(true);
    }
    if is.is_empty() {
        return Err(Error::not_found(&resource, &request.name));
    }
    if named != is {
        let why = format!("another caller has updated the resource version to {is}");
        return Err(Error::Conflict { resource, name: request.name.clone(), why });
    }
    Ok(false)
}

async fn delete(server: &Arc<Server>, request: &Request, flavor: &Flavor) -> Result<Answer, Error> {
    let (name, tag) = flavor.name(&request.name)?;
    let options = match &request.body {
        Body::Object(body, _) => body.clone(),
        _ => Value::Null,
    };
    let uid = options.str_at("preconditions.uid");
    let dry = options.list_at("dryRun").iter().any(|v| v == "All") || request.options.dry_run;
    for _ in 0..ATTEMPTS {
        let mut stream = find(&server.store.snapshot(), request, name)?;
        if !uid.is_empty() && uid != stream.uid() {
            return Err(Error::Conflict {
                resource: flavor.resource.into(),
                name: request.name.clone(),
                why: "the UID precondition was not met".into(),
            });
        }
        let history = remove_tag(&mut stream, "status.tags", "tag", tag);
        let spec = remove_tag(&mut stream, "spec.tags", "name", tag);
        if !history && !spec {
            return Err(Error::not_found(flavor.resource, &request.name));
        }
        match write(server, &request.caller, stream, WritePath::Internal, dry).await {
            Ok(_) | Err(Error::NotFound { .. }) => return Ok(success(200)),
            Err(Error::Conflict { .. }) => {}
            Err(error) => return Err(nested(error, flavor.resource)),
        }
    }
    Err(exhausted(flavor.resource, "delete"))
}
