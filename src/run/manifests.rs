//! Manifests in a running cluster, at its administrator's word.

use crate::{
    api::{Body, Caller, Options, PatchType, Request, Response, Server, Verb},
    error::Error,
    kinds::Served,
    object::{ObjectExt, Value, read},
};
use std::sync::Arc;

/// Why a manifest was not applied.
pub enum Refusal {
    /// It is none.
    Unclear(String),
    /// The server's refusal.
    Refused(Error),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refusal::Unclear(why) => f.write_str(why),
            Refusal::Refused(error) => write!(f, "{error}"),
        }
    }
}

/// Who applies, as field managers are named.
pub(super) const MANAGER: &str = "pocketshift";

/// The objects of a YAML (or JSON) text; lists are taken apart.
pub(super) fn documents(text: &str) -> Result<Vec<Value>, String> {
    let mut objects = Vec::new();
    for value in read::yaml_documents(text)? {
        if value.str_at("kind").ends_with("List") && value.at("items").is_some() {
            objects.extend(value.list_at("items").iter().cloned());
        } else {
            objects.push(value);
        }
    }
    Ok(objects)
}

/// Applies every manifest of a text, in order, if all of them can be: first each is tried without a trace.
///
/// # Errors
/// Of the first that is refused; then nothing has changed, unless only the object of a kind that the same
/// text defines is wrong.
pub async fn apply(server: &Arc<Server>, text: &str) -> Result<(), Refusal> {
    let objects = documents(text).map_err(Refusal::Unclear)?;
    // One alone is applied or it is not.
    if objects.len() > 1 {
        for (at, object) in objects.iter().enumerate() {
            rehearse(server, &objects[..at], object).await?;
        }
    }
    for object in objects {
        apply_one(server, MANAGER, object).await?;
    }
    Ok(())
}

/// Applies one object without a trace, as if those before it had been applied.
async fn rehearse(server: &Arc<Server>, before: &[Value], object: &Value) -> Result<(), Refusal> {
    let (version, named) = (object.str_at("apiVersion"), object.str_at("kind"));
    if before.iter().any(|o| defines(o, version, named)) {
        return Ok(());
    }
    let kind = kind(server, version, named)?;
    let home = object.namespace();
    let mut tried = object.clone();
    if kind.namespaced
        && before.iter().any(|o| PLACES.contains(&o.str_at("kind")) && o.name() == home)
        && server.store.snapshot().get("namespaces", "", home).is_none()
    {
        // What is right somewhere is right in a place of its own.
        tried.set_at("metadata.namespace", "default");
    }
    apply_as(server, MANAGER, tried, true).await
}

/// Kinds that make namespaces.
const PLACES: [&str; 3] = ["Namespace", "Project", "ProjectRequest"];

/// Whether an object is the definition of a kind.
fn defines(object: &Value, version: &str, kind: &str) -> bool {
    let (group, version) = version.rsplit_once('/').unwrap_or(("", version));
    object.str_at("kind") == "CustomResourceDefinition"
        && object.str_at("spec.group") == group
        && object.str_at("spec.names.kind") == kind
        && object.list_at("spec.versions").iter().any(|v| v.str_at("name") == version)
}

fn kind(server: &Server, version: &str, name: &str) -> Result<Served, Refusal> {
    server.catalogue().by_kind(version, name).ok_or_else(|| {
        Refusal::Unclear(format!("no matches for kind {name:?} in version {version:?}"))
    })
}

/// Applies one object for a field manager.
pub(super) async fn apply_one(
    server: &Arc<Server>,
    manager: &str,
    object: Value,
) -> Result<(), Refusal> {
    apply_as(server, manager, object, false).await
}

async fn apply_as(
    server: &Arc<Server>,
    manager: &str,
    object: Value,
    dry_run: bool,
) -> Result<(), Refusal> {
    let kind = kind(server, object.str_at("apiVersion"), object.str_at("kind"))?;
    let namespace = match (kind.namespaced, object.namespace()) {
        (false, _) => String::new(),
        (true, "") => "default".into(),
        (true, said) => said.into(),
    };
    let project = kind.plural == "projectrequests";
    let request = Request {
        caller: Arc::new(Caller::component("system:admin")),
        verb: if project { Verb::Create } else { Verb::Patch },
        kind,
        sub: "",
        namespace,
        name: if project { String::new() } else { object.name().into() },
        options: Options {
            field_manager: manager.into(),
            force: Some(true),
            dry_run,
            ..Options::default()
        },
        body: if project {
            Body::Object(object.clone(), Vec::new())
        } else {
            Body::Patch(PatchType::Apply, object.clone())
        },
    };
    match server.call(request).await {
        Ok(_) => Ok(()),
        Err(Error::AlreadyExists { .. }) if project => Ok(()),
        Err(error) => Err(Refusal::Refused(error)),
    }
}

/// One object.
///
/// # Errors
/// Of a kind nobody knows, or the server's.
pub async fn get(
    server: &Arc<Server>,
    version: &str,
    name_of_kind: &str,
    namespace: &str,
    name: &str,
) -> Result<Value, Refusal> {
    let request = Request {
        caller: Arc::new(Caller::component("system:admin")),
        verb: Verb::Get,
        kind: kind(server, version, name_of_kind)?,
        sub: "",
        namespace: namespace.into(),
        name: name.into(),
        options: Options::default(),
        body: Body::Empty,
    };
    match server.call(request).await.map_err(Refusal::Refused)?.response {
        Response::One(_, item) => Ok(item.value()),
        _ => Ok(Value::Null),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    #[test]
    fn definitions_are_known_by_what_they_define() {
        let definition = json!({"kind": "CustomResourceDefinition", "spec": {"group": "a.b",
            "names": {"kind": "Thing"}, "versions": [{"name": "v1"}]}});
        assert!(defines(&definition, "a.b/v1", "Thing"));
        assert!(!defines(&definition, "a.b/v2", "Thing") && !defines(&definition, "v1", "Thing"));
    }

    #[test]
    fn documents_and_lists() {
        let text = "a: 1\n---\nkind: List\nitems:\n- b: 2\n- c: 3\n---\n";
        assert_eq!(documents(text).unwrap().len(), 3);
        assert!(documents("a: [").is_err());
    }
}
