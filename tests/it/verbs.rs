//! Every stored kind through every verb it serves, driven by the catalogue: a kind without a
//! fixture under `tests/golden/kinds/` fails. And who may not come in.

use crate::support::{
    BOUND, Lab, contains,
    lab::{self, get, send},
    repository, wait, yaml,
};
use futures_util::StreamExt;
use kube::{
    Api,
    api::{
        DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, WatchEvent,
        WatchParams,
    },
};
use pocketshift::{
    Cluster,
    kinds::{self, Backing, Served},
    object::ObjectExt,
};
use serde_json::{Value, json};
use std::sync::Arc;

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

/// Kinds that have rows of their own and that clients may create.
fn writable() -> impl Iterator<Item = Served> {
    kinds::all().filter(|k| matches!(k.backing, Backing::Stored) && k.verbs.contains(&"create"))
}

/// The object and the status of a kind's fixture.
fn fixture(kind: &Served) -> (Value, Option<Value>) {
    let path = repository("tests/golden/kinds").join(format!("{}.yaml", kind.resource()));
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|e| panic!("no fixture for {}: {}: {e}", kind.resource(), path.display()));
    let mut documents = yaml(&text).into_iter();
    (documents.next().expect("an object"), documents.next())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_through_every_verb() {
    let lab = Arc::new(Lab::of(Cluster::builder()).await);
    let namespace = lab.namespace("it").await;
    let walks: Vec<_> = writable()
        .map(|kind| {
            let place = if kind.namespaced { namespace.as_str() } else { "" };
            let walk = Walk::new(&lab, kind.clone(), place);
            (kind.resource().to_owned(), tokio::spawn(walk.go()))
        })
        .collect();
    let mut failed = Vec::new();
    for (resource, walk) in walks {
        if walk.await.is_err() {
            failed.push(resource);
        }
    }
    assert!(failed.is_empty(), "see above: {failed:?}");
}

/// Kinds that only exist to be read so far list nothing, honestly.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn read_only_kinds_list() {
    let lab = Lab::start().await;
    for kind in kinds::all().filter(|k| !k.verbs.contains(&"create") && k.verbs.contains(&"list")) {
        let path = lab.objects(&kind, "").resource_url().to_owned();
        let list = get(&lab.client, &path).await.expect(200);
        assert_eq!(list.str_at("kind"), format!("{}List", kind.kind), "{path}");
        assert!(list.at("items").is_some_and(Value::is_array), "{path}: {list}");
    }
    lab.stop().await;
}

/// One kind's way through the verbs.
struct Walk {
    lab: Arc<Lab>,
    kind: Served,
    api: Api<DynamicObject>,
    object: Value,
    status: Option<Value>,
    name: String,
    path: String,
}

impl Walk {
    fn new(lab: &Arc<Lab>, kind: Served, namespace: &str) -> Walk {
        let (object, status) = fixture(&kind);
        let api = lab.objects(&kind, namespace);
        let name = object.name().to_owned();
        let path = format!("{}/{name}", api.resource_url());
        Walk { lab: Arc::clone(lab), kind, api, object, status, name, path }
    }

    async fn go(self) {
        // Of what every cluster has there may be only one.
        let _ = self.api.delete(&self.name, &DeleteParams::default()).await;
        let before = self.api.list(&ListParams::default().limit(1)).await.expect("a list");
        let from = before.metadata.resource_version.unwrap_or_default();
        let uid = self.create().await;
        self.read().await;
        self.table().await;
        self.merge_patch().await;
        self.apply().await;
        self.replace().await;
        self.write_status().await;
        self.delete(&uid).await;
        self.history(&from, &uid).await;
    }

    fn says(&self) -> String {
        self.kind.resource().into()
    }

    async fn create(&self) -> String {
        let object: DynamicObject = serde_json::from_value(self.object.clone()).expect("an object");
        let dry = PostParams { dry_run: true, ..PostParams::default() };
        self.api.create(&dry, &object).await.unwrap_or_else(|e| panic!("{}: {e}", self.says()));
        assert_eq!(
            get(&self.lab.client, &self.path).await.code,
            404,
            "dry run kept {}",
            self.says()
        );
        let made = self.api.create(&PostParams::default(), &object).await;
        let made = wait::value(&made.unwrap_or_else(|e| panic!("{}: {e}", self.says())));
        assert!(contains(&made, &self.without_nulls()), "{}: {made}", self.says());
        assert_eq!(made.str_at("metadata.uid").len(), 36, "{made}");
        assert!(made.str_at("metadata.creationTimestamp").ends_with('Z'), "{made}");
        let again = self.api.create(&PostParams::default(), &object).await.expect_err("a conflict");
        assert!(again.to_string().contains("already exists"), "{}: {again}", self.says());
        made.str_at("metadata.uid").into()
    }

    /// The fixture without `null`s, which say nothing about what is stored.
    fn without_nulls(&self) -> Value {
        let mut object = self.object.clone();
        if let Some(map) = object.as_object_mut() {
            map.retain(|_, v| !v.is_null());
        }
        object
    }

