//! One run of a container: its files, its main process and its log.

use super::{
    DeferredWrite, End, Runtime, env,
    log::{Log, Source},
    machine::PodMachine,
    place::{Place, Run},
    played::Reading,
    probes,
    programs::{self, Facts},
    virtual_run::{Shared, VirtualClock, VirtualRun},
    volumes::{self, Files},
};
use crate::{
    controllers::{Heard, View},
    object::{ObjectExt, Value},
    runtime::Target,
    sim::{
        images::process,
        shell::{
            self, Exec, NotStarted,
            fs::Cred,
            io::{Input, Output},
            machine::Machine,
            signals::Signals,
        },
    },
    world::Clock,
};
use jiff::Timestamp;
use parking_lot::Mutex;
use std::{
    any::Any,
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicBool, AtomicU64},
    },
    task::Waker,
};
use tokio::sync::Notify;

/// Most bytes that are written between two looks and kept.
const LARGEST: usize = 1 << 20;

/// Most bytes of a message that a container leaves in a file; of one taken from its log, and most
/// lines. Source: kubelet `MaxContainerTerminationMessageLength` and its neighbours.
const MESSAGE: usize = 4096;
const MESSAGE_LOG: (usize, usize) = (80, 2048);

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
    played: Mutex<RunSoFar>,
    /// The revision of the objects it was brought forward at, and when there is more to do.
    rested: Mutex<Option<(u64, Option<Timestamp>)>>,
    ended: Arc<OnceLock<(Timestamp, Result<i32, NotStarted>)>>,
    runtime: Weak<Runtime>,
    /// Its main process, when that reads what clients send.
    pub live: Mutex<Option<Arc<super::live::Live>>>,
    /// Requests it has answered.
    pub asked: AtomicU64,
    /// What its program remembers.
    pub memory: Mutex<Option<Box<dyn Any + Send>>>,
    /// Signals to its main process, and the moments they were sent.
    pub signals: Arc<Signals>,
    pub(super) signalled: Mutex<Vec<(i32, Timestamp)>>,
    /// Whether a task brings it forward, and what makes that look at once.
    pub driving: AtomicBool,
    /// Makes that task look at once.
    pub poke: Notify,
    /// Whether its program has said its last words.
    pub(super) spoken: OnceLock<()>,
    /// What was asked in it, by name.
    pub(super) questions: Mutex<BTreeMap<String, super::lives::Asked>>,
}

