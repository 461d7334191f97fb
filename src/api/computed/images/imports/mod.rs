//! `imagestreamimports`: looks images up at their registries and, if asked, puts them into a
//! stream. The answer is 201 even if every image failed: failures are told per image.
//! Source: openshift-apiserver `pkg/image/apiserver/registry/imagestreamimport`.

mod fetch;
mod order;
mod rules;
mod settings;
mod store;
mod tagging;
mod verdict;

use crate::{
    api::{
        Body, Request, Server, Verb,
        computed::{Handled, answer},
        meta,
        server::refuse,
        write::{Attempt, Draft, lists},
    },
    error::{Causes, Error},
    images::STREAMS,
    importer::Keyring,
    kinds::{self, AccessReview},
    object::{ObjectExt, Value, json, time},
    store::Snapshot,
};
use fetch::Fetcher;
use futures_util::future::FutureExt as _;
pub use rules::Rules;
use settings::Settings;
pub use settings::Sources;
use std::sync::Arc;

const RESOURCE: &str = "imagestreamimports.image.openshift.io";

/// Image stream imports.
pub fn imports(server: Arc<Server>, request: Request) -> Handled {
    async move {
        match request.verb {
            Verb::Create => create(&server, request).await,
            _ => Err(Error::MethodNotAllowed),
        }
    }
    .boxed_local()
}

async fn create(server: &Arc<Server>, request: Request) -> Result<crate::api::Answer, Error> {
    let mut warnings = Vec::new();
    let (mut import, revision) = prepared(server, &request, &mut warnings).await?;
    let snapshot = server.store.snapshot();
    check_registries(server, &snapshot, &request, &import)?;
    let stored = snapshot.get(STREAMS, &request.namespace, import.name()).map(|e| e.value());
    check_revision(&import, stored.as_ref(), &revision)?;
    let settings = Settings::read(&snapshot, &request.namespace);
    let stream = stored.clone().unwrap_or_else(|| new_stream(&import));
    import["status"] = fetched(server, &import, &stream, &settings).await;
    if import.is_true("spec.import") {
        store::write(server, &request.caller, &mut import, stream).await?;
    }
    hide_manifests(&mut import);
    let mut done = answer(201, import);
    done.warnings = warnings;
    Ok(done)
}

/// The request's body, checked and completed, and the revision of the stream it was made for.
async fn prepared(
    server: &Server,
    request: &Request,
    warnings: &mut Vec<String>,
) -> Result<(Value, String), Error> {
    let Body::Object(body, duplicates) = &request.body else {
        return Err(Error::BadRequest("a request body is required".into()));
    };
    let mut import = body.clone();
    server.decode(request, &mut import, duplicates, warnings)?;
    let revision = import.str_at("metadata.resourceVersion").to_owned();
    meta::normalise(&mut import);
    meta::agree(&mut import, &request.namespace, &request.name, &request.kind)?;
    meta::stamp(&mut import, &request.kind, &request.namespace, &server.world);
    import.remove_at("status");
    let snapshot = server.store.snapshot();
    let mut draft = Draft::of(import);
    Attempt::create(server, request, &snapshot).run(lists::CREATE, &mut draft).await?;
    warnings.append(&mut draft.warnings());
    Ok((draft.object, revision))
}

/// Refuses what comes from registries that are not allowed, unless the caller may make images.
fn check_registries(
    server: &Server,
    snapshot: &Snapshot,
    request: &Request,
    import: &Value,
) -> Result<(), Error> {
    let cx = server.cx(snapshot, request);
    // The second is the name of no resource; upstream asks for it so.
    let may_create = |resource| {
        let ask = AccessReview {
            verb: "create",
            group: "image.openshift.io",
            resource,
            ..AccessReview::default()
        };
        (cx.may)(&ask).is_ok()
    };
    if may_create("images") || may_create("imagestreammapping") {
        return Ok(());
    }
    let allowed = kinds::image_outside(&request.namespace, &cx).allowed;
    let mut causes = Causes::default();
    if let Some(spec) = import.at("spec.repository").filter(|r| r.is_object()) {
        allowed.import(spec, "spec.repository", &mut causes);
    }
    for (i, spec) in import.list_at("spec.images").iter().enumerate() {
        allowed.import(spec, &format!("spec.images[{i}]"), &mut causes);
    }
    refuse(&request.kind, import.name(), causes)
}

fn check_revision(import: &Value, stored: Option<&Value>, sent: &str) -> Result<(), Error> {
    let Some(stored) = stored else {
        return match sent {
            "" => Ok(()),
            _ => Err(Error::not_found(RESOURCE, import.name())),
        };
    };
    let current = stored.str_at("metadata.resourceVersion");
    if sent.is_empty() || sent == current {
        return Ok(());
    }
    Err(Error::Conflict {
        resource: "imagestream.image.openshift.io".into(),
        name: import.name().into(),
        why: format!("the image stream was updated from {sent:?} to {current:?}"),
    })
}

fn new_stream(import: &Value) -> Value {
    json!({"apiVersion": "image.openshift.io/v1", "kind": "ImageStream",
        "metadata": {"name": import.name(), "namespace": import.namespace()},
        "spec": {"lookupPolicy": {"local": false}}, "status": {}})
}

/// The status of an import before anything is written.
async fn fetched(server: &Server, import: &Value, stream: &Value, settings: &Settings) -> Value {
    let first = fetch_with(server, import, stream, settings, settings.keyring.clone()).await;
    let refused = |i: &Value| {
        i.str_at("status.reason") == "Unauthorized"
            && i.str_at("status.message").contains("username or password")
    };
    if !first.list_at("images").iter().any(refused) {
        return first;
    }
    // Registries refuse bad credentials even for what everybody may have.
    let mut second = fetch_with(server, import, stream, settings, Keyring::default()).await;
    let before = first.list_at("images");
    if let Some(images) = second.at_mut("images").as_array_mut() {
        for (image, before) in images.iter_mut().zip(before) {
            if image.str_at("status.reason") == "Unauthorized" {
                image["status"] = before["status"].clone();
            }
        }
    }
    second
}

async fn fetch_with(
    server: &Server,
    import: &Value,
    stream: &Value,
    settings: &Settings,
    keyring: Keyring,
) -> Value {
    let importer = &server.importer;
    let session = importer.session(keyring, settings.authorities.clone());
    let now = time::seconds(server.world.clock.now());
    let mut fetcher = Fetcher::new(session, importer.limiter(), &settings.rules, now);
    let mut status = json!({});
    let mut images = Vec::new();
    for spec in import.list_at("spec.images") {
        images.push(fetcher.image(spec, stream).await);
    }
    if !images.is_empty() {
        status["images"] = json!(images);
    }
    if let Some(spec) = import.at("spec.repository").filter(|r| r.is_object()) {
        status["repository"] = fetcher.repository(spec).await;
    }
    status
}

/// Takes manifests and configs out of what did not ask for them.
fn hide_manifests(import: &mut Value) {
    let asked: Vec<bool> =
        import.list_at("spec.images").iter().map(|i| i.is_true("includeManifest")).collect();
    let whole = import.is_true("spec.repository.includeManifest");
    let Some(status) = import.get_mut("status") else { return };
    for (at, entry) in entries(status, "images").enumerate() {
        if !asked.get(at).is_some_and(|a| *a) {
            store::blank(entry);
        }
    }
    if let Some(repository) = status.get_mut("repository").filter(|_| !whole) {
        entries(repository, "images").for_each(store::blank);
    }
}

fn entries<'a>(of: &'a mut Value, list: &str) -> impl Iterator<Item = &'a mut Value> {
    of.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten()
}
