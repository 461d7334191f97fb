//! What the command line asks a running server's registries, with the administrator's kubeconfig.

use super::kubeconfig::Admin;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::sync::Arc;
use tokio::net::TcpStream;

/// Most bytes of an answer that are read.
const LARGEST: usize = 256 << 20;

/// Sends a request without a body; answers the body of a success.
///
/// # Errors
/// One line for people.
pub async fn ask(admin: &Admin, method: &str, path: &str) -> Result<String, String> {
    send(admin, method, path, None).await
}

/// Sends a request, perhaps with a JSON body; answers the body of a success.
///
/// # Errors
/// One line for people.
pub async fn send(
    admin: &Admin,
    method: &str,
    path: &str,
    body: Option<String>,
) -> Result<String, String> {
    send_to(&admin.registry, admin, method, path, body).await
}

/// The same to `at`, `host:port` of the server.
///
/// # Errors
/// One line for people.
pub async fn send_to(
    at: &str,
    admin: &Admin,
    method: &str,
    path: &str,
    body: Option<String>,
) -> Result<String, String> {
    let stream = TcpStream::connect(at)
        .await
        .map_err(|e| format!("no server answers at {at} ({e}); start `pocketshift` first"))?;
    let failed = |e: &dyn std::fmt::Display| format!("asking {at}: {e}");
    let config = crate::tls::client_config(&admin.ca, &admin.pair).map_err(|e| failed(&e))?;
    let host = at.rsplit_once(':').map_or(at, |(host, _)| host);
    let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned());
    let name = name.map_err(|e| failed(&e))?;
    let tls = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    let tls = TokioIo::new(tls.map_err(|e| failed(&e))?);
    let (mut sender, connection) = http1::handshake(tls).await.map_err(|e| failed(&e))?;
    let running = tokio::spawn(connection);
    let request = Request::builder().method(method).uri(path).header("host", at);
    let request =
        request.body(Full::new(Bytes::from(body.unwrap_or_default()))).map_err(|e| failed(&e))?;
    let answer = sender.send_request(request).await.map_err(|e| failed(&e))?;
    let code = answer.status();
    let body = Limited::new(answer.into_body(), LARGEST).collect().await.map_err(|e| failed(&e))?;
    drop(sender);
    // The connection ends with its only request; how does not matter.
    let _ = running.await;
    let text = String::from_utf8_lossy(&body.to_bytes()).into_owned();
    if code.is_success() { Ok(text) } else { Err(complaint(&text, code.as_str())) }
}

/// The words of a registry's refusal.
fn complaint(body: &str, code: &str) -> String {
    let value: crate::object::Value = serde_json::from_str(body).unwrap_or_default();
    let message = value["errors"][0]["message"].as_str();
    message.map_or_else(|| format!("the server answered {code}"), str::to_owned)
}
