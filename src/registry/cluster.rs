//! The cluster's own registry: image streams over the protocol, for those who show a token of this
//! cluster. Source: openshift/image-registry `pkg/dockerregistry/server`.

use super::{
    Registries,
    ask::RegistryRequest,
    credentials::bearer,
    pages,
    place::{Endpoint, is_digest},
    reply::Reply,
    uploads::Incoming,
};
use crate::{
    access::{Attributes, Credentials, Impersonation},
    api::Caller,
    catalog::complaint::*,
    http::basic,
    images::STREAMS,
    object::{ObjectExt, json},
};
use std::{collections::BTreeSet, sync::Arc};

/// Token of those who show no credentials.
const ANONYMOUS: &str = "anonymous";
/// The realm of the registry's Basic challenges.
const REALM: &str = "openshift";
/// API group of image streams.
const GROUP: &str = "image.openshift.io";

/// What pulling from and pushing to a stream asks for.
pub(super) fn layers<'a>(verb: &'a str, project: &'a str, stream: &'a str) -> Attributes<'a> {
    Attributes {
        verb,
        group: GROUP,
        resource: "imagestreams",
        sub: "layers",
        namespace: project,
        name: stream,
        ..Attributes::default()
    }
}

impl Registries {
    /// Who asks: whose token came as Bearer, or as the password of any name; or whom a client
    /// certificate names.
    ///
    /// # Errors
    /// The challenge.
    pub(super) fn caller(&self, ask: &RegistryRequest) -> Result<Arc<Caller>, Reply> {
        let header = ask.header("authorization");
        if let Some((name, groups)) = &ask.subject {
            let credentials = Credentials { bearer: None, certificate: Some((name, groups)) };
            return self.known(&credentials).ok_or_else(|| denied("access denied"));
        }
        let required = || {
            let challenge = bearer(ask, "");
            Reply::from(DistributionError::new(&UNAUTHORIZED)).with("www-authenticate", challenge)
        };
        let (scheme, rest) = header.split_once(' ').ok_or_else(required)?;
        let token = match scheme.to_lowercase().as_str() {
            "bearer" => rest.trim().to_owned(),
            "basic" => match basic(header) {
                Some((_, word)) if !word.is_empty() => word,
                _ => return Err(denied("failed to decode credentials")),
            },
            _ => return Err(required()),
        };
        let shown = Some(token.as_str()).filter(|t| *t != ANONYMOUS);
        self.by_token(shown).ok_or_else(|| denied("access denied"))
    }

    fn by_token(&self, token: Option<&str>) -> Option<Arc<Caller>> {
        self.known(&Credentials { bearer: token, certificate: None })
    }

    fn known(&self, credentials: &Credentials<'_>) -> Option<Arc<Caller>> {
        self.server.authenticate(credentials, &Impersonation::default()).ok()
    }

    /// The token endpoint: the password is the token, and is handed back.
    pub(super) fn cluster_token(&self, ask: &RegistryRequest) -> Result<Reply, Reply> {
        let sold = |token: &str| Reply::json(200, &json!({"token": token, "access_token": token}));
        let header = ask.header("authorization");
        if header.is_empty() {
            return Ok(sold(ANONYMOUS));
        }
        let unauthorized = || Reply::empty(401).with("content-type", "application/json");
        let (_, token) = basic(header).ok_or_else(unauthorized)?;
        match self.by_token(Some(&token)) {
            Some(_) => Ok(sold(&token)),
            None => Err(unauthorized()),
        }
    }

    /// `/v2/_catalog`: every image stream, for those who may list them all.
    pub(super) fn cluster_catalog(&self, ask: &RegistryRequest) -> Result<Reply, Reply> {
        let caller = self.caller(ask)?;
        let all = Attributes {
            verb: "list",
            group: GROUP,
            resource: "imagestreams",
            ..Attributes::default()
        };
        self.may(&caller, &all)?;
        let snapshot = self.server.store.snapshot();
        let streams = snapshot.list(STREAMS, "").map(|e| e.key.as_ref());
        Ok(pages::answer(ask, "repositories", None, streams)?)
    }

    pub(super) fn may(&self, caller: &Caller, wanted: &Attributes<'_>) -> Result<(), Reply> {
        let snapshot = self.server.store.snapshot();
        let checked = self.server.access.authorizer.check(&snapshot, caller, wanted);
        checked.map_err(|_| denied("access denied"))
    }

    /// A request about an image stream's repository.
    pub(super) async fn cluster(
        &self,
        ask: &RegistryRequest,
        project: &str,
        stream: &str,
        endpoint: Endpoint<'_>,
        body: Incoming,
    ) -> Result<Reply, Reply> {
        let caller = self.caller(ask)?;
        let pruning = ask.method == "DELETE" && !matches!(endpoint, Endpoint::Upload(..));
        let wanted = if pruning {
            Attributes { verb: "delete", group: GROUP, resource: "images", ..Attributes::default() }
        } else if ask.reads() && !matches!(endpoint, Endpoint::Upload(..)) {
            layers("get", project, stream)
        } else {
            layers("update", project, stream)
        };
        self.may(&caller, &wanted)?;
        let repository = format!("{project}/{stream}");
        Ok(match endpoint {
            Endpoint::Tags(name) => self.stream_tags(ask, project, stream, name)?,
            Endpoint::Manifest(_, reference) if ask.reads() => {
                self.pull_manifest(ask, project, stream, reference).await?
            }
            Endpoint::Blob(_, digest) if ask.reads() => {
                let blob = self.pull_blob(project, stream, digest).await?;
                Reply::blob(digest, blob, ask.header("range"))
            }
            Endpoint::Manifest(name, reference) if ask.method == "PUT" => {
                let pushed = self.take_manifest(ask, &repository, reference, body).await?;
                self.note_push(&caller, project, stream, reference, &pushed).await?;
                Reply::created(ask, name, "manifests", &pushed.digest)
            }
            Endpoint::Manifest(_, digest) if pruning && is_digest(digest) => {
                let snapshot = self.server.store.snapshot();
                let found = snapshot.get(STREAMS, project, stream).map(|e| e.lean());
                if found.is_some_and(|s| self.outside(&snapshot).origin(&s, digest).is_some()) {
                    return Err(DistributionError::new(&UNSUPPORTED).into());
                }
                self.drop_manifest(&repository, digest).await?;
                Reply::empty(202)
            }
            other => self.write_blobs(ask, &caller.name, &repository, other, body).await?,
        })
    }

    fn stream_tags(
        &self,
        ask: &RegistryRequest,
        project: &str,
        stream: &str,
        name: &str,
    ) -> Result<Reply, DistributionError> {
        let snapshot = self.server.store.snapshot();
        let stream = snapshot.get(STREAMS, project, stream).map(|e| e.lean());
        let stream = stream
            .ok_or_else(|| DistributionError::new(&NAME_UNKNOWN).about(json!({"name": name})))?;
        let tagged = stream.list_at("status.tags").iter().filter(|t| {
            t.list_at("items").first().is_some_and(|item| is_digest(item.str_at("image")))
        });
        let tags: BTreeSet<&str> = tagged.map(|t| t.str_at("tag")).collect();
        pages::answer(ask, "tags", Some(name), tags.into_iter())
    }
}

/// A refusal that asks for other credentials.
fn denied(why: &str) -> Reply {
    let challenge = format!("Basic realm={REALM},error=\"{why}\"");
    Reply::from(DistributionError::new(&UNAUTHORIZED)).with("www-authenticate", challenge)
}