    async fn read(&self) {
        let got = get(&self.lab.client, &self.path).await.expect(200);
        assert_eq!(got.str_at("kind"), self.kind.kind);
        assert_eq!(got.str_at("apiVersion"), self.kind.api_version());
        let only = ListParams::default().fields(&format!("metadata.name={}", self.name));
        let list = self.api.list(&only).await.expect("a list");
        assert_eq!(list.items.len(), 1, "{}", self.says());
        let elsewhere = ListParams::default().labels("it/absent=yes");
        assert!(self.api.list(&elsewhere).await.expect("a list").items.is_empty());
    }

    async fn table(&self) {
        let table = send(&self.lab.client, "GET", &self.path, TABLE, None).await.expect(200);
        assert_eq!(table.str_at("kind"), "Table", "{}", self.says());
        let columns: Vec<&str> =
            table.list_at("columnDefinitions").iter().map(|c| c.str_at("name")).collect();
        let declared: Vec<&str> = self.kind.table().map(|c| c.name).collect();
        assert_eq!(columns, declared);
        let rows = table.list_at("rows");
        assert_eq!(rows.len(), 1, "{table}");
        assert_eq!(rows[0].list_at("cells").len(), columns.len(), "{table}");
        assert_eq!(rows[0].str_at("object.metadata.name"), self.name);
        let partial = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
        let meta = send(&self.lab.client, "GET", &self.path, partial, None).await.expect(200);
        assert_eq!(meta.str_at("kind"), "PartialObjectMetadata");
        assert!(meta.at("spec").is_none(), "{meta}");
    }

    async fn merge_patch(&self) {
        let patch = json!({"metadata": {"labels": {"patched": "yes"}}});
        let params = PatchParams::default();
        let new = self.api.patch(&self.name, &params, &Patch::Merge(&patch)).await;
        let new = wait::value(&new.unwrap_or_else(|e| panic!("{}: {e}", self.says())));
        assert!(contains(&new, &patch), "{new}");
        let same =
            self.api.patch(&self.name, &params, &Patch::Merge(&patch)).await.expect("a patch");
        // Controllers may write in between; a patch that changes nothing must not.
        let settled = get(&self.lab.client, &self.path).await.expect(200);
        let again =
            self.api.patch(&self.name, &params, &Patch::Merge(&patch)).await.expect("a patch");
        assert!(wait::rev(&again) >= wait::rev(&same), "{}", self.says());
        if !self.is_controlled() {
            assert_eq!(
                again.metadata.resource_version.as_deref(),
                settled.str_at("metadata.resourceVersion").into()
            );
        }
        let labelled = ListParams::default().labels("patched in (yes, no),!absent");
        let found = self.api.list(&labelled).await.expect("a list").items;
        assert!(
            found.iter().any(|o| o.metadata.name.as_deref() == Some(&self.name)),
            "{}",
            self.says()
        );
    }

    /// Whether some controller writes objects of this kind on its own.
    fn is_controlled(&self) -> bool {
        !self.kind.subresources.is_empty()
            || ["secrets", "serviceaccounts", "endpoints"].contains(&self.kind.plural.as_str())
    }

    async fn apply(&self) {
        let patch = json!({
            "apiVersion": self.kind.api_version(), "kind": self.kind.kind,
            "metadata": {"name": self.name, "annotations": {"applied": "yes"}}});
        let params = PatchParams::apply("it");
        let new = self.api.patch(&self.name, &params, &Patch::Apply(&patch)).await;
        let new = wait::value(&new.unwrap_or_else(|e| panic!("{}: {e}", self.says())));
        assert_eq!(new.annotation("applied"), Some("yes"), "{new}");
        let entry =
            new.list_at("metadata.managedFields").iter().find(|m| m.str_at("manager") == "it");
        let entry =
            entry.unwrap_or_else(|| panic!("{}: no entry of the applier: {new}", self.says()));
        assert_eq!(entry.str_at("operation"), "Apply");
        assert_eq!(entry.str_at("apiVersion"), self.kind.api_version());
        assert!(
            entry["fieldsV1"]["f:metadata"]["f:annotations"]["f:applied"].is_object(),
            "{entry}"
        );
    }

    async fn replace(&self) {
        let mut stale = get(&self.lab.client, &self.path).await.expect(200);
        stale["metadata"]["resourceVersion"] = json!("1");
        let refused = send(&self.lab.client, "PUT", &self.path, "", Some(&stale)).await;
        assert_eq!(refused.code, 409, "{}: {}", self.says(), refused.text());
        assert_eq!(refused.json().str_at("reason"), "Conflict");
        // A controller may write between the two: then the conflict is right, and we look again.
        let replaced = crate::support::eventually("a replace", || async {
            let mut next = get(&self.lab.client, &self.path).await.expect(200);
            next["metadata"]["labels"]["replaced"] = json!("yes");
            let reply = send(&self.lab.client, "PUT", &self.path, "", Some(&next)).await;
            if reply.code == 200 { Ok(reply.json()) } else { Err(reply.text()) }
        })
        .await;
        assert_eq!(replaced.label("replaced"), Some("yes"));
    }

