//! What every protocol of exec and attach has in common: the streams of the process, the sizes of
//! the terminal, and how the end is told.
//! Source: k8s.io/cri-streaming `pkg/streaming/remotecommand`.

use crate::{
    api::Streams,
    error::Error,
    object::{Value, json},
    runtime::{BACKLOG, Ended, Io},
};
use bytes::Bytes;
use serde::Deserialize;
use std::{
    future::poll_fn,
    task::{Context, Poll},
};
use tokio::sync::{mpsc, watch};

/// The session's ends of a process's streams.
pub struct Ends {
    /// Where the client's input goes; dropped when it has closed its side.
    pub stdin: Option<mpsc::Sender<Bytes>>,
    /// What the process says.
    pub stdout: mpsc::Receiver<Bytes>,
    /// What it complains about.
    pub stderr: Option<mpsc::Receiver<Bytes>>,
    /// The size of the client's terminal.
    pub sizes: Sizes,
}

/// Both ends of the streams of a process.
pub fn pipes(streams: Streams) -> (Io, Ends) {
    let pipe = || mpsc::channel(BACKLOG);
    let (stdin, input) = streams.stdin.then(pipe).unzip();
    let (stdout, output) = pipe();
    let (stderr, errors) = streams.stderr.then(pipe).unzip();
    let (size, resize) = watch::channel((0, 0));
    let sizes = Sizes { pending: Vec::new(), size };
    (
        Io { stdin: input, stdout, stderr, resize },
        Ends { stdin, stdout: output, stderr: errors, sizes },
    )
}

/// Which output a chunk belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Output {
    Stdout,
    Stderr,
}

impl Output {
    fn other(self) -> Output {
        match self {
            Output::Stdout => Output::Stderr,
            Output::Stderr => Output::Stdout,
        }
    }
}

/// The outputs of a process, read in turns: what is written to one does not wait until the other
/// has nothing more to say.
pub struct Outputs {
    stdout: mpsc::Receiver<Bytes>,
    stderr: Option<mpsc::Receiver<Bytes>>,
    turn: Output,
}

impl Outputs {
    /// Reads these.
    pub fn new(stdout: mpsc::Receiver<Bytes>, stderr: Option<mpsc::Receiver<Bytes>>) -> Outputs {
        Outputs { stdout, stderr, turn: Output::Stdout }
    }

    /// The next chunk of either; `None` when both have ended.
    pub async fn next(&mut self) -> Option<(Output, Bytes)> {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<(Output, Bytes)>> {
        let mut ended = 0;
        for output in [self.turn, self.turn.other()] {
            let chunk = match (output, &mut self.stderr) {
                (Output::Stdout, _) => self.stdout.poll_recv(cx),
                (Output::Stderr, Some(stderr)) => stderr.poll_recv(cx),
                (Output::Stderr, None) => Poll::Ready(None),
            };
            match chunk {
                Poll::Ready(Some(bytes)) => {
                    self.turn = output.other();
                    return Poll::Ready(Some((output, bytes)));
                }
                Poll::Ready(None) => ended += 1,
                Poll::Pending => {}
            }
        }
        if ended == 2 { Poll::Ready(None) } else { Poll::Pending }
    }
}

/// Reads the sizes a client sends: JSON documents, one after the other.
pub struct Sizes {
    pending: Vec<u8>,
    size: watch::Sender<(u16, u16)>,
}

#[derive(Deserialize)]
struct Size {
    #[serde(rename = "Width", alias = "width", default)]
    width: u16,
    #[serde(rename = "Height", alias = "height", default)]
    height: u16,
}

/// Most bytes of an unfinished document.
const MAX_SIZE: usize = 1024;

impl Sizes {
    /// Takes bytes of the resize stream. What is no size is dropped.
    pub fn push(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        let mut documents = serde_json::Deserializer::from_slice(&self.pending).into_iter::<Size>();
        let mut read = 0;
        loop {
            match documents.next() {
                Some(Ok(size)) => {
                    read = documents.byte_offset();
                    self.size.send_replace((size.width, size.height));
                }
                Some(Err(e)) if e.is_eof() && self.pending.len() - read <= MAX_SIZE => break,
                Some(Err(_)) | None => {
                    read = self.pending.len();
                    break;
                }
            }
        }
        self.pending.drain(..read);
    }
}

/// How the end of a process is told to clients that read Status objects.
pub fn status(ended: &Ended, attached: bool) -> Value {
    match ended {
        Ended::Exit(code) if *code == 0 || attached => {
            json!({"metadata": {}, "status": "Success"})
        }
        Ended::Exit(code) => json!({
            "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
            "message": format!("command terminated with non-zero exit code: exit status {code}"),
            "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]},
        }),
        Ended::Error(why) => {
            let doing =
                if attached { "attaching to container" } else { "executing command in container" };
            let text = format!("error {doing}: {why}");
            let mut status = Error::Internal(text.clone()).status();
            status["message"] = json!(format!("Internal error occurred: {text}"));
            status
        }
    }
}

/// The same for older clients: a text when it did not go well.
pub fn complaint(ended: &Ended, attached: bool) -> Option<String> {
    status(ended, attached).get("message").and_then(Value::as_str).map(str::to_owned)
}
