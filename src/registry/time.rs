//! The cluster's time at an administrator's word: told and moved.

use super::{Registries, ask::RegistryRequest, reply::Reply};
use crate::object::json;
use crate::{api::clock::Move, catalog::complaint::*, world::Reading};

/// Where time is told and moved.
pub(super) const PATH: &str = "/time";

impl Registries {
    /// GET tells the time; POST does with it what the query says, and answers when all work that
    /// was due is done.
    pub(super) async fn time(&self, ask: &RegistryRequest) -> Result<Reply, Reply> {
        self.administrator(ask)?;
        match ask.method.as_str() {
            "GET" => {}
            "POST" => {
                let asked = Move::read(ask.query.pairs()).map_err(refused)?;
                self.server.move_time(asked).await.map_err(refused)?;
            }
            _ => return Err(DistributionError::new(&UNSUPPORTED).into()),
        }
        self.time.settle().await;
        let Reading { now, rate, next } = self.time.reading();
        let next = next.map(|n| n.to_string());
        Ok(Reply::json(200, &json!({"now": now.to_string(), "rate": rate, "next": next})))
    }
}

fn refused(why: String) -> Reply {
    DistributionError::saying(&MOMENT_INVALID, why).into()
}
