//! Fetches the images of an import, each once, and makes Image objects of them.
//! Source: openshift-apiserver `pkg/image/apiserver/importer`.

use super::{order, rules::Rules, verdict};
use crate::{
    images::{image, reference::Reference, resolve},
    importer::{FetchError, Limiter, Manifest, Session},
    object::{ObjectExt, Value, json},
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Most tags of a repository that one import fetches; the others are only named.
const MOST_TAGS: usize = 50;
/// The platform of the cluster's nodes.
const ARCHITECTURE: &str = "amd64";
const OS: &str = "linux";
/// Annotations of a spec tag that choose from a manifest list.
const PREFER: [&str; 2] =
    ["importer.image.openshift.io/prefer-arch", "importer.image.openshift.io/prefer-os"];

/// An image and, if it is a list, the images it lists.
#[derive(Clone)]
struct FetchedImage {
    image: Value,
    manifests: Vec<Value>,
}

/// Which image, and what of it: the same question is asked once.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Question {
    /// Registry and repository, defaults filled in.
    repository: String,
    /// Tag or digest.
    version: String,
    whole_list: bool,
    prefer: [String; 2],
}

/// How a repository is asked and its images are named: as the first mention of it says.
#[derive(Clone)]
struct Way {
    written: Reference,
    insecure: bool,
}

/// One import at work.
pub struct Fetcher<'a> {
    session: Session<'a>,
    limiter: Limiter,
    rules: &'a Rules,
    /// The present, for lists, which have no time of their own.
    now: String,
    answers: HashMap<Question, Result<FetchedImage, Value>>,
    ways: HashMap<String, Way>,
}

impl<'a> Fetcher<'a> {
    /// Begins.
    pub fn new(session: Session<'a>, limiter: Limiter, rules: &'a Rules, now: String) -> Self {
        Fetcher { session, limiter, rules, now, answers: HashMap::new(), ways: HashMap::new() }
    }

    /// `status.images[]` for one of `spec.images`. The stream's own tags say which entry of a
    /// manifest list is preferred.
    pub async fn image(&mut self, spec: &Value, stream: &Value) -> Value {
        let written = match self.allowed(spec.str_at("from.name")) {
            Ok(written) => written,
            Err(status) => return json!({"status": status}),
        };
        let full = written.clone().with_defaults();
        let by_digest = !full.id.is_empty();
        let tag = match spec.at("to") {
            Some(to) => to.str_at("name"),
            None => full.tag.as_str(),
        };
        let own = resolve::spec_tag(stream, tag).filter(|_| !by_digest);
        let prefer = PREFER.map(|key| {
            own.and_then(|t| t.at("annotations")?.get(key)?.as_str()).unwrap_or("").to_owned()
        });
        let version = if by_digest { &full.id } else { &full.tag };
        let way = self.way(&written, spec);
        let found = self.ask(&way, version, spec, prefer).await;
        let shown = if by_digest { "" } else { full.tag.as_str() };
        told(&way.written, shown, found)
    }

    /// `status.repository` for `spec.repository`.
    pub async fn repository(&mut self, spec: &Value) -> Value {
        let written = match self.allowed(spec.str_at("from.name")) {
            Ok(written) => written,
            Err(status) => return json!({"status": status}),
        };
        let way = self.way(&written, spec);
        let tags = match self.session.tags(&way.written, way.insecure).await {
            Ok(tags) => tags,
            Err(fault) => {
                return json!({"status": verdict::of_repository(&fault, &written.exact())});
            }
        };
        // Docker Hub has tags without a name.
        let named = |t: String| if t.is_empty() { "latest".into() } else { t };
        let unique: BTreeSet<String> = tags.into_iter().map(named).collect();
        let mut tags = order::prioritized(unique);
        let others = tags.split_off(tags.len().min(MOST_TAGS));
        let mut images = Vec::new();
        for tag in tags {
            let found = self.ask(&way, &tag, spec, Default::default()).await;
            images.push(told(&written, &tag, found));
        }
        let failed = images.iter().filter(|i| i.str_at("status.status") != "Success").count();
        let mut out = json!({"status": verdict::of_images(failed)});
        if !images.is_empty() {
            out["images"] = json!(images);
        }
        if !others.is_empty() {
            out["additionalTags"] = json!(others);
        }
        out
    }

    fn allowed(&self, name: &str) -> Result<Reference, Value> {
        // Old clients look for every image by this name; it never parses.
        let written = match name {
            "*" => Reference { name: name.into(), ..Reference::default() },
            _ => Reference::parse(name).map_err(|p| verdict::unreadable(name, &p.to_string()))?,
        };
        let registry = written.clone().with_defaults().registry;
        if self.rules.is_blocked(&registry) {
            return Err(verdict::blocked(&written.registry));
        }
        Ok(written)
    }

