//! The parameters of `PodExecOptions`, `PodAttachOptions`, `PodPortForwardOptions` and
//! `PodLogOptions`, which travel in the query.
//! Source: `pkg/apis/core/v1/conversion.go`, `pkg/apis/core/validation` (ValidatePodLogOptions).

use crate::{
    api::session::Streams,
    error::{Causes, Error},
    object::{Value, json},
    runtime::LogOptions,
};
use jiff::{SignedDuration, Timestamp};

/// Most ports one request may name; each takes two of the channels a byte can number.
const MAX_PORTS: usize = 100;

type Pairs = [(String, String)];

fn all<'a>(pairs: &'a Pairs, name: &'a str) -> impl Iterator<Item = &'a str> {
    pairs.iter().filter(move |(k, _)| k == name).map(|(_, v)| v.as_str())
}

fn first<'a>(pairs: &'a Pairs, name: &'a str) -> Option<&'a str> {
    all(pairs, name).next()
}

/// Anything but `false` and `0` turns a parameter on.
fn flag(pairs: &Pairs, name: &str) -> bool {
    first(pairs, name).is_some_and(|v| !v.eq_ignore_ascii_case("false") && v != "0")
}

/// What exec and attach ask for.
pub struct Process {
    /// May be empty.
    pub container: String,
    /// Program and arguments.
    pub command: Vec<String>,
    /// As asked.
    pub streams: Streams,
}

/// Reads the parameters of exec and attach.
pub fn process(pairs: &Pairs) -> Process {
    Process {
        container: first(pairs, "container").unwrap_or_default().into(),
        command: all(pairs, "command").map(Into::into).collect(),
        streams: Streams {
            stdin: flag(pairs, "stdin"),
            stdout: flag(pairs, "stdout"),
            stderr: flag(pairs, "stderr"),
            tty: flag(pairs, "tty"),
        },
    }
}

/// The options of a connection as the object they are.
pub fn shown(sub: &str, pairs: &Pairs) -> Value {
    let kind = match sub {
        "exec" => "PodExecOptions",
        "attach" => "PodAttachOptions",
        _ => "PodPortForwardOptions",
    };
    let mut object = json!({"kind": kind, "apiVersion": "v1"});
    if sub == "portforward" {
        let ports = all(pairs, "ports").filter_map(|p| p.parse::<u16>().ok());
        object["ports"] = ports.collect();
        return object;
    }
    let Process { container, command, streams } = process(pairs);
    let flags = [
        ("stdin", streams.stdin),
        ("stdout", streams.stdout),
        ("stderr", streams.stderr),
        ("tty", streams.tty),
    ];
    for (name, _) in flags.into_iter().filter(|(_, set)| *set) {
        object[name] = json!(true);
    }
    if !container.is_empty() {
        object["container"] = json!(container);
    }
    if sub == "exec" {
        object["command"] = json!(command);
    }
    object
}

/// What of a log's parameters goes on to the kubelet, by name; source: `LogLocation`.
pub fn for_kubelet(pairs: &Pairs) -> impl Iterator<Item = (&str, &str)> {
    let flags = ["follow", "previous", "timestamps"];
    let all = [
        "follow",
        "limitBytes",
        "previous",
        "sinceSeconds",
        "sinceTime",
        "tailLines",
        "timestamps",
    ];
    all.into_iter().filter_map(move |name| match flags.contains(&name) {
        true => flag(pairs, name).then_some((name, "true")),
        false => Some((name, first(pairs, name)?)),
    })
}

/// Reads the ports of a port-forward: several parameters, or one with commas in it.
///
/// # Errors
/// 400 when one is no port.
pub fn ports(pairs: &Pairs) -> Result<Vec<u16>, Error> {
    let ports: Vec<u16> =
        all(pairs, "ports").flat_map(|text| text.split(',')).map(port).collect::<Result<_, _>>()?;
    if ports.len() > MAX_PORTS {
        return Err(Error::BadRequest(format!("at most {MAX_PORTS} ports may be forwarded")));
    }
    Ok(ports)
}

fn port(text: &str) -> Result<u16, Error> {
    match text.parse::<u64>().map(u16::try_from) {
        Ok(Ok(0)) => Err(Error::Backend(400, "port \"0\" must be > 0".into())),
        Ok(Ok(port)) => Ok(port),
        outcome => {
            let why = if outcome.is_ok() { "value out of range" } else { "invalid syntax" };
            let text =
                format!("cannot convert to []int32: strconv.ParseUint: parsing {text:?}: {why}");
            Err(Error::BadRequest(text))
        }
    }
}

/// Reads the parameters of a log: the container, perhaps empty, and the rest.
///
/// # Errors
/// 400 for what cannot be read, 422 for what is not allowed.
pub fn log(pod: &str, pairs: &Pairs, now: Timestamp) -> Result<(String, LogOptions), Error> {
    let number = |name: &str| -> Result<Option<i64>, Error> {
        match first(pairs, name) {
            None => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| {
                Error::BadRequest(format!("strconv.ParseInt: parsing {text:?}: invalid syntax"))
            }),
        }
    };
    let (tail, limit) = (number("tailLines")?, number("limitBytes")?);
    let seconds = number("sinceSeconds")?;
    let time = match first(pairs, "sinceTime").filter(|t| !t.is_empty()) {
        None => None,
        Some(text) => Some(text.parse::<Timestamp>().map_err(|_| {
            let layout = "2006-01-02T15:04:05Z07:00";
            Error::BadRequest(format!(
                "parsing time {text:?} as {layout:?}: cannot parse {text:?} as \"2006\""
            ))
        })?),
    };
    let mut causes = Causes::default();
    if let Some(n) = tail.filter(|n| *n < 0) {
        causes.invalid("tailLines", &json!(n), "must be greater than or equal to 0");
    }
    if let Some(n) = limit.filter(|n| *n < 1) {
        causes.invalid("limitBytes", &json!(n), "must be greater than 0");
    }
    if seconds.is_some() && time.is_some() {
        causes.forbidden("", "at most one of `sinceTime` or `sinceSeconds` may be specified");
    } else if let Some(n) = seconds.filter(|n| *n < 1) {
        causes.invalid("sinceSeconds", &json!(n), "must be greater than 0");
    }
    // The gate PodLogsQuerySplitStreams is off.
    if first(pairs, "stream").is_some() {
        causes.forbidden("stream", "may not be specified");
    }
    if !causes.is_empty() {
        let kind = "PodLogOptions".into();
        return Err(Error::Invalid { kind, name: pod.into(), causes: causes.into_vec() });
    }
    let ago = |n: i64| now.checked_sub(SignedDuration::from_secs(n)).unwrap_or(Timestamp::MIN);
    let options = LogOptions {
        follow: flag(pairs, "follow"),
        previous: flag(pairs, "previous"),
        since: time.or(seconds.map(ago)),
        timestamps: flag(pairs, "timestamps"),
        tail_lines: tail.and_then(|n| u64::try_from(n).ok()),
        limit_bytes: limit.and_then(|n| u64::try_from(n).ok()),
    };
    Ok((first(pairs, "container").unwrap_or_default().into(), options))
}
