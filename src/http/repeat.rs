//! Requests in turn, and requests once more: where the order of what comes from outside is kept, a
//! write is carried out when its turn has come and answered when the cluster is quiet again.

use super::{
    faulty,
    form::Look,
    parameters::{self, Query},
    path::{self, Path},
    resource,
    serve::{Http, Incoming},
    weighty,
};
use crate::{
    api::{Answer, Caller, Request, Response, Server, Session, Verb, clock},
    error::Error,
    faults::{self, Hit},
    journal::{Arrival, SentRequest, Whom},
};
use actix_http::Payload;
use actix_web::{HttpRequest, HttpResponse, http::header, test::TestRequest};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use std::{cell::OnceCell, sync::Arc};

/// Subresources that open sessions.
const SESSIONS: [&str; 2] = ["attach", "exec"];

/// A fault that was met, and the answer.
type Carried = (Option<Hit>, Result<Answer, Error>);

/// Carries a request out, in turn where requests take turns; answers what its sender gets because of a
/// fault instead.
pub async fn carried(
    incoming: &Incoming<'_>,
    request: Request,
) -> Result<Result<Answer, Error>, HttpResponse> {
    let (hit, answer) = match take_turn(incoming, &request).await {
        Some(done) => done.map_err(|response| *response)?,
        None => {
            let server = &incoming.http.server;
            let hit = server.fault(&request, &agent(incoming.request), false);
            if let Some(hit) = &hit
                && let Some(response) = faulty::before(incoming, hit, &request).await
            {
                return Err(response);
            }
            (hit, weighty::call(server, request, incoming.sent.len()).await)
        }
    };
    match hit {
        Some(hit) => faulty::after(&hit, answer).ok_or_else(|| faulty::cut(incoming)),
        None => Ok(answer),
    }
}

/// Carries a request out in turn, if requests like this one take turns; answers what came of it, or
/// what its sender gets because of a fault.
async fn take_turn(
    incoming: &Incoming<'_>,
    request: &Request,
) -> Option<Result<Carried, Box<HttpResponse>>> {
    let server = &incoming.http.server;
    let journal = server.journal.as_ref().filter(|_| changes(server, request))?;
    let (arrival, agent) = (Arrival::Request(sent(incoming, request)), agent(incoming.request));
    let (own, asked) = (Arc::clone(server), request.clone());
    let work = move || -> LocalBoxFuture<'static, _> { Box::pin(carry(own, asked, agent)) };
    let (hit, answer) = match journal.enter(arrival, work).await {
        Some(done) => done,
        None => (None, Some(Err(Error::internal("the server is stopping")))),
    };
    if let Some(hit) = &hit
        && let Some(response) = faulty::before(incoming, hit, request).await
    {
        return Some(Err(Box::new(response)));
    }
    answer.map(|answer| Ok((hit, answer)))
}

/// What opens a session, as it is kept where that is asked for.
pub fn opening(incoming: &Incoming<'_>, request: &Request) -> Option<SentRequest> {
    incoming.http.server.journal.as_ref()?;
    SESSIONS.contains(&request.sub).then(|| sent(incoming, request))
}

/// Whether a request can leave something behind.
fn changes(server: &Server, request: &Request) -> bool {
    if SESSIONS.contains(&request.sub) {
        // It is the session that does.
        return false;
    }
    if clock::turns(&request.kind, request.verb) {
        // What is written of it takes its own turn, and so does the move.
        return false;
    }
    let reads = matches!(request.verb, Verb::Get | Verb::List | Verb::Watch);
    // Rules count what is read, too.
    !reads || server.store.snapshot().count(faults::RESOURCE) > 0
}

/// Carries a request out, unless a fault keeps it from being.
async fn carry(
    server: Arc<Server>,
    request: Request,
    agent: String,
) -> (u16, (Option<Hit>, Option<Result<Answer, Error>>)) {
    let hit = server.fault(&request, &agent, false);
    let kept =
        |hit: &Hit| hit.effect().cut || hit.error(request.kind.resource(), &request.name).is_some();
    if hit.as_ref().is_some_and(kept) {
        return (0, (hit, None));
    }
    let answer = server.call(request).await;
    (code(&answer), (hit, Some(answer)))
}

