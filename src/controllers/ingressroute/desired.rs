//! The routes an ingress asks for.

use super::sibling;
use crate::{
    controllers::View,
    object::{ObjectExt, Value, json},
};

const TERMINATION: &str = "route.openshift.io/termination";
const DESTINATION_CA: &str = "route.openshift.io/destination-ca-certificate-secret";

/// Specs of the routes, and why there are none for some of the rules.
pub fn routes(view: &View, ingress: &Value) -> (Vec<Value>, Vec<String>) {
    let (mut specs, mut complaints) = (Vec::new(), Vec::new());
    for (i, rule) in ingress.list_at("spec.rules").iter().enumerate() {
        if rule.str_at("host").is_empty() {
            complaints.push(format!("Host is missing in rule at index {i}"));
            continue;
        }
        for (j, path) in rule.list_at("http.paths").iter().enumerate() {
            let at = format!("in rule at index {i}, path index {j}");
            match spec(view, ingress, rule.str_at("host"), path) {
                Ok(spec) => specs.push(spec),
                Err(why) => complaints.push(format!("{why} {at}")),
            }
        }
    }
    (specs, complaints)
}

fn spec(view: &View, ingress: &Value, host: &str, path: &Value) -> Result<Value, String> {
    if path.str_at("pathType") == "Exact" {
        return Err("Unsupported exact path type".into());
    }
    let service = path.str_at("backend.service.name");
    if service.is_empty() {
        return Err("Service name is missing".into());
    }
    let found = sibling(view, ingress, "services", service).map(|e| e.lean());
    let found = found.ok_or_else(|| "Service is missing".to_owned())?;
    let wanted = path.at("backend.service.port").cloned().unwrap_or_default();
    let fits = |port: &&Value| match wanted.str_at("name") {
        "" => port.i64_at("port") == wanted.i64_at("number"),
        name => port.str_at("name") == name,
    };
    let port = found.list_at("spec.ports").iter().find(fits).cloned();
    let port = port.ok_or_else(|| "Service port is missing".to_owned())?;
    let (host, wildcard) = match host.strip_prefix("*.") {
        Some(rest) => (format!("wildcard.{rest}"), "Subdomain"),
        None => (host.to_owned(), "None"),
    };
    let mut spec = json!({"host": host, "wildcardPolicy": wildcard,
        "to": {"kind": "Service", "name": service, "weight": 100}});
    let text = path.str_at("path");
    if !text.is_empty() {
        spec["path"] = json!(text);
    }
    if !port.str_at("name").is_empty() {
        spec["port"] = json!({"targetPort": port.str_at("name")});
    }
    if let Some(tls) = tls(view, ingress, &host) {
        spec["tls"] = tls;
    }
    Ok(spec)
}

/// How TLS is spoken for a host: with the secret that names it, or with the router's certificate.
fn tls(view: &View, ingress: &Value, host: &str) -> Option<Value> {
    let known = ["edge", "reencrypt", "passthrough"];
    let own = ingress.annotation(TERMINATION).filter(|t| known.contains(t));
    let termination = own.unwrap_or("edge");
    let entries = ingress.list_at("spec.tls");
    let empty = |t: &&Value| t.str_at("secretName").is_empty() && t.list_at("hosts").is_empty();
    let named = entries.iter().find(|t| t.list_at("hosts").iter().any(|h| h == host));
    let asked = ingress.annotation(TERMINATION).is_some();
    let entry = named.or_else(|| entries.iter().find(empty));
    if termination == "passthrough" {
        return Some(json!({"termination": termination,
            "insecureEdgeTerminationPolicy": "Redirect"}));
    }
    if entry.is_none() && !asked {
        return None;
    }
    let mut tls = json!({"termination": termination, "insecureEdgeTerminationPolicy": "Redirect"});
    let secret = entry.map_or("", |t| t.str_at("secretName"));
    if !secret.is_empty() {
        let secret = sibling(view, ingress, "secrets", secret)?.value();
        if secret.str_at("type") != "kubernetes.io/tls" {
            return None;
        }
        tls["certificate"] = json!(text(&secret, "tls.crt")?);
        tls["key"] = json!(text(&secret, "tls.key")?);
    }
    if termination == "reencrypt"
        && let Some(name) = ingress.annotation(DESTINATION_CA)
        && let Some(secret) = sibling(view, ingress, "secrets", name)
    {
        tls["destinationCACertificate"] = json!(text(&secret.lean(), "tls.crt")?);
    }
    Some(tls)
}

fn text(secret: &Value, key: &str) -> Option<String> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let data = secret.get("data")?.get(key)?.as_str()?;
    String::from_utf8(STANDARD.decode(data).ok()?).ok()
}
