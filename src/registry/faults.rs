//! Faults by rule, at an administrator's word: added, listed, taken away.

use super::{Registries, ask::RegistryRequest, reply::Reply, uploads::Incoming};
use crate::{
    catalog::complaint::*,
    faults::{RESOURCE, Rule},
    object::{ObjectExt, Value, json, name},
    store::{Expect, Op},
};

/// Where the rules are.
pub(super) const PATH: &str = "/faults";

/// Most rules.
const MOST: usize = 200;
/// Characters behind `fault-` in the name of a rule that says none.
const SUFFIX: usize = 5;

impl Registries {
    /// GET lists the rules, POST adds those of the body (a rule, or `{"items": […]}`), all or none;
    /// DELETE takes away the one named behind the path, or all.
    pub(super) async fn faults(
        &self,
        ask: &RegistryRequest,
        body: Incoming,
    ) -> Result<Reply, Reply> {
        self.administrator(ask)?;
        let named = ask.path[PATH.len()..].trim_start_matches('/');
        match (ask.method.as_str(), named) {
            ("GET", "") => {}
            ("POST", "") => {
                let caller = self.caller(ask)?;
                let sent = self.collect(&caller.name, body).await?;
                let sent: Value = serde_json::from_slice(&sent)
                    .map_err(|e| refused(format!("the body is no JSON: {e}")))?;
                let items = self.add_faults(&sent).await?;
                return Ok(Reply::json(201, &json!({"items": items})));
            }
            ("DELETE", named) => {
                let named = Some(named).filter(|named| !named.is_empty());
                let removed = self.remove_faults(named).await?;
                return Ok(Reply::json(200, &json!({"removed": removed})));
            }
            _ => return Err(DistributionError::new(&UNSUPPORTED).into()),
        }
        Ok(Reply::json(200, &json!({"items": self.all_faults()})))
    }

    /// The rules, each with what it has counted.
    pub fn all_faults(&self) -> Vec<Value> {
        self.server.faults.told(&self.server.store.snapshot())
    }

    /// Adds rules (one, or `{"items": […]}`), all or none; answers them as they hold.
    ///
    /// # Errors
    /// What is wrong with one of them.
    pub async fn add_faults(&self, sent: &Value) -> Result<Vec<Value>, DistributionError> {
        let rules = self.rules(sent).map_err(|why| complaint(&why))?;
        for rule in &rules {
            self.note(RESOURCE, &rule.name, rule.object()).await?;
        }
        Ok(rules.iter().map(Rule::object).collect())
    }

    /// Takes away the rule of a name, or all; answers their names.
    ///
    /// # Errors
    /// There is none of that name.
    pub async fn remove_faults(
        &self,
        named: Option<&str>,
    ) -> Result<Vec<String>, DistributionError> {
        let snapshot = self.server.store.snapshot();
        let all = snapshot.list(RESOURCE, "").map(|e| e.meta.name.to_string());
        let doomed: Vec<String> = all.filter(|n| named.is_none_or(|named| n == named)).collect();
        if let (Some(named), true) = (named, doomed.is_empty()) {
            let why = format!("fault {named:?} not found");
            return Err(DistributionError::saying(&NAME_UNKNOWN, why));
        }
        for name in &doomed {
            self.forget(name).await;
        }
        Ok(doomed)
    }

    /// The rules that were sent, each with a name and an end.
    fn rules(&self, sent: &Value) -> Result<Vec<Rule>, String> {
        let list = sent.get("items").and_then(Value::as_array);
        let sent = list.map_or(std::slice::from_ref(sent), Vec::as_slice);
        if sent.is_empty() {
            return Err("there is no rule".into());
        }
        let snapshot = self.server.store.snapshot();
        if sent.len() + snapshot.count(RESOURCE) > MOST {
            return Err(format!("there can be no more than {MOST} rules"));
        }
        let world = &self.server.world;
        let mut rules = Vec::new();
        for object in sent {
            let of = |why: String| match object.name() {
                "" => why,
                name => format!("fault {name:?}: {why}"),
            };
            let mut rule = Rule::read(object).map_err(of)?;
            if rule.name.is_empty() {
                rule.name = format!("fault-{}", world.entropy.suffix(SUFFIX));
            }
            rule.spec.settle(world.clock.now());
            rules.push(rule);
        }
        Ok(rules)
    }

    async fn forget(&self, named: &str) {
        let (resource, key) = (RESOURCE.into(), name::key("", named).into());
        let op = Op::Delete { resource, key, expect: Expect::Present, last: None };
        if let Err(error) = self.server.store.commit(vec![op]).await {
            // Somebody else was faster.
            tracing::debug!(%error, named, "a fault is gone already");
        }
    }
}

fn complaint(why: &str) -> DistributionError {
    DistributionError::saying(&FAULT_INVALID, why)
}

pub(super) fn refused(why: String) -> Reply {
    complaint(&why).into()
}
