//! A lab that is started: its project, its recording, what happens later, and how it all goes away.

use super::{
    Labs, answers,
    commands::{Hands, image},
    exercise::{Exercise, Step},
    judge::{Grade, grade},
    key,
    recording::{Recording, Tape},
    words,
};
use crate::{
    api::{Caller, Request, Verb},
    kinds,
    object::{ObjectExt, Value, json, time},
    store::Store,
    world::within,
};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::sync::watch;

/// Longest wait for a project to go, in the machine's time.
const PATIENCE: SignedDuration = SignedDuration::from_secs(60);

/// A lab that is started.
pub struct Running {
    /// Its exercise.
    pub exercise: Exercise,
    /// Who works on it.
    pub user: String,
    /// Where.
    pub project: String,
    /// When it began.
    pub started: Timestamp,
    /// Hints given.
    pub hints: AtomicUsize,
    tape: Arc<Mutex<Tape>>,
    /// What is put back at the end.
    before: Mutex<Before>,
    /// What goes on beside it; ends with it.
    tasks: Mutex<Vec<tokio::task::JoinHandle<()>>>,
}

/// How the world outside was.
#[derive(Default)]
struct Before {
    /// Whether the project is ours to delete.
    project: bool,
    rate: Option<f64>,
    tags: Vec<(String, String, Option<String>)>,
    outages: Vec<String>,
    objects: Vec<(kinds::Served, String, String)>,
}

/// Whoever signed in as this user.
fn student(user: &str) -> Arc<Caller> {
    Arc::new(Caller {
        name: user.into(),
        groups: vec!["system:authenticated:oauth".into(), "system:authenticated".into()],
        ..Caller::default()
    })
}

impl Labs {
    fn hands(&self, user: &str, project: &str) -> Hands {
        Hands {
            server: Arc::clone(&self.server),
            desk: Arc::clone(&self.desk),
            caller: student(user),
            project: project.into(),
        }
    }

    /// Starts an exercise for a user; nothing is left behind when that fails.
    pub(super) async fn start(
        &self,
        text: &str,
        user: &str,
        student: &str,
    ) -> Result<Arc<Running>, String> {
        let plain = Exercise::parse(text)?;
        let project = match student {
            "" => plain.project.clone(),
            student => format!("{}-{student}", plain.project),
        };
        let exercise = Exercise::parse(&text.replace("${project}", &project))?;
        let at = key(&exercise.name, student);
        if self.running.lock().contains_key(&at) {
            return Err(format!("{} is started already", exercise.name));
        }
        if self.server.store.snapshot().get("namespaces", "", &project).is_some() {
            return Err(format!(
                "there is a project {project:?} already; finish what uses it, or delete it"
            ));
        }
        let tape = Arc::new(Mutex::new(Tape::begin(&self.server.store, &project)));
        let running = Arc::new(Running {
            exercise,
            user: user.into(),
            project,
            started: self.server.world.clock.now(),
            hints: AtomicUsize::new(0),
            tape: Arc::clone(&tape),
            before: Mutex::default(),
            tasks: Mutex::new(vec![actix_web::rt::spawn(follow(
                self.server.store.clone(),
                tape,
                self.server.stopping.clone(),
            ))]),
        });
        if let Err(why) = self.set_up(&running).await {
            let _ = self.clear(&running).await;
            return Err(format!("{}: {why}; nothing was left behind", running.exercise.name));
        }
        self.schedule(&running);
        self.running.lock().insert(at, Arc::clone(&running));
        Ok(running)
    }

