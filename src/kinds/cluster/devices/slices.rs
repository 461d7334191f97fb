//! The rules of ResourceSlice.
//! Source: kubernetes `pkg/apis/resource/validation`.

use super::{bounded, checks, driver, label, pool, set};
use crate::{
    error::Causes,
    kinds::workloads::{Field, node_selector},
    object::{ObjectExt, Value, json, name},
    schema,
};
use std::collections::HashMap;

/// Effects a taint of a device may have.
pub const EFFECTS: &[&str] = &["NoExecute", "NoSchedule", "None"];

const MOST_DEVICES: usize = 128;
/// The same when devices have taints, counters or lists.
const MOST_RICH_DEVICES: usize = 64;
const MOST_COUNTER_SETS: usize = 8;
const MOST_COUNTERS: usize = 32;
const MOST_CONSUMPTIONS: usize = 2;
const MOST_ATTRIBUTES: usize = 32;
const MOST_VALUES: usize = 48;
const MOST_TAINTS: usize = 16;
const MOST_CONDITIONS: usize = 4;
const LONGEST_ID: usize = 32;
const LONGEST_VALUE: usize = 64;
const ONE_OF: &str =
    "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";
const ONE_OF_DEVICE: &str = "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec";
const TRUE_OR_UNSET: &str = "must be either unset or set to true";
const LISTS: [&str; 4] = ["bools", "ints", "strings", "versions"];

/// Takes out the attributes that are lists: their feature is off.
pub fn drop_lists(slice: &mut Value) {
    for device in slice.at_mut("spec.devices").as_array_mut().into_iter().flatten() {
        let attributes = device.get_mut("attributes").and_then(Value::as_object_mut);
        for attribute in attributes.into_iter().flat_map(|a| a.values_mut()) {
            let Some(kept) = attribute.as_object_mut() else { continue };
            kept.retain(|name, _| !LISTS.contains(&name.as_str()));
        }
    }
}

/// Gives every taint the time it was added, unless it has one.
pub fn stamp_taints(slice: &mut Value, now: &str) {
    for device in slice.at_mut("spec.devices").as_array_mut().into_iter().flatten() {
        let taints = device.get_mut("taints").and_then(Value::as_array_mut);
        for taint in taints.into_iter().flatten().filter(|t| t.at("timeAdded").is_none()) {
            taint.set_at("timeAdded", now);
        }
    }
}

/// Checks the whole object.
pub fn validate(o: &Value, old: Option<&Value>, out: &mut Causes) {
    let spec = Field::of(o, "spec");
    driver(&spec.get("driver"), out);
    pool(&spec.get("pool.name"), out);
    let (count, generation) = (spec.get("pool.resourceSliceCount"), spec.get("pool.generation"));
    if count.int_or_zero() <= 0 {
        out.invalid(&count.path, &json!(count.int_or_zero()), "must be greater than zero");
    }
    if generation.int_or_zero() < 0 {
        generation.invalid(out, "must be greater than or equal to zero");
    }
    if let Some(old) = old {
        for path in ["spec.pool.name", "spec.driver", "spec.nodeName"] {
            checks::fixed(o, old, path, out);
        }
    }
    nodes(&spec, out);
    let (devices, counters) = (spec.get("devices"), spec.get("sharedCounters"));
    if devices.is_set() && counters.is_set() {
        let why = "only one of `sharedCounters` or `devices` is allowed";
        out.invalid(&spec.path, &json!(""), why);
    }
    let rich = devices.items().iter().any(is_rich);
    let most = if rich { MOST_RICH_DEVICES } else { MOST_DEVICES };
    let per_device = spec.get("perDeviceNodeSelection").is_true();
    let before = Before::of(old);
    set(&devices, most, |d| d.get("name"), out, |d, out| device(d, per_device, &before, out));
    set(&counters, MOST_COUNTER_SETS, |c| c.get("name"), out, counter_set);
}

/// The terms of a node selector as Go shows them.
fn shown_terms(selector: &Field<'_>) -> String {
    let ty = schema::find("io.k8s.api.core.v1.NodeSelector");
    let whole = ty.zip(selector.value).map(|(ty, value)| schema::golang::text(ty, value));
    let whole = whole.unwrap_or_default();
    let inner = whole.strip_prefix("{\"NodeSelectorTerms\":").and_then(|t| t.strip_suffix('}'));
    inner.filter(|terms| *terms != "null").unwrap_or("[]").to_owned()
}

/// The taints of the old slice's devices: what did not change is not checked again.
struct Before<'a>(HashMap<&'a str, Option<&'a Value>>);

