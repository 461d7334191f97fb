//! Asks whether somebody else than the controller itself may do something.

use super::Write;
use crate::{
    error::Error,
    kinds::{AccessReview, GroupVersionResource},
    object::{ObjectExt, Value, json},
    store::Entry,
};
use std::sync::Arc;

/// Asks whether a user (a `UserInfo`) has a right.
pub fn ask(right: AccessReview<'_>, requester: &Value) -> Write {
    let part = |field: &str| requester.get(field).cloned().unwrap_or_default();
    let AccessReview { verb, group, resource, namespace, name, .. } = right;
    Write::create(
        "subjectaccessreviews.authorization.k8s.io",
        json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {
            "user": part("username"), "uid": requester.str_at("uid"),
            "groups": part("groups"), "extra": part("extra"),
            "resourceAttributes": {"namespace": namespace, "verb": verb,
                "group": group, "resource": resource, "name": name}}}),
    )
}

/// Why the answer to a question is no; nothing when it is yes, or none.
/// Source: library-go `pkg/authorization/authorizationutil`.
pub fn refused(answer: &Result<Option<Arc<Entry>>, Error>) -> Option<String> {
    let review = match answer {
        Err(error) => return Some(error.to_string()),
        Ok(answer) => answer.as_ref()?.value(),
    };
    if review.str_at("kind") != "SubjectAccessReview" || review.is_true("status.allowed") {
        return None;
    }
    let part = |field: &str| review.str_at(&format!("spec.resourceAttributes.{field}"));
    let (group, plural, name) = (part("group"), part("resource"), part("name"));
    let (user, verb, namespace) = (review.str_at("spec.user"), part("verb"), part("namespace"));
    let why = match review.str_at("status.reason") {
        "" => format!("User {user:?} cannot {verb} {plural} in project {namespace:?}"),
        reason => reason.to_owned(),
    };
    let resource = if group.is_empty() { plural.into() } else { format!("{plural}.{group}") };
    Some(match name {
        "" => format!("{resource} is forbidden: {why}"),
        name => format!("{resource} {name:?} is forbidden: {why}"),
    })
}

/// The resource and the name that a question is about.
pub fn asked(question: &Value) -> (String, &str) {
    let part = |field: &str| question.str_at(&format!("spec.resourceAttributes.{field}"));
    let (group, resource) = (part("group"), part("resource"));
    (GroupVersionResource { group, version: "v1", resource }.to_string(), part("name"))
}
