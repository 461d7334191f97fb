//! Walking a value together with its type: what stands at a path, and how it merges.
//!
//! Knows the type tables and nothing of sets, patches or managers.

use crate::schema::{Field, ListType, Shape, Type};

/// The type of one place in an object.
#[derive(Clone, Copy)]
pub(super) enum Node {
    /// One value: a scalar, or something atomic.
    Leaf(&'static Shape),
    /// Any JSON.
    Any,
    /// Named fields.
    Struct(&'static Type),
    /// Free keys, all of one type.
    Map(&'static Shape),
    /// A list whose items are identified by keys.
    Keyed(&'static Shape, &'static [&'static str]),
    /// A list of distinct scalars.
    Set(&'static Shape),
}

/// Maps that are replaced as a whole although their type does not say so: upstream marks the
/// field (`+mapType=atomic` in k8s.io/api/core/v1).
const ATOMIC_MAPS: [&str; 2] = ["nodeSelector", "selector"];

/// Key fields with a default that may be left out of a list item.
const KEY_DEFAULTS: [(&str, &str); 1] = [("protocol", "\"TCP\"")];

/// Object fields that are plain struct values in the Go types, so that they are "there" even
/// when empty. An update that fills one owns its fields, but not the field itself.
/// Source: `"default": {}` in Kubernetes' OpenAPI v3 documents.
const EMBEDDED: [&str; 33] = [
    "acceptedNames",
    "backend",
    "clientConfig",
    "conditions",
    "current",
    "daemonEndpoints",
    "deprecatedSource",
    "describedObject",
    "involvedObject",
    "jobTemplate",
    "kubeletEndpoint",
    "lastState",
    "loadBalancer",
    "metadata",
    "metric",
    "names",
    "nodeInfo",
    "podAffinityTerm",
    "podSelector",
    "port",
    "preference",
    "regarding",
    "resources",
    "roleRef",
    "scaleTargetRef",
    "source",
    "spec",
    "state",
    "status",
    "strategy",
    "target",
    "template",
    "updateStrategy",
];

/// Where a name of [`EMBEDDED`] is a pointer all the same: the type's short name and the field.
const POINTERS: [(&str, &str); 7] = [
    ("ContainerStatus", "resources"),
    ("NetworkPolicyPeer", "podSelector"),
    ("PodSpec", "resources"),
    ("PodStatus", "resources"),
    ("ReplicationControllerSpec", "template"),
    ("DeploymentConfigSpec", "template"),
    ("WebhookConversion", "clientConfig"),
];

/// The field of an object type.
pub(super) fn field(ty: &'static Type, name: &str) -> Option<&'static Field> {
    ty.fields.binary_search_by(|f| f.name.cmp(name)).ok().map(|i| &ty.fields[i])
}

/// The object type with an index of [`Shape::Object`].
pub(super) fn object(index: u16) -> Option<&'static Type> {
    #[cfg(test)]
    if let Some(ty) = super::managed::sample::TYPES.get(usize::from(u16::MAX - index)) {
        return Some(ty);
    }
    crate::schema::types().get(usize::from(index))
}

/// Whether a field is there even when it is absent from the JSON; see [`EMBEDDED`]. The list of a
/// pod's containers is one too: the Go type always writes it.
pub(super) fn embedded(parent: Node, name: &str, node: Node) -> bool {
    let Node::Struct(ty) = parent else { return false };
    let short = ty.name.rsplit('.').next().unwrap_or(ty.name);
    match node {
        Node::Struct(_) => EMBEDDED.contains(&name) && !POINTERS.contains(&(short, name)),
        Node::Keyed(..) => (short, name) == ("PodSpec", "containers"),
        _ => false,
    }
}

impl Node {
    /// The place a shape describes when no field says more about it.
    pub(super) fn of(shape: &'static Shape) -> Node {
        match shape {
            Shape::Any => Node::Any,
            Shape::Object(i) => match object(*i) {
                Some(ty) if !ty.atomic => Node::Struct(ty),
                Some(_) => Node::Leaf(shape),
                None => Node::Any,
            },
            Shape::Map(item) => Node::Map(item),
            _ => Node::Leaf(shape),
        }
    }

    fn of_field(f: &'static Field) -> Node {
        match (&f.shape, f.list) {
            (Shape::List(item), ListType::Map) => Node::Keyed(item, f.map_keys),
            (Shape::List(item), ListType::Set) => Node::Set(item),
            (Shape::Map(_), _) if ATOMIC_MAPS.contains(&f.name) => Node::Leaf(&f.shape),
            _ => Node::of(&f.shape),
        }
    }

    /// The place of a named child; `None` when the type has no such field.
    pub(super) fn child(self, name: &str) -> Option<Node> {
        match self {
            Node::Struct(ty) => field(ty, name).map(Node::of_field),
            Node::Map(item) => Some(Node::of(item)),
            Node::Any => Some(Node::Any),
            _ => None,
        }
    }

    /// As [`Node::child`]; what the type does not know is any JSON.
    pub(super) fn child_or_any(self, name: &str) -> Node {
        self.child(name).unwrap_or(Node::Any)
    }

    /// Whether `name` is a declared field, not a free key.
    pub(super) fn declares(self, name: &str) -> bool {
        matches!(self, Node::Struct(ty) if field(ty, name).is_some())
    }

    /// Whether the place holds an object that merges field by field.
    pub(super) fn is_map(self) -> bool {
        matches!(self, Node::Any | Node::Struct(_) | Node::Map(_))
    }

    /// The default of a key field of list items of this place.
    pub(super) fn key_default(self, key: &str) -> Option<&'static str> {
        let Node::Struct(ty) = self else { return None };
        let declared = field(ty, key)?;
        let fallback = KEY_DEFAULTS.iter().find(|(k, _)| *k == key).map(|(_, d)| *d);
        Some(declared.default).filter(|d| !d.is_empty()).or(fallback)
    }
}
