//! Requests that are passed on to the server behind an API service, with our certificate to show,
//! and answers that are handed back as they come, connections that switch protocols among them.
//! Source: kube-aggregator `pkg/apiserver/handler_proxy.go`.

use super::{Client, ServiceReference, place, trust::Trusted};
use crate::{
    importer::{
        dial::{Wire, broken, shake_hands},
        trust::blind,
    },
    runtime::{Containers, Fetch},
    store::Snapshot,
};
use bytes::Bytes;
use futures_util::{StreamExt, stream::BoxStream};
use http::Request;
use http_body_util::{BodyDataStream, Full};
use hyper::{client::conn::http1, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;
use place::{Backend, Pod};
use rustls::{ClientConfig, client::ResolvesClientCert};
use std::sync::Arc;

/// A request for the server behind a service.
pub struct Pass<'a> {
    /// The service.
    pub service: &'a ServiceReference,
    /// Authorities to believe, PEM in base64; the system's when empty.
    pub ca_bundle: &'a str,
    /// Whether its certificate is not looked at.
    pub blind: bool,
    /// Where services and their endpoints are looked up.
    pub snapshot: &'a Snapshot,
    /// Who answers for simulated pods.
    pub containers: Option<&'a dyn Containers>,
    /// Method, path, headers and body; whom it is for is said by the service.
    pub fetch: Fetch,
}

/// Why there is no answer.
#[derive(Debug, PartialEq)]
pub enum Unreached {
    /// Nobody stands behind the service.
    Nobody(String),
    /// The server there does not answer.
    #[allow(missing_docs)]
    Silent { at: String, why: String },
}

impl Unreached {
    /// What Go's proxy tells the client.
    pub fn text(&self) -> String {
        match self {
            Unreached::Nobody(_) => "service unavailable".into(),
            Unreached::Silent { why, .. } => format!("error trying to reach service: {why}"),
        }
    }

    /// What the aggregator says who looks at this path.
    pub fn told(&self, path: &str) -> String {
        match self {
            Unreached::Nobody(why) => why.clone(),
            Unreached::Silent { at, why } => {
                let url = format!("https://{at}{path}");
                format!("failing or missing response from {url}: Get {url:?}: {why}")
            }
        }
    }
}

/// An answer as it comes.
pub struct Answered {
    /// Address and port of who answered.
    pub at: String,
    /// Status code.
    pub status: u16,
    /// Header lines.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: BoxStream<'static, Result<Bytes, String>>,
    /// The connection, where it switches protocols.
    pub switched: Option<OnUpgrade>,
}

/// What the server shows when it asks others.
pub type Identity = Arc<dyn ResolvesClientCert>;

impl Client {
    /// The same client with something to show.
    pub fn showing(mut self, identity: Identity) -> Client {
        self.identity = Some(identity);
        self
    }

    /// Passes a request on.
    ///
    /// # Errors
    /// See [`Unreached`].
    pub async fn pass(&self, mut pass: Pass<'_>) -> Result<Answered, Unreached> {
        let ServiceReference { namespace, name, .. } = pass.service;
        let host = format!("{name}.{namespace}.svc");
        let place = place::resolve(pass.snapshot, pass.service).map_err(Unreached::Nobody)?;
        let at = match &place {
            Backend::Pod(pod) => format!("{}:{}", pod.address, pod.port),
            Backend::Address(address, port) => format!("{address}:{port}"),
        };
        let silent = |why| Unreached::Silent { at: at.clone(), why };
        let trusted = self.trust.config(pass.ca_bundle).map_err(silent)?;
        let fetch = std::mem::take(&mut pass.fetch);
        let answer = match &place {
            Backend::Pod(pod) => self.simulated_pass(&pass, pod, &host, &trusted, fetch).await,
            Backend::Address(address, port) => {
                let config = if pass.blind { blind() } else { Arc::clone(&trusted.config) };
                self.dialled((address, *port), &host, self.shown(&config), fetch).await
            }
        };
        let answer = answer.map_err(silent)?;
        Ok(Answered { at, ..answer })
    }

    /// A configuration with which we show what we have to show.
    fn shown(&self, config: &Arc<ClientConfig>) -> Arc<ClientConfig> {
        match &self.identity {
            None => Arc::clone(config),
            Some(identity) => {
                let mut own = (**config).clone();
                own.client_auth_cert_resolver = Arc::clone(identity);
                Arc::new(own)
            }
        }
    }

    async fn dialled(
        &self,
        (address, port): (&str, u16),
        host: &str,
        config: Arc<ClientConfig>,
        fetch: Fetch,
    ) -> Result<Answered, String> {
        let stream = self.connections.dial(address, port).await?;
        let stream: Box<dyn Wire> = Box::new(stream);
        let secure = shake_hands(stream, host, &config).await.map_err(|f| f.to_string())?;
        let made = http1::handshake(TokioIo::new(secure)).await;
        let (mut sender, connection) = made.map_err(|e| broken(&e).to_string())?;
        // Ends when the answer is read or nobody wants it any more.
        tokio::spawn(connection.with_upgrades());
        let mut request = Request::builder().method(fetch.method.as_str()).uri(&fetch.path);
        for (name, value) in &fetch.headers {
            request = request.header(name, value);
        }
        let request = request.header(http::header::HOST, format!("{address}:{port}"));
        let request = request.body(Full::new(fetch.body)).map_err(|e| e.to_string())?;
        let mut response =
            sender.send_request(request).await.map_err(|e| broken(&e).to_string())?;
        let switches = response.status() == http::StatusCode::SWITCHING_PROTOCOLS;
        let switched = switches.then(|| hyper::upgrade::on(&mut response));
        let (head, body) = response.into_parts();
        let text = |v: &http::HeaderValue| v.to_str().ok().map(str::to_owned);
        let headers = head.headers.iter();
        let headers = headers.filter_map(|(name, v)| Some((name.to_string(), text(v)?))).collect();
        let body = BodyDataStream::new(body).map(move |part| {
            // The connection lasts as long as its answer.
            let _ = &sender;
            part.map_err(|e| broken(&e).to_string())
        });
        let (at, status) = (String::new(), head.status.as_u16());
        Ok(Answered { at, status, headers, body: body.boxed(), switched })
    }

    /// Asks the program of a pod.
    async fn simulated_pass(
        &self,
        pass: &Pass<'_>,
        pod: &Pod,
        host: &str,
        trusted: &Trusted,
        fetch: Fetch,
    ) -> Result<Answered, String> {
        let at = format!("dial tcp {}:{}", pod.address, pod.port);
        let Some(containers) = pass.containers.filter(|c| c.answers(&pod.node)) else {
            return Err(format!("{at}: connect: no route to host"));
        };
        let shown = containers.certificate(&pod.namespace, &pod.name, pod.port)?;
        if !pass.blind {
            trusted.believes(shown.as_deref(), host, self.clock.now())?;
        }
        let fetch = Fetch { secure: true, host: host.into(), port: pod.port, ..fetch };
        let answer = containers.fetch(&pod.namespace, &pod.name, fetch).await?;
        let body = futures_util::stream::iter([Ok(answer.body)]).boxed();
        let (at, status, headers) = (String::new(), answer.status, answer.headers);
        Ok(Answered { at, status, headers, body, switched: None })
    }
}
