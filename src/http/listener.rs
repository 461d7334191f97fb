//! The listener: one TLS port, HTTP/1.1 and HTTP/2, assembled from the web framework's own parts
//! because a [`Sniffer`] stands between TLS and HTTP.

use super::{
    h2,
    serve::{Http, handle},
    sniff::Sniffer,
};
use crate::{
    pool::{Local, Running, Seat},
    tls,
    world::Clock,
};
use actix_http::{HttpService, Protocol};
use actix_server::{Server, ServerHandle};
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, fn_factory, fn_service,
    map_config,
};
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
use jiff::SignedDuration;
use std::{net::TcpListener, rc::Rc, sync::Arc, time::Duration};
use tokio::io::{AsyncRead, AsyncWrite};

/// A running listener; it ends with this.
pub struct Listening(On);

/// What a listener runs on.
enum On {
    /// Threads of its own.
    Own(ServerHandle, Option<tokio::task::JoinHandle<std::io::Result<()>>>),
    /// Threads shared with others.
    Shared(Option<Running>),
}

impl Drop for Listening {
    fn drop(&mut self) {
        // Nobody waits for the rest: clients are cut off.
        if let On::Own(handle, _) = &self.0 {
            drop(handle.stop(false));
        }
    }
}

impl Listening {
    /// Lets a listener run on the present runtime.
    pub fn start(server: Server) -> Listening {
        let handle = server.handle();
        Listening(On::Own(handle, Some(tokio::spawn(server))))
    }

    /// One that runs on shared threads.
    pub fn shared(running: Running) -> Listening {
        Listening(On::Shared(Some(running)))
    }

    /// Stops accepting, lets running requests end (for a few seconds; on shared threads they are cut
    /// off), and returns.
    pub async fn stop(mut self) {
        match &mut self.0 {
            On::Own(handle, task) => {
                handle.stop(true).await;
                if let Some(task) = task.take() {
                    // The listener's own end has nothing to say that the stop has not said.
                    let _ = task.await;
                }
            }
            On::Shared(running) => {
                if let Some(running) = running.take() {
                    running.stop().await;
                }
            }
        }
    }
}

/// Seconds running requests get to end at shutdown.
const GRACE: u64 = 3;
/// Most bytes of all headers of a request are actix's own limit; most time to send them is this.
pub const HEAD_TIMEOUT: SignedDuration = SignedDuration::from_secs(10);

/// How long a connection may wait for its next request (kube-apiserver's `IdleTimeout`): clients that
/// keep connections count on it.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);
/// Most time a connection takes to close.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// What connections are made of.
pub(super) trait Carries: AsyncRead + AsyncWrite + Unpin + 'static {
    /// Whom the client's certificate names, worked out once a connection.
    fn subject(&self) -> Option<Subject>;
    /// Small answers must not wait for more: HTTP/2 stalls 40 ms a request otherwise.
    fn prompt(&self);
}

impl Carries for TlsStream<TcpStream> {
    fn subject(&self) -> Option<Subject> {
        let (_, session) = self.get_ref();
        let (name, groups) = tls::subject(session.peer_certificates()?.first()?)?;
        Some(Subject(name, groups))
    }

    fn prompt(&self) {
        let (socket, _) = self.get_ref();
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
    }
}

/// Starts serving on a bound socket.
///
/// # Errors
/// When the socket cannot be used.
pub fn serve(
    http: Arc<Http>,
    listener: TcpListener,
    mut tls: rustls::ServerConfig,
) -> std::io::Result<Listening> {
    offer(&mut tls);
    let server = Server::build()
        .workers(std::thread::available_parallelism().map_or(2, |n| n.get().clamp(2, 8)))
        .shutdown_timeout(GRACE)
        .disable_signals()
        .listen("https", listener, move || pipeline(Arc::clone(&http), tls.clone()))?
        .run();
    Ok(Listening::start(server))
}

/// The same on threads shared with others.
pub fn serve_on(
    seat: &Seat,
    http: Arc<Http>,
    listener: TcpListener,
    mut tls: rustls::ServerConfig,
) -> Listening {
    offer(&mut tls);
    let clock = Arc::clone(&http.server.world.wall);
    let work = move || Box::pin(accept(listener, clock, move || pipeline(http, tls))) as Local;
    Listening::shared(seat.run(work))
}

/// Which protocols clients may choose from.
fn offer(tls: &mut rustls::ServerConfig) {
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    tls::let_many_begin();
}

/// How long no connection is taken after the system could not give one.
const RECOVERY: SignedDuration = SignedDuration::from_millis(50);

