//! Asking for a project: a namespace, and its requester as its admin.
//! Source: openshift-apiserver `pkg/project/apiserver/registry/projectrequest`.

use super::{
    Handled, answer,
    project_template::{self, Parts},
    projects,
    reviews::body,
};
use crate::{
    access::{Attributes, bootstrap},
    api::{Body, Caller, Options, Request, Response, Server, Verb},
    error::{Causes, Error},
    kinds,
    object::{ObjectExt, Value, json, name::label_problems},
};
use futures_util::future::FutureExt;
use std::sync::Arc;

const FORBIDDEN_NAMES: &[&str] = &["openshift", "kubernetes", "kube"];
const FORBIDDEN_PREFIXES: &[&str] = &["openshift-", "kubernetes-", "kube-"];
/// How errors call what is asked for (singular, as upstream).
const NOUN: &str = "project.project.openshift.io";

/// Project requests.
pub fn requests(server: Arc<Server>, request: Request) -> Handled {
    async move {
        match request.verb {
            Verb::List => may_ask(&server, &request.caller).map(|()| projects::welcome()),
            Verb::Create => create(server, request).await,
            _ => Err(Error::MethodNotAllowed),
        }
    }
    .boxed_local()
}

fn may_ask(server: &Server, caller: &Caller) -> Result<(), Error> {
    let attributes = Attributes {
        verb: "create",
        group: "project.openshift.io",
        resource: "projectrequests",
        ..Attributes::default()
    };
    let snapshot = server.store.snapshot();
    if server.access.authorizer.authorize(&snapshot, caller, &attributes).allowed {
        return Ok(());
    }
    let config = snapshot.get("projects.config.openshift.io", "", "cluster").map(|e| e.value());
    let said = config.as_ref().map_or("", |c| c.str_at("spec.projectRequestMessage"));
    let (message, details) = if said.is_empty() {
        let details = json!({"group": "project.openshift.io", "kind": "projectrequest"});
        ("You may not request a new project via this API.", details)
    } else {
        (said, json!({"kind": "ProjectRequest", "causes": [{"message": said}]}))
    };
    Err(Error::Raw(Box::new(json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": "Forbidden", "details": details, "code": 403,
    }))))
}

/// What is wrong with the name asked for.
fn check_name(name: &str) -> Result<(), Error> {
    let mut causes = Causes::default();
    if name.is_empty() {
        causes.required("metadata.name", "name or generateName is required");
    } else {
        for problem in label_problems(name) {
            causes.invalid("metadata.name", &json!(name), problem);
        }
        if causes.is_empty() && name.len() < 2 {
            causes.invalid("metadata.name", &json!(name), "must be at least 2 characters long");
        }
    }
    if !causes.is_empty() {
        let kind = "ProjectRequest.project.openshift.io".into();
        return Err(Error::Invalid { kind, name: name.into(), causes: causes.into_vec() });
    }
    if FORBIDDEN_NAMES.contains(&name) {
        let why = format!("cannot request a project with the name {name:?}");
        return Err(Error::forbidden(NOUN, name, why));
    }
    if let Some(prefix) = FORBIDDEN_PREFIXES.iter().find(|p| name.starts_with(**p)) {
        let why = format!("cannot request a project starting with {prefix:?}");
        return Err(Error::forbidden(NOUN, name, why));
    }
    Ok(())
}

fn namespace(asked: &Value, name: &str, requester: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": name, "annotations": {
            "openshift.io/description": asked.str_at("description"),
            "openshift.io/display-name": asked.str_at("displayName"),
            "openshift.io/requester": requester,
        }},
    })
}

/// Makes the requester the admin of his project.
fn admin(project: &str, requester: &str) -> Value {
    let subject = std::iter::once(("User", requester));
    let mut binding = bootstrap::binding(project, "admin", "ClusterRole/admin", subject);
    binding.remove_at("metadata.annotations");
    binding.remove_at("metadata.labels");
    binding
}

