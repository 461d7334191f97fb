//! `curl`, `wget`, `getent` and `nslookup`, inside the simulated network: there is no other.

use super::options;
use crate::sim::shell::{
    io::{LARGEST, Output},
    machine::{Fetch, Fetched, NetError},
    options::{Known, Options},
    process::{Done, Process},
    redirect,
};
use futures_util::future::{Either, select};
use jiff::SignedDuration;

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

const CURL: Known = Known {
    letters: "sSkLiIvfo:OX:H:d:w:m:u:A:GN4e:T:x:b:c:F:",
    long: &[
        ("silent", 's'),
        ("show-error", 'S'),
        ("insecure", 'k'),
        ("location", 'L'),
        ("include", 'i'),
        ("head", 'I'),
        ("verbose", 'v'),
        ("fail", 'f'),
        ("output", 'o'),
        ("request", 'X'),
        ("header", 'H'),
        ("data", 'd'),
        ("write-out", 'w'),
        ("max-time", 'm'),
        ("connect-timeout", 'm'),
        ("user", 'u'),
        ("user-agent", 'A'),
        ("retry", 'e'),
        ("cacert", 'e'),
    ],
    strict: false,
};

pub async fn curl(p: &mut Process, argv: &[String]) -> Done {
    let o = match CURL.read(&argv[1..]) {
        Ok(o) => o,
        Err(why) => {
            let why =
                why.replace("unrecognized option", "option").replace("invalid option --", "option");
            p.err(format!("curl: {why}: is unknown\ncurl: try 'curl --help' or 'curl --manual' for more information")).await;
            return Ok(2);
        }
    };
    if o.rest.is_empty() {
        p.err("curl: try 'curl --help' or 'curl --manual' for more information").await;
        return Ok(2);
    }
    let mut code = 0;
    for target in o.rest.clone() {
        p.step().await?;
        code = transfer(p, &o, &target).await?;
    }
    Ok(code)
}

async fn say(p: &Process, o: &Options, text: String) {
    if !o.has('s') || o.has('S') {
        p.err(text).await;
    }
}

/// Most redirections that are followed. Source: curl's default.
const MOST_REDIRECTS: usize = 50;

async fn transfer(p: &mut Process, o: &Options, target: &str) -> Done {
    let Some(mut request) = url(target) else {
        let scheme = target.split("://").next().unwrap_or("").to_owned();
        let unsupported = target.contains("://");
        let (code, why) = match unsupported {
            true => (1, format!("(1) Protocol \"{scheme}\" not supported")),
            false => (3, "(3) URL using bad/illegal format or missing URL".to_owned()),
        };
        say(p, o, format!("curl: {why}")).await;
        return Ok(code);
    };
    prepare(o, &mut request);
    let limit = o.value('m').and_then(|m| m.parse::<f64>().ok());
    for _ in 0..MOST_REDIRECTS {
        if o.has('v') {
            p.err(format!(
                "* Connected to {} port {}\n> {} {} HTTP/1.1\n> Host: {}\n>",
                request.host, request.port, request.method, request.path, request.host
            ))
            .await;
        }
        let answer = match fetch(p, request.clone(), limit).await {
            Ok(answer) => answer,
            Err(failed) => return fail(p, o, &request, failed).await,
        };
        let location = answer.header("location").map(str::to_owned);
        if let Some(next) = location.filter(|_| o.has('L') && (300..400).contains(&answer.status)) {
            let whole = if next.contains("://") {
                next
            } else {
                format!(
                    "{}://{}:{}{next}",
                    if request.secure { "https" } else { "http" },
                    request.host,
                    request.port
                )
            };
            match url(&whole) {
                Some(next) => request = next,
                None => return Ok(3),
            }
            continue;
        }
        return show(p, o, &request, answer).await;
    }
    say(p, o, format!("curl: (47) Maximum ({MOST_REDIRECTS}) redirects followed")).await;
    Ok(47)
}

fn prepare(o: &Options, request: &mut Fetch) {
    let data: Vec<&str> = o.values('d').collect();
    if !data.is_empty() {
        request.method = "POST".into();
        request.body = data.join("&").into();
    }
    if o.has('I') {
        request.method = "HEAD".into();
    }
    if let Some(method) = o.value('X') {
        request.method = method.to_owned();
    }
    let agent = o.value('A').unwrap_or("curl/7.76.1");
    request.headers.push(("User-Agent".into(), agent.into()));
    for line in o.values('H') {
        if let Some((name, value)) = line.split_once(':') {
            request.headers.push((name.trim().into(), value.trim().into()));
        }
    }
}