fn code(answer: &Result<Answer, Error>) -> u16 {
    match answer {
        Ok(Answer { response: Response::One(code, _), .. }) => *code,
        Ok(_) => 200,
        Err(error) => error.code().0,
    }
}

fn agent(request: &HttpRequest) -> String {
    text(request, header::USER_AGENT)
}

fn text(request: &HttpRequest, name: header::HeaderName) -> String {
    let value = request.headers().get(name).and_then(|v| v.to_str().ok());
    value.unwrap_or_default().to_owned()
}

/// A request as it is kept.
fn sent(incoming: &Incoming<'_>, request: &Request) -> SentRequest {
    let caller = &request.caller;
    let (text_body, base64) = match std::str::from_utf8(&incoming.sent) {
        Ok(text) => (text.to_owned(), String::new()),
        Err(_) => (String::new(), STANDARD.encode(&incoming.sent)),
    };
    SentRequest {
        who: Whom {
            name: caller.name.clone(),
            uid: caller.uid.clone(),
            groups: caller.groups.clone(),
            extra: caller.extra.clone(),
            scopes: caller.scopes.clone(),
        },
        method: incoming.request.method().to_string(),
        uri: incoming.request.uri().path_and_query().map_or("/", |p| p.as_str()).to_owned(),
        content_type: text(incoming.request, header::CONTENT_TYPE),
        agent: agent(incoming.request),
        text: text_body,
        base64,
    }
}

/// Carries a kept request out once more, in the name of who sent it; answers the code of the answer.
pub async fn again(http: Arc<Http>, sent: SentRequest) -> u16 {
    let agent = sent.agent.clone();
    match built_again(&http, sent).await {
        Ok(built) => carry(Arc::clone(&http.server), built, agent).await.0,
        Err(code) => code,
    }
}

/// Opens a kept session once more.
pub async fn open_again(http: Arc<Http>, sent: SentRequest) -> Option<Session> {
    let built = built_again(&http, sent).await.ok()?;
    match http.server.call(built).await.ok()?.response {
        Response::Session(session) => Some(session),
        _ => None,
    }
}

/// A kept request, read once more.
async fn built_again(http: &Http, sent: SentRequest) -> Result<Request, u16> {
    let bytes = match sent.base64.is_empty() {
        true => Bytes::from(sent.text.clone()),
        // Only what was encoded is kept.
        false => STANDARD.decode(&sent.base64).unwrap_or_default().into(),
    };
    let request = TestRequest::with_uri(&sent.uri)
        .method(sent.method.parse().unwrap_or_default())
        .insert_header((header::CONTENT_TYPE, sent.content_type.as_str()))
        .insert_header((header::USER_AGENT, sent.agent.as_str()))
        .insert_header((header::CONTENT_LENGTH, bytes.len()))
        .to_http_request();
    let mut payload = Payload::from(bytes);
    let who = sent.who;
    let (name, uid, groups) = (who.name, who.uid, who.groups);
    let caller = Caller { name, uid, groups, extra: who.extra, scopes: who.scopes };
    request_of(http, &request, &mut payload, Arc::new(caller)).await
}

/// The request that was meant.
async fn request_of(
    http: &Http,
    request: &HttpRequest,
    payload: &mut Payload,
    caller: Arc<Caller>,
) -> Result<Request, u16> {
    let path = parameters::unescape_path(request.path());
    let query = Query::parse(request.query_string());
    let kinds = http.server.catalogue();
    let Some(Path::Resource(target)) = path::parse(&path, &kinds) else { return Err(404) };
    let verb = resource::verb(request.method(), &target, &query).ok_or(405_u16)?;
    let (id, record) = (String::new(), OnceCell::new());
    let mut incoming = Incoming {
        http,
        request,
        path: &path,
        query: &query,
        look: Look::default(),
        id: &id,
        record: &record,
        payload,
        sent: Bytes::new(),
    };
    let built = resource::build(&mut incoming, &target, verb, caller).await;
    built.map(|(request, ..)| request).map_err(|error| error.code().0)
}
