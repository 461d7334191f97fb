//! Where the router answers: its ports, if it has any.

use crate::{
    config::{RouterPort, Serve},
    http, router,
    sim::containers::Runtime,
};
use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

/// The usual ports.
const HTTP: u16 = 8080;
const HTTPS: u16 = 8443;

/// The router's bound ports.
pub struct Ports {
    http: Option<TcpListener>,
    https: Option<TcpListener>,
    /// Where they are.
    pub at: At,
}

/// Where the router answers.
#[derive(Clone, Copy, Debug, Default)]
pub struct At {
    /// Without TLS.
    pub http: Option<SocketAddr>,
    /// With TLS.
    pub https: Option<SocketAddr>,
}

impl Ports {
    /// Binds what the flags ask for.
    ///
    /// # Errors
    /// One line for people, when a port they name cannot be had.
    pub fn bind(flags: &Serve) -> Result<Ports, String> {
        let http = bind(flags, flags.router_http_port, HTTP, "--router-http-port")?;
        let https = bind(flags, flags.router_https_port, HTTPS, "--router-https-port")?;
        let at = At { http: http.as_ref().map(|b| b.1), https: https.as_ref().map(|b| b.1) };
        Ok(Ports { http: http.map(|b| b.0), https: https.map(|b| b.0), at })
    }

    /// The same ports once more.
    ///
    /// # Errors
    /// The system's.
    pub fn again(&self) -> std::io::Result<Ports> {
        let clone = |port: &Option<TcpListener>| port.as_ref().map(TcpListener::try_clone);
        Ok(Ports {
            http: clone(&self.http).transpose()?,
            https: clone(&self.https).transpose()?,
            at: self.at,
        })
    }

    /// All of them, and what each is for.
    pub fn into_all(self) -> impl Iterator<Item = (&'static str, TcpListener)> {
        let http = self.http.map(|port| ("http", port));
        http.into_iter().chain(self.https.map(|port| ("https", port)))
    }

    /// Starts answering; nothing runs when there is no port.
    ///
    /// # Errors
    /// One line for people.
    pub fn serve(
        self,
        containers: &Arc<Runtime>,
        api: SocketAddr,
    ) -> Result<Option<http::Listening>, String> {
        let router = Arc::clone(&containers.router);
        if let Some(https) = self.at.https {
            router.answers_tls_at(https.port());
        }
        if self.http.is_none() && self.https.is_none() {
            return Ok(None);
        }
        let containers = Arc::clone(containers);
        router::serve(router, containers, api, (self.http, self.https)).map(Some)
    }
}

type Bound = (TcpListener, SocketAddr);

fn bind(flags: &Serve, port: RouterPort, usual: u16, flag: &str) -> Result<Option<Bound>, String> {
    match port {
        RouterPort::Off => Ok(None),
        RouterPort::At(port) => super::equip::bind(flags.bind_address, port, flag).map(Some),
        // The port of many a developer's own program: then that one keeps it.
        RouterPort::Auto => Ok(super::equip::bind(flags.bind_address, usual, flag).ok()),
    }
}
