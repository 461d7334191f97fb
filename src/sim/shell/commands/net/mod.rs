//! Commands of the network: the simulated one, there is no other.

pub mod curl;
pub mod dig;
pub mod getent;
pub mod netcat;
pub mod nslookup;
pub mod resolve;
pub mod wget;

use crate::sim::shell::{
    machine::{Fetch, Fetched, NetError},
    process::Process,
};
use futures_util::future::{Either, select};
use jiff::{SignedDuration, Timestamp};
use std::net::Ipv4Addr;

/// A URL in its parts; a bare host is `http`.
fn url(text: &str) -> Option<Fetch> {
    let (secure, rest) = match text.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
        Some(_) => return None,
        None => (false, text),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let authority = authority.rsplit('@').next().unwrap_or(authority);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (authority, if secure { 443 } else { 80 }),
    };
    let path = path.split('#').next().unwrap_or("");
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let known =
        !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    known.then(|| Fetch {
        method: "GET".into(),
        secure,
        host: host.into(),
        port,
        path,
        ..Fetch::default()
    })
}

/// Why a request came to nothing.
enum Failed {
    Net(NetError),
    /// The time that was given for it is over; seconds.
    TimedOut(f64),
}

/// Seconds until the kernel gives up on a connection nobody answers. Source: `tcp_syn_retries` 6.
const PATIENCE: f64 = 127.0;

/// How long a request may take, in seconds.
#[derive(Debug, Clone, Copy, Default)]
struct Limits {
    /// Until there is a connection.
    connect: Option<f64>,
    /// In all.
    whole: Option<f64>,
}

impl Limits {
    /// Seconds until a connection that nobody answers is given up.
    fn patience(&self) -> f64 {
        let all = [self.connect, self.whole].into_iter().flatten();
        all.fold(PATIENCE, f64::min)
    }
}

fn span(seconds: f64) -> SignedDuration {
    SignedDuration::try_from_secs_f64(seconds.clamp(0.0, 1e6)).unwrap_or_default()
}

/// Sends a request to an address, and waits as long as it may.
async fn fetch(
    p: &Process,
    to: Ipv4Addr,
    request: Fetch,
    limits: Limits,
) -> Result<Fetched, Failed> {
    let answer = p.machine.fetch(to, request);
    let answer = match limits.whole {
        None => answer.await,
        Some(seconds) => {
            let until = p.clock.now().saturating_add(span(seconds)).unwrap_or(Timestamp::MAX);
            match select(answer, p.clock.sleep_until(until)).await {
                Either::Left((answer, _)) => answer,
                Either::Right(_) => return Err(Failed::TimedOut(seconds)),
            }
        }
    };
    if let Err(NetError::Dropped(_)) = answer {
        let patience = limits.patience();
        p.sleep(span(patience)).await;
        if patience < PATIENCE {
            return Err(Failed::TimedOut(patience));
        }
    }
    answer.map(|a| Fetched { address: Some(to), ..a }).map_err(Failed::Net)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let parts = |t: &str| url(t).map(|f| (f.secure, f.host, f.port, f.path));
        let rows = [
            ("http://web:8080/a?b=c#d", Some((false, "web", 8080, "/a?b=c"))),
            ("https://web", Some((true, "web", 443, "/"))),
            ("localhost:9", Some((false, "localhost", 9, "/"))),
            ("10.0.0.1:80/hostname", Some((false, "10.0.0.1", 80, "/hostname"))),
            ("http://u:p@web/", Some((false, "web", 80, "/"))),
            ("ftp://x", None),
            ("http://a:b", None),
            ("http://", None),
        ];
        for (text, expected) in rows {
            let expected = expected.map(|(s, h, p, path)| (s, h.to_owned(), p, path.to_owned()));
            assert_eq!(parts(text), expected, "{text}");
        }
    }
}
