//! `wget`, GNU's and busybox'.

use super::{Failed, Limits, fetch, resolve, url};
use crate::sim::shell::{
    commands::options,
    io::{LARGEST, Output},
    machine::{Fetch, Fetched, NetError},
    options::{Known, Options},
    process::{Done, Process},
    redirect,
};

const WGET: Known = Known {
    letters: "qvSscO:T:t:P:U:πβ:α:ν4",
    long: &[
        ("quiet", 'q'),
        ("verbose", 'v'),
        ("no-verbose", 'ν'),
        ("server-response", 'S'),
        ("output-document", 'O'),
        ("spider", 's'),
        ("continue", 'c'),
        ("timeout", 'T'),
        ("connect-timeout", 'T'),
        ("read-timeout", 'T'),
        ("tries", 't'),
        ("directory-prefix", 'P'),
        ("user-agent", 'U'),
        ("no-check-certificate", 'π'),
        ("no-cache", 'π'),
        ("no-proxy", 'π'),
        ("inet4-only", '4'),
        ("post-data", 'β'),
        ("header", 'α'),
    ],
    strict: false,
};

/// Whose words it uses.
#[derive(Clone, Copy, PartialEq)]
enum Dialect {
    Gnu,
    Busybox,
}

pub async fn gnu(p: &mut Process, argv: &[String]) -> Done {
    wget(p, argv, Dialect::Gnu).await
}

pub async fn busybox(p: &mut Process, argv: &[String]) -> Done {
    wget(p, argv, Dialect::Busybox).await
}

async fn wget(p: &mut Process, argv: &[String], dialect: Dialect) -> Done {
    // `-nv` is one word to people and two options to `getopt`.
    let argv: Vec<String> =
        argv.iter().map(|a| if a == "-nv" { "--no-verbose".into() } else { a.clone() }).collect();
    let Some(o) = options(p, &argv, &WGET).await else { return Ok(2) };
    let Some(target) = o.rest.first().cloned() else {
        p.err("wget: missing URL").await;
        return Ok(1);
    };
    let Some(mut request) = url(&target) else {
        p.err(format!("wget: bad address '{target}'")).await;
        return Ok(1);
    };
    prepare(&o, &mut request, dialect);
    let mut redirects = 0;
    loop {
        let host = match resolve::lookup(p, &request.host).await {
            Ok(host) => host,
            Err(_) => return fail(p, &o, &request, Failed::Net(NetError::Unknown), dialect).await,
        };
        let to = host.addresses[0];
        greet(p, &o, &request, to, dialect).await;
        let limit = o.value('T').and_then(|t| t.parse().ok());
        let limits = Limits { connect: limit, whole: limit };
        let answer = match fetch(p, to, request.clone(), limits).await {
            Ok(answer) => answer,
            Err(failed) => return fail(p, &o, &request, failed, dialect).await,
        };
        let next = answer.header("location").and_then(url);
        match next.filter(|_| (300..400).contains(&answer.status) && redirects < 20) {
            Some(next) => request = Fetch { headers: request.headers.clone(), ..next },
            None => return save(p, &o, &request, answer, dialect).await,
        }
        redirects += 1;
    }
}

fn prepare(o: &Options, request: &mut Fetch, dialect: Dialect) {
    let agent = match dialect {
        Dialect::Gnu => "Wget/1.25.0",
        Dialect::Busybox => "Wget",
    };
    request.headers.push(("User-Agent".into(), o.value('U').unwrap_or(agent).into()));
    for line in o.values('α') {
        if let Some((name, value)) = line.split_once(':') {
            request.headers.push((name.trim().into(), value.trim().into()));
        }
    }
    if let Some(data) = o.value('β') {
        request.method = "POST".into();
        let kind = "application/x-www-form-urlencoded";
        request.headers.push(("Content-Type".into(), kind.into()));
        request.body = data.to_owned().into();
    }
}

async fn greet(
    p: &Process,
    o: &Options,
    request: &Fetch,
    to: std::net::Ipv4Addr,
    dialect: Dialect,
) {
    if o.has('q') || o.has('ν') {
        return;
    }
    let (host, port) = (&request.host, request.port);
    if dialect == Dialect::Busybox {
        return p.err(format!("Connecting to {host}:{port} ({to}:{port})")).await;
    }
    let scheme = if request.secure { "https" } else { "http" };
    let shown = if matches!(port, 80 | 443) { host.clone() } else { format!("{host}:{port}") };
    let when = p.clock.now().strftime("%Y-%m-%d %H:%M:%S");
    let mut text = format!("--{when}--  {scheme}://{shown}{}\n", request.path);
    if to.to_string() == *host {
        text.push_str(&format!("Connecting to {host}:{port}... "));
    } else {
        text.push_str(&format!(
            "Resolving {host} ({host})... {to}\nConnecting to {host} ({host})|{to}|:{port}... "
        ));
    }
    // The line goes on with what comes of it.
    let _ = p.stderr.write(text.as_bytes()).await;
}

