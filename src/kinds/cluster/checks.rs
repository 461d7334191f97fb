//! Checks that several kinds share, in upstream's wording. Knows no kind.
//! Source: apimachinery `pkg/util/validation`, `apis/meta/v1/validation`; kubernetes
//! `pkg/apis/core/validation`.

use crate::{
    error::Causes,
    object::{Map, ObjectExt, Value, address, json, name, quantity::Quantity},
    schema,
};
use std::net::IpAddr;

/// What most changes of fixed fields are told.
pub const IMMUTABLE: &str = "field is immutable";

/// A field that must be set, to one of `allowed`.
pub fn one_of(o: &Value, path: &str, allowed: &[&str], out: &mut Causes) {
    match o.str_at(path) {
        "" => out.required(path, ""),
        s if !allowed.contains(&s) => out.unsupported(path, &json!(s), allowed),
        _ => {}
    }
}

/// A field that may be unset, or one of `allowed`.
pub fn one_of_if_set(o: &Value, path: &str, allowed: &[&str], out: &mut Causes) {
    if !o.str_at(path).is_empty() {
        one_of(o, path, allowed, out);
    }
}

/// A field that may not differ from the old object's.
pub fn fixed(o: &Value, old: &Value, path: &str, out: &mut Causes) {
    let (new, old) = (o.at(path), old.at(path));
    if new != old {
        out.invalid(path, new.unwrap_or(&Value::Null), IMMUTABLE);
    }
}

/// The same for a field upstream shows as its own struct, of the type called `of`.
pub fn fixed_struct(o: &Value, old: &Value, (path, of): (&str, &str), out: &mut Causes) {
    let (new, old) = (o.at(path), old.at(path));
    if let (Some(new), true, Some(of)) = (new, new != old, schema::find(of)) {
        let shown = schema::golang::text(of, &out.as_sent(path, new));
        out.invalid_shown(path, shown, IMMUTABLE);
    }
}

/// The address of a webhook.
pub fn webhook_url(text: &str, path: &str, out: &mut Causes) {
    const FORM: &str = "; desired format: https://host[/path]";
    let url = match address::parse(text) {
        Ok(url) => url,
        Err(why) => return out.required(path, &format!("url must be a valid URL: {why}{FORM}")),
    };
    if url.scheme != "https" {
        let why = format!("'https' is the only allowed URL scheme{FORM}");
        out.invalid(path, &json!(url.scheme), why);
    }
    if url.host.is_empty() {
        out.invalid(path, &json!(""), format!("host must be specified{FORM}"));
    }
    if let Some(user) = url.user {
        out.invalid(path, &json!(user), "user information is not permitted in the URL");
    }
    if !url.fragment.is_empty() {
        out.invalid(path, &json!(url.fragment), "fragments are not permitted in the URL");
    }
    if !url.query.is_empty() {
        out.invalid(path, &json!(url.query), "query parameters are not permitted in the URL");
    }
}

/// Labels, as in a selector's `matchLabels`.
pub fn labels(labels: Option<&Map>, path: &str, out: &mut Causes) {
    for (key, value) in labels.into_iter().flatten() {
        label_key(key, path, out);
        for problem in name::label_value_problems(value.as_str().unwrap_or("")) {
            out.invalid(path, value, problem);
        }
    }
}

fn label_key(key: &str, path: &str, out: &mut Causes) {
    for problem in name::qualified_name_problems(key) {
        out.invalid(path, &json!(key), problem);
    }
}

/// A label selector object.
pub fn label_selector(selector: &Value, path: &str, out: &mut Causes) {
    labels(selector.map_at("matchLabels"), &format!("{path}.matchLabels"), out);
    for (i, e) in selector.list_at("matchExpressions").iter().enumerate() {
        let path = format!("{path}.matchExpressions[{i}]");
        let (operator, values) = (e.str_at("operator"), e.list_at("values"));
        match operator {
            "In" | "NotIn" if values.is_empty() => out.required(
                format!("{path}.values"),
                "must be specified when `operator` is 'In' or 'NotIn'",
            ),
            "Exists" | "DoesNotExist" if !values.is_empty() => out.forbidden(
                format!("{path}.values"),
                "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
            ),
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => {
                out.invalid(
                    format!("{path}.operator"),
                    &json!(other),
                    "not a valid selector operator",
                );
            }
        }
        label_key(e.str_at("key"), &format!("{path}.key"), out);
        for (n, value) in values.iter().enumerate() {
            for problem in name::label_value_problems(value.as_str().unwrap_or("")) {
                out.invalid(format!("{path}.values[{n}]"), value, problem);
            }
        }
    }
}

/// A port number.
pub fn port_number(port: i64, path: &str, out: &mut Causes) {
    if !(1..=65535).contains(&port) {
        out.invalid(path, &json!(port), "must be between 1 and 65535, inclusive");
    }
}

/// A port by number or by name.
pub fn port_or_name(port: &Value, path: &str, out: &mut Causes) {
    match port {
        Value::String(s) => {
            for problem in port_name_problems(s) {
                out.invalid(path, port, problem);
            }
        }
        _ => port_number(port.as_i64().unwrap_or(0), path, out),
    }
}

