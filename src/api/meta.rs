//! The rules of `metadata` that every kind shares.
//! Source: k8s.io/apimachinery `pkg/api/validation`, k8s.io/apiserver `pkg/registry/rest`.

use crate::{
    error::{Causes, Error},
    kinds::{Generation, NameRule, Served},
    object::{Map, ObjectExt, Text, Value, json, name, time},
    schema,
    world::World,
};

/// Most bytes all annotations of an object may have together.
const MAX_ANNOTATIONS: usize = 256 << 10;
/// Characters of a generated suffix, and the longest prefix kept before it.
const SUFFIX: usize = 5;
const MAX_PREFIX: usize = 58;

/// Makes sure `metadata` is an object and drops what only the server may set.
pub(super) fn normalise(object: &mut Value) {
    let meta = fields_of(object.at_mut("metadata"));
    meta.and_then(|meta| meta.remove("selfLink"));
}

/// The fields of what is to be an object.
fn fields_of(value: &mut Value) -> Option<&mut Map> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut()
}

/// Fills the metadata of a new object: uid, creation time, generation, namespace.
pub(super) fn stamp(object: &mut Value, kind: &Served, namespace: &str, world: &World) {
    let own = [kind.resource(), namespace, object.name()];
    let uid = world.entropy.of(&own).uuid();
    object.set_at("metadata.uid", uid);
    object.set_at("metadata.creationTimestamp", time::seconds(world.clock.now()));
    for gone in [
        "metadata.deletionTimestamp",
        "metadata.deletionGracePeriodSeconds",
        "metadata.resourceVersion",
    ] {
        object.remove_at(gone);
    }
    // Where nobody counts, what was sent stays.
    if !matches!(kind.generation, Generation::None | Generation::Later) {
        object.set_at("metadata.generation", 1);
    } else if object.i64_at("metadata.generation").unwrap_or(0) == 0 {
        object.remove_at("metadata.generation");
    }
    if kind.namespaced {
        object.set_at("metadata.namespace", namespace);
    } else {
        object.remove_at("metadata.namespace");
    }
}

/// Gives the object a name from its `generateName`, if it has none.
pub(super) fn generate_name(object: &mut Value, world: &World) {
    let prefix = object.str_at("metadata.generateName");
    if object.name().is_empty() && !prefix.is_empty() {
        let cut: String = prefix.chars().take(MAX_PREFIX).collect();
        let chance = world.entropy.of(&["names", object.namespace(), prefix]);
        let name = format!("{cut}{}", chance.suffix(SUFFIX));
        object.set_at("metadata.name", name);
    }
}

/// Checks that body and URL speak of the same thing; the namespace may be left to the URL.
///
/// # Errors
/// 400 in upstream's words.
pub(super) fn agree(
    object: &mut Value,
    namespace: &str,
    url_name: &str,
    kind: &Served,
) -> Result<(), Error> {
    let said = object.namespace().to_owned();
    if kind.namespaced && said.is_empty() {
        object.set_at("metadata.namespace", namespace);
    } else if kind.namespaced && said != namespace {
        return Err(Error::BadRequest(
            "the namespace of the provided object does not match the namespace sent on the request"
                .into(),
        ));
    }
    if url_name.is_empty() {
        return Ok(());
    }
    let name = object.name().to_owned();
    if name.is_empty() {
        return Err(Error::BadRequest(format!(
            "the name of the object ({url_name} based on URL) was undeterminable: name must be provided"
        )));
    }
    if name != url_name {
        return Err(Error::BadRequest(format!(
            "the name of the object ({name}) does not match the name on the URL ({url_name})"
        )));
    }
    Ok(())
}

/// Checks the metadata of an object about to be stored.
pub(super) fn validate(object: &Value, kind: &Served, causes: &mut Causes) {
    let (name, prefix) = (object.name(), object.str_at("metadata.generateName"));
    if !prefix.is_empty() {
        // A dash at the end is not the end: the suffix follows.
        let shown = prefix.strip_suffix('-').map_or(prefix.to_owned(), |p| format!("{p}a"));
        for problem in name_problems(kind.name_rule, &shown) {
            causes.invalid("metadata.generateName", &json!(prefix), problem);
        }
    }
    if name.is_empty() {
        causes.required("metadata.name", "name or generateName is required");
    } else {
        for problem in name_problems(kind.name_rule, name) {
            causes.invalid("metadata.name", &json!(name), problem);
        }
    }
    if let Some(negative) = object.i64_at("metadata.generation").filter(|g| *g < 0) {
        let why = "must be greater than or equal to 0";
        causes.invalid("metadata.generation", &json!(negative), why);
    }
    labels("metadata.labels", object.at("metadata.labels"), causes);
    annotations(object.at("metadata.annotations"), causes);
    owners(object, causes);
    finalizers(object, kind, causes);
}

