//! Reading and changing objects by dotted path, the parsed metadata every stored object carries,
//! and the one serialiser that leaves room for the resourceVersion.

use super::{Map, Spans, Text, Value, pick::parts, write};
use serde::Deserialize;
use std::{ops::Range, sync::LazyLock};

/// Typed access to the fields of an object by dotted path (`"spec.replicas"`).
///
/// A path segment is a field name, never an index; keys that contain dots (labels, annotations)
/// have their own accessors.
pub trait ObjectExt: Sized {
    /// What holds the fields of an object.
    type ObjectMap;
    /// The value at `path`, if every step exists and is an object.
    fn at(&self, path: &str) -> Option<&Self>;
    /// The string at `path`; `""` when absent or of another type.
    fn str_at(&self, path: &str) -> &str;
    /// The integer at `path`.
    fn i64_at(&self, path: &str) -> Option<i64>;
    /// Whether `path` holds `true`.
    fn is_true(&self, path: &str) -> bool;
    /// The items at `path`; empty when absent or not an array.
    fn list_at(&self, path: &str) -> &[Self];
    /// The entries at `path`, if it is an object.
    fn map_at(&self, path: &str) -> Option<&Self::ObjectMap>;
    /// Sets `path`, creating objects on the way; a non-object on the way is replaced.
    fn set_at(&mut self, path: &str, value: impl Into<Self>);
    /// Mutable access to `path`, creating objects on the way; `Null` is created at the end.
    fn at_mut(&mut self, path: &str) -> &mut Self;
    /// Sets one field, whatever its name is; what is no object is replaced by one.
    fn set_field(&mut self, name: &str, value: Self);
    /// Removes and returns the value at `path`.
    fn remove_at(&mut self, path: &str) -> Option<Self>;
    /// `metadata.name`, or `""`.
    fn name(&self) -> &str;
    /// `metadata.namespace`, or `""`.
    fn namespace(&self) -> &str;
    /// `metadata.uid`, or `""`.
    fn uid(&self) -> &str;
    /// One label of `metadata.labels`.
    fn label(&self, key: &str) -> Option<&str>;
    /// One annotation of `metadata.annotations`.
    fn annotation(&self, key: &str) -> Option<&str>;
    /// Sets one annotation.
    fn set_annotation(&mut self, key: &str, value: impl Into<String>);
    /// Sets one label.
    fn set_label(&mut self, key: &str, value: impl Into<String>);
    /// Whether `metadata.deletionTimestamp` is set.
    fn is_deleting(&self) -> bool;
    /// The condition of `status.conditions` with this `type`.
    fn condition(&self, kind: &str) -> Option<&Self>;
}

/// The same for every kind of tree.
macro_rules! trees {
    ($($value:ty, $map:ty;)*) => {
        $(
            impl ObjectExt for $value {
                type ObjectMap = $map;
                fn at(&self, path: &str) -> Option<&$value> {
                    steps(path).try_fold(self, |v, step| v.as_object()?.get(step))
                }
                fn str_at(&self, path: &str) -> &str {
                    self.at(path).and_then(<$value>::as_str).unwrap_or("")
                }
                fn i64_at(&self, path: &str) -> Option<i64> {
                    self.at(path)?.as_i64()
                }
                fn is_true(&self, path: &str) -> bool {
                    self.at(path).and_then(<$value>::as_bool).unwrap_or(false)
                }
                fn list_at(&self, path: &str) -> &[$value] {
                    self.at(path).and_then(<$value>::as_array).map_or(&[], Vec::as_slice)
                }
                fn map_at(&self, path: &str) -> Option<&$map> {
                    self.at(path)?.as_object()
                }
                fn set_at(&mut self, path: &str, value: impl Into<$value>) {
                    *self.at_mut(path) = value.into();
                }
                fn at_mut(&mut self, path: &str) -> &mut $value {
                    steps(path).fold(self, |v, step| {
                        if !v.is_object() {
                            *v = <$value>::Object(<$map>::new());
                        }
                        match v.as_object_mut() {
                            Some(map) => map.entry(step).or_insert(<$value>::Null),
                            None => unreachable!("just made an object"),
                        }
                    })
                }
                fn set_field(&mut self, name: &str, value: $value) {
                    if !self.is_object() {
                        *self = <$value>::Object(<$map>::new());
                    }
                    self[name] = value;
                }
                fn remove_at(&mut self, path: &str) -> Option<$value> {
                    // What is not there is not worth a copy.
                    self.at(path)?;
                    let (parent, last) = path.rsplit_once('.').unwrap_or(("", path));
                    let parent = steps(parent)
                        .filter(|step| !step.is_empty())
                        .try_fold(self, |v, step| v.as_object_mut()?.get_mut(step));
                    parent?.as_object_mut()?.remove(last)
                }
                fn name(&self) -> &str {
                    self.str_at("metadata.name")
                }
                fn namespace(&self) -> &str {
                    self.str_at("metadata.namespace")
                }
                fn uid(&self) -> &str {
                    self.str_at("metadata.uid")
                }
                fn label(&self, key: &str) -> Option<&str> {
                    self.at("metadata.labels")?.get(key)?.as_str()
                }
                fn annotation(&self, key: &str) -> Option<&str> {
                    self.at("metadata.annotations")?.get(key)?.as_str()
                }
                fn set_annotation(&mut self, key: &str, value: impl Into<String>) {
                    self.at_mut("metadata.annotations").set_field(key, value.into().into());
                }
                fn set_label(&mut self, key: &str, value: impl Into<String>) {
                    self.at_mut("metadata.labels").set_field(key, value.into().into());
                }
                fn is_deleting(&self) -> bool {
                    self.at("metadata.deletionTimestamp").is_some_and(|v| !v.is_null())
                }
                fn condition(&self, kind: &str) -> Option<&$value> {
                    self.list_at("status.conditions").iter().find(|c| c.str_at("type") == kind)
                }
            }
        )*
    };
}

