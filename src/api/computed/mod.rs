//! Kinds and subresources that have no row of their own: reviews, projects, tokens, bindings.
//!
//! A handler takes over after authorization; what it writes goes through [`Server::call`] again or
//! straight to the store.

mod binding;
mod eviction;

use super::{Answer, Request, Server};
use crate::error::Error;
use futures_util::future::LocalBoxFuture;
use std::sync::Arc;

/// Answers a request for a computed resource or subresource.
pub type Handler = fn(Arc<Server>, Request) -> LocalBoxFuture<'static, Result<Answer, Error>>;

/// Which handler answers for which resource (`plural.group`) and subresource (or `""`).
pub static HANDLERS: &[(&str, &str, Handler)] = &[
    ("pods", "binding", binding::create),
    ("pods", "eviction", eviction::create),
];

/// The handler of a resource and subresource.
pub fn handler(resource: &str, sub: &str) -> Option<Handler> {
    HANDLERS.iter().find(|(r, s, _)| *r == resource && *s == sub).map(|(_, _, h)| *h)
}
