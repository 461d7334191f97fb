//! The driver's timers, conflicts and repeats on a stepped clock.

use super::*;

#[test]
fn the_earliest_timer_of_a_key_counts_once() {
    let at = |s| Timestamp::from_second(s).unwrap();
    let key: Arc<str> = "a/b".into();
    let mut timers = Timers::default();
    timers.add(at(10), 0, &key);
    timers.add(at(20), 0, &key);
    timers.add(at(5), 0, &key);
    timers.add(at(7), 1, &key);
    assert_eq!(timers.next(), Some(at(5)));
    assert_eq!(timers.due(at(4)), None);
    assert_eq!(timers.due(at(30)), Some((0, Arc::clone(&key))));
    assert_eq!(timers.due(at(30)), Some((1, key)));
    assert_eq!(timers.due(at(30)), None, "the replaced timer does not fire");
}

#[test]
fn owners_of_another_kind_are_not_queued() {
    let pod = crate::object::json!({"metadata": {"name": "p", "namespace": "n", "ownerReferences": [
        {"kind": "Job", "name": "other", "uid": "1"},
        {"kind": "ReplicaSet", "name": "web", "uid": "2", "controller": true}]}});
    let meta = Meta::of(&pod);
    assert_eq!(owner_key(&meta, "ReplicaSet").as_deref(), Some("n/web"));
    assert_eq!(owner_key(&meta, "Job"), None);
}

mod running {
    //! The driver on a real server: what is queued, retried, waited for and told.

    use super::super::*;
    use crate::{
        access::{Access, Keys},
        api::{Body, Caller, Options, Request, Verb},
        controllers::{Plan, Write},
        importer::{Importer, Routes},
        kinds,
        object::{ObjectExt, Value, json},
        settings::Settings,
        store::{self, Store},
        world::{Entropy, StepClock, World},
    };
    use std::sync::atomic::{AtomicUsize, Ordering};

    struct Bench {
        server: Arc<Server>,
        clock: StepClock,
        runtime: tokio::runtime::Runtime,
    }

    fn bench() -> Bench {
        let clock = StepClock::new("2026-01-01T00:00:00Z".parse().unwrap());
        let entropy = Entropy::seeded(1);
        let keys = Keys::generate(&entropy).unwrap();
        let (_, stopping) = watch::channel(false);
        let server = Server {
            store: Store::open(&store::Options::default()).unwrap(),
            world: World::new(Arc::new(clock.clone()), entropy),
            settings: Arc::new(Settings::default()),
            access: Access::new(keys).unwrap(),
            containers: None,
            importer: Importer::new(
                Arc::new(clock.clone()),
                Routes::default(),
                String::new(),
                None,
            ),
            pages: Default::default(),
            webhooks: crate::webhook::Client::new(Arc::new(clock.clone()), String::new()),
            refusals: Default::default(),
            journal: None,
            faults: Default::default(),
            time: None,
            stopping,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Bench { server: Arc::new(server), clock, runtime }
    }

    impl Bench {
        fn create(&self, resource: &str, object: Value) {
            let request = Request {
                caller: Arc::new(Caller::component("test")),
                verb: Verb::Create,
                kind: kinds::by_resource(resource).unwrap(),
                sub: "",
                namespace: object.namespace().into(),
                name: String::new(),
                options: Options::default(),
                body: Body::Object(object, vec![]),
            };
            self.runtime.block_on(self.server.call(request)).map(|_| ()).unwrap();
        }

        fn count(&self, resource: &str) -> usize {
            self.server.store.snapshot().count(resource)
        }

        /// Runs controllers until `done`, with the clock stepped each time everything stands
        /// still. Fails after a bounded number of turns.
        fn run(&self, all: &'static [&'static Controller], done: impl Fn(&Monitor) -> bool) {
            let monitor = Arc::new(Monitor::new(all));
            let (stop, stopped) = watch::channel(false);
            let server = Arc::clone(&self.server);
            let driver = run_watched(server, all, Arc::clone(&monitor), None, stopped);
            let watcher = async {
                // Commits come from another thread, so turns cannot bound the wait: time does.
                let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
                for turn in 0u64.. {
                    if std::time::Instant::now() > end {
                        break;
                    }
                    if done(&monitor) {
                        stop.send_replace(true);
                        return true;
                    }
                    if turn % 500 == 499 {
                        self.clock.advance(SignedDuration::from_secs(1));
                    }
                    tokio::task::yield_now().await;
                    // Commits come from the writer's thread: let it have the processor.
                    std::thread::yield_now();
                }
                stop.send_replace(true);
                false
            };
            let (_, ended) = self.runtime.block_on(async { tokio::join!(driver, watcher) });
            assert!(ended, "nothing more happens");
        }
    }

    fn namespace(name: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    }

    static COPIER: Controller = Controller {
        name: "copier",
        watches: &[Watch::Itself("namespaces")],
        reconcile: |view, key| {
            let mut plan = Plan::none();
            let Some(ns) = view.value("namespaces", key) else { return plan };
            if view.named("configmaps", key, "copy").is_none() {
                plan.write(Write::create(
                    "configmaps",
                    json!({"apiVersion": "v1", "kind": "ConfigMap",
                        "metadata": {"name": "copy", "namespace": key}}),
                ));
                plan.event(&ns, false, "Copied", format!("Copied {key}"));
            }
            plan
        },
        ..Controller::BASE
    };

    static COPYING: &[&Controller] = &[&COPIER];

    #[test]
    fn what_exists_is_looked_at_written_and_told() {
        let bench = bench();
        // Events about namespaces live in `default`.
        for name in ["a", "b", "default"] {
            bench.create("namespaces", namespace(name));
        }
        bench.run(COPYING, |m| {
            m.is_ready() && bench.count("configmaps") == 3 && bench.count("events") == 3
        });
        let snapshot = bench.server.store.snapshot();
        let copy = snapshot.get("configmaps", "a", "copy").unwrap().value();
        let managers = copy.list_at("metadata.managedFields");
        assert!(managers.iter().all(|m| m.str_at("manager") == "kube-controller-manager"));
        let event = snapshot.list("events", "default").next().unwrap().value();
        assert_eq!(event.str_at("source.component"), "copier");
    }

    static LOOKS: AtomicUsize = AtomicUsize::new(0);
    static CLUMSY: Controller = Controller {
        name: "clumsy",
        watches: &[Watch::Itself("namespaces")],
        reconcile: |view, _| {
            let mut plan = Plan::none();
            match LOOKS.fetch_add(1, Ordering::Relaxed) {
                0 => panic!("on purpose"),
                1 => plan.retry = true,
                2 => drop(plan.look_again(view.now + SignedDuration::from_secs(3))),
                _ => {}
            }
            plan
        },
        ..Controller::BASE
    };

    static FAILING: &[&Controller] = &[&CLUMSY];

    #[test]
    fn panics_and_failures_are_retried_and_timers_fire() {
        let bench = bench();
        bench.create("namespaces", namespace("a"));
        bench.run(FAILING, |_| LOOKS.load(Ordering::Relaxed) == 4);
        assert!(bench.clock_reads_at_least(3));
    }

    impl Bench {
        fn clock_reads_at_least(&self, seconds: i64) -> bool {
            let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
            self.server.world.clock.now() >= start + SignedDuration::from_secs(seconds)
        }
    }
}
