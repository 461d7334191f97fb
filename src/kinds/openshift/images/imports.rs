//! `imagestreamimports.image.openshift.io`: what may be imported.
//! Source: openshift-apiserver `pkg/image/apis/image/validation`, `v1/defaults.go`.

use super::streams::import_mode;
use crate::{
    error::Causes,
    images::{reference::Reference, validate as rules},
    object::{ObjectExt, Value, json},
    store::Snapshot,
};

/// Fills in where an image goes: to the tag it comes from, if it comes from one.
pub fn default(import: &mut Value) {
    if import.at("spec.import").is_none() {
        import.set_at("spec.import", false);
    }
    let images = import.at_mut("spec.images").as_array_mut();
    for spec in images.into_iter().flatten() {
        let tag = Reference::parse(spec.str_at("from.name")).map(|r| r.tag).unwrap_or_default();
        if spec.at("to").is_none() && !tag.is_empty() {
            spec["to"] = json!({"name": tag});
        }
        source(spec);
    }
    if import.list_at("spec.images").is_empty() {
        import.remove_at("spec.images");
    }
    if import.at("spec.repository").is_some_and(Value::is_object) {
        source(import.at_mut("spec.repository"));
    }
}

fn source(spec: &mut Value) {
    const PATH: &str = "referencePolicy.type";
    if spec.str_at(PATH).is_empty() {
        spec.set_at(PATH, "Source");
    }
}

/// What the cluster decides of an import.
pub fn configured(import: &mut Value, snapshot: &Snapshot) {
    let Some(spec) = import.get_mut("spec").and_then(Value::as_object_mut) else { return };
    for (name, part) in spec {
        match name.as_str() {
            "images" => import_mode(part.as_array_mut().into_iter().flatten(), snapshot),
            "repository" if part.is_object() => import_mode([part], snapshot),
            _ => {}
        }
    }
}

/// What is wrong with an import.
pub fn validate(import: &Value, _: Option<&Value>, out: &mut Causes) {
    let images = import.list_at("spec.images");
    for (i, spec) in images.iter().enumerate() {
        image(spec, &format!("spec.images[{i}]"), out);
    }
    match import.at("spec.repository").filter(|r| r.is_object()) {
        Some(spec) => repository(spec, out),
        None if images.is_empty() => {
            let why = "you must specify at least one image or a repository import";
            out.invalid("spec.images", &Value::Null, why);
        }
        None => {}
    }
    let name = import.name();
    if !name.is_empty() {
        for problem in rules::name_problems(name) {
            out.invalid("metadata.name", &json!(name), problem);
        }
    }
}

/// Whether the source is of the kind that can be imported; if not, says so.
fn is_external(spec: &Value, path: &str, out: &mut Causes) -> bool {
    let kind = spec.str_at("from.kind");
    if kind != "DockerImage" {
        let path = format!("{path}.from.kind");
        out.invalid(path, &json!(kind), "only DockerImage is supported");
    }
    kind == "DockerImage"
}

fn image(spec: &Value, path: &str, out: &mut Causes) {
    if is_external(spec, path, out) {
        if spec.at("to").is_some_and(Value::is_object) && spec.str_at("to.name").is_empty() {
            let why = "the name of the target tag must be specified";
            out.invalid(format!("{path}.to.name"), &json!(""), why);
        }
        let from = format!("{path}.from.name");
        match spec.str_at("from.name") {
            // Old clients look for every image by this name, and nothing more is asked of it.
            "*" => return,
            name => rules::pull_spec(name, &from, out),
        }
    }
    rules::import_policy(spec, path, out);
}

fn repository(spec: &Value, out: &mut Causes) {
    const PATH: &str = "spec.repository";
    const NAME: &str = "spec.repository.from.name";
    if is_external(spec, PATH, out) {
        let name = spec.str_at("from.name");
        match Reference::parse(name) {
            _ if name.is_empty() => {
                out.required(NAME, "container image references require a name");
            }
            Err(problem) => out.invalid(NAME, &json!(name), problem.to_string()),
            Ok(parsed) if !parsed.id.is_empty() || !parsed.tag.is_empty() => {
                let why = "you must specify an image repository, not a tag or ID";
                out.invalid(NAME, &json!(name), why);
            }
            Ok(_) => {}
        }
    }
    rules::import_policy(spec, PATH, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(spec: Value) -> Vec<String> {
        let mut import = json!({"metadata": {"name": "s"}, "spec": spec});
        configured(&mut import, &Snapshot::default());
        default(&mut import);
        let mut out = Causes::default();
        validate(&import, None, &mut out);
        out.0.iter().map(|c| format!("{}: {}", c.field, c.message)).collect()
    }

    fn image(kind: &str, name: &str) -> Value {
        json!({"from": {"kind": kind, "name": name}})
    }

    #[test]
    fn what_is_wrong_in_upstreams_words() {
        let many = |spec: Value| json!({"images": [spec]});
        let whole = |spec: Value| json!({"repository": spec});
        let mut to = image("DockerImage", "a");
        to["to"] = json!({"name": ""});
        let mut mode = image("DockerImage", "a");
        mode["importPolicy"] = json!({"importMode": "Half"});
        let rows = [
            (
                json!({"images": []}),
                "spec.images: Invalid value: null: you must specify at least one image or a repository import",
            ),
            (
                many(image("ImageStreamTag", "x")),
                "spec.images[0].from.kind: Invalid value: \"ImageStreamTag\": only DockerImage is supported",
            ),
            (many(image("DockerImage", "")), "spec.images[0].from.name: Required value"),
            (
                many(image("DockerImage", "Bad::R")),
                "spec.images[0].from.name: Invalid value: \"Bad::R\": invalid reference format",
            ),
            (many(image("DockerImage", "*")), ""),
            (
                many(to),
                "spec.images[0].to.name: Invalid value: \"\": the name of the target tag must be specified",
            ),
            (
                many(mode),
                "spec.images[0].importPolicy.importMode: Invalid value: \"Half\": invalid import mode, valid modes are '', 'Legacy', 'PreserveOriginal'",
            ),
            (
                whole(image("Other", "x")),
                "spec.repository.from.kind: Invalid value: \"Other\": only DockerImage is supported",
            ),
            (
                whole(image("DockerImage", "")),
                "spec.repository.from.name: Required value: container image references require a name",
            ),
            (
                whole(image("DockerImage", "a:1")),
                "spec.repository.from.name: Invalid value: \"a:1\": you must specify an image repository, not a tag or ID",
            ),
            (whole(image("DockerImage", "a")), ""),
        ];
        for (spec, expected) in rows {
            assert_eq!(problems(spec.clone()).join("\n"), expected, "{spec}");
        }
    }

    #[test]
    fn images_go_to_the_tag_they_come_from() {
        let mut import = json!({"spec": {"images": [
            image("DockerImage", "quay.io/x/y:1"), image("DockerImage", "quay.io/x/y"),
            {"from": {"name": "a:1"}, "to": {"name": "b"}}]}});
        configured(&mut import, &Snapshot::default());
        default(&mut import);
        let to: Vec<&str> =
            import.list_at("spec.images").iter().map(|i| i.str_at("to.name")).collect();
        assert_eq!(to, ["1", "", "b"]);
        assert_eq!(import["spec"]["images"][1].get("to"), None);
        assert_eq!(import["spec"]["images"][1]["importPolicy"], json!({"importMode": "Legacy"}));
        assert_eq!(import["spec"]["import"], false);
    }
}
