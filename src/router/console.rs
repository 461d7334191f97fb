//! The console's route: what answers behind it is the server's own listener, so that pages,
//! sign-in and the API have one address. TLS ends at the router and begins again behind it.

use super::{Router, table::Table};
use crate::tls::{self, TlsError};
use rustls::pki_types::ServerName;
use std::{io, net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncRead, AsyncWrite, copy_bidirectional},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

/// Namespace and name of the route.
const ROUTE: (&str, &str) = ("openshift-console", "console");
/// A name that the listener's certificate has.
const NAME: &str = "localhost";

/// The way to the server's own listener.
#[derive(Clone)]
pub struct Behind {
    at: SocketAddr,
    connector: TlsConnector,
}

impl Behind {
    /// To a listener that shows a certificate of this authority.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn new(at: SocketAddr, ca_pem: &str) -> Result<Behind, TlsError> {
        Ok(Behind { at, connector: Arc::new(tls::trusting(ca_pem)?).into() })
    }

    /// Carries a connection there and back until one side ends.
    pub(super) async fn carry(
        &self,
        mut client: impl AsyncRead + AsyncWrite + Unpin,
    ) -> io::Result<()> {
        let stream = TcpStream::connect(self.at).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from(NAME).map_err(io::Error::other)?;
        let mut server = self.connector.connect(name, stream).await?;
        copy_bidirectional(&mut client, &mut server).await.map(drop)
    }
}

impl Router {
    /// Whether a host is the console's.
    pub(super) fn is_console(&self, host: &str) -> bool {
        let objects = self.objects();
        let table = Table::of(&objects);
        table.named(host).is_some_and(|e| (&*e.meta.namespace, &*e.meta.name) == ROUTE)
    }
}
