//! The nodes' way to registries on the network: asks them what kubelets want to know, through the
//! importer's client, with the keys of the pod and by the cluster's rules about registries.
//! Source: kubelet `pkg/kubelet/kuberuntime/kuberuntime_image.go` (one attempt per key), CRI-O
//! `server/image_pull.go`; what is written to the nodes of the cluster's image configuration:
//! machine-config-operator `pkg/controller/container-runtime-config`.

use super::{
    Key, Refusal, keys,
    pulls::{Answer, Pull, RESOURCE},
    words,
};
use crate::{
    api::{
        Body, Caller, Item, Options, Request, Response, Server, Verb, computed::images::Sources,
    },
    catalog::{
        ARCHITECTURE,
        content::Manifest,
        held::{Facts, LEARNED, PulledImage},
        reference::Reference,
    },
    controllers::View,
    images::reference::Reference as PullSpec,
    importer::{Keyring, Session},
    kinds,
    object::{ObjectExt, Value, encode, json},
    sim::nodes::images::Inventory,
    store::{Entry, Expect, Op},
};
use futures_util::{StreamExt, stream::FuturesUnordered};
use jiff::SignedDuration;
use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

/// Most questions in the air at a time.
const MOST: usize = 16;
/// Seconds between looks for rows nobody needs any more.
const SWEEP: i64 = 300;

/// What an answer is kept as: the answer itself, and the image if there is one.
type Heard = (Answer, Option<PulledImage>);

/// Answers questions, until nobody can ask any more.
pub async fn serve(server: Arc<Server>) {
    let mut changed = server.store.feed().signal(RESOURCE);
    let (mut running, mut busy) = (FuturesUnordered::new(), HashSet::<Arc<str>>::new());
    let clock = Arc::clone(&server.world.wall);
    let after = || clock.now().saturating_add(SignedDuration::from_secs(SWEEP));
    let mut sweeping = clock.sleep_until(clock.now());
    loop {
        let snapshot = server.store.snapshot();
        for entry in snapshot.list(RESOURCE, "") {
            let open = entry.lens::<Pull>().answer.is_none();
            if open && running.len() < MOST && busy.insert(Arc::clone(&entry.key)) {
                running.push(answer(&server, Arc::clone(entry)));
            }
        }
        tokio::select! {
            biased;
            Some(key) = running.next() => drop(busy.remove(&key)),
            alive = changed.changed() => if alive.is_err() { return },
            // When rows go must not hang on the wall's clock where all is to be the same again.
            () = &mut sweeping, if !server.world.repeats => {
                let _busy = server.world.activity.hold();
                sweep(&server).await;
                sweeping = clock.sleep_until(after().unwrap_or_else(|_| clock.now()));
            }
        }
    }
}

/// Asks, and writes down what was said; answers the row's key.
async fn answer(server: &Arc<Server>, entry: Arc<Entry>) -> Arc<str> {
    let _busy = server.world.activity.hold();
    let pull = entry.lens::<Pull>();
    let heard = hear(server, &pull).await;
    let (answer, image) = heard.unwrap_or_else(|refusal| match refusal {
        Refusal::Unavailable(words) => (Answer::Unavailable(words), None),
        Refusal::Refused(words) => (Answer::Refused(words), None),
        Refusal::Open(name) => (Answer::Refused(format!("{} was not asked", name.host)), None),
    });
    if let Some(image) = &image {
        remember(server, image).await;
    }
    let answered = Pull { answer: Some(answer), ..(*pull).clone() };
    // Who has asked again meanwhile gets another answer.
    let expect = Expect::Rev(entry.rev);
    put(server, RESOURCE, &entry.key, expect, &answered.object(&entry.key)).await;
    Arc::clone(&entry.key)
}

/// Keeps an image under each of its digests.
async fn remember(server: &Arc<Server>, image: &PulledImage) {
    let mut object = serde_json::to_value(image).unwrap_or_default();
    for digest in &image.digests {
        object["metadata"] = json!({"name": digest, "uid": digest});
        // What is there already says the same.
        put(server, LEARNED, digest, Expect::Absent, &object).await;
    }
}

async fn put(server: &Arc<Server>, resource: &str, key: &str, expect: Expect, object: &Value) {
    let (body, claims) = (encode(object), vec![]);
    let op = Op::Put { resource: resource.into(), key: key.into(), expect, body, claims };
    if let Err(error) = server.store.commit(vec![op]).await {
        tracing::debug!(%error, resource, key, "not stored");
    }
}

async fn hear(server: &Arc<Server>, pull: &Pull) -> Result<Heard, Refusal> {
    let view = view(server);
    let pod = view.value("pods", &pull.pod).filter(|p| p.uid() == pull.asker).unwrap_or_default();
    let names = Reference::candidates(&pull.image).map_err(Refusal::Refused)?;
    let name = names.into_iter().next().ok_or_else(|| Refusal::Refused(String::new()))?;
    let sources = Sources::read(&view.objects);
    let began = server.world.wall.now();
    let heard = |image: PulledImage, by: Option<&Key>| {
        let took = server.world.wall.now().duration_since(began).as_millis();
        let digest = image.digests.first().cloned().unwrap_or_default();
        let took = i64::try_from(took).unwrap_or(i64::MAX);
        let took = if server.world.repeats { 0 } else { took };
        (Answer::Image { digest, took, by: by.map(Key::hash) }, Some(image))
    };
    let keys = keys::of(&view, &pod, &name.repository());
    if keys.is_empty() {
        return fetch(server, &sources, &name, None).await.map(|image| heard(image, None));
    }
    let mut refusals = Vec::new();
    for key in &keys {
        match fetch(server, &sources, &name, Some(key)).await {
            Ok(image) => return Ok(heard(image, Some(key))),
            Err(refusal) => refusals.push(refusal),
        }
    }
    Err(words::together(refusals))
}

