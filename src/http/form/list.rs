//! Lists as bytes: item by item, so that a long answer exists as a chunk at a time for each of its
//! readers. The items are shared: they are the stored bytes.

use super::{
    Style, Syntax, binary,
    json::{frame, whole, write_item},
};
use crate::{
    api::{Item, List},
    error::Error,
    kinds::Served,
    object::{Value, json, write, yaml},
};
use actix_web::{HttpResponse, http::header};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    vec,
};

/// Bytes gathered into one chunk; a shorter list is sent as it is.
const CHUNK: usize = 128 << 10;

/// A list as a response.
///
/// # Errors
/// 406 when an item cannot be written so.
pub fn respond(kind: Served, list: List, style: Style) -> Result<HttpResponse, Error> {
    let metadata = metadata(&kind, &list);
    if style.look.syntax == Syntax::Protobuf {
        return Ok(messages(binary::list(&kind, &list, &metadata, style.form)?));
    }
    if style.look.syntax == Syntax::Yaml {
        let document = yaml::document(&whole(&kind, metadata, &list.items, style));
        return Ok(HttpResponse::Ok().content_type("application/yaml").body(document));
    }
    let mut rest = Rows::new(kind.clone(), &frame(&kind, metadata, style), list.items, style);
    let first = rest.chunk();
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CONTENT_TYPE, "application/json"));
    if rest.done() {
        return Ok(response.body(first));
    }
    rest.first = Some(first);
    Ok(response.streaming(rest))
}

/// A list of messages as a response.
fn messages(mut items: binary::Items) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CONTENT_TYPE, Syntax::Protobuf.media_type()));
    let first = items.chunk();
    if items.is_done() {
        return response.body(first);
    }
    let first = futures_util::stream::once(std::future::ready(Ok(first)));
    response.streaming(first.chain(items))
}

/// What a list says beside its items.
fn metadata(kind: &Served, list: &List) -> Value {
    let mut metadata = json!({});
    // Lists of custom objects say that there is no more.
    if kind.custom.is_some() {
        metadata["continue"] = json!("");
    }
    // Lists put together from others have no revision.
    if list.rev > 0 {
        metadata["resourceVersion"] = json!(list.rev.to_string());
    }
    if !list.continue_token.is_empty() {
        metadata["continue"] = json!(list.continue_token);
    }
    if let Some(n) = list.remaining {
        metadata["remainingItemCount"] = json!(n);
    }
    metadata
}

/// The items still to be written.
struct Rows {
    kind: Served,
    style: Style,
    head: Vec<u8>,
    tail: Vec<u8>,
    items: vec::IntoIter<Item>,
    begun: bool,
    first: Option<Bytes>,
}

impl Rows {
    fn new(kind: Served, frame: &Value, items: Vec<Item>, style: Style) -> Rows {
        let mut head = write::text(frame);
        if style.look.pretty {
            let compact = std::mem::take(&mut head);
            write::indent(&mut head, &compact, 0);
        }
        // The frame ends with an empty list, `]` and the brace behind it.
        let end = head.iter().rposition(|b| *b == b']').unwrap_or(head.len());
        let mut tail = Vec::new();
        if style.look.pretty && !items.is_empty() {
            write::line(&mut tail, 1);
        }
        tail.extend_from_slice(&head[end..]);
        if !style.look.pretty {
            tail.push(b'\n');
        }
        head.truncate(end);
        let items = items.into_iter();
        Rows { kind, style, head, tail, items, begun: false, first: None }
    }

    /// The next bytes; none when all is written.
    fn chunk(&mut self) -> Bytes {
        let mut out = std::mem::take(&mut self.head);
        let mut one = Vec::new();
        while out.len() < CHUNK {
            let Some(item) = self.items.next() else {
                out.append(&mut self.tail);
                break;
            };
            if std::mem::replace(&mut self.begun, true) {
                out.push(b',');
            }
            if self.style.look.pretty {
                write::line(&mut out, 2);
                one.clear();
                write_item(&mut one, &self.kind, &item, self.style);
                write::indent(&mut out, &one, 2);
            } else {
                write_item(&mut out, &self.kind, &item, self.style);
            }
        }
        out.into()
    }

    fn done(&self) -> bool {
        self.tail.is_empty()
    }
}

impl Stream for Rows {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        let next = (!self.done()).then(|| self.chunk());
        Poll::Ready(next.map(Ok))
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Form, Include, Look},
        *,
    };
    use crate::kinds;

    fn style(form: Form, pretty: bool) -> Style {
        let look = Look { syntax: Syntax::Json, pretty };
        Style { form, look, now: jiff::Timestamp::UNIX_EPOCH, minor: 0 }
    }

    fn items(n: usize) -> Vec<Item> {
        let one = |i| {
            json!({"kind": "ConfigMap", "apiVersion": "v1",
            "metadata": {"name": format!("c{i}")}, "data": {"k": "x".repeat(1000)}})
        };
        (0..n).map(|i| Item::Value(one(i))).collect()
    }

    #[test]
    fn chunks_put_together_are_the_list() {
        let kind = kinds::by_kind("v1", "ConfigMap").unwrap();
        for n in [0, 1, 2, 1000] {
            for form in [Form::Plain, Form::Partial, Form::Table(Include::Metadata)] {
                for pretty in [false, true] {
                    let style = style(form, pretty);
                    let metadata = json!({"resourceVersion": "1"});
                    let expected = whole(&kind, metadata.clone(), &items(n), style);
                    let frame = frame(&kind, metadata, style);
                    let mut rows = Rows::new(kind.clone(), &frame, items(n), style);
                    let mut out = Vec::new();
                    while !rows.done() {
                        let chunk = rows.chunk();
                        assert!(chunk.len() < 2 * CHUNK);
                        out.extend_from_slice(&chunk);
                    }
                    let mut said = write::text(&expected);
                    match pretty {
                        false => said.push(b'\n'),
                        true => {
                            let compact = std::mem::take(&mut said);
                            write::indent(&mut said, &compact, 0);
                        }
                    }
                    assert!(out == said, "{n} {form:?} {pretty}");
                }
            }
        }
    }
}
