//! `dig`: asks name servers. Source: BIND's `dig(1)`.

use super::resolve::Resolver;
use crate::sim::shell::{
    dns::{Kind, Record, Reply, arpa},
    machine::NetError,
    process::{Done, Process},
};
use std::net::Ipv4Addr;

/// Version `dig` says it is of.
const VERSION: &str = "9.20.15";

/// What is shown: switches that `+name` and `+noname` turn.
#[derive(Debug, Clone, PartialEq)]
struct Shown {
    short: bool,
    search: bool,
    comments: bool,
    question: bool,
    answer: bool,
    authority: bool,
    additional: bool,
    stats: bool,
    command: bool,
    time: i64,
    tries: i64,
}

impl Default for Shown {
    fn default() -> Shown {
        Shown {
            short: false,
            search: false,
            comments: true,
            question: true,
            answer: true,
            authority: true,
            additional: true,
            stats: true,
            command: true,
            time: 5,
            tries: 3,
        }
    }
}

impl Shown {
    fn turn(&mut self, word: &str) -> bool {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let (name, on) = match name.strip_prefix("no") {
            Some(rest) => (rest, false),
            None => (name, true),
        };
        let number = value.parse().unwrap_or(1);
        match name {
            "short" => self.short = on,
            "search" | "defname" => self.search = on,
            "comments" => self.comments = on,
            "question" => self.question = on,
            "answer" => self.answer = on,
            "authority" => self.authority = on,
            "additional" => self.additional = on,
            "stats" => self.stats = on,
            "cmd" => self.command = on,
            "all" => {
                (self.comments, self.question, self.answer) = (on, on, on);
                (self.authority, self.additional, self.stats) = (on, on, on);
            }
            "time" | "timeout" => self.time = number,
            "tries" | "retry" => self.tries = number,
            // How it is carried and what else is in it: the same here.
            "tcp" | "vc" | "edns" | "recurse" | "rec" | "cookie" | "dnssec" | "adflag"
            | "ignore" | "ttlid" | "class" | "bufsize" | "crypto" | "multiline" | "trace"
            | "onesoa" | "qr" | "aaonly" | "cdflag" | "fail" | "identify" | "keepopen" => {}
            _ => return false,
        }
        true
    }
}

/// One thing to ask.
#[derive(Debug, Clone, PartialEq)]
struct Query {
    name: String,
    kind: Kind,
    shown: Shown,
}

#[derive(Debug, Default)]
struct Line {
    server: Option<String>,
    queries: Vec<Query>,
}

/// Reads a command line. Switches before the first name hold for all, later ones for the name
/// before them.
fn read(args: &[String]) -> Result<Line, String> {
    let mut line = Line::default();
    let mut common = Shown::default();
    let mut args = args.iter();
    let query =
        |name: &str, shown: &Shown, kind| Query { name: name.into(), kind, shown: shown.clone() };
    let mut kind = Kind::A;
    while let Some(arg) = args.next() {
        if let Some(word) = arg.strip_prefix('+') {
            let shown = line.queries.last_mut().map_or(&mut common, |q| &mut q.shown);
            if !shown.turn(word) {
                return Err(format!("Invalid option: +{word}"));
            }
        } else if let Some(server) = arg.strip_prefix('@') {
            line.server = Some(server.to_owned());
        } else if arg == "-x" {
            let address: Option<Ipv4Addr> = args.next().and_then(|a| a.parse().ok());
            let name = address.map(arpa).ok_or("Invalid IP address")?;
            line.queries.push(query(&name, &common, Kind::Ptr));
        } else if arg == "-t" || arg == "-q" || arg == "-p" || arg == "-c" || arg == "-b" {
            let value = args.next().map_or("", String::as_str);
            match arg.as_str() {
                "-t" => set_kind(&mut line, &mut kind, Kind::of(value).unwrap_or(Kind::A)),
                "-q" => line.queries.push(query(value, &common, kind)),
                _ => {}
            }
        } else if arg.starts_with('-') {
            if !matches!(arg.as_str(), "-4" | "-6" | "-r" | "-u" | "-m") {
                return Err(format!("Invalid option: {arg}"));
            }
        } else if let Some(known) = Kind::of(arg) {
            set_kind(&mut line, &mut kind, known);
        } else if !arg.eq_ignore_ascii_case("IN") {
            line.queries.push(query(arg, &common, kind));
        }
    }
    Ok(line)
}

fn set_kind(line: &mut Line, next: &mut Kind, kind: Kind) {
    match line.queries.last_mut() {
        Some(query) => query.kind = kind,
        None => *next = kind,
    }
}

pub async fn dig(p: &mut Process, argv: &[String]) -> Done {
    let line = match read(&argv[1..]) {
        Ok(line) => line,
        Err(why) => {
            p.err(format!("{why}\nUsage:  dig [@global-server] [domain] [q-type] [q-class] {{q-opt}}\n            {{global-d-opt}} host [@local-server] {{local-d-opt}}\n            [ host [@local-server] {{local-d-opt}} [...]]\n\nUse \"dig -h\" (or \"dig -h | more\") for complete list of options")).await;
            return Ok(1);
        }
    };
    let mut resolver = Resolver::of(p);
    if let Some(server) = &line.server {
        match super::resolve::lookup(p, server).await {
            Ok(host) => resolver.servers = host.addresses,
            Err(_) => {
                p.err(format!("dig: couldn't get address for '{server}': not found")).await;
                return Ok(10);
            }
        }
    }
    for query in &line.queries {
        let code = one(p, &resolver, query, argv).await?;
        if code != 0 {
            return Ok(code);
        }
    }
    Ok(0)
}

