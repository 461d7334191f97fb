//! A main process that reads what clients send: a shell with its input kept open, as
//! `oc debug` and `kubectl run -i` make them. It begins when the first client attaches, runs
//! beside the server's other tasks, and its end is told to the API.

use super::{Ask, Runtime, instance::Instance, log::Source, place::Place};
use crate::{
    controllers::View,
    object::ObjectExt,
    runtime::{BACKLOG, Ended, Io},
    sim::shell::{
        self, Terminal,
        io::{Input, Output},
    },
};
use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// Whether a container's main process reads its input: input is kept open and nothing in the
/// command ends it before.
pub fn reads(view: &View, place: &Place) -> bool {
    place.spec.is_true("stdin") && place.process(view).ends.is_none()
}

/// Where an attached client listens: output, and errors apart unless there is a terminal.
type Client = (mpsc::Sender<Bytes>, Option<mpsc::Sender<Bytes>>);

/// A running main process.
pub struct Live {
    input: Mutex<Option<mpsc::Sender<Bytes>>>,
    clients: Mutex<Vec<Client>>,
    size: watch::Sender<(u16, u16)>,
    ended: watch::Receiver<Option<i32>>,
}

impl Live {
    /// Starts the process.
    pub fn start(
        runtime: &Arc<Runtime>,
        view: &View,
        place: &Place,
        instance: &Arc<Instance>,
    ) -> Arc<Live> {
        let (input, typed) = mpsc::channel(BACKLOG);
        let (out, written) = mpsc::channel(BACKLOG);
        let (err, errors) = mpsc::channel(BACKLOG);
        let (size, sizes) = watch::channel((0, 0));
        let (over, ended) = watch::channel(None);
        let clock = Arc::clone(&runtime.world.clock);
        let argv = instance.argv().to_vec();
        let mut exec = instance.exec(view, place, argv, None, clock);
        let pump = if place.spec.is_true("tty") {
            let terminal = Terminal::new(out, sizes);
            exec.stdin = Input::terminal(Arc::clone(&terminal));
            exec.stdout = Output::Terminal(Arc::clone(&terminal));
            exec.stderr = Output::Terminal(Arc::clone(&terminal));
            exec.terminal = Some(Arc::clone(&terminal));
            drop(err);
            Some((terminal, typed))
        } else {
            exec.stdin = Input::channel(typed);
            exec.stdout = Output::Channel(out);
            exec.stderr = Output::Channel(err);
            None
        };
        let live = Arc::new(Live {
            input: Mutex::new(Some(input)),
            clients: Mutex::default(),
            size,
            ended,
        });
        let gone = runtime.gone(instance);
        let spread = [(written, Source::Out), (errors, Source::Err)].map(|(from, source)| {
            let (live, runtime) = (Arc::clone(&live), Arc::clone(runtime));
            tokio::spawn(live.spread(runtime, Arc::clone(instance), from, source))
        });
        let ask = (runtime.asks.clone(), instance.target.clone(), instance.run.clone());
        tokio::spawn(async move {
            let typing = async {
                if let Some((terminal, typed)) = pump {
                    terminal.pump(typed).await;
                }
                std::future::pending::<()>().await;
            };
            let code = tokio::select! {
                done = shell::run(exec) => done.unwrap_or(127),
                () = typing => 0,
                () = gone => 137,
            };
            let (asks, target, run) = ask;
            // Without an API there is nobody to tell.
            let _ = asks.send(Ask::Ended { target, run, code }).await;
            // The last output comes before the end.
            let _ = futures_util::future::join_all(spread).await;
            over.send_replace(Some(code));
        });
        live
    }

    /// Hands what is written to the log and to every client.
    async fn spread(
        self: Arc<Live>,
        runtime: Arc<Runtime>,
        instance: Arc<Instance>,
        mut from: mpsc::Receiver<Bytes>,
        source: Source,
    ) {
        while let Some(chunk) = from.recv().await {
            instance.log.write(runtime.world.clock.now(), source, &chunk);
            let clients = self.clients.lock().clone();
            for (out, err) in clients {
                let to = if source == Source::Err { err.unwrap_or(out) } else { out };
                // A client that has left is taken off the list below.
                let _ = to.send(chunk.clone()).await;
            }
            self.clients.lock().retain(|(out, _)| !out.is_closed());
        }
    }

    /// Joins a client until the process or the client ends.
    pub async fn join(&self, io: Io, once: bool) -> Ended {
        let Io { mut stdin, stdout, stderr, mut resize } = io;
        self.clients.lock().push((stdout.clone(), stderr));
        let _leave = Leave { live: self, once: once && stdin.is_some(), out: stdout };
        self.size.send_replace(*resize.borrow_and_update());
        let mut ended = self.ended.clone();
        loop {
            if let Some(code) = *ended.borrow_and_update() {
                return Ended::Exit(code);
            }
            tokio::select! {
                _ = ended.changed() => {}
                Ok(()) = resize.changed() => drop(self.size.send_replace(*resize.borrow_and_update())),
                chunk = read(&mut stdin) => match chunk {
                    Some(chunk) => {
                        let input = self.input.lock().clone();
                        if let Some(input) = input {
                            // A process that does not read any more is about to end.
                            let _ = input.send(chunk).await;
                        }
                    }
                    None => {
                        stdin = None;
                        if once {
                            self.input.lock().take();
                        }
                    }
                },
            }
        }
    }
}

/// The next chunk; waits forever when there is no input (any more).
async fn read(stdin: &mut Option<mpsc::Receiver<Bytes>>) -> Option<Bytes> {
    match stdin {
        Some(stdin) => stdin.recv().await,
        None => std::future::pending().await,
    }
}

/// What happens when a client leaves, also by vanishing: with `stdinOnce` the input ends.
struct Leave<'a> {
    live: &'a Live,
    once: bool,
    out: mpsc::Sender<Bytes>,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if self.once {
            self.live.input.lock().take();
        }
        self.live.clients.lock().retain(|(out, _)| !out.same_channel(&self.out));
    }
}
