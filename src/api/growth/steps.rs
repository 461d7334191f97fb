//! The steps a write goes through, each on its own, and the whole of it as a dry run.

use super::super::{
    Body, Caller, Options, PatchType, Request, Server, Verb, computed, families, meta,
};
use crate::{
    access::{Authorizer, escalation},
    error::Causes,
    kinds::{Backing, CellCx, Cx, Served},
    object::{self, ObjectExt, Value, json},
    patch::{self, Root, managed},
    schema,
    store::{Expect, Op, Snapshot},
};
use jiff::Timestamp;
use std::sync::Arc;

/// The namespace of the long objects.
pub const NAMESPACE: &str = "grown";

/// What a step needs: a server with a cluster's objects.
pub struct Bench {
    server: Arc<Server>,
    snapshot: Arc<Snapshot>,
    runtime: tokio::runtime::Runtime,
    caller: Caller,
    now: Timestamp,
}

/// An object as it was sent and as it is after decoding and defaulting.
pub struct Prepared {
    sent: Value,
    whole: Value,
    /// The same, stored by somebody else some time ago.
    stored: Value,
    status: Value,
}

type Run = fn(&Bench, &Served, &Prepared);

/// Every step by its name.
pub const STEPS: &[(&str, Run)] = &[
    ("decoding", |_, kind, o| {
        if let Some(ty) = kind.ty() {
            let _ = schema::decode(ty, &mut o.sent.clone());
        }
    }),
    ("defaults", |bench, kind, o| {
        super::super::write::default(kind, &mut o.sent.clone(), &bench.snapshot)
    }),
    ("preparing a creation", |bench, kind, o| bench.settle(kind, &o.whole, None)),
    ("preparing an update", |bench, kind, o| bench.settle(kind, &o.whole, Some(&o.stored))),
    ("metadata", |_, kind, o| {
        meta::validate(&o.whole, kind, &mut Causes::default());
        meta::carry_over(&mut o.whole.clone(), &o.stored, kind, &mut Causes::default());
    }),
    ("validating a creation", |_, kind, o| check(kind, &o.whole, None)),
    ("validating an update", |_, kind, o| check(kind, &o.whole, Some(&o.stored))),
    ("validating a change of everything", |_, kind, o| {
        check(kind, &o.whole, Some(&json!({"metadata": {"name": "it"}})));
    }),
    ("validating a status", |_, kind, o| {
        if let Some(validate) = kind.hooks.validate_status {
            validate(&o.whole, &o.stored, &mut Causes::default());
            validate(&o.whole, &o.status, &mut Causes::default());
        }
    }),
    ("warnings", |_, kind, o| {
        if let Some(warn) = kind.hooks.warn {
            warn(&o.whole, None);
            warn(&o.whole, Some(&o.stored));
        }
    }),
    ("claims and cells", |bench, kind, o| {
        kind.hooks.claims.map(|f| f(&o.whole));
        let cx = CellCx::at(bench.now);
        kind.table().for_each(|c| drop((c.cell)(&o.whole, &cx)));
    }),
    ("fields of a creation", |bench, kind, o| bench.track(kind, None, &o.whole)),
    ("fields of an update", |bench, kind, o| bench.track(kind, Some(&o.stored), &o.status)),
    ("applying", |bench, kind, o| bench.apply(kind, None, &o.whole)),
    ("applying over", |bench, kind, o| bench.apply(kind, Some(&o.stored), &o.whole)),
    ("merge patch", |_, _, o| drop(patch::merge(&o.stored, &o.whole))),
    ("strategic merge patch", |_, kind, o| {
        if let Some(ty) = kind.ty() {
            let _ = patch::strategic(&o.stored, &o.whole, ty);
        }
    }),
    ("escalation", |bench, kind, o| {
        let _ = escalation::check(
            &Authorizer::default(),
            &bench.snapshot,
            &bench.caller,
            kind,
            &o.whole,
            None,
        );
    }),
    ("a dry run", |bench, kind, o| bench.dry_run(kind, &o.sent)),
];

fn check(kind: &Served, object: &Value, old: Option<&Value>) {
    if let Some(validate) = kind.hooks.validate {
        let mut causes = Causes::default();
        validate(object, old, &mut causes);
        if !causes.is_empty() {
            let _ = super::super::server::refuse(kind, "it", causes)
                .map_err(|e| e.status().to_string());
        }
    }
}

