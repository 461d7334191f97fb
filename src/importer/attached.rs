//! Signatures that a registry keeps beside its images.
//! Source: containers/image `docker/docker_client.go` (`X-Registry-Supports-Signatures`), and the
//! extension that OpenShift's registry serves, image-registry `signaturedispatcher.go`.

use super::{
    Importer,
    fault::FetchError,
    session::{FetchTarget, Session},
};
use crate::{
    images::reference::Reference,
    object::{ObjectExt, Value},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// The only version of the form that is read.
const SCHEMA: i64 = 2;
/// The only kind of signature.
const ATOMIC: &str = "atomic";

impl Importer {
    /// Whether a registry (`host` or `host:port`) is dialled elsewhere than its name says.
    pub fn leads(&self, registry: &str) -> bool {
        self.dialer.routes.leads(registry)
    }
}

impl Session<'_> {
    /// The signatures of an image, none where the registry does not say that it keeps any.
    ///
    /// # Errors
    /// What kept them from coming.
    pub async fn signatures(
        &mut self,
        image: &Reference,
        insecure: bool,
    ) -> Result<Vec<Vec<u8>>, FetchError> {
        let repository = image.clone().with_defaults().repository();
        if !self.signs(&repository, insecure).await? {
            return Ok(Vec::new());
        }
        let name = repository.repository_name();
        let path = format!("/extensions/v2/{name}/signatures/{}", image.id);
        let answer = self.fetch(&repository, insecure, FetchTarget::at(&path)).await?;
        if answer.status != 200 {
            let reason = answer.reason();
            return Err(FetchError::of_answer(answer.status.as_u16(), &reason, &answer.body, None));
        }
        read(&answer.body)
    }
}

/// The contents of a list of signatures; of what else is in it nothing is known.
fn read(body: &[u8]) -> Result<Vec<Vec<u8>>, FetchError> {
    let list: Value = serde_json::from_slice(body).map_err(|e| FetchError::other(e.to_string()))?;
    let known =
        |s: &&Value| s.i64_at("schemaVersion") == Some(SCHEMA) && s.str_at("type") == ATOMIC;
    let content = |s: &Value| {
        STANDARD.decode(s.str_at("content")).map_err(|e| FetchError::other(e.to_string()))
    };
    list.list_at("signatures").iter().filter(known).map(content).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    #[test]
    fn lists_of_signatures() {
        let one = |version: i64, kind: &str, content: &str| json!({"schemaVersion": version, "type": kind, "name": "a@b", "content": content});
        let rows = [
            (json!({}), Some(vec![])),
            (json!({"signatures": null}), Some(vec![])),
            (json!({"signatures": [one(2, "atomic", "c2lnbmVk")]}), Some(vec![b"signed".to_vec()])),
            (json!({"signatures": [one(1, "atomic", "c2ln"), one(2, "x", "c2ln")]}), Some(vec![])),
            (json!({"signatures": [one(2, "atomic", "?")]}), None),
        ];
        for (list, expected) in rows {
            assert_eq!(read(list.to_string().as_bytes()).ok(), expected, "{list}");
        }
        assert!(read(b"nonsense").is_err());
    }
}
