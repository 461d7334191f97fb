//! resource.k8s.io: devices that nodes offer and claims that ask for them, as objects.
//!
//! Defaults, rules and status are upstream's. Selectors are checked, not evaluated: no driver is
//! simulated, so nothing allocates a device.

mod claims;
mod selector;
mod slices;
mod status;
#[cfg(test)]
mod tests;

use super::{cells, checks};
use crate::error::Causes;
use crate::kinds::columns::AGE;
use crate::kinds::{Column, Generation, Hooks, Kind, Sub, workloads::Field};
use crate::object::{ObjectExt, Value, json, name};
use std::collections::HashSet;

const GROUP: Kind =
    Kind { group: "resource.k8s.io", since: 34, delete_returns_object: true, ..Kind::BASE };

/// `deviceclasses.resource.k8s.io`.
pub static DEVICE_CLASS: Kind = Kind {
    kind: "DeviceClass",
    plural: "deviceclasses",
    namespaced: false,
    generation: Generation::Spec,
    schema: "io.k8s.api.resource.v1.DeviceClass",
    hooks: Hooks { validate: Some(|o, _, out| claims::class(o, out)), ..Hooks::NONE },
    ..GROUP
};

/// `resourceclaims.resource.k8s.io`.
pub static RESOURCE_CLAIM: Kind = Kind {
    kind: "ResourceClaim",
    plural: "resourceclaims",
    schema: "io.k8s.api.resource.v1.ResourceClaim",
    subresources: &[Sub::STATUS],
    columns: &[
        Column::text(
            "State",
            "A summary of the current state (allocated, pending, reserved, etc.).",
            |o, _| json!(state(o)),
        ),
        AGE,
    ],
    hooks: Hooks {
        default: Some(|o| counts(o, "spec.devices.requests")),
        validate: Some(|o, old, out| match old {
            Some(old) => checks::fixed_struct(o, old, ("spec", CLAIM_SPEC), out),
            None => claims::spec(&Field::of(o, "spec"), out),
        }),
        validate_status: Some(status::validate),
        ..Hooks::NONE
    },
    ..GROUP
};

const CLAIM_SPEC: &str = "io.k8s.api.resource.v1.ResourceClaimSpec";
const TEMPLATE_SPEC: &str = "io.k8s.api.resource.v1.ResourceClaimTemplateSpec";

/// `resourceclaimtemplates.resource.k8s.io`.
pub static RESOURCE_CLAIM_TEMPLATE: Kind = Kind {
    kind: "ResourceClaimTemplate",
    plural: "resourceclaimtemplates",
    schema: "io.k8s.api.resource.v1.ResourceClaimTemplate",
    hooks: Hooks {
        default: Some(|o| counts(o, "spec.spec.devices.requests")),
        validate: Some(|o, old, out| {
            claims::template(&Field::of(o, "spec"), out);
            if let Some(old) = old {
                checks::fixed_struct(o, old, ("spec", TEMPLATE_SPEC), out);
            }
        }),
        ..Hooks::NONE
    },
    ..GROUP
};

/// `resourceslices.resource.k8s.io`.
pub static RESOURCE_SLICE: Kind = Kind {
    kind: "ResourceSlice",
    plural: "resourceslices",
    namespaced: false,
    generation: Generation::Spec,
    selectable: &["spec.nodeName", "spec.driver"],
    schema: "io.k8s.api.resource.v1.ResourceSlice",
    columns: &[
        Column::text("Node", "Node whose devices these are.", |o, _| {
            cells::text(o, "spec.nodeName")
        }),
        Column::text("Driver", "Driver that offers the devices.", |o, _| {
            cells::text(o, "spec.driver")
        }),
        Column::text("Pool", "Pool the slice is part of.", |o, _| cells::text(o, "spec.pool.name")),
        AGE,
    ],
    hooks: Hooks {
        prepare: Some(|o, _, cx| {
            slices::drop_lists(o);
            slices::stamp_taints(o, &crate::object::time::seconds(cx.world.clock.now()));
            Ok(())
        }),
        validate: Some(slices::validate),
        ..Hooks::NONE
    },
    ..GROUP
};

/// A request for an exact number of devices means one unless it says more.
fn counts(o: &mut Value, requests: &str) {
    let one = |request: &mut Value| {
        let count = request.i64_at("count").unwrap_or(0);
        if request.str_at("allocationMode") == "ExactCount" && count == 0 {
            request.set_at("count", 1);
        }
    };
    if o.at(requests).is_none() {
        return;
    }
    for request in o.at_mut(requests).as_array_mut().into_iter().flatten() {
        request.get_mut("exactly").into_iter().for_each(one);
        let first = request.get_mut("firstAvailable").and_then(Value::as_array_mut);
        first.into_iter().flatten().for_each(one);
    }
}

fn state(claim: &Value) -> String {
    let allocated = claim.at("status.allocation").is_some();
    let reserved = !claim.list_at("status.reservedFor").is_empty();
    let states = [
        (claim.is_deleting(), "deleted"),
        (!allocated && !claim.is_deleting(), "pending"),
        (allocated, "allocated"),
        (allocated && reserved, "reserved"),
    ];
    let shown = states.iter().filter(|(is, _)| *is).map(|(_, word)| *word);
    shown.collect::<Vec<_>>().join(",")
}

/// A list of at most `most` items; answers whether to look at them.
fn bounded(list: &Field<'_>, most: usize, out: &mut Causes) -> bool {
    let count = list.list().len();
    if count > most {
        out.too_many(&list.path, count, most);
    }
    count <= most
}

/// The items of a list of at most `most`, of which no two have the same key.
fn set<'a>(
    list: &Field<'a>,
    most: usize,
    key: impl Fn(&Field<'a>) -> Field<'a>,
    out: &mut Causes,
    mut each: impl FnMut(&Field<'a>, &mut Causes),
) {
    if !bounded(list, most, out) {
        return;
    }
    let mut seen = HashSet::new();
    for item in list.items() {
        each(&item, out);
        let key = key(&item);
        if !seen.insert(key.text()) {
            out.duplicate(&item.path, &json!(key.text()));
        }
    }
}

/// A driver's name: a subdomain of at most 63 characters, whatever the case.
fn driver(field: &Field<'_>, out: &mut Causes) {
    const LONGEST: usize = 63;
    field.needs_text(out);
    if field.text().len() > LONGEST {
        out.too_long(&field.path, LONGEST);
    }
    if !field.text().is_empty() {
        field.problems(out, name::subdomain_problems(&field.text().to_lowercase()));
    }
}

/// A pool's name: subdomains with slashes between.
fn pool(field: &Field<'_>, out: &mut Causes) {
    const LONGEST: usize = 253;
    field.needs_text(out);
    if field.text().is_empty() {
        return;
    }
    if field.text().len() > LONGEST {
        out.too_long(&field.path, LONGEST);
    }
    for part in field.text().split('/') {
        for why in name::subdomain_problems(part) {
            out.invalid(&field.path, &json!(part), why);
        }
    }
}

/// A name that must be a label.
fn label(field: &Field<'_>, out: &mut Causes) {
    for why in name::label_problems(field.text()) {
        out.invalid(&field.path, &json!(field.text()), why);
    }
}

/// A JSON object of at most `most` bytes.
fn json_object(field: &Field<'_>, most: usize, out: &mut Causes) {
    match field.value {
        None => field.required(out, ""),
        Some(value) if value.to_string().len() > most => out.too_long(&field.path, most),
        Some(Value::Object(_)) => {}
        Some(_) => {
            out.invalid(&field.path, &json!("<value omitted>"), "must be a valid JSON object");
        }
    }
}
