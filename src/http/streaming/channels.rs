//! Exec and attach over WebSocket: every message begins with the number of its channel.
//! Source: k8s.io/streaming `pkg/httpstream/wsstream`, k8s.io/apiserver `pkg/util/proxy`.

use super::{
    host::Host,
    process::{self, Ends, Output, Outputs},
    upgrade::Dialect,
    websocket::Reader,
    wire::{Gone, Sink},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::{BufMut, Bytes, BytesMut};

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const ERROR: u8 = 3;
const RESIZE: u8 = 4;
/// Not a channel: the next byte names one that the client has closed.
const CLOSE: u8 = 255;

/// Channels over a WebSocket.
#[derive(Clone)]
pub struct Channels {
    sink: Sink,
    dialect: Dialect,
}

impl Channels {
    /// Channels spoken in a dialect.
    pub fn new(sink: Sink, dialect: Dialect) -> Channels {
        Channels { sink, dialect }
    }

    /// Sends bytes on a channel.
    ///
    /// # Errors
    /// When the client is gone.
    pub async fn send(&self, channel: u8, bytes: &[u8]) -> Result<(), Gone> {
        if self.dialect.base64 {
            let mut text = char::from(b'0'.wrapping_add(channel)).to_string();
            STANDARD.encode_string(bytes, &mut text);
            return self.sink.send_text(text).await;
        }
        let mut message = BytesMut::with_capacity(1 + bytes.len());
        message.put_u8(channel);
        message.put_slice(bytes);
        self.sink.send(message.freeze()).await
    }

    /// The channel and content of a client's message; `None` for one that has none.
    pub fn read(&self, message: Bytes) -> Option<(u8, Bytes)> {
        read_message(self.dialect, message)
    }
}

/// The channel and content of a message in a dialect.
pub fn read_message(dialect: Dialect, mut message: Bytes) -> Option<(u8, Bytes)> {
    let channel = *message.first()?;
    let _ = message.split_to(1);
    if !dialect.base64 {
        return Some((channel, message));
    }
    let bytes = STANDARD.decode(&message).ok()?;
    Some((channel.wrapping_sub(b'0'), bytes.into()))
}

/// Carries a process from its start to the close of the connection.
pub async fn serve(reader: Reader, sink: Sink, dialect: Dialect, host: Host) {
    let streams = host.streams();
    let (io, Ends { stdin, stdout, stderr, sizes }) = process::pipes(streams);
    let channels = Channels::new(sink.clone(), dialect);
    let outputs = Outputs::new(stdout, stderr);
    let talk = async {
        // An empty message tells the client that the connection stands.
        let first = [(streams.stdout, STDOUT), (streams.stderr, STDERR), (true, ERROR)];
        let lowest = first.iter().find(|(wanted, _)| *wanted).map_or(ERROR, |(_, c)| *c);
        channels.send(lowest, &[]).await?;
        let (ended, written) =
            tokio::join!(host.run(io), write(outputs, &channels, streams.stdout));
        written?;
        let attached = host.is_attached();
        if dialect.status {
            let status = process::status(&ended, attached).to_string();
            channels.send(ERROR, status.as_bytes()).await?;
        } else if let Some(text) = process::complaint(&ended, attached) {
            channels.send(ERROR, text.as_bytes()).await?;
        }
        sink.close().await
    };
    tokio::select! {
        told = talk => { let _: Result<(), Gone> = told; }
        () = read(reader, &channels, Input { stdin, sizes }) => {}
    }
}

/// Hands the outputs on; what the client does not want is read and dropped.
async fn write(mut outputs: Outputs, channels: &Channels, stdout: bool) -> Result<(), Gone> {
    while let Some((output, bytes)) = outputs.next().await {
        match output {
            Output::Stdout if !stdout => {}
            Output::Stdout => channels.send(STDOUT, &bytes).await?,
            Output::Stderr => channels.send(STDERR, &bytes).await?,
        }
    }
    Ok(())
}

/// Where the client's messages go.
struct Input {
    stdin: Option<tokio::sync::mpsc::Sender<Bytes>>,
    sizes: process::Sizes,
}

/// Reads until the client leaves or breaks the protocol.
async fn read(mut reader: Reader, channels: &Channels, mut input: Input) {
    while let Some(message) = reader.next().await {
        if channels.dialect.closes && message.first() == Some(&CLOSE) {
            match message[1..] {
                [STDIN] => input.stdin = None,
                [STDOUT..=RESIZE] => {}
                _ => return,
            }
            continue;
        }
        match channels.read(message) {
            Some((STDIN, bytes)) => {
                if let Some(stdin) = &input.stdin
                    && stdin.send(bytes).await.is_err()
                {
                    input.stdin = None;
                }
            }
            Some((RESIZE, bytes)) => input.sizes.push(&bytes),
            _ => {}
        }
    }
}
