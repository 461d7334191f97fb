//! One run of a container: its files, its main process and its log.

use super::{
    Ask, Runtime, env,
    log::{Log, Source},
    machine::PodMachine,
    place::{Place, Run},
    played::Reading,
    probes,
    programs::{self, Facts},
    rehearsal::{Rehearsal, Shared, VirtualClock},
    volumes::{self, Files},
};
use crate::{
    controllers::View,
    object::{ObjectExt, Value},
    runtime::Target,
    sim::shell::{
        self, Exec,
        fs::Cred,
        io::{Input, Output},
        machine::Machine,
    },
    world::Clock,
};
use jiff::Timestamp;
use parking_lot::Mutex;
use std::{
    any::Any,
    collections::VecDeque,
    sync::{Arc, Weak, atomic::AtomicU64},
};

/// Most bytes that are written between two looks and kept.
const LARGEST: usize = 1 << 20;

/// What was written, in order, until it is put into the log.
#[derive(Default)]
struct Written {
    parts: VecDeque<(Timestamp, Source, Vec<u8>)>,
    bytes: usize,
}

impl Written {
    fn add(&mut self, at: Timestamp, source: Source, data: &[u8]) {
        self.bytes += data.len() + 64;
        self.parts.push_back((at, source, data.to_vec()));
        while self.bytes > LARGEST {
            let Some((_, _, old)) = self.parts.pop_front() else { break };
            self.bytes -= old.len() + 64;
        }
    }
}

/// One run of a container.
pub struct Instance {
    /// Which container.
    pub target: Target,
    /// Uid of its pod.
    pub uid: String,
    /// ID of the run.
    pub run: String,
    /// Its files.
    pub files: Files,
    /// Its log.
    pub log: Arc<Log>,
    /// What it runs on.
    pub machine: Arc<PodMachine>,
    /// User and groups.
    who: Cred,
    argv: Vec<String>,
    played: Mutex<Played>,
    runtime: Weak<Runtime>,
    /// Its main process, when that reads what clients send.
    pub live: Mutex<Option<Arc<super::live::Live>>>,
    /// Requests it has answered.
    pub asked: AtomicU64,
    /// What its program remembers.
    pub memory: Mutex<Option<Box<dyn Any + Send>>>,
}

/// The main process as it is brought forward.
struct Played {
    rehearsal: Rehearsal,
    written: Arc<Mutex<Written>>,
    /// Up to where probes have left their lines.
    probed: Timestamp,
    /// Whether the lines of its end were written.
    stopped: bool,
    /// What was read of the lines of a program that is played.
    reading: Reading,
}

impl Instance {
    /// The run of a container, from its start.
    pub fn new(runtime: &Arc<Runtime>, view: &View, place: &Place, run: &Run) -> Arc<Instance> {
        let config = place.config(view);
        let files = volumes::of(runtime, view, place, &config);
        let target = Target {
            namespace: place.pod.namespace().into(),
            pod: place.pod.name().into(),
            container: place.name().into(),
        };
        let argv = place.argv(&config);
        let who = Cred { uid: place.uid(&config), groups: place.groups() };
        let machine = PodMachine::new(runtime, view, place, &target, &argv, run.started);
        let written = Arc::<Mutex<Written>>::default();
        let clock = VirtualClock::new(run.started);
        let mut instance = Instance {
            target,
            uid: place.pod.uid().into(),
            run: run.id.clone(),
            files,
            log: Arc::default(),
            machine: Arc::new(machine),
            who,
            argv,
            played: Mutex::new(Played {
                rehearsal: Rehearsal::new(Arc::clone(&clock), Box::pin(std::future::ready(()))),
                written: Arc::clone(&written),
                probed: run.started,
                stopped: false,
                reading: Reading::default(),
            }),
            runtime: Arc::downgrade(runtime),
            live: Mutex::default(),
            asked: AtomicU64::new(0),
            memory: Mutex::default(),
        };
        if !super::live::is_run(view, place) {
            let clock = Arc::new(Shared(clock));
            let output = |source| {
                let (written, clock) = (Arc::clone(&written), Arc::clone(&clock));
                Output::Told(Arc::new(move |data: &[u8]| {
                    written.lock().add(clock.now(), source, data);
                }))
            };
            let (out, err) = (output(Source::Out), output(Source::Err));
            let exec = instance.exec(
                view,
                place,
                instance.argv.clone(),
                Some((Input::empty(), out, err)),
                clock.clone(),
            );
            let process = Box::pin(async move {
                // How it ends is the kubelet's to say; here only what it does on the way counts.
                let _ = shell::run(exec).await;
            });
            instance.played.get_mut().rehearsal = Rehearsal::new(Arc::clone(&clock.0), process);
        }
        Arc::new(instance)
    }

