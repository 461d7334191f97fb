//! The rules of a ResourceClaim's status: what was allocated, for whom, and how the devices fare.
//! Source: kubernetes `pkg/apis/resource/validation`.

use super::{bounded, checks, claims, driver, json_object, label, pool, set, slices};
use crate::{
    error::Causes,
    kinds::workloads::{Field, node_selector},
    object::{ObjectExt, Value, json},
};
use std::collections::HashSet;

const MOST_CONSUMERS: usize = 256;
const MOST: usize = 32;
const MOST_CONDITIONS: usize = 8;
const MOST_ADDRESSES: usize = 16;
const LONGEST_DATA: usize = 10 * 1024;
const LONGEST_INTERFACE: usize = 256;
const LONGEST_HARDWARE: usize = 128;

/// Checks a write to `/status`.
pub fn validate(o: &Value, old: &Value, out: &mut Causes) {
    let status = Field::of(o, "status");
    let consumers = status.get("reservedFor");
    set(
        &consumers,
        MOST_CONSUMERS,
        |c| c.get("uid"),
        out,
        |consumer, out| {
            for field in ["resource", "name", "uid"] {
                consumer.get(field).needs_text(out);
            }
        },
    );
    devices(&status, out);
    let allocation = status.get("allocation");
    if !consumers.list().is_empty() {
        if !allocation.is_set() {
            consumers.forbidden(out, "may not be specified when `allocated` is not set");
        } else if o.is_deleting() {
            no_new(&consumers, old.list_at("status.reservedFor"), out);
        }
    }
    match (allocation.is_set(), old.at("status.allocation").is_some()) {
        (true, true) => checks::fixed(o, old, "status.allocation", out),
        (true, false) => self::allocation(&allocation, &Field::of(o, "spec.devices"), out),
        (false, _) => {}
    }
}

fn no_new(consumers: &Field<'_>, old: &[Value], out: &mut Causes) {
    let old: HashSet<String> = old.iter().map(Value::to_string).collect();
    if consumers.list().iter().any(|c| !old.contains(&c.to_string())) {
        let why = "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set";
        consumers.forbidden(out, why);
    }
}

fn allocation(allocation: &Field<'_>, requested: &Field<'_>, out: &mut Causes) {
    let known = claims::Requests::of(requested);
    let (results, config) = (allocation.get("devices.results"), allocation.get("devices.config"));
    if bounded(&results, MOST, out) {
        for result in results.items() {
            known.reference(&result.get("request"), out);
            device(&result, out);
            slices::binding(&result, out);
        }
    }
    if bounded(&config, 2 * MOST, out) {
        for item in config.items() {
            item.get("source").one_of(out, &["FromClaim", "FromClass"]);
            known.references(&item.get("requests"), out);
            claims::configuration(&item, out);
        }
    }
    let selector = allocation.get("nodeSelector");
    if selector.is_set() {
        node_selector(&selector, out);
    }
}

/// The name of a device in full.
fn device(holder: &Field<'_>, out: &mut Causes) {
    driver(&holder.get("driver"), out);
    pool(&holder.get("pool"), out);
    label(&holder.get("device"), out);
    let share = holder.get("shareID");
    if share.is_set() && !is_uid(share.text()) {
        share.invalid(out, "uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters");
    }
}

fn is_uid(text: &str) -> bool {
    text.len() == 36
        && uuid::Uuid::try_parse(text).is_ok()
        && !text.contains(|c: char| c.is_ascii_uppercase())
}

/// A device as one text, as upstream prints it.
fn id(holder: &Field<'_>) -> String {
    let parts = ["driver", "pool", "device", "shareID"].map(|f| holder.get(f).text());
    let known = parts.iter().filter(|p| !p.is_empty());
    known.copied().collect::<Vec<_>>().join("/")
}

fn devices(status: &Field<'_>, out: &mut Causes) {
    let allocated: HashSet<String> =
        status.get("allocation.devices.results").items().iter().map(id).collect();
    let mut seen = HashSet::new();
    for item in status.get("devices").items() {
        device(&item, out);
        let id = id(&item);
        if !allocated.contains(&id) {
            out.invalid(&item.path, &json!(id), "must be an allocated device in the claim");
        }
        bounded(&item.get("conditions"), MOST_CONDITIONS, out);
        super::super::conditions::validate(&item.get("conditions"), out);
        if item.get("data").is_set() {
            json_object(&item.get("data"), LONGEST_DATA, out);
        }
        network(&item.get("networkData"), out);
        if !seen.insert(id.clone()) {
            out.duplicate(&item.path, &json!(id));
        }
    }
}

fn network(network: &Field<'_>, out: &mut Causes) {
    for (field, most) in
        [("interfaceName", LONGEST_INTERFACE), ("hardwareAddress", LONGEST_HARDWARE)]
    {
        let field = network.get(field);
        if field.text().len() > most {
            out.too_long(&field.path, most);
        }
    }
    set(&network.get("ips"), MOST_ADDRESSES, Clone::clone, out, |ip, out| {
        checks::cidr(ip.text(), &ip.path, out);
    });
}
