//! The server: what a request needs, gathered in one place.

use super::{Answer, Request};
use crate::{error::Error, settings::Settings, store::Store, world::World};
use std::sync::Arc;

/// Everything a request needs. Shared by HTTP and the controllers.
pub struct Server {
    /// Objects.
    pub store: Store,
    /// Time and chance.
    pub world: World,
    /// The simulated cluster.
    pub settings: Arc<Settings>,
}

impl Server {
    /// Carries out one request: access, admission, defaulting, validation, storage.
    ///
    /// # Errors
    /// What the client gets as a Status.
    pub async fn call(self: &Arc<Self>, _request: Request) -> Result<Answer, Error> {
        Err(Error::NotImplemented("not built yet".into()))
    }
}
