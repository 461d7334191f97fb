//! The listener: one TLS port, HTTP/1.1 and HTTP/2, assembled from the web framework's own parts
//! because a [`Doorway`] stands between TLS and HTTP.

use super::{
    doorway::Doorway,
    serve::{Http, handle},
};
use crate::tls;
use actix_http::{HttpService, Protocol};
use actix_server::{Server, ServerHandle};
use actix_service::{IntoServiceFactory, ServiceFactoryExt, map_config};
use actix_tls::accept::{
    TlsError,
    rustls_0_23::{Acceptor, TlsStream},
};
use actix_web::{
    App,
    dev::{AppConfig, Extensions},
    rt::net::TcpStream,
    web,
};
use std::{net::TcpListener, sync::Arc, time::Duration};

/// A running listener.
pub struct Listening {
    handle: ServerHandle,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Listening {
    /// Stops accepting, lets running requests end (for a few seconds), and returns.
    pub async fn stop(self) {
        self.handle.stop(true).await;
        // The listener's own end has nothing to say that the stop has not said.
        let _ = self.task.await;
    }
}

/// Seconds running requests get to end at shutdown.
const GRACE: u64 = 3;
/// Most bytes of all headers of a request are actix's own limit; most time to send them is this.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Most time a connection takes to close.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

type Connection = Doorway<TlsStream<TcpStream>>;

/// Starts serving on a bound socket.
///
/// # Errors
/// When the socket cannot be used.
pub fn serve(
    http: Arc<Http>,
    listener: TcpListener,
    mut tls: rustls::ServerConfig,
) -> std::io::Result<Listening> {
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let server = Server::build()
        .workers(std::thread::available_parallelism().map_or(2, |n| n.get().clamp(2, 8)))
        .shutdown_timeout(GRACE)
        .disable_signals()
        .listen("https", listener, move || {
            let app = App::new()
                .app_data(web::Data::from(Arc::clone(&http)))
                .default_service(web::to(handle))
                .into_factory()
                .map_err(|e: actix_web::Error| e.error_response());
            let stopping = http.server.stopping.clone();
            let service = HttpService::build()
                .client_request_timeout(HEAD_TIMEOUT)
                .client_disconnect_timeout(DISCONNECT_TIMEOUT)
                // Who has closed its side wants no answer: streams that wait must notice.
                .h1_allow_half_closed(false)
                .graceful_shutdown_signal(move || stopped(stopping.clone()))
                .on_connect_ext(connected)
                .finish(map_config(app, |()| AppConfig::default()));
            Acceptor::new(tls.clone())
                .map_init_err(|_| ())
                .map_err(TlsError::into_service_error)
                .map(accepted)
                .and_then(service.map_err(TlsError::Service))
        })?
        .run();
    let handle = server.handle();
    Ok(Listening { handle, task: tokio::spawn(server) })
}

async fn stopped(mut stopping: tokio::sync::watch::Receiver<bool>) {
    // A sender that is gone has stopped, too.
    let _ = stopping.wait_for(|s| *s).await;
}

/// What HTTP needs to know of a connection whose handshake is done.
fn accepted(stream: TlsStream<TcpStream>) -> (Connection, Protocol, Option<std::net::SocketAddr>) {
    let (socket, session) = stream.get_ref();
    let protocol = match session.alpn_protocol() {
        Some(b"h2") => Protocol::Http2,
        _ => Protocol::Http1,
    };
    let peer = socket.peer_addr().ok();
    let door = match protocol {
        Protocol::Http2 => Doorway::open(stream),
        _ => Doorway::new(stream),
    };
    (door, protocol, peer)
}

/// Subject of the connection's verified client certificate.
#[derive(Clone)]
pub struct Subject(pub String, pub Vec<String>);

/// Small answers must not wait for more (HTTP/2 stalls 40 ms a request otherwise), and who the
/// client certificate names is worked out once a connection.
fn connected(connection: &Connection, data: &mut Extensions) {
    let (socket, session) = connection.get_ref().get_ref();
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    if let Some((name, orgs)) =
        session.peer_certificates().and_then(|chain| tls::subject(chain.first()?))
    {
        data.insert(Subject(name, orgs));
    }
}
