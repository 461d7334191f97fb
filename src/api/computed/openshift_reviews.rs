//! The reviews of authorization.openshift.io, which `oc` still sends.
//! Source: openshift-apiserver `pkg/authorization/apiserver/registry`.

use super::{
    Handled,
    reviews::{body, no_metadata, refuse, strings, told},
};
use crate::{
    access::{
        Attributes,
        rbac::{Binding, CLUSTER_ROLE_BINDINGS, MASTERS, ROLE_BINDINGS},
        rules::{ResourceAction, Rules},
    },
    api::{Caller, Request, Server},
    error::{Causes, Error},
    kinds::Served,
    object::{ObjectExt, Value, json},
    store::Snapshot,
};
use futures_util::future::FutureExt;
use std::{collections::BTreeSet, sync::Arc};

/// What a review asks about; its fields stand at the top of the body.
fn wanted<'a>(review: &'a Value, namespace: &'a str) -> Attributes<'a> {
    if review.is_true("isNonResourceURL") {
        return Attributes::path(review.str_at("verb"), review.str_at("path"));
    }
    let (resource, sub) = match review.str_at("resource").split_once('/') {
        Some((resource, sub)) => (resource, sub),
        None => (review.str_at("resource"), ""),
    };
    Attributes {
        verb: review.str_at("verb"),
        group: review.str_at("resourceAPIGroup"),
        resource,
        sub,
        namespace,
        name: review.str_at("resourceName"),
        path: "",
    }
}

/// Checks what is asked about. Source: `pkg/authorization/apis/authorization/validation`, which says
/// the kind without its group.
fn check(kind: &Served, review: &Value) -> Result<(), Error> {
    let mut causes = Causes::default();
    if review.str_at("verb").is_empty() {
        causes.required("verb", "");
    }
    if review.is_true("isNonResourceURL") {
        if review.str_at("path").is_empty() {
            causes.required("path", "");
        }
        for (field, name) in [
            ("resource", "resource"),
            ("resourceAPIGroup", "group"),
            ("resourceAPIVersion", "version"),
            ("resourceName", "resourceName"),
            ("namespace", "namespace"),
        ] {
            let given = review.str_at(field);
            if !given.is_empty() {
                let why = format!("{name} may not be specified with non resource URLs");
                causes.invalid(name, &json!(given), why);
            }
        }
        if review.get("content").is_some_and(|c| !c.is_null()) {
            let why = "content may not be specified with non resource URLs";
            causes.invalid("content", &Value::Null, why);
        }
    } else if review.str_at("resource").is_empty() {
        causes.required("resource", "");
    }
    no_metadata(kind, review, "must be empty", &mut causes);
    refuse(&kind.kind, review, causes)
}

fn place(request: &Request, review: &Value) -> String {
    if request.kind.namespaced {
        request.namespace.clone()
    } else {
        review.str_at("namespace").into()
    }
}

/// What a caller must be allowed to create in the namespace a review is about: group and resource.
const OWN: (&str, &str) = ("authorization.k8s.io", "selfsubjectaccessreviews");
const OTHERS: (&str, &str) = ("", "localsubjectaccessreviews");
const WHO: (&str, &str) = ("", "localresourceaccessreviews");

/// Whether the caller may ask about a namespace. That he may ask for the whole cluster, or in the
/// namespace of the path, was decided before the body was read. Source: `isAllowed` of the reviews.
fn may_ask(
    server: &Server,
    request: &Request,
    namespace: &str,
    (group, resource): (&str, &str),
) -> Result<(), Error> {
    let ask =
        Attributes { verb: "create", group, resource, sub: "", namespace, name: "", path: "" };
    let snapshot = server.store.snapshot();
    let decision = server.access.authorizer.authorize(&snapshot, &request.caller, &ask);
    if decision.allowed {
        return Ok(());
    }
    let about = format!("{resource}.authorization.openshift.io");
    Err(Error::forbidden(&about, "", decision.reason))
}

/// `SubjectAccessReview` and `LocalSubjectAccessReview`; without user and groups, about the caller.
pub fn access(server: Arc<Server>, request: Request) -> Handled {
    async move {
        let (review, warnings) = body(&server, &request)?;
        check(&request.kind, &review)?;
        let namespace = place(&request, &review);
        let (user, groups) = (review.str_at("user"), strings(&review, "groups"));
        let own = user.is_empty() && groups.is_empty();
        may_ask(&server, &request, &namespace, if own { OWN } else { OTHERS })?;
        let mut caller = if own {
            (*request.caller).clone()
        } else {
            Caller { name: user.into(), groups, ..Caller::default() }
        };
        if review.at("scopes").is_some_and(Value::is_array) {
            caller.scopes = strings(&review, "scopes");
        }
        let snapshot = server.store.snapshot();
        let attributes = wanted(&review, &namespace);
        let decision = server.access.authorizer.authorize(&snapshot, &caller, &attributes);
        Ok(told(
            json!({
                "kind": "SubjectAccessReviewResponse", "apiVersion": request.kind.api_version(),
                "namespace": namespace, "allowed": decision.allowed, "reason": decision.reason,
            }),
            warnings,
        ))
    }
    .boxed_local()
}

