//! What builds make: an image from its base and its recipe, pushed as any client pushes. The same
//! recipe on the same base makes the same bytes.

use super::{Registries, blobs::Stored, repository::RepositoryContent};
use crate::{
    access::authn::service_account_caller,
    api::Caller,
    builds::{
        push::{Made, PUSHES, Push},
        recipe::Recipe,
    },
    catalog::{
        ARCHITECTURE, Auth, CLUSTER_REGISTRY, Registry,
        complaint::*,
        content::{
            Manifest,
            document::{DOCKER, Descriptor, Document, Empty, Family, History, ImageConfig, OCI},
            layer, sha256,
        },
        reference::Reference,
    },
    images::{STREAMS, resolve},
    importer::Keyring,
    object::{ObjectExt, Value, encode, name, time},
    store::{Entry, Expect, Op},
};
use bytes::Bytes;
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::watch;

/// Most bytes of a configuration.
const LARGEST: usize = 4 << 20;

/// An image that can be pushed.
struct Image {
    manifest: Manifest,
    config: Bytes,
    layer: Bytes,
    /// Where the base's layers are.
    base: Base,
}

/// Who pulls a base, and what it shows.
struct Puller<'a> {
    caller: &'a Caller,
    keys: Keyring,
}

/// The repository a base lies in, and what it is.
#[derive(Default)]
struct Base {
    repository: String,
    document: Document,
    config: ImageConfig,
    oci: bool,
}

/// Answers builds until told to stop.
pub(super) async fn run(registries: Arc<Registries>, mut stopping: watch::Receiver<bool>) {
    let mut changed = registries.server.store.feed().signal(PUSHES);
    loop {
        changed.mark_unchanged();
        let snapshot = registries.server.store.snapshot();
        for entry in snapshot.list(PUSHES, "") {
            let push = entry.lens::<Push>();
            if push.is_open() {
                let answer = registries.answer_build(entry, &push);
                registries.server.importer.in_one_turn(answer).await;
            }
        }
        drop(snapshot);
        tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => return,
            alive = changed.changed() => if alive.is_err() { return },
        }
    }
}

impl Registries {
    async fn answer_build(&self, entry: &Entry, push: &Push) {
        let caller = Arc::new(service_account_caller(&push.namespace, &push.account));
        let mut answered = push.clone();
        let puller = Puller { caller: &caller, keys: self.keys(push) };
        match self.image_of(&puller, &push.recipe).await {
            Err(why) => {
                answered.made = Some(Made { refused: why.message.clone(), ..Made::default() });
                answered.pushed = push.to.as_ref().map(|_| why.message);
            }
            Ok(image) => {
                answered.made = Some(made(&image));
                if push.to.is_some() {
                    let refused = self.push_image(&caller, push, &image).await.err();
                    answered.pushed = Some(refused.map(|c| c.message).unwrap_or_default());
                }
            }
        }
        let (namespace, own) = name::split_key(&entry.key);
        let op = Op::Put {
            resource: PUSHES.into(),
            key: Arc::clone(&entry.key),
            expect: Expect::Rev(entry.rev),
            body: encode(&answered.object(namespace, own)),
            claims: vec![],
        };
        // Who has asked for more meanwhile is answered again.
        if let Err(error) = self.server.store.commit(vec![op]).await {
            tracing::debug!(%error, "a build's answer");
        }
    }

    /// The credentials of a build: its own pull secret, those of its account, and the cluster's.
    fn keys(&self, push: &Push) -> Keyring {
        let snapshot = self.server.store.snapshot();
        let (namespace, account) = (push.namespace.as_str(), push.account.as_str());
        let account = snapshot.get("serviceaccounts", namespace, account).map(|e| e.value());
        let account = account.unwrap_or_default();
        let lists = ["imagePullSecrets", "secrets"].into_iter().flat_map(|l| account.list_at(l));
        let names =
            std::iter::once(push.pull_secret.as_str()).chain(lists.map(|s| s.str_at("name")));
        let own = names.filter_map(|name| snapshot.get("secrets", namespace, name));
        let secrets = own.chain(snapshot.get("secrets", "openshift-config", "pull-secret"));
        let secrets: Vec<Value> = secrets.map(|e| e.value()).collect();
        Keyring::of_secrets(&secrets)
    }

