//! Connections that never leave the process: a client in this program speaks HTTP/1.1 to the server over a
//! pipe, without a port and without TLS. Whoever can make one is the administrator.

use super::{
    listener::{Carries, Subject, connections},
    serve::Http,
    sniff::Sniffer,
};
use crate::pool::{Running, Seat};
use actix_http::Protocol;
use actix_service::{Service, ServiceFactory};
use std::{rc::Rc, sync::Arc};
use tokio::{
    io::{DuplexStream, duplex},
    sync::mpsc,
};

/// Bytes that one side may be ahead of the other.
const AHEAD: usize = 256 << 10;

/// Makes connections to a server; they end with it.
pub struct Pipes {
    ends: mpsc::UnboundedSender<DuplexStream>,
    _running: Running,
}

impl Pipes {
    /// Lets a server take them at a seat.
    pub fn new(seat: &Seat, http: Arc<Http>) -> Pipes {
        let (ends, taken) = mpsc::unbounded_channel();
        let _running = seat.run(move || Box::pin(serve(http, taken)));
        Pipes { ends, _running }
    }

    /// A new connection; who uses it finds it closed when the server has gone.
    pub fn open(&self) -> DuplexStream {
        let (near, far) = duplex(AHEAD);
        // Else the other end is dropped, and this one closed by that.
        let _ = self.ends.send(far);
        near
    }
}

async fn serve(http: Arc<Http>, mut taken: mpsc::UnboundedReceiver<DuplexStream>) {
    let Ok(service) = connections::<DuplexStream>(http).new_service(()).await else { return };
    let service = Rc::new(service);
    while let Some(pipe) = taken.recv().await {
        let service = Rc::clone(&service);
        tokio::task::spawn_local(async move {
            // What goes wrong on a connection was said where it happened.
            let _ = service.call((Sniffer::new(pipe), Protocol::Http1, None)).await;
        });
    }
}

impl Carries for DuplexStream {
    fn subject(&self) -> Option<Subject> {
        Some(Subject("system:admin".into(), vec!["system:masters".into()]))
    }

    fn prompt(&self) {}
}
