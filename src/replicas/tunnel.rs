//! The way from one replica to another: TLS in both directions, one question in the first line, and
//! then either an answer or the bytes of a client, as they are.
//!
//! A client's own TLS goes through it untouched: who the client is, the cluster that serves it sees
//! for itself, and nobody on the way has to be believed. What is checked here is that the other side
//! is a replica of the same deployment; its authority signs nothing else.

use super::atlas::Peer;
use crate::{
    object::Value,
    tls::{self, Pair},
    world::{SystemClock, within},
};
use jiff::{SignedDuration, Timestamp};
use rustls::pki_types::{CertificateDer, ServerName};
use serde::{Deserialize, Serialize};
use std::{io, net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

/// The name that every replica's certificate is for.
const NAME: &str = "replica.pocketshift.internal";
/// What a replica's certificate says of it.
const ORGANIZATION: &str = "pocketshift:replicas";
/// How long the other side may take to be reached, and to say what it wants.
const PATIENCE: SignedDuration = SignedDuration::from_secs(5);
/// Most bytes of a question or an answer.
const LARGEST: u32 = 16 << 20;

/// What one replica wants of another.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Ask {
    /// A client of a cluster: its bytes follow.
    Client {
        /// The cluster.
        cluster: String,
        /// Which of its ports: `api`, `registry`, `http` or `https`.
        port: String,
        /// Where the client comes from.
        #[serde(default)]
        from: Option<SocketAddr>,
    },
    /// What the administrator of all clusters wants done; the answer follows.
    Order(Value),
}

/// What the other replica says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PeerAnswer {
    /// The bytes of the cluster follow.
    Here,
    /// The cluster is not here (any more).
    Elsewhere,
    /// What came of an order.
    Done(Value),
    /// Why an order was not carried out.
    Refused(Value),
}

/// What all replicas of a deployment show each other.
#[derive(Clone)]
pub struct PeerIdentity {
    config: Arc<rustls::ClientConfig>,
    acceptor: TlsAcceptor,
}

impl PeerIdentity {
    /// A replica's, from the authority of all.
    ///
    /// # Errors
    /// One line for people.
    pub fn of(authority: &Pair, name: &str, now: Timestamp) -> Result<PeerIdentity, String> {
        let failed = |e: tls::TlsError| e.to_string();
        let shown = tls::client(authority, name, &[ORGANIZATION], now).map_err(failed)?;
        let serving = tls::serving(authority, &[NAME.to_owned()], now).map_err(failed)?;
        let config = tls::client_config(&authority.cert, &shown).map_err(failed)?;
        let server = tls::config(&authority.cert, &serving).map_err(failed)?;
        Ok(PeerIdentity { config: Arc::new(config), acceptor: TlsAcceptor::from(Arc::new(server)) })
    }
}

/// A replica's side of the way.
pub struct Tunnel {
    identity: PeerIdentity,
}

/// A connection that another replica has opened.
pub type Incoming = server::TlsStream<TcpStream>;
/// A connection to another replica.
pub type Outgoing = client::TlsStream<TcpStream>;

impl Tunnel {
    /// One that shows an identity.
    pub fn new(identity: PeerIdentity) -> Tunnel {
        Tunnel { identity }
    }

    /// Asks a replica; answers what it says, and the connection on which bytes may follow.
    ///
    /// # Errors
    /// It cannot be reached, or is not what it should be.
    pub async fn ask(&self, member: &Peer, ask: &Ask) -> io::Result<(PeerAnswer, Outgoing)> {
        let asking = async {
            let stream = TcpStream::connect(&member.door).await?;
            stream.set_nodelay(true)?;
            let name = ServerName::try_from(NAME).map_err(io::Error::other)?;
            let connector = TlsConnector::from(Arc::clone(&self.identity.config));
            let mut stream = connector.connect(name, stream).await?;
            write(&mut stream, ask).await?;
            Ok::<_, io::Error>(stream)
        };
        let mut stream = within(&SystemClock, PATIENCE, asking).await.ok_or(late())??;
        // An order takes its time.
        let answer = read(&mut stream).await?;
        Ok((answer, stream))
    }

