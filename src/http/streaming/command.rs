//! Exec and attach over SPDY: a stream each for the process's streams, for errors and for sizes.
//! Source: k8s.io/cri-streaming `pkg/streaming/remotecommand/httpstream.go`.

use super::{
    process::{self, Ends, Output, Outputs},
    spdy::{Connection, Event, Opened, Writer},
    upgrade::Version,
    wire::Gone,
};
use crate::{
    api::{Session, Streams, Task},
    object::time::plus_seconds,
    runtime::Ended,
    world::Clock,
};
use bytes::Bytes;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Seconds a client has to open its streams.
const OPENING: i64 = 30;

/// The client's streams.
#[derive(Default)]
struct Opens {
    stdin: Option<Writer>,
    stdout: Option<Writer>,
    stderr: Option<Writer>,
    error: Option<Writer>,
    resize: Option<Writer>,
}

impl Opens {
    /// The place of a stream of this type.
    fn place(&mut self, kind: &str) -> Option<&mut Option<Writer>> {
        Some(match kind {
            "stdin" => &mut self.stdin,
            "stdout" => &mut self.stdout,
            "stderr" => &mut self.stderr,
            "error" => &mut self.error,
            "resize" => &mut self.resize,
            _ => return None,
        })
    }
    fn count(&self) -> usize {
        let all = [&self.stdin, &self.stdout, &self.stderr, &self.error, &self.resize];
        all.iter().filter(|w| w.is_some()).count()
    }
}

/// Where the client's bytes go.
struct Input {
    stdin: Option<mpsc::Sender<Bytes>>,
    sizes: process::Sizes,
}

impl Input {
    /// Takes bytes of a stream.
    async fn take(&mut self, opens: &Opens, stream: u32, bytes: Bytes, last: bool) {
        let is = |w: &Option<Writer>| w.as_ref().is_some_and(|w| w.stream() == stream);
        if is(&opens.resize) {
            self.sizes.push(&bytes);
        } else if is(&opens.stdin)
            && let Some(stdin) = &self.stdin
        {
            let gone = !bytes.is_empty() && stdin.send(bytes).await.is_err();
            if gone || last {
                self.stdin = None;
            }
        }
    }
}

/// Carries a process from the opening of its streams to the end of the connection.
pub async fn serve(
    mut connection: Connection,
    version: Version,
    streams: Streams,
    session: Session,
    clock: Arc<dyn Clock>,
) {
    let (io, Ends { stdin, stdout, stderr, sizes }) = process::pipes(streams);
    let mut input = Input { stdin, sizes };
    let wanted = [streams.stdin, streams.stdout, streams.stderr, resizes(version, streams)];
    let wanted = 1 + wanted.iter().filter(|w| **w).count();
    let late = clock.sleep_until(plus_seconds(clock.now(), OPENING));
    let opens = tokio::select! {
        opens = open(&mut connection, wanted, &mut input) => opens,
        () = late => None,
    };
    let Some(opens) = opens else { return };
    let Some(running) = session.start(io) else { return };
    let attached = matches!(&session.task, Task::Process { command: None, .. });
    let farewell = connection.farewell();
    let talk = async {
        let outputs = Outputs::new(stdout, stderr);
        let (ended, written) = tokio::join!(running, write(outputs, &opens));
        written?;
        tell(&opens, version, &ended, attached).await?;
        farewell.send().await
    };
    tokio::select! {
        told = talk => { let _: Result<(), Gone> = told; }
        () = read(&mut connection, &opens, input) => {}
    }
}

fn resizes(version: Version, streams: Streams) -> bool {
    streams.tty && version >= Version::V3
}

/// Accepts streams until all are there.
async fn open(connection: &mut Connection, wanted: usize, input: &mut Input) -> Option<Opens> {
    let mut opens = Opens::default();
    while opens.count() < wanted {
        match connection.next().await? {
            Event::Opened(opened) => accept(connection, &mut opens, &opened).await.ok()?,
            Event::Data(stream, bytes, last) => input.take(&opens, stream, bytes, last).await,
            Event::Reset(_) => {}
        }
    }
    Some(opens)
}

async fn accept(
    connection: &mut Connection,
    opens: &mut Opens,
    opened: &Opened,
) -> Result<(), Gone> {
    match opens.place(opened.header("streamtype")) {
        Some(place) => *place = Some(connection.accept(opened).await?),
        None => connection.refuse(opened).await?,
    }
    Ok(())
}

/// Hands the outputs on; what the client has no stream for is read and dropped.
async fn write(mut outputs: Outputs, opens: &Opens) -> Result<(), Gone> {
    while let Some((output, bytes)) = outputs.next().await {
        let writer = match output {
            Output::Stdout => &opens.stdout,
            Output::Stderr => &opens.stderr,
        };
        // A client that resets one stream may still want the others.
        if let Some(writer) = writer {
            let _ = writer.send(bytes).await;
        }
    }
    Ok(())
}

/// Tells how it ended, and ends every stream.
async fn tell(opens: &Opens, version: Version, ended: &Ended, attached: bool) -> Result<(), Gone> {
    for writer in [&opens.stdout, &opens.stderr].into_iter().flatten() {
        writer.finish().await?;
    }
    let text = match version {
        Version::V4 => Some(process::status(ended, attached).to_string()),
        _ => process::complaint(ended, attached),
    };
    if let Some(error) = &opens.error {
        if let Some(text) = text {
            let _ = error.send(text.into()).await;
        }
        error.finish().await?;
    }
    for writer in [&opens.stdin, &opens.resize].into_iter().flatten() {
        writer.finish().await?;
    }
    Ok(())
}

/// Reads until the client leaves.
async fn read(connection: &mut Connection, opens: &Opens, mut input: Input) {
    while let Some(event) = connection.next().await {
        match event {
            Event::Opened(opened) => {
                if connection.refuse(&opened).await.is_err() {
                    return;
                }
            }
            Event::Data(stream, bytes, last) => input.take(opens, stream, bytes, last).await,
            Event::Reset(stream) => input.take(opens, stream, Bytes::new(), true).await,
        }
    }
}
