//! What the registries answer now: the catalogue, and what happened since it was written.

use super::{
    ARCHITECTURE, Behaviour, Catalog, Config, End, Image,
    complaint::{DistributionError, MANIFEST_UNKNOWN},
    content::{Manifest, document::RunConfig},
    held::{self, Facts, LEARNED, PulledImage, Repository},
    led,
    reference::Reference,
};
use crate::{
    images::{IMAGES, STREAMS, resolve},
    object::{ObjectExt, Value},
    store::Snapshot,
};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Host and port of the cluster's own registry, as pods call it.
pub const CLUSTER_REGISTRY: &str = "image-registry.openshift-image-registry.svc:5000";

/// The registries at one moment.
#[derive(Clone, Copy)]
pub struct Outside<'a> {
    /// What the vendors have published.
    pub catalog: &'a Catalog,
    /// What happened since.
    pub objects: &'a Snapshot,
}

impl<'a> Outside<'a> {
    /// Whether a registry does not answer at all.
    pub fn is_down(&self, host: &str) -> bool {
        held::is_down(self.objects, held::REGISTRIES, host)
    }

    /// Whether there is such a repository.
    pub fn knows(&self, repository: &str) -> bool {
        self.catalog.has(repository)
            || !Repository::of(self.objects, repository).manifests.is_empty()
    }

    /// What a registry says to those who ask for a repository it does not have, or for a version
    /// that a repository does not have.
    pub fn unknown(&self, host: &str, repository: &str) -> DistributionError {
        let own = self.catalog.registry(host).filter(|_| !self.knows(repository));
        let own = own.and_then(|r| DistributionError::parse(&r.unknown_repository));
        own.unwrap_or_else(|| DistributionError::new(&MANIFEST_UNKNOWN))
    }

