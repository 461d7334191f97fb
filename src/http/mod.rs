//! From bytes to [`crate::api::Request`] and from its answer to bytes. Knows paths, headers and
//! media types; decides nothing.

mod audited;
mod bodies;
mod body;
mod console;
mod credentials;
mod documents;
mod faulty;
mod form;
pub mod h2;
mod health;
mod limits;
mod links;
mod listener;
mod oauth;
mod origin;
mod parameters;
mod passing;
mod path;
mod render;
mod repeat;
mod resource;
mod serve;
mod sniff;
mod streaming;
mod upload;
mod values;
mod weighty;
#[cfg(feature = "kube")]
mod within;

pub use bodies::Bodies;
#[cfg(feature = "internals")]
pub use body::{object as read_object, patch as read_patch};
pub use console::{AtDesk, Desk};
pub use health::Readiness;
pub use limits::Limits;
pub use listener::{Listening, accept, serve, serve_on};
pub use oauth::basic;
pub use origin::carried_for;
pub use parameters::Query;
pub use repeat::{again, open_again};
pub use serve::Http;
#[cfg(feature = "internals")]
pub use streaming::{Decoded, decode_channels, decode_spdy, decode_upgrade};
pub use values::value as header_value;
#[cfg(feature = "kube")]
pub use within::Pipes;
