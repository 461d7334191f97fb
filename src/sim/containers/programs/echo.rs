//! Servers that say what they were told, or who they are: what examples put behind services.

use super::{Call, Program, Scene};
use crate::{
    runtime::{Fetch, Fetched},
    sim::{containers::echoing::accepted, images::process::Process, shell::process::Borrowed},
};

/// `http-echo -text=… [-listen=:PORT] [-status-code=N]`
pub struct HttpEcho;

impl Program for HttpEcho {
    fn facts(&self, call: &Call<'_>, known: Process) -> Process {
        let port = call.flag("listen").and_then(|l| l.rsplit(':').next()?.parse().ok());
        Process { serves: vec![port.unwrap_or(5678)], ..known }
    }

    fn request<'a>(&'a self, scene: &'a Scene<'a>, request: &'a Fetch) -> Borrowed<'a, Fetched> {
        Box::pin(async move {
            if request.path == "/health" {
                return scene.answer(200, "application/json", "{\"status\":\"ok\"}");
            }
            let text = scene.call.flag("text").or(scene.call.variable("ECHO_TEXT"));
            let text = text.unwrap_or("hello-world").to_owned();
            let status = scene.call.number("status-code").and_then(|s| u16::try_from(s).ok());
            scene.text(status.unwrap_or(200), text + "\n")
        })
    }
}

/// `whoami`: the host, its addresses, and the request.
pub struct Whoami;

impl Program for Whoami {
    fn facts(&self, call: &Call<'_>, known: Process) -> Process {
        let own = call.variable("WHOAMI_PORT_NUMBER").and_then(|p| p.parse().ok());
        let port = call.number("port").and_then(|p| u16::try_from(p).ok()).or(own);
        Process { serves: vec![port.unwrap_or(80)], ..known }
    }

    fn request<'a>(&'a self, scene: &'a Scene<'a>, request: &'a Fetch) -> Borrowed<'a, Fetched> {
        Box::pin(async move {
            if request.path == "/health" {
                return scene.text(200, "");
            }
            let mut text = format!(
                "Hostname: {}\nIP: 127.0.0.1\nIP: ::1\nIP: {}\nRemoteAddr: {}:40000\n{}",
                scene.hostname(),
                scene.address(),
                scene.client,
                head(request)
            );
            text.push('\n');
            scene.text(200, text)
        })
    }
}

/// `echo-server`: the request as it came, and who served it; over a WebSocket every message.
pub struct EchoServer;

impl Program for EchoServer {
    fn request<'a>(&'a self, scene: &'a Scene<'a>, request: &'a Fetch) -> Borrowed<'a, Fetched> {
        Box::pin(async move {
            let served = format!("Request served by {}", scene.hostname());
            let socket = request.header("upgrade").unwrap_or_default();
            if let Some(key) = request.header("sec-websocket-key")
                && socket.eq_ignore_ascii_case("websocket")
            {
                let headers = [
                    ("Upgrade", "websocket".to_owned()),
                    ("Connection", "Upgrade".to_owned()),
                    ("Sec-WebSocket-Accept", accepted(key)),
                ];
                let headers = headers.map(|(name, value)| (name.to_owned(), value)).to_vec();
                return Fetched { status: 101, headers, body: served.into(), address: None };
            }
            let body = String::from_utf8_lossy(&request.body).into_owned();
            scene.text(200, format!("{served}\n\n{}\n{body}", head(request)))
        })
    }
}

/// The first lines of a request.
fn head(request: &Fetch) -> String {
    let (method, path) = (&request.method, &request.path);
    let mut text = format!("{method} {path} HTTP/1.1\nHost: {}\n", request.host);
    for (name, value) in &request.headers {
        if !name.eq_ignore_ascii_case("host") {
            text.push_str(&format!("{name}: {value}\n"));
        }
    }
    text
}
