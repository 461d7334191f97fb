//! What fetched images and failures do to an image stream. Pure: nothing is stored here.
//! Source: openshift-apiserver `pkg/image/apiserver/registry/imagestreamimport/rest.go`.

use crate::{
    images::{history, reference::Reference, resolve},
    object::{ObjectExt, Value, json},
};

/// The condition of a tag whose import failed. There is none for success.
const IMPORT_SUCCESS: &str = "ImportSuccess";

/// One import into one tag.
pub struct TagImport<'a> {
    /// The tag.
    pub tag: &'a str,
    /// Pull spec that the tag imports from.
    pub from: &'a str,
    /// The request's import policy.
    pub import_policy: &'a Value,
    /// The request's reference policy.
    pub reference_policy: &'a Value,
}

/// When an import happens.
pub struct Moment<'a> {
    /// The present, as written in objects.
    pub now: &'a str,
    /// The generation the stream gets if it changes.
    pub generation: i64,
}

/// Puts an image at the head of a tag.
pub fn succeeded(stream: &mut Value, target: &TagImport<'_>, image: &Value, moment: &Moment<'_>) {
    let item = history::item(moment.now, &pull_spec(image), image.name(), moment.generation);
    if moved(stream, target.tag, &item) {
        point(stream, target);
        history::add(stream, target.tag, &item);
    }
    spec_entry(stream, target.tag)["importPolicy"] = target.import_policy.clone();
    set_conditions(stream, target.tag, Vec::new());
}

/// Notes on a tag why it has no new image. Only imports of single images make a spec tag for what
/// failed (`claim`); those of whole repositories do not.
pub fn failed(
    stream: &mut Value,
    target: &TagImport<'_>,
    status: &Value,
    moment: &Moment<'_>,
    claim: bool,
) {
    let said = status.str_at("message");
    let message = if said.is_empty() { "unknown error prevented import" } else { said };
    note(stream, target.tag, status.str_at("reason"), message, moment);
    if claim && resolve::spec_tag(stream, target.tag).is_none() {
        point(stream, target);
    }
}

/// Notes a failure that came after fetching, on tags that `wanted` would have had and the stream
/// has not.
pub fn refused(stream: &mut Value, wanted: &Value, error: &Value, moment: &Moment<'_>) {
    for tag in wanted.list_at("status.tags").iter().map(|t| t.str_at("tag")) {
        if resolve::status_tag(stream, tag).is_none() {
            let condition = condition(error.str_at("reason"), error.str_at("message"), moment);
            set_conditions(stream, tag, vec![condition]);
        }
    }
}

fn note(stream: &mut Value, tag: &str, reason: &str, message: &str, moment: &Moment<'_>) {
    let known = resolve::status_tag(stream, tag).is_some_and(|t| {
        let says = |c: &Value| {
            c.str_at("type") == IMPORT_SUCCESS
                && c.str_at("status") == "False"
                && c.str_at("reason") == reason
                && c.str_at("message") == message
        };
        t.list_at("conditions").iter().any(says)
    });
    if known {
        return;
    }
    set_conditions(stream, tag, vec![condition(reason, message, moment)]);
    if resolve::spec_tag(stream, tag).is_some() {
        spec_entry(stream, tag)["generation"] = json!(0);
    }
}

fn condition(reason: &str, message: &str, moment: &Moment<'_>) -> Value {
    json!({"type": IMPORT_SUCCESS, "status": "False", "reason": reason, "message": message,
        "generation": moment.generation, "lastTransitionTime": moment.now})
}

/// Where an image can be pulled from, its digest included.
fn pull_spec(image: &Value) -> String {
    let written = image.str_at("dockerImageReference");
    match Reference::parse(written) {
        Ok(parsed) => Reference { id: image.name().into(), ..parsed }.most_specific().exact(),
        Err(_) => written.to_owned(),
    }
}

/// Whether an item says something new of a tag, or its spec was written after its last import.
fn moved(stream: &Value, tag: &str, item: &Value) -> bool {
    let newest = resolve::status_tag(stream, tag).and_then(|t| t.list_at("items").first());
    let generation = resolve::spec_tag(stream, tag).and_then(|t| t.i64_at("generation"));
    let (Some(newest), Some(generation)) = (newest, generation) else { return true };
    newest.str_at("dockerImageReference") != item.str_at("dockerImageReference")
        || newest.str_at("image") != item.str_at("image")
        || generation > newest.i64_at("generation").unwrap_or(0)
}

/// Makes the spec tag import from the target's source.
fn point(stream: &mut Value, target: &TagImport<'_>) {
    let entry = spec_entry(stream, target.tag);
    entry["from"] = json!({"kind": "DockerImage", "name": target.from});
    entry["generation"] = json!(0);
    entry["importPolicy"] = target.import_policy.clone();
    if entry.str_at("referencePolicy.type").is_empty() {
        entry["referencePolicy"] = target.reference_policy.clone();
    }
}

fn spec_entry<'a>(stream: &'a mut Value, tag: &str) -> &'a mut Value {
    entry(stream, "spec.tags", "name", tag)
}

fn set_conditions(stream: &mut Value, tag: &str, conditions: Vec<Value>) {
    let entry = entry(stream, "status.tags", "tag", tag);
    if conditions.is_empty() {
        entry.remove_at("conditions");
    } else {
        entry["conditions"] = json!(conditions);
    }
}

/// The entry of a list of tags, which is in the order of their names; made when there is none.
fn entry<'a>(stream: &'a mut Value, path: &str, key: &str, tag: &str) -> &'a mut Value {
    let list = stream.at_mut(path);
    if !list.is_array() {
        *list = json!([]);
    }
    let Value::Array(list) = list else { unreachable!("just made a list") };
    let at = list.binary_search_by(|t| t.str_at(key).cmp(tag)).unwrap_or_else(|at| {
        list.insert(at, json!({key: tag}));
        at
    });
    &mut list[at]
}

#[cfg(test)]
mod tests;
