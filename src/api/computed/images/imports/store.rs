//! Writes what an import found: Image objects, then the stream.
//! Source: openshift-apiserver `pkg/image/apiserver/registry/imagestreamimport/rest.go`.

use super::{
    RESOURCE, entries,
    tagging::{self, Moment, TagImport},
};
use crate::{
    api::{
        Caller, Server,
        computed::images::{
            nested,
            single::{self, Kept},
            stream,
        },
    },
    error::Error,
    images::{WritePath, form, image, reference::Reference},
    object::{ObjectExt, Value, time},
};
use std::{collections::HashMap, sync::Arc};

/// When the stream was last written by an import.
const CHECKED: &str = "openshift.io/image.dockerRepositoryCheck";

/// Writes the images of `import` and the stream, which is new if it has no uid; puts the stream
/// and the images as written into the import's status.
pub async fn write(
    server: &Arc<Server>,
    caller: &Arc<Caller>,
    import: &mut Value,
    mut stream: Value,
) -> Result<(), Error> {
    let original = stream.clone();
    let now = time::seconds(server.world.clock.now());
    let generation = original.i64_at("metadata.generation").unwrap_or(0) + 1;
    let moment = Moment { now: &now, generation };
    let mut images = Images { server, written: HashMap::new() };
    let spec = import["spec"].clone();
    if let Some(spec) = spec.get("repository").filter(|r| r.is_object()) {
        for entry in entries(&mut import["status"]["repository"], "images") {
            let from = tag_of(spec, entry.str_at("tag"));
            let tag = entry.str_at("tag").to_owned();
            tag_one(&mut stream, entry, &target(spec, &tag, &from), &moment, false);
            images.store(entry).await?;
        }
    }
    let specs = spec.list_at("images");
    for (spec, entry) in specs.iter().zip(entries(&mut import["status"], "images")) {
        // What goes nowhere is only looked up.
        if let Some(to) = spec.get("to").filter(|t| t.is_object()) {
            let target = target(spec, to.str_at("name"), spec.str_at("from.name"));
            tag_one(&mut stream, entry, &target, &moment, true);
            images.store(entry).await?;
        }
    }
    form::settle(&mut stream);
    let written = write_stream(server, caller, &original, stream, &moment).await?;
    import["status"]["import"] = bare(written);
    Ok(())
}

fn target<'a>(spec: &'a Value, tag: &'a str, from: &'a str) -> TagImport<'a> {
    TagImport {
        tag,
        from,
        import_policy: &spec["importPolicy"],
        reference_policy: &spec["referencePolicy"],
    }
}

/// The pull spec of one tag of the repository that is imported.
fn tag_of(spec: &Value, tag: &str) -> String {
    let parsed = Reference::parse(spec.str_at("from.name")).unwrap_or_default();
    Reference { tag: tag.into(), id: String::new(), ..parsed }.exact()
}

fn tag_one(
    stream: &mut Value,
    entry: &Value,
    target: &TagImport<'_>,
    moment: &Moment<'_>,
    claim: bool,
) {
    match entry.get("image") {
        Some(image) => tagging::succeeded(stream, target, image, moment),
        None => tagging::failed(stream, target, &entry["status"], moment, claim),
    }
}

/// Stores the stream, unless nothing changed.
async fn write_stream(
    server: &Arc<Server>,
    caller: &Arc<Caller>,
    original: &Value,
    mut stream: Value,
    moment: &Moment<'_>,
) -> Result<Value, Error> {
    let checked = original.annotation(CHECKED).is_some();
    if !original.uid().is_empty() && checked && *original == stream {
        return Ok(stream);
    }
    stream.set_annotation(CHECKED, moment.now);
    let wanted = stream.clone();
    let result = stream::write(server, caller, stream, WritePath::Internal, false).await;
    let Err(error) = result else { return result };
    if error.to_string().contains("exceeds the maximum limit") && !original.uid().is_empty() {
        let mut noted = original.clone();
        tagging::refused(&mut noted, &wanted, &error.status(), moment);
        // The caller hears of the limit; that it could not be noted as well is for the log.
        if let Err(why) = stream::write(server, caller, noted, WritePath::Internal, false).await {
            tracing::warn!(stream = original.name(), %why, "a limit could not be noted");
        }
    }
    Err(nested(error, RESOURCE))
}

/// Stores Image objects, each once.
struct Images<'a> {
    server: &'a Arc<Server>,
    written: HashMap<String, Value>,
}

impl Images<'_> {
    /// Stores the images of one entry of a status, and shows them as stored.
    async fn store(&mut self, entry: &mut Value) -> Result<(), Error> {
        for part in entries(entry, "manifests") {
            *part = self.one(part.take()).await?;
        }
        if let Some(image) = entry.get_mut("image") {
            *image = self.one(image.take()).await?;
        }
        Ok(())
    }

    async fn one(&mut self, mut image: Value) -> Result<Value, Error> {
        if let Some(known) = self.written.get(image.name()) {
            return Ok(known.clone());
        }
        image::blank(&mut image);
        let (Kept::New(stored) | Kept::Known(stored)) = single::keep(self.server, image).await?;
        let shown = bare(stored);
        self.written.insert(shown.name().to_owned(), shown.clone());
        Ok(shown)
    }
}

/// An object inside another: its type goes without saying.
fn bare(mut object: Value) -> Value {
    object.remove_at("kind");
    object.remove_at("apiVersion");
    object
}

/// Takes manifest and config out of an entry's image.
pub fn blank(entry: &mut Value) {
    if let Some(image) = entry.get_mut("image") {
        image::blank(image);
    }
}
