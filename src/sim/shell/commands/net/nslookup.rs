//! `nslookup` of BIND and of busybox, and `host`.

use super::resolve::Resolver;
use crate::sim::shell::{
    dns::{Code, Data, Kind, Record, Reply, arpa},
    machine::NetError,
    process::{Done, Process},
};
use std::net::Ipv4Addr;

/// What is asked: a name, the kinds of records, the server.
struct Query {
    name: String,
    kinds: Vec<Kind>,
    resolver: Resolver,
}

/// Reads `[-type=KIND] NAME [SERVER]`; the kinds that are asked for are the default of the program.
async fn query(p: &Process, argv: &[String], kinds: &[Kind]) -> Option<Query> {
    let mut kinds = kinds.to_vec();
    let mut words = Vec::new();
    for arg in &argv[1..] {
        match arg.strip_prefix('-').and_then(|a| a.split_once('=')) {
            Some(("type" | "query" | "q" | "querytype", kind)) => {
                kinds = Kind::of(kind).into_iter().collect();
            }
            _ if arg.starts_with('-') => {}
            _ => words.push(arg.clone()),
        }
    }
    let mut resolver = Resolver::of(p);
    let mut words = words.into_iter();
    let name = words.next()?;
    if let Some(server) = words.next() {
        resolver.servers = super::resolve::lookup(p, &server).await.ok()?.addresses;
    }
    Some(Query { name, kinds, resolver })
}

/// The name as it is asked for: an address by its name below `in-addr.arpa`.
fn asked(name: &str, kinds: &[Kind]) -> (String, Vec<Kind>) {
    match name.parse::<Ipv4Addr>() {
        Ok(address) => (format!("{}.", arpa(address)), vec![Kind::Ptr]),
        Err(_) => (name.to_owned(), kinds.to_vec()),
    }
}

/// BIND's `nslookup`.
pub async fn bind(p: &mut Process, argv: &[String]) -> Done {
    let Some(query) = query(p, argv, &[Kind::A]).await else {
        p.err("nslookup: interactive mode is not supported").await;
        return Ok(1);
    };
    let (name, kinds) = asked(&query.name, &query.kinds);
    let server = query.resolver.servers[0];
    let mut text = String::new();
    let mut code = 0;
    for kind in kinds {
        let (last, reply) = match query.resolver.search(p, &name, kind).await {
            Ok(found) => found,
            Err(why) => return no_server(p, &query, why).await,
        };
        if reply.code != Code::NoError {
            let plain = last.trim_end_matches('.');
            text.push_str(&format!("** server can't find {plain}: {}\n", reply.code.name()));
            code = 1;
        } else if reply.answers.is_empty() {
            text.push_str(&format!("*** Can't find {}: No answer\n", query.name));
        } else {
            if !reply.authoritative {
                text.push_str("Non-authoritative answer:\n");
            }
            reply.answers.iter().for_each(|r| text.push_str(&bind_line(r)));
        }
    }
    p.out(format!("Server:\t\t{server}\nAddress:\t{server}#53\n\n{text}\n")).await?;
    Ok(code)
}

async fn no_server(p: &Process, query: &Query, why: NetError) -> Done {
    let reason = if let NetError::Refused(_) = why { "connection refused" } else { "timed out" };
    for server in &query.resolver.servers {
        p.out(format!(";; communications error to {server}#53: {reason}\n")).await?;
    }
    p.out(";; no servers could be reached\n\n").await?;
    Ok(1)
}

fn bind_line(record: &Record) -> String {
    let name = &record.name;
    match &record.data {
        Data::A(address) => format!("Name:\t{name}\nAddress: {address}\n"),
        Data::Cname(to) => format!("{name}\tcanonical name = {to}.\n"),
        Data::Ptr(to) => format!("{name}\tname = {to}.\n"),
        Data::Srv(..) => format!("{name}\tservice = {}\n", record.data),
        Data::Txt(text) => format!("{name}\ttext = {text:?}\n"),
        Data::Soa(text) => format!("{name}\torigin = {text}\n"),
    }
}

/// busybox's `nslookup` asks for addresses of both versions, and searches like the C library.
pub async fn busybox(p: &mut Process, argv: &[String]) -> Done {
    let Some(query) = query(p, argv, &[Kind::A, Kind::Aaaa]).await else {
        p.err("BusyBox v1.37.0 multi-call binary.\n\nUsage: nslookup [-type=QUERY_TYPE] [-debug] HOST [DNS_SERVER]").await;
        return Ok(1);
    };
    let server = query.resolver.servers[0];
    p.out(format!("Server:\t\t{server}\nAddress:\t{server}:53\n\n")).await?;
    let (name, kinds) = asked(&query.name, &query.kinds);
    let (mut text, mut failed) = (String::new(), false);
    for candidate in query.resolver.candidates(&name) {
        let mut part = String::new();
        failed = false;
        for kind in &kinds {
            let reply = match query.resolver.ask(p, &candidate, *kind).await {
                Ok(reply) => reply,
                Err(_) => {
                    p.out(";; connection timed out; no servers could be reached\n\n").await?;
                    return Ok(1);
                }
            };
            failed |= reply.code != Code::NoError;
            part.push_str(&busybox_part(&candidate, &reply));
        }
        text.push_str(&part);
        if !failed {
            break;
        }
    }
    p.out(text).await?;
    Ok(i32::from(failed))
}

fn busybox_part(name: &str, reply: &Reply) -> String {
    if reply.code != Code::NoError {
        return format!("** server can't find {name}: {}\n\n", reply.code.name());
    }
    let head = if reply.authoritative { "" } else { "Non-authoritative answer:\n" };
    let lines: String = reply.answers.iter().map(bind_line).collect();
    match lines.is_empty() {
        true => String::from("\n"),
        false => format!("{head}{lines}\n"),
    }
}

/// `host`
pub async fn host(p: &mut Process, argv: &[String]) -> Done {
    let words: Vec<String> = argv.iter().filter(|a| !a.starts_with('-')).cloned().collect();
    let Some(query) = query(p, &words, &[Kind::A]).await else {
        p.err("Usage: host [-aCdilrTvVw] [-c class] [-N ndots] [-t type] [-W time]\n            [-R number] [-m flag] [-p port] hostname [server]").await;
        return Ok(1);
    };
    let (name, kinds) = asked(&query.name, &query.kinds);
    let (last, reply) = match query.resolver.search(p, &name, kinds[0]).await {
        Ok(found) => found,
        Err(_) => {
            p.out(";; connection timed out; no servers could be reached\n").await?;
            return Ok(1);
        }
    };
    if reply.answers.is_empty() {
        let why = match reply.code {
            Code::NxDomain => "3(NXDOMAIN)",
            _ => "0(NOERROR)",
        };
        p.out(format!("Host {} not found: {why}\n", last.trim_end_matches('.'))).await?;
        return Ok(1);
    }
    for record in &reply.answers {
        let says = match &record.data {
            Data::A(address) => format!("has address {address}"),
            Data::Cname(to) => format!("is an alias for {to}."),
            Data::Ptr(to) => format!("domain name pointer {to}."),
            Data::Srv(..) => format!("has SRV record {}", record.data),
            Data::Txt(_) => format!("descriptive text {}", record.data),
            Data::Soa(_) => format!("has SOA record {}", record.data),
        };
        p.out(format!("{} {says}\n", record.name)).await?;
    }
    Ok(0)
}
