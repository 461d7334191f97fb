//! Images that vendors publish while the cluster runs: described as a catalogue's file describes them,
//! made into true content, and put on their shelves.

use super::{
    Registries, ask::RegistryRequest, faults::refused, reply::Reply, repository::RepositoryContent,
    uploads::Incoming,
};
use crate::{
    catalog::{
        Catalog,
        complaint::*,
        content::{Blob, Content, Manifest},
    },
    object::{ObjectExt, Value, json, read},
};
use std::{collections::BTreeSet, sync::Arc};

/// Where they are published.
pub(super) const PATH: &str = "/catalog";

/// What a file adds: the repositories it speaks of, with all they have then.
struct Added {
    catalog: Catalog,
    names: BTreeSet<String>,
}

impl Added {
    fn read(known: &Catalog, text: &str) -> Result<Added, String> {
        let file: Value = read::yaml_as(text)?;
        let named = |entry: &Value| entry.list_at("repositories").to_vec();
        let names = file.list_at("images").iter().flat_map(named);
        let names: BTreeSet<String> = names.filter_map(|n| Some(n.as_str()?.to_owned())).collect();
        for name in &names {
            let host = name.split('/').next().unwrap_or_default();
            if !known.hosts().any(|registry| registry == host) {
                return Err(format!("{name}: {host:?} is no registry of this server"));
            }
        }
        let mut catalog = known.clone();
        catalog.merge_file(text)?;
        Ok(Added { catalog, names })
    }
}

impl Registries {
    /// POST publishes the images of the body; answers which tags have moved, and what they were.
    pub(super) async fn publish_all(
        &self,
        ask: &RegistryRequest,
        body: Incoming,
    ) -> Result<Reply, Reply> {
        self.administrator(ask)?;
        if ask.method != "POST" {
            return Err(DistributionError::new(&UNSUPPORTED).into());
        }
        let caller = self.caller(ask)?;
        let sent = self.collect(&caller.name, body).await?;
        let text = std::str::from_utf8(&sent).map_err(|e| refused(e.to_string()))?;
        let added = Added::read(&self.server.settings.catalog, text).map_err(refused)?;
        let mut moved = Vec::new();
        for name in &added.names {
            let Some(content) = added.catalog.content(name) else { continue };
            for (tag, digest) in &content.tags {
                let snapshot = self.server.store.snapshot();
                let was = self.outside(&snapshot).tag(name, tag);
                if was.as_ref() == Some(digest) {
                    continue;
                }
                self.shelve(name, &content, digest).await?;
                self.point(name, tag, Some(digest)).await?;
                moved.push(json!({"repository": name, "tag": tag, "digest": digest, "was": was}));
            }
        }
        Ok(Reply::json(201, &json!({"tags": moved})))
    }

    /// Puts an image or an index, and all that belongs to it, into a repository.
    async fn shelve(
        &self,
        repository: &str,
        content: &Content,
        digest: &str,
    ) -> Result<(), DistributionError> {
        let found = |digest: &str| content.manifest(digest).cloned();
        let Some(whole) = found(digest) else { return Ok(()) };
        let members = whole.document.manifests.iter().filter_map(|member| found(&member.digest));
        let all: Vec<Arc<Manifest>> = members.chain([Arc::clone(&whole)]).collect();
        for manifest in all {
            let document = &manifest.document;
            for blob in document.config.iter().chain(&document.layers) {
                // Layers that anybody can make lie everywhere.
                let Some(Blob::Bytes(bytes)) = content.blob(&blob.digest) else { continue };
                self.blobs.put(&blob.digest, &bytes).await?;
                let size = bytes.len() as u64;
                let held = blob.digest.clone();
                self.change(repository, |r| {
                    r.blobs.insert(held.clone(), size);
                })
                .await?;
            }
            let snapshot = self.server.store.snapshot();
            let outside = self.outside(&snapshot);
            let stored = RepositoryContent { outside, blobs: &self.blobs, name: repository };
            let config = document.config.as_ref().and_then(|c| match content.blob(&c.digest)? {
                Blob::Bytes(bytes) => Some(bytes),
                Blob::Bulk(_) => None,
            });
            let held = stored.describe(&manifest, &config.unwrap_or_default());
            self.keep_manifest(repository, &manifest, held).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "images:\n- repositories: [quay.io/acme/shop]\n  versions:\n  - {tags: ['1.0', latest], size: 1000000}\n";

    #[test]
    fn a_file_is_read_beside_what_is_known() {
        let known = Catalog::builtin();
        let added = Added::read(&known, FILE).unwrap();
        let content = added.catalog.content("quay.io/acme/shop").unwrap();
        assert_eq!(content.tags["1.0"], content.tags["latest"]);
        let why = Added::read(&known, &FILE.replace("quay.io", "nobody.example")).err().unwrap();
        assert!(why.contains("no registry of this server"), "{why}");
        assert!(Added::read(&known, "images: [{repo: x}]").is_err());
    }
}
