//! Which addresses a kind has, and which operations each offers.

use super::{
    Format, Texts,
    operations::{Operation, operation},
};
use crate::{
    kinds::{Served, Sub},
    object::{Map, Value, json},
};

/// The members of the `paths` object of some kinds.
pub(super) fn of(kinds: impl Iterator<Item = Served>, format: Format) -> Texts {
    let mut paths = Texts::new();
    for kind in kinds {
        collection(&kind, format, &mut paths);
        item(&kind, format, &mut paths);
        for sub in kind.subresources {
            subresource(&kind, sub, format, &mut paths);
        }
    }
    paths
}

/// `/apis/apps/v1`.
fn root(kind: &Served) -> String {
    let prefix = if kind.group.is_empty() { "/api/" } else { "/apis/" };
    format!("{prefix}{}", kind.api_version())
}

/// The address of the collection a client writes to.
fn base(kind: &Served) -> String {
    let scope = if kind.namespaced { "/namespaces/{namespace}" } else { "" };
    format!("{}{scope}/{}", root(kind), kind.plural)
}

fn collection(kind: &Served, format: Format, paths: &mut Texts) {
    let verbs = [("get", "list"), ("post", "create"), ("delete", "deletecollection")];
    add(kind, None, &base(kind), &verbs, kind.namespaced, format, paths);
    if kind.namespaced {
        let path = format!("{}/{}", root(kind), kind.plural);
        add(kind, None, &path, &[("get", "list")], false, format, paths);
    }
}

fn item(kind: &Served, format: Format, paths: &mut Texts) {
    let verbs = [("get", "get"), ("put", "update"), ("patch", "patch"), ("delete", "delete")];
    add(kind, None, &format!("{}/{{name}}", base(kind)), &verbs, kind.namespaced, format, paths);
}

fn subresource(kind: &Served, sub: &'static Sub, format: Format, paths: &mut Texts) {
    let verbs = [("get", "get"), ("post", "create"), ("put", "update"), ("patch", "patch")];
    let path = format!("{}/{{name}}/{}", base(kind), sub.name);
    add(kind, Some(sub), &path, &verbs, kind.namespaced, format, paths);
}

/// Adds a path with those of `verbs` (method and verb) that are served.
fn add(
    kind: &Served,
    sub: Option<&'static Sub>,
    path: &str,
    verbs: &[(&str, &'static str)],
    namespaced: bool,
    format: Format,
    paths: &mut Texts,
) {
    let served = sub.map_or(kind.verbs, |s| s.verbs);
    let mut item = Map::new();
    for (method, verb) in verbs.iter().filter(|(_, v)| served.contains(v)) {
        let of = Operation { kind: kind.clone(), sub, verb, namespaced };
        item.insert((*method).into(), operation(&of, format));
    }
    if item.is_empty() {
        return;
    }
    let mut shared = Vec::new();
    if path.contains("{name}") {
        shared.push(in_path("name", &format!("name of the {}", kind.kind), format));
    }
    if path.contains("{namespace}") {
        shared.push(in_path("namespace", "project or namespace of the object", format));
    }
    if !shared.is_empty() {
        item.insert("parameters".into(), shared.into());
    }
    paths.insert(path.into(), super::text(&Value::Object(item)));
}

fn in_path(name: &str, description: &str, format: Format) -> Value {
    let mut parameter =
        json!({ "name": name, "in": "path", "description": description, "required": true });
    super::operations::typed(&mut parameter, "string", format);
    parameter
}
