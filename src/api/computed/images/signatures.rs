//! `imagesignatures`: signatures of an image, which lie in the image itself.
//! Source: openshift-apiserver `registry/imagesignature`.

use super::success;
use crate::{
    api::{
        Answer, Body, Options, Request, Response, Server, Verb,
        computed::{Handled, answer},
        meta,
        server::refuse,
    },
    error::{Causes, Error},
    images::IMAGES,
    kinds,
    object::{ObjectExt, Value, json, time},
    store::Snapshot,
};
use futures_util::future::FutureExt;
use std::sync::Arc;

/// What errors call them, as upstream.
const NOUN: &str = "imageSignatures.image.openshift.io";
/// Fields only controllers set, in the image.
const OBSERVED: [&str; 6] =
    ["conditions", "imageIdentity", "signedClaims", "created", "issuedBy", "issuedTo"];

/// Adds and removes signatures.
pub fn signatures(server: Arc<Server>, request: Request) -> Handled {
    async move {
        match request.verb {
            Verb::Create => create(&server, &request).await,
            Verb::Delete => delete(&server, &request).await,
            _ => Err(Error::MethodNotAllowed),
        }
    }
    .boxed_local()
}

/// Image and signature in the name of a signature.
fn split(name: &str) -> Option<(&str, &str)> {
    crate::images::resolve::image_name(name)
}

/// The image, which upstream gets through the API: what is wrong is said of `images`.
fn image_of(snapshot: &Snapshot, name: &str) -> Result<Value, Error> {
    let found = snapshot.get(IMAGES, "", name).map(|e| e.value());
    found.ok_or_else(|| Error::not_found(IMAGES, name))
}

async fn create(server: &Arc<Server>, request: &Request) -> Result<Answer, Error> {
    let snapshot = server.store.snapshot();
    let mut sent = super::creation(server, &snapshot, request, &mut Vec::new()).await?;
    for field in OBSERVED {
        sent.remove_at(field);
    }
    check(&sent, request)?;
    let (image_name, _) = split(sent.name()).ok_or(Error::NoSuchPath)?;
    let mut image = image_of(&snapshot, image_name)?;
    let same = |s: &&Value| {
        s.name() == sent.name()
            || (s.at("type"), s.at("content")) == (sent.at("type"), sent.at("content"))
    };
    if image.list_at("signatures").iter().find(same).is_some() {
        return Err(Error::exists(NOUN, sent.name()));
    }
    let mut signature = sent.clone();
    signature.remove_at("apiVersion");
    signature.remove_at("kind");
    signature.set_at("metadata.uid", server.world.entropy.of(&["signatures", image.name()]).uuid());
    let now = time::seconds(server.world.clock.now());
    signature.set_at("metadata.creationTimestamp", now);
    let mut all = image.list_at("signatures").to_vec();
    all.push(signature.clone());
    image.set_at("signatures", all);
    if !request.options.dry_run {
        update(server, image).await?;
    }
    signature.set_at("apiVersion", request.kind.api_version());
    signature.set_at("kind", &request.kind.kind);
    Ok(answer(201, signature))
}

fn check(sent: &Value, request: &Request) -> Result<(), Error> {
    let mut causes = Causes::default();
    meta::validate(sent, &request.kind, &mut causes);
    for field in ["labels", "annotations"] {
        if sent["metadata"].map_at(field).is_some_and(|m| !m.is_empty()) {
            let why = format!("signature {field} cannot be set");
            causes.forbidden(format!("metadata.{field}"), why);
        }
    }
    if split(sent.name()).is_none() {
        let why = "name must be of format <imageName>@<signatureName>";
        causes.invalid("metadata.name", &json!(sent.name()), why);
    }
    for field in ["type", "content"] {
        if sent.str_at(field).is_empty() {
            causes.required(field, "");
        }
    }
    refuse(&request.kind, sent.name(), causes)
}

async fn delete(server: &Arc<Server>, request: &Request) -> Result<Answer, Error> {
    let Some((image_name, _)) = split(&request.name) else {
        let why = "ImageSignatures must be accessed with <imageName>@<signatureName>";
        return Err(Error::BadRequest(why.into()));
    };
    let mut image = image_of(&server.store.snapshot(), image_name)?;
    let had = image.list_at("signatures");
    let kept: Vec<Value> = had.iter().filter(|s| s.name() != request.name).cloned().collect();
    if kept.len() == had.len() {
        return Err(Error::not_found(NOUN, &request.name));
    }
    image.set_at("signatures", kept);
    if !request.options.dry_run {
        update(server, image).await?;
    }
    Ok(success(200))
}

/// Writes the image in the caller's name: who may sign must be able to change images too, as
/// upstream's handler goes through the API itself.
async fn update(server: &Arc<Server>, image: Value) -> Result<Response, Error> {
    let write = Request {
        caller: Arc::new(crate::api::Caller::component("system:openshift-apiserver")),
        verb: Verb::Update,
        kind: kinds::by_resource(IMAGES).ok_or(Error::NoSuchPath)?,
        sub: "",
        namespace: String::new(),
        name: image.name().into(),
        options: Options { field_manager: "openshift-apiserver".into(), ..Options::default() },
        body: Body::Object(image, Vec::new()),
    };
    Ok(Box::pin(server.call(write)).await?.response)
}