    async fn set_up(&self, running: &Running) -> Result<(), String> {
        let hands = self.hands(&running.user, &running.project);
        let reading = hands.ask("GET", "/time", "").await?;
        running.before.lock().rate = reading["rate"].as_f64();
        let request = json!({"apiVersion": "project.openshift.io/v1", "kind": "ProjectRequest",
            "metadata": {"name": running.project}, "displayName": running.exercise.title});
        let made = hands.create(&words::kind("projectrequest")?, request).await;
        made.map_err(|e| format!("the project: {e}"))?;
        running.before.lock().project = true;
        hands.settle().await;
        let admin = Hands { caller: Arc::new(Caller::component("system:admin")), ..hands.clone() };
        for (number, object) in running.exercise.setup.manifests.iter().enumerate() {
            running.note_object(object);
            let done = admin.apply(object.clone()).await;
            done.map_err(|why| format!("setup: manifest {}: {why}", number + 1))?;
        }
        hands.settle().await;
        for step in &running.exercise.setup.steps {
            running.step(&hands, step).await.map_err(|why| format!("setup: {why}"))?;
        }
        Ok(())
    }

    /// Lets happen later what shall happen whatever the student does.
    fn schedule(&self, running: &Arc<Running>) {
        for event in running.exercise.events.clone() {
            let after = event.after.parse::<SignedDuration>().unwrap_or_default();
            let at = running.started.checked_add(after).unwrap_or(Timestamp::MAX);
            let hands = self.hands(&running.user, &running.project);
            let clock = Arc::clone(&self.server.world.clock);
            let of = Arc::downgrade(running);
            let later = async move {
                clock.sleep_until(at).await;
                let Some(running) = of.upgrade() else { return };
                for step in &event.steps {
                    if let Err(why) = running.step(&hands, step).await {
                        tracing::warn!(lab = running.exercise.name, why, "an event failed");
                    }
                }
            };
            let tracked = self.server.world.activity.track(later);
            running.tasks.lock().push(actix_web::rt::spawn(tracked));
        }
    }

    /// Runs the commands that earn all points; answers what was typed and said.
    pub(super) async fn solve(&self, running: &Running) -> Result<Vec<String>, String> {
        self.walk(running, &running.exercise.solution).await
    }

    /// Runs commands as the student.
    pub(super) async fn walk(
        &self,
        running: &Running,
        steps: &[Step],
    ) -> Result<Vec<String>, String> {
        let hands = self.hands(&running.user, &running.project);
        let mut lines = Vec::new();
        for step in steps {
            lines.push(format!("$ {}", step.line()));
            lines.push(running.step(&hands, step).await?);
        }
        Ok(lines)
    }

    /// What a lab has earned up to now.
    pub(super) async fn grade(&self, running: &Running) -> Grade {
        grade(&running.exercise, &self.recording(running).await)
    }

    /// All that a grade is made of.
    pub(super) async fn recording(&self, running: &Running) -> Recording {
        let hands = self.hands(&running.user, &running.project);
        hands.settle().await;
        let answers = answers::all(&hands, &running.exercise).await;
        let mut tape = running.tape.lock();
        tape.catch_up(&self.server.store);
        tape.recording(answers)
    }

    /// Ends a lab: the project goes, and the world outside is as it was.
    pub(super) async fn finish(&self, name: &str, student: &str) -> Result<(), String> {
        let running = self.find(name, student)?;
        self.clear(&running).await?;
        self.running.lock().remove(&key(name, student));
        Ok(())
    }

    async fn clear(&self, running: &Running) -> Result<(), String> {
        running.tasks.lock().drain(..).for_each(|task| task.abort());
        let hands = self.hands(&running.user, &running.project);
        let before = std::mem::take(&mut *running.before.lock());
        for host in before.outages {
            hands.ask("DELETE", &format!("/registries/{host}/outage"), "").await?;
        }
        for (name, tag, digest) in before.tags.into_iter().rev() {
            let path = format!("/v2/{name}/manifests/{tag}");
            match digest {
                Some(digest) => hands.ask("PUT", &path, &format!("from={digest}")).await?,
                None => hands.ask("DELETE", &path, "").await?,
            };
        }
        if let Some(rate) = before.rate {
            hands.ask("POST", "/time", &format!("rate={rate}")).await?;
        }
        for (kind, namespace, name) in before.objects {
            self.delete(kind, &namespace, &name).await;
        }
        if !before.project {
            return Ok(());
        }
        if let Some(kind) = kinds::by_resource("namespaces") {
            self.delete(kind, "", &running.project).await;
        }
        let gone = async {
            let mut changed = self.server.store.feed().signal("namespaces");
            while self.server.store.snapshot().get("namespaces", "", &running.project).is_some() {
                if changed.changed().await.is_err() {
                    return;
                }
            }
        };
        let waited = within(&*self.server.world.wall, PATIENCE, gone).await;
        waited.ok_or_else(|| format!("the project {} is still being deleted", running.project))
    }

