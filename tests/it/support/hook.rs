//! A server that speaks TLS and answers posted JSON: what a webhook is to the API server.

use pocketshift::tls::{self, Pair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use serde_json::Value;
use std::sync::{Arc, Mutex};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// What it answers to a path (with its query) and a document: a status code and a document.
type Answers = dyn Fn(&str, &Value) -> (u16, Value) + Send + Sync;

/// A webhook on a port of this machine.
pub struct Hook {
    /// Its port.
    pub port: u16,
    /// The bundle that leads to its certificate, PEM in base64.
    pub bundle: String,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Hook {
    /// One with a certificate for `names`, signed by an authority of its own.
    pub async fn serve(
        names: &[&str],
        answers: impl Fn(&str, &Value) -> (u16, Value) + Send + Sync + 'static,
    ) -> Hook {
        let now = "2026-06-01T00:00:00Z".parse().expect("a time");
        let ca = tls::authority(now).expect("an authority");
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let pair = tls::serving(&ca, &names, now).expect("a certificate");
        Hook::with(&pair, &ca.cert, answers).await
    }

    /// One with this certificate, which `bundle` leads to.
    pub async fn with(
        pair: &Pair,
        bundle: &str,
        answers: impl Fn(&str, &Value) -> (u16, Value) + Send + Sync + 'static,
    ) -> Hook {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let certificate =
            CertificateDer::from_pem_slice(pair.cert.as_bytes()).expect("a certificate");
        let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .expect("a certificate and its key");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let asked: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = (Arc::clone(&asked), Arc::clone(&heads));
        let answers: Arc<Answers> = Arc::new(answers);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, seen) = (acceptor.clone(), seen.clone());
                let answers = Arc::clone(&answers);
                tokio::spawn(async move {
                    // Who does not believe the certificate goes away.
                    if let Ok(stream) = acceptor.accept(stream).await {
                        converse(stream, &seen, &*answers).await;
                    }
                });
            }
        });
        Hook { port, bundle: STANDARD.encode(bundle), asked, heads }
    }

    /// The head of every request so far.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("no panic").clone()
    }

    /// Every question so far: path with query, and document.
    pub fn asked(&self) -> Vec<(String, Value)> {
        self.asked.lock().expect("no panic").clone()
    }
}

/// Questions, and the heads they came with.
type Seen = (Arc<Mutex<Vec<(String, Value)>>>, Arc<Mutex<Vec<String>>>);

/// Answers the requests of one connection.
async fn converse(mut stream: TlsStream<TcpStream>, (seen, heads): &Seen, answers: &Answers) {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 8192]);
    loop {
        let Some((path, length, head)) = head(&bytes) else {
            match stream.read(&mut chunk).await {
                Ok(n) if n > 0 => bytes.extend_from_slice(&chunk[..n]),
                _ => return,
            }
            continue;
        };
        while bytes.len() < head + length {
            match stream.read(&mut chunk).await {
                Ok(n) if n > 0 => bytes.extend_from_slice(&chunk[..n]),
                _ => return,
            }
        }
        let question = serde_json::from_slice(&bytes[head..head + length]).unwrap_or(Value::Null);
        let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
        heads.lock().expect("no panic").push(text);
        bytes.drain(..head + length);
        seen.lock().expect("no panic").push((path.clone(), question.clone()));
        let (code, answer) = answers(&path, &question);
        if code == 101 {
            return echo(stream).await;
        }
        let body = answer.to_string();
        let location = answer["location"].as_str();
        let location = location.map_or(String::new(), |l| format!("Location: {l}\r\n"));
        let length = body.len();
        let head = format!("HTTP/1.1 {code} X\r\n{location}Content-Length: {length}\r\n\r\n");
        if stream.write_all(format!("{head}{body}").as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Switches protocols to one in which everything is said back in capitals.
async fn echo(mut stream: TlsStream<TcpStream>) {
    let head = "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Said: yes\r\n\r\n";
    let mut chunk = head.as_bytes().to_vec();
    while stream.write_all(&chunk).await.is_ok() && stream.flush().await.is_ok() {
        chunk.resize(8192, 0);
        match stream.read(&mut chunk).await {
            Ok(n) if n > 0 => chunk.truncate(n),
            _ => return,
        }
        chunk.make_ascii_uppercase();
    }
}

/// Path, length of the body and length of the head of a request, if its head is there.
fn head(bytes: &[u8]) -> Option<(String, usize, usize)> {
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    let length =
        text.lines().find_map(|l| l.strip_prefix("content-length:")).map_or("0", str::trim);
    let length = length.parse().ok()?;
    let path = String::from_utf8_lossy(&bytes[..end]).split(' ').nth(1)?.to_owned();
    Some((path, length, end))
}