impl Bench {
    /// A new cluster.
    pub fn new() -> Bench {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let server = runtime.block_on(computed::tests::cluster());
        let put = |resource: &str, key: String, body: Value| Op::Put {
            resource: resource.into(),
            key: key.into(),
            expect: Expect::Absent,
            body: object::encode(&body),
            claims: vec![],
        };
        // Ready for pods, or their creation would wait for that.
        let namespace = json!({"metadata": {"name": NAMESPACE, "uid": "n", "annotations": {
            "openshift.io/sa.scc.uid-range": "1000650000/10000",
            "openshift.io/sa.scc.supplemental-groups": "1000650000/10000",
            "openshift.io/sa.scc.mcs": "s0:c26,c0"}},
            "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}});
        let account = json!({"metadata": {"name": "default", "namespace": NAMESPACE, "uid": "s"}});
        let ops = vec![
            put("namespaces", NAMESPACE.into(), namespace),
            put("serviceaccounts", object::name::key(NAMESPACE, "default"), account),
        ];
        runtime.block_on(server.store.commit(ops)).unwrap();
        let snapshot = server.store.snapshot();
        let now = server.world.clock.now();
        let caller = Caller { name: "somebody".into(), ..Caller::default() };
        Bench { server, snapshot, runtime, caller, now }
    }

    /// An object in the forms the steps need.
    pub fn prepare(&self, kind: &Served, sent: &Value) -> Prepared {
        let mut whole = sent.clone();
        if let Some(ty) = kind.ty() {
            let _ = schema::decode(ty, &mut whole);
        }
        super::super::write::default(kind, &mut whole, &self.snapshot);
        let mut stored = whole.clone();
        if let Some(ty) = kind.ty() {
            managed::record_update(
                None,
                &mut stored,
                Root::Type(ty),
                "first",
                kind.api_version(),
                "",
                self.now,
            );
        }
        let metadata = whole.at("metadata").cloned().unwrap_or_default();
        let status =
            json!({"apiVersion": kind.api_version(), "kind": &*kind.kind, "metadata": metadata});
        Prepared { sent: sent.clone(), whole, stored, status }
    }

    fn settle(&self, kind: &Served, object: &Value, old: Option<&Value>) {
        let cx = Cx {
            snapshot: &self.snapshot,
            families: families(&self.server.settings),
            world: &self.server.world,
            user: "somebody",
            groups: &[],
            uid: "",
            extra: &[],
            may: Box::new(|_| Ok(())),
        };
        for prepare in [kind.hooks.prepare, kind.hooks.prepare_status].into_iter().flatten() {
            let _ = prepare(&mut object.clone(), old, &cx);
        }
    }

    fn track(&self, kind: &Served, old: Option<&Value>, object: &Value) {
        if let Some(ty) = kind.ty() {
            let version = kind.api_version();
            managed::record_update(
                old,
                &mut object.clone(),
                Root::Type(ty),
                "second",
                version,
                "",
                self.now,
            );
        }
    }

    fn apply(&self, kind: &Served, live: Option<&Value>, config: &Value) {
        if let Some(ty) = kind.ty() {
            let version = kind.api_version();
            for force in [false, true] {
                let _ = managed::apply(
                    live,
                    config,
                    Root::Type(ty),
                    "third",
                    force,
                    version,
                    "",
                    self.now,
                );
            }
        }
    }

    fn dry_run(&self, kind: &Served, sent: &Value) {
        if matches!(kind.backing, Backing::Computed) || !kind.verbs.contains(&"create") {
            return;
        }
        let body = |body| Request {
            caller: Arc::new(Caller::component("system:admin")),
            verb: Verb::Create,
            kind: kind.clone(),
            sub: "",
            namespace: if kind.namespaced { NAMESPACE.into() } else { String::new() },
            name: String::new(),
            options: Options { dry_run: true, ..Options::default() },
            body,
        };
        let create = body(Body::Object(sent.clone(), vec![]));
        let _ = self.runtime.block_on(self.server.call(create)).map_err(|e| e.status());
        let apply = Request {
            verb: Verb::Patch,
            name: "it".into(),
            options: Options { dry_run: true, field_manager: "m".into(), ..Options::default() },
            ..body(Body::Patch(PatchType::Apply, sent.clone()))
        };
        let _ = self.runtime.block_on(self.server.call(apply)).map_err(|e| e.status());
    }
}
