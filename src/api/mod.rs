//! Verbs over kinds: what every request goes through, whoever sends it. Knows nothing of HTTP.

pub mod admission;
pub mod computed;
pub mod openapi;
mod request;
mod server;

pub use request::{
    Answer, Body, Caller, Event, FieldValidation, Item, List, Options, PatchType, Request,
    Response, Verb, WatchStream,
};
pub use server::Server;
