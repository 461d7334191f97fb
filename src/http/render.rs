//! Answers to responses: codes, headers and warnings around what [`form`] writes; logs, what proxies were answered.

use super::{
    audited::Told,
    form::{self, Look, Style, Syntax, builder},
    values,
};
use crate::{
    api::{Answer, LogBody, Response},
    error::Error,
    kinds::Served,
    object::Value,
    runtime::Fetched,
    world::Clock,
};
use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};
use std::sync::Arc;

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
                    let mut response = written(form::single(kind, code, &item, style), style);
                    if form::is_status(&item) {
                        response.extensions_mut().insert(Told(item.value()));
                    }
                    response
                }
                Response::List(list) => written(form::list(kind.clone(), list, style), style),
                Response::Watch(events) => {
                    form::watch(kind.clone(), events, style, Arc::clone(clock))
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

/// What was written, or in JSON why it could not be.
fn written(response: Result<HttpResponse, Error>, style: Style) -> HttpResponse {
    let look = Look { syntax: Syntax::Json, ..style.look };
    response.unwrap_or_else(|why| error(&why, look))
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