trees! {
    Value, Map;
    // As client libraries have them.
    serde_json::Value, serde_json::Map<String, serde_json::Value>;
}

/// The steps of a path. Paths are short: looking at each byte finds the dots soonest.
fn steps(path: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(path);
    std::iter::from_fn(move || {
        let path = rest?;
        let dot = path.bytes().position(|b| b == b'.');
        rest = dot.map(|at| &path[at + 1..]);
        Some(dot.map_or(path, |at| &path[..at]))
    })
}

/// One entry of `metadata.ownerReferences`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OwnerRef {
    /// Group and version of the owner, as written by whoever set the reference.
    pub api_version: String,
    /// Kind of the owner.
    pub kind: String,
    /// Name of the owner.
    pub name: String,
    /// Uid of the owner: the only part that identifies it.
    pub uid: String,
    /// Whether this owner manages the object.
    pub controller: bool,
    /// Whether the owner's foreground deletion waits for this object.
    pub block_owner_deletion: bool,
}

/// The part of `metadata` that selectors, ownership and deletion look at, parsed once per stored
/// revision.
#[derive(Clone, Debug, Default)]
pub struct Meta {
    /// `metadata.name`.
    pub name: Box<str>,
    /// `metadata.namespace`; empty for cluster-scoped objects.
    pub namespace: Box<str>,
    /// `metadata.uid`.
    pub uid: Box<str>,
    /// `metadata.labels`, sorted by key.
    pub labels: Box<[(Box<str>, Box<str>)]>,
    /// `metadata.ownerReferences`.
    pub owners: Box<[OwnerRef]>,
    /// Whether `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// Number of `metadata.finalizers`.
    pub finalizers: u32,
    /// `metadata.generation`; 0 when the kind has none.
    pub generation: i64,
    /// What the object refers to: see [`super::links`].
    pub links: Box<[Box<str>]>,
}

/// What [`Meta::of`] reads of every object, sorted.
const META: [&str; 8] = [
    "metadata.deletionTimestamp",
    "metadata.finalizers",
    "metadata.generation",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.ownerReferences",
    "metadata.uid",
];

/// The same with where the terms of a resource's objects are read from, sorted.
static REFERRING: LazyLock<Vec<(&[u8], Vec<&str>)>> = LazyLock::new(|| {
    let all = super::links::REFERRING.iter().map(|(resource, places)| {
        let mut paths = [META.as_slice(), places].concat();
        paths.sort_unstable();
        (*resource, paths)
    });
    all.collect()
});

impl Meta {
    /// Reads the metadata of a stored object, skipping whatever else its text holds.
    ///
    /// # Errors
    /// Why the text is none of an object.
    pub fn read(resource: &[u8], text: &[u8]) -> Result<Meta, String> {
        let referring = REFERRING.iter().find(|(of, _)| *of == resource);
        match parts(text, referring.map_or(META.as_slice(), |(_, paths)| paths)) {
            Ok(object) if object.is_object() => Ok(Meta::of(&object)),
            Ok(_) => Err("the row holds no object".into()),
            Err(why) => Err(why.to_string()),
        }
    }

