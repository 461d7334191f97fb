//! Tests of controllers: objects in, plans out, applied to an in-memory store by the few rules of
//! the API that controllers rely on.

use super::{Controller, Outcome, Plan, View, Watch, Write, WriteVerb};
use crate::{
    api::PatchType,
    error::Error,
    object::{ObjectExt, Value, encode, json, name, time},
    settings::Settings,
    store::{Change, Entry, Expect, Op, Options, Store},
};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

/// Says whether a write is refused, and how.
type InjectedRefusal = Box<dyn Fn(&Kit, &Write) -> Option<Error>>;

/// A cluster small enough to see through.
pub struct Kit {
    store: Store,
    runtime: tokio::runtime::Runtime,
    /// The present moment.
    pub now: Timestamp,
    /// Since when controllers look.
    pub since: Timestamp,
    /// The simulated cluster.
    pub settings: Arc<Settings>,
    serial: u64,
    refusal: InjectedRefusal,
    /// `<reason>: <message>` of every event told, oldest first.
    pub events: Vec<String>,
    /// Every write carried out: `create pods n/web-a1`.
    pub writes: Vec<String>,
    /// Moments plans asked to look again at.
    pub again: Vec<Timestamp>,
}

impl Default for Kit {
    fn default() -> Kit {
        Kit {
            store: Store::open(&Options::default()).unwrap(),
            runtime: tokio::runtime::Builder::new_current_thread().build().unwrap(),
            now: "2026-01-01T00:00:00Z".parse().unwrap(),
            since: Timestamp::MIN,
            settings: Arc::new(Settings::default()),
            serial: 0,
            refusal: Box::new(|_, _| None),
            events: Vec::new(),
            writes: Vec::new(),
            again: Vec::new(),
        }
    }
}

