//! One import's conversation with registries: tags, manifests, blobs.
//!
//! The first word to a registry is a look at `/v2/`, which tells the scheme (HTTPS; HTTP if that
//! fails and the import may be insecure) and how to sign in. What was learned is kept for as long
//! as the session, failures too.
//! Source: library-go `pkg/image/registryclient`, distribution's `registry/client`.

use super::{
    Importer,
    auth::{self, Access},
    exchange::{Answer, Exchange, Get},
    fault::FetchError,
    keyring::Keyring,
    shelf::Shelf,
    signature, trust,
};
use crate::{
    images::reference::Reference,
    object::{ObjectExt, Value, hex},
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use http::{HeaderMap, HeaderValue, header};
use http_body_util::BodyStream;
use jiff::SignedDuration;
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use std::{collections::HashMap, sync::Arc};
use url::Url;

/// How often a request that may succeed later is repeated.
const RETRIES: u32 = 2;
/// How long the first word may take, and how long any other request.
const PING_PATIENCE: SignedDuration = SignedDuration::from_secs(15);
const PATIENCE: SignedDuration = SignedDuration::from_secs(60);
/// Longest manifest, config and page of tags that is read.
const DOCUMENT_LIMIT: usize = 4 << 20;
/// Most tags of a repository that are listed.
const MOST_TAGS: usize = 100_000;

/// Most pages they may come in: a registry could go on for ever with pages that hold nothing.
const MOST_PAGES: usize = 1_000;

/// The media types of manifests we can read: of single images, then of lists of them, then those of
/// schema 1.
const MANIFESTS: [&str; 6] = [
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
    "application/vnd.docker.distribution.manifest.v1+json",
];

/// A manifest as the registry sent it.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// Its media type, without parameters.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Bytes,
    /// The part of a manifest of schema 1 that its signatures are about.
    signed: Option<Vec<u8>>,
}

impl Manifest {
    /// Whether it lists other manifests.
    pub fn is_list(&self) -> bool {
        MANIFESTS[2..4].contains(&self.media_type.as_str())
    }

    /// Whether it describes one image.
    pub fn is_image(&self) -> bool {
        MANIFESTS[..2].contains(&self.media_type.as_str())
    }

    /// What its digest is about: the bytes, or what of them is signed.
    fn content(&self) -> &[u8] {
        self.signed.as_deref().unwrap_or(&self.bytes)
    }

    /// `sha256:…`, which names the image.
    pub fn digest(&self) -> String {
        format!("sha256:{}", hex(&Sha256::digest(self.content())))
    }
}

/// A registry that has been met.
struct Endpoint {
    base: Url,
    access: Access,
    /// Whether it keeps signatures beside images.
    signs: bool,
}

/// What is wanted of a repository.
pub(super) struct FetchTarget<'a> {
    /// Path below the repository's, or a whole one.
    path: &'a str,
    headers: HeaderMap,
    /// Whether the headers of the answer will do.
    head: bool,
    /// Whether the body is handed on as it comes.
    stream: bool,
}

impl<'a> FetchTarget<'a> {
    pub(super) fn at(path: &'a str) -> FetchTarget<'a> {
        FetchTarget::with(path, HeaderMap::new())
    }

    fn with(path: &'a str, headers: HeaderMap) -> FetchTarget<'a> {
        FetchTarget { path, headers, head: false, stream: false }
    }
}

/// The ways to registries: with a look at their certificates and without, each made when first
/// needed. What is dialled at another address shows a certificate of our own authority, so that the
/// system's are not even read as long as nothing is fetched from the network.
struct Ways<'a> {
    importer: &'a Importer,
    authorities: Vec<String>,
    verifying: Option<Exchange>,
    routed: Option<Exchange>,
    blind: Option<Exchange>,
}

impl Ways<'_> {
    fn get(&mut self, host: &str, insecure: bool) -> &mut Exchange {
        let importer = self.importer;
        let with = |tls| {
            let exchange = Exchange::new(importer.dialer.clone(), importer.clock.clone(), tls);
            exchange.in_turns(importer.turns.clone())
        };
        if insecure {
            return self.blind.get_or_insert_with(|| with(trust::blind()));
        }
        let routes = &importer.dialer.routes;
        if routes.leads(host) {
            return self.routed.get_or_insert_with(|| with(trust::only(routes.authority())));
        }
        let all = self.authorities.iter().map(String::as_str);
        self.verifying.get_or_insert_with(|| with(importer.roots.verifying(all)))
    }
}