    fn way(&mut self, written: &Reference, spec: &Value) -> Way {
        let full = written.clone().with_defaults();
        let insecure =
            spec.is_true("importPolicy.insecure") || self.rules.is_insecure(&full.registry);
        let way = || Way { written: written.clone().repository(), insecure };
        self.ways.entry(full.repository().exact()).or_insert_with(way).clone()
    }

    async fn ask(
        &mut self,
        way: &Way,
        version: &str,
        spec: &Value,
        prefer: [String; 2],
    ) -> Result<FetchedImage, Value> {
        let mode = spec.str_at("importPolicy.importMode");
        let question = Question {
            repository: way.written.clone().with_defaults().repository().exact(),
            version: version.into(),
            whole_list: mode == "PreserveOriginal",
            prefer,
        };
        if let Some(known) = self.answers.get(&question) {
            return known.clone();
        }
        let found = self.fetch(way, &question).await;
        self.answers.insert(question, found.clone());
        found
    }

    async fn fetch(&mut self, way: &Way, question: &Question) -> Result<FetchedImage, Value> {
        let image = version_of(&way.written, &question.version);
        if image.exact().is_empty() || image.name == "*" {
            let why = format!(
                "unable to parse docker reference {}: invalid reference format",
                image.exact()
            );
            return Err(verdict::internal(&why));
        }
        self.limiter.take().await;
        let full = image.with_defaults();
        let (source, manifest) = self.pull(&full, way.insecure).await?;
        if manifest.is_list() && question.whole_list {
            return self.list(way, &manifest).await;
        }
        let image = self.single(&source, way.insecure, manifest, &question.prefer).await;
        let image = image.map_err(|fault| verdict::of_image(&fault, &full.exact()))?;
        Ok(FetchedImage { image, manifests: Vec::new() })
    }

    /// The manifest of an image from the first of its mirrors that has it, or from its source; and
    /// where it came from.
    async fn pull(
        &mut self,
        full: &Reference,
        insecure: bool,
    ) -> Result<(Reference, Manifest), Value> {
        let (sources, problem) = self.rules.sources(full);
        let mut said: Vec<Value> = problem.iter().map(|p| verdict::internal(p)).collect();
        for source in sources {
            match self.session.manifest(&source, insecure).await {
                Ok(manifest) => return Ok((source, manifest)),
                Err(fault) => said.push(verdict::of_image(&fault, &source.exact())),
            }
        }
        Err(verdict::of_all(said))
    }

    /// A list as it is, and every image it lists.
    async fn list(&mut self, way: &Way, manifest: &Manifest) -> Result<FetchedImage, Value> {
        let mut whole = object(manifest, None);
        whole.set_at("dockerImageMetadata.Id", whole.name().to_owned());
        whole.set_at("dockerImageMetadata.Created", self.now.clone());
        image::create(&mut whole);
        let mut manifests = Vec::new();
        for listed in whole.list_at("dockerImageManifests") {
            let part = version_of(&way.written, listed.str_at("digest"));
            let full = part.clone().with_defaults();
            let (source, found) = self.pull(&full, way.insecure).await?;
            let found = self.single(&source, way.insecure, found, &Default::default()).await;
            let mut found = found.map_err(|fault| verdict::of_image(&fault, &full.exact()))?;
            found["dockerImageReference"] = json!(part.most_specific().exact());
            manifests.push(found);
        }
        Ok(FetchedImage { image: whole, manifests })
    }

    /// The image of a manifest; of a list, that of the fitting entry.
    async fn single(
        &mut self,
        full: &Reference,
        insecure: bool,
        mut manifest: Manifest,
        prefer: &[String; 2],
    ) -> Result<Value, FetchError> {
        if manifest.is_list() {
            let list: Value = parsed(&manifest)?;
            let digest = choose(list.list_at("manifests"), prefer)
                .ok_or_else(|| FetchError::other("no manifests in manifest list"))?;
            let entry = Reference { id: digest.into(), ..full.clone() };
            manifest = self.session.manifest(&entry, insecure).await?;
        }
        if !manifest.is_image() {
            return self.signed(full, insecure, &manifest).await;
        }
        let digest = parsed(&manifest)?.str_at("config.digest").to_owned();
        let config = self.session.blob(full, insecure, &digest).await?;
        let mut found = object(&manifest, Some(&config));
        image::create(&mut found);
        Ok(found)
    }

    /// The image of a manifest of schema 1, which has no config, and often no sizes.
    async fn signed(
        &mut self,
        full: &Reference,
        insecure: bool,
        manifest: &Manifest,
    ) -> Result<Value, FetchError> {
        check_history(manifest)?;
        let mut found = object(manifest, None);
        image::create(&mut found);
        if found.i64_at("dockerImageMetadata.Size").unwrap_or(0) == 0 {
            let mut sizes = BTreeMap::new();
            for layer in found.list_at("dockerImageLayers").iter().map(|l| l.str_at("name")) {
                if !sizes.contains_key(layer) {
                    let size = self.session.size(full, insecure, layer).await?;
                    sizes.insert(layer.to_owned(), i64::try_from(size).unwrap_or(i64::MAX));
                }
            }
            image::measure(&mut found, &sizes);
        }
        Ok(found)
    }
}