fn view(server: &Server) -> View {
    View::new(server.store.snapshot(), &*server.world.clock, &server.settings, None)
}

/// The manifest and the configuration of an image, with one key or none.
async fn fetch(
    server: &Arc<Server>,
    sources: &Sources,
    name: &Reference,
    key: Option<&Key>,
) -> Result<PulledImage, Refusal> {
    let keyring = match key {
        None => Keyring::default(),
        Some(key) => {
            let (user, password) = login(server, key).await;
            Keyring::of_login(&name.repository(), &user, &password)
        }
    };
    let insecure = sources.rules.is_insecure_on_node(&name.repository());
    let at = PullSpec::parse(&name.full()).map_err(|e| Refusal::Refused(e.to_string()))?;
    let mut session = server.importer.session(keyring, sources.authorities.clone());
    let first = manifest(&mut session, name, &at, insecure).await?;
    let wanted = first.for_architecture(ARCHITECTURE);
    let digest = wanted.ok_or_else(|| words::no_architecture(name, ARCHITECTURE))?.to_owned();
    let image = if digest == first.digest {
        None
    } else {
        let at = PullSpec { id: digest, ..at.clone() };
        Some(manifest(&mut session, name, &at, insecure).await?)
    };
    let image = image.as_ref().unwrap_or(&first);
    let config = image.document.config.as_ref().map(|c| c.digest.as_str()).unwrap_or_default();
    let bytes = session.blob(&at, insecure, config).await;
    let bytes =
        bytes.map_err(|fault| words::of_network(name, "parsing image configuration", &fault))?;
    let facts = Facts::of(&server.settings.catalog, image, config, &bytes);
    let mut digests = vec![image.digest.clone()];
    digests.extend(Some(first.digest.clone()).filter(|d| *d != image.digest));
    Ok(PulledImage { digests, facts })
}

async fn manifest(
    session: &mut Session<'_>,
    name: &Reference,
    at: &PullSpec,
    insecure: bool,
) -> Result<Manifest, Refusal> {
    let version = if at.id.is_empty() { &at.tag } else { &at.id };
    let doing = format!("reading manifest {version} in {}", name.repository());
    let found = session.manifest(at, insecure).await;
    let found = found.map_err(|fault| words::of_network(name, &doing, &fault))?;
    let media_type = found.media_type;
    Manifest::read(found.bytes, &media_type).ok_or_else(|| words::no_manifest(name, &media_type))
}

/// The name and the password of a key. A service account shows a token of its own.
async fn login(server: &Arc<Server>, key: &Key) -> (String, String) {
    let plain = || (key.user.clone(), key.password.clone());
    let Some((namespace, account)) = key.account.as_deref().and_then(|a| a.split_once(':')) else {
        return plain();
    };
    let Some(kind) = kinds::by_resource("serviceaccounts") else { return plain() };
    let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
        "spec": {"expirationSeconds": 3600}});
    let request = Request {
        caller: Arc::new(Caller::component("system:node")),
        verb: Verb::Create,
        kind,
        sub: "token",
        namespace: namespace.into(),
        name: account.into(),
        options: Options::default(),
        body: Body::Object(body, Vec::new()),
    };
    match server.call(request).await.map(|answer| answer.response) {
        Ok(Response::One(_, Item::Value(value))) => {
            ("serviceaccount".into(), value.str_at("status.token").to_owned())
        }
        _ => plain(),
    }
}

/// Forgets what was told to pods that are gone, and images that nobody has.
async fn sweep(server: &Arc<Server>) {
    let view = view(server);
    let (mut ops, mut wanted) = (Vec::new(), BTreeSet::new());
    let remove = |resource: &str, entry: &Entry| Op::Delete {
        resource: resource.into(),
        key: Arc::clone(&entry.key),
        expect: Expect::Rev(entry.rev),
        last: None,
    };
    for entry in view.objects.list(RESOURCE, "") {
        let pull = entry.lens::<Pull>();
        let pod = view.get("pods", &pull.pod).is_some_and(|p| *p.meta.uid == *pull.asker);
        match &pull.answer {
            Some(Answer::Image { digest, .. }) if pod => drop(wanted.insert(digest.clone())),
            Some(_) if !pod => ops.push(remove(RESOURCE, entry)),
            _ => {}
        }
    }
    for node in view.objects.list(crate::sim::nodes::images::RESOURCE, "") {
        let inventory = node.lens::<Inventory>();
        wanted.extend(inventory.images.iter().flat_map(|i| i.digests.iter().cloned()));
    }
    for entry in view.objects.list(LEARNED, "") {
        if !entry.lens::<PulledImage>().digests.iter().any(|d| wanted.contains(d)) {
            ops.push(remove(LEARNED, entry));
        }
    }
    for op in ops {
        // What has changed meanwhile is looked at next time.
        let _ = server.store.commit(vec![op]).await;
    }
}
