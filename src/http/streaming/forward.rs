//! Port-forward over SPDY: for every connection a stream for errors and one for data.
//! Source: k8s.io/cri-streaming `pkg/streaming/portforward/httpstream.go`.

use super::{
    spdy::{Connection, Event, Opened, Writer},
    wire::Gone,
};
use crate::{
    api::{Session, Task},
    object::time::plus_seconds,
    runtime::{BACKLOG, Connection as Dialled},
    world::Clock,
};
use bytes::Bytes;
use jiff::Timestamp;
use std::{collections::HashMap, sync::Arc};
use tokio::{
    sync::mpsc,
    task::{AbortHandle, JoinSet},
};

/// Seconds a client has to open the second stream of a pair.
const OPENING: i64 = 30;

/// What is forwarded, and to where.
struct Forward {
    session: Session,
    clock: Arc<dyn Clock>,
    /// Pairs of which one stream is open, by request.
    halves: HashMap<String, Half>,
    /// Running connections by the number of their data stream.
    running: HashMap<u32, Running>,
    tasks: JoinSet<()>,
}

/// One stream of a pair.
struct Half {
    writer: Writer,
    error: bool,
    until: Timestamp,
}

/// A connection that is forwarded.
struct Running {
    input: Option<mpsc::Sender<Bytes>>,
    task: AbortHandle,
}

/// Forwards connections until the client leaves.
pub async fn serve(mut connection: Connection, session: Session, clock: Arc<dyn Clock>) {
    let mut forward = Forward {
        session,
        clock,
        halves: HashMap::new(),
        running: HashMap::new(),
        tasks: JoinSet::new(),
    };
    loop {
        let next = forward.halves.values().map(|h| h.until).min().unwrap_or(Timestamp::MAX);
        let late = forward.clock.sleep_until(next);
        tokio::select! {
            event = connection.next() => {
                let Some(event) = event else { return };
                if forward.handle(&mut connection, event).await.is_err() {
                    return;
                }
            }
            Some(_) = forward.tasks.join_next() => {
                forward.running.retain(|_, r| !r.task.is_finished());
            }
            () = late => forward.give_up().await,
        }
    }
}

impl Forward {
    async fn handle(&mut self, connection: &mut Connection, event: Event) -> Result<(), Gone> {
        match event {
            Event::Opened(opened) => match check(&opened) {
                Ok(port) => self.opened(connection, &opened, port).await,
                Err(why) => {
                    tracing::debug!(why, "stream refused");
                    connection.refuse(&opened).await
                }
            },
            Event::Data(stream, bytes, last) => {
                self.data(stream, bytes, last).await;
                Ok(())
            }
            Event::Reset(stream) => {
                if let Some(running) = self.running.remove(&stream) {
                    running.task.abort();
                }
                self.halves.retain(|_, half| half.writer.stream() != stream);
                Ok(())
            }
        }
    }

    async fn opened(
        &mut self,
        connection: &mut Connection,
        opened: &Opened,
        port: u16,
    ) -> Result<(), Gone> {
        let error = opened.header("streamtype") == "error";
        let writer = connection.accept(opened).await?;
        let request = request(opened, error);
        match self.halves.remove(&request) {
            Some(half) if half.error != error => {
                let (data, errors) =
                    if error { (half.writer, writer) } else { (writer, half.writer) };
                self.begin(port, data, errors);
            }
            Some(half) => {
                let kind = if error { "error" } else { "data" };
                let why = format!(
                    "error processing stream for request {request}: {kind} stream already assigned"
                );
                if half.error {
                    half.writer.send(why.into()).await?;
                }
                self.halves.insert(request, half);
            }
            None => {
                let until = plus_seconds(self.clock.now(), OPENING);
                self.halves.insert(request, Half { writer, error, until });
            }
        }
        Ok(())
    }

    /// Starts forwarding a connection.
    fn begin(&mut self, port: u16, data: Writer, errors: Writer) {
        let Task::Forward { namespace, pod, .. } = &self.session.task else { return };
        let dialled = self
            .session
            .containers
            .connect(namespace, pod, port)
            .map_err(|why| complaint(port, pod, &why));
        let (input, output) = mpsc::channel(BACKLOG);
        let stream = data.stream();
        let work = async move {
            // Either way the client is told, or gone.
            let _ = carry(dialled, output, data, errors).await;
        };
        let task = self.tasks.spawn_local(work);
        self.running.insert(stream, Running { input: Some(input), task });
    }

    async fn data(&mut self, stream: u32, bytes: Bytes, last: bool) {
        let Some(running) = self.running.get_mut(&stream) else { return };
        let Some(input) = &running.input else { return };
        let gone = !bytes.is_empty() && input.send(bytes).await.is_err();
        if gone || last {
            running.input = None;
        }
    }

    /// Tells clients that have waited too long for themselves.
    async fn give_up(&mut self) {
        let now = self.clock.now();
        for (request, half) in self.halves.extract_if(|_, half| half.until <= now) {
            if half.error {
                let why = format!("(request={request}) timed out waiting for streams");
                let _ = half.writer.send(why.into()).await;
            }
        }
    }
}

/// The port a stream is for.
fn check(opened: &Opened) -> Result<u16, String> {
    let text = opened.header("port");
    if text.is_empty() {
        return Err("\"port\" header is required".into());
    }
    let port =
        text.parse::<u16>().map_err(|e| format!("unable to parse {text:?} as a port: {e}"))?;
    if port < 1 {
        return Err(format!("port {text:?} must be > 0"));
    }
    match opened.header("streamtype") {
        "" => Err("\"streamType\" header is required".into()),
        "error" | "data" => Ok(port),
        other => Err(format!("invalid stream type {other:?}")),
    }
}

/// What ties the two streams of a pair together. Clients that do not say open the stream for data
/// right after the one for errors.
fn request(opened: &Opened, error: bool) -> String {
    match opened.header("requestid") {
        "" if error => opened.stream.to_string(),
        "" => opened.stream.saturating_sub(2).to_string(),
        id => id.to_owned(),
    }
}

/// What the client is told when a port cannot be reached.
pub fn complaint(port: u16, pod: &str, why: &str) -> String {
    format!("error forwarding port {port} to pod {pod}, uid : {why}")
}

/// Carries the bytes of one connection until the pod's side ends it.
async fn carry(
    dialled: Result<Dialled, String>,
    mut input: mpsc::Receiver<Bytes>,
    data: Writer,
    errors: Writer,
) -> Result<(), Gone> {
    let (there, mut back) = match dialled {
        Ok(dialled) => dialled,
        Err(why) => {
            errors.send(why.into()).await?;
            data.reset().await?;
            return errors.finish().await;
        }
    };
    let up = async {
        while let Some(bytes) = input.recv().await {
            if there.send(bytes).await.is_err() {
                break;
            }
        }
        drop(there);
        // The pod may still have something to say.
        std::future::pending::<()>().await;
    };
    let down = async {
        while let Some(bytes) = back.recv().await {
            data.send(bytes).await?;
        }
        Ok(())
    };
    let told = tokio::select! {
        told = down => told,
        () = up => Ok(()),
    };
    told?;
    data.finish().await?;
    errors.finish().await
}
