//! The reviews of security.openshift.io: under which constraint a pod could run, for the caller, for
//! somebody else, or for service accounts.
//! Source: openshift-apiserver `pkg/security/apiserver/registry`.

use super::{
    Handled,
    reviews::{body, no_metadata, refuse, strings, told},
};
use crate::{
    api::{
        Caller, Request, Server, Verb,
        admission::{
            Attributes,
            scc::{Chosen, account, choices},
        },
    },
    error::{Causes, Error},
    kinds::{self, check_pod_spec, default_pod_template},
    object::{ObjectExt, Value, json, name},
    schema,
    store::Snapshot,
};
use futures_util::future::FutureExt;
use std::sync::Arc;

const ACCOUNT: &str = "spec.template.spec.serviceAccountName";

/// A question with defaults in its template, and warnings about it.
fn read(server: &Server, request: &Request) -> Result<(Value, Vec<String>), Error> {
    let (mut review, warnings) = body(server, request)?;
    if let Some(ty) = request.kind.ty() {
        schema::fill_defaults(ty, &mut review);
    }
    default_pod_template(review.at_mut("spec.template"));
    Ok((review, warnings))
}

fn check(request: &Request, review: &Value, more: fn(&Value, &mut Causes)) -> Result<(), Error> {
    let mut causes = Causes::default();
    check_pod_spec(review, "spec.template.spec", &mut causes);
    more(review, &mut causes);
    no_metadata(&request.kind, review, "must be empty", &mut causes);
    // Upstream says the kind without its group.
    refuse(&request.kind.kind, review, causes)
}

/// `PodSecurityPolicySelfSubjectReview`.
pub fn oneself(server: Arc<Server>, request: Request) -> Handled {
    async move {
        let (review, warnings) = read(&server, &request)?;
        check(&request, &review, |_, _| {})?;
        let who = vec![(*request.caller).clone()];
        Ok(told(reviewed(&server, &request, review, who)?, warnings))
    }
    .boxed_local()
}

/// `PodSecurityPolicySubjectReview`.
pub fn subject(server: Arc<Server>, request: Request) -> Handled {
    async move {
        let (review, warnings) = read(&server, &request)?;
        check(&request, &review, |review, causes| {
            let groups = review.list_at("spec.groups");
            let texts = ["spec.user", ACCOUNT];
            if groups.is_empty() && texts.iter().all(|t| review.str_at(t).is_empty()) {
                let why = "at least one of user, groups or serviceAccountName must be specified";
                causes.required("spec.user", why);
            }
        })?;
        let (user, groups) = (review.str_at("spec.user"), strings(&review, "spec.groups"));
        let mut who = Vec::new();
        if !user.is_empty() || !groups.is_empty() {
            who.push(Caller { name: user.into(), groups, ..Caller::default() });
        }
        Ok(told(reviewed(&server, &request, review, who)?, warnings))
    }
    .boxed_local()
}

/// Puts the first constraint that fits into the status of a question about a user; the pod's own
/// service account counts as well.
fn reviewed(
    server: &Server,
    request: &Request,
    mut review: Value,
    mut who: Vec<Caller>,
) -> Result<Value, Error> {
    let named = review.str_at(ACCOUNT).to_owned();
    if !named.is_empty() {
        who.push(account(&request.namespace, &named));
    }
    let (snapshot, kind) = (server.store.snapshot(), pods()?);
    let a = attributes(server, request, &snapshot, &kind);
    let spec = review.at("spec.template.spec").cloned().unwrap_or_default();
    let mut status = empty();
    for chosen in choices(&spec, &who, &a)? {
        fill(&mut status, &chosen, &named);
        if chosen.allowed.is_some() {
            break;
        }
    }
    review.set_at("status", status);
    Ok(review)
}

/// What of a review's status is always there.
fn empty() -> Value {
    json!({"template": {"metadata": {}, "spec": {"containers": null}}})
}

/// The template is shown only to who named a service account; the reason of an earlier refusal stays.
fn fill(status: &mut Value, chosen: &Chosen, named: &str) {
    match &chosen.allowed {
        None => status.set_at("reason", "CantAssignSecurityContextConstraintProvider"),
        Some((reference, spec)) => {
            status.set_at("allowedBy", reference.clone());
            if !named.is_empty() {
                status.set_at("template.spec", spec.clone());
            }
        }
    }
}

/// `PodSecurityPolicyReview`: every constraint that fits, for every service account.
pub fn accounts(server: Arc<Server>, request: Request) -> Handled {
    async move {
        let (mut review, warnings) = read(&server, &request)?;
        check(&request, &review, |review, causes| {
            for (i, account) in review.list_at("spec.serviceAccountNames").iter().enumerate() {
                let (path, text) = (format!("spec.serviceAccountNames[{i}]"), account.as_str());
                match text.unwrap_or("") {
                    "" => causes.invalid(path, account, ""),
                    text => {
                        let problems = name::subdomain_problems(text);
                        if !problems.is_empty() {
                            causes.invalid(path, account, problems.join(", "));
                        }
                    }
                }
            }
        })?;
        let (snapshot, kind) = (server.store.snapshot(), pods()?);
        let names = asked(&review, &snapshot, &request.namespace)?;
        let a = attributes(&server, &request, &snapshot, &kind);
        let spec = review.at("spec.template.spec").cloned().unwrap_or_default();
        let mut allowed = Vec::new();
        for name in names {
            let who = [account(&request.namespace, &name)];
            for chosen in choices(&spec, &who, &a)? {
                let mut status = empty();
                fill(&mut status, &chosen, review.str_at(ACCOUNT));
                status.set_at("name", name.as_str());
                if chosen.allowed.is_some() {
                    allowed.push(status);
                }
            }
        }
        let list = if allowed.is_empty() { Value::Null } else { json!(allowed) };
        review.set_at("status", json!({"allowedServiceAccounts": list}));
        Ok(told(review, warnings))
    }
    .boxed_local()
}

/// The service accounts that are asked about; they must be there.
fn asked(review: &Value, snapshot: &Snapshot, namespace: &str) -> Result<Vec<String>, Error> {
    let mut names = strings(review, "spec.serviceAccountNames");
    if names.is_empty() {
        let own = review.str_at(ACCOUNT);
        names.push(if own.is_empty() { "default" } else { own }.to_owned());
    }
    let absent = names.iter().filter(|n| snapshot.get("serviceaccounts", namespace, n).is_none());
    let absent: Vec<String> = absent
        .map(|n| format!("unable to retrieve ServiceAccount {n}: serviceaccount {n:?} not found"))
        .collect();
    match absent.as_slice() {
        [] => Ok(names),
        [one] => Err(Error::BadRequest(one.clone())),
        all => Err(Error::BadRequest(format!("[{}]", all.join(", ")))),
    }
}

fn pods() -> Result<kinds::Served, Error> {
    kinds::by_resource("pods").ok_or(Error::NoSuchPath)
}

/// A pod's creation, as the plug-in would see it.
fn attributes<'a>(
    server: &'a Server,
    request: &'a Request,
    snapshot: &'a Snapshot,
    kind: &'a kinds::Served,
) -> Attributes<'a> {
    let a = server.attributes(snapshot, request, Verb::Create, "", None);
    Attributes { kind, sub: "", ..a }
}
