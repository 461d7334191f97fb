//! The server: what a request needs, gathered in one place, and the way a request goes.

use super::{Answer, Body, Caller, Item, Pages, Request, Response, Verb, admission, computed};
use crate::{
    access::{Access, Attributes, Credentials, Impersonation, impersonation},
    error::{Causes, Error},
    faults::{Faults, Hit, Meeting},
    importer::Importer,
    journal::Journal,
    kinds::{AccessReview, Backing, Catalogue, Cx, DecorateFn, Served, custom::Custom},
    object::{ObjectExt, Value},
    runtime::Containers,
    settings::Settings,
    store::{Author, Entry, Snapshot, Store, written_by},
    trail::{Refusals, Refused},
    webhook,
    world::{ClusterTime, World},
};
use serde::Deserialize;
use std::sync::Arc;

/// Everything a request needs. Shared by HTTP and the controllers.
pub struct Server {
    /// Objects.
    pub store: Store,
    /// Time and chance.
    pub world: World,
    /// The simulated cluster.
    pub settings: Arc<Settings>,
    /// Credentials and rights.
    pub access: Access,
    /// What runs in pods.
    pub containers: Option<Arc<dyn Containers>>,
    /// The way to image registries.
    pub importer: Importer,
    /// Which lists are being read page by page.
    pub pages: Pages,
    /// The way to webhooks.
    pub webhooks: webhook::Client,
    /// The writes that were refused of late.
    pub refusals: Refusals,
    /// What rules about faults have counted.
    pub faults: Faults,
    /// The order of what comes from outside, where that is kept.
    pub journal: Option<Arc<Journal>>,
    /// The clock, where it can be moved.
    pub time: Option<Arc<ClusterTime>>,
    /// Ends every watch and session when it turns true.
    pub stopping: tokio::sync::watch::Receiver<bool>,
}

impl Server {
    /// Carries out one request: access, admission, defaulting, validation, storage.
    ///
    /// # Errors
    /// What the client gets as a Status.
    pub async fn call(self: &Arc<Self>, request: Request) -> Result<Answer, Error> {
        if matches!(request.verb, Verb::Get | Verb::List | Verb::Watch) {
            return self.carry_out(request).await;
        }
        let (refusal, by_client) = (self.refusal(&request), !request.options.agent.is_empty());
        let author = Arc::clone(&refusal.author);
        let done = Box::pin(written_by(author, self.carry_out(request))).await;
        if let Err(error) = &done
            // Controllers lose races every day, and look again.
            && (by_client || !matches!(error, Error::Conflict { .. } | Error::NotFound { .. }))
        {
            self.refuse(refusal, error);
        }
        done
    }

    /// What the trail says of a write if it is refused: all but why.
    pub fn refusal(&self, request: &Request) -> Refused {
        let author = Arc::new(Author {
            at: self.world.clock.now(),
            user: request.caller.name.clone(),
            agent: request.options.manager().to_owned(),
            verb: request.verb.name(),
            sub: request.sub,
            client: !request.options.agent.is_empty(),
            cause: request.options.cause,
        });
        Refused {
            rev: 0,
            author,
            resource: request.kind.resource().to_owned(),
            namespace: request.namespace.clone(),
            name: request.name.clone(),
            code: 0,
            why: String::new(),
        }
    }

    /// Keeps a refusal.
    pub fn refuse(&self, refusal: Refused, error: &Error) {
        let (rev, code) = (self.store.snapshot().rev, error.code().0);
        self.refusals.add(Refused { rev, code, why: error.to_string(), ..refusal });
    }

    /// The fault that a request meets, if a rule says so. `agent` is the program that sends it, or
    /// the controller, if it is one.
    pub fn fault(&self, request: &Request, agent: &str, controller: bool) -> Option<Hit> {
        let name: &str = match &request.body {
            Body::Object(object, _) if request.name.is_empty() => object.name(),
            _ => &request.name,
        };
        let meeting = Meeting {
            verb: request.verb.name(),
            group: &request.kind.group,
            resource: &request.kind.plural,
            sub: request.sub,
            namespace: &request.namespace,
            name,
            user: &request.caller.name,
            agent,
            controller,
        };
        self.faults.meet(&self.store.snapshot(), &self.world, &meeting)
    }

    async fn carry_out(self: &Arc<Self>, request: Request) -> Result<Answer, Error> {
        let snapshot = self.store.snapshot();
        let attributes = Attributes::of(&request);
        self.access.authorizer.check(&snapshot, &request.caller, &attributes)?;
        self.check_verb(&request)?;
        if request.kind.custom.is_none()
            && let Some(handler) = computed::handler(request.kind.resource(), request.sub)
        {
            return handler(Arc::clone(self), request).await;
        }
        if matches!(request.kind.backing, Backing::Computed)
            && matches!(request.verb, Verb::Create | Verb::Update | Verb::Patch)
        {
            return not_built(&request);
        }
        self.serve(snapshot, request).await
    }

