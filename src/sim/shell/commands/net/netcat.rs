//! `nc`: OpenBSD's, busybox' and Nmap's, each with its own words.

use super::{PATIENCE, resolve, span};
use crate::sim::shell::{
    machine::{Connection, NetError},
    options::{Known, Options},
    process::{Done, Process},
};
use bytes::Bytes;
use futures_util::future::{Either, select};
use jiff::Timestamp;
use std::{net::Ipv4Addr, pin::pin};

/// Whose words it uses.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Dialect {
    OpenBsd,
    Busybox,
    Nmap,
}

const NC: Known = Known {
    letters: "46bCDdhklNnrStUuvZzw:p:q:i:s:X:x:T:e:c:W:M:I:O:V",
    long: &[
        ("udp", 'u'),
        ("verbose", 'v'),
        ("wait", 'w'),
        ("listen", 'l'),
        ("send-only", 'N'),
        ("recv-only", 'd'),
        ("exec", 'e'),
        ("sh-exec", 'c'),
        ("keep-open", 'k'),
        ("idle-timeout", 'i'),
    ],
    strict: false,
};

pub async fn openbsd(p: &mut Process, argv: &[String]) -> Done {
    netcat(p, argv, Dialect::OpenBsd).await
}

pub async fn busybox(p: &mut Process, argv: &[String]) -> Done {
    netcat(p, argv, Dialect::Busybox).await
}

pub async fn nmap(p: &mut Process, argv: &[String]) -> Done {
    netcat(p, argv, Dialect::Nmap).await
}

/// A call: where to, and how.
struct Call<'a> {
    o: &'a Options,
    dialect: Dialect,
    host: String,
    port: u16,
    /// `-w`, in seconds.
    wait: Option<f64>,
}

async fn netcat(p: &mut Process, argv: &[String], dialect: Dialect) -> Done {
    let o = match NC.read(&argv[1..]) {
        Ok(o) => o,
        Err(why) => {
            p.err(format!("nc: {why}")).await;
            return Ok(1);
        }
    };
    if o.has('l') {
        return listen(p, &o, dialect).await;
    }
    let [host, ports] = o.rest.as_slice() else {
        p.err(usage(dialect)).await;
        return Ok(1);
    };
    let Some(range) = ports_of(ports) else {
        let why = match dialect {
            Dialect::OpenBsd => format!("nc: port number invalid: {ports}"),
            Dialect::Busybox => format!("nc: bad port '{ports}'"),
            Dialect::Nmap => format!("Ncat: Invalid port number \"{ports}\". QUITTING."),
        };
        p.err(why).await;
        return Ok(1);
    };
    let wait = o.value('w').and_then(|w| w.trim_end_matches('s').parse().ok());
    let mut code = 1;
    for port in range {
        let call = Call { o: &o, dialect, host: host.clone(), port, wait };
        code = call.run(p).await?;
    }
    Ok(code)
}

fn usage(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::OpenBsd => {
            "usage: nc [-46CDdFhklNnrStUuvZz] [-I length] [-i interval] [-M ttl]\n\t  [-m minttl] [-O length] [-P proxy_username] [-p source_port]\n\t  [-q seconds] [-s sourceaddr] [-T keyword] [-V rtable] [-W recvlimit]\n\t  [-w timeout] [-X proxy_protocol] [-x proxy_address[:port]]\n\t  [destination] [port]"
        }
        Dialect::Busybox => {
            "BusyBox v1.37.0 multi-call binary.\n\nUsage: nc [-iN] [-wN] [-l] [-p PORT] [-f FILE|IPADDR PORT] [-e PROG]"
        }
        Dialect::Nmap => "Ncat: You must specify a host to connect to. QUITTING.",
    }
}

/// `80`, or `80-90`.
fn ports_of(text: &str) -> Option<std::ops::RangeInclusive<u16>> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (from.parse().ok()?, to.parse().ok()?);
    (from > 0 && from <= to).then_some(from..=to)
}

/// The name of a well-known port.
fn service(port: u16) -> &'static str {
    match port {
        22 => "ssh",
        53 => "domain",
        80 => "http",
        443 => "https",
        3306 => "mysql",
        5432 => "postgresql",
        6379 => "redis",
        8080 => "http-alt",
        _ => "*",
    }
}