    async fn delete(&self, kind: kinds::Served, namespace: &str, name: &str) {
        let request = Request {
            caller: Arc::new(Caller::component("system:admin")),
            verb: Verb::Delete,
            kind,
            sub: "",
            namespace: namespace.into(),
            name: name.into(),
            options: Default::default(),
            body: Default::default(),
        };
        // What is gone already is as wanted.
        let _ = self.server.call(request).await;
    }
}

/// Writes down what happens, before the store forgets it.
async fn follow(store: Store, tape: Arc<Mutex<Tape>>, mut stopping: watch::Receiver<bool>) {
    let mut changed = store.feed().any();
    loop {
        tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => return,
            alive = changed.changed() => if alive.is_err() { return },
        }
        tape.lock().catch_up(&store);
    }
}

impl Running {
    /// Runs a command, and lets what it causes be done.
    async fn step(&self, hands: &Hands, step: &Step) -> Result<String, String> {
        let line = step.line();
        self.note(hands, line).await;
        let said = hands.run(line, step.input()).await.map_err(|why| format!("{line}: {why}"))?;
        hands.settle().await;
        Ok(said)
    }

    /// Remembers how the world outside was, before a command changes it.
    async fn note(&self, hands: &Hands, line: &str) {
        let Ok(words) = words::split(line).and_then(words::Words::new) else { return };
        let plain: Vec<&str> = words.plain.iter().map(String::as_str).collect();
        match plain.as_slice() {
            ["pocketshift", "registry", "outage", host] => {
                self.before.lock().outages.push((*host).to_owned());
            }
            ["pocketshift", "registry", what @ ("tag" | "untag"), source, rest @ ..] => {
                let Ok((name, version)) = image(source) else { return };
                let tag =
                    if *what == "tag" { rest.first().copied().unwrap_or(version) } else { version };
                let Some((host, path)) = name.split_once('/') else { return };
                let place = format!("/registries/{host}/tags");
                let known = hands.ask("GET", &place, &format!("repository={path}")).await;
                let digest = known.ok().and_then(|k| Some(k["tags"][tag].as_str()?.to_owned()));
                self.before.lock().tags.push((name.into(), tag.into(), digest));
            }
            _ => {}
        }
    }

    /// Remembers an object that does not go with the project.
    fn note_object(&self, object: &Value) {
        let Some(kind) = kinds::by_kind(object.str_at("apiVersion"), object.str_at("kind")) else {
            return;
        };
        let namespace = object.namespace();
        if !kind.namespaced || !["", self.project.as_str()].contains(&namespace) {
            self.before.lock().objects.push((kind, namespace.into(), object.name().into()));
        }
    }

    /// The next hint, if there is one.
    pub(super) fn hint(&self) -> Option<String> {
        let hints = &self.exercise.hints;
        let next = self.hints.fetch_add(1, Ordering::Relaxed);
        hints.get(next).cloned()
    }

    /// What is known of it without grading it.
    pub(super) fn status(&self) -> Value {
        let hints = self.hints.load(Ordering::Relaxed).min(self.exercise.hints.len());
        json!({"name": self.exercise.name, "title": self.exercise.title, "project": self.project,
            "user": self.user, "started": time::seconds(self.started), "hints": hints})
    }
}
