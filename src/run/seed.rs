//! Manifests applied before the server is ready (`--seed`).

use crate::{
    api::{Body, Caller, Options, PatchType, Request, Server, Verb},
    object::{ObjectExt, Value, read},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Field manager of seeded objects.
const MANAGER: &str = "pocketshift-seed";

/// Applies a manifest file, or every manifest of a folder in the order of their names.
///
/// # Errors
/// One line for people that names the file.
pub async fn apply(server: &Arc<Server>, path: &Path) -> Result<(), String> {
    for file in files(path)? {
        let shown = file.display();
        let text =
            std::fs::read_to_string(&file).map_err(|e| format!("cannot read {shown}: {e}"))?;
        for object in documents(&text).map_err(|e| format!("{shown}: {e}"))? {
            apply_one(server, object).await.map_err(|e| format!("{shown}: {e}"))?;
        }
    }
    Ok(())
}

fn files(path: &Path) -> Result<Vec<PathBuf>, String> {
    let failed = |e: std::io::Error| format!("cannot read {}: {e}", path.display());
    if !std::fs::metadata(path).map_err(failed)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let manifest = |p: &PathBuf| {
        p.extension().is_some_and(|x| ["yaml", "yml", "json"].iter().any(|known| x == *known))
    };
    let entries = std::fs::read_dir(path).map_err(failed)?.filter_map(Result::ok);
    let mut files: Vec<PathBuf> = entries.map(|e| e.path()).filter(manifest).collect();
    files.sort();
    Ok(files)
}

/// The objects of a YAML (or JSON) text; lists are taken apart.
fn documents(text: &str) -> Result<Vec<Value>, String> {
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

/// Applies one object.
pub(super) async fn apply_one(server: &Arc<Server>, object: Value) -> Result<(), String> {
    let (version, name) =
        (object.str_at("apiVersion").to_owned(), object.str_at("kind").to_owned());
    let kind = server
        .catalogue()
        .by_kind(&version, &name)
        .ok_or_else(|| format!("no matches for kind {name:?} in version {version:?}"))?;
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
        options: Options { field_manager: MANAGER.into(), force: Some(true), ..Options::default() },
        body: if project {
            Body::Object(object.clone(), Vec::new())
        } else {
            Body::Patch(PatchType::Apply, object.clone())
        },
    };
    match server.call(request).await {
        Ok(_) => Ok(()),
        Err(crate::error::Error::AlreadyExists { .. }) if project => Ok(()),
        Err(e) => Err(format!("{name} {:?}: {e}", object.name())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_and_lists() {
        let text = "a: 1\n---\nkind: List\nitems:\n- b: 2\n- c: 3\n---\n";
        assert_eq!(documents(text).unwrap().len(), 3);
        assert!(documents("a: [").is_err());
    }
}