/// The main process as it is brought forward.
struct RunSoFar {
    start: Timestamp,
    /// Made with the first look.
    virtual_run: Option<VirtualRun>,
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
        let argv = place.argv(view, &config);
        let argv = process::handed_on(&place.known_image(&config), &argv).to_vec();
        let who = Cred { uid: place.uid(&config), groups: place.groups() };
        let machine = PodMachine::new(runtime, view, place, &target, &argv, run.started);
        Arc::new(Instance {
            target,
            uid: place.pod.uid().into(),
            run: run.id.clone(),
            files,
            log: Arc::default(),
            machine: Arc::new(machine),
            who,
            argv,
            played: Mutex::new(RunSoFar {
                start: run.started,
                virtual_run: None,
                written: Arc::default(),
                probed: run.started,
                stopped: false,
                reading: Reading::default(),
            }),
            rested: Mutex::default(),
            ended: Arc::default(),
            runtime: Arc::downgrade(runtime),
            live: Mutex::default(),
            asked: AtomicU64::new(0),
            memory: Mutex::default(),
            signals: Arc::default(),
            signalled: Mutex::default(),
            driving: AtomicBool::new(false),
            poke: Notify::new(),
            spoken: OnceLock::new(),
            questions: Mutex::default(),
        })
    }

    /// The main process from its start, in virtual time.
    fn virtual_run(&self, view: &View, place: &Place, played: &RunSoFar) -> VirtualRun {
        let clock = VirtualClock::new(played.start);
        if super::live::is_run(view, place) {
            return VirtualRun::new(clock, Box::pin(std::future::ready(())));
        }
        let shared = Arc::new(Shared(Arc::clone(&clock)));
        let output = |source| {
            let (written, clock) = (Arc::clone(&played.written), Arc::clone(&shared));
            Output::Told(Arc::new(move |data: &[u8]| {
                written.lock().add(clock.now(), source, data);
            }))
        };
        let streams = (Input::empty(), output(Source::Out), output(Source::Err));
        let mut exec =
            self.exec(view, place, self.argv.clone(), Some(streams), Arc::clone(&shared) as _);
        exec.signals = Arc::clone(&self.signals);
        let ended = Arc::clone(&self.ended);
        let process = async move {
            let done = shell::run(exec).await;
            // It ends once.
            let _ = ended.set((shared.now(), done));
        };
        VirtualRun::new(clock, Box::pin(process))
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
            signals: Arc::default(),
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
        let (at, refused) = (runtime.world.clock.now(), None);
        let message = self.message("", code);
        let end = End { at, code, refused, message };
        let ask = DeferredWrite::Ended { target: self.target.clone(), run: self.run.clone(), end };
        // A queue that is full means that many are ending already.
        let _ = runtime.writes.try_send(ask);
    }

    /// Writes what its program says last: to its log, and where its message is read from.
    pub fn say_last(&self, view: &View, place: &Place, words: &str, at: Timestamp) {
        self.log.write(at, Source::Out, format!("{words}\n").as_bytes());
        let told = self.variables(view, place);
        let told = told.iter().find(|(name, _)| name == "TERMINATION_MESSAGE_PATH");
        let path = told.map_or("/dev/termination-log", |(_, path)| path);
        // A program that cannot write there ends all the same.
        let _ = self.files.fs.write(path, words.as_bytes(), false, &self.who, at);
    }

    /// How the main process has ended, if it has by the moment it was brought forward to.
    pub fn end(&self, place: &Place) -> Option<End> {
        let (at, done) = self.ended.get()?;
        let (code, refused) = match done {
            Ok(code) => (*code, None),
            Err(why) => {
                let name = self.argv.first().map_or("", String::as_str);
                (128, Some(super::command::not_started(name, why).0))
            }
        };
        let message = self.message(place.spec.str_at("terminationMessagePolicy"), code);
        Some(End { at: *at, code, refused, message })
    }

    /// The message a run leaves that ends with this code.
    pub fn message(&self, policy: &str, code: i32) -> String {
        let file = self.files.message();
        let text = &file[file.len().saturating_sub(MESSAGE)..];
        if text.is_empty() && code != 0 && policy == "FallbackToLogsOnError" {
            return String::from_utf8_lossy(&self.log.tail(MESSAGE_LOG.0, MESSAGE_LOG.1)).into();
        }
        String::from_utf8_lossy(text).into_owned()
    }

    /// The command line of its main process.
    pub fn argv(&self) -> &[String] {
        &self.argv
    }

    /// Brings the main process and the log forward to now, or to its end; false when there is more
    /// to do than one look may.
    pub fn advance(&self, view: &View, place: &Place, run: &Run) -> bool {
        let until = run.ended.map_or(view.now, |(at, _)| at.min(view.now));
        let mut played = self.played.lock();
        if played.virtual_run.is_none() {
            played.virtual_run = Some(self.virtual_run(view, place, &played));
        }
        let whole = played.virtual_run.as_mut().is_none_or(|r| r.advance(until));
        let mut parts: Vec<_> = {
            let mut written = played.written.lock();
            written.bytes = 0;
            written.parts.drain(..).collect()
        };
        parts.extend(played.reading.advance(&self.runtime, view, place));
        self.words(view, place, run, &mut played, &mut parts);
        played.probed = played.probed.max(until);
        parts.sort_by_key(|(at, ..)| *at);
        for (at, source, data) in parts {
            self.log.write(at, source, &data);
        }
        if run.ended.is_some() || self.ended.get().is_some() {
            self.log.close(until);
        }
        whole
    }

    /// Brings it forward unless there is nothing to do: no object has changed, and nothing was due.
    pub fn keep_up(&self, view: &View, place: &Place, run: &Run) {
        let rests = |(rev, until): (u64, Option<Timestamp>)| {
            rev == view.objects.rev && until.is_none_or(|at| view.now < at)
        };
        if self.rested.lock().is_some_and(rests) {
            return;
        }
        let whole = self.advance(view, place, run);
        let rested = whole.then(|| (view.objects.rev, self.next(view, place, run)));
        *self.rested.lock() = rested;
    }

    /// The lines a program's words add: those of probes and of its end.
    fn words(
        &self,
        view: &View,
        place: &Place,
        run: &Run,
        played: &mut RunSoFar,
        parts: &mut Vec<(Timestamp, Source, Vec<u8>)>,
    ) {
        let until = run.ended.map_or(view.now, |(at, _)| at.min(view.now));
        let Some((_, words)) = programs::of(&self.argv) else { return };
        let facts = self.facts(view, place);
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

    fn facts(&self, view: &View, place: &Place) -> Facts {
        let process = place.process(view);
        Facts {
            pod: self.target.pod.clone(),
            ip: place.pod.str_at("status.podIP").into(),
            port: process.serves.first().copied().unwrap_or(0),
            boot: process.boot,
        }
    }

    /// When the main process goes on by itself.
    pub fn next_step(&self) -> Option<Timestamp> {
        self.played.lock().virtual_run.as_ref().and_then(VirtualRun::next)
    }

    /// Has a task woken when something other than time lets the main process go on.
    pub fn watch(&self, driver: &Waker) {
        if let Some(virtual_run) = &self.played.lock().virtual_run {
            virtual_run.watch(driver);
        }
    }

    /// When something will be written next, as far as one can tell.
    pub fn next(&self, view: &View, place: &Place, run: &Run) -> Option<Timestamp> {
        let probe = programs::of(&self.argv)
            .filter(|(_, words)| !words.access.is_empty())
            .and_then(|_| probes::next(view, place, run.started));
        self.next_step().into_iter().chain(probe).min()
    }

    /// Whether this run is still the one that runs.
    pub fn is_current(&self, pod: &Arc<Value>) -> bool {
        let place = Place::of(pod, &self.target.container);
        place.is_some_and(|p| p.running().is_some() && p.run().is_some_and(|r| r.id == self.run))
    }

    /// The place of this run as it is now, if it still is the one that runs.
    pub fn place(&self, view: &View) -> Option<(Place, Run)> {
        let place = Place::find(view, &self.target).filter(|p| p.pod.uid() == self.uid)?;
        let run = place.run().filter(|run| run.id == self.run && run.ended.is_none())?;
        Some((place, run))
    }

    /// A question answered before, or `None`.
    pub(super) fn answered(&self, name: &str) -> Option<Heard> {
        self.questions.lock().get(name).and_then(super::lives::Asked::heard)
    }
}
