//! The console on the wire: its files, and the desk at which administrators move the cluster's time
//! and the world outside, with the rights of whoever asks.

use super::{Query, bodies::BodyPermit, documents, listener::Subject, render, serve::Incoming};
use crate::{
    api::Caller,
    console::{File, POLICY},
    error::Error,
};
use actix_web::{
    HttpMessage, HttpResponse,
    http::{Method, header},
};
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use sha2::{Digest, Sha256};

/// What is answered beside the API, by whoever keeps the registries and the clock.
pub trait Desk: Send + Sync {
    /// Answers a request.
    fn answer(&self, ask: AtDesk) -> LocalBoxFuture<'_, HttpResponse>;
}

/// A request at the desk.
#[derive(Clone, Debug, Default)]
pub struct AtDesk {
    /// HTTP method.
    pub method: String,
    /// Path as the desk knows it.
    pub path: String,
    /// Parameters.
    pub query: Query,
    /// Body; empty without one.
    pub body: Bytes,
    /// Header `Authorization`.
    pub authorization: String,
    /// Name and groups of a verified client certificate.
    pub subject: Option<(String, Vec<String>)>,
}

/// The desk's paths begin so.
const DESK: &str = "console/desk/";

/// Answers a request to a path of the console; `rest` is without the first slash.
pub async fn answer(mut incoming: Incoming<'_>, rest: &str) -> HttpResponse {
    let http = incoming.http;
    let method = incoming.request.method().clone();
    let reads = matches!(method, Method::GET | Method::HEAD);
    let nobody = Caller::default();
    let Ok(_place) = http.inflight.enter(&nobody, !reads) else { return documents::too_many() };
    match (rest.strip_prefix(DESK), &http.desk) {
        (Some(path), Some(desk)) => match body(&mut incoming).await {
            Ok((body, _place)) => desk.answer(at_desk(&incoming, path, body)).await,
            Err(e) => render::error(&e, incoming.look),
        },
        (None, _) if reads => file(&incoming, rest),
        _ => documents::not_found(),
    }
}

/// Most bytes that are sent to the desk.
const LARGEST: usize = 256 << 10;

async fn body(incoming: &mut Incoming<'_>) -> Result<(Bytes, Option<BodyPermit>), Error> {
    if *incoming.request.method() != Method::POST {
        return Ok((Bytes::new(), None));
    }
    let peer = incoming.request.peer_addr().map(|a| a.ip().to_string()).unwrap_or_default();
    let length = incoming.request.headers().get(header::CONTENT_LENGTH);
    let taken = incoming.http.bodies.take(&peer, LARGEST, length, incoming.payload).await;
    taken.map(|(bytes, place)| (bytes, Some(place)))
}

fn at_desk(incoming: &Incoming<'_>, path: &str, body: Bytes) -> AtDesk {
    let own = incoming.request.extensions().get::<Subject>().cloned();
    let subject = own.or_else(|| incoming.request.conn_data::<Subject>().cloned());
    AtDesk {
        method: incoming.request.method().to_string(),
        path: format!("/{path}"),
        query: Query::parse(incoming.request.query_string()),
        body,
        authorization: incoming.header(header::AUTHORIZATION).to_owned(),
        subject: subject.map(|s| (s.0, s.1)),
    }
}

fn file(incoming: &Incoming<'_>, rest: &str) -> HttpResponse {
    let Some(file) = File::at(rest) else { return documents::not_found() };
    let digest = Sha256::digest(file.bytes);
    let tag: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{tag}\"");
    let mut response = match incoming.header(header::IF_NONE_MATCH) == tag {
        true => HttpResponse::NotModified(),
        false => HttpResponse::Ok(),
    };
    let response = response
        .insert_header((header::ETAG, tag.clone()))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header(("Cross-Origin-Opener-Policy", "same-origin"))
        .content_type(file.media_type());
    match incoming.header(header::IF_NONE_MATCH) == tag {
        true => response.finish(),
        false => response.body(file.bytes),
    }
}
