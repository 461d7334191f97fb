//! Kinds and subresources that have no row of their own: reviews, projects, tokens, bindings.
//!
//! A handler takes over after authorization; what it writes goes through [`Server::call`] again or
//! straight to the store.

mod applied_quotas;
mod binding;
mod builds;
mod components;
mod eviction;
pub mod images;
mod metrics;
mod openshift_reviews;
mod project_template;
mod projectrequests;
mod projects;
mod reviews;
mod rollouts;
mod security_reviews;
mod streams;
mod templates;
mod tokens;
mod users;

use super::{Answer, Item, Request, Response, Server, clock::clocks};
use crate::{error::Error, object::Value};
use futures_util::future::LocalBoxFuture;
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

/// What a handler gives back.
pub type Handled = LocalBoxFuture<'static, Result<Answer, Error>>;

/// Answers a request for a computed resource or subresource.
pub type Handler = fn(Arc<Server>, Request) -> Handled;

/// Which handler answers for which resource (`plural.group`) and subresource (or `""`).
pub static HANDLERS: &[(&str, &str, Handler)] = &[
    ("appliedclusterresourcequotas.quota.openshift.io", "", applied_quotas::read),
    ("buildconfigs.build.openshift.io", "instantiate", builds::instantiate),
    ("buildconfigs.build.openshift.io", "instantiatebinary", builds::instantiate_binary),
    ("buildconfigs.build.openshift.io", "webhooks", builds::webhooks),
    ("builds.build.openshift.io", "clone", builds::clone),
    ("builds.build.openshift.io", "log", builds::log),
    ("clocks.simulation.pocketshift.io", "", clocks),
    ("componentstatuses", "", components::components),
    ("deploymentconfigs.apps.openshift.io", "instantiate", rollouts::instantiate),
    ("deploymentconfigs.apps.openshift.io", "log", rollouts::log),
    ("deploymentconfigs.apps.openshift.io", "rollback", rollouts::rollback),
    ("imagesignatures.image.openshift.io", "", images::signatures),
    ("imagestreamimages.image.openshift.io", "", images::image),
    ("imagestreamimports.image.openshift.io", "", images::imports),
    ("imagestreammappings.image.openshift.io", "", images::mapping),
    ("imagestreams.image.openshift.io", "layers", images::layers),
    ("imagestreams.image.openshift.io", "secrets", images::secrets),
    ("imagestreamtags.image.openshift.io", "", images::image_stream_tags),
    ("imagetags.image.openshift.io", "", images::image_tags),
    ("localresourceaccessreviews.authorization.openshift.io", "", openshift_reviews::who_can),
    ("localsubjectaccessreviews.authorization.k8s.io", "", reviews::access),
    ("localsubjectaccessreviews.authorization.openshift.io", "", openshift_reviews::access),
    ("nodes", "proxy", streams::proxy),
    ("nodes.metrics.k8s.io", "", metrics::nodes),
    ("pods", "attach", streams::attach),
    ("pods", "binding", binding::create),
    ("pods", "exec", streams::exec),
    ("pods", "log", streams::log),
    ("pods", "portforward", streams::port_forward),
    ("pods", "proxy", streams::proxy),
    ("podsecuritypolicyreviews.security.openshift.io", "", security_reviews::accounts),
    ("podsecuritypolicyselfsubjectreviews.security.openshift.io", "", security_reviews::oneself),
    ("podsecuritypolicysubjectreviews.security.openshift.io", "", security_reviews::subject),
    ("pods.metrics.k8s.io", "", metrics::pods),
    ("processedtemplates.template.openshift.io", "", templates::process),
    ("projectrequests.project.openshift.io", "", projectrequests::requests),
    ("projects.project.openshift.io", "", projects::projects),
    ("resourceaccessreviews.authorization.openshift.io", "", openshift_reviews::who_can),
    ("selfsubjectaccessreviews.authorization.k8s.io", "", reviews::own_access),
    ("selfsubjectreviews.authentication.k8s.io", "", reviews::who_am_i),
    ("selfsubjectrulesreviews.authorization.k8s.io", "", reviews::own_rules),
    ("selfsubjectrulesreviews.authorization.openshift.io", "", openshift_reviews::rules),
    ("serviceaccounts", "token", tokens::request),
    ("services", "proxy", streams::proxy),
    ("subjectaccessreviews.authorization.k8s.io", "", reviews::access),
    ("subjectaccessreviews.authorization.openshift.io", "", openshift_reviews::access),
    ("subjectrulesreviews.authorization.openshift.io", "", openshift_reviews::rules),
    ("tokenreviews.authentication.k8s.io", "", reviews::token),
    ("useroauthaccesstokens.oauth.openshift.io", "", tokens::own),
    ("users.user.openshift.io", "", users::users),
    ("pods", "eviction", eviction::create),
];

/// The handler of a resource and subresource.
pub fn handler(resource: &str, sub: &str) -> Option<Handler> {
    /// Every request looks here, nearly always in vain.
    static INDEX: LazyLock<HashMap<(&str, &str), Handler>> =
        LazyLock::new(|| HANDLERS.iter().map(|(r, s, h)| ((*r, *s), *h)).collect());
    INDEX.get(&(resource, sub)).copied()
}

/// An answer of one object made for it.
fn answer(code: u16, value: Value) -> Answer {
    Response::One(code, Item::Value(value)).into()
}

/// Carries out a request that a handler leaves to the machinery of stored kinds. The caller's rights
/// have been checked.
pub(super) async fn ordinary(server: Arc<Server>, request: Request) -> Result<Answer, Error> {
    server.serve(server.store.snapshot(), request).await
}

#[cfg(test)]
pub(super) mod tests;
