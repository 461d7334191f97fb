//! What the kernel lets be seen and changed: `sysctl`, `ip`.

use super::options;
use crate::sim::shell::{
    options::Known,
    process::{Done, Process},
};

/// Where the kernel's settings are files.
const SETTINGS: &str = "/proc/sys/";

pub async fn sysctl(p: &mut Process, argv: &[String]) -> Done {
    let known = Known {
        letters: "aAnNewqp",
        long: &[("all", 'a'), ("values", 'n'), ("write", 'w'), ("ignore", 'e'), ("quiet", 'q')],
        strict: false,
    };
    let Some(o) = options(p, argv, &known).await else { return Ok(1) };
    if o.has('a') || o.has('A') {
        return every(p).await;
    }
    if o.rest.is_empty() {
        p.err("sysctl: no variables specified\nTry `sysctl --help' for more information.").await;
        return Ok(1);
    }
    let mut code = 0;
    for word in &o.rest {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word.as_str(), None),
        };
        // A name that has slashes may have dots within its parts.
        let file = match name.contains('/') {
            true => format!("{SETTINGS}{name}"),
            false => format!("{SETTINGS}{}", name.replace('.', "/")),
        };
        let Ok(bytes) = p.fs.read(&file, &p.who) else {
            if !o.has('e') {
                p.err(format!("sysctl: cannot stat {file}: No such file or directory")).await;
                code = 1;
            }
            continue;
        };
        let name = name.replace('/', ".");
        if let Some(value) = value {
            if !p.machine.facts().privileged {
                p.err(format!("sysctl: permission denied on key \"{name}\"")).await;
                code = 1;
                continue;
            }
            let text = format!("{value}\n");
            let _ = p.fs.write(&file, text.as_bytes(), false, &p.who, p.clock.now());
            p.out(format!("{name} = {value}\n")).await?;
            continue;
        }
        let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
        let line = if o.has('n') { format!("{text}\n") } else { format!("{name} = {text}\n") };
        p.out(line).await?;
    }
    Ok(code)
}

async fn every(p: &mut Process) -> Done {
    let files = p.fs.walk(SETTINGS.trim_end_matches('/'), &p.who).unwrap_or_default();
    for (rest, node) in files {
        if node.is_directory() {
            continue;
        }
        p.step().await?;
        let rest = rest.trim_start_matches('/');
        if let Ok(bytes) = p.fs.read(&format!("{SETTINGS}{rest}"), &p.who) {
            let name = rest.replace('/', ".");
            let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
            p.out(format!("{name} = {text}\n")).await?;
        }
    }
    Ok(0)
}

/// Whose words `ip` uses.
#[derive(Clone, Copy, PartialEq)]
enum Dialect {
    Iproute,
    Busybox,
}

pub async fn ip(p: &mut Process, argv: &[String]) -> Done {
    run_ip(p, argv, Dialect::Iproute).await
}

pub async fn ip_busybox(p: &mut Process, argv: &[String]) -> Done {
    run_ip(p, argv, Dialect::Busybox).await
}

async fn run_ip(p: &mut Process, argv: &[String], dialect: Dialect) -> Done {
    let words: Vec<&str> =
        argv[1..].iter().map(String::as_str).filter(|a| !a.starts_with('-')).collect();
    let brief = argv.iter().any(|a| a == "-br" || a == "-brief");
    let (object, verb) = (words.first().copied().unwrap_or(""), words.get(1).copied());
    let changes =
        matches!(verb, Some("add" | "del" | "delete" | "set" | "change" | "replace" | "flush"));
    let known = |whole: &str| !object.is_empty() && whole.starts_with(object);
    if changes && (known("link") || known("address") || known("route") || known("neighbour")) {
        return change(p, dialect).await;
    }
    let named = words.iter().skip_while(|w| **w != "dev").nth(1);
    let device = named.or(words.iter().skip(1).find(|w| ["lo", "eth0"].contains(w))).copied();
    if known("address") {
        interfaces(p, device, true, brief).await
    } else if known("link") {
        interfaces(p, device, false, brief).await
    } else if known("route") {
        routes(p).await
    } else {
        let text = match dialect {
            Dialect::Iproute if object.is_empty() => "Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }".to_owned(),
            Dialect::Iproute => format!("Object \"{object}\" is unknown, try \"ip help\"."),
            Dialect::Busybox => "BusyBox v1.37.0 multi-call binary.\n\nUsage: ip [OPTIONS] address|route|link|tunnel|neigh|rule [ARGS]".into(),
        };
        p.err(text).await;
        Ok(if object.is_empty() { 255 } else { 1 })
    }
}

