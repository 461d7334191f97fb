//! What is not needed any more: blobs that `oc adm prune images` names, and what lies in the
//! repositories of projects that are gone.
//! Source: openshift/image-registry `pkg/dockerregistry/server/admin.go`, `blobdispatcher.go`.

use super::{Registries, ask::RegistryRequest, place::is_digest, reply::Reply};
use crate::{
    access::Attributes,
    catalog::{
        complaint::*,
        held::{REPOSITORIES, Repository, project_uid},
    },
    images::{IMAGES, STREAMS},
    object::ObjectExt,
    store::{Expect, Op, Snapshot},
};
use std::collections::HashSet;

impl Registries {
    /// `DELETE /admin/blobs/DIGEST`, for those who may delete images.
    pub(super) async fn prune_blob(
        &self,
        ask: &RegistryRequest,
        digest: &str,
    ) -> Result<Reply, Reply> {
        let group = STREAMS.split_once('.').map_or("", |(_, group)| group);
        let wanted =
            Attributes { verb: "delete", group, resource: "images", ..Attributes::default() };
        self.may(&*self.caller(ask)?, &wanted)?;
        if ask.method != "DELETE" {
            return Err(DistributionError::new(&UNSUPPORTED).into());
        }
        if !is_digest(digest) {
            return Err(DistributionError::new(&DIGEST_INVALID).into());
        }
        if self.blobs.get(digest).is_none() {
            return Err(DistributionError::new(&BLOB_UNKNOWN).into());
        }
        self.blobs.remove(digest).await;
        Ok(Reply::empty(204))
    }

    /// Deletes what a crash left between a blob and the row that says who holds it. At the start only:
    /// later a blob that nobody holds is one that is about to be held.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub async fn sweep(&self) -> std::io::Result<()> {
        let snapshot = self.server.store.snapshot();
        let mut stored = self.blobs.digests()?;
        stored.extend(self.blobs.rows(&snapshot));
        let lost = orphans(stored, &snapshot);
        if lost.is_empty() {
            return Ok(());
        }
        tracing::info!(count = lost.len(), "blobs that nobody holds are deleted");
        lost.iter().for_each(|digest| self.blobs.remove_file(digest));
        self.blobs.remove_rows(&lost).await;
        Ok(())
    }

    /// Forgets the repositories of projects that are gone, and what lies in no other. What an
    /// image object still names stays until that is pruned.
    pub(super) async fn forget_lost_projects(&self) {
        let snapshot = self.server.store.snapshot();
        let lost = snapshot.list(REPOSITORIES, "").filter(|entry| {
            let project = &entry.lens::<Repository>().project;
            !project.is_empty() && *project != project_uid(&snapshot, &entry.meta.name)
        });
        let lost: Vec<_> = lost.cloned().collect();
        if lost.is_empty() {
            return;
        }
        let needed = named_by_images(&snapshot);
        for entry in lost {
            let delete = Op::Delete {
                resource: REPOSITORIES.into(),
                key: entry.key.clone(),
                expect: Expect::Rev(entry.rev),
                last: None,
            };
            // Whose row has changed has a project again.
            if self.server.store.commit(vec![delete]).await.is_err() {
                continue;
            }
            let held = entry.lens::<Repository>();
            let all = held.manifests.keys().chain(held.blobs.keys());
            for digest in all.filter(|digest| !needed.contains(*digest)) {
                self.forget_unused(digest).await;
            }
        }
    }
}

/// Of the digests of what is stored those that no repository and no image names.
fn orphans(stored: Vec<String>, snapshot: &Snapshot) -> Vec<String> {
    if stored.is_empty() {
        // As in every cluster that begins: what its images name need not be known.
        return stored;
    }
    let mut needed = named_by_images(snapshot);
    for entry in snapshot.list(REPOSITORIES, "") {
        let held = entry.lens::<Repository>();
        needed.extend(held.manifests.keys().chain(held.blobs.keys()).cloned());
    }
    stored.into_iter().filter(|digest| !needed.contains(digest)).collect()
}

/// Digests of every image's manifest, configuration and layers.
fn named_by_images(snapshot: &Snapshot) -> HashSet<String> {
    let mut named = HashSet::new();
    for image in snapshot.list(IMAGES, "").map(|e| e.lean()) {
        let layers = image.list_at("dockerImageLayers").iter().map(|l| l.str_at("name"));
        let own = [image.name(), image.str_at("dockerImageMetadata.Id")];
        named.extend(layers.chain(own).map(str::to_owned));
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        object::{encode, json},
        store::{Options, Store},
    };

    #[tokio::test]
    async fn orphans_are_what_nobody_names() {
        let store = Store::open(&Options::default()).unwrap();
        let put = |resource: &str, name: &str, mut object: crate::object::Value| {
            object["metadata"] = json!({"name": name, "uid": name});
            Op::Put {
                resource: resource.into(),
                key: name.into(),
                expect: Expect::Absent,
                body: encode(&object),
                claims: vec![],
            }
        };
        let repository = json!({"blobs": {"sha256:blob": 1},
            "manifests": {"sha256:manifest": {"mediaType": "x"}}});
        let image = json!({"dockerImageLayers": [{"name": "sha256:layer"}]});
        let ops = vec![put(REPOSITORIES, "r", repository), put(IMAGES, "sha256:image", image)];
        store.commit(ops).await.unwrap();
        let all = ["blob", "manifest", "layer", "image", "lost"].map(|n| format!("sha256:{n}"));
        assert_eq!(orphans(all.to_vec(), &store.snapshot()), ["sha256:lost"]);
    }
}
