//! HTTP/2 connections. The web framework's own dispatcher announces no limit of streams, and one
//! connection could ask for thousands of answers that it never reads; this one announces upstream's,
//! sends each answer at its reader's pace, and asks now and then whether the reader is still there.

use super::{
    listener::{self, Subject},
    sniff::Cutter,
};
use crate::world::{Clock, within};
use actix_codec::{AsyncRead, AsyncWrite};
use actix_http::{
    BoxedPayloadStream, HttpMessage, Payload, Request, Response, ResponseHead,
    body::{BodySize, BoxBody, MessageBody},
    error::PayloadError,
};
use actix_service::Service;
use actix_web::http::{StatusCode, header};
use bytes::Bytes;
use futures_util::{Stream, future::poll_fn};
use h2::{
    Ping, PingPong, RecvStream, SendStream,
    server::{Builder, SendResponse},
};
use jiff::SignedDuration;
use std::{
    pin::{Pin, pin},
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
};

/// Streams a client may have open at once: upstream's.
pub const STREAMS: u32 = 100;
/// Bytes a client may send ahead, of one stream and of all.
const WINDOWS: (u32, u32) = (256 << 10, 1 << 20);
/// Most bytes of a request's headers.
const HEADERS: u32 = 256 << 10;
/// Bytes of an answer handed to the connection at a time.
const PIECE: usize = 16 << 10;
/// How often a client is asked whether it is there, and how long it has to say so.
const PINGS: (SignedDuration, SignedDuration) =
    (SignedDuration::from_secs(30), SignedDuration::from_secs(15));

/// A connection on which HTTP/2 was agreed.
pub struct Connection<T> {
    /// Its bytes.
    pub io: T,
    /// Whom its client certificate names.
    pub subject: Option<Subject>,
    /// What cuts it.
    pub cutter: Cutter,
    /// Where it comes from.
    pub peer: Option<std::net::SocketAddr>,
}

/// Serves a connection to its end.
///
/// # Errors
/// When the client breaks the protocol or leaves in the middle.
pub async fn serve<T, S>(
    connection: Connection<T>,
    service: Rc<S>,
    clock: Arc<dyn Clock>,
    stopping: tokio::sync::watch::Receiver<bool>,
) -> Result<(), h2::Error>
where
    T: AsyncRead + AsyncWrite + Unpin,
    S: Service<Request> + 'static,
    S::Future: 'static,
    S::Response: Into<Response<BoxBody>>,
    S::Error: Into<Response<BoxBody>>,
{
    let Connection { io, subject, cutter, peer } = connection;
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADERS)
        .initial_window_size(WINDOWS.0)
        .initial_connection_window_size(WINDOWS.1);
    let shaken = within(&*clock, listener::HEAD_TIMEOUT, builder.handshake::<_, Bytes>(io)).await;
    let Some(mut connection) = shaken.transpose()? else { return Ok(()) };
    let mut gone = pin!(gone(connection.ping_pong(), Arc::clone(&clock)));
    let mut stopped = pin!(listener::stopped(stopping));
    let mut leaving = false;
    loop {
        let (parts, body, respond) = tokio::select! {
            accepted = connection.accept() => match accepted.transpose()? {
                Some((request, respond)) => {
                    let (parts, body) = request.into_parts();
                    (parts, body, respond)
                }
                None => return Ok(()),
            },
            () = &mut stopped, if !leaving => {
                connection.graceful_shutdown();
                leaving = true;
                continue;
            }
            () = &mut gone => return Ok(()),
        };
        let head = parts.method == "HEAD";
        let payload: BoxedPayloadStream = Box::pin(Body(body));
        let mut request = Request::with_payload(Payload::Stream { payload });
        let filled = request.head_mut();
        (filled.uri, filled.method, filled.version) = (parts.uri, parts.method, parts.version);
        (filled.headers, filled.peer_addr) = (parts.headers.into(), peer);
        if let Some(subject) = &subject {
            request.extensions_mut().insert(subject.clone());
        }
        request.extensions_mut().insert(cutter.clone());
        let (answer, clock) = (service.call(request), Arc::clone(&clock));
        actix_web::rt::spawn(async move {
            let response = answer.await.map_or_else(Into::into, Into::into);
            if let Err(error) = send(response, respond, head, &*clock).await {
                tracing::debug!(%error, "an answer over HTTP/2");
            }
        });
    }
}

