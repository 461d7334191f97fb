//! What a route must look like. Source: library-go `pkg/route/validation`.

use crate::{
    error::Causes,
    kinds::cluster::checks,
    object::{ObjectExt, Value, json, name},
};

/// Turns the check of the host's single labels off.
const LENIENT: &str = "route.openshift.io/allow-non-dns-compliant-host";

/// See [`crate::kinds::Hooks::validate`].
pub(super) fn check(o: &Value, old: Option<&Value>, out: &mut Causes) {
    let path = o.str_at("spec.path");
    let new_path = old.is_none_or(|old| old.str_at("spec.path") != path);
    if let Some(old) = old {
        checks::fixed(o, old, "spec.wildcardPolicy", out);
    }
    if new_path && path.contains(['#', ' ']) {
        out.invalid("spec.path", &json!(path), "cannot contain # or spaces");
    }
    host(o, old, out);
    wildcard(o, out);
    if !path.is_empty() && !path.starts_with('/') {
        out.invalid("spec.path", &json!(path), "path must begin with /");
    }
    if !path.is_empty() && o.str_at("spec.tls.termination") == "passthrough" {
        out.invalid("spec.path", &json!(path), "passthrough termination does not support paths");
    }
    targets(o, out);
    let port = o.at("spec.port").map(|p| p.get("targetPort").unwrap_or(&Value::Null));
    if port.is_some_and(|p| p.is_null() || p == 0 || p == "") {
        out.required("spec.port.targetPort", "");
    }
    super::headers::check(o, out);
    if o.at("spec.tls").is_some_and(Value::is_object) {
        tls(o, out);
    }
}

fn host(o: &Value, old: Option<&Value>, out: &mut Causes) {
    let host = o.str_at("spec.host");
    let fine = |h: &str| h.is_empty() || h.split('.').all(|s| name::label_problems(s).is_empty());
    // A host that was let through once may stay.
    let look_closer = match old {
        None => true,
        Some(old) => old.str_at("spec.host") != host && fine(old.str_at("spec.host")),
    };
    if !host.is_empty() {
        if !name::subdomain_problems(host).is_empty() {
            let why = "host must conform to DNS 952 subdomain conventions";
            out.invalid("spec.host", &json!(host), why);
        }
        if look_closer && o.annotation(LENIENT) != Some("true") {
            for problem in host.split('.').flat_map(name::label_problems) {
                out.invalid("spec.host", &json!(host), problem);
            }
        }
    }
    let subdomain = o.str_at("spec.subdomain");
    if subdomain.len() > 253 {
        let why = "must be no more than 253 characters";
        out.invalid("spec.subdomain", &json!(subdomain), why);
    }
    for label in subdomain.split('.').filter(|_| !subdomain.is_empty()) {
        let problems = name::label_problems(label);
        if !problems.is_empty() {
            out.invalid("spec.subdomain", &json!(label), problems.join(", "));
        }
    }
}

fn wildcard(o: &Value, out: &mut Causes) {
    let path = "spec.wildcardPolicy";
    checks::one_of_if_set(o, path, &["None", "Subdomain"], out);
    if o.str_at(path) == "Subdomain" && o.str_at("spec.host").is_empty() {
        out.invalid(path, &json!("Subdomain"), "host name not specified for wildcard policy");
    }
}

fn targets(o: &Value, out: &mut Causes) {
    target(o.at("spec.to").unwrap_or(&Value::Null), "spec.to", out);
    let others = o.list_at("spec.alternateBackends");
    if others.len() > 3 {
        let why = "cannot specify more than 3 alternate backends";
        out.required("spec.alternateBackends", why);
    }
    for (i, other) in others.iter().enumerate() {
        target(other, &format!("spec.alternateBackends[{i}]"), out);
    }
}

fn target(target: &Value, path: &str, out: &mut Causes) {
    if target.str_at("name").is_empty() {
        out.required(format!("{path}.name"), "");
    }
    let kind = target.str_at("kind");
    if kind != "Service" {
        out.invalid(format!("{path}.kind"), &json!(kind), "must reference a Service");
    }
    match target.i64_at("weight") {
        Some(w) if !(0..=256).contains(&w) => {
            let why = "weight must be an integer between 0 and 256";
            out.invalid(format!("{path}.weight"), &json!(w), why);
        }
        _ => {}
    }
}

fn tls(o: &Value, out: &mut Causes) {
    let field = |f: &str| format!("spec.tls.{f}");
    let set = |f: &str| !o.str_at(&field(f)).is_empty();
    let termination = o.str_at("spec.tls.termination");
    external(o, termination, out);
    match termination {
        "passthrough" => {
            let why = "passthrough termination does not support certificates";
            let secrets = [
                ("certificate", "redacted certificate data"),
                ("key", "redacted key data"),
                ("caCertificate", "redacted ca certificate data"),
                ("destinationCACertificate", "redacted destination ca certificate data"),
            ];
            for (name, shown) in secrets.into_iter().filter(|(name, _)| set(name)) {
                out.invalid(field(name), &json!(shown), why);
            }
        }
        "edge" if set("destinationCACertificate") => {
            let why = "edge termination does not support destination certificates";
            let shown = json!("redacted destination ca certificate data");
            out.invalid(field("destinationCACertificate"), &shown, why);
        }
        "edge" | "reencrypt" => {}
        other => {
            let known = ["edge", "passthrough", "reencrypt"];
            out.unsupported(field("termination"), &json!(other), &known);
        }
    }
    insecure(o, termination, out);
}

