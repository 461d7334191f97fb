//! Signing requests: nodes' own are approved, approved ones are signed, old ones forgotten.
//! Source: k8s.io/kubernetes `pkg/controller/certificates`.

mod clean;
mod sign;
#[cfg(test)]
mod tests;

pub use clean::CONTROLLER as CLEANER;
pub use sign::CONTROLLER as SIGNER;

use super::{Controller, Plan, View, Watch, Write};
use crate::{
    access::{Attributes, Authorizer},
    api::Caller,
    object::{ObjectExt, Value, json},
    tls::{self, Alternatives, Requested},
};
use base64::{Engine, engine::general_purpose::STANDARD};

const REQUESTS: &str = "certificatesigningrequests.certificates.k8s.io";
const NODE_CLIENT: &str = "kubernetes.io/kube-apiserver-client-kubelet";
const NODES: &str = "system:nodes";
const NODE: &str = "system:node:";

/// Approves what nodes may have without being asked about.
pub static APPROVER: Controller = Controller {
    name: "certificate-controller",
    watches: &[Watch::Itself(REQUESTS)],
    reconcile: approve,
    ..Controller::BASE
};

fn approve(view: &View, key: &str) -> Plan {
    let mut plan = Plan::none();
    let Some(mut request) = view.value(REQUESTS, key) else { return plan };
    let settled = !request.str_at("status.certificate").is_empty()
        || has(&request, "Approved")
        || has(&request, "Denied");
    if settled || request.str_at("spec.signerName") != NODE_CLIENT {
        return plan;
    }
    let Some(asked) = tls::requested(&pem(&request)) else { return plan };
    if node_client_problem(&asked, &usages(&request)).is_some() {
        return plan;
    }
    let own = request.str_at("spec.username") == asked.common_name;
    let ways = [
        (
            own,
            "selfnodeclient",
            "Auto approving self kubelet client certificate after SubjectAccessReview.",
        ),
        (
            true,
            "nodeclient",
            "Auto approving kubelet client certificate after SubjectAccessReview.",
        ),
    ];
    let way = ways.iter().find(|(fits, sub, _)| *fits && may(view, &request, sub));
    if let Some((.., message)) = way {
        let condition = json!({"type": "Approved", "status": "True", "reason": "AutoApproved",
            "message": message});
        add(&mut request, condition);
        plan.write(Write { sub: "approval", ..Write::update(REQUESTS, request) });
    }
    plan
}

/// Whether who asks may have such a certificate.
fn may(view: &View, request: &Value, sub: &str) -> bool {
    let groups = request.list_at("spec.groups").iter().filter_map(Value::as_str);
    let caller = Caller {
        name: request.str_at("spec.username").into(),
        groups: groups.map(Into::into).collect(),
        ..Caller::default()
    };
    let ask = Attributes {
        verb: "create",
        group: "certificates.k8s.io",
        resource: "certificatesigningrequests",
        sub,
        ..Attributes::default()
    };
    Authorizer::default().authorize(&view.objects, &caller, &ask).allowed
}

fn has(request: &Value, condition: &str) -> bool {
    let is = |c: &Value| c.str_at("type") == condition && c.str_at("status") == "True";
    request.list_at("status.conditions").iter().any(is)
}

fn add(request: &mut Value, condition: Value) {
    let mut all = request.list_at("status.conditions").to_vec();
    all.push(condition);
    request.set_at("status.conditions", all);
}

fn pem(request: &Value) -> Vec<u8> {
    STANDARD.decode(request.str_at("spec.request")).unwrap_or_default()
}

/// Sorted, each once.
fn usages(request: &Value) -> Vec<&str> {
    let mut usages: Vec<&str> =
        request.list_at("spec.usages").iter().filter_map(Value::as_str).collect();
    usages.sort_unstable();
    usages.dedup();
    usages
}

/// Why this is no certificate with which a node signs in.
fn node_client_problem(asked: &Requested, usages: &[&str]) -> Option<String> {
    let Alternatives { dns, ip, email, uri } = asked.alternatives;
    let rules = [
        (asked.organizations != [NODES], "subject organization is not system:nodes"),
        (dns > 0, "DNS subjectAltNames are not allowed"),
        (email > 0, "Email subjectAltNames are not allowed"),
        (ip > 0, "IP subjectAltNames are not allowed"),
        (uri > 0, "URI subjectAltNames are not allowed"),
        (
            !asked.common_name.starts_with(NODE),
            "subject common name does not begin with system:node:",
        ),
    ];
    broken(&rules).or_else(|| usage_problem(usages, "client auth"))
}

/// Why this is no certificate under which a node's kubelet serves.
fn node_serving_problem(asked: &Requested, usages: &[&str]) -> Option<String> {
    let Alternatives { dns, ip, email, uri } = asked.alternatives;
    let rules = [
        (asked.organizations != [NODES], "subject organization is not system:nodes"),
        (dns + ip == 0, "DNS or IP subjectAltName is required"),
        (email > 0, "Email subjectAltNames are not allowed"),
        (uri > 0, "URI subjectAltNames are not allowed"),
    ];
    let named = (
        !asked.common_name.starts_with(NODE),
        "subject common name does not begin with system:node:",
    );
    broken(&rules).or_else(|| usage_problem(usages, "server auth")).or_else(|| broken(&[named]))
}

fn broken(rules: &[(bool, &str)]) -> Option<String> {
    rules.iter().find(|(broken, _)| *broken).map(|(_, why)| (*why).to_owned())
}

/// The usages must be these, with or without the one that only RSA keys need.
fn usage_problem(usages: &[&str], auth: &str) -> Option<String> {
    let mut wanted = [auth, "digital signature", "key encipherment"];
    wanted.sort_unstable();
    let without = wanted.iter().filter(|u| **u != "key encipherment");
    let fits = usages == wanted || usages.iter().eq(without);
    (!fits).then(|| format!("usages did not match [{}]", wanted.join(" ")))
}
