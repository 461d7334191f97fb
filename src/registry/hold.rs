//! Changes to what repositories hold: one row each, written by comparison.

use super::Registries;
use crate::{
    catalog::{
        complaint::{DistributionError, UNKNOWN},
        held::{REPOSITORIES, Repository, key, project_uid},
    },
    object::{Value, encode, json, name},
    store::{Error, Expect, Op},
};

/// Attempts before a change gives up: each means that somebody else's succeeded.
const ATTEMPTS: usize = 64;

impl Registries {
    /// Changes what a repository holds.
    pub(super) async fn change(
        &self,
        repository: &str,
        change: impl Fn(&mut Repository),
    ) -> Result<(), DistributionError> {
        for _ in 0..ATTEMPTS {
            let snapshot = self.server.store.snapshot();
            let was = Repository::of(&snapshot, repository);
            let mut now = (*was).clone();
            now.project = project_uid(&snapshot, repository);
            change(&mut now);
            let entry = snapshot.get_key(REPOSITORIES, &key(repository));
            if entry.is_some() && now == *was {
                return Ok(());
            }
            let expect = entry.map_or(Expect::Absent, |e| Expect::Rev(e.rev));
            // Plain structs in memory: this cannot fail.
            let content = crate::object::to_value(&now).unwrap_or_default();
            match self.put(REPOSITORIES, &key(repository), repository, content, expect).await {
                Err(Error::Stale(_) | Error::Exists(_) | Error::Missing(_)) => {}
                other => return other.map_err(|e| broken(&e)),
            }
        }
        Err(DistributionError::new(&UNKNOWN))
    }

    /// Switches a vendor's registry or a machine off, or on again.
    pub(super) async fn switch(
        &self,
        resource: &str,
        named: &str,
        down: bool,
    ) -> Result<(), DistributionError> {
        self.note(resource, named, json!({"down": down})).await
    }

    /// Writes a row, whether or not there is one.
    pub(super) async fn note(
        &self,
        resource: &str,
        named: &str,
        content: Value,
    ) -> Result<(), DistributionError> {
        let at = name::key("", named);
        let known = self.server.store.snapshot().get_key(resource, &at).is_some();
        let expect = if known { Expect::Present } else { Expect::Absent };
        self.put(resource, &at, named, content, expect).await.map_err(|e| broken(&e))
    }

    async fn put(
        &self,
        resource: &str,
        key: &str,
        name: &str,
        mut content: Value,
        expect: Expect,
    ) -> Result<(), Error> {
        content["metadata"] =
            json!({"name": name, "uid": self.server.world.entropy.of(&[resource, name]).uuid()});
        let body = encode(&content);
        let put =
            Op::Put { resource: resource.into(), key: key.into(), expect, body, claims: vec![] };
        self.server.store.commit(vec![put]).await.map(drop)
    }
}

fn broken(error: &Error) -> DistributionError {
    tracing::error!(%error, "registry rows");
    DistributionError::new(&UNKNOWN)
}
