//! One released version of an image: its layers, configuration, manifest, and the index over its
//! architectures.

use super::{
    Bulk, Content, Manifest, Recipe, SmallFile,
    document::{
        DOCKER, Descriptor, Document, Empty, Family, History, ImageConfig, OCI, Platform, RootFs,
        RunConfig,
    },
    layer, sha256,
};
use crate::catalog::data::{Format, Group, Registry, Version};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use std::{collections::BTreeMap, sync::Arc};

/// When the first version of a group appeared, unless the data say.
const FIRST: Timestamp = Timestamp::constant(1_717_491_600, 0);
/// Between two versions.
const INTERVAL: SignedDuration = SignedDuration::from_hours(24 * 7);
/// The search path of an image that does not set one.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A version of an image, with everything that is known of it.
pub(super) struct Release<'a> {
    /// `host/path`.
    pub name: &'a str,
    pub registry: &'a Registry,
    pub group: &'a Group,
    pub version: &'a Version,
    /// Place among the group's versions, the oldest first.
    pub position: usize,
}

impl Release<'_> {
    /// Adds everything to the repository's content; answers the digest the tags point at.
    pub fn add_to(&self, content: &mut Content) -> String {
        let own = &self.version.architectures;
        let architectures = if own.is_empty() { &self.group.architectures } else { own };
        let images: Vec<(&str, Arc<Manifest>)> =
            architectures.iter().map(|a| (a.as_str(), self.image(content, a))).collect();
        match images.as_slice() {
            [(_, only)] => only.digest.clone(),
            many => content.add(self.index(many)).digest.clone(),
        }
    }

    fn family(&self) -> &'static Family {
        match self.group.format {
            Format::Docker => &DOCKER,
            Format::Oci => &OCI,
        }
    }

    fn index(&self, images: &[(&str, Arc<Manifest>)]) -> Document {
        let member = |(architecture, manifest): &(&str, Arc<Manifest>)| Descriptor {
            media_type: manifest.media_type.clone(),
            size: manifest.bytes.len() as u64,
            digest: manifest.digest.clone(),
            platform: Some(Platform { architecture: (*architecture).into(), os: "linux".into() }),
        };
        Document {
            schema_version: 2,
            media_type: self.family().index.into(),
            manifests: images.iter().map(member).collect(),
            ..Document::default()
        }
    }

    fn image(&self, content: &mut Content, architecture: &str) -> Arc<Manifest> {
        let family = self.family();
        let bulk = Bulk::of_size(self.version.size);
        let files = self.files(architecture);
        let own = layer::of_files(&files);
        let mut diff_ids: Vec<String> = bulk.iter().map(|b| b.diff_id.into()).collect();
        diff_ids.push(own.diff_id);
        let config = self.configuration(architecture, diff_ids);
        // Plain structs in memory: this cannot fail.
        let config = serde_json::to_vec(&config).unwrap_or_default().into_boxed_slice();
        let config = Bytes::from(config);
        let layer = |digest: &str, size| descriptor(family.layer, digest, size);
        let mut layers: Vec<_> = bulk.iter().map(|b| layer(b.digest, b.size())).collect();
        let digest = sha256(&own.bytes);
        layers.push(layer(&digest, own.bytes.len() as u64));
        content.blobs.insert(digest, Recipe::Files(files));
        let id = sha256(&config);
        let document = Document {
            schema_version: 2,
            media_type: family.manifest.into(),
            config: Some(descriptor(family.config, &id, config.len() as u64)),
            layers,
            manifests: Vec::new(),
        };
        content.blobs.insert(id, Recipe::Bytes(config));
        content.add(document)
    }

    fn configuration(&self, architecture: &str, diff_ids: Vec<String>) -> ImageConfig {
        let created = self.created();
        let facts = &self.group.config;
        let mut env = facts.env.clone();
        if !env.iter().any(|e| e.starts_with("PATH=")) {
            env.insert(0, PATH.into());
        }
        let expose = if facts.expose.is_empty() { &facts.run.serves } else { &facts.expose };
        let ports: BTreeMap<_, _> = expose.iter().map(|p| (format!("{p}/tcp"), Empty {})).collect();
        let labels: BTreeMap<_, _> = self
            .registry
            .labels
            .iter()
            .chain(&facts.labels)
            .map(|(name, text)| (name.clone(), self.fill(text, architecture)))
            .collect();
        let layers = diff_ids.len();
        let made = |n| History {
            created: created.clone(),
            created_by: step(n, layers).into(),
            // Images built upon this one keep its history: that is how they are known again.
            comment: if n + 1 == layers { self.name.into() } else { String::new() },
        };
        ImageConfig {
            architecture: architecture.into(),
            config: RunConfig {
                user: facts.user.clone(),
                exposed_ports: (!ports.is_empty()).then_some(ports),
                env: Some(env),
                entrypoint: some(&facts.entrypoint),
                cmd: some(&facts.cmd),
                volumes: None,
                working_dir: facts.working_dir.clone(),
                labels: (!labels.is_empty()).then_some(labels),
            },
            history: (0..layers).map(made).collect(),
            created: created.clone(),
            os: "linux".into(),
            rootfs: RootFs { diff_ids, kind: "layers".into() },
        }
    }

    /// What the image's own layer contains.
    fn files(&self, architecture: &str) -> Vec<SmallFile> {
        let os = &self.registry.os;
        let (id, name) = os.split_once(' ').unwrap_or(("linux", "Linux"));
        let build = "${path} ${tag} ${architecture}\n";
        let system = format!("ID={id:?}\nNAME={name:?}\nPRETTY_NAME={name:?}\n");
        let always = [
            ("etc/os-release".into(), system),
            ("etc/image-release".into(), self.fill(build, architecture)),
        ];
        let own = self.group.config.files.iter();
        let own = own.map(|(path, text)| (path.clone().into(), self.fill(text, architecture)));
        always.into_iter().chain(own).collect()
    }

    fn created(&self) -> String {
        if !self.version.created.is_empty() {
            return self.version.created.clone();
        }
        let time = FIRST.saturating_add(INTERVAL * self.position as i32).unwrap_or(FIRST);
        crate::object::time::seconds(time)
    }

    /// The most specific tag: a version's tags begin with it.
    fn tag(&self) -> &str {
        self.version.tags.first().map_or("", String::as_str)
    }

    /// A text with `${path}`, `${tag}`, `${version}`, `${release}`, `${created}`, `${architecture}`
    /// and `${machine}` filled in. The release is what follows a `-` in the tag.
    fn fill(&self, text: &str, architecture: &str) -> String {
        if !text.contains("${") {
            return text.into();
        }
        let (version, release) = self.tag().split_once('-').unwrap_or((self.tag(), ""));
        let machine = match architecture {
            "amd64" => "x86_64",
            "arm64" => "aarch64",
            other => other,
        };
        let created = self.created();
        let values = [
            ("${created}", created.as_str()),
            ("${path}", self.name.split_once('/').map_or("", |(_, path)| path)),
            ("${tag}", self.tag()),
            ("${version}", version),
            ("${release}", release),
            ("${architecture}", architecture),
            ("${machine}", machine),
        ];
        values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }
}

fn some(words: &[String]) -> Option<Vec<String>> {
    (!words.is_empty()).then(|| words.to_vec())
}

fn step(n: usize, layers: usize) -> &'static str {
    match n {
        n if n + 1 == layers => "/bin/sh -c #(nop) COPY file:release in /etc/",
        0 => "/bin/sh -c #(nop) ADD file:base in /",
        _ => "/bin/sh -c install packages",
    }
}

fn descriptor(media_type: &str, digest: &str, size: u64) -> Descriptor {
    Descriptor { media_type: media_type.into(), size, digest: digest.into(), platform: None }
}
