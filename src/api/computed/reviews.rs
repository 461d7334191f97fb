//! Who am I, whose token is this, may somebody do something: answered from the code that decides
//! requests. Sources: k8s.io/kubernetes `pkg/registry/{authentication,authorization}`.

use super::{Handled, answer};
use crate::{
    access::{Attributes, jwt, rules::Rule, scopes},
    api::{Answer, Caller, Request, Server, meta},
    error::{Causes, Error},
    kinds::Served,
    object::{Map, ObjectExt, Value, json},
};
use futures_util::future::FutureExt;
use std::sync::Arc;

/// What a request asks with: its body by its type, and warnings about it.
///
/// # Errors
/// 400 in upstream's words.
pub(super) fn body(server: &Server, request: &Request) -> Result<(Value, Vec<String>), Error> {
    let (sent, duplicates) = request.object()?;
    let (mut review, mut warnings) = (sent.clone(), Vec::new());
    server.decode(request, &mut review, duplicates, &mut warnings)?;
    meta::normalise(&mut review);
    if request.kind.namespaced && review.namespace().is_empty() {
        review.set_at("metadata.namespace", request.namespace.as_str());
    }
    Ok((review, warnings))
}

/// A question has no metadata of its own, but perhaps a namespace.
pub(super) fn no_metadata(kind: &Served, review: &Value, why: &str, causes: &mut Causes) {
    let nothing = |v: &Value| match v {
        Value::Null => true,
        Value::String(s) => s.is_empty(),
        Value::Array(a) => a.is_empty(),
        Value::Object(o) => o.is_empty(),
        Value::Number(n) => n.as_i64() == Some(0),
        Value::Bool(_) => false,
    };
    let own = |key: &str| key == "managedFields" || (key == "namespace" && kind.namespaced);
    let metadata = review.map_at("metadata").into_iter().flatten();
    if metadata.into_iter().any(|(key, value)| !own(key) && !nothing(value)) {
        let shown = review.at("metadata").cloned().unwrap_or_default();
        causes.invalid("metadata", &shown, why);
    }
}

/// Refuses a question with which something is wrong.
pub(super) fn refuse(kind: &str, review: &Value, causes: Causes) -> Result<(), Error> {
    if causes.is_empty() {
        return Ok(());
    }
    Err(Error::Invalid { kind: kind.into(), name: review.name().into(), causes: causes.into_vec() })
}

/// An answer to a question, with what was said of it.
pub(super) fn told(review: Value, warnings: Vec<String>) -> Answer {
    Answer { warnings, ..answer(201, review) }
}

/// A list of strings in a body.
pub(super) fn strings(value: &Value, path: &str) -> Vec<String> {
    value.list_at(path).iter().filter_map(|v| Some(v.as_str()?.to_owned())).collect()
}

fn user_info(caller: &Caller) -> Value {
    let mut info = json!({"username": caller.name, "groups": caller.groups});
    if !caller.uid.is_empty() {
        info.set_at("uid", caller.uid.as_str());
    }
    if !caller.extra.is_empty() {
        let extra: Map = caller.extra.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
        info.set_at("extra", extra);
    }
    info
}

/// `SelfSubjectReview`.
pub fn who_am_i(server: Arc<Server>, request: Request) -> Handled {
    async move {
        let (mut review, warnings) = body(&server, &request)?;
        review.set_at("status", json!({"userInfo": user_info(&request.caller)}));
        Ok(told(review, warnings))
    }
    .boxed_local()
}

/// `TokenReview`.
pub fn token(server: Arc<Server>, request: Request) -> Handled {
    async move {
        let (mut review, warnings) = body(&server, &request)?;
        let token = review.str_at("spec.token").to_owned();
        if token.is_empty() {
            return Err(Error::BadRequest(
                "token is required for TokenReview in authentication".into(),
            ));
        }
        let (snapshot, now) = (server.store.snapshot(), server.world.clock.now());
        let asked = strings(&review, "spec.audiences");
        let found = if jwt::is_jwt(&token) {
            server.access.by_service_account_token(&snapshot, now, &token, &asked)
        } else {
            // Other tokens are for this API and nobody else.
            let own = server.access.signer.audiences();
            let here = asked.is_empty() || asked.iter().any(|a| own.contains(a));
            let caller = server.access.by_token(&snapshot, now, &token).filter(|_| here);
            caller.map(|c| (c, own.to_vec()))
        };
        let status = match found {
            Some((caller, audiences)) => {
                json!({"authenticated": true, "user": user_info(&caller), "audiences": audiences})
            }
            None => json!({"user": {}, "error": "[invalid bearer token]"}),
        };
        review.set_at("status", status);
        Ok(told(review, warnings))
    }
    .boxed_local()
}

/// Whoever `spec` is about.
fn subject(spec: &Value) -> Caller {
    let extra = spec.map_at("extra").into_iter().flatten();
    let extra: Vec<(String, Vec<String>)> = extra
        .map(|(key, values)| {
            let values = values.as_array().into_iter().flatten();
            (key.to_string(), values.filter_map(|v| Some(v.as_str()?.to_owned())).collect())
        })
        .collect();
    let scopes = extra.iter().find(|(key, _)| key == scopes::EXTRA);
    Caller {
        name: spec.str_at("user").into(),
        uid: spec.str_at("uid").into(),
        groups: strings(spec, "groups"),
        scopes: scopes.map(|(_, values)| values.clone()).unwrap_or_default(),
        extra,
    }
}

