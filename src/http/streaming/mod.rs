//! Sessions on the wire: exec, attach and port-forward over WebSocket and over SPDY/3.1.
//! Source: k8s.io/streaming, k8s.io/cri-streaming and, for the newest WebSocket protocol,
//! k8s.io/apiserver `pkg/util/proxy`.
//!
//! Every session is one task on the connection's own thread. All its buffers are bounded: a slow
//! client slows what it talks to, a client that is gone ends the task, and so does the server's end.

mod channels;
mod command;
#[cfg(feature = "internals")]
mod decode;
mod forward;
mod forward_channels;
mod host;
mod messages;
mod process;
mod spdy;
#[cfg(test)]
mod tests;
mod tunnel;
mod upgrade;
mod websocket;
mod wire;

use super::{Http, values};
use crate::{
    api::{Session, Task},
    journal::SentRequest,
};
use actix_http::Payload;
use actix_web::{HttpRequest, HttpResponse, http::StatusCode};
use bytes::Bytes;
#[cfg(feature = "internals")]
pub use decode::{Decoded, decode_channels, decode_spdy, decode_upgrade};
use futures_util::{Stream, StreamExt, future::LocalBoxFuture};
use host::Host;
pub use messages::{Messages, respond as respond_messages};
use std::{convert::Infallible, sync::Arc};
pub use tunnel::tunnel;
use upgrade::{Protocol, UpgradeRefusal};
pub use upgrade::{bearer, is_asked, is_websocket};
use wire::{Source, Wire};

/// Begins a session, or says why it cannot.
pub fn respond(
    http: &Http,
    session: Session,
    request: &HttpRequest,
    payload: Payload,
    opened: Option<SentRequest>,
) -> HttpResponse {
    let method = request.method().as_str();
    let agreement = match upgrade::negotiate(method, request.headers(), &session.task) {
        Ok(agreement) => agreement,
        Err(refusal) => return refused(refusal),
    };
    let (wire, body) = Wire::new(arriving(payload), Arc::clone(&http.server.world.wall));
    let watched = wire.watched(http.server.stopping.clone());
    let clock = Arc::clone(&http.server.world.wall);
    let lost = session.lost();
    let opened = http.server.journal.clone().zip(opened);
    let host = Host { session, processes: http.processes.clone(), clock, opened };
    let work = work(host, agreement.protocol, wire);
    actix_web::rt::spawn(async move {
        tokio::select! {
            () = work => {}
            why = watched => tracing::debug!(why, "session cut off"),
            // Nobody is there to say a last word.
            () = lost => tracing::debug!("session cut off with its node"),
        }
    });
    switched(agreement.upgrade, &agreement.headers, body)
}

/// What the client sends. An error is its leaving, as the end is.
fn arriving(payload: Payload) -> wire::Arriving {
    payload
        .take_while(|c| std::future::ready(c.is_ok()))
        .filter_map(|c| async { c.ok() })
        .boxed_local()
}

/// The answer that switches protocols.
fn switched(
    upgrade: &str,
    headers: &[(&'static str, String)],
    body: impl Stream<Item = Result<Bytes, Infallible>> + 'static,
) -> HttpResponse {
    let mut response = HttpResponse::SwitchingProtocols();
    let mut response = response.upgrade(upgrade).streaming(body);
    for (name, text) in headers {
        values::append(response.headers_mut(), name, text);
    }
    response
}

fn refused(refusal: UpgradeRefusal) -> HttpResponse {
    let code = StatusCode::from_u16(refusal.code).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = HttpResponse::build(code);
    for version in refusal.accepted {
        response.append_header(("X-Accepted-Stream-Protocol-Versions", version));
    }
    response.content_type("text/plain; charset=utf-8").body(refusal.text)
}

/// The whole session.
fn work(host: Host, protocol: Protocol, wire: Wire) -> LocalBoxFuture<'static, ()> {
    let process = matches!(host.session.task, Task::Process { .. });
    match protocol {
        Protocol::Channels(dialect) => {
            let (source, sink) = wire.websocket();
            match process {
                true => Box::pin(channels::serve(source, sink, dialect, host)),
                false => Box::pin(forward_channels::serve(source, sink, dialect, host)),
            }
        }
        Protocol::Spdy(version) => {
            let (source, sink) = wire.raw();
            let connection = spdy::Connection::new(source, sink);
            match process {
                true => Box::pin(command::serve(connection, version, host)),
                false => Box::pin(forward::serve(connection, host)),
            }
        }
        // Never agreed to for a process.
        Protocol::Tunnel => {
            let (source, sink) = wire.websocket();
            let connection = spdy::Connection::new(Source::WebSocket(source), sink);
            Box::pin(forward::serve(connection, host))
        }
    }
}
