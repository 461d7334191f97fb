//! Names to addresses, as the C library does it: the hosts file, then the name servers, with the
//! search list. Source: `hosts(5)`, `resolv.conf(5)`.

use crate::sim::shell::{
    dns::{Code, Kind, Reply},
    machine::NetError,
    process::Process,
};
use std::net::Ipv4Addr;

/// Where a process asks for names.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolver {
    /// Name servers, in order.
    pub servers: Vec<Ipv4Addr>,
    /// Domains that are searched.
    pub search: Vec<String>,
    /// From how many dots on a name is tried as it is first.
    pub ndots: usize,
    /// Seconds until a server counts as silent.
    pub timeout: i64,
    /// How often each is asked.
    pub attempts: i64,
}

impl Resolver {
    /// As the files of a process say.
    pub fn of(p: &Process) -> Resolver {
        let text = p.fs.read("/etc/resolv.conf", &p.who).unwrap_or_default();
        Resolver::read(&String::from_utf8_lossy(&text))
    }

    fn read(text: &str) -> Resolver {
        let mut found =
            Resolver { servers: Vec::new(), search: Vec::new(), ndots: 1, timeout: 5, attempts: 2 };
        for line in text.lines() {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") => {
                    found.servers.extend(words.next().and_then(|a| a.parse::<Ipv4Addr>().ok()))
                }
                Some("search" | "domain") => found.search = words.map(str::to_owned).collect(),
                Some("options") => words.for_each(|w| found.option(w)),
                _ => {}
            }
        }
        if found.servers.is_empty() {
            found.servers.push(Ipv4Addr::LOCALHOST);
        }
        found
    }

    fn option(&mut self, word: &str) {
        let Some((name, Ok(value))) = word.split_once(':').map(|(n, v)| (n, v.parse::<u16>()))
        else {
            return;
        };
        match name {
            "ndots" => self.ndots = value.into(),
            "timeout" => self.timeout = value.into(),
            "attempts" => self.attempts = value.into(),
            _ => {}
        }
    }

    /// The names that are tried for one.
    pub fn candidates(&self, name: &str) -> Vec<String> {
        if let Some(whole) = name.strip_suffix('.') {
            return vec![whole.to_owned()];
        }
        let searched = self.search.iter().map(|domain| format!("{name}.{domain}"));
        let whole = std::iter::once(name.to_owned());
        match name.matches('.').count() >= self.ndots {
            true => whole.chain(searched).collect(),
            false => searched.chain(whole).collect(),
        }
    }

    /// Asks the servers in turn; the time they do not answer passes.
    pub async fn ask(&self, p: &Process, name: &str, kind: Kind) -> Result<Reply, NetError> {
        let mut last = NetError::Unknown;
        for _ in 0..self.attempts {
            for server in &self.servers {
                match p.machine.ask(*server, name, kind) {
                    Ok(reply) => return Ok(reply),
                    Err(why) => last = why,
                }
                if !server.is_loopback() {
                    p.sleep(jiff::SignedDuration::from_secs(self.timeout)).await;
                }
            }
        }
        Err(last)
    }

    /// The first of the names tried that has records of a kind, and the answer.
    pub async fn search(
        &self,
        p: &Process,
        name: &str,
        kind: Kind,
    ) -> Result<(String, Reply), NetError> {
        let mut last = (name.to_owned(), Reply { code: Code::NxDomain, ..Reply::default() });
        for candidate in self.candidates(name) {
            let reply = self.ask(p, &candidate, kind).await?;
            let found = !reply.answers.is_empty();
            last = (candidate, reply);
            if found {
                break;
            }
        }
        Ok(last)
    }
}

/// A name that was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Host {
    /// Its addresses.
    pub addresses: Vec<Ipv4Addr>,
    /// The name it has, and others for it.
    pub names: Vec<String>,
}

/// What the hosts file says of a name or an address.
pub fn in_hosts(p: &Process, name: &str) -> Option<Host> {
    let text = p.fs.read("/etc/hosts", &p.who).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let mut found = Host::default();
    for line in text.lines() {
        let mut words = line.split('#').next().unwrap_or("").split_whitespace();
        let Some(address) = words.next().and_then(|a| a.parse::<Ipv4Addr>().ok()) else { continue };
        let names: Vec<&str> = words.collect();
        if names.iter().any(|n| n.eq_ignore_ascii_case(name)) || address.to_string() == name {
            found.addresses.push(address);
            found.names.extend(names.iter().map(|n| (*n).to_owned()));
        }
    }
    (!found.addresses.is_empty()).then_some(found)
}

/// Looks a host up.
pub async fn lookup(p: &Process, name: &str) -> Result<Host, NetError> {
    if let Ok(address) = name.parse() {
        return Ok(Host { addresses: vec![address], names: vec![name.into()] });
    }
    let plain = name.trim_end_matches('.');
    if let Some(host) = in_hosts(p, plain) {
        return Ok(host);
    }
    if plain.eq_ignore_ascii_case("localhost") {
        return Ok(Host { addresses: vec![Ipv4Addr::LOCALHOST], names: vec![plain.into()] });
    }
    let (found, reply) = Resolver::of(p).search(p, name, Kind::A).await?;
    let addresses: Vec<Ipv4Addr> = reply.addresses().collect();
    if addresses.is_empty() {
        return Err(NetError::Unknown);
    }
    let last = reply.answers.last().map(|r| r.name.clone());
    Ok(Host { addresses, names: vec![last.unwrap_or(found)] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_decide_what_is_tried_first() {
        let resolver = Resolver::read("search a.b b\nnameserver 10.0.0.1\noptions ndots:2 edns0\n");
        assert_eq!(resolver.servers, [Ipv4Addr::new(10, 0, 0, 1)]);
        let rows: &[(&str, &[&str])] = &[
            ("web", &["web.a.b", "web.b", "web"]),
            ("web.x", &["web.x.a.b", "web.x.b", "web.x"]),
            ("web.x.y", &["web.x.y", "web.x.y.a.b", "web.x.y.b"]),
            ("web.", &["web"]),
        ];
        for (name, tried) in rows {
            assert_eq!(resolver.candidates(name), *tried, "{name}");
        }
        assert_eq!(Resolver::read("").servers, [Ipv4Addr::LOCALHOST]);
    }
}