impl Call<'_> {
    async fn run(&self, p: &mut Process) -> Done {
        let found = resolve::lookup(p, &self.host).await;
        let Some(to) = found.ok().and_then(|h| h.addresses.first().copied()) else {
            p.err(self.unknown()).await;
            return Ok(1);
        };
        if self.o.has('u') {
            return self.datagrams(p, to).await;
        }
        match p.machine.open(to, self.port) {
            Ok(connection) => {
                self.connected(p, to, "tcp").await;
                if self.o.has('z') {
                    return Ok(0);
                }
                self.talk(p, connection).await
            }
            Err(why) => self.failed(p, to, &why).await,
        }
    }

    fn unknown(&self) -> String {
        let (host, port) = (&self.host, self.port);
        match self.dialect {
            Dialect::OpenBsd => {
                format!("nc: getaddrinfo for host \"{host}\" port {port}: Name does not resolve")
            }
            Dialect::Busybox => format!("nc: bad address '{host}'"),
            Dialect::Nmap => format!(
                "Ncat: Could not resolve hostname \"{host}\": Name or service not known. QUITTING."
            ),
        }
    }

    async fn connected(&self, p: &Process, to: Ipv4Addr, protocol: &str) {
        let (host, port) = (&self.host, self.port);
        if !self.o.has('v') {
            return;
        }
        let address = to.to_string();
        let text = match self.dialect {
            Dialect::OpenBsd => {
                let beside = if address == *host { String::new() } else { format!(" ({address})") };
                let name = service(port);
                format!("Connection to {host}{beside} {port} port [{protocol}/{name}] succeeded!")
            }
            Dialect::Busybox => format!("{host} ({address}:{port}) open"),
            Dialect::Nmap => format!(
                "Ncat: Version 7.92 ( https://nmap.org/ncat )\nNcat: Connected to {address}:{port}."
            ),
        };
        p.err(text).await;
    }

    async fn failed(&self, p: &Process, to: Ipv4Addr, why: &NetError) -> Done {
        let (host, port) = (&self.host, self.port);
        let mut late = false;
        if let NetError::Dropped(_) = why {
            p.sleep(span(self.wait.unwrap_or(PATIENCE))).await;
            late = true;
        }
        let reason = match why {
            NetError::Unreachable(_) if self.dialect == Dialect::OpenBsd => "Host is unreachable",
            NetError::Unreachable(_) => "No route to host",
            _ => "Connection refused",
        };
        let text = match self.dialect {
            Dialect::OpenBsd if !self.o.has('v') => return Ok(1),
            Dialect::OpenBsd => {
                let address = to.to_string();
                let beside = if address == *host { String::new() } else { format!(" ({address})") };
                let head = format!("nc: connect to {host}{beside} port {port} (tcp)");
                match late {
                    true => format!("{head} timed out: Operation in progress"),
                    false => format!("{head} failed: {reason}"),
                }
            }
            Dialect::Busybox if late => "nc: timed out".to_owned(),
            Dialect::Busybox => format!("nc: can't connect to remote host ({to}): {reason}"),
            Dialect::Nmap if late => "Ncat: TIMEOUT.".to_owned(),
            Dialect::Nmap => format!("Ncat: {reason}."),
        };
        p.err(text).await;
        Ok(1)
    }

    /// Sends standard input, shows what comes, until the other side ends or nothing has come for
    /// as long as `-w` says.
    async fn talk(&self, p: &mut Process, connection: Connection) -> Done {
        let (to, mut from) = connection;
        let input = p.stdin.clone();
        let half = self.o.has('N') || self.dialect != Dialect::OpenBsd;
        let mut to = Some(to);
        let mut typed = true;
        loop {
            let wanted = typed;
            let next = pin!(async {
                match wanted {
                    true => match select(pin!(from.recv()), pin!(input.chunk())).await {
                        Either::Left((came, _)) => Either::Left(came),
                        Either::Right((typed, _)) => Either::Right(typed),
                    },
                    false => Either::Left(from.recv().await),
                }
            });
            let Some(event) = self.within(p, next).await else { return Ok(0) };
            match event {
                Either::Left(Some(data)) => p.out(&data).await?,
                Either::Left(None) => return Ok(0),
                Either::Right(Some(data)) => {
                    p.step().await?;
                    let sent = match &to {
                        Some(to) => to.send(Bytes::from(data)).await.is_ok(),
                        None => false,
                    };
                    typed = sent;
                }
                Either::Right(None) => {
                    typed = false;
                    if half {
                        to = None;
                    }
                }
            }
        }
    }

    /// What comes of something within the time `-w` gives.
    async fn within<T>(&self, p: &Process, next: impl Future<Output = T> + Unpin) -> Option<T> {
        let Some(seconds) = self.wait else { return Some(next.await) };
        let until = p.clock.now().saturating_add(span(seconds)).unwrap_or(Timestamp::MAX);
        match select(next, p.clock.sleep_until(until)).await {
            Either::Left((came, _)) => Some(came),
            Either::Right(_) => None,
        }
    }

    /// Sends every line as a datagram and shows what comes back.
    async fn datagrams(&self, p: &mut Process, to: Ipv4Addr) -> Done {
        if self.o.has('z') {
            self.connected(p, to, "udp").await;
            return Ok(0);
        }
        while let Some(data) = p.stdin.chunk().await {
            p.step().await?;
            match p.machine.datagram(to, self.port, Bytes::from(data)).await {
                Ok(Some(answer)) => {
                    self.connected(p, to, "udp").await;
                    p.out(&answer).await?;
                }
                Ok(None) => {}
                Err(NetError::Refused(_)) => {
                    if self.dialect == Dialect::Nmap {
                        p.err("Ncat: Connection refused.").await;
                    }
                    return Ok(1);
                }
                Err(_) => {}
            }
        }
        // Datagrams have no end: it waits as long as it was told to.
        match self.wait {
            Some(seconds) => p.sleep(span(seconds)).await,
            None => std::future::pending().await,
        }
        Ok(0)
    }
}

