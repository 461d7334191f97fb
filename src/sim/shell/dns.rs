//! Questions to a name server, and its answers.

use std::{fmt, net::Ipv4Addr};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Addresses.
    A,
    /// Addresses of version 6, of which the cluster has none.
    Aaaa,
    /// The name behind an alias.
    Cname,
    /// The name of an address.
    Ptr,
    /// Hosts and ports of a service.
    Srv,
    /// Text.
    Txt,
    /// Who answers for a zone.
    Soa,
    /// Name servers.
    Ns,
    /// Everything.
    Any,
}

/// The kinds by their names.
const KINDS: [(&str, Kind); 9] = [
    ("A", Kind::A),
    ("AAAA", Kind::Aaaa),
    ("CNAME", Kind::Cname),
    ("PTR", Kind::Ptr),
    ("SRV", Kind::Srv),
    ("TXT", Kind::Txt),
    ("SOA", Kind::Soa),
    ("NS", Kind::Ns),
    ("ANY", Kind::Any),
];

impl Kind {
    /// By name, in any case.
    pub fn of(name: &str) -> Option<Kind> {
        KINDS.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, kind)| *kind)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        KINDS.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}

/// What a record says. Names have no dot at their end.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// An address.
    A(Ipv4Addr),
    /// The name behind an alias.
    Cname(String),
    /// The name of an address.
    Ptr(String),
    /// Weight, port and host.
    Srv(u16, u16, String),
    /// Text.
    Txt(String),
    /// The rest of the line of a zone's record.
    Soa(String),
}

impl Data {
    /// What kind of record it is.
    pub fn kind(&self) -> Kind {
        match self {
            Data::A(_) => Kind::A,
            Data::Cname(_) => Kind::Cname,
            Data::Ptr(_) => Kind::Ptr,
            Data::Srv(..) => Kind::Srv,
            Data::Txt(_) => Kind::Txt,
            Data::Soa(_) => Kind::Soa,
        }
    }
}

impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Data::A(address) => write!(f, "{address}"),
            Data::Cname(name) | Data::Ptr(name) => write!(f, "{name}."),
            Data::Srv(weight, port, host) => write!(f, "0 {weight} {port} {host}."),
            Data::Txt(text) => write!(f, "{text:?}"),
            Data::Soa(text) => f.write_str(text),
        }
    }
}

/// A line of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Whose it is, without a dot at the end.
    pub name: String,
    /// Seconds it may be kept.
    pub ttl: u32,
    /// What it says.
    pub data: Data,
}

/// How an answer came out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Code {
    /// The name is there, whether or not with records of the kind.
    #[default]
    NoError,
    /// There is no such name.
    NxDomain,
}

impl Code {
    /// As tools write it.
    pub fn name(self) -> &'static str {
        match self {
            Code::NoError => "NOERROR",
            Code::NxDomain => "NXDOMAIN",
        }
    }
}

/// An answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reply {
    /// How it came out.
    pub code: Code,
    /// Whether the server has it from itself.
    pub authoritative: bool,
    /// The records.
    pub answers: Vec<Record>,
    /// Who says that there are none.
    pub authority: Vec<Record>,
    /// Addresses of the hosts named.
    pub additional: Vec<Record>,
}

impl Reply {
    /// The addresses in it.
    pub fn addresses(&self) -> impl Iterator<Item = Ipv4Addr> {
        self.answers.iter().filter_map(|r| match r.data {
            Data::A(address) => Some(address),
            _ => None,
        })
    }
}

/// The address that a name below `in-addr.arpa` stands for.
pub fn reversed(name: &str) -> Option<Ipv4Addr> {
    let parts: Vec<&str> = name.strip_suffix(".in-addr.arpa")?.split('.').rev().collect();
    parts.join(".").parse().ok()
}

/// The name below `in-addr.arpa` of an address.
pub fn arpa(address: Ipv4Addr) -> String {
    let [a, b, c, d] = address.octets();
    format!("{d}.{c}.{b}.{a}.in-addr.arpa")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_names_that_lead_back() {
        let address = Ipv4Addr::new(10, 217, 0, 7);
        assert_eq!(arpa(address), "7.0.217.10.in-addr.arpa");
        assert_eq!(reversed(&arpa(address)), Some(address));
        assert_eq!(reversed("1.2.in-addr.arpa"), None);
        assert_eq!(reversed("web"), None);
    }

    #[test]
    fn kinds_have_names() {
        assert_eq!(Kind::of("srv"), Some(Kind::Srv));
        assert_eq!(Kind::Srv.name(), "SRV");
        assert_eq!(Kind::of("x"), None);
    }
}