    /// Paths of a vendor's repositories, sorted.
    pub fn paths(&self, host: &str) -> BTreeSet<&'a str> {
        self.catalog.paths(host).chain(held::below(self.objects, host)).collect()
    }

    /// A repository's tags and what they point at.
    pub fn tags(&self, repository: &str) -> BTreeMap<String, String> {
        let mut tags = self.catalog.content(repository).map(|c| c.tags.clone()).unwrap_or_default();
        for (tag, digest) in &Repository::of(self.objects, repository).tags {
            match digest {
                Some(digest) => drop(tags.insert(tag.clone(), digest.clone())),
                None => drop(tags.remove(tag)),
            }
        }
        tags
    }

    /// What a tag points at.
    pub fn tag(&self, repository: &str, tag: &str) -> Option<String> {
        match Repository::of(self.objects, repository).tags.get(tag) {
            Some(moved) => moved.clone(),
            None => self.catalog.content(repository)?.tags.get(tag).cloned(),
        }
    }

    /// The image of a name, for the nodes' architecture. Whether its registry answers is not asked.
    pub fn find(&self, r: &Reference) -> Option<Image> {
        let found = if r.host == CLUSTER_REGISTRY {
            self.in_stream(r).map(|(image, _)| image)
        } else {
            let repository = r.repository();
            let asked = match r.digest.as_str() {
                "" => self.tag(&repository, &r.tag)?,
                digest => digest.to_owned(),
            };
            let published = self.catalog.image(&repository, &asked);
            published.or_else(|| self.pushed(&repository, &asked))
        };
        found.map(|image| Image { name: r.full(), ..image })
    }

    /// The image of a name that somebody has already: what [`Outside::find`] says, or, when no
    /// stream knows it any more, the object of the image, or what was learned of it from the network.
    /// With the index that leads to it, whether or not that was asked for.
    pub fn known(&self, r: &Reference) -> Option<Image> {
        let image = self.find(r).or_else(|| self.learned(r)).or_else(|| self.remembered(r))?;
        let index = image.digests.first().and_then(|digest| self.index_of(r, digest));
        match index.filter(|_| image.digests.len() == 1) {
            Some(index) => Some(Image { digests: vec![image.digests[0].clone(), index], ..image }),
            None => Some(image),
        }
    }

    fn learned(&self, r: &Reference) -> Option<Image> {
        let learned = self.objects.get(LEARNED, "", &r.digest)?.lens::<PulledImage>();
        Some(Image { name: r.full(), ..self.image(learned.digests.clone(), &learned.facts) })
    }

    fn remembered(&self, r: &Reference) -> Option<Image> {
        let image = self.objects.get(IMAGES, "", &r.digest)?.value();
        let names = Reference::candidates(image.str_at("dockerImageReference")).ok()?;
        let facts = facts(&image, &names.first()?.repository());
        Some(Image { name: r.full(), ..self.image(vec![r.digest.clone()], &facts) })
    }

    fn index_of(&self, r: &Reference, digest: &str) -> Option<String> {
        let own = r.host == CLUSTER_REGISTRY;
        let repository = if own { r.path.clone() } else { r.repository() };
        let content = self.catalog.content(&repository);
        let leads = |m: &&Arc<Manifest>| m.document.manifests.iter().any(|d| d.digest == digest);
        let index = content.and_then(|c| Some(c.manifests().find(leads)?.digest.clone()));
        if index.is_some() {
            return index;
        }
        let held = Repository::of(self.objects, &repository);
        let mut all = held.manifests.iter();
        all.find(|(_, m)| m.members.values().any(|d| d == digest)).map(|(index, _)| index.clone())
    }

    /// An image that was pushed to a vendor's repository.
    fn pushed(&self, repository: &str, asked: &str) -> Option<Image> {
        let held = Repository::of(self.objects, repository);
        let manifest = held.manifests.get(asked)?;
        let digest = match manifest.image {
            Some(_) => asked,
            None => manifest.members.get(ARCHITECTURE)?,
        };
        let digests = led(digest, asked);
        match held.manifests.get(digest).and_then(|m| m.image.as_ref()) {
            Some(facts) => Some(self.image(digests, facts)),
            None => Some(Image { digests, ..self.catalog.image(repository, digest)? }),
        }
    }

    /// Where a name of the cluster's own registry leads besides there: the repository its image came
    /// from; `None` when the registry holds the image itself.
    pub fn source(&self, r: &Reference) -> Option<String> {
        self.in_stream(r).and_then(|(_, source)| source)
    }

    /// The image of an image stream, and where it is, unless it is held here.
    fn in_stream(&self, r: &Reference) -> Option<(Image, Option<String>)> {
        let (project, stream) = r.path.split_once('/')?;
        let stream = self.objects.get(STREAMS, project, stream)?.value();
        let asked = match r.digest.as_str() {
            "" => resolve::latest(&stream, &r.tag)?.str_at("image").to_owned(),
            digest => digest.to_owned(),
        };
        let origin = self.origin(&stream, &asked)?;
        let mut image = self.objects.get(IMAGES, "", &asked)?.value();
        let members = image.list_at("dockerImageManifests");
        if let Some(member) = members.iter().find(|m| m.str_at("architecture") == ARCHITECTURE) {
            image = self.objects.get(IMAGES, "", member.str_at("digest"))?.value();
        }
        // An image that was pushed to another stream is held there.
        let elsewhere = origin.strip_prefix(CLUSTER_REGISTRY).map(|p| p.trim_start_matches('/'));
        let at = |repository| {
            Repository::of(self.objects, repository).manifests.get(image.name()).cloned()
        };
        let held = at(&r.path).or_else(|| elsewhere.and_then(at));
        let source = (held.is_none() && elsewhere.is_none()).then(|| origin.clone());
        let facts = held.and_then(|m| m.image).unwrap_or_else(|| facts(&image, &origin));
        Some((self.image(led(image.name(), &asked), &facts), source))
    }

    /// The repository an image of a stream came from, by the stream's history.
    pub fn origin(&self, stream: &Value, digest: &str) -> Option<String> {
        let items = || stream.list_at("status.tags").iter().flat_map(|t| t.list_at("items"));
        let lists = |item: &&Value| {
            let list = self.objects.get(IMAGES, "", item.str_at("image"));
            list.is_some_and(|list| {
                let list = list.value();
                list.list_at("dockerImageManifests").iter().any(|m| m.str_at("digest") == digest)
            })
        };
        let item = items().find(|i| i.str_at("image") == digest).or_else(|| items().find(lists))?;
        let names = Reference::candidates(item.str_at("dockerImageReference")).ok()?;
        names.first().map(Reference::repository)
    }

    fn image(&self, digests: Vec<String>, facts: &Facts) -> Image {
        Image {
            name: String::new(),
            digests,
            id: facts.config.clone(),
            size: facts.size,
            config: Arc::new(Config::of(&facts.run, self.catalog.config(&facts.base))),
        }
    }
}

