//! The `scale` subresource: an `autoscaling/v1` Scale over an object's replica count.
//! Source: Kubernetes `pkg/registry/apps/*/storage`.

use super::{
    Answer, Body, Item, PatchType, Request, Response, Server, Verb, meta, misfit,
    server::{one, refuse},
    update::check_patch_options,
    write::{Attempt, Draft, lists},
};
use crate::{
    error::{Causes, Error},
    kinds::{Column, Kind, Served, ServedKind, columns, custom},
    object::{ObjectExt, Value, json, selector::Labels},
    patch::{self, Root, managed},
    store::Snapshot,
};
use std::sync::{Arc, LazyLock};

/// What the body of a request for a scale is.
static SCALE: LazyLock<ServedKind> = LazyLock::new(|| {
    ServedKind::of(&Kind {
        group: "autoscaling",
        kind: "Scale",
        plural: "scales",
        schema: "io.k8s.api.autoscaling.v1.Scale",
        columns: COLUMNS,
        ..Kind::BASE
    })
});

/// The same of a custom kind: its cells are what stands there, and zero does not.
static CUSTOM_SCALE: LazyLock<ServedKind> = LazyLock::new(|| {
    ServedKind::of(&Kind {
        group: "autoscaling",
        kind: "Scale",
        plural: "scales",
        schema: "io.k8s.api.autoscaling.v1.Scale",
        columns: CUSTOM_COLUMNS,
        ..Kind::BASE
    })
});

const COLUMNS: &[Column] = &[
    Column::int("Desired", "Number of desired replicas", |o, _| {
        json!(o.i64_at("spec.replicas").unwrap_or(0))
    }),
    Column::int("Available", "Number of actual replicas", |o, _| {
        json!(o.i64_at("status.replicas").unwrap_or(0))
    }),
    columns::AGE,
];

const CUSTOM_COLUMNS: &[Column] = &[
    Column::int("Desired", "Number of desired replicas", |o, _| json!(o.at("spec.replicas"))),
    Column::int("Available", "Number of actual replicas", |o, _| json!(o.at("status.replicas"))),
    Column { kind: "date", ..columns::AGE },
];

/// The same, older, as DeploymentConfigs have it. The two differ in what the status says, and
/// nobody writes that.
static OLD_SCALE: LazyLock<ServedKind> = LazyLock::new(|| {
    ServedKind::of(&Kind {
        group: "extensions",
        version: "v1beta1",
        kind: "Scale",
        plural: "scales",
        schema: "io.k8s.api.autoscaling.v1.Scale",
        columns: COLUMNS,
        ..Kind::BASE
    })
});

/// Whether a kind has the older one.
fn is_old(kind: &Served) -> bool {
    kind.sub("scale").is_some_and(|s| s.body.0 == "extensions")
}

/// What a request for a kind's scale sends and gets.
pub fn form(kind: &Served) -> Served {
    Served::BuiltIn(match kind.custom {
        Some(_) => &CUSTOM_SCALE,
        None if is_old(kind) => &OLD_SCALE,
        None => &SCALE,
    })
}

impl Server {
    pub(super) async fn scale(
        self: &Arc<Self>,
        snapshot: Arc<Snapshot>,
        request: Request,
    ) -> Result<Answer, Error> {
        let (_, parent) = self.found(&snapshot, &request).await?;
        let now = scale_of(&request.kind, &parent)?;
        let form = form(&request.kind);
        let asked = Request { kind: form.clone(), sub: "", ..request.clone() };
        let mut duplicates: &[String] = &[];
        let mut wanted = match (&request.verb, &request.body) {
            (Verb::Get, _) => return Ok(one(200, Item::Value(now), Vec::new())),
            (Verb::Update, Body::Object(scale, twice)) => {
                duplicates = twice;
                scale.clone()
            }
            (Verb::Update, Body::Empty) => return Err(misfit::nothing(&form)),
            (Verb::Patch, Body::Patch(how, patch)) => {
                check_patch_options(&request, *how)?;
                patched(&now, *how, patch, &form)?
            }
            _ => return Err(Error::MethodNotAllowed),
        };
        let mut warnings = Vec::new();
        if is_old(&request.kind) {
            wanted.remove_at("status");
        }
        self.decode(&asked, &mut wanted, duplicates, &mut warnings)?;
        meta::normalise(&mut wanted);
        meta::agree(&mut wanted, &request.namespace, &request.name, &form)?;
        let mut draft = Draft::of(wanted);
        let attempt = Attempt::update(self, &request, &snapshot, &now);
        attempt.run(lists::PASSING, &mut draft).await?;
        warnings.append(&mut draft.warnings());
        check(&request, &draft.object, &parent)?;
        let change = self.of_parent(&request, &draft.object);
        let mut answer = self.patch(snapshot, change).await?;
        let Response::One(code, item) = answer.response else {
            return Err(Error::Internal("a patch answers one object".into()));
        };
        warnings.append(&mut answer.warnings);
        Ok(one(code, Item::Value(scale_of(&request.kind, &item.value())?), warnings))
    }

