//! config.openshift.io: what is set for the whole cluster. Custom resources upstream; columns as
//! their `additionalPrinterColumns` say.

use super::{CUSTOM_VERBS, mirrors, sources};
use crate::kinds::{CellCx, Column, Generation, Hooks, Kind, Sub};
use crate::object::{ObjectExt, Value, json};

const GROUP: Kind = Kind {
    group: "config.openshift.io",
    namespaced: false,
    verbs: CUSTOM_VERBS,
    subresources: &[Sub::STATUS],
    generation: Generation::Spec,
    unconditional_update: false,
    ..Kind::BASE
};

/// `apiservers.config.openshift.io`.
pub static API_SERVER: Kind = Kind {
    kind: "APIServer",
    plural: "apiservers",
    schema: "com.github.openshift.api.config.v1.APIServer",
    ..GROUP
};

/// `authentications.config.openshift.io`.
pub static AUTHENTICATION: Kind = Kind {
    kind: "Authentication",
    plural: "authentications",
    schema: "com.github.openshift.api.config.v1.Authentication",
    ..GROUP
};

/// `clusteroperators.config.openshift.io`.
pub static CLUSTER_OPERATOR: Kind = Kind {
    kind: "ClusterOperator",
    plural: "clusteroperators",
    short: &["co"],
    schema: "com.github.openshift.api.config.v1.ClusterOperator",
    columns: &[
        Column::text("Version", "Version the operator is at.", |o, _| {
            let all = o.list_at("status.versions");
            found(all.iter().find(|v| v.str_at("name") == "operator"), "version")
        }),
        Column::text("Available", "Whether the operator works.", |o, _| {
            found(o.condition("Available"), "status")
        }),
        Column::text("Progressing", "Whether the operator is changing something.", |o, _| {
            found(o.condition("Progressing"), "status")
        }),
        Column::text("Degraded", "Whether the operator is degraded.", |o, _| {
            found(o.condition("Degraded"), "status")
        }),
        since(|o, cx| changed(o, "Available", cx)),
    ],
    ..GROUP
};

/// `clusterversions.config.openshift.io`.
pub static CLUSTER_VERSION: Kind = Kind {
    kind: "ClusterVersion",
    plural: "clusterversions",
    schema: "com.github.openshift.api.config.v1.ClusterVersion",
    columns: &[
        Column::text("Version", "Latest version that was rolled out.", |o, _| {
            let all = o.list_at("status.history");
            found(all.iter().find(|h| h.str_at("state") == "Completed"), "version")
        }),
        Column::text("Available", "Whether the cluster works.", |o, _| {
            found(o.condition("Available"), "status")
        }),
        Column::text("Progressing", "Whether an update is going on.", |o, _| {
            found(o.condition("Progressing"), "status")
        }),
        since(|o, cx| changed(o, "Progressing", cx)),
        Column::text("Status", "How far the update is.", |o, _| {
            found(o.condition("Progressing"), "message")
        }),
    ],
    ..GROUP
};

/// `consoles.config.openshift.io`.
pub static CONSOLE: Kind = Kind {
    kind: "Console",
    plural: "consoles",
    schema: "com.github.openshift.api.config.v1.Console",
    ..GROUP
};

/// `dnses.config.openshift.io`.
pub static DNS: Kind = Kind {
    kind: "DNS",
    plural: "dnses",
    schema: "com.github.openshift.api.config.v1.DNS",
    ..GROUP
};

/// `featuregates.config.openshift.io`.
pub static FEATURE_GATE: Kind = Kind {
    kind: "FeatureGate",
    plural: "featuregates",
    schema: "com.github.openshift.api.config.v1.FeatureGate",
    ..GROUP
};

/// `images.config.openshift.io`.
pub static IMAGE: Kind = Kind {
    kind: "Image",
    plural: "images",
    schema: "com.github.openshift.api.config.v1.Image",
    hooks: Hooks { validate: Some(sources::check), ..Hooks::NONE },
    ..GROUP
};