impl<'a> Before<'a> {
    fn of(old: Option<&'a Value>) -> Before<'a> {
        let devices = old.map_or(&[][..], |o| o.list_at("spec.devices"));
        Before(devices.iter().map(|d| (d.str_at("name"), d.get("taints"))).collect())
    }
    fn taints_are(&self, device: &Field<'_>) -> bool {
        self.0.get(device.get("name").text()) == Some(&device.get("taints").value)
    }
}

fn is_rich(device: &Field<'_>) -> bool {
    let filled = |name: &str| !device.get(name).list().is_empty();
    let lists = |a: &Value| LISTS.iter().any(|l| a.get(l).is_some());
    filled("taints")
        || filled("consumesCounters")
        || device.get("attributes").map().into_iter().flatten().any(|(_, a)| lists(a))
}

/// From which nodes the devices can be reached: said once.
fn nodes(spec: &Field<'_>, out: &mut Causes) {
    let mut said = Vec::new();
    let name = spec.get("nodeName");
    match name.value {
        None => {}
        Some(_) if name.text().is_empty() => {
            name.invalid(out, "must be either unset or set to a non-empty string");
        }
        Some(_) => {
            said.push("`nodeName`");
            name.dns_subdomain(out);
        }
    }
    let selector = spec.get("nodeSelector");
    if selector.is_set() {
        said.push("`nodeSelector`");
        node_selector(&selector, out);
        let terms = selector.get("nodeSelectorTerms");
        if terms.list().len() != 1 {
            let why = "must have exactly one node selector term";
            out.invalid_shown(&terms.path, shown_terms(&selector), why);
        }
    }
    for (flag, shown) in
        [("allNodes", "`allNodes`"), ("perDeviceNodeSelection", "`perDeviceNodeSelection`")]
    {
        let field = spec.get(flag);
        if field.is_true() {
            said.push(shown);
        } else if field.is_set() {
            field.invalid(out, TRUE_OR_UNSET);
        }
    }
    match said.len() {
        0 => spec.required(out, ONE_OF),
        1 => {}
        _ => {
            let shown = json!(format!("{{{}}}", said.join(", ")));
            out.invalid(&spec.path, &shown, format!("{ONE_OF}, but multiple fields are set"));
        }
    }
}

fn device(device: &Field<'_>, per_device: bool, before: &Before<'_>, out: &mut Causes) {
    label(&device.get("name"), out);
    let (attributes, capacity) = (device.get("attributes"), device.get("capacity"));
    let count = |f: &Field<'_>| f.map().map_or(0, crate::object::Map::len);
    let total = count(&attributes) + count(&capacity);
    if total > MOST_ATTRIBUTES {
        let why = format!(
            "the total number of attributes and capacities must not exceed {MOST_ATTRIBUTES}"
        );
        out.invalid(&device.path, &json!(total), why);
    }
    let values: usize = attributes.map().into_iter().flatten().map(|(_, a)| entries(a)).sum();
    if values > MOST_VALUES {
        let why = format!("the total number of attribute values must not exceed {MOST_VALUES}");
        out.invalid(&device.path, &json!(values), why);
    }
    for key in attributes.map().into_iter().flatten().map(|(key, _)| key) {
        qualified_name(key, &attributes.path, out);
        attribute(&attributes.key(key), out);
    }
    for key in capacity.map().into_iter().flatten().map(|(key, _)| key) {
        qualified_name(key, &capacity.path, out);
    }
    let taints = device.get("taints");
    if !before.taints_are(device) && bounded(&taints, MOST_TAINTS, out) {
        taints.items().iter().for_each(|t| taint(t, out));
    }
    let consumed = device.get("consumesCounters");
    set(
        &consumed,
        MOST_CONSUMPTIONS,
        |c| c.get("counterSet"),
        out,
        |c, out| {
            counters_of(c, "counterSet", out);
        },
    );
    device_nodes(device, per_device, out);
    binding(device, out);
}

fn entries(attribute: &Value) -> usize {
    let listed: usize = LISTS.iter().map(|l| attribute.list_at(l).len()).sum();
    listed.max(1)
}

fn device_nodes(device: &Field<'_>, per_device: bool, out: &mut Causes) {
    let fields = ["nodeName", "nodeSelector", "allNodes"].map(|f| device.get(f));
    let [name, selector, all] = &fields;
    if !per_device {
        if fields.iter().any(Field::is_set) {
            let why = "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec";
            out.invalid(&device.path, &Value::Null, why);
        }
        return;
    }
    let mut said = Vec::new();
    if name.is_set() && name.text().is_empty() {
        name.invalid(out, "must not be empty");
    } else if name.is_set() {
        said.push("`nodeName`");
        name.dns_subdomain(out);
    }
    if selector.is_set() {
        said.push("`nodeSelector`");
        node_selector(selector, out);
    }
    if all.is_true() {
        said.push("`allNodes`");
    } else if all.is_set() {
        all.invalid(out, TRUE_OR_UNSET);
    }
    match said.len() {
        0 => device.required(out, ONE_OF_DEVICE),
        1 => {}
        _ => {
            let shown = json!(format!("{{{}}}", said.join(", ")));
            out.invalid(&device.path, &shown, ONE_OF_DEVICE);
        }
    }
}

/// A name with an optional domain before a slash.
pub fn qualified_name(text: &str, path: &str, out: &mut Causes) {
    let identifier = |id: &str, out: &mut Causes| {
        if id.len() > LONGEST_ID {
            out.too_long(path, LONGEST_ID);
        }
        let first = |c: char| c.is_ascii_alphabetic() || c == '_';
        let fits = id.starts_with(first) && id.chars().all(|c| first(c) || c.is_ascii_digit());
        if !fits {
            let why = "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')";
            out.invalid(path, &json!(id), why);
        }
    };
    let Some((domain, id)) = text.split_once('/') else { return identifier(text, out) };
    if id.contains('/') {
        return;
    }
    if domain.is_empty() {
        out.invalid(path, &json!(""), "the domain must not be empty");
    } else {
        let domain = json!(domain);
        driver(&Field::placed(Some(&domain), path), out);
    }
    if id.is_empty() {
        out.invalid(path, &json!(""), "the name must not be empty");
    } else {
        identifier(id, out);
    }
}

fn attribute(attribute: &Field<'_>, out: &mut Causes) {
    let singles = ["bool", "int", "string", "version"];
    let given = singles.iter().chain(&LISTS).filter(|f| attribute.get(f).is_set()).count();
    for text in [attribute.get("string"), attribute.get("version")]
        .into_iter()
        .chain(attribute.get("strings").items())
        .chain(attribute.get("versions").items())
    {
        if text.text().len() > LONGEST_VALUE {
            out.too_long(&text.path, LONGEST_VALUE);
        }
    }
    for version in [attribute.get("version")].into_iter().chain(attribute.get("versions").items()) {
        if version.is_set() && semver::Version::parse(version.text()).is_err() {
            version.invalid(out, "must be a string compatible with semver.org spec 2.0.0");
        }
    }
    if given != 1 {
        let shown =
            if given == 0 { json!("") } else { attribute.value.cloned().unwrap_or_default() };
        out.invalid(&attribute.path, &shown, "exactly one value must be specified");
    }
}

fn taint(taint: &Field<'_>, out: &mut Causes) {
    taint.get("key").qualified_name(out);
    let value = taint.get("value");
    if !value.text().is_empty() {
        value.problems(out, name::label_value_problems(value.text()));
    }
    taint.get("effect").one_of(out, EFFECTS);
}

fn counter_set(set: &Field<'_>, out: &mut Causes) {
    counters_of(set, "name", out);
}

/// Counters under a name.
fn counters_of(holder: &Field<'_>, name: &str, out: &mut Causes) {
    let name = holder.get(name);
    name.needs_text(out);
    name.dns_label(out);
    let counters = holder.get("counters");
    let count = counters.map().map_or(0, crate::object::Map::len);
    if count == 0 {
        counters.required(out, "");
    } else if count > MOST_COUNTERS {
        out.too_many(&counters.path, count, MOST_COUNTERS);
    } else {
        for key in counters.map().into_iter().flatten().map(|(key, _)| key) {
            for why in crate::object::name::label_problems(key) {
                out.invalid(&counters.path, &json!(key), why);
            }
        }
    }
}

/// Conditions that must hold before a pod is bound, and those that say it never will be.
pub fn binding(holder: &Field<'_>, out: &mut Causes) {
    let (good, bad) = (holder.get("bindingConditions"), holder.get("bindingFailureConditions"));
    for list in [&good, &bad] {
        if bounded(list, MOST_CONDITIONS, out) {
            list.items().iter().for_each(|c| c.qualified_name(out));
        }
    }
    let mut seen = std::collections::HashSet::new();
    for condition in good.items().iter().filter(|c| !seen.insert(c.text())) {
        condition.duplicate(out);
    }
    let mut failures = std::collections::HashSet::new();
    for condition in bad.items() {
        if !failures.insert(condition.text()) {
            condition.duplicate(out);
        }
        if seen.contains(condition.text()) {
            let why = "bindingFailureConditions must not overlap with bindingConditions";
            condition.invalid(out, why);
        }
    }
    let missing = |list: &Field<'_>, this: &str, other: &str, out: &mut Causes| {
        let why = format!("{this} are required to use {other}");
        out.invalid(&list.path, list.value.unwrap_or(&Value::Null), why);
    };
    match (good.list().is_empty(), bad.list().is_empty()) {
        (true, false) => missing(&good, "bindingConditions", "bindingFailureConditions", out),
        (false, true) => missing(&bad, "bindingFailureConditions", "bindingConditions", out),
        _ => {}
    }
}
