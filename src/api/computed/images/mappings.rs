//! `imagestreammappings`: an image was pushed under a tag of a stream.
//! Source: openshift-apiserver `registry/imagestreammapping/rest.go`.

use super::{
    creation, exhausted, find, nested,
    single::{self, Kept},
    stream::{WritePath, write},
    success,
};
use crate::{
    api::{Answer, Request, Server, computed::Handled, meta, server::refuse, write::ATTEMPTS},
    error::{Causes, Error},
    images::{history, image, limits, reference::Reference, resolve::latest},
    kinds::{self, NameRule},
    object::{ObjectExt, Value, json, time},
};
use futures_util::future::FutureExt;
use std::sync::Arc;

/// Set on images that came by a push.
const MANAGED: &str = "openshift.io/image.managed";

/// Takes note of a push.
pub fn mapping(server: Arc<Server>, request: Request) -> Handled {
    async move {
        let snapshot = server.store.snapshot();
        let mut warnings = Vec::new();
        let mut sent = creation(&server, &snapshot, &request, &mut warnings).await?;
        settle(&server, &request, &mut sent);
        check(&sent, &request)?;
        let limits: Vec<Value> =
            snapshot.list("limitranges", &request.namespace).map(|e| e.value()).collect();
        if let Some(why) = limits::too_large(size(&sent), &limits) {
            return Err(Error::forbidden(request.kind.resource(), sent.name(), why));
        }
        find(&snapshot, &request, sent.name())?;
        let image = sent.at("image").cloned().unwrap_or_default();
        let kept = single::keep(&server, image).await;
        let kept = kept.map_err(|e| nested(e, request.kind.resource()))?;
        let existed = matches!(kept, Kept::Known(_));
        tag(&server, &request, &sent, existed).await
    }
    .boxed_local()
}

/// Where the image lies, when its sender left it to the server.
fn settle(server: &Server, request: &Request, sent: &mut Value) {
    sent.remove_at("image.signatures");
    if !sent.str_at("image.dockerImageReference").is_empty() {
        return;
    }
    let snapshot = server.store.snapshot();
    let cx = server.cx(&snapshot, request);
    let registry = kinds::image_outside(&request.namespace, &cx).registry;
    if registry.is_empty() {
        return;
    }
    let at = Reference {
        registry,
        namespace: request.namespace.clone(),
        name: sent.name().into(),
        id: sent.str_at("image.metadata.name").into(),
        ..Reference::default()
    };
    sent.set_at("image.dockerImageReference", at.exact());
}

fn check(sent: &Value, request: &Request) -> Result<(), Error> {
    let mut causes = Causes::default();
    meta::validate(sent, &request.kind, &mut causes);
    if sent.str_at("tag").is_empty() {
        causes.required("tag", "");
    }
    let name = sent.str_at("image.metadata.name");
    if name.is_empty() {
        causes.required("image.metadata.name", "name or generateName is required");
    }
    for problem in meta::name_problems(NameRule::PathSegment, name) {
        causes.invalid("image.metadata.name", &json!(name), problem);
    }
    image::validate(&sent["image"], "image.", &mut causes);
    refuse(&request.kind, sent.name(), causes)
}

/// Size of the image, from its metadata or read out of its manifest.
fn size(sent: &Value) -> i64 {
    let mut image = sent.at("image").cloned().unwrap_or_default();
    image::create(&mut image);
    image.i64_at("dockerImageMetadata.Size").unwrap_or(0)
}

/// The pull spec of the pushed image: as sent, but under this stream if the image was known.
fn pull_spec(sent: &Value, stream: &Value, existed: bool) -> String {
    let said = sent.str_at("image.dockerImageReference");
    let managed = sent["image"].annotation(MANAGED) == Some("true");
    let repository = [
        stream.str_at("status.dockerImageRepository"),
        stream.str_at("spec.dockerImageRepository"),
    ];
    let repository =
        repository.into_iter().find(|r| !r.is_empty()).and_then(|r| Reference::parse(r).ok());
    match repository.filter(|_| existed && managed) {
        Some(at) => Reference { id: sent.str_at("image.metadata.name").into(), ..at }.exact(),
        None => said.to_owned(),
    }
}

async fn tag(
    server: &Arc<Server>,
    request: &Request,
    sent: &Value,
    existed: bool,
) -> Result<Answer, Error> {
    let resource = request.kind.resource();
    let (name, tag) = (sent.name(), sent.str_at("tag"));
    let mut stream = find(&server.store.snapshot(), request, name)?;
    let pull_spec = pull_spec(sent, &stream, existed);
    let now = time::seconds(server.world.clock.now());
    for _ in 0..ATTEMPTS {
        let before = latest(&stream, tag).map(identity);
        let generation = stream.i64_at("metadata.generation").unwrap_or(0);
        let item = history::item(&now, &pull_spec, sent.str_at("image.metadata.name"), generation);
        let mut changed = stream;
        if !history::add(&mut changed, tag, &item) {
            return Ok(success(201));
        }
        history::follow(&mut changed, tag, &item);
        match write(server, &request.caller, changed, WritePath::Status, false).await {
            Ok(_) => return Ok(success(201)),
            Err(conflict @ Error::Conflict { .. }) => {
                stream = find(&server.store.snapshot(), request, name)?;
                // Only who pushes to the same tag is told.
                if before.is_some() && before != latest(&stream, tag).map(identity) {
                    return Err(nested(conflict, resource));
                }
            }
            Err(error) => return Err(nested(error, resource)),
        }
    }
    Err(exhausted(resource, "create"))
}

/// What makes an item what it is, generation and time aside.
fn identity(item: &Value) -> (String, String) {
    (item.str_at("image").into(), item.str_at("dockerImageReference").into())
}
