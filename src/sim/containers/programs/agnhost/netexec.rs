//! `agnhost netexec`: answers what it is asked over HTTP and UDP, and asks others.

use super::{Answer, Query, address, get, klog};
use crate::{
    catalog::End,
    object::json,
    runtime::{Fetch, Fetched},
    sim::{
        containers::programs::{Call, Program, Scene},
        images::process::Process,
        shell::{fs::Content, machine::NetError, process::Borrowed},
    },
};
use bytes::Bytes;
use jiff::SignedDuration;
use std::collections::BTreeMap;

/// Its ports, unless flags say others.
const HTTP: u16 = 8080;
const UDP: u16 = 8081;

/// The program.
pub struct Netexec;

fn port(call: &Call<'_>, flag: &str, own: u16) -> Option<u16> {
    call.number(flag).map_or(Some(own), |p| u16::try_from(p).ok())
}

impl Program for Netexec {
    fn facts(&self, call: &Call<'_>, known: Process) -> Process {
        let delay = call.number("delay-shutdown").unwrap_or(0).max(0);
        Process {
            serves: port(call, "http-port", HTTP).into_iter().collect(),
            datagrams: port(call, "udp-port", UDP).into_iter().collect(),
            ends: None,
            on_term: Some(End { after: delay as f64, code: 0 }),
            ..known
        }
    }

    fn says(&self, call: &Call<'_>) -> Vec<(f64, String)> {
        let mut lines = Vec::new();
        if let Some(port) = port(call, "http-port", HTTP) {
            lines.push((
                0.0,
                format!("I{{klog}}       1 log.go:198] Started HTTP server on port {port}"),
            ));
        }
        if let Some(port) = port(call, "udp-port", UDP) {
            lines.push((
                0.0,
                format!("I{{klog}}       1 log.go:198] Started UDP server on port  {port}"),
            ));
        }
        lines
    }

    fn secure_ports(&self, call: &Call<'_>) -> Option<Vec<u16>> {
        let secure = call.flag("tls-cert-file").is_some_and(|f| !f.is_empty());
        Some(port(call, "http-port", HTTP).filter(|_| secure).into_iter().collect())
    }

    fn logs_requests(&self) -> bool {
        true
    }

    fn is_choosy(&self) -> bool {
        true
    }

    fn request<'a>(&'a self, scene: &'a Scene<'a>, request: &'a Fetch) -> Answer<'a> {
        Box::pin(async move {
            match scene.call.flag("http-override") {
                Some(path) if !path.is_empty() => {
                    let other = Fetch { path: path.to_owned(), ..request.clone() };
                    answer(scene, &other).await
                }
                _ => answer(scene, request).await,
            }
        })
    }

    fn datagram<'a>(&'a self, scene: &'a Scene<'a>, data: &'a [u8]) -> Borrowed<'a, Option<Bytes>> {
        let answer = told(scene, String::from_utf8_lossy(data).trim());
        Box::pin(std::future::ready(answer.map(Bytes::from)))
    }
}

/// What it answers to a datagram.
fn told(scene: &Scene<'_>, text: &str) -> Option<String> {
    let text = text.to_lowercase();
    let client = client(scene);
    let port = scene.port();
    let (log, answer) = match text.split_once(' ').unwrap_or((&text, "")) {
        ("hostname", "") => ("Sending udp hostName response".into(), Some(scene.hostname())),
        ("echo", rest) if text.starts_with("echo ") => {
            (format!("Echoing {rest} to UDP client {client}"), Some(rest.to_owned()))
        }
        ("clientip", "") => (format!("Sending clientip back to UDP client {client}"), Some(client)),
        ("serverport", "") => {
            (format!("Sending server port to UDP client {port}"), Some(port.to_string()))
        }
        ("", "") => return None,
        _ => (format!("Unknown UDP command received from {client}: {text}"), None),
    };
    say(scene, &log);
    answer
}

fn say(scene: &Scene<'_>, line: &str) {
    scene.say(&klog(scene.now(), line));
}