async fn one(p: &mut Process, resolver: &Resolver, query: &Query, argv: &[String]) -> Done {
    let mut resolver = resolver.clone();
    (resolver.timeout, resolver.attempts) = (query.shown.time, query.shown.tries);
    let found = match query.shown.search {
        true => resolver.search(p, &query.name, query.kind).await,
        false => {
            let name = query.name.trim_end_matches('.').to_owned();
            resolver.ask(p, &name, query.kind).await.map(|reply| (name, reply))
        }
    };
    let (name, reply) = match found {
        Ok(found) => found,
        Err(why) => return no_server(p, &resolver, query, argv, why).await,
    };
    if query.shown.short {
        for record in &reply.answers {
            p.out(format!("{}\n", record.data)).await?;
        }
        return Ok(0);
    }
    let id = p.budget_chance() % 65536;
    let text = page(query, argv, &name, &reply, id);
    p.out(text).await?;
    if query.shown.stats {
        let when = p.clock.now().strftime("%a %b %d %H:%M:%S UTC %Y");
        let server = resolver.servers[0];
        p.out(format!(
            ";; Query time: 1 msec\n;; SERVER: {server}#53({server}) (UDP)\n;; WHEN: {when}\n;; MSG SIZE  rcvd: {}\n\n",
            40 + name.len() + 16 * reply.answers.len()
        ))
        .await?;
    }
    Ok(0)
}

fn greeting(argv: &[String]) -> String {
    format!("\n; <<>> DiG {VERSION} <<>> {}\n", argv[1..].join(" "))
}

async fn no_server(
    p: &Process,
    resolver: &Resolver,
    query: &Query,
    argv: &[String],
    why: NetError,
) -> Done {
    let reason = if let NetError::Refused(_) = why { "connection refused" } else { "timed out" };
    let mut text = String::new();
    for _ in 0..query.shown.tries {
        for server in &resolver.servers {
            text.push_str(&format!(";; communications error to {server}#53: {reason}\n"));
        }
    }
    if query.shown.command && !query.shown.short {
        text.push_str(&greeting(argv));
        text.push_str(";; global options: +cmd\n");
    }
    text.push_str(";; no servers could be reached\n");
    p.out(text).await?;
    Ok(9)
}

/// Everything of an answer but its statistics.
fn page(query: &Query, argv: &[String], name: &str, reply: &Reply, id: u64) -> String {
    let shown = &query.shown;
    let mut text = String::new();
    if shown.command && (shown.comments || shown.question) {
        text.push_str(&greeting(argv));
        text.push_str(";; global options: +cmd\n");
    }
    if shown.comments {
        let flags = if reply.authoritative { "qr aa rd" } else { "qr rd ra" };
        text.push_str(&format!(
            ";; Got answer:\n;; ->>HEADER<<- opcode: QUERY, status: {}, id: {id}\n;; flags: {flags}; \
             QUERY: 1, ANSWER: {}, AUTHORITY: {}, ADDITIONAL: {}\n",
            reply.code.name(),
            reply.answers.len(),
            reply.authority.len(),
            reply.additional.len() + 1,
        ));
        if reply.authoritative {
            text.push_str(";; WARNING: recursion requested but not available\n");
        }
        text.push_str("\n;; OPT PSEUDOSECTION:\n; EDNS: version: 0, flags:; udp: 1232\n");
    }
    if shown.question {
        text.push_str(&format!(";; QUESTION SECTION:\n;{name}.\t\tIN\t{}\n\n", query.kind.name()));
    }
    let sections = [
        ("ANSWER", shown.answer, &reply.answers),
        ("AUTHORITY", shown.authority, &reply.authority),
        ("ADDITIONAL", shown.additional, &reply.additional),
    ];
    for (title, wanted, records) in sections {
        if !wanted || records.is_empty() {
            continue;
        }
        if shown.comments {
            text.push_str(&format!(";; {title} SECTION:\n"));
        }
        records.iter().for_each(|r| text.push_str(&line(r)));
        if shown.comments {
            text.push('\n');
        }
    }
    text
}

fn line(record: &Record) -> String {
    let kind = record.data.kind().name();
    // Columns of eight, as far as names leave room.
    let name = format!("{}.", record.name);
    let tabs = "\t".repeat(3usize.saturating_sub(name.len() / 8).max(1));
    format!("{name}{tabs}{}\tIN\t{kind}\t{}\n", record.ttl, record.data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::shell::dns::{Code, Data};

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn lines_are_read() {
        let line =
            read(&words("+notcp +noall +answer +search web A @10.0.0.1 -x 10.0.0.2")).unwrap();
        assert_eq!(line.server.as_deref(), Some("10.0.0.1"));
        let [first, second] = line.queries.as_slice() else { panic!("{line:?}") };
        assert_eq!((first.name.as_str(), first.kind), ("web", Kind::A));
        assert!(first.shown.answer && first.shown.search && !first.shown.comments);
        assert_eq!((second.name.as_str(), second.kind), ("2.0.0.10.in-addr.arpa", Kind::Ptr));
        assert_eq!(read(&words("web SRV +short")).unwrap().queries[0].kind, Kind::Srv);
        assert!(read(&words("web +sideways")).is_err());
    }

    #[test]
    fn records_are_lines() {
        let record = Record { name: "web".into(), ttl: 5, data: Data::A(Ipv4Addr::LOCALHOST) };
        assert_eq!(line(&record), "web.\t\t\t5\tIN\tA\t127.0.0.1\n");
        let reply = Reply { code: Code::NoError, answers: vec![record], ..Reply::default() };
        let query = read(&words("+noall +answer web")).unwrap().queries.remove(0);
        assert_eq!(page(&query, &[], "web", &reply, 1), "web.\t\t\t5\tIN\tA\t127.0.0.1\n");
    }
}