/// `imagedigestmirrorsets.config.openshift.io`.
pub static IMAGE_DIGEST_MIRROR_SET: Kind = Kind {
    kind: "ImageDigestMirrorSet",
    plural: "imagedigestmirrorsets",
    short: &["idms"],
    schema: "com.github.openshift.api.config.v1.ImageDigestMirrorSet",
    hooks: Hooks {
        validate: Some(|o, _, out| mirrors::check(o, "spec.imageDigestMirrors", out)),
        ..Hooks::NONE
    },
    ..GROUP
};

/// `imagetagmirrorsets.config.openshift.io`.
pub static IMAGE_TAG_MIRROR_SET: Kind = Kind {
    kind: "ImageTagMirrorSet",
    plural: "imagetagmirrorsets",
    short: &["itms"],
    schema: "com.github.openshift.api.config.v1.ImageTagMirrorSet",
    hooks: Hooks {
        validate: Some(|o, _, out| mirrors::check(o, "spec.imageTagMirrors", out)),
        ..Hooks::NONE
    },
    ..GROUP
};

/// `imagecontentsourcepolicies.operator.openshift.io`: what digest mirror sets were before.
pub static IMAGE_CONTENT_SOURCE_POLICY: Kind = Kind {
    group: "operator.openshift.io",
    version: "v1alpha1",
    kind: "ImageContentSourcePolicy",
    plural: "imagecontentsourcepolicies",
    schema: "com.github.openshift.api.operator.v1alpha1.ImageContentSourcePolicy",
    hooks: Hooks {
        validate: Some(|o, _, out| mirrors::sources(o, "spec.repositoryDigestMirrors", out)),
        ..Hooks::NONE
    },
    ..GROUP
};

/// `infrastructures.config.openshift.io`.
pub static INFRASTRUCTURE: Kind = Kind {
    kind: "Infrastructure",
    plural: "infrastructures",
    schema: "com.github.openshift.api.config.v1.Infrastructure",
    ..GROUP
};

/// `ingresses.config.openshift.io`.
pub static INGRESS: Kind = Kind {
    kind: "Ingress",
    plural: "ingresses",
    schema: "com.github.openshift.api.config.v1.Ingress",
    ..GROUP
};

/// `networks.config.openshift.io`; the one kind here without a status subresource.
pub static NETWORK: Kind = Kind {
    kind: "Network",
    plural: "networks",
    subresources: &[],
    schema: "com.github.openshift.api.config.v1.Network",
    ..GROUP
};

/// `oauths.config.openshift.io`.
pub static OAUTH: Kind = Kind {
    kind: "OAuth",
    plural: "oauths",
    schema: "com.github.openshift.api.config.v1.OAuth",
    ..GROUP
};

/// `projects.config.openshift.io`.
pub static PROJECT: Kind = Kind {
    kind: "Project",
    plural: "projects",
    schema: "com.github.openshift.api.config.v1.Project",
    ..GROUP
};

/// `proxies.config.openshift.io`.
pub static PROXY: Kind = Kind {
    kind: "Proxy",
    plural: "proxies",
    schema: "com.github.openshift.api.config.v1.Proxy",
    ..GROUP
};

/// `schedulers.config.openshift.io`.
pub static SCHEDULER: Kind = Kind {
    kind: "Scheduler",
    plural: "schedulers",
    schema: "com.github.openshift.api.config.v1.Scheduler",
    ..GROUP
};

/// A column's JSONPath that finds nothing leaves the cell empty.
fn found(part: Option<&Value>, field: &str) -> Value {
    part.and_then(|p| p.at(field)).cloned().unwrap_or(Value::Null)
}

/// Time since the condition's status last changed.
const fn since(cell: fn(&Value, &CellCx) -> Value) -> Column {
    Column { kind: "date", ..Column::text("Since", "When that last changed.", cell) }
}

fn changed(o: &Value, condition: &str, cx: &CellCx) -> Value {
    match o.condition(condition) {
        Some(c) => json!(cx.age(c.str_at("lastTransitionTime"))),
        None => Value::Null,
    }
}
