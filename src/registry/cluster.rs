//! The cluster's own registry: image streams over the protocol, for those who show a token of this
//! cluster. Source: openshift/image-registry `pkg/dockerregistry/server`.

use super::{Registries, ask::Ask, credentials::bearer, pages, place::Endpoint, reply::Reply};
use crate::{
    access::{Attributes, Credentials, Impersonation},
    api::Caller,
    catalog::complaint::*,
    http::basic,
};
use serde_json::json;
use std::sync::Arc;

/// Token of those who show no credentials.
const ANONYMOUS: &str = "anonymous";
/// The realm of the registry's Basic challenges.
const REALM: &str = "openshift";
/// API group of image streams.
const GROUP: &str = "image.openshift.io";

impl Registries {
    /// Who asks: whose token came as Bearer, or as the password of any name.
    ///
    /// # Errors
    /// The challenge.
    pub(super) fn caller(&self, ask: &Ask) -> Result<Arc<Caller>, Reply> {
        let header = ask.header("authorization");
        let required = || {
            let challenge = bearer(ask, "");
            let challenge = challenge.trim_end_matches(",service=\"\"").to_owned();
            Reply::from(Complaint::new(&UNAUTHORIZED)).with("www-authenticate", challenge)
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
        let credentials = Credentials { bearer: token, certificate: None };
        self.server.authenticate(&credentials, &Impersonation::default()).ok()
    }

    /// The token endpoint: the password is the token, and is handed back.
    pub(super) fn cluster_token(&self, ask: &Ask) -> Result<Reply, Reply> {
        let sold = |token: &str| Reply::json(200, &json!({"token": token, "access_token": token}));
        let header = ask.header("authorization");
        if header.is_empty() {
            return Ok(sold(ANONYMOUS));
        }
        let (_, token) = basic(header).ok_or_else(|| Reply::json(401, &json!({})))?;
        match self.by_token(Some(&token)) {
            Some(_) => Ok(sold(&token)),
            None => Err(Reply::json(401, &json!({}))),
        }
    }

    /// `/v2/_catalog`: every image stream, for those who may list them all.
    pub(super) fn cluster_catalog(&self, ask: &Ask) -> Result<Reply, Reply> {
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

    fn may(&self, caller: &Caller, wanted: &Attributes<'_>) -> Result<(), Reply> {
        let snapshot = self.server.store.snapshot();
        let checked = self.server.access.authorizer.check(&snapshot, caller, wanted);
        checked.map_err(|_| denied("access denied"))
    }

    /// An image stream's repository.
    pub(super) fn cluster_repository(
        &self,
        ask: &Ask,
        project: &str,
        stream: &str,
        _endpoint: Endpoint<'_>,
    ) -> Result<Reply, Reply> {
        let caller = self.caller(ask)?;
        let layers = Attributes {
            verb: if ask.reads() { "get" } else { "update" },
            group: GROUP,
            resource: "imagestreams",
            sub: "layers",
            namespace: project,
            name: stream,
            ..Attributes::default()
        };
        self.may(&caller, &layers)?;
        Err(Complaint::new(&NAME_UNKNOWN).into())
    }
}

/// Resource of image streams.
const STREAMS: &str = "imagestreams.image.openshift.io";

/// A refusal that asks for other credentials.
fn denied(why: &str) -> Reply {
    let challenge = format!("Basic realm={REALM},error=\"{why}\"");
    Reply::from(Complaint::new(&UNAUTHORIZED)).with("www-authenticate", challenge)
}
