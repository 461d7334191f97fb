//! From bytes to [`crate::api::Request`] and from its answer to bytes. Knows paths, headers and
//! media types; decides nothing.

mod body;
mod health;
mod oauth;
mod parameters;
mod path;
mod render;
mod serve;
mod stream;
pub mod tls;
mod yaml;

pub use health::Readiness;
pub use serve::{Http, Listening, serve};
