//! Operators written with what most are written with, unmodified: one on kube-rs in this process, one
//! on kopf in its own. Each brings its definition, follows its objects, writes what comes of them and
//! their status, and holds them back by a finalizer until it has cleaned up.

use crate::support::{
    BOUND, Lab,
    clients::{Place, blocking},
    plane, repository,
    tools::{self, output},
};
use futures_util::{FutureExt, StreamExt};
use k8s_openapi::{
    api::{core::v1::ConfigMap, events::v1::Event as Told},
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
    core::NamespaceResourceScope,
    runtime::{
        Controller,
        controller::Action,
        events::{Event, EventType, Recorder, Reporter},
        finalizer::{self, Event as Finalized},
        wait::{Condition, await_condition, conditions},
        watcher,
    },
};
use pocketshift::tls;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{borrow::Cow, process::Command, sync::Arc, time::Duration};

const MANAGER: &str = "websites";

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Website {
    api_version: String,
    kind: String,
    metadata: ObjectMeta,
    spec: Wanted,
    #[serde(default)]
    status: Found,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Wanted {
    text: String,
    #[serde(default)]
    replicas: i32,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Found {
    ready: bool,
    observed_generation: i64,
    replicas: i32,
}

impl Resource for Website {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind(_: &()) -> Cow<'_, str> {
        "Website".into()
    }
    fn group(_: &()) -> Cow<'_, str> {
        "example.com".into()
    }
    fn version(_: &()) -> Cow<'_, str> {
        "v1".into()
    }
    fn plural(_: &()) -> Cow<'_, str> {
        "websites".into()
    }
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

fn definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "websites.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"plural": "websites", "kind": "Website"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "subresources": {"status": {}, "scale": {
                    "specReplicasPath": ".spec.replicas",
                    "statusReplicasPath": ".status.replicas"}},
                "schema": {"openAPIV3Schema": {"type": "object", "required": ["spec"],
                    "properties": {
                        "spec": {"type": "object", "required": ["text"], "properties": {
                            "text": {"type": "string"},
                            "replicas": {"type": "integer", "format": "int32", "default": 1}}},
                        "status": {"type": "object", "properties": {
                            "ready": {"type": "boolean"},
                            "replicas": {"type": "integer"},
                            "observedGeneration": {"type": "integer", "format": "int64"}}}}}},
            }],
        },
    })
}

struct Context {
    client: Client,
    recorder: Recorder,
}

type Failure = finalizer::Error<kube::Error>;

async fn reconcile(site: Arc<Website>, cx: Arc<Context>) -> Result<Action, Failure> {
    let namespace = site.namespace().unwrap_or_default();
    let sites: Api<Website> = Api::namespaced(cx.client.clone(), &namespace);
    let maps: Api<ConfigMap> = Api::namespaced(cx.client.clone(), &namespace);
    let (context, to, own) = (&*cx, &sites, &maps);
    finalizer::finalizer(&sites, "example.com/note", site, |event| async move {
        match event {
            Finalized::Apply(site) => written(&site, context, to, own).await,
            Finalized::Cleanup(site) => noted(&site, own).await,
        }
    })
    .await
}

/// Writes what is to be there, and says so in the status and in an event.
async fn written(
    site: &Website,
    cx: &Context,
    sites: &Api<Website>,
    maps: &Api<ConfigMap>,
) -> Result<Action, kube::Error> {
    let name = site.name_any();
    let apply = PatchParams::apply(MANAGER).force();
    let owner = site.controller_owner_ref(&()).expect("it is stored");
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "ownerReferences": [owner]}, "data": {"text": site.spec.text}});
    maps.patch(&name, &apply, &Patch::Apply(&map)).await?;
    let status = json!({"apiVersion": "example.com/v1", "kind": "Website", "status": {
        "ready": true, "replicas": site.spec.replicas,
        "observedGeneration": site.metadata.generation}});
    sites.patch_status(&name, &apply, &Patch::Apply(&status)).await?;
    let event = Event {
        type_: EventType::Normal,
        reason: "Written".into(),
        note: Some(format!("{name} is written")),
        action: "Write".into(),
        secondary: None,
    };
    cx.recorder.publish(&event, &site.object_ref(&())).await?;
    Ok(Action::await_change())
}

/// Leaves a note of what goes.
async fn noted(site: &Website, maps: &Api<ConfigMap>) -> Result<Action, kube::Error> {
    let name = format!("{}-was-here", site.name_any());
    let note = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
    maps.patch(&name, &PatchParams::apply(MANAGER), &Patch::Apply(&note)).await?;
    Ok(Action::await_change())
}

