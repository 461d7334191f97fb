//! The clusters of the process at the word of the first one's administrator. What is asked is read
//! here; who runs them answers.

use super::{Registries, ask::RegistryRequest, reply::Reply, uploads::Incoming};
use crate::{catalog::complaint::*, object::Value, world::BoxFuture};
use bytes::BytesMut;
use futures_util::StreamExt;

/// Where they are.
const PATH: &str = "/clusters";
/// Most bytes of what describes a cluster.
const LARGEST: usize = 4 << 20;

/// What is asked of them.
#[derive(Debug)]
pub struct Order {
    /// As in HTTP.
    pub method: String,
    /// The parts of the path behind `/clusters`.
    pub path: Vec<String>,
    /// Names and values of the query.
    pub query: Vec<(String, String)>,
    /// What was sent, if anything was.
    pub body: Value,
}

/// Who runs clusters.
pub trait Clusters: Send + Sync {
    /// Does what is asked.
    ///
    /// # Errors
    /// Why it was not done; then nothing has changed.
    fn order(&self, order: Order) -> BoxFuture<Result<Value, DistributionError>>;
}

/// What follows `/clusters` in a path.
pub(super) fn rest(path: &str) -> Option<&str> {
    let rest = path.strip_prefix(PATH)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

impl Registries {
    pub(super) async fn clusters(
        &self,
        ask: &RegistryRequest,
        rest: &str,
        body: Incoming,
    ) -> Result<Reply, Reply> {
        let Some(host) = self.host.as_ref().and_then(std::sync::Weak::upgrade) else {
            return Ok(Reply::no_path());
        };
        self.administrator(ask)?;
        let order = Order {
            method: ask.method.clone(),
            path: rest.split('/').skip(1).filter(|p| !p.is_empty()).map(str::to_owned).collect(),
            query: ask.query.pairs().to_vec(),
            body: read(body).await.map_err(|why| {
                Reply::from(DistributionError::saying(&CLUSTER_INVALID, format!("the body {why}")))
            })?,
        };
        let created = order.method == "POST" && order.path.len() == 1;
        let answer = host.order(order).await.map_err(Reply::from)?;
        Ok(Reply::json(if created { 201 } else { 200 }, &answer))
    }
}

async fn read(mut body: Incoming) -> Result<Value, String> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|e| format!("broke off: {e}"))?;
        if bytes.len() + chunk.len() > LARGEST {
            return Err(format!("has more than {LARGEST} bytes"));
        }
        bytes.extend_from_slice(&chunk);
    }
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&bytes).map_err(|e| format!("is no JSON: {e}"))
}
