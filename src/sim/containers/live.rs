//! A main process that is really run, beside the server's other tasks, and whose end is told to the
//! API: a shell with its input kept open, as `oc debug` and `kubectl run -i` make them, which
//! begins when the first client attaches; and, beginning with their container, scripts that may read
//! such an input, and commands under another root, which change their node.

use super::{DeferredWrite, End, Runtime, instance::Instance, log::Source, place::Place};
use crate::{
    controllers::View,
    object::{ObjectExt, time},
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

/// Whether a container's main process is run and not worked out: it acts on its node, or what is
/// typed into its open input decides how it goes.
pub fn is_run(view: &View, place: &Place) -> bool {
    let process = place.process(view);
    process.live || process.reads
}

/// Seconds the end of a process waits for clients to take its last output.
const PATIENCE: i64 = 10;

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
    /// The process of an instance, started by whoever asks first.
    pub fn of(
        runtime: &Arc<Runtime>,
        view: &View,
        place: &Place,
        instance: &Arc<Instance>,
    ) -> Arc<Live> {
        let start = || Live::start(runtime, view, place, instance);
        Arc::clone(instance.live.lock().get_or_insert_with(start))
    }

    fn start(
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
        let mut exec = instance.exec(view, place, argv, None, Arc::clone(&clock));
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
        let said = Arc::clone(instance);
        let policy = place.spec.str_at("terminationMessagePolicy").to_owned();
        let spread = [(written, Source::Out), (errors, Source::Err)].map(|(from, source)| {
            let (live, runtime) = (Arc::clone(&live), Arc::clone(runtime));
            let activity = Arc::clone(&runtime.world.activity);
            let work = live.spread(runtime, Arc::clone(instance), from, source);
            tokio::spawn(activity.track(work))
        });
        let world = runtime.world.clone();
        let ask = (runtime.writes.clone(), instance.target.clone(), instance.run.clone());
        let activity = Arc::clone(&world.activity);
        tokio::spawn(activity.track(async move {
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
            // The last output comes before the end, unless a client does not take it.
            let wall = &world.wall;
            let patience = wall.sleep_until(time::plus_seconds(wall.now(), PATIENCE));
            tokio::select! {
                _ = futures_util::future::join_all(spread) => {}
                () = patience => {}
            }
            let (writes, target, run) = ask;
            let end =
                End { at: clock.now(), code, refused: None, message: said.message(&policy, code) };
            // Without an API there is nobody to tell.
            let _ = writes.send(DeferredWrite::Ended { target, run, end }).await;
            over.send_replace(Some(code));
        }));
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