    /// Reads what a replica wants that has connected.
    ///
    /// # Errors
    /// It is none, or says nothing that can be understood.
    pub async fn hear(&self, stream: TcpStream) -> io::Result<(Ask, Incoming)> {
        let hearing = async {
            stream.set_nodelay(true)?;
            let mut stream = self.identity.acceptor.accept(stream).await?;
            let shown = stream.get_ref().1.peer_certificates().and_then(|all| all.first());
            if !shown.is_some_and(is_replica) {
                return Err(io::Error::from(io::ErrorKind::PermissionDenied));
            }
            let ask = read(&mut stream).await?;
            Ok((ask, stream))
        };
        within(&SystemClock, PATIENCE, hearing).await.ok_or(late())?
    }

    /// Accepts connections of replicas, and lets `serve` do what they want.
    pub async fn accept<F, Fut>(self: Arc<Self>, listener: TcpListener, serve: F)
    where
        F: Fn(Ask, Incoming) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = io::Result<()>> + Send + 'static,
    {
        while let Ok((stream, _)) = listener.accept().await {
            let (here, serve) = (Arc::clone(&self), serve.clone());
            tokio::spawn(async move {
                let done = async {
                    let (ask, stream) = here.hear(stream).await?;
                    serve(ask, stream).await
                };
                if let Err(error) = done.await {
                    tracing::debug!(%error, "a connection of a replica");
                }
            });
        }
    }
}

fn is_replica(certificate: &CertificateDer<'static>) -> bool {
    tls::subject(certificate).is_some_and(|(_, of)| of.iter().any(|o| o == ORGANIZATION))
}

fn late() -> io::Error {
    io::ErrorKind::TimedOut.into()
}

/// Writes one message: its length and its JSON.
///
/// # Errors
/// The connection's.
pub async fn write<T: Serialize>(
    stream: &mut (impl AsyncWriteExt + Unpin),
    message: &T,
) -> io::Result<()> {
    let text = serde_json::to_vec(message)?;
    let length = u32::try_from(text.len()).map_err(io::Error::other)?;
    stream.write_all(&length.to_be_bytes()).await?;
    stream.write_all(&text).await?;
    stream.flush().await
}

async fn read<T: for<'a> Deserialize<'a>>(
    stream: &mut (impl AsyncReadExt + Unpin),
) -> io::Result<T> {
    let length = stream.read_u32().await?;
    if length > LARGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut text = vec![0; length as usize];
    stream.read_exact(&mut text).await?;
    Ok(serde_json::from_slice(&text)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::copy_bidirectional;

    fn identity(authority: &Pair) -> PeerIdentity {
        PeerIdentity::of(authority, "r", SystemTime::now()).unwrap()
    }

    struct SystemTime;

    impl SystemTime {
        fn now() -> Timestamp {
            use crate::world::Clock;
            SystemClock.now()
        }
    }

    #[tokio::test]
    async fn replicas_of_one_authority_understand_each_other_and_nobody_else() {
        let (ours, theirs) = (
            tls::authority(SystemTime::now()).unwrap(),
            tls::authority(SystemTime::now()).unwrap(),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let door = listener.local_addr().unwrap().to_string();
        let tunnel = Arc::new(Tunnel::new(identity(&ours)));
        tokio::spawn(Arc::clone(&tunnel).accept(
            listener,
            |ask, mut stream: Incoming| async move {
                let Ask::Client { cluster, .. } = ask else {
                    return write(&mut stream, &PeerAnswer::Elsewhere).await;
                };
                write(&mut stream, &PeerAnswer::Here).await?;
                stream.write_all(cluster.as_bytes()).await?;
                let mut echo = tokio::io::join(tokio::io::empty(), tokio::io::sink());
                copy_bidirectional(&mut stream, &mut echo).await.map(drop)
            },
        ));
        let member = Peer { door, ..Peer::default() };
        let ask = Ask::Client { cluster: "main".into(), port: "api".into(), from: None };
        let (answer, mut stream) = tunnel.ask(&member, &ask).await.unwrap();
        assert!(matches!(answer, PeerAnswer::Here));
        let mut said = [0; 4];
        stream.read_exact(&mut said).await.unwrap();
        assert_eq!(&said, b"main");
        // Another deployment, and a client of ours that is no replica.
        assert!(Tunnel::new(identity(&theirs)).ask(&member, &ask).await.is_err());
        let user = tls::client(&ours, "u", &["system:masters"], SystemTime::now()).unwrap();
        let config = Arc::new(tls::client_config(&ours.cert, &user).unwrap());
        let stranger = Tunnel::new(PeerIdentity { config, ..identity(&ours) });
        assert!(stranger.ask(&member, &ask).await.is_err());
    }
}