/// `nc -l`: takes one connection (`-k`: one after the other).
async fn listen(p: &mut Process, o: &Options, dialect: Dialect) -> Done {
    let own = o.value('p').map(str::to_owned);
    let Some(port) = own.or_else(|| o.rest.last().cloned()).and_then(|t| t.parse().ok()) else {
        p.err(usage(dialect)).await;
        return Ok(1);
    };
    let Some(mut incoming) = p.machine.listen(port) else {
        let why = match dialect {
            Dialect::OpenBsd => "nc: Address in use".to_owned(),
            Dialect::Busybox => "nc: bind: Address already in use".to_owned(),
            Dialect::Nmap => {
                format!("Ncat: bind to 0.0.0.0:{port}: Address already in use. QUITTING.")
            }
        };
        p.err(why).await;
        return Ok(1);
    };
    if o.has('v') {
        let text = match dialect {
            Dialect::OpenBsd => format!("Listening on 0.0.0.0 {port}"),
            Dialect::Busybox => format!("listening on [::]:{port} ..."),
            Dialect::Nmap => format!(
                "Ncat: Version 7.92 ( https://nmap.org/ncat )\nNcat: Listening on 0.0.0.0:{port}"
            ),
        };
        p.err(text).await;
    }
    loop {
        let Some(connection) = incoming.recv().await else { return Ok(0) };
        p.step().await?;
        let call = Call { o, dialect, host: String::new(), port, wait: None };
        let command = o.value('e').or(o.value('c')).map(str::to_owned);
        match command {
            Some(command) => serve(p, &command, connection).await?,
            None => call.talk(p, connection).await?,
        };
        if !o.has('k') {
            return Ok(0);
        }
    }
}

/// Runs a command whose streams are a connection.
async fn serve(p: &mut Process, command: &str, connection: Connection) -> Done {
    use crate::sim::shell::{
        call,
        io::{Input, Output},
    };
    let (to, from) = connection;
    let mut child = p.fork()?;
    (child.stdin, child.stdout) = (Input::channel(from), Output::Channel(to));
    let argv = ["sh", "-c", command].map(str::to_owned);
    call::external(&mut child, &argv).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_may_be_ranges() {
        assert_eq!(ports_of("80"), Some(80..=80));
        assert_eq!(ports_of("80-82"), Some(80..=82));
        assert_eq!(ports_of("82-80"), None);
        assert_eq!(ports_of("0"), None);
        assert_eq!(ports_of("http"), None);
    }
}
