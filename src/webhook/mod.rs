//! The way to servers outside that have a say: webhooks of admission and of conversion, and the
//! servers behind API services.
//!
//! [`Client`] is what a process has one of. It reaches only what a [`ClientConfig`] names, follows no
//! redirects, has a deadline for everything and a limit for every answer, and keeps connections of
//! its own. A service of the simulated cluster is answered by the program of a pod behind it; any
//! other address is dialled.
//! Source: k8s.io/apiserver `pkg/util/webhook`, `pkg/util/proxy`; client-go `rest`.

mod config;
mod connections;
mod passing;
mod place;
mod status;
#[cfg(test)]
mod tests;
mod trust;

pub use config::{ClientConfig, Host, ServiceReference};
pub use passing::{Answered, Identity, Pass, Unreached};

use crate::{
    object::Value,
    runtime::{Containers, Fetch},
    store::Snapshot,
    world::{Clock, within},
};
use bytes::Bytes;
use connections::Connections;
use jiff::SignedDuration;
use place::Backend;
use std::sync::Arc;

/// One call.
pub struct Call<'a> {
    /// Whom.
    pub config: &'a ClientConfig,
    /// Where services and their endpoints are looked up.
    pub snapshot: &'a Snapshot,
    /// Who answers for simulated pods.
    pub containers: Option<&'a dyn Containers>,
    /// How many seconds it may take.
    pub seconds: i64,
    /// Whether the other side is told so.
    pub tell: bool,
    /// What is sent: JSON.
    pub body: Bytes,
    /// Bytes of an answer that are read; a longer one is a failure.
    pub limit: usize,
}

/// Why there is no answer, in the words of upstream's client.
#[derive(Debug, PartialEq)]
pub enum Failure {
    /// The configuration is of no use.
    Config(String),
    /// The call failed.
    Call(String),
}

/// Sends calls.
pub struct Client {
    clock: Arc<dyn Clock>,
    connections: Connections,
    trust: trust::Trust,
    /// What it shows servers that requests are passed on to.
    identity: Option<Identity>,
}

impl Client {
    /// A client; `resolver` is what failed lookups are said to have asked.
    pub fn new(clock: Arc<dyn Clock>, resolver: String) -> Client {
        let connections = Connections::new(Arc::clone(&clock), resolver);
        Client { clock, connections, trust: trust::Trust::default(), identity: None }
    }

    /// Posts a JSON document; answers the JSON document that comes back.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn post(&self, call: Call<'_>) -> Result<Value, Failure> {
        let host = call.config.host().map_err(Failure::Config)?;
        let tls = self.trust.config(&call.config.ca_bundle).map_err(Failure::Config)?;
        let query = if call.tell { format!("?timeout={}s", call.seconds) } else { String::new() };
        let path = format!("{}{query}", host.path);
        let url = format!("https://{}{path}", host.authority);
        let limit = SignedDuration::from_secs(call.seconds);
        let answer = within(&*self.clock, limit, self.send(&call, &host, &path, &tls)).await;
        let answer = answer.unwrap_or_else(|| Err("context deadline exceeded".into()));
        let (code, body) = answer.map_err(|why| Failure::Call(format!("Post {url:?}: {why}")))?;
        if !(200..=206).contains(&code) {
            return Err(Failure::Call(status::text(code, &body)));
        }
        read(&body).map_err(Failure::Call)
    }

    async fn send(
        &self,
        call: &Call<'_>,
        host: &Host,
        path: &str,
        tls: &trust::Trusted,
    ) -> Result<(u16, Bytes), String> {
        let place = match &call.config.service {
            Some(service) => place::resolve(call.snapshot, service)?,
            None => Backend::Address(host.name.clone(), host.port),
        };
        match place {
            Backend::Pod(pod) => self.simulated(call, (host, path), &pod, tls).await,
            Backend::Address(address, port) => {
                let to = connections::To { host, address: &address, port, tls };
                self.connections.post(&to, path, &call.body, call.limit).await
            }
        }
    }

    /// Asks the program of a pod.
    async fn simulated(
        &self,
        call: &Call<'_>,
        (host, path): (&Host, &str),
        pod: &place::Pod,
        tls: &trust::Trusted,
    ) -> Result<(u16, Bytes), String> {
        let at = format!("dial tcp {}:{}", pod.address, pod.port);
        let Some(containers) = call.containers.filter(|c| c.answers(&pod.node)) else {
            return Err(format!("{at}: connect: no route to host"));
        };
        let shown = containers.certificate(&pod.namespace, &pod.name, pod.port)?;
        tls.believes(shown.as_deref(), &host.name, self.clock.now())?;
        let headers =
            [("Content-Type", "application/json"), ("Accept", ACCEPT), ("Host", &host.authority)];
        let fetch = Fetch {
            method: "POST".into(),
            secure: true,
            host: host.name.clone(),
            port: pod.port,
            path: path.to_owned(),
            headers: headers.map(|(n, v)| (n.to_owned(), v.to_owned())).into(),
            body: call.body.clone(),
        };
        let answer = containers.fetch(&pod.namespace, &pod.name, fetch).await?;
        if answer.body.len() > call.limit {
            return Err(too_long(call.limit));
        }
        Ok((answer.status, answer.body))
    }
}

/// What we read.
const ACCEPT: &str = "application/json, */*";

fn too_long(limit: usize) -> String {
    format!("http: response body is longer than {limit} bytes")
}

/// Reads an answer.
fn read(body: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(body).map_err(|_| "the answer is no UTF-8".to_owned())?;
    serde_json::from_str(text).map_err(|e| {
        let why = match text.trim_start().chars().next() {
            None => "unexpected end of JSON input".to_owned(),
            Some(c) if !"{[\"-tfn0123456789".contains(c) => {
                format!("invalid character {c:?} looking for beginning of value")
            }
            Some(_) => e.to_string(),
        };
        format!("couldn't get version/kind; json parse error: {why}")
    })
}