fn wanted(spec: &Value) -> Attributes<'_> {
    if let Some(path) = spec.at("nonResourceAttributes").filter(|v| v.is_object()) {
        return Attributes::path(path.str_at("verb"), path.str_at("path"));
    }
    let at = |field: &str| spec.at("resourceAttributes").map_or("", |a| a.str_at(field));
    Attributes {
        verb: at("verb"),
        group: at("group"),
        resource: at("resource"),
        sub: at("subresource"),
        namespace: at("namespace"),
        name: at("name"),
        path: "",
    }
}

fn check_spec(request: &Request, review: &Value, about_others: bool) -> Result<(), Error> {
    let mut causes = Causes::default();
    let part = |name: &str| review.at("spec").and_then(|s| s.get(name)).filter(|v| !v.is_null());
    let paths = part("nonResourceAttributes");
    match (part("resourceAttributes"), paths) {
        (Some(_), Some(other)) => causes.invalid(
            "spec.nonResourceAttributes",
            other,
            "cannot be specified in combination with resourceAttributes",
        ),
        (None, None) => causes.invalid(
            "spec.resourceAttributes",
            &Value::Null,
            "exactly one of nonResourceAttributes or resourceAttributes must be specified",
        ),
        _ => {}
    }
    if about_others
        && review.str_at("spec.user").is_empty()
        && review.list_at("spec.groups").is_empty()
    {
        causes.invalid("spec.user", &json!(""), "at least one of user or group must be specified");
    }
    let except = if request.kind.namespaced { " except for namespace" } else { "" };
    no_metadata(&request.kind, review, &format!("must be empty{except}"), &mut causes);
    if request.kind.namespaced {
        let namespace = part("resourceAttributes").map(|a| a.str_at("namespace"));
        if let Some(other) = namespace.filter(|n| *n != review.namespace()) {
            let why = "must match metadata.namespace";
            causes.invalid("spec.resourceAttributes.namespace", &json!(other), why);
        }
        if let Some(other) = paths {
            let why = "disallowed on this kind of request";
            causes.invalid("spec.nonResourceAttributes", other, why);
        }
    }
    refuse(request.kind.kind_group(), review, causes)
}

/// `SubjectAccessReview` and `LocalSubjectAccessReview`.
pub fn access(server: Arc<Server>, request: Request) -> Handled {
    async move {
        let (review, warnings) = body(&server, &request)?;
        check_spec(&request, &review, true)?;
        let caller = subject(review.at("spec").unwrap_or(&Value::Null));
        Ok(told(decided(&server, review, &caller), warnings))
    }
    .boxed_local()
}

/// `SelfSubjectAccessReview`.
pub fn own_access(server: Arc<Server>, request: Request) -> Handled {
    async move {
        let (review, warnings) = body(&server, &request)?;
        check_spec(&request, &review, false)?;
        Ok(told(decided(&server, review, &request.caller), warnings))
    }
    .boxed_local()
}

fn decided(server: &Server, mut review: Value, caller: &Caller) -> Value {
    let snapshot = server.store.snapshot();
    let spec = review.at("spec").cloned().unwrap_or_default();
    let decision = server.access.authorizer.authorize(&snapshot, caller, &wanted(&spec));
    let mut status = json!({"allowed": decision.allowed});
    if !decision.reason.is_empty() {
        status.set_at("reason", decision.reason);
    }
    review.set_at("status", status);
    review
}

/// `SelfSubjectRulesReview` of authorization.k8s.io.
pub fn own_rules(server: Arc<Server>, request: Request) -> Handled {
    async move {
        let (mut review, warnings) = body(&server, &request)?;
        let namespace = review.str_at("spec.namespace").to_owned();
        if namespace.is_empty() {
            return Err(Error::BadRequest("no namespace on request".into()));
        }
        let snapshot = server.store.snapshot();
        let (rules, missing) =
            server.access.authorizer.rules_for(&snapshot, &request.caller, &namespace);
        let (mut resources, mut paths) = (Vec::new(), Vec::new());
        for rule in &rules {
            if rule.non_resource_urls.is_empty() {
                resources.push(resource_rule(rule));
            } else {
                paths.push(json!({"verbs": rule.verbs, "nonResourceURLs": rule.non_resource_urls}));
            }
        }
        let mut status = json!({
            "resourceRules": resources, "nonResourceRules": paths, "incomplete": false,
        });
        if !missing.is_empty() {
            status.set_at("evaluationError", missing.join(", "));
        }
        review.set_at("status", status);
        Ok(told(review, warnings))
    }
    .boxed_local()
}

fn resource_rule(rule: &Rule) -> Value {
    let mut value = json!({
        "verbs": rule.verbs, "apiGroups": rule.api_groups, "resources": rule.resources,
    });
    if !rule.resource_names.is_empty() {
        value.set_at("resourceNames", json!(rule.resource_names));
    }
    value
}
