//! Requests that meet a fault: late, refused, cut off, or carried out for nobody.

use super::{render, serve::Incoming, sniff::Cutter};
use crate::{
    api::{Answer, Event, Request, Response, Verb},
    error::Error,
    faults::{Hit, WatchFault},
};
use actix_web::{HttpMessage, HttpResponse};
use futures_util::{StreamExt, stream};

/// What a request gets that is not carried out; `None`: it is. Delays are the machine's: it is its
/// sender's patience that is tried.
pub async fn before(incoming: &Incoming<'_>, hit: &Hit, request: &Request) -> Option<HttpResponse> {
    let server = &incoming.http.server;
    if let Some(late) = hit.delay() {
        let wall = &server.world.wall;
        let now = wall.now();
        wall.sleep_until(now.checked_add(late).unwrap_or(now)).await;
    }
    if hit.effect().cut {
        return Some(cut(incoming));
    }
    let error = hit.error(request.kind.resource(), &request.name)?;
    if !matches!(request.verb, Verb::Get | Verb::List | Verb::Watch) {
        server.refuse(server.refusal(request), &error);
    }
    Some(render::error(&error, incoming.look))
}

/// What becomes of the answer to a request that was carried out; `None`: nobody hears of it.
pub fn after(hit: &Hit, answer: Result<Answer, Error>) -> Option<Result<Answer, Error>> {
    let effect = hit.effect();
    if effect.lose {
        return None;
    }
    let Some(watch) = effect.watch else { return Some(answer) };
    let (events, warnings) = match answer {
        Ok(Answer { response: Response::Watch(events), warnings }) => (events, warnings),
        other => return Some(other),
    };
    let before = events.take(effect.events.unwrap_or_default() as usize);
    let events = match watch {
        WatchFault::Drop => before.boxed(),
        WatchFault::Stale => before.chain(stream::pending()).boxed(),
        WatchFault::Gone => {
            let gone = Error::Expired {
                message: "The resourceVersion for the provided watch is too old.".into(),
                continue_token: String::new(),
            };
            before.chain(stream::iter([Event::Error(gone.status())])).boxed()
        }
    };
    Some(Ok(Answer { response: Response::Watch(events), warnings }))
}

/// Cuts the connection: nothing more is sent on it. The response is nobody's.
pub fn cut(incoming: &Incoming<'_>) -> HttpResponse {
    let request = incoming.request;
    // HTTP/1 keeps it with the connection, HTTP/2 hands it on with every request.
    let own = request.extensions().get::<Cutter>().cloned();
    if let Some(cutter) = own.as_ref().or_else(|| request.conn_data::<Cutter>()) {
        cutter.cut();
    }
    HttpResponse::ServiceUnavailable().finish()
}
