//! What the types of the API look like: fields, types, merge keys, defaults, protobuf numbers.
//!
//! The tables are compiled in (see `build.rs`): Kubernetes' types come from the k8s-openapi
//! crate, what that lacks from the files under `openapi/`, OpenShift's types from our own
//! declarations (`openshift/`, which only the build script compiles). One table drives decoding,
//! pruning, defaulting, strategic merge, server-side apply and the OpenAPI documents.

mod check;
mod decode;
mod defaults;
mod go;
pub mod golang;
pub mod proto;
pub mod structural;
#[cfg(test)]
mod tests;

pub use decode::{convert, decode};
pub use defaults::{blank, fill_defaults, store_parts};

use crate::object::Value;

/// A named object type.
#[derive(Debug)]
pub struct Type {
    /// Definition name (`io.k8s.api.apps.v1.Deployment`).
    pub name: &'static str,
    /// Fields, sorted by name.
    pub fields: &'static [Field],
    /// Whether server-side apply treats the object as one value (`x-kubernetes-map-type: atomic`).
    pub atomic: bool,
    /// Messages whose fields JSON shows as this type's own (`VolumeSource` of `Volume`).
    pub embedded: &'static [Embedded],
}

/// A message that protobuf nests and JSON flattens.
#[derive(Debug)]
pub struct Embedded {
    /// Name of the Go type, which upstream shows in paths of type errors.
    pub name: &'static str,
    /// Field number in the parent.
    pub proto: u32,
    /// Its type, by index into [`types`]; its name is not a definition.
    pub message: u16,
}

/// A field of an object type.
#[derive(Debug)]
pub struct Field {
    /// JSON name.
    pub name: &'static str,
    /// Type of the value.
    pub shape: Shape,
    /// Field number in Kubernetes protobuf; 0 when the type has none.
    pub proto: u32,
    /// What becomes of a zero value.
    pub presence: Presence,
    /// Whether the published schema requires it.
    pub required: bool,
    /// Name of the Go type where it does not follow from `shape` (`v1.RestartPolicy`).
    pub go: &'static str,
    /// How lists merge in server-side apply.
    pub list: ListType,
    /// Whether server-side apply treats the map or object in this field as one value.
    pub atomic: bool,
    /// Keys of a `map` list (`x-kubernetes-list-map-keys`).
    pub map_keys: &'static [&'static str],
    /// Merge key of strategic merge patch (`x-kubernetes-patch-merge-key`); empty for none.
    pub merge_key: &'static str,
    /// Strategies of strategic merge patch (`merge`, `retainKeys`, `replace`).
    pub strategies: &'static [&'static str],
    /// Default as JSON text; empty for none.
    pub default: &'static str,
}

/// What becomes of a zero value (false, 0, "", an empty list or map) when an object is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Presence {
    /// Kept as sent: a pointer upstream, so zero and absent differ.
    Optional,
    /// Left out: `omitempty` upstream.
    Omit,
    /// Written even when nobody set it.
    Always,
}

/// The type of a value.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub enum Shape {
    Bool,
    Int32,
    Int64,
    Float,
    String,
    /// Base64 text in JSON.
    Bytes,
    IntOrString,
    Quantity,
    Time,
    MicroTime,
    Duration,
    /// Any JSON (`RawExtension`, `FieldsV1`, `JSON`).
    Any,
    /// An object type, by index into [`types`].
    Object(u16),
    List(&'static Shape),
    Map(&'static Shape),
}

/// How a list behaves in server-side apply.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ListType {
    /// One value.
    Atomic,
    /// A set of scalars.
    Set,
    /// Items identified by `map_keys`.
    Map,
}

include!(concat!(env!("OUT_DIR"), "/types.rs"));

const fn field(name: &'static str, shape: Shape, proto: u32, presence: Presence) -> Field {
    Field { proto, presence, ..Field::plain(name, shape) }
}

const fn embed(name: &'static str, proto: u32, message: u16) -> Embedded {
    Embedded { name, proto, message }
}

/// Words of the generated tables.
impl Field {
    /// A field with nothing special about it.
    pub const fn plain(name: &'static str, shape: Shape) -> Field {
        Field {
            name,
            shape,
            proto: 0,
            presence: Presence::Optional,
            required: false,
            go: "",
            list: ListType::Atomic,
            atomic: false,
            map_keys: &[],
            merge_key: "",
            strategies: &[],
            default: "",
        }
    }
    const fn required(self) -> Field {
        Field { required: true, ..self }
    }
    const fn go(self, go: &'static str) -> Field {
        Field { go, ..self }
    }
    const fn set(self) -> Field {
        Field { list: ListType::Set, ..self }
    }
    const fn atomic(self) -> Field {
        Field { atomic: true, ..self }
    }
    const fn map(self, map_keys: &'static [&'static str]) -> Field {
        Field { list: ListType::Map, map_keys, ..self }
    }
    const fn patch(self, merge_key: &'static str, strategies: &'static [&'static str]) -> Field {
        Field { merge_key, strategies, ..self }
    }
    const fn default(self, default: &'static str) -> Field {
        Field { default, ..self }
    }
}

impl Type {
    /// The field with this JSON name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        let i = self.fields.binary_search_by(|f| f.name.cmp(name)).ok()?;
        self.fields.get(i)
    }

    /// The name without its package (`Deployment`), which is the Go struct's name.
    pub fn short_name(&self) -> &'static str {
        self.name.rsplit('.').next().unwrap_or(self.name)
    }
}

impl Shape {
    /// The object type this shape is, if it is one.
    pub fn object(&self) -> Option<&'static Type> {
        match self {
            Shape::Object(i) => TYPES.get(usize::from(*i)),
            _ => None,
        }
    }
}

/// Every type, indexed by [`Shape::Object`].
pub fn types() -> &'static [Type] {
    TYPES
}

/// The type with this definition name.
pub fn find(name: &str) -> Option<&'static Type> {
    let named = TYPES.get(..NAMED)?;
    named.binary_search_by(|t| t.name.cmp(name)).ok().and_then(|i| named.get(i))
}

/// The type of an `apiVersion` and `kind`; options such as `DeleteOptions` exist in every version.
pub fn find_kind(api_version: &str, kind: &str) -> Option<&'static Type> {
    if kind == "DeleteOptions" {
        return find("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions");
    }
    let row = KINDS.iter().find(|(v, k, _)| *k == kind && *v == api_version)?;
    TYPES.get(usize::from(row.2))
}

/// Whether a Go type's name (`v1.PodSpec`) is that of an object type.
pub fn is_struct(name: &str) -> bool {
    let ends = |t: &Type| t.name.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'));
    TYPES.iter().any(ends)
}

/// What decoding an object against its type found.
#[derive(Debug, Default, PartialEq)]
pub struct Decoded {
    /// Paths of fields the type does not have, in upstream's form (`spec.foo`); they are removed.
    pub unknown: Vec<String>,
    /// Lists and maps that were sent without anything in them, by their paths; they are removed.
    pub empty: Vec<(String, Value)>,
}