    /// Reads the metadata of `object`; missing fields become empty.
    pub fn of(object: &Value) -> Meta {
        let labels = object.map_at("metadata.labels").map(|m| {
            m.iter().filter_map(|(k, v)| Some((k.as_str().into(), v.as_str()?.into()))).collect()
        });
        let owners = object.list_at("metadata.ownerReferences").iter();
        Meta {
            name: object.name().into(),
            namespace: object.namespace().into(),
            uid: object.uid().into(),
            labels: labels.unwrap_or_default(),
            owners: owners.filter_map(|o| OwnerRef::deserialize(o).ok()).collect(),
            deleting: object.is_deleting(),
            finalizers: object.list_at("metadata.finalizers").len() as u32,
            generation: object.i64_at("metadata.generation").unwrap_or(0),
            links: super::links::of(object),
        }
    }

    /// The value of a label.
    pub fn label(&self, key: &str) -> Option<&str> {
        let i = self.labels.binary_search_by(|(k, _)| k.as_ref().cmp(key)).ok()?;
        Some(&self.labels[i].1)
    }

    /// The owner reference with `controller: true`.
    pub fn controller(&self) -> Option<&OwnerRef> {
        self.owners.iter().find(|o| o.controller)
    }
}

/// The stored form of an object: its JSON without a resourceVersion, and where to put it.
///
/// Revisions are given out by the writer after the object was serialised, so the bytes leave a
/// gap of zero length at `rev_at`, inside the quotes of `metadata.resourceVersion`.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// JSON text with an empty string as `metadata.resourceVersion`.
    pub bytes: Vec<u8>,
    /// Offset in `bytes` where the decimal digits go.
    pub rev_at: usize,
    /// The object's metadata, parsed by whoever serialised it so that the writer need not.
    pub meta: Meta,
    /// Where its metadata stands in `bytes`.
    spans: Spans,
}

impl Encoded {
    /// The JSON text with `rev` as its resourceVersion, in one exact allocation.
    pub fn with_revision(&self, rev: u64) -> Vec<u8> {
        let digits = rev.to_string();
        let mut out = Vec::with_capacity(self.bytes.len() + digits.len());
        out.extend_from_slice(&self.bytes[..self.rev_at]);
        out.extend_from_slice(digits.as_bytes());
        out.extend_from_slice(&self.bytes[self.rev_at..]);
        out
    }

    /// Where metadata stands in the text of a revision.
    pub fn spans_at(&self, rev: u64) -> Spans {
        let digits = rev.checked_ilog10().unwrap_or(0) as usize + 1;
        self.spans.shifted(self.rev_at, digits)
    }
}

/// Serialises `object`, giving `metadata.resourceVersion` an empty value whose place is recorded.
///
/// # Panics
/// If `object` is not a JSON object with a `metadata` object: the API layer guarantees both.
pub fn encode(object: &Value) -> Encoded {
    let mut bytes = Vec::with_capacity(1024);
    let mut rev_at = 0;
    let mut spans = Spans::default();
    write_fields(&mut bytes, object, |key, value, out| {
        if key != "metadata" {
            return false;
        }
        let start = out.len();
        let managed;
        (rev_at, managed) = write_metadata(out, value);
        spans = Spans::new(start..out.len(), managed);
        true
    });
    assert!(rev_at > 0, "an object without metadata cannot be stored");
    Encoded { bytes, rev_at, meta: Meta::of(object), spans }
}

/// The tree of a text that the server wrote itself: nothing else is ever stored.
pub fn stored(text: &[u8]) -> Value {
    // One look at the whole is cheaper than one at each string.
    let text = std::str::from_utf8(text).unwrap_or_default();
    serde_json::from_str(text).unwrap_or(Value::Null)
}

/// A copy of an object without its managed fields.
pub fn without_managed(object: &Value) -> Value {
    let Value::Object(map) = object else { return object.clone() };
    let copy = |(key, value): (&Text, &Value)| {
        let value = match value {
            Value::Object(fields) if key == "metadata" => {
                let fields = fields.iter().filter(|(name, _)| *name != "managedFields");
                Value::Object(fields.map(|(k, v)| (k.clone(), v.clone())).collect())
            }
            _ => value.clone(),
        };
        (key.clone(), value)
    };
    Value::Object(map.iter().map(copy).collect())
}

