//! What kubelets hear of the processes in their containers.

use super::{
    Runtime, driver,
    instance::Instance,
    network::Port,
    place::{Place, Run as Found},
    programs,
    virtual_run::{Shared, VirtualClock, VirtualRun},
    volumes,
};
use crate::{
    controllers::{Heard, Lives, Question, Run, View, Visit, What},
    object::ObjectExt,
    runtime::{Fetch, Target},
    sim::shell::{
        self, NotStarted,
        io::{Input, Output},
        machine::NetError,
    },
    world::Clock,
};
use jiff::Timestamp;
use parking_lot::Mutex;
use std::{
    net::Ipv4Addr,
    sync::{Arc, OnceLock, atomic::Ordering},
};

/// Most questions of one run that are remembered; the first asked are forgotten first.
const MEMORY: usize = 64;

/// Most bytes of an answer that are kept.
const LONGEST: usize = 10 << 10;

/// A question that was asked.
pub struct Asked {
    serial: u64,
    process: VirtualRun,
    done: Arc<OnceLock<Heard>>,
}

impl Asked {
    /// The answer, if there is one.
    pub fn heard(&self) -> Option<Heard> {
        self.done.get().cloned()
    }
}

impl Runtime {
    /// The run a kubelet speaks of.
    fn spoken_of(&self, view: &View, run: &Run<'_>) -> Option<(Place, Found)> {
        let target = Target {
            namespace: run.namespace.into(),
            pod: run.pod.into(),
            container: run.container.into(),
        };
        let place = Place::find(view, &target)?;
        let found = place.run().filter(|found| found.id == run.id && found.ended.is_none())?;
        Some((place, found))
    }

    /// Asks a question for the first time.
    fn begin(
        self: &Arc<Runtime>,
        view: &View,
        place: &Place,
        instance: &Arc<Instance>,
        question: &Question<'_>,
    ) -> Asked {
        let clock = VirtualClock::new(question.since);
        let done = Arc::<OnceLock<Heard>>::default();
        let (shared, tell) = (Arc::new(Shared(Arc::clone(&clock))), Arc::clone(&done));
        let answer: crate::world::BoxFuture<Heard> = match question.what {
            What::Command(argv) => {
                let kept = Arc::<Mutex<Vec<u8>>>::default();
                let output = || Output::Kept(Arc::clone(&kept));
                let streams = (Input::empty(), output(), output());
                let mut exec = instance.exec(
                    view,
                    place,
                    argv.to_vec(),
                    Some(streams),
                    Arc::clone(&shared) as _,
                );
                exec.pid = 20;
                Box::pin(async move {
                    let name = exec.argv.first().cloned().unwrap_or_default();
                    let ended = shell::run(exec).await;
                    let text =
                        String::from_utf8_lossy(&kept.lock()).chars().take(LONGEST).collect();
                    match ended {
                        Ok(code) => Heard::Done(shared.now(), code, text),
                        Err(why) => Heard::Failed(not_started(&name, &why)),
                    }
                })
            }
            What::Request(port, path, headers) => {
                let (me, answerer) = (Arc::clone(self), self.answerer(place, port));
                let client = place.pod.str_at("status.hostIP").to_owned();
                let request = Fetch {
                    method: "GET".into(),
                    port,
                    path: path.into(),
                    headers: headers.to_vec(),
                    ..Fetch::default()
                };
                Box::pin(async move {
                    match me.ask(&answerer, &client, &request).await {
                        Some(answer) => {
                            let text = String::from_utf8_lossy(&answer.body);
                            let text = text.chars().take(LONGEST).collect();
                            Heard::Done(shared.now(), i32::from(answer.status), text)
                        }
                        None => Heard::Failed("EOF".into()),
                    }
                })
            }
            What::Visit(request) => {
                let me = Arc::downgrade(self);
                let target = instance.target.clone();
                Box::pin(visit(Port { runtime: me, target }, to(request), Arc::clone(&shared)))
            }
        };
        let process = Box::pin(async move {
            // It is answered once.
            let _ = tell.set(answer.await);
        });
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        Asked { serial, process: VirtualRun::new(clock, process), done }
    }
}

/// A visit as a request.
fn to(visit: &Visit) -> Fetch {
    Fetch {
        method: "GET".into(),
        secure: visit.secure,
        host: visit.host.clone(),
        port: visit.port,
        path: visit.path.clone(),
        headers: visit.headers.clone(),
        ..Fetch::default()
    }
}

