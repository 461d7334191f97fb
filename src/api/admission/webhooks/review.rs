//! The question: an `AdmissionRequest`.
//! Source: k8s.io/apiserver `pkg/admission/plugin/webhook/request`, `pkg/endpoints/handlers`.

use super::{
    super::super::{Options, Request, write::Attempt},
    subject::{Fit, Subject},
};
use crate::{
    kinds::Served,
    object::{Value, json},
};

/// Fields of metadata that a new object has only once everybody agreed to change nothing more.
const LATE: [&str; 3] = ["uid", "creationTimestamp", "generation"];

/// The request of a review.
pub fn request(
    uid: &str,
    attempt: &Attempt<'_>,
    fit: &Fit,
    subject: &Subject<'_>,
    object: &Value,
    old: &Value,
) -> Value {
    let request = attempt.request;
    let own = &request.kind;
    let shown = fit.resource.as_ref().unwrap_or(own);
    let [group, version, kind] = &subject.kind;
    let asked_kind = json!({"group": group, "version": version, "kind": kind});
    let shown_kind = match &fit.resource {
        Some(other) if is_whole(object, old, own) => {
            json!({"group": other.group, "version": other.version, "kind": other.kind})
        }
        _ => asked_kind.clone(),
    };
    let mut review = json!({
        "uid": uid,
        "kind": shown_kind,
        "resource": resource(shown),
        "requestKind": asked_kind,
        "requestResource": resource(own),
        "operation": subject.operation,
        "userInfo": user(request),
        "object": object,
        "oldObject": old,
        "dryRun": request.options.dry_run,
        "options": options(request, subject.operation),
    });
    let texts = [
        ("subResource", subject.sub),
        ("requestSubResource", subject.sub),
        ("name", &subject.name),
        ("namespace", subject.namespace()),
    ];
    for (field, text) in texts {
        if !text.is_empty() {
            review[field] = json!(text);
        }
    }
    review
}

/// Whether the object of a request is of its resource's own kind, and not the body of a subresource.
fn is_whole(object: &Value, old: &Value, own: &Served) -> bool {
    [object, old].iter().any(|o| o.get("kind").is_some_and(|k| k == &*own.kind))
}

fn resource(kind: &Served) -> Value {
    json!({"group": kind.group, "version": kind.version, "resource": kind.plural})
}

fn user(request: &Request) -> Value {
    let caller = &request.caller;
    let mut user = json!({"username": caller.name});
    if !caller.uid.is_empty() {
        user["uid"] = json!(caller.uid);
    }
    if !caller.groups.is_empty() {
        user["groups"] = json!(caller.groups);
    }
    if !caller.extra.is_empty() {
        user["extra"] = caller.extra.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
    }
    user
}

/// The options of a request as the object they are. A patch comes as an update.
fn options(request: &Request, operation: &str) -> Value {
    let options = &request.options;
    let given = |name: &str| {
        let all = options.parameters.iter();
        all.filter(|(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.as_str()).next()
    };
    let mut shown = match operation {
        "CREATE" => json!({"kind": "CreateOptions"}),
        "UPDATE" => json!({"kind": "UpdateOptions"}),
        "DELETE" => deletion(options),
        _ => return Value::Null,
    };
    shown["apiVersion"] = json!("meta.k8s.io/v1");
    if options.dry_run {
        shown["dryRun"] = json!(["All"]);
    }
    if operation != "DELETE" {
        for name in ["fieldManager", "fieldValidation"] {
            if let Some(text) = given(name) {
                shown[name] = json!(text);
            }
        }
    }
    shown
}

fn deletion(options: &Options) -> Value {
    let mut shown = json!({"kind": "DeleteOptions"});
    if let Some(grace) = options.grace_period {
        shown["gracePeriodSeconds"] = json!(grace);
    }
    for (name, text) in
        [("uid", &options.precondition_uid), ("resourceVersion", &options.precondition_rv)]
    {
        if !text.is_empty() {
            shown["preconditions"][name] = json!(text);
        }
    }
    if let Some(orphan) = options.orphan_dependents {
        shown["orphanDependents"] = json!(orphan);
    }
    if !options.propagation.is_empty() {
        shown["propagationPolicy"] = json!(options.propagation);
    }
    shown
}

/// Takes from a new object what upstream gives it later; answers it, to be put back.
pub fn without_late(object: &mut Value) -> Vec<(&'static str, Value)> {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else {
        return Vec::new();
    };
    LATE.iter().filter_map(|f| Some((*f, metadata.remove(f)?))).collect()
}

/// Puts it back, whatever was made of it meanwhile.
pub fn with_late(object: &mut Value, late: Vec<(&'static str, Value)>) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    LATE.iter().for_each(|f| drop(metadata.remove(f)));
    metadata.extend(late.into_iter().map(|(f, v)| (f.into(), v)));
}
