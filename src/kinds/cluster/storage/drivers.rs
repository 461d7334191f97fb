//! The rules of CSIDriver, CSINode and VolumeAttachment.
//! Source: kubernetes `pkg/apis/storage/validation`.

use super::checks;
use crate::error::Causes;
use crate::kinds::cluster::volumes;
use crate::kinds::workloads::{Field, driver_name};
use crate::object::{ObjectExt, Value, json, name};
use crate::schema::{self, golang};
use std::collections::{HashMap, HashSet};

const LONGEST_NODE_ID: usize = 256;
const SHORTEST_TOKEN: i64 = 600;
const LONGEST_TOKEN: i64 = 1 << 32;
const MOST_METADATA: usize = 256 << 10;
const LONGEST_MESSAGE: usize = 1024;

/// A CSIDriver.
pub fn driver(o: &Value, old: Option<&Value>, out: &mut Causes) {
    let spec = Field::of(o, "spec");
    let policies = ["File", "None", "ReadWriteOnceWithFSType"];
    let policy = spec.get("fsGroupPolicy");
    if policy.is_set() && !policies.contains(&policy.text()) {
        policy.unsupported(out, &policies);
    }
    tokens(&spec.get("tokenRequests"), out);
    let modes = spec.get("volumeLifecycleModes");
    for mode in modes.texts().iter().filter(|m| !["Persistent", "Ephemeral"].contains(m)) {
        out.unsupported_in_order(&modes.path, &json!(mode), &["Persistent", "Ephemeral"]);
    }
    let period = spec.get("nodeAllocatableUpdatePeriodSeconds");
    if period.int().is_some_and(|n| n < 10) {
        period.invalid(out, "must be greater than or equal to 10 seconds");
    }
    let secrets = spec.get("serviceAccountTokenInSecrets");
    if secrets.is_set() && spec.get("tokenRequests").list().is_empty() {
        secrets
            .invalid(out, "serviceAccountTokenInSecrets is set but no tokenRequests are specified");
    }
    if let Some(old) = old {
        let attach = spec.get("attachRequired");
        if attach.value != old.at("spec.attachRequired") {
            let value = attach.value.unwrap_or(&Value::Null);
            out.invalid("spec.attachedRequired", value, checks::IMMUTABLE);
        }
        checks::fixed(o, old, "spec.volumeLifecycleModes", out);
    }
}

/// Warnings about a CSIDriver whose tokens may be logged.
pub fn warnings(o: &Value, old: Option<&Value>) -> Vec<String> {
    const REQUESTS: &str = "spec.tokenRequests";
    let asks = !o.list_at(REQUESTS).is_empty();
    let new = old.is_none_or(|old| old.list_at(REQUESTS) != o.list_at(REQUESTS));
    let open = o.at("spec.serviceAccountTokenInSecrets").is_none_or(Value::is_null);
    let text = "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible logging of tokens in volume attributes";
    if asks && new && open { vec![text.to_owned()] } else { Vec::new() }
}

fn tokens(requests: &Field<'_>, out: &mut Causes) {
    let mut seen = HashSet::new();
    for request in requests.items() {
        let (audience, seconds) = (request.get("audience"), request.get("expirationSeconds"));
        if !seen.insert(audience.text()) {
            out.duplicate(&audience.path, &json!(audience.text()));
            continue;
        }
        if seconds.int().is_some_and(|n| n < SHORTEST_TOKEN) {
            seconds.invalid(out, "may not specify a duration less than 10 minutes");
        }
        if seconds.int().is_some_and(|n| n > LONGEST_TOKEN) {
            seconds.invalid(out, "may not specify a duration larger than 2^32 seconds");
        }
    }
}

