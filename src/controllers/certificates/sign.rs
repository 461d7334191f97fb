//! Signs approved requests for Kubernetes' own signers with the cluster's CA.

use super::{
    NODE_CLIENT, REQUESTS, add, has, node_client_problem, node_serving_problem, pem, usages,
};
use crate::{
    controllers::{Controller, Plan, View, Watch, Write},
    object::{ObjectExt, Value, json, time},
    tls::{self, Pair},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;

const API_CLIENT: &str = "kubernetes.io/kube-apiserver-client";
const SERVING: &str = "kubernetes.io/kubelet-serving";
/// Seconds a certificate lasts unless the request asks for less.
const LONGEST: i64 = 365 * 24 * 3600;
const SHORTEST: i64 = 600;
/// Clocks differ: a certificate holds a little before it was made.
const BACKDATE: i64 = 300;
/// Below this the end is not moved back too.
const SHORT: i64 = 8 * 3600;

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "certificate-signing-controller",
    user: "system:serviceaccount:kube-system:certificate-controller",
    watches: &[Watch::Itself(REQUESTS)],
    reconcile,
    ..Controller::BASE
};

fn reconcile(view: &View, key: &str) -> Plan {
    let mut plan = Plan::none();
    let Some(mut request) = view.value(REQUESTS, key) else { return plan };
    let done = !request.str_at("status.certificate").is_empty() || has(&request, "Failed");
    if done || !has(&request, "Approved") {
        return plan;
    }
    let Some(asked) = tls::requested(&pem(&request)) else { return plan };
    let usages = usages(&request);
    let problem = match request.str_at("spec.signerName") {
        API_CLIENT => client_problem(&usages),
        NODE_CLIENT => node_client_problem(&asked, &usages),
        SERVING => node_serving_problem(&asked, &usages),
        _ => return plan,
    };
    match problem.map_or_else(|| issue(view, &request), Err) {
        Ok(certificate) => request.set_at("status.certificate", STANDARD.encode(certificate)),
        Err(why) => add(
            &mut request,
            json!({"type": "Failed", "status": "True", "reason": "SignerValidationFailure",
                "message": why, "lastUpdateTime": time::seconds(view.now)}),
        ),
    }
    plan.write(Write::status(REQUESTS, request));
    plan
}

/// A client's certificate is for signing in and nothing else.
fn client_problem(usages: &[&str]) -> Option<String> {
    const ALLOWED: [&str; 3] = ["client auth", "digital signature", "key encipherment"];
    if !usages.contains(&"client auth") {
        return Some("missing usage client auth".into());
    }
    let other = usages.iter().find(|u| !ALLOWED.contains(u))?;
    Some(format!("invalid usage for client certificate: {other}"))
}

fn issue(view: &View, request: &Value) -> Result<String, String> {
    let ca = Pair { cert: view.settings.ca_pem.clone(), key: view.settings.ca_key_pem.clone() };
    let times = times(request.i64_at("spec.expirationSeconds"), view.now, &ca);
    let text = String::from_utf8(pem(request)).map_err(|e| e.to_string())?;
    tls::sign(&ca, &text, &usages(request), times).map_err(|e| e.to_string())
}

/// From when to when a certificate holds; never longer than the CA.
fn times(seconds: Option<i64>, now: Timestamp, ca: &Pair) -> (Timestamp, Timestamp) {
    let lasts = seconds.unwrap_or(LONGEST).clamp(SHORTEST, LONGEST);
    let back = if lasts < SHORT { 0 } else { BACKDATE };
    let end = time::plus_seconds(now, lasts - back);
    let last = tls::not_after(ca.cert.as_bytes()).unwrap_or(end);
    (time::plus_seconds(now, -BACKDATE), end.min(last))
}
