//! Connections that are kept open, and requests over them.

use super::{ACCEPT, Host, too_long, trust::Trusted};
use crate::{
    importer::dial::{Dialer, Wire, broken, shake_hands},
    world::Clock,
};
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use std::{collections::HashMap, sync::Arc};
use tokio::net::TcpStream;

/// Connections to one place that are kept.
const MOST_IDLE: usize = 25;
/// How long one is kept without use.
const LONGEST_IDLE: SignedDuration = SignedDuration::from_secs(90);

type Connection = SendRequest<Full<Bytes>>;

/// Address and port, the name its certificate must have, and the bundle it must come from.
type Key = (String, u16, String, usize);

/// Whom to send to.
pub struct To<'a> {
    /// Who is meant.
    pub host: &'a Host,
    /// Where that is: a name or an address.
    pub address: &'a str,
    /// And the port there.
    pub port: u16,
    /// Whom to believe.
    pub tls: &'a Trusted,
}

/// All connections of a client.
pub struct Connections {
    clock: Arc<dyn Clock>,
    dialer: Dialer,
    idle: Mutex<HashMap<Key, Vec<(Connection, Timestamp)>>>,
}

impl Connections {
    /// None yet.
    pub fn new(clock: Arc<dyn Clock>, resolver: String) -> Connections {
        Connections { clock, dialer: Dialer::direct(resolver), idle: Mutex::default() }
    }

    /// Posts a body; answers code and body.
    ///
    /// # Errors
    /// What Go's client says.
    pub async fn post(
        &self,
        to: &To<'_>,
        path: &str,
        body: &Bytes,
        limit: usize,
    ) -> Result<(u16, Bytes), String> {
        let key: Key = (to.address.into(), to.port, to.host.name.clone(), to.tls.id);
        let mut request = request(to.host, path, body)?;
        while let Some(mut connection) = self.take(&key) {
            if connection.ready().await.is_err() {
                continue;
            }
            match connection.try_send_request(request).await {
                Ok(response) => return self.read(key, connection, response, limit).await,
                // The other side hung up before anything was sent: then a new connection is due.
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(broken(error.error()).to_string()),
                },
            }
        }
        let mut connection = self.open(to).await?;
        let response =
            connection.send_request(request).await.map_err(|e| broken(&e).to_string())?;
        self.read(key, connection, response, limit).await
    }

    /// Opens a connection that is nobody else's.
    ///
    /// # Errors
    /// What Go's client says.
    pub async fn dial(&self, address: &str, port: u16) -> Result<TcpStream, String> {
        self.dialer.dial(address, port).await.map_err(|f| f.to_string())
    }

    async fn open(&self, to: &To<'_>) -> Result<Connection, String> {
        let stream = self.dial(to.address, to.port).await?;
        let stream: Box<dyn Wire> = Box::new(stream);
        let secure = shake_hands(stream, &to.host.name, &to.tls.config).await;
        let secure = secure.map_err(|f| f.to_string())?;
        let made = http1::handshake(TokioIo::new(secure)).await;
        let (sender, connection) = made.map_err(|e| broken(&e).to_string())?;
        // Ends when the sender is dropped or the other side hangs up.
        tokio::spawn(connection);
        Ok(sender)
    }

    async fn read(
        &self,
        key: Key,
        connection: Connection,
        response: http::Response<Incoming>,
        limit: usize,
    ) -> Result<(u16, Bytes), String> {
        let (head, mut incoming) = response.into_parts();
        let mut body = Vec::new();
        while let Some(frame) = incoming.frame().await {
            let frame = frame.map_err(|e| broken(&e).to_string())?;
            let data = frame.data_ref().map_or(&[][..], |d| d);
            if body.len() + data.len() > limit {
                return Err(too_long(limit));
            }
            body.extend_from_slice(data);
        }
        self.keep(key, connection);
        Ok((head.status.as_u16(), body.into()))
    }

    fn take(&self, key: &Key) -> Option<Connection> {
        let oldest = self.clock.now() - LONGEST_IDLE;
        let mut idle = self.idle.lock();
        // Whoever was not used for long goes, wherever it leads.
        idle.retain(|_, kept| {
            kept.retain(|(connection, since)| *since > oldest && !connection.is_closed());
            !kept.is_empty()
        });
        idle.get_mut(key)?.pop().map(|(connection, _)| connection)
    }

    fn keep(&self, key: Key, connection: Connection) {
        let mut idle = self.idle.lock();
        let kept = idle.entry(key).or_default();
        if kept.len() < MOST_IDLE {
            kept.push((connection, self.clock.now()));
        }
    }
}

fn request(host: &Host, path: &str, body: &Bytes) -> Result<Request<Full<Bytes>>, String> {
    Request::post(path)
        .header(header::HOST, &host.authority)
        .header(header::USER_AGENT, concat!("pocketshift/", env!("CARGO_PKG_VERSION")))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, ACCEPT)
        .body(Full::new(body.clone()))
        .map_err(|e| e.to_string())
}
