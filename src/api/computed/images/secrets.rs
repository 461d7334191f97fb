//! `imagestreams/secrets`: what imports of a project may pull with. The name of the stream does not
//! matter. Source: openshift-apiserver `registry/imagesecret`.

use crate::{
    api::{
        Request, Server,
        computed::{Handled, answer},
        read::selects,
    },
    error::Error,
    kinds,
    object::{ObjectExt, Value, json},
};
use futures_util::future::FutureExt;
use std::sync::Arc;

const EXCLUDED: &str = "openshift.io/image.excludeSecret";
const TYPES: [&str; 2] = ["kubernetes.io/dockercfg", "kubernetes.io/dockerconfigjson"];

/// The pull secrets of a project.
pub fn secrets(server: Arc<Server>, request: Request) -> Handled {
    async move {
        let kind = kinds::by_resource("secrets").ok_or(Error::NoSuchPath)?;
        let snapshot = server.store.snapshot();
        let entries = snapshot.list("secrets", &request.namespace);
        let items: Vec<Value> = entries
            .filter(|e| selects(&kind, &request.options, e))
            .map(|e| e.value())
            .filter(|s| s.annotation(EXCLUDED) != Some("true"))
            .filter(|s| TYPES.contains(&s.str_at("type")))
            .map(|mut s| {
                s.remove_at("apiVersion");
                s.remove_at("kind");
                s
            })
            .collect();
        Ok(answer(
            200,
            json!({"kind": "SecretList", "apiVersion": "image.openshift.io/v1",
                "metadata": {"resourceVersion": snapshot.rev.to_string()}, "items": items}),
        ))
    }
    .boxed_local()
}
