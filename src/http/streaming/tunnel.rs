//! An upgraded connection to another server, carried as it is: whatever was agreed on there, nobody
//! here looks at what is said. Source: k8s.io/apimachinery `pkg/util/proxy/upgradeaware.go`.

use super::{
    arriving,
    wire::{Sink, Source, Wire},
};
use crate::http::{Http, values};
use actix_http::Payload;
use actix_web::HttpResponse;
use bytes::{Bytes, BytesMut};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

/// Headers that this server's own agreement with the client has.
const OF_CONNECTION: [&str; 3] = ["connection", "upgrade", "content-length"];
/// Most bytes that are carried at once.
const CHUNK: usize = 32 << 10;

/// Hands the other server's agreement (`headers`) to the client and carries bytes to and fro until
/// either leaves.
pub fn tunnel(
    http: &Http,
    connection: OnUpgrade,
    headers: &[(String, String)],
    payload: Payload,
) -> HttpResponse {
    let (wire, body) = Wire::new(arriving(payload), Arc::clone(&http.server.world.wall));
    let watched = wire.watched(http.server.stopping.clone());
    let (source, sink) = wire.raw();
    actix_web::rt::spawn(async move {
        let carried = async {
            match connection.await {
                Ok(connection) => carry(connection, source, sink).await,
                Err(why) => tracing::debug!(%why, "nothing to carry to"),
            }
        };
        tokio::select! {
            () = carried => {}
            why = watched => tracing::debug!(why, "tunnel cut off"),
        }
    });
    let named = |wanted: &str| headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    let agreed = named("upgrade").map_or("", |(_, value)| value.as_str());
    let mut response = HttpResponse::SwitchingProtocols();
    let mut response = response.upgrade(agreed).streaming(body);
    for (name, value) in headers {
        if !OF_CONNECTION.iter().any(|own| name.eq_ignore_ascii_case(own)) {
            values::append(response.headers_mut(), name, value);
        }
    }
    response
}

/// Carries until the other server hangs up; it hears when the client has nothing more to say.
async fn carry(connection: Upgraded, source: Source, sink: Sink) {
    let (from, to) = tokio::io::split(TokioIo::new(connection));
    tokio::select! {
        () = back(from, sink) => {}
        () = async {
            forth(source, to).await;
            std::future::pending::<()>().await;
        } => {}
    }
}

async fn forth(mut source: Source, mut to: WriteHalf<TokioIo<Upgraded>>) {
    while let Some(bytes) = source.next().await {
        if to.write_all(&bytes).await.is_err() || to.flush().await.is_err() {
            return;
        }
    }
    // Who has gone already needs no farewell.
    let _ = to.shutdown().await;
}

async fn back(mut from: ReadHalf<TokioIo<Upgraded>>, sink: Sink) {
    let mut chunk = BytesMut::with_capacity(CHUNK);
    while let Ok(read) = from.read_buf(&mut chunk).await {
        let bytes: Bytes = chunk.split().freeze();
        if read == 0 || sink.send(bytes).await.is_err() {
            return;
        }
        chunk.reserve(CHUNK);
    }
}
