//! build.openshift.io: how images are built from source, and each build of one.
//! Source: openshift-apiserver `pkg/build`.

mod columns;
mod defaults;
mod validate;

use crate::kinds::{Generation, Hooks, Kind, Sub};

const GROUP: &str = "build.openshift.io";

/// A subresource one can only post to.
const fn posted(name: &'static str, kind: &'static str) -> Sub {
    Sub { name, body: (GROUP, "v1", kind), verbs: &["create"] }
}

/// `buildconfigs.build.openshift.io`.
pub static BUILD_CONFIG: Kind = Kind {
    group: GROUP,
    kind: "BuildConfig",
    plural: "buildconfigs",
    short: &["bc"],
    categories: &["all"],
    schema: "com.github.openshift.api.build.v1.BuildConfig",
    subresources: &[
        posted("instantiate", "BuildRequest"),
        posted("instantiatebinary", "BinaryBuildRequestOptions"),
        posted("webhooks", "Build"),
    ],
    generation: Generation::Spec,
    unconditional_update: false,
    columns: columns::OF_CONFIGS,
    hooks: Hooks {
        default: Some(defaults::config),
        prepare: Some(defaults::settle_config),
        sent_status: Some(defaults::config_status),
        validate: Some(validate::config),
        ..Hooks::NONE
    },
    ..Kind::BASE
};

/// `builds.build.openshift.io`.
pub static BUILD: Kind = Kind {
    group: GROUP,
    kind: "Build",
    plural: "builds",
    categories: &["all"],
    schema: "com.github.openshift.api.build.v1.Build",
    subresources: &[
        posted("clone", "BuildRequest"),
        Sub { name: "details", body: ("", "", ""), verbs: &["update"] },
        Sub { name: "log", body: (GROUP, "v1", "BuildLog"), verbs: &["get"] },
    ],
    generation: Generation::Spec,
    unconditional_update: false,
    columns: columns::OF_BUILDS,
    hooks: Hooks {
        default: Some(defaults::build),
        prepare: Some(defaults::settle_build),
        sent_status: Some(defaults::build_status),
        validate: Some(validate::build),
        subresources: &[("details", defaults::settle_details, validate::details)],
        ..Hooks::NONE
    },
    ..Kind::BASE
};