    /// A process in this container; streams that are not given are empty.
    pub fn exec(
        &self,
        view: &View,
        place: &Place,
        argv: Vec<String>,
        streams: Option<(Input, Output, Output)>,
        clock: Arc<dyn Clock>,
    ) -> Exec {
        let cwd = match place.spec.str_at("workingDir") {
            "" => self.files.workdir,
            own => own,
        };
        let (stdin, stdout, stderr) =
            streams.unwrap_or((Input::empty(), Output::Null, Output::Null));
        Exec {
            machine: Arc::clone(&self.machine) as Arc<dyn Machine>,
            fs: self.files.fs.clone(),
            clock,
            who: self.who.clone(),
            cwd: cwd.to_owned(),
            env: self.variables(view, place),
            argv,
            pid: 1,
            stdin,
            stdout,
            stderr,
            terminal: None,
        }
    }

    /// The variables of its processes.
    pub fn variables(&self, view: &View, place: &Place) -> Vec<(String, String)> {
        let home = if self.who.uid == 0 { "/root" } else { "/" };
        let tty = place.spec.is_true("tty");
        env::of(view, place, &place.config(view), tty, home).into_iter().collect()
    }

    /// Who its processes run as.
    pub fn who(&self) -> &Cred {
        &self.who
    }

    /// Has the end of the main process noted.
    pub fn exit(&self, runtime: &Runtime, code: i32) {
        let ask = Ask::Ended { target: self.target.clone(), run: self.run.clone(), code };
        // A queue that is full means that many are ending already.
        let _ = runtime.asks.try_send(ask);
    }

    /// The command line of its main process.
    pub fn argv(&self) -> &[String] {
        &self.argv
    }

    /// Brings the main process and the log forward to now, or to its end.
    pub fn advance(&self, view: &View, place: &Place, run: &Run) {
        let until = run.ended.map_or(view.now, |(at, _)| at.min(view.now));
        let mut played = self.played.lock();
        played.rehearsal.advance(until);
        let mut parts: Vec<_> = {
            let mut written = played.written.lock();
            written.bytes = 0;
            written.parts.drain(..).collect()
        };
        parts.extend(played.reading.advance(&self.runtime, view, place));
        let facts = self.facts(view, place);
        if let Some((_, words)) = programs::of(&self.argv) {
            for (at, request) in probes::between(view, place, run.started, played.probed, until) {
                if let Some(line) = words.request(&request, &facts, at) {
                    parts.push((at, Source::Out, (line + "\n").into_bytes()));
                }
            }
            let asked = place.asked_to_stop().or(run.ended.map(|(at, _)| at));
            let by_itself = run.ended.is_some_and(|_| place.process(view).ends.is_some());
            if let Some(at) = asked.filter(|at| *at <= view.now && !played.stopped && !by_itself) {
                played.stopped = true;
                let source = if words.errors { Source::Err } else { Source::Out };
                for line in &words.stop {
                    let line = words.line(line, &facts, at) + "\n";
                    parts.push((at, source, line.into_bytes()));
                }
            }
        }
        played.probed = played.probed.max(until);
        parts.sort_by_key(|(at, ..)| *at);
        for (at, source, data) in parts {
            self.log.write(at, source, &data);
        }
        if run.ended.is_some() {
            self.log.close(until);
        }
    }

    fn facts(&self, view: &View, place: &Place) -> Facts {
        let process = place.process(view);
        Facts {
            pod: self.target.pod.clone(),
            ip: place.pod.str_at("status.podIP").into(),
            port: process.serves.first().copied().unwrap_or(0),
            boot: process.boot,
        }
    }

    /// When something will be written next, as far as one can tell.
    pub fn next(&self, view: &View, place: &Place, run: &Run) -> Option<Timestamp> {
        let own = self.played.lock().rehearsal.next();
        let probe = programs::of(&self.argv)
            .filter(|(_, words)| !words.access.is_empty())
            .and_then(|_| probes::next(view, place, run.started));
        own.into_iter().chain(probe).min()
    }

    /// Whether this run is still the one that runs.
    pub fn is_current(&self, pod: &Value) -> bool {
        let place = Place::of(pod, &self.target.container);
        place.is_some_and(|p| p.running().is_some() && p.run().is_some_and(|r| r.id == self.run))
    }
}