    /// The image a recipe makes.
    async fn image_of(
        &self,
        puller: &Puller<'_>,
        recipe: &Recipe,
    ) -> Result<Image, DistributionError> {
        let base = match recipe.base.as_str() {
            "" => Base::default(),
            from => self.base(puller, from).await?,
        };
        let family = if base.oci { &OCI } else { &DOCKER };
        let files: Vec<(&str, String)> =
            recipe.files.iter().map(|(path, text)| (path.as_str(), text.clone())).collect();
        let (layer, diff_id) = layer(&files);
        let mut config = base.config.clone();
        apply(recipe, &mut config, diff_id);
        let config = Bytes::from(serde_json::to_vec(&config).unwrap_or_default());
        let bytes = document(&base, family, &config, &layer).bytes();
        let manifest = Manifest::read(bytes.into(), family.manifest);
        let manifest = manifest.ok_or_else(|| DistributionError::new(&MANIFEST_INVALID))?;
        Ok(Image { manifest, config, layer, base })
    }

    /// The image a build begins with.
    async fn base(&self, puller: &Puller<'_>, from: &str) -> Result<Base, DistributionError> {
        let unknown = || DistributionError::saying(&MANIFEST_UNKNOWN, "manifest unknown");
        let names =
            Reference::candidates(from).map_err(|e| DistributionError::saying(&NAME_UNKNOWN, e))?;
        for name in names {
            let found = match name.host == CLUSTER_REGISTRY {
                true => self.of_stream(puller.caller, &name).await?,
                false => self.of_vendor(&puller.keys, &name)?,
            };
            let Some((repository, manifest)) = found else { continue };
            let oci = manifest.media_type.contains("oci");
            let id = manifest.document.config.as_ref().ok_or_else(unknown)?.digest.clone();
            let blob = self.base_blob(&repository, &id).await?;
            let config = serde_json::from_slice(&blob.small(LARGEST)).unwrap_or_default();
            return Ok(Base { repository, document: manifest.document.clone(), config, oci });
        }
        Err(unknown())
    }

    async fn of_stream(
        &self,
        caller: &Caller,
        name: &Reference,
    ) -> Result<Option<(String, Arc<Manifest>)>, DistributionError> {
        let Some((project, stream)) = name.path.split_once('/') else { return Ok(None) };
        let wanted = super::cluster::layers("get", project, stream);
        if self.may(caller, &wanted).is_err() {
            return Err(DistributionError::saying(&DENIED, "authentication required"));
        }
        let snapshot = self.server.store.snapshot();
        let Some(found) = snapshot.get(STREAMS, project, stream).map(|e| e.lean()) else {
            return Ok(None);
        };
        let digest = match name.digest.as_str() {
            "" => resolve::latest(&found, &name.tag).map_or("", |item| item.str_at("image")),
            digest => digest,
        };
        let manifest = self.manifest_or_fetch(&found, digest).await?;
        let Some(manifest) = manifest else { return Ok(None) };
        let own = manifest.for_architecture(ARCHITECTURE).unwrap_or_default().to_owned();
        let manifest = match own == manifest.digest {
            true => Some(manifest),
            false => self.manifest_or_fetch(&found, &own).await?,
        };
        Ok(manifest.map(|m| (name.path.clone(), m)))
    }

    fn of_vendor(
        &self,
        keys: &Keyring,
        name: &Reference,
    ) -> Result<Option<(String, Arc<Manifest>)>, DistributionError> {
        let snapshot = self.server.store.snapshot();
        let outside = self.outside(&snapshot);
        if outside.is_down(&name.host) {
            return Err(DistributionError::saying(
                &UNKNOWN,
                "received unexpected HTTP status: 503",
            ));
        }
        let repository = name.repository();
        let host = self.catalog().registry(&name.host);
        let shows = |host: &Registry| {
            let login = keys.find(&repository);
            host.auth == Auth::None
                || host.users.is_empty()
                || login.is_some_and(|l| host.knows(&l.username, &l.password))
        };
        if !host.is_none_or(shows) {
            let why = "unauthorized: authentication required";
            return Err(DistributionError::saying(&UNAUTHORIZED, why));
        }
        let digest = match name.digest.as_str() {
            "" => outside.tag(&repository, &name.tag),
            digest => Some(digest.to_owned()),
        };
        let stored = RepositoryContent { outside, blobs: &self.blobs, name: &repository };
        let Some(first) = digest.and_then(|d| stored.manifest(&d)) else { return Ok(None) };
        let image = first.for_architecture(ARCHITECTURE).and_then(|d| stored.manifest(d));
        Ok(image.map(|m| (repository.clone(), m)))
    }