/// Groups of Kubernetes whose metadata is checked by the common rules alone.
const GENERIC: [&str; 6] = [
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "coordination.k8s.io",
    "node.k8s.io",
    "policy",
];
/// Finalizers that need no domain.
const STANDARD_FINALIZERS: [&str; 3] = ["kubernetes", "orphan", "foregroundDeletion"];

fn finalizers(object: &Value, kind: &Served, causes: &mut Causes) {
    const PATH: &str = "metadata.finalizers";
    let all = object.list_at(PATH);
    if all.iter().any(|f| f == "orphan") && all.iter().any(|f| f == "foregroundDeletion") {
        let why = "finalizer orphan and foregroundDeletion cannot be both set";
        causes.invalid(PATH, &json!(all), why);
    }
    for (i, finalizer) in object.list_at(PATH).iter().enumerate() {
        let text = finalizer.as_str().unwrap_or("");
        for problem in &name::qualified_name_problems(text) {
            causes.invalid(PATH, finalizer, problem);
        }
        // Only Kubernetes' own kinds insist on a domain (`pkg/apis/core/validation`).
        let foreign = kind.group.ends_with(".openshift.io") || GENERIC.contains(&&*kind.group);
        let own = kind.custom.is_none() && !foreign && kind.name_rule != NameRule::Late;
        if own && !text.contains('/') && !STANDARD_FINALIZERS.contains(&text) {
            let why = "name is neither a standard finalizer name nor is it fully qualified";
            causes.invalid(format!("{PATH}[{i}]"), finalizer, why);
        }
    }
}

/// Warnings about finalizers of custom objects, for which a domain is only advised.
pub(super) fn finalizer_warnings(object: &Value) -> Vec<String> {
    let finalizers = object.list_at("metadata.finalizers").iter().filter_map(Value::as_str);
    let bare = finalizers.filter(|f| !f.contains('/') && !STANDARD_FINALIZERS.contains(f));
    bare.map(|f| {
        format!(
            "metadata.finalizers: {f:?}: prefer a domain-qualified finalizer name to avoid accidental conflicts with other finalizer writers"
        )
    })
    .collect()
}

/// Problems of a name under a rule.
pub(super) fn name_problems(rule: NameRule, name: &str) -> Vec<String> {
    match rule {
        NameRule::Subdomain => name::subdomain_problems(name),
        NameRule::Label => name::label_problems(name),
        NameRule::PathSegment | NameRule::Late => name::path_segment_problems(name),
        NameRule::Address => name::address_problems(name),
    }
}

/// Checks a label map.
pub fn labels(path: &str, labels: Option<&Value>, causes: &mut Causes) {
    for (key, value) in labels.and_then(Value::as_object).into_iter().flatten() {
        for problem in name::qualified_name_problems(key) {
            causes.invalid(path, &json!(key), problem);
        }
        for problem in name::label_value_problems(value.as_str().unwrap_or("")) {
            causes.invalid(path, value, problem);
        }
    }
}

fn annotations(annotations: Option<&Value>, causes: &mut Causes) {
    let mut size = 0;
    for (key, value) in annotations.and_then(Value::as_object).into_iter().flatten() {
        for problem in name::qualified_name_problems(&key.to_lowercase()) {
            causes.invalid("metadata.annotations", &json!(key), problem);
        }
        size += key.len() + value.as_str().map_or(0, str::len);
    }
    if size > MAX_ANNOTATIONS {
        causes.too_long("metadata.annotations", MAX_ANNOTATIONS);
    }
}

fn owners(object: &Value, causes: &mut Causes) {
    const PATH: &str = "metadata.ownerReferences";
    let owners = object.list_at(PATH);
    for owner in owners {
        let version = owner.str_at("apiVersion");
        if version.matches('/').count() > 1 || version.ends_with('/') {
            let why = "version must not be empty";
            causes.invalid(format!("{PATH}.apiVersion"), &json!(version), why);
        }
        for (field, why) in [
            ("apiVersion", "version must not be empty"),
            ("kind", "must not be empty"),
            ("name", "must not be empty"),
            ("uid", "must not be empty"),
        ] {
            if owner.str_at(field).is_empty() {
                causes.invalid(format!("{PATH}.{field}"), &json!(""), why);
            }
        }
    }
    // Events come and go too fast to own anything.
    for owner in owners.iter().filter(|o| o["apiVersion"] == "v1" && o["kind"] == "Event") {
        let why = "/v1, Kind=Event is disallowed from being an owner";
        causes.invalid_shown(PATH, as_owner(owner), why);
    }
    let controllers: Vec<&Value> = owners.iter().filter(|o| o.is_true("controller")).collect();
    if let [first, second, ..] = controllers.as_slice() {
        let name = |o: &Value| format!("{}/{}", o.str_at("kind"), o.str_at("name"));
        let why = format!(
            "Only one reference can have Controller set to true. Found \"true\" in references for {} and {}",
            name(first),
            name(second)
        );
        let shown: Vec<String> = owners.iter().map(as_owner).collect();
        causes.invalid_shown(PATH, format!("[{}]", shown.join(",")), why);
    }
}