    /// The verbs over stored kinds, for a request that is allowed. `snapshot` is what a write is
    /// judged on, unless it has to be judged again.
    pub(super) async fn serve(
        self: &Arc<Self>,
        snapshot: Arc<Snapshot>,
        request: Request,
    ) -> Result<Answer, Error> {
        // Writes are boxed: their state is large, and reads would carry it along.
        match (request.verb, request.sub) {
            (_, "scale") => Box::pin(self.scale(snapshot, request)).await,
            (Verb::Get, _) => self.get(&request).await,
            (Verb::List, _) => self.list(&request).await,
            (Verb::Watch, _) => self.watch(&request).await,
            (Verb::Create, "") => Box::pin(self.create(snapshot, request)).await,
            (Verb::Update, _) => Box::pin(self.update(snapshot, request)).await,
            (Verb::Patch, _) => Box::pin(self.patch(snapshot, request)).await,
            (Verb::Delete, "") => Box::pin(self.delete(snapshot, request)).await,
            (Verb::DeleteCollection, "") => {
                Box::pin(self.delete_collection(snapshot, request)).await
            }
            _ => not_built(&request),
        }
    }

    /// Whether a request may be made and its kind has the verb, as far as that does not depend on
    /// the body.
    ///
    /// # Errors
    /// 403, 404 or 405.
    pub fn admit(&self, request: &Request) -> Result<(), Error> {
        let snapshot = self.store.snapshot();
        let attributes = Attributes::of(request);
        self.access.authorizer.check(&snapshot, &request.caller, &attributes)?;
        self.check_verb(request)
    }

    /// Who sends a request.
    ///
    /// # Errors
    /// 401 for bad credentials, 403 for an impersonation that is not allowed.
    pub fn authenticate(
        &self,
        credentials: &Credentials<'_>,
        wanted: &Impersonation,
    ) -> Result<Arc<Caller>, Error> {
        let snapshot = self.store.snapshot();
        let now = self.world.clock.now();
        let caller = self.access.authenticate(&snapshot, now, credentials)?;
        if wanted.is_empty() {
            return Ok(Arc::new(caller));
        }
        let authorizer = &self.access.authorizer;
        impersonation::impersonate(authorizer, &snapshot, &caller, wanted).map(Arc::new)
    }

    /// Whether somebody may use a path outside the API (`method` as in HTTP).
    ///
    /// # Errors
    /// 403.
    pub fn authorize_path(&self, caller: &Caller, method: &str, path: &str) -> Result<(), Error> {
        let verb = method.to_lowercase();
        let snapshot = self.store.snapshot();
        self.access.authorizer.check(&snapshot, caller, &Attributes::path(&verb, path))
    }

    fn check_verb(&self, request: &Request) -> Result<(), Error> {
        let served = match request.sub {
            "" => request.kind.verbs,
            name => request.kind.sub(name).ok_or(Error::NoSuchPath)?.verbs,
        };
        if served.contains(&request.verb.name()) {
            return Ok(());
        }
        if request.kind.custom.is_some() && !request.sub.is_empty() {
            let resource = request.kind.resource().to_owned();
            return Err(Error::VerbNotSupported { resource, verb: request.verb.name() });
        }
        // Who lists has a path that watches, and says itself that it does not.
        if request.verb == Verb::Watch && served.contains(&"list") {
            let resource = request.kind.resource().to_owned();
            return Err(Error::VerbNotSupported { resource, verb: "watch" });
        }
        let verbs: &[&str] = match request.verb {
            _ if !request.sub.is_empty() => served,
            Verb::List | Verb::Watch | Verb::Create | Verb::DeleteCollection => {
                &["create", "deletecollection", "list", "watch"]
            }
            _ => &["delete", "get", "patch", "update"],
        };
        // A path on which nothing is served does not exist.
        if verbs.iter().any(|v| served.contains(v)) {
            Err(Error::MethodNotAllowed)
        } else {
            Err(Error::NoSuchPath)
        }
    }

    /// Fills what an object leaves out, as every write does.
    pub fn fill(&self, kind: &Served, object: &mut Value) {
        super::write::default(kind, object, &self.store.snapshot());
    }

    /// Whether an admission plug-in is off.
    pub(super) fn is_off(&self, plugin: &str) -> bool {
        self.settings.admission_off.iter().any(|off| off == plugin)
    }

    /// The kinds this cluster has now.
    pub fn catalogue(&self) -> Arc<Catalogue> {
        self.catalogue_of(&self.store.snapshot())
    }

    /// The kinds it has at a state.
    pub(super) fn catalogue_of(&self, snapshot: &Snapshot) -> Arc<Catalogue> {
        super::catalogue(snapshot, &self.settings)
    }