impl Kit {
    /// Time passes.
    pub fn advance(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    /// What a controller would see.
    pub fn view(&self) -> View {
        let settings = Arc::clone(&self.settings);
        let delays = crate::settings::Delays::default();
        View {
            objects: self.store.snapshot(),
            now: self.now,
            settings,
            delays,
            lives: None,
            watched: true,
            since: self.since,
        }
    }

    /// An object, if it is there.
    pub fn get(&self, resource: &str, key: &str) -> Option<Value> {
        self.store.snapshot().get_key(resource, key).map(|e| e.value())
    }

    /// All objects of a resource.
    pub fn list(&self, resource: &str) -> Vec<Value> {
        self.store.snapshot().list(resource, "").map(|e| e.value()).collect()
    }

    /// Refuses writes from now on as the function says.
    pub fn refuse(&mut self, refusal: impl Fn(&Kit, &Write) -> Option<Error> + 'static) {
        self.refusal = Box::new(refusal);
    }

    /// Somebody creates an object; missing metadata is filled in. The status given is kept.
    pub fn put(&mut self, resource: &'static str, mut object: Value) -> Value {
        if resource == "pods" && object.get("kind").is_none() {
            object["kind"] = json!("Pod");
        }
        self.fill(&mut object);
        let key = name::key(object.namespace(), object.name());
        self.store(resource, &key, &object, Expect::Absent).unwrap().value()
    }

    /// Somebody changes an object, spec or status; the generation follows the spec.
    pub fn edit(&mut self, resource: &'static str, key: &str, change: impl FnOnce(&mut Value)) {
        let old = self.get(resource, key).unwrap();
        let mut new = old.clone();
        change(&mut new);
        bump(resource, &old, &mut new);
        self.store(resource, key, &new, Expect::Present).unwrap();
    }

    /// Somebody removes an object at once, finalizers or not.
    pub fn remove(&mut self, resource: &str, key: &str) {
        let op = Op::Delete {
            resource: resource.into(),
            key: key.into(),
            expect: Expect::Present,
            last: None,
        };
        self.runtime.block_on(self.store.commit(vec![op])).unwrap();
    }

    /// One look of a controller at a key: applies its plan. Answers whether it wrote anything.
    pub fn look(&mut self, controller: &Controller, key: &str) -> bool {
        let mut plan = (controller.reconcile)(&self.view(), key);
        let before = self.writes.len();
        loop {
            let Plan { steps, events, again, then, .. } = plan;
            self.again.extend(again);
            let mut outcome = Outcome { results: Vec::new() };
            for step in steps {
                self.carry_out(step.writes, step.slow_start, &mut outcome);
                if outcome.error().is_some() {
                    break;
                }
            }
            if outcome.error().is_none() {
                let told = events.iter().map(|e| format!("{}: {}", e.reason, e.message));
                self.events.extend(told);
            }
            let Some(then) = then else { return self.writes.len() > before };
            plan = then(&outcome);
        }
    }

    /// Looks at a key until nothing is written any more. Fails if that takes too long.
    pub fn settle(&mut self, controller: &Controller, key: &str) {
        for _ in 0..50 {
            if !self.look(controller, key) {
                return;
            }
        }
        panic!("{} does not come to rest on {key}: {:#?}", controller.name, self.writes);
    }

    /// Lets controllers look at all their own objects until nobody writes any more.
    pub fn settle_all(&mut self, controllers: &[&Controller]) {
        for _ in 0..200 {
            let mut wrote = false;
            for controller in controllers {
                for key in self.own_keys(controller) {
                    wrote |= self.look(controller, &key);
                }
            }
            if !wrote {
                return;
            }
        }
        panic!("controllers do not come to rest: {:#?}", self.writes);
    }

    /// Keys of a controller's own objects, or, where it has none, those it would look at when it
    /// starts.
    fn own_keys(&self, controller: &Controller) -> Vec<String> {
        let view = self.view();
        let mut keys = Vec::new();
        let own = |w: &&Watch| matches!(w, Watch::Itself(_));
        let all = !controller.watches.iter().any(|w| own(&w));
        for watch in controller.watches.iter().filter(|w| all || own(w)) {
            let resources = view.objects.resources().filter(|(r, _)| watch.concerns(r));
            for entry in resources.flat_map(|(r, _)| view.objects.list(r, "")) {
                let entry = Arc::clone(entry);
                let change = Change { rev: entry.rev, entry, before: None, deleted: false };
                match watch {
                    Watch::Itself(_) => keys.push(change.entry.key.to_string()),
                    Watch::Owner(..) => {}
                    Watch::Map(_, f) | Watch::Any(f) => keys.extend(f(&view, &change)),
                }
            }
        }
        keys.sort();
        keys.dedup();
        keys
    }

    fn carry_out(&mut self, writes: Vec<Write>, slow_start: bool, outcome: &mut Outcome) {
        let mut rest = writes.into_iter();
        let mut batch = if slow_start { 1 } else { usize::MAX };
        loop {
            let some: Vec<Write> = rest.by_ref().take(batch).collect();
            if some.is_empty() || outcome.error().is_some() {
                return;
            }
            for write in some {
                let result = self.write(&write);
                outcome.results.push((write, result));
            }
            batch = batch.saturating_mul(2);
        }
    }

    /// Carries out one write by the API's rules.
    pub fn write(&mut self, write: &Write) -> Result<Option<Arc<Entry>>, Error> {
        let mut object = write.body.clone();
        if write.verb == WriteVerb::Create {
            self.fill(&mut object);
        }
        if let Some(error) = (self.refusal)(self, write) {
            return Err(error);
        }
        // Nobody keeps questions. Everybody may do what is not refused.
        if &*write.resource == "subjectaccessreviews.authorization.k8s.io" {
            object.set_at("status.allowed", true);
            let (resource, body) = (write.resource.shared(), encode(&object));
            return Ok(Some(Arc::new(Entry::encoded(0, resource, "".into(), body))));
        }
        let name = if write.name.is_empty() { object.name() } else { &write.name }.to_owned();
        let key = name::key(&write.namespace, &name);
        let old = self.store.snapshot().get_key(&write.resource, &key).map(|e| e.value());
        let missing = || Error::not_found(&write.resource, &name);
        let entry = match (write.verb, old) {
            (WriteVerb::Create, Some(_)) => return Err(Error::exists(&write.resource, &name)),
            (WriteVerb::Create, None) => {
                Some(self.store(&write.resource, &key, &object, Expect::Absent)?)
            }
            (_, None) => return Err(missing()),
            (WriteVerb::Delete, Some(old)) => self.delete(write, &key, old)?,
            (WriteVerb::Update, Some(old)) => Some(self.update(write, &key, &old, object)?),
            (WriteVerb::Patch(PatchType::Json), Some(_)) => {
                panic!("the kit does not know this form of patch");
            }
            (WriteVerb::Patch(_), Some(old)) => {
                let mut new = old.clone();
                crate::object::merge(&mut new, &write.body);
                Some(self.update(write, &key, &old, new)?)
            }
        };
        let verb = format!("{:?}", write.verb).to_lowercase();
        let verb = verb.split('(').next().unwrap_or("");
        let sub = if write.sub.is_empty() { "" } else { "/" };
        self.writes.push(format!("{verb} {}{sub}{} {key}", &write.resource, write.sub));
        Ok(entry)
    }

    fn update(
        &mut self,
        write: &Write,
        key: &str,
        old: &Value,
        mut new: Value,
    ) -> Result<Arc<Entry>, Error> {
        let revision = |o: &Value| o.str_at("metadata.resourceVersion").to_owned();
        if !revision(&new).is_empty() && revision(&new) != revision(old) {
            return Err(Error::stale(&write.resource, &write.name));
        }
        if write.sub == "status" {
            let mut kept = old.clone();
            kept["status"] = new["status"].take();
            if let Some(annotations) = new.at("metadata.annotations") {
                kept.set_at("metadata.annotations", annotations.clone());
            }
            new = kept;
        } else {
            if let Some(status) = old.get("status") {
                new["status"] = status.clone();
            }
            bump(&write.resource, old, &mut new);
        }
        // The last finalizer of an object that is going takes it along.
        let had = !old.list_at("metadata.finalizers").is_empty();
        if had && new.is_deleting() && new.list_at("metadata.finalizers").is_empty() {
            let entry = self.store(&write.resource, key, &new, Expect::Present)?;
            self.remove(&write.resource, key);
            return Ok(entry);
        }
        self.store(&write.resource, key, &new, Expect::Present)
    }

    /// Pods on a node, and objects with finalizers, only start to go; the kubelet's word ends a pod.
    fn delete(
        &mut self,
        write: &Write,
        key: &str,
        mut old: Value,
    ) -> Result<Option<Arc<Entry>>, Error> {
        let uid = write.body.str_at("preconditions.uid");
        if !uid.is_empty() && uid != old.uid() {
            return Err(Error::stale(&write.resource, &write.name));
        }
        if write.body.str_at("propagationPolicy") == "Foreground" {
            let mut finalizers = old.list_at("metadata.finalizers").to_vec();
            finalizers.push(json!("foregroundDeletion"));
            old.set_at("metadata.finalizers", finalizers);
        }
        let lingers = !old.list_at("metadata.finalizers").is_empty()
            || (write.resource == "pods"
                && !old.str_at("spec.nodeName").is_empty()
                && !(old.is_deleting() && write.body.i64_at("gracePeriodSeconds") == Some(0)));
        if lingers {
            if !old.is_deleting() {
                let end = time::seconds(time::plus_seconds(self.now, 30));
                old.set_at("metadata.deletionTimestamp", end);
            }
            return self.store(&write.resource, key, &old, Expect::Present).map(Some);
        }
        self.remove(&write.resource, key);
        Ok(None)
    }

    fn fill(&mut self, object: &mut Value) {
        self.serial += 1;
        let serial = self.serial;
        let prefix = object.str_at("metadata.generateName").to_owned();
        if object.name().is_empty() {
            object.set_at("metadata.name", format!("{prefix}{serial:05}"));
        }
        let mut default = |path: &str, value: Value| {
            if object.at(path).is_none_or(Value::is_null) {
                object.set_at(path, value);
            }
        };
        default("metadata.uid", json!(format!("uid-{serial:05}")));
        default("metadata.creationTimestamp", json!(time::seconds(self.now)));
        default("metadata.generation", json!(1));
    }

    fn store(
        &mut self,
        resource: &str,
        key: &str,
        object: &Value,
        expect: Expect,
    ) -> Result<Arc<Entry>, Error> {
        let old = self.store.snapshot().get_key(resource, key).cloned();
        // A write that changes nothing is no new revision.
        if let Some(old) = old.filter(|old| old.value() == *object) {
            return Ok(old);
        }
        let op = Op::Put {
            resource: resource.into(),
            key: key.into(),
            expect,
            body: encode(object),
            claims: vec![],
        };
        let done = self.runtime.block_on(self.store.commit(vec![op]));
        let entry = done.map_err(|e| Error::Internal(e.to_string()))?.into_iter().flatten().next();
        entry.ok_or_else(|| Error::Internal("nothing was stored".into()))
    }
}

/// The generation follows the spec; that of a Deployment its annotations too.
fn bump(resource: &str, old: &Value, new: &mut Value) {
    let annotations = |o: &Value| o.at("metadata.annotations").cloned();
    let changed = old.get("spec") != new.get("spec")
        || (resource == "deployments.apps" && annotations(old) != annotations(new));
    if changed {
        let generation = old.i64_at("metadata.generation").unwrap_or(0);
        new.set_at("metadata.generation", generation + 1);
    }
}
