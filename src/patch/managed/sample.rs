//! A small workload type for the tests of this room; indices count down from `u16::MAX`.

use crate::schema::{Field, ListType, Presence, Shape, Type};

const fn at(index: u16) -> Shape {
    Shape::Object(u16::MAX - index)
}

const fn f(name: &'static str, shape: Shape) -> Field {
    Field::plain(name, shape)
}

const fn always(name: &'static str, shape: Shape) -> Field {
    Field { presence: Presence::Always, ..f(name, shape) }
}

const fn keyed(
    name: &'static str,
    shape: Shape,
    map_keys: &'static [&'static str],
    merge_key: &'static str,
) -> Field {
    let strategies = &["merge"];
    Field { list: ListType::Map, map_keys, merge_key, strategies, ..f(name, shape) }
}

/// The types; the first is the root.
pub static TYPES: [Type; 9] = [
    Type {
        name: "io.k8s.api.apps.v1.Deployment",
        atomic: false,
        embedded: &[],
        fields: &[
            f("apiVersion", Shape::String),
            f("data", Shape::Any),
            f("kind", Shape::String),
            always("metadata", at(1)),
            always("spec", at(2)),
            always("status", at(3)),
        ],
    },
    Type {
        name: "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta",
        atomic: false,
        embedded: &[],
        fields: &[
            f("annotations", Shape::Map(&Shape::String)),
            f("creationTimestamp", Shape::Time),
            Field {
                list: ListType::Set,
                strategies: &["merge"],
                ..f("finalizers", Shape::List(&Shape::String))
            },
            f("generation", Shape::Int64),
            f("labels", Shape::Map(&Shape::String)),
            f("managedFields", Shape::List(&Shape::Any)),
            f("name", Shape::String),
            f("namespace", Shape::String),
            f("resourceVersion", Shape::String),
            f("uid", Shape::String),
        ],
    },
    Type {
        name: "io.k8s.api.core.v1.PodSpec",
        atomic: false,
        embedded: &[],
        fields: &[
            Field { required: true, ..keyed("containers", Shape::List(&at(4)), &["name"], "name") },
            Field { atomic: true, ..f("nodeSelector", Shape::Map(&Shape::String)) },
            f("paused", Shape::Bool),
            f("replicas", Shape::Int32),
            f("selector", at(5)),
            Field { strategies: &["retainKeys"], ..always("strategy", at(6)) },
            f("words", Shape::List(&Shape::String)),
        ],
    },
    Type {
        name: "io.k8s.api.apps.v1.DeploymentStatus",
        atomic: false,
        embedded: &[],
        fields: &[
            keyed("conditions", Shape::List(&at(7)), &["type"], "type"),
            f("replicas", Shape::Int32),
        ],
    },
    Type {
        name: "io.k8s.api.core.v1.Container",
        atomic: false,
        embedded: &[],
        fields: &[
            f("args", Shape::List(&Shape::String)),
            f("image", Shape::String),
            f("name", Shape::String),
            keyed("ports", Shape::List(&at(8)), &["containerPort", "protocol"], "containerPort"),
        ],
    },
    Type {
        name: "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector",
        atomic: true,
        embedded: &[],
        fields: &[f("matchLabels", Shape::Map(&Shape::String))],
    },
    Type {
        name: "io.k8s.api.apps.v1.DeploymentStrategy",
        atomic: false,
        embedded: &[],
        fields: &[f("rollingUpdate", Shape::Any), f("type", Shape::String)],
    },
    Type {
        name: "io.k8s.api.apps.v1.DeploymentCondition",
        atomic: false,
        embedded: &[],
        fields: &[
            f("message", Shape::String),
            f("status", Shape::String),
            f("type", Shape::String),
        ],
    },
    Type {
        name: "io.k8s.api.core.v1.ContainerPort",
        atomic: false,
        embedded: &[],
        fields: &[
            f("containerPort", Shape::Int32),
            f("name", Shape::String),
            f("protocol", Shape::String),
        ],
    },
];

/// The root type.
pub fn deployment() -> &'static Type {
    &TYPES[0]
}