    /// The same as a patch of the parent: it retries on races, unless the client pinned a revision,
    /// and an apply stays one.
    fn of_parent(&self, request: &Request, wanted: &Value) -> Request {
        let replicas = wanted.i64_at("spec.replicas").unwrap_or(0);
        let mut change = json!({});
        change.set_at(paths(&request.kind).0, replicas);
        let rv = wanted.str_at("metadata.resourceVersion");
        if request.verb == Verb::Update && !rv.is_empty() {
            change["metadata"] = json!({"resourceVersion": rv});
        }
        let applied = matches!(&request.body, Body::Patch(PatchType::Apply, _));
        let form = if applied { PatchType::Apply } else { PatchType::Merge };
        if applied {
            change["apiVersion"] = json!(request.kind.api_version());
            change["kind"] = json!(request.kind.kind);
            change["metadata"] = json!({"name": request.name});
        }
        let mut inner = Request { verb: Verb::Patch, sub: "", ..request.clone() };
        inner.body = Body::Patch(form, change);
        inner.options.tracked_as = Some("scale");
        inner
    }
}

fn patched(now: &Value, how: PatchType, body: &Value, form: &Served) -> Result<Value, Error> {
    // Upstream's scale always has the count; a stored one leaves zero out.
    let mut full = now.clone();
    if full.at("spec.replicas").is_none() {
        full.set_at("spec.replicas", 0);
    }
    match (how, SCALE.ty()) {
        (PatchType::Json, _) => patch::json(&full, body),
        (PatchType::Strategic, Some(ty)) => patch::strategic(&full, body, ty),
        (PatchType::Apply, Some(ty)) => {
            managed::fits(body, Root::Type(ty), (form.api_version(), &form.kind))?;
            Ok(patch::merge(&full, body))
        }
        _ => Ok(patch::merge(&full, body)),
    }
}

fn check(request: &Request, scale: &Value, parent: &Value) -> Result<(), Error> {
    let uid = scale.uid();
    if !uid.is_empty() && uid != parent.uid() {
        return Err(Error::Conflict {
            resource: request.kind.resource().into(),
            name: request.name.clone(),
            why: format!(
                "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
                parent.uid()
            ),
        });
    }
    let mut causes = Causes::default();
    let replicas = scale.i64_at("spec.replicas").unwrap_or(0);
    // Of a custom object its own rules say so.
    if replicas < 0 && request.kind.custom.is_none() {
        causes.invalid("spec.replicas", &json!(replicas), "must be greater than or equal to 0");
    }
    refuse(&form(&request.kind), &request.name, causes)
}

/// Where the counts wanted and there stand in an object.
fn paths(kind: &Served) -> (&str, &str) {
    match kind.custom.as_ref().and_then(|c| c.scale.as_ref()) {
        Some(scale) => (scale.spec.trim_start_matches('.'), scale.status.trim_start_matches('.')),
        None => ("spec.replicas", "status.replicas"),
    }
}

/// The selector of an object as text. Custom objects hold it as text.
fn selector_of(kind: &Served, parent: &Value) -> String {
    if let Some(custom) = &kind.custom {
        let path = custom.scale.as_ref().map_or("", |s| s.selector.as_str());
        return custom::at(parent, path).and_then(Value::as_str).unwrap_or_default().to_owned();
    }
    match parent.at("spec.selector") {
        _ if is_old(kind) => String::new(),
        Some(map) if kind.kind == "ReplicationController" => Labels::from_map(map).to_string(),
        Some(selector) => Labels::from_object(selector).to_string(),
        None => String::new(),
    }
}

/// The Scale of an object.
fn scale_of(kind: &Served, parent: &Value) -> Result<Value, Error> {
    let (wanted, there) = paths(kind);
    if kind.custom.is_some() && parent.i64_at(wanted).is_none() {
        let why = format!(
            "Internal error occurred: the spec replicas field \".{wanted}\" does not exist"
        );
        return Err(Error::Internal(why));
    }
    let meta = |path: &str| parent.at(&format!("metadata.{path}")).cloned().unwrap_or_default();
    let selector = selector_of(kind, parent);
    let mut scale = json!({
        "apiVersion": form(kind).api_version(), "kind": "Scale",
        "metadata": {
            "name": meta("name"), "namespace": meta("namespace"), "uid": meta("uid"),
            "resourceVersion": meta("resourceVersion"),
            "creationTimestamp": meta("creationTimestamp"),
        },
        "spec": {}, "status": {"replicas": parent.i64_at(there).unwrap_or(0)},
    });
    if let Some(n) = parent.i64_at(wanted).filter(|n| *n != 0) {
        scale["spec"]["replicas"] = json!(n);
    }
    if !selector.is_empty() {
        scale["status"]["selector"] = json!(selector);
    }
    if is_old(kind) {
        let mut map = parent.at("spec.selector").cloned().unwrap_or_else(|| json!({}));
        map["deploymentconfig"] = meta("name");
        scale["status"]["targetSelector"] = json!(Labels::from_map(&map).to_string());
        scale["status"]["selector"] = map;
    }
    Ok(scale)
}
