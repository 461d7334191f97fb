//! Watches on the wire: one JSON document a line, or one message a frame, flushed as it happens; what is ready together
//! travels together.

use super::{
    Style, Syntax, binary,
    json::{bookmark, event_object},
};
use crate::{
    api::{Event, WatchStream},
    kinds::Served,
    object::{Value, write},
    world::Clock,
};
use actix_web::{HttpResponse, http::header};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// Most bytes gathered into one chunk.
const CHUNK: usize = 64 << 10;

/// A watch as a streaming response.
pub fn respond(
    kind: Served,
    events: WatchStream,
    style: Style,
    clock: Arc<dyn Clock>,
) -> HttpResponse {
    let content = match style.look.syntax {
        Syntax::Protobuf => "application/vnd.kubernetes.protobuf;stream=watch",
        _ => "application/json",
    };
    let body = Lines { kind, events: Some(events), style, clock, first: true };
    HttpResponse::Ok()
        .content_type(content)
        .insert_header((header::CACHE_CONTROL, "no-cache, private"))
        .streaming(body)
}

/// A watch as messages of a WebSocket, an event each.
pub fn messages(
    kind: Served,
    events: WatchStream,
    mut style: Style,
    clock: Arc<dyn Clock>,
) -> impl Stream<Item = Bytes> + 'static {
    let mut first = true;
    events.map(move |event| {
        let mut out = Vec::new();
        style.now = clock.now();
        write_line(&mut out, &kind, &event, style, &mut first);
        out.into()
    })
}

struct Lines {
    kind: Served,
    events: Option<WatchStream>,
    style: Style,
    /// Ages are those of the moment an event is told.
    clock: Arc<dyn Clock>,
    first: bool,
}

impl Stream for Lines {
    type Item = Result<Bytes, actix_web::Error>;

    /// Gathers the events that are ready now into one chunk.
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(events) = &mut this.events else { return Poll::Ready(None) };
        let mut out = Vec::new();
        while out.len() < CHUNK {
            match events.poll_next_unpin(cx) {
                Poll::Ready(Some(event)) => {
                    this.style.now = this.clock.now();
                    write_line(&mut out, &this.kind, &event, this.style, &mut this.first);
                }
                Poll::Ready(None) => {
                    this.events = None;
                    break;
                }
                Poll::Pending => break,
            }
        }
        match (out.is_empty(), &this.events) {
            (false, _) => Poll::Ready(Some(Ok(out.into()))),
            (true, None) => Poll::Ready(None),
            (true, Some(_)) => Poll::Pending,
        }
    }
}

fn write_line(out: &mut Vec<u8>, kind: &Served, event: &Event, style: Style, first: &mut bool) {
    let (name, item) = match event {
        Event::Added(item) => ("ADDED", item),
        Event::Modified(item) => ("MODIFIED", item),
        Event::Deleted(item) => ("DELETED", item),
        Event::Bookmark(rev, end) => {
            let object = bookmark(kind, *rev, *end, style);
            return match style.look.syntax {
                Syntax::Protobuf => out.extend(binary::bookmark(&object, style.form)),
                _ => document(out, "BOOKMARK", &object),
            };
        }
        Event::Error(status) => {
            return match style.look.syntax {
                Syntax::Protobuf => out.extend(binary::failed(status)),
                _ => document(out, "ERROR", status),
            };
        }
    };
    if style.look.syntax == Syntax::Protobuf {
        return out.extend(binary::event(kind, name, item, style.form));
    }
    out.extend_from_slice(format!("{{\"type\":\"{name}\",\"object\":").as_bytes());
    event_object(out, kind, item, style, *first);
    out.extend_from_slice(b"}\n");
    *first = false;
}

fn document(out: &mut Vec<u8>, name: &str, object: &Value) {
    out.extend_from_slice(format!("{{\"type\":\"{name}\",\"object\":").as_bytes());
    write::write(out, object);
    out.extend_from_slice(b"}\n");
}