/// Changes need a capability that containers have only when they are privileged; and then nothing
/// can be seen of them.
async fn change(p: &mut Process, dialect: Dialect) -> Done {
    if p.machine.facts().privileged {
        return Ok(0);
    }
    let name = if dialect == Dialect::Busybox { "ip: " } else { "" };
    p.err(format!("{name}RTNETLINK answers: Operation not permitted")).await;
    Ok(if dialect == Dialect::Busybox { 1 } else { 2 })
}

async fn interfaces(p: &mut Process, device: Option<&str>, addresses: bool, brief: bool) -> Done {
    let address = p.machine.facts().addresses.first().copied();
    let hardware = address.map(|a| {
        let [_, b, c, d] = a.octets();
        format!("0a:58:0a:{b:02x}:{c:02x}:{d:02x}")
    });
    let hardware = hardware.unwrap_or_else(|| "0a:58:0a:00:00:00".into());
    let mut text = String::new();
    let rows = [
        (
            "lo",
            "127.0.0.1/8",
            "host lo",
            "LOOPBACK,UP,LOWER_UP",
            "65536",
            "noqueue state UNKNOWN mode DEFAULT group default qlen 1000",
            "link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00".to_owned(),
        ),
        (
            "eth0",
            "",
            "global eth0",
            "BROADCAST,MULTICAST,UP,LOWER_UP",
            "1400",
            "noqueue state UP mode DEFAULT group default",
            format!("link/ether {hardware} brd ff:ff:ff:ff:ff:ff link-netnsid 0"),
        ),
    ];
    for (n, (name, own, scope, flags, mtu, state, link)) in rows.iter().enumerate() {
        if device.is_some_and(|d| d != *name) {
            continue;
        }
        let shown = match (own.is_empty(), address) {
            (true, Some(address)) => format!("{address}/23"),
            _ => (*own).to_owned(),
        };
        let (index, title) = if *name == "lo" { (1, "lo") } else { (n + 1, "eth0@if42") };
        if brief {
            let up = if *name == "lo" { "UNKNOWN" } else { "UP" };
            text.push_str(&format!("{title:<16} {up:<14} {shown} \n"));
            continue;
        }
        let state =
            if addresses { state.replace(" mode DEFAULT", "") } else { (*state).to_owned() };
        text.push_str(&format!(
            "{index}: {title}: <{flags}> mtu {mtu} qdisc {state}\n    {link}\n"
        ));
        if addresses && !shown.is_empty() {
            let broadcast = match address {
                Some(a) if own.is_empty() => {
                    let last = u32::from(a) | 511;
                    format!(" brd {}", std::net::Ipv4Addr::from(last))
                }
                _ => String::new(),
            };
            text.push_str(&format!("    inet {shown}{broadcast} scope {scope}\n       valid_lft forever preferred_lft forever\n"));
        }
    }
    if text.is_empty() {
        p.err(format!("Device \"{}\" does not exist.", device.unwrap_or(""))).await;
        return Ok(1);
    }
    p.out(text).await?;
    Ok(0)
}

async fn routes(p: &mut Process) -> Done {
    let Some(address) = p.machine.facts().addresses.first().copied() else { return Ok(0) };
    let network = u32::from(address) & !511;
    let (gateway, subnet) =
        (std::net::Ipv4Addr::from(network + 1), std::net::Ipv4Addr::from(network));
    p.out(format!(
        "default via {gateway} dev eth0 \n{subnet}/23 dev eth0 proto kernel scope link src {address} \n"
    ))
    .await?;
    Ok(0)
}
