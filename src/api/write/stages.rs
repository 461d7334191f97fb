//! The stages that decide: each looks at the attempt and changes or refuses the draft.

use super::{
    super::{Body, PatchType, Request, Server, admission, meta, server::refuse},
    Attempt, Draft,
};
use crate::{
    error::Error,
    images::{image, stream},
    kinds::{NameRule, Served, image_outside},
    object::{self, ObjectExt, Value},
    patch::{Root, managed},
    schema,
    store::Snapshot,
};
use std::collections::HashSet;

/// What a stage answers.
type Outcome = Result<(), Error>;

/// Fills what was left out.
pub(super) fn fill(a: &Attempt<'_>, d: &mut Draft) -> Outcome {
    default(&a.request.kind, &mut d.object, a.snapshot);
    Ok(())
}

/// Schema defaults, then the cluster's, then the kind's own.
pub(in crate::api) fn default(kind: &Served, value: &mut Value, snapshot: &Snapshot) {
    if let Some(custom) = &kind.custom {
        return custom.settle(value);
    }
    if let Some(ty) = kind.ty() {
        schema::fill_defaults(ty, value);
    }
    if let Some(configured) = kind.hooks.configured {
        configured(value, snapshot);
    }
    if let Some(default) = kind.hooks.default {
        default(value);
    }
}

/// Records who owns which fields.
pub(super) fn track(a: &Attempt<'_>, d: &mut Draft) -> Outcome {
    a.server.track(a.request, a.old, &mut d.object);
    Ok(())
}

/// The type of a kind's objects, as field ownership reads it.
pub(in crate::api) fn root_of(kind: &Served) -> Option<Root<'_>> {
    match &kind.custom {
        Some(custom) => Some(Root::Custom(&custom.schema, kind.sub("status").is_some())),
        None => kind.ty().map(Root::Type),
    }
}

impl Server {
    /// Records who owns which fields after this write. Server-side apply has done so already.
    pub(in crate::api) fn track(&self, request: &Request, old: Option<&Value>, value: &mut Value) {
        let applied = matches!(&request.body, Body::Patch(PatchType::Apply, _));
        let Some(ty) = root_of(&request.kind).filter(|_| !applied) else { return };
        managed::record_update(
            old,
            value,
            ty,
            request.options.manager(),
            request.kind.api_version(),
            request.options.tracked_as.unwrap_or(request.sub),
            self.world.clock.now(),
        );
    }
}

/// Owners are named once each; who sends one twice is warned.
pub(super) fn unique_owners(a: &Attempt<'_>, d: &mut Draft) -> Outcome {
    // What a patch results in is looked at once only.
    if !matches!(a.request.body, Body::Patch(..)) {
        name_once(d, "");
    }
    Ok(())
}

/// The same for what admission made of it.
pub(super) fn unique_owners_again(_: &Attempt<'_>, d: &mut Draft) -> Outcome {
    name_once(d, " after mutating admission happens");
    Ok(())
}

fn name_once(d: &mut Draft, when: &str) {
    let metadata = d.object.get_mut("metadata");
    let owners = metadata.and_then(|m| m.get_mut("ownerReferences")).and_then(Value::as_array_mut);
    let (mut seen, mut twice) = (HashSet::new(), Vec::new());
    if let Some(owners) = owners {
        owners.retain(|owner| {
            let fresh = seen.insert(owner.to_string());
            if !fresh {
                twice.push(owner.str_at("uid").to_owned());
            }
            fresh
        });
    }
    if !twice.is_empty() {
        d.warnings.push(format!(
            ".metadata.ownerReferences contains duplicate entries{when}; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: {}",
            twice.join(", ")
        ));
    }
}

/// The plug-ins that change objects.
pub(super) fn admit_changes(a: &Attempt<'_>, d: &mut Draft) -> Outcome {
    let name = d.object.name().to_owned();
    admission::mutate(&mut d.object, &a.attributes(&name))
}

/// The plug-ins that refuse.
pub(super) fn admit(a: &Attempt<'_>, d: &mut Draft) -> Outcome {
    let steps = admission::validate(&d.object, &a.attributes(&name_of(a, d)))?;
    d.extra.extend(steps);
    Ok(())
}