    async fn base_blob(&self, repository: &str, digest: &str) -> Result<Stored, DistributionError> {
        if let Some((project, stream)) =
            repository.split_once('/').filter(|(p, _)| !p.contains('.'))
        {
            return self.pull_blob(project, stream, digest).await;
        }
        let snapshot = self.server.store.snapshot();
        let stored = RepositoryContent {
            outside: self.outside(&snapshot),
            blobs: &self.blobs,
            name: repository,
        };
        stored.blob(digest).ok_or_else(|| DistributionError::new(&BLOB_UNKNOWN))
    }

    /// Pushes an image: its blobs, its manifest, and the tag that means it then.
    async fn push_image(
        &self,
        caller: &Arc<Caller>,
        push: &Push,
        image: &Image,
    ) -> Result<(), DistributionError> {
        let Some((project, stream, tag)) = &push.to else { return Ok(()) };
        let wanted = super::cluster::layers("update", project, stream);
        if self.may(caller, &wanted).is_err() {
            return Err(DistributionError::saying(&DENIED, "authentication required"));
        }
        let repository = format!("{project}/{stream}");
        for layer in &image.base.document.layers {
            let blob = self.base_blob(&image.base.repository, &layer.digest).await?;
            self.keep_blob(&repository, &layer.digest, &blob).await?;
        }
        for bytes in [&image.layer, &image.config] {
            self.keep_bytes(&repository, &sha256(bytes), bytes).await?;
        }
        let snapshot = self.server.store.snapshot();
        let stored = RepositoryContent {
            outside: self.outside(&snapshot),
            blobs: &self.blobs,
            name: &repository,
        };
        let held = stored.describe(&image.manifest, &image.config);
        self.keep_manifest(&repository, &image.manifest, held).await?;
        self.note_push(caller, project, stream, tag, &image.manifest).await
    }
}

fn made(image: &Image) -> Made {
    let document = &image.manifest.document;
    Made {
        refused: String::new(),
        digest: image.manifest.digest.clone(),
        id: document.config.as_ref().map(|c| c.digest.clone()).unwrap_or_default(),
        layers: document.layers.iter().map(|l| l.digest.clone()).collect(),
    }
}

fn document(base: &Base, family: &Family, config: &Bytes, layer: &Bytes) -> Document {
    let describe = |bytes: &Bytes, media_type: &str| Descriptor {
        media_type: media_type.into(),
        size: bytes.len() as u64,
        digest: sha256(bytes),
        platform: None,
    };
    let mut layers = base.document.layers.clone();
    layers.push(describe(layer, family.layer));
    Document {
        schema_version: 2,
        media_type: family.manifest.into(),
        config: Some(describe(config, family.config)),
        layers,
        manifests: Vec::new(),
    }
}

/// Changes a base's configuration as a recipe says.
fn apply(recipe: &Recipe, config: &mut ImageConfig, diff_id: String) {
    if config.os.is_empty() {
        config.os = "linux".into();
        config.architecture = ARCHITECTURE.into();
        config.rootfs.kind = "layers".into();
    }
    let began = time::parse(&config.created).unwrap_or_default();
    config.created = time::seconds(time::plus_seconds(began, recipe.later));
    let run = &mut config.config;
    let env = run.env.get_or_insert_with(Vec::new);
    for (name, value) in &recipe.env {
        let line = format!("{name}={value}");
        match env.iter_mut().find(|e| e.split('=').next() == Some(name)) {
            Some(known) => *known = line,
            None => env.push(line),
        }
    }
    run.labels.get_or_insert_with(BTreeMap::new).extend(recipe.labels.clone());
    let set = |list: &[String]| -> BTreeMap<String, Empty> {
        list.iter().map(|item| (item.clone(), Empty {})).collect()
    };
    if !recipe.ports.is_empty() {
        run.exposed_ports.get_or_insert_with(BTreeMap::new).extend(set(&recipe.ports));
    }
    if !recipe.volumes.is_empty() {
        run.volumes.get_or_insert_with(BTreeMap::new).extend(set(&recipe.volumes));
    }
    if let Some(user) = &recipe.user {
        run.user = user.clone();
    }
    if let Some(workdir) = &recipe.workdir {
        run.working_dir = workdir.clone();
    }
    run.entrypoint = recipe.entrypoint.clone().or(run.entrypoint.take());
    run.cmd = recipe.cmd.clone().or(run.cmd.take());
    let created = config.created.clone();
    let told = |line: &String| History {
        created: created.clone(),
        created_by: format!("/bin/sh -c #(nop) {line}"),
        comment: String::new(),
    };
    config.history.extend(recipe.history.iter().map(told));
    config.rootfs.diff_ids.push(diff_id);
}
