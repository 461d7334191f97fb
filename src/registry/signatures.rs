//! Signatures of the images of streams, as clients of OpenShift's registry read and write them.
//! Source: openshift/image-registry `pkg/dockerregistry/server/signaturedispatcher.go`.

use super::{Registries, ask::RegistryRequest, cluster::layers, reply::Reply, uploads::Incoming};
use crate::{
    access::Attributes,
    api::{Body, Options, Request, Verb},
    catalog::complaint::*,
    error::Error,
    images::{IMAGES, STREAMS},
    kinds::{self, GroupVersionResource},
    object::{ObjectExt, Value, json},
};

/// The only version of the form.
const SCHEMA: i64 = 2;
/// Kind of a signature that does not say.
const TYPE: &str = "atomic";

/// Project, stream and digest in `/extensions/v2/PROJECT/STREAM/signatures/DIGEST`.
pub(super) fn parse(path: &str) -> Option<(&str, &str, &str)> {
    let (name, digest) = path.strip_prefix("/extensions/v2/")?.split_once("/signatures/")?;
    let (project, stream) = name.split_once('/')?;
    Some((project, stream, digest))
}

/// An answer that says that signatures are kept here, which clients look for when they first come.
pub(super) fn announced(reply: Reply) -> Reply {
    reply.with("x-registry-supports-signatures", "1")
}

impl Registries {
    /// GET lists an image's signatures, PUT adds one.
    pub(super) async fn signatures(
        &self,
        ask: &RegistryRequest,
        (project, stream, digest): (&str, &str, &str),
        body: Incoming,
    ) -> Result<Reply, Reply> {
        let caller = self.caller(ask)?;
        match ask.method.as_str() {
            "GET" => {
                self.may(&caller, &layers("get", project, stream))?;
                Ok(self.signatures_of(project, stream, digest))
            }
            "PUT" => {
                let wanted = Attributes {
                    verb: "create",
                    group: "image.openshift.io",
                    resource: "imagesignatures",
                    ..Attributes::default()
                };
                self.may(&caller, &wanted)?;
                let sent: Value = serde_json::from_slice(&self.collect(&caller.name, body).await?)
                    .unwrap_or_default();
                if sent.i64_at("schemaVersion") != Some(SCHEMA) {
                    return Err(DistributionError::new(&SIGNATURE_INVALID).into());
                }
                let kind = Some(sent.str_at("type")).filter(|t| !t.is_empty()).unwrap_or(TYPE);
                let object = json!({"apiVersion": "image.openshift.io/v1", "kind": "ImageSignature",
                    "metadata": {"name": sent.str_at("name")}, "type": kind,
                    "content": sent["content"]});
                let group = STREAMS.split_once('.').map_or("", |(_, group)| group);
                let found = kinds::by_path(GroupVersionResource {
                    group,
                    version: "v1",
                    resource: "imagesignatures",
                });
                let request = Request {
                    caller,
                    verb: Verb::Create,
                    kind: found.ok_or_else(|| Reply::empty(404))?,
                    sub: "",
                    namespace: String::new(),
                    name: String::new(),
                    options: Options::default(),
                    body: Body::Object(object, Vec::new()),
                };
                match self.server.call(request).await {
                    Ok(_) => Ok(Reply::empty(201)),
                    Err(error) => Err(refused(&error)),
                }
            }
            _ => Err(DistributionError::new(&UNSUPPORTED).into()),
        }
    }

    fn signatures_of(&self, project: &str, stream: &str, digest: &str) -> Reply {
        let snapshot = self.server.store.snapshot();
        let found = snapshot.get(STREAMS, project, stream).map(|e| e.lean());
        let known = found.is_some_and(|s| self.outside(&snapshot).origin(&s, digest).is_some());
        let Some(image) = snapshot.get(IMAGES, "", digest).filter(|_| known) else {
            return Reply::empty(404);
        };
        let one = |s: &Value| {
            json!({"schemaVersion": SCHEMA, "name": s.name(), "type": s["type"],
                "content": s["content"]})
        };
        let list: Vec<Value> = image.lean().list_at("signatures").iter().map(one).collect();
        Reply::json(200, &json!({"signatures": list}))
    }
}

/// What the client hears of an API that refuses.
fn refused(error: &Error) -> Reply {
    let code = match error {
        Error::Unauthorized | Error::Forbidden { .. } => &UNAUTHORIZED,
        Error::BadRequest(_) | Error::Invalid { .. } => &SIGNATURE_INVALID,
        Error::AlreadyExists { .. } => &SIGNATURE_EXISTS,
        Error::NotFound { .. } => return Reply::empty(404),
        _ => &UNKNOWN,
    };
    DistributionError::new(code).about(json!(error.to_string())).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let path = "/extensions/v2/demo/app/signatures/sha256:1";
        assert_eq!(parse(path), Some(("demo", "app", "sha256:1")));
        for bad in ["/extensions/v2/app/signatures/sha256:1", "/extensions/v2/demo/app", "/v2/"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
