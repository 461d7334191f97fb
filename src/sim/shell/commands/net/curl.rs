//! `curl`.

use super::{Failed, Limits, fetch, resolve, url};
use crate::sim::shell::{
    io::{LARGEST, Output},
    machine::{Fetch, Fetched, NetError},
    options::{Known, Options},
    process::{Done, Process},
    redirect,
};
use base64::{Engine, engine::general_purpose::STANDARD};

/// Letters for long options: those that have one, and capital Greek ones for those that have none.
const CURL: Known = Known {
    letters: "sSkLiIvfgqGNo:OX:H:d:w:m:u:A:e:T:x:b:c:F:4601Y:y:K:E:Γ:Δ:Θ:Λ:Ξ:Π:Σ:Φ:#Ω",
    long: &[
        ("silent", 's'),
        ("show-error", 'S'),
        ("insecure", 'k'),
        ("location", 'L'),
        ("include", 'i'),
        ("head", 'I'),
        ("verbose", 'v'),
        ("fail", 'f'),
        ("globoff", 'g'),
        ("disable", 'q'),
        ("get", 'G'),
        ("no-buffer", 'N'),
        ("output", 'o'),
        ("remote-name", 'O'),
        ("request", 'X'),
        ("header", 'H'),
        ("data", 'd'),
        ("data-ascii", 'd'),
        ("write-out", 'w'),
        ("max-time", 'm'),
        ("user", 'u'),
        ("user-agent", 'A'),
        ("referer", 'e'),
        ("upload-file", 'T'),
        ("proxy", 'x'),
        ("cookie", 'b'),
        ("cookie-jar", 'c'),
        ("form", 'F'),
        ("ipv4", '4'),
        ("ipv6", '6'),
        ("http1.1", '1'),
        ("cert", 'E'),
        ("key", 'Π'),
        ("cacert", 'Γ'),
        ("capath", 'Γ'),
        ("connect-timeout", 'Δ'),
        ("interface", 'Θ'),
        ("data-raw", 'Λ'),
        ("data-binary", 'Ξ'),
        ("retry", 'Σ'),
        ("retry-delay", 'Σ'),
        ("retry-max-time", 'Σ'),
        ("resolve", 'Φ'),
        ("noproxy", 'Σ'),
        ("progress-bar", '#'),
        ("retry-connrefused", 'Ω'),
        ("retry-all-errors", 'Ω'),
        ("compressed", 'Ω'),
        ("no-progress-meter", 'Ω'),
        ("http2", 'Ω'),
        ("http1.0", '0'),
        ("fail-with-body", 'f'),
    ],
    strict: false,
};

/// A version, and the words it has for a connection that fails.
#[derive(Clone, Copy)]
struct Version {
    number: &'static str,
    /// Whether it says how long it tried instead of why it failed.
    terse: bool,
}

/// curl as Red Hat has it.
pub async fn old(p: &mut Process, argv: &[String]) -> Done {
    curl(p, argv, Version { number: "7.76.1", terse: false }).await
}

/// curl as Alpine and Debian have it.
pub async fn new(p: &mut Process, argv: &[String]) -> Done {
    curl(p, argv, Version { number: "8.14.1", terse: true }).await
}

async fn curl(p: &mut Process, argv: &[String], version: Version) -> Done {
    if argv.iter().any(|a| a == "--version" || a == "-V") {
        p.out(format!("curl {} (x86_64-pc-linux-gnu) libcurl/{0} OpenSSL\nProtocols: file ftp ftps http https\n", version.number)).await?;
        return Ok(0);
    }
    let o = match CURL.read(&argv[1..]) {
        Ok(o) => o,
        Err(why) => {
            let why =
                why.replace("unrecognized option", "option").replace("invalid option --", "option");
            let help = "curl: try 'curl --help' or 'curl --manual' for more information";
            p.err(format!("curl: {why}: is unknown\n{help}")).await;
            return Ok(2);
        }
    };
    if o.rest.is_empty() {
        p.err("curl: (2) no URL specified\ncurl: try 'curl --help' or 'curl --manual' for more information").await;
        return Ok(2);
    }
    let mut code = 0;
    for target in o.rest.clone() {
        p.step().await?;
        let run = Transfer { o: &o, version };
        code = run.repeated(p, &target).await?;
    }
    Ok(code)
}

