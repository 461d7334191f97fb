//! Imports what image streams ask for: new and changed tags at once, scheduled ones again and again.
//! Source: openshift-controller-manager `pkg/image/controller/imagestream_controller.go`.
//!
//! Failures of single images are no errors here: the import notes them on the tag, with the
//! generation it was asked for, and nothing is tried again before somebody asks again.

mod buckets;
pub mod scheduled;

use super::{Controller, Plan, View, Watch, Write};
use crate::{
    images::{STREAMS, resolve},
    object::{ObjectExt, Value, json},
};

const IMPORTS: &str = "imagestreamimports.image.openshift.io";
/// Says when a stream was last imported into.
const CHECKED: &str = "openshift.io/image.dockerRepositoryCheck";
const INSECURE: &str = "openshift.io/image.insecureRepository";

/// Who asks for imports.
pub const USER: &str = "system:serviceaccount:openshift-infra:image-import-controller";
/// As whom fields are written.
pub const MANAGER: &str = "openshift-controller-manager";

/// What both controllers are.
const BASE: Controller = Controller {
    name: "image-import-controller",
    user: USER,
    manager: MANAGER,
    workers: 50,
    slow: true,
    ..Controller::BASE
};

/// See the module.
pub static CONTROLLER: Controller =
    Controller { watches: &[Watch::Itself(STREAMS)], reconcile, ..BASE };

fn reconcile(view: &View, key: &str) -> Plan {
    let mut plan = Plan::none();
    let stream = view.value(STREAMS, key);
    if let Some(import) = stream.as_ref().and_then(import_of) {
        plan.write(Write::create(IMPORTS, import));
    }
    plan
}

/// Whether a spec tag is imported from elsewhere.
fn is_importable(tag: &Value) -> bool {
    tag.str_at("from.kind") == "DockerImage" && !tag.is_true("reference")
}

/// The newest generation of a tag that an import has dealt with, successfully or not.
fn observed(stream: &Value, tag: &str) -> i64 {
    let Some(status) = resolve::status_tag(stream, tag) else { return 0 };
    let generation = |v: Option<&Value>| v.and_then(|v| v.i64_at("generation")).unwrap_or(0);
    let mut conditions = status.list_at("conditions").iter();
    let condition = conditions.find(|c| c.str_at("type") == "ImportSuccess");
    generation(status.list_at("items").first()).max(generation(condition))
}

/// Whether a tag was written after its last import. `unversioned`: what counts for tags without
/// a generation.
fn is_behind(stream: &Value, tag: &Value, unversioned: bool) -> bool {
    match tag.i64_at("generation") {
        None => unversioned,
        Some(wanted) => wanted > observed(stream, tag.str_at("name")),
    }
}

/// The import a stream needs, if any. A stream that names a whole repository gets all of that once.
pub fn import_of(stream: &Value) -> Option<Value> {
    let importable = || stream.list_at("spec.tags").iter().filter(|t| is_importable(t));
    let repository = stream.str_at("spec.dockerImageRepository");
    let fresh = stream.annotation(CHECKED).unwrap_or("").is_empty();
    let whole = fresh && !repository.is_empty();
    let needed = whole
        || (fresh && importable().next().is_some())
        || importable().any(|t| is_behind(stream, t, false));
    if !needed {
        return None;
    }
    let wanted = importable().filter(|t| whole || is_behind(stream, t, true));
    let images: Vec<Value> = wanted.map(image).collect();
    if images.is_empty() && !whole {
        return None;
    }
    let mut spec = json!({"import": true});
    if !images.is_empty() {
        spec["images"] = json!(images);
    }
    if whole {
        let insecure = stream.annotation(INSECURE) == Some("true");
        spec["repository"] = json!({"from": {"kind": "DockerImage", "name": repository},
            "importPolicy": {"insecure": insecure}});
    }
    Some(json!({
        "apiVersion": "image.openshift.io/v1", "kind": "ImageStreamImport",
        "metadata": {"name": stream.name(), "namespace": stream.namespace(),
            "resourceVersion": stream.str_at("metadata.resourceVersion")},
        "spec": spec,
    }))
}

fn image(tag: &Value) -> Value {
    json!({
        "from": {"kind": "DockerImage", "name": tag.str_at("from.name")},
        "to": {"name": tag.str_at("name")},
        "importPolicy": tag.at("importPolicy").cloned().unwrap_or_default(),
        "referencePolicy": tag.at("referencePolicy").cloned().unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests;
