//! The door of the registries' port: TLS goes straight in; a plain `CONNECT` makes the port the
//! proxy of the catalogue's hosts. A tunnel to one of them ends right here, one to the API server
//! is carried there, and every other is refused: this is never a way out.

use super::Registries;
use crate::world::within;
use jiff::SignedDuration;
use std::{io, net::IpAddr};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::TcpStream,
};

/// First byte of a TLS connection.
const TLS: u8 = 0x16;
/// Most bytes of a `CONNECT` request.
const HEAD: usize = 8 << 10;
/// Most time until the first byte, and for the head of a `CONNECT`.
const PATIENCE: SignedDuration = SignedDuration::from_secs(10);

/// What becomes of a tunnel.
#[derive(Debug, PartialEq)]
enum Way {
    /// It ends here: the client speaks TLS next.
    Here,
    /// It leads to the API server.
    Api,
    /// Nowhere.
    Refused,
}

/// Sees to the beginning of a connection; answers it when TLS comes next.
pub(super) async fn admit(registries: &Registries, mut stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    let mut first = [0];
    let clock = &*registries.server.world.wall;
    let silent = || io::Error::from(io::ErrorKind::TimedOut);
    let seen = within(clock, PATIENCE, stream.peek(&mut first)).await.ok_or_else(silent)??;
    if seen == 0 || first[0] == TLS {
        return Ok(stream);
    }
    let head = within(clock, PATIENCE, head(&mut stream)).await.ok_or_else(silent)??;
    let Some(target) = target(&head) else {
        return refuse(stream, 400, "Client sent an HTTP request to an HTTPS server.\n").await;
    };
    match registries.way(target) {
        Way::Here => {
            stream.write_all(ESTABLISHED).await?;
            Ok(stream)
        }
        Way::Api => {
            let mut api = TcpStream::connect(registries.api).await?;
            stream.write_all(ESTABLISHED).await?;
            copy_bidirectional(&mut stream, &mut api).await?;
            Err(io::ErrorKind::ConnectionAborted.into())
        }
        Way::Refused => {
            let why = format!(
                "this proxy only leads to the simulated registries, and {target} is none of them\n"
            );
            refuse(stream, 403, &why).await
        }
    }
}

const ESTABLISHED: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";

/// Reads a request's head, and not a byte more.
async fn head(stream: &mut TcpStream) -> io::Result<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        if bytes.len() == HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
        bytes.push(stream.read_u8().await?);
    }
    String::from_utf8(bytes).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// The `host:port` of a `CONNECT` request.
fn target(head: &str) -> Option<&str> {
    let mut words = head.lines().next()?.split(' ');
    (words.next() == Some("CONNECT")).then_some(())?;
    words.next().filter(|t| t.contains(':'))
}

async fn refuse(mut stream: TcpStream, code: u16, why: &str) -> io::Result<TcpStream> {
    let reason = if code == 403 { "Forbidden" } else { "Bad Request" };
    let text = format!(
        "HTTP/1.1 {code} {reason}\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{why}",
        why.len()
    );
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await?;
    Err(io::ErrorKind::ConnectionAborted.into())
}

impl Registries {
    fn way(&self, target: &str) -> Way {
        let Some((host, port)) = target.rsplit_once(':') else { return Way::Refused };
        let host = host.trim_matches(['[', ']']);
        if port == "443" && self.catalog().host(host).is_some() {
            return Way::Here;
        }
        let loopback =
            host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        match port.parse::<u16>() {
            Ok(port) if loopback && port == self.api.port() => Way::Api,
            Ok(port) if loopback && port == self.server.settings.registry_port => Way::Here,
            _ => Way::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets() {
        let rows = [
            ("CONNECT quay.io:443 HTTP/1.1\r\nHost: quay.io:443\r\n\r\n", Some("quay.io:443")),
            ("GET http://quay.io/ HTTP/1.1\r\n\r\n", None),
            ("CONNECT quay.io HTTP/1.1\r\n\r\n", None),
            ("\r\n\r\n", None),
        ];
        for (head, expected) in rows {
            assert_eq!(target(head), expected);
        }
    }
}
