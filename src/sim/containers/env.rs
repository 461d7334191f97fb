//! The environment of a container. Source: kubelet `makeEnvironmentVariables`,
//! `pkg/kubelet/envvars`, and what CRI-O adds.

use super::{downward, place::Place};
use crate::{
    catalog::Config,
    controllers::View,
    object::{ObjectExt, Value, name},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::collections::BTreeMap;

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// All variables.
pub fn of(
    view: &View,
    place: &Place,
    config: &Config,
    tty: bool,
    home: &str,
) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    let mut set = |name: &str, value: &str| drop(env.insert(name.to_owned(), value.to_owned()));
    set("PATH", PATH);
    if tty {
        set("TERM", "xterm");
    }
    set("HOSTNAME", &super::hostname(place));
    for (name, value) in config.env.iter().filter_map(|e| e.split_once('=')) {
        set(name, value);
    }
    let services = services(view, place);
    for (name, value) in &services {
        set(name, value);
    }
    for (name, value) in filled(view, place, &services) {
        set(&name, &value);
    }
    env.entry("HOME".into()).or_insert_with(|| home.to_owned());
    env
}

/// What the spec itself says, with the variables of services where it uses them.
pub fn given(view: &View, place: &Place) -> Vec<(String, String)> {
    filled(view, place, &services(view, place))
}

/// The names a text refers to as `$(NAME)`.
pub fn names(text: &str) -> Vec<&str> {
    let mut rest = text;
    let mut found = Vec::new();
    while let Some(at) = rest.find('$') {
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix('(').and_then(|r| r.split_once(')')) {
            found.push(name);
            rest = after;
        }
    }
    found
}

/// What the spec says: `envFrom`, then `env` in order, with `$(NAME)` filled in.
fn filled(view: &View, place: &Place, known: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for from in place.spec.list_at("envFrom") {
        let prefix = from.str_at("prefix");
        for (field, resource) in [("configMapRef", "configmaps"), ("secretRef", "secrets")] {
            let Some(source) = from.at(field) else { continue };
            let data = data(view, place, resource, source.str_at("name"));
            let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
            found.extend(data.into_iter().map(|(k, v)| (format!("{prefix}{k}"), text(v))));
        }
    }
    for entry in place.spec.list_at("env") {
        let value = match entry.at("valueFrom") {
            Some(from) => source(view, place, from).unwrap_or_default(),
            None => expand(entry.str_at("value"), &found, known),
        };
        found.push((entry.str_at("name").to_owned(), value));
    }
    found
}

/// `$(NAME)` by what was set before; `$$` is one `$`. Source: `third_party/forked/golang/expansion`.
pub fn expand(text: &str, set: &[(String, String)], known: &BTreeMap<String, String>) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix('(').and_then(|r| r.split_once(')')) {
            let own = set.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v);
            match own.or(known.get(name)) {
                Some(value) => out.push_str(value),
                None => out.push_str(&format!("$({name})")),
            }
            rest = after;
        } else {
            out.push('$');
        }
    }
    out + rest
}

fn source(view: &View, place: &Place, from: &Value) -> Option<String> {
    for (field, resource) in [("configMapKeyRef", "configmaps"), ("secretKeyRef", "secrets")] {
        if let Some(key) = from.at(field) {
            let data = data(view, place, resource, key.str_at("name"));
            let value = data.get(key.str_at("key"))?;
            return Some(String::from_utf8_lossy(value).into_owned());
        }
    }
    if let Some(field) = from.at("fieldRef") {
        return Some(downward::field(&place.pod, field.str_at("fieldPath")));
    }
    let resource = from.at("resourceFieldRef")?;
    Some(downward::resource(view, &place.pod, place.name(), resource))
}

/// The contents of a config map or secret.
pub fn data(view: &View, place: &Place, resource: &str, called: &str) -> BTreeMap<String, Vec<u8>> {
    let key = name::key(place.pod.namespace(), called);
    let Some(object) = view.value(resource, &key) else { return BTreeMap::new() };
    let mut found = BTreeMap::new();
    for (field, packed) in [("data", resource == "secrets"), ("binaryData", true)] {
        for (key, value) in object.map_at(field).into_iter().flatten() {
            let text = value.as_str().unwrap_or("");
            let bytes = match packed {
                true => STANDARD.decode(text).unwrap_or_default(),
                false => text.as_bytes().to_vec(),
            };
            found.insert(key.to_string(), bytes);
        }
    }
    found
}

/// Variables about the services of the namespace (unless the pod wants none) and the API.
fn services(view: &View, place: &Place) -> BTreeMap<String, String> {
    let links = place.pod.at("spec.enableServiceLinks").and_then(Value::as_bool).unwrap_or(true);
    let namespace = place.pod.namespace();
    let own = view.objects.list("services", namespace).filter(|_| links).map(|e| e.lean());
    let api = view.value("services", "default/kubernetes");
    let mut env = BTreeMap::new();
    for service in own.chain(api) {
        let ip = service.str_at("spec.clusterIP");
        let ports = service.list_at("spec.ports");
        if ip.is_empty() || ip == "None" || ports.is_empty() {
            continue;
        }
        let upper = |text: &str| text.to_uppercase().replace(['-', '.'], "_");
        let name = upper(service.name());
        env.insert(format!("{name}_SERVICE_HOST"), ip.to_owned());
        for (i, port) in ports.iter().enumerate() {
            let number = port.i64_at("port").unwrap_or(0);
            let protocol = match port.str_at("protocol") {
                "" => "TCP",
                other => other,
            };
            let url = format!("{}://{ip}:{number}", protocol.to_lowercase());
            if i == 0 {
                env.insert(format!("{name}_SERVICE_PORT"), number.to_string());
                env.insert(format!("{name}_PORT"), url.clone());
            }
            if !port.str_at("name").is_empty() {
                let port_name = upper(port.str_at("name"));
                env.insert(format!("{name}_SERVICE_PORT_{port_name}"), number.to_string());
            }
            let prefix = format!("{name}_PORT_{number}_{protocol}");
            env.insert(format!("{prefix}_PROTO"), protocol.to_lowercase());
            env.insert(format!("{prefix}_PORT"), number.to_string());
            env.insert(format!("{prefix}_ADDR"), ip.to_owned());
            env.insert(prefix, url);
        }
    }
    env
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_filled_in() {
        let set = vec![("A".to_owned(), "1".to_owned()), ("A".into(), "2".into())];
        let known = BTreeMap::from([("B".to_owned(), "3".to_owned())]);
        let rows = [
            ("$(A)$(B)", "23"),
            ("$$(A) $A $(C) $(", "$(A) $A $(C) $("),
            ("plain", "plain"),
            ("$", "$"),
        ];
        for (text, expected) in rows {
            assert_eq!(expand(text, &set, &known), expected, "{text}");
        }
    }
}
