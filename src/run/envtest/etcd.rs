//! What stands where launchers start etcd: it answers what they ask to learn that etcd runs, and
//! names the folder in which the API server beside it keeps everything. It holds nothing itself.

use super::flags::{ETCD, Given};
use crate::object::json;
use std::path::{Path, PathBuf};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Version of etcd that Kubernetes comes with.
pub const VERSION: &str = "3.6.8";

/// Where the API server learns of the folder.
pub const STATE: &str = "/pocketshift/data-dir";

/// Most bytes of a request's head.
const LARGEST: usize = 16 << 10;

/// The flag with the addresses to answer at.
const CLIENTS: &str = "listen-client-urls";

/// Answers until it is told to stop.
///
/// # Errors
/// One line for people.
pub async fn serve(words: impl Iterator<Item = String>) -> Result<(), String> {
    let given = ETCD.parse(words);
    if given.on("help") == Some(true) {
        print!("{}", ETCD.help("etcd"));
        return Ok(());
    }
    if given.on("version") == Some(true) {
        println!("etcd Version: {VERSION}");
        return Ok(());
    }
    super::warn("etcd", &given);
    let folder = folder(&given)?;
    let urls = given.all(CLIENTS);
    let urls = if urls.is_empty() { vec!["http://localhost:2379"] } else { urls };
    let mut listeners = Vec::new();
    for url in urls {
        let at = url.trim_start_matches("http://").trim_end_matches('/');
        let bound = TcpListener::bind(at).await;
        listeners.push(bound.map_err(|e| format!("cannot listen on {at} (--{CLIENTS}): {e}"))?);
    }
    let accepting = listeners.into_iter().map(|l| accept(l, folder.clone()));
    tokio::select! {
        _ = futures_util::future::join_all(accepting) => Ok(()),
        stopped = crate::run::wait_for_signal() => stopped,
    }
}

/// The folder to keep things in; it is made if need be.
fn folder(given: &Given) -> Result<PathBuf, String> {
    let name = given.last("name").unwrap_or("default");
    let folder = given.last("data-dir").map_or_else(|| format!("{name}.etcd"), str::to_owned);
    let failed = |e: std::io::Error| format!("cannot use {folder} (--data-dir): {e}");
    std::fs::create_dir_all(&folder).map_err(failed)?;
    std::path::absolute(&folder).map_err(failed)
}

async fn accept(listener: TcpListener, folder: PathBuf) {
    // A connection that could not be taken is its client's trouble.
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            let folder = folder.clone();
            tokio::spawn(async move { converse(stream, &folder).await });
        }
    }
}

/// Answers the requests of a connection, one after the other.
async fn converse(mut stream: TcpStream, folder: &Path) -> std::io::Result<()> {
    let mut read = Vec::new();
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&read) {
            Ok(httparse::Status::Complete(length)) => {
                let reply = answer(request.path.unwrap_or_default(), folder);
                let last = request
                    .headers
                    .iter()
                    .any(|h| h.name.eq_ignore_ascii_case("connection") && h.value == b"close");
                stream.write_all(reply.as_bytes()).await?;
                if last {
                    return stream.shutdown().await;
                }
                read.drain(..length);
            }
            Ok(httparse::Status::Partial) if read.len() < LARGEST => {
                if stream.read_buf(&mut read).await? == 0 {
                    return Ok(());
                }
            }
            _ => return Ok(()),
        }
    }
}

fn answer(path: &str, folder: &Path) -> String {
    let folder = folder.to_string_lossy();
    let path = path.split('?').next().unwrap_or_default();
    let (code, body) = match path {
        "/health" => ("200 OK", json!({"health": "true", "reason": ""}).to_string()),
        "/readyz" | "/livez" => ("200 OK", "ok\n".into()),
        "/version" => {
            let version =
                json!({"etcdserver": VERSION, "etcdcluster": "3.6.0", "storage": "3.6.0"});
            ("200 OK", version.to_string())
        }
        STATE => ("200 OK", folder.into_owned()),
        _ => ("404 Not Found", "404 page not found\n".into()),
    };
    let length = body.len();
    format!(
        "HTTP/1.1 {code}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}
