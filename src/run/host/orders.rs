//! What the first cluster's administrator asks of the host over HTTP.
//!
//! | | |
//! |---|---|
//! | `GET /clusters` | all clusters |
//! | `POST /clusters/NAME` | creates one as the body says ([`Spec`]); with `?from=OTHER` it is a fork |
//! | `GET /clusters/NAME` | its address and checkpoints |
//! | `GET /clusters/NAME/kubeconfig` | its administrator's kubeconfig, as creation answers it, too; with `?with=token` for clients that cannot read its key, with `?with=name` for the port of all clusters |
//! | `POST /clusters/NAME/reset` | puts it back to its start, with `?to=CHECKPOINT` to that |
//! | `POST`, `GET`, `DELETE /clusters/NAME/checkpoints/CHECKPOINT` | keeps it as it is now; tells since which revision; forgets that |
//! | `POST /clusters/NAME/manifests` | applies the manifests that the body, a JSON string, holds |
//! | `POST /clusters/NAME/settled` | answers when it has done all there is to do now |
//! | `DELETE /clusters/NAME` | ends it |

use super::{
    super::{kubeconfig, manifests},
    Facts, Host, Spec, invalid,
};
use crate::{
    catalog::complaint::*,
    object::{Value, json},
    registry::{Clusters, Order},
    world::BoxFuture,
};

impl Clusters for Host {
    fn order(&self, order: Order) -> BoxFuture<Result<Value, DistributionError>> {
        let me = self.me.upgrade();
        Box::pin(async move {
            let me = me
                .ok_or_else(|| DistributionError::saying(&UNAVAILABLE, "the server is stopping"))?;
            if let Some(replica) = me.replica()
                && let Some(done) = replica.see_to(&order).await
            {
                return done;
            }
            me.on_thread(move |host| Box::pin(async move { host.carry_out(order).await })).await?
        })
    }
}

impl Host {
    pub(super) async fn carry_out(&self, order: Order) -> Result<Value, DistributionError> {
        let path: Vec<&str> = order.path.iter().map(String::as_str).collect();
        let parameter = |name: &str| -> Result<Option<&str>, DistributionError> {
            match order.query.as_slice() {
                [] => Ok(None),
                [(key, value)] if key == name => Ok(Some(value)),
                _ => Err(invalid(format!("the only parameter is {name}"))),
            }
        };
        match (order.method.as_str(), path.as_slice()) {
            ("GET", []) => Ok(json!({ "clusters": self.listed() })),
            ("POST", [name]) => {
                let facts = match parameter("from")? {
                    Some(_) if !order.body.is_null() => {
                        return Err(invalid("a fork has the settings of its original"));
                    }
                    Some(from) => self.fork(from, name).await?,
                    None => self.create(name, &spec(&order.body)?).await?,
                };
                Ok(opened(name, &facts))
            }
            ("POST", [name, "manifests"]) => {
                let server = self.inside(name)?.server;
                let text = order.body.as_str().ok_or_else(|| invalid("the body is no text"))?;
                manifests::apply(&server, text).await.map_err(|why| invalid(why.to_string()))?;
                Ok(json!({"name": name}))
            }
            ("POST", [name, "settled"]) => {
                self.inside(name)?.settled().await;
                Ok(json!({"name": name}))
            }
            ("GET", [name]) => {
                let (facts, checkpoints) = self.look(name)?;
                let mut shown = shown(name, &facts);
                shown["checkpoints"] = json!(checkpoints);
                Ok(shown)
            }
            ("GET", [name, "kubeconfig"]) => {
                let facts = self.look(name)?.0;
                let mut opened = opened(name, &facts);
                if let Some(with) = parameter("with")? {
                    opened["kubeconfig"] = self.kubeconfig(name, &facts, with)?.into();
                }
                Ok(opened)
            }
            ("POST", [name, "reset"]) => {
                self.reset(name, parameter("to")?).await?;
                Ok(json!({"name": name}))
            }
            (method, [name, "checkpoints", checkpoint]) => {
                self.at_checkpoint(method, name, checkpoint).await
            }
            ("DELETE", [name]) => {
                self.delete(name).await?;
                Ok(json!({"name": name}))
            }
            _ => Err(DistributionError::new(&UNSUPPORTED)),
        }
    }
}

impl Host {
    /// All clusters here, as they are told of.
    pub(in crate::run) fn listed(&self) -> Vec<Value> {
        let all = self.list().into_iter().map(|(name, facts)| shown(&name, &facts));
        all.chain(self.unopened()).collect()
    }

    /// Keeps a checkpoint, tells the revision since which it holds, or forgets it.
    async fn at_checkpoint(
        &self,
        method: &str,
        name: &str,
        checkpoint: &str,
    ) -> Result<Value, DistributionError> {
        match method {
            "POST" => self.checkpoint(name, checkpoint).await?,
            "DELETE" => self.forget_checkpoint(name, checkpoint)?,
            "GET" => {
                let since = self.since(name, checkpoint)?;
                return Ok(json!({"name": name, "checkpoint": checkpoint, "revision": since}));
            }
            _ => return Err(DistributionError::new(&UNSUPPORTED)),
        }
        Ok(json!({"name": name, "checkpoint": checkpoint}))
    }

    /// A cluster's kubeconfig in another form.
    fn kubeconfig(
        &self,
        name: &str,
        facts: &Facts,
        with: &str,
    ) -> Result<String, DistributionError> {
        let text = match with {
            "token" => kubeconfig::with_token(&facts.kubeconfig, &facts.token)
                .ok_or_else(|| invalid("it has no token"))?,
            "name" => {
                let none = || invalid("the clusters have no port in common: serve --clusters-port");
                let (at, name) = self.named(name, facts).ok_or_else(none)?;
                kubeconfig::with_name(&facts.kubeconfig, at, &name)
                    .ok_or_else(|| invalid("it has no cluster"))?
            }
            other => return Err(invalid(format!("with={other:?}: must be token or name"))),
        };
        Ok(text)
    }

    /// What is to be said of clusters that could not be opened.
    fn unopened(&self) -> Vec<Value> {
        let broken = self.broken.lock();
        broken.iter().map(|(name, why)| json!({"name": name, "broken": why})).collect()
    }
}

fn spec(body: &Value) -> Result<Spec, DistributionError> {
    match body {
        Value::Null => Ok(Spec::default()),
        body => crate::object::from_value(body.clone()).map_err(|e| invalid(e.to_string())),
    }
}

/// What opens a cluster.
fn opened(name: &str, facts: &Facts) -> Value {
    let mut shown = shown(name, facts);
    shown["kubeconfig"] = facts.kubeconfig.to_string().into();
    shown["kubeadminPassword"] = facts.kubeadmin_password.as_str().into();
    shown
}

fn shown(name: &str, facts: &Facts) -> Value {
    json!({"name": name, "url": facts.url, "registry": facts.registry})
}