/// Why a manifest of schema 1 describes no image.
fn check_history(manifest: &Manifest) -> Result<(), FetchError> {
    let parsed = parsed(manifest)?;
    let [history, layers] = ["history", "fsLayers"].map(|list| parsed.list_at(list).len());
    if history == 0 {
        return Err(FetchError::other("image has no v1Compatibility history and cannot be used"));
    }
    if history != layers {
        return Err(FetchError::other(format!(
            "the image {} () has mismatched history and fslayer cardinality ({history} != {layers})",
            manifest.digest()
        )));
    }
    Ok(())
}

/// An Image with nothing but its content.
fn object(manifest: &Manifest, config: Option<&[u8]>) -> Value {
    let mut image = json!({
        "metadata": {"name": manifest.digest()},
        "dockerImageManifest": String::from_utf8_lossy(&manifest.bytes),
        "dockerImageManifestMediaType": manifest.media_type,
    });
    if let Some(config) = config {
        image["dockerImageConfig"] = json!(String::from_utf8_lossy(config));
    }
    image
}

fn parsed(manifest: &Manifest) -> Result<Value, FetchError> {
    serde_json::from_slice(&manifest.bytes).map_err(|e| FetchError::other(e.to_string()))
}

/// The digest of the entry that fits: the preferred platform, else the usual one, else the first.
fn choose<'m>(manifests: &'m [Value], prefer: &[String; 2]) -> Option<&'m str> {
    let or = |wanted: &'_ str, usual: &'static str| match wanted {
        "" => usual.to_owned(),
        wanted => wanted.to_owned(),
    };
    let wanted = (or(&prefer[0], ARCHITECTURE), or(&prefer[1], OS));
    let is = |m: &&Value, architecture: &str, os: &str| {
        m.str_at("platform.architecture") == architecture && m.str_at("platform.os") == os
    };
    let fitting = manifests.iter().find(|m| is(m, &wanted.0, &wanted.1));
    let usual = || manifests.iter().find(|m| is(m, ARCHITECTURE, OS));
    let found = fitting.or_else(usual).or(manifests.first())?;
    Some(found.str_at("digest"))
}

/// A tag or a digest of a repository.
fn version_of(repository: &Reference, version: &str) -> Reference {
    let mut image = repository.clone().repository();
    if version.contains(':') {
        image.id = version.into();
    } else {
        image.tag = version.into();
    }
    image
}

/// One entry of a status. Images are named as the request named their repository.
fn told(written: &Reference, tag: &str, found: Result<FetchedImage, Value>) -> Value {
    let mut out = json!({});
    match found {
        Err(status) => out["status"] = status,
        Ok(mut fetched) => {
            let reference = version_of(written, fetched.image.name()).exact();
            fetched.image["dockerImageReference"] = json!(reference);
            out["status"] = verdict::success();
            out["image"] = fetched.image;
            if !fetched.manifests.is_empty() {
                out["manifests"] = json!(fetched.manifests);
            }
        }
    }
    if !tag.is_empty() {
        out["tag"] = json!(tag);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_that_fits() {
        let entry = |digest: &str, os: &str, architecture: &str| json!({"digest": digest, "platform": {"os": os, "architecture": architecture}});
        let arm_first = [entry("a", "linux", "arm64"), entry("b", "linux", "amd64")];
        let no_usual = [entry("w", "windows", "amd64"), entry("s", "linux", "s390x")];
        let rows: [(&[Value], [&str; 2], Option<&str>); 6] = [
            (&arm_first, ["", ""], Some("b")),
            (&arm_first, ["arm64", ""], Some("a")),
            (&arm_first, ["s390x", ""], Some("b")),
            (&no_usual, ["", ""], Some("w")),
            (&no_usual, ["s390x", "linux"], Some("s")),
            (&[], ["", ""], None),
        ];
        for (manifests, prefer, expected) in rows {
            assert_eq!(choose(manifests, &prefer.map(String::from)), expected, "{prefer:?}");
        }
    }

    #[test]
    fn images_are_named_as_they_were_asked_for() {
        let id = format!("sha256:{}", "a".repeat(64));
        let written = Reference::parse("mysql:5.7").unwrap();
        let image = json!({"metadata": {"name": id}});
        let found = told(&written, "5.7", Ok(FetchedImage { image, manifests: Vec::new() }));
        assert_eq!(found["image"]["dockerImageReference"], format!("mysql@{id}"));
        assert_eq!((&found["tag"], &found["status"]["status"]), (&json!("5.7"), &json!("Success")));
        let failed = told(&written, "", Err(verdict::internal("x")));
        assert_eq!(failed.get("tag"), None);
    }
}
