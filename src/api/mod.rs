//! Verbs over kinds: what every request goes through, whoever sends it. Knows nothing of HTTP.

pub mod admission;
pub mod aggregation;
pub mod computed;
mod conversion;
mod create;
mod delete;
pub mod discovery;
#[cfg(test)]
mod growth;
pub mod meta;
mod misfit;
pub mod openapi;
mod pages;
mod passing;
mod patched;
mod read;
mod request;
mod scale;
mod server;
pub mod session;
pub mod table;
mod update;
mod watch;
mod write;

pub use pages::Pages;
pub use passing::Answered;
pub use read::{field_text, read_token};
pub use request::{
    Answer, Body, Caller, Event, FieldValidation, Item, List, LogBody, Options, PatchType, Request,
    Response, Verb, WatchStream,
};
pub use scale::form as scale_form;
pub use server::Server;
pub use session::{Session, Streams, Task};
