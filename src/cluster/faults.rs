//! What fails in a cluster on purpose, and what happened there.

use super::{Cluster, Error};
use crate::object::{Value, json};
use crate::{object::read, run::trail};

impl Cluster {
    /// Lets requests, nodes, disks, pulls or containers fail by rule: YAML or JSON of `kind: Fault`, one rule or
    /// several documents. Answers their names.
    ///
    /// ```
    /// # fn main() -> Result<(), pocketshift::cluster::Error> {
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// let cluster = pocketshift::Cluster::start().await?;
    /// let rule = "{kind: Fault, spec: {match: {verbs: [create], resources: [configmaps]}, \
    ///              times: 1, effect: {status: 503}}}";
    /// let names = cluster.add_faults(rule).await?;
    /// // … what is tested meets it once …
    /// assert_eq!(cluster.faults()[0]["status"]["applied"], 0);
    /// cluster.remove_faults(&names).await?;
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Unclear`] for what is no rule; then none was added.
    pub async fn add_faults(&self, rules: &str) -> Result<Vec<String>, Error> {
        let all = read::yaml_documents(rules).map_err(|e| Error::Unclear(e.to_string()))?;
        let all: Vec<_> = all.into_iter().filter(|one| !one.is_null()).collect();
        let added = self.inside.registries.add_faults(&json!({"items": all})).await;
        let added = added.map_err(|complaint| Error::Unclear(complaint.message))?;
        let name = |rule: &Value| rule["metadata"]["name"].as_str().map(str::to_owned);
        Ok(added.iter().filter_map(name).collect())
    }

    /// The rules, each with how often it has matched and was applied.
    pub fn faults(&self) -> Vec<serde_json::Value> {
        self.inside.registries.all_faults().into_iter().map(serde_json::Value::from).collect()
    }

    /// Takes away the rules of these names.
    ///
    /// # Errors
    /// [`Error::Unclear`] when there is none of a name; those before it are gone.
    pub async fn remove_faults(&self, names: &[String]) -> Result<(), Error> {
        for name in names {
            let gone = self.inside.registries.remove_faults(Some(name)).await;
            gone.map_err(|complaint| Error::Unclear(complaint.message))?;
        }
        Ok(())
    }

    /// What happened, by whom and because of what, as far back as it is known: what a test that fails
    /// should tell.
    pub fn trail(&self) -> String {
        self.told("")
    }

    /// What happened since a moment (RFC 3339) or a resourceVersion.
    ///
    /// # Errors
    /// [`Error::Unclear`] for what is neither, or is too long ago.
    pub fn trail_since(&self, since: &str) -> Result<String, Error> {
        let told = self.inside.registries.happened(since, false);
        told.map(|told| trail::shown(&told)).map_err(Error::Unclear)
    }

    fn told(&self, since: &str) -> String {
        self.trail_since(since).unwrap_or_else(|why| why.to_string())
    }
}
