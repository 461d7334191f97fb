//! A connection to a container, from its beginning to its end.

use super::{Runtime, network, place::Place, responder};
use crate::{
    runtime::{BACKLOG, Connection, Fetch, Fetched},
    world::BoxFuture,
};
use std::sync::Arc;
use tokio::sync::mpsc;

impl Runtime {
    /// Opens a connection to a container.
    pub(super) fn opened(
        self: Arc<Runtime>,
        backend: network::Backend,
        client: String,
    ) -> Connection {
        let (to, incoming) = mpsc::channel(BACKLOG);
        let (outgoing, from) = mpsc::channel(BACKLOG);
        let activity = Arc::clone(&self.world.activity);
        tokio::spawn(activity.track(async move {
            self.converse(backend, client, incoming, outgoing).await;
        }));
        (to, from)
    }

    /// Serves a connection to a container until it ends.
    pub(super) async fn converse(
        self: &Arc<Runtime>,
        backend: network::Backend,
        client: String,
        mut incoming: mpsc::Receiver<bytes::Bytes>,
        outgoing: mpsc::Sender<bytes::Bytes>,
    ) {
        let view = self.view();
        if backend.words(&view).quiet {
            // A protocol nobody simulates: the connection opens, and ends at the first word.
            incoming.recv().await;
            return;
        }
        let Some(run) = backend.place.run() else { return };
        let Some(instance) = self.instance(&view, &backend.place, &run) else { return };
        let answer = |request: Fetch| -> BoxFuture<Option<Fetched>> {
            let (me, instance) = (Arc::clone(self), Arc::clone(&instance));
            let (port, run, client) = (backend.port, run.id.clone(), client.clone());
            Box::pin(async move {
                // The container as it is now: a kept connection does not outlive it.
                let place = Place::find(&me.view(), &instance.target)?;
                let running = place.running().is_some() && place.run()?.id == run;
                let answerer = me.answerer(&place, port);
                if running { me.ask(&answerer, &client, &request).await } else { None }
            })
        };
        tokio::select! {
            () = responder::serve(incoming, outgoing, answer) => {}
            () = self.gone(&instance) => {}
        }
    }
}
