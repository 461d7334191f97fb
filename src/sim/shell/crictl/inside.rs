//! The verbs that look into a container. Source: `cmd/crictl/logs.go`, `exec.go`.

use super::{Call, NodeContainer, Streams, fatal};
use crate::{
    object::time,
    runtime::LogOptions,
    sim::shell::{io::Input, process::Done},
};
use futures_util::StreamExt;
use jiff::{SignedDuration, Timestamp};

/// The container a user means: by the beginning of its ID.
fn found(call: &Call<'_>, id: &str) -> Result<NodeContainer, String> {
    let mut fitting = call.runtime.containers().into_iter().filter(|c| c.id.starts_with(id));
    fitting.next().ok_or_else(|| {
        format!(
            "rpc error: code = NotFound desc = could not find container \"{id}\": container with ID starting with {id} not found: ID does not exist"
        )
    })
}

/// `crictl logs`
pub async fn logs(call: Call<'_>) -> Done {
    let Some(id) = call.o.rest.first().cloned() else {
        return fatal(call.p, "ID cannot be empty").await;
    };
    let options = match wanted(&call) {
        Ok(options) => options,
        Err(why) => return fatal(call.p, why).await,
    };
    let log = found(&call, &id).and_then(|c| call.runtime.log(&c.id, options));
    let mut log = match log {
        Ok(log) => log,
        Err(why) => return fatal(call.p, why).await,
    };
    while let Some(chunk) = log.next().await {
        call.p.out(chunk).await?;
    }
    Ok(0)
}

fn wanted(call: &Call<'_>) -> Result<LogOptions, String> {
    let o = &call.o;
    let number = |letter, what: &str| {
        let number = o.value(letter).map(str::parse::<i64>).transpose();
        let number = number.map_err(|e| format!("invalid value for flag -{what}: {e}"))?;
        Ok::<_, String>(number.and_then(|n| u64::try_from(n).ok()))
    };
    let since = o.value('S').map(|text| since(text, call.p.clock.now())).transpose()?;
    Ok(LogOptions {
        follow: o.has('f'),
        previous: o.has('p'),
        since,
        timestamps: o.has('t'),
        tail_lines: number('T', "tail")?,
        limit_bytes: number('L', "limit-bytes")?,
    })
}

/// A moment: as such, or as how long ago it was.
fn since(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Some(moment) = time::parse(text) {
        return Ok(moment);
    }
    let ago: SignedDuration = text.parse().map_err(|_| {
        format!("failed to parse timestamp value from {text:?}: time: invalid duration {text:?}")
    })?;
    Ok(now.saturating_sub(ago).unwrap_or(now))
}

/// `crictl exec`
pub async fn exec(call: Call<'_>) -> Done {
    let Some((id, command)) = call.o.rest.split_first().filter(|(_, command)| !command.is_empty())
    else {
        return fatal(call.p, "execing command in container: command cannot be empty").await;
    };
    let container = match found(&call, id) {
        Ok(container) => container,
        Err(why) => return fatal(call.p, format!("execing command in container: {why}")).await,
    };
    let p = &call.p;
    let streams = Streams {
        stdin: if call.o.has('i') { p.stdin.clone() } else { Input::empty() },
        stdout: p.stdout.clone(),
        stderr: p.stderr.clone(),
        terminal: p.terminal.clone().filter(|_| call.o.has('t')),
    };
    let ended = call.runtime.exec(&container.id, command.to_vec(), streams).await;
    let why = match ended {
        Ok(0) => return Ok(0),
        // The client that waits for the whole answer ends as the command did.
        Ok(code) if call.o.has('s') => return Ok(code),
        Ok(code) => format!("command terminated with exit code {code}"),
        Err(why) => why,
    };
    fatal(call.p, format!("execing command in container: {why}")).await
}
