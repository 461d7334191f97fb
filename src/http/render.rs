//! Answers to bytes: objects and lists as stored, tables, partial metadata, YAML, pretty JSON.

use super::stream;
use crate::{
    api::{
        Answer, Item, List, Response,
        table::{self, Include},
    },
    error::Error,
    kinds::Served,
    object::{Value, json, yaml},
    runtime::{Fetched, LogStream},
};
use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::{StatusCode, header},
};
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::StreamExt;
use jiff::Timestamp;

/// The form a client accepts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Form {
    /// Plain JSON.
    Json,
    /// YAML.
    Yaml,
    /// `as=Table`.
    Table(Include),
    /// `as=PartialObjectMetadata` and its list.
    Partial,
}

/// How to answer one request.
#[derive(Clone, Copy)]
pub struct Style {
    /// Form of the body.
    pub form: Form,
    /// Indented JSON.
    pub pretty: bool,
    /// The present moment, for ages in tables.
    pub now: Timestamp,
}

/// Reads the Accept header: the first form in it that can be produced.
///
/// # Errors
/// 406 when there is none.
pub fn negotiate(accept: &str, include: Include) -> Result<Form, Error> {
    if accept.trim().is_empty() {
        return Ok(Form::Json);
    }
    for clause in accept.split(',') {
        let mut parts = clause.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default();
        let parameters: Vec<(&str, &str)> = parts.filter_map(|p| p.split_once('=')).collect();
        let get = |name: &str| parameters.iter().find(|(k, _)| *k == name).map(|(_, v)| *v);
        let plain = match kind {
            "application/json" | "*/*" | "application/*" => Form::Json,
            "application/yaml" => Form::Yaml,
            _ => continue,
        };
        let v1 = get("v") == Some("v1") && get("g") == Some("meta.k8s.io");
        match get("as") {
            None => return Ok(plain),
            Some("Table") if v1 => return Ok(Form::Table(include)),
            Some("PartialObjectMetadata" | "PartialObjectMetadataList") if v1 => {
                return Ok(Form::Partial);
            }
            Some(_) => {}
        }
    }
    Err(Error::NotAcceptable(
        "application/json, application/yaml, application/vnd.kubernetes.protobuf".into(),
    ))
}

/// What a client hears that asks for a stream as if it were an object.
pub fn upgrade_required() -> Error {
    Error::BadRequest("Upgrade request required".into())
}

/// Turns a result into an HTTP response.
pub fn answer(kind: &Served, result: Result<Answer, Error>, style: Style) -> HttpResponse {
    let mut response = match result {
        Ok(answer) => {
            let mut response = match answer.response {
                Response::One(code, item) => single(kind, code, &item, style),
                Response::List(list) => listing(kind, &list, style),
                Response::Watch(events) => stream::respond(kind.clone(), events, style),
                Response::Log(lines) => log(lines),
                Response::Passed(answer) => passed(answer),
                // Without an upgrade; who upgrades is not answered here.
                Response::Session(_) => error(&upgrade_required()),
                Response::Nothing => HttpResponse::NoContent().finish(),
            };
            warn(&mut response, &answer.warnings);
            response
        }
        Err(e) => error(&e),
    };
    let reached = !matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    if reached && !kind.deprecated.is_empty() {
        warn(&mut response, &[kind.deprecated.to_string()]);
    }
    response
}

/// Adds a Warning header per text, in the form clients parse.
fn warn(response: &mut HttpResponse, warnings: &[String]) {
    for text in warnings {
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = header::HeaderValue::from_str(&format!("299 - \"{quoted}\"")) {
            response.headers_mut().append(header::WARNING, value);
        }
    }
}

/// A log as a response that ends with it.
fn log(lines: LogStream) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain")
        .streaming(lines.map(Ok::<Bytes, std::convert::Infallible>))
}

/// An answer from behind a proxy.
fn passed(answer: Fetched) -> HttpResponse {
    let mut response = builder(answer.status);
    let own = |name: &&(String, String)| {
        !["connection", "content-length", "transfer-encoding"]
            .contains(&name.0.to_ascii_lowercase().as_str())
    };
    for (name, value) in answer.headers.iter().filter(own) {
        response.insert_header((name.as_str(), value.as_str()));
    }
    response.body(answer.body)
}

/// A Status as a response.
pub fn error(e: &Error) -> HttpResponse {
    if let Error::Backend(code, text) = e {
        return builder(*code).content_type("text/plain; charset=utf-8").body(text.clone());
    }
    let status = e.status();
    let (code, _) = e.code();
    let mut response = builder(code);
    if let Some(seconds) = status.pointer("/details/retryAfterSeconds").and_then(Value::as_u64) {
        response.insert_header((header::RETRY_AFTER, seconds));
    }
    response.content_type("application/json").body(status.to_string() + "\n")
}

/// A JSON document as a response.
pub fn document(value: &Value) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(value.to_string())
}

