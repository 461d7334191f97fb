//! One GET: keeps connections open, follows redirects, and bounds time and size.

use super::{
    dial::{Connection, Dialer, broken},
    fault::FetchError,
    proxy::Proxy,
};
use crate::world::{Activity, Clock, is_of_a_turn};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use jiff::SignedDuration;
use rustls::ClientConfig;
use std::{collections::HashMap, sync::Arc, time::Duration};
use url::Url;

/// Redirects followed for one request.
const MOST_REDIRECTS: usize = 10;

/// What to get.
#[derive(Clone)]
pub struct Get {
    /// From where.
    pub url: Url,
    /// Whether the headers will do.
    pub head: bool,
    /// `Accept`, `Authorization` …
    pub headers: HeaderMap,
    /// Bytes of the body that are read; a longer one is a fault.
    pub limit: usize,
    /// How long everything may take; of a body that is handed on, until it begins.
    pub patience: SignedDuration,
    /// Whether the body of a success is handed on as it comes, of whatever length.
    pub stream: bool,
}

/// What came.
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
    /// What is left of the body, and the connection it comes by.
    pub rest: Option<(Incoming, Connection)>,
    /// Where it came from in the end.
    pub url: Url,
}

impl Answer {
    /// `404 Not Found`.
    pub fn reason(&self) -> String {
        let reason = self.status.canonical_reason().unwrap_or_default();
        format!("{} {reason}", self.status.as_u16()).trim_end().to_owned()
    }

    /// The text of a header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }
}

/// Sends requests, one after the other.
pub struct Exchange {
    dialer: Arc<Dialer>,
    clock: Arc<dyn Clock>,
    tls: Arc<ClientConfig>,
    /// Open connections by scheme, host and port.
    idle: HashMap<String, Connection>,
    turns: Option<Arc<Activity>>,
}

impl Exchange {
    /// Trusts as `tls` says.
    pub fn new(dialer: Arc<Dialer>, clock: Arc<dyn Clock>, tls: Arc<ClientConfig>) -> Exchange {
        Exchange { dialer, clock, tls, idle: HashMap::new(), turns: None }
    }

    /// The same, with one request at a time of all those that take turns there.
    pub fn in_turns(self, turns: Option<Arc<Activity>>) -> Exchange {
        Exchange { turns, ..self }
    }

    /// Gets, following redirects.
    ///
    /// # Errors
    /// `Get "URL": …` for whatever kept an answer from coming.
    pub async fn get(&mut self, get: Get) -> Result<Answer, FetchError> {
        let _turn = match self.turns.clone().filter(|_| !is_of_a_turn()) {
            Some(activity) => activity.outside_turn().await,
            None => None,
        };
        let now = self.clock.now();
        let deadline = now.saturating_add(get.patience).unwrap_or(now);
        let too_late = self.clock.sleep_until(deadline);
        let shown = get.url.to_string();
        tokio::select! {
            answer = self.follow(get) => answer,
            () = too_late => Err(FetchError::Other(
                "context deadline exceeded (Client.Timeout exceeded while awaiting headers)".into(),
                Some(Duration::from_secs(1)),
            )
            .within(&shown)),
        }
    }

    async fn follow(&mut self, mut get: Get) -> Result<Answer, FetchError> {
        for _ in 0..=MOST_REDIRECTS {
            let answer = self.once(&get).await.map_err(|f| f.within(get.url.as_str()))?;
            let location = answer.header("location");
            if !matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308) || location.is_empty()
            {
                return Ok(answer);
            }
            let next = get.url.join(location).ok().filter(|u| u.scheme().starts_with("http"));
            let Some(next) = next else {
                let text = format!("failed to parse Location header {location:?}");
                return Err(FetchError::other(text).within(get.url.as_str()));
            };
            // Credentials are for the host they were meant for.
            if next.host_str() != get.url.host_str() || next.port() != get.url.port() {
                get.headers.remove(header::AUTHORIZATION);
            }
            get.url = next;
        }
        let text = format!("stopped after {MOST_REDIRECTS} redirects");
        Err(FetchError::other(text).within(get.url.as_str()))
    }

    async fn once(&mut self, get: &Get) -> Result<Answer, FetchError> {
        let place = get.url[..url::Position::BeforePath].to_owned();
        let proxy = self.dialer.proxy(&get.url).filter(|_| get.url.scheme() == "http");
        let request = request(get, proxy.as_ref())?;
        if let Some(mut connection) = self.idle.remove(&place)
            && connection.ready().await.is_ok()
            // The other side may hang up an idle connection just now: then a new one is due.
            && let Ok(response) = connection.send_request(request.clone()).await
        {
            return self.read(get, place, connection, response).await;
        }
        let mut connection = self.dialer.open(&get.url, &self.tls).await?;
        let response = connection.send_request(request).await.map_err(|e| broken(&e))?;
        self.read(get, place, connection, response).await
    }

    async fn read(
        &mut self,
        get: &Get,
        place: String,
        connection: Connection,
        response: http::Response<Incoming>,
    ) -> Result<Answer, FetchError> {
        let (head, mut incoming) = response.into_parts();
        let url = get.url.clone();
        if get.stream && head.status.is_success() {
            let (headers, rest) = (head.headers, Some((incoming, connection)));
            return Ok(Answer { status: head.status, headers, body: Bytes::new(), rest, url });
        }
        let mut body = Vec::new();
        while let Some(frame) = incoming.frame().await {
            let frame = frame.map_err(|e| broken(&e))?;
            let data = frame.data_ref().map_or(&[][..], |d| d);
            if body.len() + data.len() > get.limit {
                return Err(FetchError::other(format!(
                    "the answer is longer than {} bytes",
                    get.limit
                )));
            }
            body.extend_from_slice(data);
        }
        self.idle.insert(place, connection);
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body: body.into(),
            rest: None,
            url,
        })
    }
}

/// A proxy that reads along is told the whole URL, and who we are.
fn request(get: &Get, proxy: Option<&Proxy>) -> Result<Request<Empty<Bytes>>, FetchError> {
    let from = match proxy {
        None => url::Position::BeforePath,
        Some(_) => url::Position::BeforeScheme,
    };
    let target = &get.url[from..url::Position::AfterQuery];
    let host = &get.url[url::Position::BeforeHost..url::Position::AfterPort];
    let mut request = Request::builder()
        .method(if get.head { Method::HEAD } else { Method::GET })
        .uri(target)
        .header(header::HOST, host)
        .header(header::USER_AGENT, concat!("pocketshift/", env!("CARGO_PKG_VERSION")))
        .body(Empty::new())
        .map_err(|e| FetchError::other(e.to_string()))?;
    request.headers_mut().extend(get.headers.clone());
    if let Some(login) = proxy.and_then(Proxy::login) {
        request.headers_mut().insert(header::PROXY_AUTHORIZATION, login.clone());
    }
    Ok(request)
}
