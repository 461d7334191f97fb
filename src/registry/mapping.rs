//! What the cluster learns of a push: the image, and the stream's tag that means it now.
//! Source: openshift/image-registry `manifestservice.go`, `pkg/imagestream`.

use super::{Registries, place::is_tag, repository::RepositoryContent};
use crate::{
    api::{Body, Caller, Options, Request, Verb},
    catalog::{CLUSTER_REGISTRY, complaint::*, content::Manifest},
    error::Error,
    kinds::{self, GroupVersionResource},
    object::{Value, json},
};
use std::sync::Arc;

/// The registry's own account.
const ACCOUNT: &str = "system:serviceaccount:openshift-image-registry:registry";
/// Most bytes of a configuration that is handed on.
const LARGEST: usize = 4 << 20;

impl Registries {
    /// Takes note of a pushed manifest: by digest only the image, by tag the stream's tag too.
    pub(super) async fn note_push(
        &self,
        caller: &Arc<Caller>,
        project: &str,
        stream: &str,
        reference: &str,
        manifest: &Manifest,
    ) -> Result<(), DistributionError> {
        let registry = Arc::new(Caller::component(ACCOUNT));
        let image = self.image(&format!("{project}/{stream}"), manifest);
        if !is_tag(reference) {
            let created = self.create(&registry, "images", "", image).await;
            return created.or_else(ignore_existing).map_err(|e| refused(&e));
        }
        let mapping = json!({"apiVersion": "image.openshift.io/v1", "kind": "ImageStreamMapping",
            "metadata": {"namespace": project, "name": stream}, "image": image, "tag": reference});
        let mapped = self.create(&registry, "imagestreammappings", project, mapping.clone()).await;
        match mapped {
            // Who may push may have the stream made.
            Err(Error::NotFound { .. }) => {
                let new = json!({"apiVersion": "image.openshift.io/v1", "kind": "ImageStream",
                    "metadata": {"name": stream}});
                let made = self.create(caller, "imagestreams", project, new).await;
                made.or_else(ignore_existing).map_err(|e| refused(&e))?;
                let again = self.create(&registry, "imagestreammappings", project, mapping).await;
                again.map_err(|e| refused(&e))
            }
            other => other.map_err(|e| refused(&e)),
        }
    }

    /// The object of a pushed image.
    fn image(&self, repository: &str, manifest: &Manifest) -> Value {
        let snapshot = self.server.store.snapshot();
        let stored = RepositoryContent {
            outside: self.outside(&snapshot),
            blobs: &self.blobs,
            name: repository,
        };
        let config = manifest.document.config.as_ref().and_then(|c| stored.blob(&c.digest));
        let config = config.map(|blob| blob.small(LARGEST)).unwrap_or_default();
        let mut image = json!({
            "apiVersion": "image.openshift.io/v1", "kind": "Image",
            "metadata": {"name": manifest.digest, "annotations": {
                "openshift.io/image.managed": "true",
                "image.openshift.io/manifestBlobStored": "true",
            }},
            "dockerImageReference": format!("{CLUSTER_REGISTRY}/{repository}@{}", manifest.digest),
            "dockerImageManifest": String::from_utf8_lossy(&manifest.bytes),
            "dockerImageManifestMediaType": manifest.media_type,
            "dockerImageConfig": String::from_utf8_lossy(&config),
        });
        if manifest.document.config.is_some() {
            let of = |l: &crate::catalog::content::document::Descriptor| json!({"name": l.digest, "size": l.size, "mediaType": l.media_type});
            let layers: Vec<Value> = manifest.document.layers.iter().map(of).collect();
            image["dockerImageLayers"] = json!(layers);
            image["metadata"]["annotations"]["image.openshift.io/dockerLayersOrder"] =
                json!("ascending");
        }
        image
    }

    async fn create(
        &self,
        caller: &Arc<Caller>,
        plural: &str,
        namespace: &str,
        object: Value,
    ) -> Result<(), Error> {
        let path =
            GroupVersionResource { group: "image.openshift.io", version: "v1", resource: plural };
        let request = Request {
            caller: Arc::clone(caller),
            verb: Verb::Create,
            kind: kinds::by_path(path).ok_or(Error::NoSuchPath)?,
            sub: "",
            namespace: namespace.into(),
            name: String::new(),
            options: Options { field_manager: "dockerregistry".into(), ..Options::default() },
            body: Body::Object(object, Vec::new()),
        };
        self.server.call(request).await.map(drop)
    }
}

fn ignore_existing(error: Error) -> Result<(), Error> {
    match error {
        Error::AlreadyExists { .. } => Ok(()),
        other => Err(other),
    }
}

/// What the client hears of an API that refuses.
fn refused(error: &Error) -> DistributionError {
    tracing::info!(%error, "push refused");
    match error {
        Error::Forbidden { .. } | Error::NotFound { .. } | Error::Unauthorized => {
            DistributionError::new(&DENIED).about(json!({"reason": error.to_string()}))
        }
        other => DistributionError::saying(&UNKNOWN, other.to_string()),
    }
}