/// Waits for a condition of one object.
async fn until<K>(api: &Api<K>, name: &str, what: &str, done: impl Condition<K>)
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + for<'de> Deserialize<'de> + Send,
    K: 'static,
{
    let waited = tokio::time::timeout(BOUND, await_condition(api.clone(), name, done)).await;
    waited.unwrap_or_else(|_| panic!("waited in vain for {name}: {what}")).expect("a watch");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kube_rs() {
    let lab = Lab::start().await;
    let client = lab.client.clone();
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let (name, apply) = ("websites.example.com", PatchParams::apply(MANAGER));
    definitions.patch(name, &apply, &Patch::Apply(definition())).await.expect("the definition");
    until(&definitions, name, "established", conditions::is_crd_established()).await;

    let space = lab.namespace("sites").await;
    let sites: Api<Website> = Api::namespaced(client.clone(), &space);
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), &space);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let recorder = Recorder::new(client.clone(), Reporter::from("websites"));
    let context = Arc::new(Context { client: client.clone(), recorder });
    let controller = Controller::new(sites.clone(), watcher::Config::default())
        .owns(maps.clone(), watcher::Config::default().streaming_lists())
        .graceful_shutdown_on(stopped.map(drop))
        .run(reconcile, |_, _, _| Action::requeue(Duration::from_secs(1)), context)
        .for_each(|_| std::future::ready(()));
    let running = tokio::spawn(controller);

    let site = json!({"apiVersion": "example.com/v1", "kind": "Website",
        "metadata": {"name": "one"}, "spec": {"text": "hello"}});
    let site: Website = serde_json::from_value(site).expect("a website");
    let made = sites.create(&PostParams::default(), &site).await.expect("it is created");
    let ready = |generation: i64| {
        move |site: Option<&Website>| {
            site.is_some_and(|s| s.status.ready && s.status.observed_generation == generation)
        }
    };
    until(&sites, "one", "ready", ready(1)).await;
    let text = |wanted: &'static str| {
        move |map: Option<&ConfigMap>| {
            map.and_then(|m| m.data.as_ref()?.get("text")).is_some_and(|text| text == wanted)
        }
    };
    until(&maps, "one", "hello", text("hello")).await;

    // It writes anew what somebody takes away, and what is to be different.
    let first = maps.get("one").await.expect("the map").uid().expect("its uid");
    maps.delete("one", &DeleteParams::default()).await.expect("it is deleted");
    until(&maps, "one", "written anew", |map: Option<&ConfigMap>| {
        map.is_some_and(|m| m.uid().as_ref() != Some(&first))
    })
    .await;
    let patch = Patch::Merge(json!({"spec": {"text": "goodbye"}}));
    sites.patch("one", &PatchParams::default(), &patch).await.expect("it is changed");
    until(&maps, "one", "goodbye", text("goodbye")).await;
    let patch = Patch::Merge(json!({"spec": {"replicas": 3}}));
    sites.patch_scale("one", &PatchParams::default(), &patch).await.expect("it is scaled");
    until(&sites, "one", "scaled", ready(3)).await;
    let scale = sites.get_scale("one").await.expect("a scale");
    assert_eq!(scale.status.map(|s| s.replicas), Some(3));

    // What it made goes with it, and its note is there before.
    let map = maps.get("one").await.expect("the map").uid().expect("its uid");
    sites.delete("one", &DeleteParams::default()).await.expect("it is deleted");
    let uid = made.uid().expect("its uid");
    until(&sites, "one", "gone", conditions::is_deleted(&uid)).await;
    maps.get("one-was-here").await.expect("its note");
    until(&maps, "one", "collected", conditions::is_deleted(&map)).await;
    let told: Api<Told> = Api::namespaced(client, &space);
    let told = told.list(&Default::default()).await.expect("events");
    assert!(told.iter().any(|e| e.reason.as_deref() == Some("Written")), "{told:?}");

    stop.send(()).expect("it runs");
    running.await.expect("it ends");
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kopf() {
    let place = Place::start().await;
    let now = "2026-06-01T00:00:00Z".parse().expect("a time");
    let ca = tls::authority(now).expect("an authority");
    let pair = tls::serving(&ca, &["127.0.0.1".into()], now).expect("a certificate");
    for (name, text) in
        [("hook.crt", &pair.cert), ("hook.key", &pair.key), ("hook-ca.crt", &ca.cert)]
    {
        place.file(name, text);
    }
    let (config, folder) = (place.kubeconfig(), place.folder.path().to_owned());
    let said = blocking(move || {
        let mut walk = Command::new(tools::kopf());
        walk.arg(repository("tests/clients/kopf/walk.py")).arg(config);
        walk.env("HOOK_FOLDER", folder).env("HOOK_PORT", plane::port().to_string());
        output(walk.env("PYTHONDONTWRITEBYTECODE", "1"))
    })
    .await;
    assert_eq!(said.trim(), "ok");
    place.lab.stop().await;
}
