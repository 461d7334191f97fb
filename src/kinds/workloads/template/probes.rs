//! Probes and lifecycle handlers of a container.

use crate::{error::Causes, kinds::workloads::field::Field, object::json};

/// The three probes of one container.
pub fn all(container: &Field<'_>, grace: Option<i64>, out: &mut Causes) {
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let probe = container.get(name);
        if probe.is_set() {
            one(&probe, name, grace, out);
        }
    }
}

fn one(probe: &Field<'_>, name: &str, grace: Option<i64>, out: &mut Causes) {
    handler(probe, grace, out);
    let counts = [
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
    ];
    counts.iter().for_each(|c| probe.get(c).nonnegative(out));
    let own_grace = probe.get("terminationGracePeriodSeconds");
    if own_grace.int().is_some_and(|n| n <= 0) {
        own_grace.invalid(out, "must be greater than 0");
    }
    if name == "readinessProbe" {
        if own_grace.is_set() {
            own_grace.invalid(out, "must not be set for readinessProbes");
        }
    } else if probe.get("successThreshold").int_or_zero() != 1 {
        let threshold = probe.get("successThreshold");
        out.invalid(&threshold.path, &json!(threshold.int_or_zero()), "must be 1");
    }
}

/// `postStart` and `preStop`.
pub fn lifecycle(lifecycle: &Field<'_>, grace: Option<i64>, out: &mut Causes) {
    for name in ["postStart", "preStop"] {
        let hook = lifecycle.get(name);
        if hook.is_set() {
            handler(&hook, grace, out);
        }
    }
}

fn handler(field: &Field<'_>, grace: Option<i64>, out: &mut Causes) {
    let kinds = ["exec", "httpGet", "tcpSocket", "grpc", "sleep"];
    let mut found = kinds.iter().map(|k| field.get(k)).filter(Field::is_set);
    let Some(first) = found.next() else {
        field.required(out, "must specify a handler type");
        return;
    };
    action(&first, grace, out);
    for extra in found {
        extra.forbidden(out, "may not specify more than 1 handler type");
    }
}

fn action(action: &Field<'_>, grace: Option<i64>, out: &mut Causes) {
    match action.path.rsplit('.').next().unwrap_or("") {
        "exec" => {
            if action.get("command").list().is_empty() {
                action.get("command").required(out, "");
            }
        }
        "httpGet" => http_get(action, out),
        "sleep" => {
            let seconds = action.get("seconds").int_or_zero();
            if let Some(grace) = grace.filter(|g| seconds < 0 || seconds > *g) {
                let why = format!(
                    "must be non-negative and less than terminationGracePeriodSeconds ({grace})"
                );
                out.invalid(&action.path, &json!(seconds), why);
            }
        }
        _ => action.get("port").port_or_name(out),
    }
}

fn http_get(get: &Field<'_>, out: &mut Causes) {
    get.get("path").needs_text(out);
    get.get("port").port_or_name(out);
    if !matches!(get.get("scheme").text(), "HTTP" | "HTTPS") {
        get.get("scheme").unsupported(out, &["HTTP", "HTTPS"]);
    }
    for header in get.get("httpHeaders").items() {
        let name = header.get("name").text();
        let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if !plain {
            out.invalid(get.get("httpHeaders").path, &json!(name), "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')");
        }
    }
}
