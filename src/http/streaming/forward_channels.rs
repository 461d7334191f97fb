//! Port-forward over WebSocket without SPDY, as script clients do it: for every port in the request
//! two channels, data and errors, each opened by a message with the port's number.
//! Source: k8s.io/cri-streaming `pkg/streaming/portforward/websocket.go`.

use super::{
    channels::Channels,
    forward::complaint,
    upgrade::Dialect,
    websocket::Reader,
    wire::{Gone, Sink},
};
use crate::api::{Session, Task};
use bytes::Bytes;
use futures_util::future::join_all;
use tokio::sync::mpsc;

/// Forwards one connection for each port until the client leaves or all have ended.
pub async fn serve(reader: Reader, sink: Sink, dialect: Dialect, session: Session) {
    let Task::Forward { namespace, pod, ports } = &session.task else { return };
    let channels = Channels::new(sink.clone(), dialect);
    let mut inputs = Vec::new();
    let mut carried = Vec::new();
    for (index, port) in ports.iter().enumerate() {
        let dialled = session.containers.connect(namespace, pod, *port);
        // The number of ports is limited to what a byte can count.
        let first = u8::try_from(2 * index).unwrap_or(u8::MAX);
        let (input, output) = dialled
            .map_err(|why| complaint(*port, pod, &why))
            .map_or_else(|why| (None, Err(why)), |(input, output)| (Some(input), Ok(output)));
        inputs.push(input);
        carried.push(carry(&channels, first, *port, output));
    }
    let all = async {
        let results: Vec<Result<(), Gone>> = join_all(carried).await;
        if results.iter().all(Result::is_ok) {
            let _ = sink.close().await;
        }
    };
    tokio::select! {
        () = all => {}
        () = read(reader, &channels, inputs) => {}
    }
}

/// Carries what one port says.
async fn carry(
    channels: &Channels,
    first: u8,
    port: u16,
    output: Result<mpsc::Receiver<Bytes>, String>,
) -> Result<(), Gone> {
    channels.send(first, &port.to_le_bytes()).await?;
    channels.send(first.saturating_add(1), &port.to_le_bytes()).await?;
    match output {
        Err(why) => channels.send(first.saturating_add(1), why.as_bytes()).await,
        Ok(mut output) => {
            while let Some(bytes) = output.recv().await {
                channels.send(first, &bytes).await?;
            }
            Ok(())
        }
    }
}

/// Reads until the client leaves.
async fn read(
    mut reader: Reader,
    channels: &Channels,
    mut inputs: Vec<Option<mpsc::Sender<Bytes>>>,
) {
    while let Some(message) = reader.next().await {
        let Some((channel, bytes)) = channels.read(message) else { continue };
        let place = inputs.get_mut(usize::from(channel / 2)).filter(|_| channel % 2 == 0);
        if let Some(place) = place
            && let Some(input) = place
            && input.send(bytes).await.is_err()
        {
            *place = None;
        }
    }
}
