//! The load generator: HTTP/1.1 over TLS on kept-alive connections, as little of it as possible, so
//! that the server and its ceiling are what is measured.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, DigitallySignedStruct, SignatureScheme,
        client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        crypto::ring,
        pki_types::{CertificateDer, ServerName, UnixTime},
    },
};

/// The bytes of a GET.
pub fn get(path: &str, token: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\nAuthorization: Bearer {token}\r\n\r\n")
        .into_bytes()
}

/// The bytes of a GET that asks for a table.
pub fn table(path: &str, token: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json;as=Table;v=v1;g=meta.k8s.io\r\nAuthorization: Bearer {token}\r\n\r\n")
        .into_bytes()
}

/// The bytes of a POST of JSON.
pub fn post(path: &str, token: &str, body: &str) -> Vec<u8> {
    write("POST", "application/json", path, token, body)
}

/// The bytes of a JSON merge patch.
pub fn patch(path: &str, token: &str, body: &str) -> Vec<u8> {
    write("PATCH", "application/merge-patch+json", path, token, body)
}

fn write(method: &str, content: &str, path: &str, token: &str, body: &str) -> Vec<u8> {
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content}\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}

/// One connection.
pub struct Conn {
    stream: TlsStream<TcpStream>,
    buffer: Vec<u8>,
}

impl Conn {
    /// Connects to a port on loopback; the certificate is not what is measured.
    pub async fn open(port: u16) -> Conn {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("TLS versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anyone))
            .with_no_client_auth();
        let tcp = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
        tcp.set_nodelay(true).expect("no delay");
        let name = ServerName::try_from("localhost").expect("a name");
        let stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.expect("TLS");
        Conn { stream, buffer: Vec::with_capacity(64 << 10) }
    }

    /// Sends a request and answers the head of what comes back.
    pub async fn send_for_head(&mut self, request: &[u8]) -> String {
        self.stream.write_all(request).await.expect("sent");
        self.stream.flush().await.expect("flushed");
        let head = self.head().await;
        String::from_utf8_lossy(&self.buffer[..head]).into_owned()
    }

    /// Sends a request and reads the whole answer.
    pub async fn send(&mut self, request: &[u8]) -> (u16, Vec<u8>) {
        self.stream.write_all(request).await.expect("sent");
        self.stream.flush().await.expect("flushed");
        let head = self.head().await;
        let text = String::from_utf8_lossy(&self.buffer[..head]).to_ascii_lowercase();
        let code = text[9..12].parse().expect("a status");
        if text.contains("transfer-encoding: chunked") {
            self.buffer.drain(..head);
            return (code, self.chunks().await);
        }
        let length: usize = text
            .lines()
            .find_map(|l| l.strip_prefix("content-length: "))
            .map_or(0, |n| n.trim().parse().expect("a length"));
        while self.buffer.len() < head + length {
            self.more().await;
        }
        let body = self.buffer[head..head + length].to_vec();
        self.buffer.drain(..head + length);
        (code, body)
    }

    /// Reads a body that comes in chunks.
    async fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let end = loop {
                match self.buffer.windows(2).position(|w| w == b"\r\n") {
                    Some(at) => break at,
                    None => self.more().await,
                }
            };
            let size = std::str::from_utf8(&self.buffer[..end]).expect("text");
            let size = usize::from_str_radix(size.trim(), 16).expect("a length");
            while self.buffer.len() < end + 2 + size + 2 {
                self.more().await;
            }
            body.extend_from_slice(&self.buffer[end + 2..end + 2 + size]);
            self.buffer.drain(..end + 2 + size + 2);
            if size == 0 {
                return body;
            }
        }
    }

    /// Sends a request whose answer streams, and reads until `found` finds something in what has
    /// come so far, or time is up.
    pub async fn stream_until<T>(
        &mut self,
        request: &[u8],
        limit: Duration,
        mut found: impl FnMut(&str) -> Option<T>,
    ) -> Option<T> {
        self.stream.write_all(request).await.expect("sent");
        self.stream.flush().await.expect("flushed");
        let end = Instant::now() + limit;
        let mut tail = String::new();
        loop {
            let left = end.checked_duration_since(Instant::now())?;
            let mut chunk = [0; 64 << 10];
            let n = tokio::time::timeout(left, self.stream.read(&mut chunk)).await.ok()?.ok()?;
            if n == 0 {
                return None;
            }
            tail.push_str(&String::from_utf8_lossy(&chunk[..n]));
            if let Some(t) = found(&tail) {
                return Some(t);
            }
            // What was searched is only kept as far as a match may still straddle the next chunk.
            let mut cut = tail.len().saturating_sub(256);
            while !tail.is_char_boundary(cut) {
                cut += 1;
            }
            tail.drain(..cut);
        }
    }

    /// Sends bytes.
    pub async fn say(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("sent");
        self.stream.flush().await.expect("flushed");
    }

    /// Reads until `mark` has come; what comes after it is kept.
    pub async fn hear(&mut self, mark: &[u8]) {
        while !self.buffer.windows(mark.len()).any(|w| w == mark) {
            let searched = self.buffer.len().saturating_sub(mark.len());
            self.buffer.drain(..searched);
            self.more().await;
        }
        let at = self.buffer.windows(mark.len()).position(|w| w == mark).unwrap_or(0);
        self.buffer.drain(..at + mark.len());
    }

    async fn head(&mut self) -> usize {
        loop {
            if let Some(at) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                return at + 4;
            }
            self.more().await;
        }
    }

    async fn more(&mut self) {
        let n = self.stream.read_buf(&mut self.buffer).await.expect("an answer");
        assert!(n > 0, "the connection ended in the middle of an answer");
    }
}

/// Sends the same request over several connections for a while; answers per second.
pub async fn hammer(port: u16, request: &[u8], connections: usize, span: Duration) -> f64 {
    let began = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..connections {
        let request = request.to_vec();
        tasks.push(tokio::spawn(async move {
            let mut conn = Conn::open(port).await;
            let mut done = 0u64;
            while began.elapsed() < span {
                let (code, _) = conn.send(&request).await;
                assert_eq!(code, 200);
                done += 1;
            }
            done
        }));
    }
    let mut total = 0;
    for task in tasks {
        total += task.await.expect("a client");
    }
    total as f64 / began.elapsed().as_secs_f64()
}

/// Accepts any certificate: the bench talks to servers it has started itself.
#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, tokio_rustls::rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, tokio_rustls::rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, tokio_rustls::rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