/// A certificate that a secret holds; what the secret must be like is admission's matter.
fn external(o: &Value, termination: &str, out: &mut Causes) {
    let named = o.str_at("spec.tls.externalCertificate.name");
    let own = !o.str_at("spec.tls.certificate").is_empty();
    let why = match termination {
        "passthrough" => "passthrough termination does not support certificates",
        "edge" | "reencrypt" if own => {
            "cannot specify both tls.certificate and tls.externalCertificate"
        }
        _ => return,
    };
    if !named.is_empty() {
        out.invalid("spec.tls.externalCertificate", &json!(named), why);
    }
}

fn insecure(o: &Value, termination: &str, out: &mut Causes) {
    let path = "spec.tls.insecureEdgeTerminationPolicy";
    let policy = o.str_at(path);
    let allowed: &[&str] = match termination {
        _ if policy.is_empty() => return,
        "edge" | "reencrypt" => &["None", "Allow", "Redirect"],
        "passthrough" => &["None", "Redirect"],
        _ => return,
    };
    if !allowed.contains(&policy) {
        let why = format!(
            "invalid value for InsecureEdgeTerminationPolicy option, acceptable values are {}, or empty",
            allowed.join(", ")
        );
        out.invalid(path, &json!(policy), why);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::{
        CellCx,
        openshift::routes::{ROUTE, defaults},
    };

    fn problems(spec: &Value) -> Vec<String> {
        let mut o = json!({"metadata": {"name": "r", "namespace": "n"}, "spec": spec});
        defaults::fill(&mut o);
        let mut causes = Causes::default();
        check(&o, None, &mut causes);
        causes.0.into_iter().map(|c| format!("{}: {}", c.field, c.message)).collect()
    }

    #[test]
    fn wording() {
        let rows: &[(Value, &[&str])] = &[
            (json!({"to": {"name": "s"}}), &[]),
            (json!({}), &["spec.to.name: Required value"]),
            (
                json!({"to": {"name": "s", "weight": 257}}),
                &[
                    "spec.to.weight: Invalid value: 257: weight must be an integer between 0 and 256",
                ],
            ),
            (
                json!({"to": {"name": "s"}, "path": "x"}),
                &["spec.path: Invalid value: \"x\": path must begin with /"],
            ),
            (
                json!({"to": {"name": "s"}, "tls": {"termination": "passthrough", "key": "k"}}),
                &[
                    "spec.tls.key: Invalid value: \"redacted key data\": passthrough termination does not support certificates",
                ],
            ),
            (
                json!({"to": {"name": "s"}, "tls": {"certificate": "c", "externalCertificate": {"name": "e"}}}),
                &[
                    "spec.tls.externalCertificate: Invalid value: \"e\": cannot specify both tls.certificate and tls.externalCertificate",
                ],
            ),
            (
                json!({"to": {"name": "s"}, "tls": {"termination": "passthrough", "externalCertificate": {"name": "e"}}}),
                &[
                    "spec.tls.externalCertificate: Invalid value: \"e\": passthrough termination does not support certificates",
                ],
            ),
            (
                json!({"to": {"name": "s"}, "tls": {"insecureEdgeTerminationPolicy": "X"}}),
                &[
                    "spec.tls.insecureEdgeTerminationPolicy: Invalid value: \"X\": invalid value for InsecureEdgeTerminationPolicy option, acceptable values are None, Allow, Redirect, or empty",
                ],
            ),
            (
                json!({"to": {"name": "s"}, "tls": {"termination": "x"}}),
                &[
                    "spec.tls.termination: Unsupported value: \"x\": supported values: \"edge\", \"passthrough\", \"reencrypt\"",
                ],
            ),
        ];
        for (spec, expected) in rows {
            assert_eq!(problems(spec), *expected, "{spec}");
        }
    }

    #[test]
    fn cells() {
        let cx = CellCx::at("2026-01-02T03:05:05Z".parse().unwrap());
        let row =
            |o: &Value| json!(ROUTE.columns.iter().map(|c| (c.cell)(o, &cx)).collect::<Vec<_>>());
        let plain = json!({"metadata": {"name": "r"}, "spec": {"host": "h", "to": {"name": "a", "weight": 100}, "wildcardPolicy": "None"}});
        assert_eq!(row(&plain), json!(["h", "", "a", "<all>", "", "None"]));
        let admitted = |status: &str| json!({"host": "h", "conditions": [{"type": "Admitted", "status": status, "reason": "HostAlreadyClaimed"}]});
        let mut busy = json!({"spec": {"host": "h", "path": "/p", "port": {"targetPort": "web"},
            "to": {"name": "a", "weight": 30}, "alternateBackends": [{"name": "b", "weight": 10}],
            "tls": {"termination": "edge", "insecureEdgeTerminationPolicy": "Redirect"}, "wildcardPolicy": "None"},
            "status": {"ingress": [admitted("True"), admitted("True")]}});
        assert_eq!(
            row(&busy),
            json!(["h ... 1 more", "/p", "a(75%),b(25%)", "web", "edge/Redirect", "None"])
        );
        busy["status"]["ingress"] = json!([admitted("False")]);
        assert_eq!(row(&busy)[0], "HostAlreadyClaimed");
        busy["status"]["ingress"] = json!([]);
        assert_eq!(row(&busy)[0], "Pending");
    }
}