/// Most redirections that are followed. Source: curl's default.
const MOST_REDIRECTS: usize = 50;

/// Codes that `--retry` tries again after: timeouts, and with `--retry-connrefused` refusals.
const TRANSIENT: [i32; 1] = [28];

struct Transfer<'a> {
    o: &'a Options,
    version: Version,
}

impl Transfer<'_> {
    async fn say(&self, p: &Process, text: String) {
        if !self.o.has('s') || self.o.has('S') {
            p.err(text).await;
        }
    }

    /// With `--retry`, again as long as there is hope.
    async fn repeated(&self, p: &mut Process, target: &str) -> Done {
        let times = self.o.value('Σ').and_then(|n| n.parse::<u32>().ok()).unwrap_or(0);
        let mut wait = 1;
        for left in (0..=times).rev() {
            let code = self.transfer(p, target).await?;
            let again = TRANSIENT.contains(&code) || (self.o.has('Ω') && matches!(code, 6 | 7));
            if code == 0 || left == 0 || !again {
                return Ok(code);
            }
            self.say(
                p,
                format!(
                    "Warning: Problem : timeout. Will retry in {wait} seconds. {left} retries left."
                ),
            )
            .await;
            p.sleep(jiff::SignedDuration::from_secs(wait)).await;
            wait = (wait * 2).min(600);
        }
        Ok(0)
    }

    async fn transfer(&self, p: &mut Process, target: &str) -> Done {
        let Some(mut request) = url(target) else { return self.bad(p, target).await };
        if let Err((code, why)) = self.prepare(p, &mut request).await {
            self.say(p, format!("curl: ({code}) {why}")).await;
            return Ok(code);
        }
        let number = |letter| self.o.value(letter).and_then(|m| m.parse::<f64>().ok());
        let limits = Limits { connect: number('Δ'), whole: number('m') };
        for _ in 0..MOST_REDIRECTS {
            let to = match self.address(p, &request).await {
                Ok(to) => to,
                Err(why) => return self.fail(p, &request, Failed::Net(why)).await,
            };
            if self.o.has('v') {
                self.verbose(p, &request, to).await;
            }
            let answer = match fetch(p, to, request.clone(), limits).await {
                Ok(answer) => answer,
                Err(failed) => return self.fail(p, &request, failed).await,
            };
            let next = answer.header("location").map(|to| moved(&request, to));
            match next.filter(|_| self.o.has('L') && (300..400).contains(&answer.status)) {
                None => return self.show(p, &request, answer).await,
                Some(None) => return Ok(3),
                Some(Some(next)) => request = next,
            }
        }
        self.say(p, format!("curl: (47) Maximum ({MOST_REDIRECTS}) redirects followed")).await;
        Ok(47)
    }

    async fn bad(&self, p: &Process, target: &str) -> Done {
        let (code, why) = match target.split_once("://") {
            Some((scheme, _)) if !scheme.starts_with("http") => {
                (1, format!("(1) Protocol \"{scheme}\" not supported"))
            }
            _ => (3, "(3) URL using bad/illegal format or missing URL".to_owned()),
        };
        self.say(p, format!("curl: {why}")).await;
        Ok(code)
    }

    /// Where a request goes: by `--resolve`, or by name.
    async fn address(&self, p: &Process, request: &Fetch) -> Result<std::net::Ipv4Addr, NetError> {
        for rule in self.o.values('Φ') {
            let parts: Vec<&str> = rule.splitn(3, ':').collect();
            if let [host, port, address] = parts.as_slice()
                && *host == request.host
                && port.parse() == Ok(request.port)
            {
                return address.parse().map_err(|_| NetError::Unknown);
            }
        }
        let host = resolve::lookup(p, &request.host).await?;
        host.addresses.first().copied().ok_or(NetError::Unknown)
    }

    async fn prepare(&self, p: &Process, request: &mut Fetch) -> Result<(), (i32, String)> {
        let o = self.o;
        let mut data = Vec::new();
        for letter in ['d', 'Λ', 'Ξ'] {
            for text in o.values(letter) {
                data.push(self.data(p, letter, text).await?);
            }
        }
        let body = data.join(&b"&"[..]);
        if !data.is_empty() && o.has('G') {
            let mark = if request.path.contains('?') { '&' } else { '?' };
            request.path = format!("{}{mark}{}", request.path, String::from_utf8_lossy(&body));
        } else if !data.is_empty() {
            request.method = "POST".into();
            let kind = "application/x-www-form-urlencoded";
            request.headers.push(("Content-Type".into(), kind.into()));
            request.body = body.into();
        }
        if let Some(file) = o.value('T') {
            request.method = "PUT".into();
            request.body = self.file(p, file).await?.into();
        }
        if o.has('F') {
            self.form(p, request).await?;
        }
        if o.has('I') {
            request.method = "HEAD".into();
        }
        if let Some(method) = o.value('X') {
            request.method = method.to_owned();
        }
        self.headers(request);
        Ok(())
    }

    /// Headers: those given replace curl's own, and one without a value takes it away.
    fn headers(&self, request: &mut Fetch) {
        let agent = format!("curl/{}", self.version.number);
        request.headers.push(("Accept".into(), "*/*".into()));
        request.headers.push(("User-Agent".into(), self.o.value('A').unwrap_or(&agent).into()));
        if let Some(user) = self.o.value('u') {
            let value = format!("Basic {}", STANDARD.encode(user));
            request.headers.push(("Authorization".into(), value));
        }
        for (letter, name) in [('e', "Referer"), ('b', "Cookie")] {
            if let Some(value) = self.o.value(letter) {
                request.headers.push((name.into(), value.into()));
            }
        }
        for line in self.o.values('H') {
            let Some((name, value)) = line.split_once(':') else { continue };
            request.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name.trim()));
            if !value.trim().is_empty() {
                request.headers.push((name.trim().into(), value.trim().into()));
            }
        }
    }

    /// The value of a data option: a text, or with `@` a file without its line ends.
    async fn data(&self, p: &Process, letter: char, text: &str) -> Result<Vec<u8>, (i32, String)> {
        let Some(file) = text.strip_prefix('@').filter(|_| letter != 'Λ') else {
            return Ok(text.as_bytes().to_vec());
        };
        let mut bytes = self.file(p, file).await?;
        if letter == 'd' {
            bytes.retain(|b| !matches!(b, b'\n' | b'\r'));
        }
        Ok(bytes)
    }

    async fn file(&self, p: &Process, file: &str) -> Result<Vec<u8>, (i32, String)> {
        let open = || (26, format!("Failed to open/read local data from file/application: {file}"));
        if file == "-" {
            return p.stdin.all(LARGEST).await.map_err(|_| open());
        }
        p.fs.read(&p.path(file), &p.who).map(|b| b.to_vec()).map_err(|_| open())
    }

    /// `-F name=value`, `-F name=@file`
    async fn form(&self, p: &Process, request: &mut Fetch) -> Result<(), (i32, String)> {
        let mark = "------------------------d74496d66958873e";
        let mut body = Vec::new();
        for part in self.o.values('F') {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (head, data) = match value.strip_prefix('@') {
                None => (String::new(), value.as_bytes().to_vec()),
                Some(file) => {
                    let short = file.rsplit('/').next().unwrap_or(file);
                    let kind = "\r\nContent-Type: application/octet-stream";
                    (format!("; filename=\"{short}\"{kind}"), self.file(p, file).await?)
                }
            };
            let line = format!("--{mark}\r\nContent-Disposition: form-data; name=\"{name}\"{head}");
            body.extend([line.as_bytes(), b"\r\n\r\n", &data, b"\r\n"].concat());
        }
        body.extend(format!("--{mark}--\r\n").into_bytes());
        request.method = "POST".into();
        let kind = format!("multipart/form-data; boundary={mark}");
        request.headers.push(("Content-Type".into(), kind));
        request.body = body.into();
        Ok(())
    }

    async fn verbose(&self, p: &Process, request: &Fetch, to: std::net::Ipv4Addr) {
        let (host, port) = (&request.host, request.port);
        let headers: String =
            request.headers.iter().map(|(n, v)| format!("> {n}: {v}\n")).collect();
        let shown = if port == 80 || port == 443 { host.clone() } else { format!("{host}:{port}") };
        p.err(format!(
            "*   Trying {to}:{port}...\n* Connected to {host} ({to}) port {port} (#0)\n> {} {} \
             HTTP/1.1\n> Host: {shown}\n{headers}> ",
            request.method, request.path
        ))
        .await;
    }

    async fn fail(&self, p: &Process, request: &Fetch, failed: Failed) -> Done {
        let (host, port) = (&request.host, request.port);
        let place = format!("Failed to connect to {host} port {port}");
        let connect = |why: &str| match self.version.terse {
            true => format!("{place} after 0 ms: Could not connect to server"),
            false => format!("{place}: {why}"),
        };
        let (code, why) = match failed {
            Failed::Net(NetError::Unknown) => (6, format!("Could not resolve host: {host}")),
            Failed::Net(NetError::Refused(_)) => (7, connect("Connection refused")),
            Failed::Net(NetError::Unreachable(_)) => (7, connect("No route to host")),
            Failed::Net(NetError::Dropped(_)) => (28, connect("Connection timed out")),
            Failed::Net(NetError::Closed) => (52, "Empty reply from server".to_owned()),
            Failed::Net(NetError::Secure) => (52, "Empty reply from server".to_owned()),
            Failed::Net(NetError::Plain) => {
                (35, "error:0A00010B:SSL routines::wrong version number".to_owned())
            }
            Failed::TimedOut(seconds) => {
                let ms = (seconds * 1000.0) as u64 + 1;
                (28, format!("Connection timed out after {ms} milliseconds"))
            }
        };
        self.say(p, format!("curl: ({code}) {why}")).await;
        if let Some(format) = self.o.value('w') {
            p.out(written(format, &Fetched::default())).await?;
        }
        Ok(code)
    }

    async fn show(&self, p: &Process, request: &Fetch, answer: Fetched) -> Done {
        let o = self.o;
        if o.has('f') && answer.status >= 400 {
            let why = format!("The requested URL returned error: {}", answer.status);
            self.say(p, format!("curl: (22) {why}")).await;
            return Ok(22);
        }
        let Ok(output) = self.output(p, request) else {
            self.say(p, "curl: (23) Failure writing output to destination".into()).await;
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
            }
            if o.has('v') {
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

    fn output(&self, p: &Process, request: &Fetch) -> Result<Output, ()> {
        let file = match self.o.value('o') {
            _ if self.o.has('O') => {
                let path = request.path.split('?').next().unwrap_or("");
                let name = path.rsplit('/').next().filter(|n| !n.is_empty());
                Some(name.unwrap_or("curl_response"))
            }
            Some("-") | None => None,
            file => file,
        };
        match file {
            None => Ok(p.stdout.clone()),
            Some(file) => redirect::sink(p, file, false).map_err(|_| ()),
        }
    }
}

/// Where a redirection leads.
fn moved(request: &Fetch, to: &str) -> Option<Fetch> {
    let scheme = if request.secure { "https" } else { "http" };
    let place = format!("{scheme}://{}:{}", request.host, request.port);
    let whole = match to {
        _ if to.contains("://") => to.to_owned(),
        _ if to.starts_with('/') => format!("{place}{to}"),
        _ => format!("{place}{}/{to}", request.path.rsplit_once('/').map_or("", |(f, _)| f)),
    };
    Some(Fetch { headers: request.headers.clone(), ..url(&whole)? })
}

/// `-w` with the variables scripts use.
fn written(format: &str, answer: &Fetched) -> String {
    let address = answer.address.map(|a| a.to_string()).unwrap_or_default();
    let kind = answer.header("content-type").unwrap_or_default();
    let text = format
        .replace("%{http_code}", &format!("{:03}", answer.status))
        .replace("%{response_code}", &format!("{:03}", answer.status))
        .replace("%{size_download}", &answer.body.len().to_string())
        .replace("%{content_type}", kind)
        .replace("%{remote_ip}", &address)
        .replace("%{num_redirects}", "0")
        .replace("%{time_connect}", "0.000412")
        .replace("%{time_total}", "0.001234");
    crate::sim::shell::escapes::decode(&text).0
}