/// Makes a request from a pod's node. Source: kubelet `runHTTPHandler`, which speaks plainly to whoever
/// does not understand TLS.
async fn visit(from: Port, request: Fetch, clock: Arc<Shared>) -> Heard {
    let host = request.host.clone();
    let Ok(to) = host.parse::<Ipv4Addr>() else {
        return Heard::Failed(format!("dial tcp: lookup {host}: no such host"));
    };
    let mut answer = from.clone().fetch(to, request.clone()).await;
    if let Err(NetError::Plain) = answer {
        answer = from.fetch(to, Fetch { secure: false, ..request }).await;
    }
    match answer {
        Ok(answer) => {
            let text = String::from_utf8_lossy(&answer.body).chars().take(LONGEST).collect();
            Heard::Done(clock.now(), i32::from(answer.status), text)
        }
        Err(why) => Heard::Failed(format!("{why:?}")),
    }
}

/// Why a command of a probe or hook did not start. Source: the runtime's words.
fn not_started(name: &str, why: &NotStarted) -> String {
    match why {
        NotStarted::NotFound => {
            format!("executable file `{name}` not found in $PATH: No such file or directory")
        }
        NotStarted::Refused(why) => format!("open executable: {why}"),
    }
}

impl Lives for Runtime {
    fn ask(&self, run: Run<'_>, question: &Question<'_>, new: bool) -> Heard {
        let (view, Some(me)) = (self.view(), self.me.upgrade()) else { return Heard::Nothing };
        let Some((place, found)) = self.spoken_of(&view, &run) else { return Heard::Nothing };
        let known = if new { self.instance(&view, &place, &found) } else { self.known(run.id) };
        let Some(instance) = known else { return Heard::Nothing };
        if let Some(heard) = instance.answered(question.name) {
            return heard;
        }
        instance.files.refresh(&me, &view, &place);
        if instance.driving.load(Ordering::Relaxed) {
            instance.advance(&view, &place, &found);
        }
        let known = instance.questions.lock().remove(question.name);
        if known.is_none() && !new {
            return Heard::Nothing;
        }
        let mut asked = known.unwrap_or_else(|| me.begin(&view, &place, &instance, question));
        asked.process.advance(view.now);
        let heard = asked.heard().unwrap_or_else(|| Heard::Busy(asked.process.next()));
        let mut questions = instance.questions.lock();
        questions.insert(question.name.to_owned(), asked);
        if questions.len() > MEMORY {
            let oldest = questions.iter().min_by_key(|(_, a)| a.serial).map(|(n, _)| n.clone());
            oldest.and_then(|name| questions.remove(&name));
        }
        heard
    }

    fn stirs(&self, run: Run<'_>) -> bool {
        self.known(run.id).is_some()
    }

    fn signal(&self, run: Run<'_>, signal: i32, at: Timestamp) {
        let (view, Some(me)) = (self.view(), self.me.upgrade()) else { return };
        let Some((place, found)) = self.spoken_of(&view, &run) else { return };
        let Some(instance) = self.instance(&view, &place, &found) else { return };
        {
            let mut sent = instance.signalled.lock();
            if sent.contains(&(signal, at)) {
                return;
            }
            sent.push((signal, at));
        }
        // What comes before the signal happens before it.
        instance.advance(&view, &place, &found);
        instance.signals.send(signal);
        driver::drive(&me, &instance);
    }

    fn last_words(&self, run: Run<'_>, signal: i32, at: Timestamp) {
        let view = self.view();
        let Some((place, found)) = self.spoken_of(&view, &run) else { return };
        let Some(instance) = self.instance(&view, &place, &found) else { return };
        let Some(words) = programs::find(instance.argv()).last_words(signal) else { return };
        instance.advance(&view, &place, &found);
        if instance.spoken.set(()).is_ok() {
            instance.say_last(&view, &place, &words, at);
        }
    }

    fn ended(&self, run: Run<'_>) -> Option<(Timestamp, i32)> {
        let view = self.view();
        let instance = self.known(run.id)?;
        let (place, found) = self.spoken_of(&view, &run)?;
        instance.advance(&view, &place, &found);
        instance.end(&place).map(|end| (end.at, end.code))
    }

    fn message(&self, run: Run<'_>, code: i32) -> String {
        let (view, known) = (self.view(), self.known(run.id));
        let found = known.and_then(|known| Some((known, self.spoken_of(&view, &run)?)));
        found.map_or(String::new(), |(instance, (place, found))| {
            instance.advance(&view, &place, &found);
            instance.message(place.spec.str_at("terminationMessagePolicy"), code)
        })
    }

    fn host_path(&self, node: &str, path: &str, kind: &str) -> Result<(), String> {
        volumes::check_host_path(&self.node_tree(node).lock(), path, kind)
    }

    fn ports(&self, id: &str) -> Vec<u16> {
        self.known(id).map_or(Vec::new(), |instance| instance.machine.ports())
    }
}
