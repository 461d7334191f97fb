//! What an Ingress and an IngressClass must look like.
//! Source: kubernetes `pkg/apis/networking`.

use crate::{
    error::{Causes, Error},
    kinds::{Cx, cluster::checks},
    object::{ObjectExt, Value, json, name},
};

/// A new ingress has reached nobody yet.
pub(super) fn prepare(o: &mut Value, old: Option<&Value>, _: &Cx<'_>) -> Result<(), Error> {
    if old.is_none() {
        o.set_at("status", json!({"loadBalancer": {}}));
    }
    Ok(())
}

/// Parameters are cluster-wide unless said otherwise.
pub(super) fn default_class(o: &mut Value) {
    if o.at("spec.parameters").is_some_and(Value::is_object)
        && o.at("spec.parameters.scope").is_none()
    {
        o.set_at("spec.parameters.scope", "Cluster");
    }
}

/// See [`crate::kinds::Hooks::validate`].
pub(super) fn validate_class(o: &Value, old: Option<&Value>, out: &mut Causes) {
    let controller = |o: &Value| json!(o.str_at("spec.controller"));
    if old.is_some_and(|old| controller(old) != controller(o)) {
        out.invalid("spec.controller", &controller(o), checks::IMMUTABLE);
    }
    match o.str_at("spec.controller") {
        "" => out.required("spec.controller", ""),
        c if c.len() > 250 => out.too_long("spec.controller", 250),
        c => match c.split_once('/') {
            Some((domain, path)) if !domain.is_empty() && !path.is_empty() => {
                for problem in name::subdomain_problems(domain) {
                    out.invalid("spec.controller", &json!(domain), problem);
                }
            }
            _ => out.invalid(
                "spec.controller",
                &json!(c),
                "must be a domain-prefixed path (such as \"acme.io/foo\")",
            ),
        },
    }
    if let Some(parameters) = o.at("spec.parameters").filter(|p| !p.is_null()) {
        class_parameters(parameters, out);
    }
}

/// What an IngressClass refers to for its settings, in the cluster or in one namespace.
fn class_parameters(p: &Value, out: &mut Causes) {
    let path = |f: &str| format!("spec.parameters.{f}");
    let text = |f: &str| p.get(f).and_then(Value::as_str);
    if let Some(group) = text("apiGroup") {
        for problem in name::subdomain_problems(group) {
            out.invalid(path("apiGroup"), &json!(group), problem);
        }
    }
    for field in ["kind", "name"] {
        match p.str_at(field) {
            "" => out.required(path(field), ""),
            given => {
                for problem in name::path_segment_problems(given) {
                    out.invalid(path(field), &json!(given), problem);
                }
            }
        }
    }
    match (p.str_at("scope"), text("namespace")) {
        ("Namespace", None) => {
            out.required(path("namespace"), "`parameters.scope` is set to 'Namespace'");
        }
        ("Namespace", Some(namespace)) => {
            for problem in name::label_problems(namespace) {
                out.invalid(path("namespace"), &json!(namespace), problem);
            }
        }
        ("Cluster", Some(_)) => {
            out.forbidden(path("namespace"), "`parameters.scope` is set to 'Cluster'");
        }
        ("Cluster", None) => {}
        (other, _) => out.unsupported(path("scope"), &json!(other), &["Cluster", "Namespace"]),
    }
}

/// See [`crate::kinds::Hooks::validate`].
pub(super) fn validate(o: &Value, old: Option<&Value>, out: &mut Causes) {
    let rules = o.list_at("spec.rules");
    let default = o.at("spec.defaultBackend").filter(|b| !b.is_null());
    if rules.is_empty() && default.is_none() {
        let why = "either `defaultBackend` or `rules` must be specified";
        let rules = out.as_sent("spec.rules", o.at("spec.rules").unwrap_or(&Value::Null));
        out.invalid("spec", &rules, why);
    }
    if let Some(default) = default {
        backend(default, "spec.defaultBackend", out);
    }
    for (i, rule) in rules.iter().enumerate() {
        check_rule(rule, &format!("spec.rules[{i}]"), out);
    }
    for (i, tls) in o.list_at("spec.tls").iter().enumerate() {
        for (n, host) in tls.list_at("hosts").iter().filter_map(Value::as_str).enumerate() {
            check_host(host, &format!("spec.tls[{i}].hosts[{n}]"), out);
        }
        subdomain(tls.str_at("secretName"), &format!("spec.tls[{i}].secretName"), out);
    }
    if let Some(class) = o.at("spec.ingressClassName").and_then(Value::as_str) {
        for problem in name::subdomain_problems(class) {
            out.invalid("spec.ingressClassName", &json!(class), problem);
        }
    }
    let key = "kubernetes.io/ingress.class";
    let class = o.at("spec.ingressClassName").and_then(Value::as_str);
    if let (None, Some(annotation), Some(class)) = (old, o.annotation(key), class)
        && annotation != class
    {
        let why = "must match `ingressClassName` when both are specified";
        out.invalid(format!("annotations.{key}"), &json!(annotation), why);
    }
}

fn subdomain(text: &str, path: &str, out: &mut Causes) {
    if !text.is_empty() {
        for problem in name::subdomain_problems(text) {
            out.invalid(path, &json!(text), problem);
        }
    }
}

fn check_host(host: &str, path: &str, out: &mut Causes) {
    if !host.contains('*') {
        return subdomain(host, path, out);
    }
    let rest = host.strip_prefix("*.").unwrap_or("");
    if !name::subdomain_problems(rest).is_empty() {
        out.invalid(path, &json!(host), "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')");
    }
}

