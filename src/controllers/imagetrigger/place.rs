//! Where a trigger's `fieldPath` points. Upstream takes a small part of JSONPath and reads it in its
//! own way; what it takes is turned into a query that the JSONPath library evaluates.
//!
//! Accepted is a container by number or by name, `containers[0].image` or
//! `initContainers[?(@.name=="web")].image` below the pod spec. A name is looked for in both lists,
//! the init containers first, whichever list was written.
//! Source: library-go `pkg/image/trigger/annotations.go`.

use crate::object::{ObjectExt, Value};
use jsonpath_rust::JsonPath;

/// A container that a field path points at: its query.
pub struct ImageField(String);

/// The rest of a field path below the pod spec at `base`; `None` when it is elsewhere.
pub fn below<'a>(path: &'a str, base: &str) -> Option<&'a str> {
    path.strip_prefix(base)?.strip_prefix('.')
}

impl ImageField {
    /// Reads the part of a field path below the pod spec at `base`; `None` when that can never be
    /// the image of a container.
    pub fn read(base: &str, rest: &str) -> Option<ImageField> {
        let lists = ["containers", "initContainers"];
        let list = lists.into_iter().find(|l| rest.starts_with(&format!("{l}[")))?;
        let (selector, field) = rest[list.len() + 1..].split_once(']')?;
        // The dot may be missing.
        if field.strip_prefix('.').unwrap_or(field) != "image" {
            return None;
        }
        if let Ok(index) = selector.parse::<i64>() {
            return (index >= 0).then(|| ImageField(format!("$.{base}.{list}[{index}]")));
        }
        let name = quoted(selector)?;
        // A JSON string is a string of JSONPath too.
        let name = Value::from(name);
        Some(ImageField(format!("$.{base}['initContainers','containers'][?@.name=={name}]")))
    }

    /// The image there; `None` when there is no such container.
    pub fn image<'a>(&self, object: &'a Value) -> Option<&'a str> {
        Some(object.query(&self.0).ok()?.first()?.str_at("image"))
    }

    /// Sets the image there.
    pub fn set(&self, object: &mut Value, image: &str) {
        let found = object.query_only_path(&self.0).ok().and_then(|f| f.into_iter().next());
        // `$['spec']['containers'][0]`, of names without anything odd.
        let steps = |path: String| {
            let steps: Vec<&str> =
                path.split(['$', '[', ']', '\'']).filter(|s| !s.is_empty()).collect();
            format!("/{}", steps.join("/"))
        };
        if let Some(container) = found.and_then(|path| object.pointer_mut(&steps(path))) {
            container.set_at("image", image);
        }
    }
}

/// The name in `?(@.name=="web")`; either end of the form may be missing, not both.
fn quoted(selector: &str) -> Option<&str> {
    let rest = selector.strip_prefix("?(@.name==\"").unwrap_or(selector);
    let name = rest.strip_suffix("\")").unwrap_or(rest);
    (name != selector).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    const BASE: &str = "spec.template.spec";

    fn pods() -> Value {
        let container = |name: &str, image: &str| json!({"name": name, "image": image});
        json!({"spec": {"template": {"spec": {
            "containers": [container("web", "c0"), container("log", "c1"), {"name": "bare"}],
            "initContainers": [container("prepare", "i0"), container("log", "i1")],
        }}}})
    }

    /// The image a path leads to, `None` if it leads nowhere.
    fn image(path: &str) -> Option<String> {
        let place = ImageField::read(BASE, below(path, BASE)?)?;
        place.image(&pods()).map(str::to_owned)
    }

    #[test]
    fn exactly_what_upstream_takes() {
        let rows = [
            ("containers[0].image", Some("c0")),
            ("containers[1].image", Some("c1")),
            ("initContainers[0].image", Some("i0")),
            ("containers[?(@.name==\"web\")].image", Some("c0")),
            ("containers[?(@.name==\"bare\")].image", Some("")),
            // Both lists are searched, the init containers first.
            ("containers[?(@.name==\"prepare\")].image", Some("i0")),
            ("initContainers[?(@.name==\"web\")].image", Some("c0")),
            ("containers[?(@.name==\"log\")].image", Some("i1")),
            // Oddities of upstream's reader.
            ("containers[0]image", Some("c0")),
            ("containers[+1].image", Some("c1")),
            ("containers[00].image", Some("c0")),
            ("containers[-0].image", Some("c0")),
            ("containers[?(@.name==\"web].image", Some("c0")),
            ("containers[web\")].image", Some("c0")),
            // Forms JSONPath would understand.
            ("containers[-1].image", None),
            ("containers[*].image", None),
            ("containers[0:1].image", None),
            ("containers[@name==\"web\"].image", None),
            ("containers[?(@.name=='web')].image", None),
            ("containers[?(@.name == \"web\")].image", None),
            ("containers[?@.name==\"web\"].image", None),
            ("containers[?(@.name==\"web\")]['image']", None),
            // Places that are not there, or no place of an image.
            ("containers[3].image", None),
            ("containers[9223372036854775807].image", None),
            ("containers[99999999999999999999].image", None),
            ("containers[?(@.name==\"no\")].image", None),
            ("containers[?(@.name==\"\")].image", None),
            ("containers[?(@.name==\"a\\\" || \"b\")].image", None),
            ("ephemeralContainers[0].image", None),
            ("containers[0].name", None),
            ("containers[0]..image", None),
            ("containers[0", None),
            ("containers", None),
            ("", None),
        ];
        for (rest, expected) in rows {
            let found = image(&format!("{BASE}.{rest}"));
            assert_eq!(found.as_deref(), expected, "{rest}");
        }
        for path in ["spec.template.specs.containers[0].image", "template.spec.containers[0].image"]
        {
            assert_eq!(image(path), None, "{path}");
        }
    }

    #[test]
    fn only_the_one_image_is_set() {
        for (rest, pointer) in [
            ("containers[2].image", "/spec/template/spec/containers/2/image"),
            ("containers[?(@.name==\"log\")].image", "/spec/template/spec/initContainers/1/image"),
        ] {
            let (mut set, mut expected) = (pods(), pods());
            ImageField::read(BASE, rest).unwrap().set(&mut set, "new");
            let (parent, _) = pointer.rsplit_once('/').unwrap();
            expected.pointer_mut(parent).unwrap()["image"] = json!("new");
            assert_eq!(set, expected, "{rest}");
        }
    }
}
