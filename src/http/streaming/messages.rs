//! Streams that only the server writes, over WebSocket: a watch, an event a message, and a log.
//! Source: k8s.io/apiserver `pkg/endpoints/handlers/watch.go` (HandleWS), k8s.io/streaming
//! `pkg/httpstream/wsstream/stream.go`.

use super::{
    Http, arriving, refused, switched,
    upgrade::{self, Framing},
    websocket::Reader,
    wire::{Gone, Sink, Wire},
};
use actix_http::Payload;
use actix_web::{HttpRequest, HttpResponse};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::{StreamExt, stream::LocalBoxStream};
use std::sync::Arc;

/// What is sent.
pub enum Messages {
    /// The events of a watch, as JSON.
    Watch(LocalBoxStream<'static, Bytes>),
    /// A log; an empty message says that it begins.
    Log(LocalBoxStream<'static, Bytes>),
}

/// Begins to send, or says why it cannot.
pub fn respond(
    http: &Http,
    messages: Messages,
    request: &HttpRequest,
    payload: Payload,
) -> HttpResponse {
    let (method, headers) = (request.method().as_str(), request.headers());
    let agreed = match &messages {
        Messages::Watch(_) => upgrade::watch(method, headers),
        Messages::Log(_) => upgrade::log(method, headers),
    };
    let (agreed, framing) = match agreed {
        Ok(agreed) => agreed,
        Err(refusal) => return refused(refusal),
    };
    let (wire, body) = Wire::new(arriving(payload), Arc::clone(&http.server.world.wall));
    let watched = wire.watched(http.server.stopping.clone());
    let (reader, sink) = wire.websocket();
    actix_web::rt::spawn(async move {
        tokio::select! {
            // Who is gone needs no more; nor does who says so.
            _ = send(messages, &sink, framing) => {}
            () = ignore(reader) => {}
            why = watched => tracing::debug!(why, "messages cut off"),
        }
    });
    switched("websocket", &agreed, body)
}

async fn send(messages: Messages, sink: &Sink, framing: Framing) -> Result<(), Gone> {
    let mut messages = match messages {
        Messages::Watch(events) => events,
        Messages::Log(lines) => {
            one(sink, framing, Bytes::new()).await?;
            lines
        }
    };
    while let Some(message) = messages.next().await {
        one(sink, framing, message).await?;
    }
    sink.close().await
}

async fn one(sink: &Sink, framing: Framing, message: Bytes) -> Result<(), Gone> {
    match framing {
        Framing::Binary => sink.send(message).await,
        Framing::Base64 => sink.send_text(STANDARD.encode(&message)).await,
        Framing::Text => sink.send_text(String::from_utf8_lossy(&message).into_owned()).await,
    }
}

/// Reads on until the client leaves; what it says means nothing.
async fn ignore(mut reader: Reader) {
    while reader.next().await.is_some() {}
}