async fn fail(p: &Process, o: &Options, request: &Fetch, failed: Failed, dialect: Dialect) -> Done {
    let (host, port) = (&request.host, request.port);
    if dialect == Dialect::Gnu {
        let (why, code) = match failed {
            Failed::Net(NetError::Unknown) => {
                (format!("wget: unable to resolve host address ‘{host}’"), 4)
            }
            Failed::Net(NetError::Refused(_)) => ("failed: Connection refused.".into(), 4),
            Failed::Net(NetError::Unreachable(_)) => ("failed: No route to host.".into(), 4),
            Failed::Net(NetError::Plain) => {
                ("OpenSSL: wrong version number\nUnable to establish SSL connection.".into(), 4)
            }
            Failed::Net(NetError::Closed | NetError::Secure) => {
                ("connected.\nHTTP request sent, awaiting response... No data received.".into(), 4)
            }
            Failed::Net(NetError::Dropped(_)) | Failed::TimedOut(_) => {
                ("failed: Connection timed out.".to_owned(), 4)
            }
        };
        if !o.has('q') {
            p.err(why).await;
        }
        return Ok(code);
    }
    let cannot = |a, why| format!("can't connect to remote host ({a}): {why}");
    let why = match failed {
        Failed::Net(NetError::Unknown) => format!("bad address '{}'", place(host, port)),
        Failed::Net(NetError::Refused(a)) => cannot(a, "Connection refused"),
        Failed::Net(NetError::Unreachable(a)) => cannot(a, "No route to host"),
        Failed::Net(NetError::Dropped(a)) => cannot(a, "Operation timed out"),
        Failed::Net(NetError::Closed | NetError::Secure) => "error getting response".into(),
        Failed::Net(NetError::Plain) => "TLS error from peer".into(),
        Failed::TimedOut(_) => "download timed out".into(),
    };
    p.err(format!("wget: {why}")).await;
    Ok(1)
}

fn place(host: &str, port: u16) -> String {
    if matches!(port, 80 | 443) { host.to_owned() } else { format!("{host}:{port}") }
}

async fn save(
    p: &Process,
    o: &Options,
    request: &Fetch,
    answer: Fetched,
    dialect: Dialect,
) -> Done {
    let quiet = o.has('q') || o.has('ν');
    if dialect == Dialect::Gnu && !quiet {
        let (status, reason) = (answer.status, answer.reason());
        p.err(format!("connected.\nHTTP request sent, awaiting response... {status} {reason}"))
            .await;
    }
    if o.has('S') {
        let head = answer.headers.iter().map(|(n, v)| format!("  {n}: {v}\n")).collect::<String>();
        p.err(format!("  HTTP/1.1 {} {}\n{head}", answer.status, answer.reason()).trim_end()).await;
    }
    if answer.status >= 400 {
        let (status, reason) = (answer.status, answer.reason());
        let (text, code) = match dialect {
            Dialect::Busybox => {
                (format!("wget: server returned error: HTTP/1.1 {status} {reason}"), 1)
            }
            Dialect::Gnu => {
                let now = p.clock.now().strftime("%Y-%m-%d %H:%M:%S");
                (format!("{now} ERROR {status}: {reason}."), 8)
            }
        };
        if dialect == Dialect::Busybox || !quiet {
            p.err(text).await;
        }
        return Ok(code);
    }
    if o.has('s') {
        if dialect == Dialect::Busybox && !quiet {
            p.err("remote file exists").await;
        }
        return Ok(0);
    }
    let path = request.path.split('?').next().unwrap_or("");
    let own = path.rsplit('/').next().filter(|n| !n.is_empty()).unwrap_or("index.html");
    let name = match (o.value('O'), o.value('P')) {
        (Some(name), _) => name.to_owned(),
        (None, Some(folder)) => format!("{folder}/{own}"),
        (None, None) => own.to_owned(),
    };
    let output: Result<Output, _> =
        if name == "-" { Ok(p.stdout.clone()) } else { redirect::sink(p, &name, false) };
    let size = answer.body.len().min(LARGEST);
    match output {
        Ok(output) => output.write(&answer.body[..size]).await?,
        Err(why) => {
            p.err(format!("wget: can't open '{name}': {why}")).await;
            return Ok(1);
        }
    }
    if !quiet {
        saved(p, &answer, &name, size, dialect).await;
    }
    Ok(0)
}

/// What is said of what was written.
async fn saved(p: &Process, answer: &Fetched, name: &str, size: usize, dialect: Dialect) {
    let shown = if name == "-" { "STDOUT" } else { name };
    if dialect == Dialect::Gnu {
        let kind = answer.header("content-type").unwrap_or("text/html").split(';').next();
        let when = p.clock.now().strftime("%Y-%m-%d %H:%M:%S");
        let kind = kind.unwrap_or_default();
        p.err(format!(
            "Length: {size} [{kind}]\nSaving to: ‘{shown}’\n\n{shown:<20} 100%[===================>] {size:>7}  --.-KB/s    in 0s\n\n{when} (1.00 MB/s) - ‘{shown}’ saved [{size}/{size}]\n"
        ))
        .await;
        return;
    }
    let to = if name == "-" { "writing to stdout".into() } else { format!("saving to '{name}'") };
    let bar = "*".repeat(32);
    let label: String = name.chars().take(20).collect();
    p.err(format!("{to}\n{label:<20} 100% |{bar}| {size:>5}  0:00:00 ETA")).await;
    let end = if name == "-" { "written to stdout".into() } else { format!("'{name}' saved") };
    p.err(end).await;
}