/// A CSINode.
pub fn node(o: &Value, old: Option<&Value>, out: &mut Causes) {
    let drivers = Field::of(o, "spec.drivers");
    let mut seen = HashSet::new();
    for driver in drivers.items() {
        let name = driver.get("name");
        driver_name(&name, out);
        let id = driver.get("nodeID");
        id.needs_text(out);
        if id.text().len() > LONGEST_NODE_ID {
            id.invalid(out, format!("must be {LONGEST_NODE_ID} characters or less"));
        }
        driver.get("allocatable.count").nonnegative(out);
        if !seen.insert(name.text()) {
            name.duplicate(out);
        }
        topology(&driver, out);
    }
    if let Some(old) = old {
        fixed_drivers(&drivers, old, out);
    }
}

fn topology(driver: &Field<'_>, out: &mut Causes) {
    let mut seen = HashSet::new();
    for key in driver.get("topologyKeys").texts() {
        if key.is_empty() {
            driver.required(out, "");
        }
        if !seen.insert(key) {
            out.duplicate(&driver.path, &json!(key));
        }
        for why in name::qualified_name_problems(key) {
            out.invalid(&driver.path, &json!(key), why);
        }
    }
}

/// A driver that stays keeps all but how many volumes it can take.
fn fixed_drivers(drivers: &Field<'_>, old: &Value, out: &mut Causes) {
    let kept = |d: &Value| {
        let mut d = d.clone();
        d.remove_at("allocatable");
        d
    };
    let before: HashMap<&str, &Value> =
        old.list_at("spec.drivers").iter().map(|d| (d.str_at("name"), d)).collect();
    for driver in drivers.list() {
        if let Some(old) = before.get(driver.str_at("name"))
            && kept(driver) != kept(old)
        {
            let kept = kept(driver);
            let of = schema::find("io.k8s.api.storage.v1.CSINodeDriver");
            let shown = of.map(|of| golang::text(of, &kept)).unwrap_or_default();
            out.invalid_shown(&drivers.path, shown, checks::IMMUTABLE);
        }
    }
}

/// A VolumeAttachment.
pub fn attachment(o: &Value, old: Option<&Value>, out: &mut Causes) {
    let spec = Field::of(o, "spec");
    driver_name(&spec.get("attacher"), out);
    let (inline, volume) =
        (spec.get("source.inlineVolumeSpec"), spec.get("source.persistentVolumeName"));
    const ONE: &str = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
    match (inline.is_set(), volume.is_set()) {
        (false, false) => spec.get("source").required(out, ONE),
        (true, true) => spec.get("source").forbidden(out, ONE),
        (false, true) if volume.text().is_empty() => {
            volume.required(out, "must specify non empty persistentVolumeName");
        }
        (true, false) => {
            let spec = inline.value.unwrap_or(&Value::Null);
            volumes::inline(spec, &inline.path, out);
        }
        _ => {}
    }
    let node = spec.get("nodeName");
    for why in name::subdomain_problems(node.text()) {
        out.invalid(&node.path, &json!(node.text()), why);
    }
    attachment_status(o, out);
    if volume.is_set() {
        for why in name::subdomain_problems(volume.text()) {
            out.invalid(&volume.path, &json!(volume.text()), why);
        }
    }
    if let Some(old) = old {
        let spec = ("spec", "io.k8s.api.storage.v1.VolumeAttachmentSpec");
        checks::fixed_struct(o, old, spec, out);
    }
}

/// What a driver says of an attachment.
pub fn attachment_status(o: &Value, out: &mut Causes) {
    let status = Field::of(o, "status");
    let metadata = status.get("attachmentMetadata");
    let text = |v: &Value| v.as_str().map_or(0, str::len);
    let bytes: usize = metadata.map().into_iter().flatten().map(|(k, v)| k.len() + text(v)).sum();
    if bytes > MOST_METADATA {
        out.too_long(&metadata.path, MOST_METADATA);
    }
    for error in ["attachError", "detachError"] {
        let error = status.get(error);
        let (message, code) = (error.get("message"), error.get("errorCode"));
        if message.text().len() > LONGEST_MESSAGE {
            // Upstream names another limit than the one it applies.
            out.too_long(&message.path, MOST_METADATA);
        }
        if code.int().is_some_and(|n| n < 0) {
            code.invalid(out, "must be between 0 and 2147483647, inclusive");
        }
    }
}
