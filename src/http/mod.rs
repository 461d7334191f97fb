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

pub use health::Readiness;
pub use listener::{Listening, serve};
pub use oauth::basic;
pub use parameters::Query;
pub use serve::Http;
pub use streaming::{Decoded, decode_channels, decode_spdy};