/// Ends when the client does not say any more that it is there.
async fn gone(pings: Option<PingPong>, clock: Arc<dyn Clock>) {
    let Some(mut pings) = pings else { return std::future::pending().await };
    loop {
        clock.sleep_until(clock.now() + PINGS.0).await;
        match within(&*clock, PINGS.1, pings.ping(Ping::opaque())).await {
            Some(Ok(_)) => {}
            _ => return,
        }
    }
}

/// A request's body. What is read makes room for more.
struct Body(RecvStream);

impl Stream for Body {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(self.0.poll_data(cx));
        Poll::Ready(next.map(|read| {
            let bytes = read.map_err(PayloadError::from)?;
            self.0.flow_control().release_capacity(bytes.len()).map_err(PayloadError::from)?;
            Ok(bytes)
        }))
    }
}

async fn send(
    response: Response<BoxBody>,
    mut respond: SendResponse<Bytes>,
    head: bool,
    clock: &dyn Clock,
) -> Result<(), h2::Error> {
    let (response, body) = response.into_parts();
    let size = body.size();
    let empty = head || size.is_eof() || response.status() == StatusCode::NO_CONTENT;
    let mut stream = respond.send_response(headers(response.head(), size, clock), empty)?;
    if empty {
        return Ok(());
    }
    let mut body = pin!(body);
    loop {
        let next = tokio::select! {
            // A reader that is gone wants no more of what is still to come.
            _ = poll_fn(|cx| stream.poll_reset(cx)) => return Ok(()),
            next = poll_fn(|cx| body.as_mut().poll_next(cx)) => next,
        };
        match next {
            None => return stream.send_data(Bytes::new(), true),
            Some(Ok(chunk)) => {
                if !pass(&mut stream, chunk).await? {
                    return Ok(());
                }
            }
            Some(Err(error)) => {
                tracing::debug!(error = %error, "a body broke off");
                stream.send_reset(h2::Reason::INTERNAL_ERROR);
                return Ok(());
            }
        }
    }
}

/// Sends a chunk as the reader's window opens; whether the reader is still there.
async fn pass(stream: &mut SendStream<Bytes>, mut chunk: Bytes) -> Result<bool, h2::Error> {
    while !chunk.is_empty() {
        stream.reserve_capacity(chunk.len().min(PIECE));
        match poll_fn(|cx| stream.poll_capacity(cx)).await.transpose()? {
            None => return Ok(false),
            Some(room) => stream.send_data(chunk.split_to(chunk.len().min(room)), false)?,
        }
    }
    Ok(true)
}

/// Headers that mean a connection of HTTP/1.
const CONNECTION: [header::HeaderName; 3] =
    [header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE];

type Headers = actix_web::http::header::HeaderMap;

fn headers(head: &ResponseHead, size: BodySize, clock: &dyn Clock) -> http_0_2::Response<()> {
    let mut response = http_0_2::Response::new(());
    *response.status_mut() = head.status;
    *response.version_mut() = http_0_2::Version::HTTP_2;
    let all: &Headers = head.headers();
    for (name, value) in all.iter().filter(|(name, _)| !CONNECTION.contains(name)) {
        response.headers_mut().append(name.clone(), value.clone());
    }
    if let BodySize::Sized(length) = size {
        response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    }
    let now = clock.now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(now) = header::HeaderValue::try_from(now) {
        response.headers_mut().entry(header::DATE).or_insert(now);
    }
    response
}