/// Quota.
pub(super) fn charge(a: &Attempt<'_>, d: &mut Draft) -> Outcome {
    let steps = admission::charge(&d.object, &a.attributes(&name_of(a, d)))?;
    d.extra.extend(steps);
    Ok(())
}

/// The object's name; some bodies of subresources leave it to the address.
fn name_of(a: &Attempt<'_>, d: &Draft) -> String {
    let said = d.object.name();
    if said.is_empty() { a.request.name.clone() } else { said.to_owned() }
}

/// Gives the object a name, if it is to be generated.
pub(super) fn name(a: &Attempt<'_>, d: &mut Draft) -> Outcome {
    meta::generate_name(&mut d.object, &a.server.world);
    Ok(())
}

/// What the kind settles itself.
pub(super) fn prepare(a: &Attempt<'_>, d: &mut Draft) -> Outcome {
    match a.request.kind.hooks.prepare {
        Some(prepare) => prepare(&mut d.object, a.old, &a.server.cx(a.snapshot, a.request)),
        None => Ok(()),
    }
}

/// The status stays as it is where it has a subresource of its own.
pub(super) fn keep_status(a: &Attempt<'_>, d: &mut Draft) -> Outcome {
    if let Some(old) = a.old.filter(|_| a.request.kind.sub("status").is_some()) {
        let sent = d.object.remove_at("status").unwrap_or_default();
        copy(&mut d.object, old, "status");
        if let Some(hook) = a.request.kind.hooks.sent_status {
            hook(&mut d.object, &sent);
        }
    }
    Ok(())
}

/// Takes back a status that whoever was asked has written.
pub(super) fn hold_status(a: &Attempt<'_>, d: &mut Draft) -> Outcome {
    let kind = &a.request.kind;
    if kind.sub("status").is_none() {
        return Ok(());
    }
    match a.old {
        Some(old) if kind.hooks.sent_status.is_none() => copy(&mut d.object, old, "status"),
        None if kind.custom.is_some() => drop(d.object.remove_at("status")),
        _ => {}
    }
    Ok(())
}

/// Takes over what no update may touch.
pub(super) fn carry_over(a: &Attempt<'_>, d: &mut Draft) -> Outcome {
    if let Some(old) = a.old {
        meta::carry_over(&mut d.object, old, &a.request.kind, &mut d.causes);
    }
    Ok(())
}

/// Raises the generation if what it counts has changed.
pub(super) fn count_generation(a: &Attempt<'_>, d: &mut Draft) -> Outcome {
    if let Some(old) = a.old {
        let sent = |part: &str| d.causes.sent_empty_below(part, &d.object);
        let empty = ["spec", "webhooks"].into_iter().any(sent);
        meta::bump_generation(&mut d.object, old, &a.request.kind, empty);
    }
    Ok(())
}

/// Looks for what is wrong with the metadata.
pub(super) fn check_metadata(a: &Attempt<'_>, d: &mut Draft) -> Outcome {
    if a.request.kind.name_rule != NameRule::Late || a.old.is_some() {
        meta::validate(&d.object, &a.request.kind, &mut d.causes);
    }
    Ok(())
}

/// Looks for what the kind finds wrong.
pub(super) fn check_object(a: &Attempt<'_>, d: &mut Draft) -> Outcome {
    if let Some(validate) = a.request.kind.hooks.validate {
        validate(&d.object, a.old, &mut d.causes);
    }
    check_custom(a, d);
    let late = a.request.kind.name_rule == NameRule::Late && a.old.is_none();
    if late && d.causes.is_empty() {
        meta::validate(&d.object, &a.request.kind, &mut d.causes);
    }
    Ok(())
}

/// Looks for what a definition's schema finds wrong, its rules last.
fn check_custom(a: &Attempt<'_>, d: &mut Draft) {
    if let Some(custom) = &a.request.kind.custom {
        custom.validate(&d.object, a.old, &mut d.causes);
        d.warnings.extend(custom.apply_rules(&d.object, a.old, &mut d.causes));
    }
}