/// What the object of an image says.
fn facts(image: &Value, origin: &str) -> Facts {
    let run = image.at("dockerImageMetadata.Config").cloned().unwrap_or_default();
    Facts {
        config: image.str_at("dockerImageMetadata.Id").into(),
        size: image.i64_at("dockerImageMetadata.Size").unwrap_or(0).unsigned_abs(),
        base: origin.into(),
        run: RunConfig::deserialize(run).unwrap_or_default(),
    }
}

impl Config {
    /// What an image does that was made from another: the same if it runs the same, else what the
    /// program it runs does, which if it is not known serves the ports that are declared.
    fn behaviour(&self, base: &Config) -> Behaviour {
        if (&self.entrypoint, &self.cmd) == (&base.entrypoint, &base.cmd) {
            return base.run.clone();
        }
        let words = self.entrypoint.iter().chain(&self.cmd);
        let names = words.map(|w| w.rsplit('/').next().unwrap_or(w));
        let known = names.filter_map(|name| base.programs.get(name)).next();
        let unknown = || Behaviour {
            serves: self.expose.clone(),
            on_term: Some(End { after: 0.1, code: 143 }),
            ..Behaviour::default()
        };
        known.cloned().unwrap_or_else(unknown)
    }

    /// What is known of an image that the catalogue does not have: what its configuration says, and
    /// what the image it was made from does. Without one, it serves the ports it declares.
    fn of(run: &RunConfig, base: Option<&Arc<Config>>) -> Config {
        let ports = run.exposed_ports.iter().flat_map(BTreeMap::keys);
        let tcp = |port: &String| match port.split_once('/').unwrap_or((port, "tcp")) {
            (number, "tcp") => number.parse().ok(),
            _ => None,
        };
        let own = Config {
            entrypoint: run.entrypoint.clone().unwrap_or_default(),
            cmd: run.cmd.clone().unwrap_or_default(),
            user: run.user.clone(),
            env: run.env.clone().unwrap_or_default(),
            working_dir: run.working_dir.clone(),
            expose: ports.filter_map(tcp).collect(),
            labels: run.labels.clone().unwrap_or_default(),
            ..Config::default()
        };
        if let Some(base) = base {
            let programs = base.programs.clone();
            let run = own.behaviour(base);
            return Config { shell: base.shell, family: base.family.clone(), run, programs, ..own };
        }
        let behaviour = Behaviour {
            serves: own.expose.clone(),
            on_term: Some(End { after: 0.1, code: 143 }),
            ..Behaviour::default()
        };
        let first = own.entrypoint.first().or(own.cmd.first());
        let program = first.and_then(|p| p.rsplit('/').next()).map(str::to_owned);
        let programs = program.map(|p| (p, behaviour.clone())).into_iter().collect();
        Config { shell: true, run: behaviour, programs, ..own }
    }
}
