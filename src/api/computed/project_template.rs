//! The template that new projects are made from, where `projects.config.openshift.io/cluster` names
//! one. Source: openshift-apiserver `pkg/project/apiserver/registry/projectrequest/delegated`.

use super::templates::processed;
use crate::{
    api::Server,
    error::Error,
    kinds,
    object::{ObjectExt, Value, json},
};

const NAMESPACE: &str = "openshift-config";
const TEMPLATES: &str = "templates.template.openshift.io";

/// What a project is made of: its namespace, and what goes into it.
pub struct Parts {
    /// The Namespace.
    pub namespace: Value,
    /// The other objects.
    pub objects: Vec<Value>,
}

/// The parts of a project after the cluster's template; `None` when none is named.
///
/// # Errors
/// 404 when there is no such template, 500 when it makes no project.
pub fn parts(
    server: &Server,
    asked: &Value,
    project: &str,
    requester: &str,
) -> Result<Option<Parts>, Error> {
    let snapshot = server.store.snapshot();
    let config = snapshot.get("projects.config.openshift.io", "", "cluster").map(|e| e.value());
    let name = config.as_ref().map_or("", |c| c.str_at("spec.projectRequestTemplate.name"));
    if name.is_empty() {
        return Ok(None);
    }
    let found = snapshot.get(TEMPLATES, NAMESPACE, name);
    let mut template = found.ok_or_else(|| Error::not_found(TEMPLATES, name))?.value();
    for parameter in template.at_mut("parameters").as_array_mut().into_iter().flatten() {
        let value = match parameter.str_at("name") {
            "PROJECT_ADMIN_USER" | "PROJECT_REQUESTING_USER" => requester,
            "PROJECT_DESCRIPTION" => asked.str_at("description"),
            "PROJECT_DISPLAYNAME" => asked.str_at("displayName"),
            "PROJECT_NAME" => project,
            _ => continue,
        };
        parameter.set_at("value", value);
    }
    processed(server, &mut template)?;
    let wrong = |what: &str| {
        Error::Internal(format!(
            "Internal error occurred: the project template ({NAMESPACE}/{name}) is not correctly \
             configured: must contain {what}"
        ))
    };
    let is_project = |o: &Value| {
        o.str_at("kind") == "Project" && o.str_at("apiVersion").starts_with("project.openshift.io/")
    };
    let (projects, objects): (Vec<Value>, Vec<Value>) =
        template.list_at("objects").iter().cloned().partition(is_project);
    match projects.as_slice() {
        [] => Err(wrong("a project resource")),
        [one] => Ok(Some(Parts { namespace: namespace_of(one), objects })),
        _ => Err(wrong("only one project resource")),
    }
}

fn namespace_of(project: &Value) -> Value {
    let mut namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {
        "name": project.name()}});
    for field in ["labels", "annotations"] {
        if let Some(map) = project.at(&format!("metadata.{field}")) {
            namespace["metadata"][field] = map.clone();
        }
    }
    namespace
}

/// An object of the template, placed in the project.
///
/// # Errors
/// 500 when nobody serves its kind, or it belongs to no namespace.
pub fn placed(mut object: Value, project: &str) -> Result<Value, Error> {
    let (version, kind) = (object.str_at("apiVersion"), object.str_at("kind"));
    let (group, number) = version.split_once('/').unwrap_or(("", version));
    let shown = format!("{group}/{number}, Kind={kind}");
    let failed = |why: String| Err(Error::Internal(format!("Internal error occurred: {why}")));
    let Some(served) = kinds::by_kind(version, kind) else {
        return failed(format!(
            "mapping {shown} failed: no matches for kind {kind:?} in version {version:?}"
        ));
    };
    if !served.namespaced {
        return failed(format!("{shown} specified in project template is not namespace scoped"));
    }
    object.set_at("metadata.namespace", project);
    Ok(object)
}