/// Refuses an object with which something is wrong.
pub(super) fn refuse_causes(a: &Attempt<'_>, d: &mut Draft) -> Outcome {
    refuse(&a.request.kind, &name_of(a, d), std::mem::take(&mut d.causes))
}

/// What is lost on the way into storage, which dry runs go as well.
pub(super) fn store(a: &Attempt<'_>, d: &mut Draft) -> Outcome {
    // OpenShift's own keep theirs: many are custom resources on a cluster, which are stored as JSON.
    let kubernetes = !a.request.kind.group.ends_with(".openshift.io");
    if let Some(ty) = a.request.kind.ty().filter(|_| kubernetes) {
        // What the subresource does not own is what was stored.
        let status = a.request.sub == "status" && a.request.kind.hooks.of_sub("status").0.is_none();
        schema::store_parts(ty, &mut d.object, |field| !status || field != "spec");
    }
    if a.request.kind.custom.is_some() {
        object::make_whole(&mut d.object);
    }
    Ok(())
}

/// What the kind warns of.
pub(super) fn warn(a: &Attempt<'_>, d: &mut Draft) -> Outcome {
    if let Some(warn) = a.request.kind.hooks.warn {
        d.warnings.extend(warn(&d.object, a.old));
    }
    if a.request.kind.custom.is_some() {
        d.warnings.extend(meta::finalizer_warnings(&d.object));
    }
    Ok(())
}

/// Leaves of a write below an object what the subresource owns. A kind that settles its status
/// itself is handed all of it.
pub(super) fn hold_to_subresource(a: &Attempt<'_>, d: &mut Draft) -> Outcome {
    let Some(old) = a.old else { return Ok(()) };
    if a.request.kind.hooks.of_sub(a.request.sub).0.is_some() {
        default(&a.request.kind, &mut d.object, a.snapshot);
    } else {
        if is_of_spec(a.request.sub) {
            default(&a.request.kind, &mut d.object, a.snapshot);
        }
        let new = std::mem::take(&mut d.object);
        let custom = a.request.kind.custom.is_some();
        d.object = owned_by_sub(a.request.sub, custom, new, old);
    }
    Ok(())
}

/// Whether a subresource changes what is wanted, and not what is.
fn is_of_spec(sub: &str) -> bool {
    matches!(sub, "ephemeralcontainers" | "resize")
}

/// Raises the generation if a subresource changed what is wanted.
pub(super) fn count_generation_below(a: &Attempt<'_>, d: &mut Draft) -> Outcome {
    if is_of_spec(a.request.sub) { count_generation(a, d) } else { Ok(()) }
}

/// The same once more, if somebody outside may have changed the rest.
pub(super) fn hold_again(a: &Attempt<'_>, d: &mut Draft) -> Outcome {
    if !d.asked {
        return Ok(());
    }
    hold_to_subresource(a, d)?;
    carry_over(a, d)
}

/// What the kind settles itself of a status.
pub(super) fn prepare_status(a: &Attempt<'_>, d: &mut Draft) -> Outcome {
    match a.request.kind.hooks.of_sub(a.request.sub).0 {
        Some(prepare) => prepare(&mut d.object, a.old, &a.server.cx(a.snapshot, a.request)),
        None => Ok(()),
    }
}

/// Looks for what the kind finds wrong with a status.
pub(super) fn check_status(a: &Attempt<'_>, d: &mut Draft) -> Outcome {
    let hooks = &a.request.kind.hooks;
    if let Some(custom) = &a.request.kind.custom {
        custom.validate_status(&d.object, a.old, &mut d.causes);
        d.warnings.extend(custom.apply_rules(&d.object, a.old, &mut d.causes));
    }
    let (_, check) = hooks.of_sub(a.request.sub);
    if let (Some(check), Some(old)) = (check, a.old) {
        check(&d.object, old, &mut d.causes);
    }
    let check = hooks.validate_sub.filter(|_| is_of_spec(a.request.sub));
    if let (Some(check), Some(old)) = (check, a.old) {
        check(a.request.sub, &d.object, old, &mut d.causes);
    }
    Ok(())
}

/// Marks the object as a delete request leaves it.
pub(super) fn mark_deleting(a: &Attempt<'_>, d: &mut Draft) -> Outcome {
    if let Some(old) = a.old {
        a.server.mark(a.request, old, &mut d.object);
    }
    Ok(())
}