/// Takes connections of a bound socket and has each served on this thread, until this is dropped.
pub async fn accept<F>(listener: TcpListener, clock: Arc<dyn Clock>, factory: impl FnOnce() -> F)
where
    F: ServiceFactory<TcpStream, Config = ()>,
    F::Service: 'static,
{
    let Ok(service) = factory().new_service(()).await else { return };
    let service = Rc::new(service);
    let listener =
        listener.set_nonblocking(true).and_then(|()| tokio::net::TcpListener::from_std(listener));
    let Ok(listener) = listener.inspect_err(|error| tracing::error!(%error, "cannot listen"))
    else {
        return;
    };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let service = Rc::clone(&service);
                tokio::task::spawn_local(async move {
                    // What goes wrong on a connection was said where it happened.
                    let _ = service.call(stream).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot take a connection");
                let later = clock.now().saturating_add(RECOVERY);
                clock.sleep_until(later.unwrap_or(jiff::Timestamp::MAX)).await;
            }
        }
    }
}

/// What becomes of a connection: TLS, then HTTP.
fn pipeline(
    http: Arc<Http>,
    tls: rustls::ServerConfig,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error: std::fmt::Debug, InitError = ()>
{
    Acceptor::new(tls)
        .map_init_err(|_| ())
        .map_err(TlsError::into_service_error)
        .map(accepted)
        .and_then(connections(http).map_err(TlsError::Service))
}

/// What becomes of a connection whose handshake is done: HTTP/1.1 is the framework's work, HTTP/2
/// ours.
pub(super) fn connections<W: Carries>(
    http: Arc<Http>,
) -> impl ServiceFactory<Accepted<W>, Config = (), Response = (), Error = (), InitError = ()> {
    let app = {
        let http = Arc::clone(&http);
        move || {
            App::new()
                .app_data(web::Data::from(Arc::clone(&http)))
                .default_service(web::to(handle))
                .into_factory()
                .map_err(|e: actix_web::Error| e.error_response())
        }
    };
    let stopping = http.server.stopping.clone();
    let first = HttpService::build()
        .keep_alive(IDLE_TIMEOUT)
        .client_request_timeout(HEAD_TIMEOUT.unsigned_abs())
        .client_disconnect_timeout(DISCONNECT_TIMEOUT)
        // Who has closed its side wants no answer: streams that wait must notice.
        .h1_allow_half_closed(false)
        .graceful_shutdown_signal(move || stopped(stopping.clone()))
        .on_connect_ext(connected::<W>)
        .finish(map_config(app(), |()| AppConfig::default()));
    let second = map_config(app(), |()| AppConfig::default());
    let (first, second) = (Rc::new(first), Rc::new(second));
    fn_factory(move || {
        let (first, second, http) = (Rc::clone(&first), Rc::clone(&second), Arc::clone(&http));
        async move {
            let first = Rc::new(first.new_service(()).await.map_err(drop)?);
            let second = Rc::new(second.new_service(()).await.map_err(drop)?);
            Ok::<_, ()>(fn_service(move |accepted: Accepted<W>| {
                let (first, second, http) =
                    (Rc::clone(&first), Rc::clone(&second), Arc::clone(&http));
                async move {
                    let (io, protocol, peer) = accepted;
                    if protocol != Protocol::Http2 {
                        return match first.call((io, protocol, peer)).await {
                            Ok(()) => Ok(()),
                            Err(error) => {
                                tracing::debug!(%error, "a connection over HTTP/1.1");
                                Ok(())
                            }
                        };
                    }
                    io.get_ref().prompt();
                    let (subject, cutter) = (io.get_ref().subject(), io.cutter());
                    let connection = h2::Connection { subject, cutter, io, peer };
                    let clock = Arc::clone(&http.server.world.wall);
                    let stopping = http.server.stopping.clone();
                    if let Err(error) = h2::serve(connection, second, clock, stopping).await {
                        tracing::debug!(%error, "a connection over HTTP/2");
                    }
                    Ok::<(), ()>(())
                }
            }))
        }
    })
}

/// Ends when the server does.
pub async fn stopped(mut stopping: tokio::sync::watch::Receiver<bool>) {
    // A sender that is gone has stopped, too.
    let _ = stopping.wait_for(|s| *s).await;
}

/// A connection, what is spoken on it, and where it comes from.
type Accepted<W> = (Sniffer<W>, Protocol, Option<std::net::SocketAddr>);

/// What HTTP needs to know of a connection whose handshake is done.
fn accepted(stream: TlsStream<TcpStream>) -> Accepted<TlsStream<TcpStream>> {
    let (socket, session) = stream.get_ref();
    let protocol = match session.alpn_protocol() {
        Some(b"h2") => Protocol::Http2,
        _ => Protocol::Http1,
    };
    let peer = socket.peer_addr().ok().map(super::origin::origin);
    let door = match protocol {
        Protocol::Http2 => Sniffer::open(stream),
        _ => Sniffer::new(stream),
    };
    (door, protocol, peer)
}

/// Subject of the connection's verified client certificate.
#[derive(Clone)]
pub struct Subject(pub String, pub Vec<String>);

fn connected<W: Carries>(connection: &Sniffer<W>, data: &mut Extensions) {
    connection.get_ref().prompt();
    data.insert(connection.cutter());
    if let Some(subject) = connection.get_ref().subject() {
        data.insert(subject);
    }
}