/// Problems of `s` as an IANA service name.
pub fn port_name_problems(s: &str) -> Vec<&'static str> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let rules = [
        (s.len() > 15, "must be no more than 15 characters"),
        (
            s.is_empty() || !s.bytes().all(allowed),
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
        ),
        (!s.bytes().any(|b| b.is_ascii_lowercase()), "must contain at least one letter (a-z)"),
        (s.contains("--"), "must not contain consecutive hyphens"),
        (s.starts_with('-') || s.ends_with('-'), "must not begin or end with a hyphen"),
    ];
    rules.into_iter().filter(|(broken, _)| *broken).map(|(_, text)| text).collect()
}

/// An address of either family.
pub fn ip(text: &str, path: &str, out: &mut Causes) -> Option<IpAddr> {
    let parsed = text.parse().ok();
    if parsed.is_none() {
        let why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
        out.invalid(path, &json!(text), why);
    }
    parsed
}

/// A network: an address and the bits that count.
pub fn cidr(text: &str, path: &str, out: &mut Causes) -> Option<(IpAddr, u32)> {
    let parsed = text.split_once('/').and_then(|(ip, bits)| {
        let (ip, bits) = (ip.parse::<IpAddr>().ok()?, bits.parse::<u32>().ok()?);
        (bits <= if ip.is_ipv4() { 32 } else { 128 }).then_some((ip, bits))
    });
    if parsed.is_none() {
        let why = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
        out.invalid(path, &json!(text), why);
    }
    parsed
}

/// An address traffic may be sent to from outside the node.
pub fn endpoint_ip(text: &str, path: &str, out: &mut Causes) {
    let Ok(ip) = text.parse::<IpAddr>() else {
        out.invalid(path, &json!(text), "must be a valid IP address");
        return;
    };
    let (link_local, link_multicast) = match ip {
        IpAddr::V4(v4) => (v4.is_link_local(), v4.octets()[..3] == [224, 0, 0]),
        IpAddr::V6(v6) => {
            (v6.segments()[0] & 0xffc0 == 0xfe80, v6.segments()[0] & 0xff0f == 0xff02)
        }
    };
    let unspecified = format!("may not be unspecified ({text})");
    let rules = [
        (ip.is_unspecified(), unspecified.as_str()),
        (ip.is_loopback(), "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
        (link_local, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
        (link_multicast, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"),
    ];
    for (_, why) in rules.into_iter().filter(|(broken, _)| *broken) {
        out.invalid(path, &json!(text), why);
    }
}

/// Problems of `s` as a key of a ConfigMap or Secret.
pub fn config_key_problems(s: &str) -> Vec<String> {
    let mut out = Vec::new();
    if s.len() > 253 {
        out.push("must be no more than 253 characters".to_owned());
    }
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    if s.is_empty() || !s.bytes().all(allowed) {
        out.push("a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')".to_owned());
    }
    if s == "." || s == ".." {
        out.push(format!("must not be '{s}'"));
    } else if s.starts_with("..") {
        out.push("must not start with '..'".to_owned());
    }
    out
}

/// A quantity that may not be negative. The decoder has refused what is no quantity.
pub fn not_negative(value: &Value, path: &str, out: &mut Causes) -> Option<Quantity> {
    let quantity = Quantity::from_value(value)?;
    if quantity < Quantity::ZERO {
        out.invalid(path, value, "must be greater than or equal to 0");
    }
    Some(quantity)
}

/// Names of standard resources, fully qualified ones aside.
pub fn resource_name(resource: &str, path: &str, out: &mut Causes) -> bool {
    let problems = name::qualified_name_problems(resource);
    for problem in &problems {
        out.invalid(path, &json!(resource), problem);
    }
    if problems.is_empty() && !resource.contains('/') && !is_standard_resource(resource) {
        let why = "must be a standard resource type or fully qualified";
        out.invalid(path, &json!(resource), why);
        return false;
    }
    problems.is_empty()
}

fn is_standard_resource(resource: &str) -> bool {
    is_quota_resource(resource) || resource == "storage"
}

/// Names a quota may limit without a prefix.
pub fn is_quota_resource(resource: &str) -> bool {
    const COMPUTE: [&str; 10] = [
        "cpu",
        "memory",
        "ephemeral-storage",
        "requests.cpu",
        "requests.memory",
        "requests.storage",
        "requests.ephemeral-storage",
        "limits.cpu",
        "limits.memory",
        "limits.ephemeral-storage",
    ];
    COMPUTE.contains(&resource)
        || is_counted_resource(resource)
        || resource.starts_with("hugepages-")
        || resource.starts_with("requests.hugepages-")
}

/// Names of things that are counted, in whole numbers.
pub fn is_counted_resource(resource: &str) -> bool {
    const COUNTED: [&str; 9] = [
        "pods",
        "resourcequotas",
        "services",
        "replicationcontrollers",
        "secrets",
        "configmaps",
        "persistentvolumeclaims",
        "services.nodeports",
        "services.loadbalancers",
    ];
    COUNTED.contains(&resource) || resource.starts_with("count/")
}