/// Names the type of an object that the server made itself.
pub(super) fn type_of_kind(a: &Attempt<'_>, d: &mut Draft) -> Outcome {
    meta::normalise(&mut d.object);
    d.object.set_at("apiVersion", a.request.kind.api_version());
    d.object.set_at("kind", &a.request.kind.kind);
    Ok(())
}

/// Stamps such an object as new.
pub(super) fn stamp(a: &Attempt<'_>, d: &mut Draft) -> Outcome {
    meta::stamp(&mut d.object, &a.request.kind, &a.request.namespace, &a.server.world);
    Ok(())
}

/// What upstream's write path makes of a stream.
pub(super) fn settle_stream(a: &Attempt<'_>, d: &mut Draft) -> Outcome {
    let cx = a.server.cx(a.snapshot, a.request);
    let outside = image_outside(&a.request.namespace, &cx);
    d.causes = match a.old {
        None => {
            stamp(a, d)?;
            stream::create(&mut d.object, a.path, &outside)
        }
        Some(old) => stream::update(&mut d.object, old, a.path, &outside),
    };
    Ok(())
}

/// What upstream makes of a new image.
pub(super) fn settle_image(_: &Attempt<'_>, d: &mut Draft) -> Outcome {
    image::create(&mut d.object);
    Ok(())
}

/// Looks for what is wrong with an image.
pub(super) fn check_image(_: &Attempt<'_>, d: &mut Draft) -> Outcome {
    image::validate(&d.object, "", &mut d.causes);
    Ok(())
}

/// The object a write to a subresource results in: what the subresource owns from `new`, all else
/// from `old`. `/status` owns the status and may also change annotations and finalizers' owners
/// stay; `/finalize` owns `spec.finalizers`; `/ephemeralcontainers` that one list.
fn owned_by_sub(sub: &str, custom: bool, mut new: Value, old: &Value) -> Value {
    let mut value = old.clone();
    match sub {
        "status" if custom => carry(&mut value, &mut new, "status"),
        "status" => {
            carry(&mut value, &mut new, "status");
            carry(&mut value, &mut new, "metadata.annotations");
            // Pods: a writer that leaves the class out does not take it away.
            if value.at("status.qosClass").is_none() && old.at("status.qosClass").is_some() {
                copy(&mut value, old, "status.qosClass");
            }
        }
        "finalize" => copy(&mut value, &new, "spec.finalizers"),
        "ephemeralcontainers" => copy(&mut value, &new, "spec.ephemeralContainers"),
        "resize" => {
            copy(&mut value, &new, "spec.resources");
            resized(&mut value, &new, "spec.containers");
            resized(&mut value, &new, "spec.initContainers");
        }
        _ => {}
    }
    if let Some(managed) = new.remove_at("metadata.managedFields") {
        value.set_at("metadata.managedFields", managed);
    }
    value
}

/// Takes over resources and resize policies of containers; other containers are for validation to
/// refuse.
fn resized(value: &mut Value, new: &Value, path: &str) {
    let (old, wanted) = (value.list_at(path), new.list_at(path));
    let same = |(a, b): (&Value, &Value)| a.str_at("name") == b.str_at("name");
    if old.len() != wanted.len() || !old.iter().zip(wanted).all(same) {
        return copy(value, new, path);
    }
    let mut merged = old.to_vec();
    for (container, wanted) in merged.iter_mut().zip(wanted) {
        copy(container, wanted, "resources");
        copy(container, wanted, "resizePolicy");
    }
    if !merged.is_empty() {
        value.set_at(path, merged);
    }
}

/// Moves to an object what another has at a path.
fn carry(to: &mut Value, from: &mut Value, path: &str) {
    match from.remove_at(path) {
        Some(v) => to.set_at(path, v),
        None => drop(to.remove_at(path)),
    }
}

/// Makes one object have at a path what another has there.
fn copy(to: &mut Value, from: &Value, path: &str) {
    match from.at(path) {
        Some(v) => to.set_at(path, v.clone()),
        None => drop(to.remove_at(path)),
    }
}
