//! What a route gets when its author says nothing, the host above all.
//! Source: library-go `pkg/route/{defaulting,hostassignment}`.

use super::permission;
use crate::{
    error::Error,
    kinds::Cx,
    object::{ObjectExt, Value, json},
};

/// The domain where nothing is configured: that of OpenShift Local.
const DOMAIN: &str = "apps-crc.testing";
/// Says that the host was made up.
const GENERATED: &str = "openshift.io/host.generated";

/// See [`crate::kinds::Hooks::default`].
pub(super) fn fill(o: &mut Value) {
    if o.str_at("spec.wildcardPolicy").is_empty() {
        o.set_at("spec.wildcardPolicy", "None");
    }
    if !o.at("spec.to").is_some_and(Value::is_object) {
        o.set_at("spec.to", json!({}));
    }
    fill_target(o.at_mut("spec.to"));
    let others = o.get_mut("spec").and_then(|s| s.get_mut("alternateBackends"));
    others.and_then(Value::as_array_mut).into_iter().flatten().for_each(fill_target);
    fill_tls(o);
}

fn fill_target(target: &mut Value) {
    if target.str_at("kind").is_empty() {
        target.set_at("kind", "Service");
    }
    if target.at("weight").is_none_or(Value::is_null) {
        target.set_at("weight", 100);
    }
}

fn fill_tls(o: &mut Value) {
    let Some(tls) = o.at("spec.tls").filter(|t| t.is_object()) else { return };
    let termination = match tls.str_at("termination") {
        "" if tls.str_at("destinationCACertificate").is_empty() => "edge",
        "Edge" => "edge",
        "Reencrypt" => "reencrypt",
        "Passthrough" => "passthrough",
        _ => return,
    };
    o.set_at("spec.tls.termination", termination);
}

/// See [`crate::kinds::Hooks::prepare`].
pub(super) fn settle(o: &mut Value, old: Option<&Value>, cx: &Cx<'_>) -> Result<(), Error> {
    let no_host = o.str_at("spec.host").is_empty();
    if let Some(old) = old {
        // Applying what was created without a host must not take the host away.
        if let Some(host) = old.at("spec.host").filter(|_| no_host) {
            o.set_at("spec.host", host.clone());
        }
        return permission::to_change(o, old, cx);
    }
    o.set_at("status", json!({}));
    permission::to_name(o, cx)?;
    let wildcard = o.str_at("spec.wildcardPolicy") == "Subdomain";
    if no_host && !wildcard && o.str_at("spec.subdomain").is_empty() {
        let host = format!("{}-{}.{}", o.name().replace('.', "-"), o.namespace(), domain(cx));
        o.set_at("spec.host", host);
        o.set_annotation(GENERATED, "true");
    }
    Ok(())
}

/// Domain of hosts made up by the server, as the cluster's configuration says.
fn domain(cx: &Cx<'_>) -> String {
    let config = cx.snapshot.get("ingresses.config.openshift.io", "", "cluster");
    let config = config.map(|e| e.value()).unwrap_or_default();
    match config.str_at("spec.domain") {
        "" => DOMAIN.to_owned(),
        own => own.to_owned(),
    }
}