/// Address and port of who asks. The port follows from both sides, as it must be some.
fn client(scene: &Scene<'_>) -> String {
    let seed = scene
        .client
        .bytes()
        .fold(u32::from(scene.port()), |n, b| n.wrapping_mul(31) + u32::from(b));
    format!("{}:{}", scene.client, 32_768 + seed % 28_000)
}

async fn answer(scene: &Scene<'_>, request: &Fetch) -> Fetched {
    let query = Query::of(request);
    match query.path.as_str() {
        "/hostname" | "/hostName" => {
            say(scene, &format!("GET {}", query.path));
            scene.text(200, scene.hostname())
        }
        "/clientip" => {
            say(scene, "GET /clientip");
            scene.text(200, client(scene))
        }
        "/serverport" => {
            say(scene, "GET /serverport");
            scene.text(200, port(&scene.call, "http-port", HTTP).unwrap_or(HTTP).to_string())
        }
        "/header" => header(scene, request, &query),
        "/echo" => echo(scene, &query),
        "/healthz" => {
            say(scene, "GET /healthz");
            let up = port(&scene.call, "udp-port", UDP).is_some();
            scene.text(if up { 200 } else { 412 }, "")
        }
        "/readyz" => ready(scene),
        "/redirect" => redirect(scene, request, &query),
        "/dial" => dial(scene, &query).await,
        "/shell" => shell(scene, &query).await,
        "/shutdown" => {
            say(scene, "GET /shutdown");
            scene.exit(0);
            scene.text(200, "")
        }
        "/exit" => exit(scene, &query).await,
        "/upload" => upload(scene, request),
        _ => {
            say(scene, "GET /");
            scene.text(
                200,
                format!("NOW: {}", scene.now().strftime("%Y-%m-%d %H:%M:%S.%9f +0000 UTC m=+%s")),
            )
        }
    }
}

fn header(scene: &Scene<'_>, request: &Fetch, query: &Query) -> Fetched {
    let key = query.get("key");
    if key.is_empty() {
        say(scene, "GET /header");
        let mut all: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (name, value) in &request.headers {
            all.entry(canonical(name)).or_default().push(value);
        }
        return scene.text(200, json!(all).to_string());
    }
    say(scene, &format!("GET /header?key={key}"));
    scene.text(200, request.header(&key.to_lowercase()).unwrap_or("").to_owned())
}

/// A header's name as Go writes it.
fn canonical(name: &str) -> String {
    let part = |word: &str| {
        let mut chars = word.chars();
        let first = chars.next().map(|c| c.to_ascii_uppercase());
        first.into_iter().chain(chars.map(|c| c.to_ascii_lowercase())).collect::<String>()
    };
    name.split('-').map(part).collect::<Vec<_>>().join("-")
}

fn echo(scene: &Scene<'_>, query: &Query) -> Fetched {
    let (message, code) = (query.get("msg"), query.get("code"));
    say(scene, &format!("GET /echo?msg={message}&code={code}"));
    match code.parse::<u16>() {
        _ if code.is_empty() => scene.text(200, message.to_owned()),
        Ok(status) => scene.text(status, message.to_owned()),
        Err(_) => scene.text(200, not_a_number(code)),
    }
}

fn not_a_number(code: &str) -> String {
    format!("argument 'code' must be an integer or empty, got {code:?}\n")
}

fn ready(scene: &Scene<'_>) -> Fetched {
    say(scene, "GET /readyz");
    if scene.is_leaving() {
        return scene.text(503, "shutting down");
    }
    match port(&scene.call, "udp-port", UDP) {
        Some(_) => scene.text(200, "ok"),
        None => scene.text(412, ""),
    }
}

fn redirect(scene: &Scene<'_>, request: &Fetch, query: &Query) -> Fetched {
    let (location, code) = (query.get("location"), query.get("code"));
    say(scene, &format!("{} /redirect?msg={location}&code={code}", request.method));
    let status = if code.is_empty() { Some(302) } else { code.parse().ok() };
    match status {
        Some(status) => scene.redirect(status, location),
        None => scene.text(200, not_a_number(code)),
    }
}

