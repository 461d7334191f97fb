//! The `scale` subresource: an `autoscaling/v1` Scale over an object's replica count.
//! Source: Kubernetes `pkg/registry/apps/*/storage`.

use super::{
    Answer, Body, Item, PatchType, Request, Server, Verb,
    server::{one, refuse},
};
use crate::{
    error::{Causes, Error},
    kinds::Kind,
    object::{ObjectExt, Value, json, selector::Labels},
    patch, schema,
};
use std::sync::Arc;

impl Server {
    pub(super) async fn scale(self: &Arc<Self>, request: Request) -> Result<Answer, Error> {
        let snapshot = self.store.snapshot();
        let (_, parent) = Server::stored(&snapshot, &request)?;
        let now = scale_of(request.kind, &parent);
        let wanted = match (&request.verb, &request.body) {
            (Verb::Get, _) => return Ok(one(200, Item::Value(now), Vec::new())),
            (Verb::Update, Body::Object(scale, _)) => scale.clone(),
            (Verb::Patch, Body::Patch(form, patch)) => patched(&now, *form, patch)?,
            _ => return Err(Error::MethodNotAllowed),
        };
        check(&request, &wanted, &parent)?;
        let replicas = wanted.i64_at("spec.replicas").unwrap_or(0);
        // A merge patch of the parent: it retries on races, unless the client pinned a revision.
        let mut change = json!({"spec": {"replicas": replicas}});
        let rv = wanted.str_at("metadata.resourceVersion");
        if request.verb == Verb::Update && !rv.is_empty() {
            change["metadata"] = json!({"resourceVersion": rv});
        }
        let mut inner = Request { verb: Verb::Patch, sub: "", ..request.clone() };
        inner.body = Body::Patch(PatchType::Merge, change);
        inner.options.tracked_as = Some("scale");
        let answer = self.patch(inner).await?;
        let super::Response::One(code, item) = answer.response else {
            return Err(Error::Internal("a patch answers one object".into()));
        };
        Ok(one(code, Item::Value(scale_of(request.kind, &item.value())), answer.warnings))
    }
}

fn patched(now: &Value, form: PatchType, body: &Value) -> Result<Value, Error> {
    match form {
        PatchType::Json => patch::json(now, body),
        PatchType::Merge => Ok(patch::merge(now, body)),
        PatchType::Strategic | PatchType::Apply => {
            match schema::find("io.k8s.api.autoscaling.v1.Scale") {
                Some(ty) if form == PatchType::Strategic => patch::strategic(now, body, ty),
                _ => Ok(patch::merge(now, body)),
            }
        }
    }
}

fn check(request: &Request, scale: &Value, parent: &Value) -> Result<(), Error> {
    let uid = scale.uid();
    if !uid.is_empty() && uid != parent.uid() {
        return Err(Error::Conflict {
            resource: request.kind.resource(),
            name: request.name.clone(),
            why: format!(
                "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
                parent.uid()
            ),
        });
    }
    let mut causes = Causes::default();
    let replicas = scale.i64_at("spec.replicas").unwrap_or(0);
    if replicas < 0 {
        causes.invalid("spec.replicas", &json!(replicas), "must be greater than or equal to 0");
    }
    let scale_kind = Kind { kind: "Scale", group: "autoscaling", ..Kind::BASE };
    refuse(&scale_kind, &request.name, causes)
}

/// The Scale of an object.
fn scale_of(kind: &Kind, parent: &Value) -> Value {
    let meta = |path: &str| parent.at(&format!("metadata.{path}")).cloned().unwrap_or_default();
    let selector = match parent.at("spec.selector") {
        Some(map) if kind.kind == "ReplicationController" => Labels::from_map(map).to_string(),
        Some(selector) => Labels::from_object(selector).to_string(),
        None => String::new(),
    };
    let mut scale = json!({
        "apiVersion": "autoscaling/v1", "kind": "Scale",
        "metadata": {
            "name": meta("name"), "namespace": meta("namespace"), "uid": meta("uid"),
            "resourceVersion": meta("resourceVersion"),
            "creationTimestamp": meta("creationTimestamp"),
        },
        "spec": {}, "status": {"replicas": parent.i64_at("status.replicas").unwrap_or(0)},
    });
    if let Some(n) = parent.i64_at("spec.replicas").filter(|n| *n != 0) {
        scale["spec"]["replicas"] = json!(n);
    }
    if !selector.is_empty() {
        scale["status"]["selector"] = json!(selector);
    }
    scale
}
