//! Answers to bytes: objects as stored, tables, partial metadata, logs, what proxies were answered.

use super::{
    accept::{Form, Syntax},
    audited::Told,
    binary, listing,
    look::{Look, builder},
    stream, values,
};
use crate::{
    api::{Answer, Item, LogBody, Response, table},
    error::Error,
    kinds::Served,
    object::{ObjectExt, Value, json, write},
    runtime::Fetched,
    world::Clock,
};
use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};
use jiff::Timestamp;
use std::sync::Arc;

/// How to answer one request.
#[derive(Clone, Copy)]
pub struct Style {
    /// What of the objects.
    pub form: Form,
    /// How they are written.
    pub look: Look,
    /// The present moment, for ages in tables.
    pub now: Timestamp,
    /// Minor of Kubernetes, for warnings.
    pub minor: u8,
}

/// What a client hears that asks for a stream as if it were an object.
pub fn upgrade_required() -> Error {
    Error::BadRequest("Upgrade request required".into())
}

/// Turns a result into an HTTP response.
pub fn answer(
    kind: &Served,
    result: Result<Answer, Error>,
    style: Style,
    clock: &Arc<dyn Clock>,
) -> HttpResponse {
    let response = match result {
        Ok(answer) => {
            let mut response = match answer.response {
                Response::One(code, item) => {
                    let mut response = single(kind, code, &item, style);
                    if is_status(&item) {
                        response.extensions_mut().insert(Told(item.value()));
                    }
                    response
                }
                Response::List(list) => listing::respond(kind.clone(), list, style),
                Response::Watch(events) => {
                    stream::respond(kind.clone(), events, style, Arc::clone(clock))
                }
                Response::Log(lines) => log(lines),
                Response::Passed(answer) => passed(answer),
                // Without an upgrade; who upgrades is not answered here.
                Response::Session(_) => error(&upgrade_required(), style.look),
                Response::Nothing => HttpResponse::NoContent().finish(),
            };
            values::warn(response.headers_mut(), &answer.warnings);
            response
        }
        Err(e) => {
            let mut response = error(&e, style.look);
            values::warn(response.headers_mut(), e.warnings());
            response
        }
    };
    deprecation(response, kind, style)
}

/// The response with a warning if the kind that was asked for is on its way out.
pub fn deprecation(mut response: HttpResponse, kind: &Served, style: Style) -> HttpResponse {
    let reached = !matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    let deprecated = kind.deprecated_by(style.minor);
    if reached && !deprecated.is_empty() {
        values::warn(response.headers_mut(), &[deprecated.to_owned()]);
    }
    response
}

/// A log as a response that ends with it.
fn log(lines: LogBody) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").streaming(lines)
}

/// An answer from behind a proxy.
fn passed(answer: Fetched) -> HttpResponse {
    let mut response = builder(answer.status).body(answer.body);
    let own = |name: &&(String, String)| {
        !["connection", "content-length", "transfer-encoding"]
            .contains(&name.0.to_ascii_lowercase().as_str())
    };
    for (name, value) in answer.headers.iter().filter(own) {
        values::append(response.headers_mut(), name, value);
    }
    response
}

/// A Status as a response.
pub fn error(e: &Error, look: Look) -> HttpResponse {
    if let Error::Backend(code, text) = e {
        return builder(*code).content_type("text/plain; charset=utf-8").body(text.clone());
    }
    let status = e.status();
    let (code, _) = e.code();
    let mut response = look.response(code, &status);
    let seconds = status.pointer("/details/retryAfterSeconds").and_then(Value::as_u64);
    if let Some(seconds) = seconds {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response.extensions_mut().insert(Told(status));
    response
}

fn single(kind: &Served, code: u16, item: &Item, style: Style) -> HttpResponse {
    let look = style.look;
    match (style.form, item) {
        (form, item) if look.syntax == Syntax::Protobuf => {
            let form = if is_status(item) { Form::Plain } else { form };
            match binary::object(kind, item, form) {
                Ok(message) => look.binary(code, message),
                Err(why) => error(&why, Look { syntax: Syntax::Json, ..look }),
            }
        }
        (Form::Plain, Item::Entry(e)) if look.syntax == Syntax::Json => {
            look.json(builder(code).content_type("application/json"), e.bytes.to_vec())
        }
        (Form::Table(_), item) if !is_status(item) => {
            let metadata = revision(item).map_or(json!({}), |rv| json!({"resourceVersion": rv}));
            let rows = vec![listing::tree(kind, item, style)];
            look.response(code, &table::table(metadata, Some(table::definitions(kind)), rows))
        }
        (Form::Partial, item) if !is_status(item) => {
            look.response(code, &listing::tree(kind, item, style))
        }
        (_, item) => look.response(code, &item.value()),
    }
}

/// The revision an item has.
fn revision(item: &Item) -> Option<String> {
    match item {
        Item::Entry(entry) => Some(entry.rev.to_string()),
        Item::Value(value) => Some(value.at("metadata.resourceVersion")?.as_str()?.to_owned()),
    }
}

fn is_status(item: &Item) -> bool {
    matches!(item, Item::Value(v) if v.get("kind").is_some_and(|k| k == "Status"))
}

/// An event's object in the form the client accepts, as JSON.
pub fn event_object(out: &mut Vec<u8>, kind: &Served, item: &Item, style: Style, first: bool) {
    match style.form {
        Form::Table(_) => {
            let metadata = json!({"resourceVersion": revision(item).unwrap_or_default()});
            let columns = first.then(|| table::definitions(kind));
            write::write(out, &table::table(metadata, columns, Vec::new()));
            // It ends with an empty list of rows, `]` and the brace behind it.
            out.truncate(out.len() - 2);
            listing::write_item(out, kind, item, style);
            out.extend_from_slice(b"]}");
        }
        _ => listing::write_item(out, kind, item, style),
    }
}