/// Why a request came to nothing.
enum Failed {
    Net(NetError),
    TimedOut,
}

async fn fetch(p: &Process, request: Fetch, limit: Option<f64>) -> Result<Fetched, Failed> {
    let answer = p.machine.fetch(request);
    let Some(limit) = limit else { return answer.await.map_err(Failed::Net) };
    let time = SignedDuration::try_from_secs_f64(limit.clamp(0.0, 1e6)).unwrap_or_default();
    let until = p.clock.now().saturating_add(time).unwrap_or(jiff::Timestamp::MAX);
    match select(answer, p.clock.sleep_until(until)).await {
        Either::Left((answer, _)) => answer.map_err(Failed::Net),
        Either::Right(_) => Err(Failed::TimedOut),
    }
}

async fn fail(p: &Process, o: &Options, request: &Fetch, failed: Failed) -> Done {
    let (host, port) = (&request.host, request.port);
    let (code, why) = match failed {
        Failed::Net(NetError::Unknown) => (6, format!("Could not resolve host: {host}")),
        Failed::Net(NetError::Refused(_)) => {
            (7, format!("Failed to connect to {host} port {port}: Connection refused"))
        }
        Failed::Net(NetError::Unreachable(_)) => {
            (7, format!("Failed to connect to {host} port {port}: No route to host"))
        }
        Failed::TimedOut => (28, "Connection timed out".to_owned()),
    };
    say(p, o, format!("curl: ({code}) {why}")).await;
    if let Some(format) = o.value('w') {
        let text = written(format, &Fetched::default());
        p.out(text).await?;
    }
    Ok(code)
}

async fn show(p: &Process, o: &Options, request: &Fetch, answer: Fetched) -> Done {
    if o.has('f') && answer.status >= 400 {
        say(p, o, format!("curl: (22) The requested URL returned error: {}", answer.status)).await;
        return Ok(22);
    }
    let output = match o.value('o') {
        _ if o.has('O') => {
            let name = request.path.rsplit('/').next().filter(|n| !n.is_empty());
            redirect::sink(p, name.unwrap_or("index.html"), false)
        }
        Some(file) => redirect::sink(p, file, false),
        None => Ok(p.stdout.clone()),
    };
    let Ok(output) = output else {
        say(p, o, "curl: (23) Failure writing output to destination".into()).await;
        return Ok(23);
    };
    let head = o.has('i') || o.has('I');
    if head || o.has('v') {
        let lines = answer.headers.iter().map(|(n, v)| format!("{n}: {v}\r\n"));
        let text = format!(
            "HTTP/1.1 {} {}\r\n{}\r\n",
            answer.status,
            answer.reason(),
            lines.collect::<String>()
        );
        if head {
            output.write(text.as_bytes()).await?;
        } else {
            p.err(text.lines().map(|l| format!("< {l}")).collect::<Vec<_>>().join("\n")).await;
        }
    }
    if request.method != "HEAD" {
        output.write(&answer.body).await?;
    }
    if let Some(format) = o.value('w') {
        p.out(written(format, &answer)).await?;
    }
    Ok(0)
}

/// `-w` with the variables scripts use.
fn written(format: &str, answer: &Fetched) -> String {
    let address = answer.address.map(|a| a.to_string()).unwrap_or_default();
    let text = format
        .replace("%{http_code}", &format!("{:03}", answer.status))
        .replace("%{response_code}", &format!("{:03}", answer.status))
        .replace("%{size_download}", &answer.body.len().to_string())
        .replace("%{remote_ip}", &address)
        .replace("%{time_total}", "0.001234");
    crate::sim::shell::escapes::decode(&text).0
}

impl Fetched {
    /// A header by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// The text beside the status code.
    pub fn reason(&self) -> &'static str {
        match self.status {
            200 => "OK",
            201 => "Created",
            204 => "No Content",
            301 => "Moved Permanently",
            302 => "Found",
            400 => "Bad Request",
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "Not Found",
            405 => "Method Not Allowed",
            500 => "Internal Server Error",
            503 => "Service Unavailable",
            _ => "",
        }
    }
}