async fn dial(scene: &Scene<'_>, query: &Query) -> Fetched {
    let [host, protocol, port, request, tries] =
        ["host", "protocol", "port", "request", "tries"].map(|name| query.get(name));
    say(
        scene,
        &format!(
            "GET /dial?host={host}&protocol={protocol}&port={port}&request={request}&tries={tries}"
        ),
    );
    let bad = |text: String| scene.text(400, text + "\n");
    let Ok(tries) = (if tries.is_empty() { Ok(1) } else { tries.parse::<u32>() }) else {
        return bad(format!(
            "tries parameter is invalid. strconv.Atoi: parsing {tries:?}: invalid syntax"
        ));
    };
    if request.is_empty() {
        return bad("request parameter not specified. <nil>".into());
    }
    let udp = match protocol.to_lowercase().as_str() {
        "" | "http" => false,
        "udp" => true,
        _ => return bad(format!("unsupported protocol. {protocol}")),
    };
    let place = address(scene, host).await.and_then(|to| {
        let number = port.parse::<u16>().map_err(|_| format!("lookup tcp/{port}: unknown port"));
        Ok((to, number?))
    });
    let (to, port) = match place {
        Ok(place) => place,
        Err(why) => return bad(format!("host and/or port param are invalid. {why}")),
    };
    let (mut responses, mut errors) = (Vec::new(), Vec::new());
    for _ in 0..tries.min(1000) {
        let asked = match udp {
            true => ask(scene, to, port, request).await,
            false => get(scene, to, &to.to_string(), port, &format!("/{request}")).await,
        };
        match asked {
            Ok(response) => responses.push(response),
            Err(error) => errors.push(error),
        }
    }
    let mut output = json!({});
    if responses.last().is_some_and(|r: &String| !r.is_empty()) {
        output["responses"] = json!(responses);
    }
    if !errors.is_empty() {
        output["errors"] = json!(errors);
    }
    scene.text(200, output.to_string())
}

/// Sends a datagram and waits for its answer.
async fn ask(
    scene: &Scene<'_>,
    to: std::net::Ipv4Addr,
    port: u16,
    text: &str,
) -> Result<String, String> {
    let from = scene.address();
    let failed = |why: &str| {
        format!(
            "reading from udp connection failed. err:'read udp {from}:40000->{to}:{port}: {why}'"
        )
    };
    let data = Bytes::copy_from_slice(text.as_bytes());
    match scene.machine().datagram(to, port, data).await {
        Ok(Some(answer)) => Ok(String::from_utf8_lossy(&answer).into_owned()),
        Err(NetError::Refused(_)) => Err(failed("read: connection refused")),
        Ok(None) | Err(_) => {
            scene.wait(super::PATIENCE).await;
            Err(failed("i/o timeout"))
        }
    }
}

async fn shell(scene: &Scene<'_>, query: &Query) -> Fetched {
    let command = match query.get("shellCommand") {
        "" => query.get("cmd"),
        own => own,
    };
    say(scene, &format!("GET /shell?cmd={command}"));
    let argv = ["/bin/sh", "-c", command].map(str::to_owned).to_vec();
    let (written, code) = match scene.run(argv).await {
        Ok(done) => done,
        Err(_) => (Vec::new(), 127),
    };
    let mut output = BTreeMap::new();
    if !written.is_empty() {
        output.insert("output", String::from_utf8_lossy(&written).into_owned());
    }
    if code != 0 {
        output.insert("error", format!("exit status {code}"));
    }
    let shown = output.iter().rev().map(|(n, t)| format!("{n}:{t}")).collect::<Vec<_>>().join(" ");
    say(scene, &format!("Output: map[{shown}]"));
    scene.text(200, json!(output).to_string())
}

/// Seconds of a duration as Go writes it, such as `1m30s`.
pub fn seconds(text: &str) -> Option<f64> {
    if text.is_empty() {
        return Some(0.0);
    }
    let (mut total, mut rest) = (0.0, text);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        let unit = rest[end..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |n| end + n);
        total += number
            * match &rest[end..unit] {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 0.001,
                "us" | "µs" => 0.000_001,
                _ => return None,
            };
        rest = &rest[unit..];
    }
    Some(total)
}

