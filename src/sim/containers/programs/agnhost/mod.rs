//! `agnhost`: the one program of Kubernetes' tests, whose first argument says what it does. Source:
//! its README.

mod files;
mod grpc;
mod guestbook;
mod issuer;
mod liveness;
mod logs;
mod mounttest;
mod netexec;
mod nettest;
mod pause;
mod porter;
mod printers;
mod review;
mod serve_hostname;
mod webhook;

pub use files::Files;
pub use grpc::Grpc;
pub use guestbook::Guestbook;
pub use issuer::{InCluster, Issuer};
pub use liveness::Liveness;
pub use logs::Logs;
pub use mounttest::Mounttest;
pub use netexec::Netexec;
pub use nettest::Nettest;
pub use pause::Pause;
pub use porter::Porter;
pub use printers::{EntrypointTester, EtcHosts, Nnp, Servers, Suffixes};
pub use serve_hostname::ServeHostname;
pub use webhook::{CONVERSION, WEBHOOK};

use super::Scene;
use crate::{
    runtime::{Fetch, Fetched},
    sim::shell::{machine::NetError, process::Borrowed},
};
use jiff::Timestamp;
use std::net::Ipv4Addr;

/// The head that a line of its log has.
pub fn klog(at: Timestamp, line: &str) -> String {
    format!("I{}       1 log.go:198] {line}", at.strftime("%m%d %H:%M:%S.%6f"))
}

/// A path and its parameters.
pub struct Query {
    /// The path alone.
    pub path: String,
    parameters: Vec<(String, String)>,
}

impl Query {
    /// Of a request: its query, and a form in its body.
    pub fn of(request: &Fetch) -> Query {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let form = request.header("content-type").is_some_and(|t| t.contains("urlencoded"));
        let body: &[u8] = if form { &request.body } else { &[] };
        let pairs = |bytes: &[u8]| -> Vec<(String, String)> {
            url::form_urlencoded::parse(bytes).into_owned().collect()
        };
        let parameters = [pairs(body), pairs(query.as_bytes())].concat();
        Query { path: path.to_owned(), parameters }
    }

    /// The first value of a parameter, empty when there is none.
    pub fn get(&self, name: &str) -> &str {
        self.parameters.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v)
    }
}

/// Whether a flag of Go's is on.
pub fn is_on(value: Option<&str>) -> bool {
    value.is_some_and(|v| v != "false")
}

/// Seconds the programs wait for one another's answers.
pub const PATIENCE: i64 = 5;

/// Finds a host of the network.
pub async fn address(scene: &Scene<'_>, host: &str) -> Result<Ipv4Addr, String> {
    if let Ok(address) = host.parse() {
        return Ok(address);
    }
    let found = scene.run(vec!["getent".into(), "hosts".into(), host.into()]).await;
    let text = found.map(|(text, _)| text).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let first = text.split_whitespace().next().and_then(|a| a.parse().ok());
    first.ok_or_else(|| format!("lookup {host}: no such host"))
}

/// Asks another program over HTTP; the errors are in Go's words.
pub async fn get(
    scene: &Scene<'_>,
    to: Ipv4Addr,
    host: &str,
    port: u16,
    path: &str,
) -> Result<String, String> {
    let request = Fetch {
        method: "GET".into(),
        host: host.into(),
        port,
        path: path.into(),
        headers: vec![("User-Agent".into(), "Go-http-client/1.1".into())],
        ..Fetch::default()
    };
    let url = format!("http://{host}:{port}{path}");
    match scene.machine().fetch(to, request).await {
        Ok(answer) => Ok(String::from_utf8_lossy(&answer.body).into_owned()),
        Err(why) => {
            let reason = dialled(scene, &why, to, port).await;
            Err(format!("Get {url:?}: {reason}"))
        }
    }
}

/// Why a host could not be reached; a silent one is waited for.
async fn dialled(scene: &Scene<'_>, why: &NetError, to: Ipv4Addr, port: u16) -> String {
    match why {
        NetError::Refused(_) => format!("dial tcp {to}:{port}: connect: connection refused"),
        NetError::Unreachable(_) => format!("dial tcp {to}:{port}: connect: no route to host"),
        NetError::Dropped(_) => {
            scene.wait(PATIENCE).await;
            "context deadline exceeded (Client.Timeout exceeded while awaiting headers)".into()
        }
        NetError::Unknown => format!("dial tcp {to}:{port}: i/o timeout"),
        NetError::Closed | NetError::Secure | NetError::Plain => "EOF".into(),
    }
}

/// A boxed answer.
type Answer<'a> = Borrowed<'a, Fetched>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_come_from_the_query_and_from_forms() {
        let request = Fetch {
            path: "/echo?msg=a%20b&code=201".into(),
            headers: vec![("Content-Type".into(), "application/x-www-form-urlencoded".into())],
            body: "cmd=x+y".into(),
            ..Fetch::default()
        };
        let query = Query::of(&request);
        assert_eq!(query.path, "/echo");
        assert_eq!([query.get("msg"), query.get("cmd"), query.get("no")], ["a b", "x y", ""]);
    }

    #[test]
    fn log_lines_have_a_head() {
        let at = "2026-11-30T02:00:00Z".parse().unwrap();
        assert_eq!(klog(at, "x"), "I1130 02:00:00.000000       1 log.go:198] x");
    }
}
