//! From bytes to [`crate::api::Request`] and from its answer to bytes. Knows paths, headers and
//! media types; decides nothing.

mod body;
mod doorway;
mod health;
mod listener;
mod oauth;
mod parameters;
mod path;
mod render;
mod serve;
mod stream;
mod streaming;
pub mod tls;

pub use health::Readiness;
pub use listener::{Listening, serve};
pub use serve::Http;
