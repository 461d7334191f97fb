//! `getent`: what the C library finds in its databases.

use super::resolve;
use crate::sim::shell::process::{Done, Process};

pub async fn getent(p: &mut Process, argv: &[String]) -> Done {
    let words: Vec<&String> = argv[1..].iter().filter(|a| !a.starts_with('-')).collect();
    let Some((kind, keys)) = words.split_first() else {
        p.err("getent: wrong number of arguments\nTry `getent --help' or `getent --usage' for more information.").await;
        return Ok(1);
    };
    match kind.as_str() {
        "hosts" | "ahosts" | "ahostsv4" => hosts(p, kind, keys).await,
        "passwd" | "group" | "services" | "protocols" | "networks" | "shadow" => {
            entries(p, kind, keys).await
        }
        _ => {
            p.err(format!("Unknown database: {kind}\nTry `getent --help' or `getent --usage' for more information.")).await;
            Ok(1)
        }
    }
}

async fn hosts(p: &Process, kind: &str, keys: &[&String]) -> Done {
    if keys.is_empty() {
        let text = p.fs.read("/etc/hosts", &p.who).unwrap_or_default();
        for line in String::from_utf8_lossy(&text).lines() {
            let mut words = line.split('#').next().unwrap_or("").split_whitespace();
            let Some(address) = words.next() else { continue };
            let names: Vec<&str> = words.collect();
            p.out(format!("{address:<15} {}\n", names.join(" "))).await?;
        }
        return Ok(0);
    }
    let mut code = 0;
    for key in keys {
        let Some(text) = host(p, kind, key).await else {
            code = 2;
            continue;
        };
        p.out(text).await?;
    }
    Ok(code)
}

/// The lines of one name or address.
async fn host(p: &Process, kind: &str, key: &str) -> Option<String> {
    if let Ok(address) = key.parse() {
        let names = match resolve::in_hosts(p, key) {
            Some(host) => host.names,
            None => reverse(p, address).await?,
        };
        return Some(format!("{key:<15} {}\n", names.join(" ")));
    }
    let found = resolve::lookup(p, key).await.ok()?;
    let mut text = String::new();
    for address in found.addresses {
        let address = address.to_string();
        if kind == "hosts" {
            text.push_str(&format!("{address:<15} {}\n", found.names.join(" ")));
            continue;
        }
        for (i, socket) in ["STREAM", "DGRAM", "RAW"].iter().enumerate() {
            let name = if i == 0 { found.names.first().map_or("", String::as_str) } else { "" };
            text.push_str(&format!("{address:<15} {socket:<6} {name}\n"));
        }
    }
    Some(text)
}

async fn reverse(p: &Process, address: std::net::Ipv4Addr) -> Option<Vec<String>> {
    use crate::sim::shell::dns::{Data, Kind, arpa};
    let reply = resolve::Resolver::of(p).ask(p, &arpa(address), Kind::Ptr).await.ok()?;
    let names = reply.answers.into_iter().filter_map(|r| match r.data {
        Data::Ptr(name) => Some(name),
        _ => None,
    });
    Some(names.collect::<Vec<_>>()).filter(|n| !n.is_empty())
}

/// Lines of a file of the machine, by name or number.
async fn entries(p: &Process, kind: &str, keys: &[&String]) -> Done {
    let text = p.fs.read(&format!("/etc/{kind}"), &p.who).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    if keys.is_empty() {
        p.out(text).await?;
        return Ok(0);
    }
    let mut code = 0;
    for key in keys {
        let fits = |l: &&str| {
            let mut parts = l.split(':');
            parts.next() == Some(key.as_str()) || parts.nth(1) == Some(key.as_str())
        };
        match text.lines().find(fits) {
            Some(line) => p.out(format!("{line}\n")).await?,
            None => code = 2,
        }
    }
    Ok(code)
}