/// Whether two values say the same: a field that is null is one that is not there.
pub fn alike(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let said = |map: &Map| map.values().filter(|v| !v.is_null()).count();
            let found = |(key, value): (&Text, &Value)| {
                value.is_null() || b.get(key).is_some_and(|other| alike(value, other))
            };
            said(a) == said(b) && a.iter().all(found)
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b))
        }
        (a, b) => a == b,
    }
}

/// How many bytes a value has as JSON.
pub fn size(value: &Value) -> usize {
    struct Counter(usize);
    impl std::io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(0);
    // As in `write_json`: it cannot fail.
    let _ = serde_json::to_writer(&mut counter, value);
    counter.0
}

/// Answers where the revision goes, and where the value of the managed fields is.
fn write_metadata(out: &mut Vec<u8>, metadata: &Value) -> (usize, Range<usize>) {
    const FIELD: &[u8] = b"{\"resourceVersion\":\"";
    out.extend_from_slice(FIELD);
    let at = out.len();
    out.push(b'"');
    let start = out.len();
    let mut managed = 0..0;
    write_fields(out, metadata, |key, value, out| {
        if key == "managedFields" {
            let from = out.len();
            write::plain(out, value);
            managed = from..out.len();
            return true;
        }
        key == "resourceVersion"
    });
    // The nested object opened with its own brace: join it to the one already open.
    if out.len() > start + 2 {
        out[start] = b',';
    } else {
        out.truncate(start);
        out.push(b'}');
    }
    (at, managed)
}

/// Writes `{…}`; `special` may write a field's value itself, or swallow the field by writing
/// nothing and answering true.
fn write_fields(
    out: &mut Vec<u8>,
    object: &Value,
    mut special: impl FnMut(&str, &Value, &mut Vec<u8>) -> bool,
) {
    out.push(b'{');
    let open = out.len();
    let Some(map) = object.as_object() else { return out.push(b'}') };
    let head = write::HEAD.iter().filter_map(|key| map.get_key_value(key));
    let rest = map.iter().filter(|(key, _)| !write::HEAD.contains(&key.as_str()));
    for (key, value) in head.chain(rest) {
        let before = out.len();
        if before > open {
            out.push(b',');
        }
        write::quoted(out, key);
        out.push(b':');
        let at = out.len();
        if !special(key, value, out) {
            write::plain(out, value);
        } else if out.len() == at {
            out.truncate(before);
        }
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    #[test]
    fn encoding_leaves_room_for_the_revision_only_in_metadata() {
        let object = json!({"kind": "ConfigMap", "data": {"resourceVersion": "7"},
            "metadata": {"name": "a", "resourceVersion": "3", "labels": {"x": "y"}}});
        let text = String::from_utf8(encode(&object).with_revision(42)).unwrap();
        let back: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(back.str_at("metadata.resourceVersion"), "42");
        assert_eq!(back.str_at("data.resourceVersion"), "7");
        assert_eq!(back.str_at("metadata.name"), "a");
        assert_eq!(back.label("x"), Some("y"));
    }

    #[test]
    fn null_is_as_good_as_nothing() {
        let one = json!({"a": [{"x": null, "y": 1}], "b": {"c": null}});
        for (other, same) in [
            (json!({"a": [{"y": 1}], "b": {}}), true),
            (json!({"a": [{"y": 1, "z": null}], "b": {}, "d": null}), true),
            (json!({"a": [{"y": 1}]}), false),
            (json!({"a": [{"y": 1, "x": 2}], "b": {}}), false),
            (json!({"a": [], "b": {}}), false),
        ] {
            assert_eq!((alike(&one, &other), alike(&other, &one)), (same, same), "{other}");
        }
    }

    #[test]
    fn encoding_empty_metadata() {
        let text = encode(&json!({"metadata": {}})).with_revision(1);
        assert_eq!(text, br#"{"metadata":{"resourceVersion":"1"}}"#);
    }

    #[test]
    fn paths_create_and_remove() {
        let mut o = json!({});
        o.set_at("spec.template.spec.x", 1);
        assert_eq!(o.i64_at("spec.template.spec.x"), Some(1));
        assert_eq!(o.remove_at("spec.template.spec.x"), Some(json!(1)));
        assert_eq!(o.remove_at("spec.nothing.x"), None);
        o.set_annotation("a.b/c", "v");
        assert_eq!(o.annotation("a.b/c"), Some("v"));
    }
}
