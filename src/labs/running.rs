//! A lab that is started: its project, its recording, what happens later, and how it all goes away.

use super::{
    Labs, answers,
    commands::{Hands, image, rules},
    disturbance,
    exercise::{Exercise, Step, somewhere},
    judge::{Grade, grade},
    kept::Underway,
    recording::{Recording, Spool, Tape},
    words,
    world::{Before, enrol},
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
    /// When it began.
    pub started: Timestamp,
    /// Hints given.
    pub hints: AtomicUsize,
    text: String,
    revision: u64,
    happened: Mutex<Vec<usize>>,
    tape: Arc<Mutex<Tape>>,
    /// What is put back at the end.
    before: Mutex<Before>,
    /// What goes on beside it; ends with it.
    tasks: Mutex<Vec<tokio::task::JoinHandle<()>>>,
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
    fn hands(&self, running: &Running) -> Hands {
        self.hands_of(&running.user, &running.exercise.project)
    }

    /// The hands of a user in a project.
    pub(super) fn hands_of(&self, user: &str, project: &str) -> Hands {
        Hands {
            server: Arc::clone(&self.server),
            desk: Arc::clone(&self.desk),
            caller: student(user),
            project: project.to_owned(),
        }
    }

    /// A lab that begins, or that goes on.
    pub(super) fn running(&self, exercise: Exercise, kept: Underway) -> Arc<Running> {
        let store = &self.server.store;
        let tape = Tape::begin(store, &exercise.project, exercise.beside(), kept.revision);
        let tape = Arc::new(Mutex::new(tape));
        let stopping = self.server.stopping.clone();
        let follows = follow(store.clone(), Arc::clone(&tape), stopping);
        Arc::new(Running {
            exercise,
            user: kept.user,
            started: kept.started,
            hints: AtomicUsize::new(kept.hints),
            text: kept.text,
            revision: kept.revision,
            happened: Mutex::new(kept.happened),
            tape,
            before: Mutex::new(kept.before),
            tasks: Mutex::new(vec![actix_web::rt::spawn(follows)]),
        })
    }

    /// Starts an exercise for a user; nothing is left behind when that fails.
    pub(super) async fn start(&self, text: &str, user: &str) -> Result<Arc<Running>, String> {
        let exercise = Exercise::parse(text)?;
        let (name, project) = (exercise.name.clone(), exercise.project.clone());
        if self.running.lock().contains_key(&name) {
            return Err(format!("{name} is started already"));
        }
        let others: Vec<_> = self.running.lock().values().cloned().collect();
        let disturbs = |other: &Arc<Running>| {
            disturbance::between((&exercise, text), (&other.exercise, &other.text))
        };
        if let Some(why) = others.iter().find_map(disturbs) {
            return Err(why);
        }
        let snapshot = self.server.store.snapshot();
        if snapshot.get("namespaces", "", &project).is_some() {
            return Err(format!(
                "there is a project {project:?} already; finish what uses it, or delete it"
            ));
        }
        let (happened, before) = Default::default();
        let (text, user) = (text.to_owned(), user.to_owned());
        let (started, revision) = (self.server.world.clock.now(), snapshot.rev);
        let kept = Underway { text, user, started, revision, hints: 0, happened, before };
        let running = self.running(exercise, kept);
        if let Err(why) = self.set_up(&running).await {
            return Err(match self.clear(&running).await {
                Ok(()) => format!("{name}: {why}; nothing was left behind"),
                Err(other) => format!("{name}: {why}; and then: {other}"),
            });
        }
        self.keep(&running).await;
        self.schedule(&running);
        self.running.lock().insert(name, Arc::clone(&running));
        Ok(running)
    }

    async fn set_up(&self, running: &Running) -> Result<(), String> {
        let (setup, project) = (&running.exercise.setup, &running.exercise.project);
        let hands = self.hands(running);
        let reading = hands.ask("GET", "/time", "").await?;
        running.before.lock().rate = reading["rate"].as_f64();
        running.set_clock(&hands).await?;
        running.publish(&hands).await?;
        let request = json!({"apiVersion": "project.openshift.io/v1", "kind": "ProjectRequest",
            "metadata": {"name": project}, "displayName": running.exercise.title});
        let made = hands.create(&words::kind("projectrequest")?, request).await;
        made.map_err(|e| format!("the project: {e}"))?;
        running.before.lock().project = true;
        hands.settle().await;
        let admin = Hands { caller: Arc::new(Caller::component("system:admin")), ..hands.clone() };
        running.admit(&admin).await?;
        for (number, object) in setup.manifests.iter().enumerate() {
            self.note_object(running, object);
            let done = admin.apply(object.clone()).await;
            done.map_err(|why| {
                let place = somewhere(&running.text, object.name());
                format!("setup: manifest {}: {why}{place}", number + 1)
            })?;
        }
        if !setup.faults.is_empty() {
            let added = rules(&hands, &setup.faults).await;
            let added = added.map_err(|why| format!("setup: faults: {why}"))?;
            running.before.lock().faults.extend(added);
        }
        hands.settle().await;
        for step in &setup.steps {
            running.step(&hands, step).await.map_err(|why| format!("setup: {why}"))?;
        }
        Ok(())
    }

    /// Lets happen later what shall happen whatever the student does.
    pub(super) fn schedule(&self, running: &Arc<Running>) {
        for (number, event) in running.exercise.events.iter().cloned().enumerate() {
            if running.happened.lock().contains(&number) {
                continue;
            }
            let after = event.after.parse::<SignedDuration>().unwrap_or_default();
            let at = running.started.checked_add(after).unwrap_or(Timestamp::MAX);
            let hands = self.hands(running);
            let world = &self.server.world;
            let (clock, appointment) = (Arc::clone(&world.clock), world.appointments.make(at));
            let (labs, of) = (self.me.clone(), Arc::downgrade(running));
            let later = async move {
                clock.sleep_until(at).await;
                let (Some(labs), Some(running)) = (labs.upgrade(), of.upgrade()) else { return };
                for step in &event.steps {
                    if let Err(why) = running.step(&hands, step).await {
                        tracing::warn!(lab = running.exercise.name, why, "an event failed");
                    }
                }
                running.happened.lock().push(number);
                labs.keep(&running).await;
                drop(appointment);
            };
            let tracked = world.activity.track(later);
            running.tasks.lock().push(actix_web::rt::spawn(tracked));
        }
    }

    /// Runs the commands that earn all points; answers what was typed and said.
    pub(super) async fn solve(&self, running: &Running) -> Result<Vec<String>, String> {
        let solved = self.walk(running, &running.exercise.solution).await;
        solved.map_err(|why| format!("solution: {why}"))
    }

    /// Runs commands as the student; when one fails the cluster is as it was before the first.
    pub(super) async fn walk(
        &self,
        running: &Running,
        steps: &[Step],
    ) -> Result<Vec<String>, String> {
        let hands = self.hands(running);
        hands.settle().await;
        let place = self.place.as_ref().and_then(|p| Some((p.rooms.upgrade()?, p.name.clone())));
        let moment = match &place {
            Some((rooms, name)) => Some(rooms.keep(name.clone()).await?),
            None => None,
        };
        let mut lines = Vec::new();
        for step in steps {
            lines.push(format!("$ {}", step.line()));
            match running.step(&hands, step).await {
                Ok(said) => lines.push(said),
                Err(why) => {
                    let Some(moment) = moment else { return Err(why) };
                    moment().await.map_err(|other| format!("{why}; and then: {other}"))?;
                    return Err(format!("{why}; everything is as it was before"));
                }
            }
        }
        self.keep(running).await;
        Ok(lines)
    }

    /// What a lab has earned up to now.
    pub(super) async fn grade(&self, running: &Running) -> Grade {
        grade(&running.exercise, &self.recording(running).await)
    }

    /// All that a grade is made of.
    pub(super) async fn recording(&self, running: &Running) -> Recording {
        let hands = self.hands(running);
        hands.settle().await;
        let answers = answers::all(&hands, &running.exercise).await;
        let mut tape = running.tape.lock();
        tape.catch_up(&self.server.store);
        tape.recording(&running.text, answers)
    }

    /// Ends a lab: the project goes, and the world outside is as it was.
    pub(super) async fn finish(&self, name: &str) -> Result<(), String> {
        let running = self.find(name)?;
        self.clear(&running).await?;
        self.running.lock().remove(name);
        self.drop_kept(name).await;
        Ok(())
    }

    async fn clear(&self, running: &Running) -> Result<(), String> {
        running.end_tasks();
        let hands = self.hands(running);
        let before = running.before.lock().clone();
        let (ours, project) = (before.project, &running.exercise.project);
        self.put_back(&hands, before).await?;
        *running.before.lock() = Before { project: ours, ..Before::default() };
        if !ours {
            return Ok(());
        }
        if let Some(kind) = kinds::by_resource("namespaces") {
            self.delete(kind, "", project).await;
        }
        let gone = async {
            let mut changed = self.server.store.feed().signal("namespaces");
            while self.server.store.snapshot().get("namespaces", "", project).is_some() {
                if changed.changed().await.is_err() {
                    return;
                }
            }
        };
        let waited = within(&*self.server.world.wall, PATIENCE, gone).await;
        waited.ok_or_else(|| format!("the project {project} is still being deleted"))
    }

    /// Remembers an object that does not go with the project, and is not there yet.
    fn note_object(&self, running: &Running, object: &Value) {
        let (version, kind) = (object.str_at("apiVersion"), object.str_at("kind"));
        let Some(known) = kinds::by_kind(version, kind) else { return };
        let (namespace, name) = (object.namespace(), object.name());
        let elsewhere = !["", running.exercise.project.as_str()].contains(&namespace);
        let there = self.server.store.snapshot().get(known.stored_as(), namespace, name).is_some();
        if (!known.namespaced || elsewhere) && !there {
            let noted = [version, kind, namespace, name].map(str::to_owned);
            running.before.lock().objects.push(noted);
        }
    }

    pub(super) async fn delete(&self, kind: kinds::Served, namespace: &str, name: &str) {
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
        let said = hands.run(line, step.input()).await;
        let said = said.map_err(|why| format!("{line}: {why}{}", somewhere(&self.text, line)))?;
        if line.starts_with("pocketshift fault add") {
            self.before.lock().faults.extend(said.lines().map(str::to_owned));
        }
        hands.settle().await;
        Ok(said)
    }

    /// Moves the clock to where the exercise begins.
    async fn set_clock(&self, hands: &Hands) -> Result<(), String> {
        let Some(clock) = &self.exercise.setup.clock else { return Ok(()) };
        let moves = [
            clock.step.as_ref().map(|step| format!("by={step}")),
            clock.rate.map(|rate| format!("rate={rate}")),
        ];
        for query in moves.into_iter().flatten() {
            let moved = hands.ask("POST", "/time", &query).await;
            moved
                .map_err(|why| format!("setup: clock: {why}{}", somewhere(&self.text, "clock")))?;
        }
        Ok(())
    }

    /// Publishes at the vendors what the exercise adds to the catalogue.
    async fn publish(&self, hands: &Hands) -> Result<(), String> {
        let Some(catalog) = &self.exercise.setup.catalog else { return Ok(()) };
        let failed =
            |why: String| format!("setup: catalog: {why}{}", somewhere(&self.text, "catalog"));
        let made = hands.send("POST", "/catalog", catalog.to_string()).await.map_err(failed)?;
        let tags = made.list_at("tags").iter().map(|tag| {
            let was = tag["was"].as_str().map(str::to_owned);
            (tag.str_at("repository").to_owned(), tag.str_at("tag").to_owned(), was)
        });
        self.before.lock().tags.extend(tags);
        Ok(())
    }

    /// Lets the exercise's users sign in, and gives them their roles in the project.
    async fn admit(&self, admin: &Hands) -> Result<(), String> {
        let users = &self.exercise.setup.users;
        if users.is_empty() {
            return Ok(());
        }
        let failed = |why: String| format!("setup: users: {why}{}", somewhere(&self.text, "users"));
        let snapshot = admin.server.store.snapshot();
        let mut objects = Vec::new();
        for user in users {
            for (kind, resource, name) in [
                ("User", "users.user.openshift.io", user.name.clone()),
                ("Identity", "identities.user.openshift.io", format!("developer:{}", user.name)),
            ] {
                if snapshot.get(resource, "", &name).is_none() {
                    objects.push(["user.openshift.io/v1", kind, "", &name].map(str::to_owned));
                }
            }
        }
        let pairs: Vec<_> = users.iter().map(|u| (u.name.clone(), u.password.clone())).collect();
        let before = enrol(&admin.server, &pairs).await.map_err(failed)?;
        {
            let mut kept = self.before.lock();
            kept.users.extend(before);
            kept.objects.extend(objects);
        }
        for user in users.iter().filter(|u| !u.role.is_empty()) {
            let group = "rbac.authorization.k8s.io";
            let binding = json!({"apiVersion": format!("{group}/v1"), "kind": "RoleBinding",
                "metadata": {"name": format!("{}-{}", user.role, user.name)},
                "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": user.role},
                "subjects": [{"apiGroup": group, "kind": "User", "name": user.name}]});
            admin.apply(binding).await.map_err(failed)?;
        }
        Ok(())
    }

    /// Remembers how the world outside was, before a command changes it.
    async fn note(&self, hands: &Hands, line: &str) {
        let Ok(words) = words::split(line).and_then(words::Words::new) else { return };
        let plain: Vec<&str> = words.plain.iter().map(String::as_str).collect();
        match plain.as_slice() {
            ["pocketshift", "registry", "outage", host] => {
                self.before.lock().outages.push((*host).to_owned());
            }
            ["pocketshift", "node", "fail", name] => {
                self.before.lock().nodes.push((*name).to_owned());
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

    /// The next hint, if there is one.
    pub(super) fn hint(&self) -> Option<String> {
        let hints = &self.exercise.hints;
        let next = self.hints.fetch_add(1, Ordering::Relaxed);
        hints.get(next).cloned()
    }

    /// What it goes on from when the server is started again.
    pub(super) fn kept(&self) -> Underway {
        Underway {
            text: self.text.clone(),
            user: self.user.clone(),
            started: self.started,
            revision: self.revision,
            hints: self.hints.load(Ordering::Relaxed),
            happened: self.happened.lock().clone(),
            before: self.before.lock().clone(),
        }
    }

    /// How many versions its recording has.
    pub(super) fn recorded(&self, store: &Store) -> usize {
        let mut tape = self.tape.lock();
        tape.catch_up(store);
        tape.length()
    }

    /// What was recorded up to a revision.
    pub(super) fn spool(&self, store: &Store, revision: u64) -> Spool {
        let mut tape = self.tape.lock();
        tape.catch_up(store);
        tape.until(revision)
    }

    /// Goes on from a recording that was made before.
    pub(super) fn wind(&self, spool: &Spool, store: &Store) {
        self.tape.lock().go_on(spool, store);
    }

    /// Ends what goes on beside it.
    pub(super) fn end_tasks(&self) {
        self.tasks.lock().drain(..).for_each(|task| task.abort());
    }

    /// What is known of it without grading it.
    pub(super) fn status(&self) -> Value {
        let hints = self.hints.load(Ordering::Relaxed).min(self.exercise.hints.len());
        json!({"name": self.exercise.name, "title": self.exercise.title, "project": self.exercise.project,
            "user": self.user, "started": time::seconds(self.started), "hints": hints})
    }
}