fn builder(code: u16) -> HttpResponseBuilder {
    HttpResponse::build(StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
}

fn single(kind: &Served, code: u16, item: &Item, style: Style) -> HttpResponse {
    match (style.form, item) {
        (Form::Json, Item::Entry(e)) if !style.pretty => {
            builder(code).content_type("application/json").body(e.bytes.clone())
        }
        (Form::Table(include), item) if !is_status(item) => {
            let value = item.value();
            let rv = value.pointer("/metadata/resourceVersion");
            let metadata = rv.map_or(json!({}), |rv| json!({"resourceVersion": rv}));
            let rows = vec![table::row(kind, item, style.now, include)];
            let columns = Some(table::definitions(kind));
            send(code, &table::table(metadata, columns, rows), style)
        }
        (Form::Partial, item) if !is_status(item) => {
            send(code, &table::partial(&item.value()), style)
        }
        (_, item) => send(code, &item.value(), style),
    }
}

fn is_status(item: &Item) -> bool {
    matches!(item, Item::Value(v) if v.get("kind").is_some_and(|k| k == "Status"))
}

fn send(code: u16, value: &Value, style: Style) -> HttpResponse {
    let mut response = builder(code);
    if style.form == Form::Yaml {
        return response.content_type("application/yaml").body(yaml::document(value));
    }
    let text = if style.pretty {
        serde_json::to_string_pretty(value).unwrap_or_default()
    } else {
        value.to_string()
    };
    response.content_type("application/json").body(text)
}

fn list_metadata(list: &List) -> Value {
    let mut metadata = json!({});
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

fn listing(kind: &Served, list: &List, style: Style) -> HttpResponse {
    let metadata = list_metadata(list);
    match style.form {
        Form::Table(include) => {
            let rows: Vec<Value> =
                list.items.iter().map(|i| table::row(kind, i, style.now, include)).collect();
            send(200, &table::table(metadata, Some(table::definitions(kind)), rows), style)
        }
        Form::Partial => {
            let items: Vec<Value> = list.items.iter().map(|i| table::partial(&i.value())).collect();
            let body = json!({"kind": "PartialObjectMetadataList",
                "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "items": items});
            send(200, &body, style)
        }
        _ if style.pretty || style.form == Form::Yaml => {
            let items: Vec<Value> = list.items.iter().map(Item::value).collect();
            let body = json!({"kind": kind.list_kind,
                "apiVersion": kind.api_version(), "metadata": metadata, "items": items});
            send(200, &body, style)
        }
        _ => HttpResponse::Ok().content_type("application/json").body(concatenated(
            kind,
            &metadata,
            &list.items,
        )),
    }
}

/// A list as JSON, its stored items copied as they are.
fn concatenated(kind: &Served, metadata: &Value, items: &[Item]) -> Bytes {
    let size: usize = items.iter().map(|i| length(i) + 1).sum();
    let head = format!(
        "{{\"kind\":\"{}\",\"apiVersion\":\"{}\",\"metadata\":{metadata},\"items\":[",
        kind.list_kind,
        kind.api_version()
    );
    let mut out = BytesMut::with_capacity(head.len() + size + 3);
    out.put(head.as_bytes());
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.put_u8(b',');
        }
        write_item(&mut out, item);
    }
    out.put(&b"]}"[..]);
    out.freeze()
}

fn length(item: &Item) -> usize {
    match item {
        Item::Entry(e) => e.bytes.len(),
        Item::Value(_) => 2048,
    }
}

/// Writes an item as JSON.
pub fn write_item(out: &mut BytesMut, item: &Item) {
    match item {
        Item::Entry(e) => out.put(e.bytes.as_ref()),
        Item::Value(v) => out.put(v.to_string().as_bytes()),
    }
}

/// An event's object in the form the client accepts, as JSON.
pub fn event_object(out: &mut BytesMut, kind: &Served, item: &Item, style: Style, first: bool) {
    match style.form {
        Form::Table(include) => {
            let rows = vec![table::row(kind, item, style.now, include)];
            let rv = item.value().pointer("/metadata/resourceVersion").cloned();
            let metadata = json!({"resourceVersion": rv.unwrap_or(json!(""))});
            let columns = first.then(|| table::definitions(kind));
            out.put(table::table(metadata, columns, rows).to_string().as_bytes());
        }
        Form::Partial => out.put(table::partial(&item.value()).to_string().as_bytes()),
        _ => write_item(out, item),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_headers() {
        let table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
        let rows = [
            ("", Some(Form::Json)),
            ("application/json", Some(Form::Json)),
            (table, Some(Form::Table(Include::Metadata))),
            ("application/vnd.kubernetes.protobuf,application/json", Some(Form::Json)),
            ("application/vnd.kubernetes.protobuf", None),
            ("application/yaml", Some(Form::Yaml)),
            (
                "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
                Some(Form::Partial),
            ),
            ("text/html,*/*;q=0.8", Some(Form::Json)),
        ];
        for (accept, expected) in rows {
            assert_eq!(negotiate(accept, Include::Metadata).ok(), expected, "{accept}");
        }
    }
}