pub async fn wget(p: &mut Process, argv: &[String]) -> Done {
    // `-qO-` is one word to people and two options to `getopt`.
    let long = &[("quiet", 'q'), ("output-document", 'O'), ("spider", 'p'), ("timeout", 'T')];
    let known = Known { letters: "qO:T:Sct:p", long, strict: false };
    let args: Vec<String> =
        argv.iter().filter(|a| *a != "--no-check-certificate").cloned().collect();
    let Some(o) = options(p, &args, &known).await else { return Ok(2) };
    let Some(target) = o.rest.first().cloned() else {
        p.err("wget: missing URL").await;
        return Ok(1);
    };
    let Some(request) = url(&target) else {
        p.err(format!("wget: bad address '{target}'")).await;
        return Ok(1);
    };
    let limit = o.value('T').and_then(|t| t.parse().ok());
    let (host, port) = (request.host.clone(), request.port);
    let path = request.path.clone();
    let answer = match fetch(p, request, limit).await {
        Ok(answer) => answer,
        Err(failed) => {
            let why = match failed {
                Failed::Net(NetError::Unknown) => format!("bad address '{host}:{port}'"),
                Failed::Net(NetError::Refused(a)) => {
                    format!("can't connect to remote host ({a}): Connection refused")
                }
                Failed::Net(NetError::Unreachable(a)) => {
                    format!("can't connect to remote host ({a}): No route to host")
                }
                Failed::TimedOut => "download timed out".into(),
            };
            p.err(format!("wget: {why}")).await;
            return Ok(1);
        }
    };
    if !o.has('q') {
        let address = answer.address.map(|a| a.to_string()).unwrap_or_default();
        p.err(format!("Connecting to {host}:{port} ({address}:{port})")).await;
    }
    if answer.status >= 400 {
        p.err(format!(
            "wget: server returned error: HTTP/1.1 {} {}",
            answer.status,
            answer.reason()
        ))
        .await;
        return Ok(1);
    }
    if o.has('p') {
        return Ok(0);
    }
    let name = path.split('?').next().unwrap_or("").rsplit('/').next().unwrap_or("");
    let name = o.value('O').unwrap_or(if name.is_empty() { "index.html" } else { name });
    let output: Result<Output, _> =
        if name == "-" { Ok(p.stdout.clone()) } else { redirect::sink(p, name, false) };
    match output {
        Ok(output) => output.write(&answer.body[..answer.body.len().min(LARGEST)]).await?,
        Err(why) => {
            p.err(format!("wget: can't open '{name}': {why}")).await;
            return Ok(1);
        }
    }
    Ok(0)
}

pub async fn getent(p: &mut Process, argv: &[String]) -> Done {
    let (kind, key) = match argv {
        [_, kind, key, ..] => (kind.as_str(), key.as_str()),
        _ => {
            p.err("getent: wrong number of arguments").await;
            return Ok(1);
        }
    };
    if kind == "hosts" || kind == "ahosts" {
        let found = p.machine.resolve(key);
        for address in &found {
            p.out(format!("{:<15} {key}\n", address.to_string())).await?;
        }
        return Ok(if found.is_empty() { 2 } else { 0 });
    }
    let text = p.fs.read(&format!("/etc/{kind}"), &p.who).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let fits = |l: &&str| {
        let mut parts = l.split(':');
        parts.next() == Some(key) || parts.nth(1) == Some(key)
    };
    match text.lines().find(fits) {
        Some(line) => {
            p.out(format!("{line}\n")).await?;
            Ok(0)
        }
        None => Ok(2),
    }
}

pub async fn nslookup(p: &mut Process, argv: &[String]) -> Done {
    let Some(name) = argv.get(1) else { return Ok(1) };
    let conf = p.fs.read("/etc/resolv.conf", &p.who).unwrap_or_default();
    let conf = String::from_utf8_lossy(&conf).into_owned();
    let server = conf.lines().find_map(|l| l.strip_prefix("nameserver ")).unwrap_or("127.0.0.1");
    p.out(format!("Server:\t\t{server}\nAddress:\t{server}#53\n\n")).await?;
    let found = p.machine.resolve(name);
    if found.is_empty() {
        p.out(format!("** server can't find {name}: NXDOMAIN\n\n")).await?;
        return Ok(1);
    }
    for address in found {
        p.out(format!("Name:\t{name}\nAddress: {address}\n")).await?;
    }
    p.out("\n").await?;
    Ok(0)
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