async fn exit(scene: &Scene<'_>, query: &Query) -> Fetched {
    let [code, timeout, wait] = ["code", "timeout", "wait"].map(|name| query.get(name));
    say(scene, &format!("GET /exit?code={code}&timeout={timeout}&wait={wait}"));
    let bad = |name: &str, value: &str| {
        let text = "must be a valid golang duration or empty, got";
        scene.text(200, format!("argument '{name}' {text} {value:?}\n"))
    };
    if seconds(timeout).is_none() {
        return bad("timeout", timeout);
    }
    let Some(pause) = seconds(wait) else { return bad("wait", wait) };
    let number = if code.is_empty() { Some(0) } else { code.parse::<i32>().ok() };
    let Some(number) = number else {
        let text = "argument 'code' must be an integer [0-127] or empty, got";
        return scene.text(200, format!("{text} {code:?}\n"));
    };
    let shown = |text: &str| if text.is_empty() { "0s".to_owned() } else { text.to_owned() };
    say(
        scene,
        &format!(
            "Will begin shutdown in {}, allowing {} for connections to close, then will exit with {number}",
            shown(wait),
            shown(timeout)
        ),
    );
    scene.pause(SignedDuration::try_from_secs_f64(pause.min(1e6)).unwrap_or_default()).await;
    scene.exit(number);
    scene.text(200, "")
}

/// The part of a form called `file`.
fn part(request: &Fetch) -> Option<Bytes> {
    let kind = request.header("content-type")?;
    let boundary = kind.split("boundary=").nth(1)?.split(';').next()?.trim_matches('"');
    let mark = format!("--{boundary}");
    let body = &request.body;
    let find = |from: usize, what: &[u8]| {
        body.get(from..)?.windows(what.len()).position(|w| w == what).map(|at| from + at)
    };
    let mut at = 0;
    while let Some(start) = find(at, mark.as_bytes()) {
        let head = find(start, b"\r\n\r\n")? + 4;
        let next = find(head, mark.as_bytes())?;
        let lines = String::from_utf8_lossy(&body[start..head]).into_owned();
        if lines.contains("name=\"file\"") {
            return Some(body.slice(head..next.saturating_sub(2).max(head)));
        }
        at = next;
    }
    None
}

fn upload(scene: &Scene<'_>, request: &Fetch) -> Fetched {
    say(scene, "GET /upload");
    let Some(data) = part(request) else {
        say(scene, "Unable to upload file: http: no such file");
        return scene.text(200, json!({"error": "Unable to upload file."}).to_string());
    };
    let count = scene.memory(|n: &mut u32| {
        *n += 1;
        *n
    });
    let path = format!("/uploads/upload{}", 1_000_000 + count * 7919);
    let file = Content::File(data);
    if scene.files().create(&path, file, 0o700, scene.who(), scene.now()).is_err() {
        say(scene, "Unable to open file for write: permission denied");
        return scene.text(200, json!({"error": "Unable to open file for write"}).to_string());
    }
    say(scene, &format!("Wrote upload to {path}"));
    scene.text(201, json!({"output": path}).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_gos() {
        let rows = [
            ("", Some(0.0)),
            ("1m30s", Some(90.0)),
            ("500ms", Some(0.5)),
            ("5", None),
            ("x", None),
        ];
        for (text, expected) in rows {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn forms_carry_files() {
        let body = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x\r\nContent-Disposition: \
                    form-data; name=\"file\"; filename=\"f\"\r\n\r\ndata\r\n--x--\r\n";
        let request = Fetch {
            headers: vec![("Content-Type".into(), "multipart/form-data; boundary=x".into())],
            body: body.into(),
            ..Fetch::default()
        };
        assert_eq!(part(&request).unwrap(), "data");
        assert_eq!(part(&Fetch::default()), None);
    }
}
