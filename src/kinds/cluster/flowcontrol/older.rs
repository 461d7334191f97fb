//! The version of flowcontrol.apiserver.k8s.io that older releases serve: the same objects.

use super::{FLOW_SCHEMA, PRIORITY_LEVEL_CONFIGURATION};
use crate::{
    kinds::{Backing, Kind},
    object::{ObjectExt, Value},
};

/// `flowschemas` of `v1beta3`.
pub static FLOW_SCHEMA_V1BETA3: Kind = Kind {
    schema: "io.k8s.api.flowcontrol.v1beta3.FlowSchema",
    backing: Backing::Converted {
        resource: "flowschemas.flowcontrol.apiserver.k8s.io",
        from_stored,
        to_stored,
    },
    ..of(&FLOW_SCHEMA)
};

/// `prioritylevelconfigurations` of `v1beta3`.
pub static PRIORITY_LEVEL_CONFIGURATION_V1BETA3: Kind = Kind {
    schema: "io.k8s.api.flowcontrol.v1beta3.PriorityLevelConfiguration",
    backing: Backing::Converted {
        resource: "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
        from_stored,
        to_stored,
    },
    ..of(&PRIORITY_LEVEL_CONFIGURATION)
};

const fn of(kind: &Kind) -> Kind {
    Kind {
        version: "v1beta3",
        deprecated: "deprecated in v1.29+, unavailable in v1.32+",
        deprecated_since: 29,
        since: 26,
        until: 32,
        ..*kind
    }
}

fn from_stored(mut object: Value) -> Value {
    object.set_at("apiVersion", "flowcontrol.apiserver.k8s.io/v1beta3");
    object
}

fn to_stored(mut object: Value) -> Value {
    object.set_at("apiVersion", "flowcontrol.apiserver.k8s.io/v1");
    object
}