    /// What hooks see while a request is decided on `snapshot`.
    pub(super) fn cx<'a>(&'a self, snapshot: &'a Snapshot, request: &'a Request) -> Cx<'a> {
        Cx {
            snapshot,
            families: super::families(&self.settings),
            world: &self.world,
            user: &request.caller.name,
            groups: &request.caller.groups,
            uid: &request.caller.uid,
            extra: &request.caller.extra,
            may: Box::new(move |ask| self.may(snapshot, &request.caller, ask)),
        }
    }

    /// Whether somebody may do something; what is said of a refusal.
    fn may(
        &self,
        snapshot: &Snapshot,
        caller: &Caller,
        ask: &AccessReview<'_>,
    ) -> Result<(), String> {
        let attributes = Attributes {
            verb: ask.verb,
            group: ask.group,
            resource: ask.resource,
            sub: ask.sub,
            namespace: ask.namespace,
            name: ask.name,
            path: "",
        };
        let decision = self.access.authorizer.authorize(snapshot, caller, &attributes);
        if decision.allowed { Ok(()) } else { Err(decision.reason) }
    }

    /// What admission sees.
    pub(super) fn attributes<'a>(
        &'a self,
        snapshot: &'a Snapshot,
        request: &'a Request,
        verb: Verb,
        name: &'a str,
        old: Option<&'a Value>,
    ) -> admission::Attributes<'a> {
        admission::Attributes {
            kind: &request.kind,
            sub: request.sub,
            verb,
            namespace: &request.namespace,
            name,
            old,
            caller: &request.caller,
            snapshot,
            authorizer: &self.access.authorizer,
            world: &self.world,
            off: &self.settings.admission_off,
            dry_run: request.options.dry_run,
        }
    }
}

/// The honest answer for what discovery lists and nobody has built.
fn not_built(request: &Request) -> Result<Answer, Error> {
    let (verb, plural, sub) = (request.verb.name(), &request.kind.plural, request.sub);
    let slash = if sub.is_empty() { "" } else { "/" };
    Err(Error::NotImplemented(format!("{verb} of {plural}{slash}{sub} is not built yet")))
}

/// Turns field problems into the 422 they mean.
pub(super) fn refuse(kind: &Served, name: &str, causes: Causes) -> Result<(), Error> {
    if causes.is_empty() {
        return Ok(());
    }
    Err(Error::Invalid {
        kind: kind.kind_group().into(),
        name: name.into(),
        causes: causes.into_vec(),
    })
}

/// A stored entry as an answer's item, converted to the version asked for.
pub(super) fn item(kind: &Served, entry: &Arc<Entry>, server: &Server) -> Item {
    let (store, clock) = (&server.store, &server.world.clock);
    let decorate = |hook: DecorateFn| hook(entry, &store.snapshot(), clock.now());
    if let Some(shown) = kind.hooks.decorate.and_then(decorate) {
        return Item::Value(shown);
    }
    stored_item(kind, entry)
}

/// The same, as it is stored.
pub(super) fn stored_item(kind: &Served, entry: &Arc<Entry>) -> Item {
    match (&kind.custom, kind.backing) {
        (Some(custom), _) => custom_item(custom, kind, entry),
        (_, Backing::Converted { from_stored, .. }) => Item::Value(from_stored(entry.value())),
        _ => Item::Entry(Arc::clone(entry)),
    }
}

/// A stored object in the version a kind speaks.
pub(super) fn converted(kind: &Served, entry: &Entry) -> Arc<Value> {
    match (&kind.custom, kind.backing) {
        (Some(custom), _) => match entry.peek(|kept: &Shown| kept.0 == custom.digest) {
            Some(shown) => shown.1.clone().map_or_else(|| entry.whole(), Arc::new),
            None => Arc::new(custom.shown(entry.value(), kind.api_version())),
        },
        (_, Backing::Converted { from_stored, .. }) => Arc::new(from_stored(entry.value())),
        _ => entry.whole(),
    }
}

/// What a revision looks like through one version of a definition; `None`: as it is stored.
pub(super) struct Shown(pub u64, pub Option<Value>);

/// The version a custom object is stored in.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct StoredVersion {
    api_version: String,
}

/// Whether only the definition's webhook can say what an entry looks like, and was not asked yet.
pub(super) fn needs_asking(custom: &Custom, kind: &Served, entry: &Entry) -> bool {
    custom.conversion.is_some()
        && entry.lens::<StoredVersion>().api_version != kind.api_version()
        && entry.peek(|kept: &Shown| kept.0 == custom.digest).is_none()
}

/// A custom object as an answer's item. What its schema makes of it is worked out once.
fn custom_item(custom: &Custom, kind: &Served, entry: &Arc<Entry>) -> Item {
    if needs_asking(custom, kind, entry) {
        return Item::Value(custom.shown(entry.value(), kind.api_version()));
    }
    let shown = entry.kept(
        |kept: &Shown| kept.0 == custom.digest,
        || {
            let stored = entry.value();
            let shown = custom.shown(stored.clone(), kind.api_version());
            Shown(custom.digest, (shown != stored).then_some(shown))
        },
    );
    match &shown.1 {
        Some(value) => Item::Value(value.clone()),
        None => Item::Entry(Arc::clone(entry)),
    }
}

/// An answer of one item.
pub(super) fn one(code: u16, item: Item, warnings: Vec<String>) -> Answer {
    Answer { response: Response::One(code, item), warnings }
}
