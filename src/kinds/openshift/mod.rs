//! OpenShift's kinds. Each file declares the kinds of one group; this one lists them.

mod apps;
mod authorization;
mod builds;
mod config;
mod images;
mod machines;
mod mirrors;
mod oauth;
mod projects;
mod quota;
mod routes;
mod scopes;
mod security;
mod sources;
mod templateinstances;
mod templates;
mod users;

use super::Kind;
pub use apps::rollouts;
pub use images::{glanced as glanced_stream, outside as image_outside, shown as shown_stream};
pub use quota::selects as quota_selects;
pub use templates::check as check_template;

/// Verbs of a kind that upstream serves as a custom resource, in the order it lists them.
const CUSTOM_VERBS: &[&str] =
    &["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];

/// The kinds of this family.
pub static KINDS: &[&Kind] = &[
    &apps::DEPLOYMENT_CONFIG,
    &authorization::CLUSTER_ROLE,
    &authorization::CLUSTER_ROLE_BINDING,
    &authorization::LOCAL_RESOURCE_ACCESS_REVIEW,
    &authorization::LOCAL_SUBJECT_ACCESS_REVIEW,
    &authorization::RESOURCE_ACCESS_REVIEW,
    &authorization::ROLE,
    &authorization::ROLE_BINDING,
    &authorization::ROLE_BINDING_RESTRICTION,
    &authorization::SELF_SUBJECT_RULES_REVIEW,
    &authorization::SUBJECT_ACCESS_REVIEW,
    &authorization::SUBJECT_RULES_REVIEW,
    &builds::BUILD,
    &builds::BUILD_CONFIG,
    &config::API_SERVER,
    &config::AUTHENTICATION,
    &config::CLUSTER_OPERATOR,
    &config::CLUSTER_VERSION,
    &config::CONSOLE,
    &config::DNS,
    &config::FEATURE_GATE,
    &config::IMAGE,
    &config::IMAGE_CONTENT_SOURCE_POLICY,
    &config::IMAGE_DIGEST_MIRROR_SET,
    &config::IMAGE_TAG_MIRROR_SET,
    &config::INFRASTRUCTURE,
    &config::INGRESS,
    &config::NETWORK,
    &config::OAUTH,
    &config::PROJECT,
    &config::PROXY,
    &config::SCHEDULER,
    &images::IMAGE,
    &images::IMAGE_SIGNATURE,
    &images::IMAGE_STREAM,
    &images::IMAGE_STREAM_IMAGE,
    &images::IMAGE_STREAM_IMPORT,
    &images::IMAGE_STREAM_MAPPING,
    &images::IMAGE_STREAM_TAG,
    &images::IMAGE_TAG,
    &machines::MACHINE_CONFIG,
    &machines::MACHINE_CONFIG_POOL,
    &oauth::OAUTH_ACCESS_TOKEN,
    &oauth::OAUTH_AUTHORIZE_TOKEN,
    &oauth::OAUTH_CLIENT,
    &oauth::OAUTH_CLIENT_AUTHORIZATION,
    &oauth::USER_OAUTH_ACCESS_TOKEN,
    &projects::PROJECT,
    &projects::PROJECT_REQUEST,
    &quota::APPLIED,
    &quota::CLUSTER_RESOURCE_QUOTA,
    &routes::ROUTE,
    &security::REVIEW_OF_ACCOUNTS,
    &security::REVIEW_OF_SELF,
    &security::REVIEW_OF_SUBJECT,
    &security::SECURITY_CONTEXT_CONSTRAINTS,
    &templateinstances::BROKER_TEMPLATE_INSTANCE,
    &templateinstances::TEMPLATE_INSTANCE,
    // The kind is the one that is stored.
    &templates::TEMPLATE,
    &templates::PROCESSED_TEMPLATE,
    &users::GROUP,
    &users::IDENTITY,
    &users::USER,
    &users::USER_IDENTITY_MAPPING,
];
