//! What streams, tags and their parts may look like, in upstream's wording.
//! Source: openshift-apiserver `pkg/image/apis/image/validation`.

use super::reference::Reference;
use crate::{
    error::Causes,
    object::{ObjectExt, Value, json, name},
};

const NAME: &str = "must match \"[a-z0-9]+(?:[._-][a-z0-9]+)*\"";
/// Most bytes of a repository's path.
const MAX_PATH: usize = 255;

/// Problems of a stream's name.
pub fn name_problems(text: &str) -> Vec<String> {
    let problems = name::path_segment_problems(text);
    if !problems.is_empty() {
        return problems;
    }
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let fits = text.split(['.', '_', '-']).all(|p| !p.is_empty() && p.chars().all(plain));
    if fits { Vec::new() } else { vec![NAME.into()] }
}

/// Checks a stream but for what every object's metadata must satisfy.
pub fn stream(stream: &Value, out: &mut Causes) {
    let name = stream.name();
    if format!("{}/{name}", stream.namespace()).len() > MAX_PATH {
        let why = format!("'namespace/name' cannot be longer than {MAX_PATH} characters");
        out.invalid("metadata.name", &json!(name), why);
    }
    repository(stream.str_at("spec.dockerImageRepository"), out);
    for tag in stream.list_at("spec.tags") {
        spec_tag(tag, &format!("spec.tags[{}]", tag.str_at("name")), out);
    }
    for tag in stream.list_at("status.tags") {
        for (i, item) in tag.list_at("items").iter().enumerate() {
            let path =
                format!("status.tags[{}].items[{i}].dockerImageReference", tag.str_at("tag"));
            pull_spec(item.str_at("dockerImageReference"), &path, out);
        }
    }
}

fn repository(text: &str, out: &mut Causes) {
    const PATH: &str = "spec.dockerImageRepository";
    if text.is_empty() {
        return;
    }
    match Reference::parse(text) {
        Err(problem) => out.invalid(PATH, &json!(text), problem.to_string()),
        Ok(parsed) => {
            for (part, article) in [(&parsed.tag, "a tag"), (&parsed.id, "an ID")] {
                if !part.is_empty() {
                    let why = format!("the repository name may not contain {article}");
                    out.invalid(PATH, &json!(text), why);
                }
            }
        }
    }
}

/// Checks a pull spec that must be there.
pub fn pull_spec(text: &str, path: &str, out: &mut Causes) {
    if text.is_empty() {
        out.required(path, "");
    } else if let Err(problem) = Reference::parse(text) {
        out.invalid(path, &json!(text), problem.to_string());
    }
}

/// Checks one spec tag, wherever it stands.
pub fn spec_tag(tag: &Value, path: &str, out: &mut Causes) {
    if tag.at("from").is_some_and(Value::is_object) {
        from(tag, path, out);
    }
    let policy = tag.str_at("referencePolicy.type");
    if !matches!(policy, "Source" | "Local") {
        let why = "valid values are \"Source\", \"Local\"";
        out.invalid(format!("{path}.referencePolicy.type"), &json!(policy), why);
    }
    import_policy(tag, path, out);
}

fn from(tag: &Value, path: &str, out: &mut Causes) {
    let name = tag.str_at("from.name");
    if name.is_empty() {
        out.required(format!("{path}.from.name"), "");
    }
    match tag.str_at("from.kind") {
        "DockerImage" if name.is_empty() => {}
        "DockerImage" => pull_spec(name, &format!("{path}.from.name"), out),
        "ImageStreamImage" | "ImageStreamTag" => {
            if tag.is_true("importPolicy.scheduled") {
                let why = "only tags pointing to Docker repositories may be scheduled for \
                           background import";
                out.invalid(format!("{path}.importPolicy.scheduled"), &json!(true), why);
            }
        }
        _ => out.required(
            format!("{path}.from.kind"),
            "valid values are 'DockerImage', 'ImageStreamImage', 'ImageStreamTag'",
        ),
    }
}

/// Checks the import policy of a spec tag or of an image to be imported.
pub fn import_policy(of: &Value, path: &str, out: &mut Causes) {
    let mode = of.str_at("importPolicy.importMode");
    if !matches!(mode, "" | "Legacy" | "PreserveOriginal") {
        let why = "invalid import mode, valid modes are '', 'Legacy', 'PreserveOriginal'";
        out.invalid(format!("{path}.importPolicy.importMode"), &json!(mode), why);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_streams() {
        let rows = [
            ("a_b", ""),
            ("a.b-c", ""),
            ("A_b", NAME),
            ("a--b", NAME),
            ("", NAME),
            ("..", "may not be '..'"),
            ("a/b", "may not contain '/'"),
        ];
        for (name, problem) in rows {
            assert_eq!(name_problems(name).join("; "), problem, "{name}");
        }
    }

    #[test]
    fn tags_in_upstreams_words() {
        let policy = json!({"type": "Source"});
        let rows = [
            (json!({"from": {"kind": "DockerImage", "name": "a/b:1"}}), vec![]),
            (json!({}), vec![]),
            (
                json!({"from": {"kind": "DockerImage", "name": "Bad::Ref"}}),
                vec!["tag.from.name: Invalid value: \"Bad::Ref\": invalid reference format"],
            ),
            (json!({"from": {"kind": "DockerImage"}}), vec!["tag.from.name: Required value"]),
            (
                json!({"from": {"kind": "X"}}),
                vec![
                    "tag.from.name: Required value",
                    "tag.from.kind: Required value: valid values are 'DockerImage', 'ImageStreamImage', 'ImageStreamTag'",
                ],
            ),
            (
                json!({"from": {"kind": "ImageStreamTag", "name": "x"},
                    "importPolicy": {"scheduled": true}}),
                vec![
                    "tag.importPolicy.scheduled: Invalid value: true: only tags pointing to Docker repositories may be scheduled for background import",
                ],
            ),
            (
                json!({"importPolicy": {"importMode": "Bogus"}}),
                vec![
                    "tag.importPolicy.importMode: Invalid value: \"Bogus\": invalid import mode, valid modes are '', 'Legacy', 'PreserveOriginal'",
                ],
            ),
            (
                json!({"referencePolicy": {"type": "Nope"}}),
                vec![
                    "tag.referencePolicy.type: Invalid value: \"Nope\": valid values are \"Source\", \"Local\"",
                ],
            ),
        ];
        for (mut tag, expected) in rows {
            if tag.at("referencePolicy").is_none() {
                tag["referencePolicy"] = policy.clone();
            }
            let mut out = Causes::default();
            spec_tag(&tag, "tag", &mut out);
            let said: Vec<String> =
                out.0.iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
            assert_eq!(said, expected, "{tag}");
        }
    }
}
