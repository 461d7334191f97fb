//! Answers in Kubernetes protobuf: objects, lists, events of watches, documents.
//! Source: k8s.io/apimachinery `pkg/runtime/serializer/protobuf`, k8s.io/apiserver
//! `pkg/endpoints/handlers/watch.go`.

use super::accept::Form;
use crate::{
    api::{Item, List},
    error::Error,
    kinds::Served,
    object::{ObjectExt, Value},
    schema::{self, Type, proto::encode},
};
use bytes::Bytes;
use futures_util::Stream;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    vec,
};

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1";

/// What metadata alone travels as, and its list.
const PARTIAL: (&str, &str) = ("meta.k8s.io/v1", "PartialObjectMetadata");
const PARTIALS: (&str, &str) = ("meta.k8s.io/v1", "PartialObjectMetadataList");

/// The message of a revision, written when first asked for and kept with it.
struct Message(Option<Vec<u8>>);

/// The message of an item.
fn message(kind: &Served, item: &Item, form: Form) -> Result<Arc<Message>, Error> {
    let found = match (form, item) {
        (Form::Partial, Item::Entry(entry)) => Arc::new(Message(partial(&entry.bytes))),
        (Form::Partial, Item::Value(value)) => {
            Arc::new(Message(metadata("ObjectMeta", &value["metadata"])))
        }
        (_, Item::Entry(entry)) => entry.kept(
            |_| true,
            || {
                let mut json = serde_json::Deserializer::from_slice(&entry.bytes);
                Message(
                    kind.ty()
                        .filter(|of| is_message(of))
                        .and_then(|of| encode::message(of, &mut json).ok()),
                )
            },
        ),
        (_, Item::Value(value)) => {
            let of = type_of(value).or_else(|| kind.ty().filter(|of| is_message(of)));
            Arc::new(Message(of.and_then(|of| encode::message(of, value).ok())))
        }
    };
    if found.0.is_some() { Ok(found) } else { Err(unwritable(kind)) }
}

impl Message {
    fn bytes(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}

/// What has no message.
fn unwritable(kind: &Served) -> Error {
    Error::NotAcceptable(format!("{} has no protobuf message", kind.kind))
}

/// The type of an object by its own names; documents are of `meta/v1`.
fn type_of(value: &Value) -> Option<&'static Type> {
    let (version, kind) = (value.str_at("apiVersion"), value.str_at("kind"));
    let of_meta = || schema::find(&format!("{META}.{kind}")).filter(|_| !kind.is_empty());
    schema::find_kind(version, kind).or_else(of_meta).filter(|of| is_message(of))
}

/// Whether a type is known in protobuf at all.
pub fn is_message(of: &Type) -> bool {
    of.fields.iter().any(|f| f.proto > 0)
}

/// The metadata in an object's JSON text, as the message of what has nothing else.
fn partial(json: &[u8]) -> Option<Vec<u8>> {
    #[derive(Deserialize)]
    struct Object<'a> {
        #[serde(borrow)]
        metadata: &'a RawValue,
    }
    let object: Object<'_> = serde_json::from_slice(json).ok()?;
    let of = schema::find(&format!("{META}.ObjectMeta"))?;
    encode::metadata(of, &mut serde_json::Deserializer::from_str(object.metadata.get())).ok()
}

fn metadata(of: &str, metadata: &Value) -> Option<Vec<u8>> {
    encode::metadata(schema::find(&format!("{META}.{of}"))?, metadata).ok()
}

/// An item in its envelope.
///
/// # Errors
/// 406 when it has no message.
pub fn object(kind: &Served, item: &Item, form: Form) -> Result<Vec<u8>, Error> {
    let message = message(kind, item, form)?;
    let names = match (form, item) {
        (Form::Partial, _) => PARTIAL,
        (_, Item::Entry(_)) => (kind.api_version(), kind.kind.as_str()),
        (_, Item::Value(value)) => match (value.str_at("apiVersion"), value.str_at("kind")) {
            (_, "") => (kind.api_version(), kind.kind.as_str()),
            names => names,
        },
    };
    Ok(encode::envelope(names, message.bytes()))
}

/// A document or a Status in its envelope, if there is a message for it.
pub fn document(value: &Value) -> Option<Vec<u8>> {
    let names = (value.str_at("apiVersion"), value.str_at("kind"));
    // The oldest documents name no version.
    encode::encode(type_of(value)?, names, value).ok()
}

/// An event of a watch, framed.
pub fn event(kind: &Served, name: &str, item: &Item, form: Form) -> Vec<u8> {
    match object(kind, item, form) {
        Ok(object) => encode::event(name, &object),
        Err(why) => failed(&why.status()),
    }
}

/// The event that ends a watch, framed.
pub fn failed(status: &Value) -> Vec<u8> {
    encode::event("ERROR", &document(status).unwrap_or_default())
}

/// A bookmark, framed.
pub fn bookmark(object: &Value, form: Form) -> Vec<u8> {
    let object = match form {
        Form::Partial => metadata("ObjectMeta", &object["metadata"])
            .map(|message| encode::envelope(PARTIAL, &message)),
        _ => document(object),
    };
    encode::event("BOOKMARK", &object.unwrap_or_default())
}

/// Bytes gathered into one chunk; a shorter list is sent as it is.
const CHUNK: usize = 128 << 10;

/// A list on its way. Its length stands at its beginning, so that all items are written before the
/// first byte leaves; those of stored objects are shared with the objects.
pub struct Items {
    head: Vec<u8>,
    items: vec::IntoIter<Arc<Message>>,
    done: bool,
}

/// A list.
///
/// # Errors
/// 406 when an item has no message.
pub fn list(kind: &Served, list: &List, beside: &Value, form: Form) -> Result<Items, Error> {
    let messages = list.items.iter().map(|item| message(kind, item, form));
    let messages: Vec<_> = messages.collect::<Result<_, _>>()?;
    let beside = metadata("ListMeta", beside).ok_or_else(|| unwritable(kind))?;
    let framed = |m: &Arc<Message>| encode::item(m.bytes().len()).len() + m.bytes().len();
    let length = beside.len() + messages.iter().map(framed).sum::<usize>();
    let names = match form {
        Form::Partial => PARTIALS,
        _ => (kind.api_version(), kind.list_kind.as_str()),
    };
    let mut head = encode::head(names, length);
    head.extend(beside);
    Ok(Items { head, items: messages.into_iter(), done: false })
}

impl Items {
    /// Whether everything was handed out.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// The next bytes.
    pub fn chunk(&mut self) -> Bytes {
        let mut out = std::mem::take(&mut self.head);
        while out.len() < CHUNK {
            let Some(message) = self.items.next() else {
                out.extend_from_slice(encode::TAIL);
                self.done = true;
                break;
            };
            out.extend(encode::item(message.bytes().len()));
            out.extend_from_slice(message.bytes());
        }
        out.into()
    }
}

impl Stream for Items {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = (!self.done).then(|| self.chunk());
        Poll::Ready(next.map(Ok))
    }
}