/// A repository with nothing left out.
fn whole_name(image: &Reference) -> String {
    image.clone().with_defaults().repository().exact()
}

/// See the module.
pub struct Session<'a> {
    ways: Ways<'a>,
    keyring: Keyring,
    met: HashMap<(String, bool), Result<Endpoint, FetchError>>,
    shelf: Option<Arc<dyn Shelf>>,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        importer: &'a Importer,
        keyring: Keyring,
        authorities: Vec<String>,
    ) -> Session<'a> {
        let ways = Ways { importer, authorities, verifying: None, routed: None, blind: None };
        Session { ways, keyring, met: HashMap::new(), shelf: importer.shelf() }
    }

    /// The manifest of a digest or a tag.
    ///
    /// # Errors
    /// What kept it from coming.
    pub async fn manifest(
        &mut self,
        image: &Reference,
        insecure: bool,
    ) -> Result<Manifest, FetchError> {
        let version = if image.id.is_empty() { &image.tag } else { &image.id };
        let held = self.shelf.as_ref().and_then(|s| s.manifest(&whole_name(image), version));
        if let Some((media_type, bytes)) = held {
            return Ok(Manifest { media_type, bytes, signed: None });
        }
        let path = format!("manifests/{version}");
        let answer = self.fetch(image, insecure, FetchTarget::with(&path, accepted())).await?;
        if !success(&answer) {
            return Err(auth::fault(&answer));
        }
        let media_type = answer.header("content-type").split(';').next().unwrap_or_default();
        let media_type = media_type.trim().into();
        let mut manifest = Manifest { media_type, bytes: answer.body, signed: None };
        if !manifest.is_list() && !manifest.is_image() {
            // Whatever has no better type is of the oldest one.
            manifest.signed = Some(signature::content(&manifest.bytes)?);
        }
        if !image.id.is_empty() {
            verify(manifest.content(), &image.id, "manifest")?;
        }
        Ok(manifest)
    }

    /// A small blob: the config of an image.
    ///
    /// # Errors
    /// What kept it from coming.
    pub async fn blob(
        &mut self,
        repository: &Reference,
        insecure: bool,
        digest: &str,
    ) -> Result<Bytes, FetchError> {
        let held = self.shelf.as_ref().and_then(|s| s.blob(&whole_name(repository), digest));
        if let Some(bytes) = held {
            return Ok(bytes);
        }
        let path = format!("blobs/{digest}");
        let answer = self.fetch(repository, insecure, FetchTarget::at(&path)).await?;
        if answer.status == 404 {
            return Err(FetchError::other("unknown blob"));
        }
        if !success(&answer) {
            return Err(auth::fault(&answer));
        }
        verify(&answer.body, digest, "blob")?;
        Ok(answer.body)
    }

    /// The length of a blob.
    ///
    /// # Errors
    /// What kept it from being told.
    pub async fn size(
        &mut self,
        repository: &Reference,
        insecure: bool,
        digest: &str,
    ) -> Result<u64, FetchError> {
        let path = format!("blobs/{digest}");
        let wanted = FetchTarget { head: true, ..FetchTarget::at(&path) };
        let answer = self.fetch(repository, insecure, wanted).await?;
        if !success(&answer) {
            let unknown = || FetchError::other("unknown blob");
            return Err(if answer.status == 404 { unknown() } else { auth::fault(&answer) });
        }
        let length = answer.header("content-length").parse();
        length.map_err(|_| FetchError::other("a blob of unknown length"))
    }

    /// A blob of any length, as it comes; nobody has looked whether it is what its digest says.
    ///
    /// # Errors
    /// What kept it from beginning to come.
    pub async fn download(
        &mut self,
        repository: &Reference,
        insecure: bool,
        digest: &str,
    ) -> Result<impl Stream<Item = std::io::Result<Bytes>> + use<>, FetchError> {
        let path = format!("blobs/{digest}");
        let wanted = FetchTarget { stream: true, ..FetchTarget::at(&path) };
        let answer = self.fetch(repository, insecure, wanted).await?;
        match answer.rest {
            Some((body, connection)) => Ok(BodyStream::new(body).map(move |frame| {
                // The body ends with its connection.
                let _ = &connection;
                let data = frame.map(|f| f.into_data().unwrap_or_default());
                data.map_err(std::io::Error::other)
            })),
            None if answer.status == 404 => Err(FetchError::other("unknown blob")),
            None => Err(auth::fault(&answer)),
        }
    }

    /// The tags of a repository, in the registry's order.
    ///
    /// # Errors
    /// What kept them from coming.
    pub async fn tags(
        &mut self,
        repository: &Reference,
        insecure: bool,
    ) -> Result<Vec<String>, FetchError> {
        let mut tags = Vec::new();
        let mut path = "tags/list".to_owned();
        for _ in 0..MOST_PAGES {
            let answer = self.fetch(repository, insecure, FetchTarget::at(&path)).await?;
            if !success(&answer) {
                return Err(auth::fault(&answer));
            }
            let page: Value = serde_json::from_slice(&answer.body)
                .map_err(|e| FetchError::other(e.to_string()))?;
            let before = tags.len();
            tags.extend(page.list_at("tags").iter().filter_map(Value::as_str).map(String::from));
            match next_page(&answer) {
                // A page that holds nothing leads nowhere either.
                Some(next) if (before + 1..=MOST_TAGS).contains(&tags.len()) => path = next,
                _ => break,
            }
        }
        Ok(tags)
    }

    /// Whether a registry says that it keeps signatures.
    ///
    /// # Errors
    /// What kept it from saying anything.
    pub(super) async fn signs(
        &mut self,
        repository: &Reference,
        insecure: bool,
    ) -> Result<bool, FetchError> {
        Ok(self.endpoint(repository, insecure).await?.signs)
    }

    /// Gets something below a repository's path (or a whole URL), trying again where that may help.
    pub(super) async fn fetch(
        &mut self,
        repository: &Reference,
        insecure: bool,
        wanted: FetchTarget<'_>,
    ) -> Result<Answer, FetchError> {
        let repository = repository.clone().with_defaults().repository();
        let mut tries = 0;
        loop {
            let result = self.attempt(&repository, insecure, &wanted).await;
            let wait = match &result {
                Ok(answer) if success(answer) => None,
                Ok(answer) => auth::fault(answer).retry_after(),
                Err(fault) => fault.retry_after(),
            };
            let Some(wait) = wait.filter(|_| tries < RETRIES) else { return result };
            tries += 1;
            let clock = &self.ways.importer.clock;
            let wait = SignedDuration::try_from(wait).unwrap_or_default();
            let now = clock.now();
            clock.sleep_until(now.saturating_add(wait).unwrap_or(now)).await;
        }
    }

    async fn attempt(
        &mut self,
        repository: &Reference,
        insecure: bool,
        wanted: &FetchTarget<'_>,
    ) -> Result<Answer, FetchError> {
        let path = wanted.path;
        self.endpoint(repository, insecure).await?;
        let now = self.ways.importer.clock.now();
        let exchange = self.ways.get(repository.api_host(), insecure);
        let Some(Ok(endpoint)) = self.met.get_mut(&(repository.exact(), insecure)) else {
            return Err(FetchError::other("the registry is gone"));
        };
        let below = format!("v2/{}/{path}", repository.repository_name());
        let url = endpoint.base.join(if path.starts_with('/') { path } else { &below });
        let url = url.map_err(|e| FetchError::other(e.to_string()))?;
        let mut headers = wanted.headers.clone();
        let signed = endpoint.access.header(exchange, now).await;
        if let Some(value) = signed.map_err(|f| f.within(url.as_str()))? {
            headers.insert(header::AUTHORIZATION, value);
        }
        let (limit, patience) = (DOCUMENT_LIMIT, PATIENCE);
        let (head, stream) = (wanted.head, wanted.stream);
        exchange.get(Get { url, head, headers, limit, patience, stream }).await
    }

    /// The registry of a repository, which is met when it is first wanted.
    async fn endpoint(
        &mut self,
        repository: &Reference,
        insecure: bool,
    ) -> Result<&Endpoint, FetchError> {
        let key = (repository.exact(), insecure);
        if !self.met.contains_key(&key) {
            let met = self.meet(repository, insecure).await;
            self.met.insert(key.clone(), met);
        }
        match self.met.get(&key) {
            Some(Ok(endpoint)) => Ok(endpoint),
            Some(Err(fault)) => Err(fault.clone()),
            None => Err(FetchError::other("the registry is gone")),
        }
    }

    /// Says the first word to a registry.
    async fn meet(
        &mut self,
        repository: &Reference,
        insecure: bool,
    ) -> Result<Endpoint, FetchError> {
        let host = repository.api_host();
        let exchange = self.ways.get(host, insecure);
        let answer = match ping(exchange, "https", host).await {
            Err(_) if insecure => ping(exchange, "http", host).await?,
            other => other?,
        };
        let base = answer.url.join("/").map_err(|e| FetchError::other(e.to_string()))?;
        let known = !answer.header("docker-distribution-api-version").is_empty();
        let code = answer.status.as_u16();
        if !known && !matches!(code, 200..300 | 401 | 403) {
            let shown = base.as_str().trim_end_matches('/');
            let text =
                format!("endpoint {shown:?} does not support v2 API (got {})", answer.reason());
            return Err(FetchError::other(text));
        }
        let signs = answer.header("x-registry-supports-signatures") == "1";
        let asked = if code == 401 { auth::challenges(&answer.headers) } else { Vec::new() };
        let login = self.keyring.find(&repository.exact()).cloned();
        let repository = repository.repository_name();
        let access = Access { challenges: asked, login, repository, token: None };
        Ok(Endpoint { base, access, signs })
    }
}

