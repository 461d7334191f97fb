//! What the first cluster's administrator asks of the host over HTTP.
//!
//! | | |
//! |---|---|
//! | `GET /clusters` | all clusters |
//! | `POST /clusters/NAME` | creates one as the body says ([`Spec`]); with `?from=OTHER` it is a fork |
//! | `GET /clusters/NAME` | its address and checkpoints |
//! | `GET /clusters/NAME/kubeconfig` | its administrator's kubeconfig |
//! | `POST /clusters/NAME/reset` | puts it back to its start, with `?to=CHECKPOINT` to that |
//! | `POST`, `DELETE /clusters/NAME/checkpoints/CHECKPOINT` | keeps it as it is now; forgets that |
//! | `DELETE /clusters/NAME` | ends it |

use super::{Facts, Host, Spec, invalid};
use crate::{
    catalog::complaint::*,
    object::{Value, json},
    registry::{Clusters, Order},
    world::BoxFuture,
};
use tokio::sync::oneshot;

impl Clusters for Host {
    fn order(&self, order: Order) -> BoxFuture<Result<Value, DistributionError>> {
        let me = self.me.upgrade();
        Box::pin(async move {
            let gone = || DistributionError::saying(&UNAVAILABLE, "the server is stopping");
            let me = me.ok_or_else(gone)?;
            let pool = std::sync::Arc::clone(&me.shared()?.desk);
            let (answer, answered) = oneshot::channel();
            // On a thread where futures may stay; who goes away leaves the work undone.
            let working = pool.run(move || {
                Box::pin(async move {
                    // Nobody may be waiting any more.
                    let _ = answer.send(me.carry_out(order).await);
                })
            });
            let answer = answered.await.map_err(|_| gone())?;
            drop(working);
            answer
        })
    }
}

impl Host {
    async fn carry_out(&self, order: Order) -> Result<Value, DistributionError> {
        let path: Vec<&str> = order.path.iter().map(String::as_str).collect();
        let parameter = |name: &str| -> Result<Option<&str>, DistributionError> {
            match order.query.as_slice() {
                [] => Ok(None),
                [(key, value)] if key == name => Ok(Some(value)),
                _ => Err(invalid(format!("the only parameter is {name}"))),
            }
        };
        match (order.method.as_str(), path.as_slice()) {
            ("GET", []) => {
                let all: Vec<Value> =
                    self.list().into_iter().map(|(name, facts)| shown(&name, &facts)).collect();
                Ok(json!({ "clusters": all }))
            }
            ("POST", [name]) => {
                let facts = match parameter("from")? {
                    Some(_) if !order.body.is_null() => {
                        return Err(invalid("a fork has the settings of its original"));
                    }
                    Some(from) => self.fork(from, name).await?,
                    None => self.create(name, &spec(&order.body)?).await?,
                };
                Ok(shown(name, &facts))
            }
            ("GET", [name]) => {
                let (facts, checkpoints) = self.look(name)?;
                let mut shown = shown(name, &facts);
                shown["checkpoints"] = json!(checkpoints);
                Ok(shown)
            }
            ("GET", [name, "kubeconfig"]) => {
                let (facts, _) = self.look(name)?;
                Ok(json!({"kubeconfig": facts.kubeconfig,
                    "kubeadminPassword": facts.kubeadmin_password}))
            }
            ("POST", [name, "reset"]) => {
                self.reset(name, parameter("to")?).await?;
                Ok(json!({"name": name}))
            }
            ("POST", [name, "checkpoints", checkpoint]) => {
                self.checkpoint(name, checkpoint).await?;
                Ok(json!({"name": name, "checkpoint": checkpoint}))
            }
            ("DELETE", [name, "checkpoints", checkpoint]) => {
                self.forget_checkpoint(name, checkpoint)?;
                Ok(json!({"name": name}))
            }
            ("DELETE", [name]) => {
                self.delete(name).await?;
                Ok(json!({"name": name}))
            }
            _ => Err(DistributionError::new(&UNSUPPORTED)),
        }
    }
}

fn spec(body: &Value) -> Result<Spec, DistributionError> {
    match body {
        Value::Null => Ok(Spec::default()),
        body => serde_json::from_value(body.clone()).map_err(|e| invalid(e.to_string())),
    }
}

fn shown(name: &str, facts: &Facts) -> Value {
    json!({"name": name, "url": facts.url, "registry": facts.registry})
}
