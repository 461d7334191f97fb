//! Going back to an earlier revision because an annotation asks for it, as clients of old API
//! versions do. Source: `pkg/controller/deployment`, `rollback`.

use super::super::Write;
use super::replica_sets::revision_of;
use super::revision::{OWN, ROLLBACK_TO};
use super::{DEPLOYMENTS, DeploymentSync, hash};
use crate::object::{ObjectExt, Value};

impl DeploymentSync<'_> {
    /// Takes the template of the revision asked for (0 means the one before), once.
    pub(super) fn roll_back(&mut self) {
        self.sync_revision();
        if self.new.is_none() && !self.create_new() {
            return;
        }
        let asked = self.deployment.annotation(ROLLBACK_TO).and_then(|r| r.parse::<i64>().ok());
        let wanted = match asked.unwrap_or(0) {
            0 => self.last_revision(),
            n => Some(n),
        };
        let Some(wanted) = wanted else {
            return self.refuse("Unable to find last revision.");
        };
        let found = self.all().find(|rs| revision_of(rs) == Some(wanted)).cloned();
        match found {
            Some(rs) => self.take_over(&rs, wanted),
            None => self.refuse("Unable to find the revision to rollback to."),
        }
    }

    /// The second highest revision.
    fn last_revision(&self) -> Option<i64> {
        let mut revisions: Vec<i64> = self.all().filter_map(revision_of).collect();
        revisions.sort_unstable();
        revisions.iter().rev().nth(1).copied().filter(|r| *r > 0)
    }

    fn refuse(&mut self, why: &str) {
        self.plan.event(&self.deployment, true, "DeploymentRollbackRevisionNotFound", why);
        self.write_without_request();
    }

    fn take_over(&mut self, rs: &Value, revision: i64) {
        let mut template = rs.at("spec.template").cloned().unwrap_or_default();
        let name = self.deployment.name().to_owned();
        if hash::equal(&template, &self.deployment["spec"]["template"]) {
            let text = format!(
                "The rollback revision contains the same template as current deployment {name:?}"
            );
            self.plan.event(&self.deployment, true, "DeploymentRollbackTemplateUnchanged", text);
            return self.write_without_request();
        }
        if let Some(labels) = template["metadata"]["labels"].as_object_mut() {
            labels.remove(hash::LABEL);
        }
        self.deployment.set_at("spec.template", template);
        self.take_annotations(rs);
        let text = format!("Rolled back deployment {name:?} to revision {revision}");
        self.plan.event(&self.deployment, false, "DeploymentRollback", text);
        self.write_without_request();
    }

    /// The ReplicaSet's annotations, and the Deployment's own ones.
    fn take_annotations(&mut self, rs: &Value) {
        let of = |o: &Value| o.map_at("metadata.annotations").cloned().unwrap_or_default();
        let mut annotations = of(&self.deployment);
        annotations.retain(|k, _| OWN.contains(&k.as_str()));
        annotations.extend(of(rs).into_iter().filter(|(k, _)| !OWN.contains(&k.as_str())));
        self.deployment.set_at("metadata.annotations", annotations);
    }

    fn write_without_request(&mut self) {
        if let Some(annotations) = self.deployment["metadata"]["annotations"].as_object_mut() {
            annotations.remove(ROLLBACK_TO);
        }
        let body = self.deployment.clone();
        self.plan.write(Write::update(DEPLOYMENTS, body));
    }
}