/// An owner as Go shows it: its fields as they are declared.
fn as_owner(owner: &Value) -> String {
    const TYPE: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference";
    schema::find(TYPE).map_or_else(|| owner.to_string(), |ty| schema::golang::text(ty, owner))
}

/// Takes over from `old` what an update may not touch, after checking that it was not touched.
pub(super) fn carry_over(new: &mut Value, old: &Value, kind: &Served, causes: &mut Causes) {
    if !kind.namespaced {
        new.remove_at("metadata.namespace");
    }
    let nothing = Map::new();
    let had = old.map_at("metadata").unwrap_or(&nothing);
    if let Some(has) = fields_of(new.at_mut("metadata")) {
        for field in ["name", "namespace", "uid", "deletionTimestamp", "deletionGracePeriodSeconds"]
        {
            let is = has.get(field).filter(|v| !v.is_null() && *v != "");
            if let Some(is) = is.filter(|is| Some(*is) != had.get(field)) {
                causes.invalid(format!("metadata.{field}"), is, "field is immutable");
            }
            keep(has, had, field);
        }
        let own = kind.generation == Generation::Own;
        let fields = ["creationTimestamp", "deletionGracePeriodSeconds", "generation"];
        for field in &fields[..fields.len() - usize::from(own)] {
            keep(has, had, field);
        }
    }
    no_new_finalizers(new, old, causes);
}

/// Makes a field what it was.
fn keep(has: &mut Map, had: &Map, field: &str) {
    match had.get(field) {
        Some(was) if has.get(field) == Some(was) => {}
        Some(was) => drop(has.insert(field.to_owned().into(), was.clone())),
        None => drop(has.remove(field)),
    }
}

fn no_new_finalizers(new: &Value, old: &Value, causes: &mut Causes) {
    if !old.is_deleting() {
        return;
    }
    let had = old.list_at("metadata.finalizers");
    let added: Vec<String> = new
        .list_at("metadata.finalizers")
        .iter()
        .filter(|f| !had.contains(f))
        .map(|f| format!("{:?}", f.as_str().unwrap_or("")))
        .collect();
    if !added.is_empty() {
        causes.forbidden(
            "metadata.finalizers",
            format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                added.join(", ")
            ),
        );
    }
}

/// Raises `metadata.generation` if this update changes what the kind counts; `empty` says whether some
/// of that was sent empty, which a few kinds do not hold to be the same as nothing.
pub(super) fn bump_generation(new: &mut Value, old: &Value, kind: &Served, empty: bool) {
    if matches!(kind.generation, Generation::None | Generation::Own | Generation::Once) {
        return;
    }
    let annotations = kind.generation == Generation::SpecAndAnnotations
        && empty_as_none(new.at("metadata.annotations"))
            != empty_as_none(old.at("metadata.annotations"));
    let whole = kind.generation == Generation::Whole && new.get("status") != old.get("status");
    let labels = kind.generation == Generation::SpecAndLabels
        && empty_as_none(new.at("metadata.labels")) != empty_as_none(old.at("metadata.labels"));
    let sent = empty && kind.generation == Generation::SpecAsSent;
    if annotations || labels || sent || whole || desired_differs(new, old) {
        let generation = old.i64_at("metadata.generation").unwrap_or(0) + 1;
        new.set_at("metadata.generation", generation);
    }
}

fn empty_as_none(v: Option<&Value>) -> Option<&Value> {
    v.filter(|v| v.as_object().is_none_or(|m| !m.is_empty()))
}

/// Whether anything outside metadata and status differs.
fn desired_differs(new: &Value, old: &Value) -> bool {
    let desired = |(k, v): &(&Text, &Value)| *k != "metadata" && *k != "status" && !v.is_null();
    let fields = |o| Value::as_object(o).into_iter().flatten().filter(desired);
    match (new.get("spec"), old.get("spec")) {
        (Some(a), Some(b)) if a != b => true,
        _ => !fields(new).eq(fields(old)),
    }
}