    async fn write_status(&self) {
        let Some(sub) = self.kind.sub("status") else { return };
        assert!(sub.verbs.contains(&"patch"), "{}", self.says());
        let status = self.status.as_ref().unwrap_or_else(|| {
            panic!("{} serves status, but its fixture has no second document", self.says())
        });
        let path = format!("{}/status", self.path);
        let old = get(&self.lab.client, &self.path).await.expect(200);
        let mut body = status.clone();
        body["spec"] = json!({"ignored": true, "replicas": 7});
        let reply = send(&self.lab.client, "PATCH", &path, "", Some(&body)).await;
        assert_eq!(reply.code, 200, "{}: {}", self.says(), reply.text());
        let new = reply.json();
        assert!(contains(&new, status), "{}: {new}", self.says());
        assert_eq!(new.at("spec"), old.at("spec"), "{}: a status write changed spec", self.says());
    }

    async fn delete(&self, uid: &str) {
        let params = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
        let wrong = json!({"preconditions": {"uid": "another"}});
        let refused = send(&self.lab.client, "DELETE", &self.path, "", Some(&wrong)).await;
        assert_eq!(refused.code, 409, "{}: {}", self.says(), refused.text());
        self.api
            .delete(&self.name, &params)
            .await
            .unwrap_or_else(|e| panic!("{}: {e}", self.says()));
        wait::object(&self.api, &self.name, "gone", |o| o.str_at("metadata.uid") != uid).await;
    }

    /// A watch from before the first write tells the whole story in order.
    async fn history(&self, from: &str, uid: &str) {
        let params = WatchParams::default().fields(&format!("metadata.name={}", self.name));
        let mut events = Box::pin(self.api.watch(&params, from).await.expect("a watch"));
        let (mut kinds, mut last) = (String::new(), 0);
        while !kinds.ends_with('D') {
            let event = tokio::time::timeout(BOUND, events.next()).await;
            let event = event.unwrap_or_else(|_| panic!("{}: only saw {kinds}", self.says()));
            let (letter, object) = match event.expect("more events").expect("an event") {
                WatchEvent::Added(o) => ('A', o),
                WatchEvent::Modified(o) => ('M', o),
                WatchEvent::Deleted(o) => ('D', o),
                WatchEvent::Bookmark(_) => continue,
                WatchEvent::Error(e) => panic!("{}: {e:?}", self.says()),
            };
            assert_eq!(object.metadata.uid.as_deref(), Some(uid));
            let rev = wait::rev(&object);
            assert!(rev > last, "{}: {rev} after {last}", self.says());
            last = rev;
            kinds.push(letter);
        }
        let middle = &kinds[1..kinds.len() - 1];
        assert!(kinds.starts_with('A') && middle.len() >= 3, "{}: {kinds}", self.says());
        assert!(middle.chars().all(|c| c == 'M'), "{}: {kinds}", self.says());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_and_the_powerless() {
    let lab = Lab::start().await;
    let stranger = lab.with_token("sha256~nobody-knows-this-token").await;
    let status = get(&stranger, "/api/v1/namespaces").await.expect(401);
    assert_eq!(status.str_at("reason"), "Unauthorized");
    assert_eq!(status.str_at("message"), "Unauthorized");

    let developer = lab.acting_as("developer").await;
    let status = get(&developer, "/api/v1/namespaces/default/pods").await.expect(403);
    assert_eq!(status.str_at("reason"), "Forbidden");
    assert_eq!(
        status.str_at("message"),
        "pods is forbidden: User \"developer\" cannot list resource \"pods\" in API group \"\" in \
         the namespace \"default\""
    );
    let secret = "/api/v1/namespaces/kube-system/secrets/any";
    let message = get(&developer, secret).await.expect(403);
    assert!(message.str_at("message").starts_with("secrets \"any\" is forbidden"), "{message}");
    assert_eq!(get(&lab.client, secret).await.code, 404);
    lab.stop().await;
}

/// What every client may see without signing in, and what not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_doors() {
    let lab = Lab::start().await;
    for path in ["/livez", "/readyz", "/healthz", "/readyz?verbose", "/version"] {
        assert_eq!(get(&lab.client, path).await.code, 200, "{path}");
    }
    let group = get(&lab.client, "/apis/nobody.example.com/v1").await;
    assert_eq!((group.code, group.text().as_str()), (404, "404 page not found\n"));
    let resource = get(&lab.client, "/apis/apps/v1/namespaces/default/nothings").await;
    let status = resource.expect(404);
    assert_eq!(status.str_at("message"), "the server could not find the requested resource");
    let picky = lab::send(&lab.client, "GET", "/api/v1/namespaces", "application/xml", None).await;
    assert_eq!(picky.code, 406, "{}", picky.text());
    let body = lab::request(
        &lab.client,
        "POST",
        "/api/v1/namespaces",
        &[("content-type", "application/xml")],
        b"<a/>".to_vec(),
    );
    assert_eq!(body.await.code, 415);
    lab.stop().await;
}