/// `ResourceAccessReview` and `LocalResourceAccessReview`: who may do something.
pub fn who_can(server: Arc<Server>, request: Request) -> Handled {
    async move {
        let (review, warnings) = body(&server, &request)?;
        check(&request.kind, &review)?;
        let namespace = place(&request, &review);
        may_ask(&server, &request, &namespace, WHO)?;
        let (users, groups) = allowed(&server.store.snapshot(), &wanted(&review, &namespace));
        Ok(told(
            json!({
                "kind": "ResourceAccessReviewResponse", "apiVersion": request.kind.api_version(),
                "namespace": namespace, "users": users, "groups": groups, "evalutionError": "",
            }),
            warnings,
        ))
    }
    .boxed_local()
}

/// Users and groups that a binding gives a role which allows this.
fn allowed(snapshot: &Snapshot, wanted: &Attributes<'_>) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut users = BTreeSet::new();
    let mut groups = BTreeSet::from([MASTERS.to_owned()]);
    let target = ResourceAction {
        verb: wanted.verb,
        group: wanted.group,
        resource: wanted.resource,
        sub: wanted.sub,
        name: wanted.name,
    };
    let mut look = |binding: &Binding, home: &str| {
        let Some(role) = binding.role_ref.find(snapshot, home) else { return };
        let rules = role.lens::<Rules>();
        let allows = match wanted.path {
            "" => rules.allow(&target),
            path => rules.allow_url(wanted.verb, path),
        };
        for subject in binding.subjects().iter().filter(|_| allows) {
            let _ = match subject.kind.as_str() {
                "Group" => groups.insert(subject.name.clone()),
                "User" => users.insert(subject.name.clone()),
                _ => users.insert(format!(
                    "system:serviceaccount:{}:{}",
                    subject.namespace, subject.name
                )),
            };
        }
    };
    for entry in snapshot.list(CLUSTER_ROLE_BINDINGS, "") {
        look(&entry.lens::<Binding>(), "");
    }
    if !wanted.namespace.is_empty() {
        for entry in snapshot.list(ROLE_BINDINGS, wanted.namespace) {
            look(&entry.lens::<Binding>(), wanted.namespace);
        }
    }
    (users, groups)
}

/// `SelfSubjectRulesReview` and `SubjectRulesReview`.
pub fn rules(server: Arc<Server>, request: Request) -> Handled {
    async move {
        let (mut review, warnings) = body(&server, &request)?;
        let own = request.kind.kind == "SelfSubjectRulesReview";
        let mut causes = Causes::default();
        let asks = |path: &str| !review.str_at(path).is_empty();
        if !own && !asks("spec.user") && review.list_at("spec.groups").is_empty() {
            causes.required("user", "at least one of user and groups must be specified");
        }
        no_metadata(&request.kind, &review, "must be empty", &mut causes);
        refuse(&request.kind.kind, &review, causes)?;
        let mut caller = if own {
            (*request.caller).clone()
        } else {
            let groups = strings(&review, "spec.groups");
            Caller { name: review.str_at("spec.user").into(), groups, ..Caller::default() }
        };
        caller.scopes.clear();
        let snapshot = server.store.snapshot();
        let authorizer = &server.access.authorizer;
        let (rules, missing) = authorizer.rules_for(&snapshot, &caller, &request.namespace);
        let rules: Vec<Value> = rules
            .iter()
            .map(|r| {
                let mut rule = json!({
                    "verbs": r.verbs, "attributeRestrictions": null, "apiGroups": r.api_groups,
                    "resources": r.resources,
                });
                if !r.resource_names.is_empty() {
                    rule.set_at("resourceNames", json!(r.resource_names));
                }
                if !r.non_resource_urls.is_empty() {
                    rule.set_at("nonResourceURLs", json!(r.non_resource_urls));
                }
                rule
            })
            .collect();
        let mut status = json!({"rules": rules});
        if !missing.is_empty() {
            status.set_at("evaluationError", missing.join(", "));
        }
        review.set_at("status", status);
        Ok(told(review, warnings))
    }
    .boxed_local()
}