async fn ping(exchange: &mut Exchange, scheme: &str, host: &str) -> Result<Answer, FetchError> {
    let url = Url::parse(&format!("{scheme}://{host}/v2/"))
        .map_err(|e| FetchError::other(format!("parse {host:?}: {e}")))?;
    let headers = HeaderMap::new();
    let (limit, patience) = (DOCUMENT_LIMIT, PING_PATIENCE);
    exchange.get(Get { url, head: false, headers, limit, patience, stream: false }).await
}

fn success(answer: &Answer) -> bool {
    (200..400).contains(&answer.status.as_u16())
}

/// The media types of manifests we can read.
fn accepted() -> HeaderMap {
    MANIFESTS.iter().map(|t| (header::ACCEPT, HeaderValue::from_static(t))).collect()
}

/// Path and query of the page after this one.
fn next_page(answer: &Answer) -> Option<String> {
    let link = answer.header("link").split(';').next()?.trim();
    let target = link.trim_start_matches('<').trim_end_matches('>');
    let next = answer.url.join(target).ok().filter(|_| !target.is_empty())?;
    Some(next[url::Position::BeforePath..url::Position::AfterQuery].to_owned())
}

fn verify(bytes: &[u8], digest: &str, what: &str) -> Result<(), FetchError> {
    let algorithm = digest.split(':').next().unwrap_or_default();
    let found = match algorithm {
        "sha256" => hex(&Sha256::digest(bytes)),
        "sha384" => hex(&Sha384::digest(bytes)),
        "sha512" => hex(&Sha512::digest(bytes)),
        _ => return Err(FetchError::other("unsupported digest algorithm")),
    };
    let found = format!("{algorithm}:{found}");
    if found == digest {
        return Ok(());
    }
    Err(FetchError::other(format!(
        "content integrity error: the {what} retrieved with digest {digest} does not match the \
         digest calculated from the content {found}"
    )))
}