fn check_rule(rule: &Value, path: &str, out: &mut Causes) {
    let host = rule.str_at("host");
    if host.parse::<std::net::IpAddr>().is_ok() {
        let why = "must be a DNS name, not an IP address";
        out.invalid(format!("{path}.host"), &json!(host), why);
    }
    if !host.is_empty() {
        check_host(host, &format!("{path}.host"), out);
    }
    let Some(http) = rule.get("http").filter(|h| h.is_object()) else { return };
    let paths = http.list_at("paths");
    if paths.is_empty() {
        out.required(format!("{path}.http.paths"), "");
    }
    for (i, one) in paths.iter().enumerate() {
        check_path(one, &format!("{path}.http.paths[{i}]"), out);
    }
}

fn check_path(one: &Value, path: &str, out: &mut Causes) {
    let field = |f: &str| format!("{path}.{f}");
    let given = one.str_at("path");
    let kind = one.str_at("pathType");
    if kind.is_empty() {
        out.required(field("pathType"), "pathType must be specified");
        return;
    }
    let shown = json!(given);
    match kind {
        "Exact" | "Prefix" => {
            if !given.starts_with('/') {
                out.invalid(field("path"), &shown, "must be an absolute path");
            }
            for bad in ["//", "/./", "/../", "%2f", "%2F"].iter().filter(|b| given.contains(**b)) {
                out.invalid(field("path"), &shown, format!("must not contain '{bad}'"));
            }
            for bad in ["/..", "/."].iter().filter(|b| given.ends_with(**b)) {
                out.invalid(field("path"), &shown, format!("cannot end with '{bad}'"));
            }
        }
        "ImplementationSpecific" => {
            if !given.is_empty() && !given.starts_with('/') {
                out.invalid(field("path"), &shown, "must be an absolute path");
            }
        }
        other => out.unsupported(
            field("pathType"),
            &json!(other),
            &["Exact", "ImplementationSpecific", "Prefix"],
        ),
    }
    backend(one.get("backend").unwrap_or(&Value::Null), &field("backend"), out);
}

fn backend(backend: &Value, path: &str, out: &mut Causes) {
    let service = backend.get("service").filter(|s| s.is_object());
    let resource = backend.get("resource").filter(|r| r.is_object());
    let nothing = json!("");
    match (service, resource) {
        (Some(_), Some(_)) => {
            out.invalid(path, &nothing, "cannot set both resource and service backends");
        }
        (None, None) => out.invalid(path, &nothing, "resource or service backend is required"),
        (None, Some(resource)) => {
            if let Some(group) = resource.get("apiGroup").and_then(Value::as_str) {
                for problem in name::subdomain_problems(group) {
                    out.invalid(format!("{path}.resource.apiGroup"), &json!(group), problem);
                }
            }
            for field in ["kind", "name"] {
                let (at, given) = (format!("{path}.resource.{field}"), resource.str_at(field));
                if given.is_empty() {
                    out.required(at.as_str(), "");
                }
                for problem in name::path_segment_problems(given) {
                    out.invalid(at.as_str(), &json!(given), problem);
                }
            }
        }
        (Some(service), None) => check_service(service, path, out),
    }
}

fn check_service(service: &Value, path: &str, out: &mut Causes) {
    match service.str_at("name") {
        "" => out.required(format!("{path}.service.name"), ""),
        given => {
            for problem in name::label_problems(given) {
                out.invalid(format!("{path}.service.name"), &json!(given), problem);
            }
        }
    }
    let (port_name, number) =
        (service.str_at("port.name"), service.i64_at("port.number").unwrap_or(0));
    match (port_name.is_empty(), number == 0) {
        (false, false) => {
            out.invalid(path, &json!(""), "cannot set both port name & port number");
        }
        (true, true) => out.required(path, "port name or number is required"),
        (false, true) => {
            for problem in checks::port_name_problems(port_name) {
                out.invalid(format!("{path}.service.port.name"), &json!(port_name), problem);
            }
        }
        (true, false) => {
            checks::port_number(number, &format!("{path}.service.port.number"), out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wording() {
        let rows: &[(Value, &[&str])] = &[
            (
                json!({}),
                &[
                    "spec: Invalid value: null: either `defaultBackend` or `rules` must be specified",
                ],
            ),
            (json!({"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}}), &[]),
            (
                json!({"defaultBackend": {}}),
                &[
                    "spec.defaultBackend: Invalid value: \"\": resource or service backend is required",
                ],
            ),
            (
                json!({"rules": [{"host": "1.2.3.4", "http": {"paths": []}}]}),
                &[
                    "spec.rules[0].host: Invalid value: \"1.2.3.4\": must be a DNS name, not an IP address",
                    "spec.rules[0].http.paths: Required value",
                ],
            ),
            (
                json!({"rules": [{"host": "*.a.b", "http": {"paths": [{"path": "x", "pathType": "Prefix",
                "backend": {"service": {"name": "s", "port": {}}}}]}}]}),
                &[
                    "spec.rules[0].http.paths[0].path: Invalid value: \"x\": must be an absolute path",
                    "spec.rules[0].http.paths[0].backend: Required value: port name or number is required",
                ],
            ),
        ];
        for (spec, expected) in rows {
            let mut causes = Causes::default();
            validate(&json!({"spec": spec}), None, &mut causes);
            let texts: Vec<String> =
                causes.0.iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
            assert_eq!(texts, *expected, "{spec}");
        }
    }
}
