//! All that has arrived at the cluster from outside, for its administrator.

use super::{Registries, ask::RegistryRequest, reply::Reply};
use crate::catalog::complaint::*;
use crate::object::json;
use base64::{Engine, engine::general_purpose::STANDARD};

/// Where it is told.
pub(super) const PATH: &str = "/recording";

/// What a cluster is told whose arrivals nobody keeps.
const UNSEEDED: &str =
    "the cluster keeps no recording: start it with --random-seed (or create it with --seed-random)";

impl Registries {
    /// `GET /recording`: a file that `pocketshift replay` reads, in base64.
    pub(super) fn recording(&self, ask: &RegistryRequest) -> Result<Reply, Reply> {
        self.reading(ask)?;
        let refused = |why: String| Reply::from(DistributionError::saying(&CLUSTER_INVALID, why));
        let journal = self.server.journal.as_ref();
        let file = journal.ok_or_else(|| refused(UNSEEDED.into()))?.recording();
        let file = file.map_err(refused)?;
        Ok(Reply::json(200, &json!({"recording": STANDARD.encode(file)})))
    }
}
