//! `kube-apiserver` in the folder: upstream's command line read into a cluster of plain Kubernetes.

mod identity;
mod parts;

use super::{
    etcd::STATE,
    flags::{API_SERVER, Given},
};
use crate::{
    config::{Audit, AuditFormat, Durability, Folder, LogFormat, Serve},
    object::duration,
    run::{self, start_as},
    settings::Versions,
    trace,
};
use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, TcpStream, ToSocketAddrs},
    path::PathBuf,
    time::Duration,
};

const PROGRAM: &str = "kube-apiserver";

/// Serves until it is told to stop.
///
/// # Errors
/// One line for people.
pub async fn serve(words: impl Iterator<Item = String>) -> Result<(), String> {
    let given = API_SERVER.parse(words);
    if given.on("help") == Some(true) {
        print!("{}", API_SERVER.help(PROGRAM));
        return Ok(());
    }
    if given.on("version") == Some(true) {
        println!("Kubernetes {}", Versions::default().kubernetes);
        return Ok(());
    }
    super::warn(PROGRAM, &given);
    let mut flags = flags(&given)?;
    trace::init(&flags)?;
    let mut nature = parts::nature(&given, &mut flags)?;
    nature.trust = identity::trust(&given)?;
    nature.certificates = Some(identity::certificates(&given, flags.bind_address)?);
    let cluster = start_as(&flags, nature).await?;
    run::wait_for_signal().await?;
    cluster.stop().await;
    Ok(())
}

/// What the flags mean that `serve` has too.
fn flags(given: &Given) -> Result<Serve, String> {
    let state = state(given)?;
    let number = |name: &str, default: usize| match given.last(name) {
        None => Ok(default),
        Some(text) => text.parse().map_err(|_| format!("--{name}: {text:?} is no number")),
    };
    let port = number("secure-port", 6443)?;
    let bind = given.last("bind-address").unwrap_or("0.0.0.0");
    let bind: IpAddr = bind.parse().map_err(|_| format!("--bind-address: {bind:?} is none"))?;
    // Upstream takes `::` for all addresses, too.
    let bind = if bind.is_unspecified() { Ipv4Addr::UNSPECIFIED.into() } else { bind };
    let timeout = given.last("request-timeout").and_then(|text| duration::parse_go(text).ok());
    let timeout = timeout.map_or(60, |nanos| (nanos / 1_000_000_000).clamp(1, u32::MAX.into()));
    Ok(Serve {
        in_memory: state.is_none(),
        folder: Folder { data_dir: state },
        bind_address: bind,
        secure_port: u16::try_from(port).map_err(|_| format!("--secure-port: {port} is none"))?,
        registry_port: 0,
        nodes: 0,
        instant: true,
        max_requests_inflight: number("max-requests-inflight", 400)?,
        max_mutating_requests_inflight: number("max-mutating-requests-inflight", 200)?,
        request_timeout: u32::try_from(timeout).unwrap_or(u32::MAX),
        sync: Durability::Normal,
        audit: audit(given)?,
        log_level: match number("v", 0)? {
            0..=3 => "warn",
            4..=5 => "info",
            _ => "debug",
        }
        .into(),
        log_format: match given.last("logging-format") {
            Some("json") => LogFormat::Json,
            _ => LogFormat::Text,
        },
        ..Serve::default()
    })
}

/// The flags of the audit log.
fn audit(given: &Given) -> Result<Audit, String> {
    let bound = |name: &str, default: u32| match given.last(name) {
        None => Ok(default),
        Some(text) => match text.parse::<i64>() {
            Ok(n) if n < 0 => Err(format!("--{name} {n} can't be a negative number")),
            Ok(n) => Ok(u32::try_from(n).unwrap_or(u32::MAX)),
            Err(_) => Err(format!("--{name}: {text:?} is no number")),
        },
    };
    let default = Audit::default();
    Ok(Audit {
        audit_log_path: given.last("audit-log-path").map(Into::into),
        audit_policy_file: given.last("audit-policy-file").map(Into::into),
        audit_log_maxage: bound("audit-log-maxage", default.audit_log_maxage)?,
        audit_log_maxbackup: bound("audit-log-maxbackup", default.audit_log_maxbackup)?,
        audit_log_maxsize: bound("audit-log-maxsize", default.audit_log_maxsize)?,
        audit_log_format: match given.last("audit-log-format") {
            None | Some("json") => AuditFormat::Json,
            Some("legacy") => AuditFormat::Legacy,
            Some(other) => {
                return Err(format!(
                    "invalid audit log format {other}, allowed formats are [\"legacy\" \"json\"]"
                ));
            }
        },
        audit_log_compress: given.on("audit-log-compress") == Some(true),
    })
}

/// The folder of the state: what the `etcd` beside this program names. Where something else
/// answers, the state is kept in memory.
fn state(given: &Given) -> Result<Option<PathBuf>, String> {
    let servers = given.all("etcd-servers");
    let server = servers.first().ok_or("--etcd-servers must be specified")?;
    let Some(at) = server.strip_prefix("http://") else {
        eprintln!("{PROGRAM}: {server} is not asked; the state is kept in memory");
        return Ok(None);
    };
    let at = at.trim_end_matches('/');
    let answer = ask(at).map_err(|e| format!("{server} (--etcd-servers) does not answer: {e}"))?;
    if answer.is_none() {
        eprintln!("{PROGRAM}: at {server} is another etcd; the state is kept in memory");
    }
    Ok(answer.map(|folder| PathBuf::from(folder).join("pocketshift")))
}

/// How long the other process may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most bytes of its answer.
const LARGEST: u64 = 16 << 10;

fn ask(at: &str) -> std::io::Result<Option<String>> {
    let address = at.to_socket_addrs()?.next();
    let address = address.ok_or(std::io::ErrorKind::AddrNotAvailable)?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let request = format!("GET {STATE} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut text = String::new();
    stream.take(LARGEST).read_to_string(&mut text)?;
    let found = text.split_once("\r\n\r\n").filter(|(head, _)| head.starts_with("HTTP/1.1 200"));
    Ok(found.map(|(_, body)| body.to_owned()))
}
