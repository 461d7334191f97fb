//! Verbs over kinds: what every request goes through, whoever sends it. Knows nothing of HTTP.

pub mod admission;
pub mod aggregation;
pub mod clock;
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
mod update;
mod watch;
mod write;

pub use crate::access::Caller;
pub use crate::builds::input::Upload;
pub use pages::Pages;
pub use passing::Answered;
pub use read::field_text;
#[cfg(feature = "internals")]
pub use read::read_token;
pub use request::{
    Answer, Body, Event, FieldValidation, Item, List, LogBody, Options, PatchType, Request,
    Response, Verb, WatchStream,
};
pub use scale::form as scale_form;
pub use server::Server;
pub use session::{Session, Streams, Task};

use crate::{
    kinds::{Catalogue, Families},
    settings::Settings,
    store::Snapshot,
};
use std::sync::Arc;

/// Which of the built-in kinds a cluster of these settings serves.
pub fn families(settings: &Settings) -> Families {
    let Settings { openshift, simulation, versions, .. } = settings;
    Families { openshift: *openshift, simulation: *simulation, minor: versions.minor }
}

/// The kinds of a state of a cluster of these settings.
pub fn catalogue(snapshot: &Snapshot, settings: &Settings) -> Arc<Catalogue> {
    Catalogue::of(snapshot, families(settings))
}