async fn create(server: Arc<Server>, request: Request) -> Result<crate::api::Answer, Error> {
    let (asked, _) = body(&server, &request)?;
    let name = asked.name().to_owned();
    check_name(&name)?;
    if server.store.snapshot().get("namespaces", "", &name).is_some() {
        return Err(Error::exists(NOUN, &name));
    }
    let requester = request.caller.name.clone();
    let parts = match project_template::parts(&server, &asked, &name, &requester)? {
        Some(parts) => parts,
        None => Parts {
            namespace: namespace(&asked, &name, &requester),
            objects: vec![admin(&name, &requester)],
        },
    };
    let made = own_call(&server, &request, parts.namespace).await;
    let made = made.map_err(|e| match e {
        Error::AlreadyExists { .. } => Error::exists(NOUN, &name),
        other => other,
    })?;
    if request.options.dry_run {
        return Ok(answer(201, projects::project(made)));
    }
    for object in parts.objects {
        let outcome = match project_template::placed(object, &name) {
            Ok(object) => own_call(&server, &request, object).await.map_err(|e| match e {
                // Somebody else may have been quicker, the controllers above all.
                Error::AlreadyExists { .. } => e,
                other => Error::Internal(format!("Internal error occurred: {other}")),
            }),
            Err(error) => Err(error),
        };
        if let Err(error) = outcome
            && !matches!(error, Error::AlreadyExists { .. })
        {
            // Part of a project is of no use to anybody: take it back.
            remove(&server, &name).await;
            return Err(error);
        }
    }
    // Controllers may have touched the namespace by now: answer what it is.
    let now = server.store.snapshot().get("namespaces", "", &name).map_or(made, |e| e.value());
    Ok(answer(201, projects::project(now)))
}

/// Creates an object as the server's own component.
async fn own_call(server: &Arc<Server>, request: &Request, object: Value) -> Result<Value, Error> {
    let kind = kinds::by_kind(object.str_at("apiVersion"), object.str_at("kind"));
    let field_manager = "openshift-apiserver".into();
    let call = Request {
        caller: Arc::new(Caller::component("system:openshift-apiserver")),
        verb: Verb::Create,
        kind: kind.ok_or(Error::NoSuchPath)?,
        sub: "",
        namespace: object.namespace().into(),
        name: String::new(),
        options: Options { field_manager, dry_run: request.options.dry_run, ..Options::default() },
        body: Body::Object(object, Vec::new()),
    };
    match Box::pin(server.call(call)).await?.response {
        Response::One(_, item) => Ok(item.value()),
        _ => Err(Error::Internal("a create answered without an object".into())),
    }
}

async fn remove(server: &Arc<Server>, name: &str) {
    let Some(kind) = kinds::by_resource("namespaces") else { return };
    let call = Request {
        caller: Arc::new(Caller::component("system:openshift-apiserver")),
        verb: Verb::Delete,
        kind,
        sub: "",
        namespace: String::new(),
        name: name.into(),
        options: Options::default(),
        body: Body::Empty,
    };
    if let Err(error) = Box::pin(server.call(call)).await {
        tracing::warn!(%error, name, "cannot take back a project");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_upstreams_words() {
        let rows = [
            ("mine", ""),
            ("openshiftx", ""),
            (
                "openshift-x",
                r#"project.project.openshift.io "openshift-x" is forbidden: cannot request a project starting with "openshift-""#,
            ),
            (
                "kube",
                r#"project.project.openshift.io "kube" is forbidden: cannot request a project with the name "kube""#,
            ),
            (
                "Bad_Name",
                r#"ProjectRequest.project.openshift.io "Bad_Name" is invalid: metadata.name: Invalid value: "Bad_Name": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"#,
            ),
        ];
        for (name, message) in rows {
            let said = check_name(name).err().map(|e| e.to_string()).unwrap_or_default();
            assert_eq!(said, message, "{name}");
        }
    }
}
