//! Requests to the registries: one connection each, with any name dialled and any proxy before it.

use super::lab::{Lab, Reply};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use pocketshift::tls::Pair;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};
use std::sync::Arc;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A client of a cluster's registries.
pub struct Wire {
    /// `host:port` of the registries.
    pub address: String,
    ca: CertificateDer<'static>,
    /// Value of the `Authorization` header, if any.
    pub authorization: String,
    admin: Option<Pair>,
}

impl Wire {
    /// A client of a lab's registries.
    pub fn to(lab: &Lab) -> Wire {
        let ca = &lab.server().settings.ca_pem;
        let ca = CertificateDer::from_pem_slice(ca.as_bytes()).expect("a certificate");
        let address = lab.cluster.registry().to_owned();
        Wire { address, ca, authorization: String::new(), admin: None }
    }

    /// A client of registries elsewhere: who signs for them says a kubeconfig.
    pub fn of(kubeconfig: &str, address: &str, authorization: &str) -> Wire {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let config: serde_json::Value = serde_norway::from_str(kubeconfig).expect("a kubeconfig");
        let data = config["clusters"][0]["cluster"]["certificate-authority-data"].as_str();
        let pem = STANDARD.decode(data.expect("an authority")).expect("base64");
        let ca = CertificateDer::from_pem_slice(&pem).expect("a certificate");
        let (address, authorization) = (address.to_owned(), authorization.to_owned());
        Wire { address, ca, authorization, admin: None }
    }

    /// A client of a lab's API server.
    pub fn api(lab: &Lab) -> Wire {
        let address = lab.address().to_owned();
        Wire { address, ..Wire::to(lab) }
    }

    /// A connection on which these bytes were sent.
    pub async fn raw(&self, bytes: &[u8]) -> Tls {
        let stream = TcpStream::connect(&self.address).await.expect("a connection");
        let mut tls = self.tls(stream, "127.0.0.1").await;
        tls.write_all(bytes).await.expect("sent");
        tls.flush().await.expect("sent");
        tls
    }

    /// The same client with credentials.
    pub fn with(&self, authorization: impl Into<String>) -> Wire {
        let (address, ca) = (self.address.clone(), self.ca.clone());
        Wire { address, ca, authorization: authorization.into(), admin: None }
    }

    /// The same client with the administrator's certificate.
    pub fn as_admin(&self, lab: &Lab) -> Wire {
        let config: serde_json::Value =
            serde_norway::from_str(lab.cluster.kubeconfig()).expect("a kubeconfig");
        let pem = |field: &str| {
            use base64::{Engine, engine::general_purpose::STANDARD};
            let data = config["users"][0]["user"][field].as_str().expect("data");
            String::from_utf8(STANDARD.decode(data).expect("base64")).expect("a text")
        };
        let (cert, key) = (pem("client-certificate-data"), pem("client-key-data"));
        Wire { admin: Some(Pair { cert, key }), ..self.with(self.authorization.clone()) }
    }

    /// A GET of the registries' own name.
    pub async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], Vec::new()).await
    }

    /// Any request to the registries' own name.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Reply {
        let stream = TcpStream::connect(&self.address).await.expect("a connection");
        self.over(stream, "127.0.0.1", &self.address, method, path, headers, body).await
    }

    /// A GET of `name` (port 443) through the proxy.
    pub async fn get_at(&self, name: &str, path: &str) -> Reply {
        let (stream, head) = self.tunnel(&format!("{name}:443")).await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        self.over(stream, name, name, "GET", path, &[], Vec::new()).await
    }

    /// Asks the proxy for a tunnel; answers it and the head of the answer.
    pub async fn tunnel(&self, target: &str) -> (TcpStream, String) {
        let mut stream = TcpStream::connect(&self.address).await.expect("a connection");
        let ask = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n");
        stream.write_all(ask.as_bytes()).await.expect("sent");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("an answer"));
        }
        (stream, String::from_utf8(head).expect("a text"))
    }

    /// One request over a connection, TLS with `name` as the server's.
    pub async fn over(
        &self,
        stream: TcpStream,
        name: &str,
        host: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Reply {
        let tls = self.tls(stream, name).await;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(tls)).await.expect("a handshake");
        let running = tokio::spawn(connection);
        let mut request = http::Request::builder().method(method).uri(path).header("host", host);
        if !self.authorization.is_empty() {
            request = request.header("authorization", &self.authorization);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(bytes::Bytes::from(body))).expect("a request");
        let response = sender.send_request(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("the whole answer").to_bytes().to_vec();
        drop(sender);
        // The connection ends with its only request; how does not matter.
        let _ = running.await;
        Reply { code: parts.status.as_u16(), headers: parts.headers, bytes }
    }

    /// Begins a request by hand and leaves the rest to the caller, who may as well hang up.
    pub async fn begin(&self, method: &str, path: &str, length: u64, part: &[u8]) -> Tls {
        let stream = TcpStream::connect(&self.address).await.expect("a connection");
        let mut tls = self.tls(stream, "127.0.0.1").await;
        let (host, authorization) = (&self.address, &self.authorization);
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {authorization}\r\n\
             Content-Length: {length}\r\n\r\n"
        );
        tls.write_all(head.as_bytes()).await.expect("sent");
        tls.write_all(part).await.expect("sent");
        tls.flush().await.expect("sent");
        tls
    }

    async fn tls(&self, stream: TcpStream, name: &str) -> Tls {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.ca.clone()).expect("a root");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots);
        let config = match &self.admin {
            None => config.with_no_client_auth(),
            Some(pair) => {
                let cert = CertificateDer::from_pem_slice(pair.cert.as_bytes()).expect("PEM");
                let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).expect("PEM");
                config.with_client_auth_cert(vec![cert], key).expect("a client")
            }
        };
        let server = ServerName::try_from(name.to_owned()).expect("a name");
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        connector.connect(server, stream).await.expect("TLS")
    }
}

/// A connection.
pub type Tls = tokio_rustls::client::TlsStream<TcpStream>;
